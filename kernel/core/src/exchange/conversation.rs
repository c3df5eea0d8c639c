//! The client's memory of its requests to one machine: their numbers, the floor, and acknowledgements owed.
use alloc::collections::VecDeque;
use core::time::Duration;

use slab::Slab;

use crate::ids::{LocalId, Sequence};
use crate::index::Index;
use crate::time::Instant;
use crate::timer::Handle;

/// A number that is not awaited any more.
const OVER: u32 = u32::MAX;
/// So many numbers above the floor a packet tells of.
const ANSWERED_BITS: usize = u64::BITS as usize;

#[derive(Debug)]
pub(super) struct Conversation {
    pub(super) process: LocalId,
    pub(super) peer: u32,
    /// The lowest number still awaited; the next one to be given if none is.
    pub(super) floor: Sequence,
    /// Slots of `outgoing` for floor, floor + 1 and so on.
    ring: VecDeque<u32>,
    /// Bit i: floor + 1 + i is not awaited any more.
    answered: u64,
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
        let place = place as usize;
        if let Some(slot) = self.ring.get_mut(place) {
            *slot = OVER;
            if (1..=ANSWERED_BITS).contains(&place) {
                self.answered |= 1 << (place - 1);
            }
        }
        let before = self.floor;
        while self.ring.front() == Some(&OVER) {
            self.ring.pop_front();
            self.floor = self.floor.plus(1);
            // What was one too far above the floor no longer is.
            let enters = self.ring.get(ANSWERED_BITS) == Some(&OVER);
            self.answered = self.answered >> 1 | u64::from(enters) << (ANSWERED_BITS - 1);
        }
        self.floor != before
    }

    /// Bit i: floor + 1 + i is not awaited any more.
    pub(super) const fn answered(&self) -> u64 {
        self.answered
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
    by_process: Index<(LocalId, u32)>,
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
        self.by_process.find((process, peer))
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
            answered: 0,
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
        self.by_process.remove((conversation.process, conversation.peer));
        self.highest = self.highest.max(conversation.next());
        conversation
    }

    /// The conversations of one process.
    pub(super) fn of_process(&self, process: LocalId) -> impl Iterator<Item = u32> + '_ {
        self.by_process.range((process, 0)..=(process, u32::MAX))
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::timer::{Strategy as TimerStrategy, Table, Timers};

    proptest! {
        #[test]
        fn answered_says_of_each_number_above_the_floor_whether_it_is_over(
            inputs in prop::collection::vec(prop::option::of(0_u64..100), 0..400),
        ) {
            let timer = Table::new(TimerStrategy::Sweep, Duration::from_millis(1)).add(());
            let mut conversations = Conversations::default();
            let slot = conversations.insert(LocalId(1), 0, timer, Instant::ZERO);
            let conversation = conversations.get_mut(slot);
            for input in inputs {
                match input {
                    None => drop(conversation.push(7)),
                    Some(above) => drop(conversation.finish(conversation.floor.plus(above))),
                }
                for above in 1..=64 {
                    let number = conversation.floor.plus(above);
                    let bit = conversation.answered() >> (above - 1) & 1 == 1;
                    prop_assert_eq!(bit, conversation.is_over(number), "{} above the floor", above);
                }
            }
        }
    }
}
