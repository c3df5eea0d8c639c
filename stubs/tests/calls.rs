//! Calls through generated stubs, in a world: results, parameters, and every answer that is none.
#[rustfmt::skip]
#[allow(dead_code, unreachable_pub)]
#[path = "interfaces/adder.rs"]
mod adder;
#[rustfmt::skip]
#[allow(dead_code, unreachable_pub)]
#[path = "interfaces/incr.rs"]
mod incr;

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use adder::{adder_1, adder_2};
use incr::{Pair, counters_1};
use sendrec_sim::World;
use sendrec_stubs::xdr::Limits;
use sendrec_stubs::{
    Bytes, CallError, CallOptions, CallSemantics, Caller, Context, Procedure, Refusal, Remote, Rules,
    Services, call,
};
use sendrec_trap::{Address, From, LocalId, Process, SpawnOptions, Trap};

const SERVER: LocalId = LocalId(1);

#[derive(Clone, Default)]
struct Adder {
    runs: Arc<AtomicU32>,
}

impl adder_1::Server for Adder {
    fn sum(&self, _: &Context<'_>, a: i32, b: i32) -> Result<i32, Refusal> {
        self.runs.fetch_add(1, Ordering::Relaxed);
        a.checked_add(b).ok_or_else(|| Refusal::new("more than an int holds"))
    }
}

impl adder_2::Server for Adder {
    fn sum(&self, context: &Context<'_>, a: i32, b: i32) -> Result<i32, Refusal> {
        adder_1::Server::sum(self, context, a, b)
    }

    fn sum_all(&self, _: &Context<'_>, argument: Vec<i32>) -> Result<i32, Refusal> {
        Ok(argument.iter().sum())
    }

    fn fail(&self, _: &Context<'_>) -> Result<(), Refusal> {
        Err(Refusal::new("as asked"))
    }

    fn echo(&self, context: &Context<'_>, argument: Bytes) -> Result<Bytes, Refusal> {
        assert!(context.source.is_some());
        Ok(argument)
    }
}

struct Counters;

impl counters_1::Server for Counters {
    fn by_value(&self, _: &Context<'_>, argument: Pair) -> Result<Pair, Refusal> {
        Ok(Pair { a: argument.a + 1, b: argument.b + 1 })
    }

    fn incr(&self, context: &Context<'_>, a: i32, b: i32) -> Result<Pair, Refusal> {
        self.by_value(context, Pair { a, b })
    }

    fn incr_pair(&self, context: &Context<'_>, argument: Pair) -> Result<Pair, Refusal> {
        self.by_value(context, argument)
    }
}

/// Runs `client` against `services` on another machine.
fn with(services: Services<'static>, client: impl FnOnce(&Process<'_, dyn Trap + '_>, Address) + 'static) {
    let mut world = World::new(1);
    let (near, far) = (world.boot(), world.boot());
    let server = Address::new(world.machine(far), SERVER);
    let options = SpawnOptions { local_id: Some(SERVER), ..SpawnOptions::default() };
    world.spawn(far, options, move |me| {
        services.serve(me);
    });
    world.spawn(near, SpawnOptions::default(), move |me| {
        let gate: &dyn Trap = me.gate();
        let me = Process::spawn(gate, SpawnOptions::default()).unwrap();
        client(&me, server);
    });
    world.run();
    assert_eq!(world.unfinished(), 1, "the server goes on, and nobody else");
}

fn both() -> Services<'static> {
    let adder = Adder::default();
    Services::new()
        .with(adder_1::Dispatch(adder.clone()))
        .with(adder_2::Dispatch(adder))
        .with(counters_1::Dispatch(Counters))
}

#[test]
fn sum_of_4_and_7_is_11() {
    with(both(), |me, server| {
        let client = adder_1::Client::new(Remote::new(me, server));
        assert_eq!(client.sum(4, 7), Ok(11));
        assert_eq!(client.null(), Ok(()));
    });
}

#[test]
fn several_versions_and_programs_are_served_at_once() {
    with(both(), |me, server| {
        let newer = adder_2::Client::new(Remote::new(me, server));
        assert_eq!(newer.sum(-4, 7), Ok(3));
        assert_eq!(newer.sum_all(&[1, 2, 3, 4]), Ok(10));
        assert_eq!(newer.echo(b"hello").as_deref(), Ok(&b"hello"[..]));
        let counters = counters_1::Client::new(newer.caller());
        assert_eq!(counters.by_value(&Pair { a: 0, b: 5 }), Ok(Pair { a: 1, b: 6 }));
    });
}

#[test]
fn a_long_argument_and_a_long_result_go_in_pieces() {
    with(both(), |me, server| {
        let client = adder_2::Client::new(Remote::new(me, server));
        let long: Vec<u8> = (0..300_000_u32).map(|place| place as u8).collect();
        assert!(client.echo(&long).unwrap() == long);
    });
}

/// Exercise 2, with i = 0: by value 0, by copy/restore 1.
#[test]
fn incr_of_i_and_i_depends_on_how_parameters_are_passed() {
    with(both(), |me, server| {
        let client = counters_1::Client::new(Remote::new(me, server));
        let i = 0;
        client.by_value(&Pair { a: i, b: i }).unwrap();
        assert_eq!(i, 0);
        let i = Cell::new(0);
        client.incr_cells(&i, &i).unwrap();
        assert_eq!(i.get(), 1);
        let (mut a, mut b) = (10, 20);
        client.incr(&mut a, &mut b).unwrap();
        assert_eq!((a, b), (11, 21));
        let whole = client.incr_pair(7, &mut b).unwrap();
        assert_eq!((whole, b), (Pair { a: 8, b: 22 }, 22));
    });
}

#[test]
fn what_fails_restores_nothing() {
    with(Services::new(), |me, server| {
        let client = counters_1::Client::new(Remote::new(me, server));
        let i = Cell::new(3);
        let failed = client.incr_cells(&i, &i);
        assert_eq!(failed, Err(CallError::NoSuchProgram { program: counters_1::PROGRAM }));
        assert_eq!(i.get(), 3);
    });
}

#[test]
fn each_failure_has_its_own_error() {
    let services =
        Services::new().with(adder_1::Dispatch(Adder::default())).with(counters_1::Dispatch(Counters));
    with(services, |me, server| {
        let remote = Remote::new(me, server);
        let program = adder_2::PROGRAM;
        let mismatch = CallError::VersionMismatch { program, version: 2, low: 1, high: 1 };
        assert_eq!(adder_2::Client::new(remote).sum(1, 1), Err(mismatch));
        let unknown = Procedure { number: 99, name: "MULTIPLY", is_idempotent: false };
        let nothing = |procedure: &Procedure| call(&remote, program, 1, procedure, |_| Ok(()), |_| Ok(()));
        assert_eq!(nothing(&unknown), Err(CallError::NoSuchProcedure { procedure: "MULTIPLY" }));
        assert_eq!(nothing(&adder_1::PROCEDURES[1]), Err(CallError::GarbageArguments { procedure: "SUM" }));
        let failed = adder_1::Client::new(remote).sum(i32::MAX, 1);
        assert_eq!(failed, Err(CallError::Failed { procedure: "SUM" }));
        let too_many = adder_2::Client::new(remote).sum_all(&[0; 1001]);
        assert!(matches!(too_many, Err(CallError::Arguments { procedure: "SUM_ALL", .. })), "{too_many:?}");
        assert!(too_many.unwrap_err().is_not_run());
        let nobody = Remote::new(me, Address::new(server.machine, LocalId(77)));
        let error = sendrec_trap::CallError::NoSuchProcess;
        let server = nobody_at(server).into();
        assert_eq!(adder_1::Client::new(nobody).sum(1, 1), Err(CallError::Kernel { server, error }));
    });
}

fn nobody_at(server: Address) -> Address {
    Address::new(server.machine, LocalId(77))
}

#[test]
fn a_tail_after_the_arguments_is_garbage_only_to_a_strict_server() {
    for is_strict in [false, true] {
        let limits = Limits { is_strict, ..Limits::default() };
        let rules = Rules { limits, ..Rules::default() };
        let services = Services::new().with(adder_1::Dispatch(Adder::default())).by(rules);
        with(services, move |me, server| {
            let remote = Remote::new(me, server);
            let more = |out: &mut sendrec_stubs::xdr::Encoder| out.opaque(b"and more", 8);
            let program = adder_1::PROGRAM;
            let answered = call(&remote, program, 1, &Procedure::NULL, more, |_| Ok(()));
            assert_eq!(answered.is_err(), is_strict, "{answered:?}");
        });
    }
}

#[test]
fn who_answers_nonsense_is_no_server() {
    let mut world = World::new(1);
    let (near, far) = (world.boot(), world.boot());
    let server = Address::new(world.machine(far), SERVER);
    let options = SpawnOptions { local_id: Some(SERVER), ..SpawnOptions::default() };
    world.spawn(far, options, |me| {
        while let Ok(request) = me.receive(From::Any) {
            // An echo server.
            me.reply(request.source, request.message).unwrap();
        }
    });
    world.spawn(near, SpawnOptions::default(), move |me| {
        let client = adder_1::Client::new(Remote::new(me, server));
        assert_eq!(client.sum(4, 7), Err(CallError::NoAnswer { server: server.to_string() }));
    });
    world.run();
}

#[test]
fn a_deadline_is_the_calls_own() {
    let mut world = World::new(1);
    let (near, far) = (world.boot(), world.boot());
    let server = Address::new(world.machine(far), SERVER);
    let options = SpawnOptions { local_id: Some(SERVER), ..SpawnOptions::default() };
    world.spawn(far, options, |me| {
        // Works for ever.
        while me.receive(From::Any).is_ok() {}
    });
    world.spawn(near, SpawnOptions::default(), move |me| {
        for (timeout, semantics) in [(25, CallSemantics::AtMostOnce), (3, CallSemantics::AtLeastOnce)] {
            let options =
                CallOptions { timeout: Duration::from_secs(timeout), semantics, ..CallOptions::default() };
            let before = me.gate().now();
            let client = adder_1::Client::new(Remote::new(me, server).with(options));
            let error = sendrec_trap::CallError::TimedOut;
            assert_eq!(client.sum(4, 7), Err(CallError::Kernel { server: server.into(), error }));
            assert_eq!(me.gate().now().since(before), Duration::from_secs(timeout));
        }
        assert_eq!(CallOptions::default().timeout, Duration::from_secs(25), "slide 27");
    });
    world.run();
}

#[test]
fn a_caller_says_whom_it_calls() {
    with(both(), |me, server| {
        assert_eq!(Remote::new(me, server).server(), server.to_string());
    });
}

#[test]
fn several_calls_are_under_way_at_once() {
    with(both(), |me, server| {
        let client = adder_2::Client::new(Remote::new(me, server));
        let before = me.gate().now();
        let pending: Vec<_> = (0..10).map(|number| client.start_sum(number, 1).unwrap()).collect();
        assert_eq!(me.gate().now(), before, "nobody has waited");
        let sums: Vec<_> = pending.into_iter().map(|one| one.wait().unwrap()).collect();
        assert_eq!(sums, (1..=10).collect::<Vec<_>>());
        let took = me.gate().now().since(before);
        client.sum(1, 1).unwrap();
        let one = me.gate().now().since(before + took);
        assert!(took < 5 * one, "{took:?} for ten, {one:?} for one");
        let too_long = client.start_sum_all(&[0; 1001]).map(drop);
        assert!(matches!(too_long, Err(CallError::Arguments { .. })));
    });
}

#[test]
fn a_call_under_way_is_tested_taken_back_and_over_at_its_time() {
    let mut world = World::new(1);
    let (near, far) = (world.boot(), world.boot());
    let server = Address::new(world.machine(far), SERVER);
    let options = SpawnOptions { local_id: Some(SERVER), ..SpawnOptions::default() };
    world.spawn(far, options, |me| while me.receive(From::Any).is_ok() {});
    world.spawn(near, SpawnOptions::default(), move |me| {
        let client = adder_1::Client::new(Remote::new(me, server));
        let pending = client.start_sum(4, 7).unwrap().test().unwrap_err();
        let before = me.gate().now();
        let error = sendrec_trap::CallError::TimedOut;
        assert_eq!(pending.wait(), Err(CallError::Kernel { server: server.into(), error }));
        assert_eq!(me.gate().now().since(before), Duration::from_secs(25));
        let cancelled = client.start_sum(4, 7).unwrap().cancel();
        assert!(!matches!(cancelled, Some(Ok(_))), "{cancelled:?}");
    });
    world.run();
}

#[test]
fn a_call_under_way_is_a_future() {
    let mut world = World::new(1);
    let (near, far) = (world.boot(), world.boot());
    let server = Address::new(world.machine(far), SERVER);
    let options = SpawnOptions { local_id: Some(SERVER), ..SpawnOptions::default() };
    world.spawn(far, options, |me| {
        both().serve(me);
    });
    world.spawn(near, SpawnOptions::default(), move |me| {
        let client = adder_1::Client::new(Remote::new(me, server));
        let mut sum = std::pin::pin!(async {
            let first = client.start_sum(4, 7)?.await?;
            client.start_sum(first, 1)?.await
        });
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        loop {
            if let std::task::Poll::Ready(sum) = sum.as_mut().poll(&mut context) {
                break assert_eq!(sum, Ok(12));
            }
            me.gate().sleep(Duration::from_millis(1));
        }
    });
    world.run();
}
