//! The UDP socket: enlarged buffers, answers from the address one was asked at, several datagrams a system call.
//!
//! quinn-udp sets it up: no datagram is cut up on its way (IP's don't-fragment), equal ones leave in one call that the system
//! or the network card takes apart (segmentation offload), and the system may hand in several that came together in one. A
//! socket bound to one address is read by the plain call all the same, which costs a tenth of a null call less: our packets
//! say how long they are. One bound to all uses quinn-udp's, which tells and takes our own address with each datagram.
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd;

use mio::net::UdpSocket;
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use quinn_udp::{RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, sockopt};
use sendrec_core::limits::DATAGRAM_BYTES_MAX;
use sendrec_core::wire::View;
use sendrec_core::{Machine, Path};

use crate::boot::{BootError, is_wildcard};

/// What a node asks of the system for each direction of its socket; it may grant less.
pub const SOCKET_BUFFER_BYTES: usize = 4 << 20;
/// IPv4's and UDP's headers.
const IPV4_HEADERS_BYTES: usize = 20 + 8;
/// IPv6's and UDP's.
const IPV6_HEADERS_BYTES: usize = 40 + 8;
/// The socket's events in the poll.
const SOCKET: Token = Token(0);
/// How often a send is tried while the system's buffer is full; after that the packet is lost, as any may be.
const SEND_TRIES: u32 = 64;

pub(crate) struct Socket {
    udp: UdpSocket,
    state: UdpSocketState,
    /// Whether it is bound to all addresses.
    is_wildcard: bool,
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
        let state = UdpSocketState::new(UdpSockRef::from(&udp))?;
        let is_wildcard = is_wildcard(bound.ip());
        let dual_stack = bound.is_ipv6() && is_wildcard;
        Ok((Self { udp, state, is_wildcard, dual_stack }, bound))
    }

    /// Bytes of packets that may wait in the socket.
    pub(crate) fn receive_bytes(&self) -> usize {
        waiting_bytes(self.options().recv_buffer_size().unwrap_or(0))
    }

    /// Datagrams of equal size that may leave in one call.
    pub(crate) fn segments_max(&self) -> usize {
        self.state.max_gso_segments()
    }

    /// Makes the poll tell of arrivals; of what is there already it tells at once.
    pub(crate) fn register(&self, registry: &Registry) -> io::Result<()> {
        registry.register(&mut SourceFd(&self.udp.as_raw_fd()), SOCKET, Interest::READABLE)
    }

    /// And no longer.
    pub(crate) fn deregister(&self, registry: &Registry) -> io::Result<()> {
        registry.deregister(&mut SourceFd(&self.udp.as_raw_fd()))
    }

    /// Receives one datagram, or several of equal size that the system has put together. Never blocks; `None` if there is
    /// nothing.
    pub(crate) fn receive(&self, buffer: &mut [u8]) -> Option<Batch> {
        if self.is_wildcard {
            return self.receive_anywhere(buffer).map_err(|error| self.note_error(&error)).ok();
        }
        // rustix makes the system call itself; the C library's is one that a thread may be cancelled in, which costs.
        match rustix::net::recvfrom(&self.udp, &mut *buffer, RecvFlags::empty()) {
            Ok((_, length, Some(from))) => {
                let from = SocketAddr::try_from(from).ok()?;
                let length = length.min(buffer.len());
                let stride = stride(&buffer[..length]);
                Some(Batch { path: Path::to(Machine::new(from)), length, stride })
            }
            Ok((_, _, None)) | Err(Errno::AGAIN) => None,
            Err(error) => {
                self.note_error(&error.into());
                None
            }
        }
    }

    #[cold]
    fn note_error(&self, error: &io::Error) {
        if error.kind() != io::ErrorKind::WouldBlock && error.kind() != io::ErrorKind::Interrupted {
            log::debug!("{:?}: receiving failed: {error}", self.udp);
        }
    }

    /// The same with the address at which it came.
    #[inline(never)]
    fn receive_anywhere(&self, buffer: &mut [u8]) -> io::Result<Batch> {
        let mut meta = [RecvMeta::default()];
        let mut slices = [io::IoSliceMut::new(buffer)];
        let count = self.state.recv(UdpSockRef::from(&self.udp), &mut slices, &mut meta)?;
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
        self.send_or_lose(path, bytes, None);
    }

    /// Sends one datagram from two places, or loses it. False if that cannot be done here.
    pub(crate) fn send_gathered(&self, path: Path, head: &[u8], payload: &[u8]) -> bool {
        // Which of our addresses to send from is told by control data.
        if self.is_wildcard {
            return false;
        }
        let to = socket2::SockAddr::from(path.remote.socket_addr());
        let parts = [io::IoSlice::new(head), io::IoSlice::new(payload)];
        let message = socket2::MsgHdr::new().with_addr(&to).with_buffers(&parts);
        for _ in 0..SEND_TRIES {
            match self.options().sendmsg(&message, 0) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::thread::yield_now(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    let bytes = head.len() + payload.len();
                    log::debug!("a packet of {bytes} bytes to {} was not sent: {error}", path.remote);
                    return true;
                }
                Ok(_) => return true,
            }
        }
        log::debug!("a packet to {} was lost: the send buffer is full", path.remote);
        true
    }

    /// Sends several datagrams of `segment_bytes`, the last of which may be shorter; in one call where the system can.
    pub(crate) fn send_segments(&self, path: Path, bytes: &[u8], segment_bytes: usize) {
        if bytes.len() > segment_bytes
            && self.segments_max() > 1
            && self.send_or_lose(path, bytes, Some(segment_bytes))
        {
            return;
        }
        for segment in bytes.chunks(segment_bytes) {
            self.send_or_lose(path, segment, None);
        }
    }

    /// False if the system has found that it cannot send segments.
    #[inline]
    fn send_or_lose(&self, path: Path, bytes: &[u8], segment_bytes: Option<usize>) -> bool {
        let is_plain = !self.is_wildcard && segment_bytes.is_none();
        is_plain && self.send_plainly(path, bytes).is_ok()
            || self.send_persistently(path, bytes, segment_bytes)
    }

    fn send_plainly(&self, path: Path, bytes: &[u8]) -> Result<(), Errno> {
        let destination = path.remote.socket_addr();
        rustix::net::sendto(&self.udp, bytes, SendFlags::empty(), &destination).map(drop)
    }

    #[inline(never)]
    fn send_persistently(&self, path: Path, bytes: &[u8], segment_bytes: Option<usize>) -> bool {
        for _ in 0..SEND_TRIES {
            match self.try_send(path, bytes, segment_bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::thread::yield_now(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) if segment_bytes.is_some() && self.segments_max() == 1 => return false,
                Err(error) => {
                    log::debug!("a packet of {} bytes to {} was not sent: {error}", bytes.len(), path.remote);
                    return true;
                }
                Ok(()) => return true,
            }
        }
        log::debug!("a packet of {} bytes to {} was lost: the send buffer is full", bytes.len(), path.remote);
        true
    }

    fn try_send(&self, path: Path, bytes: &[u8], segment_size: Option<usize>) -> io::Result<()> {
        if !self.is_wildcard && segment_size.is_none() {
            return Ok(self.send_plainly(path, bytes)?);
        }
        let mut destination = path.remote.socket_addr();
        if let (true, SocketAddr::V4(v4)) = (self.dual_stack, destination) {
            destination = SocketAddr::new(IpAddr::V6(v4.ip().to_ipv6_mapped()), v4.port());
        }
        let src_ip = path.local.filter(|_| self.is_wildcard);
        let transmit = Transmit { destination, ecn: None, contents: bytes, segment_size, src_ip };
        self.state.try_send(UdpSockRef::from(&self.udp), &transmit)
    }
}

/// Bytes of packets that may wait in a socket whose receive buffer, as the system tells it, has so many. The system charges
/// each packet its own overhead: at the worst, that of a small one in a buffer of 2 KiB.
pub const fn waiting_bytes(buffer_bytes: usize) -> usize {
    buffer_bytes * 2 / 5
}

/// Bytes of each datagram but the last in what one plain receive brought: several are put together only if they are equal,
/// and the first says how long it is.
fn stride(bytes: &[u8]) -> usize {
    match View::peek_length(bytes) {
        Some(first) if first < bytes.len() => first,
        _ => bytes.len().max(1),
    }
}

/// What a packet to `machine` may have, header of UDP not included, so that no router cuts it up: as the system knows it
/// without asking anyone.
pub(crate) fn path_bytes(machine: Machine) -> io::Result<usize> {
    let address = machine.socket_addr();
    let any: SocketAddr = match address {
        SocketAddr::V4(_) => (std::net::Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (std::net::Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = std::net::UdpSocket::bind(any)?;
    socket.connect(address)?;
    let (frame, headers) = match address {
        SocketAddr::V4(_) => (sockopt::ip_mtu(&socket)?, IPV4_HEADERS_BYTES),
        SocketAddr::V6(_) => (sockopt::ipv6_mtu(&socket)?, IPV6_HEADERS_BYTES),
    };
    Ok((frame as usize).saturating_sub(headers).min(DATAGRAM_BYTES_MAX))
}

/// Asks for larger buffers, and says what was granted: the default overflows after 200 packets or so.
fn enlarge(udp: &UdpSocket, bound: SocketAddr) {
    let socket = socket2::SockRef::from(udp);
    // Who may administer the network may have more than its users.
    let forced = sockopt::set_socket_recv_buffer_size_force(udp, SOCKET_BUFFER_BYTES);
    let receive = if forced.is_ok() { Ok(()) } else { socket.set_recv_buffer_size(SOCKET_BUFFER_BYTES) };
    for (name, result) in [("receive", receive), ("send", socket.set_send_buffer_size(SOCKET_BUFFER_BYTES))] {
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
