//! The events that show a choice in force: one for each dimension, the first of its kind in the trace.
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use sendrec_core::config::Handing;
use sendrec_core::trace::{Call, Fate, Timer, What};
use sendrec_core::wire::{Flags, PacketType};
use sendrec_core::{LocalId, Reliability};
use serde::Serialize;

use super::combination::{Combination, KEEP, Keeping};
use super::measure::{CLIENT, Reader};
use crate::lab::script::Manner;
use crate::lab::stage::Run;
use crate::lab::switches::Addressing;
use crate::trace::Moment;

/// An event that could not have been if the choice had been another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Proof {
    /// The machine in whose trace it stands.
    pub machine: String,
    /// Its number there.
    pub event: u64,
    /// When.
    pub at: Duration,
    /// What it says.
    pub text: String,
}

/// For each dimension, in their order.
pub(super) fn proofs(run: &Run, combination: &Combination) -> [Option<Proof>; 4] {
    let finder = Finder { reader: Reader { run, joined: &run.joined } };
    [
        finder.addressing(combination.addressing),
        finder.blocking(combination.blocking),
        finder.buffering(combination.buffering),
        finder.reliability(combination.reliability),
    ]
}

struct Finder<'a> {
    reader: Reader<'a>,
}

impl Finder<'_> {
    fn moments(&self) -> impl Iterator<Item = &Moment> {
        self.reader.joined.moments.iter()
    }

    fn client(&self, moment: &Moment) -> bool {
        self.reader.role(moment.machine) == CLIENT
    }

    fn proof(&self, moment: &Moment, text: String) -> Proof {
        let machine = self.reader.role(moment.machine).to_owned();
        Proof { machine, event: moment.event.number, at: moment.at, text }
    }

    /// The first event of which `tell` has something to tell.
    fn first(&self, mut tell: impl FnMut(&Moment) -> Option<String>) -> Option<Proof> {
        self.moments().find_map(|moment| tell(moment).map(|text| self.proof(moment, text)))
    }

    fn who(&self, moment: &Moment, process: LocalId) -> String {
        self.reader.process(self.reader.role(moment.machine), process)
    }

    fn addressing(&self, choice: Addressing) -> Option<Proof> {
        self.first(|moment| match (choice, &moment.event.what) {
            (Addressing::Place, What::Trap { process, call: Call::Send | Call::Call, to: Some(to), .. })
                if self.client(moment) && !self.reader.is_names_machine(to.machine) =>
            {
                // Who has been told a place by a name server traps with it too.
                let asked = self.reader.joined.packets.iter().any(|packet| self.reader.is_lookup(packet));
                let who = self.who(moment, *process);
                (!asked).then(|| format!("{who} sends to the place {to} and has asked nobody for it"))
            }
            (Addressing::Sparse, What::Located { sparse, address }) if self.client(moment) => {
                Some(format!("{sparse} was searched for, and is at {address}"))
            }
            (Addressing::Name, What::Sent { packet, .. }) if packet.kind == PacketType::Req => {
                let passage = &self.reader.joined.packets[moment.packet?];
                let who = self.who(moment, packet.source);
                self.reader
                    .is_lookup(passage)
                    .then(|| format!("{who} asks the name server: REQ {}", packet.number))
            }
            _ => None,
        })
    }

    fn blocking(&self, choice: Manner) -> Option<Proof> {
        self.first(|moment| {
            if !self.client(moment) {
                return None;
            }
            match (choice, &moment.event.what) {
                (Manner::Blocking, What::Trap { process, call: Call::Call, to, runs_on: false, .. })
                    if !to.is_some_and(|to| self.reader.is_names_machine(to.machine)) =>
                {
                    let who = self.who(moment, *process);
                    Some(format!("{who} calls, and does not run on before the reply"))
                }
                (Manner::Copied, What::Trap { process, handing, copied_bytes, runs_on: true, .. })
                    if *handing == Handing::Copied && *copied_bytes > 0 =>
                {
                    let who = self.who(moment, *process);
                    Some(format!("{who} runs on: {copied_bytes} bytes were copied"))
                }
                (Manner::Lent, What::Woken { process, buffer_free: true, .. }) => {
                    let who = self.who(moment, *process);
                    Some(format!("the interrupt: the buffer that {who} lent is free again"))
                }
                _ => None,
            }
        })
    }

    fn buffering(&self, choice: Keeping) -> Option<Proof> {
        if choice == Keeping::Mailbox {
            return self.taken_late();
        }
        // Nothing may have been kept before a message was thrown away, or there was no room for one more.
        let mut kept = false;
        self.first(|moment| {
            if !self.reader.is_server(moment.machine) {
                return None;
            }
            match (choice, &moment.event.what) {
                (_, What::Queued { .. }) => {
                    kept = true;
                    None
                }
                (Keeping::Discard, What::Overflow { process }) if !kept => {
                    let who = self.who(moment, *process);
                    Some(format!("{who} waits for no message, so one is thrown away"))
                }
                (Keeping::Keep, What::Expired { process, .. }) => {
                    let who = self.who(moment, *process);
                    Some(format!("a message kept for {who} is thrown away after {KEEP:?}"))
                }
                _ => None,
            }
        })
    }

    /// A message taken later than it would have been kept for a while.
    fn taken_late(&self) -> Option<Proof> {
        let mut waiting: BTreeMap<(usize, LocalId), VecDeque<Duration>> = BTreeMap::new();
        self.first(|moment| match &moment.event.what {
            What::Queued { process, .. } => {
                waiting.entry((moment.machine, *process)).or_default().push_back(moment.at);
                None
            }
            What::Expired { process, .. } => {
                waiting.entry((moment.machine, *process)).or_default().pop_front();
                None
            }
            What::Taken { process, .. } => {
                let since = waiting.entry((moment.machine, *process)).or_default().pop_front()?;
                let waited = moment.at.saturating_sub(since);
                let is_late = self.reader.is_server(moment.machine) && waited > KEEP;
                let who = self.who(moment, *process);
                is_late.then(|| format!("{who} takes a message that lay in its mailbox for {waited:?}"))
            }
            _ => None,
        })
    }

    fn reliability(&self, choice: Reliability) -> Option<Proof> {
        self.first(|moment| match (choice, &moment.event.what) {
            (Reliability::Unreliable, What::Received { packet, .. })
                if self.client(moment) && packet.kind == PacketType::Rep =>
            {
                let flags = packet.flags();
                let wanted = flags.has(Flags::ACK_EACH) || flags.has(Flags::REPLY_ACKS);
                (!wanted).then(|| format!("REP {} wants no ACK", packet.number))
            }
            (Reliability::AckEach, What::Sent { packet, .. })
                if self.reader.is_server(moment.machine) && packet.kind == PacketType::Ack =>
            {
                // A late ACK would follow a timer, and the last ACK of a one-way message proves nothing.
                self.acknowledges_at_once(moment)
                    .then(|| format!("ACK {} at once, before there is a reply", packet.number))
            }
            (Reliability::ReplyAcks, What::Timer { timer: Timer::LateAck { sequence } })
                if self.reader.is_server(moment.machine) =>
            {
                Some(format!("the reply to request {sequence} is late: the timer sends an ACK"))
            }
            _ => None,
        })
    }

    /// Whether an ACK that was sent follows from the arrival of a request that wants a reply.
    fn acknowledges_at_once(&self, ack: &Moment) -> bool {
        let cause = ack.event.cause;
        let mut caused_by = self
            .moments()
            .filter(|moment| moment.machine == ack.machine && Some(moment.event.number) == cause);
        caused_by.any(|moment| match &moment.event.what {
            // A second copy may be acknowledged by any kernel that knows it.
            What::Received { packet, fate: Fate::Accepted, .. } => {
                packet.kind == PacketType::Req && !packet.flags().has(Flags::ONE_WAY)
            }
            _ => false,
        })
    }
}
