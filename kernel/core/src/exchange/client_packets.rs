//! The client's side: packets of servers, and what is proved of their incarnations.
use core::time::Duration;

use bytes::Bytes;

use super::client::Outgoing;
use super::client_states::{Action, Event, State, step};
use super::peer::Judgement;
use super::{Cell, Effect, Exchange, Port};
use crate::config::{Planted, Reliability, Semantics};
use crate::ids::{Epoch, LocalId, Nonce, PacketNumber, Path, Sequence};
use crate::limits;
use crate::time::Instant;
use crate::timer::Timers;
use crate::trace::{Fate, Step};
use crate::wire::{AuReason, Flags, Header, Kind, View};

impl Exchange {
    /// REP, ACK of a request, IAA, TA or AU from a server.
    pub(crate) fn handle_from_server(&mut self, path: Path, view: &View<'_>, port: &mut Port<'_>) -> Fate {
        let header = view.header();
        let Some(peer) = self.peers.find(path.remote) else { return Fate::NotAwaited };
        let meant = header.destination_epoch == self.epoch_toward(peer);
        if !meant && !self.config.breaks(Planted::ReplyToAnother) {
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
                // An answer to a question given up asks for none, or late answers and new questions never end.
                if matches!(header.kind, Kind::Iaa { nonce, .. } if nonce != Nonce(0)) {
                    self.drop_candidate_unasked(peer);
                    return Fate::Unproved;
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
    #[cold]
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
            return self.handle_forgotten(peer, header, port);
        };
        let Some(slot) = self.conversations.get(conversation).slot(header.sequence) else {
            return self.handle_late(conversation, header, port);
        };
        let outgoing = &self.outgoing[slot as usize];
        if outgoing.server != header.source || outgoing.state == State::Held {
            return Fate::NotAwaited;
        }
        let event = match header.kind {
            Kind::Rep if header.fragment.part.is_some() => return self.on_reply_piece(slot, view, port),
            Kind::Rep => {
                port.tracer.step(Step::Checked);
                let message = crate::message::copied(view.payload());
                port.tracer.step(Step::CopiedOut);
                self.on_reply(slot, header, message, port);
                return Fate::Accepted;
            }
            Kind::Report(report) => return self.on_request_report(slot, &report, view, port),
            Kind::Ack if outgoing.one_way => Event::FinalAck,
            Kind::Ack => Event::Ack,
            Kind::Iaa { .. } if outgoing.one_way => return Fate::NotAwaited,
            Kind::Iaa { .. } => Event::Iaa,
            Kind::Ta { refused, wait_us, .. } => {
                if outgoing.state != State::Sent || refused != outgoing.last_copy {
                    return Fate::NotRefusable;
                }
                self.outgoing[slot as usize].wait_min = Duration::from_micros(u64::from(wait_us));
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
    #[cold]
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
            AuReason::DiedExecuting if self.config.breaks(Planted::RunToldUnrun) => Event::DiedQueued,
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
        // One that goes in pieces is measured by its reports.
        if outgoing.copies == 1 && outgoing.sending.is_none() && matches!(outgoing.state, State::Sent) {
            let held = u64::from(header.elapsed_us) * 1_000;
            let elapsed = now.nanos_since(outgoing.last_sent);
            let peer = outgoing.peer;
            self.peers.get_mut(peer).round_trip.sample(elapsed, held);
        }
    }

    /// The whole reply is here.
    pub(super) fn on_reply(&mut self, slot: u32, header: &Header, message: Bytes, port: &mut Port<'_>) {
        self.note_round_trip(slot, header, port.now);
        let outgoing = &mut self.outgoing[slot as usize];
        self.coverage.note(Cell::Client(outgoing.state, Event::Rep));
        let (state, action) = step(outgoing.state, Event::Rep);
        debug_assert_eq!((state, action), (State::Closed, Action::Deliver));
        outgoing.state = state;
        let from = outgoing.address(self.peers.get(outgoing.peer).path.remote);
        let Outgoing { process, server, reply_to, conversation, sequence, sender, .. } = *outgoing;
        let kept = outgoing.options.reliability;
        if let Some(token) = sender {
            let sent = core::mem::take(&mut outgoing.message);
            self.close_outgoing(slot, port);
            port.effects.push(Effect::Accepted { token, message: sent });
        } else {
            self.close_outgoing(slot, port);
        }
        let whole = header.fragment.part.is_none().then_some(message.len());
        self.owe_ack(conversation, (sequence, server), kept, whole, port);
        port.effects.push(Effect::Answered { process, from, reply_to, message });
    }

    /// The reply is here, `whole` if it came in one packet of so many bytes: acknowledge it now, or with the next request,
    /// or after a delay.
    fn owe_ack(
        &mut self,
        slot: u32,
        (sequence, server): (Sequence, LocalId),
        kept: Reliability,
        whole: Option<usize>,
        port: &mut Port<'_>,
    ) {
        let now = match (kept, whole) {
            // Its sender goes on asking until it knows.
            (_, None) => true,
            (Reliability::Unreliable, _) => return,
            (Reliability::AckEach, _) => true,
            (Reliability::ReplyAcks, Some(bytes)) => {
                self.config.ack_delay.is_zero() || bytes > limits::LARGE_REPLY_BYTES
            }
        };
        if now {
            self.transmit_ack(slot, sequence, server, port);
            return;
        }
        let conversation = self.conversations.get_mut(slot);
        if conversation.owed.is_empty() {
            self.timers.arm(conversation.timer, port.now + self.config.ack_delay);
        }
        conversation.owed.push_back((sequence, server));
    }

    /// A packet for a process that has ended, or has asked nothing for long: nobody awaits it. A reply is acknowledged
    /// all the same. Its ACK was lost, and its server, which may wait for it, would go on sending for nothing.
    #[cold]
    fn handle_forgotten(&mut self, peer: u32, header: &Header, port: &mut Port<'_>) -> Fate {
        if wants_ack(header) {
            let ack = self.header(peer, Kind::Ack, header.destination, header.source, header.sequence);
            self.transmit(peer, ack, Bytes::new(), port);
        }
        Fate::NotAwaited
    }

    /// A packet about a request that is over. A reply that came again is acknowledged again: its ACK was lost.
    #[cold]
    fn handle_late(&mut self, conversation: u32, header: &Header, port: &mut Port<'_>) -> Fate {
        if !self.conversations.get(conversation).is_over(header.sequence) {
            return Fate::NotAwaited;
        }
        if wants_ack(header) {
            self.transmit_ack(conversation, header.sequence, header.source, port);
        }
        Fate::NotAwaited
    }

    /// `epoch` is proved to live at the machine a request went to, and has for `uptime`: what does that mean for it?
    #[cold]
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
        let event = if incarnation == epoch && outgoing.is_handed_back() {
            // It has been acknowledged, and there is nothing to send again: it is asked after.
            Event::Iaa
        } else if incarnation == epoch {
            Event::SameIncarnation
        } else if (outgoing.server.is_handed_out() || outgoing.sought.is_some()) && !incarnation.is_blank() {
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

    #[cold]
    pub(super) fn is_doubted(&self, slot: u32) -> bool {
        self.outgoing.get(slot as usize).is_some_and(|outgoing| outgoing.state == State::Doubted)
    }

    /// The requests outstanding at `peer`.
    #[cold]
    pub(super) fn outgoing_to(&self, peer: u32) -> alloc::vec::Vec<u32> {
        let to_peer = |outgoing: &Outgoing| outgoing.peer == peer;
        self.outgoing.iter().filter(|(_, outgoing)| to_peer(outgoing)).map(|(slot, _)| slot as u32).collect()
    }
}

/// A reply that its server keeps until it is acknowledged.
const fn wants_ack(header: &Header) -> bool {
    let kept = header.flags.has(Flags::ACK_EACH) || header.flags.has(Flags::REPLY_ACKS);
    let waits = match header.fragment.part {
        // Of its pieces one asks, and others may be under way.
        Some(_) => header.flags.has(Flags::REPORT),
        None => kept,
    };
    matches!(header.kind, Kind::Rep) && waits
}

/// AU: you are an older incarnation than one known.
const fn is_old_sender(header: &Header) -> bool {
    matches!(header.kind, Kind::Au { reason: AuReason::OldSender, .. })
}
