//! A scenario: machines, processes and their scripts, policies, links, faults, and what must hold.
//!
//! What a person writes is a TOML file; [`Scenario::parse`] makes sense of it, or says on which line it does not.
//! Deliberately not here: running one.
use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use sendrec_core::fault::Faults;
use sendrec_core::{Buffering, Config, LocalId, SparseId};
use toml::Spanned;

use super::claim::{Claim, parse_claim};
use super::file;
use super::script::{self, Sending, Step, Whom};
use super::words::{Wrong, did_you_mean};

/// Everything that is run and checked.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// As it is called on the command line.
    pub name: String,
    /// In a few words.
    pub title: String,
    /// The slides it belongs to.
    pub slides: Vec<u32>,
    /// What it shows, a paragraph each.
    pub text: Vec<String>,
    /// What decides chance, unless another is asked for.
    pub seed: u64,
    /// Whether it can run over UDP; if not, why.
    pub udp: Result<(), String>,
    /// What is shown besides the ladder.
    pub exhibits: Vec<Exhibit>,
    /// What is between the machines.
    pub network: Network,
    /// In the order of the columns.
    pub machines: Vec<MachineSpec>,
    /// What must hold.
    pub claims: Vec<ClaimSpec>,
    /// The file.
    pub source: String,
}

/// Something shown besides the ladder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exhibit {
    /// The bytes of a call, layer by layer (slides 3-4).
    Layers,
    /// The cells on the ATM links (slides 7-10).
    Cells,
    /// What timers cost by strategy (slide 41).
    Timers,
}

/// What is between the machines.
#[derive(Clone, Debug, Default)]
pub struct Network {
    /// Between those of which nothing else is said.
    pub link: LinkSpec,
    /// From, to, and how it is there.
    pub links: Vec<(String, String, LinkSpec)>,
    /// What goes wrong.
    pub faults: Faults,
}

/// One direction of a link.
#[derive(Clone, Debug)]
pub struct LinkSpec {
    /// One way.
    pub latency: Duration,
    /// Up to so much more.
    pub jitter: Duration,
    /// Bits a second.
    pub bandwidth: Option<u64>,
    /// Packets that may wait.
    pub queue: Option<usize>,
    /// Whether packets go in ATM cells.
    pub atm: bool,
}

impl Default for LinkSpec {
    fn default() -> Self {
        Self {
            latency: Duration::from_millis(1),
            jitter: Duration::ZERO,
            bandwidth: None,
            queue: None,
            atm: false,
        }
    }
}

/// A machine.
#[derive(Clone, Debug)]
pub struct MachineSpec {
    /// Its role, and its column's head.
    pub name: String,
    /// Its kernel's.
    pub config: Config,
    /// How far its clock is ahead.
    pub clock_ahead: Duration,
    /// How fast its clock goes, parts per million more than the world's.
    pub drift_ppm: i32,
    /// Who lives on it from its boot on.
    pub processes: Vec<ProcessSpec>,
}

/// A process.
#[derive(Clone, Debug)]
pub struct ProcessSpec {
    /// As scripts and claims call it.
    pub name: String,
    /// Its well-known id.
    pub id: LocalId,
    /// Its sparse id, if it has one.
    pub sparse: Option<SparseId>,
    /// Its mailbox, if not the machine's.
    pub buffering: Option<Buffering>,
    /// When it comes to be, since the start; zero is at its machine's boot.
    pub starts: Duration,
    /// What it does.
    pub script: Vec<Step>,
}

/// Something that must hold.
#[derive(Clone, Debug)]
pub struct ClaimSpec {
    /// In words.
    pub text: String,
    /// Checked thus.
    pub claim: Claim,
    /// Whether it needs the world's time and order.
    pub world_only: bool,
}

/// What is wrong with a scenario's file, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// From 1.
    pub line: usize,
    /// Why, and what to do.
    pub reason: String,
}

/// Why a file is no scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems {
    /// The file.
    pub file: String,
    /// At least one.
    pub problems: Vec<Problem>,
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, problem) in self.problems.iter().enumerate() {
            let gap = if place == 0 { "" } else { "\n" };
            write!(f, "{gap}{}:{}: {}", self.file, problem.line, problem.reason)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

impl Scenario {
    /// Reads a scenario's file. `file` names it in errors.
    pub fn parse(source: &str, file: &str) -> Result<Self, Problems> {
        let mut reader = Reader { source, problems: Vec::new() };
        let raw: file::Scenario = match toml::from_str(source) {
            Ok(raw) => raw,
            Err(error) => {
                let at = error.span().map_or(0, |span| span.start);
                reader.wrong_at(at, error.message().to_owned());
                return Err(Problems { file: file.to_owned(), problems: reader.problems });
            }
        };
        let scenario = reader.scenario(raw);
        if reader.problems.is_empty() {
            Ok(scenario)
        } else {
            reader.problems.sort_by_key(|problem| problem.line);
            Err(Problems { file: file.to_owned(), problems: reader.problems })
        }
    }

    /// The process of this name: its own, or that of its machine if it is the first there.
    pub fn find(&self, name: &str) -> Option<(usize, usize)> {
        find(&self.machines, name)
    }

    /// Its process at a place that [`Scenario::find`] gave.
    pub fn process(&self, (machine, process): (usize, usize)) -> &ProcessSpec {
        &self.machines[machine].processes[process]
    }
}

fn find(machines: &[MachineSpec], name: &str) -> Option<(usize, usize)> {
    for (place, machine) in machines.iter().enumerate() {
        if let Some(process) = machine.processes.iter().position(|process| process.name == name) {
            return Some((place, process));
        }
    }
    let place = machines.iter().position(|machine| machine.name == name)?;
    (!machines[place].processes.is_empty()).then_some((place, 0))
}

/// Makes sense of a file, and collects what it cannot.
struct Reader<'a> {
    source: &'a str,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn wrong_at(&mut self, at: usize, reason: String) {
        let line =
            self.source.as_bytes()[..at.min(self.source.len())].iter().filter(|byte| **byte == b'\n').count()
                + 1;
        self.problems.push(Problem { line, reason });
    }

    /// Reads one value; what is wrong with it is noted with its line.
    fn read<T>(&mut self, value: &Spanned<String>, read: impl FnOnce(&str) -> Result<T, Wrong>) -> Option<T> {
        match read(value.get_ref()) {
            Ok(read) => Some(read),
            Err(reason) => {
                let named = value.get_ref().lines().next().unwrap_or("").to_owned();
                self.wrong_at(value.span().start, format!("in `{named}`: {reason}"));
                None
            }
        }
    }

    fn scenario(&mut self, raw: file::Scenario) -> Scenario {
        let mut base = Config { trace: true, ack_delay: Duration::ZERO, ..Config::default() };
        self.policy(&raw.policy, &mut base);
        let mut machines: Vec<MachineSpec> = Vec::new();
        for machine in &raw.machine {
            let spec = self.machine(machine, &base, &machines);
            machines.push(spec);
        }
        if machines.is_empty() {
            self.wrong_at(0, "there is no machine: write [[machine]] with a name and processes".to_owned());
        }
        let network = self.network(&raw.network, &machines);
        self.check_whom(&raw, &machines);
        let claims = raw.claim.iter().filter_map(|claim| self.claim(claim, &machines)).collect();
        let exhibits = raw.exhibits.iter().filter_map(|exhibit| self.read(exhibit, parse_exhibit)).collect();
        let udp = match (raw.udp, raw.only_in_a_world) {
            (_, Some(reason)) => Err(reason),
            (Some(false), None) => Err("it says udp = false".to_owned()),
            _ => Ok(()),
        };
        Scenario {
            name: raw.name,
            title: raw.title,
            slides: raw.slides,
            text: paragraphs(&raw.text),
            seed: raw.seed.unwrap_or(1),
            udp,
            exhibits,
            network,
            machines,
            claims,
            source: self.source.to_owned(),
        }
    }

    fn policy(&mut self, raw: &file::Policy, config: &mut Config) {
        for (name, value) in raw.settings() {
            let Some(value) = value else { continue };
            self.read(value, |text| super::policy::set(config, name, text));
        }
    }

    fn machine(&mut self, raw: &file::Machine, base: &Config, before: &[MachineSpec]) -> MachineSpec {
        let name = self.read(&raw.name, |name| {
            sendrec_core::fault::check_name(name)?;
            if before.iter().any(|other| other.name == name) {
                return Err("another machine has this name".to_owned());
            }
            Ok(name.to_owned())
        });
        let mut config = base.clone();
        self.policy(&raw.policy, &mut config);
        let span = |this: &mut Self, value: &Option<Spanned<String>>| {
            value.as_ref().and_then(|value| this.read(value, super::policy::span)).unwrap_or_default()
        };
        let clock_ahead = span(self, &raw.clock_ahead);
        let mut taken = BTreeSet::new();
        let mut processes: Vec<ProcessSpec> = Vec::new();
        for process in &raw.process {
            let known = before.iter().flat_map(|machine| &machine.processes).chain(&processes);
            let names: Vec<String> = known.map(|process| process.name.clone()).collect();
            let spec = self.process(process, &names, raw.name.get_ref(), &mut taken);
            processes.push(spec);
        }
        MachineSpec {
            name: name.unwrap_or_default(),
            config,
            clock_ahead,
            drift_ppm: raw.drift_ppm.unwrap_or(0),
            processes,
        }
    }

    fn process(
        &mut self,
        raw: &file::Process,
        names: &[String],
        machine: &str,
        taken: &mut BTreeSet<u32>,
    ) -> ProcessSpec {
        let own = raw.name.as_ref().and_then(|name| {
            self.read(name, |name| {
                sendrec_core::fault::check_name(name)?;
                if names.iter().any(|other| other == name) {
                    return Err("another process has this name".to_owned());
                }
                Ok(name.to_owned())
            })
        });
        let id = match raw.id {
            Some(id) => id,
            None => (1..1_000).find(|id| !taken.contains(id)).unwrap_or(0),
        };
        if !(1..1_000).contains(&id) || !taken.insert(id) {
            let at = raw.name.as_ref().map_or(0, |name| name.span().start);
            self.wrong_at(at, format!("local id {id}: it is taken, or not one from 1 to 999"));
        }
        let sparse = raw.sparse.as_ref().and_then(|sparse| {
            self.read(sparse, |text| text.parse::<SparseId>().map_err(|error| error.to_string()))
        });
        let buffering =
            raw.buffering.as_ref().and_then(|buffering| self.read(buffering, super::policy::buffering));
        let starts = raw.starts.as_ref().and_then(|starts| self.read(starts, super::policy::span));
        let script = self.script(&raw.lines(self.source));
        ProcessSpec {
            name: own.unwrap_or_else(|| format!("{machine}/{id}")),
            id: LocalId(id),
            sparse,
            buffering,
            starts: starts.unwrap_or_default(),
            script,
        }
    }

    fn script(&mut self, lines: &[file::Line]) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut lines = lines.iter().peekable();
        while let Some(line) = lines.next() {
            match line {
                file::Line::Step(line) if script::wants_list(line.get_ref()) => {
                    let head = self.read(line, script::parse_head);
                    let Some(file::Line::Steps(inner)) =
                        lines.next_if(|next| matches!(next, file::Line::Steps(_)))
                    else {
                        let reason = "it wants a list of steps behind it: \"repeat 3\", [...]".to_owned();
                        self.wrong_at(line.span().start, reason);
                        continue;
                    };
                    let inner = self.script(inner);
                    steps.extend(head.map(|times| Step::Repeat(times, inner)));
                }
                file::Line::Step(line) => steps.extend(self.read(line, script::parse)),
                file::Line::Other(at) => {
                    self.wrong_at(*at, "a step is a text: \"sleep 5ms\"".to_owned());
                }
                file::Line::Steps(inner) => {
                    let at = first_step(inner).map_or(0, |step| step.span().start);
                    let reason = "a list of steps stands behind \"repeat N\" or \"forever\" alone".to_owned();
                    self.wrong_at(at, reason);
                }
            }
        }
        steps
    }

    fn network(&mut self, raw: &file::Network, machines: &[MachineSpec]) -> Network {
        let link = self.link(&raw.link, &LinkSpec::default());
        let known = |name: &str| machines.iter().any(|machine| machine.name == name);
        let mut links = Vec::new();
        for pair in &raw.between {
            let end = |this: &mut Self, name: &Spanned<String>| {
                this.read(name, |name| {
                    let hint = || did_you_mean(name, machines.iter().map(|machine| machine.name.as_str()));
                    if known(name) { Ok(name.to_owned()) } else { Err(format!("no such machine{}", hint())) }
                })
            };
            let (from, to) = (end(self, &pair.from), end(self, &pair.to));
            let spec = self.link(&pair.link, &link);
            if let (Some(from), Some(to)) = (from, to) {
                links.push((from, to, spec));
            }
        }
        let faults = raw.faults.as_ref().and_then(|faults| {
            self.read(faults, |text| {
                let faults: Faults = text.parse().map_err(|error| format!("{error}"))?;
                faults.check_names(known).map_err(|error| error.to_string())?;
                Ok(faults)
            })
        });
        Network { link, links, faults: faults.unwrap_or_default() }
    }

    fn link(&mut self, raw: &file::Link, base: &LinkSpec) -> LinkSpec {
        let mut link = base.clone();
        if let Some(latency) = raw.latency.as_ref().and_then(|value| self.read(value, super::policy::span)) {
            link.latency = latency;
        }
        if let Some(jitter) = raw.jitter.as_ref().and_then(|value| self.read(value, super::policy::span)) {
            link.jitter = jitter;
        }
        if let Some(rate) = raw.bandwidth.as_ref().and_then(|value| self.read(value, super::policy::rate)) {
            link.bandwidth = Some(rate);
        }
        link.queue = raw.queue.or(link.queue);
        link.atm = raw.atm.unwrap_or(link.atm);
        link
    }

    /// Every process that a script names must be there.
    fn check_whom(&mut self, raw: &file::Scenario, machines: &[MachineSpec]) {
        for process in raw.machine.iter().flat_map(|machine| &machine.process) {
            self.check_lines(&process.lines(self.source), machines);
        }
    }

    fn check_lines(&mut self, lines: &[file::Line], machines: &[MachineSpec]) {
        for line in lines {
            match line {
                file::Line::Other(_) => {}
                file::Line::Steps(inner) => self.check_lines(inner, machines),
                file::Line::Step(line) => {
                    let Ok(step) = script::parse(line.get_ref()) else { continue };
                    if let Some(Whom::Process(name)) = whom_of(&step)
                        && find(machines, name).is_none()
                    {
                        let reason = unknown_process(name, machines);
                        self.wrong_at(line.span().start, format!("in `{}`: {reason}", line.get_ref()));
                    }
                }
            }
        }
    }

    fn claim(&mut self, raw: &file::Claim, machines: &[MachineSpec]) -> Option<ClaimSpec> {
        let claim = self.read(&raw.holds, |line| {
            let claim = parse_claim(line)?;
            for name in claim.names() {
                let known =
                    find(machines, name).is_some() || machines.iter().any(|machine| machine.name == name);
                if !known {
                    return Err(unknown_process(name, machines));
                }
            }
            Ok(claim)
        })?;
        Some(ClaimSpec { text: raw.text.clone(), claim, world_only: raw.world_only })
    }
}

fn unknown_process(name: &str, machines: &[MachineSpec]) -> String {
    let processes =
        machines.iter().flat_map(|machine| &machine.processes).map(|process| process.name.as_str());
    let known = machines.iter().map(|machine| machine.name.as_str()).chain(processes);
    format!("no process or machine is called '{name}'{}", did_you_mean(name, known))
}

fn first_step(lines: &[file::Line]) -> Option<&Spanned<String>> {
    lines.iter().find_map(|line| match line {
        file::Line::Step(step) => Some(step),
        file::Line::Steps(inner) => first_step(inner),
        file::Line::Other(_) => None,
    })
}

fn whom_of(step: &Step) -> Option<&Whom> {
    match step {
        Step::Send(Sending { to, .. })
        | Step::Start(_, Sending { to, .. })
        | Step::Forward(to)
        | Step::Ping(to, _) => Some(to),
        Step::Receive { from, .. } => from.as_ref(),
        Step::Locate { whom, .. } => Some(whom),
        _ => None,
    }
}

fn parse_exhibit(text: &str) -> Result<Exhibit, Wrong> {
    match text {
        "layers" => Ok(Exhibit::Layers),
        "cells" => Ok(Exhibit::Cells),
        "timers" => Ok(Exhibit::Timers),
        _ => Err("there are the exhibits layers, cells and timers".to_owned()),
    }
}

/// Paragraphs are parted by empty lines; within one, line ends are blanks.
fn paragraphs(text: &str) -> Vec<String> {
    let paragraphs = text.split("\n\n").map(|part| part.split_whitespace().collect::<Vec<_>>().join(" "));
    paragraphs.filter(|part| !part.is_empty()).collect()
}
