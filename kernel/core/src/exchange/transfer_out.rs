//! Messages that go in pieces: which packet carries a piece, whose turn it is, and when silence is one.
//!
//! Deliberately not here: which piece is next and what a report means, which is `bulk`'s business.
use bytes::Bytes;

use super::client_states::{Event as ClientEvent, State as ClientState};
use super::server_states::{Event as ServerEvent, State as ServerState};
use super::{Exchange, Port, TimerKey};
use crate::bulk::{Outbound, Plan, Told, Transfer};
use crate::ids::{Machine, PacketNumber, Path};
use crate::limits;
use crate::time::{Instant, nanos};
use crate::timer::{Handle, Timers};
use crate::trace::{Fate, Timer, What};
use crate::wire::{FRAGMENT_BYTES, Flags, HEADER_BYTES, Report, View};

/// What a message in pieces is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    /// The request in this slot: of `outgoing` where it is sent, of `served` where it comes.
    Request(u32),
    /// The reply to the request in this slot.
    Reply(u32),
}

/// A message that goes in pieces.
#[derive(Debug)]
pub(super) struct Sending {
    of: Of,
    peer: u32,
    outbound: Outbound,
    /// Bytes of each packet but the last.
    packet_bytes: u32,
    /// Flags of a reply.
    flags: Flags,
    timer: Handle,
    /// Whether it stands in `ready`.
    is_ready: bool,
}

impl Exchange {
    /// Bytes of a packet to `peer` at most.
    fn packet_bytes_to(&self, peer: u32, transfer: Transfer) -> usize {
        let path = self.peers.get(peer).packet_bytes.unwrap_or(self.config.packet_bytes);
        let bytes = transfer.packet_bytes.map_or(path, |bytes| bytes as usize);
        bytes.clamp(limits::PACKET_BYTES_MIN, limits::DATAGRAM_BYTES_MAX)
    }

    /// Whether so long a message to `peer` goes in pieces.
    pub(super) fn goes_in_pieces(&self, peer: u32, transfer: Transfer, bytes: usize) -> bool {
        bytes + HEADER_BYTES > self.packet_bytes_to(peer, transfer)
    }

    /// What a path to another machine carries without being cut up on the way, header included.
    pub(crate) fn set_packet_bytes(&mut self, now: Instant, machine: Machine, bytes: usize) {
        if self.peers.find(machine).is_some() || self.make_peer_room(now) {
            let peer = self.find_or_make_peer(Path::to(machine), now);
            self.peers.get_mut(peer).packet_bytes = Some(bytes);
        }
    }

    /// Begins to send a message in pieces. It is sent by [`Exchange::pump`].
    #[inline(never)]
    pub(super) fn start_sending(
        &mut self,
        of: Of,
        peer: u32,
        transfer: Transfer,
        message: Bytes,
        flags: Flags,
        now: Instant,
    ) -> u32 {
        self.last_transfer = self.last_transfer.wrapping_add(1).max(1);
        let packet_bytes = self.packet_bytes_to(peer, transfer) as u32;
        // As many pieces as a receiver takes of one message, however short a packet is to be.
        let piece = packet_bytes - (HEADER_BYTES + FRAGMENT_BYTES) as u32;
        let piece = piece.max((message.len() as u32).div_ceil(limits::PIECES_MAX));
        let window = (self.config.first_flight_bytes as u32 / packet_bytes).max(1);
        let outbound = Outbound::new(now, transfer, self.last_transfer, message, piece, window);
        let slot = self.sending.vacant_key() as u32;
        let timer = self.timers.add(TimerKey::Sending(slot));
        self.sending.insert(Sending { of, peer, outbound, packet_bytes, flags, timer, is_ready: true });
        self.ready.push_back(slot);
        slot
    }

    /// Bytes of all messages that go in pieces.
    pub(super) fn sending_bytes(&self) -> usize {
        self.sending.iter().map(|(_, sending)| sending.outbound.message_bytes()).sum()
    }

    /// It need not go on.
    #[inline]
    pub(super) fn stop_sending(&mut self, slot: Option<u32>) {
        if let Some(slot) = slot {
            self.remove_sending(slot);
        }
    }

    #[cold]
    fn remove_sending(&mut self, slot: u32) {
        let sending = self.sending.remove(slot as usize);
        self.timers.remove(sending.timer);
        if sending.is_ready {
            self.ready.retain(|ready| *ready != slot);
        }
    }

    fn make_ready(&mut self, slot: u32) {
        let sending = &mut self.sending[slot as usize];
        if !sending.is_ready && sending.outbound.ready_at().is_some() {
            sending.is_ready = true;
            self.ready.push_back(slot);
        }
    }

    /// The receiver is to say at once where it stands.
    pub(super) fn ask_for_report(&mut self, slot: u32) {
        self.sending[slot as usize].outbound.ask();
        self.make_ready(slot);
    }

    /// When there is something to [`Exchange::pump`].
    #[inline]
    pub(crate) fn next_output(&self) -> Option<Instant> {
        if self.ready.is_empty() { None } else { self.next_ready() }
    }

    #[inline(never)]
    fn next_ready(&self) -> Option<Instant> {
        let at = |slot: &u32| self.sending[*slot as usize].outbound.ready_at();
        self.ready.iter().filter_map(at).min()
    }

    /// Sends pieces, about so many bytes, each transfer in its turn. True if there are more that may go now.
    pub(crate) fn pump(&mut self, bytes: usize, port: &mut Port<'_>) -> bool {
        let mut left = bytes;
        let mut waiting = 0;
        while left > 0 && waiting < self.ready.len() {
            let Some(slot) = self.ready.pop_front() else { break };
            let sent = self.take_turn(slot, left, port);
            left = left.saturating_sub(sent);
            waiting = if sent > 0 { 0 } else { waiting + 1 };
            let sending = &mut self.sending[slot as usize];
            if sending.outbound.ready_at().is_some() {
                self.ready.push_back(slot);
            } else {
                sending.is_ready = false;
            }
        }
        self.next_output().is_some_and(|at| at <= port.now)
    }

    /// One transfer's turn; returns how many bytes went.
    fn take_turn(&mut self, slot: u32, left: usize, port: &mut Port<'_>) -> usize {
        let bytes_max = left.min(limits::TURN_BYTES);
        let mut bytes = 0;
        while bytes == 0 || bytes < bytes_max {
            let sending = &mut self.sending[slot as usize];
            let packet_bytes = sending.packet_bytes as usize;
            let most = ((bytes_max - bytes) / packet_bytes).max(1);
            let Some(plan) = sending.outbound.plan(port.now, most as u32) else { break };
            self.transmit_pieces(slot, &plan, port);
            bytes += plan.count as usize * packet_bytes;
        }
        if bytes > 0 {
            self.arm_silence(slot, port.now);
        }
        bytes
    }

    fn transmit_pieces(&mut self, slot: u32, plan: &Plan, port: &mut Port<'_>) {
        let Sending { of, peer, flags, .. } = self.sending[slot as usize];
        let mut header = match of {
            Of::Request(outgoing) => self.request_header(outgoing, port.now),
            Of::Reply(served) => self.piece_of_reply(served, flags, port.now),
        };
        // Of a request that was sent before, all pieces were.
        let is_anew = matches!(of, Of::Request(outgoing) if self.outgoing[outgoing as usize].copies > 1);
        header.flags = header.flags.with(Flags::FRAGMENT).with_if(plan.again || is_anew, Flags::AGAIN);
        let path = self.peers.get(peer).path;
        let first = PacketNumber(self.last_number + 1);
        self.sending[slot as usize].outbound.sent(port.now, plan, first);
        for place in 0..plan.count {
            let (fragment, payload) = self.sending[slot as usize].outbound.piece(plan.piece + place);
            header.fragment = fragment;
            let has_checksum = fragment.part.is_some_and(|part| part.checksum.is_some());
            let asks = plan.asks && place + 1 == plan.count;
            let mut header = header;
            header.flags =
                header.flags.with_if(has_checksum, Flags::MESSAGE_CHECKSUM).with_if(asks, Flags::REPORT);
            self.emit(path, header, payload, port);
        }
        if let Of::Request(outgoing) = of {
            let outgoing = &mut self.outgoing[outgoing as usize];
            outgoing.last_copy = PacketNumber(self.last_number);
            outgoing.last_sent = port.now;
        }
    }

    /// Waits for a report as long as one may take.
    fn arm_silence(&mut self, slot: u32, now: Instant) {
        let sending = &self.sending[slot as usize];
        let wait = self.peers.get(sending.peer).round_trip.timeout(&self.config);
        let wait = wait.saturating_mul(1 << sending.outbound.doublings);
        // What may not go yet is not waited for yet.
        let from = now.max(sending.outbound.free_at());
        self.timers.arm(sending.timer, from.plus_nanos(wait.min(nanos(self.config.retransmit_max))));
    }

    /// No report has come for as long as one may take.
    pub(super) fn on_silence(&mut self, slot: u32, port: &mut Port<'_>) {
        let Some(sending) = self.sending.get_mut(slot as usize) else { return };
        let of = sending.of;
        let timer = match of {
            Of::Request(slot) => Timer::Request { sequence: self.outgoing[slot as usize].sequence },
            Of::Reply(slot) => Timer::Reply { sequence: self.served[slot as usize].sequence },
        };
        port.tracer.cause(port.events, || What::Timer { timer });
        let idle = port.now.since(sending.outbound.advanced) > limits::NO_PROGRESS;
        if sending.outbound.silences < self.config.retries && !idle {
            sending.outbound.on_silence();
            return self.make_ready(slot);
        }
        self.give_up_sending(slot, port);
    }

    /// It has been tried often enough.
    fn give_up_sending(&mut self, slot: u32, port: &mut Port<'_>) {
        match self.sending[slot as usize].of {
            Of::Request(slot) => self.on_client_event(slot, ClientEvent::Exhausted, port),
            Of::Reply(served) => {
                self.served[served as usize].sending = None;
                self.stop_sending(Some(slot));
                if self.served[served as usize].state == ServerState::Replied {
                    self.on_server_event(served, ServerEvent::Exhausted, port);
                    // It is one of the cache's from here on.
                    self.charge(served, port);
                }
            }
        }
    }

    /// How far the request in this slot has come.
    pub(super) fn on_request_report(
        &mut self,
        slot: u32,
        report: &Report,
        view: &View<'_>,
        port: &mut Port<'_>,
    ) -> Fate {
        let outgoing = &self.outgoing[slot as usize];
        match outgoing.sending.filter(|_| outgoing.state == ClientState::Sent) {
            Some(sending) => self.on_report(sending, report, view, port),
            None => Fate::NotAwaited,
        }
    }

    /// What a report says of the transfer in this slot.
    pub(super) fn on_report(
        &mut self,
        slot: u32,
        report: &Report,
        view: &View<'_>,
        port: &mut Port<'_>,
    ) -> Fate {
        let next_number = PacketNumber(self.last_number + 1);
        let Sending { outbound, peer, .. } = &mut self.sending[slot as usize];
        let peer = *peer;
        match outbound.on_report(port.now, report, view.payload(), next_number) {
            Told::Nothing => Fate::NotAwaited,
            Told::Progress(elapsed) => {
                if let Some(elapsed) = elapsed {
                    let held = u64::from(view.header().elapsed_us) * 1_000;
                    self.peers.get_mut(peer).round_trip.sample(nanos(elapsed), held);
                }
                let outbound = &self.sending[slot as usize].outbound;
                let idle = port.now.since(outbound.advanced) > limits::NO_PROGRESS;
                if outbound.beginnings > self.config.retries || idle {
                    // Its receiver throws away whatever comes, or takes nothing.
                    self.give_up_sending(slot, port);
                    return Fate::Accepted;
                }
                self.arm_silence(slot, port.now);
                self.make_ready(slot);
                Fate::Accepted
            }
        }
    }
}
