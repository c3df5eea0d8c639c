//! Messages and replies on their way to those who wait for them.
use bytes::Bytes;

use super::{Kernel, Out, Outcome, port};
use crate::error::ReceiveError;
use crate::ids::{Address, Epoch, LocalId};
use crate::process::{Filled, From, Letter, Permit, Received, ReplyTo, Source, Ticket, WaitToken};
use crate::time::Instant;
use crate::trace::{BlockedOn, What};

impl Kernel {
    /// Delivers a message for which there is room.
    pub(super) fn deliver(
        &mut self,
        now: Instant,
        process: LocalId,
        permit: Permit,
        received: Received,
        out: &mut Out,
    ) {
        let (from, keeps_for) = (received.source.address, permit.keeps_for());
        let filled = self.processes.deliver(permit, received);
        if let (Filled::Queued { kept: Some(number), .. }, Some(time)) = (&filled, keeps_for) {
            self.keep(now, process, *number, time);
        }
        self.on_filled(now, process, from, filled, out);
    }

    /// A message is in a mailbox, or goes straight to one who waits for it.
    pub(super) fn on_filled(
        &mut self,
        now: Instant,
        process: LocalId,
        from: Address,
        filled: Filled,
        out: &mut Out,
    ) {
        match filled {
            Filled::Queued { messages, bytes, .. } => {
                self.tracer.event(&mut out.events, || What::Queued { process, from, messages, bytes });
            }
            Filled::Handed(token, letter) => {
                match self.open_letter(now, process, letter, out) {
                    Some(outcome) => self.finish(token, outcome, out),
                    // It was for nothing, and whoever waits goes on waiting.
                    None => self.wait_on(process, token),
                }
            }
        }
    }

    /// A receive that nothing has come of is one that waits again.
    #[cold]
    fn wait_on(&mut self, process: LocalId, token: WaitToken) {
        let filter = match self.waits.on(token) {
            Some(BlockedOn::Receive) => From::Any,
            Some(BlockedOn::ReceiveFrom(address)) => From::One(address),
            _ => return,
        };
        self.processes.wait(process, token, filter);
    }

    /// A letter as its receiver gets it; `None` if it is a request that nobody awaits any more.
    pub(super) fn open_letter(
        &mut self,
        now: Instant,
        process: LocalId,
        letter: Letter,
        out: &mut Out,
    ) -> Option<Outcome> {
        match letter {
            Letter::Failure(failure) => Some(Outcome::NotReceived(ReceiveError::RequestFailed {
                to: failure.to,
                error: failure.error,
            })),
            Letter::Message(received) => {
                let awaited = match received.source.ticket {
                    Ticket::Remote(place) | Ticket::OneWay(Some(place)) => {
                        self.exchange.take(place, process, &mut port!(self, now, out))
                    }
                    Ticket::Local(place) => self.take_local(place, process),
                    Ticket::OneWay(None) | Ticket::Answer => true,
                };
                if !awaited {
                    return None;
                }
                let (from, request) = (received.source.address, !received.source.is_reply());
                self.tracer.event(&mut out.events, || What::Taken { process, from, request });
                Some(Outcome::Received(received))
            }
        }
    }

    /// A reply goes where its request wanted it.
    pub(super) fn answer(
        &mut self,
        now: Instant,
        process: LocalId,
        from: Address,
        reply_to: ReplyTo,
        message: Bytes,
        out: &mut Out,
    ) {
        let source = Source {
            address: from,
            ticket: Ticket::Answer,
            epoch: Epoch::BLANK,
            is_believed: true,
            arrived: now,
        };
        let received = Received { source, message };
        match reply_to {
            ReplyTo::Call(token) => self.finish(token, Outcome::Received(received), out),
            ReplyTo::Mailbox => {
                if let Some(filled) = self.processes.deliver_answer(process, Letter::Message(received)) {
                    self.on_filled(now, process, from, filled, out);
                }
            }
            ReplyTo::Client(Ticket::Remote(place)) => {
                if self.exchange.check_reply(place, process).is_ok() {
                    self.exchange.reply(place, received.message, None, &mut port!(self, now, out));
                }
            }
            ReplyTo::Client(Ticket::Local(place)) => {
                if let Some(request) = self.rendezvous.close(place) {
                    let message = received.message;
                    self.answer(now, request.client, request.addressed, request.reply_to, message, out);
                }
            }
            ReplyTo::Client(Ticket::OneWay(_) | Ticket::Answer) | ReplyTo::Nobody => {}
        }
    }
}
