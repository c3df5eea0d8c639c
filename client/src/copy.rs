//! Whole files to and from a server, with several requests outstanding.
//!
//! A file appears under its final name complete or not at all: it is written under a temporary name beside it, and
//! renamed. Memory is bounded by the requests outstanding, whatever the file's length.
use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use sendrec_fileserver::{Code, FIXED_BYTES, FileMessage, Opcode};
use sendrec_trap::{CallError, Completion, Instant, Message, SendError, Target, Trap};

use crate::files::{FileError, Files, TRIES_MAX, call_error, check_answer};

/// Requests without an answer at once: enough to cover a round trip, and few enough for the server's socket buffer.
const OUTSTANDING: usize = 64;
/// Requests whose answers are kept until those before them have come: how far one lost packet lets the others go on.
const AHEAD: usize = 512;
/// How long to wait for the answer that is next before looking what else has come.
const LOOK_INTERVAL: Duration = Duration::from_micros(500);
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

/// Requests under way, whose answers are taken in the order they were asked.
struct Pipeline<'f, 't, T: Trap + ?Sized, G> {
    files: &'f Files<'t, T>,
    calls: VecDeque<Call<G>>,
    /// No fewer than are without an answer.
    unanswered: usize,
}

struct Call<G> {
    completion: Completion<Result<Bytes, SendError>>,
    deadline: Instant,
    tag: G,
    /// Where it was sent, and how often a request like it was.
    place: Target,
    tries: u32,
}

impl<'f, 't, T: Trap + ?Sized, G> Pipeline<'f, 't, T, G> {
    fn new(files: &'f Files<'t, T>) -> Self {
        Self { files, calls: VecDeque::with_capacity(AHEAD), unanswered: 0 }
    }

    fn has_room(&self) -> bool {
        self.unanswered < OUTSTANDING && self.calls.len() < AHEAD
    }

    fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    fn ask(&mut self, message: impl Message, tag: G) -> Result<(), FileError> {
        let process = self.files.process();
        let deadline = process.gate().now() + self.files.timeout();
        let place = self.files.target()?;
        let completion = process.start_call(place, message);
        self.calls.push_back(Call { completion, deadline, tag, place, tries: 1 });
        self.unanswered += 1;
        Ok(())
    }

    /// Nobody wants to know any more.
    fn forget_all(&mut self) {
        for call in self.calls.drain(..) {
            self.files.process().cancel(call.completion);
        }
        self.unanswered = 0;
    }

    /// The next answer, with what it was asked with; `None` if it has not come yet, or nothing was asked.
    fn next(&mut self) -> Result<Option<(FileMessage, G)>, FileError> {
        let Some(call) = self.calls.pop_front() else { return Ok(None) };
        let Call { completion, deadline, tag, place, tries } = call;
        let (files, process) = (self.files, self.files.process());
        let (completion, place, tries) = match process.wait_within(completion, LOOK_INTERVAL) {
            Ok(Ok(message)) => {
                self.unanswered = self.unanswered.min(self.calls.len());
                return Ok(Some((check_answer(message, || files.server())?, tag)));
            }
            Ok(Err(SendError { failure, message })) => {
                let error = call_error(failure);
                if !files.may_follow(place, error) || tries >= TRIES_MAX || message.is_empty() {
                    return Err(files.call_failed(place, error));
                }
                let place = files.target()?;
                (process.start_call(place, message), place, tries + 1)
            }
            Err(_) if process.gate().now() >= deadline => {
                return Err(files.call_failed(place, CallError::TimedOut));
            }
            Err(completion) => (completion, place, tries),
        };
        self.calls.push_front(Call { completion, deadline, tag, place, tries });
        self.unanswered = self.calls.iter().filter(|call| !call.completion.is_done()).count();
        Ok(None)
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
    !matches!(
        error,
        CopyError::File(FileError::Call { .. } | FileError::NoFileServer { .. } | FileError::Names(_))
    )
}

fn write_all<T: Trap + ?Sized>(
    files: &Files<'_, T>,
    from: &mut dyn Read,
    what: &str,
    name: &[u8],
    watch: &mut Watch<'_>,
) -> Result<u64, CopyError> {
    let chunk = chunk_bytes(files, name)?;
    let mut pipeline = Pipeline::new(files);
    let (mut sent, mut written) = (0u64, 0u64);
    let mut at_end = false;
    while !at_end || !pipeline.is_empty() {
        watch.check()?;
        while !at_end && pipeline.has_room() {
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
            pipeline.ask(message, count as u64)?;
            sent += count as u64;
        }
        if let Some((_, count)) = pipeline.next()? {
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
    let mut pipeline = Pipeline::new(files);
    let (mut asked, mut read) = (offset, 0u64);
    loop {
        watch.check()?;
        while asked < end && pipeline.has_room() {
            let wanted = (end - asked).min(chunk as u64) as usize;
            let mut m1 = FileMessage::request(Opcode::Read, name);
            m1.offset = asked;
            m1.count = wanted as u32;
            pipeline.ask(m1.encode(), wanted)?;
            asked += wanted as u64;
        }
        if pipeline.is_empty() {
            return Ok(read);
        }
        let Some((answer, wanted)) = pipeline.next()? else { continue };
        let data = answer.data;
        if data.len() > wanted {
            return Err(FileError::NoFileServer { server: files.server() }.into());
        }
        if data.is_empty() {
            // Nothing is at the end alone. What was asked for behind it does not matter.
            return Ok(read);
        }
        to.write_all(&data).map_err(|error| CopyError::local(what, error))?;
        read += data.len() as u64;
        (watch.progress)(read);
        if data.len() < wanted {
            // Near the end, or the server's messages have room for less than ours: on from where this one ended.
            pipeline.forget_all();
            asked = offset + read;
        }
    }
}
