//! Messages kept for a while (slide 18): when each is to be thrown away, and what follows from that.
use alloc::collections::{BTreeMap, BTreeSet};
use core::time::Duration;

use bytes::Bytes;

use super::seek::after_silence;
use super::{Kernel, Out, port};
use crate::error::{CallError, Unsent};
use crate::ids::LocalId;
use crate::process::{Letter, Ticket};
use crate::time::Instant;
use crate::trace::{Timer, What};

/// Which kept messages are due when. A message that is taken before is taken out, so no more is held than is kept.
/// No timer table: nearly all timers of requests are disarmed in time, while what is kept is mostly kept in vain, and a
/// kernel that keeps nothing more asks for no tick.
#[derive(Debug, Default)]
pub(super) struct Keeping {
    by_time: BTreeSet<(Instant, LocalId, u64)>,
    due: BTreeMap<(LocalId, u64), Instant>,
}

impl Keeping {
    pub(super) fn add(&mut self, process: LocalId, number: u64, due: Instant) {
        self.due.insert((process, number), due);
        self.by_time.insert((due, process, number));
    }

    pub(super) fn remove(&mut self, process: LocalId, number: u64) {
        if let Some(due) = self.due.remove(&(process, number)) {
            self.by_time.remove(&(due, process, number));
        }
    }

    pub(super) fn remove_all_of(&mut self, process: LocalId) {
        let mut later = self.due.split_off(&(process, 0));
        let mut others = later.split_off(&(process, u64::MAX));
        self.due.append(&mut others);
        for ((process, number), due) in later {
            self.by_time.remove(&(due, process, number));
        }
    }

    #[inline]
    pub(super) fn next(&self) -> Option<Instant> {
        if self.by_time.is_empty() { None } else { self.first_due() }
    }

    #[inline(never)]
    fn first_due(&self) -> Option<Instant> {
        self.by_time.first().map(|(due, ..)| *due)
    }

    fn pop_due(&mut self, now: Instant) -> Option<(LocalId, u64)> {
        let &(due, process, number) = self.by_time.first()?;
        if due > now {
            return None;
        }
        self.remove(process, number);
        Some((process, number))
    }
}

impl Kernel {
    /// A message is kept under `number` for so long.
    pub(super) fn keep(&mut self, now: Instant, process: LocalId, number: u64, time: Duration) {
        self.keeping.add(process, number, now + time);
    }

    /// Throws away what was kept long enough.
    pub(super) fn expire_kept(&mut self, now: Instant, out: &mut Out) {
        while let Some((process, number)) = self.keeping.pop_due(now) {
            let Some(Letter::Message(received)) = self.processes.expire(process, number) else { continue };
            let from = received.source.address;
            self.tracer.cause(&mut out.events, || What::Timer { timer: Timer::Keep });
            self.tracer.event(&mut out.events, || What::Expired { process, from });
            match received.source.ticket {
                Ticket::Remote(place) | Ticket::OneWay(Some(place)) => {
                    self.exchange.expire(place, process, &mut port!(self, now, out));
                }
                Ticket::Local(place) => {
                    if let Some(request) = self.rendezvous.close(place) {
                        let error = after_silence(CallError::Refused, request.may_have_run);
                        let unsent = Unsent { error, message: Bytes::new() };
                        self.fail(now, request.client, request.addressed, request.reply_to, unsent, out);
                    }
                }
                Ticket::OneWay(None) | Ticket::Answer => {}
            }
        }
    }
}
