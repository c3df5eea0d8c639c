//! Claims: what a scenario says of its trace, as lines that a person writes, and whether it holds.
//!
//! | claim | holds if |
//! |---|---|
//! | `packets: client REQ, server REP lost, client ACK` | these packets were sent, in this order, and no others |
//! | `sent REQ from client = 2` | so many were sent; `from` may be missing |
//! | `lost REP = 1`, `doubled REQ = 1`, `corrupted REQ = 1` | so many of those were lost, doubled or damaged |
//! | `again REQ = 1`, `cached REP = 1` | so many were sent before; came from the cache |
//! | `pieces REQ = 9`, `asking REQ = 1` | so many were pieces of longer messages; asked for a report |
//! | `reports ACK from server = 2` | so many said how far a message in pieces is |
//! | `runs server = 1` | so many requests were taken by that process |
//! | `told client 1 = "answer"`, `told client any = "timed out"` | the process's first step with a result brought this; or any; `has` in place of `=` is content with a part |
//! | `tells client = 3` | so many steps of it had a result |
//! | `event overflow at server >= 1` | so often that happened there; see [`HAPPENINGS`] |
//! | `fate not-awaited at client = 1` | so many packets met this fate |
//! | `copied client = 5` | so many bytes were copied on the way into that machine's kernel |
//! | `first buffer-free at client before got REP at client` | the first of the one came before the first of the other |
//! | `cells from client = 24`, `cells to server = 24` | so many cells came to the ATM switch from it; went on to it |
//! | `cells lost to server = 1` | so many died at the switch or behind it |
//! | `took client <= 50ms`, `took client >= 20ms` | so long after the start its last step was over |
//!
//! Numbers compare by `=`, `<=`, `>=`, `<`, `>`. Where a process is named by its machine, its first one is meant.
//! Deliberately not here: how a scenario runs.
mod check;

use std::time::Duration;

use sendrec_core::trace::Fate;
use sendrec_core::wire::PacketType;

pub use check::{Evidence, Verdict};

use super::words::{Words, Wrong, did_you_mean};

/// What may be counted at a machine besides packets, by name.
pub const HAPPENINGS: [(&str, Happening); 22] = [
    ("overflow", Happening::Overflow),
    ("expired", Happening::Expired),
    ("queued", Happening::Queued),
    ("taken", Happening::Taken),
    ("executed", Happening::Executed),
    ("located", Happening::Located),
    ("mislaid", Happening::Mislaid),
    ("blocked", Happening::Blocked),
    ("runs-on", Happening::RunsOn),
    ("buffer-free", Happening::BufferFree),
    ("timer", Happening::Timer),
    ("late-ack", Happening::LateAck),
    ("malformed", Happening::Malformed),
    ("epoch-known", Happening::EpochKnown),
    ("epoch-raised", Happening::EpochRaised),
    ("crashed", Happening::Crashed),
    ("booted", Happening::Booted),
    ("killed", Happening::Killed),
    ("paused", Happening::Paused),
    ("cut", Happening::Cut),
    ("orphan", Happening::Orphan),
    ("step", Happening::Step),
];

/// Something that happens at a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happening {
    /// A message found no room.
    Overflow,
    /// One was kept in vain.
    Expired,
    /// One went into a mailbox.
    Queued,
    /// One was taken.
    Taken,
    /// A request was.
    Executed,
    /// A sparse id was found.
    Located,
    /// Its place was given up.
    Mislaid,
    /// A process waits.
    Blocked,
    /// A caller runs on while its call goes on.
    RunsOn,
    /// A lent buffer is its owner's again.
    BufferFree,
    /// Any timer.
    Timer,
    /// The server's, over a late reply.
    LateAck,
    /// Bytes that are no packet.
    Malformed,
    /// Another incarnation is believed.
    EpochKnown,
    /// This one was raised.
    EpochRaised,
    /// The machine stopped.
    Crashed,
    /// It booted.
    Booted,
    /// A process of it was killed.
    Killed,
    /// It was paused.
    Paused,
    /// It was cut off.
    Cut,
    /// A computation was found to be an orphan.
    Orphan,
    /// A stub has taken a step.
    Step,
}

/// How two numbers are to compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    /// `=`
    Equal,
    /// `<=`
    AtMost,
    /// `>=`
    AtLeast,
    /// `<`
    Below,
    /// `>`
    Above,
}

impl Compare {
    fn holds<T: PartialOrd + Copy>(self, found: T, wanted: T) -> bool {
        match self {
            Self::Equal => found == wanted,
            Self::AtMost => found <= wanted,
            Self::AtLeast => found >= wanted,
            Self::Below => found < wanted,
            Self::Above => found > wanted,
        }
    }
}

/// What is special about the packets that are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trait {
    /// Nothing.
    Sent,
    /// They died.
    Lost,
    /// They came twice.
    Doubled,
    /// They came damaged.
    Corrupted,
    /// They were sent before.
    Again,
    /// They came from the cache.
    Cached,
    /// They were pieces of longer messages.
    Pieces,
    /// They asked for a report.
    Asking,
    /// They were one.
    Reports,
}

/// Which cells are counted at a machine's port of the ATM switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cells {
    /// Those that came in from it, each once.
    From,
    /// Those that went out to it.
    To,
    /// Those that were to go out to it, and died.
    LostTo,
}

/// How much of a result is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whole {
    /// All of it.
    All,
    /// A part, whatever stands around it.
    Part,
}

impl Whole {
    /// Whether `text` is what was wanted, or has it.
    fn holds(self, text: &str, wanted: &str) -> bool {
        match self {
            Self::All => text == wanted,
            Self::Part => text.contains(wanted),
        }
    }
}

/// A moment of a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Something happened at a machine.
    Happened(Happening, String),
    /// A packet of this type left it.
    Sent(PacketType, String),
    /// One came in.
    Got(PacketType, String),
}

/// A claim about a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// Sender, type, and whether it was lost.
    Packets(Vec<(String, PacketType, bool)>),
    /// How many packets.
    Count(Trait, PacketType, Option<String>, Compare, u64),
    /// How many requests a process took.
    Runs(String, Compare, u64),
    /// What a step of a process brought, or a part of it; the first is 1, `None` is any.
    Told(String, Option<usize>, Whole, String),
    /// How many steps of it had a result.
    Tells(String, Compare, u64),
    /// How often something happened.
    Event(Happening, String, Compare, u64),
    /// How many packets met a fate.
    Fate(Fate, String, Compare, u64),
    /// How many bytes were copied in.
    Copied(String, Compare, u64),
    /// Which came first.
    Before(Moment, Moment),
    /// How many ATM cells.
    Cells(Cells, String, Compare, u64),
    /// When its last step was over.
    Took(String, Compare, Duration),
}

impl Claim {
    /// The machines and processes it names.
    pub(super) fn names(&self) -> Vec<&str> {
        match self {
            Self::Packets(packets) => packets.iter().map(|(name, ..)| name.as_str()).collect(),
            Self::Count(_, _, name, ..) => name.iter().map(String::as_str).collect(),
            Self::Runs(name, ..)
            | Self::Told(name, ..)
            | Self::Tells(name, ..)
            | Self::Event(_, name, ..)
            | Self::Fate(_, name, ..)
            | Self::Copied(name, ..)
            | Self::Cells(_, name, ..)
            | Self::Took(name, ..) => vec![name],
            Self::Before(first, second) => [first, second].into_iter().map(Moment::at).collect(),
        }
    }
}

impl Moment {
    fn at(&self) -> &str {
        match self {
            Self::Happened(_, name) | Self::Sent(_, name) | Self::Got(_, name) => name,
        }
    }
}

/// Reads a claim.
pub(super) fn parse_claim(line: &str) -> Result<Claim, Wrong> {
    if let Some(list) = line.trim_start().strip_prefix("packets:") {
        return parse_packets(list);
    }
    let mut words = Words::of(line)?;
    let name = words.bare("a claim")?;
    let claim = match name.as_str() {
        "sent" => count(Trait::Sent, &mut words)?,
        "lost" => count(Trait::Lost, &mut words)?,
        "doubled" => count(Trait::Doubled, &mut words)?,
        "corrupted" => count(Trait::Corrupted, &mut words)?,
        "again" => count(Trait::Again, &mut words)?,
        "cached" => count(Trait::Cached, &mut words)?,
        "pieces" => count(Trait::Pieces, &mut words)?,
        "asking" => count(Trait::Asking, &mut words)?,
        "reports" => count(Trait::Reports, &mut words)?,
        "runs" => {
            let (process, (compare, number)) = (words.bare("a process")?, number(&mut words)?);
            Claim::Runs(process, compare, number)
        }
        "told" => told(&mut words)?,
        "tells" => {
            let (process, (compare, number)) = (words.bare("a process")?, number(&mut words)?);
            Claim::Tells(process, compare, number)
        }
        "event" => {
            let happening = happening(&words.bare("what happens")?)?;
            let (at, (compare, number)) = (at(&mut words)?, number(&mut words)?);
            Claim::Event(happening, at, compare, number)
        }
        "fate" => {
            let fate = fate(&words.bare("a fate")?)?;
            let (at, (compare, number)) = (at(&mut words)?, number(&mut words)?);
            Claim::Fate(fate, at, compare, number)
        }
        "copied" => {
            let (machine, (compare, number)) = (words.bare("a machine")?, number(&mut words)?);
            Claim::Copied(machine, compare, number)
        }
        "cells" => {
            let which = match (words.eat("from"), words.eat("lost"), words.eat("to")) {
                (true, false, false) => Cells::From,
                (false, false, true) => Cells::To,
                (false, true, true) => Cells::LostTo,
                _ => return Err("expected 'from', 'to' or 'lost to' and a machine".to_owned()),
            };
            let (machine, (compare, number)) = (words.bare("a machine")?, number(&mut words)?);
            Claim::Cells(which, machine, compare, number)
        }
        "first" => {
            let first = moment(&mut words)?;
            if !words.eat("before") {
                return Err("expected 'before' and the moment that comes later".to_owned());
            }
            Claim::Before(first, moment(&mut words)?)
        }
        "took" => Claim::Took(words.bare("a process")?, compare(&mut words)?, words.span()?),
        other => {
            const NAMES: [&str; 19] = [
                "packets:",
                "sent",
                "lost",
                "doubled",
                "corrupted",
                "again",
                "cached",
                "pieces",
                "asking",
                "reports",
                "runs",
                "told",
                "tells",
                "event",
                "fate",
                "copied",
                "cells",
                "first",
                "took",
            ];
            return Err(format!("no such claim: '{other}'{}", did_you_mean(other, NAMES.into_iter())));
        }
    };
    words.end()?;
    Ok(claim)
}

fn parse_packets(list: &str) -> Result<Claim, Wrong> {
    let mut packets = Vec::new();
    for entry in list.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
        let mut words = Words::of(entry)?;
        let (sender, kind) = (words.bare("a machine")?, packet_type(&words.bare("a packet type")?)?);
        packets.push((sender, kind, words.eat("lost")));
        words.end()?;
    }
    Ok(Claim::Packets(packets))
}

fn count(what: Trait, words: &mut Words) -> Result<Claim, Wrong> {
    let kind = packet_type(&words.bare("a packet type")?)?;
    let from = if words.eat("from") { Some(words.bare("a machine")?) } else { None };
    let (compare, number) = number(words)?;
    Ok(Claim::Count(what, kind, from, compare, number))
}

fn told(words: &mut Words) -> Result<Claim, Wrong> {
    let process = words.bare("a process")?;
    let step =
        if words.eat("any") { None } else { Some(words.number("the number of a step, or any")? as usize) };
    if step == Some(0) {
        return Err("steps are counted from 1".to_owned());
    }
    let whole = match (words.eat("="), words.eat("has")) {
        (true, false) => Whole::All,
        (false, true) => Whole::Part,
        _ => return Err("expected = or has, and a text".to_owned()),
    };
    Ok(Claim::Told(process, step, whole, words.text()?))
}

fn moment(words: &mut Words) -> Result<Moment, Wrong> {
    let word = words.bare("a moment")?;
    match word.as_str() {
        "sent" | "got" => {
            let kind = packet_type(&words.bare("a packet type")?)?;
            let at = at(words)?;
            Ok(if word == "sent" { Moment::Sent(kind, at) } else { Moment::Got(kind, at) })
        }
        other => Ok(Moment::Happened(happening(other)?, at(words)?)),
    }
}

fn at(words: &mut Words) -> Result<String, Wrong> {
    if !words.eat("at") {
        return Err("expected 'at' and a machine".to_owned());
    }
    words.bare("a machine")
}

fn number(words: &mut Words) -> Result<(Compare, u64), Wrong> {
    Ok((compare(words)?, words.number("a number")?))
}

fn compare(words: &mut Words) -> Result<Compare, Wrong> {
    match words.bare("one of = <= >= < >")?.as_str() {
        "=" => Ok(Compare::Equal),
        "<=" => Ok(Compare::AtMost),
        ">=" => Ok(Compare::AtLeast),
        "<" => Ok(Compare::Below),
        ">" => Ok(Compare::Above),
        other => Err(format!("expected one of = <= >= < >, found '{other}'")),
    }
}

fn happening(name: &str) -> Result<Happening, Wrong> {
    let known = || did_you_mean(name, HAPPENINGS.iter().map(|(name, _)| *name));
    let found = HAPPENINGS.iter().find(|(other, _)| *other == name).map(|(_, happening)| *happening);
    found.ok_or_else(|| format!("nothing is called '{name}'{}", known()))
}

/// A fate's name, as traces write it.
fn fate_name(fate: Fate) -> String {
    serde_json::to_value(fate).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

fn fate(name: &str) -> Result<Fate, Wrong> {
    let names: Vec<String> = Fate::ALL.into_iter().map(fate_name).collect();
    let place = names.iter().position(|other| other == name);
    let known = || did_you_mean(name, names.iter().map(String::as_str));
    place.map(|place| Fate::ALL[place]).ok_or_else(|| format!("no such fate: '{name}'{}", known()))
}

fn packet_type(name: &str) -> Result<PacketType, Wrong> {
    let found = PacketType::ALL.into_iter().find(|kind| kind.name() == name);
    found.ok_or_else(|| {
        let known = did_you_mean(name, PacketType::ALL.iter().map(|kind| kind.name()));
        format!("no such packet type: '{name}'{known}")
    })
}
