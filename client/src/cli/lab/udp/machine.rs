//! One machine of a scenario over UDP: a node, an actor in a thread for each process, and a trace.
use std::io::{BufRead, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use sendrec::lab::{
    Actor, Desk, Directory, MachineSpec, Scenario, Stage, Switches, directory, spawn_options,
};
use sendrec::trace::{TraceWriter, origin_of};
use sendrec_core::fault::{Due, Faults, IncidentRule, Mishap, Watch};
use sendrec_core::rng::Rng;
use sendrec_core::trace::{Event, Incident, What};
use sendrec_core::{Instant, LocalId, Machine, Outcome, SpawnError, SpawnOptions, Syscall};
use sendrec_kernel::{Discovery, Names, Node, NodeConfig};
use sendrec_trap::{Address, Deliver, From, Options, Process, Recorder, Slot, Step, Trap};

use super::{Job, Order, Report};
use crate::cli::Failure;

/// A node on which actors play.
struct OnNode {
    node: Node,
    sleeping: AtomicUsize,
}

impl Trap for OnNode {
    fn now(&self) -> Instant {
        self.node.now()
    }

    fn machine(&self) -> Machine {
        self.node.machine()
    }

    fn options(&self) -> Options {
        self.node.options()
    }

    fn message_bytes_max(&self) -> usize {
        self.node.message_bytes_max()
    }

    fn spawn(&self, options: SpawnOptions) -> Result<LocalId, SpawnError> {
        self.node.spawn(options)
    }

    fn orphan(&self, process: LocalId, client: Address) {
        self.node.orphan(process, client);
    }

    fn step(&self, process: LocalId, step: Step) {
        self.node.step(process, step);
    }

    fn exit(&self, process: LocalId) {
        self.node.exit(process);
    }

    fn enter(&self, process: LocalId, call: Syscall, deadline: Option<Instant>) -> Outcome {
        self.node.enter(process, call, deadline)
    }

    fn submit(&self, process: LocalId, call: Syscall) -> Arc<Slot> {
        self.node.submit(process, call)
    }

    fn wait(&self, slot: &Arc<Slot>, deadline: Option<Instant>) -> bool {
        self.node.wait(slot, deadline)
    }

    fn subscribe(&self, process: LocalId, from: From, deliver: Deliver) {
        self.node.subscribe(process, from, deliver);
    }

    fn cancel(&self, slot: &Arc<Slot>) {
        self.node.cancel(slot);
    }
}

impl Stage for OnNode {
    fn sleep(&self, span: Duration) {
        self.sleeping.fetch_add(1, Ordering::SeqCst);
        thread::sleep(span);
        self.sleeping.fetch_sub(1, Ordering::SeqCst);
    }

    fn scribble(&self, _: LocalId, _: &[u8], _: &[u8]) -> bool {
        false
    }

    fn bounded(&self, begins: bool) {
        if begins {
            self.sleeping.fetch_add(1, Ordering::SeqCst);
        } else {
            self.sleeping.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

/// Writes the trace, watches for what is to befall, and dies where it is to die.
struct Watcher {
    trace: Box<dyn Recorder>,
    watch: Watch,
    rules: Vec<IncidentRule>,
    name: String,
    /// What befell an earlier incarnation: each rule comes true once.
    done: Vec<usize>,
    events: Arc<AtomicU64>,
    over: Arc<AtomicBool>,
}

impl Recorder for Watcher {
    fn record(&mut self, event: &Event) {
        // That the machine is told to end is no part of the story.
        if self.over.load(Ordering::SeqCst) {
            return;
        }
        self.trace.record(event);
        self.events.fetch_add(1, Ordering::SeqCst);
        let mut due: Vec<Due> = Vec::new();
        self.watch.see(&self.name, event, &mut due);
        due.retain(|due| !self.done.contains(&due.rule));
        for Due { rule, after } in due {
            let dies = matches!(&self.rules[rule].mishap, Mishap::Crash(who) if *who == self.name);
            self.done.push(rule);
            if dies && after.is_zero() {
                let incident = Incident::Crashed;
                let what = What::Incident { incident, rule: self.rules[rule].to_string() };
                self.trace.record(&Event { number: 0, cause: None, at: event.at, what });
                // Under the node's lock: nothing of what this event would lead to leaves the machine.
                let _ =
                    rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
            }
            report(&Report::Due { rule, after_ns: u64::try_from(after.as_nanos()).unwrap_or(u64::MAX) });
        }
    }
}

/// A line to the parent. If it does not listen any more, this process ends with its stdin.
fn report(report: &Report) {
    if let Ok(line) = serde_json::to_string(report) {
        let mut out = std::io::stdout().lock();
        let _ = writeln!(out, "{line}");
        let _ = out.flush();
    }
}

fn order(line: &str) -> Result<Order, Failure> {
    serde_json::from_str(line).map_err(|error| Failure::new("an order of the lab", error))
}

/// Waits for an order without which nothing goes on; `None` if there is to be nothing. Who boots again is asked and
/// told other things meanwhile: how far it is it cannot say yet, so the parent waits.
fn await_order(
    next: &mut impl FnMut() -> Result<Option<String>, Failure>,
    wanted: impl Fn(&Order) -> bool,
    trace: &TraceWriter,
    node: &Node,
) -> Result<Option<Order>, Failure> {
    while let Some(line) = next()? {
        match order(&line)? {
            order if wanted(&order) => return Ok(Some(order)),
            Order::Record(incident, rule) => {
                record(trace, node, incident, &rule);
                report(&Report::Recorded);
            }
            Order::Kill(process) => node.exit(process),
            Order::Stop => return Ok(None),
            Order::Spawn | Order::Go { .. } | Order::Poll => {}
        }
    }
    Ok(None)
}

/// The body of `sendrec lab machine`.
pub(in super::super) fn run() -> Result<(), Failure> {
    let mut lines = std::io::stdin().lock().lines();
    let mut next = || lines.next().transpose().map_err(|error| Failure::new("stdin", error));
    let Some(line) = next()? else { return Ok(()) };
    let job: Job = serde_json::from_str(&line).map_err(|error| {
        Failure::new("lab machine", format!("`sendrec lab run --udp` starts this, with a job: {error}"))
    })?;
    let scenario =
        Scenario::parse(&job.source, "scenario").map_err(|error| Failure::Said(error.to_string()))?;
    let switches: Switches = job.switches.parse().map_err(Failure::Said)?;
    let scenario = scenario.switched(&switches);
    let spec = scenario.machines.iter().find(|machine| machine.name == job.machine);
    let spec = spec.ok_or_else(|| Failure::new(&job.machine, "the scenario has no such machine"))?;
    let trace = TraceWriter::create(&job.trace, &job.machine)
        .map_err(|error| Failure::new(job.trace.display(), error))?;
    let events = Arc::new(AtomicU64::new(0));
    let over = Arc::new(AtomicBool::new(false));
    let watcher = watcher(&job, &scenario, &trace, &events, &over);
    let node = boot(&job, spec, &scenario, watcher)?;
    trace.begin(node.machine(), origin_of(&node));
    if !job.first {
        record(&trace, &node, Incident::Booted { epoch: node.epoch() }, &job.rule);
    }
    let stage = OnNode { node, sleeping: AtomicUsize::new(0) };
    let addresses: Vec<Machine> = scenario
        .machines
        .iter()
        .filter_map(|machine| job.machines.get(&machine.name))
        .copied()
        .map(Machine::new)
        .collect();
    let desk = Desk::at(job.trace.with_file_name(format!("{}.disk", job.machine)));
    let directory = directory(&scenario, &addresses, switches.addressing.unwrap_or_default());
    report(&Report::Ready);
    let wanted = |order: &Order| matches!(order, Order::Spawn);
    if await_order(&mut next, wanted, &trace, &stage.node)?.is_none() {
        return Ok(());
    }
    let mut cast = Vec::new();
    for process in &spec.processes {
        // Who starts late is not there yet, nor found by anybody.
        let me = if process.starts.is_zero() {
            Some(
                Process::spawn(&stage, spawn_options(process))
                    .map_err(|error| Failure::new(&process.name, error))?,
            )
        } else {
            None
        };
        cast.push((process, me));
    }
    report(&Report::Spawned);
    let wanted = |order: &Order| matches!(order, Order::Go { .. });
    let Some(Order::Go { since_ns }) = await_order(&mut next, wanted, &trace, &stage.node)? else {
        return Ok(());
    };
    let since = Duration::from_nanos(since_ns);
    thread::scope(|scope| {
        let begun = stage.node.now();
        for (process, me) in cast {
            let (directory, manner): (&Directory, _) = (&directory, switches.blocking.unwrap_or_default());
            let (stage, desk) = (&stage, desk.clone());
            scope.spawn(move || {
                let me = match me {
                    Some(me) => me,
                    None => {
                        stage.sleep(process.starts);
                        match Process::spawn(stage, spawn_options(process)) {
                            Ok(me) => me,
                            Err(error) => return log::warn!("{}: {error}", process.name),
                        }
                    }
                };
                let tell = |mut told: sendrec::lab::Told| {
                    let begun = Duration::from_nanos(begun.as_nanos());
                    told.began = told.began.saturating_sub(begun) + since;
                    told.at = told.at.saturating_sub(begun) + since;
                    report(&Report::Told(told));
                };
                Actor::new(&me, &process.name, directory, desk, manner, &tell).play(&process.script);
            });
        }
        while let Some(line) = next()? {
            match order(&line)? {
                Order::Spawn | Order::Go { .. } => {}
                Order::Poll => report(&state(&stage, &events)),
                Order::Record(incident, rule) => {
                    record(&trace, &stage.node, incident, &rule);
                    report(&Report::Recorded);
                }
                Order::Kill(process) => stage.node.exit(process),
                Order::Stop => break,
            }
        }
        over.store(true, Ordering::SeqCst);
        stage.node.shut_down();
        // Actors may sleep for long yet; what they would do then is nobody's affair.
        let finished = trace.finish().map_err(|error| Failure::new("the trace", error));
        match finished {
            Ok(()) => std::process::exit(0),
            Err(failure) => Err(failure),
        }
    })
}

fn state(stage: &OnNode, events: &AtomicU64) -> Report {
    Report::State {
        events: events.load(Ordering::SeqCst),
        outgoing: stage.node.holdings().map_or(0, |holdings| holdings.outgoing),
        sleeping: stage.sleeping.load(Ordering::SeqCst),
    }
}

fn record(trace: &TraceWriter, node: &Node, incident: Incident, rule: &str) {
    let what = What::Incident { incident, rule: rule.to_owned() };
    trace.recorder().record(&Event { number: 0, cause: None, at: node.now(), what });
}

fn watcher(
    job: &Job,
    scenario: &Scenario,
    trace: &TraceWriter,
    events: &Arc<AtomicU64>,
    over: &Arc<AtomicBool>,
) -> Watcher {
    let rules = &scenario.network.faults.incidents;
    Watcher {
        trace: trace.recorder(),
        watch: Watch::new(rules),
        rules: rules.clone(),
        name: job.machine.clone(),
        done: job.done.clone(),
        events: events.clone(),
        over: over.clone(),
    }
}

/// What befalls the packets that this machine sends. The scenario's seed decides, for each machine otherwise.
fn packet_faults(scenario: &Scenario, machine: &str) -> Option<Faults> {
    let all = &scenario.network.faults;
    let place = scenario.machines.iter().position(|other| other.name == machine)?;
    let seed = all.seed ^ Rng::new(scenario.seed ^ ((place as u64) << 32)).next_u64();
    let faults = Faults { packets: all.packets.clone(), incidents: Vec::new(), seed };
    (!faults.is_empty()).then_some(faults)
}

fn boot(job: &Job, spec: &MachineSpec, scenario: &Scenario, watcher: Watcher) -> Result<Node, Failure> {
    let names = job.machines.iter().map(|(name, address)| (Machine::new(*address), name.clone()));
    let others = job.machines.iter().filter(|(name, _)| **name != job.machine).map(|(_, address)| *address);
    let others: Vec<_> = others.collect();
    let listen = job.machines.get(&job.machine).copied();
    let listen = listen.ok_or_else(|| Failure::new(&job.machine, "it was not told where to listen"))?;
    let config = NodeConfig {
        listen,
        kernel: sendrec_core::Config { first_incarnation: job.first, ..spec.config.clone() },
        faults: packet_faults(scenario, &job.machine),
        names: Some(Names { own: job.machine.clone(), machines: names.collect() }),
        discovery: if others.is_empty() { Discovery::Off } else { Discovery::Machines(others) },
        recorder: Some(Box::new(watcher)),
        ..NodeConfig::default()
    };
    Node::boot(config).map_err(|error| Failure::Said(error.to_string()))
}
