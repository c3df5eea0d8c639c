//! What a row shows: read from the joined trace and from what callers and servers were told, nothing else.
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use sendrec_core::config::Handing;
use sendrec_core::fault::Faults;
use sendrec_core::trace::{Call, Fate, Timer, What};
use sendrec_core::wire::{Flags, PacketType};
use sendrec_core::{LocalId, Sequence};
use serde::Serialize;

use super::workload::HEIR;
use crate::lab::script::{Kind, Step};
use crate::lab::stage::Run;
use crate::trace::{Joined, Passage};

/// The machine of those who ask.
pub(super) const CLIENT: &str = "client";
/// What a server's step is called that takes a message.
const TAKING: &str = "receive";

/// Under what conditions a row ran: what can be promised depends on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Weather {
    /// Whether nothing went wrong on purpose.
    pub calm: bool,
    /// Whether no machine or process was harmed, packets apart.
    pub all_live: bool,
    /// Whether time was virtual: what a slow computer does to timing cannot happen.
    pub world: bool,
}

impl Weather {
    /// With these faults.
    pub const fn new(world: bool, faults: &Faults) -> Self {
        Self { calm: faults.is_empty(), all_live: faults.incidents.is_empty(), world }
    }

    /// How late a timer may fire.
    pub const fn slack(self) -> Duration {
        Duration::from_millis(if self.world { 2 } else { 200 })
    }
}

/// A message of the workload and its fate.
#[derive(Clone, Debug, Serialize)]
pub struct Asked {
    /// Who sent it.
    pub process: String,
    /// What it said; no two say the same.
    pub text: String,
    /// Whether it wanted no reply.
    pub one_way: bool,
    /// What its sender was told; `None` if nothing ever.
    pub told: Option<String>,
    /// Whether that is what was hoped for: its reply, or that it went.
    pub well: bool,
    /// How long its sender was kept waiting.
    pub took: Duration,
    /// Who ran it, each time.
    pub runs: Vec<String>,
}

/// Packets of one type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Count {
    /// Sent.
    pub sent: usize,
    /// Of these, died.
    pub lost: usize,
    /// Of these, sent before.
    pub again: usize,
}

/// All packets about one message, in the order sent.
#[derive(Clone, Debug, Serialize)]
pub struct Exchange {
    /// Whose message.
    pub process: String,
    /// On which machine its receiver was.
    pub server: String,
    /// Whether it wanted no reply.
    pub one_way: bool,
    /// The packets' types.
    pub packets: Vec<&'static str>,
    /// Whether each packet came once, did what it came for, and had not been sent before.
    pub undisturbed: bool,
    /// How long the server had it, if it replied.
    pub held: Option<Duration>,
    /// Copies of the request that arrived.
    pub arrived: usize,
}

/// How a message was handed to the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Handed {
    /// In which way.
    pub handing: Handing,
    /// Copying how much.
    pub copied_bytes: u64,
    /// Whether the caller ran on.
    pub runs_on: bool,
}

/// What was seen at the mailboxes of the servers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Mailboxes {
    /// Messages that waited in one.
    pub queued: usize,
    /// As many as waited at once.
    pub queued_max: usize,
    /// Those that found no room.
    pub overflows: usize,
    /// Those that were kept in vain.
    pub expired: usize,
    /// The longest that one waited and was taken then.
    pub oldest_taken: Duration,
}

/// What was seen of one row.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Facts {
    /// Under what conditions.
    pub weather: Weather,
    /// The messages of the workload.
    pub asked: Vec<Asked>,
    /// All packets.
    pub packets: BTreeMap<&'static str, Count>,
    /// What was sent about each message of the workload.
    pub exchanges: Vec<Exchange>,
    /// How the messages that want a reply were handed over.
    pub handed: Vec<Handed>,
    /// Buffers that were lent and came back.
    pub buffers_freed: usize,
    /// At the servers.
    pub mailboxes: Mailboxes,
    /// Sparse ids found.
    pub located: usize,
    /// Places given up.
    pub mislaid: usize,
    /// Requests to the name server.
    pub lookups: usize,
    /// Messages run by the process at its second place.
    pub heir_runs: usize,
    /// Late-ACK timers that fired.
    pub late_acks: usize,
}

impl Facts {
    /// The message of this text.
    pub fn message(&self, text: &str) -> Option<&Asked> {
        self.asked.iter().find(|asked| asked.text == text)
    }

    /// Packets of a type.
    pub fn count(&self, kind: PacketType) -> Count {
        self.packets.get(kind.name()).copied().unwrap_or_default()
    }

    /// Messages that no process ever ran.
    pub fn lost(&self) -> impl Iterator<Item = &Asked> {
        self.asked.iter().filter(|asked| asked.runs.is_empty())
    }

    /// How long plain calls took that were answered, on average.
    pub fn latency(&self) -> Option<Duration> {
        let plain = self.asked.iter().filter(|asked| asked.text.starts_with("plain") && asked.well);
        let took: Vec<Duration> = plain.map(|asked| asked.took).collect();
        let count = u32::try_from(took.len()).ok().filter(|count| *count > 0)?;
        Some(took.iter().sum::<Duration>() / count)
    }

    /// How often callers were told what, the most frequent first.
    pub fn told(&self) -> Vec<(String, usize)> {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for asked in &self.asked {
            let words = match &asked.told {
                None => "nothing",
                Some(_) if asked.well && asked.one_way => "sent",
                Some(_) if asked.well => "answered",
                // One that ran on takes the next reply to come, which may be that to a call it had given up.
                Some(words) if self.message(words).is_some() => "another's reply",
                Some(words) => words,
            };
            *counts.entry(words.to_owned()).or_default() += 1;
        }
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
        counts
    }
}

/// Reads a run.
pub(super) fn measure(run: &Run, weather: Weather) -> Facts {
    let reader = Reader { run, joined: &run.joined };
    let mut facts = Facts { weather, asked: reader.asked(), ..Facts::default() };
    for packet in &run.joined.packets {
        let count = facts.packets.entry(packet.note.kind.name()).or_default();
        count.sent += 1;
        count.lost += usize::from(packet.end.is_lost());
        count.again += usize::from(packet.note.flags().has(Flags::AGAIN));
        facts.lookups += usize::from(packet.note.kind == PacketType::Req && reader.is_lookup(packet));
    }
    facts.exchanges = reader.exchanges();
    reader.read_events(&mut facts);
    facts.heir_runs = facts.asked.iter().flat_map(|asked| &asked.runs).filter(|who| *who == HEIR).count();
    facts
}

/// A run, and what helps to read it.
pub(super) struct Reader<'a> {
    pub(super) run: &'a Run,
    pub(super) joined: &'a Joined,
}

impl Reader<'_> {
    pub(super) fn role(&self, machine: usize) -> &str {
        self.joined.machines.get(machine).and_then(|seen| seen.role.as_deref()).unwrap_or("?")
    }

    /// Whether a machine is the name server's.
    fn is_names(&self, role: &str) -> bool {
        self.run
            .scenario
            .name_server()
            .is_some_and(|(machine, _)| self.run.scenario.machines[machine].name == role)
    }

    /// Whether the machine is one on which servers of the workload live.
    pub(super) fn is_server(&self, machine: usize) -> bool {
        let role = self.role(machine);
        role != CLIENT && !self.is_names(role)
    }

    /// Whether a client of the workload asks the name server by it.
    pub(super) fn is_lookup(&self, packet: &Passage) -> bool {
        self.role(packet.from) == CLIENT && packet.to.is_some_and(|to| self.is_names(self.role(to)))
    }

    /// The process's name.
    pub(super) fn process(&self, role: &str, id: LocalId) -> String {
        let machine = self.run.scenario.machines.iter().find(|machine| machine.name == role);
        let process = machine.and_then(|machine| machine.processes.iter().find(|process| process.id == id));
        process.map_or_else(|| format!("{role}/{id}"), |process| process.name.clone())
    }

    /// The messages that scripts send, with what was told of them.
    fn asked(&self) -> Vec<Asked> {
        let clients = self.run.scenario.machines.iter().filter(|machine| machine.name == CLIENT);
        let mut all = Vec::new();
        for process in clients.flat_map(|machine| &machine.processes) {
            for step in &process.script {
                let Step::Send(sending) = step else { continue };
                let (verb, one_way) =
                    if sending.kind == Kind::Tell { ("tell", true) } else { ("call", false) };
                let words = format!("{verb} \"{}\"", sending.text);
                let told =
                    self.run.told.iter().find(|told| told.process == process.name && told.step == words);
                let runs =
                    self.run.told.iter().filter(|told| told.step == TAKING && told.result == sending.text);
                let result = told.map(|told| plain_error(&told.result).to_owned());
                let hoped = if one_way { "sent" } else { &sending.text };
                let well = result.as_deref() == Some(hoped);
                all.push(Asked {
                    process: process.name.clone(),
                    text: sending.text.clone(),
                    one_way,
                    told: result,
                    well,
                    took: told.map(|told| told.at.saturating_sub(told.began)).unwrap_or_default(),
                    runs: runs.map(|told| told.process.clone()).collect(),
                });
            }
        }
        all
    }

    /// The client's process, the server's machine and the number that a packet is about.
    fn about(&self, packet: &Passage) -> Option<(LocalId, usize, Sequence)> {
        use PacketType::{Ack, Au, Aya, Iaa, Rep, Req, Ta};
        let note = &packet.note;
        if !matches!(note.kind, Req | Rep | Ack | Aya | Iaa | Ta | Au) || note.sequence == Sequence(0) {
            return None;
        }
        let to = packet.to?;
        if self.role(packet.from) == CLIENT && self.is_server(to) {
            Some((note.source, to, note.sequence))
        } else if self.role(to) == CLIENT && self.is_server(packet.from) {
            Some((note.destination, packet.from, note.sequence))
        } else {
            None
        }
    }

    fn exchanges(&self) -> Vec<Exchange> {
        let mut order = Vec::new();
        let mut packets: BTreeMap<(LocalId, usize, Sequence), Vec<&Passage>> = BTreeMap::new();
        for packet in &self.joined.packets {
            let Some(key) = self.about(packet) else { continue };
            let entry = packets.entry(key).or_default();
            if entry.is_empty() {
                order.push(key);
            }
            entry.push(packet);
        }
        let exchange = |key: &(LocalId, usize, Sequence)| {
            let packets = &packets[key];
            let is = |kind: PacketType| packets.iter().filter(move |packet| packet.note.kind == kind);
            let arrival = is(PacketType::Req).find_map(|packet| packet.arrivals.first());
            let departure = is(PacketType::Rep).find_map(|packet| packet.departure);
            let at = |moment: usize| self.joined.moments[moment].at;
            Exchange {
                process: self.process(CLIENT, key.0),
                server: self.role(key.1).to_owned(),
                one_way: is(PacketType::Req).any(|packet| packet.note.flags().has(Flags::ONE_WAY)),
                packets: packets.iter().map(|packet| packet.note.kind.name()).collect(),
                undisturbed: packets.iter().all(|packet| is_undisturbed(packet)),
                held: arrival
                    .zip(departure)
                    .map(|(arrival, departure)| at(departure).saturating_sub(at(arrival.moment))),
                arrived: is(PacketType::Req).map(|packet| packet.arrivals.len()).sum(),
            }
        };
        order.iter().map(exchange).collect()
    }

    /// Reads what happened within kernels.
    fn read_events(&self, facts: &mut Facts) {
        let mut waiting: BTreeMap<(usize, LocalId), VecDeque<Duration>> = BTreeMap::new();
        for moment in &self.joined.moments {
            let role = self.role(moment.machine);
            let (is_client, is_server) = (role == CLIENT, self.is_server(moment.machine));
            let boxes = &mut facts.mailboxes;
            match &moment.event.what {
                What::Trap { call: Call::Send | Call::Call, to, handing, copied_bytes, runs_on, .. }
                    if is_client && !to.is_some_and(|to| self.is_names_machine(to.machine)) =>
                {
                    let (copied_bytes, runs_on) = (*copied_bytes, *runs_on);
                    facts.handed.push(Handed { handing: *handing, copied_bytes, runs_on });
                }
                What::Woken { buffer_free: true, .. } if is_client => facts.buffers_freed += 1,
                What::Located { .. } if is_client => facts.located += 1,
                What::Mislaid { .. } if is_client => facts.mislaid += 1,
                What::Timer { timer: Timer::LateAck { .. } } if is_server => facts.late_acks += 1,
                What::Overflow { .. } if is_server => boxes.overflows += 1,
                What::Queued { process, messages, .. } if is_server => {
                    boxes.queued += 1;
                    boxes.queued_max = boxes.queued_max.max(*messages);
                    waiting.entry((moment.machine, *process)).or_default().push_back(moment.at);
                }
                What::Expired { process, .. } if is_server => {
                    boxes.expired += 1;
                    waiting.entry((moment.machine, *process)).or_default().pop_front();
                }
                What::Taken { process, .. } if is_server => {
                    let since = waiting.entry((moment.machine, *process)).or_default().pop_front();
                    let waited = since.map_or(Duration::ZERO, |since| moment.at.saturating_sub(since));
                    boxes.oldest_taken = boxes.oldest_taken.max(waited);
                }
                _ => {}
            }
        }
    }

    pub(super) fn is_names_machine(&self, machine: sendrec_core::Machine) -> bool {
        let seen = self.joined.machines.iter().find(|seen| seen.machine == machine);
        seen.and_then(|seen| seen.role.as_deref()).is_some_and(|role| self.is_names(role))
    }
}

/// Whether a packet came once, did what it came for, and had not been sent before.
fn is_undisturbed(packet: &Passage) -> bool {
    packet.network.is_none()
        && !packet.note.flags().has(Flags::AGAIN)
        && matches!(&packet.arrivals[..], [arrival] if arrival.fate == Fate::Accepted)
}

/// An error as a caller would say it, without whom the request was to.
fn plain_error(result: &str) -> &str {
    match result.strip_prefix("the request to ").and_then(|rest| rest.split_once(" failed: ")) {
        Some((_, error)) => error,
        None => result,
    }
}
