//! System calls: everything is checked first, then state changes.
use bytes::Bytes;

use super::local::LocalSend;
use super::seek::Seeker;
use super::{Entry, Kernel, Out, Outcome, Syscall, ending, port};
use crate::config::{Handing, Options, Overflow, Reliability};
use crate::error::{CallError, ReceiveError, ReplyError, Unsent};
use crate::exchange::{Port, Request, Sought};
use crate::ids::{Address, LocalId, Machine, SparseId, Target};
use crate::process::{Awaited, From, NoRoom, Received, ReplyTo, Source, Ticket, WaitToken};
use crate::time::Instant;
use crate::trace::{BlockedOn, Call, Ending, Event, What};

impl Syscall {
    const fn name(&self) -> (Call, Option<Target>) {
        match self {
            Self::Send { to, one_way: false, .. } => (Call::Send, Some(*to)),
            Self::Send { to, one_way: true, .. } => (Call::SendOneWay, Some(*to)),
            Self::Call { to, .. } => (Call::Call, Some(*to)),
            Self::Receive { wait: true, .. } => (Call::Receive, None),
            Self::Receive { wait: false, .. } => (Call::TryReceive, None),
            Self::Reply { source, .. } => (Call::Reply, Some(Target::Place(source.address))),
            Self::Forward { to, .. } => (Call::Forward, Some(Target::Place(*to))),
            Self::Ping { to } => (Call::Ping, Some(Target::Place(*to))),
            Self::Locate { sparse, .. } => (Call::Locate, Some(Target::Sparse(*sparse))),
        }
    }

    /// How its message was handed over and how long that is; and whether the caller runs on meanwhile.
    const fn manner(&self) -> (Handing, usize, bool) {
        match self {
            Self::Send { message, handing, blocking, .. }
            | Self::Call { message, handing, blocking, .. }
            | Self::Reply { message, handing, blocking, .. } => (*handing, message.len(), !*blocking),
            Self::Forward { message, .. } => (Handing::Moved, message.len(), false),
            Self::Receive { .. } | Self::Ping { .. } | Self::Locate { .. } => (Handing::Moved, 0, false),
        }
    }
}

/// What such a call waits for, if it does.
fn waits_on(call: Call, to: Option<Address>, sparse: Option<SparseId>) -> Option<BlockedOn> {
    match call {
        Call::Call => to.map(BlockedOn::Call),
        Call::Send | Call::SendOneWay => to.map(BlockedOn::Send),
        Call::Reply | Call::Forward => to.map(BlockedOn::Reply),
        Call::Ping => to.map(BlockedOn::Ping),
        Call::Locate => sparse.map(BlockedOn::Locate),
        Call::Receive | Call::TryReceive => Some(BlockedOn::Receive),
        Call::Cancel => None,
    }
}

/// What a process wants sent.
struct Asked {
    to: Target,
    message: Bytes,
    options: Options,
    /// `Send`, `SendOneWay` or `Call`.
    kind: Call,
    /// Whether its buffer is lent until the wait is over.
    lent: bool,
}

/// What a request that cannot be sent ends with.
const fn unsent(error: CallError, message: Bytes) -> Entry {
    Entry::Done(Outcome::Unsent(Unsent { error, message }))
}

/// What the trace of a call has to know when it is over.
struct Traced {
    /// How many events there were before it.
    events_before: usize,
    /// What it waits for, if it does.
    on: Option<BlockedOn>,
    /// Whether its buffer is lent.
    lent: bool,
}

/// What a wait ends with when its process ends.
pub(super) fn cancelled(on: BlockedOn) -> Outcome {
    ended(on, CallError::Cancelled, ReceiveError::Cancelled, Bytes::new())
}

fn ended(on: BlockedOn, call: CallError, receive: ReceiveError, message: Bytes) -> Outcome {
    match on {
        BlockedOn::Receive | BlockedOn::ReceiveFrom(_) => Outcome::NotReceived(receive),
        BlockedOn::Reply(_) => Outcome::NotReplied { error: ReplyError::TimedOut, message },
        BlockedOn::Send(_) | BlockedOn::Call(_) | BlockedOn::Ping(_) | BlockedOn::Locate(_) => {
            Outcome::Unsent(Unsent { error: call, message })
        }
    }
}

impl Kernel {
    /// A process enters the kernel.
    pub fn trap(&mut self, now: Instant, process: LocalId, call: Syscall, out: &mut Out) -> Entry {
        let before = out.transmits.len();
        self.tracer.begin(now);
        let traced = if self.tracer.is_on() { Some(self.trace_trap(process, &call, out)) } else { None };
        let entry = self.dispatch(now, process, call, out);
        if let Some(traced) = traced {
            self.trace_done(process, &traced, &entry, out);
        }
        self.apply_effects(now, out);
        self.count_sent(out, before);
        entry
    }

    #[inline]
    fn dispatch(&mut self, now: Instant, process: LocalId, call: Syscall, out: &mut Out) -> Entry {
        match call {
            Syscall::Call { to, message, options, blocking, handing } => {
                let lent = self.note_handing(handing, &message);
                let asked = Asked { to, message, options, kind: Call::Call, lent };
                self.trap_request(now, process, asked, blocking, out)
            }
            Syscall::Send { to, message, options, one_way, blocking, handing } => {
                let lent = self.note_handing(handing, &message);
                let kind = if one_way { Call::SendOneWay } else { Call::Send };
                self.trap_request(now, process, Asked { to, message, options, kind, lent }, blocking, out)
            }
            Syscall::Receive { from, wait: false, .. } => {
                self.trap_take(now, process, from, out).unwrap_or(Entry::Done(Outcome::Nothing))
            }
            Syscall::Receive { from, wait: true, blocking } => {
                self.trap_receive(now, process, from, blocking, out)
            }
            Syscall::Reply { source, message, handing, .. } => {
                let lent = self.note_handing(handing, &message);
                self.trap_reply(now, process, source, message, lent, out)
            }
            Syscall::Forward { source, message, to } => {
                self.trap_forward(now, process, source, message, to, out)
            }
            Syscall::Ping { to } => self.trap_ping(now, process, to, out),
            Syscall::Locate { sparse, anew } => self.trap_locate(now, process, sparse, anew, out),
        }
    }

    /// Counts what was copied in. Whether the buffer is only lent.
    fn note_handing(&mut self, handing: Handing, message: &Bytes) -> bool {
        if handing == Handing::Copied {
            self.counters.copied_in_bytes += message.len() as u64;
        }
        handing == Handing::Lent
    }

    #[cold]
    fn trace_trap(&mut self, process: LocalId, call: &Syscall, out: &mut Out) -> Traced {
        let events_before = out.events.len();
        let (name, target) = call.name();
        let (handing, bytes, runs_on) = call.manner();
        let (to, sparse) = match target {
            Some(Target::Place(address)) => (Some(address), None),
            Some(Target::Sparse(sparse)) => (None, Some(sparse)),
            None => (None, None),
        };
        let copied_bytes = if handing == Handing::Copied { bytes as u64 } else { 0 };
        let what = What::Trap { process, call: name, to, sparse, handing, copied_bytes, runs_on };
        self.tracer.cause(&mut out.events, || what);
        Traced { events_before, on: waits_on(name, to, sparse), lent: handing == Handing::Lent }
    }

    /// Tells how a call ended that is over at once, where that is not what goes without saying.
    #[cold]
    fn trace_done(&mut self, process: LocalId, traced: &Traced, entry: &Entry, out: &mut Out) {
        let Entry::Done(outcome) = entry else { return };
        let Traced { events_before, on, lent } = *traced;
        let with = ending(outcome);
        // What was a wait until the packet was sent has said so already.
        let said = |event: &Event| {
            matches!(event.what, What::Woken { process: woken, buffer_free, .. }
                if woken == process && buffer_free == lent)
        };
        if (lent || with != Ending::Done) && !out.events.iter().skip(events_before).any(said) {
            self.tracer.event(&mut out.events, || What::Woken { process, with, on, buffer_free: lent });
        }
    }

    /// The caller does not want to wait any longer: what came meanwhile is handed out, else the wait is taken back
    /// and ends as timed out. `None` if there is no such wait.
    #[cold]
    pub fn cancel(&mut self, now: Instant, token: WaitToken, out: &mut Out) -> Option<Outcome> {
        if let Some(outcome) = self.waits.claim(token) {
            return Some(outcome);
        }
        let before = out.transmits.len();
        let (process, on, _) = self.waits.close(token)?;
        self.tracer.begin(now);
        let sparse = if let BlockedOn::Locate(sparse) = on { Some(sparse) } else { None };
        let to = if let BlockedOn::Ping(to) = on { Some(to) } else { on.awaited() };
        let handing = Handing::Moved;
        self.tracer.cause(&mut out.events, || What::Trap {
            process,
            call: Call::Cancel,
            to,
            sparse,
            handing,
            copied_bytes: 0,
            runs_on: false,
        });
        self.processes.clear_waits_for(process, token);
        let message = self.withdraw(now, process, token, on, out);
        self.apply_effects(now, out);
        self.count_sent(out, before);
        Some(ended(on, CallError::TimedOut, ReceiveError::TimedOut, message))
    }

    /// Takes a closed wait out of the tables it stands in; returns the message it had for another.
    #[cold]
    fn withdraw(
        &mut self,
        now: Instant,
        process: LocalId,
        token: WaitToken,
        on: BlockedOn,
        out: &mut Out,
    ) -> Bytes {
        match on {
            BlockedOn::Receive | BlockedOn::ReceiveFrom(_) => {
                self.processes.forget(process, token);
                Bytes::new()
            }
            BlockedOn::Send(to) | BlockedOn::Call(to) if to.machine == self.machine => {
                self.rendezvous.close_awaited_by(token);
                match self.processes.forget(to.local, token) {
                    Some(sender) => {
                        if let Ticket::Local(place) = sender.received.source.ticket {
                            self.rendezvous.close(place);
                        }
                        sender.received.message
                    }
                    None => Bytes::new(),
                }
            }
            BlockedOn::Locate(sparse) => self.stop_seeking(sparse, token),
            BlockedOn::Send(_) | BlockedOn::Call(_) | BlockedOn::Ping(_) => {
                let withdrawn = self.exchange.cancel(token, &mut port!(self, now, out)).unwrap_or_default();
                // Its caller's patience may be shorter than the kernel's: this is silence too.
                if let Some((sparse, to)) = withdrawn.silent {
                    self.mislay(sparse, to, out);
                }
                withdrawn.message
            }
            // The reply is on its way, and the kernel keeps it for its client.
            BlockedOn::Reply(_) => Bytes::new(),
        }
    }

    /// What must hold before anything is sent.
    fn check_send(
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
    fn check_caller(&self, process: LocalId, bytes: usize) -> Result<(), CallError> {
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
    fn trap_request(
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

    /// A wait that was over before the trap returned is no wait: nobody has to be woken.
    fn settle(&mut self, process: LocalId, on: BlockedOn, token: WaitToken, out: &mut Out) -> Entry {
        match self.waits.claim(token) {
            Some(outcome) => {
                out.wakes.retain(|wake| wake.token != token);
                Entry::Done(outcome)
            }
            None => self.trace_blocked(process, on, Entry::Wait(token), out),
        }
    }

    pub(super) fn trace_blocked(
        &mut self,
        process: LocalId,
        on: BlockedOn,
        entry: Entry,
        out: &mut Out,
    ) -> Entry {
        if let Entry::Wait(_) = entry {
            self.tracer.event(&mut out.events, || What::Blocked { process, on });
        }
        entry
    }

    /// What is there already, or why nothing can be; `None` if there is nothing yet.
    fn trap_take(&mut self, now: Instant, process: LocalId, from: From, out: &mut Out) -> Option<Entry> {
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

    fn trap_receive(
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

    fn trap_reply(
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
    fn trap_forward(
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

    #[cold]
    fn trap_ping(&mut self, now: Instant, process: LocalId, to: Address, out: &mut Out) -> Entry {
        if let Err(error) = self.check_send(now, process, to, 0, false) {
            return Entry::Done(Outcome::Unsent(Unsent { error, message: Bytes::new() }));
        }
        if to.machine == self.machine {
            if !self.processes.contains(to.local) {
                let error = CallError::NoSuchProcess;
                return Entry::Done(Outcome::Unsent(Unsent { error, message: Bytes::new() }));
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
