//! The sweep of slide 41: a time-out field in every entry, and a periodic scan while any is armed.
use core::time::Duration;

use super::fired::Fired;
use super::interval::Interval;
use super::places::Places;
use super::{Handle, Timers};
use crate::time::Instant;

/// Arming and disarming cost a store; a scan costs a look at every entry, armed or not, and there is one in an
/// interval in which something was armed for then, even if it was disarmed before.
#[derive(Debug)]
pub struct Sweep<K> {
    entries: Places<Entry<K>>,
    interval: Interval,
    /// No armed entry is due before this.
    earliest: Instant,
    /// When that is scanned for: its next multiple of the interval.
    scan: Instant,
    fired: Fired,
    steps: u64,
}

#[derive(Debug)]
struct Entry<K> {
    due: Instant,
    key: K,
}

impl<K: Copy> Sweep<K> {
    /// A table that is scanned at multiples of `interval` (more than zero).
    pub fn new(interval: Duration) -> Self {
        let interval = Interval::new(interval);
        let (earliest, scan) = (Instant::NEVER, Instant::NEVER);
        Self { entries: Places::new(), interval, earliest, scan, fired: Fired::new(), steps: 0 }
    }
}

impl<K> Sweep<K> {
    /// The division is made here, once in an interval, and not at each look.
    #[inline(never)]
    fn set_earliest(&mut self, earliest: Instant) {
        (self.earliest, self.scan) = (earliest, self.interval.round_up(earliest));
    }
}

impl<K: Copy> Timers<K> for Sweep<K> {
    fn add(&mut self, key: K) -> Handle {
        Handle(self.entries.add(Entry { due: Instant::NEVER, key }))
    }

    fn remove(&mut self, handle: Handle) {
        self.disarm(handle);
        self.entries.free(handle.0);
    }

    fn arm(&mut self, handle: Handle, at: Instant) {
        self.fired.withdraw(handle.0);
        self.entries[handle.0].due = at;
        self.steps += 1;
        if at < self.earliest {
            self.set_earliest(at);
        }
    }

    fn disarm(&mut self, handle: Handle) {
        self.fired.withdraw(handle.0);
        self.entries[handle.0].due = Instant::NEVER;
        self.steps += 1;
    }

    fn next(&self) -> Option<Instant> {
        (self.earliest != Instant::NEVER).then_some(self.scan)
    }

    fn expire(&mut self, now: Instant) {
        if now < self.earliest {
            return;
        }
        let mut earliest = Instant::NEVER;
        let entries = self.entries.all_mut();
        self.steps += entries.len() as u64;
        for (place, entry) in (0..).zip(entries) {
            if entry.due <= now && entry.due != Instant::NEVER {
                entry.due = Instant::NEVER;
                self.fired.push(place);
            }
            earliest = earliest.min(entry.due);
        }
        self.set_earliest(earliest);
        self.fired.sort();
    }

    fn pop(&mut self) -> Option<K> {
        self.fired.pop().map(|place| self.entries[place].key)
    }

    fn steps(&self) -> u64 {
        self.steps
    }

    fn is_due(&self, now: Instant) -> bool {
        self.earliest != Instant::NEVER && now >= self.scan
    }
}
