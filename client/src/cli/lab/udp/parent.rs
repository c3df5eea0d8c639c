//! The parent of machines: starts them, does what befalls them, and ends the run once nothing more happens.
use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Once;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use sendrec::lab::{Run, Scenario, Switches, Told};
use sendrec::trace::{Trace, join, read};
use sendrec_core::Buffering;
use sendrec_core::fault::{Due, IncidentRule, Mishap, Watch};
use sendrec_core::trace::{Event, Incident, What};

use super::{Job, Order, Report};
use crate::cli::Failure;
use crate::cli::session::{is_stopped, on_stop};

/// How long the machines may take to boot.
const BOOT_PATIENCE: Duration = Duration::from_secs(30);
/// How often they are asked how far things are.
const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// A run that goes on for longer is ended.
const RUN_MAX: Duration = Duration::from_secs(120);
/// How long a machine may take to end.
const STOP_PATIENCE: Duration = Duration::from_secs(10);

/// A machine that runs.
struct Alive {
    child: Child,
    orders: ChildStdin,
    trace: PathBuf,
    /// Counts its incarnations: what an earlier one said counts no more.
    incarnation: usize,
}

/// What comes from the machines.
struct Heard {
    machine: usize,
    incarnation: usize,
    /// `None` at the end of its output.
    report: Option<Report>,
}

/// Something to be done later.
#[derive(Debug)]
enum Later {
    Befall(usize),
    Resume(usize, String),
}

struct Parent<'a> {
    scenario: &'a Scenario,
    switches: &'a Switches,
    /// The scenario as the switches want it.
    switched: Scenario,
    ports: BTreeMap<String, SocketAddr>,
    directory: tempfile::TempDir,
    machines: Vec<Option<Alive>>,
    incarnations: Vec<usize>,
    traces: Vec<Vec<PathBuf>>,
    sender: Sender<Heard>,
    reports: Receiver<Heard>,
    later: Vec<(Instant, Later)>,
    /// Sees what only the parent sees: crashes.
    watch: Watch,
    rules: Vec<IncidentRule>,
    /// Rules that have come true.
    done: Vec<usize>,
    told: Vec<Told>,
    states: Vec<Option<(u64, usize, usize)>>,
    /// When the processes were let begin.
    begun: Instant,
}

impl Drop for Parent<'_> {
    fn drop(&mut self) {
        for alive in self.machines.iter_mut().flatten() {
            let _ = alive.child.kill();
            let _ = alive.child.wait();
        }
    }
}

/// Runs a scenario over UDP.
pub(crate) fn play(scenario: &Scenario, switches: &Switches) -> Result<Run, Failure> {
    if let Err(reason) = &scenario.udp {
        return Err(Failure::new(&scenario.name, format!("it does not run over UDP: {reason}")));
    }
    listen_for_stop()?;
    let mut parent = Parent::new(scenario, switches)?;
    parent.start_all()?;
    let cut_short = parent.run()?;
    let took = parent.begun.elapsed();
    parent.finish(took, cut_short)
}

/// Once, however many scenarios are run.
fn listen_for_stop() -> Result<(), Failure> {
    static LISTENS: Once = Once::new();
    let mut listens = Ok(());
    LISTENS.call_once(|| listens = on_stop(Duration::ZERO, || {}));
    listens
}

/// Ports that the system has chosen, all at once so that no two are the same.
fn choose_ports(scenario: &Scenario) -> Result<BTreeMap<String, SocketAddr>, Failure> {
    let failed = |error| Failure::new("no port for a machine", error);
    let sockets: Vec<UdpSocket> = scenario
        .machines
        .iter()
        .map(|_| UdpSocket::bind("127.0.0.1:0").map_err(failed))
        .collect::<Result<_, _>>()?;
    let pairs = scenario.machines.iter().zip(&sockets);
    pairs.map(|(machine, socket)| Ok((machine.name.clone(), socket.local_addr().map_err(failed)?))).collect()
}

impl<'a> Parent<'a> {
    fn new(scenario: &'a Scenario, switches: &'a Switches) -> Result<Self, Failure> {
        let switched = scenario.switched(switches);
        let rules = switched.network.faults.incidents.clone();
        for rule in &rules {
            if matches!(rule.mishap, Mishap::Cut { .. } | Mishap::Partition(_) | Mishap::Heal) {
                let reason = "over UDP nothing is cut off; run it in a world, without --udp";
                return Err(Failure::new(rule, reason));
            }
        }
        let count = switched.machines.len();
        let (sender, reports) = channel();
        Ok(Self {
            scenario,
            switches,
            ports: choose_ports(&switched)?,
            switched,
            directory: tempfile::tempdir().map_err(|error| Failure::new("a folder for traces", error))?,
            machines: (0..count).map(|_| None).collect(),
            incarnations: vec![0; count],
            traces: vec![Vec::new(); count],
            sender,
            reports,
            later: Vec::new(),
            watch: Watch::new(&rules),
            rules,
            done: Vec::new(),
            told: Vec::new(),
            states: vec![None; count],
            begun: Instant::now(),
        })
    }

    fn start_all(&mut self) -> Result<(), Failure> {
        for machine in 0..self.machines.len() {
            self.start(machine, "")?;
        }
        self.await_all(|report| matches!(report, Report::Ready))?;
        // Nobody is asked before everybody can answer.
        self.order_all(&Order::Spawn);
        self.await_all(|report| matches!(report, Report::Spawned))?;
        self.begun = Instant::now();
        self.order_all(&Order::Go { since_ns: 0 });
        Ok(())
    }

    /// Waits until every machine has said this.
    fn await_all(&mut self, is: impl Fn(&Report) -> bool) -> Result<(), Failure> {
        let mut said = 0;
        while said < self.machines.len() {
            match self.reports.recv_timeout(BOOT_PATIENCE) {
                Ok(Heard { report: Some(report), .. }) => said += usize::from(is(&report)),
                Ok(Heard { report: None, machine, .. }) => {
                    let name = &self.switched.machines[machine].name;
                    return Err(Failure::new(name, "the machine did not boot; what it said stands above"));
                }
                Err(_) => return Err(Failure::new("the machines", "they do not boot")),
            }
            if is_stopped() {
                return Err(Failure::Interrupted);
            }
        }
        Ok(())
    }

    /// Starts a machine, by a rule if it is not the first time.
    fn start(&mut self, machine: usize, rule: &str) -> Result<(), Failure> {
        let name = self.switched.machines[machine].name.clone();
        let failed = |what: &str, error: std::io::Error| Failure::new(format_args!("{name}: {what}"), error);
        self.incarnations[machine] += 1;
        let incarnation = self.incarnations[machine];
        let trace = self.directory.path().join(format!("{name}-{incarnation}.jsonl"));
        let job = Job {
            source: self.scenario.source.clone(),
            switches: self.switches.to_string(),
            machine: name.clone(),
            machines: self.ports.clone(),
            first: incarnation == 1,
            rule: rule.to_owned(),
            done: self.done.clone(),
            trace: trace.clone(),
        };
        let binary = std::env::current_exe().map_err(|error| failed("the lab's own binary", error))?;
        let mut child = Command::new(binary)
            .args(["lab", "machine"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| failed("cannot start", error))?;
        let (Some(mut orders), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Failure::new(name, "it has no pipes"));
        };
        let line = serde_json::to_string(&job).map_err(|error| Failure::new("JSON", error))?;
        writeln!(orders, "{line}").map_err(|error| failed("cannot be told", error))?;
        let sender = self.sender.clone();
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if let Ok(report) = serde_json::from_str(&line) {
                    let _ = sender.send(Heard { machine, incarnation, report: Some(report) });
                }
            }
            let _ = sender.send(Heard { machine, incarnation, report: None });
        });
        self.traces[machine].push(trace.clone());
        self.machines[machine] = Some(Alive { child, orders, trace, incarnation });
        self.states[machine] = None;
        Ok(())
    }

    /// Tells a machine something; one that is dead does not hear it.
    fn order(&mut self, machine: usize, order: &Order) {
        if let (Some(alive), Ok(line)) = (&mut self.machines[machine], serde_json::to_string(order)) {
            let _ = writeln!(alive.orders, "{line}");
        }
    }

    fn order_all(&mut self, order: &Order) {
        for machine in 0..self.machines.len() {
            self.order(machine, order);
        }
    }

    /// Runs until nothing more happens; says why it did not come to that.
    fn run(&mut self) -> Result<Option<String>, Failure> {
        let begun = self.begun;
        let window = quiet_window(&self.switched);
        for Due { rule, after } in self.watch.by_time().collect::<Vec<_>>() {
            self.later.push((begun + after, Later::Befall(rule)));
        }
        let mut last_states = self.states.clone();
        let mut last_change = Instant::now();
        let mut next_poll = Instant::now();
        loop {
            if is_stopped() {
                return Err(Failure::Interrupted);
            }
            let now = Instant::now();
            if now - begun > RUN_MAX {
                return Ok(Some(format!("ended after {} s", RUN_MAX.as_secs())));
            }
            self.do_what_is_due(now)?;
            if now >= next_poll {
                next_poll = now + POLL_INTERVAL;
                self.order_all(&Order::Poll);
            }
            let wake = self.later.iter().map(|(at, _)| *at).fold(next_poll, Instant::min);
            match self.reports.recv_timeout(wake.saturating_duration_since(Instant::now())) {
                Ok(heard) => self.hear(heard),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(Some("the machines are gone".to_owned())),
            }
            let busy =
                !self.later.is_empty() || self.states.iter().flatten().any(|(_, _, sleeping)| *sleeping > 0);
            if busy || self.states != last_states {
                last_states.clone_from(&self.states);
                last_change = Instant::now();
            }
            let outstanding = self.states.iter().flatten().any(|(_, outgoing, _)| *outgoing > 0);
            let alive = self
                .machines
                .iter()
                .zip(&self.states)
                .all(|(machine, state)| machine.is_none() || state.is_some());
            let wait = if outstanding { window.outstanding } else { window.quiet };
            if alive && last_change.elapsed() > wait {
                return Ok(None);
            }
        }
    }

    fn hear(&mut self, heard: Heard) {
        let Heard { machine, incarnation, report } = heard;
        if self.machines[machine].as_ref().is_none_or(|alive| alive.incarnation != incarnation) {
            // What it said before it died counts all the same.
            if let Some(Report::Told(told)) = report {
                self.told.push(told);
            }
            return;
        }
        match report {
            Some(Report::Ready) => self.order(machine, &Order::Spawn),
            Some(Report::Spawned) => {
                let since_ns = u64::try_from(self.begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
                self.order(machine, &Order::Go { since_ns });
            }
            Some(Report::Told(told)) => self.told.push(told),
            Some(Report::Due { rule, after_ns }) => {
                self.done.push(rule);
                self.later.push((Instant::now() + Duration::from_nanos(after_ns), Later::Befall(rule)));
            }
            Some(Report::State { events, outgoing, sleeping }) => {
                self.states[machine] = Some((events, outgoing, sleeping));
            }
            Some(Report::Recorded) => {}
            // It was to die at an event of its own, and has.
            None => {
                let name = &self.switched.machines[machine].name;
                let own = |rule: &IncidentRule| {
                    matches!(&rule.mishap, Mishap::Crash(who) if who == name)
                        && rule.watched_at() == Some(name)
                };
                let by_itself =
                    (0..self.rules.len()).find(|rule| own(&self.rules[*rule]) && !self.done.contains(rule));
                self.done.extend(by_itself);
                self.on_death(machine);
            }
        }
    }

    fn do_what_is_due(&mut self, now: Instant) -> Result<(), Failure> {
        while let Some(place) = self.later.iter().position(|(at, _)| *at <= now) {
            match self.later.swap_remove(place).1 {
                Later::Befall(rule) => self.befall(rule)?,
                Later::Resume(machine, rule) => self.resume(machine, rule),
            }
        }
        Ok(())
    }

    fn find(&self, name: &str) -> Option<usize> {
        self.switched.machines.iter().position(|machine| machine.name == name)
    }

    fn befall(&mut self, rule: usize) -> Result<(), Failure> {
        let IncidentRule { mishap, .. } = self.rules[rule].clone();
        let text = self.rules[rule].to_string();
        match mishap {
            Mishap::Crash(who) => {
                if let Some(machine) = self.find(&who) {
                    self.crash(machine, &text);
                }
            }
            Mishap::Restart(who) => {
                if let Some(machine) = self.find(&who) {
                    self.crash(machine, &text);
                    self.start(machine, &text)?;
                }
            }
            Mishap::Kill(who, process) => {
                if let Some(machine) = self.find(&who) {
                    self.order(machine, &Order::Record(Incident::Killed { process }, text));
                    self.order(machine, &Order::Kill(process));
                }
            }
            Mishap::Pause(who, span) => {
                if let Some(machine) = self.find(&who) {
                    self.pause(machine, span, text);
                }
            }
            Mishap::Cut { .. } | Mishap::Partition(_) | Mishap::Heal => {}
        }
        Ok(())
    }

    /// kill -9.
    fn crash(&mut self, machine: usize, rule: &str) {
        let Some(alive) = &mut self.machines[machine] else { return };
        let _ = alive.child.kill();
        let _ = alive.child.wait();
        let trace = alive.trace.clone();
        if let Err(error) = append_crash(&trace, rule) {
            log::warn!("{}: {error}", trace.display());
        }
        self.on_death(machine);
    }

    /// The machine is dead, however that came.
    fn on_death(&mut self, machine: usize) {
        if let Some(mut alive) = self.machines[machine].take() {
            let _ = alive.child.wait();
        }
        self.states[machine] = None;
        let name = self.switched.machines[machine].name.clone();
        let what = What::Incident { incident: Incident::Crashed, rule: String::new() };
        let crashed = Event { number: 0, cause: None, at: sendrec_core::Instant::ZERO, what };
        let mut due = Vec::new();
        self.watch.see(&name, &crashed, &mut due);
        for Due { rule, after } in due {
            self.done.push(rule);
            self.later.push((Instant::now() + after, Later::Befall(rule)));
        }
    }

    fn pause(&mut self, machine: usize, span: Duration, rule: String) {
        // Who is down says nothing, and cannot be stopped.
        if self.machines[machine].is_none() {
            return;
        }
        self.order(machine, &Order::Record(Incident::Paused, rule.clone()));
        // Until it is on record: then it is stopped, with whatever it was doing.
        let until = Instant::now() + STOP_PATIENCE;
        while let Ok(heard) = self.reports.recv_timeout(until.saturating_duration_since(Instant::now())) {
            let recorded = heard.machine == machine && matches!(heard.report, Some(Report::Recorded));
            self.hear(heard);
            // It may die of something else first.
            if self.machines[machine].is_none() {
                return;
            }
            if recorded {
                break;
            }
        }
        self.signal(machine, Signal::STOP);
        self.later.push((Instant::now() + span, Later::Resume(machine, rule)));
    }

    fn resume(&mut self, machine: usize, rule: String) {
        self.signal(machine, Signal::CONT);
        self.order(machine, &Order::Record(Incident::Resumed, rule));
    }

    fn signal(&self, machine: usize, signal: Signal) {
        if let Some(alive) = &self.machines[machine] {
            let _ = kill_process(Pid::from_child(&alive.child), signal);
        }
    }

    fn finish(mut self, took: Duration, cut_short: Option<String>) -> Result<Run, Failure> {
        self.order_all(&Order::Stop);
        for machine in &mut self.machines {
            if let Some(mut alive) = machine.take() {
                end(&mut alive.child);
            }
        }
        // What was said to the very end.
        while let Ok(heard) = self.reports.try_recv() {
            if let Some(Report::Told(told)) = heard.report {
                self.told.push(told);
            }
        }
        let mut traces: Vec<Trace> = Vec::new();
        for path in self.traces.iter().flatten() {
            traces.push(read(path).map_err(|error| Failure::Said(error.to_string()))?);
        }
        self.told.sort_by_key(|told| told.at);
        Ok(Run {
            scenario: self.switched.clone(),
            joined: join(traces.clone()),
            traces,
            told: std::mem::take(&mut self.told),
            cells: Vec::new(),
            took,
            cut_short,
        })
    }
}

/// Waits until a machine that was told to end has; one that does not is killed.
fn end(child: &mut Child) {
    let until = Instant::now() + STOP_PATIENCE;
    while Instant::now() < until {
        if matches!(child.try_wait(), Ok(Some(_)) | Err(_)) {
            return;
        }
        thread::sleep(Duration::from_millis(2));
    }
    let _ = child.kill();
    let _ = child.wait();
}

/// A machine that was killed from outside could not write it itself.
fn append_crash(trace: &Path, rule: &str) -> Result<(), String> {
    let written = read(trace).map_err(|error| error.to_string())?;
    let at = written.events.last().map_or(sendrec_core::Instant::ZERO, |event| event.at);
    let what = What::Incident { incident: Incident::Crashed, rule: rule.to_owned() };
    let line = serde_json::to_string(&Event { number: 0, cause: None, at, what })
        .map_err(|error| error.to_string())?;
    let mut file = OpenOptions::new().append(true).open(trace).map_err(|error| error.to_string())?;
    let torn = if written.torn { "\n" } else { "" };
    writeln!(file, "{torn}{line}").map_err(|error| error.to_string())
}

/// How long nothing must happen before nothing more will.
struct Window {
    quiet: Duration,
    /// While requests are outstanding their timers may still go off.
    outstanding: Duration,
}

/// Sleeps and bounded waits are known of; what else goes off by itself are timers.
fn quiet_window(scenario: &Scenario) -> Window {
    const MARGIN: Duration = Duration::from_millis(300);
    let configs = scenario.machines.iter().map(|machine| &machine.config);
    let timers = configs.clone().map(|config| config.retransmit_max.max(config.probe_interval)).max();
    let processes = scenario.machines.iter().flat_map(|machine| &machine.processes);
    let buffering = configs
        .clone()
        .map(|config| config.buffering)
        .chain(processes.filter_map(|process| process.buffering));
    let kept = buffering.filter_map(|buffering| match buffering {
        Buffering::Keep { time, .. } => Some(time),
        _ => None,
    });
    let short = configs.filter_map(|config| config.late_ack).chain(kept).filter(is_meant).max();
    let quiet = short.unwrap_or_default() + MARGIN;
    let timers = timers.filter(is_meant).unwrap_or_default();
    Window { quiet, outstanding: quiet.max(timers + MARGIN) }
}

/// Timers that are meant never to go off are not waited for.
fn is_meant(span: &Duration) -> bool {
    *span < Duration::from_secs(10)
}
