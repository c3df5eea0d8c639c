//! Whole files to and from a server, with several requests outstanding.
//!
//! A file appears under its final name complete or not at all: it is written under a temporary name beside it, and
//! renamed. Memory is bounded by the requests outstanding, whatever the file's length.
//!
//! # Sparse files, and files that change
//!
//! Zeros of a block or more ([`BLOCK_BYTES`](sendrec_fileserver::BLOCK_BYTES)) are not written, on either side, and the length is set at the end: holes stay
//! holes where the file system has such, and long runs of zeros become holes. Where the file systems say where holes are,
//! these are not read, and they are not sent.
//!
//! A file that grows or shrinks meanwhile is copied up to the end it has when that is read. What of other concurrent
//! changes is seen is not defined. Both copies return how much there was: whoever knows how long the file was to be can
//! say if it was shorter.
mod ends;
mod pipeline;

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::{Bytes, BytesMut};
use sendrec_fileserver::{Code, FIXED_BYTES, FileMessage, Opcode};
use sendrec_trap::Trap;

use crate::files::{FileClient, FileError, Files};
pub(crate) use ends::data_runs;
pub use ends::{FromFile, FromStream, Sink, Source, ToFile, ToStream};
use pipeline::{AHEAD_BYTES, Order, Pipeline};

/// What the temporary name ends with.
const TEMPORARY_SUFFIX: &str = ".part";

/// Why a copy failed. Nothing is left under the final name that was not there before.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The server, or the way there.
    #[error(transparent)]
    File(#[from] FileError),
    /// The local file or stream.
    #[error("{what}: {source}")]
    Local {
        /// Which.
        what: String,
        /// Why.
        source: io::Error,
    },
    /// The user stopped it.
    #[error("interrupted")]
    Interrupted,
}

impl CopyError {
    pub(crate) fn local(what: &str, source: io::Error) -> Self {
        Self::Local { what: what.to_owned(), source }
    }
}

/// Whom to tell how far a copy has come, and who may stop it.
pub struct Watch<'a> {
    /// Called with the bytes copied so far.
    pub progress: &'a mut dyn FnMut(u64),
    /// Set from elsewhere to stop.
    pub stop: &'a AtomicBool,
}

impl std::fmt::Debug for Watch<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Watch")
    }
}

impl Watch<'_> {
    pub(crate) fn check(&self) -> Result<(), CopyError> {
        if self.stop.load(Ordering::SeqCst) { Err(CopyError::Interrupted) } else { Ok(()) }
    }
}

/// Bytes of file data that one message about `name` carries; at least one.
fn chunk_bytes<T: Trap + ?Sized>(files: &Files<'_, T>, name: &[u8]) -> Result<usize, FileError> {
    match files.data_bytes_max(name) {
        0 => Err(FileError::Server(Code::E_BAD_NAME)),
        bytes => Ok(bytes),
    }
}

/// Copies `name` from the server to `to`, named `what` in errors: from `offset` on, `count` bytes or to its end.
/// Returns how many bytes that was.
pub fn get(
    files: &mut dyn FileClient,
    name: &[u8],
    offset: u64,
    count: Option<u64>,
    to: &mut dyn Sink,
    what: &str,
    watch: &mut Watch<'_>,
) -> Result<u64, CopyError> {
    files.read_all(name, offset, count, to, what, watch)
}

/// A name beside `name` that nobody else uses.
fn temporary_name(name: &[u8], nonce: u64) -> Vec<u8> {
    let (directory, base) = match name.iter().rposition(|byte| *byte == b'/') {
        Some(slash) => name.split_at(slash + 1),
        None => (&[][..], name),
    };
    // A base name may have 255 bytes; what is added must fit beside the part of it that stays.
    let base = &base[..base.len().min(200)];
    let mark = format!(".{nonce:016x}{TEMPORARY_SUFFIX}");
    [directory, b".", base, mark.as_bytes()].concat()
}

/// Copies `from`, named `what` in errors, to the server as `name`; returns its length. `nonce` tells concurrent
/// copies apart.
pub fn put(
    files: &mut dyn FileClient,
    from: &mut dyn Source,
    what: &str,
    name: &[u8],
    nonce: u64,
    watch: &mut Watch<'_>,
) -> Result<u64, CopyError> {
    let temporary = temporary_name(name, nonce);
    files.create(&temporary)?;
    let copied = files.write_all(from, what, &temporary, watch).and_then(|length| {
        watch.check()?;
        files.rename(&temporary, name)?;
        Ok(length)
    });
    if let Err(error) = &copied
        && leaves_server_alive(error)
        && let Err(error) = files.delete(&temporary)
    {
        log::warn!("{} stays at the server: {error}", String::from_utf8_lossy(&temporary));
    }
    copied
}

/// Whether it makes sense to ask the server to clean up after the error.
fn leaves_server_alive(error: &CopyError) -> bool {
    !matches!(
        error,
        CopyError::File(
            FileError::Call { .. }
                | FileError::Rpc { .. }
                | FileError::NoFileServer { .. }
                | FileError::Names(_)
        )
    )
}

/// As [`FileClient::write_all`], by messages.
pub(crate) fn write_all<T: Trap + ?Sized>(
    files: &mut Files<'_, T>,
    from: &mut dyn Source,
    what: &str,
    name: &[u8],
    watch: &mut Watch<'_>,
) -> Result<u64, CopyError> {
    let chunk = chunk_bytes(files, name)?;
    let mut writes =
        Writes { pipeline: Pipeline::new(files, Order::AsTheyCome), name, spare: Vec::new(), written: 0 };
    let local = |error| CopyError::local(what, error);
    // How far the source has come, and where the file at the server ends.
    let (mut position, mut length) = (0u64, 0u64);
    let mut at_end = false;
    while !at_end || !writes.pipeline.is_empty() {
        watch.check()?;
        while !at_end && writes.pipeline.has_room() {
            // Zeros make no requests, and may go on for ever.
            watch.check()?;
            let hole = from.skip_hole().map_err(local)?;
            position += hole;
            writes.written += hole;
            let mut message = writes.memory(chunk);
            let count = from.fill(&mut message[FIXED_BYTES + name.len()..]).map_err(local)?;
            at_end = count < chunk;
            if let Some(end) = writes.ask(message, position, count)? {
                length = end;
            }
            position += count as u64;
        }
        writes.take_answer()?;
        (watch.progress)(writes.written);
    }
    drop(writes);
    if position > length {
        files.truncate(name, position)?;
    }
    Ok(position)
}

/// The WRITEs of one file.
struct Writes<'f, 't, 'n, T: Trap + ?Sized> {
    pipeline: Pipeline<'f, 't, T, (u64, Bytes)>,
    name: &'n [u8],
    /// Memory of requests that were answered.
    spare: Vec<BytesMut>,
    /// Bytes that are at the server, or need not go there.
    written: u64,
}

impl<T: Trap + ?Sized> Writes<'_, '_, '_, T> {
    /// Memory for a request with a chunk of data.
    fn memory(&mut self, chunk: usize) -> BytesMut {
        let bytes = FIXED_BYTES + self.name.len() + chunk;
        match self.spare.pop() {
            Some(memory) if memory.len() == bytes => memory,
            _ => BytesMut::zeroed(bytes),
        }
    }

    /// Writes what of the `count` bytes of data in `message` is no hole, at `offset`. Returns where the last of it ends.
    fn ask(&mut self, mut message: BytesMut, offset: u64, count: usize) -> Result<Option<u64>, FileError> {
        let data = FIXED_BYTES + self.name.len();
        let mut head = FileMessage::request(Opcode::Write, self.name);
        (head.offset, head.count) = (offset, count as u32);
        let mut runs = data_runs(&message[data..data + count]).peekable();
        let first = runs.next_if(|run| run.start == 0);
        if first.is_some() && runs.peek().is_none() {
            // It goes as it is, but for what is left out at its end.
            drop(runs);
            let used = first.map_or(0, |run| run.end);
            head.count = used as u32;
            message[..FIXED_BYTES].copy_from_slice(&head.head());
            message[FIXED_BYTES..data].copy_from_slice(self.name);
            let memory = message.freeze();
            let sent = memory.slice(..data + used);
            self.pipeline.ask(sent, used, (count as u64, memory))?;
            return Ok(Some(offset + used as u64));
        }
        let mut left = count as u64;
        let mut end = None;
        for run in first.into_iter().chain(runs) {
            (head.offset, head.count) = (offset + run.start as u64, run.len() as u32);
            let part = head.encode_with(&message[data..][run.clone()]).freeze();
            self.pipeline.ask(part, run.len(), (run.len() as u64, Bytes::new()))?;
            left -= run.len() as u64;
            end = Some(offset + run.end as u64);
        }
        // The rest is zeros.
        self.written += left;
        self.spare.push(message);
        Ok(end)
    }

    /// Waits a little for the next answer.
    fn take_answer(&mut self) -> Result<(), FileError> {
        let Some((_, (count, memory))) = self.pipeline.next()? else { return Ok(()) };
        self.written += count;
        if let Ok(memory) = memory.try_into_mut()
            && !memory.is_empty()
            && self.spare.len() * memory.len() < AHEAD_BYTES
        {
            self.spare.push(memory);
        }
        Ok(())
    }
}

/// As [`FileClient::read_all`], by messages.
pub(crate) fn read_all<T: Trap + ?Sized>(
    files: &Files<'_, T>,
    name: &[u8],
    offset: u64,
    count: Option<u64>,
    to: &mut dyn Sink,
    what: &str,
    watch: &mut Watch<'_>,
) -> Result<u64, CopyError> {
    let mut chunk = chunk_bytes(files, name)?;
    let end = count.map_or(u64::MAX, |count| offset.saturating_add(count));
    let local = |error| CopyError::local(what, error);
    let mut pipeline = Pipeline::new(files, Order::AsAsked);
    let (mut asked, mut read) = (offset, 0u64);
    let mut last_short = None;
    loop {
        watch.check()?;
        while asked < end && pipeline.has_room() {
            let wanted = (end - asked).min(chunk as u64) as usize;
            let mut m1 = FileMessage::request(Opcode::Read, name);
            (m1.offset, m1.count) = (asked, wanted as u32);
            pipeline.ask(m1.encode().freeze(), wanted, wanted)?;
            asked += wanted as u64;
        }
        if pipeline.is_empty() {
            break;
        }
        let Some((answer, wanted)) = pipeline.next()? else { continue };
        let (data, count) = (&answer.data, answer.count as usize);
        if data.len() > count || count > wanted {
            return Err(FileError::NoFileServer { server: files.server() }.into());
        }
        if count == 0 {
            // Nothing is at the end alone. What was asked for behind it does not matter.
            break;
        }
        to.data(data).map_err(local)?;
        to.zeros((count - data.len()) as u64).map_err(local)?;
        read += count as u64;
        (watch.progress)(read);
        if count < wanted {
            // Near the end, or the server gives less at once than is asked for: on from where this one ended.
            pipeline.forget_all();
            asked = offset + read;
            if last_short == Some(count) {
                chunk = count;
            }
            last_short = Some(count);
        }
    }
    to.finish().map_err(local)?;
    Ok(read)
}
