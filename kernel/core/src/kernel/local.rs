//! Requests between two processes of this kernel, with the semantics of those between machines.
//!
//! What differs, and may: nothing is lost, so nothing is acknowledged, sent again or cached; a send is over when its
//! message is in the mailbox, whatever the reliability; where a remote sender would get TA, a local one waits for
//! room; a request that a mailbox discards fails as *refused* at once, since no time-out would tell.
use bytes::Bytes;

use super::seek::after_silence;
use super::{Entry, Kernel, Out, Outcome, port};
use crate::config::{Options, Overflow};
use crate::error::{CallError, ReplyError, Unsent};
use crate::exchange::Request;
use crate::ids::{Address, LocalId};
use crate::process::{
    Awaited, BlockedSender, Failure, Letter, LocalRequest, NoRoom, Place, Received, ReplyTo, Source, Ticket,
    WaitToken,
};
use crate::time::Instant;
use crate::trace::{BlockedOn, What};
use crate::wire::AuReason;

/// A message from one process of this kernel to another.
pub(super) struct LocalSend {
    pub(super) now: Instant,
    pub(super) process: LocalId,
    pub(super) to: LocalId,
    pub(super) message: Bytes,
    pub(super) options: Options,
    pub(super) reply_to: ReplyTo,
    /// Whether it was sent before, to a place that is silent since.
    pub(super) may_have_run: bool,
    /// The wait to be ended: by the reply for a call, by room for a send. Opened by the caller, who closes it if the send
    /// is over at once.
    pub(super) token: WaitToken,
    /// Whether the calling thread does nothing else meanwhile.
    pub(super) blocking: bool,
}

impl Kernel {
    #[inline(never)]
    pub(super) fn send_local(&mut self, send: LocalSend, out: &mut Out) -> Entry {
        let LocalSend { now, process, to, message, options, reply_to, may_have_run, token, blocking } = send;
        let is_call = matches!(reply_to, ReplyTo::Call(_));
        let from = Address::new(self.machine, process);
        let reserved = self.processes.reserve(to, from, message.len());
        let error = match &reserved {
            Err(NoRoom::NoProcess) => Some(CallError::NoSuchProcess),
            Err(NoRoom::Full(Overflow::Discard)) => Some(CallError::Refused),
            Err(NoRoom::Full(_))
                if blocking && self.processes.would_deadlock(process, to, Awaited::Action) =>
            {
                Some(CallError::Deadlock)
            }
            _ if reply_to != ReplyTo::Nobody && self.rendezvous.is_full() => Some(CallError::TooMany),
            _ => None,
        };
        if let Some(error) = error {
            if error == CallError::Refused {
                self.tracer.event(&mut out.events, || What::Overflow { process: to });
                if reply_to == ReplyTo::Nobody {
                    // Thrown away without a word, as its receiver wants it.
                    return Entry::Done(Outcome::Sent(message));
                }
            }
            return Entry::Done(Outcome::Unsent(Unsent { error, message }));
        }
        let ticket = if reply_to == ReplyTo::Nobody {
            Ticket::OneWay(None)
        } else {
            let addressed = Address::new(self.machine, to);
            let (client, server, taken) = (process, to, false);
            let request = LocalRequest { client, server, addressed, reply_to, options, may_have_run, taken };
            Ticket::Local(self.rendezvous.open(request))
        };
        let (epoch, _) = self.exchange.own_incarnation(now);
        let source = Source { address: from, ticket, epoch, is_believed: true, arrived: now };
        let received = Received { source, message: message.clone() };
        match reserved {
            Ok(permit) => {
                self.deliver(now, to, permit, received, out);
                if is_call {
                    self.note_if(blocking, process, BlockedOn::Call(Address::new(self.machine, to)), token);
                    return Entry::Wait(token);
                }
                Entry::Done(Outcome::Sent(message))
            }
            Err(_) => {
                self.tracer.event(&mut out.events, || What::Overflow { process: to });
                let sender = BlockedSender { token, ends_with_room: !is_call, received };
                self.processes.block(to, sender);
                let address = Address::new(self.machine, to);
                let on = if is_call { BlockedOn::Call(address) } else { BlockedOn::Send(address) };
                self.note_if(blocking, process, on, token);
                Entry::Wait(token)
            }
        }
    }

    /// A request for a sparse id that was found on this kernel after all.
    #[cold]
    pub(super) fn send_here(&mut self, now: Instant, request: Request, token: WaitToken, out: &mut Out) {
        let Request { process, to, message, options, one_way, reply_to, sender, sought } = request;
        let may_have_run = sought.is_some_and(|sought| sought.may_have_run);
        let (to_local, blocking) = (to.local, false);
        let send = LocalSend {
            now,
            process,
            to: to_local,
            message,
            options,
            reply_to,
            may_have_run,
            token,
            blocking,
        };
        match self.send_local(send, out) {
            Entry::Done(Outcome::Unsent(Unsent { error, message })) => {
                let request = Request { process, to, message, options, one_way, reply_to, sender, sought };
                self.give_up(now, request, error, out);
            }
            Entry::Done(outcome) => self.finish(token, outcome, out),
            Entry::Wait(_) => {}
        }
    }

    fn note_if(&mut self, blocking: bool, process: LocalId, on: BlockedOn, token: WaitToken) {
        // One who was there to take it may have answered already.
        if blocking && !self.waits.is_ready(token) {
            self.note_waiting(process, on, token);
        }
    }

    /// Its server takes a local request; false if its client is gone.
    pub(super) fn take_local(&mut self, place: Place, process: LocalId) -> bool {
        match self.rendezvous.get_mut(place) {
            Some(request) => {
                request.taken = true;
                request.server = process;
                true
            }
            None => false,
        }
    }

    #[inline(never)]
    pub(super) fn reply_local(
        &mut self,
        now: Instant,
        process: LocalId,
        place: Place,
        message: Bytes,
        out: &mut Out,
    ) -> Outcome {
        match self.rendezvous.get_mut(place) {
            None => return Outcome::NotReplied { error: ReplyError::Abandoned, message },
            Some(request) if request.server != process => {
                return Outcome::NotReplied { error: ReplyError::NotYours, message };
            }
            Some(_) => {}
        }
        if let Some(request) = self.rendezvous.close(place) {
            self.answer(now, request.client, request.addressed, request.reply_to, message.clone(), out);
        }
        Outcome::Replied(message)
    }

    /// There may be room in a mailbox again: those who wait for it come in.
    pub(super) fn admit_blocked(&mut self, now: Instant, process: LocalId, out: &mut Out) {
        while self.processes.has_blocked(process)
            && let Some((sender, filled)) = self.processes.unblock(process)
        {
            let Received { source, message } = sender.received;
            self.on_filled(now, process, source.address, filled, out);
            if sender.ends_with_room {
                self.finish(sender.token, Outcome::Sent(message), out);
            }
        }
    }

    /// A request of `process` will not be answered: it is told where it would have been given the reply.
    #[cold]
    pub(super) fn fail(
        &mut self,
        now: Instant,
        process: LocalId,
        to: Address,
        reply_to: ReplyTo,
        unsent: Unsent,
        out: &mut Out,
    ) {
        let error = unsent.error;
        match reply_to {
            ReplyTo::Call(token) => self.finish(token, Outcome::Unsent(unsent), out),
            ReplyTo::Mailbox => {
                let letter = Letter::Failure(Failure { to, error });
                if let Some(filled) = self.processes.deliver_answer(process, letter) {
                    self.on_filled(now, process, to, filled, out);
                }
            }
            ReplyTo::Client(Ticket::Remote(place)) => {
                let reason = match error {
                    CallError::NoSuchProcess => AuReason::NoProcess,
                    CallError::CrashedNotExecuted | CallError::Refused => AuReason::DiedQueued,
                    _ => AuReason::DiedExecuting,
                };
                self.exchange.fail_forwarded(place, reason, &mut port!(self, now, out));
            }
            ReplyTo::Client(Ticket::Local(place)) => {
                if let Some(request) = self.rendezvous.close(place) {
                    self.fail(now, request.client, request.addressed, request.reply_to, unsent, out);
                }
            }
            ReplyTo::Client(Ticket::OneWay(_) | Ticket::Answer) | ReplyTo::Nobody => {}
        }
    }

    /// A process ends: those blocked on it, and those it has not answered, are told.
    #[cold]
    pub(super) fn end_local(&mut self, now: Instant, process: LocalId, out: &mut Out) {
        for sender in self.processes.end(process) {
            let Received { source, message } = sender.received;
            if let Ticket::Local(place) = source.ticket {
                self.rendezvous.close(place);
            }
            let unsent = Unsent { error: CallError::NoSuchProcess, message };
            self.finish(sender.token, Outcome::Unsent(unsent), out);
        }
        for request in self.rendezvous.close_of(process) {
            if request.client == process {
                continue;
            }
            let error = if request.taken { CallError::CrashedUnknown } else { CallError::CrashedNotExecuted };
            let error = after_silence(error, request.may_have_run);
            let unsent = Unsent { error, message: Bytes::new() };
            self.fail(now, request.client, request.addressed, request.reply_to, unsent, out);
        }
    }
}
