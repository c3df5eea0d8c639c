//! Where something is, by its key: a map that has the entry asked for last at hand.
//!
//! Packets and calls come in runs: the same machine, conversation and process are looked up several times for each, and for
//! the next. The first look costs the logarithm of how many there are, those after it a comparison.
use alloc::collections::BTreeMap;
use core::cell::Cell;
use core::ops::RangeInclusive;

#[derive(Debug)]
pub(crate) struct Index<K: Copy> {
    all: BTreeMap<K, u32>,
    last: Cell<Option<(K, u32)>>,
}

impl<K: Copy> Default for Index<K> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: Copy> Index<K> {
    pub(crate) const fn new() -> Self {
        Self { all: BTreeMap::new(), last: Cell::new(None) }
    }
}

impl<K: Copy + Ord> Index<K> {
    pub(crate) fn find(&self, key: K) -> Option<u32> {
        if let Some((last, place)) = self.last.get()
            && last == key
        {
            return Some(place);
        }
        let place = *self.all.get(&key)?;
        self.last.set(Some((key, place)));
        Some(place)
    }

    pub(crate) fn insert(&mut self, key: K, place: u32) {
        self.last.set(None);
        self.all.insert(key, place);
    }

    pub(crate) fn remove(&mut self, key: K) -> Option<u32> {
        self.last.set(None);
        self.all.remove(&key)
    }

    /// The places of all keys within.
    pub(crate) fn range(&self, keys: RangeInclusive<K>) -> impl Iterator<Item = u32> + '_ {
        self.all.range(keys).map(|(_, place)| *place)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_map(inputs in prop::collection::vec((0_u8..4, 0_u32..6, 0_u32..100), 0..200)) {
            let (mut index, mut map) = (Index::default(), BTreeMap::new());
            for (kind, key, place) in inputs {
                match kind {
                    0 => {
                        index.insert(key, place);
                        map.insert(key, place);
                    }
                    1 => prop_assert_eq!(index.remove(key), map.remove(&key)),
                    _ => prop_assert_eq!(index.find(key), map.get(&key).copied()),
                }
            }
            prop_assert!(index.range(2..=4).eq(map.range(2..=4).map(|(_, place)| *place)));
        }
    }
}
