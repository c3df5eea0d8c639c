//! What the processes did, told from the events: a note for each moment worth one, and how the calls ended.
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use sendrec_core::trace::{BlockedOn, Call, Ending, Incident, Step, What};
use sendrec_core::wire::{Flags, PacketType};
use sendrec_core::{Address, Handing, LocalId};

use super::canvas::Tone;
use super::words;
use crate::trace::{Joined, Moment};

/// The note of a process that ends.
pub(crate) const ENDS: &str = "ends";

/// A few words beside a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Note {
    pub(crate) text: String,
    pub(crate) tone: Tone,
    pub(crate) mark: Option<Mark>,
}

/// What a note does to its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// A cross stands on it, and it is broken from here on.
    Crash,
    /// It is whole again.
    Boot,
    /// Nothing happens on it from here on.
    Pause,
    /// It goes on.
    Resume,
}

impl Note {
    pub(crate) fn new(text: impl Into<String>, tone: Tone) -> Self {
        Self { text: text.into(), tone, mark: None }
    }
}

/// A process that waits, from one moment to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wait {
    pub(crate) process: LocalId,
    pub(crate) on: BlockedOn,
    pub(crate) from: usize,
    /// `None` if it is not over at the end.
    pub(crate) to: Option<usize>,
    /// Whether the caller stands still, and not a completion of its.
    pub(crate) blocks: bool,
}

/// The notes, and what the tally wants to know.
#[derive(Debug, Default)]
pub(crate) struct Story {
    /// By moment.
    pub(crate) notes: Vec<Option<Note>>,
    /// How often an operation ran.
    pub(crate) runs: usize,
    /// What clients were told, and how often.
    pub(crate) told: BTreeMap<String, usize>,
    /// Calls that are not over at the end.
    pub(crate) waiting: usize,
    /// Every wait, in the order in which they began.
    pub(crate) waits: Vec<Wait>,
}

/// A process in a trace.
type Who = (usize, LocalId);

struct Teller<'a> {
    joined: &'a Joined,
    story: Story,
    moments: HashMap<(usize, u64), usize>,
    /// Waits that are not over: places in the story's.
    pending: HashMap<Who, Vec<usize>>,
    /// Processes whose stubs have sent a call, and not heard of it.
    calling: HashSet<Who>,
    /// The last message taken: by whom, and caused by what. Its wake is no news.
    taken: Option<(Who, Option<u64>)>,
}

/// Tells the story of joined traces.
pub(crate) fn tell(joined: &Joined) -> Story {
    let story = Story { notes: vec![None; joined.moments.len()], ..Story::default() };
    let pending = HashMap::new();
    let moments = HashMap::new();
    let mut teller = Teller { joined, story, moments, pending, calling: HashSet::new(), taken: None };
    for (place, moment) in joined.moments.iter().enumerate() {
        teller.hear(place, moment);
        // A machine that boots again counts from 1 again: a cause is the last event before it of that number.
        teller.moments.insert((moment.trace, moment.event.number), place);
    }
    let waits = teller.story.waits.iter();
    teller.story.waiting =
        waits.filter(|wait| wait.to.is_none() && matches!(wait.on, BlockedOn::Call(_))).count();
    teller.name_processes();
    teller.story
}

impl Teller<'_> {
    fn note(&mut self, place: usize, text: impl Into<String>, tone: Tone) {
        self.story.notes[place] = Some(Note::new(text, tone));
    }

    fn cause(&self, moment: &Moment) -> Option<usize> {
        moment.event.cause.and_then(|cause| self.moments.get(&(moment.trace, cause)).copied())
    }

    fn hear(&mut self, place: usize, moment: &Moment) {
        match &moment.event.what {
            What::Trap { .. } => self.trap(place, moment),
            What::Blocked { process, on } => {
                let caller = self.cause(moment).map(|cause| &self.joined.moments[cause].event.what);
                let blocks = !matches!(caller, Some(What::Trap { runs_on: true, .. }));
                self.pending.entry((moment.trace, *process)).or_default().push(self.story.waits.len());
                self.story.waits.push(Wait { process: *process, on: *on, from: place, to: None, blocks });
                if matches!(on, BlockedOn::Receive | BlockedOn::ReceiveFrom(_))
                    && let Some(trap) = self.cause(moment)
                {
                    self.note(trap, "receive, blocked", Tone::Plain);
                }
            }
            What::Taken { process, request, .. } => self.take(place, moment, *process, *request),
            What::Woken { .. } => self.wake(place, moment),
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
                self.end(place, (moment.trace, *process));
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
            What::Orphan { client, .. } => {
                let text = format!("an orphan of {}", self.address(moment, *client));
                self.note(place, text, Tone::Bad);
            }
            What::Step { process, step } => self.step(place, (moment.trace, *process), *step),
            What::Incident { incident, rule } => self.incident(place, moment, *incident, rule),
            What::Spawned { .. }
            | What::EpochKnown { .. }
            | What::Sent { .. }
            | What::Received { .. }
            | What::Network { .. } => {}
        }
    }

    fn trap(&mut self, place: usize, moment: &Moment) {
        let What::Trap { process, call, to, sparse, handing, runs_on, .. } = &moment.event.what else {
            return;
        };
        let mut text = words::call(*call).to_owned();
        match handing {
            // Of a call that is waited for anyway it makes no difference that is seen.
            Handing::Copied if *runs_on => text.push_str(" (copied)"),
            Handing::Lent => text.push_str(" (lent)"),
            Handing::Moved | Handing::Copied => {}
        }
        match (call, to, sparse) {
            // Noted if it brings something.
            (Call::TryReceive, ..) => return,
            (Call::Cancel, ..) => self.give_up(place, (moment.trace, *process), *to),
            (Call::Reply | Call::Receive, ..) | (_, None, None) => {}
            (_, _, Some(sparse)) => text.push_str(&format!(" {sparse}")),
            (_, Some(to), None) => text.push_str(&format!(" {}", self.address(moment, *to))),
        }
        if *runs_on {
            text.push_str(", runs on");
        }
        self.note(place, text, if *call == Call::Cancel { Tone::Bad } else { Tone::Plain });
    }

    /// The ten steps of slide 29, but for those that packets show.
    fn step(&mut self, place: usize, who: Who, step: Step) {
        let calls = self.calling.contains(&who);
        let text = match step {
            Step::Called => "1 calls its stub",
            Step::Marshalled => {
                self.calling.insert(who);
                "2 packed, traps"
            }
            Step::Woken if calls => "9 the stub has the reply",
            Step::Woken => "4 the stub has the request",
            Step::Unmarshalled if calls => {
                self.calling.remove(&who);
                "10 unpacked, returns"
            }
            Step::Unmarshalled => "5 unpacked, calls",
            Step::Performed => "6 has run",
            Step::ResultMarshalled => "7 packed, traps",
            _ => return,
        };
        self.note(place, text, Tone::Plain);
    }

    /// What befell a machine ends what its processes waited for.
    fn incident(&mut self, place: usize, moment: &Moment, incident: Incident, rule: &str) {
        let mark = match incident {
            Incident::Crashed => Some(Mark::Crash),
            Incident::Booted { .. } => Some(Mark::Boot),
            Incident::Paused => Some(Mark::Pause),
            Incident::Resumed => Some(Mark::Resume),
            // Its own line ends, if it has one.
            Incident::Killed { .. } => is_process_trace(self.joined).then_some(Mark::Crash),
            Incident::Cut { .. } | Incident::Healed { .. } => None,
        };
        match incident {
            Incident::Crashed => {
                let machine = moment.machine;
                let here = |wait: &&mut Wait| self.joined.moments[wait.from].machine == machine;
                for wait in self.story.waits.iter_mut().filter(here) {
                    wait.to.get_or_insert(place);
                }
                self.pending.retain(|(trace, _), _| *trace != moment.trace);
            }
            Incident::Killed { process } => self.end(place, (moment.trace, process)),
            _ => {}
        }
        let good = matches!(incident, Incident::Booted { .. } | Incident::Resumed | Incident::Healed { .. });
        let mut text = match incident {
            Incident::Killed { .. } if is_process_trace(self.joined) => "is killed".to_owned(),
            incident => words::incident(incident),
        };
        // That it goes on again needs no reason.
        if !good && !rule.is_empty() {
            text.push_str(&format!(": {rule}"));
        }
        self.story.notes[place] =
            Some(Note { text, tone: if good { Tone::Strong } else { Tone::Bad }, mark });
    }

    /// A process is no more, and waits for nothing.
    fn end(&mut self, place: usize, who: Who) {
        for wait in self.pending.remove(&who).unwrap_or_default() {
            self.story.waits[wait].to = Some(place);
        }
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

    fn give_up(&mut self, place: usize, who: Who, to: Option<Address>) {
        let on = self.over(place, who, |on| target(on) == to);
        if matches!(on, Some(BlockedOn::Call(_))) {
            *self.story.told.entry("timed out".to_owned()).or_default() += 1;
        }
    }

    /// The first pending wait that `wanted` accepts is over; which one.
    fn over(&mut self, place: usize, who: Who, wanted: impl Fn(BlockedOn) -> bool) -> Option<BlockedOn> {
        let pending = self.pending.get_mut(&who)?;
        let found = pending.iter().position(|wait| wanted(self.story.waits[*wait].on))?;
        let wait = &mut self.story.waits[pending.remove(found)];
        wait.to = Some(place);
        Some(wait.on)
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

    fn wake(&mut self, place: usize, moment: &Moment) {
        let What::Woken { process, with, on, buffer_free } = &moment.event.what else { return };
        let (with, who) = (*with, (moment.trace, *process));
        let took = self.taken == Some((who, moment.event.cause));
        let on = match on {
            Some(on) => self.over(place, who, |other| other == *on).or(Some(*on)),
            None => {
                let wanted = if took { is_receive } else { self.wanted(moment, with) };
                self.over(place, who, wanted).or_else(|| self.over(place, who, |_| true))
            }
        };
        if took {
            self.taken = None;
            if *buffer_free {
                self.note(place, "buffer free", Tone::Plain);
            }
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
        let (mut text, told, tone) = match with {
            Ending::Done if on.is_none() => (name.to_owned(), "done".to_owned(), Tone::Plain),
            Ending::Done => (format!("{name} done"), "done".to_owned(), Tone::Plain),
            Ending::CallFailed(error) => (format!("{name}: {error}"), error.to_string(), Tone::Bad),
            Ending::Failed => (format!("{name} failed"), "failed".to_owned(), Tone::Bad),
        };
        if is_call {
            *self.story.told.entry(told).or_default() += 1;
        }
        if *buffer_free {
            text.push_str(", buffer free");
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
pub(crate) fn is_process_trace(joined: &Joined) -> bool {
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
pub(crate) const fn process_of(what: &What) -> Option<LocalId> {
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
