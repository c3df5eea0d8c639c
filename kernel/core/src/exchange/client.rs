//! The client's side: requests of this machine's processes to others, until each is over.
use bytes::Bytes;

use super::client_states::{Action, Event, State, step};
use super::peer::Peer;
use super::transfer_out::Of;
use super::{Cell, Effect, Exchange, Manner, Port, TimerKey};
use crate::config::{Options, Planted, Reliability, Semantics};
use crate::error::CallError;
use crate::ids::{Address, Epoch, LocalId, Machine, Nonce, PacketNumber, Path, Sequence, SparseId};
use crate::limits;
use crate::process::{ReplyTo, WaitToken};
use crate::time::{Instant, nanos};
use crate::timer::{Handle, Timers};
use crate::trace::{Step, Timer, What};
use crate::wire::{Flags, Header, Kind};

/// Doubling stops here, long before the time-out reaches its bound.
const BACKOFF_SHIFT_MAX: u32 = 16;

/// One request, from the trap that made it until it is over.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) conversation: u32,
    pub(super) peer: u32,
    pub(super) process: LocalId,
    pub(super) server: LocalId,
    pub(super) sequence: Sequence,
    pub(super) state: State,
    pub(super) options: Options,
    pub(super) one_way: bool,
    pub(super) message: Bytes,
    pub(super) reply_to: ReplyTo,
    /// Who waits in `send` until the request is safe.
    pub(super) sender: Option<WaitToken>,
    /// The incarnation that the REQ names.
    pub(super) named: Epoch,
    /// The incarnation that acknowledged it.
    pub(super) bound: Epoch,
    pub(super) first_sent: Instant,
    pub(super) last_sent: Instant,
    /// Copies sent: a round trip is measured only while it is 1.
    pub(super) copies: u32,
    pub(super) tries: u32,
    pub(super) refusals: u32,
    /// How long the last TA asks to wait at least.
    pub(super) wait_min: core::time::Duration,
    pub(super) last_copy: PacketNumber,
    pub(super) timer: Handle,
    pub(super) sought: Option<Sought>,
    /// Itself, while it goes in pieces; its reply, while that comes in pieces.
    pub(super) sending: Option<u32>,
    pub(super) receiving: Option<u32>,
}

/// A request whose receiver was found by its sparse id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sought {
    pub(crate) sparse: SparseId,
    /// How often it was found somewhere else than thought.
    pub(crate) moves: u32,
    /// Whether it was sent to a place that was silent, where it may have run.
    pub(crate) may_have_run: bool,
}

/// A request that was taken back.
#[derive(Debug, Default)]
pub(crate) struct Withdrawn {
    pub(crate) message: Bytes,
    /// The sparse id it was for, and the place, if nothing was heard from there.
    pub(crate) silent: Option<(SparseId, Address)>,
}

impl Outgoing {
    pub(super) fn address(&self, machine: Machine) -> Address {
        Address::new(machine, self.server)
    }

    /// Its message, for its sender. What may run more than once is kept until it is answered: it may have to go again.
    fn hand_back(&mut self) -> Bytes {
        match self.options.semantics {
            Semantics::AtLeastOnce => self.message.clone(),
            Semantics::AtMostOnce => core::mem::take(&mut self.message),
        }
    }

    /// Whether its message is its sender's again.
    pub(super) fn is_handed_back(&self) -> bool {
        self.reply_to == ReplyTo::Mailbox
            && self.sender.is_none()
            && self.options.semantics == Semantics::AtMostOnce
    }

    /// The incarnation that has it, if any can.
    pub(super) const fn incarnation(&self) -> Epoch {
        if self.bound.is_blank() { self.named } else { self.bound }
    }
}

/// What a process wants sent.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) process: LocalId,
    pub(crate) to: Address,
    pub(crate) message: Bytes,
    pub(crate) options: Options,
    pub(crate) one_way: bool,
    pub(crate) reply_to: ReplyTo,
    pub(crate) sender: Option<WaitToken>,
    pub(crate) sought: Option<Sought>,
}

/// Whether a number is inside the window that begins at the floor.
fn is_inside(floor: Sequence, sequence: Sequence, window: u32) -> bool {
    sequence.above(floor).is_some_and(|above| above < u64::from(window))
}

/// When a time-out of `base` ns, doubled with each try, is over; it grows no longer than `max`.
fn backed_off(now: Instant, base: u64, tries: u32, max: u64) -> Instant {
    let factor = 1_u64 << tries.min(BACKOFF_SHIFT_MAX);
    now.plus_nanos(base.saturating_mul(factor).min(max.max(base)))
}

impl Exchange {
    /// Checks that `request` can be sent; changes nothing.
    pub(crate) fn check_request(&mut self, to: Machine, now: Instant) -> Result<(), CallError> {
        if !self.has_client_room() {
            self.forget_some(now, limits::OUTGOING_MAX.min(1_024), false);
            if !self.has_client_room() {
                return Err(CallError::TooMany);
            }
        }
        if self.peers.find(to).is_none() && !self.make_peer_room(now) {
            return Err(CallError::TooMany);
        }
        Ok(())
    }

    fn has_client_room(&self) -> bool {
        self.outgoing.len() < limits::OUTGOING_MAX && self.conversations.len() < limits::CONVERSATIONS_MAX
    }

    /// Sends a request that was checked, or holds it until the window has room.
    pub(crate) fn send(&mut self, request: Request, port: &mut Port<'_>) {
        let peer = self.find_or_make_peer(Path::to(request.to.machine), port.now);
        let conversation = match self.conversations.find(request.process, peer) {
            Some(conversation) => conversation,
            None => self.make_conversation(request.process, peer, port.now),
        };
        let Request { process, to, message, options, one_way, reply_to, sender, sought } = request;
        port.tracer.step(Step::Addressed);
        let slot = self.outgoing.vacant_key() as u32;
        let timer = self.timers.add(TimerKey::Outgoing(slot));
        let state = self.conversations.get_mut(conversation);
        let sequence = state.push(slot);
        let goes_now = is_inside(state.floor, sequence, self.config.window);
        if !goes_now {
            state.held.push_back(slot);
        }
        self.outgoing.insert(Outgoing {
            conversation,
            peer,
            process,
            server: to.local,
            sequence,
            state: State::Held,
            options,
            one_way,
            message,
            reply_to,
            sender,
            named: Epoch::BLANK,
            bound: Epoch::BLANK,
            first_sent: port.now,
            last_sent: port.now,
            copies: 0,
            tries: 0,
            refusals: 0,
            wait_min: core::time::Duration::ZERO,
            last_copy: PacketNumber::default(),
            timer,
            sought,
            sending: None,
            receiving: None,
        });
        if goes_now {
            self.on_client_event(slot, Event::Open, port);
        }
    }

    #[cold]
    fn make_conversation(&mut self, process: LocalId, peer: u32, now: Instant) -> u32 {
        let timer = self.timers.add(TimerKey::Conversation(self.conversations.next_slot()));
        self.peers.get_mut(peer).users += 1;
        self.conversations.insert(process, peer, timer, now)
    }

    #[cold]
    pub(super) fn drop_conversation(&mut self, slot: u32) {
        let conversation = self.conversations.remove(slot);
        self.timers.remove(conversation.timer);
        self.peers.get_mut(conversation.peer).users -= 1;
    }

    /// Room for one more machine, made by forgetting one if need be.
    #[cold]
    pub(super) fn make_peer_room(&mut self, now: Instant) -> bool {
        const LOOKS: usize = 64;
        if self.peers.is_full() {
            self.forget_some(now, LOOKS, true);
        }
        if self.peers.is_full() {
            log::debug!("no room for another machine: {} are remembered", self.peers.len());
        }
        !self.peers.is_full()
    }

    /// The caller has checked that there is room.
    pub(super) fn find_or_make_peer(&mut self, path: Path, now: Instant) -> u32 {
        if let Some(peer) = self.peers.find(path.remote) {
            return peer;
        }
        self.make_peer(path, now)
    }

    #[cold]
    pub(super) fn make_peer(&mut self, path: Path, now: Instant) -> u32 {
        let timer = self.timers.add(TimerKey::Peer(self.peers.next_slot()));
        self.peers.insert(Peer::new(path, timer, now))
    }

    #[cold]
    pub(super) fn drop_peer(&mut self, slot: u32) {
        let peer = self.peers.remove(slot);
        self.timers.remove(peer.timer);
    }

    /// A step of the table, and what it asks for.
    pub(super) fn on_client_event(&mut self, slot: u32, event: Event, port: &mut Port<'_>) {
        let Some(outgoing) = self.outgoing.get_mut(slot as usize) else { return };
        self.coverage.note(Cell::Client(outgoing.state, event));
        let (state, action) = step(outgoing.state, event);
        outgoing.state = state;
        if state != State::Sent {
            // It is there, or is not to be sent for the time being.
            let sending = outgoing.sending.take();
            self.stop_sending(sending);
        }
        if action == Action::Transmit {
            let outgoing = &mut self.outgoing[slot as usize];
            outgoing.first_sent = port.now;
            outgoing.named = self.peers.get(outgoing.peer).epoch;
            return self.transmit_request(slot, port);
        }
        self.act_for_client(slot, action, port);
    }

    /// What is not done for every request.
    #[inline(never)]
    fn act_for_client(&mut self, slot: u32, action: Action, port: &mut Port<'_>) {
        let outgoing = &mut self.outgoing[slot as usize];
        match action {
            Action::Readdress => {
                outgoing.named = self.peers.get(outgoing.peer).epoch;
                outgoing.bound = Epoch::BLANK;
                self.transmit_request(slot, port);
            }
            Action::Retransmit => {
                if outgoing.options.semantics == Semantics::AtLeastOnce && outgoing.sought.is_none() {
                    outgoing.named = self.peers.get(outgoing.peer).epoch;
                    outgoing.bound = Epoch::BLANK;
                }
                self.transmit_request(slot, port);
            }
            Action::NoteAck | Action::Wait => self.note_ack(slot, port),
            Action::BackOff => self.back_off(slot, port),
            Action::Probe => self.transmit_probe(slot, port),
            Action::Challenge => {
                let (peer, timer) = (outgoing.peer, outgoing.timer);
                self.timers.disarm(timer);
                self.challenge(peer, port);
            }
            Action::Complete => self.complete(slot, port),
            Action::Fail(error) => self.fail(slot, error, port),
            Action::Drop => self.close_outgoing(slot, port),
            // A first sending is seen to by the caller; a reply's payload is at hand where the REP is, and only there.
            Action::Ignore | Action::Transmit | Action::Deliver => {}
        }
    }

    /// Sends REQ and arms its timer.
    fn transmit_request(&mut self, slot: u32, port: &mut Port<'_>) {
        let outgoing = &mut self.outgoing[slot as usize];
        let (peer, message) = (outgoing.peer, outgoing.message.clone());
        let (transfer, is_again, sending) =
            (outgoing.options.transfer, outgoing.copies > 0, outgoing.sending.take());
        self.stop_sending(sending);
        if self.goes_in_pieces(peer, transfer, message.len()) {
            let sending =
                self.start_sending(Of::Request(slot), peer, transfer, message, Flags::NONE, port.now);
            let outgoing = &mut self.outgoing[slot as usize];
            outgoing.sending = Some(sending);
            outgoing.copies += 1;
            self.timers.disarm(outgoing.timer);
            return;
        }
        let mut header = self.request_header(slot, port.now);
        header.flags = header.flags.with_if(is_again, Flags::AGAIN);
        let number = self.transmit(peer, header, message, port);
        port.tracer.step(Step::Headed);

        let outgoing = &mut self.outgoing[slot as usize];
        outgoing.last_copy = number;
        outgoing.copies += 1;
        outgoing.last_sent = port.now;
        if outgoing.options.reliability == Reliability::Unreliable {
            return self.end_unreliable(slot, port);
        }
        let round_trip = self.peers.get(peer).round_trip.timeout(&self.config);
        let base = match (outgoing.options.reliability, outgoing.one_way, self.config.late_ack) {
            // The first packet to come is the late ACK, or a reply before it.
            (Reliability::ReplyAcks, false, Some(late)) => round_trip.saturating_add(nanos(late)),
            _ => round_trip,
        };
        let at = backed_off(port.now, base, outgoing.tries, nanos(self.config.retransmit_max));
        self.timers.arm(outgoing.timer, at);
        port.tracer.step(Step::Armed);
    }

    /// Unreliable: handed to the network is all that a send promises.
    #[cold]
    fn end_unreliable(&mut self, slot: u32, port: &mut Port<'_>) {
        let outgoing = &mut self.outgoing[slot as usize];
        if outgoing.one_way {
            self.complete(slot, port);
        } else if let Some(token) = outgoing.sender.take() {
            let message = outgoing.hand_back();
            port.effects.push(Effect::Accepted { token, message });
        }
    }

    /// The header of a packet about a request, from its client; it acknowledges what it covers.
    #[inline(always)]
    pub(super) fn header_about(&mut self, slot: u32, kind: Kind, now: Instant) -> Header {
        let outgoing = &self.outgoing[slot as usize];
        let conversation = outgoing.conversation;
        let mut header =
            self.header(outgoing.peer, kind, outgoing.process, outgoing.server, outgoing.sequence);
        self.put_floor(&mut header, conversation, now);
        header
    }

    /// The header of a REQ, or of a piece of it.
    #[inline(always)]
    pub(super) fn request_header(&mut self, slot: u32, now: Instant) -> Header {
        let mut header = self.header_about(slot, Kind::Req, now);
        let outgoing = &self.outgoing[slot as usize];
        header.destination_epoch = outgoing.named;
        let Options { reliability, semantics, .. } = outgoing.options;
        header.flags = Manner { reliability, semantics }
            .flags()
            .with_if(outgoing.one_way, Flags::ONE_WAY)
            .with_if(outgoing.sought.is_some(), Flags::THIS_INCARNATION);
        header.elapsed_us = now.micros_since(outgoing.first_sent);
        header
    }

    /// Puts floor and answered into a packet to the server's machine: it acknowledges what it covers.
    #[inline(always)]
    pub(super) fn put_floor(&mut self, header: &mut Header, conversation: u32, now: Instant) {
        let conversation = self.conversations.get_mut(conversation);
        header.floor = conversation.floor;
        header.answered = conversation.answered();
        conversation.used = now;
        if !conversation.owed.is_empty() {
            conversation.acknowledge_covered();
            if conversation.owed.is_empty() {
                self.timers.disarm(conversation.timer);
            }
        }
    }

    fn note_ack(&mut self, slot: u32, port: &mut Port<'_>) {
        let outgoing = &mut self.outgoing[slot as usize];
        outgoing.tries = 0;
        if let Some(token) = outgoing.sender.take() {
            let message = outgoing.hand_back();
            port.effects.push(Effect::Accepted { token, message });
        }
        if self.config.breaks(Planted::ProbeForgotten)
            || outgoing.options.reliability == Reliability::Unreliable
        {
            // Of an unreliable request only the end of its transfer is told, and nothing is asked after that.
            return self.timers.disarm(outgoing.timer);
        }
        self.timers.arm(outgoing.timer, port.now + self.config.probe_interval);
    }

    /// After TA: a wait that doubles, jittered by a half either way.
    #[cold]
    fn back_off(&mut self, slot: u32, port: &mut Port<'_>) {
        let outgoing = &mut self.outgoing[slot as usize];
        outgoing.refusals += 1;
        let factor = 1u32 << (outgoing.refusals - 1).min(BACKOFF_SHIFT_MAX);
        let wait = self.config.try_again.saturating_mul(factor).min(self.config.retransmit_max);
        let jittered = (wait / 2).saturating_add(wait.mul_f64(port.rng.below(1_000) as f64 / 1_000.0));
        let wait = jittered.max(outgoing.wait_min.min(self.config.retransmit_max));
        self.timers.arm(outgoing.timer, port.now + wait);
    }

    #[cold]
    fn transmit_probe(&mut self, slot: u32, port: &mut Port<'_>) {
        let mut header = self.header_about(slot, Kind::Aya { nonce: Nonce(0) }, port.now);
        let outgoing = &self.outgoing[slot as usize];
        let peer = outgoing.peer;
        header.destination_epoch = outgoing.incarnation();
        header.elapsed_us = port.now.micros_since(outgoing.first_sent);
        self.transmit(peer, header, Bytes::new(), port);
        let base = self.peers.get(peer).round_trip.timeout(&self.config);
        let outgoing = &self.outgoing[slot as usize];
        let at = backed_off(port.now, base, outgoing.tries, nanos(self.config.retransmit_max));
        self.timers.arm(outgoing.timer, at);
    }

    /// A request's timer fired.
    #[cold]
    pub(super) fn on_request_timer(&mut self, slot: u32, port: &mut Port<'_>) {
        let Some(outgoing) = self.outgoing.get_mut(slot as usize) else { return };
        let (sequence, timer) = (outgoing.sequence, outgoing.timer);
        if let Some(receiving) = outgoing.receiving {
            // As long as its reply comes nobody need be asked.
            let due = self.reply_heard(receiving) + self.config.probe_interval;
            if due > port.now {
                return self.timers.arm(timer, due);
            }
        }
        let Some(outgoing) = self.outgoing.get_mut(slot as usize) else { return };
        port.tracer.cause(port.events, || What::Timer { timer: Timer::Request { sequence } });
        let exhausted = match outgoing.state {
            State::Deferred => outgoing.refusals > self.config.try_agains,
            State::Acknowledged => false,
            _ => outgoing.tries >= self.config.retries,
        };
        if outgoing.state != State::Deferred && outgoing.state != State::Acknowledged {
            outgoing.tries += 1;
        }
        self.on_client_event(slot, if exhausted { Event::Exhausted } else { Event::Timeout }, port);
    }

    /// Takes the request out of every table, its message with it; the floor moves, and what waited for the window goes.
    #[inline]
    pub(super) fn close_outgoing(&mut self, slot: u32, port: &mut Port<'_>) {
        let Outgoing { timer, sending, receiving, conversation, sequence, copies, .. } =
            self.outgoing[slot as usize];
        drop(self.outgoing.remove(slot as usize));
        self.timers.remove(timer);
        self.stop_sending(sending);
        self.stop_receiving(receiving, port);
        let state = self.conversations.get_mut(conversation);
        if copies == 0 {
            state.held.retain(|held| *held != slot);
        }
        if state.finish(sequence) && !state.held.is_empty() && !self.config.breaks(Planted::HeldForever) {
            self.open_window(conversation, port);
        }
    }

    /// Sends what was held and is inside the window now. A message that is over when it is sent moves the floor again:
    /// the loop that is under way sees to what follows, so that many of them take no stack for each.
    fn open_window(&mut self, conversation: u32, port: &mut Port<'_>) {
        if core::mem::replace(&mut self.conversations.get_mut(conversation).is_opening, true) {
            return;
        }
        while let Some(&slot) = self.conversations.get(conversation).held.front() {
            let sequence = self.outgoing[slot as usize].sequence;
            let state = self.conversations.get_mut(conversation);
            if !is_inside(state.floor, sequence, self.config.window) {
                break;
            }
            state.held.pop_front();
            self.on_client_event(slot, Event::Open, port);
        }
        self.conversations.get_mut(conversation).is_opening = false;
    }

    fn complete(&mut self, slot: u32, port: &mut Port<'_>) {
        let outgoing = &mut self.outgoing[slot as usize];
        let (sender, message) = (outgoing.sender, core::mem::take(&mut outgoing.message));
        self.close_outgoing(slot, port);
        if let Some(token) = sender {
            port.effects.push(Effect::Accepted { token, message });
        }
    }

    #[cold]
    fn fail(&mut self, slot: u32, error: CallError, port: &mut Port<'_>) {
        let outgoing = &mut self.outgoing[slot as usize];
        let message = core::mem::take(&mut outgoing.message);
        let to = outgoing.address(self.peers.get(outgoing.peer).path.remote);
        let Outgoing { process, reply_to, sender, options, one_way, sought, .. } = *outgoing;
        self.close_outgoing(slot, port);
        let request = Request { process, to, message, options, one_way, reply_to, sender, sought };
        port.effects.push(Effect::Failed { request: alloc::boxed::Box::new(request), error });
    }

    /// Takes back the request whose answer, or whose acceptance, `token` awaits.
    #[cold]
    pub(crate) fn cancel(&mut self, token: WaitToken, port: &mut Port<'_>) -> Option<Withdrawn> {
        let awaits =
            |outgoing: &Outgoing| outgoing.sender == Some(token) || outgoing.reply_to == ReplyTo::Call(token);
        if let Some((slot, _)) = self.outgoing.iter().find(|(_, outgoing)| awaits(outgoing)) {
            let outgoing = &self.outgoing[slot];
            let message = outgoing.message.clone();
            let is_silent = match outgoing.state {
                State::Sent => true,
                State::Probing => outgoing.tries > 0,
                _ => false,
            };
            let to = outgoing.address(self.peers.get(outgoing.peer).path.remote);
            let silent = outgoing.sought.filter(|_| is_silent).map(|sought| (sought.sparse, to));
            self.on_client_event(slot as u32, Event::Cancel, port);
            return Some(Withdrawn { message, silent });
        }
        self.forget_ping(token);
        None
    }

    /// Nobody waits for the answer to this ping any more.
    #[cold]
    pub(crate) fn forget_ping(&mut self, token: WaitToken) {
        self.pings.retain(|_, waiting| *waiting != token);
    }

    /// A process ends: what it owes is acknowledged, what it asked for is taken back.
    #[cold]
    pub(super) fn end_client(&mut self, process: LocalId, port: &mut Port<'_>) {
        let mine = |outgoing: &Outgoing| outgoing.process == process;
        let slots: alloc::vec::Vec<_> =
            self.outgoing.iter().filter(|(_, outgoing)| mine(outgoing)).map(|(slot, _)| slot).collect();
        for slot in slots {
            self.on_client_event(slot as u32, Event::Cancel, port);
        }
        let conversations: alloc::vec::Vec<_> = self.conversations.of_process(process).collect();
        for conversation in conversations {
            self.acknowledge_owed(conversation, port);
            self.drop_conversation(conversation);
        }
    }

    /// Sends the acknowledgements that found nothing to ride on. One covers all it can.
    pub(super) fn acknowledge_owed(&mut self, slot: u32, port: &mut Port<'_>) {
        while let Some((sequence, server)) = self.conversations.get_mut(slot).owed.pop_front() {
            self.transmit_ack(slot, sequence, server, port);
        }
        self.timers.disarm(self.conversations.get(slot).timer);
    }

    pub(super) fn transmit_ack(
        &mut self,
        slot: u32,
        sequence: Sequence,
        server: LocalId,
        port: &mut Port<'_>,
    ) {
        let conversation = self.conversations.get(slot);
        let (peer, process) = (conversation.peer, conversation.process);
        let mut header = self.header(peer, Kind::Ack, process, server, sequence);
        self.put_floor(&mut header, slot, port.now);
        self.transmit(peer, header, Bytes::new(), port);
    }

    /// The delay of an acknowledgement is over.
    pub(super) fn on_ack_timer(&mut self, slot: u32, port: &mut Port<'_>) {
        port.tracer.cause(port.events, || What::Timer { timer: Timer::AckDelay });
        self.acknowledge_owed(slot, port);
    }

    /// Asks whether `to` lives; `token` is told.
    #[cold]
    pub(crate) fn ping(&mut self, process: LocalId, to: Address, token: WaitToken, port: &mut Port<'_>) {
        let peer = self.find_or_make_peer(Path::to(to.machine), port.now);
        let nonce = port.nonces.next();
        self.pings.insert(nonce, token);
        let header = self.header(peer, Kind::Aya { nonce }, process, to.local, Sequence::NONE);
        self.transmit(peer, header, Bytes::new(), port);
    }
}
