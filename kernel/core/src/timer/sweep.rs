//! The sweep of slide 41: a time-out field in every entry, and a periodic scan while any is armed.
use alloc::vec::Vec;
use core::time::Duration;

use super::{Handle, Timers};
use crate::time::Instant;

/// Arming and disarming cost a store; a scan costs a look at every entry. The best of the three where nearly every
/// timer is disarmed before it is due, as with requests that are answered.
#[derive(Debug)]
pub struct Sweep<K> {
    entries: Vec<Entry<K>>,
    free: Vec<u32>,
    interval: Duration,
    /// No armed entry is due before this.
    earliest: Instant,
}

#[derive(Debug)]
struct Entry<K> {
    due: Instant,
    key: K,
}

impl<K: Copy> Sweep<K> {
    /// A table that is scanned at multiples of `interval` (more than zero).
    pub fn new(interval: Duration) -> Self {
        let interval = interval.max(Duration::from_nanos(1));
        Self { entries: Vec::new(), free: Vec::new(), interval, earliest: Instant::NEVER }
    }

    /// Whether `next` has come: cheaper than computing it.
    pub fn is_due(&self, now: Instant) -> bool {
        now >= self.earliest && self.next().is_some_and(|next| now >= next)
    }
}

impl<K: Copy> Timers<K> for Sweep<K> {
    fn add(&mut self, key: K) -> Handle {
        let entry = Entry { due: Instant::NEVER, key };
        if let Some(place) = self.free.pop() {
            self.entries[place as usize] = entry;
            return Handle(place);
        }
        self.entries.push(entry);
        Handle(self.entries.len() as u32 - 1)
    }

    fn remove(&mut self, handle: Handle) {
        self.entries[handle.0 as usize].due = Instant::NEVER;
        self.free.push(handle.0);
    }

    fn arm(&mut self, handle: Handle, at: Instant) {
        self.entries[handle.0 as usize].due = at;
        self.earliest = self.earliest.min(at);
    }

    fn disarm(&mut self, handle: Handle) {
        self.entries[handle.0 as usize].due = Instant::NEVER;
    }

    fn next(&self) -> Option<Instant> {
        if self.earliest == Instant::NEVER {
            return None;
        }
        let interval = self.interval.as_nanos() as u64;
        let scan = self.earliest.as_nanos().div_ceil(interval).saturating_mul(interval);
        Some(Instant::from_nanos(scan))
    }

    fn expire(&mut self, now: Instant, due: &mut Vec<K>) {
        if now < self.earliest {
            return;
        }
        let mut earliest = Instant::NEVER;
        for entry in &mut self.entries {
            if entry.due <= now && entry.due != Instant::NEVER {
                entry.due = Instant::NEVER;
                due.push(entry.key);
            }
            earliest = earliest.min(entry.due);
        }
        self.earliest = earliest;
    }
}
