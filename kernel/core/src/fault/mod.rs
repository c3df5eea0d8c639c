//! What a network may do to packets, as rules that a person writes and a seed decides.
//!
//! Pure, and used by drivers alone: a node's shim under its socket, a world's links. The kernel never sees it.
#[cfg(test)]
mod tests;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;
use core::time::Duration;

use crate::rng::Rng;
use crate::trace::Verdict;
use crate::wire::PacketType;

/// A delayed packet comes at least this much later than sent.
const DELAY_MIN: Duration = Duration::from_micros(200);
/// And at most this much.
const DELAY_MAX: Duration = Duration::from_millis(5);

/// The n-th packet of a type that a sender sends, counted from 1: `REP#1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nth {
    /// Of which type.
    pub kind: PacketType,
    /// Which one, from 1.
    pub number: u64,
}

/// A set of rules, written `loss=0.1,duplicate=0.05,reorder=0.05,drop=REP#1,seed=7`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Faults {
    /// Probability that a packet dies.
    pub loss: f64,
    /// Probability that it arrives twice.
    pub duplicate: f64,
    /// Probability that it is held back until later ones have gone.
    pub reorder: f64,
    /// These die.
    pub drop_nth: Vec<Nth>,
    /// These arrive twice.
    pub duplicate_nth: Vec<Nth>,
    /// What decides the probabilities.
    pub seed: u64,
}

/// Why a text is no set of rules. Nothing changed; write it otherwise.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{rule}': {reason}; write for example loss=0.1,duplicate=0.05,reorder=0.05,drop=REP#1,seed=7")]
pub struct FaultError {
    rule: String,
    reason: &'static str,
}

impl FromStr for Nth {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let (name, number) = text.split_once('#').ok_or("expected TYPE#NUMBER")?;
        let kind = PacketType::ALL.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(name));
        let number = number.parse().ok().filter(|number| *number > 0);
        match (kind, number) {
            (None, _) => Err("no such packet type"),
            (_, None) => Err("packets are counted from 1"),
            (Some(kind), Some(number)) => Ok(Self { kind, number }),
        }
    }
}

impl fmt::Display for Nth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.kind, self.number)
    }
}

fn probability(text: &str) -> Result<f64, &'static str> {
    let value: f64 = text.parse().map_err(|_| "expected a probability from 0 to 1")?;
    if (0.0..=1.0).contains(&value) { Ok(value) } else { Err("a probability is from 0 to 1") }
}

impl FromStr for Faults {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        let mut faults = Self::default();
        for rule in text.split(',').map(str::trim).filter(|rule| !rule.is_empty()) {
            faults.add(rule).map_err(|reason| FaultError { rule: rule.to_string(), reason })?;
        }
        Ok(faults)
    }
}

impl Faults {
    fn add(&mut self, rule: &str) -> Result<(), &'static str> {
        let (name, value) = rule.split_once('=').ok_or("expected NAME=VALUE")?;
        match name {
            "loss" => self.loss = probability(value)?,
            "reorder" => self.reorder = probability(value)?,
            "duplicate" if value.contains('#') => self.duplicate_nth.push(value.parse()?),
            "duplicate" => self.duplicate = probability(value)?,
            "drop" => self.drop_nth.push(value.parse()?),
            "seed" => self.seed = value.parse().map_err(|_| "expected a number")?,
            _ => return Err("no such rule (loss, duplicate, reorder, drop, seed)"),
        }
        Ok(())
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in [("loss", self.loss), ("duplicate", self.duplicate), ("reorder", self.reorder)] {
            if value > 0.0 {
                write!(f, "{name}={value},")?;
            }
        }
        for nth in &self.drop_nth {
            write!(f, "drop={nth},")?;
        }
        for nth in &self.duplicate_nth {
            write!(f, "duplicate={nth},")?;
        }
        write!(f, "seed={}", self.seed)
    }
}

/// What is to be done with one packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Treatment {
    /// How often it is sent: 0, 1 or 2 times.
    pub copies: u32,
    /// How long the last copy is held back.
    pub delay: Duration,
    /// What to say of it, and by which rule; `None` if it passes untouched.
    pub verdict: Option<(Verdict, String)>,
}

/// Rules at work on one sender's packets.
#[derive(Clone, Debug)]
pub struct Injector {
    faults: Faults,
    rng: Rng,
    seen: [u64; PacketType::ALL.len()],
}

impl Injector {
    /// Rules that have seen nothing yet.
    pub fn new(faults: Faults) -> Self {
        let rng = Rng::new(faults.seed);
        Self { faults, rng, seen: [0; PacketType::ALL.len()] }
    }

    /// What becomes of the sender's next packet.
    pub fn judge(&mut self, kind: PacketType) -> Treatment {
        let seen = &mut self.seen[kind as usize - 1];
        *seen += 1;
        let this = Nth { kind, number: *seen };
        // One draw for each rule, used or not: what one rule decides does not shift what the others do.
        let lost = self.rng.chance(self.faults.loss);
        let doubled = self.rng.chance(self.faults.duplicate);
        let delayed = self.rng.chance(self.faults.reorder);
        let span = (DELAY_MAX - DELAY_MIN).as_nanos() as u64;
        let delay = DELAY_MIN + Duration::from_nanos(self.rng.below(span));

        let dies = |rule: String| Treatment {
            copies: 0,
            delay: Duration::ZERO,
            verdict: Some((Verdict::Dropped, rule)),
        };
        if self.faults.drop_nth.contains(&this) {
            return dies(format!("drop={this}"));
        }
        if lost {
            return dies(format!("loss={}", self.faults.loss));
        }
        let hold = if delayed { delay } else { Duration::ZERO };
        if self.faults.duplicate_nth.contains(&this) {
            let verdict = Some((Verdict::Duplicated, format!("duplicate={this}")));
            return Treatment { copies: 2, delay: hold, verdict };
        }
        if doubled {
            let verdict = Some((Verdict::Duplicated, format!("duplicate={}", self.faults.duplicate)));
            return Treatment { copies: 2, delay: hold, verdict };
        }
        let verdict = delayed.then(|| (Verdict::Delayed, format!("reorder={}", self.faults.reorder)));
        Treatment { copies: 1, delay: hold, verdict }
    }
}
