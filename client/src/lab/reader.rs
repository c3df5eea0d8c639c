//! Makes sense of a scenario's file, and says on which line it cannot.
use std::collections::BTreeSet;
use std::time::Duration;

use sendrec_core::fault::{Faults, Mishap};
use sendrec_core::{Config, Epoch, LocalId, SparseId};
use sendrec_sim::Epochs;
use sendrec_sim::atm::Atm;
use toml::Spanned;

use super::claim::{Claim, parse_claim};
use super::file;
use super::scenario::{
    ClaimSpec, Exhibit, LinkSpec, MachineSpec, Network, Problem, ProcessSpec, Scenario, find,
};
use super::script::{self, Sending, Step, Whom};
use super::words::{Wrong, did_you_mean};

/// A scenario's lower bound of retransmission time-outs, if it says nothing else.
const RETRANSMIT_MIN: Duration = Duration::from_millis(20);

/// Makes sense of a file, and collects what it cannot.
pub(super) struct Reader<'a> {
    pub(super) source: &'a str,
    pub(super) problems: Vec<Problem>,
    /// Whether a machine's or process's name is: then that nobody is called so says nothing new.
    pub(super) names_are_wrong: bool,
}

impl Reader<'_> {
    pub(super) fn wrong_at(&mut self, at: usize, reason: String) {
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
                let says_so = reason.starts_with(&format!("'{named}':"));
                let reason = if says_so { reason } else { format!("in `{named}`: {reason}") };
                self.wrong_at(value.span().start, reason);
                None
            }
        }
    }

    pub(super) fn scenario(&mut self, raw: file::Scenario) -> Scenario {
        // Slide 22 has its ACKs go alone. And real machines are late by milliseconds at times, for which nothing is to be
        // sent again.
        let mut base = Config {
            trace: true,
            ack_delay: Duration::ZERO,
            retransmit_min: RETRANSMIT_MIN,
            ..Config::default()
        };
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
        if !self.names_are_wrong {
            self.check_whom(&raw, &machines);
        }
        let claims =
            raw.claim.iter().filter_map(|claim| self.claim(claim, &machines, &network.faults)).collect();
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
            self.read(&value, |text| super::policy::set(config, name, text));
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
        self.names_are_wrong |= name.is_none();
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
            name: name.unwrap_or_else(|| raw.name.get_ref().clone()),
            config,
            clock_ahead,
            drift_ppm: raw.drift_ppm.unwrap_or(0),
            epochs: Epochs {
                first: Epoch(raw.first_epoch.unwrap_or(1).into()),
                step: raw.epoch_step.unwrap_or(1),
            },
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
        self.names_are_wrong |= raw.name.is_some() && own.is_none();
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
        let starts = raw.starts.as_ref().and_then(|starts| self.read(starts, super::policy::span));
        let buffering =
            raw.buffering.as_ref().and_then(|buffering| self.read(buffering, super::policy::buffering));
        let script = self.script(&raw.lines(self.source));
        ProcessSpec {
            name: own.unwrap_or_else(|| format!("{machine}/{id}")),
            id: LocalId(id),
            sparse,
            starts: starts.unwrap_or_default(),
            buffering,
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
        let atm = raw.atm.as_ref().map(|atm| self.atm(atm)).unwrap_or_default();
        Network { link, links, atm, faults: faults.unwrap_or_default() }
    }

    fn atm(&mut self, raw: &file::Atm) -> Atm {
        let mut atm = Atm::default();
        if let Some(rate) = raw.rate.as_ref().and_then(|value| self.read(value, super::policy::rate)) {
            atm.rate = rate;
        }
        atm.queue_cells = raw.queue_cells.unwrap_or(atm.queue_cells);
        if let Some(loss) = &raw.cell_loss {
            atm.cell_loss = *loss.get_ref();
            if !(0.0..=1.0).contains(loss.get_ref()) {
                self.wrong_at(loss.span().start, "cell-loss: expected a probability from 0 to 1".to_owned());
            }
        }
        atm
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

    fn claim(&mut self, raw: &file::Claim, machines: &[MachineSpec], faults: &Faults) -> Option<ClaimSpec> {
        let names_are_wrong = self.names_are_wrong;
        let claim = self.read(&raw.holds, |line| {
            let claim = parse_claim(line)?;
            for name in claim.names() {
                let known =
                    find(machines, name).is_some() || machines.iter().any(|machine| machine.name == name);
                if !known && !names_are_wrong {
                    return Err(unknown_process(name, machines));
                }
            }
            if let Claim::Told(process, Some(step), ..) = &claim {
                check_told(process, *step, machines, faults)?;
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

/// A claim about a step that no script has never holds: it is a mistake of whoever wrote it.
fn check_told(name: &str, step: usize, machines: &[MachineSpec], faults: &Faults) -> Result<(), Wrong> {
    let Some((machine, process)) = find(machines, name) else { return Ok(()) };
    let machine = &machines[machine];
    let Some(once) = script::results_max(&machine.processes[process].script) else { return Ok(()) };
    // At each boot the script is played from its beginning.
    let restarts = faults
        .incidents
        .iter()
        .filter(|rule| matches!(&rule.mishap, Mishap::Restart(who) if *who == machine.name));
    let results = once.saturating_mul(1 + restarts.count() as u64);
    if step as u64 <= results {
        return Ok(());
    }
    Err(format!("there is no step {step}: the script's steps can have {results} results at most"))
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
