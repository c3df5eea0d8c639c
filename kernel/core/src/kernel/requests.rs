//! Requests of processes: to other machines, to processes of this kernel, to sparse ids; and pings.
use bytes::Bytes;

use super::local::LocalSend;
use super::seek::Seeker;
use super::{Entry, Kernel, Out, Outcome, port};
use crate::config::Options;
use crate::error::{CallError, Unsent};
use crate::exchange::{Port, Request, Sought};
use crate::ids::{Address, LocalId, Machine, SparseId, Target};
use crate::process::{Awaited, ReplyTo, WaitToken};
use crate::time::Instant;
use crate::trace::{BlockedOn, Call};

/// What a process wants sent.
pub(super) struct Asked {
    pub(super) to: Target,
    pub(super) message: Bytes,
    pub(super) options: Options,
    /// `Send`, `SendOneWay` or `Call`.
    pub(super) kind: Call,
    /// Whether its buffer is lent until the wait is over.
    pub(super) lent: bool,
}

/// What a request that cannot be sent ends with.
const fn unsent(error: CallError, message: Bytes) -> Entry {
    Entry::Done(Outcome::Unsent(Unsent { error, message }))
}

impl Kernel {
    /// What must hold before anything is sent.
    pub(super) fn check_send(
        &mut self,
        now: Instant,
        process: LocalId,
        to: Address,
        bytes: usize,
        waits_for_reply: bool,
    ) -> Result<(), CallError> {
        self.check_caller(process, bytes)?;
        if to.machine != self.machine {
            return self.exchange.check_request(to.machine, now);
        }
        if waits_for_reply && self.processes.would_deadlock(process, to.local, Awaited::Action) {
            return Err(CallError::Deadlock);
        }
        Ok(())
    }

    /// What must hold wherever it is sent.
    pub(super) fn check_caller(&self, process: LocalId, bytes: usize) -> Result<(), CallError> {
        if !self.processes.contains(process) {
            return Err(CallError::NoCaller);
        }
        if bytes > self.config().message_bytes_max() {
            return Err(CallError::TooLong);
        }
        if self.waits.is_full() { Err(CallError::TooMany) } else { Ok(()) }
    }

    /// Notes whom a blocking wait waits for, if that is one process of this kernel.
    pub(super) fn note_waiting(&mut self, process: LocalId, on: BlockedOn, token: WaitToken) {
        let awaited =
            if matches!(on, BlockedOn::ReceiveFrom(_)) { Awaited::Message } else { Awaited::Action };
        if let Some(other) = on.awaited()
            && other.machine == self.machine
        {
            self.processes.set_waits_for(process, other.local, awaited, token);
        }
    }

    /// A send, a one-way message or a call: they differ in where the reply goes, and in what ends the wait.
    #[inline]
    pub(super) fn trap_request(
        &mut self,
        now: Instant,
        process: LocalId,
        asked: Asked,
        blocking: bool,
        out: &mut Out,
    ) -> Entry {
        if asked.kind == Call::Send && self.processes.contains(process) && !self.processes.may_ask(process) {
            return unsent(CallError::TooMany, asked.message);
        }
        match asked.to {
            Target::Place(to) if to.machine != self.machine => self.trap_remote(now, process, to, asked, out),
            Target::Place(to) => self.trap_local(now, process, to, asked, blocking, out),
            Target::Sparse(sparse) => self.trap_sparse(now, process, sparse, asked, blocking, out),
        }
    }

    /// A wait for what such a request brings; where its reply goes, and who waits until it is safe.
    fn open_wait(
        &mut self,
        process: LocalId,
        on: BlockedOn,
        asked: &Asked,
    ) -> (WaitToken, ReplyTo, Option<WaitToken>) {
        let token = self.waits.open_with(process, on, asked.lent);
        let (reply_to, sender) = match asked.kind {
            Call::Call => (ReplyTo::Call(token), None),
            Call::SendOneWay => (ReplyTo::Nobody, Some(token)),
            _ => (ReplyTo::Mailbox, Some(token)),
        };
        (token, reply_to, sender)
    }

    /// To another machine.
    #[inline]
    fn trap_remote(
        &mut self,
        now: Instant,
        process: LocalId,
        to: Address,
        asked: Asked,
        out: &mut Out,
    ) -> Entry {
        let checked = self.check_caller(process, asked.message.len());
        if let Err(error) = checked.and_then(|()| self.exchange.check_request(to.machine, now)) {
            return unsent(error, asked.message);
        }
        let on = if asked.kind == Call::Call { BlockedOn::Call(to) } else { BlockedOn::Send(to) };
        let (token, reply_to, sender) = self.open_wait(process, on, &asked);
        let Asked { message, options, kind, .. } = asked;
        let one_way = kind == Call::SendOneWay;
        let request = Request { process, to, message, options, one_way, reply_to, sender, sought: None };
        self.exchange.send(request, &mut port!(self, now, out));
        self.apply_effects(now, out);
        self.settle(process, on, token, out)
    }

    /// To a process of this kernel.
    #[inline(never)]
    fn trap_local(
        &mut self,
        now: Instant,
        process: LocalId,
        to: Address,
        asked: Asked,
        blocking: bool,
        out: &mut Out,
    ) -> Entry {
        let is_call = asked.kind == Call::Call;
        if let Err(error) = self.check_send(now, process, to, asked.message.len(), blocking && is_call) {
            return unsent(error, asked.message);
        }
        let on = if is_call { BlockedOn::Call(to) } else { BlockedOn::Send(to) };
        let (token, reply_to, _) = self.open_wait(process, on, &asked);
        let Asked { message, options, .. } = asked;
        let (to, may_have_run) = (to.local, false);
        let send = LocalSend { now, process, to, message, options, reply_to, may_have_run, token, blocking };
        let entry = self.send_local(send, out);
        if matches!(entry, Entry::Done(_)) {
            self.waits.close(token);
        }
        self.trace_blocked(process, on, entry, out)
    }

    /// To wherever that process is.
    #[cold]
    fn trap_sparse(
        &mut self,
        now: Instant,
        process: LocalId,
        sparse: SparseId,
        asked: Asked,
        blocking: bool,
        out: &mut Out,
    ) -> Entry {
        let place = self.resolve(sparse);
        if let Some(to) = place.filter(|to| to.machine == self.machine) {
            return self.trap_local(now, process, to, asked, blocking, out);
        }
        let checked = self.check_caller(process, asked.message.len()).and_then(|()| match place {
            Some(to) => self.exchange.check_request(to.machine, now),
            None => self.check_seek(sparse),
        });
        if let Err(error) = checked {
            return unsent(error, asked.message);
        }
        let on = match place {
            Some(to) if asked.kind == Call::Call => BlockedOn::Call(to),
            Some(to) => BlockedOn::Send(to),
            None => BlockedOn::Locate(sparse),
        };
        let (token, reply_to, sender) = self.open_wait(process, on, &asked);
        let Asked { message, options, kind, .. } = asked;
        let one_way = kind == Call::SendOneWay;
        // Where it is not known yet, its address says nothing.
        let to = place.unwrap_or(Address::new(Machine::EVERYONE, LocalId::KERNEL));
        let sought = Some(Sought { sparse, moves: 0, may_have_run: false });
        let request = Request { process, to, message, options, one_way, reply_to, sender, sought };
        match place {
            None => self.seek(now, sparse, Seeker::Request(request), out),
            Some(_) => self.exchange.send(request, &mut port!(self, now, out)),
        }
        self.apply_effects(now, out);
        self.settle(process, on, token, out)
    }

    #[cold]
    pub(super) fn trap_ping(&mut self, now: Instant, process: LocalId, to: Address, out: &mut Out) -> Entry {
        if let Err(error) = self.check_send(now, process, to, 0, false) {
            return unsent(error, Bytes::new());
        }
        if to.machine == self.machine {
            if !self.processes.contains(to.local) {
                return unsent(CallError::NoSuchProcess, Bytes::new());
            }
            let (epoch, uptime) = self.exchange.own_incarnation(now);
            return Entry::Done(Outcome::Alive { epoch, uptime });
        }
        let on = BlockedOn::Ping(to);
        let token = self.waits.open(process, on);
        let mut port: Port<'_> = port!(self, now, out);
        self.exchange.ping(process, to, token, &mut port);
        self.trace_blocked(process, on, Entry::Wait(token), out)
    }
}
