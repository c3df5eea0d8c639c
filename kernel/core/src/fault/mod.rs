//! What may befall packets, machines and the network, as rules that a person writes and a seed decides.
//!
//! One vocabulary for every driver: a node's shim under its socket, a world's links, a lab of processes. Pure; the
//! kernel never sees it. Deliberately not here: doing what a rule says.
//!
//! # Rules about packets
//!
//! | rule | what it does |
//! |---|---|
//! | `loss=P` | each packet dies with probability P |
//! | `burst=ENTER:LEAVE[:LOSS]` | the line goes bad and good again with these probabilities; bad, it loses with LOSS (1) |
//! | `duplicate=P`, `reorder=P`, `corrupt=P` | it arrives twice; later than others; with a bit flipped |
//! | `delay=TIME` | all arrive so much later |
//! | `drop=TYPE#N`, `duplicate=TYPE#N`, `corrupt=TYPE#N`, `delay=TYPE#N:TIME` | the N-th packet of this type |
//! | `seed=N` | decides the probabilities |
//!
//! N may be a range, `1..3` or `2..`, or `*` for all. Packets are counted per sender, and per rule where it ends in a
//! scope, `@FROM>TO` with names of machines or `*`: `drop=REP#1@server>client`.
//!
//! # Rules about machines and the network
//!
//! | rule | what befalls |
//! |---|---|
//! | `crash=WHO@POINT`, `restart=WHO@POINT` | the machine stops without a word; boots again |
//! | `kill=WHO/ID@POINT` | one process ends without a word |
//! | `pause=WHO@POINT:TIME` | the machine does nothing for so long |
//! | `cut=A>B@POINT` | nothing goes from A to B |
//! | `partition=A+B\|C@POINT` | nothing goes between the groups |
//! | `heal@POINT` | all cuts are over |
//!
//! POINT is a time since the start, `50ms`, or an event, `[WHO.]EVENT[#N][+TIME]`, by default of the machine that it
//! befalls: `crash=server@execute`, `restart=server@crash+20ms`, `heal@client.sent:AYA#2+5ms`. The events are `boot`,
//! `queued`, `execute`, `reply`, `send`, `receive`, `blocked`, `sent:TYPE`, `got:TYPE`, `crash`, `timer`, `end`.
mod incident;
mod injector;
mod packet;
#[cfg(test)]
mod tests;
mod text;
mod watch;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

pub use incident::{IncidentRule, Mishap, Named, Point};
pub use injector::{Injector, Treatment};
pub use packet::{Harm, Nth, PacketRule, Scope};
pub use text::{NAME_BYTES_MAX, Span, check_name, parse_span};
pub use watch::{Due, Watch};

/// Rules in one set at most.
pub const RULES_MAX: usize = 1_024;

/// A set of rules, written `loss=0.1,drop=REP#1,crash=server@execute,seed=7`.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(into = "String", try_from = "String"))]
pub struct Faults {
    /// What is done to packets, in the order written.
    pub packets: Vec<PacketRule>,
    /// What befalls machines and the network, in the order written.
    pub incidents: Vec<IncidentRule>,
    /// What decides the probabilities.
    pub seed: u64,
}

/// Why a text is no set of rules, or a set cannot be used here. Nothing changed; write it otherwise.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{rule}': {reason}{advice}")]
pub struct FaultError {
    rule: String,
    reason: String,
    advice: &'static str,
}

const EXAMPLE: &str =
    "; write for example loss=0.1,duplicate=0.05,reorder=0.05,drop=REP#1,crash=server@execute,seed=7";

impl FromStr for Faults {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        let mut faults = Self::default();
        for rule in text.split(',').map(str::trim).filter(|rule| !rule.is_empty()) {
            faults.add(rule).map_err(|reason| FaultError {
                rule: rule.to_string(),
                reason,
                advice: EXAMPLE,
            })?;
        }
        Ok(faults)
    }
}

impl Faults {
    fn add(&mut self, rule: &str) -> Result<(), String> {
        if self.packets.len() + self.incidents.len() >= RULES_MAX {
            return Err(format!("there are {RULES_MAX} rules before it, and no more are taken"));
        }
        if let Some(incident) = IncidentRule::parse(rule) {
            self.incidents.push(incident?);
            return Ok(());
        }
        let (keyword, value) = rule.split_once('=').ok_or("expected NAME=VALUE")?;
        if keyword == "seed" {
            self.seed = value.parse().map_err(|_| "expected a number")?;
            return Ok(());
        }
        let Some(parsed) = PacketRule::parse(keyword, value) else {
            return Err(format!("no such rule ({}, {})", packet::NAMES, incident::NAMES));
        };
        self.packets.push(parsed?);
        Ok(())
    }

    /// Whether there is no rule.
    pub const fn is_empty(&self) -> bool {
        self.packets.is_empty() && self.incidents.is_empty()
    }

    /// All the rules of both.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        self.packets.extend_from_slice(&other.packets);
        self.incidents.extend_from_slice(&other.incidents);
        self.seed ^= other.seed;
        self
    }

    /// Checks that every machine that is named is known.
    pub fn check_names(&self, mut is_known: impl FnMut(&str) -> bool) -> Result<(), FaultError> {
        let error = |rule: String, name: &str| FaultError {
            rule,
            reason: format!("no machine is called {name}"),
            advice: "",
        };
        for rule in &self.packets {
            let names = [&rule.scope.from, &rule.scope.to];
            if let Some(name) = names.into_iter().flatten().find(|name| !is_known(name)) {
                return Err(error(rule.to_string(), name));
            }
        }
        for rule in &self.incidents {
            if let Some(name) = rule.names().into_iter().find(|name| !is_known(name)) {
                return Err(error(rule.to_string(), name));
            }
        }
        Ok(())
    }

    /// Checks that a node by itself can do all this: it harms packets, and needs names for scopes.
    pub fn check_node(&self, has_names: bool) -> Result<(), FaultError> {
        if let Some(incident) = self.incidents.first() {
            return Err(FaultError {
                rule: incident.to_string(),
                reason: "a node harms packets alone; worlds and the lab know crashes, pauses and cuts".into(),
                advice: "",
            });
        }
        match self.packets.iter().find(|rule| !has_names && !rule.scope.is_any()) {
            None => Ok(()),
            Some(rule) => Err(FaultError {
                rule: rule.to_string(),
                reason: "this node knows no machine by name; leave out what follows the '@'".into(),
                advice: "",
            }),
        }
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut gap = "";
        for rule in &self.packets {
            write!(f, "{gap}{rule}")?;
            gap = ",";
        }
        for rule in &self.incidents {
            write!(f, "{gap}{rule}")?;
            gap = ",";
        }
        // A set that says no seed has this one.
        if self.seed == 0 { Ok(()) } else { write!(f, "{gap}seed={}", self.seed) }
    }
}

impl From<Faults> for String {
    fn from(faults: Faults) -> Self {
        faults.to_string()
    }
}

impl TryFrom<String> for Faults {
    type Error = FaultError;

    fn try_from(text: String) -> Result<Self, FaultError> {
        text.parse()
    }
}
