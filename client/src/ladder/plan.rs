//! What is to be drawn, before it has a place: lines, notes beside them, arrows between them, in order.
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use sendrec_core::trace::{Call, Ending, Event, Incident, What};
use sendrec_core::wire::PacketType;
use sendrec_core::{Address, LocalId};

use super::COLUMNS_MAX;
use super::canvas::Tone;
use super::story::{self, Note, Story, is_process_trace, process_of};
use super::words;
use crate::trace::{End, Joined, Passage};

/// Why a packet died of which nobody knows more.
const NEVER_RECEIVED: &str = "never received";
const HEARD_BY_NOBODY: &str = "heard by nobody";

/// An event by trace and number.
pub(crate) type EventId = (usize, u64);

/// A vertical line.
#[derive(Debug)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) place: String,
    pub(crate) traced: bool,
}

/// What an arrow looks like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// From line to line.
    Through,
    /// From the middle, where the network doubled a packet, to its line.
    Copy,
    /// From its line to the middle.
    Lost(String),
}

#[derive(Debug)]
pub(crate) struct Arrow {
    pub(crate) from: usize,
    pub(crate) to: usize,
    /// From the fullest to the shortest.
    pub(crate) labels: Vec<String>,
    /// The end of a label that must not go unsaid.
    pub(crate) special: String,
    pub(crate) tone: Tone,
    pub(crate) shape: Shape,
    /// Whether it is a piece of a longer message.
    pub(crate) is_piece: bool,
    /// What it is: a place among the joined packets, if it is one.
    pub(crate) packet: Option<usize>,
    /// Beside the arrival.
    pub(crate) fate: Option<Note>,
    /// Two rows, whatever the order allows: the packet was held up, and that is to be seen.
    pub(crate) slow: bool,
}

#[derive(Debug)]
pub(crate) enum Part {
    Note(Note),
    /// An arrow in a place of its own.
    Whole(usize),
    Departure(usize),
    Arrival(usize),
}

/// One thing that happens on one line.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) at: Duration,
    pub(crate) column: usize,
    pub(crate) event: EventId,
    /// Its place among the joined moments.
    pub(crate) moment: usize,
    pub(crate) cause: Option<EventId>,
    pub(crate) part: Part,
}

#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) columns: Vec<Column>,
    pub(crate) arrows: Vec<Arrow>,
    /// The line of every moment, if it is drawn.
    pub(crate) lines: Vec<Option<usize>>,
    /// In an order that every line agrees with.
    pub(crate) items: Vec<Item>,
    pub(crate) longest: Duration,
    pub(crate) story: Story,
    /// Words about what has no place in the drawing.
    pub(crate) hidden: Vec<String>,
}

struct Planner<'a> {
    joined: &'a Joined,
    /// Makes text of others harmless where it is to be written.
    clean: &'a dyn Fn(&str) -> String,
    plan: Plan,
    /// The lines, if they are processes.
    processes: Option<Vec<LocalId>>,
    /// The arrows that have departed and not arrived, by packet and receiver.
    flying: HashMap<(usize, usize), usize>,
}

pub(crate) fn plan(joined: &Joined, clean: &dyn Fn(&str) -> String) -> Plan {
    let story = story::tell(joined);
    let longest = joined.moments.last().map_or(Duration::ZERO, |moment| moment.at);
    let plan = Plan { story, longest, ..Plan::default() };
    let mut planner = Planner { joined, clean, plan, processes: None, flying: HashMap::new() };
    if is_process_trace(joined) {
        planner.process_columns();
    } else {
        planner.machine_columns();
    }
    for place in 0..joined.moments.len() {
        planner.moment(place);
    }
    tell_apart(&mut planner.plan.columns);
    drop_last_ends(&mut planner.plan);
    planner.plan
}

/// Numbers those that have the same name.
fn tell_apart(columns: &mut [Column]) {
    let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
    for (place, column) in columns.iter_mut().enumerate() {
        let same = |names: &[String]| names.iter().filter(|name| **name == column.name).count();
        if same(&names) > 1 {
            column.name = format!("{} {}", column.name, same(&names[..=place]));
        }
    }
}

/// That a process ends is worth a note if its machine still has to do with packets afterwards.
fn drop_last_ends(plan: &mut Plan) {
    let mut alive = vec![false; plan.columns.len()];
    let mut items: Vec<Item> = std::mem::take(&mut plan.items);
    items.reverse();
    items.retain(|item| match &item.part {
        Part::Note(note) => alive[item.column] || !note.text.ends_with(story::ENDS),
        _ => {
            alive[item.column] = true;
            true
        }
    });
    items.reverse();
    plan.items = items;
}

impl Planner<'_> {
    fn machine_columns(&mut self) {
        let machines = &self.joined.machines;
        for seen in machines.iter().take(COLUMNS_MAX) {
            let name = match (&seen.role, seen.traced) {
                (Some(role), _) => (self.clean)(role),
                (None, true) => "machine".to_owned(),
                (None, false) => "(not traced)".to_owned(),
            };
            self.plan.columns.push(Column { name, place: seen.machine.to_string(), traced: seen.traced });
        }
        if machines.len() > COLUMNS_MAX {
            let beyond = |packet: &&Passage| packet.from.max(packet.to.unwrap_or(0)) >= COLUMNS_MAX;
            let packets = self.joined.packets.iter().filter(beyond).count();
            let more = machines.len() - COLUMNS_MAX;
            let (more, packets) = (words::count(more, "more machine"), words::count(packets, "packet"));
            self.plan.hidden.push(format!("Cut: {more} with {packets} not drawn."));
        }
    }

    fn process_columns(&mut self) {
        let mut processes: Vec<LocalId> = Vec::new();
        for moment in &self.joined.moments {
            if let Some(process) = process_of(&moment.event.what)
                && !processes.contains(&process)
            {
                processes.push(process);
            }
        }
        let machine = self.joined.machines[0].machine;
        for process in processes.iter().take(COLUMNS_MAX) {
            let place = Address::new(machine, *process).to_string();
            self.plan.columns.push(Column { name: format!("/{process}"), place, traced: true });
        }
        if processes.len() > COLUMNS_MAX {
            let more = processes.len() - COLUMNS_MAX;
            self.plan.hidden.push(format!("Cut: {} not drawn.", words::count(more, "more line")));
            processes.truncate(COLUMNS_MAX);
        }
        self.processes = Some(processes);
    }

    /// The line on which an event stands.
    fn column(&self, machine: usize, event: &Event) -> Option<usize> {
        match &self.processes {
            None => (machine < COLUMNS_MAX).then_some(machine),
            Some(processes) => {
                let killed = match event.what {
                    What::Incident { incident: Incident::Killed { process }, .. } => Some(process),
                    _ => None,
                };
                let process = process_of(&event.what).or(killed).or(processes.first().copied())?;
                processes.iter().position(|other| *other == process)
            }
        }
    }

    fn moment(&mut self, place: usize) {
        let moment = &self.joined.moments[place];
        let line = self.column(moment.machine, &moment.event);
        self.plan.lines.push(line);
        let Some(column) = line else { return };
        if let Some(note) = self.plan.story.notes[place].clone() {
            let note = Note { text: (self.clean)(&note.text), ..note };
            self.item(place, column, Part::Note(note));
        }
        match (&moment.event.what, moment.packet) {
            (What::Sent { .. }, Some(packet)) => self.sent(place, packet, column),
            (What::Received { .. }, Some(packet)) => self.received(place, packet, column),
            (What::Trap { call, to: Some(to), .. }, _) => self.local(place, *call, *to, column),
            _ => {}
        }
    }

    fn item(&mut self, place: usize, column: usize, part: Part) {
        let moment = &self.joined.moments[place];
        let event = (moment.trace, moment.event.number);
        let cause = moment.event.cause.map(|cause| (moment.trace, cause));
        self.plan.items.push(Item { at: moment.at, column, event, moment: place, cause, part });
    }

    fn arrow(&mut self, arrow: Arrow) -> usize {
        self.plan.arrows.push(arrow);
        self.plan.arrows.len() - 1
    }

    fn packet_arrow(&self, packet: usize, to: usize, shape: Shape) -> Arrow {
        let passage = &self.joined.packets[packet];
        let way = match (shape == Shape::Copy, passage.to) {
            (true, _) => words::Way::Copy,
            (false, None) => words::Way::Broadcast,
            (false, Some(_)) => words::Way::Plain,
        };
        Arrow {
            from: passage.from,
            to,
            labels: words::labels(passage, way),
            special: if passage.note.report.is_some() {
                words::missing(passage)
            } else {
                words::tag(&passage.note, way)
            },
            tone: Tone::Packet(passage.note.kind),
            shape,
            is_piece: passage.note.part.is_some(),
            packet: Some(packet),
            fate: None,
            slow: passage.is_delayed(to),
        }
    }

    /// A packet to its own machine has no way to be drawn on.
    fn note_to_itself(&mut self, place: usize, packet: &Passage, column: usize) {
        let label = words::labels(packet, words::Way::Plain).swap_remove(0);
        let note = Note::new(format!("{label} to itself"), Tone::Packet(packet.note.kind));
        self.item(place, column, Part::Note(note));
    }

    fn sent(&mut self, place: usize, packet: usize, column: usize) {
        let passage = &self.joined.packets[packet];
        let Some(to) = passage.to else { return self.broadcast(place, packet, column) };
        let receiver = passage.arrivals.first().map(|arrival| self.joined.receiver(arrival));
        let to = receiver.unwrap_or(to);
        if to == column {
            return self.note_to_itself(place, passage, column);
        }
        if to >= COLUMNS_MAX {
            return;
        }
        match passage.end {
            End::Delivered => self.depart(place, packet, column, to),
            End::Dropped | End::NeverReceived => {
                let rule = passage.network.as_ref().filter(|_| passage.end == End::Dropped);
                let why = rule.map_or(NEVER_RECEIVED, |(_, rule)| rule);
                self.die(place, packet, column, to, why);
            }
            End::ReceiverNotTraced => {
                let arrow = self.arrow(self.packet_arrow(packet, to, Shape::Through));
                self.item(place, column, Part::Whole(arrow));
            }
        }
    }

    fn depart(&mut self, place: usize, packet: usize, column: usize, to: usize) {
        let arrow = self.arrow(self.packet_arrow(packet, to, Shape::Through));
        self.flying.insert((packet, to), arrow);
        self.item(place, column, Part::Departure(arrow));
    }

    fn die(&mut self, place: usize, packet: usize, column: usize, to: usize, why: &str) {
        let why = (self.clean)(why);
        let arrow = self.arrow(self.packet_arrow(packet, to, Shape::Lost(why)));
        self.item(place, column, Part::Whole(arrow));
    }

    /// One packet to all: an arrow to each machine that it reached or was kept from; one that dies, if there is none.
    fn broadcast(&mut self, place: usize, packet: usize, column: usize) {
        let passage = &self.joined.packets[packet];
        let reached = passage.arrivals.iter().map(|arrival| (self.joined.receiver(arrival), None));
        let kept = passage.lost_copies().map(|(to, rule)| (to, Some(rule)));
        let mut ways: BTreeMap<usize, Option<&str>> = kept.collect();
        ways.extend(reached);
        if ways.keys().all(|to| *to == column) {
            // The line farthest away stands for all.
            let last = self.plan.columns.len() - 1;
            let to = if column * 2 > last { 0 } else { last };
            let rule = passage.network.as_ref().filter(|_| passage.end == End::Dropped);
            let why = rule.map_or(HEARD_BY_NOBODY, |(_, rule)| rule);
            if to != column && passage.end == End::ReceiverNotTraced {
                let arrow = self.arrow(self.packet_arrow(packet, to, Shape::Through));
                self.item(place, column, Part::Whole(arrow));
            } else if to != column {
                self.die(place, packet, column, to, why);
            } else {
                let label = words::labels(passage, words::Way::Broadcast).swap_remove(0);
                let why = if passage.end.is_lost() { format!(": {why}") } else { String::new() };
                let note = Note::new(format!("{label}{why}"), Tone::Packet(passage.note.kind));
                self.item(place, column, Part::Note(note));
            }
            return;
        }
        let first = self.plan.arrows.len();
        for (to, rule) in ways {
            match rule {
                _ if to == column || to >= COLUMNS_MAX => {}
                None => self.depart(place, packet, column, to),
                Some(rule) => self.die(place, packet, column, to, rule),
            }
        }
        // What it is about is said once.
        for arrow in self.plan.arrows.iter_mut().skip(first + 1) {
            arrow.labels = words::short_labels(&passage.note);
            arrow.special.clear();
        }
    }

    fn received(&mut self, place: usize, packet: usize, column: usize) {
        let passage = &self.joined.packets[packet];
        if passage.from >= COLUMNS_MAX {
            return;
        }
        let nth = passage.arrivals.iter().position(|arrival| arrival.moment == place).unwrap_or(0);
        let copies_before = self.joined.earlier_copies(passage, nth);
        let fate = words::fate(&passage.note, passage.arrivals[nth].fate);
        let delayed = passage.is_delayed(column) && copies_before == 0;
        let words: Vec<_> = delayed.then_some("delayed").into_iter().chain(fate).collect();
        let fate = (!words.is_empty()).then(|| Note::new(words.join(", "), Tone::Bad));
        if passage.from == column {
            if passage.departure.is_none() || copies_before > 0 {
                self.note_to_itself(place, passage, column);
            }
            return;
        }
        if let Some(arrow) = self.flying.remove(&(packet, column)) {
            self.plan.arrows[arrow].fate = fate;
            return self.item(place, column, Part::Arrival(arrow));
        }
        let shape = if passage.departure.is_some() && nth > 0 { Shape::Copy } else { Shape::Through };
        let arrow = Arrow { fate, ..self.packet_arrow(packet, column, shape) };
        let arrow = self.arrow(arrow);
        self.item(place, column, Part::Whole(arrow));
    }

    /// A message between two processes of the one machine.
    fn local(&mut self, place: usize, call: Call, to: Address, column: usize) {
        let Some(processes) = &self.processes else { return };
        let Some(receiver) = processes.iter().position(|process| *process == to.local) else { return };
        let (label, kind) = match call {
            Call::Call | Call::Send => ("request", PacketType::Req),
            Call::SendOneWay => ("message", PacketType::Req),
            Call::Forward => ("forwarded request", PacketType::Req),
            Call::Reply => ("reply", PacketType::Rep),
            Call::Receive | Call::TryReceive | Call::Ping | Call::Cancel | Call::Locate => return,
        };
        if receiver == column || to.machine != self.joined.machines[0].machine {
            return;
        }
        let refused = self.is_refused(place);
        let arrow = self.arrow(Arrow {
            from: column,
            to: receiver,
            labels: vec![label.to_owned()],
            special: String::new(),
            tone: Tone::Packet(kind),
            shape: if refused { Shape::Lost("refused".to_owned()) } else { Shape::Through },
            is_piece: false,
            packet: None,
            fate: None,
            slow: false,
        });
        if refused {
            return self.item(place, column, Part::Whole(arrow));
        }
        let moment = &self.joined.moments[place];
        let event = (moment.trace, moment.event.number);
        // The trap is its own cause: what it says stands beside its arrow.
        for (column, part) in [(column, Part::Departure(arrow)), (receiver, Part::Arrival(arrow))] {
            let (at, cause) = (moment.at, Some(event));
            self.plan.items.push(Item { at, column, event, moment: place, cause, part });
        }
    }

    /// Whether a trap failed before anything came of it.
    fn is_refused(&self, place: usize) -> bool {
        let trap = &self.joined.moments[place];
        let next = self.joined.moments[place + 1..].iter().find(|moment| moment.trace == trap.trace);
        next.is_some_and(|next| {
            let failed = matches!(next.event.what, What::Woken { with: Ending::CallFailed(_), .. });
            failed && next.event.cause == Some(trap.event.number)
        })
    }
}
