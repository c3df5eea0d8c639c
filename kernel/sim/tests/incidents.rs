//! Crashes, kills, restarts, pauses and cuts, at named events and at times.
mod support;

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use sendrec_core::trace::{Fate, Incident, Verdict, What};
use sendrec_core::wire::PacketType;
use sendrec_core::{Epoch, Instant};
use sendrec_sim::{Boot, Epochs, Link, World};
use sendrec_trap::{Address, CallError, From, LocalId, SpawnOptions, Trap};
use support::{MILLISECOND, Pair, SERVER, fates, traced, well_known};

#[test]
fn a_server_that_crashes_before_it_takes_the_request_has_not_run_it() {
    // The second request waits in the mailbox while the first is worked on.
    let mut pair = Pair::new("crash=server@queued,restart=server@crash+20ms");
    pair.call(&["first"]);
    pair.world.run_for(MILLISECOND / 2);
    pair.call(&["second"]);
    pair.world.run();
    assert_eq!(pair.incidents()[0].1, Incident::Crashed);
    assert_eq!(pair.executed(), ["first"], "the one in the mailbox was not run");
    let results = pair.results();
    assert_eq!(results.len(), 2);
    assert!(results.iter().all(|result| *result == Err(CallError::CrashedUnknown)), "{results:?}");
}

#[test]
fn a_server_that_crashes_as_it_runs_has_run_once() {
    for point in ["execute", "reply", "sent:REP"] {
        let mut pair = Pair::new(&format!("crash=server@{point},restart=server@crash+20ms"));
        pair.call(&["once", "again"]);
        pair.world.run();
        assert_eq!(pair.world.unfinished(), 1, "{point}: the server's process of the new incarnation");
        // A request that ran once is not run again by the new incarnation, whatever became of its reply.
        let runs = pair.executed().iter().filter(|text| *text == "once").count();
        match point {
            // It dies before its program has seen the message.
            "execute" => assert_eq!(runs, 0),
            _ => assert_eq!(runs, 1),
        }
        // The reply that left is here; the next request met a machine that was down, and nobody can know of it.
        let lost = || Err(CallError::CrashedUnknown);
        let results =
            if point == "sent:REP" { [Ok("once".into()), lost()] } else { [lost(), Ok("again".into())] };
        assert_eq!(pair.results(), results, "{point}");
        let left = fates(&pair.world, pair.client, PacketType::Rep).len();
        assert_eq!(left, 1, "{point}: replies that left");
        let incidents = pair.incidents();
        let rules = [format!("crash=server@{point}"), "restart=server@crash+20ms".to_owned()];
        assert_eq!(incidents[0], ("server".into(), Incident::Crashed, rules[0].clone()));
        let booted = Incident::Booted { epoch: Epoch(2) };
        assert_eq!(incidents[1], ("server".into(), booted, rules[1].clone()));
    }
}

#[test]
fn nothing_happens_on_a_machine_after_its_crash() {
    let mut pair = Pair::new("crash=server@reply");
    pair.call(&["hello"]);
    pair.world.run();
    let records = pair.world.records();
    let crash = records
        .iter()
        .position(|record| matches!(record.event.what, What::Incident { incident: Incident::Crashed, .. }));
    let after = &records[crash.unwrap() + 1..];
    assert!(after.iter().all(|record| record.machine != pair.server));
    assert_eq!(pair.results(), [Err(CallError::NoAnswer)]);
    assert_eq!(pair.world.unfinished(), 0);
    assert!(!pair.world.is_up(pair.server));
    let down = pair.verdicts().iter().filter(|(_, _, rule)| rule == "down").count();
    assert!(down > 0, "what came to it found nobody, and the trace says so");
}

#[test]
fn an_old_packet_meets_the_next_incarnation() {
    let mut pair = Pair::new("delay=REQ#2:40ms,restart=server@client.send#2+10ms");
    pair.call(&["hello", "old"]);
    pair.world.run();
    let old = fates(&pair.world, pair.server, PacketType::Req);
    assert!(old.contains(&Fate::StaleEpoch), "{old:?}");
    let executed = pair.executed();
    assert!(executed.iter().filter(|text| *text == "old").count() <= 1, "{executed:?}");
    assert_eq!(pair.results().len(), 2);
}

#[test]
fn a_clock_set_back_gives_a_smaller_epoch_and_calls_go_on() {
    let mut world = World::with(1, traced(), Link::default());
    let epochs = Epochs { first: Epoch(100), step: -40 };
    let client = world.boot_as("client", Boot { epochs, ..Boot::default() });
    let server = world.boot_as("server", Boot::default());
    world.install(server, well_known(), |me| {
        while let Ok(request) = me.receive(From::Any) {
            me.reply(request.source, "done").unwrap();
        }
    });
    let to = Address::new(world.machine(server), SERVER);
    let done = Rc::new(Cell::new(0));
    for _ in 0..2 {
        let done = done.clone();
        world.spawn(client, SpawnOptions::default(), move |me| {
            assert_eq!(me.call(to, "do").unwrap(), "done");
            done.set(done.get() + 1);
        });
        world.run();
        // The server remembers the larger epoch.
        world.restart(client);
        world.run_for(Duration::from_secs(1));
    }
    assert_eq!(done.get(), 2);
    let booted: Vec<_> = support::incidents(&world)
        .into_iter()
        .filter_map(|(_, incident, _)| match incident {
            Incident::Booted { epoch } => Some(epoch.0),
            _ => None,
        })
        .collect();
    assert_eq!(booted, [60, 20]);
    let believed = world.events().into_iter().any(|(machine, event)| {
        let known =
            |epoch| What::EpochKnown { machine: world.machine(client), epoch: Epoch(epoch), proved: true };
        machine == server && event.what == known(60)
    });
    assert!(believed, "the smaller one echoed a nonce");
}

#[test]
fn a_killed_process_is_spoken_for_by_its_kernel() {
    let mut pair = Pair::new("kill=server/1@execute");
    pair.call(&["hello"]);
    pair.world.run();
    assert_eq!(pair.results(), [Err(CallError::CrashedUnknown)]);
    assert_eq!(pair.executed(), [""; 0], "it never came back from its receive");
    let killed = Incident::Killed { process: LocalId(1) };
    assert_eq!(pair.incidents(), [("server".into(), killed, "kill=server/1@execute".into())]);
    assert!(pair.world.is_up(pair.server));
    assert_eq!(pair.world.unfinished(), 0);
}

/// Says when it is dropped, and tries to talk then.
struct LastWords<'a, T: sendrec_trap::Trap + ?Sized>(
    &'a sendrec_trap::Process<'a, T>,
    Address,
    Rc<Cell<u32>>,
);

impl<T: sendrec_trap::Trap + ?Sized> Drop for LastWords<'_, T> {
    fn drop(&mut self) {
        let answered = self.0.call(self.1, "last words").is_ok();
        self.2.set(self.2.get() + if answered { 100 } else { 1 });
    }
}

#[test]
fn what_a_dead_process_says_reaches_no_kernel() {
    let mut pair = Pair::new("");
    let (to, dropped) = (pair.address(), Rc::new(Cell::new(0)));
    for _ in 0..3 {
        let dropped = dropped.clone();
        pair.world.spawn(pair.client, SpawnOptions::default(), move |me| {
            let _last = LastWords(me, to, dropped);
            let _ = me.receive(From::Any);
        });
    }
    pair.world.run();
    let sent = pair.world.traffic().sent;
    pair.world.crash(pair.client);
    pair.world.run();
    assert_eq!(dropped.get(), 3, "their values are dropped, and none was answered");
    assert_eq!(pair.world.traffic().sent, sent, "nothing was sent");
    assert_eq!(pair.executed(), [""; 0]);
    // Those that live when the world ends say nothing either.
    let dropped_at_end = dropped.clone();
    pair.world.spawn(pair.server, SpawnOptions::default(), move |me| {
        let _last = LastWords(me, to, dropped_at_end);
        let _ = me.receive(From::Any);
    });
    pair.world.run();
    drop(pair);
    assert_eq!(dropped.get(), 4);
}

#[test]
fn a_partition_is_healed() {
    let mut pair = Pair::new("partition=client|server@10ms,heal@400ms");
    pair.call(&["before"]);
    pair.world.run_until(Instant::from_nanos(20_000_000));
    assert_eq!(pair.results(), [Ok("before".into())]);
    pair.call(&["across"]);
    pair.world.run_until(Instant::from_nanos(399_000_000));
    assert_eq!(pair.executed(), ["before"]);
    pair.world.run();
    assert_eq!(pair.executed(), ["before", "across"]);
    assert_eq!(pair.results()[1], Ok("across".into()));
    let rule = "partition=client|server@10ms".to_owned();
    assert!(pair.verdicts().contains(&(PacketType::Req, Verdict::Dropped, rule.clone())));
    let (one, two) = (pair.world.machine(pair.client), pair.world.machine(pair.server));
    let heal = || "heal@400ms".to_owned();
    assert_eq!(
        pair.incidents(),
        [
            ("client".into(), Incident::Cut { to: two }, rule.clone()),
            ("server".into(), Incident::Cut { to: one }, rule),
            ("client".into(), Incident::Healed { to: two }, heal()),
            ("server".into(), Incident::Healed { to: one }, heal()),
        ]
    );
}

#[test]
fn a_cut_goes_one_way() {
    let mut pair = Pair::new("cut=server>client@reply,heal@client.sent:REQ#3");
    pair.call(&["hello"]);
    pair.world.run();
    assert_eq!(pair.executed(), ["hello"], "requests go on coming");
    assert_eq!(pair.results(), [Ok("hello".into())]);
    let fates = fates(&pair.world, pair.server, PacketType::Req);
    assert_eq!(fates, [Fate::Accepted, Fate::DuplicateAnswered, Fate::DuplicateAnswered]);
    assert_eq!(pair.verdicts()[0].2, "cut=server>client@reply", "the very reply it hangs on is cut");
}

#[test]
fn a_paused_machine_does_nothing_and_then_goes_on() {
    let mut pair = Pair::new("pause=server@0.5ms:300ms");
    pair.call(&["hello"]);
    pair.world.run();
    assert_eq!(pair.results(), [Ok("hello".into())]);
    assert_eq!(pair.executed(), ["hello"], "what waited outside was let in, and its copies kept out");
    let at = |pair: &Pair, wanted: fn(&What) -> bool| {
        let records = pair.world.records();
        let mut found =
            records.iter().filter(|record| record.machine == pair.server && wanted(&record.event.what));
        found.next().unwrap().at.as_nanos()
    };
    assert_eq!(at(&pair, |what| matches!(what, What::Received { .. })), 300_500_000);
    let incidents: Vec<_> = pair.incidents().into_iter().map(|(_, incident, _)| incident).collect();
    assert_eq!(incidents, [Incident::Paused, Incident::Resumed]);
}

#[test]
fn a_paused_process_sleeps_over_its_time() {
    let mut world = World::new(1);
    let machine = world.boot();
    let woke = Rc::new(Cell::new(Instant::ZERO));
    let when = woke.clone();
    world.spawn(machine, SpawnOptions::default(), move |me| {
        me.gate().sleep(5 * MILLISECOND);
        when.set(sendrec_trap::Trap::now(me.gate()));
    });
    world.run_for(MILLISECOND);
    world.pause(machine, 20 * MILLISECOND);
    world.run();
    assert_eq!(woke.get(), Instant::from_nanos(21_000_000));
}

#[test]
fn programs_start_at_every_boot_and_spawned_processes_do_not() {
    let mut world = World::with(1, traced(), Link::default());
    let machine = world.boot_as("a", Boot::default());
    let (installed, spawned) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
    let count = installed.clone();
    world.install(machine, well_known(), move |me| {
        count.set(count.get() + 1);
        let _ = me.receive(From::Any);
    });
    let count = spawned.clone();
    world.spawn(machine, SpawnOptions::default(), move |_| count.set(count.get() + 1));
    world.run();
    for _ in 0..3 {
        world.restart(machine);
        world.run();
    }
    assert_eq!((installed.get(), spawned.get()), (4, 1));
    assert_eq!(world.unfinished(), 1);
}

#[test]
fn a_program_may_start_some_time_after_each_boot() {
    let mut world = World::new(1);
    let machine = world.boot_as("a", Boot::default());
    let starts: Rc<std::cell::RefCell<Vec<Instant>>> = Rc::default();
    let started = starts.clone();
    world.install_after(machine, 5 * MILLISECOND, well_known(), move |me| {
        started.borrow_mut().push(me.gate().now());
    });
    let at = |millis: u32| Instant::ZERO + millis * MILLISECOND;
    world.run_until(at(10));
    assert_eq!(*starts.borrow(), [at(5)]);
    world.restart(machine);
    world.run_until(at(12));
    // What was to start after the boot before this one does not start any more.
    world.restart(machine);
    world.run();
    assert_eq!(*starts.borrow(), [at(5), at(17)]);
    let other = world.boot_as("b", Boot::default());
    let never = starts.clone();
    world.install_after(other, 5 * MILLISECOND, well_known(), move |_| never.borrow_mut().clear());
    world.crash(other);
    world.run();
    assert_eq!(starts.borrow().len(), 2, "nothing starts on a machine that is down");
}

#[test]
fn a_packet_is_sent_before_anything_befalls_it_whether_its_machine_is_watched_or_not() {
    for watched in ["", ",crash=server@sent:REP"] {
        let mut pair = Pair::new(&format!("drop=REP#1{watched}"));
        pair.call(&["once"]);
        pair.world.run_for(50 * MILLISECOND);
        let place = |is: fn(&What) -> bool| pair.world.events().iter().position(|(_, event)| is(&event.what));
        let sent = place(|what| matches!(what, What::Sent { packet, .. } if packet.kind == PacketType::Rep));
        let dropped = place(|what| matches!(what, What::Network { verdict: Verdict::Dropped, .. }));
        assert!(sent.is_some() && sent < dropped, "sent {sent:?}, dropped {dropped:?} with '{watched}'");
    }
}

#[test]
fn what_is_done_by_hand_is_told_as_a_rule() {
    let mut pair = Pair::new("");
    pair.world.run_for(50 * MILLISECOND);
    pair.world.crash(pair.server);
    pair.world.restart(pair.server);
    pair.world.pause(pair.client, MILLISECOND);
    pair.world.cut(pair.client, pair.server);
    pair.world.heal();
    pair.world.kill(pair.server, SERVER);
    let rules: Vec<_> = pair.incidents().into_iter().map(|(_, _, rule)| rule).collect();
    assert_eq!(
        rules,
        [
            "crash=server@50ms",
            "restart=server@50ms",
            "pause=client@50ms:1ms",
            "cut=client>server@50ms",
            "heal@50ms",
            "kill=server/1@50ms",
        ]
    );
    for rule in rules {
        rule.parse::<sendrec_core::fault::Faults>().unwrap();
    }
}

#[test]
#[should_panic(expected = "process 1000 of a (seed 9, at 0.002000s) panicked: the body's words")]
fn a_panic_of_a_process_fails_the_run_and_names_it() {
    let mut world = World::new(9);
    let machine = world.boot_as("a", Boot::default());
    world.spawn(machine, SpawnOptions::default(), |me| {
        me.gate().sleep(Duration::from_millis(2));
        panic!("the body's {}", "words");
    });
    // Another that is suspended when the world is dropped in the midst of the panic.
    world.spawn(machine, SpawnOptions::default(), |me| drop(me.receive(From::Any)));
    world.run();
}

#[test]
fn a_livelock_ends_with_an_error() {
    let mut world = World::new(3);
    let machine = world.boot();
    world.spawn(machine, SpawnOptions::default(), |me| {
        loop {
            me.gate().sleep(MILLISECOND);
        }
    });
    let stuck = world.run_at_most(1_000).unwrap_err();
    assert_eq!((stuck.seed, stuck.steps), (3, 1_000));
    assert!(stuck.to_string().contains("seed 3 was still busy after 1000 steps"), "{stuck}");
    // An instant that does not end is one too: two kernels without a distance, and a process that asks for ever.
    let mut near =
        World::with(4, sendrec_trap::Config::default(), Link { latency: Duration::ZERO, ..Link::default() });
    let (one, two) = (near.boot(), near.boot());
    let to = Address::new(near.machine(two), SERVER);
    near.install(two, well_known(), |me| {
        while let Ok(request) = me.receive(From::Any) {
            me.reply(request.source, "x").unwrap();
        }
    });
    near.spawn(one, SpawnOptions::default(), move |me| while me.call(to, "x").is_ok() {});
    assert_eq!(near.run_at_most(1_000).unwrap_err().at, Instant::ZERO);
    let mut quiet = World::new(3);
    quiet.boot();
    assert_eq!(quiet.run_at_most(1_000), Ok(0));
}
