//! SplitMix64: a seeded stream of numbers, the same on every machine and in every release.
//!
//! It decides jitter and faults; it is no source of secrets. (Steele, Lea and Flood, OOPSLA 2014.)
use siphasher::sip::SipHasher24;

use crate::ids::Nonce;

/// Nonces that nobody can foretell who does not know the seed, however many others were seen: SipHash of a count.
#[derive(Clone, Debug)]
pub(crate) struct Nonces {
    key: (u64, u64),
    count: u64,
}

impl Nonces {
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        Self { key: (rng.next_u64(), rng.next_u64()), count: 0 }
    }

    /// The next one; never 0, which stands for none.
    pub(crate) fn next(&mut self) -> Nonce {
        self.count += 1;
        let hasher = SipHasher24::new_with_keys(self.key.0, self.key.1);
        Nonce(hasher.hash(&self.count.to_be_bytes()).max(1))
    }
}

/// A stream of pseudo-random numbers that is a function of its seed.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// The stream of `seed`.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`; 0 if `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next_u64()) * u128::from(bound)) >> 64) as u64
    }

    /// True with the given probability (0 to 1).
    pub fn chance(&mut self, probability: f64) -> bool {
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64 + f64::EPSILON / 4.0 < probability
    }
}
