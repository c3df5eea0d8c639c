//! A world as a person holds it: machines and programs are put in, it runs, and what happened is read.
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use corosensei::CoroutineResult;
use sendrec_core::Kernel;
use sendrec_core::exchange::Holdings;
use sendrec_core::fault::{FaultError, Faults, check_name};
use sendrec_core::rng::Rng;
use sendrec_core::trace::{Event, Incident};
use sendrec_trap::{Config, Instant, LocalId, Machine, Process, SpawnOptions};

use crate::agenda::Happening;
use crate::atm::{Atm, CellRecord};
use crate::gate::Gate;
use crate::inner::Inner;
use crate::link::Link;
use crate::machine::{Boot, MACHINES_MAX, MachineId, State};
use crate::network::Network;
use crate::record::{Passage, Record, Traffic};
use crate::threads::{Life, Suspended};

/// Machines, their processes and the network between them.
pub struct World {
    inner: Rc<RefCell<Inner>>,
    /// Whether the names in rules have been checked since the last machine or rule was added.
    is_checked: bool,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "World({} machines, {} processes)", self.machines(), self.unfinished())
    }
}

/// A world did not come to rest within as many steps as it was given: it may never.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the world of seed {seed} was still busy after {steps} steps, at {at}: raise the bound, or look for a livelock"
)]
pub struct Stuck {
    /// Which world.
    pub seed: u64,
    /// How many steps it was given.
    pub steps: u64,
    /// How far it came.
    pub at: Instant,
}

impl World {
    /// An empty world; `seed` decides everything in it that is not said.
    pub fn new(seed: u64) -> Self {
        Self::with(seed, Config::default(), Link::default())
    }

    /// A world whose machines have this configuration and this network. The link's faults are the world's: their rules
    /// about machines hold too.
    pub fn with(seed: u64, config: Config, link: Link) -> Self {
        let mut rng = Rng::new(seed);
        let faults = link.faults.clone();
        let network = Network::new(link, Rng::new(rng.next_u64()));
        let inner = Rc::new_cyclic(|me| RefCell::new(Inner::new(me.clone(), seed, config, network, rng)));
        let mut world = Self { inner, is_checked: false };
        world.add_incidents(&faults);
        world
    }

    /// What decides everything.
    pub fn seed(&self) -> u64 {
        self.inner.borrow().seed
    }

    /// What the world is made of, in one line: the seed, the default link with its faults, the machines.
    pub fn describe(&self) -> String {
        let inner = self.inner.borrow();
        let machines: Vec<_> = inner.machines.iter().map(|machine| &machine.name[..]).collect();
        format!("seed={} {} machines={}", inner.seed, inner.network.link, machines.join("+"))
    }

    /// One more machine, booted now for the first time; its name is `m` and its number.
    pub fn boot(&mut self) -> MachineId {
        let name = format!("m{}", self.machines());
        self.boot_as(name, Boot::default())
    }

    /// One more machine, booted now for the first time, under the name that rules and traces call it by.
    ///
    /// # Panics
    ///
    /// If the name is none, or taken, or there are too many machines.
    pub fn boot_as(&mut self, name: impl Into<String>, boot: Boot) -> MachineId {
        self.is_checked = false;
        let name = name.into();
        let mut inner = self.inner.borrow_mut();
        let number = inner.machines.len();
        if let Err(reason) = check_name(&name) {
            panic!("'{name}': {reason}");
        }
        assert!(number < MACHINES_MAX, "{name}: a world has {MACHINES_MAX} machines at most");
        let Boot { config, clock, epochs } = boot;
        let config = config.unwrap_or_else(|| inner.config.clone());
        let seed = inner.rng.next_u64();
        let mut machine = State::new(name.clone(), number, clock, epochs, config, seed);
        machine.is_watched = inner.watch.watches(&name);
        machine.boot(inner.now);
        let epoch = machine.epoch;
        inner.network.add_machine(&name);
        assert!(inner.names.insert(name.clone(), number).is_none(), "{name}: there is one already");
        let is_watched = machine.is_watched;
        inner.machines.push(machine);
        if is_watched {
            let event = inner.incident(number, Incident::Booted { epoch }, "");
            inner.notice(number, &event);
        }
        MachineId(number)
    }

    /// How many machines there are, up or down.
    pub fn machines(&self) -> usize {
        self.inner.borrow().machines.len()
    }

    /// The machine's number, as addresses have it.
    pub fn machine(&self, machine: MachineId) -> Machine {
        self.inner.borrow().machines[machine.0].address
    }

    /// The machine's name.
    pub fn name(&self, machine: MachineId) -> String {
        self.inner.borrow().machines[machine.0].name.clone()
    }

    /// The machine of this name.
    pub fn find(&self, name: &str) -> Option<MachineId> {
        self.inner.borrow().names.get(name).map(|number| MachineId(*number))
    }

    /// Whether the machine is up.
    pub fn is_up(&self, machine: MachineId) -> bool {
        self.inner.borrow().machines[machine.0].kernel.is_some()
    }

    /// What the tables of the machine's kernel hold; `None` while it is down.
    pub fn holdings(&self, machine: MachineId) -> Option<Holdings> {
        self.inner.borrow().machines[machine.0].kernel.as_ref().map(Kernel::holdings)
    }

    /// Which cells of the tables, packets, reasons and fates the kernels of this world have met, those that are gone
    /// included.
    #[cfg(feature = "coverage")]
    pub fn coverage(&self) -> sendrec_core::exchange::Coverage {
        let inner = self.inner.borrow();
        let mut coverage = inner.coverage;
        for kernel in inner.machines.iter().filter_map(|machine| machine.kernel.as_ref()) {
            coverage.add(kernel.coverage());
        }
        coverage
    }

    /// The link from one machine to another, in this direction, from here on.
    pub fn set_link(&mut self, from: MachineId, to: MachineId, link: Link) {
        self.is_checked = false;
        self.add_incidents(&link.faults);
        let inner = &mut *self.inner.borrow_mut();
        inner.network.set_link(from.0, to.0, &inner.machines[from.0].name, link);
    }

    /// How the ATM switch is. Links go over it whose medium is [`crate::Medium::Atm`].
    pub fn set_atm(&mut self, options: Atm) {
        self.inner.borrow_mut().network.atm.options = options;
    }

    /// More rules, for the whole world from here on.
    ///
    /// # Panics
    ///
    /// If a rule hangs on the events of a machine that was booted untraced: add it before, or trace the machine.
    pub fn add_faults(&mut self, faults: &Faults) {
        self.is_checked = false;
        self.add_incidents(faults);
        let inner = &mut *self.inner.borrow_mut();
        let names: Vec<_> = inner.machines.iter().map(|machine| &machine.name[..]).collect();
        inner.network.add_rules(faults, &names);
    }

    fn add_incidents(&mut self, faults: &Faults) {
        let inner = &mut *self.inner.borrow_mut();
        let first = inner.incidents.len();
        for incident in &faults.incidents {
            inner.incidents.push(incident.clone());
            inner.watch.add(incident.clone());
        }
        for due in inner.watch.by_time().filter(|due| due.rule >= first) {
            let at = (Instant::ZERO + due.after).max(inner.now);
            inner.agenda.push(at, Happening::Mishap { rule: due.rule as u32 });
        }
        for machine in &mut inner.machines {
            if inner.watch.watches(&machine.name) && !machine.is_watched {
                assert!(machine.config.trace, "{}: rules on its events come before its boot", machine.name);
                machine.is_watched = true;
            }
        }
    }

    /// Checks that every machine that rules name is there.
    pub fn check_rules(&self) -> Result<(), FaultError> {
        let inner = self.inner.borrow();
        let incidents = Faults { incidents: inner.incidents.clone(), ..Faults::default() };
        let is_known = |name: &str| inner.names.contains_key(name);
        inner.network.rules.iter().chain([&incidents]).try_for_each(|faults| faults.check_names(is_known))
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
        if let Err(error) = self.inner.borrow_mut().spawn(machine.0, options, body) {
            panic!("a process of {} could not be made: {error}", self.name(machine));
        }
    }

    /// A program of the machine: a process that is spawned now, if the machine is up, and at every boot.
    ///
    /// # Panics
    ///
    /// As [`World::spawn`].
    pub fn install(
        &mut self,
        machine: MachineId,
        options: SpawnOptions,
        program: impl Fn(&Process<'_, Gate<'_>>) + 'static,
    ) {
        let program = Rc::new(program);
        self.inner.borrow_mut().machines[machine.0].programs.push((options, program.clone()));
        if self.is_up(machine) {
            self.spawn(machine, options, move |me| program(me));
        }
    }

    /// The machine stops now, without a word, and forgets everything.
    pub fn crash(&mut self, machine: MachineId) {
        self.bring_about(machine, "crash=", "", |inner, rule| inner.crash(machine.0, rule));
    }

    /// The machine boots now, after a crash if it still lived.
    pub fn restart(&mut self, machine: MachineId) {
        self.bring_about(machine, "restart=", "", |inner, rule| inner.restart(machine.0, rule));
    }

    /// One process is gone now.
    pub fn kill(&mut self, machine: MachineId, process: LocalId) {
        self.bring_about(machine, "kill=", &format!("/{process}"), |inner, rule| {
            inner.kill(machine.0, process, rule);
        });
    }

    /// The machine does nothing for so long.
    pub fn pause(&mut self, machine: MachineId, span: Duration) {
        self.bring_about(machine, "pause=", "", |inner, rule| inner.pause(machine.0, span, rule));
    }

    /// Nothing goes from the first to the second from here on.
    pub fn cut(&mut self, from: MachineId, to: MachineId) {
        let other = format!(">{}", self.name(to));
        self.bring_about(from, "cut=", &other, |inner, rule| inner.cut(from.0, to.0, rule));
    }

    /// All cuts are over.
    pub fn heal(&mut self) {
        let mut inner = self.inner.borrow_mut();
        let rule = inner.by_hand("heal");
        inner.heal(&rule);
    }

    /// Everything works from here on: no rule harms packets or machines any more, cuts and pauses are over. Who is
    /// down stays down.
    pub fn heal_all(&mut self) {
        let mut inner = self.inner.borrow_mut();
        let rule = inner.by_hand("heal");
        inner.network.heal_all();
        inner.called_off = inner.incidents.len();
        inner.heal(&rule);
        for machine in 0..inner.machines.len() {
            inner.resume_machine(machine, None);
        }
    }

    fn bring_about(
        &mut self,
        machine: MachineId,
        keyword: &str,
        rest: &str,
        does: impl FnOnce(&mut Inner, &str),
    ) {
        let mut inner = self.inner.borrow_mut();
        let rule = inner.by_hand(&format!("{keyword}{}{rest}", inner.machines[machine.0].name));
        does(&mut inner, &rule);
        drop(inner);
        self.bury();
    }

    /// The time in the world.
    pub fn now(&self) -> Instant {
        self.inner.borrow().now
    }

    /// Runs until nothing is left that could happen. Processes that wait for what never comes stay suspended.
    ///
    /// # Panics
    ///
    /// If a process does, and if a rule names a machine that is not there.
    pub fn run(&mut self) {
        self.check();
        while self.step(Instant::NEVER) {}
    }

    /// Runs until this time: everything that is due by then has happened.
    ///
    /// # Panics
    ///
    /// As [`World::run`].
    pub fn run_until(&mut self, time: Instant) {
        self.check();
        while self.step(time) {}
        let mut inner = self.inner.borrow_mut();
        inner.now = inner.now.max(time);
    }

    /// Runs for so long.
    ///
    /// # Panics
    ///
    /// As [`World::run`].
    pub fn run_for(&mut self, span: Duration) {
        self.run_until(self.now() + span);
    }

    /// As [`World::run`], but for so many steps at most: a process's run up to its next wait is one, and so is an
    /// instant at which something happens. Returns how many it took.
    ///
    /// # Panics
    ///
    /// As [`World::run`].
    pub fn run_at_most(&mut self, steps: u64) -> Result<u64, Stuck> {
        self.check();
        for taken in 0..steps {
            if !self.step(Instant::NEVER) {
                return Ok(taken);
            }
        }
        Err(Stuck { seed: self.seed(), steps, at: self.now() })
    }

    fn check(&mut self) {
        if !self.is_checked {
            if let Err(error) = self.check_rules() {
                panic!("{error}");
            }
            self.is_checked = true;
        }
    }

    /// Lets one coroutine run, or time jump to the next event; false if nothing is left to happen by `until`.
    fn step(&mut self, until: Instant) -> bool {
        let goes_on = match self.choose() {
            Some(thread) => {
                self.resume(thread);
                true
            }
            None => self.advance(until),
        };
        self.bury();
        goes_on
    }

    /// Which runnable coroutine goes next: the seed says. Those of machines that are paused wait.
    fn choose(&self) -> Option<u32> {
        let inner = &mut *self.inner.borrow_mut();
        loop {
            let thread = inner.threads.choose(&mut inner.rng)?;
            let machine = &mut inner.machines[inner.threads.all[thread as usize].machine];
            if machine.paused_until.is_none() {
                return Some(thread);
            }
            machine.frozen.push(thread);
        }
    }

    fn resume(&mut self, thread: u32) {
        let Some(mut body) = self.inner.borrow_mut().threads.start(thread) else { return };
        let result = catch_unwind(AssertUnwindSafe(|| body.resume(())));
        let inner = &mut *self.inner.borrow_mut();
        match result {
            Ok(CoroutineResult::Yield(Suspended::Until(deadline)))
                if inner.threads.life(thread) == Life::Alive =>
            {
                inner.threads.all[thread as usize].body = Some(body);
                if let Some(deadline) = deadline.filter(|deadline| *deadline != Instant::NEVER) {
                    inner.set_deadline(thread, deadline);
                }
            }
            Ok(CoroutineResult::Yield(_)) => {
                // It has died of what it did; it is buried with the others.
                inner.threads.all[thread as usize].body = Some(body);
            }
            Ok(CoroutineResult::Return(())) => inner.threads.bury(thread, Some(body)),
            Err(panic) => {
                let text = panic.downcast_ref::<&str>().map(ToString::to_string);
                let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
                let state = &inner.threads.all[thread as usize];
                let (name, process) = (&inner.machines[state.machine].name, state.process);
                let place = format!("process {process} of {name} (seed {}, at {})", inner.seed, inner.now);
                inner.threads.bury(thread, None);
                panic!("{place} panicked: {text}");
            }
        }
    }

    /// Lets time jump to the next event and all that is due then happen; false if there is none by `until`.
    fn advance(&mut self, until: Instant) -> bool {
        let mut inner = self.inner.borrow_mut();
        let Some(next) = inner.agenda.next().filter(|next| *next <= until) else { return false };
        inner.now = inner.now.max(next);
        let now = inner.now;
        while let Some((due, happening)) = inner.agenda.pop(now) {
            inner.happen(due, happening);
        }
        true
    }

    /// Drops the coroutines that never go on. What their values do at their end reaches no kernel.
    fn bury(&mut self) {
        loop {
            let mut inner = self.inner.borrow_mut();
            let Some(thread) = inner.threads.doomed.pop() else { return };
            if inner.threads.life(thread) != Life::Doomed {
                continue;
            }
            let state = &mut inner.threads.all[thread as usize];
            state.life = Life::Dead;
            let body = state.body.take();
            drop(inner);
            let body = body.map(|mut body| {
                body.force_unwind();
                body
            });
            self.inner.borrow_mut().threads.bury(thread, body);
        }
    }

    /// Processes whose body has not returned. Those that were killed, or were on a machine that crashed, are gone.
    pub fn unfinished(&self) -> usize {
        self.inner.borrow().threads.all.len()
    }

    /// Every packet that was sent, in order, up to a bound.
    pub fn passages(&self) -> Vec<Passage> {
        self.inner.borrow().log.passages.clone()
    }

    /// Every event so far, in order, with its machine, up to a bound. Kernels' events are there if they are traced.
    pub fn events(&self) -> Vec<(MachineId, Event)> {
        let inner = self.inner.borrow();
        inner.log.records.iter().map(|record| (record.machine, record.event.clone())).collect()
    }

    /// As [`World::events`], with the time in the world: an event's own is by its machine's clock.
    pub fn records(&self) -> Vec<Record> {
        self.inner.borrow().log.records.clone()
    }

    /// How many events and passages are kept; those beyond are counted. Zero passages are not even counted.
    pub fn keep(&mut self, records: usize, passages: usize) {
        let mut inner = self.inner.borrow_mut();
        (inner.log.records_max, inner.log.passages_max) = (records, passages);
    }

    /// Events and passages that found no room.
    pub fn unrecorded(&self) -> u64 {
        self.inner.borrow().log.unrecorded
    }

    /// How many packets kernels have sent and received.
    pub fn traffic(&self) -> Traffic {
        self.inner.borrow().log.traffic
    }

    /// The cells that came to the ATM switch, in order: the first [`crate::atm::CELL_RECORDS_MAX`].
    pub fn cells(&self) -> Vec<CellRecord> {
        self.inner.borrow().network.atm.records.clone()
    }
}

impl Drop for World {
    /// Processes end with their world, and say goodbye to nobody. They hold what they run in, so they go first.
    fn drop(&mut self) {
        self.inner.borrow_mut().threads.doom(|_| true);
        self.bury();
        self.inner.borrow_mut().machines.clear();
    }
}
