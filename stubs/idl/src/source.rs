//! Where text came from: the files of a run, and places in them.
use std::ops::Range;

/// Number of a file within its run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct FileId(pub(crate) u32);

/// A place in a file: bytes `start` to `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Span {
    pub(crate) file: FileId,
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Span {
    /// From where this one begins to where `last`, in the same file, ends.
    pub(crate) fn to(self, last: Self) -> Self {
        if last.file == self.file && last.end >= self.start { Self { end: last.end, ..self } } else { self }
    }

    pub(crate) fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

#[derive(Debug)]
pub(crate) struct File {
    /// As messages name it.
    pub(crate) name: String,
    pub(crate) text: String,
}

/// The files of a run.
#[derive(Debug, Default)]
pub(crate) struct Sources(Vec<File>);

impl Sources {
    pub(crate) fn add(&mut self, name: String, text: String) -> FileId {
        self.0.push(File { name, text });
        FileId(self.0.len() as u32 - 1)
    }

    pub(crate) fn file(&self, id: FileId) -> &File {
        &self.0[id.0 as usize]
    }

    pub(crate) fn text(&self, span: Span) -> &str {
        self.file(span.file).text.get(span.range()).unwrap_or("")
    }

    /// The line in which a place begins, the first being 1.
    pub(crate) fn line(&self, span: Span) -> usize {
        let text = self.file(span.file).text.as_bytes();
        1 + text[..(span.start as usize).min(text.len())].iter().filter(|byte| **byte == b'\n').count()
    }
}
