//! A scenario: machines, processes and their scripts, policies, links, faults, and what must hold.
//!
//! What a person writes is a TOML file; [`Scenario::parse`] makes sense of it, or says on which line it does not.
//! Deliberately not here: running one.
use std::fmt;
use std::time::Duration;

use sendrec_core::fault::Faults;
use sendrec_core::{Buffering, Config, LocalId, SparseId};
use sendrec_sim::Epochs;
use sendrec_sim::atm::Atm;

use super::claim::Claim;
use super::file;
use super::reader::Reader;
use super::script::Step;

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
    /// How the ATM switch is, if links go over it.
    pub atm: Atm,
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
    /// How its incarnations are numbered; a step below 0 is a clock that was set back.
    pub epochs: Epochs,
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
    /// How long after the machine's boot it starts.
    pub starts: Duration,
    /// Its mailbox, if not the machine's.
    pub buffering: Option<Buffering>,
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
        let mut reader = Reader { source, problems: Vec::new(), names_are_wrong: false };
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

pub(super) fn find(machines: &[MachineSpec], name: &str) -> Option<(usize, usize)> {
    for (place, machine) in machines.iter().enumerate() {
        if let Some(process) = machine.processes.iter().position(|process| process.name == name) {
            return Some((place, process));
        }
    }
    let place = machines.iter().position(|machine| machine.name == name)?;
    (!machines[place].processes.is_empty()).then_some((place, 0))
}
