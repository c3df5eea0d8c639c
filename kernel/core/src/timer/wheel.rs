//! Hashed timing wheels, one above the other (Varghese and Lauck 1987, scheme 7).
//!
//! Deliberately not here: a hand that moves from slot to slot. A bit for each slot says whether it is occupied, so
//! time without timers is skipped however long it is.
use alloc::boxed::Box;
use core::time::Duration;

use super::fired::Fired;
use super::interval::Interval;
use super::places::{NONE, Places};
use super::{Handle, Timers};
use crate::time::Instant;

/// Bits of a tick by which a wheel is hashed.
const WHEEL_BITS: u32 = 6;
/// As many as a word has bits.
const SLOTS: usize = 1 << WHEEL_BITS;
/// Enough for every tick of 64 bits.
const WHEELS: usize = (u64::BITS as usize).div_ceil(WHEEL_BITS as usize);
/// In place of a slot: not armed.
const UNARMED: u16 = u16::MAX;

/// Arming and disarming are O(1). Expiring costs each timer that is due, and those moved to a lower wheel because time
/// has come near: each at most once for each wheel below its own. Putting handles in order comes on top.
///
/// A slot of the lowest wheel is one tick, one of each wheel above 64 times what a slot below it is. A timer stands in
/// the wheel of the highest bit in which its tick differs from the cursor, so that all in a wheel come before all in
/// the wheels above it.
#[derive(Debug)]
pub struct Wheel<K> {
    entries: Places<Entry<K>>,
    slots: Box<[Slot]>,
    /// For each wheel, which of its slots are occupied.
    occupied: [u64; WHEELS],
    /// Which wheels are.
    wheels: u16,
    /// All that was due before this tick has fired; what is armed for before it waits in its slot.
    cursor: u64,
    interval: Interval,
    fired: Fired,
    steps: u64,
}

#[derive(Clone, Debug)]
struct Slot {
    /// No timer of the slot is due before this tick; of no meaning in an empty one.
    earliest: u64,
    first: u32,
}

#[derive(Debug)]
struct Entry<K> {
    due: Instant,
    key: K,
    before: u32,
    after: u32,
    slot: u16,
}

impl<K: Copy> Wheel<K> {
    /// A table with ticks of `interval` (more than zero).
    pub fn new(interval: Duration) -> Self {
        Self {
            entries: Places::new(),
            slots: alloc::vec![Slot { earliest: 0, first: NONE }; WHEELS * SLOTS].into_boxed_slice(),
            occupied: [0; WHEELS],
            wheels: 0,
            cursor: 0,
            interval: Interval::new(interval),
            fired: Fired::new(),
            steps: 0,
        }
    }

    /// Where a timer due at `tick` belongs: wheel, and slot in it.
    fn slot_of(&self, tick: u64) -> (usize, usize) {
        let tick = tick.max(self.cursor);
        let wheel = ((tick ^ self.cursor) | 1).ilog2() / WHEEL_BITS;
        let slot = (tick >> (wheel * WHEEL_BITS)) as usize % SLOTS;
        (wheel as usize, slot)
    }

    /// The slot that comes before all other occupied ones.
    fn first_slot(&self) -> Option<(usize, usize)> {
        if self.wheels == 0 {
            return None;
        }
        let wheel = self.wheels.trailing_zeros() as usize;
        Some((wheel, self.occupied[wheel].trailing_zeros() as usize))
    }

    /// The first tick of an occupied slot: above the wheel's bits it agrees with the cursor.
    fn begin_of(&self, wheel: usize, slot: usize) -> u64 {
        let shift = wheel as u32 * WHEEL_BITS;
        let above = u64::MAX.checked_shl(shift + WHEEL_BITS).unwrap_or(0);
        self.cursor & above | (slot as u64) << shift
    }

    fn link(&mut self, place: u32, at: Instant) {
        let tick = self.interval.tick(at);
        let (wheel, index) = self.slot_of(tick);
        let number = wheel * SLOTS + index;
        let slot = &mut self.slots[number];
        let after = slot.first;
        slot.first = place;
        if after == NONE {
            slot.earliest = tick;
            self.occupied[wheel] |= 1 << index;
            self.wheels |= 1 << wheel;
        } else {
            slot.earliest = slot.earliest.min(tick);
            self.entries[after].before = place;
        }
        let entry = &mut self.entries[place];
        (entry.due, entry.before, entry.after) = (at, NONE, after);
        entry.slot = number as u16;
    }

    fn unlink(&mut self, place: u32) {
        self.fired.withdraw(place);
        let entry = &mut self.entries[place];
        if entry.slot == UNARMED {
            return;
        }
        let (before, after, number) = (entry.before, entry.after, usize::from(entry.slot));
        entry.slot = UNARMED;
        if after != NONE {
            self.entries[after].before = before;
        }
        if before != NONE {
            self.entries[before].after = after;
            return;
        }
        self.slots[number].first = after;
        if after == NONE {
            self.clear(number / SLOTS, number % SLOTS);
        }
    }

    /// Notes that a slot is empty.
    fn clear(&mut self, wheel: usize, slot: usize) {
        self.occupied[wheel] &= !(1 << slot);
        if self.occupied[wheel] == 0 {
            self.wheels &= !(1 << wheel);
        }
    }

    /// Empties each slot that begins at `cursor` or before: who is due has fired, and the chain of the others is
    /// handed back.
    fn take_until(&mut self, cursor: u64, now: Instant) -> u32 {
        let mut later = NONE;
        while let Some((wheel, slot)) = self.first_slot()
            && self.begin_of(wheel, slot) <= cursor
        {
            let mut place = core::mem::replace(&mut self.slots[wheel * SLOTS + slot].first, NONE);
            self.clear(wheel, slot);
            while place != NONE {
                self.steps += 1;
                let entry = &mut self.entries[place];
                let after = entry.after;
                if entry.due <= now {
                    entry.slot = UNARMED;
                    self.fired.push(place);
                } else {
                    entry.after = later;
                    later = place;
                }
                place = after;
            }
        }
        later
    }
}

impl<K: Copy> Timers<K> for Wheel<K> {
    fn add(&mut self, key: K) -> Handle {
        let due = Instant::NEVER;
        Handle(self.entries.add(Entry { due, key, before: NONE, after: NONE, slot: UNARMED }))
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
        let (wheel, slot) = self.first_slot()?;
        Some(self.interval.instant(self.slots[wheel * SLOTS + slot].earliest))
    }

    fn expire(&mut self, now: Instant) {
        // The tick in which `now` lies is not over: of its timers, some are due.
        let cursor = self.interval.passed(now).saturating_add(1).max(self.cursor);
        let mut later = self.take_until(cursor, now);
        self.cursor = cursor;
        while later != NONE {
            let Entry { due, after, .. } = self.entries[later];
            self.steps += 1;
            self.link(later, due);
            later = after;
        }
        self.fired.sort();
    }

    fn pop(&mut self) -> Option<K> {
        self.fired.pop().map(|place| self.entries[place].key)
    }

    fn steps(&self) -> u64 {
        self.steps
    }
}
