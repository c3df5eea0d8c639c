//! Switches: the four dimensions of slide 20, and what else a person may set for any scenario.
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use sendrec_core::fault::Faults;
use sendrec_core::{Buffering, Reliability, SparseId};

use super::policy;
use super::scenario::{MachineSpec, ProcessSpec, Scenario};
use super::script::{Manner, Step};

/// How processes are addressed (slides 15-16).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Addressing {
    /// Machine number and local id.
    #[default]
    Place,
    /// Sparse id, found by broadcast.
    Sparse,
    /// ASCII name, looked up at a name server.
    Name,
}

impl Addressing {
    /// All three, in the order of slide 20.
    pub const ALL: [Self; 3] = [Self::Place, Self::Sparse, Self::Name];

    /// As switches have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Place => "place",
            Self::Sparse => "sparse",
            Self::Name => "name",
        }
    }
}

impl FromStr for Addressing {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|addressing| addressing.name() == text);
        found.ok_or_else(|| "expected place, sparse or name".to_owned())
    }
}

impl Manner {
    /// As switches have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Blocking => "blocking",
            Self::Copied => "copied",
            Self::Lent => "lent",
        }
    }
}

impl FromStr for Manner {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|manner| manner.name() == text);
        found.ok_or_else(|| "expected blocking, copied or lent".to_owned())
    }
}

/// What is to be otherwise than the scenario has it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Switches {
    /// Slides 15-16.
    pub addressing: Option<Addressing>,
    /// Slide 17.
    pub blocking: Option<Manner>,
    /// Slide 18, of all processes.
    pub buffering: Option<Buffering>,
    /// Slide 19.
    pub reliability: Option<Reliability>,
    /// What decides chance.
    pub seed: Option<u64>,
    /// More that goes wrong.
    pub faults: Faults,
}

impl fmt::Display for Switches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        parts.extend(self.addressing.map(|addressing| format!("addressing={}", addressing.name())));
        parts.extend(self.blocking.map(|blocking| format!("blocking={}", blocking.name())));
        parts.extend(self.buffering.map(|buffering| format!("buffering={}", buffering_name(buffering))));
        parts.extend(
            self.reliability
                .map(|reliability| format!("reliability={}", policy::reliability_name(reliability))),
        );
        parts.extend(self.seed.map(|seed| format!("seed={seed}")));
        if self.faults != Faults::default() {
            parts.push(format!("fault={}", self.faults));
        }
        f.write_str(&parts.join("; "))
    }
}

impl FromStr for Switches {
    type Err = String;

    /// Reads `reliability=unreliable; blocking=lent`: as it is shown, and as one scenario in a comparison has it.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut switches = Self::default();
        for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
            let (name, value) =
                part.split_once('=').ok_or_else(|| format!("'{part}': expected NAME=VALUE"))?;
            let wrong = |reason: String| format!("'{part}': {reason}");
            match name {
                "addressing" => switches.addressing = Some(value.parse().map_err(wrong)?),
                "blocking" => switches.blocking = Some(value.parse().map_err(wrong)?),
                "buffering" => switches.buffering = Some(policy::buffering(value).map_err(wrong)?),
                "reliability" => switches.reliability = Some(policy::reliability(value).map_err(wrong)?),
                "seed" => {
                    switches.seed = Some(value.parse().map_err(|_| wrong("expected a number".to_owned()))?);
                }
                "fault" => {
                    let faults: Faults = value.parse().map_err(|error| wrong(format!("{error}")))?;
                    switches.faults = std::mem::take(&mut switches.faults).and(&faults);
                }
                _ => {
                    let known = "addressing, blocking, buffering, reliability, seed, fault";
                    return Err(wrong(format!("there are the switches {known}")));
                }
            }
        }
        Ok(switches)
    }
}

/// A buffering policy as switches and tables have it.
fn buffering_name(buffering: Buffering) -> String {
    match buffering {
        Buffering::Discard => "discard".to_owned(),
        Buffering::Keep { time, messages, .. } => {
            format!("keep {} of {messages}", sendrec_core::fault::Span(time))
        }
        Buffering::Mailbox { messages, overflow, .. } => format!(
            "mailbox {messages} {}",
            match overflow {
                sendrec_core::Overflow::Discard => "discard",
                sendrec_core::Overflow::TryAgain => "try-again",
                sendrec_core::Overflow::Block => "block",
            }
        ),
    }
}

/// The name server that a scenario gets whose processes are addressed by name.
const NAMES_MACHINE: &str = "names";
/// Clients wait until servers have registered.
const REGISTRATION: Duration = Duration::from_millis(20);

fn is_name_server(process: &ProcessSpec) -> bool {
    process.script.first() == Some(&Step::Names)
}

impl Scenario {
    /// The scenario as the switches want it.
    pub fn switched(&self, switches: &Switches) -> Self {
        let mut scenario = self.clone();
        if let Some(seed) = switches.seed {
            scenario.seed = seed;
        }
        scenario.network.faults = std::mem::take(&mut scenario.network.faults).and(&switches.faults);
        for machine in &mut scenario.machines {
            if let Some(reliability) = switches.reliability {
                machine.config.options.reliability = reliability;
            }
            if let Some(buffering) = switches.buffering {
                machine.config.buffering = buffering;
                machine.processes.iter_mut().for_each(|process| process.buffering = None);
            }
        }
        match switches.addressing {
            None | Some(Addressing::Place) => {}
            Some(Addressing::Sparse) => scenario.give_sparse_ids(),
            Some(Addressing::Name) => scenario.give_names(),
        }
        scenario
    }

    /// The name server's process, if the scenario has one.
    pub(super) fn name_server(&self) -> Option<(usize, usize)> {
        self.machines.iter().enumerate().find_map(|(machine, spec)| {
            spec.processes.iter().position(is_name_server).map(|process| (machine, process))
        })
    }

    fn give_sparse_ids(&mut self) {
        const FIRST: u64 = 0x9f3c_2a0b_1d4e_5f60;
        let processes = self.machines.iter_mut().flat_map(|machine| &mut machine.processes);
        for (number, process) in processes.enumerate() {
            process.sparse.get_or_insert(SparseId(FIRST + number as u64));
        }
    }

    /// Every process registers under its own name before it does anything, and the others wait until it has.
    fn give_names(&mut self) {
        let config = self.machines.first().map(|machine| machine.config.clone()).unwrap_or_default();
        let processes = self.machines.iter_mut().flat_map(|machine| &mut machine.processes);
        for process in processes.filter(|process| !is_name_server(process)) {
            let name = process.name.clone();
            let before = [Step::Register(name), Step::Sleep(REGISTRATION)];
            process.script.splice(0..0, before);
        }
        if self.name_server().is_none() {
            let server = ProcessSpec {
                name: NAMES_MACHINE.to_owned(),
                id: sendrec_core::LocalId(2),
                sparse: None,
                buffering: Some(Buffering::default()),
                starts: Duration::ZERO,
                script: vec![Step::Names],
            };
            self.machines.push(MachineSpec {
                name: NAMES_MACHINE.to_owned(),
                config,
                clock_ahead: Duration::ZERO,
                drift_ppm: 0,
                epochs: sendrec_sim::Epochs::default(),
                processes: vec![server],
            });
        }
    }
}
