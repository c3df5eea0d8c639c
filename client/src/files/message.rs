//! Files by the messages of slide 12, with calls that look local (slide 14).
//!
//! The server may be named by its place, by its sparse id, or by a name (slides 15-16). The kernel follows a sparse id
//! that has moved; a name that has is looked up again here.
use std::cell::RefCell;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use sendrec_fileserver::{
    Attributes, Code, DATA_BYTES_MAX, Entry, FIXED_BYTES, FileMessage, Opcode, decode_entries,
};
use sendrec_names::{Name, Names, NamesError, Resolver};
use sendrec_trap::{
    Address, CallError, From, Process, ReceiveError, SendFailure, SparseId, SpawnOptions, Target, Trap,
};

use super::{FileClient, FileError};
use crate::copy::{self, CopyError, Sink, Source, Watch};

/// How often one request is sent, each time to where the server's name is then.
pub(crate) const TRIES_MAX: u32 = 4;

/// Which server is meant (slides 15-16).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Server {
    /// The one at this place or with this sparse id.
    Target(Target),
    /// Whoever has this name.
    Named {
        /// The name.
        name: Name,
        /// Who knows where that is.
        names: Names,
    },
}

impl std::convert::From<Address> for Server {
    fn from(address: Address) -> Self {
        Self::Target(address.into())
    }
}

impl std::convert::From<SparseId> for Server {
    fn from(sparse: SparseId) -> Self {
        Self::Target(sparse.into())
    }
}

impl std::convert::From<Target> for Server {
    fn from(target: Target) -> Self {
        Self::Target(target)
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Target(target) => target.fmt(f),
            Self::Named { name, .. } => name.fmt(f),
        }
    }
}

/// A file server, as one process sees it.
#[derive(Debug)]
pub struct Files<'t, T: Trap + ?Sized> {
    gate: &'t T,
    me: Process<'t, T>,
    server: Server,
    /// Where names are.
    resolver: Option<RefCell<Resolver>>,
    timeout: Duration,
}

impl<'t, T: Trap + ?Sized> Files<'t, T> {
    /// The files of `server`, asked by a process of its own behind `gate`. Each call waits for `timeout` at most.
    pub fn new(gate: &'t T, server: impl Into<Server>, timeout: Duration) -> Result<Self, FileError> {
        let me = Process::spawn(gate, SpawnOptions::default())?;
        let server = server.into();
        let resolver = match &server {
            Server::Target(_) => None,
            Server::Named { names, .. } => Some(RefCell::new(Resolver::new(*names))),
        };
        Ok(Self { gate, me, server, resolver, timeout })
    }

    /// Who is asked, for a person to read: as was said, and where that is if it is remembered.
    pub fn server(&self) -> String {
        match (&self.server, &self.resolver) {
            (Server::Named { name, .. }, Some(resolver)) => match resolver.borrow().remembered(name) {
                Some(place) => format!("{name} ({place})"),
                None => name.to_string(),
            },
            (server, _) => server.to_string(),
        }
    }

    /// Where requests go now.
    pub(crate) fn target(&self) -> Result<Target, FileError> {
        match (&self.server, &self.resolver) {
            (Server::Named { name, .. }, Some(resolver)) => {
                Ok(resolver.borrow_mut().place(&self.me, name)?)
            }
            (Server::Named { name, .. }, None) => Err(NamesError::NoServer { what: name.to_string() }.into()),
            (Server::Target(target), _) => Ok(*target),
        }
    }

    /// A request to `place` has failed. True if it may be sent again, to what [`Files::target`] says then: the server's
    /// name may be elsewhere by now. Sparse ids are followed by the kernel.
    pub(crate) fn may_follow(&self, place: Target, error: CallError) -> bool {
        match (&self.server, &self.resolver) {
            (Server::Named { name, .. }, Some(resolver)) => {
                resolver.borrow_mut().on_failed(name, place, error, self.me.how())
            }
            _ => false,
        }
    }

    /// A call to `place` has failed for good.
    pub(crate) fn call_failed(&self, place: Target, error: CallError) -> FileError {
        let server = match &self.server {
            Server::Named { name, .. } => format!("{name} ({place})"),
            Server::Target(target) => target.to_string(),
        };
        FileError::Call { server, error }
    }

    pub(crate) const fn process(&self) -> &Process<'t, T> {
        &self.me
    }

    pub(crate) const fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Bytes of data that one message about `file` is to have at most: [`DATA_BYTES_MAX`], or what there is room for.
    pub fn data_bytes_max(&self, file: &[u8]) -> usize {
        self.gate.message_bytes_max().saturating_sub(FIXED_BYTES + file.len()).min(DATA_BYTES_MAX)
    }

    /// Slide 14: reads at most `nbytes` bytes of `file` from `position` on into `buf`; returns how many came, fewer
    /// at the end of the file, and never more than [`Files::data_bytes_max`] says.
    pub fn read(
        &mut self,
        file: &[u8],
        position: u64,
        nbytes: usize,
        buf: &mut [u8],
    ) -> Result<usize, FileError> {
        let mut m1 = FileMessage::request(Opcode::Read, file);
        m1.offset = position;
        m1.count = nbytes.min(buf.len()).min(self.data_bytes_max(file)) as u32;
        let wanted = m1.count;
        let m1 = self.ask(&m1)?;
        let (count, there) = (m1.count as usize, m1.data.len());
        if m1.count > wanted || there > count {
            return Err(FileError::NoFileServer { server: self.server() });
        }
        buf[..there].copy_from_slice(&m1.data);
        // Zeros at the end need not come.
        buf[there..count].fill(0);
        Ok(count)
    }

    /// Writes `data` into `file` at `position`. It is no longer than [`Files::data_bytes_max`] says.
    pub fn write(&mut self, file: &[u8], position: u64, data: &[u8]) -> Result<(), FileError> {
        let mut m1 = FileMessage::request(Opcode::Write, file);
        m1.offset = position;
        m1.count = u32::try_from(data.len()).unwrap_or(u32::MAX);
        self.ask_with(&m1.encode_with(data).freeze()).map(drop)
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
        Attributes::decode(&mut m1.data).map_err(|_| FileError::NoFileServer { server: self.server() })
    }

    /// The entries of a directory in the order of their names, as many as one message has room for, from the first
    /// name behind `after` on. Empty when there are no more.
    pub fn list_some(&mut self, directory: &[u8], after: &[u8]) -> Result<Vec<Entry>, FileError> {
        let mut m1 = FileMessage::request(Opcode::List, directory);
        m1.count = u32::MAX;
        m1.data = Bytes::copy_from_slice(after);
        let m1 = self.ask(&m1)?;
        decode_entries(m1.data).map_err(|_| FileError::NoFileServer { server: self.server() })
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
        self.ask_with(&m1.encode().freeze())
    }

    /// A send and a receive; again where the server's name has moved.
    fn ask_with(&mut self, m1: &Bytes) -> Result<FileMessage, FileError> {
        let mut tries = 0;
        loop {
            tries += 1;
            let place = self.target()?;
            let error = match self.send(place, m1.clone()).and_then(|()| self.receive(place)) {
                Ok(answer) => return check_answer(answer, || self.server()),
                Err(error) => error,
            };
            self.begin_anew();
            if !self.may_follow(place, error) || tries >= TRIES_MAX {
                return Err(self.call_failed(place, error));
            }
        }
    }

    /// `send(FILE_SERVER, &m1)`
    fn send(&self, place: Target, m1: Bytes) -> Result<(), CallError> {
        let mut how = self.me.how();
        how.timeout = Some(self.timeout);
        self.me.send_with(place, m1, how).map_err(|error| call_error(error.failure))
    }

    /// `receive(CLIENT, &m1)`
    fn receive(&self, place: Target) -> Result<Bytes, CallError> {
        let from = match place {
            Target::Place(address) => From::One(address),
            // Wherever it is. This process asks nobody else.
            Target::Sparse(_) => From::Any,
        };
        let deadline = self.gate.now() + self.timeout;
        loop {
            let left = deadline.since(self.gate.now());
            match self.me.receive_within(from, left) {
                Ok(received) if received.source.is_reply() => return Ok(received.message),
                // Nobody was asked to send this.
                Ok(_) => {}
                Err(ReceiveError::RequestFailed { error, .. }) => return Err(error),
                Err(ReceiveError::TimedOut) => return Err(CallError::TimedOut),
                Err(ReceiveError::Cancelled | ReceiveError::NoProcess) => return Err(CallError::Cancelled),
                Err(_) => return Err(CallError::Down),
            }
        }
    }

    /// A call has failed. Its answer may come yet, and must not be taken for that of the next one: a new process, with
    /// a mailbox of its own, makes that.
    fn begin_anew(&mut self) {
        if let Ok(fresh) = Process::spawn(self.gate, SpawnOptions::default()) {
            self.me = fresh;
        }
    }
}

impl<T: Trap + ?Sized> FileClient for Files<'_, T> {
    fn server(&self) -> String {
        Files::server(self)
    }

    fn create(&mut self, file: &[u8]) -> Result<(), FileError> {
        Files::create(self, file)
    }

    fn delete(&mut self, file: &[u8]) -> Result<(), FileError> {
        Files::delete(self, file)
    }

    fn stat(&mut self, file: &[u8]) -> Result<Attributes, FileError> {
        Files::stat(self, file)
    }

    fn list_some(&mut self, directory: &[u8], after: &[u8]) -> Result<Vec<Entry>, FileError> {
        Files::list_some(self, directory, after)
    }

    fn rename(&mut self, from: &[u8], to: &[u8]) -> Result<(), FileError> {
        Files::rename(self, from, to)
    }

    fn truncate(&mut self, file: &[u8], length: u64) -> Result<(), FileError> {
        Files::truncate(self, file, length)
    }

    fn make_directory(&mut self, name: &[u8]) -> Result<(), FileError> {
        Files::make_directory(self, name)
    }

    fn remove_directory(&mut self, name: &[u8]) -> Result<(), FileError> {
        Files::remove_directory(self, name)
    }

    fn write_all(
        &mut self,
        from: &mut dyn Source,
        what: &str,
        file: &[u8],
        watch: &mut Watch<'_>,
    ) -> Result<u64, CopyError> {
        copy::write_all(self, from, what, file, watch)
    }

    fn read_all(
        &mut self,
        file: &[u8],
        offset: u64,
        count: Option<u64>,
        to: &mut dyn Sink,
        what: &str,
        watch: &mut Watch<'_>,
    ) -> Result<u64, CopyError> {
        copy::read_all(self, file, offset, count, to, what, watch)
    }
}

/// The answer in `message`, if it says that all went well.
pub(crate) fn check_answer(
    message: Bytes,
    server: impl FnOnce() -> String,
) -> Result<FileMessage, FileError> {
    let answer = FileMessage::decode(message).ok().filter(FileMessage::is_answer);
    let answer = answer.ok_or_else(|| FileError::NoFileServer { server: server() })?;
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
