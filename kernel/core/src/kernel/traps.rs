//! System calls: everything is checked first, then state changes.
use bytes::Bytes;

use super::requests::Asked;
use super::{Entry, Kernel, Out, Outcome, Syscall, port};
use crate::config::Handing;
use crate::error::{CallError, ReceiveError, ReplyError, Unsent};
use crate::ids::LocalId;
use crate::process::{Ticket, WaitToken};
use crate::time::Instant;
use crate::trace::{BlockedOn, Call, What};

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

    /// A wait that was over before the trap returned is no wait: nobody has to be woken.
    pub(super) fn settle(
        &mut self,
        process: LocalId,
        on: BlockedOn,
        token: WaitToken,
        out: &mut Out,
    ) -> Entry {
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
}
