//! The server's side: a request arrives. Whose it is, whether it is meant for this incarnation, whether it is new, and
//! whether there is room.
use core::hint::cold_path;
use core::time::Duration;

use bytes::Bytes;

use super::peer::Judgement;
use super::server::Served;
use super::server_states::{Action, Event, State, step};
use super::transfer_in::Whole;
use super::{Cell, Exchange, Manner, Port, TimerKey};
use crate::config::{Planted, Reliability, Semantics};
use crate::ids::{Address, LocalId, Path};
use crate::limits;
use crate::process::Place;
use crate::time::Instant;
use crate::timer::Timers;
use crate::trace::Fate;
use crate::wire::{AuReason, Flags, Header, Kind, TaReason, View};

/// A request for whose message the kernel is to find room.
#[derive(Debug)]
pub(crate) struct Arrival<'a> {
    pub(crate) to: LocalId,
    pub(crate) from: Address,
    pub(crate) one_way: bool,
    pub(crate) peer: u32,
    window: u32,
    manner: Manner,
    pub(super) header: &'a Header,
    /// At least once: the request is known, and is to run again.
    pub(super) known: Option<u32>,
}

impl Arrival<'_> {
    /// Bytes of its message.
    pub(crate) const fn message_bytes(&self) -> usize {
        self.header.fragment.length as usize
    }

    /// Whether only a piece of its message is here.
    pub(crate) const fn is_piece(&self) -> bool {
        self.header.fragment.part.is_some()
    }
}

/// A request whose fate is not decided yet.
#[derive(Debug)]
pub(crate) enum Arrived<'a> {
    /// Room is to be found for it.
    New(Arrival<'a>),
    /// The last piece of one for which room was found.
    Whole(Whole),
}

/// Why a request that could run is refused all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    NoProcess,
    Full,
    Discard,
}

impl Exchange {
    /// REQ. Either its fate is decided here, or room must be found for it first.
    pub(crate) fn handle_request<'a>(
        &mut self,
        path: Path,
        view: &'a View<'_>,
        port: &mut Port<'_>,
    ) -> Result<Arrived<'a>, Fate> {
        let header = view.header();
        let peer = self.admit_sender(path, header, port)?;
        let manner = Manner::of(header.flags);
        let one_way = header.flags.has(Flags::ONE_WAY);
        if !self.is_meant(peer, header, manner, port.now) {
            cold_path();
            self.transmit_unknown(peer, header, AuReason::StaleEpoch, port);
            return Err(Fate::StaleEpoch);
        }
        if self.config.breaks(Planted::FloorLowered) {
            self.lower_floor(peer, header, port);
        }
        let Some(window) = self.find_or_make_window(peer, header, port.now) else {
            self.transmit_try_again(peer, header, TaReason::KernelFull, port);
            return Err(Fate::TableFull);
        };
        self.take_floor(window, header, port);
        let floor = self.windows.get(window).floor;
        let Some(above) = header.sequence.above(floor) else { return Err(Fate::BelowFloor) };
        if above >= u64::from(self.config.window) {
            cold_path();
            self.transmit_try_again(peer, header, TaReason::WindowFull, port);
            return Err(Fate::WindowFull);
        }
        let known = self.windows.get(window).slot(header.sequence);
        if let Some(slot) = known {
            cold_path();
            // A copy says what the first one said: nobody else gets it, and it wants a reply if that did.
            let served = &self.served[slot as usize];
            if served.addressed != header.destination || served.one_way != one_way {
                return Err(Fate::Unsupported);
            }
            self.served[slot as usize].last_copy = header.number;
            match header.fragment.part {
                Some(part) => {
                    if let Some(whole) = self.handle_known_piece(slot, part, view, port)? {
                        return Ok(Arrived::Whole(whole));
                    }
                }
                None => self.duplicate(slot, port)?,
            }
        } else if self.windows.get(window).is_answered(above) {
            return Err(Fate::BelowFloor);
        } else if !self.would_remember(window, header, manner, port.now) {
            cold_path();
            self.transmit_unknown(peer, header, AuReason::UnknownRequest, port);
            return Err(Fate::Gone);
        }
        let memory = header.fragment.part.is_none_or(|part| self.has_memory_for(&header.fragment, part));
        if self.served.len() >= limits::SERVED_MAX || !memory {
            cold_path();
            self.transmit_try_again(peer, header, TaReason::KernelFull, port);
            return Err(Fate::TableFull);
        }
        let from = Address::new(path.remote, header.source);
        Ok(Arrived::New(Arrival {
            to: header.destination,
            from,
            one_way,
            peer,
            window,
            manner,
            header,
            known,
        }))
    }

    /// The rule that floors do not fall, broken on purpose.
    #[cold]
    fn lower_floor(&mut self, peer: u32, header: &Header, port: &mut Port<'_>) {
        let window = self.windows.find(peer, header.source_epoch, header.source);
        if let Some(window) = window.filter(|window| header.floor < self.windows.get(*window).floor) {
            self.drop_arrivals(window, port);
            self.drop_window(window);
        }
    }

    /// A request seen before. `Ok` if it is to run again all the same.
    #[cold]
    fn duplicate(&mut self, slot: u32, port: &mut Port<'_>) -> Result<(), Fate> {
        let served = &self.served[slot as usize];
        let manner = served.manner;
        // What was handed on is run by whoever has it now.
        let handed_on = served.owner != served.addressed && served.state.is_in_progress();
        let reruns = manner.may_rerun() && !handed_on || self.config.breaks(Planted::DuplicateRuns);
        let event = if reruns { Event::Rerun } else { Event::Duplicate };
        if step(self.served[slot as usize].state, event).1 == Action::DeliverAgain {
            return Ok(());
        }
        let fate = match self.served[slot as usize].state {
            State::Arriving | State::Kept | State::Queued | State::Executing => Fate::DuplicateInProgress,
            State::Replied => Fate::DuplicateAnswered,
            State::Settled | State::Gone => Fate::DuplicateDone,
            State::Evicted | State::DiedQueued | State::DiedExecuting => Fate::Gone,
        };
        self.on_server_event(slot, event, port);
        Err(fate)
    }

    /// Whether the sender's incarnation may be served; what it deserves for an answer if not.
    pub(super) fn admit_sender(
        &mut self,
        path: Path,
        header: &Header,
        port: &mut Port<'_>,
    ) -> Result<u32, Fate> {
        let peer = match self.peers.find(path.remote) {
            Some(peer) => peer,
            None if self.make_peer_room(port.now) => self.make_peer(path, port.now),
            None => return Err(Fate::TableFull),
        };
        let judgement = self.peers.get_mut(peer).judge(header.source_epoch);
        match judgement {
            Judgement::Current => self.learn_epoch(peer, header.source_epoch, port),
            Judgement::Candidate => self.challenge(peer, port),
            Judgement::Busy => return Err(Fate::Unproved),
            Judgement::Old => {
                self.transmit_unknown(peer, header, AuReason::OldSender, port);
                return Err(Fate::OldSender);
            }
        }
        let state = self.peers.get_mut(peer);
        // What comes by broadcast does not tell at which of our addresses it came.
        state.path = Path { local: path.local.or(state.path.local), ..path };
        state.heard = port.now;
        Ok(peer)
    }

    /// Whether a request is for this incarnation: it names it; or it names none and no other can have had it; or it
    /// may run anywhere and any number of times. One that was found by its sparse id runs where it was found alone.
    fn is_meant(&self, peer: u32, header: &Header, manner: Manner, now: Instant) -> bool {
        if header.destination_epoch == self.epoch_toward(peer)
            || self.config.breaks(Planted::IncarnationIgnored)
        {
            return true;
        }
        self.is_meant_all_the_same(header, manner, now)
    }

    #[cold]
    fn is_meant_all_the_same(&self, header: &Header, manner: Manner, now: Instant) -> bool {
        if header.flags.has(Flags::THIS_INCARNATION) && !header.destination_epoch.is_blank() {
            return false;
        }
        if manner.may_rerun() {
            return true;
        }
        let age = Duration::from_micros(u64::from(header.elapsed_us));
        let older_than_request = now.since(self.booted) > age.saturating_add(self.config.packet_life);
        header.destination_epoch.is_blank() && (self.config.first_incarnation || older_than_request)
    }

    /// Whether a request that is not known here cannot have been run and forgotten. A window is forgotten when its
    /// client was not heard of for two lives of a packet; one first sent less than a life before the window was made,
    /// and not longer than a life under way, is none of those.
    fn would_remember(&self, window: u32, header: &Header, manner: Manner, now: Instant) -> bool {
        if manner.may_rerun() {
            return true;
        }
        let age = Duration::from_micros(u64::from(header.elapsed_us));
        age < now.since(self.windows.get(window).since).saturating_add(self.config.packet_life)
    }

    fn find_or_make_window(&mut self, peer: u32, header: &Header, now: Instant) -> Option<u32> {
        if let Some(window) = self.windows.find(peer, header.source_epoch, header.source) {
            self.windows.get_mut(window).touch(now);
            return Some(window);
        }
        self.make_window(peer, header, now)
    }

    #[cold]
    fn make_window(&mut self, peer: u32, header: &Header, now: Instant) -> Option<u32> {
        const LOOKS: usize = 64;
        // Counted first: a machine in use is not forgotten while room is made for its client.
        self.peers.get_mut(peer).users += 1;
        if self.windows.is_full() {
            self.forget_some(now, LOOKS, true);
        }
        let state = self.peers.get_mut(peer);
        if self.windows.is_full() || state.windows >= limits::WINDOWS_PER_MACHINE_MAX {
            state.users -= 1;
            return None;
        }
        state.windows += 1;
        Some(self.windows.insert(peer, header.source_epoch, header.source, header.floor, now))
    }

    /// What the client declares not to await any more is forgotten, or settled if it is above the floor.
    pub(super) fn take_floor(&mut self, window: u32, header: &Header, port: &mut Port<'_>) {
        while let Some(slot) = self.windows.get_mut(window).raise(header.floor) {
            self.on_server_event(slot, Event::Passed, port);
        }
        let state = self.windows.get_mut(window);
        if header.floor != state.floor {
            return;
        }
        // A packet sent before may come after: what was declared stays declared.
        let mut bits = header.answered & !state.answered;
        state.answered |= header.answered;
        while bits != 0 {
            let above = u64::from(bits.trailing_zeros()) + 1;
            bits &= bits - 1;
            let sequence = header.floor.plus(above);
            if let Some(slot) = self.windows.get(window).slot(sequence) {
                self.on_server_event(slot, Event::Abandon, port);
            }
        }
    }

    /// The kernel has found room: the request is queued from here on, or kept for a while. `None` for a one-way message
    /// that is not: it is over.
    pub(crate) fn admit(&mut self, arrival: &Arrival<'_>, kept: bool, port: &mut Port<'_>) -> Option<Place> {
        if let Some(slot) = arrival.known {
            if self.served[slot as usize].state != State::Executing {
                self.in_progress += 1;
                self.served[slot as usize].owner = arrival.to;
                // The runs there were died, or are awaited no longer.
                self.served[slot as usize].runs = 0;
                self.release(slot, port);
            }
            let served = &mut self.served[slot as usize];
            self.coverage.note(Cell::Server(served.state, Event::Rerun));
            served.state = step(served.state, Event::Rerun).0;
            served.runs += 1;
            return Some(Place { slot, generation: served.generation });
        }
        let slot = self.make_served(arrival, State::Arriving, port.now);
        let place = Place { slot, generation: self.served[slot as usize].generation };
        let place = self.arrive(place, kept, port);
        if kept && place.is_some() && self.config.breaks(Planted::KeptAcknowledged) {
            self.transmit_request_ack(slot, port);
        }
        place
    }

    pub(super) fn make_served(&mut self, arrival: &Arrival<'_>, state: State, now: Instant) -> u32 {
        self.generation = self.generation.wrapping_add(1);
        self.in_progress += 1;
        let slot = self.served.vacant_key() as u32;
        let timer = self.timers.add(TimerKey::Served(slot));
        self.served.insert(Served {
            generation: self.generation,
            peer: arrival.peer,
            window: arrival.window,
            client: arrival.header.source,
            sequence: arrival.header.sequence,
            addressed: arrival.to,
            owner: arrival.to,
            state,
            manner: arrival.manner,
            one_way: arrival.one_way,
            last_copy: arrival.header.number,
            arrived: now,
            runs: 1,
            reply: Bytes::new(),
            sender: None,
            tries: 0,
            timer,
            sending: None,
            receiving: None,
            transfer: 0,
            is_charged: false,
        });
        self.windows.get_mut(arrival.window).set(arrival.header.sequence, slot);
        slot
    }

    /// The rule that what has no room is not answered as if it had, broken on purpose.
    #[cold]
    fn pretend(&mut self, arrival: &Arrival<'_>, port: &mut Port<'_>) -> bool {
        let Arrival { peer, one_way, manner, header, .. } = *arrival;
        let repeats = manner.semantics == Semantics::AtLeastOnce;
        let kind = if one_way && self.config.breaks(Planted::OneWayDropped) {
            Kind::Ack
        } else if !one_way && repeats && self.config.breaks(Planted::AnsweredUnrun) {
            Kind::Rep
        } else {
            return false;
        };
        let (source, destination) = (header.destination, header.source);
        let mut answer = self.header(peer, kind, source, destination, header.sequence);
        answer.destination_epoch = header.source_epoch;
        answer.flags = if one_way { Flags::FROM_SERVER } else { manner.flags() };
        self.transmit(peer, answer, Bytes::new(), port);
        true
    }

    /// The kernel has found no room.
    #[cold]
    pub(crate) fn refuse(&mut self, arrival: &Arrival<'_>, refusal: Refusal, port: &mut Port<'_>) -> Fate {
        let unreliable = arrival.manner.reliability == Reliability::Unreliable;
        if refusal != Refusal::NoProcess && self.pretend(arrival, port) {
            return Fate::NoRoom;
        }
        match refusal {
            Refusal::NoProcess => {
                self.transmit_unknown(arrival.peer, arrival.header, AuReason::NoProcess, port);
                Fate::NoProcess
            }
            Refusal::Full if !unreliable => {
                self.transmit_try_again(arrival.peer, arrival.header, TaReason::MailboxFull, port);
                Fate::NoRoom
            }
            Refusal::Full | Refusal::Discard => Fate::NoRoom,
        }
    }
}
