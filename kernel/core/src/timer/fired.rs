//! The timers that have fired and were not looked at yet: what is done about one may disarm another of them.
use alloc::vec::Vec;

/// Their places. While there are none, which is nearly always, a withdrawal costs one comparison.
#[derive(Debug)]
pub(super) struct Fired {
    /// The greatest place first; `false` for one that was withdrawn.
    places: Vec<(u32, bool)>,
}

impl Fired {
    pub(super) const fn new() -> Self {
        Self { places: Vec::new() }
    }

    /// Call [`Fired::sort`] when all that fired together were pushed.
    pub(super) fn push(&mut self, place: u32) {
        self.places.push((place, true));
    }

    pub(super) fn sort(&mut self) {
        self.places.sort_unstable_by_key(|(place, _)| core::cmp::Reverse(*place));
    }

    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// The least place.
    pub(super) fn pop(&mut self) -> Option<u32> {
        while let Some((place, stands)) = self.places.pop() {
            if stands {
                return Some(place);
            }
        }
        None
    }

    /// It was armed, disarmed or removed.
    pub(super) fn withdraw(&mut self, place: u32) {
        if self.places.is_empty() {
            return;
        }
        let key = core::cmp::Reverse(place);
        if let Ok(index) = self.places.binary_search_by_key(&key, |(place, _)| core::cmp::Reverse(*place)) {
            self.places[index].1 = false;
        }
    }
}
