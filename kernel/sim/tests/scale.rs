//! A thousand processes, and bounds on what is kept.
mod support;

use std::cell::Cell;
use std::rc::Rc;

use sendrec_sim::{Link, World};
use sendrec_trap::{Address, Config, From, SpawnOptions};
use support::{SERVER, traced, well_known};

const MACHINES: usize = 100;
const CLIENTS_PER_MACHINE: usize = 10;
const CALLS: usize = 5;

#[test]
fn a_thousand_processes_on_a_hundred_machines_call_each_other() {
    let mut world = World::new(1);
    world.keep(0, 0);
    let machines: Vec<_> = (0..MACHINES).map(|_| world.boot()).collect();
    let served = Rc::new(Cell::new(0));
    for machine in &machines {
        let served = served.clone();
        world.install(*machine, well_known(), move |me| {
            while let Ok(request) = me.receive(From::Any) {
                served.set(served.get() + 1);
                me.reply(request.source, request.message).unwrap();
            }
        });
    }
    for (number, machine) in machines.iter().enumerate() {
        for client in 0..CLIENTS_PER_MACHINE {
            let to = world.machine(machines[(number + client + 1) % MACHINES]);
            world.spawn(*machine, SpawnOptions::default(), move |me| {
                for call in 0..CALLS {
                    assert_eq!(me.call(Address::new(to, SERVER), &[call as u8]).unwrap(), &[call as u8][..]);
                }
            });
        }
    }
    world.run();
    assert_eq!(served.get(), MACHINES * CLIENTS_PER_MACHINE * CALLS);
    assert_eq!(world.unfinished(), MACHINES, "the servers");
    assert!(world.traffic().sent >= 2 * served.get() as u64);
}

#[test]
fn what_is_kept_is_bounded_and_the_rest_counted() {
    let run = |records, passages| {
        let mut world = World::with(1, traced(), Link::default());
        world.keep(records, passages);
        let (near, far) = (world.boot(), world.boot());
        let to = Address::new(world.machine(far), SERVER);
        world.install(far, well_known(), |me| {
            while let Ok(request) = me.receive(From::Any) {
                me.reply(request.source, "x").unwrap();
            }
        });
        world.spawn(near, SpawnOptions::default(), move |me| {
            (0..10).for_each(|_| drop(me.call(to, "x").unwrap()));
        });
        world.run();
        (world.records().len(), world.passages().len(), world.unrecorded())
    };
    let (records, passages, unrecorded) = run(1 << 20, 1 << 20);
    assert_eq!(unrecorded, 0);
    assert!(records > 50 && passages >= 20);
    assert_eq!(run(10, 5), (10, 5, (records - 10 + passages - 5) as u64));
    assert_eq!(run(10, 0), (10, 0, records as u64 - 10));
}

#[test]
fn deadlines_that_were_called_off_do_not_pile_up() {
    let mut world = World::with(1, Config::default(), Link::default());
    world.keep(0, 0);
    let machine = world.boot();
    let far = world.boot();
    let to = Address::new(world.machine(far), SERVER);
    world.install(far, well_known(), |me| {
        while let Ok(request) = me.receive(From::Any) {
            me.reply(request.source, "x").unwrap();
        }
    });
    world.spawn(machine, SpawnOptions::default(), move |me| {
        let patient = sendrec_trap::How { timeout: Some(std::time::Duration::from_secs(3_600)), ..me.how() };
        for _ in 0..2_000 {
            me.call_with(to, "x", patient).unwrap();
            me.gate().sleep(std::time::Duration::from_micros(10));
        }
    });
    world.run();
    assert!(world.pending() < 10_000, "{} entries", world.pending());
    assert_eq!(world.unfinished(), 1);
}
