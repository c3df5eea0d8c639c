//! Packets that arrive: whose business each is, and room for the messages in them.
use core::hint::cold_path;

use super::{Kernel, Out, port};
use crate::config::Overflow;
use crate::exchange::{Arrived, Cell, Refusal, Whole};
use crate::ids::{Epoch, Machine, Path};
use crate::process::{NoRoom, Received, Source, Ticket};
use crate::time::Instant;
use crate::trace::{Fate, PacketNote, Step, What};
use crate::wire::{Flags, Kind, Malformed, View};

impl Kernel {
    /// A batch of datagrams, in the order they came.
    pub fn datagrams<'a>(
        &mut self,
        now: Instant,
        batch: impl IntoIterator<Item = (Path, &'a [u8])>,
        out: &mut Out,
    ) {
        let before = out.transmits.len();
        self.tracer.begin(now);
        for (path, bytes) in batch {
            match &View::new(bytes) {
                Ok(view) => self.handle_packet(now, path, view, out),
                Err(reason) => self.note_malformed(path.remote, *reason, out),
            }
        }
        self.exchange.upkeep(now);
        self.count_sent(out, before);
    }

    #[cold]
    fn note_malformed(&mut self, from: Machine, reason: Malformed, out: &mut Out) {
        self.counters.malformed[reason as usize] += 1;
        self.exchange.note(Cell::Malformed(reason));
        self.tracer.cause(&mut out.events, || What::Malformed { from, reason });
    }

    fn handle_packet(&mut self, now: Instant, path: Path, view: &View<'_>, out: &mut Out) {
        let header = view.header();
        let from = path.remote;
        self.tracer.cause(&mut out.events, || What::Received {
            from,
            packet: PacketNote::new(header, view.payload().len()),
            fate: Fate::Accepted,
        });
        let fate = match header.kind {
            Kind::Req => self.handle_request(now, path, view, out),
            Kind::Aya { .. } => {
                let lives = self.processes.contains(header.destination);
                self.exchange.handle_probe(path, view, lives, &mut port!(self, now, out))
            }
            Kind::Rep => self.exchange.handle_from_server(path, view, &mut port!(self, now, out)),
            Kind::Ack | Kind::Report(_) if !header.flags.has(Flags::FROM_SERVER) => {
                self.exchange.handle_reply_ack(path, view, &mut port!(self, now, out))
            }
            Kind::Ack | Kind::Report(_) | Kind::Iaa { .. } | Kind::Ta { .. } | Kind::Au { .. } => {
                self.exchange.handle_from_server(path, view, &mut port!(self, now, out))
            }
            Kind::Locate { .. } => self.handle_locate(now, path, view, out),
            Kind::Here { .. } => self.handle_here(now, path, view, out),
        };
        self.counters.fates[fate as usize] += 1;
        self.exchange.note(Cell::Received(header.kind.packet_type()));
        self.exchange.note(Cell::Fate(fate));
        self.tracer.decide_fate(&mut out.events, fate);
        self.apply_effects(now, out);
    }

    fn handle_request(&mut self, now: Instant, path: Path, view: &View<'_>, out: &mut Out) -> Fate {
        let arrival = match self.exchange.handle_request(path, view, &mut port!(self, now, out)) {
            Ok(Arrived::New(arrival)) => {
                self.tracer.step(Step::Checked);
                arrival
            }
            Ok(Arrived::Whole(whole)) => {
                return self.handle_whole(now, whole, view.header().source_epoch, out);
            }
            Err(fate) => return fate,
        };
        let (process, from) = (arrival.to, arrival.from);
        let reserved = if arrival.is_piece() {
            self.processes.reserve_ahead(process, from, arrival.message_bytes())
        } else {
            self.processes.reserve(process, from, view.payload().len()).map(Some)
        };
        let permit = match reserved {
            Ok(permit) if arrival.is_piece() => {
                cold_path();
                self.exchange.gather(&arrival, permit, view, &mut port!(self, now, out));
                return Fate::Fragment;
            }
            // A message in one packet always gets one.
            Ok(None) => return Fate::Unsupported,
            Ok(Some(permit)) => permit,
            Err(no_room) => {
                cold_path();
                let refusal = match no_room {
                    NoRoom::NoProcess => Refusal::NoProcess,
                    NoRoom::Full(Overflow::Discard) => Refusal::Discard,
                    NoRoom::Full(Overflow::TryAgain | Overflow::Block) => Refusal::Full,
                };
                if refusal != Refusal::NoProcess {
                    self.tracer.event(&mut out.events, || What::Overflow { process });
                }
                return self.exchange.refuse(&arrival, refusal, &mut port!(self, now, out));
            }
        };
        self.tracer.step(Step::Decided);
        let kept = permit.keeps_for().is_some();
        let place = self.exchange.admit(&arrival, kept, &mut port!(self, now, out));
        let ticket = match place {
            Some(place) if !arrival.one_way => Ticket::Remote(place),
            place => Ticket::OneWay(place),
        };
        let message = crate::message::copied(view.payload());
        self.counters.copied_out_bytes += message.len() as u64;
        self.tracer.step(Step::CopiedOut);
        let epoch = view.header().source_epoch;
        let is_believed = self.exchange.believes_of(arrival.peer, epoch);
        let source = Source { address: from, ticket, epoch, is_believed, arrived: now };
        self.deliver(now, process, permit, Received { source, message }, out);
        self.tracer.step(Step::Handed);
        Fate::Accepted
    }

    /// The last piece of a longer message is here.
    #[inline(never)]
    fn handle_whole(&mut self, now: Instant, whole: Whole, epoch: Epoch, out: &mut Out) -> Fate {
        let Whole { place, to, from, one_way, message, permit } = whole;
        self.counters.copied_out_bytes += message.len() as u64;
        let permit = match permit {
            Some(permit) => Ok(permit),
            None => self.processes.reserve(to, from, message.len()),
        };
        let Ok(permit) = permit else {
            self.tracer.event(&mut out.events, || What::Overflow { process: to });
            self.exchange.lose(place, &mut port!(self, now, out));
            return Fate::NoRoom;
        };
        let kept = permit.keeps_for().is_some();
        let ticket = match self.exchange.arrive(place, kept, &mut port!(self, now, out)) {
            Some(place) if !one_way => Ticket::Remote(place),
            place => Ticket::OneWay(place),
        };
        let is_believed = self.exchange.believes(from.machine, epoch);
        let source = Source { address: from, ticket, epoch, is_believed, arrived: now };
        self.deliver(now, to, permit, Received { source, message }, out);
        Fate::Accepted
    }
}
