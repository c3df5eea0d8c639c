//! What is fuzzed, as functions of bytes: the targets call them, and so does a test over the corpus.
#![allow(missing_docs, unreachable_pub)]

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use sendrec_core::wire::{Packet, View};
use sendrec_core::{
    Address, Config, Entry, Epoch, From, Instant, Kernel, LocalId, Machine, Options, Out, Outcome, Path,
    SpawnOptions, Syscall,
};

/// The kernel under test, as others know it.
pub const EPOCH: Epoch = Epoch(100);
/// Bytes of replies the kernel may keep.
/// Short, so that few bytes are a message in pieces.
const PACKET_BYTES: usize = 200;
const LONG_BYTES: usize = 700;
const ARRIVING_BYTES: usize = 4_096;
const CACHE_BYTES: usize = 4_096;
/// Its window.
const WINDOW: u32 = 64;

/// The kernel under test is number 0; it has a call outstanding at process 1 of number 1.
pub fn machine(number: u8) -> Machine {
    Machine::new(SocketAddr::from(([10, 0, 0, number + 1], 7000)))
}

/// What is accepted says all there is: written again it is the same.
pub fn packet(bytes: &[u8]) {
    let _ = View::peek(bytes);
    let Ok(view) = View::new(bytes) else { return };
    let packet = Packet { header: *view.header(), payload: Bytes::copy_from_slice(view.payload()) };
    let mut again = vec![0; packet.wire_bytes()];
    assert_eq!(packet.write(&mut again), Some(bytes.len()));
    assert_eq!(again, bytes, "{packet}");
}

/// One datagram of a fuzzer's input: who sends it, after how long, and its bytes.
pub struct Datagram {
    pub from: u8,
    pub after: Duration,
    pub bytes: Vec<u8>,
}

impl Datagram {
    /// A byte for the sender (low three bits) and the time before it (high five, doubling from 1 ms; 0 is none), two
    /// for the length, and so many bytes.
    pub fn write(&self, input: &mut Vec<u8>) {
        let exponent = (0..32).find(|exponent| span(*exponent) >= self.after).unwrap_or(31);
        input.push(self.from & 7 | exponent << 3);
        input.extend((self.bytes.len() as u16).to_be_bytes());
        input.extend(&self.bytes);
    }

    /// The next one, and the rest of the input. One that is cut short is as long as it is.
    fn read(input: &[u8]) -> Option<(Self, &[u8])> {
        let (&[control, high, low], rest) = input.split_first_chunk()?;
        let length = usize::from(u16::from_be_bytes([high, low])).min(rest.len());
        let (bytes, rest) = rest.split_at(length);
        Some((Self { from: control & 7, after: span(control >> 3), bytes: bytes.to_vec() }, rest))
    }
}

/// 0, 1 ms, 2 ms, and so on to an hour.
fn span(exponent: u8) -> Duration {
    if exponent == 0 { Duration::ZERO } else { Duration::from_millis(1 << (exponent - 1).min(22)) }
}

/// A kernel with a server that answers every other request it gets, and a client that waits for an answer.
struct Bench {
    now: Instant,
    kernel: Kernel,
    server: LocalId,
    client: LocalId,
    turn: usize,
    /// What the input may have filled the tables with.
    datagrams: usize,
}

impl Bench {
    fn new() -> Self {
        let now = Instant::from_nanos(1_000_000_000);
        let config = Config {
            first_incarnation: true,
            cache_bytes: CACHE_BYTES,
            window: WINDOW,
            packet_bytes: PACKET_BYTES,
            first_flight_bytes: 2 * PACKET_BYTES,
            receive_bytes: 10 * PACKET_BYTES,
            arriving_bytes: ARRIVING_BYTES,
            trace: true,
            ..Config::default()
        };
        let mut kernel = Kernel::new(now, config, machine(0), EPOCH, 1);
        let mut out = Out::default();
        let wished = SpawnOptions { local_id: Some(LocalId(1)), ..SpawnOptions::default() };
        let server = kernel.spawn(now, wished, &mut out).expect("the id is free");
        let client = kernel.spawn(now, SpawnOptions::default(), &mut out).expect("there is room");
        let mut bench = Self { now, kernel, server, client, turn: 0, datagrams: 0 };
        let to = Address::new(machine(1), LocalId(1));
        // One in a packet, one in pieces.
        for message in [Bytes::from_static(b"question"), Bytes::from(vec![b'q'; LONG_BYTES])] {
            let (options, handing) = (Options::default(), sendrec_core::Handing::Moved);
            bench.trap(client, Syscall::Call { to: to.into(), message, options, blocking: false, handing });
        }
        bench
    }

    fn trap(&mut self, process: LocalId, call: Syscall) -> Option<Outcome> {
        let mut out = Out::default();
        let entry = self.kernel.trap(self.now, process, call, &mut out);
        self.pull(out);
        match entry {
            Entry::Done(outcome) => Some(outcome),
            Entry::Wait(_) => None,
        }
    }

    fn pass(&mut self, span: Duration) {
        self.now = self.now + span;
        let mut out = Out::default();
        self.kernel.tick(self.now, &mut out);
        self.pull(out);
    }

    fn receive(&mut self, datagram: &Datagram) {
        self.datagrams += 1;
        let mut out = Out::default();
        let batch = [(Path::to(machine(datagram.from)), &datagram.bytes[..])];
        self.kernel.datagrams(self.now, batch, &mut out);
        self.pull(out);
    }

    /// The server takes what there is; it answers a part of it, late ones first.
    fn serve(&mut self) {
        let receive = Syscall::Receive { from: From::Any, wait: false, blocking: false };
        let mut taken = Vec::new();
        while let Some(Outcome::Received(received)) = self.trap(self.server, receive.clone()) {
            taken.push(received);
        }
        while let Some(received) = taken.pop() {
            self.turn += 1;
            let message = match self.turn % 4 {
                // One that goes in pieces.
                1 => [&received.message[..], &[b'r'; LONG_BYTES]].concat().into(),
                _ => received.message,
            };
            if !self.turn.is_multiple_of(3) {
                self.trap(
                    self.server,
                    Syscall::Reply {
                        source: received.source,
                        message,
                        blocking: false,
                        handing: sendrec_core::Handing::Moved,
                    },
                );
            }
        }
    }

    fn exit(&mut self, process: LocalId) {
        let mut out = Out::default();
        self.kernel.exit(self.now, process, &mut out);
        self.pull(out);
    }

    /// As a driver does after every input.
    fn pull(&mut self, mut out: Out) {
        while self.kernel.transmit(self.now, 4 * PACKET_BYTES, &mut out) {}
        self.check(&out);
    }

    /// What must hold whatever came in.
    fn check(&self, out: &Out) {
        for transmit in &out.transmits {
            let mut bytes = vec![0; transmit.packet.wire_bytes()];
            transmit.packet.write(&mut bytes).expect("the buffer is long enough");
            assert!(View::new(&bytes).is_ok(), "{} was sent", transmit.packet);
        }
        let holdings = self.kernel.holdings();
        assert!(holdings.outgoing <= 2 && holdings.kept_bytes <= CACHE_BYTES);
        assert!(holdings.arriving_bytes <= ARRIVING_BYTES && holdings.receiving <= self.datagrams);
        assert!(holdings.sending <= holdings.served + holdings.outgoing);
        assert!(holdings.machines <= 8 && holdings.clients <= self.datagrams);
        assert!(holdings.served <= self.datagrams.min(holdings.clients * WINDOW as usize));
        assert!(self.kernel.next_deadline().is_none_or(|next| next > Instant::ZERO));
    }
}

/// Datagrams of any machines, one after the other. Whatever they are, everything ends at last.
pub fn kernel(mut input: &[u8]) {
    let mut bench = Bench::new();
    while let Some((datagram, rest)) = Datagram::read(input) {
        input = rest;
        bench.pass(datagram.after);
        bench.receive(&datagram);
        if bench.datagrams % 4 == 3 {
            bench.serve();
        }
    }
    bench.exit(bench.server);
    for _ in 0..200 {
        bench.pass(Duration::from_secs(2));
    }
    let holdings = bench.kernel.holdings();
    assert_eq!(holdings.outgoing, 0, "nobody answers, and a call has not ended");
    assert_eq!((holdings.sending, holdings.receiving, holdings.arriving_bytes), (0, 0, 0));
    bench.exit(bench.client);
    assert!(!bench.kernel.is_engaged(), "nobody lives, and something runs");
}
