//! Entries at places that stay theirs until they are removed.
use alloc::vec::Vec;
use core::ops::{Index, IndexMut};

/// No place: the end of a chain.
pub(super) const NONE: u32 = u32::MAX;

/// A vector whose freed places are used again, the last freed first. It is as long as it was full.
#[derive(Debug)]
pub(super) struct Places<E> {
    entries: Vec<E>,
    free: Vec<u32>,
}

impl<E> Places<E> {
    pub(super) const fn new() -> Self {
        Self { entries: Vec::new(), free: Vec::new() }
    }

    pub(super) fn add(&mut self, entry: E) -> u32 {
        if let Some(place) = self.free.pop() {
            self.entries[place as usize] = entry;
            return place;
        }
        self.entries.push(entry);
        self.entries.len() as u32 - 1
    }

    /// What stands there stays until the place is used again.
    pub(super) fn free(&mut self, place: u32) {
        self.free.push(place);
    }

    /// All places, free ones too.
    pub(super) fn all_mut(&mut self) -> &mut [E] {
        &mut self.entries
    }
}

impl<E> Index<u32> for Places<E> {
    type Output = E;

    fn index(&self, place: u32) -> &E {
        &self.entries[place as usize]
    }
}

impl<E> IndexMut<u32> for Places<E> {
    fn index_mut(&mut self, place: u32) -> &mut E {
        &mut self.entries[place as usize]
    }
}
