//! What it all came to, under the drawing.
use std::collections::{BTreeMap, BTreeSet};

use sendrec_core::trace::{Call, What};
use sendrec_core::wire::{Flags, PacketType};

use super::canvas::{Canvas, Pen, Tone, wrap};
use super::story::Story;
use super::words::count;
use crate::trace::{End, Joined};

const INDENT: usize = 2;
const NAMES: usize = 18;

/// The names and words of the tally.
pub(crate) fn facts(joined: &Joined, story: &Story) -> Vec<(&'static str, String)> {
    let mut facts = vec![("Packets", packets(joined)), ("Operation ran", runs(joined, story))];
    facts.extend(told(story).map(|words| ("Client was told", words)));
    let unknown = joined.packets.iter().filter(|packet| packet.end == End::ReceiverNotTraced).count();
    for seen in joined.machines.iter().filter(|seen| !seen.traced) {
        let what = if unknown > 0 { ", so nobody knows what became of packets to it" } else { "" };
        facts.push(("Note", format!("{} was not traced{what}.", seen.machine)));
    }
    for (header, _) in joined.headers.iter().filter(|(_, torn)| *torn) {
        let words = format!("the trace of {} breaks off in its last line, as after a kill.", header.machine);
        facts.push(("Note", words));
    }
    facts
}

pub(super) fn tally(joined: &Joined, story: &Story, pen: &Pen) -> Vec<String> {
    let mut lines = vec![String::new()];
    for (name, words) in facts(joined, story) {
        for (place, part) in wrap(&pen.clean(&words), pen.width - INDENT - NAMES).iter().enumerate() {
            let mut canvas = Canvas::new(pen.width);
            if place == 0 {
                canvas.put(INDENT, name, Tone::Strong);
            }
            canvas.put(INDENT + NAMES, part, Tone::Plain);
            lines.push(canvas.text(pen));
        }
    }
    lines
}

fn packets(joined: &Joined) -> String {
    #[derive(Default)]
    struct Count {
        sent: usize,
        /// Of longer messages, and those of them that had been sent before.
        pieces: usize,
        pieces_again: usize,
        reports: usize,
        lost: usize,
        twice: usize,
        /// Copies of broadcasts that others had.
        copies: usize,
    }
    let mut counts: BTreeMap<PacketType, Count> = BTreeMap::new();
    for packet in &joined.packets {
        let count = counts.entry(packet.note.kind).or_default();
        count.sent += 1;
        let again = packet.note.flags().has(Flags::AGAIN);
        count.pieces += usize::from(packet.note.part.is_some());
        count.pieces_again += usize::from(packet.note.part.is_some() && again);
        count.reports += usize::from(packet.note.report.is_some());
        count.lost += usize::from(packet.end.is_lost());
        count.copies += if packet.end.is_lost() { 0 } else { packet.lost_copies().count() };
        count.twice += usize::from(joined.is_doubled(packet));
    }
    let describe = |(kind, count): (&PacketType, &Count)| {
        let mut harm = Vec::new();
        if count.pieces > 0 {
            harm.push(self::count(count.pieces, "piece"));
        }
        if count.pieces_again > 0 {
            harm.push(format!("{} again", count.pieces_again));
        }
        if count.reports > 0 {
            harm.push(self::count(count.reports, "report"));
        }
        if count.lost > 0 {
            harm.push(format!("{} lost", count.lost));
        }
        match count.copies {
            0 => {}
            1 => harm.push("1 copy lost".to_owned()),
            copies => harm.push(format!("{copies} copies lost")),
        }
        if count.twice > 0 {
            harm.push(format!("{} doubled", count.twice));
        }
        let harm = if harm.is_empty() { String::new() } else { format!(" ({})", harm.join(", ")) };
        format!("{kind} {}{harm}", count.sent)
    };
    let parts: Vec<_> = counts.iter().map(describe).collect();
    let (sent, lost) =
        counts.values().fold((0, 0), |(sent, lost), count| (sent + count.sent, lost + count.lost));
    match sent {
        0 => "none sent".to_owned(),
        _ if lost == 0 => format!("{}: {sent} in all, none lost", parts.join(", ")),
        _ => format!("{}: {sent} in all, {lost} lost", parts.join(", ")),
    }
}

fn runs(joined: &Joined, story: &Story) -> String {
    let requests = requests(joined);
    let times = match story.runs {
        0 if joined.machines.iter().any(|machine| !machine.traced) => {
            return "not known: the server's trace is not here".to_owned();
        }
        0 => return "never".to_owned(),
        1 => "once".to_owned(),
        runs => format!("{runs} times"),
    };
    format!("{times}, for {}", count(requests, "request"))
}

/// How many different requests were made: over the network, however often sent, and within a machine.
fn requests(joined: &Joined) -> usize {
    let remote = joined.packets.iter().filter(|packet| packet.note.kind == PacketType::Req);
    let remote: BTreeSet<_> = remote
        .map(|packet| (packet.from, packet.note.epoch, packet.note.source, packet.to, packet.note.sequence))
        .collect();
    let within = joined.moments.iter().filter(|moment| match &moment.event.what {
        What::Trap {
            call: Call::Call | Call::Send | Call::SendOneWay | Call::Forward, to: Some(to), ..
        } => joined.machines[moment.machine].machine == to.machine,
        _ => false,
    });
    remote.len() + within.count()
}

fn told(story: &Story) -> Option<String> {
    let mut parts: Vec<_> = story.told.iter().map(|(words, count)| format!("{words} {count}")).collect();
    if story.waiting > 0 {
        parts.push(format!("still waiting {}", story.waiting));
    }
    (!parts.is_empty()).then(|| parts.join(", "))
}
