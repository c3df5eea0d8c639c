//! What a server does: it receives, replies, and hands requests on.
use bytes::Bytes;

use super::{Entry, Kernel, Out, Outcome, port};
use crate::config::{Options, Overflow, Reliability};
use crate::error::{ReceiveError, ReplyError};
use crate::exchange::Request;
use crate::ids::{Address, LocalId};
use crate::process::{Awaited, From, NoRoom, Received, ReplyTo, Source, Ticket};
use crate::time::Instant;
use crate::trace::BlockedOn;

impl Kernel {
    /// What is there already, or why nothing can be; `None` if there is nothing yet.
    pub(super) fn trap_take(
        &mut self,
        now: Instant,
        process: LocalId,
        from: From,
        out: &mut Out,
    ) -> Option<Entry> {
        if !self.processes.contains(process) {
            return Some(Entry::Done(Outcome::NotReceived(ReceiveError::NoProcess)));
        }
        while let Some((letter, kept)) = self.processes.take(process, from) {
            if let Some(number) = kept {
                self.keeping.remove(process, number);
            }
            let opened = self.open_letter(now, process, letter, out);
            self.admit_blocked(now, process, out);
            if let Some(outcome) = opened {
                return Some(Entry::Done(outcome));
            }
        }
        None
    }

    pub(super) fn trap_receive(
        &mut self,
        now: Instant,
        process: LocalId,
        from: From,
        blocking: bool,
        out: &mut Out,
    ) -> Entry {
        if let Some(entry) = self.trap_take(now, process, from, out) {
            return entry;
        }
        if let From::One(one) = from
            && one.machine == self.machine
            && !self.processes.contains(one.local)
        {
            return Entry::Done(Outcome::NotReceived(ReceiveError::NoSuchProcess(one)));
        }
        let on = match from {
            From::Any => BlockedOn::Receive,
            From::One(address) => BlockedOn::ReceiveFrom(address),
        };
        if blocking
            && let Some(other) = on.awaited()
            && other.machine == self.machine
            && self.processes.would_deadlock(process, other.local, Awaited::Message)
        {
            return Entry::Done(Outcome::NotReceived(ReceiveError::Deadlock));
        }
        if self.waits.is_full() || !self.processes.has_receiver_room(process) {
            return Entry::Done(Outcome::NotReceived(ReceiveError::TooMany));
        }
        let token = self.waits.open(process, on);
        if blocking {
            self.note_waiting(process, on, token);
        }
        self.processes.wait(process, token, from);
        // A mailbox that keeps nothing has no room for a blocked sender until somebody waits.
        self.admit_blocked(now, process, out);
        self.settle(process, on, token, out)
    }

    pub(super) fn trap_reply(
        &mut self,
        now: Instant,
        process: LocalId,
        source: Source,
        message: Bytes,
        lent: bool,
        out: &mut Out,
    ) -> Entry {
        if message.len() > self.config().message_bytes_max() {
            return Entry::Done(Outcome::NotReplied { error: ReplyError::TooLong, message });
        }
        match source.ticket {
            Ticket::OneWay(_) | Ticket::Answer => {
                Entry::Done(Outcome::NotReplied { error: ReplyError::NotWanted, message })
            }
            Ticket::Local(place) => Entry::Done(self.reply_local(now, process, place, message, out)),
            Ticket::Remote(place) => {
                if let Err(error) = self.exchange.check_reply(place, process) {
                    return Entry::Done(Outcome::NotReplied { error, message });
                }
                if !self.exchange.reply_waits(place) || self.waits.is_full() {
                    // Nobody wants back what was not lent.
                    let back = if lent { message.clone() } else { Bytes::new() };
                    self.exchange.reply(place, message, None, &mut port!(self, now, out));
                    return Entry::Done(Outcome::Replied(back));
                }
                let on = BlockedOn::Reply(source.address);
                let token = self.waits.open_with(process, on, lent);
                self.exchange.reply(place, message, Some(token), &mut port!(self, now, out));
                // A cache without room for it gives it up at once.
                self.apply_effects(now, out);
                self.settle(process, on, token, out)
            }
        }
    }

    #[cold]
    pub(super) fn trap_forward(
        &mut self,
        now: Instant,
        process: LocalId,
        source: Source,
        message: Bytes,
        to: Address,
        out: &mut Out,
    ) -> Entry {
        if let Err(error) = self.check_forward(now, process, source, message.len(), to) {
            return Entry::Done(Outcome::NotReplied { error, message });
        }
        if to.machine != self.machine {
            let reply_to = ReplyTo::Client(source.ticket);
            let asked = match source.ticket {
                Ticket::Remote(place) => self.exchange.hand_over_to_kernel(place),
                Ticket::Local(place) => self.rendezvous.get_mut(place).map(|request| {
                    request.server = LocalId::KERNEL;
                    request.options
                }),
                Ticket::OneWay(_) | Ticket::Answer => None,
            };
            // As its client asked, so that at most once holds all the way; but no reply is to be missed.
            let asked = asked.unwrap_or_default();
            let options = match asked.reliability {
                Reliability::Unreliable => Options { reliability: Reliability::ReplyAcks, ..asked },
                _ => asked,
            };
            let request = Request {
                process: LocalId::KERNEL,
                to,
                message: message.clone(),
                options,
                one_way: false,
                reply_to,
                sender: None,
                sought: None,
            };
            self.exchange.send(request, &mut port!(self, now, out));
            return Entry::Done(Outcome::Replied(message));
        }
        let permit = match self.processes.reserve(to.local, source.address, message.len()) {
            Ok(permit) => permit,
            Err(NoRoom::NoProcess) => {
                return Entry::Done(Outcome::NotReplied { error: ReplyError::NoSuchProcess, message });
            }
            Err(NoRoom::Full(Overflow::Discard | Overflow::TryAgain | Overflow::Block)) => {
                return Entry::Done(Outcome::NotReplied { error: ReplyError::Refused, message });
            }
        };
        match source.ticket {
            Ticket::Remote(place) => self.exchange.hand_over(place, to.local),
            Ticket::Local(place) => {
                if let Some(request) = self.rendezvous.get_mut(place) {
                    request.server = to.local;
                    request.taken = false;
                }
            }
            Ticket::OneWay(_) | Ticket::Answer => {}
        }
        self.deliver(now, to.local, permit, Received { source, message: message.clone() }, out);
        Entry::Done(Outcome::Replied(message))
    }

    fn check_forward(
        &mut self,
        now: Instant,
        process: LocalId,
        source: Source,
        bytes: usize,
        to: Address,
    ) -> Result<(), ReplyError> {
        if bytes > self.config().message_bytes_max() {
            return Err(ReplyError::TooLong);
        }
        match source.ticket {
            Ticket::Remote(place) => self.exchange.check_reply(place, process)?,
            Ticket::Local(place) => match self.rendezvous.get_mut(place) {
                None => return Err(ReplyError::Abandoned),
                Some(request) if request.server != process => return Err(ReplyError::NotYours),
                Some(_) => {}
            },
            Ticket::OneWay(_) | Ticket::Answer => return Err(ReplyError::NotWanted),
        }
        if to.machine != self.machine {
            self.exchange.check_request(to.machine, now).map_err(|_| ReplyError::Refused)?;
        }
        Ok(())
    }
}
