//! Whole files to and from a server, with several requests outstanding.
//!
//! A file appears under its final name complete or not at all: it is written under a temporary name beside it, and
//! renamed. Memory is bounded by the requests outstanding, whatever the file's length.
use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::{Bytes, BytesMut};
use sendrec_fileserver::{Code, FIXED_BYTES, FileMessage, Opcode};
use sendrec_trap::{CallError, Completion, SendError, Trap};

use crate::files::{FileError, Files, call_error, check_answer};

/// Requests outstanding at once: enough to cover a round trip, and few enough for the server's socket buffer.
const OUTSTANDING: usize = 64;
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
    fn local(what: &str, source: io::Error) -> Self {
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
    fn check(&self) -> Result<(), CopyError> {
        if self.stop.load(Ordering::SeqCst) { Err(CopyError::Interrupted) } else { Ok(()) }
    }
}

type Call = Completion<Result<Bytes, SendError>>;

/// Waits for one answer, as long as the files' time-out says.
fn answer<T: Trap + ?Sized>(files: &Files<'_, T>, call: Call) -> Result<FileMessage, FileError> {
    let server = files.server();
    match files.process().wait_within(call, files.timeout()) {
        Ok(Ok(message)) => check_answer(message, server),
        Ok(Err(error)) => Err(FileError::Call { server, error: call_error(error.failure) }),
        Err(_late) => Err(FileError::Call { server, error: CallError::TimedOut }),
    }
}

/// Bytes of file data that one message about `name` carries; at least one.
fn chunk_bytes<T: Trap + ?Sized>(files: &Files<'_, T>, name: &[u8]) -> Result<usize, FileError> {
    match files.data_bytes_max(name) {
        0 => Err(FileError::Server(Code::E_BAD_NAME)),
        bytes => Ok(bytes),
    }
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
pub fn put<T: Trap + ?Sized>(
    files: &mut Files<'_, T>,
    from: &mut dyn Read,
    what: &str,
    name: &[u8],
    nonce: u64,
    watch: &mut Watch<'_>,
) -> Result<u64, CopyError> {
    let temporary = temporary_name(name, nonce);
    files.create(&temporary)?;
    let copied = write_all(files, from, what, &temporary, watch).and_then(|length| {
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
    !matches!(error, CopyError::File(FileError::Call { .. } | FileError::NoFileServer { .. }))
}

fn write_all<T: Trap + ?Sized>(
    files: &Files<'_, T>,
    from: &mut dyn Read,
    what: &str,
    name: &[u8],
    watch: &mut Watch<'_>,
) -> Result<u64, CopyError> {
    let chunk = chunk_bytes(files, name)?;
    let mut calls: VecDeque<(Call, u64)> = VecDeque::with_capacity(OUTSTANDING);
    let (mut sent, mut written) = (0u64, 0u64);
    let mut at_end = false;
    while !at_end || !calls.is_empty() {
        watch.check()?;
        while !at_end && calls.len() < OUTSTANDING {
            let mut message = BytesMut::zeroed(FIXED_BYTES + name.len() + chunk);
            let data = FIXED_BYTES + name.len();
            let count = fill(from, &mut message[data..]).map_err(|error| CopyError::local(what, error))?;
            at_end = count < chunk;
            if count == 0 {
                break;
            }
            let mut head = FileMessage::request(Opcode::Write, name);
            head.offset = sent;
            head.count = count as u32;
            message[..data].copy_from_slice(&head.encode());
            message.truncate(data + count);
            calls.push_back((files.process().start_call(files.server(), message), count as u64));
            sent += count as u64;
        }
        if let Some((call, count)) = calls.pop_front() {
            answer(files, call)?;
            written += count;
            (watch.progress)(written);
        }
    }
    Ok(written)
}

/// Reads until the buffer is full or the end has come.
fn fill(from: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match from.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Copies `name` from the server to `to`, named `what` in errors: from `offset` on, `count` bytes or to its end.
/// Returns how many bytes that was.
///
/// A file that grows or shrinks meanwhile is copied up to where its end is when that is read. What of concurrent
/// writes is seen is not defined.
pub fn get<T: Trap + ?Sized>(
    files: &Files<'_, T>,
    name: &[u8],
    offset: u64,
    count: Option<u64>,
    to: &mut dyn Write,
    what: &str,
    watch: &mut Watch<'_>,
) -> Result<u64, CopyError> {
    let chunk = chunk_bytes(files, name)?;
    let end = count.map_or(u64::MAX, |count| offset.saturating_add(count));
    let mut calls: VecDeque<(Call, u64, usize)> = VecDeque::with_capacity(OUTSTANDING);
    let (mut asked, mut read) = (offset, 0u64);
    let mut at_end = false;
    loop {
        watch.check()?;
        while !at_end && asked < end && calls.len() < OUTSTANDING {
            let wanted = (end - asked).min(chunk as u64) as usize;
            let mut m1 = FileMessage::request(Opcode::Read, name);
            m1.offset = asked;
            m1.count = wanted as u32;
            calls.push_back((files.process().start_call(files.server(), m1.encode()), asked, wanted));
            asked += wanted as u64;
        }
        let Some((call, at, wanted)) = calls.pop_front() else { return Ok(read) };
        let data = answer(files, call)?.data;
        if data.len() > wanted {
            return Err(FileError::NoFileServer { server: files.server() }.into());
        }
        if at_end && !data.is_empty() {
            // The end that was read before is the end no more: the file grew. What was asked for behind it is asked
            // for again, from where it was.
            calls.clear();
            asked = offset + read;
            at_end = false;
            continue;
        }
        to.write_all(&data).map_err(|error| CopyError::local(what, error))?;
        read += data.len() as u64;
        debug_assert!(at_end || at + data.len() as u64 == offset + read);
        at_end |= data.len() < wanted;
        (watch.progress)(read);
    }
}
