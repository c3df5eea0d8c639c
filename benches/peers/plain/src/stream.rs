//! TCP without Nagle's delay, and unix sockets: messages with their lengths before them, there and back on one connection.
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};

use bytes::Bytes;
use sendrec_measure::{
    Check, Client, Cores, ECHO_BYTES_MAX, FACTS, Fallible, Outcome, Tell, Workload, drive, facts, now,
};

/// A message's length stands before it.
const LENGTH_BYTES: usize = 4;
/// Long messages are written so many bytes at a time.
const WRITE_BYTES: usize = 1 << 20;
/// What is read at a time, of short messages.
const READ_BYTES: usize = 1 << 16;

/// What came, of which a part is taken.
struct Reader {
    buffer: Vec<u8>,
    taken: usize,
    come: usize,
}

impl Reader {
    fn new() -> Self {
        Self { buffer: vec![0; READ_BYTES + LENGTH_BYTES], taken: 0, come: 0 }
    }

    /// So many more bytes are there, next to each other; false if the stream ends.
    fn need(&mut self, stream: &mut impl Read, bytes: usize) -> Fallible<bool> {
        if self.taken + bytes > self.buffer.len() {
            self.buffer.copy_within(self.taken..self.come, 0);
            (self.come, self.taken) = (self.come - self.taken, 0);
            if self.buffer.len() < bytes {
                self.buffer.resize(bytes, 0);
            }
        }
        while self.come - self.taken < bytes {
            match stream.read(&mut self.buffer[self.come..])? {
                0 => return Ok(false),
                read => self.come += read,
            }
        }
        Ok(true)
    }

    fn take(&mut self, bytes: usize) -> &[u8] {
        self.taken += bytes;
        let end = self.taken;
        if self.taken == self.come {
            (self.taken, self.come) = (0, 0);
        }
        &self.buffer[end - bytes..end]
    }

    /// The next message, if there is one.
    fn message(&mut self, stream: &mut impl Read) -> Fallible<Option<&[u8]>> {
        if !self.need(stream, LENGTH_BYTES)? {
            return Ok(None);
        }
        let length = self.take(LENGTH_BYTES).first_chunk().map_or(0, |length| u32::from_be_bytes(*length));
        if !self.need(stream, length as usize)? {
            return Err("the stream ended within a message".into());
        }
        Ok(Some(self.take(length as usize)))
    }
}

/// Writes a message behind its length; a short one in one go.
fn write(stream: &mut impl Write, message: &[u8], place: &mut Vec<u8>) -> Fallible<()> {
    let length = u32::try_from(message.len())?.to_be_bytes();
    let (front, rest) = message.split_at(message.len().min(ECHO_BYTES_MAX));
    place.clear();
    place.extend_from_slice(&length);
    place.extend_from_slice(front);
    stream.write_all(place)?;
    for piece in rest.chunks(WRITE_BYTES) {
        stream.write_all(piece)?;
    }
    Ok(())
}

fn answer(mut stream: impl Read + Write) -> Fallible<()> {
    let (mut reader, mut place, mut last) = (Reader::new(), Vec::new(), Vec::new());
    // What came together is answered together.
    let mut answers = Vec::new();
    while let Some(message) = reader.message(&mut stream)? {
        if message.len() > ECHO_BYTES_MAX {
            let length = (message.len() as u64).to_be_bytes();
            write(&mut stream, &length, &mut place)?;
            // Where it lies is read into again: what was it?
            last = facts(message).to_vec();
            continue;
        }
        let message = if message == FACTS { &last[..] } else { message };
        answers.extend_from_slice(&u32::try_from(message.len())?.to_be_bytes());
        answers.extend_from_slice(message);
        if reader.come == reader.taken {
            stream.write_all(&answers)?;
            answers.clear();
        }
    }
    Ok(())
}

struct Caller<S> {
    stream: S,
    reader: Reader,
    /// Begun calls that have not left.
    leaving: Vec<u8>,
    place: Vec<u8>,
}

impl<S: Read + Write> Caller<S> {
    fn new(stream: S) -> Self {
        Self { stream, reader: Reader::new(), leaving: Vec::new(), place: Vec::new() }
    }
}

impl<S: Read + Write> Client for Caller<S> {
    async fn call(&mut self, message: &[u8], check: Check<'_>) -> Fallible<()> {
        write(&mut self.stream, message, &mut self.place)?;
        self.finish(check).await
    }

    fn begin(&mut self, message: &[u8]) -> Fallible<()> {
        self.leaving.extend_from_slice(&u32::try_from(message.len())?.to_be_bytes());
        self.leaving.extend_from_slice(message);
        Ok(())
    }

    async fn finish(&mut self, check: Check<'_>) -> Fallible<()> {
        // What was begun leaves together, before one waits.
        if self.reader.come == self.reader.taken && !self.leaving.is_empty() {
            self.stream.write_all(&self.leaving)?;
            self.leaving.clear();
        }
        check(self.reader.message(&mut self.stream)?.ok_or("the server is gone")?)
    }

    async fn send(&mut self, message: &Bytes, check: Check<'_>) -> Fallible<()> {
        self.call(message, check).await
    }
}

pub(crate) fn serve_tcp(tell: Tell<'_>) -> Fallible<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    tell(&listener.local_addr()?.to_string())?;
    loop {
        let (stream, _) = listener.accept()?;
        stream.set_nodelay(true)?;
        let _ = answer(stream).map_err(|error| eprintln!("{error}"));
    }
}

pub(crate) fn call_tcp(address: &str, workload: Workload, _: Cores) -> Fallible<Outcome> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    now(drive(Caller::new(stream), workload))
}

pub(crate) fn serve_unix(tell: Tell<'_>) -> Fallible<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("socket");
    let listener = UnixListener::bind(&path)?;
    tell(&path.to_string_lossy())?;
    loop {
        let _ = answer(listener.accept()?.0).map_err(|error| eprintln!("{error}"));
    }
}

pub(crate) fn call_unix(address: &str, workload: Workload, _: Cores) -> Fallible<Outcome> {
    now(drive(Caller::new(UnixStream::connect(address)?), workload))
}
