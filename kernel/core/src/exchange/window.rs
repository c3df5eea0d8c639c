//! The server's memory of one client process: its floor, and what became of each number from the floor up.
use alloc::collections::VecDeque;
use core::time::Duration;

use slab::Slab;

use crate::ids::{Epoch, LocalId, Sequence};
use crate::index::Index;
use crate::limits;
use crate::time::Instant;

/// A number not yet seen.
const UNSEEN: u32 = u32::MAX;

#[derive(Debug)]
pub(super) struct Window {
    pub(super) peer: u32,
    pub(super) epoch: Epoch,
    pub(super) client: LocalId,
    /// Nothing below it is awaited, nor will be run.
    pub(super) floor: Sequence,
    /// Slots of `served` for floor, floor + 1 and so on.
    ring: VecDeque<u32>,
    /// Bit i: floor + 1 + i is not awaited any more.
    pub(super) answered: u64,
    heard: Instant,
    /// Whether a request was ever admitted: then its numbers matter.
    used: bool,
    /// Whether a process has taken a request of it: then its numbers outlive doubts about its incarnation.
    pub(super) ran: bool,
    /// When it was made: of what was before, nothing is remembered.
    pub(super) since: Instant,
}

impl Window {
    pub(super) fn slot(&self, sequence: Sequence) -> Option<u32> {
        let place = usize::try_from(sequence.above(self.floor)?).ok()?;
        self.ring.get(place).copied().filter(|slot| *slot != UNSEEN)
    }

    /// Notes a request; the caller has checked that `sequence` is inside the window.
    pub(super) fn set(&mut self, sequence: Sequence, slot: u32) {
        let place = sequence.above(self.floor).unwrap_or(0) as usize;
        if place >= self.ring.len() {
            self.ring.resize(place + 1, UNSEEN);
        }
        self.used = true;
        self.ring[place] = slot;
    }

    pub(super) fn clear(&mut self, sequence: Sequence) {
        if let Some(place) = sequence.above(self.floor)
            && let Some(slot) = self.ring.get_mut(place as usize)
        {
            *slot = UNSEEN;
        }
    }

    /// Whether the client has declared that it does not await the number `above` the floor any more.
    pub(super) const fn is_answered(&self, above: u64) -> bool {
        above >= 1 && above <= 64 && self.answered >> (above - 1) & 1 == 1
    }

    /// Raises the floor by one and returns the slot that was at it; once nothing is left, jumps to `floor`.
    pub(super) fn raise(&mut self, floor: Sequence) -> Option<u32> {
        if self.floor < floor {
            self.answered = 0;
        }
        while self.floor < floor {
            let Some(front) = self.ring.pop_front() else {
                self.floor = floor;
                return None;
            };
            self.floor = self.floor.plus(1);
            if front != UNSEEN {
                return Some(front);
            }
        }
        None
    }

    /// All slots of the window.
    pub(super) fn slots(&self) -> impl Iterator<Item = u32> + '_ {
        self.ring.iter().copied().filter(|slot| *slot != UNSEEN)
    }

    pub(super) const fn touch(&mut self, now: Instant) {
        self.heard = now;
    }
}

#[derive(Debug, Default)]
pub(super) struct Windows {
    all: Slab<Window>,
    by_client: Index<(u32, Epoch, LocalId)>,
    hand: usize,
}

impl Windows {
    pub(super) fn find(&self, peer: u32, epoch: Epoch, client: LocalId) -> Option<u32> {
        self.by_client.find((peer, epoch, client))
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn is_full(&self) -> bool {
        self.all.len() >= limits::WINDOWS_MAX
    }

    pub(super) fn insert(
        &mut self,
        peer: u32,
        epoch: Epoch,
        client: LocalId,
        floor: Sequence,
        now: Instant,
    ) -> u32 {
        let window = Window {
            peer,
            epoch,
            client,
            floor,
            ring: VecDeque::new(),
            answered: 0,
            heard: now,
            used: false,
            ran: false,
            since: now,
        };
        let slot = self.all.insert(window) as u32;
        self.by_client.insert((peer, epoch, client), slot);
        slot
    }

    pub(super) fn get(&self, slot: u32) -> &Window {
        &self.all[slot as usize]
    }

    pub(super) fn get_mut(&mut self, slot: u32) -> &mut Window {
        &mut self.all[slot as usize]
    }

    pub(super) fn remove(&mut self, slot: u32) -> Window {
        let window = self.all.remove(slot as usize);
        self.by_client.remove((window.peer, window.epoch, window.client));
        window
    }

    /// The windows of all incarnations of `peer`.
    pub(super) fn of_peer(&self, peer: u32) -> impl Iterator<Item = u32> + '_ {
        let first = (peer, Epoch::BLANK, LocalId(0));
        let last = (peer, Epoch(u64::MAX), LocalId(u32::MAX));
        self.by_client.range(first..=last)
    }

    /// Looks at the next window in turn; returns it if it was not heard of for `life`.
    /// When `pressing`, one that nothing has run for is idle at once.
    pub(super) fn next_idle(&mut self, now: Instant, life: Duration, pressing: bool) -> Option<u32> {
        self.hand = if self.hand + 1 < self.all.capacity() { self.hand + 1 } else { 0 };
        let window = self.all.get(self.hand)?;
        (now.since(window.heard) > life || pressing && !window.used).then_some(self.hand as u32)
    }
}
