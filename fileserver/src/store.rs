//! What a file server needs of the place where its files are.
use crate::message::Code;
use crate::name::Name;

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum FileKind {
    /// A file.
    File = 1,
    /// A directory.
    Directory = 2,
    /// Something else, such as a symbolic link that leads nowhere.
    Other = 3,
}

/// What is known of a file or directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attributes {
    /// Which of the two.
    pub kind: FileKind,
    /// Bytes, of a file.
    pub size: u64,
    /// Seconds since 1970 of the last change.
    pub modified: i64,
}

/// An entry of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name, without the directory's.
    pub name: Vec<u8>,
    /// What it is.
    pub attributes: Attributes,
}

/// What a read has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filled {
    /// So many bytes of the file are in the buffer, or are zeros.
    pub count: usize,
    /// Whether all of them are zeros that the file does not store, and the buffer is as it was.
    pub is_hole: bool,
}

impl Filled {
    /// So many bytes are in the buffer.
    pub const fn with(count: usize) -> Self {
        Self { count, is_hole: false }
    }
}

/// A place for files. Several threads use it at once.
pub trait Store: Send + Sync {
    /// Makes an empty file; [`Code::E_EXISTS`] if there is one.
    fn create(&self, name: Name<'_>) -> Result<(), Code>;
    /// Fills `buffer` from `offset` on; returns how much of it, less than all only at the end of the file. That is the
    /// end seen when it is read: a file may grow and shrink meanwhile.
    fn read(&self, name: Name<'_>, offset: u64, buffer: &mut [u8]) -> Result<Filled, Code>;
    /// Writes all of `data` at `offset`.
    fn write(&self, name: Name<'_>, offset: u64, data: &[u8]) -> Result<(), Code>;
    /// Removes a file.
    fn delete(&self, name: Name<'_>) -> Result<(), Code>;
    /// Attributes; a symbolic link's are those of what it leads to.
    fn stat(&self, name: Name<'_>) -> Result<Attributes, Code>;
    /// The entries of a directory whose names come behind `after`, in order, `count` at most.
    fn list(&self, name: Name<'_>, after: &[u8], count: usize) -> Result<Vec<Entry>, Code>;
    /// Gives it another name, replacing a file of that name in one step.
    fn rename(&self, from: Name<'_>, to: Name<'_>) -> Result<(), Code>;
    /// Cuts a file, or fills it up with zeros.
    fn truncate(&self, name: Name<'_>, length: u64) -> Result<(), Code>;
    /// Makes a directory.
    fn make_directory(&self, name: Name<'_>) -> Result<(), Code>;
    /// Removes an empty directory.
    fn remove_directory(&self, name: Name<'_>) -> Result<(), Code>;
    /// A number that is another one after each change of a file, as far as the store can tell: [`crate::Versioned`] can tell
    /// them all that were made through it.
    fn change(&self, name: Name<'_>) -> Result<u64, Code> {
        let Attributes { kind, size, modified } = self.stat(name)?;
        Ok(mix([kind as u64, size, modified as u64]))
    }
}

/// One number of several.
pub(crate) fn mix(numbers: impl IntoIterator<Item = u64>) -> u64 {
    numbers.into_iter().fold(0x9e37_79b9_7f4a_7c15, |mixed, number| {
        let mixed = (mixed ^ number).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed ^ (mixed >> 29)
    })
}

/// A store that is looked at and not changed.
#[derive(Debug)]
pub struct ReadOnly<S>(pub S);

impl<S: Store> Store for ReadOnly<S> {
    fn create(&self, _: Name<'_>) -> Result<(), Code> {
        Err(Code::E_READ_ONLY)
    }

    fn read(&self, name: Name<'_>, offset: u64, buffer: &mut [u8]) -> Result<Filled, Code> {
        self.0.read(name, offset, buffer)
    }

    fn write(&self, _: Name<'_>, _: u64, _: &[u8]) -> Result<(), Code> {
        Err(Code::E_READ_ONLY)
    }

    fn delete(&self, _: Name<'_>) -> Result<(), Code> {
        Err(Code::E_READ_ONLY)
    }

    fn stat(&self, name: Name<'_>) -> Result<Attributes, Code> {
        self.0.stat(name)
    }

    fn list(&self, name: Name<'_>, after: &[u8], count: usize) -> Result<Vec<Entry>, Code> {
        self.0.list(name, after, count)
    }

    fn rename(&self, _: Name<'_>, _: Name<'_>) -> Result<(), Code> {
        Err(Code::E_READ_ONLY)
    }

    fn truncate(&self, _: Name<'_>, _: u64) -> Result<(), Code> {
        Err(Code::E_READ_ONLY)
    }

    fn make_directory(&self, _: Name<'_>) -> Result<(), Code> {
        Err(Code::E_READ_ONLY)
    }

    fn remove_directory(&self, _: Name<'_>) -> Result<(), Code> {
        Err(Code::E_READ_ONLY)
    }

    fn change(&self, name: Name<'_>) -> Result<u64, Code> {
        self.0.change(name)
    }
}
