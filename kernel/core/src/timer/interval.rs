//! The interval of a table: instants as ticks, its multiples.
use core::time::Duration;

use crate::time::Instant;

/// Nanoseconds from one tick to the next, at least one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Interval(u64);

impl Interval {
    pub(super) fn new(span: Duration) -> Self {
        Self(u64::try_from(span.as_nanos()).unwrap_or(u64::MAX).max(1))
    }

    /// The first tick that is not before `at`.
    pub(super) const fn tick(self, at: Instant) -> u64 {
        at.as_nanos().div_ceil(self.0)
    }

    /// The last tick that is not after `now`.
    pub(super) const fn passed(self, now: Instant) -> u64 {
        now.as_nanos() / self.0
    }

    /// Saturates at [`Instant::NEVER`].
    pub(super) const fn instant(self, tick: u64) -> Instant {
        Instant::from_nanos(tick.saturating_mul(self.0))
    }

    /// `at`, or the next multiple.
    pub(super) const fn round_up(self, at: Instant) -> Instant {
        self.instant(self.tick(at))
    }
}
