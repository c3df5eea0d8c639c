//! The list of slide 41: armed timers in the order in which they are due.
use core::time::Duration;

use super::fired::Fired;
use super::interval::Interval;
use super::places::{NONE, Places};
use super::{Handle, Timers};
use crate::time::Instant;

/// Doubly linked through the entries: disarming is O(1), expiring O(1) for each timer that is due, less the putting of
/// handles in order. Arming walks from the end that is nearer in time, past each timer between it and its place: O(1)
/// where all time-outs are alike, O(n) where they are not.
#[derive(Debug)]
pub struct SortedList<K> {
    entries: Places<Entry<K>>,
    first: u32,
    last: u32,
    interval: Interval,
    fired: Fired,
    steps: u64,
}

#[derive(Debug)]
struct Entry<K> {
    /// `NEVER` if it is not in the list.
    due: Instant,
    key: K,
    before: u32,
    after: u32,
}

impl<K: Copy> SortedList<K> {
    /// A table that wants to be called at multiples of `interval` (more than zero).
    pub fn new(interval: Duration) -> Self {
        let (entries, interval) = (Places::new(), Interval::new(interval));
        Self { entries, first: NONE, last: NONE, interval, fired: Fired::new(), steps: 0 }
    }

    /// Between which two a timer due at `at` belongs: behind all that are due then or earlier.
    fn neighbours(&mut self, at: Instant) -> (u32, u32) {
        if self.first == NONE {
            return (NONE, NONE);
        }
        let (first, last) = (self.entries[self.first].due, self.entries[self.last].due);
        if at < first {
            return (NONE, self.first);
        }
        if at >= last {
            return (self.last, NONE);
        }
        if at - first < last - at {
            // The last is due later, so the walk ends before it.
            let mut place = self.first;
            while self.entries[place].due <= at {
                place = self.entries[place].after;
                self.steps += 1;
            }
            (self.entries[place].before, place)
        } else {
            let mut place = self.last;
            while self.entries[place].due > at {
                place = self.entries[place].before;
                self.steps += 1;
            }
            (place, self.entries[place].after)
        }
    }

    fn link(&mut self, place: u32, at: Instant) {
        let (before, after) = self.neighbours(at);
        let entry = &mut self.entries[place];
        (entry.due, entry.before, entry.after) = (at, before, after);
        self.join(before, place);
        self.join(place, after);
    }

    fn unlink(&mut self, place: u32) {
        self.fired.withdraw(place);
        let entry = &mut self.entries[place];
        if entry.due == Instant::NEVER {
            return;
        }
        entry.due = Instant::NEVER;
        let (before, after) = (entry.before, entry.after);
        self.join(before, after);
    }

    /// Makes `after` the one behind `before`; `NONE` is the list's end on either side.
    fn join(&mut self, before: u32, after: u32) {
        if before == NONE {
            self.first = after;
        } else {
            self.entries[before].after = after;
        }
        if after == NONE {
            self.last = before;
        } else {
            self.entries[after].before = before;
        }
    }

    fn earliest(&self) -> Option<Instant> {
        (self.first != NONE).then(|| self.entries[self.first].due)
    }
}

impl<K: Copy> Timers<K> for SortedList<K> {
    fn add(&mut self, key: K) -> Handle {
        Handle(self.entries.add(Entry { due: Instant::NEVER, key, before: NONE, after: NONE }))
    }

    fn remove(&mut self, handle: Handle) {
        self.disarm(handle);
        self.entries.free(handle.0);
    }

    fn arm(&mut self, handle: Handle, at: Instant) {
        self.steps += 1;
        self.unlink(handle.0);
        if at != Instant::NEVER {
            self.link(handle.0, at);
        }
    }

    fn disarm(&mut self, handle: Handle) {
        self.steps += 1;
        self.unlink(handle.0);
    }

    fn next(&self) -> Option<Instant> {
        self.earliest().map(|earliest| self.interval.round_up(earliest))
    }

    fn expire(&mut self, now: Instant) {
        let before = self.fired.len();
        while self.first != NONE && self.entries[self.first].due <= now {
            let entry = &mut self.entries[self.first];
            entry.due = Instant::NEVER;
            self.fired.push(self.first);
            self.first = entry.after;
        }
        self.join(NONE, self.first);
        self.steps += (self.fired.len() - before) as u64;
        self.fired.sort();
    }

    fn pop(&mut self) -> Option<K> {
        self.fired.pop().map(|place| self.entries[place].key)
    }

    fn steps(&self) -> u64 {
        self.steps
    }

    fn is_due(&self, now: Instant) -> bool {
        // The division is spared as long as nothing can be due.
        self.earliest().is_some_and(|earliest| now >= earliest && now >= self.interval.round_up(earliest))
    }
}
