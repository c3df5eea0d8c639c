//! The UDP socket: enlarged buffers, and answers from the address one was asked at.
//!
//! A socket bound to one address uses the plain calls; one bound to all uses quinn-udp, which tells and takes our
//! own address with each datagram.
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd;

use mio::net::UdpSocket;
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use quinn_udp::{RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use sendrec_core::limits::DATAGRAM_BYTES_MAX;
use sendrec_core::{Machine, Path};

use crate::boot::{BootError, is_wildcard};

/// What is asked of the system for each direction; it may grant less.
const BUFFER_BYTES: usize = 4 << 20;
/// The socket's events in the poll.
const SOCKET: Token = Token(0);
/// How often a send is tried while the system's buffer is full; after that the packet is lost, as any may be.
const SEND_TRIES: u32 = 64;

pub(crate) struct Socket {
    udp: UdpSocket,
    /// For a socket bound to all addresses.
    with_address: Option<UdpSocketState>,
    dual_stack: bool,
}

/// What one receive brought to the front of the buffer.
pub(crate) struct Batch {
    pub(crate) path: Path,
    /// Bytes of all datagrams together.
    pub(crate) length: usize,
    /// Bytes of each but the last, which may be shorter.
    pub(crate) stride: usize,
}

impl Socket {
    pub(crate) fn bind(address: SocketAddr) -> Result<(Self, SocketAddr), BootError> {
        let listen_error = |source| BootError::Listen { address, source };
        let udp = UdpSocket::bind(address).map_err(listen_error)?;
        let bound = udp.local_addr().map_err(listen_error)?;
        enlarge(&udp, bound);
        let with_address =
            if is_wildcard(bound.ip()) { Some(UdpSocketState::new(UdpSockRef::from(&udp))?) } else { None };
        let dual_stack = bound.is_ipv6() && is_wildcard(bound.ip());
        Ok((Self { udp, with_address, dual_stack }, bound))
    }

    /// Makes the poll tell of arrivals; of what is there already it tells at once.
    pub(crate) fn register(&self, registry: &Registry) -> io::Result<()> {
        registry.register(&mut SourceFd(&self.udp.as_raw_fd()), SOCKET, Interest::READABLE)
    }

    /// And no longer.
    pub(crate) fn deregister(&self, registry: &Registry) -> io::Result<()> {
        registry.deregister(&mut SourceFd(&self.udp.as_raw_fd()))
    }

    /// Receives one datagram, or several of equal size that the system has put together. Never blocks; `WouldBlock`
    /// if there is nothing.
    pub(crate) fn receive(&self, buffer: &mut [u8]) -> io::Result<Batch> {
        let Some(state) = &self.with_address else {
            let (length, from) = self.udp.recv_from(buffer)?;
            return Ok(Batch { path: Path::to(Machine::new(from)), length, stride: length.max(1) });
        };
        let mut meta = [RecvMeta::default()];
        let mut slices = [io::IoSliceMut::new(buffer)];
        let count = state.recv(UdpSockRef::from(&self.udp), &mut slices, &mut meta)?;
        if count == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let [meta] = meta;
        let path = Path { remote: Machine::new(meta.addr), local: meta.dst_ip };
        Ok(Batch { path, length: meta.len, stride: meta.stride.max(1) })
    }

    /// The socket's options, to be set.
    pub(crate) fn options(&self) -> socket2::SockRef<'_> {
        socket2::SockRef::from(&self.udp)
    }

    /// Sends one datagram, or loses it.
    pub(crate) fn send(&self, path: Path, bytes: &[u8]) {
        for _ in 0..SEND_TRIES {
            match self.try_send(path, bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::thread::yield_now(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    log::debug!("a packet of {} bytes to {} was not sent: {error}", bytes.len(), path.remote);
                    return;
                }
                Ok(()) => return,
            }
        }
        log::debug!("a packet of {} bytes to {} was lost: the send buffer is full", bytes.len(), path.remote);
    }

    fn try_send(&self, path: Path, bytes: &[u8]) -> io::Result<()> {
        let mut destination = path.remote.socket_addr();
        let Some(state) = &self.with_address else {
            return self.udp.send_to(bytes, destination).map(drop);
        };
        if let (true, SocketAddr::V4(v4)) = (self.dual_stack, destination) {
            destination = SocketAddr::new(IpAddr::V6(v4.ip().to_ipv6_mapped()), v4.port());
        }
        let transmit =
            Transmit { destination, ecn: None, contents: bytes, segment_size: None, src_ip: path.local };
        state.try_send(UdpSockRef::from(&self.udp), &transmit)
    }
}

/// Asks for larger buffers, and says what was granted: the default overflows after 200 packets or so.
fn enlarge(udp: &UdpSocket, bound: SocketAddr) {
    let socket = socket2::SockRef::from(udp);
    for (name, result) in [
        ("receive", socket.set_recv_buffer_size(BUFFER_BYTES)),
        ("send", socket.set_send_buffer_size(BUFFER_BYTES)),
    ] {
        if let Err(error) = result {
            log::debug!("{bound}: the {name} buffer stays as it is: {error}");
        }
    }
    log::info!(
        "{bound}: receive buffer {} bytes, send buffer {} bytes",
        socket.recv_buffer_size().unwrap_or(0),
        socket.send_buffer_size().unwrap_or(0)
    );
}

/// What a receive needs: a datagram of the largest size, or a batch that the system has put together.
pub(crate) const RECEIVE_BYTES: usize = DATAGRAM_BYTES_MAX + 29;
