//! Rules about packets: which ones, between whom, and what is done to them.
use alloc::string::String;
use core::fmt;
use core::str::FromStr;
use core::time::Duration;

use super::text::{Reason, Span, name, parse_span, probability};
use crate::wire::PacketType;

/// The packets of a type that a sender sends, by their place from 1: `REP#1`, `REP#2..4`, `REP#*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nth {
    /// Of which type.
    pub kind: PacketType,
    /// The first one, from 1.
    pub first: u64,
    /// The last one; `u64::MAX` is all from the first on.
    pub last: u64,
}

impl Nth {
    /// Whether the packet at this place is one of them.
    pub const fn has(&self, place: u64) -> bool {
        self.first <= place && place <= self.last
    }
}

pub(super) fn packet_type(text: &str) -> Result<PacketType, Reason> {
    let mut kinds = PacketType::ALL.into_iter();
    kinds.find(|kind| kind.name().eq_ignore_ascii_case(text)).ok_or("no such packet type")
}

impl FromStr for Nth {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let counted = |text: &str| text.parse().ok().filter(|number| *number > 0);
        const FROM_ONE: Reason = "packets are counted from 1";
        let (kind, number) = text.split_once('#').ok_or("expected TYPE#NUMBER")?;
        let kind = packet_type(kind)?;
        let (first, last) = match number.split_once("..") {
            None if number == "*" => (1, u64::MAX),
            None => {
                let place = counted(number).ok_or(FROM_ONE)?;
                (place, place)
            }
            Some((first, "")) => (counted(first).ok_or(FROM_ONE)?, u64::MAX),
            Some((first, last)) => (counted(first).ok_or(FROM_ONE)?, counted(last).ok_or(FROM_ONE)?),
        };
        if first > last { Err("the range ends before it begins") } else { Ok(Self { kind, first, last }) }
    }
}

impl fmt::Display for Nth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#", self.kind)?;
        match (self.first, self.last) {
            (1, u64::MAX) => f.write_str("*"),
            (first, u64::MAX) => write!(f, "{first}.."),
            (first, last) if first == last => write!(f, "{first}"),
            (first, last) => write!(f, "{first}..{last}"),
        }
    }
}

/// What is done to packets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Harm {
    /// Each dies with this probability.
    Loss(f64),
    /// Losses come in bursts (Gilbert and Elliott): the line goes bad, and good again.
    Burst {
        /// Probability that a good line is bad from this packet on.
        enter: f64,
        /// Probability that a bad line is good from this packet on.
        leave: f64,
        /// Probability that a packet on a bad line dies.
        loss: f64,
    },
    /// Each arrives twice with this probability.
    Duplicate(f64),
    /// Each is held back until later ones have gone, with this probability.
    Reorder(f64),
    /// One bit of each is flipped with this probability.
    Corrupt(f64),
    /// All come later by so much.
    Delay(Duration),
    /// These die.
    DropNth(Nth),
    /// These arrive twice.
    DuplicateNth(Nth),
    /// One bit of these is flipped.
    CorruptNth(Nth),
    /// These come later by so much.
    DelayNth(Nth, Duration),
}

/// From whom to whom a rule holds; `None` is any machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// The sender's name.
    pub from: Option<String>,
    /// The receiver's name.
    pub to: Option<String>,
}

impl Scope {
    /// Whether it says anything.
    pub const fn is_any(&self) -> bool {
        self.from.is_none() && self.to.is_none()
    }

    /// Whether packets between these machines are meant. A machine whose name is not known is none that is named.
    pub fn has(&self, from: Option<&str>, to: Option<&str>) -> bool {
        let fits = |wanted: &Option<String>, name| wanted.is_none() || wanted.as_deref() == name;
        fits(&self.from, from) && fits(&self.to, to)
    }
}

/// A rule about packets, written `drop=REP#1@server>client`.
#[derive(Clone, Debug, PartialEq)]
pub struct PacketRule {
    /// What is done.
    pub harm: Harm,
    /// Between whom.
    pub scope: Scope,
}

/// The names of these rules, for errors.
pub(super) const NAMES: &str = "loss, burst, duplicate, reorder, corrupt, delay, drop, seed";

impl PacketRule {
    /// The rule `keyword=value`; `None` if packet rules have no such keyword.
    pub(super) fn parse(keyword: &str, value: &str) -> Option<Result<Self, Reason>> {
        let (value, scope) = match value.split_once('@') {
            None => (value, Ok(Scope::default())),
            Some((value, scope)) => (value, parse_scope(scope)),
        };
        let harm = match keyword {
            "loss" => probability(value).map(Harm::Loss),
            "burst" => parse_burst(value),
            "reorder" => probability(value).map(Harm::Reorder),
            "duplicate" if value.contains('#') => value.parse().map(Harm::DuplicateNth),
            "duplicate" => probability(value).map(Harm::Duplicate),
            "corrupt" if value.contains('#') => value.parse().map(Harm::CorruptNth),
            "corrupt" => probability(value).map(Harm::Corrupt),
            "delay" if value.contains('#') => parse_delay_nth(value),
            "delay" => parse_span(value).map(Harm::Delay),
            "drop" => value.parse().map(Harm::DropNth),
            _ => return None,
        };
        Some(harm.and_then(|harm| Ok(Self { harm, scope: scope? })))
    }
}

fn parse_scope(text: &str) -> Result<Scope, Reason> {
    let (from, to) = text.split_once('>').ok_or("expected FROM>TO behind the '@'")?;
    let end = |text: &str| if text == "*" { Ok(None) } else { name(text).map(Some) };
    Ok(Scope { from: end(from)?, to: end(to)? })
}

fn parse_burst(text: &str) -> Result<Harm, Reason> {
    let mut parts = text.split(':').map(probability);
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(enter), Some(leave), loss, None) => {
            Ok(Harm::Burst { enter: enter?, leave: leave?, loss: loss.unwrap_or(Ok(1.0))? })
        }
        _ => Err("expected ENTER:LEAVE or ENTER:LEAVE:LOSS"),
    }
}

fn parse_delay_nth(text: &str) -> Result<Harm, Reason> {
    let (nth, span) = text.split_once(':').ok_or("expected TYPE#NUMBER:TIME")?;
    Ok(Harm::DelayNth(nth.parse()?, parse_span(span)?))
}

impl fmt::Display for PacketRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.harm {
            Harm::Loss(chance) => write!(f, "loss={chance}"),
            Harm::Burst { enter, leave, loss: 1.0 } => write!(f, "burst={enter}:{leave}"),
            Harm::Burst { enter, leave, loss } => write!(f, "burst={enter}:{leave}:{loss}"),
            Harm::Duplicate(chance) => write!(f, "duplicate={chance}"),
            Harm::Reorder(chance) => write!(f, "reorder={chance}"),
            Harm::Corrupt(chance) => write!(f, "corrupt={chance}"),
            Harm::Delay(span) => write!(f, "delay={}", Span(span)),
            Harm::DropNth(nth) => write!(f, "drop={nth}"),
            Harm::DuplicateNth(nth) => write!(f, "duplicate={nth}"),
            Harm::CorruptNth(nth) => write!(f, "corrupt={nth}"),
            Harm::DelayNth(nth, span) => write!(f, "delay={nth}:{}", Span(span)),
        }?;
        if self.scope.is_any() {
            return Ok(());
        }
        let end = |end: &Option<String>| end.clone().unwrap_or_else(|| "*".into());
        write!(f, "@{}>{}", end(&self.scope.from), end(&self.scope.to))
    }
}
