//! Files on a server, by calls that look local (slide 14).
use std::time::Duration;

use bytes::Bytes;
use sendrec_fileserver::{Attributes, Code, Entry, FIXED_BYTES, FileMessage, Opcode, decode_entries};
use sendrec_trap::{
    Address, CallError, From, Process, ReceiveError, SendFailure, SpawnError, SpawnOptions, Trap,
};

/// Why a call on a file failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// The server answered: not done, and why.
    #[error("{0}")]
    Server(Code),
    /// No answer came, and why. Whether it was done is said where it is known.
    #[error("{server}: {error}")]
    Call {
        /// Who was asked.
        server: Address,
        /// What became of the call.
        error: CallError,
    },
    /// The answer was none of a file server's.
    #[error("{server}: the answer is no file server's; is that the right address?")]
    NoFileServer {
        /// Who was asked.
        server: Address,
    },
    /// No process could be made to ask with.
    #[error("cannot ask: {0}")]
    Spawn(#[from] SpawnError),
}

/// A file server, as one process sees it.
#[derive(Debug)]
pub struct Files<'t, T: Trap + ?Sized> {
    gate: &'t T,
    me: Process<'t, T>,
    server: Address,
    timeout: Duration,
}

impl<'t, T: Trap + ?Sized> Files<'t, T> {
    /// The files of `server`, asked by a process of its own behind `gate`. Each call waits for `timeout` at most.
    pub fn new(gate: &'t T, server: Address, timeout: Duration) -> Result<Self, FileError> {
        let me = Process::spawn(gate, SpawnOptions::default())?;
        Ok(Self { gate, me, server, timeout })
    }

    /// Who is asked.
    pub const fn server(&self) -> Address {
        self.server
    }

    pub(crate) const fn process(&self) -> &Process<'t, T> {
        &self.me
    }

    pub(crate) const fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Bytes of data that one message about `file` has room for.
    pub fn data_bytes_max(&self, file: &[u8]) -> usize {
        self.gate.message_bytes_max().saturating_sub(FIXED_BYTES + file.len())
    }

    /// Slide 14: reads at most `nbytes` bytes of `file` from `position` on into `buf`; returns how many came, fewer
    /// at the end of the file or where a message has room for no more.
    pub fn read(
        &mut self,
        file: &[u8],
        position: u64,
        nbytes: usize,
        buf: &mut [u8],
    ) -> Result<usize, FileError> {
        let mut m1 = FileMessage::request(Opcode::Read, file);
        m1.offset = position;
        m1.count = u32::try_from(nbytes.min(buf.len())).unwrap_or(u32::MAX);
        self.send(&m1)?;
        let m1 = self.receive()?;
        let count = m1.data.len();
        buf.get_mut(..count)
            .ok_or(FileError::NoFileServer { server: self.server })?
            .copy_from_slice(&m1.data);
        Ok(count)
    }

    /// Writes `data` into `file` at `position`. It is no longer than [`Files::data_bytes_max`].
    pub fn write(&mut self, file: &[u8], position: u64, data: &[u8]) -> Result<(), FileError> {
        let mut m1 = FileMessage::request(Opcode::Write, file);
        m1.offset = position;
        m1.count = u32::try_from(data.len()).unwrap_or(u32::MAX);
        m1.data = Bytes::copy_from_slice(data);
        self.ask(&m1).map(drop)
    }

    /// Makes an empty file; it must not exist.
    pub fn create(&mut self, file: &[u8]) -> Result<(), FileError> {
        self.ask(&FileMessage::request(Opcode::Create, file)).map(drop)
    }

    /// Removes a file.
    pub fn delete(&mut self, file: &[u8]) -> Result<(), FileError> {
        self.ask(&FileMessage::request(Opcode::Delete, file)).map(drop)
    }

    /// What is known of a file or directory.
    pub fn stat(&mut self, file: &[u8]) -> Result<Attributes, FileError> {
        let mut m1 = self.ask(&FileMessage::request(Opcode::Stat, file))?;
        Attributes::decode(&mut m1.data).map_err(|_| FileError::NoFileServer { server: self.server })
    }

    /// The entries of a directory in the order of their names, as many as one message has room for, from the first
    /// name behind `after` on. Empty when there are no more.
    pub fn list_some(&mut self, directory: &[u8], after: &[u8]) -> Result<Vec<Entry>, FileError> {
        let mut m1 = FileMessage::request(Opcode::List, directory);
        m1.count = u32::MAX;
        m1.data = Bytes::copy_from_slice(after);
        let m1 = self.ask(&m1)?;
        decode_entries(m1.data).map_err(|_| FileError::NoFileServer { server: self.server })
    }

    /// Gives a file or directory another name, replacing a file of that name in one step.
    pub fn rename(&mut self, from: &[u8], to: &[u8]) -> Result<(), FileError> {
        let mut m1 = FileMessage::request(Opcode::Rename, from);
        m1.data = Bytes::copy_from_slice(to);
        self.ask(&m1).map(drop)
    }

    /// Makes a file so long, cutting it or filling it up with zeros.
    pub fn truncate(&mut self, file: &[u8], length: u64) -> Result<(), FileError> {
        let mut m1 = FileMessage::request(Opcode::Truncate, file);
        m1.offset = length;
        self.ask(&m1).map(drop)
    }

    /// Makes a directory.
    pub fn make_directory(&mut self, name: &[u8]) -> Result<(), FileError> {
        self.ask(&FileMessage::request(Opcode::MakeDirectory, name)).map(drop)
    }

    /// Removes an empty directory.
    pub fn remove_directory(&mut self, name: &[u8]) -> Result<(), FileError> {
        self.ask(&FileMessage::request(Opcode::RemoveDirectory, name)).map(drop)
    }

    fn ask(&mut self, m1: &FileMessage) -> Result<FileMessage, FileError> {
        self.send(m1)?;
        self.receive()
    }

    /// `send(FILE_SERVER, &m1)`
    fn send(&mut self, m1: &FileMessage) -> Result<(), FileError> {
        let mut how = self.me.how();
        how.timeout = Some(self.timeout);
        let sent = self.me.send_with(self.server, m1.encode(), how);
        sent.map_err(|error| self.failed(call_error(error.failure)))
    }

    /// `receive(CLIENT, &m1)`, and `if (m1.result == OK)`
    fn receive(&mut self) -> Result<FileMessage, FileError> {
        match self.me.receive_within(From::One(self.server), self.timeout) {
            Ok(received) => check_answer(received.message, self.server),
            Err(ReceiveError::RequestFailed { error, .. }) => Err(self.failed(error)),
            Err(ReceiveError::TimedOut) => Err(self.failed(CallError::TimedOut)),
            Err(ReceiveError::Cancelled | ReceiveError::NoProcess) => Err(self.failed(CallError::Cancelled)),
            Err(_) => Err(self.failed(CallError::Down)),
        }
    }

    /// A call has failed. Its answer may come yet, and must not be taken for that of the next one: a new process, with
    /// a mailbox of its own, makes that.
    fn failed(&mut self, error: CallError) -> FileError {
        if let Ok(fresh) = Process::spawn(self.gate, SpawnOptions::default()) {
            self.me = fresh;
        }
        FileError::Call { server: self.server, error }
    }
}

/// The answer in `message`, if it says that all went well.
pub(crate) fn check_answer(message: Bytes, server: Address) -> Result<FileMessage, FileError> {
    let answer = FileMessage::decode(message).map_err(|_| FileError::NoFileServer { server })?;
    match answer.code() {
        Code::OK => Ok(answer),
        code => Err(FileError::Server(code)),
    }
}

pub(crate) fn call_error(failure: SendFailure) -> CallError {
    match failure {
        SendFailure::Request(error) => error,
        // Requests are all that is sent here.
        SendFailure::Reply(_) => CallError::Down,
    }
}
