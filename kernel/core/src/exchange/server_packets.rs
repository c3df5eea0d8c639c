//! The server's side: what it sends, and the packets of clients that are no requests.
use bytes::Bytes;

use super::server::Served;
use super::server_states::{Event, State};
use super::transfer_out::Of;
use super::{Exchange, Port};
use crate::config::Reliability;
use crate::ids::{Epoch, LocalId, Nonce, Path, Sequence};
use crate::limits;
use crate::time::{Instant, micros_u32};
use crate::timer::Timers;
use crate::trace::Fate;
use crate::wire::{AuReason, Flags, Header, IaaStatus, Kind, TaReason, View};

impl Exchange {
    /// AYA: is the machine, the process, the request alive?
    #[cold]
    pub(crate) fn handle_probe(
        &mut self,
        path: Path,
        view: &View<'_>,
        process_lives: bool,
        port: &mut Port<'_>,
    ) -> Fate {
        let header = *view.header();
        let Kind::Aya { nonce } = header.kind else { return Fate::Unsupported };
        let peer = match self.admit_sender(path, &header, port) {
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
    #[inline(never)]
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
        if let (Some(slot), Kind::Report(report)) = (slot, &header.kind) {
            let fate = match self.served[slot as usize].sending {
                Some(sending) => self.on_report(sending, report, view, port),
                None => Fate::NotAwaited,
            };
            self.take_floor(window, &header, port);
            return fate;
        }
        if let Some(slot) = slot {
            // Whatever is kept of it, all of it is there.
            let sending = self.served[slot as usize].sending.take();
            self.stop_sending(sending);
            self.on_server_event(slot, Event::Ack, port);
        }
        self.take_floor(window, &header, port);
        if replied { Fate::Accepted } else { Fate::DuplicateDone }
    }

    #[inline(always)]
    pub(super) fn served_header(&self, slot: u32, kind: Kind, now: Instant) -> Header {
        let served = &self.served[slot as usize];
        let mut header = self.header(served.peer, kind, served.addressed, served.client, served.sequence);
        header.destination_epoch = self.windows.get(served.window).epoch;
        header.elapsed_us = now.micros_since(served.arrived);
        header
    }

    pub(super) fn transmit_reply(&mut self, slot: u32, message: Bytes, flags: Flags, port: &mut Port<'_>) {
        let (peer, transfer) = (self.served[slot as usize].peer, self.config.options.transfer);
        if self.goes_in_pieces(peer, transfer, message.len()) {
            // Of several runs' answers the last is as good as any, and it is the one that is kept.
            let before = self.served[slot as usize].sending.take();
            self.stop_sending(before);
            self.uncharge(slot, message.len());
            let sending = self.start_sending(Of::Reply(slot), peer, transfer, message, flags, port.now);
            self.served[slot as usize].sending = Some(sending);
            return;
        }
        let header = self.piece_of_reply(slot, flags, port.now);
        self.transmit(peer, header, message, port);
    }

    /// The header of a reply, or of a piece of it.
    #[inline(always)]
    pub(super) fn piece_of_reply(&self, slot: u32, flags: Flags, now: Instant) -> Header {
        let mut header = self.served_header(slot, Kind::Rep, now);
        header.flags = flags.with(self.served[slot as usize].manner.flags());
        header
    }

    pub(super) fn transmit_request_ack(&mut self, slot: u32, port: &mut Port<'_>) {
        let served = &self.served[slot as usize];
        if served.manner.reliability == Reliability::Unreliable && served.transfer == 0 {
            return;
        }
        let peer = served.peer;
        let mut header = self.served_header(slot, Kind::Ack, port.now);
        header.flags = Flags::FROM_SERVER;
        self.transmit(peer, header, Bytes::new(), port);
    }

    #[cold]
    pub(super) fn transmit_alive(&mut self, slot: u32, status: IaaStatus, port: &mut Port<'_>) {
        let kind = Kind::Iaa { status, nonce: Nonce(0), uptime_us: self.uptime_us(port.now) };
        let header = self.served_header(slot, kind, port.now);
        self.transmit(self.served[slot as usize].peer, header, Bytes::new(), port);
    }

    #[cold]
    pub(super) fn transmit_gone(&mut self, slot: u32, reason: AuReason, port: &mut Port<'_>) {
        let refused = self.served[slot as usize].last_copy;
        let uptime_us = self.uptime_us(port.now);
        let kind = Kind::Au { reason, refused, known: Epoch::BLANK, uptime_us, nonce: Nonce(0) };
        let header = self.served_header(slot, kind, port.now);
        let Served { timer, peer, .. } = self.served[slot as usize];
        self.timers.disarm(timer);
        self.transmit(peer, header, Bytes::new(), port);
    }

    /// AU for a packet whose request is not in the tables.
    #[cold]
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

    #[cold]
    pub(super) fn transmit_try_again(
        &mut self,
        peer: u32,
        refused: &Header,
        reason: TaReason,
        port: &mut Port<'_>,
    ) {
        let wait_us = micros_u32(limits::TRY_AGAIN_HINT);
        let kind = Kind::Ta { refused: refused.number, wait_us, reason };
        self.answer_to(peer, refused, kind, port);
    }

    #[cold]
    fn answer_to(&mut self, peer: u32, packet: &Header, kind: Kind, port: &mut Port<'_>) {
        let mut header = self.header(peer, kind, packet.destination, packet.source, packet.sequence);
        header.destination_epoch = packet.source_epoch;
        self.transmit(peer, header, Bytes::new(), port);
    }
}
