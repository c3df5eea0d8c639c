//! A world as a person holds it: machines and programs are put in, it runs, and what happened is read.
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use sendrec_core::Kernel;
use sendrec_core::exchange::Holdings;

use sendrec_core::fault::{FaultError, Faults, Span, check_name};
use sendrec_core::kernel::Counters;
use sendrec_core::rng::Rng;
use sendrec_core::trace::{Event, Incident};
use sendrec_trap::{Config, Instant, LocalId, Machine, Process, SpawnOptions};

use crate::agenda::Happening;
use crate::atm::{Atm, CellRecord};
use crate::gate::Gate;
use crate::inner::Inner;
use crate::link::Link;
use crate::machine::{Boot, Installed, MACHINES_MAX, MachineId, State};
use crate::network::Network;
use crate::record::{Passage, Record, Traffic};

/// Machines, their processes and the network between them.
pub struct World {
    pub(crate) inner: Rc<RefCell<Inner>>,
    /// Whether the names in rules have been checked since the last machine or rule was added.
    pub(crate) is_checked: bool,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "World({} machines, {} processes)", self.machines(), self.unfinished())
    }
}

impl World {
    /// An empty world; `seed` decides everything in it that is not said.
    pub fn new(seed: u64) -> Self {
        Self::with(seed, Config::default(), Link::default())
    }

    /// A world whose machines have this configuration and this network. The link's faults are the world's: their rules
    /// about machines hold too.
    pub fn with(seed: u64, config: Config, link: Link) -> Self {
        let rng = Rng::new(seed);
        let faults = link.faults.clone();
        let network = Network::new(link, Rng::new(!seed));
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
        let seed = inner.rng.next_u64();
        inner.network.add_machine(&name, seed);
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

    /// What happened to packets at the machine since it booted; `None` while it is down.
    pub fn counters(&self, machine: MachineId) -> Option<Counters> {
        self.inner.borrow().machines[machine.0].kernel.as_ref().map(|kernel| *kernel.counters())
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
        inner.network.all_rules().chain([&incidents]).try_for_each(|faults| faults.check_names(is_known))
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
        self.install_after(machine, Duration::ZERO, options, program);
    }

    /// As [`World::install`], but it starts so long after each boot, if the machine is up then and its id is free.
    ///
    /// # Panics
    ///
    /// As [`World::spawn`], if it is to start now.
    pub fn install_after(
        &mut self,
        machine: MachineId,
        after: Duration,
        options: SpawnOptions,
        program: impl Fn(&Process<'_, Gate<'_>>) + 'static,
    ) {
        let mut inner = self.inner.borrow_mut();
        let programs = &mut inner.machines[machine.0].programs;
        let place = programs.len();
        programs.push(Installed { after, options, program: Rc::new(program) });
        let started =
            if inner.machines[machine.0].kernel.is_some() { inner.start(machine.0, place) } else { Ok(()) };
        drop(inner);
        if let Err(error) = started {
            panic!("a process of {} could not be made: {error}", self.name(machine));
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
        self.bring_about(machine, "pause=", "", |inner, rule| {
            inner.pause(machine.0, span, &format!("{rule}:{}", Span(span)));
        });
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

    /// Entries of the agenda: what is to happen, and what was called off and not thrown away yet.
    pub fn pending(&self) -> usize {
        self.inner.borrow().agenda.len()
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
