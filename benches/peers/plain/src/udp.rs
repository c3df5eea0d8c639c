//! The floor: datagrams of the same bytes as a call's, between unconnected sockets.
//!
//! What is longer than a datagram goes as several, sent before the first answer is awaited.
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use sendrec_benches::receive_looking;
use sendrec_measure::{Check, Client, Cores, Fallible, Outcome, Tell, Workload, drive, now};

/// Stands before each message, as sendrec's does.
const HEADER_BYTES: usize = sendrec_core::wire::HEADER_BYTES;
/// Of a message's piece.
const PIECE_BYTES: usize = 60_000;
const DATAGRAM_BYTES: usize = HEADER_BYTES + PIECE_BYTES;
/// Who hears nothing for so long has lost something.
const LOST: Duration = Duration::from_secs(5);

/// How a side waits for a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waiting {
    Block,
    /// Looks, yields, and sleeps in the end, as a node does.
    Yield,
}

struct Socket {
    udp: UdpSocket,
    waiting: Waiting,
}

impl Socket {
    fn bind(waiting: Waiting) -> io::Result<Self> {
        let udp = UdpSocket::bind("127.0.0.1:0")?;
        udp.set_nonblocking(waiting == Waiting::Yield)?;
        Ok(Self { udp, waiting })
    }

    fn receive(&self, buffer: &mut [u8], limit: Option<Duration>) -> io::Result<(usize, SocketAddr)> {
        match self.waiting {
            Waiting::Block => self.udp.recv_from(buffer),
            Waiting::Yield => receive_looking(&self.udp, buffer, limit),
        }
    }
}

fn serve(tell: Tell<'_>, waiting: Waiting) -> Fallible<()> {
    let socket = Socket::bind(waiting)?;
    tell(&socket.udp.local_addr()?.to_string())?;
    let mut buffer = vec![0; DATAGRAM_BYTES];
    loop {
        let (length, from) = socket.receive(&mut buffer, None)?;
        socket.udp.send_to(&buffer[..length], from)?;
    }
}

struct Caller {
    socket: Socket,
    server: SocketAddr,
    buffer: Vec<u8>,
    /// An answer of several datagrams.
    whole: Vec<u8>,
}

impl Client for Caller {
    async fn call(&mut self, message: &[u8], check: Check<'_>) -> Fallible<()> {
        self.begin(message)?;
        if message.len() <= PIECE_BYTES {
            return self.finish(check).await;
        }
        self.whole.clear();
        while self.whole.len() < message.len() {
            let (length, _) = self.socket.receive(&mut self.buffer, Some(LOST))?;
            self.whole.extend_from_slice(&self.buffer[HEADER_BYTES.min(length)..length]);
        }
        check(&self.whole)
    }

    fn begin(&mut self, message: &[u8]) -> Fallible<()> {
        for piece in message.chunks(PIECE_BYTES) {
            self.buffer[HEADER_BYTES..][..piece.len()].copy_from_slice(piece);
            self.socket.udp.send_to(&self.buffer[..HEADER_BYTES + piece.len()], self.server)?;
        }
        Ok(())
    }

    async fn finish(&mut self, check: Check<'_>) -> Fallible<()> {
        let (length, _) = self.socket.receive(&mut self.buffer, Some(LOST))?;
        check(&self.buffer[HEADER_BYTES.min(length)..length])
    }

    async fn send(&mut self, _: &bytes::Bytes, _: Check<'_>) -> Fallible<()> {
        Err("long messages are measured with segments".into())
    }
}

fn call(address: &str, workload: Workload, waiting: Waiting) -> Fallible<Outcome> {
    let socket = Socket::bind(waiting)?;
    socket.udp.set_read_timeout(Some(LOST))?;
    let buffer = vec![0; DATAGRAM_BYTES];
    let caller = Caller { socket, server: address.parse()?, buffer, whole: Vec::new() };
    now(drive(caller, workload))
}

pub(crate) fn serve_blocking(tell: Tell<'_>) -> Fallible<()> {
    serve(tell, Waiting::Block)
}

pub(crate) fn call_blocking(address: &str, workload: Workload, _: Cores) -> Fallible<Outcome> {
    call(address, workload, Waiting::Block)
}

pub(crate) fn serve_yielding(tell: Tell<'_>) -> Fallible<()> {
    serve(tell, Waiting::Yield)
}

pub(crate) fn call_yielding(address: &str, workload: Workload, _: Cores) -> Fallible<Outcome> {
    call(address, workload, Waiting::Yield)
}
