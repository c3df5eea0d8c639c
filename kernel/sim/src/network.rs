//! The network of a world: who gets which datagram, when, and in what state.
use std::collections::BTreeMap;
use std::time::Duration;

use sendrec_core::fault::{Faults, Injector, Treatment};
use sendrec_core::rng::Rng;
use sendrec_core::trace::{Event, Verdict, What};
use sendrec_core::wire::{Packet, PacketType};
use sendrec_core::{Instant, PacketNumber, Path, Transmit};
use slab::Slab;

use crate::agenda::Happening;
use crate::atm::net::{Effect, Net, Parcel};
use crate::inner::Inner;
use crate::link::{Line, Link, Medium};
use crate::machine::number_of;

/// A datagram on its way.
#[derive(Debug)]
pub(crate) struct Flight {
    from: u32,
    to: u32,
    kind: PacketType,
    number: PacketNumber,
    bytes: Vec<u8>,
}

/// What a packet that is to be carried is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Label {
    pub(crate) from: usize,
    pub(crate) kind: PacketType,
    pub(crate) number: PacketNumber,
}

/// Packets that wait outside a machine that is paused.
const OUTSIDE_MAX: usize = 1 << 16;
/// Buffers kept for datagrams to come.
const SPARE_BUFFERS_MAX: usize = 4_096;

#[derive(Debug)]
struct Pair {
    link: Link,
    injector: Injector,
}

/// One line's place: of a pair of machines, or a bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Pair(usize, usize),
    Bus(u32),
}

#[derive(Debug)]
pub(crate) struct Network {
    pub(crate) link: Link,
    pairs: BTreeMap<(usize, usize), Pair>,
    /// Rules that hold in the whole world.
    pub(crate) rules: Vec<Faults>,
    /// Those rules at work, by sender.
    injectors: Vec<Vec<Injector>>,
    lines: BTreeMap<Place, Line>,
    /// Who is cut off from whom, and by which rule.
    pub(crate) cuts: BTreeMap<(usize, usize), String>,
    flights: Slab<Flight>,
    spare: Vec<Vec<u8>>,
    rng: Rng,
    pub(crate) atm: Net,
}

/// Rules at work on a sender's packets. The same rules go differently for each sender.
fn injector(faults: &Faults, from: &str, seed: u64) -> Injector {
    let seed = faults.seed ^ seed;
    Injector::of(&Faults { seed, incidents: Vec::new(), packets: faults.packets.clone() }, Some(from))
}

impl Network {
    pub(crate) fn new(link: Link, mut rng: Rng) -> Self {
        let rules = vec![link.faults.clone()];
        let atm = Net::new(Rng::new(rng.next_u64()));
        Self {
            link,
            pairs: BTreeMap::new(),
            rules,
            injectors: Vec::new(),
            lines: BTreeMap::new(),
            cuts: BTreeMap::new(),
            flights: Slab::new(),
            spare: Vec::new(),
            rng,
            atm,
        }
    }

    /// One machine more.
    pub(crate) fn add_machine(&mut self, name: &str, seed: u64) {
        let injectors = self.rules.iter().map(|faults| injector(faults, name, seed)).collect();
        self.injectors.push(injectors);
    }

    /// Rules that hold in the whole world from here on.
    pub(crate) fn add_rules(&mut self, faults: &Faults, names: &[&str]) {
        for (number, name) in names.iter().enumerate() {
            let injector = injector(faults, name, self.rng.next_u64());
            self.injectors[number].push(injector);
        }
        self.rules.push(faults.clone());
    }

    /// All rules there are, of the world and of pairs.
    pub(crate) fn all_rules(&self) -> impl Iterator<Item = &Faults> {
        self.rules.iter().chain(self.pairs.values().map(|pair| &pair.link.faults))
    }

    pub(crate) fn set_link(&mut self, from: usize, to: usize, sender: &str, link: Link) {
        let injector = injector(&link.faults, sender, self.rng.next_u64());
        self.pairs.insert((from, to), Pair { link, injector });
        self.lines.remove(&Place::Pair(from, to));
    }

    /// No rule harms a packet any more.
    pub(crate) fn heal_all(&mut self) {
        self.rules.clear();
        self.injectors.iter_mut().for_each(Vec::clear);
        for pair in self.pairs.values_mut() {
            pair.injector = Injector::new(&Faults::default());
        }
        (self.atm.options.cell_loss, self.atm.options.cell_error) = (0.0, 0.0);
    }

    fn judge(&mut self, label: Label, to: usize, name: &str, first: bool) -> Treatment {
        let mut treatment = Treatment::UNTOUCHED;
        let own = self.pairs.get_mut(&(label.from, to)).map(|pair| &mut pair.injector);
        for injector in self.injectors[label.from].iter_mut().chain(own) {
            if !injector.is_idle() {
                treatment = treatment.then(injector.judge_copy(label.kind, Some(name), first));
            }
        }
        treatment
    }

    fn buffer(&mut self, bytes: usize) -> Vec<u8> {
        let mut buffer = self.spare.pop().unwrap_or_default();
        buffer.resize(bytes, 0);
        buffer
    }

    fn give_back(&mut self, buffer: Vec<u8>) {
        if self.spare.len() < SPARE_BUFFERS_MAX {
            self.spare.push(buffer);
        }
    }
}

impl Inner {
    /// A kernel has sent a packet.
    pub(crate) fn launch(&mut self, from: usize, transmit: &Transmit) {
        let Transmit { path, packet } = transmit;
        let (kind, number) = (packet.header.kind.packet_type(), packet.header.number);
        let label = Label { from, kind, number };
        self.log.traffic.sent += 1;
        if path.remote.is_everyone() {
            return self.broadcast(label, packet);
        }
        let Some(to) = number_of(path.remote).filter(|to| *to < self.machines.len()) else {
            self.log.pass(from, path.remote, kind, 0);
            return;
        };
        if let Some(treatment) = self.judge(label, to, true) {
            match self.medium(from, to) {
                Medium::Atm => self.send_cells(label, vec![(to, treatment)], packet),
                Medium::Lines | Medium::Bus(_) => match self.send_on_line(label, to, packet.wire_bytes()) {
                    Some(out_at) => self.fly(label, to, out_at, &treatment, packet),
                    None => self.tell_no_room(label, to),
                },
            }
        }
    }

    /// To every other machine, each with its own fate.
    fn broadcast(&mut self, label: Label, packet: &Packet) {
        let mut by_cells = Vec::new();
        // On a bus it goes out once for all.
        let mut buses: BTreeMap<u32, Option<Instant>> = BTreeMap::new();
        let mut first = true;
        for to in (0..self.machines.len()).filter(|to| *to != label.from) {
            let judged = self.judge(label, to, first);
            first = false;
            let Some(treatment) = judged else { continue };
            let out_at = match self.medium(label.from, to) {
                Medium::Atm => {
                    by_cells.push((to, treatment));
                    continue;
                }
                Medium::Lines => self.send_on_line(label, to, packet.wire_bytes()),
                Medium::Bus(bus) => match buses.get(&bus) {
                    Some(out_at) => *out_at,
                    None => {
                        let out_at = self.send_on_line(label, to, packet.wire_bytes());
                        buses.insert(bus, out_at);
                        out_at
                    }
                },
            };
            match out_at {
                Some(out_at) => self.fly(label, to, out_at, &treatment, packet),
                None => self.tell_no_room(label, to),
            }
        }
        if !by_cells.is_empty() {
            self.send_cells(label, by_cells, packet);
        }
    }

    fn medium(&self, from: usize, to: usize) -> Medium {
        self.link(from, to).medium
    }

    fn link(&self, from: usize, to: usize) -> &Link {
        if self.network.pairs.is_empty() {
            return &self.network.link;
        }
        self.network.pairs.get(&(from, to)).map_or(&self.network.link, |pair| &pair.link)
    }

    /// What is done to a packet on its way to `to`; `None` if it dies.
    fn judge(&mut self, label: Label, to: usize, first: bool) -> Option<Treatment> {
        let machine = &self.machines[to];
        let mut treatment = self.network.judge(label, to, &machine.name, first);
        if let Some(rule) = self.network.cuts.get(&(label.from, to)) {
            treatment.copies = 0;
            treatment.verdict = Some((Verdict::Dropped, rule.clone()));
        }
        self.log.pass(label.from, machine.address, label.kind, treatment.copies);
        if let Some((verdict, rule)) = treatment.verdict.take() {
            self.tell_verdict(label, to, verdict, rule);
        }
        (treatment.copies > 0).then_some(treatment)
    }

    /// Writes down what the network does to a packet, if its sender is traced.
    fn tell_verdict(&mut self, label: Label, to: usize, verdict: Verdict, rule: String) {
        let Label { from, kind, number } = label;
        let sender = &self.machines[from];
        if sender.config.trace {
            let at = sender.clock.own(self.now);
            let to = self.machines[to].address;
            let what = What::Network { from: sender.address, to, number, kind, verdict, rule };
            self.log.record(from, self.now, Event { number: 0, cause: None, at, what });
        }
    }

    /// When the packet is out on its line; `None` if it found no room.
    fn send_on_line(&mut self, label: Label, to: usize, bytes: usize) -> Option<Instant> {
        let &Link { bandwidth, queue, free_bytes, medium, .. } = self.link(label.from, to);
        let Some(bandwidth) = bandwidth else { return Some(self.now) };
        let place = match medium {
            Medium::Bus(bus) => Place::Bus(bus),
            Medium::Lines | Medium::Atm => Place::Pair(label.from, to),
        };
        let line = self.network.lines.entry(place).or_default();
        line.send(self.now, bytes.saturating_sub(free_bytes), bandwidth, queue)
    }

    fn tell_no_room(&mut self, label: Label, to: usize) {
        if let Some(queue) = self.link(label.from, to).queue {
            self.tell_verdict(label, to, Verdict::Dropped, queue.to_string());
        }
    }

    /// How much later than its link's latency a packet comes.
    fn lateness(&mut self, jitter: Duration) -> Duration {
        if jitter.is_zero() {
            return Duration::ZERO;
        }
        let span = u64::try_from(jitter.as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos(self.network.rng.below(span.saturating_add(1)))
    }

    /// The packet is out at this time: its copies arrive when they arrive.
    fn fly(&mut self, label: Label, to: usize, out_at: Instant, treatment: &Treatment, packet: &Packet) {
        let &Link { latency, jitter, .. } = self.link(label.from, to);
        for copy in 1..=treatment.copies {
            let mut due = out_at + latency + treatment.delay + self.lateness(jitter);
            if copy == treatment.copies {
                due = due + treatment.hold;
            }
            let mut bytes = self.network.buffer(packet.wire_bytes());
            if packet.write(&mut bytes).is_some() {
                treatment.corrupt(&mut bytes);
                self.set_out(label, to, due, bytes);
            }
        }
    }

    fn set_out(&mut self, label: Label, to: usize, due: Instant, bytes: Vec<u8>) {
        let Label { from, kind, number } = label;
        let flight = Flight { from: from as u32, to: to as u32, kind, number, bytes };
        let flight = self.network.flights.insert(flight) as u32;
        self.agenda.push(due, Happening::Arrive { flight });
    }

    /// Its cells go together, as fast as the fastest of its links; what another link is slower, the packet waits where
    /// it has come whole.
    fn send_cells(&mut self, label: Label, mut to: Vec<(usize, Treatment)>, packet: &Packet) {
        let mut bytes = self.network.buffer(packet.wire_bytes());
        if packet.write(&mut bytes).is_some() {
            let latencies = to.iter().map(|(to, _)| self.link(label.from, *to).latency);
            let latency = latencies.min().unwrap_or_default();
            for (to, treatment) in &mut to {
                let link = self.link(label.from, *to);
                let (slower, jitter) = (link.latency - latency, link.jitter);
                treatment.delay += slower + self.lateness(jitter);
            }
            let parcel = Parcel { label, to: &to, latency, bytes: &bytes };
            self.network.atm.send(self.now, &parcel, &mut self.agenda);
        }
        self.network.give_back(bytes);
    }

    /// A cell comes to the switch, or to a machine.
    pub(crate) fn move_cell(&mut self, cell: u32) {
        let effect = self.network.atm.handle_cell(self.now, cell, &mut self.agenda);
        for effect in effect {
            match effect {
                Effect::Lost { label, to, rule } => self.tell_verdict(label, to, Verdict::Dropped, rule),
                Effect::Whole { label, to, treatment, bytes } => {
                    for copy in 1..=treatment.copies {
                        let hold = if copy == treatment.copies { treatment.hold } else { Default::default() };
                        let mut bytes = bytes.clone();
                        treatment.corrupt(&mut bytes);
                        self.set_out(label, to, self.now + treatment.delay + hold, bytes);
                    }
                }
            }
        }
    }

    /// A datagram has come to its machine.
    pub(crate) fn land(&mut self, flight: u32) {
        let Some(Flight { from, to, .. }) = self.network.flights.get(flight as usize) else { return };
        let (from, to) = (*from as usize, *to as usize);
        let machine = &mut self.machines[to];
        if machine.kernel.is_none() {
            return self.lose(flight, "down");
        }
        if machine.paused_until.is_some() {
            if machine.outside.len() >= OUTSIDE_MAX {
                return self.lose(flight, "pause");
            }
            machine.outside.push_back(flight);
            return;
        }
        let path = Path::to(self.machines[from].address);
        let Flight { bytes, .. } = self.network.flights.remove(flight as usize);
        self.log.traffic.received += 1;
        self.with_kernel(to, |kernel, now, out| kernel.datagrams(now, [(path, &bytes[..])], out));
        self.network.give_back(bytes);
    }

    /// A datagram that has come finds nobody.
    pub(crate) fn lose(&mut self, flight: u32, rule: &str) {
        let Flight { from, to, kind, number, bytes } = self.network.flights.remove(flight as usize);
        self.network.give_back(bytes);
        let label = Label { from: from as usize, kind, number };
        self.tell_verdict(label, to as usize, Verdict::Dropped, rule.to_owned());
    }
}
