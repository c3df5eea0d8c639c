//! The floors: raw UDP by the megabyte, one way, with acknowledgements and a window, and nothing ever sent again.
//!
//! Datagrams carry no header: on one machine they keep their order, and one that is lost ends the measurement as failed.
//! Offload is the kernel's own, both ways (quinn-udp), as are the socket's buffers and the way of waiting. With an
//! acknowledgement for each datagram it is the ping-pong that stop-and-wait is measured by.
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use quinn_udp::{Transmit, UdpSockRef, UdpSocketState};
use sendrec_kernel::waiting_bytes;
use socket2::SockRef;

use super::buffers;
use crate::looking::receive_looking;
use sendrec_measure::Fallible;
use sendrec_measure::Load;

/// Who hears nothing for so long has lost something.
const LOST: Duration = Duration::from_secs(2);
/// Bytes of an acknowledgement: the kernel's header.
const ACK_BYTES: usize = sendrec_core::wire::HEADER_BYTES;
/// What one receive may bring.
const BATCH_BYTES: usize = 1 << 16;
/// The part of a window that is acknowledged at a time.
const ACKS_A_WINDOW: usize = 4;

struct Socket {
    udp: UdpSocket,
    state: UdpSocketState,
}

impl Socket {
    fn bind() -> Fallible<Self> {
        let udp = UdpSocket::bind("127.0.0.1:0")?;
        buffers::enlarge(&udp)?;
        let state = UdpSocketState::new(UdpSockRef::from(&udp))?;
        udp.set_nonblocking(true)?;
        Ok(Self { udp, state })
    }

    /// What the node grants for such a socket.
    fn window_bytes(&self) -> usize {
        waiting_bytes(SockRef::from(&self.udp).recv_buffer_size().unwrap_or(0))
    }

    fn receive(&self, buffer: &mut [u8], limit: Option<Duration>) -> io::Result<(usize, SocketAddr)> {
        receive_looking(&self.udp, buffer, limit)
    }

    fn send(&self, to: SocketAddr, contents: &[u8], segment: Option<usize>) -> io::Result<()> {
        loop {
            let sent = match segment {
                None => self.udp.send_to(contents, to).map(drop),
                Some(_) => {
                    let transmit = Transmit {
                        destination: to,
                        ecn: None,
                        contents,
                        segment_size: segment,
                        src_ip: None,
                    };
                    self.state.try_send(UdpSockRef::from(&self.udp), &transmit)
                }
            };
            match sent {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::thread::yield_now(),
                sent => return sent,
            }
        }
    }
}

fn number(bytes: &[u8]) -> u64 {
    bytes.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

/// The receiving side.
pub struct Sink {
    socket: Socket,
}

impl Sink {
    /// At a port of the system's choice.
    pub fn bind() -> Fallible<Self> {
        Ok(Self { socket: Socket::bind()? })
    }

    /// Where it takes messages.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.udp.local_addr()
    }

    /// Takes one message after the other, for ever. A message begins with its length and how often to acknowledge, and its
    /// end is answered with its checksum; one without length asks how much may be under way.
    pub fn serve(&self) -> Fallible<()> {
        let mut place = Vec::new();
        let mut begin = [0; BATCH_BYTES];
        loop {
            let (length, client) = self.socket.receive(&mut begin, None)?;
            if length != 2 * 8 {
                continue;
            }
            let (total, ack_every) = (number(&begin) as usize, number(&begin[8..]) as usize);
            if total == 0 {
                let mut granted = [0; ACK_BYTES];
                granted[..8].copy_from_slice(&(self.socket.window_bytes() as u64).to_be_bytes());
                self.socket.send(client, &granted, None)?;
                continue;
            }
            place.resize(total + BATCH_BYTES, 0);
            self.take(&mut place, total, ack_every, client)?;
        }
    }

    fn take(&self, place: &mut [u8], total: usize, ack_every: usize, client: SocketAddr) -> Fallible<()> {
        let (mut received, mut acknowledged) = (0, 0);
        while received < total {
            let taken = self.socket.receive(&mut place[received..], Some(LOST));
            let Ok((length, _)) = taken else { return Ok(()) };
            received += length;
            if received >= acknowledged + ack_every || received >= total {
                acknowledged = received;
                let mut ack = [0; ACK_BYTES];
                ack[..8].copy_from_slice(&(received as u64).to_be_bytes());
                self.socket.send(client, &ack, None)?;
            }
        }
        // The client has its answer: the rest is not measured.
        let checksum = u64::from(crc32fast::hash(&place[..total]));
        self.socket.send(client, &checksum.to_be_bytes(), None)?;
        Ok(())
    }
}

/// How the sending side goes about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// As much under way as the window lets; segmented by the system.
    Flood,
    /// Each datagram is answered before the next.
    PingPong,
}

/// The sending side.
pub struct Flood {
    socket: Socket,
    server: SocketAddr,
    style: Style,
    segment: usize,
    /// What the server lets be under way.
    granted: usize,
}

impl Flood {
    /// To the [`Sink`] at that address.
    pub fn new(server: &str, style: Style, segment: usize) -> Fallible<Self> {
        let (socket, server) = (Socket::bind()?, server.parse()?);
        socket.send(server, &[0; 2 * 8], None)?;
        let mut answer = [0; ACK_BYTES];
        socket.receive(&mut answer, Some(LOST))?;
        let granted = socket.window_bytes().min(number(&answer) as usize);
        Ok(Self { socket, server, style, segment, granted })
    }

    /// One message there, until its last acknowledgement is back. To be followed by [`Self::checksum`].
    pub fn send(&self, message: &[u8]) -> Fallible<Duration> {
        let total = message.len();
        let granted = self.granted;
        let (window, ack_every, batch) = match self.style {
            Style::PingPong => (self.segment, 1, self.segment),
            Style::Flood => {
                let segments = self.socket.state.max_gso_segments();
                let batch = segments.min(BATCH_BYTES / self.segment).max(1) * self.segment;
                (granted, granted / ACKS_A_WINDOW, batch)
            }
        };
        let mut begin = [0; 2 * 8];
        begin[..8].copy_from_slice(&(total as u64).to_be_bytes());
        begin[8..].copy_from_slice(&(ack_every as u64).to_be_bytes());
        let window = window.max(batch);
        let mut answer = [0; BATCH_BYTES];

        let start = Instant::now();
        self.socket.send(self.server, &begin, None)?;
        let (mut sent, mut acknowledged) = (0, 0);
        while acknowledged < total {
            while sent < total && sent + batch.min(total - sent) <= acknowledged + window {
                let contents = &message[sent..(sent + batch).min(total)];
                let segment = (contents.len() > self.segment).then_some(self.segment);
                self.socket.send(self.server, contents, segment)?;
                sent += contents.len();
            }
            // Several may have come together.
            let (length, _) = self.socket.receive(&mut answer, Some(LOST))?;
            for ack in answer[..length].chunks_exact(ACK_BYTES) {
                acknowledged = acknowledged.max(number(ack) as usize);
            }
        }
        Ok(start.elapsed())
    }

    /// What the server makes of the message that was sent.
    pub fn checksum(&self) -> Fallible<u32> {
        let mut answer = [0; ACK_BYTES];
        self.socket.receive(&mut answer, Some(LOST))?;
        Ok(number(&answer) as u32)
    }

    /// A message there, and whether it came as it was sent; how long it took to be there.
    pub(crate) fn send_checked(&self, load: &Load) -> Fallible<Duration> {
        let elapsed = self.send(&load.bytes)?;
        if self.checksum()? == load.checksum {
            Ok(elapsed)
        } else {
            Err("the datagrams came out of order or damaged".into())
        }
    }
}

/// What may be under way to a socket of this machine, as far as its buffer goes.
pub(crate) fn window_bytes() -> Fallible<usize> {
    Ok(Socket::bind()?.window_bytes())
}
