//! Runs a scenario in a world: virtual time, one seed, and everything that happens on record.
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use sendrec_core::trace::Event;
use sendrec_sim::atm::CellRecord;
use sendrec_sim::{Boot, Clock, Gate, Link, MachineId, Medium, Queue, World};
use sendrec_trap::{Address, Instant, LocalId, SpawnOptions};

use super::actor::Actor;
use super::cast::{Directory, Entry, Stage, Told};
use super::claim::{Evidence, Verdict};
use super::desk::Desk;
use super::scenario::{LinkSpec, Network, ProcessSpec, Scenario};
use super::switches::{Addressing, Switches};
use crate::trace::{Header, Joined, Trace, VERSION, join};

/// A scenario that has not come to rest by then is ended.
const STEPS_MAX: u64 = 2_000_000;
/// Time in the world after which nothing more is waited for.
const TIME_MAX: Duration = Duration::from_secs(300);

impl Stage for Gate<'_> {
    fn sleep(&self, span: Duration) {
        Gate::sleep(self, span);
    }

    fn scribble(&self, process: LocalId, before: &[u8], after: &[u8]) -> bool {
        Gate::scribble(self, process, before, after)
    }
}

/// What a run has left.
#[derive(Clone, Debug)]
pub struct Run {
    /// What was run, switches and all.
    pub scenario: Scenario,
    /// Traces of its machines, in their order.
    pub traces: Vec<Trace>,
    /// The same as one story.
    pub joined: Joined,
    /// What steps have brought, in order.
    pub told: Vec<Told>,
    /// The cells on ATM links.
    pub cells: Vec<CellRecord>,
    /// How long it took, by its own clock.
    pub took: Duration,
    /// What it ended with, if not by coming to rest.
    pub cut_short: Option<String>,
}

impl Run {
    /// What has come of it, to judge it by.
    pub fn evidence(&self) -> Evidence<'_> {
        Evidence { scenario: &self.scenario, joined: &self.joined, told: &self.told, cells: &self.cells }
    }

    /// Each claim with whether it held; those that need a world are left out if this was none.
    pub fn verdicts(&self, in_a_world: bool) -> Vec<(String, Verdict)> {
        let evidence = self.evidence();
        let claims = self.scenario.claims.iter().filter(|claim| in_a_world || !claim.world_only);
        claims.map(|claim| (claim.text.clone(), evidence.judge(&claim.claim))).collect()
    }

    /// Whether it came to rest and all of them held.
    pub fn held(&self, in_a_world: bool) -> bool {
        self.cut_short.is_none() && self.verdicts(in_a_world).iter().all(|(_, verdict)| verdict.held)
    }
}

impl LinkSpec {
    fn link(&self, network: Option<&Network>) -> Link {
        Link {
            latency: self.latency,
            jitter: self.jitter,
            bandwidth: self.bandwidth,
            queue: self.queue.map(Queue::Packets),
            free_bytes: self.free_bytes,
            medium: if self.atm { Medium::Atm } else { Medium::Lines },
            faults: network.map(|network| network.faults.clone()).unwrap_or_default(),
        }
    }
}

/// How a process is spawned.
pub fn spawn_options(process: &ProcessSpec) -> SpawnOptions {
    SpawnOptions {
        local_id: Some(process.id),
        sparse: process.sparse,
        buffering: process.buffering,
        threads: false,
    }
}

/// Who is where, once every machine's number is known, in the scenario's order.
pub fn directory(
    scenario: &Scenario,
    machines: &[sendrec_core::Machine],
    addressing: Addressing,
) -> Directory {
    let mut directory = Directory::default();
    let place = |machine: usize, process: &ProcessSpec| Address::new(machines[machine], process.id);
    for (number, machine) in scenario.machines.iter().enumerate() {
        for (nth, process) in machine.processes.iter().enumerate() {
            let entry = Entry {
                address: place(number, process),
                sparse: process.sparse.filter(|_| addressing == Addressing::Sparse),
                name: (addressing == Addressing::Name).then(|| process.name.clone()),
            };
            if nth == 0 {
                directory.processes.entry(machine.name.clone()).or_insert_with(|| entry.clone());
            }
            directory.processes.insert(process.name.clone(), entry);
        }
    }
    directory.names = scenario
        .name_server()
        .map(|(machine, process)| place(machine, &scenario.machines[machine].processes[process]));
    directory
}

/// Runs a scenario in a world, as the switches want it.
pub fn run(scenario: &Scenario, switches: &Switches) -> Run {
    let scenario = scenario.switched(switches);
    let mut world = build(&scenario);
    let addressing = switches.addressing.unwrap_or_default();
    let numbers: Vec<MachineId> =
        scenario.machines.iter().filter_map(|machine| world.find(&machine.name)).collect();
    let addresses: Vec<_> = numbers.iter().map(|machine| world.machine(*machine)).collect();
    let directory = Rc::new(directory(&scenario, &addresses, addressing));
    let told: Rc<RefCell<Vec<Told>>> = Rc::default();
    let manner = switches.blocking.unwrap_or_default();
    for (machine, spec) in numbers.iter().zip(&scenario.machines) {
        let desk = Desk::in_memory();
        for process in &spec.processes {
            let (directory, told, desk) = (directory.clone(), told.clone(), desk.clone());
            let (name, script) = (process.name.clone(), process.script.clone());
            let ahead = spec.clock_ahead;
            world.install_after(*machine, process.starts, spawn_options(process), move |me| {
                let tell = |mut step: Told| {
                    step.began = step.began.saturating_sub(ahead);
                    step.at = step.at.saturating_sub(ahead);
                    told.borrow_mut().push(step);
                };
                Actor::new(me, &name, &directory, desk.clone(), manner, &tell).play(&script);
            });
        }
    }
    let cut_short = play_out(&mut world);
    let traces = traces(&world, &scenario);
    let joined = join(traces.clone());
    let told = told.borrow().clone();
    let took = Duration::from_nanos(world.now().as_nanos());
    Run { scenario, traces, joined, told, cells: world.cells(), took, cut_short }
}

fn build(scenario: &Scenario) -> World {
    let config = scenario.machines.first().map(|machine| machine.config.clone()).unwrap_or_default();
    let mut world = World::with(scenario.seed, config, scenario.network.link.link(Some(&scenario.network)));
    world.set_atm(scenario.network.atm.clone());
    for machine in &scenario.machines {
        let clock = Clock { offset: machine.clock_ahead, drift_ppm: machine.drift_ppm };
        let boot = Boot { config: Some(machine.config.clone()), clock, epochs: machine.epochs };
        world.boot_as(machine.name.clone(), boot);
    }
    for (from, to, link) in &scenario.network.links {
        if let (Some(from), Some(to)) = (world.find(from), world.find(to)) {
            world.set_link(from, to, link.link(None));
        }
    }
    world
}

/// Runs until nothing more happens, or it has gone on for too long.
fn play_out(world: &mut World) -> Option<String> {
    let mut steps = 0;
    loop {
        match world.run_at_most(STEPS_MAX / 100) {
            Ok(_) => return None,
            Err(stuck) => {
                steps += stuck.steps;
                if world.now() > Instant::ZERO + TIME_MAX {
                    return Some(format!("ended after {TIME_MAX:?} of its own time"));
                }
                if steps > STEPS_MAX {
                    return Some(format!("ended after {steps} steps"));
                }
            }
        }
    }
}

/// The traces of a world's machines, on the world's clock.
fn traces(world: &World, scenario: &Scenario) -> Vec<Trace> {
    let mut traces: Vec<Trace> = scenario
        .machines
        .iter()
        .filter_map(|machine| {
            let number = world.find(&machine.name)?;
            let header = Header {
                version: VERSION,
                machine: world.machine(number),
                epoch: sendrec_core::Epoch(1),
                role: machine.name.clone(),
                origin_unix_ns: 0,
            };
            Some(Trace { header, events: Vec::new(), torn: false })
        })
        .collect();
    for record in world.records() {
        let event = Event { at: record.at, ..record.event };
        if let Some(trace) = traces.get_mut(record.machine.index()) {
            trace.events.push(event);
        }
    }
    traces
}
