//! A link whose properties and faults a seed chooses, within what the protocol is to bear.
use std::time::Duration;

use sendrec_core::fault::{Faults, Harm, PacketRule, Scope};
use sendrec_core::rng::Rng;

use crate::link::{Link, Queue};

impl Link {
    /// A link that `seed` chooses: print it, so that a person sees what was chosen. It loses, doubles, delays and
    /// reorders; it corrupts nothing, which only checksums bear.
    pub fn chosen_by(seed: u64) -> Self {
        const CHANCE_MAX: u64 = 20;
        let mut rng = Rng::new(seed);
        let mut micros = |low: u64, high: u64| Duration::from_micros(low + rng.below(high - low));
        let latency = micros(20, 5_000);
        let jitter = micros(0, 2_000);
        let bandwidth = [None, Some(10_000_000), Some(100_000_000)][rng.below(3) as usize];
        let queue = bandwidth
            .and([None, Some(Queue::Packets(16)), Some(Queue::Bytes(1 << 16))][rng.below(3) as usize]);
        let mut faults = Faults { seed: rng.next_u64(), ..Faults::default() };
        let percent = |rng: &mut Rng| rng.below(CHANCE_MAX) as f64 / 100.0;
        for harm in [Harm::Loss, Harm::Duplicate, Harm::Reorder] {
            if rng.chance(0.5) {
                faults.packets.push(PacketRule { harm: harm(percent(&mut rng)), scope: Scope::default() });
            }
        }
        if rng.chance(0.25) {
            let harm = Harm::Burst { enter: 0.01, leave: 0.25, loss: 1.0 };
            faults.packets.push(PacketRule { harm, scope: Scope::default() });
        }
        Self { latency, jitter, bandwidth, queue, faults, ..Self::default() }
    }
}
