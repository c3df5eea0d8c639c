//! Requests between machines: the client's side, the server's side, acknowledgements, the duplicate cache, and what
//! is believed of other machines' incarnations.
//!
//! Deliberately not here: mailboxes. Room in one comes as a permit that the kernel holds while this room admits the
//! request; what is to happen to waits goes back as `Effect`s.
mod arrival;
mod challenge;
mod client;
mod client_packets;
mod client_states;
mod conversation;
mod coverage;
mod found;
mod peer;
mod server;
mod server_packets;
mod server_states;
#[cfg(test)]
mod tests;
mod transfer_in;
mod transfer_out;
mod window;

use alloc::vec::Vec;
use core::time::Duration;

use bytes::Bytes;
use slab::Slab;

use crate::bulk::{Fresh, Memory};
use crate::config::{Config, Planted, Reliability, Semantics};
use crate::error::{CallError, ReplyError};
use crate::ids::{Address, Epoch, LocalId, Machine, Nonce, PacketNumber, Path, Sequence};
use crate::process::{Permit, Place, ReplyTo, WaitToken};
use crate::rng::{Nonces, Rng};
use crate::time::Instant;
use crate::timer::{Table, Timers};
use crate::trace::{Event, PacketNote, Tracer, What};
use crate::wire::{Flags, Fragment, Header, Kind, Packet, Transmit};

pub use client_states::{
    Action as ClientAction, Event as ClientEvent, State as ClientState, step as client_step,
};
pub use coverage::{Cell, Coverage};
pub use server_states::{
    Action as ServerAction, Event as ServerEvent, State as ServerState, step as server_step,
};

pub(crate) use arrival::{Arrived, Refusal};
pub(crate) use client::{Request, Sought};
pub(crate) use transfer_in::Whole;

use client::Outgoing;
use conversation::Conversations;
use peer::Peers;
use server::Served;
use transfer_in::Receiving;
use transfer_out::Sending;
use window::Windows;

/// What one input gives this room to work with, and where its packets and events go.
pub(crate) struct Port<'a> {
    pub(crate) now: Instant,
    pub(crate) transmits: &'a mut Vec<Transmit>,
    pub(crate) events: &'a mut Vec<Event>,
    pub(crate) tracer: &'a mut Tracer,
    pub(crate) rng: &'a mut Rng,
    pub(crate) nonces: &'a mut Nonces,
    pub(crate) effects: &'a mut Vec<Effect>,
}

/// What is to happen to waits and mailboxes.
#[derive(Debug)]
pub(crate) enum Effect {
    /// A blocking send is over: what was sent is as safe as asked; the buffer comes back.
    Accepted { token: WaitToken, message: Bytes },
    /// A reply came.
    Answered { process: LocalId, from: Address, reply_to: ReplyTo, message: Bytes },
    /// No reply will come.
    Failed { request: alloc::boxed::Box<Request>, error: CallError },
    /// A blocking reply is over.
    ReplySettled { token: WaitToken, result: Result<Bytes, ReplyError> },
    /// The message that room was kept for will not come.
    Released(Permit),
    /// An AYA of a process was answered.
    Pong { token: WaitToken, result: Result<(Epoch, Duration), CallError> },
}

/// Whose timer it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TimerKey {
    Outgoing(u32),
    Served(u32),
    Conversation(u32),
    Peer(u32),
    Sending(u32),
    Receiving(u32),
}

/// All requests between this machine and others.
#[derive(Debug)]
pub(crate) struct Exchange {
    config: Config,
    epoch: Epoch,
    booted: Instant,
    last_number: u64,
    peers: Peers,
    conversations: Conversations,
    outgoing: Slab<Outgoing>,
    windows: Windows,
    served: Slab<Served>,
    /// Tells tenants of one slot of `served` apart.
    generation: u32,
    /// Replied requests, the longest kept first; and the bytes of all kept replies.
    kept: alloc::collections::VecDeque<Place>,
    kept_bytes: usize,
    /// Requests queued or executing.
    in_progress: usize,
    pings: alloc::collections::BTreeMap<Nonce, WaitToken>,
    /// Messages that go in pieces, and those of them that may have a piece to send, in turn.
    sending: Slab<Sending>,
    ready: alloc::collections::VecDeque<u32>,
    last_transfer: u32,
    /// Messages that come in pieces, and the bytes they will have.
    receiving: Slab<Receiving>,
    arriving_bytes: usize,
    memory: alloc::boxed::Box<dyn Memory>,
    /// Messages whose checksum was wrong.
    spoilt_messages: u64,
    timers: Table<TimerKey>,
    next_upkeep: Instant,
    coverage: Coverage,
}

impl Exchange {
    pub(crate) fn new(now: Instant, config: Config, epoch: Epoch) -> Self {
        let timers = Table::new(config.timers, config.sweep_interval);
        Self {
            config,
            epoch,
            booted: now,
            last_number: 0,
            peers: Peers::default(),
            conversations: Conversations::default(),
            outgoing: Slab::new(),
            windows: Windows::default(),
            served: Slab::new(),
            generation: 0,
            kept: alloc::collections::VecDeque::new(),
            kept_bytes: 0,
            in_progress: 0,
            pings: alloc::collections::BTreeMap::new(),
            sending: Slab::new(),
            ready: alloc::collections::VecDeque::new(),
            last_transfer: 0,
            receiving: Slab::new(),
            arriving_bytes: 0,
            memory: alloc::boxed::Box::new(Fresh),
            spoilt_messages: 0,
            timers,
            next_upkeep: now,
            coverage: Coverage::default(),
        }
    }

    pub(crate) const fn config(&self) -> &Config {
        &self.config
    }

    /// Who gives memory for messages that come in pieces.
    pub(crate) fn set_memory(&mut self, memory: alloc::boxed::Box<dyn Memory>) {
        self.memory = memory;
    }

    /// When the earliest timer wants a tick.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// Whether requests are in progress here, ours or others', for which the kernel must go on answering.
    pub(crate) fn is_engaged(&self) -> bool {
        !self.outgoing.is_empty() || self.server_is_engaged()
    }

    /// Fires the timers that are due.
    pub(crate) fn tick(&mut self, port: &mut Port<'_>) {
        if !self.timers.is_due(port.now) {
            return;
        }
        self.timers.expire(port.now);
        // One at a time: what a timer does may disarm others that fired with it.
        while let Some(key) = self.timers.pop() {
            match key {
                TimerKey::Outgoing(slot) => self.on_request_timer(slot, port),
                TimerKey::Served(slot) => self.on_served_timer(slot, port),
                TimerKey::Conversation(slot) => self.on_ack_timer(slot, port),
                TimerKey::Peer(slot) => self.on_challenge_timer(slot, port),
                TimerKey::Sending(slot) => self.on_silence(slot, port),
                TimerKey::Receiving(slot) => self.on_arrival_timer(slot, port),
            }
        }
    }

    /// This incarnation, and since when it lives.
    pub(crate) fn own_incarnation(&self, now: Instant) -> (Epoch, Duration) {
        (self.epoch, now.since(self.booted))
    }

    /// How long this incarnation has been up, µs.
    fn uptime_us(&self, now: Instant) -> u64 {
        now.since(self.booted).as_micros() as u64
    }

    /// A packet to a machine that is known.
    #[inline]
    fn transmit(&mut self, peer: u32, header: Header, payload: Bytes, port: &mut Port<'_>) -> PacketNumber {
        self.emit(self.peers.get(peer).path, header, payload, port)
    }

    /// Numbers a packet and hands it to the driver.
    fn emit(&mut self, path: Path, mut header: Header, payload: Bytes, port: &mut Port<'_>) -> PacketNumber {
        self.last_number += 1;
        header.number = PacketNumber(self.last_number);
        header.flags = header.flags.with_if(self.config.checksum, Flags::CHECKSUM);
        if header.fragment.part.is_none() {
            header.fragment = Fragment::whole(payload.len() as u32);
        }
        let bytes = payload.len();
        self.note_sent(&header);
        port.tracer
            .event(port.events, || What::Sent { to: path.remote, packet: PacketNote::new(&header, bytes) });
        port.transmits.push(Transmit { path, packet: Packet { header, payload } });
        header.number
    }

    fn note_sent(&mut self, header: &Header) {
        self.coverage.note(Cell::Sent(header.kind.packet_type()));
        match header.kind {
            Kind::Au { reason, .. } => self.coverage.note(Cell::Unknown(reason)),
            Kind::Ta { reason, .. } => self.coverage.note(Cell::TryAgain(reason)),
            Kind::Iaa { status, .. } => self.coverage.note(Cell::Alive(status)),
            _ => {}
        }
    }

    /// Notes what the rest of the kernel has met.
    pub(crate) fn note(&mut self, cell: Cell) {
        self.coverage.note(cell);
    }

    /// What was met so far.
    #[cfg(feature = "coverage")]
    pub(crate) const fn coverage(&self) -> &Coverage {
        &self.coverage
    }

    /// A header from here to a process of `peer`, without what only some types have.
    #[inline(always)]
    fn header(
        &self,
        peer: u32,
        kind: Kind,
        source: LocalId,
        destination: LocalId,
        sequence: Sequence,
    ) -> Header {
        Header {
            kind,
            flags: Flags::NONE,
            source_epoch: self.epoch_toward(peer),
            destination_epoch: self.peers.get(peer).epoch,
            number: PacketNumber::default(),
            source,
            destination,
            sequence,
            floor: Sequence::NONE,
            answered: 0,
            elapsed_us: 0,
            fragment: Fragment::default(),
        }
    }

    /// Whether that incarnation of a machine is the one that is believed in.
    pub(crate) fn believes(&self, machine: Machine, epoch: Epoch) -> bool {
        self.peers.find(machine).is_some_and(|peer| self.believes_of(peer, epoch))
    }

    /// The same of one that is known.
    pub(crate) fn believes_of(&self, peer: u32, epoch: Epoch) -> bool {
        self.peers.get(peer).epoch == epoch
    }

    /// What this machine calls itself towards `peer`: its boot's epoch, or a later one if the peer knew a later.
    fn epoch_toward(&self, peer: u32) -> Epoch {
        self.epoch.max(self.peers.get(peer).our_epoch)
    }

    /// Forgets a little of what is too old to matter, so that tables shrink by themselves and no timer is needed.
    pub(crate) fn upkeep(&mut self, now: Instant) {
        const UPKEEP_INTERVAL: Duration = Duration::from_secs(1);
        const LOOKS: usize = 64;
        if now < self.next_upkeep || self.config.breaks(Planted::NothingForgotten) {
            return;
        }
        self.next_upkeep = now + UPKEEP_INTERVAL;
        self.forget_some(now, LOOKS, false);
    }

    /// When room is pressing, machines that have proved nothing and run nothing go at once: it costs them nothing to come
    /// back, and whoever invents addresses does not keep others out.
    #[cold]
    fn forget_some(&mut self, now: Instant, looks: usize, pressing: bool) {
        // Twice the life of a packet: one may be under way for a whole life, and may be answered by another.
        let life = self.config.packet_life.saturating_mul(2);
        for _ in 0..looks {
            if let Some(window) = self.windows.next_idle(now, life, pressing)
                && !self.is_running(window)
            {
                self.drop_window(window);
            }
            if let Some(conversation) = self.conversations.next_idle(now, life) {
                self.drop_conversation(conversation);
            }
            if let Some(peer) = self.peers.next_idle(now, life, pressing) {
                self.drop_peer(peer);
            }
        }
    }
}

/// How a client wants a request treated, as flags tell the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Manner {
    pub(super) reliability: Reliability,
    pub(super) semantics: Semantics,
}

impl Manner {
    fn of(flags: Flags) -> Self {
        let reliability = if flags.has(Flags::REPLY_ACKS) {
            Reliability::ReplyAcks
        } else if flags.has(Flags::ACK_EACH) {
            Reliability::AckEach
        } else {
            Reliability::Unreliable
        };
        let semantics =
            if flags.has(Flags::AT_LEAST_ONCE) { Semantics::AtLeastOnce } else { Semantics::AtMostOnce };
        Self { reliability, semantics }
    }

    /// And back.
    fn flags(self) -> Flags {
        let reliability = match self.reliability {
            Reliability::Unreliable => Flags::NONE,
            Reliability::AckEach => Flags::ACK_EACH,
            Reliability::ReplyAcks => Flags::REPLY_ACKS,
        };
        reliability.with_if(self.semantics == Semantics::AtLeastOnce, Flags::AT_LEAST_ONCE)
    }

    /// Whether a request may run more than once, for all its client asks.
    fn may_rerun(self) -> bool {
        self.semantics == Semantics::AtLeastOnce || self.reliability == Reliability::Unreliable
    }
}

impl Exchange {
    /// A process ends, in both its roles.
    #[cold]
    pub(crate) fn end_process(&mut self, process: LocalId, port: &mut Port<'_>) {
        self.end_server(process, port);
        self.end_client(process, port);
    }

    /// Figures for a person who asks what a kernel holds.
    pub(crate) fn holdings(&self) -> Holdings {
        Holdings {
            machines: self.peers.len(),
            clients: self.windows.len(),
            outgoing: self.outgoing.len(),
            served: self.served.len(),
            kept_bytes: self.kept_bytes,
            sending: self.sending.len(),
            sending_bytes: self.sending_bytes(),
            receiving: self.receiving.len(),
            arriving_bytes: self.arriving_bytes,
            spoilt_messages: self.spoilt_messages,
        }
    }
}

/// What the tables hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Holdings {
    /// Other machines known.
    pub machines: usize,
    /// Client processes of other machines remembered.
    pub clients: usize,
    /// Requests to other machines outstanding.
    pub outgoing: usize,
    /// Requests of other machines not forgotten yet.
    pub served: usize,
    /// Bytes of replies kept until they are acknowledged.
    pub kept_bytes: usize,
    /// Messages that go in pieces.
    pub sending: usize,
    /// Their bytes.
    pub sending_bytes: usize,
    /// Messages that come in pieces.
    pub receiving: usize,
    /// Bytes that those will have.
    pub arriving_bytes: usize,
    /// Messages in pieces that came out wrong by their checksum so far, and had to come again.
    pub spoilt_messages: u64,
}
