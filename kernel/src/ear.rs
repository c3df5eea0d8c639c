//! How a node hears LOCATE that is sent to a multicast group: a socket and a thread of its own.
//!
//! The thread sleeps in its own poll without a time-out, so that an idle node makes no context switches. What it hears
//! it hands to the kernel; HERE leaves by the main socket, since its source says where the process is.
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use mio::net::UdpSocket;
use mio::{Events, Interest, Poll, Token};
use sendrec_core::limits::DATAGRAM_BYTES_MAX;
use sendrec_core::{Machine, Path};
use socket2::{Domain, Protocol, Type};

use crate::boot::BootError;
use crate::discovery::{Discovery, interfaces, is_locate};
use crate::shared::Shared;

const GROUP: Token = Token(0);
const WAKER: Token = Token(1);

/// A socket that has joined the group, and where its thread sleeps.
pub(crate) struct Ear {
    udp: UdpSocket,
    poll: Poll,
}

impl Ear {
    /// The ear of a node bound to `bound`, if it is to have one.
    pub(crate) fn open(discovery: &Discovery, bound: SocketAddr) -> Result<Option<Self>, BootError> {
        let Discovery::Multicast { group, interface, listen: true } = *discovery else { return Ok(None) };
        let joined = join(group, interface, bound).map_err(|source| BootError::Multicast {
            group,
            listen: bound,
            source,
        })?;
        let mut udp = UdpSocket::from_std(joined);
        let poll = Poll::new()?;
        poll.registry().register(&mut udp, GROUP, Interest::READABLE)?;
        Ok(Some(Self { udp, poll }))
    }

    /// What gets the thread out of its poll, when the node is down.
    pub(crate) fn waker(&self) -> io::Result<mio::Waker> {
        mio::Waker::new(self.poll.registry(), WAKER)
    }

    /// The thread's body; ends when the node is down.
    pub(crate) fn hear(mut self, shared: &Arc<Shared>) {
        const EVENTS: usize = 4;
        let mut events = Events::with_capacity(EVENTS);
        let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
        while !shared.is_down() {
            match self.poll.poll(&mut events, None) {
                Ok(()) => self.take_all(shared, &mut buffer),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    log::error!("{}: LOCATE is heard no longer: {error}", shared.machine);
                    return;
                }
            }
        }
    }

    fn take_all(&self, shared: &Arc<Shared>, buffer: &mut [u8]) {
        while !shared.is_down() {
            match self.udp.recv_from(buffer) {
                Ok((length, from)) => {
                    let bytes = &buffer[..length];
                    // A group is for asking who is where. Whatever else is sent there would have every machine at work.
                    if !is_locate(bytes) {
                        log::debug!("{}: {from} sent the group what is no LOCATE", shared.machine);
                        continue;
                    }
                    let datagram = [(Path::to(Machine::new(from)), bytes)];
                    shared.with_kernel(|inner, now, scratch| {
                        inner.kernel.datagrams(now, datagram, &mut scratch.out);
                    });
                    shared.keeper.rouse();
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    if error.kind() != io::ErrorKind::WouldBlock {
                        log::debug!("{}: receiving from the group failed: {error}", shared.machine);
                    }
                    return;
                }
            }
        }
    }
}

/// A socket on the group's port that several nodes of one system may have, joined on every interface it is to hear.
fn join(group: SocketAddr, interface: Option<IpAddr>, bound: SocketAddr) -> io::Result<std::net::UdpSocket> {
    let socket = socket2::Socket::new(Domain::for_address(group), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_reuse_address(true)?;
    // Where each of several sockets would else need it to share the port. On Linux it would keep other users out.
    #[cfg(not(target_os = "linux"))]
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    // Bound to the group, it hears nothing that was sent to the port of a machine.
    socket.bind(&group.into())?;
    match group {
        SocketAddr::V4(v4) => {
            // Or it would hear what arrives on interfaces that another program has joined on.
            #[cfg(target_os = "linux")]
            socket.set_multicast_all_v4(false)?;
            join_v4(&socket, *v4.ip(), &interfaces(interface, bound)?)?;
        }
        SocketAddr::V6(v6) => {
            #[cfg(target_os = "linux")]
            socket.set_multicast_all_v6(false)?;
            socket.join_multicast_v6(v6.ip(), v6.scope_id())?;
        }
    }
    Ok(socket.into())
}

/// Joins on each interface; one that works is enough.
fn join_v4(socket: &socket2::Socket, group: Ipv4Addr, interfaces: &[Ipv4Addr]) -> io::Result<()> {
    let mut joined = false;
    let mut last = None;
    for interface in interfaces {
        match socket.join_multicast_v4(&group, interface) {
            Ok(()) => joined = true,
            Err(error) => {
                log::debug!("{group} cannot be joined on {interface}: {error}");
                last = Some(error);
            }
        }
    }
    match last {
        Some(error) if !joined => Err(error),
        _ => Ok(()),
    }
}
