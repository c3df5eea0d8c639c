//! What the processes did, told from the events: a note for each moment worth one, and how the calls ended.
use std::collections::{BTreeMap, BTreeSet, HashMap};

use sendrec_core::trace::{BlockedOn, Call, Ending, What};
use sendrec_core::wire::{Flags, PacketType};
use sendrec_core::{Address, LocalId};

use super::canvas::Tone;
use super::words;
use crate::trace::{Joined, Moment};

/// The note of a process that ends.
pub(super) const ENDS: &str = "ends";

/// A few words beside a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Note {
    pub(super) text: String,
    pub(super) tone: Tone,
}

/// The notes, and what the tally wants to know.
#[derive(Debug, Default)]
pub(super) struct Story {
    /// By moment.
    pub(super) notes: Vec<Option<Note>>,
    /// How often an operation ran.
    pub(super) runs: usize,
    /// What clients were told, and how often.
    pub(super) told: BTreeMap<String, usize>,
    /// Calls that are not over at the end.
    pub(super) waiting: usize,
}

/// A process in a trace.
type Who = (usize, LocalId);

struct Teller<'a> {
    joined: &'a Joined,
    story: Story,
    moments: HashMap<(usize, u64), usize>,
    pending: HashMap<Who, Vec<BlockedOn>>,
    ended: BTreeSet<Who>,
    /// The last message taken: by whom, and caused by what. Its wake is no news.
    taken: Option<(Who, Option<u64>)>,
}

/// Tells the story of joined traces.
pub(super) fn tell(joined: &Joined) -> Story {
    let number = |(place, moment): (usize, &Moment)| ((moment.trace, moment.event.number), place);
    let moments = joined.moments.iter().enumerate().map(number).collect();
    let story = Story { notes: vec![None; joined.moments.len()], ..Story::default() };
    let (pending, ended) = (HashMap::new(), BTreeSet::new());
    let mut teller = Teller { joined, story, moments, pending, ended, taken: None };
    for (place, moment) in joined.moments.iter().enumerate() {
        teller.hear(place, moment);
    }
    let alive = teller.pending.iter().filter(|(who, _)| !teller.ended.contains(who));
    let waits = alive.flat_map(|(_, waits)| waits);
    teller.story.waiting = waits.filter(|on| matches!(on, BlockedOn::Call(_))).count();
    teller.name_processes();
    teller.story
}

impl Teller<'_> {
    fn note(&mut self, place: usize, text: impl Into<String>, tone: Tone) {
        self.story.notes[place] = Some(Note { text: text.into(), tone });
    }

    fn cause(&self, moment: &Moment) -> Option<usize> {
        moment.event.cause.and_then(|cause| self.moments.get(&(moment.trace, cause)).copied())
    }

    fn hear(&mut self, place: usize, moment: &Moment) {
        match &moment.event.what {
            What::Trap { process, call, to, .. } => self.trap(place, moment, *process, *call, *to),
            What::Blocked { process, on } => {
                self.pending.entry((moment.trace, *process)).or_default().push(*on);
                if matches!(on, BlockedOn::Receive | BlockedOn::ReceiveFrom(_))
                    && let Some(trap) = self.cause(moment)
                {
                    self.note(trap, "receive, blocked", Tone::Plain);
                }
            }
            What::Taken { process, request, .. } => self.take(place, moment, *process, *request),
            What::Woken { process, with, .. } => self.wake(place, moment, *process, *with),
            What::Queued { messages, .. } => {
                let text =
                    if *messages > 1 { format!("queued, {messages} wait") } else { "queued".to_owned() };
                self.note(place, text, Tone::Plain);
            }
            What::Overflow { .. } => {
                // A packet's fate says it already.
                let of_packet =
                    self.cause(moment).is_some_and(|cause| self.joined.moments[cause].packet.is_some());
                if !of_packet {
                    self.note(place, "no room", Tone::Bad);
                }
            }
            What::Timer { timer } => self.note(place, words::timer(*timer), Tone::Plain),
            What::Malformed { reason, .. } => self.note(place, format!("garbage: {reason}"), Tone::Bad),
            What::EpochKnown { proved: true, epoch, .. } => {
                self.note(place, format!("knows epoch {epoch}"), Tone::Plain);
            }
            What::EpochRaised { epoch, .. } => {
                self.note(place, format!("moves to epoch {epoch}"), Tone::Plain);
            }
            What::Ended { process } => {
                self.ended.insert((moment.trace, *process));
                self.note(place, ENDS, Tone::Plain);
            }
            What::Expired { .. } => self.note(place, "kept in vain", Tone::Bad),
            What::Located { sparse, address } => {
                let text = format!("{sparse} is at {}", self.address(moment, *address));
                self.note(place, text, Tone::Plain);
            }
            What::Mislaid { sparse, address } => {
                let text = format!("{sparse} is not at {}", self.address(moment, *address));
                self.note(place, text, Tone::Bad);
            }
            What::Incident { incident, .. } => self.note(place, words::incident(*incident), Tone::Bad),
            What::Spawned { .. }
            | What::EpochKnown { .. }
            | What::Sent { .. }
            | What::Received { .. }
            | What::Network { .. } => {}
        }
    }

    fn trap(&mut self, place: usize, moment: &Moment, process: LocalId, call: Call, to: Option<Address>) {
        let name = words::call(call);
        let text = match (call, to) {
            // Noted if it brings something.
            (Call::TryReceive, _) => return,
            (Call::Cancel, _) => {
                self.give_up((moment.trace, process), to);
                name.to_owned()
            }
            (Call::Reply | Call::Receive, _) | (_, None) => name.to_owned(),
            (_, Some(to)) => format!("{name} {}", self.address(moment, to)),
        };
        self.note(place, text, if call == Call::Cancel { Tone::Bad } else { Tone::Plain });
    }

    /// An address as short as it can be: the role of its machine where only one has it.
    fn address(&self, moment: &Moment, to: Address) -> String {
        let machines = &self.joined.machines;
        let Some(place) = machines.iter().position(|seen| seen.machine == to.machine) else {
            return to.to_string();
        };
        if place == moment.machine {
            return format!("/{}", to.local);
        }
        match &machines[place].role {
            Some(role) if machines.iter().filter(|seen| seen.role.as_ref() == Some(role)).count() == 1 => {
                format!("{role}/{}", to.local)
            }
            _ => to.to_string(),
        }
    }

    fn give_up(&mut self, who: Who, to: Option<Address>) {
        let Some(pending) = self.pending.get_mut(&who) else { return };
        if let Some(place) = pending.iter().position(|on| target(*on) == to)
            && let BlockedOn::Call(_) = pending.remove(place)
        {
            *self.story.told.entry("timed out".to_owned()).or_default() += 1;
        }
    }

    fn take(&mut self, place: usize, moment: &Moment, process: LocalId, request: bool) {
        let (text, tone) =
            if request { ("runs the request", Tone::Run) } else { ("takes the reply", Tone::Plain) };
        if request {
            self.story.runs += 1;
        } else {
            *self.story.told.entry("done".to_owned()).or_default() += 1;
        }
        self.taken = Some(((moment.trace, process), moment.event.cause));
        let by_trap = self.cause(moment).filter(|cause| {
            let what = &self.joined.moments[*cause].event.what;
            matches!(what, What::Trap { call: Call::Receive | Call::TryReceive, process: by, .. } if *by == process)
        });
        self.note(by_trap.unwrap_or(place), text, tone);
    }

    fn wake(&mut self, place: usize, moment: &Moment, process: LocalId, with: Ending) {
        let who = (moment.trace, process);
        let took = self.taken == Some((who, moment.event.cause));
        let wanted = if took { is_receive } else { self.wanted(moment, with) };
        let pending = self.pending.entry(who).or_default();
        let found = pending.iter().position(|on| wanted(*on)).or((!pending.is_empty()).then_some(0));
        let on = found.map(|place| pending.remove(place));
        if took {
            self.taken = None;
            return;
        }
        let is_call = matches!(on, Some(BlockedOn::Call(_)));
        let name = match on {
            Some(BlockedOn::Call(_)) => "call",
            Some(BlockedOn::Send(_)) => "send",
            Some(BlockedOn::Reply(_)) => "reply",
            Some(BlockedOn::Ping(_)) => "ping",
            Some(BlockedOn::Locate(_)) => "locate",
            Some(BlockedOn::Receive | BlockedOn::ReceiveFrom(_)) => "receive",
            None => "woken",
        };
        let (text, told, tone) = match with {
            Ending::Done if on.is_none() => (name.to_owned(), "done".to_owned(), Tone::Plain),
            Ending::Done => (format!("{name} done"), "done".to_owned(), Tone::Plain),
            Ending::CallFailed(error) => (format!("{name}: {error}"), error.to_string(), Tone::Bad),
            Ending::Failed => (format!("{name} failed"), "failed".to_owned(), Tone::Bad),
        };
        if is_call {
            *self.story.told.entry(told).or_default() += 1;
        }
        self.note(place, text, tone);
    }

    /// Which wait this wake most likely ends, by what caused it.
    fn wanted(&self, moment: &Moment, with: Ending) -> fn(BlockedOn) -> bool {
        let cause = self.cause(moment).map(|cause| &self.joined.moments[cause].event.what);
        match (with, cause) {
            (Ending::Failed, _) => |on| is_receive(on) || matches!(on, BlockedOn::Reply(_)),
            (Ending::CallFailed(_), _) => |on| !is_receive(on) && !matches!(on, BlockedOn::Reply(_)),
            (Ending::Done, Some(What::Received { packet, .. })) => match packet.kind {
                PacketType::Iaa => |on| matches!(on, BlockedOn::Ping(_)),
                PacketType::Ack if packet.flags().has(Flags::FROM_SERVER) => {
                    |on| matches!(on, BlockedOn::Send(_))
                }
                PacketType::Ack => |on| matches!(on, BlockedOn::Reply(_)),
                _ => |on| matches!(on, BlockedOn::Call(_)),
            },
            (Ending::Done, _) => |on| matches!(on, BlockedOn::Call(_)),
        }
    }

    /// Where a machine has several processes, notes say whose they are.
    fn name_processes(&mut self) {
        let mut several: HashMap<usize, BTreeSet<LocalId>> = HashMap::new();
        for moment in &self.joined.moments {
            if let Some(process) = process_of(&moment.event.what) {
                several.entry(moment.machine).or_default().insert(process);
            }
        }
        for (moment, note) in self.joined.moments.iter().zip(&mut self.story.notes) {
            let Some(process) = process_of(&moment.event.what) else { continue };
            if let Some(note) = note
                && !is_process_trace(self.joined)
                && several.get(&moment.machine).is_some_and(|processes| processes.len() > 1)
            {
                note.text.insert_str(0, &format!("/{process} "));
            }
        }
    }
}

/// Whether the drawing has a line for each process, since there is but one machine and no packet.
pub(super) fn is_process_trace(joined: &Joined) -> bool {
    joined.machines.len() == 1 && joined.packets.is_empty()
}

fn is_receive(on: BlockedOn) -> bool {
    matches!(on, BlockedOn::Receive | BlockedOn::ReceiveFrom(_))
}

fn target(on: BlockedOn) -> Option<Address> {
    match on {
        BlockedOn::Receive | BlockedOn::Locate(_) => None,
        BlockedOn::ReceiveFrom(to)
        | BlockedOn::Send(to)
        | BlockedOn::Call(to)
        | BlockedOn::Reply(to)
        | BlockedOn::Ping(to) => Some(to),
    }
}

/// The process an event is of.
pub(super) const fn process_of(what: &What) -> Option<LocalId> {
    match what {
        What::Spawned { process }
        | What::Ended { process }
        | What::Trap { process, .. }
        | What::Blocked { process, .. }
        | What::Woken { process, .. }
        | What::Queued { process, .. }
        | What::Taken { process, .. }
        | What::Expired { process, .. }
        | What::Overflow { process } => Some(*process),
        _ => None,
    }
}
