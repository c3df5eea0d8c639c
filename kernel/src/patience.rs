//! Poll, yield, then block: how long a waiting thread looks before it sleeps.
//!
//! A wake across cores costs 30 to 60 us on a virtual machine, a look half of one. So for up to 50 us a waiting
//! thread looks: what waiting costs is then never more than twice what it must (Karlin et al. 1991). It yields between
//! looks, so that two on one core do not burn each other's turn. But where the core is busy with others a yield may
//! cost milliseconds: after two slow ones near to each other none is tried for many times as long as they took, so that
//! slow yields cost a few per cent of the time whatever the load is.
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How long a waiting thread looks before it sleeps.
pub const LOOKING: Duration = Duration::from_micros(50);
/// A yield that takes longer than this says that the core is busy with others.
const BUSY_YIELD_NS: u64 = 100_000;
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
}

/// One thread's wait.
#[derive(Debug)]
pub(crate) struct Looking {
    since: Option<u64>,
}

impl Patience {
    pub(crate) const fn new() -> Self {
        Self { not_before: AtomicU64::new(0), last_slow: AtomicU64::new(0) }
    }

    /// Gives the core away for a moment if the thread may go on looking; false if it is to sleep. `clock` reads the
    /// node's time.
    pub(crate) fn look_again(&self, looking: &mut Looking, now: u64, clock: impl Fn() -> u64) -> bool {
        if now < self.not_before.load(Ordering::Relaxed) {
            return false;
        }
        let since = *looking.since.get_or_insert(now);
        if now - since > LOOKING.as_nanos() as u64 {
            return false;
        }
        std::thread::yield_now();
        let after = clock();
        let took = after - now;
        if took > BUSY_YIELD_NS {
            let last = self.last_slow.swap(after, Ordering::Relaxed);
            if last != 0 && now.saturating_sub(last) < took.saturating_mul(NEAR_FACTOR) {
                let backoff = took.saturating_mul(BACKOFF_FACTOR).min(BACKOFF_NS_MAX);
                self.not_before.store(after + backoff, Ordering::Relaxed);
            }
        }
        true
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
