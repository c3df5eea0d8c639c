//! Sockets' buffers, the same for all that are measured side by side: as the node asks for them.
use std::io;
use std::net::UdpSocket;
use std::os::fd::AsFd;

use rustix::net::sockopt;
use sendrec_kernel::SOCKET_BUFFER_BYTES;
use serde::{Deserialize, Serialize};
use socket2::SockRef;

use super::tcp;
use sendrec_measure::Fallible;

/// Asks for buffers as large as the node's; for receiving with force, where this program may.
pub(crate) fn enlarge(socket: &impl AsFd) -> io::Result<()> {
    let options = SockRef::from(socket);
    if sockopt::set_socket_recv_buffer_size_force(socket, SOCKET_BUFFER_BYTES).is_err() {
        options.set_recv_buffer_size(SOCKET_BUFFER_BYTES)?;
    }
    options.set_send_buffer_size(SOCKET_BUFFER_BYTES)
}

/// What the system granted for receiving, in its own count, which is up to twice of what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Granted {
    pub(crate) asked_bytes: u64,
    pub(crate) udp_bytes: u64,
    pub(crate) tcp_bytes: u64,
}

impl Granted {
    /// To sockets of this program.
    pub(crate) fn here() -> Fallible<Self> {
        let udp = UdpSocket::bind("127.0.0.1:0")?;
        enlarge(&udp)?;
        let listener = tcp::listener(true)?;
        let of = |socket: SockRef<'_>| socket.recv_buffer_size().map(|bytes| bytes as u64);
        Ok(Self {
            asked_bytes: SOCKET_BUFFER_BYTES as u64,
            udp_bytes: of(SockRef::from(&udp))?,
            tcp_bytes: of(SockRef::from(&listener))?,
        })
    }
}

impl std::fmt::Display for Granted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [asked, udp, tcp] = [self.asked_bytes, self.udp_bytes, self.tcp_bytes].map(super::case::Size);
        write!(f, "receive buffers: {asked} asked for; granted, as the system counts: UDP {udp}, TCP {tcp}")
    }
}
