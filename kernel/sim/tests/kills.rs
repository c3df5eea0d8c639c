//! Processes that are killed while others are inside the kernel.
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use sendrec_sim::{Link, World};
use sendrec_trap::{Address, CallError, Config, From, LocalId, SendFailure, SpawnOptions};

/// The swarm found it: a wait that the kill ended before its caller was registered never woke it.
#[test]
fn a_server_killed_by_the_very_call_fails_it() {
    for start in [false, true] {
        let faults = "kill=m0/1@send".parse().unwrap();
        let mut world = World::with(1, Config::default(), Link { faults, ..Link::default() });
        let machine = world.boot();
        let well_known = SpawnOptions { local_id: Some(LocalId(1)), ..SpawnOptions::default() };
        world.spawn(machine, well_known, |me| while me.receive(From::Any).is_ok() {});
        let (server, told) = (Address::new(world.machine(machine), LocalId(1)), Rc::new(Cell::new(None)));
        let tell = told.clone();
        world.spawn(machine, SpawnOptions::default(), move |me| {
            // The server is waiting by then, so it takes the question.
            me.gate().sleep(Duration::from_millis(1));
            let result =
                if start { me.wait(me.start_call(server, "question")) } else { me.call(server, "question") };
            tell.set(Some(result.unwrap_err().failure));
        });
        world.run();
        assert_eq!(world.unfinished(), 0);
        assert_eq!(told.get(), Some(SendFailure::Request(CallError::CrashedUnknown)), "start {start}");
    }
}

#[test]
fn a_kill_that_a_reboot_overtakes_strikes_nobody_of_the_next_boot() {
    let faults = "kill=m1/1@execute,restart=m1@execute".parse().unwrap();
    let config = Config { trace: true, ..Config::default() };
    let mut world = World::with(1, config, Link { faults, ..Link::default() });
    let (client, server) = (world.boot(), world.boot());
    let well_known = SpawnOptions { local_id: Some(LocalId(1)), ..SpawnOptions::default() };
    world.install(server, well_known, |me| {
        while let Ok(request) = me.receive(From::Any) {
            let _ = me.reply(request.source, "done");
        }
    });
    let (to, told) = (Address::new(world.machine(server), LocalId(1)), Rc::new(Cell::new(0)));
    let tell = told.clone();
    world.spawn(client, SpawnOptions::default(), move |me| {
        assert!(me.call(to, "question").is_err());
        assert_eq!(me.call(to, "again").unwrap(), "done");
        tell.set(1);
    });
    world.run();
    assert_eq!((told.get(), world.unfinished()), (1, 1), "the server alone goes on");
}
