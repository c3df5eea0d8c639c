//! What the drawing calls things.
use std::time::Duration;

use sendrec_core::trace::{Call, Fate, Incident, PacketNote, Step, Timer};
use sendrec_core::wire::{Flags, PacketType};

use crate::trace::Passage;
use crate::trace::progress::piece_of;

/// How a packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Plain,
    /// To all.
    Broadcast,
    /// A second one that the network made.
    Copy,
}

/// A step of a call.
pub(crate) const fn step(step: Step) -> &'static str {
    match step {
        Step::Called => "calls its stub",
        Step::Prepared => "has a buffer",
        Step::HeaderFilled => "header filled in",
        Step::Marshalled => "packed",
        Step::Trapped => "traps",
        Step::Entered => "in the kernel",
        Step::Addressed => "destination known",
        Step::Headed => "header ready",
        Step::Armed => "timer armed",
        Step::Copied => "copied to the network",
        Step::Transmitted => "sent",
        Step::Interrupted => "interrupted",
        Step::Checked => "checked",
        Step::Decided => "owner known",
        Step::CopiedOut => "copied from the network",
        Step::Handed => "handed over",
        Step::Woken => "the stub runs",
        Step::Unmarshalled => "unpacked",
        Step::Performed => "has run",
        Step::ResultMarshalled => "result packed",
    }
}

/// Ranges that a report's label names at most.
const RANGES_NAMED: usize = 4;

/// A packet in words, from the fullest to the shortest.
pub(crate) fn labels(packet: &Passage, way: Way) -> Vec<String> {
    let note = &packet.note;
    let kind = note.kind.name();
    let number = note.number;
    let sequence = if note.sequence.0 == 0 { String::new() } else { format!(" seq {}", note.sequence) };
    let tag = format!("{}{}", tag(note, way), if asks(note) { " (asks)" } else { "" });
    let mut labels: Vec<String> =
        note.sparse.map(|sparse| format!("{kind} {number} {sparse}{tag}")).into_iter().collect();
    if let Some((piece, pieces)) = piece_of(note) {
        let piece = format!("{}/{pieces}", u64::from(piece) + 1);
        labels.extend([
            format!("{kind} {number}{sequence} piece {piece} {}B{tag}", note.bytes),
            format!("{kind} {number}{sequence} piece {piece}{tag}"),
            format!("{kind} {number} piece {piece}{tag}"),
            format!("{kind} {number} {piece}{tag}"),
            format!("{kind} {piece}{tag}"),
            format!("{kind} {piece}{}", again(note, way)),
            format!("{kind} {piece}"),
        ]);
    } else if let Some(report) = &note.report {
        let (has, room) = (has(packet), format!(", room {}", report.window));
        let missing = missing(packet);
        labels.extend([
            format!("{kind} {number}{sequence}{has}{missing}{room}{tag}"),
            format!("{kind} {number}{has}{missing}{room}{tag}"),
            format!("{kind} {number}{has}{missing}{tag}"),
            format!("{kind}{has}{missing}{tag}"),
            format!("{kind}{has}{tag}"),
        ]);
    } else {
        let bytes = match note.kind {
            PacketType::Req | PacketType::Rep => format!(" {}B", note.bytes),
            _ => String::new(),
        };
        labels.extend([
            format!("{kind} {number}{sequence}{bytes}{tag}"),
            format!("{kind} {number}{sequence}{tag}"),
            format!("{kind} {number}{tag}"),
        ]);
    }
    labels.extend([format!("{kind}{tag}"), format!("{kind} {number}"), kind.to_owned()]);
    labels.dedup();
    labels
}

/// Pieces of one message, one after the other, in words.
pub(crate) fn run_labels(first: &PacketNote, last: &PacketNote, count: usize, way: Way) -> Vec<String> {
    let kind = first.kind.name();
    let sequence = if first.sequence.0 == 0 { String::new() } else { format!(" seq {}", first.sequence) };
    let (from, pieces) = piece_of(first).unwrap_or_default();
    let (to, _) = piece_of(last).unwrap_or_default();
    let (from, to) = (u64::from(from) + 1, u64::from(to) + 1);
    let (numbers, tag) = (format!("{}-{}", first.number, last.number), tag(first, way));
    vec![
        format!("{count} {kind} {numbers}{sequence} pieces {from}-{to}/{pieces}{tag}"),
        format!("{count} {kind}{sequence} pieces {from}-{to}/{pieces}{tag}"),
        format!("{count} {kind} pieces {from}-{to}/{pieces}{tag}"),
        format!("{count} {kind} {from}-{to}/{pieces}{tag}"),
        format!("{count} {kind} {from}-{to}/{pieces}"),
        format!("{count} {kind}"),
    ]
}

/// Whether it wants to be told how far its message is.
pub(crate) fn asks(note: &PacketNote) -> bool {
    note.kind != PacketType::Ack && note.flags().has(Flags::REPORT)
}

/// How much a report's sender has.
fn has(packet: &Passage) -> String {
    let (Some(report), Some(progress)) = (&packet.note.report, &packet.progress) else {
        return String::new();
    };
    if report.to < report.from {
        return " came out wrong: all anew".to_owned();
    }
    let of = progress.pieces.map_or(String::new(), |pieces| format!("/{pieces}"));
    let is_whole = report.from == report.base && report.newest.0 != 0;
    match &progress.missing {
        Some(missing) if is_whole => {
            let missing: u32 = missing.iter().map(|range| range.end - range.start).sum();
            format!(" has {}{of}", report.to - missing)
        }
        // Of several lists one says not all.
        _ if report.base == report.to => format!(" has {}{of}", report.base),
        _ => format!(" has first {}{of}", report.base),
    }
}

/// What a report says is missing, if anything is and that is known.
pub(crate) fn missing(packet: &Passage) -> String {
    let Some(missing) = packet.progress.as_ref().and_then(|progress| progress.missing.as_ref()) else {
        return String::new();
    };
    let range = |range: &std::ops::Range<u32>| match range.end - range.start {
        1 => range.end.to_string(),
        _ => format!("{}-{}", u64::from(range.start) + 1, range.end),
    };
    let mut named: Vec<String> = missing.iter().take(RANGES_NAMED).map(range).collect();
    let more: u32 = missing.iter().skip(RANGES_NAMED).map(|range| range.end - range.start).sum();
    if more > 0 {
        named.push(format!("and {more} more"));
    }
    if named.is_empty() {
        String::new()
    } else {
        format!(", missing {}", named.join(",").replace(",and", " and"))
    }
}

/// A packet of which the fuller words have been said.
pub(crate) fn short_labels(note: &PacketNote) -> Vec<String> {
    vec![format!("{} {}", note.kind, note.number), note.kind.name().to_owned()]
}

/// What is special about a packet, with a space before it.
pub(crate) fn tag(note: &PacketNote, way: Way) -> String {
    let flags = note.flags();
    let mut tag = String::new();
    if let Some(status) = note.status {
        tag.push_str(&format!(" {status}"));
    }
    if let Some(reason) = note.refused {
        tag.push_str(&format!(" {reason}"));
    }
    if let Some(reason) = note.unknown {
        tag.push_str(&format!(" {reason}"));
    }
    if note.kind == PacketType::Req && flags.has(Flags::ONE_WAY) {
        tag.push_str(" one-way");
    }
    if way == Way::Broadcast {
        tag.push_str(" to all");
    }
    tag.push_str(again(note, way));
    tag
}

/// Whether it is no first sending, with a space before it.
fn again(note: &PacketNote, way: Way) -> &'static str {
    match way {
        Way::Copy => " (copy)",
        _ if note.flags().has(Flags::CACHED) => " (from cache)",
        _ if note.flags().has(Flags::AGAIN) => " (again)",
        _ => "",
    }
}

/// What the receiving kernel made of a packet; nothing if it did what it came for.
pub(crate) fn fate(note: &PacketNote, fate: Fate) -> Option<&'static str> {
    Some(match fate {
        // A piece that was put in its place has done so too.
        Fate::Accepted | Fate::Fragment => return None,
        // An acknowledgement of what is kept no longer is nobody's duplicate.
        Fate::DuplicateDone if note.kind == PacketType::Ack => return None,
        Fate::DuplicateInProgress if note.part.is_some() => "had it",
        Fate::DuplicateInProgress => "duplicate, in progress",
        Fate::DuplicateAnswered => "duplicate, answered",
        Fate::DuplicateDone => "duplicate, done with",
        Fate::BelowFloor => "below the floor",
        Fate::WindowFull => "window full",
        Fate::NoRoom => "no room",
        Fate::NoProcess => "no such process",
        Fate::Gone => "request is gone",
        Fate::StaleEpoch => "for a past epoch",
        Fate::OldSender => "from a past epoch",
        Fate::Unproved => "epoch not proved yet",
        Fate::OtherIncarnation => "for another epoch",
        Fate::NotAwaited => "not awaited",
        Fate::NotRefusable => "too late to refuse",
        Fate::TableFull => "tables full",
        Fate::Unsupported => "not supported",
        Fate::NotHere => "not here",
    })
}

/// A system call.
pub(crate) const fn call(call: Call) -> &'static str {
    match call {
        Call::Send => "send",
        Call::SendOneWay => "send one-way",
        Call::Call => "call",
        Call::Receive | Call::TryReceive => "receive",
        Call::Reply => "reply",
        Call::Forward => "forward",
        Call::Ping => "ping",
        Call::Cancel => "timed out",
        Call::Locate => "locate",
    }
}

/// A timer that fired.
pub(crate) const fn timer(timer: Timer) -> &'static str {
    match timer {
        Timer::Request { .. } => "timer: request",
        Timer::LateAck { .. } => "timer: late ACK",
        Timer::Reply { .. } => "timer: reply",
        Timer::AckDelay => "timer: ACK",
        Timer::Challenge => "timer: epoch",
        Timer::Locate => "timer: locate",
        Timer::Keep => "timer: keep",
        Timer::Arrival => "timer: arrival",
    }
}

/// What befell a machine.
pub(crate) fn incident(incident: Incident) -> String {
    match incident {
        Incident::Crashed => "crashes".to_owned(),
        Incident::Booted { epoch } => format!("boots, epoch {epoch}"),
        Incident::Killed { process } => format!("/{process} is killed"),
        Incident::Paused => "paused".to_owned(),
        Incident::Resumed => "goes on".to_owned(),
        Incident::Cut { to } => format!("cut off from {to}"),
        Incident::Healed { to } => format!("reaches {to} again"),
    }
}

/// A time in ms, with as many digits behind the point as a trace of this length has room for.
pub(crate) fn millis(at: Duration, longest: Duration) -> String {
    const DAY: Duration = Duration::from_secs(86_400);
    let digits = if longest < Duration::from_secs(100) {
        3
    } else if longest < DAY {
        0
    } else {
        return format!("{:.0} s", at.as_secs_f64());
    };
    // Rounded down, as one reads a clock.
    let micros = at.as_micros();
    if digits == 3 {
        format!("{}.{:03}", micros / 1_000, micros % 1_000)
    } else {
        format!("{}", micros / 1_000)
    }
}

/// So many of them.
pub(crate) fn count(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}
