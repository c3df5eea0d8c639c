//! The node's clock: the system's monotonic one, as nanoseconds, and nothing more. A null call reads it several times.
use rustix::time::{ClockId, clock_gettime};

/// Nanoseconds since some moment before.
pub(crate) fn monotonic_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs()
}
