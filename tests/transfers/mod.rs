//! Every protocol x error control x loss: a message of each length goes there and comes back, byte for byte (slide 38).
//!
//! In a world by seed, and over UDP with the fault shim on both sides. Deliberately not here: how long it takes, which the
//! benchmarks measure.
use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

use sendrec_core::fault::Faults;
use sendrec_core::rng::Rng;
use sendrec_core::{ErrorControl, Protocol, Transfer};
use sendrec_kernel::{Node, NodeConfig};
use sendrec_sim::{Link, World};
use sendrec_trap::{Address, Bytes, Config, From, LocalId, Options, Process, SpawnOptions, Trap};

/// The parts of all packets that are lost, each way.
pub const LOSSES: [f64; 5] = [0.0, 0.001, 0.01, 0.05, 0.2];
/// From one byte to 64 MiB.
pub const LENGTHS: [usize; 5] = [1, 1_393, 100_000, 1 << 20, 64 << 20];

const SERVER: LocalId = LocalId(1);
/// Ethernet's.
const PACKET_BYTES: u32 = 1_472;
/// From so long a message on packets are long too, or the longest would take a hundred thousand.
const LONG_BYTES: usize = 16 << 20;
const LONG_PACKET_BYTES: u32 = 60_000;
/// Packets lost in one go, on average, where losses come in bursts.
const BURST_PACKETS: f64 = 4.0;

/// One message and what befalls it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Case {
    /// When pieces go.
    pub protocol: Protocol,
    /// What goes again.
    pub errors: ErrorControl,
    /// The part of all packets that is lost.
    pub loss: f64,
    /// Whether several are lost in one go.
    pub bursts: bool,
    /// The message's length.
    pub bytes: usize,
    /// Which packets are lost, and what the message says.
    pub seed: u64,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { protocol, errors, loss, bursts, bytes, seed } = self;
        let pattern = if *bursts { "in bursts" } else { "independent" };
        write!(f, "{protocol:?}, {errors:?}, loss {loss} {pattern}, {bytes} bytes, seed {seed}")
    }
}

/// All of these lengths.
pub fn all(lengths: &[usize], seed: u64) -> impl Iterator<Item = Case> {
    let protocols = [
        Protocol::StopAndWait,
        Protocol::SlidingWindow { packets: 64, ack_every: 1 },
        Protocol::SlidingWindow { packets: 32, ack_every: 8 },
        Protocol::Blast { packets: None },
        Protocol::Blast { packets: NonZeroU32::new(64) },
    ];
    let errors = [ErrorControl::Full, ErrorControl::GoBackN, ErrorControl::Selective];
    let weather = LOSSES.iter().flat_map(|loss| [false, true].map(|bursts| (*loss, bursts)));
    // Without losses there is nothing that comes in bursts.
    let weather: Vec<_> = weather.filter(|(loss, bursts)| *loss > 0.0 || !bursts).collect();
    let lengths = lengths.to_vec();
    protocols.into_iter().flat_map(move |protocol| {
        let (weather, lengths) = (weather.clone(), lengths.clone());
        errors.into_iter().flat_map(move |errors| {
            let lengths = lengths.clone();
            weather.clone().into_iter().flat_map(move |(loss, bursts)| {
                let case = move |bytes| Case { protocol, errors, loss, bursts, bytes, seed };
                lengths.clone().into_iter().map(case)
            })
        })
    })
}

impl Case {
    fn faults(&self) -> Faults {
        let Self { loss, bursts, seed, .. } = self;
        let leave = 1.0 / BURST_PACKETS;
        let rule = match bursts {
            false => format!("loss={loss},seed={seed}"),
            // It begins so seldom that the part lost is as asked for.
            true => format!("burst={}:{leave},seed={seed}", loss * leave / (1.0 - loss)),
        };
        rule.parse().expect("the rule is one")
    }

    fn config(&self) -> Config {
        let Self { protocol, errors, .. } = *self;
        let packet_bytes = Some(if self.bytes < LONG_BYTES { PACKET_BYTES } else { LONG_PACKET_BYTES });
        let transfer = Transfer { protocol, errors, packet_bytes, ..Transfer::DEFAULT };
        Config {
            options: Options { transfer, ..Options::default() },
            // A burst is counted in packets: who waits ever longer stays in it for ever longer.
            retransmit_max: Duration::from_millis(3),
            retries: 10_000,
            probe_interval: Duration::from_millis(50),
            receive_bytes: 256 << 10,
            ..Config::default()
        }
    }

    fn message(&self) -> Bytes {
        let mut rng = Rng::new(self.seed ^ self.bytes as u64);
        let mut bytes = Vec::with_capacity(self.bytes + 8);
        while bytes.len() < self.bytes {
            bytes.extend_from_slice(&rng.next_u64().to_le_bytes());
        }
        bytes.truncate(self.bytes);
        bytes.into()
    }

    /// Sends it, and compares what comes back.
    fn ask<T: Trap + ?Sized>(&self, me: &Process<'_, T>, server: Address) -> Result<(), String> {
        let message = self.message();
        match me.call(server, message.clone()) {
            Ok(reply) if reply == message => Ok(()),
            Ok(reply) => {
                let same = reply.iter().zip(message.iter()).take_while(|(came, went)| came == went).count();
                Err(format!("{self}: {} bytes came back, of which {same} as they were", reply.len()))
            }
            Err(error) => Err(format!("{self}: {error}")),
        }
    }

    /// There and back in a world.
    ///
    /// # Errors
    ///
    /// If what came back is not what went.
    pub fn in_a_world(&self) -> Result<(), String> {
        let link = Link { latency: Duration::from_micros(100), faults: self.faults(), ..Link::default() };
        let mut world = World::with(self.seed, self.config(), link);
        let (near, far) = (world.boot(), world.boot());
        let server = Address::new(world.machine(far), SERVER);
        let well_known = SpawnOptions { local_id: Some(SERVER), ..SpawnOptions::default() };
        world.spawn(far, well_known, |me| {
            echo(me);
        });
        let (told, result) = std::sync::mpsc::channel();
        let case = *self;
        world.spawn(near, SpawnOptions::default(), move |me| {
            // Nobody listens only if the world has ended.
            let _ = told.send(case.ask(me, server));
        });
        world.run();
        result.recv().unwrap_or_else(|_| Err(format!("{self}: the client came to no end")))
    }

    /// There and back between two nodes.
    ///
    /// # Errors
    ///
    /// If what came back is not what went.
    ///
    /// # Panics
    ///
    /// If the system gives no sockets or threads.
    pub fn over_udp(&self) -> Result<(), String> {
        let boot = || {
            let (kernel, faults) = (self.config(), Some(self.faults()));
            Node::boot(NodeConfig { kernel, faults, ..NodeConfig::default() }).expect("a node")
        };
        let (near, far) = (boot(), boot());
        let server = Process::spawn(&far, SpawnOptions::default()).expect("a server");
        let address = server.address();
        std::thread::scope(|scope| {
            scope.spawn(move || echo(&server));
            let client = Process::spawn(&near, SpawnOptions::default()).expect("a client");
            let result = self.ask(&client, address);
            far.shut_down();
            result
        })
    }
}

/// Answers each message with itself.
fn echo<T: Trap + ?Sized>(me: &Process<'_, T>) {
    while let Ok(request) = me.receive(From::Any) {
        // A client that is gone wants no answer.
        let _ = me.reply(request.source, request.message);
    }
}
