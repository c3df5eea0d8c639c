//! Sparse ids (slide 16): where each was last found, and the searches under way by LOCATE.
//!
//! A place is a hint: whoever uses one and is told that nobody is there drops it and searches again. Deliberately not
//! here: who waits for a search, and what is sent to whom it finds; this room knows neither requests nor processes.
#[cfg(test)]
mod tests;

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use core::time::Duration;

use slab::Slab;

use crate::ids::{Address, Nonce, SparseId};
use crate::limits;
use crate::time::Instant;
use crate::timer::{Handle, Table, Timers};

#[derive(Debug)]
struct Search {
    sparse: SparseId,
    nonce: Nonce,
    tries: u32,
    timer: Handle,
}

/// What a search whose time is over wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// LOCATE again.
    Again(SparseId, Nonce),
    /// Nobody has answered as often as configured: the search is over.
    Failed(SparseId),
}

/// All places and searches of a kernel.
#[derive(Debug)]
pub(crate) struct Locate {
    places: BTreeMap<SparseId, Address>,
    /// In the order they were learned; some may be dropped or learned again since.
    learned: VecDeque<SparseId>,
    searches: Slab<Search>,
    by_sparse: BTreeMap<SparseId, u32>,
    timers: Table<u32>,
    first: Duration,
    retries: u32,
}

impl Locate {
    pub(crate) fn new(first: Duration, retries: u32, timers: Table<u32>) -> Self {
        Self {
            places: BTreeMap::new(),
            learned: VecDeque::new(),
            searches: Slab::new(),
            by_sparse: BTreeMap::new(),
            timers,
            first,
            retries,
        }
    }

    /// Where it was last found.
    pub(crate) fn place(&self, sparse: SparseId) -> Option<Address> {
        self.places.get(&sparse).copied()
    }

    /// Whether it is being searched for.
    pub(crate) fn is_sought(&self, sparse: SparseId) -> bool {
        self.by_sparse.contains_key(&sparse)
    }

    /// Whether one more search may begin.
    pub(crate) fn has_room(&self) -> bool {
        self.searches.len() < limits::SEARCHES_MAX
    }

    /// Begins a search, whose LOCATE the caller broadcasts with `nonce`. The caller has checked that there is room and
    /// that none is under way.
    pub(crate) fn search(&mut self, sparse: SparseId, nonce: Nonce, now: Instant) {
        let slot = self.searches.vacant_key() as u32;
        let timer = self.timers.add(slot);
        self.searches.insert(Search { sparse, nonce, tries: 0, timer });
        self.by_sparse.insert(sparse, slot);
        self.timers.arm(timer, now + self.first);
    }

    /// Ends the search: it was found, or nobody wants to know any more. False if there was none.
    pub(crate) fn end_search(&mut self, sparse: SparseId) -> bool {
        let Some(slot) = self.by_sparse.remove(&sparse) else { return false };
        let search = self.searches.remove(slot as usize);
        self.timers.remove(search.timer);
        true
    }

    /// Whether `nonce` is that of the search for `sparse`: a HERE that echoes it is an answer to our own question.
    pub(crate) fn expects(&self, sparse: SparseId, nonce: Nonce) -> bool {
        let search = self.by_sparse.get(&sparse).and_then(|slot| self.searches.get(*slot as usize));
        search.is_some_and(|search| search.nonce == nonce)
    }

    /// Remembers where it was found.
    pub(crate) fn learn(&mut self, sparse: SparseId, address: Address) {
        if self.places.insert(sparse, address).is_none() {
            self.learned.push_back(sparse);
        }
        while self.learned.len() > limits::PLACES_MAX {
            if let Some(oldest) = self.learned.pop_front() {
                self.places.remove(&oldest);
            }
        }
    }

    /// It is not there: forgets the place, unless it is known to be elsewhere by now. Returns whether anything changed.
    pub(crate) fn drop_place(&mut self, sparse: SparseId, address: Address) -> bool {
        if self.places.get(&sparse) != Some(&address) {
            return false;
        }
        self.places.remove(&sparse);
        self.learned.retain(|learned| *learned != sparse);
        true
    }

    /// When the earliest search wants to be looked at.
    #[inline]
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        if self.searches.is_empty() { None } else { self.timers.next() }
    }

    /// What the searches want whose time is over.
    pub(crate) fn expire(&mut self, now: Instant, due: &mut Vec<Due>) {
        self.timers.expire(now);
        while let Some(slot) = self.timers.pop() {
            let Some(search) = self.searches.get_mut(slot as usize) else { continue };
            search.tries += 1;
            let Search { sparse, nonce, tries, timer } = *search;
            if tries > self.retries {
                self.end_search(sparse);
                due.push(Due::Failed(sparse));
                continue;
            }
            let wait = self.first.saturating_mul(1 << tries.min(16));
            self.timers.arm(timer, now + wait);
            due.push(Due::Again(sparse, nonce));
        }
    }
}
