//! Poll, yield, then block: how long a waiting thread looks before it sleeps.
//!
//! A wake across cores costs 30 to 60 us on a virtual machine, a look half of one. So for up to 50 us a waiting
//! thread looks: what waiting costs is then never more than twice what it must (Karlin et al. 1991). It yields between
//! looks, so that two on one core do not burn each other's turn. But where the core is busy with others a yield may
//! cost milliseconds: after two slow ones near to each other none is tried for many times as long as they took, so that
//! slow yields cost a few per cent of the time whatever the load is. Slow ones count only if it was others of this system that
//! had the core: a virtual machine is itself taken off its core now and then, which is over when it is over.
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

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
}

/// One thread's wait.
#[derive(Debug)]
pub(crate) struct Looking {
    since: Option<u64>,
}

impl Patience {
    pub(crate) const fn new() -> Self {
        let looking = AtomicU64::new(LOOKING.as_nanos() as u64);
        Self { not_before: AtomicU64::new(0), last_slow: AtomicU64::new(0), looking }
    }

    /// Gives the core away for a moment if the thread may go on looking; false if it is to sleep. `clock` reads the
    /// node's time.
    pub(crate) fn look_again(&self, looking: &mut Looking, now: u64, clock: impl Fn() -> u64) -> bool {
        if now < self.not_before.load(Ordering::Relaxed) {
            return false;
        }
        let since = *looking.since.get_or_insert(now);
        if now - since > self.looking.load(Ordering::Relaxed) {
            return false;
        }
        std::thread::yield_now();
        let after = clock();
        let took = after - now;
        if took > BUSY_YIELD_NS {
            let last = self.last_slow.swap(after, Ordering::Relaxed);
            let is_near = last != 0 && now.saturating_sub(last) < took.saturating_mul(NEAR_FACTOR);
            let waited = waited_since_last();
            let is_busy =
                waited.is_none_or(|waited| waited >= after.saturating_sub(last) / 10 * WAITED_TENTHS);
            if is_near && is_busy {
                let backoff = took.saturating_mul(BACKOFF_FACTOR).min(BACKOFF_NS_MAX);
                self.not_before.store(after + backoff, Ordering::Relaxed);
            }
        }
        true
    }
}

thread_local! {
    static WAITED: Cell<u64> = const { Cell::new(0) };
}

/// How long this thread was ready to run and did not, since it asked last, ns; `None` if the system does not tell.
fn waited_since_last() -> Option<u64> {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let waited = told.split_whitespace().nth(1)?.parse().ok()?;
    Some(WAITED.replace(waited).abs_diff(waited))
}

impl Patience {
    /// A thread has looked in vain and then slept, until now.
    pub(crate) fn slept(&self, looking: &Looking, now: u64) {
        let Some(since) = looking.since else { return };
        let was_short = now - since < LOOKING_LONGER.as_nanos() as u64;
        let span = if was_short { LOOKING_LONGER } else { LOOKING };
        self.looking.store(span.as_nanos() as u64, Ordering::Relaxed);
    }
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
