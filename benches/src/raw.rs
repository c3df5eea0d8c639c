//! The floors: UDP between two OS processes, unconnected sockets, datagrams of the same bytes as a null call's.
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use clap::ValueEnum;

use crate::looking::receive_looking;
use sendrec_measure::{Fallible, MESSAGE_BYTES, Pipeline, check_number, put_number};

/// Bytes of a datagram that carries a null call's message.
const DATAGRAM_BYTES: usize = sendrec_core::wire::HEADER_BYTES + MESSAGE_BYTES;
/// A client that hears nothing for so long reports a loss instead of hanging.
const LOST: Duration = Duration::from_secs(5);

/// How a side waits for a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Waiting {
    /// In `recv`
    Block,
    /// Polls and yields for up to 50 us, then blocks in `poll`
    Yield,
}

pub(crate) struct Socket {
    udp: UdpSocket,
    waiting: Waiting,
}

impl Socket {
    pub(crate) fn bind(waiting: Waiting) -> Fallible<Self> {
        let udp = UdpSocket::bind("127.0.0.1:0")?;
        udp.set_nonblocking(waiting == Waiting::Yield)?;
        Ok(Self { udp, waiting })
    }

    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.udp.local_addr()
    }

    fn receive(&self, buffer: &mut [u8], limit: Option<Duration>) -> io::Result<(usize, SocketAddr)> {
        match self.waiting {
            Waiting::Block => self.udp.recv_from(buffer),
            Waiting::Yield => receive_looking(&self.udp, buffer, limit),
        }
    }

    /// Answers each datagram with itself, for ever.
    pub(crate) fn echo(&self) -> Fallible<()> {
        let mut buffer = [0; DATAGRAM_BYTES];
        loop {
            let (length, from) = self.receive(&mut buffer, None)?;
            self.udp.send_to(&buffer[..length], from)?;
        }
    }
}

/// A client of [`Socket::echo`].
pub(crate) struct Client {
    socket: Socket,
    server: SocketAddr,
    buffer: [u8; DATAGRAM_BYTES],
}

impl Client {
    pub(crate) fn new(waiting: Waiting, server: &str) -> Fallible<Self> {
        let socket = Socket::bind(waiting)?;
        socket.udp.set_read_timeout(Some(LOST))?;
        Ok(Self { socket, server: server.parse()?, buffer: [0; DATAGRAM_BYTES] })
    }

    /// One round trip.
    pub(crate) fn call(&mut self, number: u64) -> Fallible<()> {
        self.begin(number)?;
        self.receive(number)
    }

    /// The datagram of this number has come back.
    fn receive(&mut self, number: u64) -> Fallible<()> {
        let received = self.socket.receive(&mut self.buffer, Some(LOST));
        let (length, _) =
            received.map_err(|error| format!("datagram {number} did not come back: {error}"))?;
        if length != DATAGRAM_BYTES {
            return Err(format!("datagram {number} came back with {length} bytes").into());
        }
        check_number(&self.buffer, number)
    }
}

impl Pipeline for Client {
    fn begin(&mut self, number: u64) -> Fallible<()> {
        put_number(&mut self.buffer, number);
        self.socket.udp.send_to(&self.buffer, self.server)?;
        Ok(())
    }

    async fn finish(&mut self, number: u64) -> Fallible<()> {
        self.receive(number)
    }
}
