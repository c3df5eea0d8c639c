//! Kernels that hand each other packets, in a time that goes on with each call.
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant as Wall};

use sendrec_core::limits::DATAGRAM_BYTES_MAX;
use sendrec_core::message::copied;
use sendrec_core::{
    Address, Buffering, Config, Entry, Epoch, From, Handing, Instant, Kernel, LocalId, Machine, Out, Outcome,
    Overflow, Path, Source, SpawnOptions, Syscall, Target, WaitToken,
};
use sendrec_measure::{Fallible, MESSAGE_BYTES};

/// What a call takes in the kernels' time.
const CALL: Duration = Duration::from_micros(2);
/// Calls between two looks at the clock.
const CALLS_AT_ONCE: usize = 256;
const SERVER: usize = 0;

struct Site {
    kernel: Kernel,
    out: Out,
}

/// Machine 0 serves, all others call.
struct Net {
    now: Instant,
    sites: Vec<Site>,
    buffer: Vec<u8>,
    /// Messages that the server has taken and not answered.
    taken: VecDeque<(LocalId, Source)>,
}

fn machine(number: usize) -> Machine {
    let number = number as u32 + 1;
    Machine::new(SocketAddr::from(([10, 0, (number >> 8) as u8, number as u8], 7_000)))
}

fn number(machine: Machine) -> Option<usize> {
    match machine.socket_addr() {
        SocketAddr::V4(v4) => {
            let [.., high, low] = v4.ip().octets();
            (usize::from(high) << 8 | usize::from(low)).checked_sub(1)
        }
        SocketAddr::V6(_) => None,
    }
}

impl Net {
    fn new(clients: usize) -> Self {
        let site = |place: usize| Site {
            kernel: Kernel::new(Instant::ZERO, Config::default(), machine(place), Epoch(1), place as u64),
            out: Out::default(),
        };
        Self {
            now: Instant::ZERO,
            sites: (0..=clients).map(site).collect(),
            buffer: vec![0; DATAGRAM_BYTES_MAX],
            taken: VecDeque::new(),
        }
    }

    /// New processes of a machine; those of the server wait for messages.
    fn spawn(&mut self, place: usize, processes: usize) -> Fallible<Vec<LocalId>> {
        let mut ids = Vec::new();
        for _ in 0..processes {
            let options = SpawnOptions { threads: true, ..SpawnOptions::default() };
            let Site { kernel, out } = &mut self.sites[place];
            ids.push(kernel.spawn(self.now, options, out).map_err(|error| error.to_string())?);
        }
        if place == SERVER {
            for id in &ids {
                self.receive(*id);
            }
        }
        Ok(ids)
    }

    fn receive(&mut self, server: LocalId) {
        let Site { kernel, out } = &mut self.sites[SERVER];
        let receive = Syscall::Receive { from: From::Any, wait: true, blocking: false };
        if let Entry::Done(Outcome::Received(received)) = kernel.trap(self.now, server, receive, out) {
            self.taken.push_back((server, received.source));
            self.receive(server);
        }
    }

    fn start(&mut self, client: usize, process: LocalId, server: LocalId) -> Fallible<WaitToken> {
        let Site { kernel, out } = &mut self.sites[client];
        let call = Syscall::Call {
            to: Target::Place(Address::new(machine(SERVER), server)),
            message: copied(&[7; MESSAGE_BYTES]),
            options: kernel.config().options,
            blocking: false,
            handing: Handing::Copied,
        };
        match kernel.trap(self.now, process, call, out) {
            Entry::Wait(token) => Ok(token),
            Entry::Done(outcome) => Err(format!("a call was over at once: {outcome:?}").into()),
        }
    }

    /// The server answers what it has taken, the oldest first, but for so many.
    fn answer(&mut self, but: usize) {
        while self.taken.len() > but {
            let Some((process, source)) = self.taken.pop_front() else { return };
            let Site { kernel, out } = &mut self.sites[SERVER];
            let message = copied(&[7; MESSAGE_BYTES]);
            let reply = Syscall::Reply { source, message, blocking: false, handing: Handing::Copied };
            kernel.trap(self.now, process, reply, out);
        }
    }

    /// What was sent by `place` arrives, and so do the server's processes get their messages.
    fn carry(&mut self, place: usize) {
        let mut transmits = std::mem::take(&mut self.sites[place].out.transmits);
        for transmit in transmits.drain(..) {
            let Some(to) = number(transmit.path.remote) else { continue };
            let Some(length) = transmit.packet.write(&mut self.buffer) else { continue };
            let Site { kernel, out } = &mut self.sites[to];
            kernel.datagrams(self.now, [(Path::to(machine(place)), &self.buffer[..length])], out);
        }
        self.sites[place].out.transmits = transmits;
        let mut wakes = std::mem::take(&mut self.sites[SERVER].out.wakes);
        for wake in wakes.drain(..) {
            if let Some(Outcome::Received(received)) = self.sites[SERVER].kernel.claim(wake.token) {
                self.taken.push_back((wake.process, received.source));
                self.receive(wake.process);
            }
        }
        self.sites[SERVER].out.wakes = wakes;
    }

    /// Time goes on; whoever is due has a tick.
    fn pass(&mut self, client: usize) {
        self.now = self.now + CALL;
        for place in [SERVER, client] {
            let Site { kernel, out } = &mut self.sites[place];
            if kernel.next_deadline().is_some_and(|due| due <= self.now) {
                kernel.tick(self.now, out);
                self.carry(place);
            }
        }
    }

    fn finish(&mut self, client: usize, token: WaitToken) -> Fallible<()> {
        let Site { kernel, out } = &mut self.sites[client];
        out.wakes.clear();
        match kernel.claim(token) {
            Some(Outcome::Received(received)) if received.message.len() == MESSAGE_BYTES => Ok(()),
            other => Err(format!("a call came to {other:?}").into()),
        }
    }

    /// One call, there and back.
    fn call(&mut self, client: usize, process: LocalId, server: LocalId) -> Fallible<()> {
        let token = self.start(client, process, server)?;
        self.exchange(client, 0);
        self.finish(client, token)?;
        self.pass(client);
        Ok(())
    }

    /// One message that wants no reply, and its acknowledgement.
    fn send(&mut self, client: usize, process: LocalId, server: LocalId) -> Fallible<()> {
        let Site { kernel, out } = &mut self.sites[client];
        let send = Syscall::Send {
            to: Target::Place(Address::new(machine(SERVER), server)),
            message: copied(&[7; MESSAGE_BYTES]),
            options: kernel.config().options,
            one_way: true,
            blocking: false,
            handing: Handing::Copied,
        };
        let Entry::Wait(token) = kernel.trap(self.now, process, send, out) else {
            return Err("a message was sent at once".into());
        };
        self.exchange(client, 0);
        let Site { kernel, out } = &mut self.sites[client];
        out.wakes.clear();
        match kernel.claim(token) {
            Some(Outcome::Sent(_)) => Ok(()),
            other => Err(format!("a message came to {other:?}").into()),
        }
    }

    /// What was begun takes its course, but for what the server is not to answer yet. Machines that meet for the first time
    /// have more to say to each other.
    fn exchange(&mut self, client: usize, but: usize) {
        loop {
            self.carry(client);
            self.answer(but);
            self.carry(SERVER);
            if self.sites[client].out.transmits.is_empty() {
                return;
            }
        }
    }
}

/// Nanoseconds of each call, once all that calls has called.
pub(super) fn time_each(
    calls_first: usize,
    time: Duration,
    mut call: impl FnMut() -> Fallible<()>,
) -> Fallible<f64> {
    for _ in 0..calls_first {
        call()?;
    }
    let begin = Wall::now();
    let mut calls = 0;
    while begin.elapsed() < time {
        for _ in 0..CALLS_AT_ONCE {
            call()?;
        }
        calls += CALLS_AT_ONCE;
    }
    Ok(begin.elapsed().as_nanos() as f64 / calls as f64)
}

/// Each process of one machine calls, in turn, each another of the other's.
pub(super) fn processes(count: usize, span: Duration) -> Fallible<f64> {
    let mut net = Net::new(1);
    let (servers, clients) = (net.spawn(SERVER, count)?, net.spawn(1, count)?);
    let mut pairs = clients.into_iter().zip(servers).cycle();
    time_each(count, span, || {
        let (client, server) = pairs.next().ok_or("no processes")?;
        net.call(1, client, server)
    })
}

/// A process of each machine calls, in turn.
pub(super) fn peers(count: usize, span: Duration) -> Fallible<f64> {
    let mut net = Net::new(count);
    let server = net.spawn(SERVER, 1)?[0];
    let clients = (1..=count).map(|place| Ok((place, net.spawn(place, 1)?[0])));
    let clients = clients.collect::<Fallible<Vec<_>>>()?;
    let mut clients = clients.into_iter().cycle();
    time_each(count, span, || {
        let (place, client) = clients.next().ok_or("no peers")?;
        net.call(place, client, server)
    })
}

/// So many messages wait in a mailbox: as one more comes, the oldest is taken.
pub(super) fn mailbox(count: usize, span: Duration) -> Fallible<f64> {
    let mut net = Net::new(1);
    let client = net.spawn(1, 1)?[0];
    let (messages, overflow) = (count + 1, Overflow::default());
    let buffering = Some(Buffering::Mailbox { messages, bytes: usize::MAX, overflow });
    let Site { kernel, out } = &mut net.sites[SERVER];
    let server = kernel
        .spawn(net.now, SpawnOptions { buffering, ..SpawnOptions::default() }, out)
        .map_err(|error| error.to_string())?;
    for _ in 0..count {
        net.send(1, client, server)?;
    }
    time_each(count, span, || {
        net.send(1, client, server)?;
        let Site { kernel, out } = &mut net.sites[SERVER];
        let receive = Syscall::Receive { from: From::Any, wait: false, blocking: false };
        match kernel.trap(net.now, server, receive, out) {
            Entry::Done(Outcome::Received(_)) => {}
            other => return Err(format!("a receive came to {other:?}").into()),
        }
        net.pass(1);
        Ok(())
    })
}

/// One process has so many calls outstanding: as one is begun, the oldest is answered.
pub(super) fn outstanding(count: usize, span: Duration) -> Fallible<f64> {
    let mut net = Net::new(1);
    let (server, client) = (net.spawn(SERVER, 1)?[0], net.spawn(1, 1)?[0]);
    let mut tokens = VecDeque::new();
    // What the window holds back is the client's: the server has the others.
    let taken_max = count.min(net.sites[1].kernel.config().window as usize) - 1;
    for _ in 1..count {
        tokens.push_back(net.start(1, client, server)?);
        net.exchange(1, taken_max);
    }
    time_each(count, span, || {
        tokens.push_back(net.start(1, client, server)?);
        net.exchange(1, taken_max);
        let oldest = tokens.pop_front().ok_or("no call is outstanding")?;
        net.finish(1, oldest)?;
        net.pass(1);
        Ok(())
    })
}
