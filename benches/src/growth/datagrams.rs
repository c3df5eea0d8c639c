//! Calls over UDP, to a server on a node in a child: what a person sees of the growth that kernels alone show bare.
use std::io::ErrorKind;
use std::net::{Ipv4Addr, UdpSocket};
use std::time::{Duration, Instant as Wall};

use sendrec_core::limits::DATAGRAM_BYTES_MAX;
use sendrec_core::message::copied;
use sendrec_core::{
    Address, Config, Entry, Epoch, Handing, Instant, Kernel, LocalId, Machine, Out, Outcome, Path,
    SpawnOptions, Syscall, Target,
};
use sendrec_measure::{Fallible, MESSAGE_BYTES, check_number, put_number};

use super::kernels::time_each;
use crate::child::{Running, Task};
use crate::nodes;

/// So long an answer may take.
const ANSWER: Duration = Duration::from_secs(5);

fn server(child: &Running) -> Fallible<Address> {
    let address = child.greeting();
    address.parse().map_err(|error| format!("{address}: {error:?}").into())
}

/// Microseconds of each call: the processes of one node call, in turn.
pub(super) fn processes(count: usize, span: Duration) -> Fallible<f64> {
    let child = Running::start(&Task::Node, None)?;
    let server = server(&child)?;
    let node = nodes::boot()?;
    let callers = (0..count).map(|_| nodes::spawn(&node)).collect::<Fallible<Vec<_>>>()?;
    let mut callers = callers.iter().zip(1..).cycle();
    let nanos = time_each(count, span, || {
        let (caller, number) = callers.next().ok_or("no processes")?;
        nodes::call(caller, server, number)
    })?;
    Ok(nanos / 1e3)
}

/// A machine whose kernel is driven by hand: a node for each of a thousand would have a thousand threads.
struct Peer {
    socket: UdpSocket,
    kernel: Kernel,
    process: LocalId,
    out: Out,
}

impl Peer {
    fn boot(number: u64, begin: Wall) -> Fallible<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.set_nonblocking(true)?;
        let machine = Machine::new(socket.local_addr()?);
        let now = since(begin);
        let mut kernel = Kernel::new(now, Config::default(), machine, Epoch(number + 1), number);
        let mut out = Out::default();
        let process =
            kernel.spawn(now, SpawnOptions::default(), &mut out).map_err(|error| error.to_string())?;
        Ok(Self { socket, kernel, process, out })
    }

    fn send(&mut self, buffer: &mut [u8]) -> Fallible<()> {
        for transmit in self.out.transmits.drain(..) {
            if let Some(length) = transmit.packet.write(buffer) {
                self.socket.send_to(&buffer[..length], transmit.path.remote.socket_addr())?;
            }
        }
        Ok(())
    }

    fn call(&mut self, server: Address, number: u64, begin: Wall, buffer: &mut [u8]) -> Fallible<()> {
        let mut message = [0; MESSAGE_BYTES];
        put_number(&mut message, number);
        let call = Syscall::Call {
            to: Target::Place(server),
            message: copied(&message),
            options: self.kernel.config().options,
            blocking: true,
            handing: Handing::Copied,
        };
        let Entry::Wait(token) = self.kernel.trap(since(begin), self.process, call, &mut self.out) else {
            return Err("a call was over at once".into());
        };
        let asked = since(begin);
        loop {
            self.send(buffer)?;
            if let Some(outcome) = self.kernel.claim(token) {
                let Outcome::Received(received) = outcome else {
                    return Err(format!("call {number} came to {outcome:?}").into());
                };
                return check_number(&received.message, number);
            }
            match self.socket.recv_from(buffer) {
                Ok((length, from)) => {
                    let datagram = (Path::to(Machine::new(from)), &buffer[..length]);
                    self.kernel.datagrams(since(begin), [datagram], &mut self.out);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    let now = since(begin);
                    if now.since(asked) > ANSWER {
                        return Err(format!("call {number} was not answered").into());
                    }
                    if self.kernel.next_deadline().is_some_and(|due| due <= now) {
                        self.kernel.tick(now, &mut self.out);
                    }
                    std::thread::yield_now();
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

fn since(begin: Wall) -> Instant {
    Instant::from_nanos(begin.elapsed().as_nanos() as u64)
}

/// Microseconds of each call: a process of each of so many machines calls, in turn.
pub(super) fn peers(count: usize, span: Duration) -> Fallible<f64> {
    let child = Running::start(&Task::Node, None)?;
    let server = server(&child)?;
    let begin = Wall::now();
    let mut peers =
        (0..count as u64).map(|number| Peer::boot(number, begin)).collect::<Fallible<Vec<_>>>()?;
    let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
    let mut number = 0;
    let nanos = time_each(count, span, || {
        number += 1;
        peers[number as usize % count].call(server, number, begin, &mut buffer)
    })?;
    Ok(nanos / 1e3)
}
