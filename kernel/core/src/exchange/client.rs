//! The client's side: requests of this machine's processes to others, until each is over.
use bytes::Bytes;

use super::client_states::{Action, Event, State, step};
use super::peer::{Judgement, Peer};
use super::{Effect, Exchange, Port, TimerKey, flags_of};
use crate::config::{Options, Reliability, Semantics};
use crate::error::CallError;
use crate::ids::{Address, Epoch, LocalId, Machine, Nonce, PacketNumber, Path, Sequence};
use crate::limits;
use crate::process::{ReplyTo, WaitToken};
use crate::time::{Instant, micros_u32};
use crate::timer::{Handle, Timers};
use crate::trace::{Fate, Timer, What};
use crate::wire::{AuReason, Flags, Header, Kind, View};

/// Doubling stops here, long before the time-out reaches its bound.
const BACKOFF_SHIFT_MAX: u32 = 16;

/// One request, from the trap that made it until it is over.
#[derive(Debug)]
pub(super) struct Outgoing {
    conversation: u32,
    pub(super) peer: u32,
    process: LocalId,
    server: LocalId,
    sequence: Sequence,
    state: State,
    options: Options,
    one_way: bool,
    message: Bytes,
    reply_to: ReplyTo,
    /// Who waits in `send` until the request is safe.
    sender: Option<WaitToken>,
    /// The incarnation that the REQ names.
    named: Epoch,
    /// The incarnation that acknowledged it.
    bound: Epoch,
    first_sent: Instant,
    last_sent: Instant,
    /// Copies sent: a round trip is measured only while it is 1.
    copies: u32,
    tries: u32,
    refusals: u32,
    last_copy: PacketNumber,
    timer: Handle,
}

impl Outgoing {
    fn address(&self, machine: Machine) -> Address {
        Address::new(machine, self.server)
    }

    /// The incarnation that has it, if any can.
    const fn incarnation(&self) -> Epoch {
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
}

impl Exchange {
    /// Checks that `request` can be sent; changes nothing.
    pub(crate) fn check_request(&mut self, to: Machine, now: Instant) -> Result<(), CallError> {
        if self.outgoing.len() >= limits::OUTGOING_MAX
            || self.conversations.len() >= limits::CONVERSATIONS_MAX
        {
            self.forget_some(now, limits::OUTGOING_MAX.min(1_024));
            if self.outgoing.len() >= limits::OUTGOING_MAX
                || self.conversations.len() >= limits::CONVERSATIONS_MAX
            {
                return Err(CallError::TooMany);
            }
        }
        if self.peers.find(to).is_none() && !self.make_peer_room(now) {
            return Err(CallError::TooMany);
        }
        Ok(())
    }

    /// Sends a request that was checked, or holds it until the window has room.
    pub(crate) fn send(&mut self, request: Request, port: &mut Port<'_>) {
        let peer = self.find_or_make_peer(Path::to(request.to.machine), port.now);
        let conversation = match self.conversations.find(request.process, peer) {
            Some(conversation) => conversation,
            None => self.make_conversation(request.process, peer, port.now),
        };
        let Request { process, to, message, options, one_way, reply_to, sender } = request;
        let slot = self.outgoing.vacant_key() as u32;
        let timer = self.timers.add(TimerKey::Outgoing(slot));
        let sequence = self.conversations.get_mut(conversation).push(slot);
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
            last_copy: PacketNumber::default(),
            timer,
        });
        if self.is_inside_window(conversation, sequence) {
            self.on_client_event(slot, Event::Open, port);
        } else {
            self.conversations.get_mut(conversation).held.push_back(slot);
        }
    }

    fn is_inside_window(&self, conversation: u32, sequence: Sequence) -> bool {
        let floor = self.conversations.get(conversation).floor;
        sequence.above(floor).is_some_and(|above| above < u64::from(self.config.window))
    }

    fn make_conversation(&mut self, process: LocalId, peer: u32, now: Instant) -> u32 {
        let timer = self.timers.add(TimerKey::Conversation(self.conversations.next_slot()));
        self.peers.get_mut(peer).users += 1;
        self.conversations.insert(process, peer, timer, now)
    }

    pub(super) fn drop_conversation(&mut self, slot: u32) {
        let conversation = self.conversations.remove(slot);
        self.timers.remove(conversation.timer);
        self.peers.get_mut(conversation.peer).users -= 1;
    }

    /// Room for one more machine, made by forgetting one if need be.
    pub(super) fn make_peer_room(&mut self, now: Instant) -> bool {
        const LOOKS: usize = 64;
        if self.peers.is_full() {
            self.forget_some(now, LOOKS);
        }
        !self.peers.is_full()
    }

    /// The caller has checked that there is room.
    pub(super) fn find_or_make_peer(&mut self, path: Path, now: Instant) -> u32 {
        if let Some(peer) = self.peers.find(path.remote) {
            return peer;
        }
        let timer = self.timers.add(TimerKey::Peer(self.peers.next_slot()));
        self.peers.insert(Peer::new(path, timer, now))
    }

    pub(super) fn drop_peer(&mut self, slot: u32) {
        let peer = self.peers.remove(slot);
        self.timers.remove(peer.timer);
    }

    /// A step of the table, and what it asks for.
    pub(super) fn on_client_event(&mut self, slot: u32, event: Event, port: &mut Port<'_>) {
        let Some(outgoing) = self.outgoing.get_mut(slot as usize) else { return };
        let (state, action) = step(outgoing.state, event);
        outgoing.state = state;
        match action {
            Action::Ignore => {}
            Action::Transmit => {
                outgoing.first_sent = port.now;
                outgoing.named = self.peers.get(outgoing.peer).epoch;
                self.transmit_request(slot, port);
            }
            Action::Readdress => {
                outgoing.named = self.peers.get(outgoing.peer).epoch;
                outgoing.bound = Epoch::BLANK;
                self.transmit_request(slot, port);
            }
            Action::Retransmit => {
                if outgoing.options.semantics == Semantics::AtLeastOnce {
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
            Action::Drop => drop(self.close_outgoing(slot, port)),
            // The payload is at hand where the REP is, and only there.
            Action::Deliver => {}
        }
    }

    /// Sends REQ and arms its timer.
    fn transmit_request(&mut self, slot: u32, port: &mut Port<'_>) {
        let outgoing = &self.outgoing[slot as usize];
        let (peer, conversation, message) = (outgoing.peer, outgoing.conversation, outgoing.message.clone());
        let mut header = self.header(peer, Kind::Req, outgoing.process, outgoing.server, outgoing.sequence);
        header.destination_epoch = outgoing.named;
        header.flags =
            flags_of(outgoing.options, outgoing.one_way).with_if(outgoing.copies > 0, Flags::AGAIN);
        header.elapsed_us = micros_u32(port.now.since(outgoing.first_sent));
        self.put_floor(&mut header, conversation, port.now);
        let number = self.transmit(peer, header, message, port);

        let outgoing = &mut self.outgoing[slot as usize];
        outgoing.last_copy = number;
        outgoing.copies += 1;
        outgoing.last_sent = port.now;
        if outgoing.options.reliability != Reliability::Unreliable {
            let base = self.request_timeout(slot);
            self.arm_backed_off(slot, base, port.now);
        } else if self.outgoing[slot as usize].one_way {
            self.complete(slot, port);
        } else if let Some(token) = self.outgoing[slot as usize].sender.take() {
            // Unreliable: handed to the network is all that a send promises.
            let message = core::mem::take(&mut self.outgoing[slot as usize].message);
            port.effects.push(Effect::Accepted { token, message });
        }
    }

    /// When an ACK or REP of this request should be here.
    fn request_timeout(&self, slot: u32) -> core::time::Duration {
        let outgoing = &self.outgoing[slot as usize];
        let round_trip = self.peers.get(outgoing.peer).round_trip.timeout(&self.config);
        match (outgoing.options.reliability, outgoing.one_way, self.config.late_ack) {
            // The first packet to come is the late ACK, or a reply before it.
            (Reliability::ReplyAcks, false, Some(late)) => round_trip.saturating_add(late),
            _ => round_trip,
        }
    }

    fn arm_backed_off(&mut self, slot: u32, base: core::time::Duration, now: Instant) {
        let outgoing = &self.outgoing[slot as usize];
        let factor = 1u32 << outgoing.tries.min(BACKOFF_SHIFT_MAX);
        let wait = base.saturating_mul(factor).min(self.config.retransmit_max.max(base));
        self.timers.arm(outgoing.timer, now + wait);
    }

    /// Puts floor and answered into a packet to the server's machine: it acknowledges what it covers.
    fn put_floor(&mut self, header: &mut Header, conversation: u32, now: Instant) {
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
            let message = core::mem::take(&mut outgoing.message);
            port.effects.push(Effect::Accepted { token, message });
        }
        self.timers.arm(outgoing.timer, port.now + self.config.probe_interval);
    }

    /// After TA: a wait that doubles, jittered by a half either way.
    fn back_off(&mut self, slot: u32, port: &mut Port<'_>) {
        let outgoing = &mut self.outgoing[slot as usize];
        outgoing.refusals += 1;
        let factor = 1u32 << (outgoing.refusals - 1).min(BACKOFF_SHIFT_MAX);
        let wait = self.config.try_again.saturating_mul(factor).min(self.config.retransmit_max);
        let jittered = (wait / 2).saturating_add(wait.mul_f64(port.rng.below(1_000) as f64 / 1_000.0));
        self.timers.arm(outgoing.timer, port.now + jittered);
    }

    fn transmit_probe(&mut self, slot: u32, port: &mut Port<'_>) {
        let outgoing = &self.outgoing[slot as usize];
        let (peer, conversation) = (outgoing.peer, outgoing.conversation);
        let kind = Kind::Aya { nonce: Nonce(0) };
        let mut header = self.header(peer, kind, outgoing.process, outgoing.server, outgoing.sequence);
        header.destination_epoch = outgoing.incarnation();
        header.elapsed_us = micros_u32(port.now.since(outgoing.first_sent));
        self.put_floor(&mut header, conversation, port.now);
        self.transmit(peer, header, Bytes::new(), port);
        let base = self.peers.get(peer).round_trip.timeout(&self.config);
        self.arm_backed_off(slot, base, port.now);
    }

    /// A request's timer fired.
    pub(super) fn on_request_timer(&mut self, slot: u32, port: &mut Port<'_>) {
        let Some(outgoing) = self.outgoing.get_mut(slot as usize) else { return };
        let sequence = outgoing.sequence;
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

    /// Takes the request out of every table; the floor moves, and what waited for the window goes.
    fn close_outgoing(&mut self, slot: u32, port: &mut Port<'_>) -> Outgoing {
        let outgoing = self.outgoing.remove(slot as usize);
        self.timers.remove(outgoing.timer);
        let conversation = self.conversations.get_mut(outgoing.conversation);
        if outgoing.copies == 0 {
            conversation.held.retain(|held| *held != slot);
        }
        if conversation.finish(outgoing.sequence) {
            self.open_window(outgoing.conversation, port);
        }
        outgoing
    }

    /// Sends what was held and is inside the window now. A message that is over when it is sent moves the floor again:
    /// the loop that is under way sees to what follows, so that many of them take no stack for each.
    fn open_window(&mut self, conversation: u32, port: &mut Port<'_>) {
        if core::mem::replace(&mut self.conversations.get_mut(conversation).is_opening, true) {
            return;
        }
        while let Some(&slot) = self.conversations.get(conversation).held.front() {
            let sequence = self.outgoing[slot as usize].sequence;
            if !self.is_inside_window(conversation, sequence) {
                break;
            }
            self.conversations.get_mut(conversation).held.pop_front();
            self.on_client_event(slot, Event::Open, port);
        }
        self.conversations.get_mut(conversation).is_opening = false;
    }

    fn complete(&mut self, slot: u32, port: &mut Port<'_>) {
        let outgoing = self.close_outgoing(slot, port);
        if let Some(token) = outgoing.sender {
            port.effects.push(Effect::Accepted { token, message: outgoing.message });
        }
    }

    fn fail(&mut self, slot: u32, error: CallError, port: &mut Port<'_>) {
        let outgoing = self.close_outgoing(slot, port);
        let to = outgoing.address(self.peers.get(outgoing.peer).path.remote);
        let Outgoing { process, reply_to, sender, message, .. } = outgoing;
        port.effects.push(Effect::Failed { process, to, reply_to, sender, error, message });
    }

    /// Takes back the request whose answer, or whose acceptance, `token` awaits.
    pub(crate) fn cancel(&mut self, token: WaitToken, port: &mut Port<'_>) -> Option<Bytes> {
        let awaits =
            |outgoing: &Outgoing| outgoing.sender == Some(token) || outgoing.reply_to == ReplyTo::Call(token);
        if let Some((slot, _)) = self.outgoing.iter().find(|(_, outgoing)| awaits(outgoing)) {
            let message = self.outgoing[slot].message.clone();
            self.on_client_event(slot as u32, Event::Cancel, port);
            return Some(message);
        }
        self.forget_ping(token);
        None
    }

    /// Nobody waits for the answer to this ping any more.
    pub(crate) fn forget_ping(&mut self, token: WaitToken) {
        self.pings.retain(|_, waiting| *waiting != token);
    }

    /// A process ends: what it owes is acknowledged, what it asked for is taken back.
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

    fn transmit_ack(&mut self, slot: u32, sequence: Sequence, server: LocalId, port: &mut Port<'_>) {
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

    /// REP, ACK of a request, IAA, TA or AU from a server.
    pub(crate) fn handle_from_server(&mut self, path: Path, view: &View<'_>, port: &mut Port<'_>) -> Fate {
        let header = view.header();
        let Some(peer) = self.peers.find(path.remote) else { return Fate::NotAwaited };
        if header.destination_epoch != self.epoch_toward(peer) {
            return Fate::OtherIncarnation;
        }
        match self.peers.get_mut(peer).judge(header.source_epoch) {
            Judgement::Current => self.learn_epoch(peer, header.source_epoch, port),
            Judgement::Old => {
                // Its clock was set back. It is told so, as a client would be; what tells so itself gets no answer.
                if !is_old_sender(header) {
                    self.transmit_unknown(peer, header, AuReason::OldSender, port);
                }
                return Fate::OldSender;
            }
            Judgement::Busy => return Fate::Unproved,
            Judgement::Candidate => {
                // It says it is another incarnation. Nothing is believed before it has echoed our nonce.
                if self.handle_echo(peer, header, port) {
                    return Fate::Accepted;
                }
                self.challenge(peer, port);
                self.doubt(peer, header, port);
                return Fate::Unproved;
            }
        }
        self.peers.get_mut(peer).heard = port.now;
        if self.handle_echo(peer, header, port) {
            return Fate::Accepted;
        }
        if is_old_sender(header) {
            // Our clock was set back, or somebody wants us to think so: only the echo of a nonce is believed.
            self.challenge(peer, port);
            return Fate::Accepted;
        }
        self.handle_of_request(peer, view, port)
    }

    /// An AU(stale) of another incarnation: the request it refuses is in doubt until that one is proved.
    fn doubt(&mut self, peer: u32, header: &Header, port: &mut Port<'_>) {
        if matches!(header.kind, Kind::Au { reason: AuReason::StaleEpoch, .. })
            && let Some(conversation) = self.conversations.find(header.destination, peer)
            && let Some(slot) = self.conversations.get(conversation).slot(header.sequence)
        {
            self.on_client_event(slot, Event::Stale, port);
        }
    }

    fn handle_of_request(&mut self, peer: u32, view: &View<'_>, port: &mut Port<'_>) -> Fate {
        let header = view.header();
        let Some(conversation) = self.conversations.find(header.destination, peer) else {
            return Fate::NotAwaited;
        };
        let Some(slot) = self.conversations.get(conversation).slot(header.sequence) else {
            return self.handle_late(conversation, header, port);
        };
        let outgoing = &self.outgoing[slot as usize];
        if outgoing.server != header.source || outgoing.state == State::Held {
            return Fate::NotAwaited;
        }
        let event = match header.kind {
            Kind::Rep if !view.is_whole() => return Fate::Fragment,
            Kind::Rep => {
                self.on_reply(slot, view, port);
                return Fate::Accepted;
            }
            Kind::Ack if outgoing.one_way => Event::FinalAck,
            Kind::Ack => Event::Ack,
            Kind::Iaa { .. } => Event::Iaa,
            Kind::Ta { refused, .. } => {
                if outgoing.state != State::Sent || refused != outgoing.last_copy {
                    return Fate::NotRefusable;
                }
                Event::Ta
            }
            Kind::Au { reason, refused, .. } => match self.on_unknown(slot, reason, refused, header) {
                Some(event) => event,
                None => return Fate::NotRefusable,
            },
            _ => return Fate::Unsupported,
        };
        if matches!(event, Event::Ack | Event::Iaa | Event::FinalAck) {
            self.note_round_trip(slot, header, port.now);
        }
        self.on_client_event(slot, event, port);
        Fate::Accepted
    }

    /// Which event an AU is; none if it answers an earlier copy, and a later one may have fared better.
    fn on_unknown(
        &mut self,
        slot: u32,
        reason: AuReason,
        refused: PacketNumber,
        header: &Header,
    ) -> Option<Event> {
        let outgoing = &self.outgoing[slot as usize];
        let repeats = outgoing.options.semantics == Semantics::AtLeastOnce;
        Some(match reason {
            AuReason::NoProcess if refused != outgoing.last_copy => return None,
            AuReason::NoProcess => Event::NoProcess,
            AuReason::DiedQueued
            | AuReason::DiedExecuting
            | AuReason::UnknownRequest
            | AuReason::Discarded
                if repeats && outgoing.tries < self.config.retries =>
            {
                self.outgoing[slot as usize].tries += 1;
                Event::Restart
            }
            AuReason::DiedQueued => Event::DiedQueued,
            AuReason::DiedExecuting => Event::DiedExecuting,
            AuReason::UnknownRequest => Event::Unknown,
            AuReason::Discarded => Event::Discarded,
            AuReason::StaleEpoch if outgoing.named == header.source_epoch => return None,
            AuReason::StaleEpoch => Event::Stale,
            AuReason::OldSender => return None,
        })
    }

    fn note_round_trip(&mut self, slot: u32, header: &Header, now: Instant) {
        let outgoing = &mut self.outgoing[slot as usize];
        outgoing.bound = header.source_epoch;
        if outgoing.copies == 1 && matches!(outgoing.state, State::Sent) {
            let held = core::time::Duration::from_micros(u64::from(header.elapsed_us));
            let elapsed = now.since(outgoing.last_sent);
            let peer = outgoing.peer;
            self.peers.get_mut(peer).round_trip.sample(elapsed, held);
        }
    }

    fn on_reply(&mut self, slot: u32, view: &View<'_>, port: &mut Port<'_>) {
        let header = view.header();
        self.note_round_trip(slot, header, port.now);
        let outgoing = &mut self.outgoing[slot as usize];
        let (state, action) = step(outgoing.state, Event::Rep);
        debug_assert_eq!((state, action), (State::Closed, Action::Deliver));
        outgoing.state = state;
        let mut outgoing = self.close_outgoing(slot, port);
        let sent = core::mem::take(&mut outgoing.message);
        if let Some(token) = outgoing.sender.take() {
            port.effects.push(Effect::Accepted { token, message: sent });
        }
        let from = outgoing.address(self.peers.get(outgoing.peer).path.remote);
        let message = Bytes::copy_from_slice(view.payload());
        self.owe_ack(&outgoing, message.len(), port);
        let Outgoing { process, reply_to, .. } = outgoing;
        port.effects.push(Effect::Answered { process, from, reply_to, message });
    }

    /// The reply is here: acknowledge it now, or with the next request, or after a delay.
    fn owe_ack(&mut self, outgoing: &Outgoing, reply_bytes: usize, port: &mut Port<'_>) {
        let slot = outgoing.conversation;
        let now = match outgoing.options.reliability {
            Reliability::Unreliable => return,
            Reliability::AckEach => true,
            Reliability::ReplyAcks => {
                self.config.ack_delay.is_zero() || reply_bytes > limits::LARGE_REPLY_BYTES
            }
        };
        if now {
            self.transmit_ack(slot, outgoing.sequence, outgoing.server, port);
            return;
        }
        let conversation = self.conversations.get_mut(slot);
        if conversation.owed.is_empty() {
            self.timers.arm(conversation.timer, port.now + self.config.ack_delay);
        }
        conversation.owed.push_back((outgoing.sequence, outgoing.server));
    }

    /// A packet about a request that is over. A reply that came again is acknowledged again: its ACK was lost.
    fn handle_late(&mut self, conversation: u32, header: &Header, port: &mut Port<'_>) -> Fate {
        if !self.conversations.get(conversation).is_over(header.sequence) {
            return Fate::NotAwaited;
        }
        let wants_ack = header.flags.has(Flags::ACK_EACH) || header.flags.has(Flags::REPLY_ACKS);
        if matches!(header.kind, Kind::Rep) && wants_ack {
            self.transmit_ack(conversation, header.sequence, header.source, port);
        }
        Fate::NotAwaited
    }

    /// Asks whether `to` lives; `token` is told.
    pub(crate) fn ping(&mut self, process: LocalId, to: Address, token: WaitToken, port: &mut Port<'_>) {
        let peer = self.find_or_make_peer(Path::to(to.machine), port.now);
        let nonce = Nonce(port.rng.next_u64() | 1);
        self.pings.insert(nonce, token);
        let header = self.header(peer, Kind::Aya { nonce }, process, to.local, Sequence::NONE);
        self.transmit(peer, header, Bytes::new(), port);
    }

    /// The requests outstanding at `peer`.
    pub(super) fn outgoing_to(&self, peer: u32) -> alloc::vec::Vec<u32> {
        let to_peer = |outgoing: &Outgoing| outgoing.peer == peer;
        self.outgoing.iter().filter(|(_, outgoing)| to_peer(outgoing)).map(|(slot, _)| slot as u32).collect()
    }

    /// `epoch` is proved to live at the machine a request went to, and has for `uptime`: what does that mean for it?
    pub(super) fn on_incarnation(
        &mut self,
        slot: u32,
        epoch: Epoch,
        uptime: core::time::Duration,
        port: &mut Port<'_>,
    ) {
        let Some(outgoing) = self.outgoing.get(slot as usize) else { return };
        let incarnation = outgoing.incarnation();
        if incarnation.is_blank() && outgoing.state != State::Doubted {
            // It named nobody: the server itself decides whether it is too old.
            return;
        }
        let elder = outgoing.bound.is_blank() && uptime >= port.now.since(outgoing.first_sent);
        let event = if incarnation == epoch {
            Event::SameIncarnation
        } else if outgoing.server.is_handed_out() && !incarnation.is_blank() {
            // Whoever has the id now is not whom the request was for.
            if elder { Event::DiedQueued } else { Event::YoungerIncarnation }
        } else if outgoing.options.semantics == Semantics::AtLeastOnce {
            Event::Restart
        } else if elder {
            Event::ElderIncarnation
        } else {
            Event::YoungerIncarnation
        };
        self.on_client_event(slot, event, port);
    }
}

/// AU: you are an older incarnation than one known.
const fn is_old_sender(header: &Header) -> bool {
    matches!(header.kind, Kind::Au { reason: AuReason::OldSender, .. })
}

impl Exchange {
    pub(super) fn is_doubted(&self, slot: u32) -> bool {
        self.outgoing.get(slot as usize).is_some_and(|outgoing| outgoing.state == State::Doubted)
    }
}
