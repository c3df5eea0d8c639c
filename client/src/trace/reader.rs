//! Reading a trace file, and saying precisely why it is none.
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use sendrec_core::trace::Event;

use super::{Header, Trace, VERSION};

/// A line longer than this is no event.
const LINE_BYTES_MAX: u64 = 1 << 20;

/// Why a file could not be read as a trace.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// The file cannot be read at all.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Nothing is in it.
    #[error("{}: the file is empty: its node never began to write", path.display())]
    Empty {
        /// Which.
        path: PathBuf,
    },
    /// The first line does not say that this is a trace.
    #[error("{}:1: not a trace file, as its first line is no header: {reason}", path.display())]
    Header {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A later program wrote it.
    #[error("{}:1: a trace of version {found}, but this program reads versions up to {VERSION}", path.display())]
    Version {
        /// Which.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
    /// A line is no event.
    #[error("{}:{line}: not a trace event: {reason}", path.display())]
    Line {
        /// In which file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
}

/// Reads a trace file. A last line that was cut off, as when its writer was killed, sets [`Trace::torn`]; any other
/// line that is no event is an error.
pub fn read(path: impl AsRef<Path>) -> Result<Trace, TraceError> {
    let path = path.as_ref();
    let file = |source| TraceError::File { path: path.to_owned(), source };
    let mut lines =
        Lines { input: BufReader::new(File::open(path).map_err(file)?), line: Vec::new(), number: 0 };

    if !lines.next().map_err(file)? {
        return Err(TraceError::Empty { path: path.to_owned() });
    }
    let header = parse_header(&lines.line, path)?;
    let mut trace = Trace { header, events: Vec::new(), torn: false };
    while lines.next().map_err(file)? {
        if lines.line.trim_ascii().is_empty() {
            continue;
        }
        match serde_json::from_slice::<Event>(&lines.line) {
            Ok(event) => trace.events.push(event),
            Err(_) if !lines.is_whole() => trace.torn = true,
            Err(error) => {
                let reason = reason(&error);
                return Err(TraceError::Line { path: path.to_owned(), line: lines.number, reason });
            }
        }
    }
    Ok(trace)
}

struct Lines<R> {
    input: R,
    line: Vec<u8>,
    number: usize,
}

impl<R: BufRead> Lines<R> {
    /// Fetches the next line; false at the end.
    fn next(&mut self) -> io::Result<bool> {
        self.line.clear();
        self.number += 1;
        let read = io::Read::take(&mut self.input, LINE_BYTES_MAX).read_until(b'\n', &mut self.line)?;
        Ok(read > 0)
    }

    /// Whether the line was written to its end. One that is too long was, for what we care: it is an error.
    fn is_whole(&self) -> bool {
        self.line.ends_with(b"\n") || self.line.len() as u64 == LINE_BYTES_MAX
    }
}

fn parse_header(line: &[u8], path: &Path) -> Result<Header, TraceError> {
    #[derive(serde::Deserialize)]
    struct Version {
        #[serde(rename = "sendrec-trace")]
        version: u32,
    }
    let refuse =
        |error: serde_json::Error| TraceError::Header { path: path.to_owned(), reason: reason(&error) };
    // The version first: a later one may have another header.
    let Version { version } = serde_json::from_slice(line).map_err(refuse)?;
    if version > VERSION {
        return Err(TraceError::Version { path: path.to_owned(), found: version });
    }
    serde_json::from_slice(line).map_err(refuse)
}

/// The parser's words without its line number, which is always 1 here.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(" at line 1 column ") {
        Some((words, "0")) => words.to_owned(),
        Some((words, column)) => format!("{words} (column {column})"),
        None => text,
    }
}
