//! Two or three kernels, a virtual clock, and a network whose every packet a test may drop, hold or forge.
#![allow(dead_code, missing_docs, unreachable_pub)]

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use sendrec_core::rng::Rng;
use sendrec_core::trace::{Event, Fate, What};
use sendrec_core::wire::{HEADER_BYTES, Packet, PacketType, View};
use sendrec_core::{
    Address, CallError, Config, Entry, Epoch, From, Instant, Kernel, LocalId, Machine, Options, Out, Outcome,
    Path, Received, Reliability, Source, SpawnOptions, Syscall, Target, WaitToken,
};

/// One way across the network.
pub const LATENCY: Duration = Duration::from_millis(1);
/// The server's delay before it acknowledges a request that has no reply yet.
pub const LATE_ACK: Duration = Duration::from_millis(20);

pub fn machine(number: usize) -> Machine {
    Machine::new(SocketAddr::from(([10, 0, 0, number as u8 + 1], 7000)))
}

/// The address of a process of the kernel with this number.
pub fn at(kernel: usize, process: LocalId) -> Address {
    Address::new(machine(kernel), process)
}

/// At most once, so reliably.
pub fn reliably(reliability: Reliability) -> Options {
    Options { reliability, ..Options::default() }
}

/// The usual configuration, less the delay of acknowledgements: what is sent is sent at once.
pub fn prompt() -> Config {
    Config { ack_delay: Duration::ZERO, ..Config::default() }
}

/// A network that treats every packet as chance has it.
pub struct Chaos {
    pub rng: Rng,
    pub loss: f64,
    pub duplicate: f64,
    /// Each copy is late by less than this.
    pub delay: Duration,
}

/// And back; beyond all kernels for a machine that no kernel is.
fn number_of(address: Machine) -> usize {
    (0..16).find(|number| machine(*number) == address).unwrap_or(usize::MAX)
}

struct Flight {
    due: Instant,
    from: Machine,
    to: Machine,
    bytes: Vec<u8>,
}

/// A line for each packet, in the order sent: `A REQ` or, if the network lost it, `A REQ lost`.
pub struct Net {
    pub now: Instant,
    pub kernels: Vec<Kernel>,
    configs: Vec<Config>,
    flights: VecDeque<Flight>,
    /// What was sent, one word or two each, for comparison with a slide.
    pub log: Vec<String>,
    pub events: Vec<(usize, Event)>,
    /// The next packets of these types, sent by this machine, die.
    drops: Vec<(usize, PacketType)>,
    /// Copies of every packet, to be replayed.
    pub seen: Vec<(Machine, Machine, PacketType, Vec<u8>)>,
    pub held: Vec<(usize, PacketType)>,
    pub holding: Vec<(Machine, Machine, Vec<u8>)>,
    /// The next packets of these types have a bit of their payload changed on their way.
    damages: Vec<(usize, PacketType)>,
    pub chaos: Option<Chaos>,
    cut: bool,
}

impl Net {
    pub fn new(machines: usize, config: &Config) -> Self {
        Self::with(&vec![config.clone(); machines])
    }

    pub fn with(configs: &[Config]) -> Self {
        // Long enough for the network's few milliseconds, whatever the default is.
        let late_ack = |config: &Config| {
            if config.late_ack == Config::default().late_ack { Some(LATE_ACK) } else { config.late_ack }
        };
        let configs: Vec<_> = configs
            .iter()
            .map(|config| Config { trace: true, late_ack: late_ack(config), ..config.clone() })
            .collect();
        // Time does not begin at zero, or uptimes would all look like ages.
        let now = Instant::from_nanos(1_000_000_000);
        let boot = |(number, config): (usize, &Config)| {
            Kernel::new(now, config.clone(), machine(number), Epoch(100), number as u64 + 1)
        };
        let kernels = configs.iter().enumerate().map(boot).collect();
        Self {
            now,
            kernels,
            configs,
            flights: VecDeque::new(),
            log: Vec::new(),
            events: Vec::new(),
            drops: Vec::new(),
            seen: Vec::new(),
            held: Vec::new(),
            holding: Vec::new(),
            damages: Vec::new(),
            chaos: None,
            cut: false,
        }
    }

    /// The usual pair: machine 0 the client's, machine 1 the server's, first incarnations both.
    pub fn pair(config: &Config) -> (Self, LocalId, LocalId) {
        let config = Config { first_incarnation: true, ..config.clone() };
        let mut net = Self::new(2, &config);
        let client = net.spawn(0);
        let server = net.spawn_as(1, 1);
        (net, client, server)
    }

    pub fn spawn(&mut self, kernel: usize) -> LocalId {
        let mut out = Out::default();
        self.kernels[kernel].spawn(self.now, SpawnOptions::default(), &mut out).unwrap()
    }

    pub fn spawn_as(&mut self, kernel: usize, id: u32) -> LocalId {
        self.spawn_with(kernel, SpawnOptions { local_id: Some(LocalId(id)), ..SpawnOptions::default() })
    }

    pub fn spawn_with(&mut self, kernel: usize, options: SpawnOptions) -> LocalId {
        let mut out = Out::default();
        let id = self.kernels[kernel].spawn(self.now, options, &mut out).unwrap();
        self.apply(kernel, out);
        id
    }

    pub fn exit(&mut self, kernel: usize, process: LocalId) {
        let mut out = Out::default();
        self.kernels[kernel].exit(self.now, process, &mut out);
        self.apply(kernel, out);
    }

    /// The machine stops and boots again at once, in this epoch, knowing nothing.
    pub fn reboot(&mut self, kernel: usize, epoch: u64) {
        let config = Config { first_incarnation: false, ..self.configs[kernel].clone() };
        self.kernels[kernel] =
            Kernel::new(self.now, config, machine(kernel), Epoch(epoch), kernel as u64 + 1_000 * epoch);
    }

    /// The next packet of this type that this machine sends dies on its way.
    pub fn drop_next(&mut self, kernel: usize, kind: PacketType) {
        self.drops.push((kernel, kind));
    }

    /// The next packet of this type that this machine sends is held until `release`.
    pub fn hold_next(&mut self, kernel: usize, kind: PacketType) {
        self.held.push((kernel, kind));
    }

    /// The next packet of this type that this machine sends has its last bit changed on its way.
    pub fn damage_next(&mut self, kernel: usize, kind: PacketType) {
        self.damages.push((kernel, kind));
    }

    pub fn release(&mut self) {
        for (from, to, bytes) in std::mem::take(&mut self.holding) {
            self.flights.push_back(Flight { due: self.now + LATENCY, from, to, bytes });
        }
    }

    /// From here on every packet dies, or no longer.
    pub fn cut(&mut self, cut: bool) {
        self.cut = cut;
    }

    pub fn trap(&mut self, kernel: usize, process: LocalId, call: Syscall) -> Entry {
        let mut out = Out::default();
        let entry = self.kernels[kernel].trap(self.now, process, call, &mut out);
        self.apply(kernel, out);
        entry
    }

    pub fn call(&mut self, kernel: usize, process: LocalId, to: impl Into<Target>, text: &str) -> WaitToken {
        let options = self.configs[kernel].options;
        self.call_with(kernel, process, to, text, options)
    }

    pub fn call_with(
        &mut self,
        kernel: usize,
        process: LocalId,
        to: impl Into<Target>,
        text: &str,
        options: Options,
    ) -> WaitToken {
        let message = Bytes::copy_from_slice(text.as_bytes());
        match self.trap(
            kernel,
            process,
            Syscall::Call {
                to: to.into(),
                message,
                options,
                blocking: false,
                handing: sendrec_core::Handing::Moved,
            },
        ) {
            Entry::Wait(token) => token,
            Entry::Done(outcome) => panic!("the call was over at once: {outcome:?}"),
        }
    }

    /// A request whose reply is to come through the mailbox. The sender does nothing else until it is safe.
    pub fn send(
        &mut self,
        kernel: usize,
        process: LocalId,
        to: impl Into<Target>,
        text: &str,
        options: Options,
    ) -> Entry {
        self.trap(kernel, process, sending(to.into(), text, options, false))
    }

    pub fn send_one_way(
        &mut self,
        kernel: usize,
        process: LocalId,
        to: impl Into<Target>,
        text: &str,
        options: Options,
    ) -> Entry {
        self.trap(kernel, process, sending(to.into(), text, options, true))
    }

    /// A call by a process that does nothing else meanwhile.
    pub fn call_and_block(&mut self, kernel: usize, process: LocalId, to: Address, text: &str) -> Entry {
        let (message, options) = (Bytes::copy_from_slice(text.as_bytes()), self.configs[kernel].options);
        self.trap(
            kernel,
            process,
            Syscall::Call {
                to: to.into(),
                message,
                options,
                blocking: true,
                handing: sendrec_core::Handing::Moved,
            },
        )
    }

    /// Waits for a message.
    pub fn receive(&mut self, kernel: usize, process: LocalId, from: From) -> Entry {
        self.trap(kernel, process, Syscall::Receive { from, wait: true, blocking: true })
    }

    /// Takes the request that is in the mailbox and answers it; returns what it said.
    pub fn serve(&mut self, kernel: usize, process: LocalId, answer: &str) -> String {
        let request = self.take(kernel, process).expect("there is a request");
        self.reply(kernel, process, request.source, answer);
        String::from_utf8(request.message.to_vec()).unwrap()
    }

    pub fn forward(&mut self, kernel: usize, process: LocalId, request: &Received, to: Address) -> Entry {
        let (source, message) = (request.source, request.message.clone());
        self.trap(kernel, process, Syscall::Forward { source, message, to })
    }

    pub fn ping(&mut self, kernel: usize, process: LocalId, to: Address) -> Entry {
        self.trap(kernel, process, Syscall::Ping { to })
    }

    pub fn cancel(&mut self, kernel: usize, token: WaitToken) -> Option<Outcome> {
        let mut out = Out::default();
        let outcome = self.kernels[kernel].cancel(self.now, token, &mut out);
        self.apply(kernel, out);
        outcome
    }

    /// Delivers the last packet of this type once more, now.
    pub fn replay(&mut self, kind: PacketType) {
        let (from, to, bytes) = self.last_of(kind);
        self.inject(number_of(to), from, &bytes);
    }

    /// What is in the mailbox now.
    pub fn take(&mut self, kernel: usize, process: LocalId) -> Option<Received> {
        match self.trap(kernel, process, Syscall::Receive { from: From::Any, wait: false, blocking: false }) {
            Entry::Done(Outcome::Received(received)) => Some(received),
            Entry::Done(Outcome::Nothing) => None,
            other => panic!("a receive brought {other:?}"),
        }
    }

    pub fn reply(&mut self, kernel: usize, process: LocalId, source: Source, text: &str) -> Entry {
        let message = Bytes::copy_from_slice(text.as_bytes());
        self.trap(
            kernel,
            process,
            Syscall::Reply { source, message, blocking: true, handing: sendrec_core::Handing::Moved },
        )
    }

    /// What came of a wait, if anything has.
    pub fn claim(&mut self, kernel: usize, token: WaitToken) -> Option<Outcome> {
        self.kernels[kernel].claim(token)
    }

    /// Delivers an arbitrary datagram now.
    pub fn inject(&mut self, to: usize, from: Machine, bytes: &[u8]) {
        let mut out = Out::default();
        self.kernels[to].datagrams(self.now, [(Path::to(from), bytes)], &mut out);
        self.apply(to, out);
    }

    pub fn inject_packet(&mut self, to: usize, from: Machine, packet: &Packet) {
        let mut bytes = vec![0; packet.wire_bytes()];
        packet.write(&mut bytes).unwrap();
        self.inject(to, from, &bytes);
    }

    fn apply(&mut self, kernel: usize, mut out: Out) {
        while self.kernels[kernel].transmit(self.now, 64 << 10, &mut out) {}
        let from = machine(kernel);
        for event in out.events {
            self.events.push((kernel, event));
        }
        for transmit in out.transmits {
            let mut bytes = vec![0; transmit.packet.wire_bytes()];
            transmit.packet.write(&mut bytes).unwrap();
            let kind = transmit.packet.header.kind.packet_type();
            let to = transmit.path.remote;
            self.seen.push((from, to, kind, bytes.clone()));
            let name = (b'A' + kernel as u8) as char;
            let planned = self.drops.iter().position(|drop| *drop == (kernel, kind));
            if let Some(place) = planned {
                self.drops.remove(place);
            }
            let unlucky = self.chaos.as_mut().is_some_and(|chaos| chaos.rng.chance(chaos.loss));
            if planned.is_some() || self.cut || unlucky {
                self.log.push(format!("{name} {kind} lost"));
                continue;
            }
            self.log.push(format!("{name} {kind}"));
            if let Some(place) = self.damages.iter().position(|damage| *damage == (kernel, kind)) {
                self.damages.remove(place);
                assert!(bytes.len() > HEADER_BYTES, "there is no payload to damage");
                *bytes.last_mut().unwrap() ^= 1;
            }
            if let Some(place) = self.held.iter().position(|held| *held == (kernel, kind)) {
                self.held.remove(place);
                self.holding.push((from, to, bytes));
                continue;
            }
            let now = self.now;
            let everyone = (0..self.kernels.len()).map(machine).filter(|other| *other != from);
            let receivers = if to.is_everyone() { everyone.collect() } else { vec![to] };
            for to in receivers {
                for late in self.latenesses() {
                    let due = now + LATENCY + late;
                    self.flights.push_back(Flight { due, from, to, bytes: bytes.clone() });
                }
            }
        }
    }

    /// How late each copy of a packet is, that of a packet in luck.
    fn latenesses(&mut self) -> Vec<Duration> {
        let Some(Chaos { rng, duplicate, delay, .. }) = &mut self.chaos else { return vec![Duration::ZERO] };
        let copies = if rng.chance(*duplicate) { 2 } else { 1 };
        (0..copies).map(|_| Duration::from_nanos(rng.below(delay.as_nanos() as u64))).collect()
    }

    /// Lets so much time pass, with everything that happens in it.
    pub fn run(&mut self, span: Duration) {
        let end = self.now + span;
        loop {
            let flight = self.flights.iter().map(|flight| flight.due).min();
            let wanted =
                |kernel: &Kernel| kernel.next_deadline().into_iter().chain(kernel.next_output()).min();
            let timer = self.kernels.iter().filter_map(wanted).min();
            let Some(next) = flight.into_iter().chain(timer).min().filter(|next| *next <= end) else { break };
            self.now = self.now.max(next);
            if flight == Some(next) {
                let place = self.flights.iter().position(|flight| flight.due == next).unwrap();
                let flight = self.flights.remove(place).unwrap();
                let to = number_of(flight.to);
                if to < self.kernels.len() {
                    self.inject(to, flight.from, &flight.bytes);
                }
                continue;
            }
            for kernel in 0..self.kernels.len() {
                let mut out = Out::default();
                self.kernels[kernel].tick(self.now, &mut out);
                self.apply(kernel, out);
            }
        }
        self.now = end;
    }

    /// A few round trips, and no timer's worth.
    pub fn settle(&mut self) {
        self.run(LATENCY * 6);
    }

    pub fn fates(&self, kernel: usize, fate: Fate) -> u64 {
        self.kernels[kernel].counters().fate(fate)
    }

    /// How often a process of this machine took a request: how often the operation ran.
    pub fn runs(&self, kernel: usize) -> usize {
        let taken = |event: &Event| matches!(event.what, What::Taken { request: true, .. });
        self.events.iter().filter(|(of, event)| *of == kernel && taken(event)).count()
    }

    /// Parses a packet seen before.
    pub fn last_of(&self, kind: PacketType) -> (Machine, Machine, Vec<u8>) {
        let (from, to, _, bytes) =
            self.seen.iter().rev().find(|(_, _, of, _)| *of == kind).expect("no such packet was sent");
        (*from, *to, bytes.clone())
    }
}

/// Why a call or send failed.
pub fn error(outcome: Option<Outcome>) -> CallError {
    match outcome {
        Some(Outcome::Unsent(unsent)) => unsent.error,
        other => panic!("it did not fail: {other:?}"),
    }
}

/// The token of a trap that did not end at once.
pub fn token(entry: Entry) -> WaitToken {
    match entry {
        Entry::Wait(token) => token,
        Entry::Done(outcome) => panic!("it was over at once: {outcome:?}"),
    }
}

/// The outcome of a trap that ended at once.
pub fn done(entry: Entry) -> Option<Outcome> {
    match entry {
        Entry::Done(outcome) => Some(outcome),
        Entry::Wait(token) => panic!("it waits: {token:?}"),
    }
}

/// What a reply said.
pub fn text(outcome: Option<Outcome>) -> String {
    match outcome {
        Some(Outcome::Received(received)) => String::from_utf8(received.message.to_vec()).unwrap(),
        other => format!("{other:?}"),
    }
}

/// A packet's bytes, parsed and changed.
pub fn mutate(bytes: &[u8], change: impl FnOnce(&mut Packet)) -> Packet {
    let view = View::new(bytes).unwrap();
    let payload = Bytes::copy_from_slice(view.payload());
    let mut packet = Packet { header: *view.header(), payload };
    change(&mut packet);
    packet
}

/// A send that blocks, unless it is one-way.
fn sending(to: Target, text: &str, options: Options, one_way: bool) -> Syscall {
    let message = Bytes::copy_from_slice(text.as_bytes());
    let handing = sendrec_core::Handing::Moved;
    Syscall::Send { to, message, options, one_way, blocking: !one_way, handing }
}
