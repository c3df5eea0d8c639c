//! Machines, processes and the loop that turns them: wait, one input, apply what came out.
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use corosensei::{Coroutine, CoroutineResult};
use sendrec_core::fault::{Faults, Injector};
use sendrec_core::rng::Rng;
use sendrec_core::trace::{Event, What};
use sendrec_core::wire::{PacketType, View};
use sendrec_core::{Entry, Epoch, Kernel, Out, Path, WaitToken};
use sendrec_trap::{
    Config, Deliver, From, Instant, LocalId, Machine, Outcome, Process, Slot, SpawnError, SpawnOptions,
    Syscall,
};

use crate::fabric::Fabric;
use crate::gate::{Gate, Suspended};

/// A machine of a world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MachineId(usize);

/// What the network between all machines is like.
#[derive(Clone, Debug)]
pub struct Link {
    /// One way.
    pub latency: Duration,
    /// What goes wrong on it.
    pub faults: Faults,
}

impl Default for Link {
    fn default() -> Self {
        Self { latency: Duration::from_millis(1), faults: Faults::default() }
    }
}

/// A packet's passage over the network, in the order sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passage {
    /// Its sender.
    pub from: MachineId,
    /// Its type.
    pub kind: PacketType,
    /// How many copies arrive.
    pub copies: u32,
}

/// Who is to be told that a wait is over.
pub(crate) enum Waiter {
    /// A coroutine that is suspended for it.
    Body(usize),
    /// A slot, and the coroutine that may be suspended for it.
    Slot(Arc<Slot>, usize),
    /// Who takes every message of a process.
    Subscriber(LocalId, From, Deliver),
}

type Body = Coroutine<(), Suspended, ()>;

/// Everything that gates and the loop share.
pub(crate) struct Inner {
    now: Instant,
    rng: Rng,
    link: Link,
    kernels: Vec<Kernel>,
    injectors: Vec<Injector>,
    fabric: Fabric,
    waiters: BTreeMap<(MachineId, WaitToken), Waiter>,
    runnable: Vec<usize>,
    passages: Vec<Passage>,
    events: Vec<(MachineId, Event)>,
}

/// Machines, their processes and the network between them.
pub struct World {
    inner: Rc<RefCell<Inner>>,
    bodies: Vec<Option<Body>>,
    deadlines: BTreeMap<usize, Instant>,
    config: Config,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "World({} processes)", self.bodies.len())
    }
}

impl World {
    /// An empty world; `seed` decides everything in it that is not said.
    pub fn new(seed: u64) -> Self {
        Self::with(seed, Config::default(), Link::default())
    }

    /// A world whose machines have this configuration and this network.
    pub fn with(seed: u64, mut config: Config, link: Link) -> Self {
        let inner = Inner {
            now: Instant::ZERO,
            rng: Rng::new(seed),
            link,
            kernels: Vec::new(),
            injectors: Vec::new(),
            fabric: Fabric::default(),
            waiters: BTreeMap::new(),
            runnable: Vec::new(),
            passages: Vec::new(),
            events: Vec::new(),
        };
        config.first_incarnation = true;
        Self { inner: Rc::new(RefCell::new(inner)), bodies: Vec::new(), deadlines: BTreeMap::new(), config }
    }

    /// One more machine, booted now for the first time.
    pub fn boot(&mut self) -> MachineId {
        let mut inner = self.inner.borrow_mut();
        let number = inner.kernels.len();
        let address = SocketAddr::from(([10, 0, (number >> 8) as u8, number as u8], 7000));
        let (epoch, seed) = (Epoch(1), inner.rng.next_u64());
        let kernel = Kernel::new(inner.now, self.config.clone(), Machine::new(address), epoch, seed);
        let mut faults = inner.link.faults.clone();
        faults.seed ^= inner.rng.next_u64();
        inner.injectors.push(Injector::new(&faults));
        inner.kernels.push(kernel);
        MachineId(number)
    }

    /// The machine's number, as addresses have it.
    pub fn machine(&self, machine: MachineId) -> Machine {
        self.inner.borrow().machine(machine)
    }

    /// A process that exists from here on, runs `body` once the world runs, and ends with it.
    ///
    /// # Panics
    ///
    /// If the process cannot be made, for example since its id is taken.
    pub fn spawn(
        &mut self,
        machine: MachineId,
        options: SpawnOptions,
        body: impl FnOnce(&Process<'_, Gate<'_>>) + 'static,
    ) {
        let number = self.bodies.len();
        let made = self.inner.borrow_mut().spawn_process(machine, options);
        let id = made.unwrap_or_else(|error| panic!("a process of the world could not be made: {error}"));
        let inner = self.inner.clone();
        self.bodies.push(Some(Coroutine::new(move |yielder, ()| {
            let gate = Gate { inner, machine, body: number, yielder };
            body(&Process::adopt(&gate, id));
        })));
        self.inner.borrow_mut().runnable.push(number);
    }

    /// The time in the world.
    pub fn now(&self) -> Instant {
        self.inner.borrow().now
    }

    /// Runs until nothing is left that could happen. Processes that wait for what never comes stay suspended.
    pub fn run(&mut self) {
        loop {
            while let Some(body) = self.choose() {
                self.resume(body);
            }
            if !self.advance() {
                return;
            }
        }
    }

    /// Which runnable coroutine goes next: the seed says.
    fn choose(&self) -> Option<usize> {
        let mut inner = self.inner.borrow_mut();
        let count = inner.runnable.len() as u64;
        if count == 0 {
            return None;
        }
        let place = inner.rng.below(count) as usize;
        Some(inner.runnable.swap_remove(place))
    }

    fn resume(&mut self, number: usize) {
        self.deadlines.remove(&number);
        let Some(body) = self.bodies[number].as_mut() else { return };
        match body.resume(()) {
            CoroutineResult::Return(()) => self.bodies[number] = None,
            CoroutineResult::Yield(Suspended { deadline }) => {
                if let Some(deadline) = deadline {
                    self.deadlines.insert(number, deadline);
                }
            }
        }
    }

    /// Lets time jump to the next event and lets it happen; false if there is none.
    fn advance(&mut self) -> bool {
        let mut inner = self.inner.borrow_mut();
        let timer = inner.kernels.iter().filter_map(Kernel::next_deadline).min();
        let deadline = self.deadlines.values().min().copied();
        let Some(next) = [inner.fabric.next(), timer, deadline].into_iter().flatten().min() else {
            return false;
        };
        inner.now = inner.now.max(next);
        inner.land();
        inner.tick();
        let now = inner.now;
        let due: Vec<_> =
            self.deadlines.iter().filter(|(_, at)| **at <= now).map(|(body, _)| *body).collect();
        for body in due {
            self.deadlines.remove(&body);
            inner.make_runnable(body);
        }
        true
    }

    /// Processes whose body has not returned.
    pub fn unfinished(&self) -> usize {
        self.bodies.iter().flatten().count()
    }

    /// Every packet that was sent, in order.
    pub fn passages(&self) -> Vec<Passage> {
        self.inner.borrow().passages.clone()
    }

    /// Every event so far, in order, with its machine.
    pub fn events(&self) -> Vec<(MachineId, Event)> {
        self.inner.borrow().events.clone()
    }
}

impl Inner {
    pub(crate) const fn now(&self) -> Instant {
        self.now
    }

    pub(crate) fn machine(&self, machine: MachineId) -> Machine {
        self.kernels[machine.0].machine()
    }

    pub(crate) fn config(&self, machine: MachineId) -> &Config {
        self.kernels[machine.0].config()
    }

    fn with_kernel<R>(
        &mut self,
        machine: MachineId,
        input: impl FnOnce(&mut Kernel, Instant, &mut Out) -> R,
    ) -> R {
        let mut out = Out::default();
        let result = input(&mut self.kernels[machine.0], self.now, &mut out);
        self.apply(machine, out);
        result
    }

    pub(crate) fn spawn_process(
        &mut self,
        machine: MachineId,
        options: SpawnOptions,
    ) -> Result<LocalId, SpawnError> {
        self.with_kernel(machine, |kernel, now, out| kernel.spawn(now, options, out))
    }

    pub(crate) fn exit(&mut self, machine: MachineId, process: LocalId) {
        self.with_kernel(machine, |kernel, now, out| kernel.exit(now, process, out));
    }

    pub(crate) fn trap(&mut self, machine: MachineId, process: LocalId, call: Syscall) -> Entry {
        self.with_kernel(machine, |kernel, now, out| kernel.trap(now, process, call, out))
    }

    pub(crate) fn await_token(&mut self, machine: MachineId, token: WaitToken, waiter: Waiter) {
        self.waiters.insert((machine, token), waiter);
    }

    pub(crate) fn claim(&mut self, machine: MachineId, token: WaitToken) -> Option<Outcome> {
        self.kernels[machine.0].claim(token)
    }

    pub(crate) fn cancel(&mut self, machine: MachineId, token: WaitToken) -> Option<Outcome> {
        self.waiters.remove(&(machine, token));
        self.with_kernel(machine, |kernel, now, out| kernel.cancel(now, token, out))
    }

    pub(crate) fn cancel_slot(&mut self, slot: &Arc<Slot>) {
        let waits = |waiter: &Waiter| matches!(waiter, Waiter::Slot(other, _) if Arc::ptr_eq(other, slot));
        let found = self.waiters.iter().find(|(_, waiter)| waits(waiter)).map(|(key, _)| *key);
        if let Some((machine, token)) = found
            && let Some(outcome) = self.cancel(machine, token)
            && let Some(interrupt) = slot.fill(outcome)
        {
            interrupt.run();
        }
    }

    fn make_runnable(&mut self, body: usize) {
        if !self.runnable.contains(&body) {
            self.runnable.push(body);
        }
    }

    fn land(&mut self) {
        while let Some(flight) = self.fabric.land(self.now) {
            let receiver = self.kernels.iter().position(|kernel| kernel.machine() == flight.to);
            if let Some(receiver) = receiver {
                let path = Path::to(flight.from);
                self.with_kernel(MachineId(receiver), |kernel, now, out| {
                    kernel.datagrams(now, [(path, &flight.bytes[..])], out);
                });
            }
        }
    }

    fn tick(&mut self) {
        for number in 0..self.kernels.len() {
            if self.kernels[number].next_deadline().is_some_and(|deadline| deadline <= self.now) {
                self.with_kernel(MachineId(number), Kernel::tick);
            }
        }
    }

    fn apply(&mut self, machine: MachineId, out: Out) {
        self.events.extend(out.events.into_iter().map(|event| (machine, event)));
        for transmit in out.transmits {
            let mut bytes = vec![0; transmit.packet.wire_bytes()];
            if transmit.packet.write(&mut bytes).is_some() {
                self.launch(machine, transmit.path.remote, bytes);
            }
        }
        for wake in out.wakes {
            match self.waiters.remove(&(machine, wake.token)) {
                Some(Waiter::Body(body)) => self.make_runnable(body),
                Some(Waiter::Slot(slot, body)) => {
                    if let Some(outcome) = self.kernels[machine.0].claim(wake.token)
                        && let Some(interrupt) = slot.fill(outcome)
                    {
                        interrupt.run();
                    }
                    self.make_runnable(body);
                }
                Some(Waiter::Subscriber(process, from, mut deliver)) => {
                    if let Some(outcome) = self.kernels[machine.0].claim(wake.token)
                        && deliver(outcome)
                    {
                        self.subscribe(machine, process, from, deliver);
                    }
                }
                None => {}
            }
        }
    }

    /// Hands messages to `deliver` as they come: one receive after the other, each begun when the one before is over.
    pub(crate) fn subscribe(
        &mut self,
        machine: MachineId,
        process: LocalId,
        from: From,
        mut deliver: Deliver,
    ) {
        loop {
            match self.trap(machine, process, Syscall::Receive { from, wait: true }) {
                Entry::Done(outcome) if deliver(outcome.clone()) => {}
                Entry::Done(_) => return,
                Entry::Wait(token) => {
                    self.await_token(machine, token, Waiter::Subscriber(process, from, deliver));
                    return;
                }
            }
        }
    }

    fn launch(&mut self, sender: MachineId, to: Machine, bytes: Vec<u8>) {
        let Some((kind, number)) = View::peek(&bytes) else { return };
        let treatment = self.injectors[sender.0].judge(kind, None);
        self.passages.push(Passage { from: sender, kind, copies: treatment.copies });
        let from = self.machine(sender);
        if let Some((verdict, rule)) = treatment.verdict {
            let what = What::Network { from, to, number, kind, verdict, rule };
            self.events.push((sender, Event { number: 0, cause: None, at: self.now, what }));
        }
        let due = self.now + self.link.latency;
        if treatment.copies == 2 {
            self.fabric.launch(due, from, to, bytes.clone());
        }
        if treatment.copies > 0 {
            self.fabric.launch(due + treatment.delay + treatment.hold, from, to, bytes);
        }
    }
}
