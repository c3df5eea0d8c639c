//! The server's side: requests of other machines, from arrival until their clients await them no more, and the
//! duplicate cache that this amounts to.
use core::time::Duration;

use bytes::Bytes;

use super::peer::Judgement;
use super::server_states::{Action, Event, State, step};
use super::{Effect, Exchange, Port, TimerKey, options_of};
use crate::config::{Options, Reliability, Semantics};
use crate::error::ReplyError;
use crate::ids::{Address, Epoch, LocalId, Nonce, Path, Sequence};
use crate::limits;
use crate::process::{Place, WaitToken};
use crate::time::{Instant, micros_u32};
use crate::timer::{Handle, Timers};
use crate::trace::{Fate, Timer, What};
use crate::wire::{AuReason, Flags, Header, IaaStatus, Kind, TaReason, View};

/// One request of another machine.
#[derive(Debug)]
pub(super) struct Served {
    generation: u32,
    peer: u32,
    window: u32,
    client: LocalId,
    sequence: Sequence,
    /// The local id the client sent to: replies come from it, wherever the request was forwarded.
    addressed: LocalId,
    /// The process that has it now.
    owner: LocalId,
    state: State,
    options: Options,
    /// The number of the REQ's last copy, for an AU to echo.
    last_copy: crate::ids::PacketNumber,
    arrived: Instant,
    /// Copies of the message that its process has, or has in its mailbox: one, or more at least once.
    runs: u32,
    reply: Bytes,
    /// Who waits for the reply's acknowledgement.
    sender: Option<WaitToken>,
    tries: u32,
    timer: Handle,
}

/// A request for whose message the kernel is to find room.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) to: LocalId,
    pub(crate) from: Address,
    pub(crate) one_way: bool,
    peer: u32,
    window: u32,
    options: Options,
    header: Header,
    /// At least once: the request is known, and is to run again.
    known: Option<u32>,
}

/// Why a request that could run is refused all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    NoProcess,
    Full,
    Discard,
}

impl Exchange {
    /// Whether a process here has requests it has not answered.
    pub(super) fn server_is_engaged(&self) -> bool {
        self.in_progress > 0
    }

    /// REQ. Either its fate is decided here, or room must be found for it first.
    pub(crate) fn handle_request(
        &mut self,
        path: Path,
        view: &View<'_>,
        port: &mut Port<'_>,
    ) -> Result<Arrival, Fate> {
        let header = *view.header();
        if !view.is_whole() {
            return Err(Fate::Fragment);
        }
        let peer = self.admit_client(path, &header, port)?;
        let options = options_of(header.flags);
        let one_way = header.flags.has(Flags::ONE_WAY);
        if !self.is_meant(peer, &header, options, port.now) {
            self.transmit_unknown(peer, &header, AuReason::StaleEpoch, port);
            return Err(Fate::StaleEpoch);
        }
        let window = self.find_or_make_window(peer, &header, port.now).ok_or(Fate::TableFull)?;
        self.take_floor(window, &header, port);
        let floor = self.windows.get(window).floor;
        let Some(above) = header.sequence.above(floor) else { return Err(Fate::BelowFloor) };
        if above >= u64::from(self.config.window) {
            self.transmit_try_again(peer, &header, TaReason::WindowFull, port);
            return Err(Fate::WindowFull);
        }
        let known = self.windows.get(window).slot(header.sequence);
        if let Some(slot) = known {
            self.served[slot as usize].last_copy = header.number;
            self.duplicate(slot, port)?;
        } else if self.windows.get(window).is_answered(above) {
            return Err(Fate::BelowFloor);
        } else if !self.would_remember(window, &header, options, port.now) {
            self.transmit_unknown(peer, &header, AuReason::UnknownRequest, port);
            return Err(Fate::Gone);
        }
        if self.served.len() >= limits::SERVED_MAX {
            self.transmit_try_again(peer, &header, TaReason::KernelFull, port);
            return Err(Fate::TableFull);
        }
        let from = Address::new(path.remote, header.source);
        Ok(Arrival { to: header.destination, from, one_way, peer, window, options, header, known })
    }

    /// A request seen before. `Ok` if it is to run again all the same.
    fn duplicate(&mut self, slot: u32, port: &mut Port<'_>) -> Result<(), Fate> {
        let options = self.served[slot as usize].options;
        let reruns =
            options.semantics == Semantics::AtLeastOnce || options.reliability == Reliability::Unreliable;
        let event = if reruns { Event::Rerun } else { Event::Duplicate };
        if step(self.served[slot as usize].state, event).1 == Action::DeliverAgain {
            return Ok(());
        }
        let fate = match self.served[slot as usize].state {
            State::Queued | State::Executing => Fate::DuplicateInProgress,
            State::Replied => Fate::DuplicateAnswered,
            State::Settled | State::Gone => Fate::DuplicateDone,
            State::Evicted | State::DiedQueued | State::DiedExecuting => Fate::Gone,
        };
        self.on_server_event(slot, event, port);
        Err(fate)
    }

    /// Whether the sender's incarnation may be served; what it deserves for an answer if not.
    fn admit_client(&mut self, path: Path, header: &Header, port: &mut Port<'_>) -> Result<u32, Fate> {
        if self.peers.find(path.remote).is_none() && !self.make_peer_room(port.now) {
            return Err(Fate::TableFull);
        }
        let peer = self.find_or_make_peer(path, port.now);
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
        state.path = path;
        state.heard = port.now;
        Ok(peer)
    }

    /// Whether a request is for this incarnation: it names it; or it names none and no other can have had it; or it
    /// may run anywhere and any number of times.
    fn is_meant(&self, peer: u32, header: &Header, options: Options, now: Instant) -> bool {
        if header.destination_epoch == self.epoch_toward(peer)
            || options.semantics == Semantics::AtLeastOnce
            || options.reliability == Reliability::Unreliable
        {
            return true;
        }
        let age = Duration::from_micros(u64::from(header.elapsed_us));
        let older_than_request = now.since(self.booted) > age.saturating_add(self.config.packet_life);
        header.destination_epoch.is_blank() && (self.config.first_incarnation || older_than_request)
    }

    /// Whether a request that is not known here cannot have been run and forgotten. A window is forgotten when its
    /// client was not heard of for two lives of a packet; one first sent less than a life before the window was made,
    /// and not longer than a life under way, is none of those.
    fn would_remember(&self, window: u32, header: &Header, options: Options, now: Instant) -> bool {
        if options.semantics == Semantics::AtLeastOnce || options.reliability == Reliability::Unreliable {
            return true;
        }
        let age = Duration::from_micros(u64::from(header.elapsed_us));
        age < now.since(self.windows.get(window).since).saturating_add(self.config.packet_life)
    }

    fn find_or_make_window(&mut self, peer: u32, header: &Header, now: Instant) -> Option<u32> {
        const LOOKS: usize = 64;
        if let Some(window) = self.windows.find(peer, header.source_epoch, header.source) {
            self.windows.get_mut(window).touch(now);
            return Some(window);
        }
        if self.windows.is_full() {
            self.forget_some(now, LOOKS);
        }
        if self.windows.is_full() {
            return None;
        }
        self.peers.get_mut(peer).users += 1;
        Some(self.windows.insert(peer, header.source_epoch, header.source, header.floor, now))
    }

    /// What the client declares not to await any more is forgotten, or settled if it is above the floor.
    fn take_floor(&mut self, window: u32, header: &Header, port: &mut Port<'_>) {
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

    /// The kernel has found room: the request is queued from here on. `None` for a one-way message, which is over.
    pub(crate) fn admit(&mut self, arrival: &Arrival, port: &mut Port<'_>) -> Option<Place> {
        let Arrival { header, options, .. } = arrival;
        if let Some(slot) = arrival.known {
            if self.served[slot as usize].state != State::Executing {
                self.in_progress += 1;
                self.served[slot as usize].owner = arrival.to;
                self.release(slot, Ok(()), port);
            }
            let served = &mut self.served[slot as usize];
            served.state = step(served.state, Event::Rerun).0;
            served.runs += 1;
            return Some(Place { slot, generation: served.generation });
        }
        let slot = self.make_served(arrival, port.now);
        let unreliable = options.reliability == Reliability::Unreliable;
        if arrival.one_way {
            self.served[slot as usize].state = State::Settled;
            self.in_progress -= 1;
            if !unreliable {
                self.transmit_request_ack(slot, port);
            }
            if unreliable || options.semantics == Semantics::AtLeastOnce {
                self.forget(slot);
            }
            return None;
        }
        match (options.reliability, self.config.late_ack) {
            (Reliability::AckEach, _) => self.transmit_request_ack(slot, port),
            (Reliability::ReplyAcks, Some(late)) => {
                self.timers.arm(self.served[slot as usize].timer, port.now + late);
            }
            _ => {}
        }
        debug_assert_eq!(self.served[slot as usize].sequence, header.sequence);
        Some(Place { slot, generation: self.served[slot as usize].generation })
    }

    fn make_served(&mut self, arrival: &Arrival, now: Instant) -> u32 {
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
            state: State::Queued,
            options: arrival.options,
            last_copy: arrival.header.number,
            arrived: now,
            runs: 1,
            reply: Bytes::new(),
            sender: None,
            tries: 0,
            timer,
        });
        self.windows.get_mut(arrival.window).set(arrival.header.sequence, slot);
        slot
    }

    /// The kernel has found no room.
    pub(crate) fn refuse(&mut self, arrival: &Arrival, refusal: Refusal, port: &mut Port<'_>) -> Fate {
        let unreliable = arrival.options.reliability == Reliability::Unreliable;
        match refusal {
            Refusal::NoProcess => {
                self.transmit_unknown(arrival.peer, &arrival.header, AuReason::NoProcess, port);
                Fate::NoProcess
            }
            Refusal::Full if !unreliable => {
                self.transmit_try_again(arrival.peer, &arrival.header, TaReason::MailboxFull, port);
                Fate::NoRoom
            }
            Refusal::Full | Refusal::Discard => Fate::NoRoom,
        }
    }

    fn find_served(&mut self, place: Place) -> Option<&mut Served> {
        let served = self.served.get_mut(place.slot as usize)?;
        (served.generation == place.generation).then_some(served)
    }

    /// Its process takes the message. False if nobody awaits the request any more: then it is not to be run.
    pub(crate) fn take(&mut self, place: Place, process: LocalId) -> bool {
        let Some(served) = self.find_served(place) else { return false };
        served.state = step(served.state, Event::Take).0;
        served.owner = process;
        served.state == State::Executing
    }

    /// Whether `process` may answer the request now.
    pub(crate) fn check_reply(&mut self, place: Place, process: LocalId) -> Result<(), ReplyError> {
        match self.find_served(place) {
            None => Err(ReplyError::Abandoned),
            Some(served) if served.owner != process => Err(ReplyError::NotYours),
            Some(served) if served.state == State::Settled && served.runs > 0 => Err(ReplyError::Abandoned),
            Some(served) if served.state != State::Executing => Err(ReplyError::NotWanted),
            Some(_) => Ok(()),
        }
    }

    /// Whether a reply to the request is over only when its acknowledgement has come.
    pub(crate) fn reply_waits(&mut self, place: Place) -> bool {
        self.find_served(place).is_some_and(|served| served.options.reliability == Reliability::AckEach)
    }

    /// Sends a reply that was checked. `sender` waits if [`Exchange::reply_waits`].
    pub(crate) fn reply(
        &mut self,
        place: Place,
        message: Bytes,
        sender: Option<WaitToken>,
        port: &mut Port<'_>,
    ) {
        let Some(served) = self.find_served(place) else { return };
        let kept = match served.options.reliability {
            Reliability::Unreliable => false,
            Reliability::AckEach => true,
            Reliability::ReplyAcks => served.options.semantics == Semantics::AtMostOnce,
        };
        served.runs -= 1;
        if served.runs > 0 {
            // At least once, and another run of it is still to be answered.
            self.transmit_reply(place.slot, message.clone(), Flags::NONE, port);
            if let Some(token) = sender {
                port.effects.push(Effect::ReplySettled { token, result: Ok(message) });
            }
            return;
        }
        served.reply = message;
        served.sender = sender;
        served.tries = 0;
        self.on_server_event(place.slot, if kept { Event::ReplyKept } else { Event::ReplyLoose }, port);
    }

    /// The request goes on to another process of this kernel.
    pub(crate) fn hand_over(&mut self, place: Place, process: LocalId) {
        if let Some(served) = self.find_served(place) {
            served.owner = process;
            served.state = State::Queued;
        }
    }

    /// The request goes on to a process of another machine: the kernel sees to its answer, and its process is out of it.
    pub(crate) fn hand_over_to_kernel(&mut self, place: Place) {
        if let Some(served) = self.find_served(place) {
            served.owner = LocalId::KERNEL;
        }
    }

    /// A process to which it was forwarded will not answer.
    pub(crate) fn fail_forwarded(&mut self, place: Place, reason: AuReason, port: &mut Port<'_>) {
        let Some(served) = self.find_served(place) else { return };
        if !matches!(served.state, State::Queued | State::Executing) {
            return;
        }
        let queued = matches!(reason, AuReason::NoProcess | AuReason::DiedQueued);
        served.state = if queued { State::Queued } else { State::Executing };
        self.on_server_event(place.slot, Event::ProcessEnds, port);
    }

    /// A process ends: the requests it held die with it.
    pub(super) fn end_server(&mut self, process: LocalId, port: &mut Port<'_>) {
        let held = |served: &Served| {
            served.owner == process && matches!(served.state, State::Queued | State::Executing)
        };
        let slots: alloc::vec::Vec<_> =
            self.served.iter().filter(|(_, served)| held(served)).map(|(slot, _)| slot).collect();
        for slot in slots {
            self.on_server_event(slot as u32, Event::ProcessEnds, port);
        }
    }

    /// A step of the table, and what it asks for.
    fn on_server_event(&mut self, slot: u32, event: Event, port: &mut Port<'_>) {
        let Some(served) = self.served.get_mut(slot as usize) else { return };
        let before = served.state;
        let (state, action) = step(before, event);
        served.state = state;
        let running = |state| matches!(state, State::Queued | State::Executing);
        if running(before) && !running(state) {
            self.in_progress -= 1;
        }
        match action {
            Action::Ignore | Action::DeliverAgain => {}
            Action::SendAck => self.transmit_request_ack(slot, port),
            Action::SendIaa(status) => self.transmit_alive(slot, status, port),
            Action::SendAu(reason) => self.transmit_gone(slot, reason, port),
            Action::SendRep => {
                self.timers.disarm(self.served[slot as usize].timer);
                let reply = self.served[slot as usize].reply.clone();
                self.transmit_reply(slot, reply, Flags::NONE, port);
                self.keep(slot, state, port);
            }
            Action::RepeatRep => {
                let reply = self.served[slot as usize].reply.clone();
                self.transmit_reply(slot, reply, Flags::CACHED.with(Flags::AGAIN), port);
                self.arm_reply(slot, port.now);
            }
            Action::Release => self.release(slot, Ok(()), port),
            Action::GiveUp => {
                // The reply stays for a client that asks again; the process need not wait for that.
                if let Some(token) = self.served[slot as usize].sender.take() {
                    port.effects.push(Effect::ReplySettled { token, result: Err(ReplyError::NoAnswer) });
                }
            }
            Action::Forget => {
                self.release(slot, Ok(()), port);
                self.forget(slot);
            }
        }
    }

    /// After the first REP: the reply is kept within the cache's bound, or let go.
    fn keep(&mut self, slot: u32, state: State, port: &mut Port<'_>) {
        if state != State::Replied {
            self.release_loose(slot);
            return;
        }
        self.arm_reply(slot, port.now);
        let served = &self.served[slot as usize];
        self.kept_bytes += served.reply.len();
        self.kept.push_back(Place { slot, generation: served.generation });
        while self.kept_bytes > self.config.cache_bytes || self.kept.len() > limits::SERVED_MAX {
            let Some(place) = self.kept.pop_front() else { break };
            if let Some(served) = self.find_served(place)
                && served.state == State::Replied
            {
                if let Some(token) = served.sender.take() {
                    port.effects.push(Effect::ReplySettled { token, result: Err(ReplyError::NoAnswer) });
                }
                self.on_server_event(place.slot, Event::Evict, port);
            }
        }
        // Places whose reply is released stay in the queue; they go when they come to its front or outnumber the rest.
        while let Some(&front) = self.kept.front() {
            if self.find_served(front).is_some_and(|served| served.state == State::Replied) {
                break;
            }
            self.kept.pop_front();
        }
        if self.kept.len() > 2 * self.served.len() + 64 {
            let served = &self.served;
            self.kept.retain(|place| {
                served.get(place.slot as usize).is_some_and(|served| {
                    served.generation == place.generation && served.state == State::Replied
                })
            });
        }
    }

    /// A reply that is not kept leaves nothing but its number.
    fn release_loose(&mut self, slot: u32) {
        self.served[slot as usize].reply = Bytes::new();
    }

    fn release(&mut self, slot: u32, result: Result<(), ReplyError>, port: &mut Port<'_>) {
        let served = &mut self.served[slot as usize];
        self.timers.disarm(served.timer);
        let reply = core::mem::take(&mut served.reply);
        self.kept_bytes -= reply.len();
        if let Some(token) = served.sender.take() {
            port.effects.push(Effect::ReplySettled { token, result: result.map(|()| reply) });
        }
    }

    /// Takes the request out of every table.
    fn forget(&mut self, slot: u32) {
        let served = self.served.remove(slot as usize);
        self.timers.remove(served.timer);
        self.windows.get_mut(served.window).clear(served.sequence);
    }

    /// Forgets a client that was not heard of for long, with what was kept for it.
    pub(super) fn drop_window(&mut self, window: u32) {
        let window = self.windows.remove(window);
        for slot in window.slots() {
            let served = self.served.remove(slot as usize);
            self.timers.remove(served.timer);
            if served.state == State::Replied {
                self.kept_bytes -= served.reply.len();
            }
            if matches!(served.state, State::Queued | State::Executing) {
                self.in_progress -= 1;
            }
        }
        self.peers.get_mut(window.peer).users -= 1;
    }

    /// Whether a process here has a request of this client, or waits until its reply is acknowledged: then the client
    /// is not forgotten, however silent it is.
    pub(super) fn is_running(&self, window: u32) -> bool {
        self.windows.get(window).slots().any(|slot| {
            let served = &self.served[slot as usize];
            matches!(served.state, State::Queued | State::Executing) || served.sender.is_some()
        })
    }

    /// Forgets the clients of some incarnations of a machine. Who waits for an acknowledgement of theirs is told.
    pub(super) fn drop_windows(&mut self, peer: u32, gone: impl Fn(Epoch) -> bool, port: &mut Port<'_>) {
        let windows: alloc::vec::Vec<_> =
            self.windows.of_peer(peer).filter(|(epoch, _)| gone(*epoch)).map(|(_, slot)| slot).collect();
        for window in windows {
            for slot in self.windows.get(window).slots() {
                if let Some(token) = self.served[slot as usize].sender.take() {
                    let result = Err(ReplyError::Abandoned);
                    port.effects.push(Effect::ReplySettled { token, result });
                }
            }
            self.drop_window(window);
        }
    }

    /// AYA: is the machine, the process, the request alive?
    pub(crate) fn handle_probe(
        &mut self,
        path: Path,
        view: &View<'_>,
        process_lives: bool,
        port: &mut Port<'_>,
    ) -> Fate {
        let header = *view.header();
        let Kind::Aya { nonce } = header.kind else { return Fate::Unsupported };
        let peer = match self.admit_client(path, &header, port) {
            Ok(peer) => peer,
            Err(fate) => return fate,
        };
        if header.sequence == Sequence::NONE {
            if header.destination != LocalId(0) && !process_lives {
                self.transmit_unknown(peer, &header, AuReason::NoProcess, port);
                return Fate::NoProcess;
            }
            let kind = Kind::Iaa { status: IaaStatus::Alive, nonce, uptime_us: self.uptime_us(port.now) };
            let mut answer = self.header(peer, kind, header.destination, header.source, Sequence::NONE);
            answer.destination_epoch = header.source_epoch;
            self.transmit(peer, answer, Bytes::new(), port);
            return Fate::Accepted;
        }
        if header.destination_epoch != self.epoch_toward(peer) {
            self.transmit_unknown(peer, &header, AuReason::StaleEpoch, port);
            return Fate::StaleEpoch;
        }
        let known = self.windows.find(peer, header.source_epoch, header.source).and_then(|window| {
            self.take_floor(window, &header, port);
            self.windows.get_mut(window).touch(port.now);
            self.windows.get(window).slot(header.sequence)
        });
        let Some(slot) = known else {
            self.transmit_unknown(peer, &header, AuReason::UnknownRequest, port);
            return Fate::Gone;
        };
        self.served[slot as usize].last_copy = header.number;
        self.on_server_event(slot, Event::Aya, port);
        Fate::Accepted
    }

    /// ACK of a reply.
    pub(crate) fn handle_reply_ack(&mut self, path: Path, view: &View<'_>, port: &mut Port<'_>) -> Fate {
        let header = *view.header();
        let Some(peer) = self.peers.find(path.remote) else { return Fate::NotAwaited };
        if header.destination_epoch != self.epoch_toward(peer) {
            return Fate::OtherIncarnation;
        }
        let Some(window) = self.windows.find(peer, header.source_epoch, header.source) else {
            return Fate::NotAwaited;
        };
        self.windows.get_mut(window).touch(port.now);
        let slot = self.windows.get(window).slot(header.sequence);
        let replied = slot.is_some_and(|slot| self.served[slot as usize].state == State::Replied);
        if let Some(slot) = slot {
            self.on_server_event(slot, Event::Ack, port);
        }
        self.take_floor(window, &header, port);
        if replied { Fate::Accepted } else { Fate::DuplicateDone }
    }

    pub(super) fn on_served_timer(&mut self, slot: u32, port: &mut Port<'_>) {
        let Some(served) = self.served.get_mut(slot as usize) else { return };
        let sequence = served.sequence;
        let late = matches!(served.state, State::Queued | State::Executing);
        let timer = if late { Timer::LateAck { sequence } } else { Timer::Reply { sequence } };
        port.tracer.cause(port.events, || What::Timer { timer });
        let event = if late {
            Event::Late
        } else if served.tries >= self.config.retries {
            Event::Exhausted
        } else {
            served.tries += 1;
            Event::Timeout
        };
        self.on_server_event(slot, event, port);
    }

    /// Under REQ-ACK-REP-ACK the reply is sent again until it is acknowledged.
    fn arm_reply(&mut self, slot: u32, now: Instant) {
        let served = &self.served[slot as usize];
        if served.options.reliability == Reliability::AckEach {
            let wait = self.peers.get(served.peer).round_trip.timeout(&self.config);
            let wait = wait.saturating_mul(1 << served.tries.min(16)).min(self.config.retransmit_max);
            self.timers.arm(served.timer, now + wait);
        }
    }

    fn served_header(&self, slot: u32, kind: Kind, now: Instant) -> (u32, Header) {
        let served = &self.served[slot as usize];
        let mut header = self.header(served.peer, kind, served.addressed, served.client, served.sequence);
        header.destination_epoch = self.windows.get(served.window).epoch;
        header.elapsed_us = micros_u32(now.since(served.arrived));
        (served.peer, header)
    }

    fn transmit_reply(&mut self, slot: u32, message: Bytes, flags: Flags, port: &mut Port<'_>) {
        let (peer, mut header) = self.served_header(slot, Kind::Rep, port.now);
        header.flags = flags.with(super::flags_of(self.served[slot as usize].options, false));
        self.transmit(peer, header, message, port);
    }

    fn transmit_request_ack(&mut self, slot: u32, port: &mut Port<'_>) {
        if self.served[slot as usize].options.reliability == Reliability::Unreliable {
            return;
        }
        let (peer, mut header) = self.served_header(slot, Kind::Ack, port.now);
        header.flags = Flags::FROM_SERVER;
        self.transmit(peer, header, Bytes::new(), port);
    }

    fn transmit_alive(&mut self, slot: u32, status: IaaStatus, port: &mut Port<'_>) {
        let kind = Kind::Iaa { status, nonce: Nonce(0), uptime_us: self.uptime_us(port.now) };
        let (peer, header) = self.served_header(slot, kind, port.now);
        self.transmit(peer, header, Bytes::new(), port);
    }

    fn transmit_gone(&mut self, slot: u32, reason: AuReason, port: &mut Port<'_>) {
        let refused = self.served[slot as usize].last_copy;
        let uptime_us = self.uptime_us(port.now);
        let kind = Kind::Au { reason, refused, known: Epoch::BLANK, uptime_us, nonce: Nonce(0) };
        let (peer, header) = self.served_header(slot, kind, port.now);
        self.timers.disarm(self.served[slot as usize].timer);
        self.transmit(peer, header, Bytes::new(), port);
    }

    /// AU for a packet whose request is not in the tables.
    pub(super) fn transmit_unknown(
        &mut self,
        peer: u32,
        refused: &Header,
        reason: AuReason,
        port: &mut Port<'_>,
    ) {
        let known = if reason == AuReason::OldSender { self.peers.get(peer).epoch } else { Epoch::BLANK };
        let nonce = if let Kind::Aya { nonce } = refused.kind { nonce } else { Nonce(0) };
        let uptime_us = self.uptime_us(port.now);
        let kind = Kind::Au { reason, refused: refused.number, known, uptime_us, nonce };
        self.answer_to(peer, refused, kind, port);
    }

    fn transmit_try_again(&mut self, peer: u32, refused: &Header, reason: TaReason, port: &mut Port<'_>) {
        let wait_us = micros_u32(limits::TRY_AGAIN_HINT);
        let kind = Kind::Ta { refused: refused.number, wait_us, reason };
        self.answer_to(peer, refused, kind, port);
    }

    fn answer_to(&mut self, peer: u32, packet: &Header, kind: Kind, port: &mut Port<'_>) {
        let mut header = self.header(peer, kind, packet.destination, packet.source, packet.sequence);
        header.destination_epoch = packet.source_epoch;
        self.transmit(peer, header, Bytes::new(), port);
    }
}
