//! Poll, yield, then block: how long a waiting thread looks before it sleeps.
//!
//! A wake across cores costs 30 to 60 us on a virtual machine, a look half of one. So for up to 50 us a waiting
//! thread looks: what waiting costs is then never more than twice what it must (Karlin et al. 1991). It yields between
//! looks, so that two on one core do not burn each other's turn. But where the core is busy with others a yield may
//! cost milliseconds: after two slow ones near to each other none is tried for many times as long as they took, so that
//! slow yields cost a few per cent of the time whatever the load is. Slow ones count only if it was others of this system that
//! had the core: a virtual machine is itself taken off its core now and then, which is over when it is over.
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use sendrec_core::Instant;

use crate::clock::monotonic_ns;

/// How long a waiting thread looks before it sleeps.
pub const LOOKING: Duration = Duration::from_micros(50);
/// How long it looks where that would have saved it its last sleep. Two that wake each other across cores else may go on so for
/// ever: each sleeps because the other's waking takes longer than it looks.
const LOOKING_LONGER: Duration = Duration::from_micros(200);
/// A yield that takes longer than this may say that the core is busy with others. Whoever serves this thread on the same core
/// may well work for a quarter of it.
const BUSY_YIELD_NS: u64 = 400_000;
/// It does if the thread has waited for the core for more than so many tenths of the time since the slow yield before. Two
/// that work for each other on one core wait for half of the time.
const WAITED_TENTHS: u64 = 6;
/// A yield that takes longer than this gave the core to somebody.
const COMPANY_NS: u64 = 4_000;
/// So many times as long as a slow yield took, no thread looks.
const BACKOFF_FACTOR: u64 = 32;
/// Two slow yields are near to each other if no more than so many times their length lies between them. One alone may
/// be chance.
const NEAR_FACTOR: u64 = 10;
/// But no longer than this.
const BACKOFF_NS_MAX: u64 = 1_600_000_000;

/// Shared by all threads of a node: they have the same cores.
#[derive(Debug)]
pub(crate) struct Patience {
    /// No looking before this time, ns.
    not_before: AtomicU64,
    /// When a slow yield was over last, ns; 0 before the first.
    last_slow: AtomicU64,
    /// How long a thread looks now, ns.
    looking: AtomicU64,
    /// Whether others ran on this core while a thread yielded the last time.
    shares_core: AtomicBool,
}

/// One thread's wait.
#[derive(Debug)]
pub(crate) struct Looking {
    since: Option<u64>,
}

impl Patience {
    pub(crate) const fn new() -> Self {
        let looking = AtomicU64::new(LOOKING.as_nanos() as u64);
        let shares_core = AtomicBool::new(false);
        Self { not_before: AtomicU64::new(0), last_slow: AtomicU64::new(0), looking, shares_core }
    }

    /// Gives the core away for a moment if the thread may go on looking, and says when that was over; `None` if it is to
    /// sleep. `clock` reads the node's time.
    pub(crate) fn look_again(
        &self,
        looking: &mut Looking,
        now: Instant,
        clock: impl Fn() -> Instant,
    ) -> Option<Instant> {
        let now = now.as_nanos();
        if now < self.not_before.load(Ordering::Relaxed) {
            return None;
        }
        let since = *looking.since.get_or_insert(now);
        if now - since > self.looking.load(Ordering::Relaxed) {
            return None;
        }
        std::thread::yield_now();
        let over = clock();
        let after = over.as_nanos();
        let took = after.saturating_sub(now);
        self.shares_core.store(took > COMPANY_NS, Ordering::Relaxed);
        if took > BUSY_YIELD_NS {
            let last = self.last_slow.swap(after, Ordering::Relaxed);
            let is_near = last != 0 && now.saturating_sub(last) < took.saturating_mul(NEAR_FACTOR);
            if have_others_the_core(waited_since_last()) && is_near {
                let backoff = took.saturating_mul(BACKOFF_FACTOR).min(BACKOFF_NS_MAX);
                self.not_before.store(after + backoff, Ordering::Relaxed);
            }
        }
        Some(over)
    }

    /// Whether somebody else runs on the core of a thread that waits, as one whom it waits for may.
    pub(crate) fn shares_core(&self) -> bool {
        self.shares_core.load(Ordering::Relaxed)
    }

    /// A thread has looked in vain and then slept, until now.
    pub(crate) fn slept(&self, looking: &Looking, now: Instant) {
        let Some(since) = looking.since else { return };
        let was_short = now.as_nanos().saturating_sub(since) < LOOKING_LONGER.as_nanos() as u64;
        let span = if was_short { LOOKING_LONGER } else { LOOKING };
        self.looking.store(span.as_nanos() as u64, Ordering::Relaxed);
    }
}

thread_local! {
    /// When this thread last had a slow yield, and how long it had waited for the core by then, ns.
    static LAST: Cell<Option<(u64, u64)>> = const { Cell::new(None) };
}

/// How long this thread was ready to run and did not, since its last slow yield, and how long ago that was, ns. `None` if the
/// system does not tell, or there was none.
fn waited_since_last() -> Option<(u64, u64)> {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let waited: u64 = told.split_whitespace().nth(1)?.parse().ok()?;
    let now = monotonic_ns();
    let (then, waited_then) = LAST.replace(Some((now, waited)))?;
    Some((waited.saturating_sub(waited_then), now.saturating_sub(then)))
}

/// Whether a slow yield says that others have the core.
fn have_others_the_core(waited: Option<(u64, u64)>) -> bool {
    waited.is_none_or(|(waited, span)| waited >= span / 10 * WAITED_TENTHS)
}

impl Looking {
    pub(crate) const fn new() -> Self {
        Self { since: None }
    }

    /// Something came: the patience is fresh.
    pub(crate) const fn restart(&mut self) {
        self.since = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(micros: u64) -> Instant {
        Instant::from_nanos(micros * 1_000)
    }

    /// Whether a thread that has looked for so long looks on; a yield takes no time.
    fn looks_on(patience: &Patience, looking: &mut Looking, micros: u64) -> bool {
        patience.look_again(looking, at(micros), || at(micros)).is_some()
    }

    #[test]
    fn a_look_is_longer_after_a_sleep_that_it_would_have_saved() {
        let patience = Patience::new();
        let sleeps_after = |micros| {
            let mut looking = Looking::new();
            assert!(looks_on(&patience, &mut looking, 0));
            let longer = looks_on(&patience, &mut looking, 150);
            assert!(!looks_on(&patience, &mut looking, 250), "nobody looks for longer");
            patience.slept(&looking, at(micros));
            longer
        };
        assert!(!sleeps_after(1_000), "50 us at first");
        assert!(!sleeps_after(199), "a long sleep changes nothing");
        assert!(sleeps_after(1_000), "199 us in all: a longer look would have done");
        assert!(!sleeps_after(1_000), "but would not have then");
    }

    #[test]
    fn two_slow_yields_near_to_each_other_end_looking_for_a_while() {
        let patience = Patience::new();
        // No thread of this test has slow yields before: the system tells nothing, and the core counts as busy.
        let slow = |from: u64| {
            LAST.set(None);
            patience.look_again(&mut Looking::new(), at(from), || at(from + 1_000)).is_some()
        };
        assert!(slow(1));
        assert!(looks_on(&patience, &mut Looking::new(), 2_000), "one alone may be chance");
        assert!(slow(3_000));
        assert!(!looks_on(&patience, &mut Looking::new(), 5_000));
        assert!(!looks_on(&patience, &mut Looking::new(), 35_000));
        assert!(looks_on(&patience, &mut Looking::new(), 37_000), "32 times as long as the yield took");
    }

    #[test]
    fn whether_a_core_is_shared_is_told_by_the_last_yield() {
        let patience = Patience::new();
        assert!(!patience.shares_core());
        for (micros, is_shared) in [(1, false), (25, true), (4, false)] {
            assert!(patience.look_again(&mut Looking::new(), at(0), || at(micros)).is_some());
            assert_eq!(patience.shares_core(), is_shared);
        }
    }

    #[test]
    fn a_machine_that_was_away_itself_is_not_busy() {
        assert!(have_others_the_core(None));
        assert!(have_others_the_core(Some((700, 1_000))));
        assert!(!have_others_the_core(Some((500, 1_000))), "two that serve each other on one core");
        assert!(!have_others_the_core(Some((0, 1_000))));
    }
}
