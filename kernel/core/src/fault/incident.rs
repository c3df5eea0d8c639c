//! Rules about machines and the network between them: what befalls whom, and at which point.
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;
use core::time::Duration;

use super::packet::packet_type;
use super::text::{Reason, Span, name, parse_span};
use crate::ids::LocalId;
use crate::trace::{Call, Event, Incident, What};
use crate::wire::PacketType;

/// What befalls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mishap {
    /// The machine stops, says nothing and forgets everything.
    Crash(String),
    /// One process of it is gone; the machine lives, and its kernel notices.
    Kill(String, LocalId),
    /// It boots, after a crash if it still lived.
    Restart(String),
    /// It does nothing for so long; packets and timers wait.
    Pause(String, Duration),
    /// Nothing goes from the first to the second any more.
    Cut {
        /// The first.
        from: String,
        /// The second.
        to: String,
    },
    /// Nothing goes from a machine of one group to one of another.
    Partition(Vec<Vec<String>>),
    /// All cuts and partitions are over.
    Heal,
}

/// An event that a point may be named by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// The machine has booted.
    Boot,
    /// A message went into a mailbox.
    Queued,
    /// A process takes a request.
    Execute,
    /// A process replies; its REP has not left yet.
    Reply,
    /// A process sends or calls.
    Send,
    /// A process receives.
    Receive,
    /// A process waits.
    Blocked,
    /// A packet of this type has left.
    Sent(PacketType),
    /// A packet of this type has come in.
    Got(PacketType),
    /// The machine has crashed.
    Crash,
    /// A timer fired.
    Timer,
    /// A process ended.
    End,
}

/// Those without a packet type, by name.
const NAMED: [(&str, Named); 10] = [
    ("boot", Named::Boot),
    ("queued", Named::Queued),
    ("execute", Named::Execute),
    ("reply", Named::Reply),
    ("send", Named::Send),
    ("receive", Named::Receive),
    ("blocked", Named::Blocked),
    ("crash", Named::Crash),
    ("timer", Named::Timer),
    ("end", Named::End),
];

impl Named {
    /// Whether this is what happened.
    pub fn is(self, event: &Event) -> bool {
        match (&event.what, self) {
            (What::Incident { incident: Incident::Booted { .. }, .. }, Self::Boot)
            | (What::Incident { incident: Incident::Crashed, .. }, Self::Crash)
            | (What::Queued { .. }, Self::Queued)
            | (What::Taken { request: true, .. }, Self::Execute)
            | (What::Trap { call: Call::Reply, .. }, Self::Reply)
            | (What::Trap { call: Call::Send | Call::SendOneWay | Call::Call, .. }, Self::Send)
            | (What::Trap { call: Call::Receive | Call::TryReceive, .. }, Self::Receive)
            | (What::Blocked { .. }, Self::Blocked)
            | (What::Timer { .. }, Self::Timer)
            | (What::Ended { .. }, Self::End) => true,
            (What::Sent { packet, .. }, Self::Sent(kind))
            | (What::Received { packet, .. }, Self::Got(kind)) => packet.kind == kind,
            _ => false,
        }
    }
}

impl FromStr for Named {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text.split_once(':') {
            Some(("sent", kind)) => packet_type(kind).map(Self::Sent),
            Some(("got", kind)) => packet_type(kind).map(Self::Got),
            _ => NAMED.iter().find(|(name, _)| *name == text).map(|(_, named)| *named).ok_or(
                "no such event (boot, queued, execute, reply, send, receive, blocked, sent:TYPE, got:TYPE, \
                 crash, timer, end), and no time such as 50ms",
            ),
        }
    }
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sent(kind) => write!(f, "sent:{kind}"),
            Self::Got(kind) => write!(f, "got:{kind}"),
            other => f.write_str(NAMED.iter().find(|(_, named)| named == other).map_or("", |(name, _)| name)),
        }
    }
}

/// When it befalls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Point {
    /// So long after the start.
    At(Duration),
    /// At an event.
    Event {
        /// Of which machine; `None` is the one it befalls.
        of: Option<String>,
        /// Which.
        event: Named,
        /// The how-manyth such event, from 1, over all incarnations.
        nth: u64,
        /// So long after it. Zero: before anything that the event would have caused.
        after: Duration,
    },
}

impl FromStr for Point {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        if let Ok(span) = parse_span(text) {
            return Ok(Self::At(span));
        }
        let (text, after) = match text.split_once('+') {
            Some((text, after)) => (text, parse_span(after)?),
            None => (text, Duration::ZERO),
        };
        let (text, nth) = match text.split_once('#') {
            Some((text, nth)) => {
                let nth = nth.parse().ok().filter(|nth| *nth > 0);
                (text, nth.ok_or("events are counted from 1")?)
            }
            None => (text, 1),
        };
        let (of, event) = match text.split_once('.') {
            Some((of, event)) => (Some(name(of)?), event),
            None => (None, text),
        };
        Ok(Self::Event { of, event: event.parse()?, nth, after })
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(span) => Span(*span).fmt(f),
            Self::Event { of, event, nth, after } => {
                if let Some(of) = of {
                    write!(f, "{of}.")?;
                }
                event.fmt(f)?;
                if *nth > 1 {
                    write!(f, "#{nth}")?;
                }
                if after.is_zero() { Ok(()) } else { write!(f, "+{}", Span(*after)) }
            }
        }
    }
}

/// A rule about a machine or the network, written `crash=server@execute`. It comes true once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncidentRule {
    /// What.
    pub mishap: Mishap,
    /// When.
    pub point: Point,
}

/// The names of these rules, for errors.
pub(super) const NAMES: &str = "crash, kill, restart, pause, cut, partition, heal";

impl IncidentRule {
    /// At which machine its event is watched; `None` if it goes by time.
    pub fn watched_at(&self) -> Option<&str> {
        match &self.point {
            Point::At(_) => None,
            Point::Event { of: Some(of), .. } => Some(of),
            Point::Event { of: None, .. } => self.befalls(),
        }
    }

    /// The machine it befalls; of a cut, the one that is cut off from the other; `None` if there is no single one.
    pub fn befalls(&self) -> Option<&str> {
        match &self.mishap {
            Mishap::Crash(who) | Mishap::Kill(who, _) | Mishap::Restart(who) | Mishap::Pause(who, _) => {
                Some(who)
            }
            Mishap::Cut { from, .. } => Some(from),
            Mishap::Partition(_) | Mishap::Heal => None,
        }
    }

    /// All machines it names.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.befalls().into_iter().collect();
        match &self.mishap {
            Mishap::Cut { to, .. } => names.push(to),
            Mishap::Partition(groups) => names.extend(groups.iter().flatten().map(String::as_str)),
            _ => {}
        }
        if let Point::Event { of: Some(of), .. } = &self.point {
            names.push(of);
        }
        names
    }

    /// The rule `text`; `None` if incident rules have no such keyword.
    pub(super) fn parse(text: &str) -> Option<Result<Self, Reason>> {
        let end = text.find(['=', '@']).unwrap_or(text.len());
        let known = NAMES.split(", ").any(|name| name == &text[..end]);
        known.then(|| parse(&text[..end], &text[end..]))
    }
}

fn parse(keyword: &str, rest: &str) -> Result<IncidentRule, Reason> {
    let (object, rest) = rest.split_once('@').ok_or("expected @ and a point: a time or an event")?;
    let object = match object.strip_prefix('=') {
        None if keyword == "heal" => "",
        None => return Err("expected NAME=WHO@POINT"),
        Some(_) if keyword == "heal" => return Err("heal@POINT heals all and names none"),
        Some(object) => object,
    };
    let (point, mishap) = match keyword {
        "crash" => (rest, Mishap::Crash(name(object)?)),
        "restart" => (rest, Mishap::Restart(name(object)?)),
        "kill" => (rest, parse_kill(object)?),
        "pause" => {
            let (point, span) = rest.rsplit_once(':').ok_or("expected POINT:TIME")?;
            (point, Mishap::Pause(name(object)?, parse_span(span)?))
        }
        "cut" => (rest, parse_cut(object)?),
        "partition" => (rest, parse_partition(object)?),
        _ => (rest, Mishap::Heal),
    };
    let rule = IncidentRule { mishap, point: point.parse()? };
    if rule.watched_at().is_none() && matches!(rule.point, Point::Event { .. }) {
        return Err("say at which machine: WHO.EVENT");
    }
    Ok(rule)
}

fn parse_kill(text: &str) -> Result<Mishap, Reason> {
    let (who, id) = text.split_once('/').ok_or("expected WHO/ID, the machine and the process's number")?;
    let id = id.parse().map_err(|_| "the process behind the '/' is not a number")?;
    Ok(Mishap::Kill(name(who)?, LocalId(id)))
}

fn parse_cut(text: &str) -> Result<Mishap, Reason> {
    let (from, to) = text.split_once('>').ok_or("expected FROM>TO")?;
    if from == to {
        return Err("nothing cuts a machine off from itself");
    }
    Ok(Mishap::Cut { from: name(from)?, to: name(to)? })
}

fn parse_partition(text: &str) -> Result<Mishap, Reason> {
    let group = |text: &str| text.split('+').map(name).collect::<Result<Vec<_>, _>>();
    let groups = text.split('|').map(group).collect::<Result<Vec<_>, _>>()?;
    if groups.len() < 2 {
        return Err("expected two groups or more: A+B|C");
    }
    let mut all: Vec<_> = groups.iter().flatten().collect();
    all.sort_unstable();
    if all.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err("a machine stands twice");
    }
    Ok(Mishap::Partition(groups))
}

impl fmt::Display for IncidentRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let point = &self.point;
        match &self.mishap {
            Mishap::Crash(who) => write!(f, "crash={who}@{point}"),
            Mishap::Kill(who, id) => write!(f, "kill={who}/{id}@{point}"),
            Mishap::Restart(who) => write!(f, "restart={who}@{point}"),
            Mishap::Pause(who, span) => write!(f, "pause={who}@{point}:{}", Span(*span)),
            Mishap::Cut { from, to } => write!(f, "cut={from}>{to}@{point}"),
            Mishap::Partition(groups) => {
                f.write_str("partition=")?;
                for (place, group) in groups.iter().enumerate() {
                    write!(f, "{}{}", if place > 0 { "|" } else { "" }, group.join("+"))?;
                }
                write!(f, "@{point}")
            }
            Mishap::Heal => write!(f, "heal@{point}"),
        }
    }
}
