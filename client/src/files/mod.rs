//! Files on a server, by calls that look local: by the messages of slide 12, or by remote procedure call.
mod cache;
mod message;
mod rpc;

use sendrec_fileserver::{Attributes, Code, Entry};
use sendrec_names::NamesError;
use sendrec_trap::{CallError, SpawnError};

use crate::copy::{CopyError, Sink, Source, Watch};

pub use cache::{Cached, Validation};
pub use message::{Files, Server};
pub(crate) use message::{TRIES_MAX, call_error, check_answer};
pub use rpc::RpcFiles;

/// Why a call on a file failed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum FileError {
    /// The server answered: not done, and why.
    #[error("{0}")]
    Server(Code),
    /// No answer came, and why. Whether it was done is said where it is known.
    #[error("{server}: {error}")]
    Call {
        /// Who was asked: as was said, and where that was.
        server: String,
        /// What became of the call.
        error: CallError,
    },
    /// The remote procedure call brought no result.
    #[error("{server}: {error}")]
    Rpc {
        /// Who was asked: as was said, and where that was.
        server: String,
        /// What became of the call.
        error: sendrec_stubs::CallError,
    },
    /// The answer was none of a file server's.
    #[error("{server}: the answer is no file server's; is that the right address?")]
    NoFileServer {
        /// Who was asked: as was said, and where that was.
        server: String,
    },
    /// The server's name could not be looked up. Nothing was done.
    #[error(transparent)]
    Names(#[from] NamesError),
    /// No process could be made to ask with.
    #[error("cannot ask: {0}")]
    Spawn(#[from] SpawnError),
}

/// What can be done with the files of a server, whichever way it is asked.
pub trait FileClient {
    /// Who is asked, for a person to read.
    fn server(&self) -> String;

    /// Makes an empty file; it must not exist.
    fn create(&mut self, file: &[u8]) -> Result<(), FileError>;

    /// Removes a file.
    fn delete(&mut self, file: &[u8]) -> Result<(), FileError>;

    /// What is known of a file or directory.
    fn stat(&mut self, file: &[u8]) -> Result<Attributes, FileError>;

    /// The entries of a directory in the order of their names, as many as one answer has room for, from the first name
    /// behind `after` on. Empty when there are no more.
    fn list_some(&mut self, directory: &[u8], after: &[u8]) -> Result<Vec<Entry>, FileError>;

    /// Gives a file or directory another name, replacing a file of that name in one step.
    fn rename(&mut self, from: &[u8], to: &[u8]) -> Result<(), FileError>;

    /// Makes a file so long, cutting it or filling it up with zeros.
    fn truncate(&mut self, file: &[u8], length: u64) -> Result<(), FileError>;

    /// Makes a directory.
    fn make_directory(&mut self, name: &[u8]) -> Result<(), FileError>;

    /// Removes an empty directory.
    fn remove_directory(&mut self, name: &[u8]) -> Result<(), FileError>;

    /// Writes all that comes into a file, from its beginning, and makes it as long as that; returns how much it was. `what`
    /// names the source in errors.
    fn write_all(
        &mut self,
        from: &mut dyn Source,
        what: &str,
        file: &[u8],
        watch: &mut Watch<'_>,
    ) -> Result<u64, CopyError>;

    /// Reads a file from `offset` on, `count` bytes or to its end; returns how much there was. `what` names `to` in errors.
    fn read_all(
        &mut self,
        file: &[u8],
        offset: u64,
        count: Option<u64>,
        to: &mut dyn Sink,
        what: &str,
        watch: &mut Watch<'_>,
    ) -> Result<u64, CopyError>;
}
