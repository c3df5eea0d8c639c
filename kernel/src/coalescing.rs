//! Packets of a thread that goes on sending wait for each other, and leave together in one call of the system.
//!
//! A send costs several times what a packet costs. So a packet waits if its thread will be back at once, as far as can be
//! told: it answers one of several messages that wait in its mailbox, or has started a call and does not wait for it; and
//! whatever was last put into the node was so just before. What waits leaves with the next packet that does not: when its
//! thread has nothing more to answer, or waits for anything; when there are as many as the system takes at once; when the
//! first has waited for too long and anybody enters the node; and in the end when the keeper looks, after 20 ms at most, should the
//! thread have gone to work on something else against all expectation.
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use sendrec_core::Instant;
use sendrec_core::wire::Transmit;

use crate::parker::wake_poll;
use crate::scratch::Scratch;
use crate::shared::Shared;

/// Who was here so short a time ago will be back as soon.
const BRISK: Duration = Duration::from_micros(20);
/// So long a packet waits for others, while somebody enters the node to see to it.
const WAIT_MAX: Duration = Duration::from_micros(200);
/// So many leave at once: then whom they are for works on them while this thread makes the next.
const PACKETS_MAX: usize = 32;
/// So many where whoever is waited for runs on the same core: it cannot work meanwhile. What one segmented send takes.
const PACKETS_MAX_SHARED: usize = 64;
/// No packets.
const NEVER: u64 = u64::MAX;

/// What an input of a thread says about its next one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Next {
    /// Nothing: what it sends leaves now.
    #[default]
    Unknown,
    /// It will be here soon.
    Soon,
}

/// The packets that wait.
pub(crate) struct Coalescing {
    is_on: bool,
    waiting: Mutex<Vec<Transmit>>,
    /// Since when the first does, ns.
    since: AtomicU64,
}

impl Coalescing {
    pub(crate) const fn new(is_on: bool) -> Self {
        Self { is_on, waiting: Mutex::new(Vec::new()), since: AtomicU64::new(NEVER) }
    }

    /// Whether any wait.
    pub(crate) fn is_waiting(&self) -> bool {
        self.since.load(Ordering::SeqCst) != NEVER
    }

    /// Whether what a thread sends now may wait for what it sends next; `last` is when anything was put into the node before.
    pub(crate) fn may_wait(&self, next: Next, now: Instant, last: Instant) -> bool {
        self.is_on && next == Next::Soon && now.since(last) <= BRISK
    }

    /// Takes packets that may wait; gives back all that leave now instead, in `transmits`: fewer at a time if their thread has a
    /// core of its own. True if they are the first that wait:
    /// then somebody must be awake who sees to them in the end.
    #[must_use]
    pub(crate) fn put(&self, now: Instant, transmits: &mut Vec<Transmit>, shares_core: bool) -> bool {
        if transmits.is_empty() && !self.is_waiting() {
            return false;
        }
        let mut waiting = self.waiting.lock();
        let is_first = waiting.is_empty() && !transmits.is_empty();
        if is_first {
            self.since.store(now.as_nanos(), Ordering::SeqCst);
        }
        waiting.append(transmits);
        let since = self.since.load(Ordering::Relaxed);
        let is_late = since != NEVER && now.as_nanos().saturating_sub(since) > WAIT_MAX.as_nanos() as u64;
        let packets_max = if shares_core { PACKETS_MAX_SHARED } else { PACKETS_MAX };
        if is_late || waiting.len() >= packets_max {
            self.since.store(NEVER, Ordering::SeqCst);
            std::mem::swap(&mut *waiting, transmits);
            return false;
        }
        is_first
    }

    /// Puts those that wait before `transmits`, to leave with them.
    pub(crate) fn release(&self, transmits: &mut Vec<Transmit>) {
        if !self.is_waiting() {
            return;
        }
        let mut waiting = self.waiting.lock();
        self.since.store(NEVER, Ordering::SeqCst);
        waiting.append(transmits);
        std::mem::swap(&mut *waiting, transmits);
    }
}

impl Shared {
    /// Has what came out of an input wait, or leave with what waited before it. `last` is when anything was put in before.
    pub(crate) fn coalesce(&self, now: Instant, last: Instant, scratch: &mut Scratch) {
        let next = std::mem::take(&mut scratch.next);
        let transmits = &mut scratch.out.transmits;
        if !self.coalescing.may_wait(next, now, last) {
            self.coalescing.release(transmits);
        } else if self.coalescing.put(now, transmits, self.patience.shares_core()) {
            self.keeper.rouse();
            // Whoever leads may be asleep without any deadline, and may be the keeper.
            if self.sleeps_until.load(Ordering::SeqCst) != 0 {
                wake_poll(&self.waker);
            }
        }
    }

    /// Sends what waited to leave with others: its thread sends nothing for the time being.
    pub(crate) fn release(&self) {
        if !self.coalescing.is_waiting() {
            return;
        }
        let mut scratch = Scratch::take();
        self.coalescing.release(&mut scratch.out.transmits);
        self.flush(self.now(), &mut scratch);
        scratch.give_back();
    }
}
