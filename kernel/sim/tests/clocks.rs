//! Machines whose clocks differ.
mod support;

use std::time::Duration;

use proptest::prelude::*;
use sendrec_core::trace::What;
use sendrec_sim::{Boot, Clock, Link, World};
use sendrec_trap::{Instant, SpawnOptions, Trap};
use support::{MILLISECOND, traced};

proptest! {
    #[test]
    fn a_clock_is_read_back(offset in 0..1u64 << 50, drift_ppm in -900_000..900_000, own in 0..1u64 << 52) {
        let clock = Clock { offset: Duration::from_nanos(offset), drift_ppm };
        let own = Instant::from_nanos(own);
        let world = clock.world(own);
        prop_assert!(clock.own(world) >= own);
        // And no instant before would do.
        if world > Instant::ZERO {
            prop_assert!(clock.own(Instant::from_nanos(world.as_nanos() - 1)) < own);
        }
    }
}

#[test]
fn each_machine_lives_by_its_own_clock() {
    let mut world = World::with(1, traced(), Link::default());
    let fast = Clock { offset: Duration::from_secs(100), drift_ppm: 250_000 };
    let slow = Clock { offset: Duration::ZERO, drift_ppm: -500_000 };
    let fast = world.boot_as("fast", Boot { clock: fast, ..Boot::default() });
    let slow = world.boot_as("slow", Boot { clock: slow, ..Boot::default() });
    for machine in [fast, slow] {
        world.spawn(machine, SpawnOptions::default(), |me| {
            let before = me.gate().now();
            me.gate().sleep(100 * MILLISECOND);
            assert_eq!(me.gate().now().since(before), 100 * MILLISECOND);
        });
    }
    world.run();
    let ended = |wanted| {
        let records = world.records();
        let of = records
            .iter()
            .find(|record| record.machine == wanted && matches!(record.event.what, What::Ended { .. }));
        let record = of.unwrap();
        (record.at.as_nanos(), record.event.at.as_nanos())
    };
    // 100 ms by a clock a quarter fast are 80, by one half as fast 200.
    assert_eq!(ended(fast), (80_000_000, 100_100_000_000));
    assert_eq!(ended(slow), (200_000_000, 100_000_000));
}

#[test]
fn calls_go_on_between_clocks_that_differ() {
    let mut pair = support::Pair::new("drop=REP#1,drop=REQ#3");
    let late = Clock { offset: Duration::from_secs(1_000_000), drift_ppm: 900 };
    let third = pair.world.boot_as("third", Boot { clock: late, ..Boot::default() });
    let to = pair.address();
    pair.world.spawn(third, SpawnOptions::default(), move |me| {
        for _ in 0..5 {
            assert_eq!(me.call(to, "x").unwrap(), "x");
        }
    });
    pair.call(&["a", "b", "c"]);
    pair.world.run();
    assert_eq!(pair.executed().len(), 8);
    assert_eq!(pair.results().len(), 3);
}
