//! A set of numbers below a bound, one bit each: which pieces are there.
use alloc::vec;
use alloc::vec::Vec;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bitmap {
    words: Vec<u64>,
    length: u32,
    count: u32,
}

impl Bitmap {
    /// Of the numbers below `length`, none.
    pub(crate) fn new(length: u32) -> Self {
        Self { words: vec![0; length.div_ceil(64) as usize], length, count: 0 }
    }

    /// How many there are.
    pub(crate) const fn count(&self) -> u32 {
        self.count
    }

    pub(crate) fn has(&self, number: u32) -> bool {
        number < self.length && self.words[(number / 64) as usize] >> (number % 64) & 1 == 1
    }

    /// Adds a number below the bound; false if it was there.
    pub(crate) fn add(&mut self, number: u32) -> bool {
        let Some(word) = self.words.get_mut((number / 64) as usize) else { return false };
        let bit = 1 << (number % 64);
        let is_new = *word & bit == 0;
        *word |= bit;
        self.count += u32::from(is_new);
        is_new
    }

    /// Adds all of `from..to`.
    pub(crate) fn add_range(&mut self, from: u32, to: u32) {
        let mut next = from;
        let to = to.min(self.length);
        while next < to {
            if next.is_multiple_of(64) && next + 64 <= to {
                let word = core::mem::replace(&mut self.words[(next / 64) as usize], u64::MAX);
                self.count += word.count_zeros();
                next += 64;
            } else {
                self.add(next);
                next += 1;
            }
        }
    }

    /// The first number from `from` on that is not there; the bound if all are.
    pub(crate) fn next_missing(&self, from: u32) -> u32 {
        self.next_where(from, |word| !word)
    }

    /// The first number from `from` on that is there; the bound if none is.
    pub(crate) fn next_present(&self, from: u32) -> u32 {
        self.next_where(from, |word| word)
    }

    fn next_where(&self, from: u32, of: impl Fn(u64) -> u64) -> u32 {
        if from >= self.length {
            return self.length;
        }
        let first = (from / 64) as usize;
        for (place, word) in self.words.iter().enumerate().skip(first) {
            let mut bits = of(*word);
            if place == first {
                bits &= u64::MAX << (from % 64);
            }
            if bits != 0 {
                return (place as u32 * 64 + bits.trailing_zeros()).min(self.length);
            }
        }
        self.length
    }

    pub(crate) fn clear(&mut self) {
        self.words.fill(0);
        self.count = 0;
    }
}
