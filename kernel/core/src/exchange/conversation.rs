//! The client's memory of its requests to one machine: their numbers, the floor, and acknowledgements owed.
use alloc::collections::{BTreeMap, VecDeque};
use core::time::Duration;

use slab::Slab;

use crate::ids::{LocalId, Sequence};
use crate::time::Instant;
use crate::timer::Handle;

/// A number that is not awaited any more.
const OVER: u32 = u32::MAX;

#[derive(Debug)]
pub(super) struct Conversation {
    pub(super) process: LocalId,
    pub(super) peer: u32,
    /// The lowest number still awaited; the next one to be given if none is.
    pub(super) floor: Sequence,
    /// Slots of `outgoing` for floor, floor + 1 and so on.
    ring: VecDeque<u32>,
    /// Requests that wait for the window, first come first.
    pub(super) held: VecDeque<u32>,
    /// Whether those are being sent just now.
    pub(super) is_opening: bool,
    /// Replies not acknowledged yet, with the local id that sent each.
    pub(super) owed: VecDeque<(Sequence, LocalId)>,
    pub(super) timer: Handle,
    pub(super) used: Instant,
}

impl Conversation {
    pub(super) fn next(&self) -> Sequence {
        self.floor.plus(self.ring.len() as u64)
    }

    pub(super) fn outstanding(&self) -> usize {
        self.ring.len()
    }

    /// Gives the next number to the request in `slot`.
    pub(super) fn push(&mut self, slot: u32) -> Sequence {
        let sequence = self.next();
        self.ring.push_back(slot);
        sequence
    }

    pub(super) fn slot(&self, sequence: Sequence) -> Option<u32> {
        let place = usize::try_from(sequence.above(self.floor)?).ok()?;
        self.ring.get(place).copied().filter(|slot| *slot != OVER)
    }

    /// Whether the number was given once and is not awaited any more.
    pub(super) fn is_over(&self, sequence: Sequence) -> bool {
        sequence != Sequence::NONE && sequence < self.next() && self.slot(sequence).is_none()
    }

    /// The number is not awaited any more; the floor moves if it can. Returns whether it moved.
    pub(super) fn finish(&mut self, sequence: Sequence) -> bool {
        let Some(place) = sequence.above(self.floor) else { return false };
        if let Some(slot) = self.ring.get_mut(place as usize) {
            *slot = OVER;
        }
        let before = self.floor;
        while self.ring.front() == Some(&OVER) {
            self.ring.pop_front();
            self.floor = self.floor.plus(1);
        }
        self.floor != before
    }

    /// Bit i: floor + 1 + i is not awaited any more.
    pub(super) fn answered(&self) -> u64 {
        let above = self.ring.iter().skip(1).take(64).enumerate();
        above.filter(|(_, slot)| **slot == OVER).fold(0, |bits, (place, _)| bits | 1 << place)
    }

    /// Forgets what a packet with the present floor and answered tells the server.
    pub(super) fn acknowledge_covered(&mut self) {
        let floor = self.floor;
        self.owed.retain(|(sequence, _)| sequence.above(floor).is_some_and(|above| above > 64));
    }
}

#[derive(Debug, Default)]
pub(super) struct Conversations {
    all: Slab<Conversation>,
    by_process: BTreeMap<(LocalId, u32), u32>,
    hand: usize,
    /// No conversation has given a number above this: one that begins anew starts behind it, since servers may
    /// remember the floor of one that was forgotten here.
    highest: Sequence,
}

impl Conversations {
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn find(&self, process: LocalId, peer: u32) -> Option<u32> {
        self.by_process.get(&(process, peer)).copied()
    }

    pub(super) fn next_slot(&self) -> u32 {
        self.all.vacant_key() as u32
    }

    pub(super) fn insert(&mut self, process: LocalId, peer: u32, timer: Handle, now: Instant) -> u32 {
        let conversation = Conversation {
            process,
            peer,
            floor: self.highest.plus(1),
            ring: VecDeque::new(),
            held: VecDeque::new(),
            is_opening: false,
            owed: VecDeque::new(),
            timer,
            used: now,
        };
        let slot = self.all.insert(conversation) as u32;
        self.by_process.insert((process, peer), slot);
        slot
    }

    pub(super) fn get(&self, slot: u32) -> &Conversation {
        &self.all[slot as usize]
    }

    pub(super) fn get_mut(&mut self, slot: u32) -> &mut Conversation {
        &mut self.all[slot as usize]
    }

    pub(super) fn remove(&mut self, slot: u32) -> Conversation {
        let conversation = self.all.remove(slot as usize);
        self.by_process.remove(&(conversation.process, conversation.peer));
        self.highest = self.highest.max(conversation.next());
        conversation
    }

    /// The conversations of one process.
    pub(super) fn of_process(&self, process: LocalId) -> impl Iterator<Item = u32> + '_ {
        self.by_process.range((process, 0)..=(process, u32::MAX)).map(|(_, slot)| *slot)
    }

    /// Looks at the next conversation in turn; returns it if nothing is outstanding in it and it was not used for
    /// `life`.
    pub(super) fn next_idle(&mut self, now: Instant, life: Duration) -> Option<u32> {
        self.hand = if self.hand + 1 < self.all.capacity() { self.hand + 1 } else { 0 };
        let conversation = self.all.get(self.hand)?;
        let idle = conversation.outstanding() == 0
            && conversation.owed.is_empty()
            && now.since(conversation.used) > life;
        idle.then_some(self.hand as u32)
    }
}
