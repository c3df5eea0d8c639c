//! The binder in a world: slides 33-35, and what goes wrong with it.
#[rustfmt::skip]
#[allow(dead_code, unreachable_pub)]
#[path = "interfaces/adder.rs"]
mod adder;

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use adder::adder_1::{Client, Dispatch, Server};
use sendrec_sim::{Gate, MachineId, World};
use sendrec_stubs::binder::{BINDER, BINDER_ID, Binder, BinderError, Registry};
use sendrec_stubs::{Context, Refusal};
use sendrec_stubs::{Ledger, Unkept};
use sendrec_trap::{Address, Instant, LocalId, Process, SpawnOptions, Trap};

const SERVER: LocalId = LocalId(1);

/// Adds, and something of its own, so that one sees who answered.
struct Adder(i32);

impl Server for Adder {
    fn sum(&self, _: &Context<'_>, a: i32, b: i32) -> Result<i32, Refusal> {
        Ok(a + b + self.0)
    }
}

fn binder_options() -> SpawnOptions {
    SpawnOptions { local_id: Some(BINDER_ID), sparse: Some(BINDER), ..SpawnOptions::default() }
}

fn credential(of: u8) -> [u8; 16] {
    [of; 16]
}

/// A server that registers under a number and serves.
fn adder(world: &mut World, machine: MachineId, number: u8) {
    let options = SpawnOptions { local_id: Some(SERVER), ..SpawnOptions::default() };
    world.spawn(machine, options, move |me| {
        let binder = Binder::new(me, BINDER);
        binder.register("adder", 1, me.address(), u64::from(number), credential(number)).unwrap();
        sendrec_stubs::serve(me, &[&Dispatch(Adder(i32::from(number) * 100))]);
    });
}

fn serve_binder(me: &Process<'_, Gate<'_>>) {
    Registry::open(Unkept).unwrap().serve(me);
}

fn client(world: &mut World, machine: MachineId, body: impl FnOnce(&Process<'_, Gate<'_>>) + 'static) {
    world.spawn(machine, SpawnOptions::default(), body);
}

#[test]
fn a_client_finds_binds_and_calls() {
    let mut world = World::new(1);
    let [binding, serving, asking] = [(); 3].map(|()| world.boot());
    world.spawn(binding, binder_options(), serve_binder);
    adder(&mut world, serving, 0);
    client(&mut world, asking, |me| {
        me.gate().sleep(Duration::from_secs(1));
        let adder = Client::new(Binder::new(me, BINDER).import("adder", 1).unwrap());
        assert_eq!(adder.sum(4, 7), Ok(11));
    });
    world.run();
}

#[test]
fn what_nobody_offers_is_not_found_and_another_version_is_a_mismatch() {
    let mut world = World::new(1);
    let machine = world.boot();
    world.spawn(machine, binder_options(), serve_binder);
    client(&mut world, machine, |me| {
        let binder = Binder::new(me, BINDER);
        let name = || "adder".to_owned();
        assert_eq!(binder.lookup("adder", 1), Err(BinderError::NotFound { name: name() }));
        for version in [2, 4] {
            binder.register("adder", version, me.address(), 1, credential(1)).unwrap();
        }
        let mismatch = BinderError::VersionMismatch { name: name(), version: 3, low: 2, high: 4 };
        assert_eq!(binder.lookup("adder", 3), Err(mismatch));
        assert_eq!(binder.lookup("adder", 2), Ok((me.address().into(), 1)));
        assert_eq!(
            binder.deregister("adder", 2, 1, credential(9)),
            Err(BinderError::NotYours { name: name() })
        );
        let stolen = binder.register("adder", 2, me.address(), 1, credential(9));
        assert_eq!(stolen, Err(BinderError::NotYours { name: name() }));
        binder.deregister("adder", 2, 1, credential(1)).unwrap();
        let gone = BinderError::VersionMismatch { name: name(), version: 2, low: 4, high: 4 };
        assert_eq!(binder.lookup("adder", 2), Err(gone));
        let bad = binder.register("no spaces", 1, me.address(), 1, credential(1));
        assert!(matches!(bad, Err(BinderError::BadName { .. })), "{bad:?}");
    });
    world.run();
}

#[test]
fn several_instances_are_given_out_in_turn_and_dead_ones_forgotten() {
    let mut world = World::new(1);
    let [binding, one, two, asking] = [(); 4].map(|()| world.boot());
    world.spawn(binding, binder_options(), serve_binder);
    adder(&mut world, one, 1);
    adder(&mut world, two, 2);
    client(&mut world, asking, |me| {
        me.gate().sleep(Duration::from_secs(1));
        let binder = Binder::new(me, BINDER);
        let ask = || Client::new(binder.import("adder", 1).unwrap()).sum(0, 0).unwrap();
        let mut answers = [ask(), ask(), ask(), ask()];
        assert_eq!((answers[0], answers[1]), (answers[2], answers[3]), "in turn");
        answers.sort_unstable();
        assert_eq!(answers, [100, 100, 200, 200]);
        // The first one crashes meanwhile, and its proof is over.
        me.gate().sleep(Duration::from_secs(30));
        assert_eq!([ask(), ask(), ask()], [200; 3]);
        assert_eq!(binder.list().unwrap().len(), 1);
    });
    world.run_until(Instant::ZERO + Duration::from_secs(10));
    world.crash(one);
    world.run();
}

#[test]
fn who_looks_up_a_dead_instance_keeps_nobody_waiting_if_the_binder_has_threads() {
    let mut world = World::new(1);
    let [binding, dead, asking, other] = [(); 4].map(|()| world.boot());
    let registry = Rc::new(Registry::open(Unkept).unwrap());
    for _ in 0..2 {
        let registry = registry.clone();
        let options = SpawnOptions { threads: true, ..binder_options() };
        world.spawn(binding, SpawnOptions::default(), move |me| {
            // Two threads of one process: whichever comes first spawns it.
            let binder = Process::spawn(me.gate(), options)
                .unwrap_or_else(|_| Process::adopt(me.gate(), binder_options().local_id.unwrap()));
            registry.serve(&binder);
        });
    }
    let place = Address::new(world.machine(dead), SERVER);
    client(&mut world, asking, move |me| {
        let binder = Binder::new(me, BINDER);
        binder.register("dead", 1, place, 1, credential(1)).unwrap();
        binder.register("living", 1, me.address(), 1, credential(1)).unwrap();
        me.gate().sleep(Duration::from_secs(30));
        let began = me.gate().now();
        assert_eq!(binder.lookup("dead", 1), Err(BinderError::NotFound { name: "dead".into() }));
        assert!(me.gate().now().since(began) >= Duration::from_millis(900), "it was waited for");
        // Lives on, so that AYA finds it.
        me.gate().sleep(Duration::from_secs(10));
    });
    client(&mut world, other, |me| {
        me.gate().sleep(Duration::from_millis(30_200));
        let began = me.gate().now();
        assert!(Binder::new(me, BINDER).lookup("living", 1).is_ok());
        assert!(me.gate().now().since(began) < Duration::from_millis(500), "in virtual time");
    });
    world.crash(dead);
    world.run();
}

/// A file that survives the binder's machine.
#[derive(Clone, Default)]
struct Paper {
    text: Rc<RefCell<Option<Vec<u8>>>>,
    is_full: Rc<RefCell<bool>>,
}

impl Ledger for Paper {
    fn read(&self) -> io::Result<Option<Vec<u8>>> {
        Ok(self.text.borrow().clone())
    }

    fn write(&self, bytes: &[u8]) -> io::Result<()> {
        if *self.is_full.borrow() {
            return Err(io::Error::other("no room"));
        }
        *self.text.borrow_mut() = Some(bytes.to_vec());
        Ok(())
    }
}

#[test]
fn registrations_survive_the_binder_and_none_is_acknowledged_that_would_not() {
    let paper = Paper::default();
    let place = |world: &World, machine| Address::new(world.machine(machine), SERVER);
    for life in 0..2 {
        let mut world = World::new(1);
        let [binding, serving] = [(); 2].map(|()| world.boot());
        let kept = paper.clone();
        world.spawn(binding, binder_options(), |me| {
            Registry::open(kept).unwrap().serve(me);
        });
        let options = SpawnOptions { local_id: Some(SERVER), ..SpawnOptions::default() };
        let (handle, paper) = (place(&world, serving), paper.clone());
        world.spawn(serving, options, move |me| {
            let binder = Binder::new(me, BINDER);
            if life == 0 {
                binder.register("adder", 1, handle, 7, credential(7)).unwrap();
                binder.publish("adder", 1, 7, credential(7), "program ADDER ...").unwrap();
                *paper.is_full.borrow_mut() = true;
                let unkept = binder.register("adder", 2, handle, 8, credential(8));
                assert_eq!(unkept, Err(BinderError::NotKept));
                assert_eq!(binder.list().unwrap().len(), 1);
                return;
            }
            assert_eq!(binder.lookup("adder", 1), Ok((handle.into(), 7)));
            assert_eq!(&binder.interface("adder", 1).unwrap()[..], b"program ADDER ...");
            assert_eq!(binder.list().unwrap().len(), 1);
        });
        world.run();
    }
}

#[test]
fn a_ledger_that_is_none_is_not_overwritten() {
    let paper = Paper::default();
    *paper.text.borrow_mut() = Some(b"somebody's letters".to_vec());
    let error = Registry::open(paper.clone()).err().unwrap().to_string();
    assert!(error.starts_with("not a binder's ledger"), "{error}");
    assert_eq!(paper.text.borrow().as_deref(), Some(&b"somebody's letters"[..]));
}
