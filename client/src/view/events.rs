//! Every event of joined traces with a name that stays, its cause, and what there is to say about it.
//!
//! Deliberately not here: any markup. The views write these words as their formats want them.
use std::collections::{BTreeMap, HashMap, HashSet};

use sendrec_core::trace::{Fate, PacketNote, Verdict, What};
use sendrec_core::wire::{Flags, PacketType};

use crate::ladder::words::{self, Way};
use crate::trace::{End, Joined, Moment, Passage};

/// What the views say about moments.
pub(super) struct Events<'a> {
    pub(super) joined: &'a Joined,
    /// By moment: unique, and the same whenever the same traces are rendered: `client-12`.
    pub(super) fragments: Vec<String>,
    /// By moment: the moment that caused it.
    pub(super) causes: Vec<Option<usize>>,
    /// By machine: unique, without spaces.
    pub(super) hosts: Vec<String>,
}

impl<'a> Events<'a> {
    pub(super) fn new(joined: &'a Joined) -> Self {
        let fragments = fragments(joined);
        Self { joined, fragments, causes: causes(joined), hosts: hosts(joined) }
    }

    /// A machine as people call it.
    pub(super) fn name(&self, machine: usize) -> String {
        let seen = &self.joined.machines[machine];
        match &seen.role {
            Some(role) => format!("{role} ({})", seen.machine),
            None => seen.machine.to_string(),
        }
    }

    /// Whom a packet was sent to, in words.
    pub(super) fn receiver(&self, packet: &Passage) -> String {
        packet.to.map_or_else(|| "all machines".to_owned(), |to| self.name(to))
    }

    /// A moment in a few words. `note` is what the ladder says beside the line.
    pub(super) fn words(&self, place: usize, note: Option<&str>) -> String {
        let moment = &self.joined.moments[place];
        let packet = moment.packet.map(|packet| &self.joined.packets[packet]);
        let label = packet.map(label);
        match (&moment.event.what, label, packet) {
            (What::Sent { .. }, Some(label), Some(packet)) => format!("sends {label}{}", lost_words(packet)),
            (What::Received { fate, packet, .. }, Some(label), _) => match words::fate(packet, *fate) {
                Some(fate) => format!("receives {label}: {fate}"),
                None => format!("receives {label}"),
            },
            (What::Network { verdict, rule, number, kind, .. }, ..) => {
                format!("network: {kind} {number} {} by {rule}", verdict_word(*verdict))
            }
            (what, ..) => match note {
                Some(note) => note.to_owned(),
                None => quiet(what),
            },
        }
    }

    /// What became of a packet, in words, with the rule that did it.
    pub(super) fn end(&self, packet: &Passage) -> String {
        let harm = |(verdict, rule): &(Verdict, String)| format!("{} by {rule}", verdict_word(*verdict));
        let network = packet.network.as_ref().filter(|_| packet.to.is_some()).map(harm);
        let mut parts: Vec<String> = Vec::new();
        match packet.end {
            End::Dropped => parts.push(format!("lost: {}", network.unwrap_or_default())),
            End::NeverReceived if packet.to.is_none() => parts.push("lost: heard by nobody".to_owned()),
            End::NeverReceived => parts.push("lost: never received".to_owned()),
            End::ReceiverNotTraced => parts.push("not known: its receiver was not traced".to_owned()),
            End::Delivered => parts.extend(network),
        }
        for (to, rule) in packet.lost_copies() {
            parts.push(format!("lost on its way to {}: {rule}", self.name(to)));
        }
        for (nth, arrival) in packet.arrivals.iter().enumerate() {
            let copy = if self.joined.earlier_copies(packet, nth) > 0 { "a copy " } else { "" };
            let plain = if arrival.fate == Fate::Fragment { "put in its place" } else { "accepted" };
            let fate = words::fate(&packet.note, arrival.fate).unwrap_or(plain);
            let at = if packet.to.is_none() {
                format!(" at {}", self.name(self.joined.receiver(arrival)))
            } else {
                String::new()
            };
            parts.push(format!("{copy}arrived{at}: {fate}"));
        }
        parts.join("; ")
    }
}

/// The shortest that says which packet it is.
pub(super) fn label(packet: &Passage) -> String {
    let way = if packet.to.is_none() { Way::Broadcast } else { Way::Plain };
    words::labels(packet, way).swap_remove(0)
}

fn lost_words(packet: &Passage) -> String {
    match (&packet.end, &packet.network) {
        (End::Dropped, Some((_, rule))) => format!(", which is lost: {rule}"),
        (End::NeverReceived, _) => ", which is never received".to_owned(),
        _ => String::new(),
    }
}

pub(super) const fn verdict_word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Dropped => "dropped",
        Verdict::Duplicated => "duplicated",
        Verdict::Delayed => "delayed",
        Verdict::Corrupted => "corrupted",
    }
}

/// Of what no ladder speaks.
fn quiet(what: &What) -> String {
    match what {
        What::Spawned { process } => format!("/{process} begins"),
        What::Ended { process } => format!("/{process} ends"),
        What::Trap { process, call, .. } => format!("/{process}: {}", words::call(*call)),
        What::Blocked { process, .. } => format!("/{process} waits"),
        What::Woken { process, .. } => format!("/{process} wakes"),
        What::Taken { process, request: true, .. } => format!("/{process} takes a request"),
        What::Taken { process, .. } => format!("/{process} takes a message"),
        What::Overflow { process } => format!("no room for /{process}"),
        What::EpochKnown { machine, epoch, .. } => format!("believes {machine} to be epoch {epoch}"),
        What::Queued { .. } => "queued".to_owned(),
        What::Expired { .. } => "kept in vain".to_owned(),
        What::Located { sparse, .. } => format!("knows where {sparse} is"),
        What::Mislaid { sparse, .. } => format!("knows no more where {sparse} is"),
        What::Sent { packet, .. } => format!("sends {} {}", packet.kind, packet.number),
        What::Received { packet, .. } => format!("receives {} {}", packet.kind, packet.number),
        What::Malformed { reason, .. } => format!("garbage: {reason}"),
        What::Orphan { process, client } => format!("/{process} finds an orphan of {client}"),
        What::Step { process, step } => format!("/{process}: {}", words::step(*step)),
        What::Timer { timer } => words::timer(*timer).to_owned(),
        What::EpochRaised { epoch, .. } => format!("moves to epoch {epoch}"),
        What::Network { number, verdict, .. } => format!("network: {number} {}", verdict_word(*verdict)),
        What::Incident { incident, .. } => words::incident(*incident),
    }
}

/// The names of a packet's flags.
pub(super) fn flags(note: &PacketNote) -> Vec<&'static str> {
    let names = [
        (Flags::FROM_SERVER, "from server"),
        (Flags::ONE_WAY, "one-way"),
        (Flags::AT_LEAST_ONCE, "at least once"),
        (Flags::ACK_EACH, "every message acknowledged"),
        (Flags::REPLY_ACKS, "reply acknowledges"),
        (Flags::AGAIN, "again"),
        (Flags::CACHED, "from cache"),
        (Flags::CHECKSUM, "checksum"),
        (Flags::THIS_INCARNATION, "this incarnation"),
        (Flags::FRAGMENT, "fragment"),
        (Flags::MESSAGE_CHECKSUM, "message checksum"),
    ];
    let report = if note.kind == PacketType::Ack { "report" } else { "report wanted" };
    let names = names.into_iter().chain([(Flags::REPORT, report)]);
    names.filter(|(flag, _)| note.flags().has(*flag)).map(|(_, name)| name).collect()
}

/// Letters, digits and single hyphens: fit for a name in a page, a log and a diagram.
fn slug(text: &str, otherwise: &str) -> String {
    let mut slug = String::new();
    for character in text.chars().map(|character| character.to_ascii_lowercase()) {
        if character.is_ascii_alphanumeric() {
            slug.push(character);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let slug = slug.trim_end_matches('-');
    // A name in XML begins with a letter.
    if slug.starts_with(|first: char| first.is_ascii_alphabetic()) {
        slug.to_owned()
    } else {
        otherwise.to_owned()
    }
}

/// Adds a number to those that were there before.
fn unique(name: &str, between: char, taken: &mut HashSet<String>) -> String {
    let mut found = name.to_owned();
    let mut nth = 2;
    while !taken.insert(found.clone()) {
        found = format!("{name}{between}{nth}");
        nth += 1;
    }
    found
}

fn fragments(joined: &Joined) -> Vec<String> {
    // Not in the order in which the files were given: that may be another next time.
    let mut traces: Vec<usize> = (0..joined.headers.len()).collect();
    traces.sort_by_key(|trace| {
        let header = &joined.headers[*trace].0;
        (header.machine, header.epoch, header.origin_unix_ns)
    });
    let mut taken = HashSet::new();
    let mut slugs = vec![String::new(); traces.len()];
    for trace in traces {
        slugs[trace] = unique(&slug(&joined.headers[trace].0.role, "machine"), '-', &mut taken);
    }
    let mut taken = HashSet::new();
    // What a network or a world did has no number of its own.
    let mut unnumbered: BTreeMap<usize, usize> = BTreeMap::new();
    let name = |moment: &Moment| {
        let slug = &slugs[moment.trace];
        let name = if moment.event.number == 0 {
            let count = unnumbered.entry(moment.trace).or_default();
            *count += 1;
            format!("{slug}-n{count}")
        } else {
            format!("{slug}-{}", moment.event.number)
        };
        unique(&name, '.', &mut taken)
    };
    joined.moments.iter().map(name).collect()
}

fn causes(joined: &Joined) -> Vec<Option<usize>> {
    let mut latest: HashMap<(usize, u64), usize> = HashMap::new();
    let mut causes = Vec::with_capacity(joined.moments.len());
    for (place, moment) in joined.moments.iter().enumerate() {
        let cause = moment.event.cause.and_then(|cause| latest.get(&(moment.trace, cause)).copied());
        causes.push(cause);
        latest.insert((moment.trace, moment.event.number), place);
    }
    causes
}

fn hosts(joined: &Joined) -> Vec<String> {
    let mut taken = HashSet::new();
    let name = |seen: &crate::trace::Seen| {
        let machine = seen.machine.to_string();
        let address: String =
            machine.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' }).collect();
        unique(&slug(seen.role.as_deref().unwrap_or(""), &format!("machine-{address}")), '-', &mut taken)
    };
    joined.machines.iter().map(name).collect()
}
