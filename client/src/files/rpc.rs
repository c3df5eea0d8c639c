//! Files by remote procedure call: `file.x`, through its generated stubs.
use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use sendrec_fileserver::rpc::file::{AppendResult, ReadResult, StatResult, Status, file_2};
use sendrec_fileserver::rpc::file::{ListResult, NAME_BYTES_MAX};
use sendrec_fileserver::{Attributes, Code, DATA_BYTES_MAX, Entry};
use sendrec_stubs::{CallError, CallOptions, ClientIdentity, Pending, Remote};
use sendrec_trap::{Target, Trap};

use super::{FileClient, FileError, Files, Server, TRIES_MAX};
use crate::copy::{CopyError, Sink, Source, Watch, data_runs};

/// Reads and writes under way at once, of a chunk each.
const AHEAD: usize = 8;
/// What a message has beside a chunk, bytes: the call's header, its credential, the name, lengths.
const BESIDE_BYTES: usize = 256 + NAME_BYTES_MAX as usize;

type Calls<'p, 't, T> = file_2::Client<Remote<'p, 't, T>>;

/// A file server that is called by its procedures, as one process sees it.
#[derive(Debug)]
pub struct RpcFiles<'t, T: Trap + ?Sized> {
    /// Who asks, and where.
    base: Files<'t, T>,
    /// Whose calls run exactly once, if they are to.
    identity: Option<ClientIdentity>,
}

impl<'t, T: Trap + ?Sized> RpcFiles<'t, T> {
    /// The files of `server`, as [`Files::new`] has them. What harms if it is done twice is done at most once.
    pub fn new(gate: &'t T, server: impl Into<Server>, timeout: Duration) -> Result<Self, FileError> {
        Ok(Self { base: Files::new(gate, server, timeout)?, identity: None })
    }

    /// With what harms if it is done twice done exactly once, though the server crashes. `client` is nobody else's number.
    #[must_use]
    pub fn exactly_once(self, client: u128) -> Self {
        Self { identity: Some(ClientIdentity::new(client)), ..self }
    }

    fn client(&self, place: Target) -> Calls<'_, 't, T> {
        let options = CallOptions { timeout: self.base.timeout(), ..CallOptions::default() };
        let remote = Remote::new(self.base.process(), place).with(options);
        file_2::Client::new(match &self.identity {
            Some(identity) => remote.exactly_once(identity),
            None => remote,
        })
    }

    fn failed(&self, place: Target, error: CallError) -> FileError {
        match error {
            CallError::Kernel { error, .. } => self.base.call_failed(place, error),
            error => FileError::Rpc { server: self.base.server(), error },
        }
    }

    /// Calls a procedure; again where the server's name has moved.
    fn call<R>(&self, call: impl Fn(&Calls<'_, 't, T>) -> Result<R, CallError>) -> Result<R, FileError> {
        let mut tries = 0;
        loop {
            tries += 1;
            let place = self.base.target()?;
            let error = match call(&self.client(place)) {
                Ok(result) => return Ok(result),
                Err(error) => error,
            };
            let moved = match &error {
                // Elsewhere it would be another call: what ran here already would run again.
                CallError::Kernel { .. } if self.identity.is_some() => false,
                CallError::Kernel { error, .. } => self.base.may_follow(place, *error),
                _ => false,
            };
            if !moved || tries >= TRIES_MAX {
                return Err(self.failed(place, error));
            }
        }
    }

    /// Writes at the end of a file, wherever that is; returns where.
    pub fn append(&self, file: &[u8], data: &[u8]) -> Result<u64, FileError> {
        match self.call(|client| client.file_append(file, data))? {
            AppendResult::Done(offset) => Ok(offset),
            AppendResult::Default(status) => Err(FileError::Server(status.into())),
        }
    }

    /// What is known of a file or directory, and a number that is another one after each change.
    pub fn stat_change(&self, file: &[u8]) -> Result<(Attributes, u64), FileError> {
        match self.call(|client| client.file_stat(file))? {
            StatResult::Done(attributes) => {
                let change = attributes.change;
                Ok((attributes.into(), change))
            }
            StatResult::Default(status) => Err(FileError::Server(status.into())),
        }
    }

    /// Reads at most `count` bytes from `offset` on; less, but at the file's end, than one message has room for. They share the
    /// message's memory.
    pub fn read(&self, file: &[u8], offset: u64, count: usize) -> Result<Bytes, FileError> {
        let count = count.min(self.chunk_bytes()) as u32;
        read_result(self.call(|client| client.file_read(file, offset, count))?)
    }

    /// Writes `data`, no more than one message has room for, at `offset`.
    pub fn write(&self, file: &[u8], offset: u64, data: &[u8]) -> Result<(), FileError> {
        done(self.call(|client| client.file_write(file, offset, data))?)
    }

    fn chunk_bytes(&self) -> usize {
        let room = self.base.process().gate().message_bytes_max().saturating_sub(BESIDE_BYTES);
        room.clamp(1, DATA_BYTES_MAX)
    }

    /// Waits for the first of what is under way.
    fn first<R>(&self, place: Target, pending: Pending<'_, 't, T, R>) -> Result<R, FileError> {
        pending.wait().map_err(|error| self.failed(place, error))
    }
}

fn done(status: Status) -> Result<(), FileError> {
    match status {
        Status::Done => Ok(()),
        status => Err(FileError::Server(status.into())),
    }
}

fn read_result(result: ReadResult) -> Result<Bytes, FileError> {
    match result {
        ReadResult::Done(data) => Ok(data),
        ReadResult::Default(status) => Err(FileError::Server(status.into())),
    }
}

impl<T: Trap + ?Sized> FileClient for RpcFiles<'_, T> {
    fn server(&self) -> String {
        self.base.server()
    }

    fn create(&mut self, file: &[u8]) -> Result<(), FileError> {
        done(self.call(|client| client.file_create(file))?)
    }

    fn delete(&mut self, file: &[u8]) -> Result<(), FileError> {
        done(self.call(|client| client.file_del(file))?)
    }

    fn stat(&mut self, file: &[u8]) -> Result<Attributes, FileError> {
        self.stat_change(file).map(|(attributes, _)| attributes)
    }

    fn list_some(&mut self, directory: &[u8], after: &[u8]) -> Result<Vec<Entry>, FileError> {
        match self.call(|client| client.file_list(directory, after))? {
            ListResult::Done(entries) => Ok(entries
                .into_iter()
                .map(|entry| Entry { name: entry.name.to_vec(), attributes: entry.attributes.into() })
                .collect()),
            ListResult::Default(status) => Err(FileError::Server(status.into())),
        }
    }

    fn rename(&mut self, from: &[u8], to: &[u8]) -> Result<(), FileError> {
        done(self.call(|client| client.file_rename(from, to))?)
    }

    fn truncate(&mut self, file: &[u8], length: u64) -> Result<(), FileError> {
        done(self.call(|client| client.file_truncate(file, length))?)
    }

    fn make_directory(&mut self, name: &[u8]) -> Result<(), FileError> {
        done(self.call(|client| client.file_mkdir(name))?)
    }

    fn remove_directory(&mut self, name: &[u8]) -> Result<(), FileError> {
        done(self.call(|client| client.file_rmdir(name))?)
    }

    fn write_all(
        &mut self,
        from: &mut dyn Source,
        what: &str,
        file: &[u8],
        watch: &mut Watch<'_>,
    ) -> Result<u64, CopyError> {
        let local = |error| CopyError::local(what, error);
        let place = self.base.target()?;
        let client = self.client(place);
        let mut chunk = vec![0; self.chunk_bytes()];
        let mut under_way = VecDeque::new();
        // How far the source has come, and where the file at the server ends.
        let (mut position, mut length) = (0, 0);
        let mut at_end = false;
        while !at_end || !under_way.is_empty() {
            watch.check()?;
            if at_end || under_way.len() >= AHEAD {
                if let Some(pending) = under_way.pop_front() {
                    done(self.first(place, pending)?)?;
                }
                continue;
            }
            position += from.skip_hole().map_err(local)?;
            let count = from.fill(&mut chunk).map_err(local)?;
            at_end = count < chunk.len();
            for run in data_runs(&chunk[..count]) {
                let offset = position + run.start as u64;
                length = offset + run.len() as u64;
                let pending = client.start_file_write(file, offset, &chunk[run]);
                under_way.push_back(pending.map_err(|error| self.failed(place, error))?);
            }
            position += count as u64;
            (watch.progress)(position);
        }
        if position > length {
            done(self.call(|client| client.file_truncate(file, position))?)?;
        }
        Ok(position)
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
        let local = |error| CopyError::local(what, error);
        let place = self.base.target()?;
        let client = self.client(place);
        let chunk = self.chunk_bytes() as u64;
        let end = count.map_or(u64::MAX, |count| offset.saturating_add(count));
        let mut under_way = VecDeque::new();
        let (mut asked, mut read) = (offset, 0);
        loop {
            watch.check()?;
            while asked < end && under_way.len() < AHEAD {
                let wanted = (end - asked).min(chunk);
                let pending = client.start_file_read(file, asked, wanted as u32);
                under_way.push_back((wanted, pending.map_err(|error| self.failed(place, error))?));
                asked += wanted;
            }
            let Some((wanted, pending)) = under_way.pop_front() else { break };
            let data = read_result(self.first(place, pending)?)?;
            if data.len() as u64 > wanted {
                return Err(FileError::NoFileServer { server: self.base.server() }.into());
            }
            if data.is_empty() {
                // Nothing is at the end alone.
                break;
            }
            to.data(&data).map_err(local)?;
            read += data.len() as u64;
            (watch.progress)(read);
            if (data.len() as u64) < wanted {
                // Near the end: on from where this one ended.
                under_way.clear();
                asked = offset + read;
            }
        }
        to.finish().map_err(local)?;
        Ok(read)
    }
}

impl<T: Trap + ?Sized> RpcFiles<'_, T> {
    /// All of a file, no more than `most` bytes, and its number then: what is returned is what the file was while it had that
    /// number. Of one that changes all the time, what was read last, and no number.
    pub(super) fn read_whole(&self, file: &[u8], most: u64) -> Result<(Bytes, Option<u64>), FileError> {
        const TRIES: u32 = 5;
        let mut tries = 0;
        loop {
            tries += 1;
            let (attributes, change) = self.stat_change(file)?;
            if attributes.size > most {
                return Err(FileError::Server(Code::E_TOO_LARGE));
            }
            let mut whole = bytes::BytesMut::with_capacity(attributes.size as usize);
            loop {
                let data = self.read(file, whole.len() as u64, DATA_BYTES_MAX)?;
                if data.is_empty() || whole.len() as u64 > most {
                    break;
                }
                whole.extend_from_slice(&data);
            }
            // One that changed meanwhile is read again.
            let is_whole = self.stat_change(file)?.1 == change;
            if is_whole || tries >= TRIES {
                return Ok((whole.freeze(), is_whole.then_some(change)));
            }
        }
    }
}
