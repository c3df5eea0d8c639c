//! Messages that come in pieces: where each piece belongs, what there is room for, and the reports.
//!
//! Deliberately not here: whether a request may run, which is decided before room is made for it; and what is missing,
//! which is `bulk`'s business.
use bytes::Bytes;

use super::arrival::Arrival;
use super::client_states::Event as ClientEvent;
use super::server_states::{Action, Event, State, step};
use super::transfer_out::Of;
use super::{Effect, Exchange, Port, TimerKey};
use crate::bulk::{Inbound, Placed, lists};
use crate::config::Reliability;
use crate::config::Semantics;
use crate::ids::{Address, Epoch, LocalId, PacketNumber};
use crate::limits;
use crate::process::{Permit, Place};
use crate::time::Instant;
use crate::timer::{Handle, Timers};
use crate::trace::{Fate, Timer, What};
use crate::wire::{
    FRAGMENT_BYTES, Flags, Fragment, HEADER_BYTES, Header, Kind, Part, REPORT_BYTES, Report, View,
};

/// A message that comes in pieces.
#[derive(Debug)]
pub(super) struct Receiving {
    of: Of,
    /// Its sender's incarnation: each counts its transfers for itself.
    epoch: Epoch,
    pub(super) inbound: Inbound,
    /// Room in its process's mailbox, where that is kept for it.
    permit: Option<Permit>,
    /// Of a request: whether anything still comes.
    timer: Option<Handle>,
}

/// A longer message that is here.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(crate) place: Place,
    pub(crate) to: LocalId,
    pub(crate) from: Address,
    pub(crate) one_way: bool,
    pub(crate) message: Bytes,
    pub(crate) permit: Option<Permit>,
}

/// Whether one transfer of a message was begun after another.
const fn is_newer(transfer: u32, other: u32) -> bool {
    (transfer.wrapping_sub(other) as i32) > 0
}

impl Exchange {
    /// Whether there is memory for one more message, in so many pieces.
    pub(super) fn has_memory_for(&self, fragment: &Fragment, part: Part) -> bool {
        let bytes = fragment.length as usize;
        bytes <= self.config.message_bytes
            && self.arriving_bytes + bytes <= self.config.arriving_bytes
            && fragment.length.div_ceil(part.piece) <= limits::PIECES_MAX
    }

    /// A piece of a request that is known. `Ok`: room is to be made for it once more, since it is to run again.
    pub(super) fn handle_known_piece(
        &mut self,
        slot: u32,
        part: Part,
        view: &View<'_>,
        port: &mut Port<'_>,
    ) -> Result<Option<Whole>, Fate> {
        let served = &self.served[slot as usize];
        if let Some(receiving) = served.receiving {
            let current = self.receiving[receiving as usize].inbound.transfer();
            if current == part.transfer {
                return self.place_request_piece(slot, receiving, view, port);
            }
            if !is_newer(part.transfer, current) {
                return Err(Fate::DuplicateDone);
            }
            // Its sender has begun anew, and so does this.
            let inbound = &mut self.receiving[receiving as usize].inbound;
            if view.header().fragment.length as usize != inbound.length() {
                return Err(Fate::Unsupported);
            }
            inbound.restart(port.now, part);
            self.served[slot as usize].transfer = part.transfer;
            return self.place_request_piece(slot, receiving, view, port);
        }
        let manner = served.manner;
        let reruns = manner.may_rerun();
        if reruns && is_newer(part.transfer, served.transfer) {
            if step(served.state, Event::Resent).1 == Action::Gather {
                return Ok(None);
            }
            self.on_server_event(slot, Event::Resent, port);
        } else if view.header().flags.has(Flags::REPORT) {
            self.on_server_event(slot, Event::Duplicate, port);
        }
        Err(Fate::DuplicateInProgress)
    }

    fn place_request_piece(
        &mut self,
        slot: u32,
        receiving: u32,
        view: &View<'_>,
        port: &mut Port<'_>,
    ) -> Result<Option<Whole>, Fate> {
        match self.place_piece(receiving, view, port) {
            Placed::Complete => {
                let receiving = self.take_receiving(receiving);
                let message = self.seal(receiving.inbound);
                let served = &mut self.served[slot as usize];
                served.receiving = None;
                let from = Address::new(self.peers.get(served.peer).path.remote, served.client);
                Ok(Some(Whole {
                    place: Place { slot, generation: served.generation },
                    to: served.owner,
                    from,
                    one_way: served.one_way,
                    message,
                    permit: receiving.permit,
                }))
            }
            Placed::Foreign => Err(Fate::Unsupported),
            Placed::Again => Err(Fate::DuplicateInProgress),
            Placed::New | Placed::Gap | Placed::Spoilt => Err(Fate::Fragment),
        }
    }

    /// The kernel has found room: its pieces are put together from here on.
    pub(crate) fn gather(
        &mut self,
        arrival: &Arrival<'_>,
        permit: Option<Permit>,
        view: &View<'_>,
        port: &mut Port<'_>,
    ) {
        let fragment = arrival.header.fragment;
        let Some(part) = fragment.part else { return };
        let slot = match arrival.known {
            Some(slot) => {
                self.in_progress += 1;
                self.release(slot, port);
                let served = &mut self.served[slot as usize];
                served.owner = arrival.to;
                served.runs = 1;
                self.coverage.note(super::Cell::Server(served.state, Event::Resent));
                served.state = step(served.state, Event::Resent).0;
                slot
            }
            None => self.make_served(arrival, State::Arriving, port.now),
        };
        let receiving = self.start_receiving(Of::Request(slot), arrival.header, part, permit, port.now);
        let timer = self.timers.add(TimerKey::Receiving(receiving));
        self.timers.arm(timer, port.now + limits::ARRIVAL_IDLE);
        self.receiving[receiving as usize].timer = Some(timer);
        let served = &mut self.served[slot as usize];
        (served.receiving, served.transfer) = (Some(receiving), part.transfer);
        self.place_piece(receiving, view, port);
    }

    /// Takes memory for the message that this is a piece of.
    fn start_receiving(
        &mut self,
        of: Of,
        header: &Header,
        part: Part,
        permit: Option<Permit>,
        now: Instant,
    ) -> u32 {
        let memory = self.memory.take(header.fragment.length as usize);
        let inbound = Inbound::new(now, &header.fragment, part, memory);
        self.arriving_bytes += inbound.length();
        let epoch = header.source_epoch;
        self.receiving.insert(Receiving { of, epoch, inbound, permit, timer: None }) as u32
    }

    /// All of a request is here, and room for it: it is queued from here on, or kept for a while. `None` for a one-way
    /// message that is not: it is over.
    pub(crate) fn arrive(&mut self, place: Place, kept: bool, port: &mut Port<'_>) -> Option<Place> {
        let slot = place.slot;
        let served = &self.served[slot as usize];
        let (one_way, manner, window) = (served.one_way, served.manner, served.window);
        let unreliable = manner.reliability == Reliability::Unreliable;
        if kept && !(one_way && unreliable) {
            self.on_server_event(slot, Event::WholeKept, port);
            return Some(place);
        }
        if !one_way {
            self.on_server_event(slot, Event::Whole, port);
            return Some(place);
        }
        self.windows.get_mut(window).ran = true;
        self.on_server_event(slot, Event::WholeOneWay, port);
        // The number of a longer one stays until the floor passes it: a lost acknowledgement would bring all of it again.
        if (unreliable || manner.semantics == Semantics::AtLeastOnce)
            && self.served.get(slot as usize).is_some_and(|served| served.transfer == 0)
        {
            self.forget(slot);
        }
        None
    }

    /// All of a request is here, and there is no room for it after all: it was never here.
    pub(crate) fn lose(&mut self, place: Place, port: &mut Port<'_>) {
        self.on_server_event(place.slot, Event::Expire, port);
    }

    /// Its memory is given up; its room in a mailbox too.
    #[inline]
    pub(super) fn stop_receiving(&mut self, slot: Option<u32>, port: &mut Port<'_>) {
        if let Some(slot) = slot {
            self.release_receiving(slot, port);
        }
    }

    #[cold]
    fn release_receiving(&mut self, slot: u32, port: &mut Port<'_>) {
        if let Some(permit) = self.drop_receiving(slot) {
            port.effects.push(Effect::Released(permit));
        }
    }

    /// As [`Exchange::stop_receiving`], where its room in a mailbox is the caller's business.
    pub(super) fn drop_receiving(&mut self, slot: u32) -> Option<Permit> {
        let Receiving { inbound, permit, .. } = self.take_receiving(slot);
        self.memory.give_back(inbound.into_memory());
        permit
    }

    /// A complete message.
    fn seal(&mut self, inbound: Inbound) -> Bytes {
        let bytes = inbound.length();
        self.memory.seal(inbound.into_memory(), bytes)
    }

    fn take_receiving(&mut self, slot: u32) -> Receiving {
        let receiving = self.receiving.remove(slot as usize);
        if let Some(timer) = receiving.timer {
            self.timers.remove(timer);
        }
        self.arriving_bytes -= receiving.inbound.length();
        receiving
    }

    /// Of a message on its way here nothing more has come, or not for long.
    pub(super) fn on_arrival_timer(&mut self, slot: u32, port: &mut Port<'_>) {
        let Some(Receiving { of, inbound, timer: Some(timer), .. }) = self.receiving.get(slot as usize)
        else {
            return;
        };
        let due = inbound.advanced + limits::ARRIVAL_IDLE;
        if due > port.now {
            return self.timers.arm(*timer, due);
        }
        port.tracer.cause(port.events, || What::Timer { timer: Timer::Arrival });
        if let Of::Request(served) = *of {
            self.on_server_event(served, Event::Expire, port);
        }
    }

    /// A piece of a reply that is awaited.
    pub(super) fn on_reply_piece(&mut self, slot: u32, view: &View<'_>, port: &mut Port<'_>) -> Fate {
        let header = view.header();
        let fragment = &header.fragment;
        let Some(part) = fragment.part else { return Fate::Unsupported };
        let outgoing = &self.outgoing[slot as usize];
        let receiving = match outgoing.receiving {
            Some(receiving) => {
                let Receiving { epoch, inbound, .. } = &self.receiving[receiving as usize];
                let (is_same, current) = (*epoch == header.source_epoch, inbound.transfer());
                if !is_same || is_newer(part.transfer, current) {
                    self.outgoing[slot as usize].receiving = None;
                    self.stop_receiving(Some(receiving), port);
                    None
                } else if current == part.transfer {
                    Some(receiving)
                } else {
                    return Fate::DuplicateDone;
                }
            }
            None => None,
        };
        let receiving = match receiving {
            Some(receiving) => receiving,
            None => {
                let outgoing = &mut self.outgoing[slot as usize];
                // Who answers has the request, whether there is room for the answer or not.
                outgoing.bound = header.source_epoch;
                self.on_client_event(slot, ClientEvent::Ack, port);
                if fragment.length as usize > self.config.message_bytes {
                    self.on_client_event(slot, ClientEvent::Discarded, port);
                    return Fate::NoRoom;
                }
                if !self.has_memory_for(fragment, part) {
                    self.report_no_room(slot, part.transfer, header.number, port);
                    return Fate::NoRoom;
                }
                let receiving = self.start_receiving(Of::Reply(slot), header, part, None, port.now);
                self.outgoing[slot as usize].receiving = Some(receiving);
                receiving
            }
        };
        match self.place_piece(receiving, view, port) {
            Placed::Complete => {
                self.outgoing[slot as usize].receiving = None;
                let inbound = self.take_receiving(receiving).inbound;
                let message = self.seal(inbound);
                self.on_reply(slot, header, message, port);
                Fate::Accepted
            }
            Placed::Foreign => Fate::Unsupported,
            Placed::Again => Fate::DuplicateInProgress,
            Placed::New | Placed::Gap | Placed::Spoilt => Fate::Fragment,
        }
    }

    /// When a piece of the reply to this request came last.
    pub(super) fn reply_heard(&self, receiving: u32) -> Instant {
        self.receiving[receiving as usize].inbound.heard
    }

    /// Puts a piece in its place, and reports where that is due.
    fn place_piece(&mut self, slot: u32, view: &View<'_>, port: &mut Port<'_>) -> Placed {
        let header = view.header();
        let receiving = &mut self.receiving[slot as usize];
        let placed = receiving.inbound.place(port.now, header.number, &header.fragment, view.payload());
        match placed {
            Placed::Again | Placed::New if header.flags.has(Flags::REPORT) => self.report(slot, port),
            Placed::Gap => self.report(slot, port),
            Placed::Spoilt => self.report_spoilt(slot, port),
            _ => {}
        }
        placed
    }

    /// So many pieces of so many bytes there is room for under way, in fairness to all transfers.
    fn window_of(&self, piece: u32) -> u32 {
        let share = self.config.receive_bytes / self.receiving.len().max(1);
        let packet_bytes = piece as usize + HEADER_BYTES + FRAGMENT_BYTES;
        ((share / packet_bytes) as u32).clamp(1, limits::PIECES_UNDER_WAY_MAX)
    }

    fn report(&mut self, slot: u32, port: &mut Port<'_>) {
        let inbound = &self.receiving[slot as usize].inbound;
        let (newest, base, high) = inbound.state();
        let room = self.config.packet_bytes - HEADER_BYTES - REPORT_BYTES;
        let window = self.window_of(inbound.piece());
        let transfer = inbound.transfer();
        let lists = lists(inbound.there(), base, high.max(base), room);
        let last = lists.len() - 1;
        for (place, (from, to, list)) in lists.into_iter().enumerate() {
            let newest = if place == last { newest } else { PacketNumber::default() };
            self.transmit_report(slot, Report { newest, transfer, base, from, to, window }, list, port);
        }
    }

    /// All of it came, and it is not what was sent.
    fn report_spoilt(&mut self, slot: u32, port: &mut Port<'_>) {
        self.spoilt_messages += 1;
        let inbound = &self.receiving[slot as usize].inbound;
        let (newest, ..) = inbound.state();
        let (transfer, window) = (inbound.transfer(), self.window_of(inbound.piece()));
        let report = Report { newest, transfer, base: 0, from: 1, to: 0, window };
        self.transmit_report(slot, report, Bytes::new(), port);
    }

    fn transmit_report(&mut self, slot: u32, report: Report, list: Bytes, port: &mut Port<'_>) {
        let Receiving { of, inbound, .. } = &self.receiving[slot as usize];
        let (of, heard) = (*of, inbound.heard);
        let kind = Kind::Report(report);
        let (peer, mut header) = match of {
            Of::Request(slot) => {
                let header = self.served_header(slot, kind, port.now);
                (self.served[slot as usize].peer, Header { flags: Flags::FROM_SERVER, ..header })
            }
            Of::Reply(slot) => (self.outgoing[slot as usize].peer, self.header_about(slot, kind, port.now)),
        };
        header.flags = header.flags.with(Flags::REPORT);
        header.elapsed_us = port.now.micros_since(heard);
        self.transmit(peer, header, list, port);
    }

    /// A reply for which there is no memory now: its server waits and asks.
    fn report_no_room(&mut self, slot: u32, transfer: u32, newest: PacketNumber, port: &mut Port<'_>) {
        let kind = Kind::Report(Report { newest, transfer, base: 0, from: 0, to: 0, window: 0 });
        let mut header = self.header_about(slot, kind, port.now);
        header.flags = Flags::REPORT;
        self.transmit(self.outgoing[slot as usize].peer, header, Bytes::new(), port);
    }
}
