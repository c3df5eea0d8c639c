//! Time as an argument: an instant of the driver's own clock.
//!
//! No clock is read here. A node counts from its boot, a world from its beginning.
use core::fmt;
use core::ops::{Add, Sub};
use core::time::Duration;

/// Nanoseconds since the driver's origin. 584 years fit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Instant(u64);

impl Instant {
    /// The driver's origin.
    pub const ZERO: Self = Self(0);
    /// Later than everything: an unarmed timer stands here.
    pub const NEVER: Self = Self(u64::MAX);

    /// The instant `nanos` nanoseconds after the origin.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the origin.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Nanoseconds from `earlier` to here; zero if `earlier` is later.
    pub const fn nanos_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// As much later, at most [`Instant::NEVER`].
    pub const fn plus_nanos(self, nanos: u64) -> Self {
        Self(self.0.saturating_add(nanos))
    }

    /// Whole microseconds from `earlier` to here for the wire, saturating at 71 minutes.
    pub(crate) fn micros_since(self, earlier: Self) -> u32 {
        u32::try_from(self.nanos_since(earlier) / 1_000).unwrap_or(u32::MAX)
    }

    /// The time from `earlier` to here; zero if `earlier` is later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    /// Saturates at [`Instant::NEVER`].
    fn add(self, span: Duration) -> Self {
        self.plus_nanos(nanos(span))
    }
}

impl Sub for Instant {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        self.since(earlier)
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.0 / 1_000;
        write!(f, "{}.{:06}s", micros / 1_000_000, micros % 1_000_000)
    }
}

/// A span as nanoseconds, saturating at 584 years.
pub(crate) const fn nanos(span: Duration) -> u64 {
    const NANOS_PER_SECOND: u64 = 1_000_000_000;
    span.as_secs().saturating_mul(NANOS_PER_SECOND).saturating_add(span.subsec_nanos() as u64)
}

/// A span as whole microseconds for the wire, saturating at 71 minutes.
pub(crate) fn micros_u32(span: Duration) -> u32 {
    u32::try_from(span.as_micros()).unwrap_or(u32::MAX)
}
