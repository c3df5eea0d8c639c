//! Several traces as one story: moments in one order, and each packet's passage from its departure to its end.
use std::collections::{HashMap, HashSet};
use std::time::Duration;

use sendrec_core::trace::{Event, Fate, PacketNote, Verdict, What};
use sendrec_core::{Epoch, Machine, PacketNumber};

use super::progress::{self, Progress};
use super::skew::{Wall, corrections, wall};
use super::{Header, Trace};

/// Traces joined.
#[derive(Clone, Debug, Default)]
pub struct Joined {
    /// The headers of the traces, as given, and whether the trace was torn.
    pub headers: Vec<(Header, bool)>,
    /// Every machine that is traced, or at the other end of a packet: senders of the first packets first.
    pub machines: Vec<Seen>,
    /// Everything that happened, in an order in which nothing is received before it is sent.
    pub moments: Vec<Moment>,
    /// Every packet, in the order of departure. Those whose sender is not traced stand where they arrived.
    pub packets: Vec<Passage>,
}

/// A machine that traces speak of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its number.
    pub machine: Machine,
    /// Its role, if it is traced and has one.
    pub role: Option<String>,
    /// Whether its own trace is here. Of one that is not, we know only what others sent to it and had from it.
    pub traced: bool,
}

/// One event in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Since the first moment, clocks set right.
    pub at: Duration,
    /// Whose trace: a place in [`Joined::headers`].
    pub trace: usize,
    /// Where: a place in [`Joined::machines`].
    pub machine: usize,
    /// What.
    pub event: Event,
    /// The packet that was sent, received or harmed: a place in [`Joined::packets`].
    pub packet: Option<usize>,
}

/// A packet's way. One that arrives twice has two arrivals; every retransmission is a packet of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passage {
    /// Its sender: a place in [`Joined::machines`].
    pub from: usize,
    /// The machine it was sent to: a place in [`Joined::machines`]; `None` for a broadcast, which is one packet to all.
    pub to: Option<usize>,
    /// What it was.
    pub note: PacketNote,
    /// When it was sent: a place in [`Joined::moments`]. `None` if its sender is not traced.
    pub departure: Option<usize>,
    /// Where it arrived.
    pub arrivals: Vec<Arrival>,
    /// What the network was seen to do to it, and by which rule. Of a broadcast: to one of its copies, the last.
    pub network: Option<(Verdict, String)>,
    /// Of a broadcast: every copy that the network harmed.
    pub copies: Vec<HarmedCopy>,
    /// Of a report: how far the message is that it is about.
    pub progress: Option<Progress>,
    /// What became of it.
    pub end: End,
}

/// A broadcast's copy for one machine, and what the network did to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HarmedCopy {
    /// Whose: a place in [`Joined::machines`].
    pub to: usize,
    /// What was done.
    pub verdict: Verdict,
    /// By which rule.
    pub rule: String,
}

/// One copy of a packet, come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// When: a place in [`Joined::moments`], whose machine is the receiver.
    pub moment: usize,
    /// What the receiving kernel did with it.
    pub fate: Fate,
}

/// How a packet's way ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum End {
    /// It came in, at least once: [`Passage::arrivals`] says with which fate.
    Delivered,
    /// The network dropped it, or so changed it that nobody could read it: [`Passage::network`] says by which rule.
    Dropped,
    /// It was sent, and its receiver's trace does not have it.
    NeverReceived,
    /// It was sent to a machine whose trace is not here: nobody can say.
    ReceiverNotTraced,
}

impl End {
    /// Whether the packet is known to have been lost.
    pub const fn is_lost(self) -> bool {
        matches!(self, Self::Dropped | Self::NeverReceived)
    }
}

impl Passage {
    /// Whether it came to this machine later than the network would have had it.
    pub fn is_delayed(&self, at: usize) -> bool {
        match self.to {
            Some(_) => matches!(self.network, Some((Verdict::Delayed, _))),
            None => self.copies.iter().any(|copy| copy.to == at && copy.verdict == Verdict::Delayed),
        }
    }

    /// The copies of a broadcast that the network kept from their machines, with the rules that did.
    pub fn lost_copies(&self) -> impl Iterator<Item = (usize, &str)> {
        let lost = |copy: &&HarmedCopy| matches!(copy.verdict, Verdict::Dropped | Verdict::Corrupted);
        self.copies.iter().filter(lost).map(|copy| (copy.to, copy.rule.as_str()))
    }
}

impl Joined {
    /// The machine at which a packet arrived.
    pub fn receiver(&self, arrival: &Arrival) -> usize {
        self.moments[arrival.moment].machine
    }

    /// How many copies of a packet had come in at the same machine before this arrival.
    pub fn earlier_copies(&self, packet: &Passage, nth: usize) -> usize {
        let here = self.receiver(&packet.arrivals[nth]);
        packet.arrivals[..nth].iter().filter(|earlier| self.receiver(earlier) == here).count()
    }

    /// Whether some machine had a packet twice.
    pub fn is_doubled(&self, packet: &Passage) -> bool {
        (0..packet.arrivals.len()).any(|nth| self.earlier_copies(packet, nth) > 0)
    }
}

/// What a packet is known by in all traces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    machine: Machine,
    epoch: Epoch,
    number: PacketNumber,
}

impl Key {
    pub(super) fn of(sender: Machine, packet: &PacketNote) -> Self {
        Self { machine: sender, epoch: packet.epoch, number: packet.number }
    }
}

/// Joins traces: moments by the wall clock, packets by sender and number.
pub fn join(traces: Vec<Trace>) -> Joined {
    let mut joiner = Joiner::new(&traces);
    let shifts = corrections(&traces);
    joiner.joined.headers = traces.iter().map(|trace| (trace.header.clone(), trace.torn)).collect();
    for (trace, at, event) in merge(traces, &shifts) {
        joiner.add(trace, at, event);
    }
    joiner.finish()
}

/// All events in one order: of those that may come next, the earliest. A receipt may come once its packet was sent.
fn merge(traces: Vec<Trace>, shifts: &[Wall]) -> Vec<(usize, Wall, Event)> {
    let mut unsent: HashSet<Key> = HashSet::new();
    for trace in &traces {
        for event in &trace.events {
            if let What::Sent { packet, .. } = &event.what {
                unsent.insert(Key::of(trace.header.machine, packet));
            }
        }
    }
    let total = traces.iter().map(|trace| trace.events.len()).sum();
    let mut queues: Vec<_> = traces
        .into_iter()
        .zip(shifts)
        .map(|(mut trace, shift)| {
            let events = std::mem::take(&mut trace.events);
            let timed: Vec<_> =
                events.into_iter().map(|event| (wall(&trace, &event) + shift, event)).collect();
            (trace.header.machine, timed.into_iter().peekable())
        })
        .collect();

    let mut merged: Vec<(usize, Wall, Event)> = Vec::with_capacity(total);
    let mut latest = Wall::MIN;
    while merged.len() < total {
        let head = |(place, (_, queue)): (usize, &mut (Machine, std::iter::Peekable<_>))| {
            let (at, event): &(Wall, Event) = queue.peek()?;
            let waits = match &event.what {
                What::Received { from, packet, .. } => unsent.contains(&Key::of(*from, packet)),
                _ => false,
            };
            Some((waits, *at, place))
        };
        // If all wait, the traces contradict each other, and the earliest goes all the same.
        let Some((_, at, place)) = queues.iter_mut().enumerate().filter_map(head).min() else { break };
        let (machine, queue) = &mut queues[place];
        let Some((_, event)) = queue.next() else { break };
        if let What::Sent { packet, .. } = &event.what {
            unsent.remove(&Key::of(*machine, packet));
        }
        latest = latest.max(at);
        merged.push((place, latest, event));
    }
    merged
}

#[derive(Default)]
struct Joiner {
    joined: Joined,
    /// Machine of each trace.
    owners: Vec<Machine>,
    roles: HashMap<Machine, String>,
    first: Option<Wall>,
    /// Packets by key, the last sent if a number was used twice.
    by_key: HashMap<Key, usize>,
    /// Packets by sender's trace and number, for the network's events, which know no epoch.
    by_number: HashMap<(usize, PacketNumber), usize>,
}

impl Joiner {
    fn new(traces: &[Trace]) -> Self {
        let owners = traces.iter().map(|trace| trace.header.machine).collect();
        let named = traces.iter().filter(|trace| !trace.header.role.is_empty());
        let roles = named.map(|trace| (trace.header.machine, trace.header.role.clone())).collect();
        Self { owners, roles, ..Self::default() }
    }

    /// The machine's place; a new one, if nobody spoke of it before.
    fn machine(&mut self, machine: Machine) -> usize {
        let machines = &mut self.joined.machines;
        if let Some(place) = machines.iter().position(|seen| seen.machine == machine) {
            return place;
        }
        let (role, traced) = (self.roles.get(&machine).cloned(), self.owners.contains(&machine));
        machines.push(Seen { machine, role, traced });
        machines.len() - 1
    }

    fn add(&mut self, trace: usize, wall: Wall, event: Event) {
        let first = *self.first.get_or_insert(wall);
        let at = Duration::from_nanos(u64::try_from(wall - first).unwrap_or(u64::MAX));
        let moment = self.joined.moments.len();
        let owner = self.owners[trace];
        let machine = self.machine(owner);
        let packet = match &event.what {
            What::Sent { to, packet } => Some(self.sent(moment, trace, owner, *to, packet)),
            What::Received { from, packet, fate } => {
                let arrival = Arrival { moment, fate: *fate };
                Some(self.received(arrival, *from, machine, packet))
            }
            What::Network { to, number, verdict, rule, .. } => {
                let packet = self.by_number.get(&(trace, *number)).copied();
                if let Some(packet) = packet {
                    self.harmed(packet, *to, *verdict, rule);
                }
                packet
            }
            _ => None,
        };
        self.joined.moments.push(Moment { at, trace, machine, event, packet });
    }

    fn sent(&mut self, moment: usize, trace: usize, from: Machine, to: Machine, note: &PacketNote) -> usize {
        let passage = Passage {
            from: self.machine(from),
            to: (!to.is_everyone()).then(|| self.machine(to)),
            note: *note,
            departure: Some(moment),
            arrivals: Vec::new(),
            network: None,
            copies: Vec::new(),
            progress: None,
            end: End::ReceiverNotTraced,
        };
        let place = self.joined.packets.len();
        self.joined.packets.push(passage);
        self.by_key.insert(Key::of(from, note), place);
        self.by_number.insert((trace, note.number), place);
        place
    }

    fn harmed(&mut self, packet: usize, to: Machine, verdict: Verdict, rule: &str) {
        if self.joined.packets[packet].to.is_none() && !to.is_everyone() {
            let copy = HarmedCopy { to: self.machine(to), verdict, rule: rule.to_owned() };
            self.joined.packets[packet].copies.push(copy);
        }
        self.joined.packets[packet].network = Some((verdict, rule.to_owned()));
    }

    fn received(&mut self, arrival: Arrival, from: Machine, to: usize, note: &PacketNote) -> usize {
        let key = Key::of(from, note);
        let known = self.by_key.get(&key).copied();
        let same = |place: &usize| {
            let packet = &self.joined.packets[*place];
            packet.note == *note || matches!(packet.network, Some((Verdict::Corrupted, _)))
        };
        let place = known.filter(same).unwrap_or_else(|| {
            let (departure, network) = (None, None);
            let from = self.machine(from);
            let passage = Passage {
                from,
                to: Some(to),
                note: *note,
                departure,
                arrivals: Vec::new(),
                network,
                copies: Vec::new(),
                progress: None,
                end: End::Delivered,
            };
            self.joined.packets.push(passage);
            self.by_key.insert(key, self.joined.packets.len() - 1);
            self.joined.packets.len() - 1
        });
        self.joined.packets[place].arrivals.push(arrival);
        place
    }

    fn finish(mut self) -> Joined {
        // A node that did nothing is there all the same.
        for owner in self.owners.clone() {
            self.machine(owner);
        }
        let Joined { machines, packets, moments, .. } = &mut self.joined;
        for packet in packets.iter_mut() {
            let traced =
                machines.iter().enumerate().filter(|(place, seen)| *place != packet.from && seen.traced);
            let others = if packet.to.is_none() { traced.count() } else { 0 };
            packet.end = match &packet.network {
                _ if !packet.arrivals.is_empty() => End::Delivered,
                Some((Verdict::Dropped | Verdict::Corrupted, _)) => End::Dropped,
                _ if packet.to.map_or(others > 0, |to| machines[to].traced) => End::NeverReceived,
                _ => End::ReceiverNotTraced,
            };
        }
        order_columns(machines, packets, moments);
        progress::tell(&mut self.joined);
        self.joined
    }
}

/// Puts those first who sent first, as the client does on a slide; then those who sent nothing, as they came.
fn order_columns(machines: &mut Vec<Seen>, packets: &mut [Passage], moments: &mut [Moment]) {
    let mut order: Vec<usize> = Vec::new();
    let ends = packets.iter().flat_map(|packet| [Some(packet.from), packet.to]).flatten();
    for machine in ends.chain(0..machines.len()) {
        if !order.contains(&machine) {
            order.push(machine);
        }
    }
    let mut place = vec![0; machines.len()];
    for (new, old) in order.iter().enumerate() {
        place[*old] = new;
    }
    *machines = order.iter().map(|old| machines[*old].clone()).collect();
    for packet in packets {
        (packet.from, packet.to) = (place[packet.from], packet.to.map(|to| place[to]));
        for copy in &mut packet.copies {
            copy.to = place[copy.to];
        }
    }
    for moment in moments {
        moment.machine = place[moment.machine];
    }
}
