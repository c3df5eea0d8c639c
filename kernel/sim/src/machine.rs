//! One machine of a world: its kernel while it is up, its clock, and what starts at every boot.
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use sendrec_core::rng::Rng;
use sendrec_core::{Epoch, Instant, Kernel, Machine, WaitToken};
use sendrec_trap::{Bytes, Config, Deliver, From, LocalId, Process, Slot, SpawnOptions};

use crate::gate::Gate;

/// A machine of a world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MachineId(pub(crate) usize);

impl MachineId {
    /// Its place in the order of booting, from 0.
    pub const fn index(self) -> usize {
        self.0
    }
}

/// How a machine is to be. `Boot::default()` has the world's configuration and the world's time.
#[derive(Clone, Debug, Default)]
pub struct Boot {
    /// Its configuration; `None` takes the world's.
    pub config: Option<Config>,
    /// Its clock.
    pub clock: Clock,
    /// How its incarnations are numbered.
    pub epochs: Epochs,
}

/// How a machine's clock differs from the world's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clock {
    /// What it shows at the world's beginning.
    pub offset: Duration,
    /// How many millionths it is fast; slow if negative. More than -1,000,000.
    pub drift_ppm: i32,
}

const MILLION: i128 = 1_000_000;

impl Clock {
    const fn rate(self) -> i128 {
        MILLION + self.drift_ppm as i128
    }

    /// What it shows at this time of the world.
    pub fn own(self, world: Instant) -> Instant {
        let since = if self.drift_ppm == 0 {
            world
        } else {
            Instant::from_nanos((i128::from(world.as_nanos()) * self.rate() / MILLION) as u64)
        };
        since + self.offset
    }

    /// When in the world it first shows `own` or more.
    pub fn world(self, own: Instant) -> Instant {
        let since = Instant::from_nanos(own.since(Instant::ZERO + self.offset).as_nanos() as u64);
        if self.drift_ppm == 0 || own == Instant::NEVER {
            return since;
        }
        // `own` rounds down, so the first instant that reaches it is this rounded up.
        let nanos = (i128::from(since.as_nanos()) * MILLION + self.rate() - 1) / self.rate();
        Instant::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

/// How a machine's incarnations are numbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Epochs {
    /// The first one.
    pub first: Epoch,
    /// From one to the next: 1, or less than 0 for a clock that was set back.
    pub step: i64,
}

impl Default for Epochs {
    fn default() -> Self {
        Self { first: Epoch(1), step: 1 }
    }
}

/// A program of a machine, started at every boot.
pub(crate) type Program = Rc<dyn Fn(&Process<'_, Gate<'_>>)>;

/// A program as a machine has it.
#[derive(Clone)]
pub(crate) struct Installed {
    /// How long after the boot it starts.
    pub(crate) after: Duration,
    pub(crate) options: SpawnOptions,
    pub(crate) program: Program,
}

/// Who is to be told that a wait is over.
pub(crate) enum Waiter {
    /// A coroutine that is suspended for it.
    Thread(u32),
    /// A slot, and the coroutine that may be suspended for it.
    Slot(Arc<Slot>, u32),
    /// Who takes every message of a process.
    Subscriber(LocalId, From, Deliver),
}

pub(crate) struct State {
    pub(crate) name: String,
    pub(crate) address: Machine,
    pub(crate) config: Config,
    pub(crate) clock: Clock,
    epochs: Epochs,
    pub(crate) epoch: Epoch,
    /// `None` while the machine is down.
    pub(crate) kernel: Option<Kernel>,
    /// How often it has booted.
    pub(crate) boots: u64,
    /// By the index of the token.
    waiters: Vec<Option<(WaitToken, Waiter)>>,
    pub(crate) programs: Vec<Installed>,
    /// When its next tick stands in the agenda.
    pub(crate) tick_at: Option<Instant>,
    /// Until when it does nothing.
    pub(crate) paused_until: Option<Instant>,
    /// The rule that said so.
    pub(crate) pause_rule: String,
    /// Datagrams that wait for the end of a pause.
    pub(crate) outside: VecDeque<u32>,
    /// Coroutines that would run but for the pause.
    pub(crate) frozen: Vec<u32>,
    /// Whether incidents hang on its events.
    pub(crate) is_watched: bool,
    /// Memory that processes have lent to the kernel and written over: whose, what it held, what it holds.
    pub(crate) scribbles: Vec<(LocalId, Bytes, Bytes)>,
    /// The first incarnation's seed.
    seed: u64,
    /// The seeds of the others.
    rng: Rng,
}

impl State {
    pub(crate) fn new(
        name: String,
        number: usize,
        clock: Clock,
        epochs: Epochs,
        config: Config,
        seed: u64,
    ) -> Self {
        assert!(clock.drift_ppm > -1_000_000, "{name}: a clock does not go backwards");
        let [_, high, middle, low] = (number as u32).to_be_bytes();
        Self {
            name,
            address: Machine::new(([10, high, middle, low], PORT).into()),
            config,
            clock,
            epochs,
            epoch: epochs.first.max(Epoch(1)),
            kernel: None,
            boots: 0,
            waiters: Vec::new(),
            programs: Vec::new(),
            tick_at: None,
            paused_until: None,
            pause_rule: String::new(),
            outside: VecDeque::new(),
            frozen: Vec::new(),
            is_watched: false,
            scribbles: Vec::new(),
            seed,
            rng: Rng::new(seed),
        }
    }

    /// Boots it now: the first time as an incarnation that is known to be the first.
    pub(crate) fn boot(&mut self, now: Instant) {
        if self.boots > 0 {
            self.epoch = Epoch(self.epoch.0.saturating_add_signed(self.epochs.step).max(1));
        }
        let config = Config {
            first_incarnation: self.boots == 0,
            trace: self.config.trace || self.is_watched,
            ..self.config.clone()
        };
        self.boots += 1;
        let seed = if self.boots == 1 { self.seed } else { self.rng.next_u64() };
        self.kernel = Some(Kernel::new(self.clock.own(now), config, self.address, self.epoch, seed));
    }

    /// Forgets everything that does not survive a crash; returns the datagrams that waited outside.
    pub(crate) fn stop(&mut self) -> VecDeque<u32> {
        self.kernel = None;
        self.waiters.clear();
        self.tick_at = None;
        self.paused_until = None;
        self.frozen.clear();
        self.scribbles.clear();
        std::mem::take(&mut self.outside)
    }

    /// Registers who is to be told of a wait.
    pub(crate) fn register(&mut self, token: WaitToken, waiter: Waiter) {
        let index = token.index();
        if index >= self.waiters.len() {
            self.waiters.resize_with(index + 1, || None);
        }
        self.waiters[index] = Some((token, waiter));
    }

    /// Who was registered for the wait, and is no longer.
    pub(crate) fn unregister(&mut self, token: WaitToken) -> Option<Waiter> {
        let entry = self.waiters.get_mut(token.index())?;
        if entry.as_ref().is_some_and(|(registered, _)| *registered == token) {
            entry.take().map(|(_, waiter)| waiter)
        } else {
            None
        }
    }

    /// The wait that is to fill the slot.
    pub(crate) fn token_of(&self, slot: &Arc<Slot>) -> Option<WaitToken> {
        self.waiters.iter().flatten().find_map(|(token, waiter)| match waiter {
            Waiter::Slot(other, _) if Arc::ptr_eq(other, slot) => Some(*token),
            _ => None,
        })
    }
}

/// Every machine of a world is at this port.
const PORT: u16 = 7_000;
/// Machines of one world: as many as its addresses tell apart.
pub(crate) const MACHINES_MAX: usize = 1 << 24;

/// The number of the machine at this address; it may not exist.
pub(crate) fn number_of(machine: Machine) -> Option<usize> {
    match machine.socket_addr() {
        std::net::SocketAddr::V4(address) if address.port() == PORT => {
            let [ten, high, middle, low] = address.ip().octets();
            (ten == 10).then(|| u32::from_be_bytes([0, high, middle, low]) as usize)
        }
        _ => None,
    }
}
