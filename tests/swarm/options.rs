//! One seed, expanded into everything a world of the swarm is made of. Printed, so that a person sees what was chosen.
//!
//! Each feature is on or off by a coin of its own: a fault that is always there hides what only happens without it.
use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

use sendrec_core::fault::Faults;
use sendrec_core::rng::Rng;
use sendrec_core::timer::Strategy;
use sendrec_core::{ErrorControl, Protocol, Transfer};
use sendrec_sim::{Clock, Epochs, Link, Queue};
use sendrec_trap::{Buffering, Config, Epoch, Options as Manner, Overflow, Reliability, Semantics};

const MICROSECOND: Duration = Duration::from_micros(1);
const MILLISECOND: Duration = Duration::from_millis(1);

/// The world's part in which things go wrong.
pub const STORM: Duration = Duration::from_millis(1_500);

/// How a machine is to be.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Its configuration.
    pub config: Config,
    /// Its clock.
    pub clock: Clock,
    /// How its incarnations are numbered.
    pub epochs: Epochs,
    /// Servers with chosen ids, 1 and up.
    pub servers: Vec<Server>,
    /// Whether one hands requests on, as [`crate::swarm::workload::RELAY`].
    pub relay: Option<Server>,
    /// A server with an id that was handed out.
    pub handed_out: Option<Server>,
    /// Processes that ask.
    pub clients: usize,
}

/// How a server is to be.
#[derive(Clone, Copy, Debug)]
pub struct Server {
    /// Its mailbox.
    pub buffering: Buffering,
    /// How long it works for one request at most.
    pub service: Duration,
    /// How many requests it may hold unanswered.
    pub held: usize,
    /// After how many requests it ends, answered or not.
    pub ends_after: Option<u32>,
    /// The largest reply.
    pub reply_bytes: usize,
}

/// How often which kind of thing is asked for, out of their sum.
#[derive(Clone, Copy, Debug)]
pub struct Mix {
    /// Calls, one at a time.
    pub call: u64,
    /// Several calls at once.
    pub calls: u64,
    /// Sends, and receives of their replies.
    pub send: u64,
    /// One-way messages.
    pub one_way: u64,
    /// Pings and searches.
    pub ping: u64,
}

/// Everything about one world.
#[derive(Clone, Debug)]
pub struct Options {
    /// What all follows from.
    pub seed: u64,
    /// The machines.
    pub machines: Vec<Machine>,
    /// The network, with the faults of packets, machines and links.
    pub link: Link,
    /// Whether a server moves about under a sparse id.
    pub roams: bool,
    /// How long it stays at most.
    pub stay: Duration,
    /// What is asked for.
    pub mix: Mix,
    /// Requests that each client makes in each of its lives.
    pub requests: usize,
    /// Pause of a client between two requests at most.
    pub pause: Duration,
    /// Requests are at most so long.
    pub request_bytes: usize,
    /// Chance that one request is asked for otherwise than the configuration says.
    pub otherwise: f64,
    /// Chance that a call is given a deadline, or taken back.
    pub impatience: f64,
}

/// Numbers and choices of one seed.
pub struct Dice(Rng);

impl Dice {
    /// Those of `seed`.
    pub const fn new(seed: u64) -> Self {
        Self(Rng::new(seed))
    }

    /// A number from `low` to `high`.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.0.below(high - low + 1)
    }

    /// As [`Dice::between`], for sizes and counts.
    pub fn count(&mut self, low: usize, high: usize) -> usize {
        self.between(low as u64, high as u64) as usize
    }

    /// A coin that falls so with this probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.0.chance(probability)
    }

    /// One of them.
    pub fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.0.below(choices.len() as u64) as usize]
    }

    /// A time from `low` to `high`.
    pub fn span(&mut self, low: Duration, high: Duration) -> Duration {
        Duration::from_nanos(self.between(low.as_nanos() as u64, high.as_nanos() as u64))
    }

    fn percent(&mut self, most: u64) -> f64 {
        self.between(1, most) as f64 / 100.0
    }
}

impl Options {
    /// What `seed` makes. `harsh`: packets may also be late by far, and machines boot again and again.
    pub fn of(seed: u64, harsh: bool) -> Self {
        let mut dice = Dice::new(seed ^ 0x0005_eed0_f5ea_50a9);
        let dice = &mut dice;
        let count = dice.count(2, 6);
        let shared = config(dice);
        let alike = dice.chance(0.7);
        let corrupts = dice.chance(0.3);
        let machines: Vec<_> = (0..count)
            .map(|_| {
                let config = if alike { shared.clone() } else { config(dice) };
                // What is corrupted without a checksum of the packet's own may mean anything.
                let checksum = config.checksum || corrupts;
                // Not by the dice: however timers are kept, the same happens, and in the same worlds.
                let timers = Strategy::ALL[(seed / 2 % 3) as usize];
                let config = Config { checksum, timers, ..config };
                machine(dice, config)
            })
            .collect();
        let faults = faults(dice, count, corrupts, harsh);
        let link = link(dice, faults, harsh);
        let burst = dice.chance(0.3);
        Self {
            seed,
            machines,
            link,
            roams: dice.chance(0.35),
            stay: dice.span(20 * MILLISECOND, 400 * MILLISECOND),
            mix: mix(dice),
            requests: dice.count(4, 16),
            pause: if burst { Duration::ZERO } else { dice.span(MILLISECOND, 150 * MILLISECOND) },
            request_bytes: dice.one_of(&[16, 100, 600, 1_300, 5_000, 20_000]),
            otherwise: dice.one_of(&[0.0, 0.3, 1.0]),
            impatience: dice.one_of(&[0.0, 0.1, 0.5]),
        }
    }
}

fn config(dice: &mut Dice) -> Config {
    let probe = dice.span(20 * MILLISECOND, 300 * MILLISECOND);
    let packet_bytes = dice.one_of(&[200, 400, 1_472, 1_472, 1_472, 40_000]);
    Config {
        options: manner(dice),
        buffering: buffering(dice),
        late_ack: dice.chance(0.75).then(|| dice.span(MILLISECOND, 40 * MILLISECOND)),
        ack_delay: if dice.chance(0.3) { Duration::ZERO } else { dice.span(MILLISECOND, 60 * MILLISECOND) },
        retransmit_first: dice.span(5 * MILLISECOND, 80 * MILLISECOND),
        retransmit_min: dice.span(MILLISECOND, 10 * MILLISECOND),
        retransmit_max: dice.span(50 * MILLISECOND, 300 * MILLISECOND),
        retries: dice.between(1, 8) as u32,
        locate_first: dice.span(5 * MILLISECOND, 40 * MILLISECOND),
        locate_retries: dice.between(0, 4) as u32,
        probe_interval: probe,
        try_again: dice.span(MILLISECOND, 20 * MILLISECOND),
        try_agains: dice.between(0, 8) as u32,
        window: dice.one_of(&[1, 2, 4, 16, 1_024]),
        cache_bytes: dice.one_of(&[0, 200, 1_000, 4_000, 64 << 20]),
        packet_bytes,
        receive_bytes: dice.one_of(&[1_000, 4_000, 96 << 10]),
        first_flight_bytes: dice.one_of(&[200, 3_000, 16 << 10]),
        arriving_bytes: dice.one_of(&[40_000, 1 << 20]),
        checksum: dice.chance(0.3),
        // Longer than any packet here lives: latency, jitter, holding back, queues and pauses together.
        packet_life: dice.span(1_000 * MILLISECOND, 3_000 * MILLISECOND),
        sweep_interval: dice.one_of(&[100 * MICROSECOND, MILLISECOND, 5 * MILLISECOND]),
        ..Config::default()
    }
}

/// How something is asked for.
pub fn manner(dice: &mut Dice) -> Manner {
    let reliability = match dice.between(0, 9) {
        0 => Reliability::Unreliable,
        1..=4 => Reliability::AckEach,
        _ => Reliability::ReplyAcks,
    };
    let semantics = if dice.chance(0.3) { Semantics::AtLeastOnce } else { Semantics::AtMostOnce };
    Manner { transfer: transfer(dice), ..Manner::new(reliability, semantics) }
}

/// How what is longer than a packet goes.
fn transfer(dice: &mut Dice) -> Transfer {
    let packets = dice.between(1, 12) as u32;
    let ack_every = dice.between(1, 4) as u32;
    let protocol = dice.one_of(&[
        Protocol::StopAndWait,
        Protocol::SlidingWindow { packets, ack_every },
        Protocol::Blast { packets: None },
        Protocol::Blast { packets: NonZeroU32::new(packets) },
    ]);
    let errors = dice.one_of(&[ErrorControl::Full, ErrorControl::GoBackN, ErrorControl::Selective]);
    let gap = if dice.chance(0.1) { 100 * MICROSECOND } else { Duration::ZERO };
    Transfer { protocol, errors, packet_bytes: None, gap, checksum: dice.chance(0.3) }
}

fn buffering(dice: &mut Dice) -> Buffering {
    let messages = dice.one_of(&[1, 2, 3, 6, 1_024]);
    let bytes = dice.one_of(&[300, 2_000, 1 << 20]);
    match dice.between(0, 9) {
        0 => Buffering::Discard,
        1 | 2 => Buffering::Keep { messages, bytes, time: dice.span(2 * MILLISECOND, 200 * MILLISECOND) },
        _ => {
            let overflow = dice.one_of(&[Overflow::Discard, Overflow::TryAgain, Overflow::Block]);
            Buffering::Mailbox { messages, bytes, overflow }
        }
    }
}

fn server(dice: &mut Dice) -> Server {
    let service = match dice.between(0, 5) {
        0 | 1 => Duration::ZERO,
        2 | 3 => dice.span(MILLISECOND, 20 * MILLISECOND),
        4 => dice.span(20 * MILLISECOND, 100 * MILLISECOND),
        _ => dice.span(100 * MILLISECOND, 500 * MILLISECOND),
    };
    Server {
        buffering: buffering(dice),
        service,
        held: dice.one_of(&[1, 1, 1, 2, 5]),
        ends_after: dice.chance(0.25).then(|| dice.between(1, 12) as u32),
        reply_bytes: dice.one_of(&[24, 24, 200, 1_300, 30_000]),
    }
}

fn machine(dice: &mut Dice, config: Config) -> Machine {
    let apart = dice.chance(0.4);
    let offset = if apart { dice.span(Duration::ZERO, Duration::from_secs(100)) } else { Duration::ZERO };
    let drift_ppm = if apart { dice.between(0, 200) as i32 - 100 } else { 0 };
    let step = if dice.chance(0.35) { -1 } else { 1 };
    Machine {
        config,
        clock: Clock { offset, drift_ppm },
        epochs: Epochs { first: Epoch(1_000), step },
        servers: (0..dice.count(0, 2)).map(|_| server(dice)).collect(),
        relay: dice.chance(0.3).then(|| server(dice)),
        handed_out: dice.chance(0.3).then(|| server(dice)),
        clients: dice.count(0, 4),
    }
}

fn mix(dice: &mut Dice) -> Mix {
    let mut share = || if dice.chance(0.25) { 0 } else { dice.between(1, 10) };
    let mix = Mix { call: 1, calls: share(), send: share(), one_way: share(), ping: share() / 2 };
    Mix { call: mix.call + share(), ..mix }
}

fn link(dice: &mut Dice, faults: Faults, harsh: bool) -> Link {
    let latency = dice.span(20 * MICROSECOND, 5 * MILLISECOND);
    let jitter = if harsh && dice.chance(0.5) {
        // Copies overtake one another, and what was asked after them.
        dice.span(10 * MILLISECOND, 150 * MILLISECOND)
    } else if dice.chance(0.5) {
        dice.span(Duration::ZERO, 4 * MILLISECOND)
    } else {
        Duration::ZERO
    };
    let bandwidth = dice.one_of(&[None, None, Some(10_000_000), Some(100_000_000)]);
    let queue = dice.one_of(&[None, Some(Queue::Packets(4)), Some(Queue::Bytes(1 << 14))]);
    Link { latency, jitter, bandwidth, queue: bandwidth.and(queue), faults, ..Link::default() }
}

/// Points in the life of a machine at which something may befall it.
const POINTS: [&str; 10] =
    ["queued", "execute", "reply", "send", "blocked", "sent:REP", "sent:ACK", "got:REQ", "got:AYA", "timer"];

fn point(dice: &mut Dice) -> String {
    if dice.chance(0.5) {
        let at = dice.between(1, STORM.as_millis() as u64 - 100);
        return format!("{at}ms");
    }
    let (event, nth) = (dice.one_of(&POINTS), dice.between(1, 12));
    format!("{event}#{nth}")
}

fn faults(dice: &mut Dice, machines: usize, corrupts: bool, harsh: bool) -> Faults {
    let mut rules = Vec::new();
    for keyword in ["loss", "duplicate", "reorder"] {
        if dice.chance(0.5) {
            rules.push(format!("{keyword}={}", dice.percent(25)));
        }
    }
    if dice.chance(0.2) {
        rules.push(format!("burst={}:{}", dice.percent(4), dice.percent(30)));
    }
    if corrupts {
        rules.push(format!("corrupt={}", dice.percent(15)));
    }
    if dice.chance(0.25) {
        let kind = dice.one_of(&["REQ", "REP", "ACK", "AYA", "IAA", "TA", "AU", "HERE"]);
        let (harm, nth) = (dice.one_of(&["drop", "duplicate"]), dice.between(1, 5));
        rules.push(format!("{harm}={kind}#{nth}..{}", nth + dice.between(0, 6)));
    }
    let mut crashes = vec![0; machines];
    if harsh {
        harsh_rules(dice, machines, &mut rules);
    }
    if dice.chance(if harsh { 0.4 } else { 0.6 }) {
        for _ in 0..dice.between(1, 4) {
            crash(dice, &mut crashes, &mut rules);
        }
    }
    if dice.chance(0.3) {
        for _ in 0..dice.between(1, 3) {
            let (machine, id) = (dice.count(0, machines - 1), dice.one_of(&[1, 2, 20, 1_000, 1_001]));
            let point = point(dice);
            rules.push(format!("kill=m{machine}/{id}@{point}"));
        }
    }
    if dice.chance(0.25) {
        for _ in 0..dice.between(1, 3) {
            let (machine, span) = (dice.count(0, machines - 1), dice.between(1, 200));
            let point = point(dice);
            rules.push(format!("pause=m{machine}@{point}:{span}ms"));
        }
    }
    if dice.chance(0.3) {
        cuts(dice, machines, &mut rules);
    }
    rules.push(format!("seed={}", dice.between(0, 1 << 32)));
    rules.join(",").parse().unwrap_or_else(|error| panic!("the swarm wrote a rule wrongly: {error}"))
}

/// What is late by far answers another incarnation, or a copy that others have overtaken.
fn harsh_rules(dice: &mut Dice, machines: usize, rules: &mut Vec<String>) {
    if dice.chance(0.6) {
        for _ in 0..dice.between(1, 6) {
            let kind = dice.one_of(&["REQ", "REQ", "REP", "ACK", "AYA", "IAA", "IAA", "TA", "AU", "AU"]);
            let (nth, late) = (dice.between(1, 12), dice.between(5, 300));
            rules.push(format!("delay={kind}#{nth}..{}:{late}ms", nth + dice.between(0, 4)));
        }
    }
    // A question who lives that stays open: what is in doubt hears of the one it was sent to meanwhile.
    if dice.chance(0.3) {
        let nth = dice.between(1, 6);
        rules.push(format!("drop=IAA#{nth}..{}", nth + dice.between(0, 10)));
    }
    // One machine boots again and again, while its last incarnation's packets are still under way.
    if dice.chance(0.5) {
        let (machine, often) = (dice.count(0, machines - 1), dice.between(5, 40));
        let (first, gap) = (dice.between(5, 100), dice.between(2, 120));
        for nth in 0..often {
            rules.push(format!("restart=m{machine}@{}ms", first + nth * gap));
        }
    }
}

fn crash(dice: &mut Dice, crashes: &mut [u32], rules: &mut Vec<String>) {
    let machine = dice.count(0, crashes.len() - 1);
    crashes[machine] += 1;
    let point = point(dice);
    rules.push(format!("crash=m{machine}@{point}"));
    if dice.chance(0.85) {
        let (nth, down) = (crashes[machine], dice.one_of(&[0, 1, 5, 30, 200]));
        rules.push(format!("restart=m{machine}@crash#{nth}+{down}ms"));
    }
}

fn cuts(dice: &mut Dice, machines: usize, rules: &mut Vec<String>) {
    for _ in 0..dice.between(1, 3) {
        let (one, two) = (dice.count(0, machines - 1), dice.count(0, machines - 1));
        let at = dice.between(1, 1_000);
        if one == two || dice.chance(0.3) {
            let split = dice.count(1, machines - 1);
            let group = |from: usize, to: usize| {
                (from..to).map(|machine| format!("m{machine}")).collect::<Vec<_>>().join("+")
            };
            rules.push(format!("partition={}|{}@{at}ms", group(0, split), group(split, machines)));
        } else {
            rules.push(format!("cut=m{one}>m{two}@{at}ms"));
        }
        rules.push(format!("heal@{}ms", at + dice.between(5, 400)));
    }
}

impl Options {
    /// Whether a copy of a packet may arrive after packets sent later.
    pub fn may_reorder(&self) -> bool {
        use sendrec_core::fault::{Harm, PacketRule};
        let reorders = |rule: &PacketRule| {
            matches!(
                rule.harm,
                Harm::Duplicate(_) | Harm::DuplicateNth(_) | Harm::Reorder(_) | Harm::DelayNth(..)
            )
        };
        !self.link.jitter.is_zero() || self.link.faults.packets.iter().any(reorders)
    }

    /// Whether a machine may stand still while its process has something in hand.
    pub fn has_pauses(&self) -> bool {
        let pauses = |rule: &sendrec_core::fault::IncidentRule| {
            matches!(rule.mishap, sendrec_core::fault::Mishap::Pause(..))
        };
        self.link.faults.incidents.iter().any(pauses)
    }
}

impl fmt::Display for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "seed {}: {} machines, roams {} (stay {:?})",
            self.seed,
            self.machines.len(),
            self.roams,
            self.stay
        )?;
        writeln!(f, "  {}", self.link)?;
        writeln!(
            f,
            "  {:?}, {} requests a client, pause {:?}, up to {} bytes, otherwise {}, impatience {}",
            self.mix, self.requests, self.pause, self.request_bytes, self.otherwise, self.impatience
        )?;
        for (number, machine) in self.machines.iter().enumerate() {
            writeln!(f, "  m{number}: {machine:?}")?;
        }
        Ok(())
    }
}
