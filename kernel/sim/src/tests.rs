//! What is not seen from outside: the arithmetic of a line, and broadcasts, which kernels seldom send.
use std::time::Duration;

use proptest::prelude::*;
use sendrec_core::trace::{Verdict, What};
use sendrec_core::wire::{Flags, Fragment, Header, Kind, Packet, PacketType, Transmit};
use sendrec_core::{Epoch, Instant, LocalId, Machine, PacketNumber, Path, Sequence, SparseId};
use sendrec_trap::{Bytes, Config, From, Process, SpawnOptions};

use crate::link::{Line, Link, Medium, Queue};
use crate::machine::MachineId;
use crate::world::World;

const NANOS: u64 = 1_000_000_000;

proptest! {
    /// However packets come, a line that is never idle is done exactly when its bits are.
    #[test]
    fn a_busy_line_loses_no_time(sizes in prop::collection::vec(1usize..2_000, 1..50), bandwidth in 1_000u64..1 << 34) {
        let mut line = Line::default();
        let mut bits = 0u128;
        for bytes in sizes {
            bits += bytes as u128 * 8;
            let out_at = line.send(Instant::ZERO, bytes, bandwidth, None).unwrap();
            let exact = (bits * u128::from(NANOS)).div_ceil(u128::from(bandwidth));
            prop_assert_eq!(u128::from(out_at.as_nanos()), exact);
        }
    }

    /// A queue in packets holds what it says, against a model that keeps every end.
    #[test]
    fn a_queue_is_as_long_as_it_says(gaps in prop::collection::vec(0u64..3_000, 1..60), room in 0usize..5) {
        let mut line = Line::default();
        let (mut now, mut ends) = (0, Vec::<u64>::new());
        for gap in gaps {
            now += gap;
            // A microsecond a byte, 1 byte.
            let out_at = line.send(Instant::from_nanos(now), 1, 8_000_000, Some(Queue::Packets(room)));
            let unfinished = ends.iter().filter(|end| **end > now).count();
            let expected = if unfinished == 0 {
                Some(now + 1_000)
            } else if unfinished > room {
                None
            } else {
                ends.last().map(|last| last + 1_000)
            };
            prop_assert_eq!(out_at.map(Instant::as_nanos), expected);
            ends.extend(expected);
        }
    }
}

fn locate() -> Transmit {
    let (sparse, nonce) = (SparseId(7), sendrec_core::ids::Nonce(1));
    let header = Header {
        kind: Kind::Locate { sparse, nonce },
        flags: Flags::NONE,
        source_epoch: Epoch(1),
        destination_epoch: Epoch::BLANK,
        number: PacketNumber(1),
        source: LocalId(1_000),
        destination: LocalId::KERNEL,
        sequence: Sequence::NONE,
        floor: Sequence::NONE,
        answered: 0,
        elapsed_us: 0,
        fragment: Fragment::default(),
    };
    let path = Path::to(Machine::EVERYONE);
    Transmit { path, packet: Packet { header, payload: Bytes::new() } }
}

/// Who received a broadcast of the first machine, and when, ns.
fn broadcast(medium: Medium, faults: &str, prepare: impl FnOnce(&mut World)) -> (World, Vec<(usize, u64)>) {
    let config = Config { trace: true, ..Config::default() };
    let bandwidth = Some(8 * NANOS / 1_000);
    let link = Link { medium, bandwidth, faults: faults.parse().unwrap(), ..Link::default() };
    let mut world = World::with(1, config, link);
    for _ in 0..5 {
        world.boot();
    }
    prepare(&mut world);
    world.inner.borrow_mut().launch(0, &locate());
    world.run();
    let got = world.records().into_iter().filter_map(|record| match record.event.what {
        What::Received { packet, .. } if packet.kind == PacketType::Locate => {
            Some((record.machine.index(), record.at.as_nanos()))
        }
        _ => None,
    });
    let got = got.collect();
    (world, got)
}

fn receivers(got: &[(usize, u64)]) -> Vec<usize> {
    let mut receivers: Vec<_> = got.iter().map(|(receiver, _)| *receiver).collect();
    receivers.sort_unstable();
    receivers
}

fn dropped(world: &World) -> Vec<(Machine, String)> {
    let events = world.events().into_iter();
    let dropped = events.filter_map(|(_, event)| match event.what {
        What::Network { to, verdict: Verdict::Dropped, rule, .. } => Some((to, rule)),
        _ => None,
    });
    dropped.collect()
}

#[test]
fn a_broadcast_comes_to_all_others_by_every_medium() {
    for medium in [Medium::Lines, Medium::Bus(1), Medium::Atm] {
        let (_, got) = broadcast(medium, "", |_| {});
        assert_eq!(receivers(&got), [1, 2, 3, 4], "{medium:?}");
        assert!(got.iter().all(|(_, at)| *at == got[0].1), "{medium:?}: sent once, at one time");
    }
}

#[test]
fn each_receiver_of_a_broadcast_has_its_own_fate() {
    for medium in [Medium::Lines, Medium::Bus(1), Medium::Atm] {
        let rule = "drop=LOCATE#1@m0>m2";
        let (world, got) = broadcast(medium, &format!("{rule},duplicate=LOCATE#1@*>m4"), |world| {
            world.cut(MachineId(0), MachineId(3));
        });
        assert_eq!(receivers(&got), [1, 4, 4], "{medium:?}");
        let harmed = [
            (world.machine(MachineId(2)), rule.to_owned()),
            (world.machine(MachineId(3)), "cut=m0>m3@0s".to_owned()),
        ];
        assert_eq!(dropped(&world), harmed);
        let (world, got) = broadcast(medium, "drop=LOCATE#1", |_| {});
        assert_eq!(
            (got.len(), dropped(&world).len()),
            (0, 4),
            "counted as one packet, told for each receiver"
        );
    }
}

#[test]
fn a_broadcast_in_cells_is_sent_once_and_copied_at_the_switch() {
    let (world, _) = broadcast(Medium::Atm, "", |_| {});
    let cells = world.cells();
    // 80 bytes of header, 16 of body, 8 of trailer: three cells, each to four ports at one time.
    assert_eq!(cells.len(), 12);
    for place in 1..=3 {
        let of_place: Vec<_> = cells.iter().filter(|cell| cell.place == place).collect();
        assert!(of_place.iter().all(|cell| cell.at == of_place[0].at && cell.input == MachineId(0)));
    }
}

#[test]
fn a_dead_or_paused_receiver_does_not_hold_up_the_others() {
    let (_, got) = broadcast(Medium::Lines, "", |world| {
        world.crash(MachineId(1));
        world.pause(MachineId(2), Duration::from_secs(1));
    });
    assert_eq!(receivers(&got), [2, 3, 4]);
    assert_eq!(got.last().unwrap(), &(2, NANOS), "when its pause is over");
}

#[test]
fn what_finds_no_room_on_a_bus_is_told_for_each_receiver() {
    let link = |medium| Link {
        medium,
        bandwidth: Some(8 * NANOS / 1_000),
        queue: Some(Queue::Packets(0)),
        ..Link::default()
    };
    for medium in [Medium::Lines, Medium::Bus(1)] {
        let mut world = World::with(1, Config { trace: true, ..Config::default() }, link(medium));
        for _ in 0..4 {
            world.boot();
        }
        for _ in 0..2 {
            world.inner.borrow_mut().launch(0, &locate());
        }
        world.run();
        assert_eq!(dropped(&world).len(), 3, "{medium:?}: the second, to each of the others");
    }
}

#[test]
fn what_comes_in_cells_has_the_latency_and_the_jitter_of_its_own_link() {
    let jitter = Duration::from_millis(5);
    let (_, got) = broadcast(Medium::Atm, "", |world| {
        let link = Link { medium: Medium::Atm, ..Link::default() };
        let far = Link { latency: Duration::from_millis(40), ..link.clone() };
        world.set_link(MachineId(0), MachineId(2), far);
        world.set_link(MachineId(0), MachineId(3), Link { jitter, ..link });
    });
    let at = |machine| got.iter().find(|(receiver, _)| *receiver == machine).unwrap().1;
    assert_eq!((at(1), at(2)), (at(4), at(1) + 39_000_000));
    assert!(at(3) > at(1) && at(3) <= at(1) + 5_000_000);
}

#[test]
fn a_process_may_end_with_a_wake_of_its_own_not_slept_off() {
    let mut world = World::new(1);
    let machine = world.boot();
    for _ in 0..3 {
        world.spawn(machine, SpawnOptions::default(), |me| {
            let other = Process::spawn(me.gate(), SpawnOptions::default()).unwrap();
            let receive = other.start_receive(From::Any);
            // Ends the wait, and so wakes the one who runs; who ends then.
            drop(other);
            assert!(receive.is_done());
        });
    }
    world.run();
    assert_eq!(world.unfinished(), 0);
}
