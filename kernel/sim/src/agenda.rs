//! What is to happen when: one heap, in which what was called off lies until its time comes.
use std::cmp::Reverse;
use std::collections::BinaryHeap;

use sendrec_core::Instant;

/// One thing that is to happen. At one instant packets come first and deadlines last, so that what arrives at the
/// moment a deadline passes is brought, not lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Happening {
    /// A datagram arrives.
    Arrive { flight: u32 },
    /// A cell comes to the switch, or from it to a machine.
    Cell { cell: u32 },
    /// An incident befalls.
    Mishap { rule: u32 },
    /// A pause is over.
    Resume { machine: u32 },
    /// A program starts that was to start some time after its machine's boot.
    Start { machine: u32, program: u32, boots: u64 },
    /// A kernel wants a tick.
    Tick { machine: u32 },
    /// A coroutine does not want to wait any longer.
    Deadline { thread: u32, serial: u64 },
}

impl Happening {
    const fn class(self) -> u64 {
        match self {
            Self::Arrive { .. } | Self::Cell { .. } => 0,
            Self::Mishap { .. } | Self::Resume { .. } | Self::Start { .. } => 1,
            Self::Tick { .. } => 2,
            Self::Deadline { .. } => 3,
        }
    }
}

/// Due, then class and order of entry.
type Entry = Reverse<(Instant, u64, Happening)>;

/// All that is to happen.
#[derive(Debug)]
pub(crate) struct Agenda {
    entries: BinaryHeap<Entry>,
    order: u64,
    /// So many entries, and it is time to look for those that were called off.
    full: usize,
}

/// Below this it is not worth looking.
const FULL_MIN: usize = 4_096;

impl Agenda {
    pub(crate) fn new() -> Self {
        Self { entries: BinaryHeap::new(), order: 0, full: FULL_MIN }
    }

    pub(crate) fn push(&mut self, due: Instant, happening: Happening) {
        const CLASS_SHIFT: u32 = 60;
        self.order += 1;
        let rank = happening.class() << CLASS_SHIFT | self.order;
        self.entries.push(Reverse((due, rank, happening)));
    }

    /// When the next one is due.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.entries.peek().map(|entry| entry.0.0)
    }

    /// The next one, if it is due by `now`.
    pub(crate) fn pop(&mut self, now: Instant) -> Option<(Instant, Happening)> {
        if self.next()? > now {
            return None;
        }
        self.entries.pop().map(|Reverse((due, _, happening))| (due, happening))
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether [`Agenda::retain`] is worth its while: at most once for as many entries as it keeps.
    pub(crate) fn is_full(&self) -> bool {
        self.entries.len() >= self.full
    }

    /// Throws away what was called off.
    pub(crate) fn retain(&mut self, mut stands: impl FnMut(Instant, Happening) -> bool) {
        self.entries.retain(|Reverse((due, _, happening))| stands(*due, *happening));
        self.full = (2 * self.entries.len()).max(FULL_MIN);
    }
}
