//! Waiting for a datagram as the node does: poll and yield for a while, then block.
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use sendrec_kernel::LOOKING;

/// Receives into `buffer` from a socket that does not block; after `limit` in which nothing came the datagram is lost.
pub fn receive_looking(
    udp: &UdpSocket,
    buffer: &mut [u8],
    limit: Option<Duration>,
) -> io::Result<(usize, SocketAddr)> {
    looking(udp, limit, || udp.recv_from(buffer))
}

/// The same, for whatever way to receive.
pub fn looking<R>(
    udp: &UdpSocket,
    limit: Option<Duration>,
    mut receive: impl FnMut() -> io::Result<R>,
) -> io::Result<R> {
    let mut since = None;
    loop {
        match receive() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            done => return done,
        }
        let now = Instant::now();
        if now - *since.get_or_insert(now) <= LOOKING {
            std::thread::yield_now();
            continue;
        }
        let limit = limit.and_then(|limit| Timespec::try_from(limit).ok());
        if poll(&mut [PollFd::new(udp, PollFlags::IN)], limit.as_ref())? == 0 {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "a datagram was lost"));
        }
    }
}
