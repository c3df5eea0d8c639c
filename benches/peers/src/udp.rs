//! The floor: datagrams of the same bytes as a null call's, between unconnected sockets.
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};

use crate::measure::{Budget, Fallible, Figure, MESSAGE_BYTES, Tell, check_number, put_number, round_trips};

/// sendrec's header and a message.
const DATAGRAM_BYTES: usize = sendrec_core::wire::HEADER_BYTES + MESSAGE_BYTES;
/// How long one looks before one sleeps, as a node does.
const LOOKING: Duration = sendrec_kernel::LOOKING;

type Receive = fn(&UdpSocket, &mut [u8]) -> io::Result<(usize, SocketAddr)>;

fn block(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
    socket.recv_from(buffer)
}

/// Looks, yields, and sleeps in the end.
fn look(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
    loop {
        let begin = Instant::now();
        loop {
            match socket.recv_from(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                received => return received,
            }
            if begin.elapsed() > LOOKING {
                break;
            }
            std::thread::yield_now();
        }
        poll(&mut [PollFd::new(socket, PollFlags::IN)], None)?;
    }
}

fn serve(tell: Tell<'_>, receive: Receive, looks: bool) -> Fallible<()> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.set_nonblocking(looks)?;
    tell(&socket.local_addr()?.to_string())?;
    let mut buffer = [0; DATAGRAM_BYTES];
    loop {
        let (length, from) = receive(&socket, &mut buffer)?;
        socket.send_to(&buffer[..length], from)?;
    }
}

fn call(address: &str, budget: Budget, receive: Receive, looks: bool) -> Fallible<Figure> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.set_nonblocking(looks)?;
    let server: SocketAddr = address.parse()?;
    let mut buffer = [0; DATAGRAM_BYTES];
    round_trips(budget, |number| {
        put_number(&mut buffer, number);
        socket.send_to(&buffer, server)?;
        let (length, _) = receive(&socket, &mut buffer)?;
        check_number(&buffer[..length], number)
    })
}

pub(crate) fn serve_blocking(tell: Tell<'_>) -> Fallible<()> {
    serve(tell, block, false)
}

pub(crate) fn call_blocking(address: &str, budget: Budget) -> Fallible<Figure> {
    call(address, budget, block, false)
}

pub(crate) fn serve_yielding(tell: Tell<'_>) -> Fallible<()> {
    serve(tell, look, true)
}

pub(crate) fn call_yielding(address: &str, budget: Budget) -> Fallible<Figure> {
    call(address, budget, look, true)
}
