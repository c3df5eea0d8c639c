//! Bandwidth, queues, jitter and buses, to the nanosecond.
mod support;

use std::time::Duration;

use sendrec_core::trace::{Verdict, What};
use sendrec_core::wire::{HEADER_BYTES, PacketType};
use sendrec_sim::{Boot, Link, MachineId, Medium, Queue, World};
use sendrec_trap::{Address, From, How, Options, Reliability, SpawnOptions};
use support::{SERVER, traced, verdicts, well_known};

/// A microsecond a byte.
const BANDWIDTH: u64 = 8_000_000;
const LATENCY: u64 = 1_000_000;

/// Each of these machines sends so many packets of 100 bytes at once to a server of its own; when they came in, ns.
fn arrivals(link: Link, senders: usize, packets: usize) -> (World, Vec<(MachineId, u64)>) {
    let mut world = World::with(1, traced(), link);
    for sender in 0..senders {
        let from = world.boot_as(format!("from{sender}"), Boot::default());
        let to = world.boot_as(format!("to{sender}"), Boot::default());
        world.install(to, well_known(), |me| while me.receive(From::Any).is_ok() {});
        let to = Address::new(world.machine(to), SERVER);
        world.spawn(from, SpawnOptions::default(), move |me| {
            let options = Options { reliability: Reliability::Unreliable, ..Options::default() };
            let how = How { options, timeout: None };
            for _ in 0..packets {
                me.send_one_way(to, vec![0; 100 - HEADER_BYTES], how).unwrap();
            }
        });
    }
    world.run();
    let came = world.records().into_iter().filter_map(|record| {
        let came = matches!(record.event.what, What::Received { .. });
        came.then_some((record.machine, record.at.as_nanos()))
    });
    let came = came.collect();
    (world, came)
}

fn times(came: &[(MachineId, u64)]) -> Vec<u64> {
    came.iter().map(|(_, at)| at - LATENCY).collect()
}

fn line() -> Link {
    Link { bandwidth: Some(BANDWIDTH), ..Link::default() }
}

#[test]
fn packets_go_out_one_after_the_other() {
    let (_, came) = arrivals(line(), 1, 4);
    assert_eq!(times(&came), [100_000, 200_000, 300_000, 400_000]);
    let (_, came) = arrivals(Link::default(), 1, 4);
    assert_eq!(times(&came), [0, 0, 0, 0], "without a bandwidth they take no time");
}

#[test]
fn bytes_that_are_free_take_no_time_and_no_room() {
    let (_, came) = arrivals(Link { free_bytes: 40, ..line() }, 1, 3);
    assert_eq!(times(&came), [60_000, 120_000, 180_000]);
    let (_, came) = arrivals(Link { free_bytes: 100, ..line() }, 1, 3);
    assert_eq!(times(&came), [0, 0, 0], "a packet of headers alone");
    let queue = Some(Queue::Bytes(119));
    let (_, came) = arrivals(Link { free_bytes: 40, queue, ..line() }, 1, 3);
    assert_eq!(times(&came), [60_000, 120_000], "one goes out, one waits as 60 bytes");
}

#[test]
fn each_pair_has_a_line_and_a_bus_is_one_for_all() {
    let (_, came) = arrivals(line(), 3, 1);
    assert_eq!(times(&came), [100_000; 3]);
    let (_, came) = arrivals(Link { medium: Medium::Bus(1), ..line() }, 3, 1);
    assert_eq!(times(&came), [100_000, 200_000, 300_000]);
}

#[test]
fn what_finds_no_room_in_the_queue_is_dropped() {
    for (queue, rule) in [(Queue::Packets(2), "queue=2"), (Queue::Bytes(299), "queue=299B")] {
        let (world, came) = arrivals(Link { queue: Some(queue), ..line() }, 1, 5);
        assert_eq!(times(&came), [100_000, 200_000, 300_000], "one goes out and two wait");
        assert_eq!(verdicts(&world), vec![(PacketType::Req, Verdict::Dropped, rule.to_owned()); 2]);
    }
}

#[test]
fn jitter_is_at_most_what_it_says_and_differs() {
    let jitter = Duration::from_millis(3);
    let (_, came) = arrivals(Link { jitter, ..Link::default() }, 1, 200);
    let times = times(&came);
    assert_eq!(times.len(), 200);
    assert!(times.iter().all(|late| *late <= 3_000_000));
    assert!(times.iter().max() > Some(&2_700_000) && times.iter().min() < Some(&300_000));
}
