//! Deadlines that travel, calls that are sent again, pools: what clients and servers know of each other's time.
#[rustfmt::skip]
#[allow(dead_code, unreachable_pub)]
#[path = "interfaces/jobs.rs"]
mod jobs;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Barrier;
use std::time::Duration;

use jobs::jobs_1::{Client, Dispatch, Server};
use sendrec_core::Config;
use sendrec_kernel::{Node, NodeConfig};
use sendrec_sim::{Boot, Gate, Link, World};
use sendrec_stubs::{
    Bytes, CallError, CallOptions, CallSemantics, Context, Ran, Refusal, Remote, Retries, RetryBudget,
    Services, serve,
};
use sendrec_trap::{Address, CallError as KernelError, LocalId, Process, SpawnOptions, Trap};

const SERVER: LocalId = LocalId(1);

/// Works, counts what it is asked for, and asks others.
struct Jobs<'p, 't> {
    me: &'p Process<'t, Gate<'t>>,
    runs: Rc<Cell<u32>>,
    left: Rc<RefCell<Vec<Option<Duration>>>>,
}

impl Jobs<'_, '_> {
    fn run(&self, context: &Context<'_>) {
        self.runs.set(self.runs.get() + 1);
        self.left.borrow_mut().push(context.left());
    }
}

impl Server for Jobs<'_, '_> {
    fn work(&self, context: &Context<'_>, ms: u32, _lock: Bytes) -> Result<u32, Refusal> {
        self.run(context);
        for step in 0..ms / 10 {
            self.me.gate().sleep(Duration::from_millis(10));
            if context.is_late() {
                return Ok(step);
            }
        }
        Ok(ms / 10)
    }

    fn look(&self, context: &Context<'_>) -> Result<i32, Refusal> {
        self.run(context);
        Ok(0)
    }

    fn change(&self, context: &Context<'_>) -> Result<i32, Refusal> {
        self.run(context);
        Ok(0)
    }

    fn ask(&self, context: &Context<'_>, server: Bytes, ms: u32) -> Result<u32, Refusal> {
        self.run(context);
        let place: Address = std::str::from_utf8(&server).unwrap().parse().unwrap();
        let options = CallOptions::default().within(context.left());
        Ok(Client::new(Remote::new(self.me, place).with(options)).work(ms, b"")?)
    }
}

struct Played {
    runs: u32,
    left: Vec<Option<Duration>>,
}

/// Two servers, the second of which is asked by the first, in a world with these rules; what the client does is `client`.
fn play(faults: &str, client: impl Fn(&Process<'_, Gate<'_>>, [Address; 2]) + 'static) -> [Played; 2] {
    let link = Link { faults: faults.parse().unwrap(), ..Link::default() };
    let mut world = World::with(1, Config { trace: true, ..Config::default() }, link);
    let near = world.boot_as("client", Boot::default());
    let servers = ["server", "another"].map(|name| world.boot_as(name, Boot::default()));
    let counts = servers.map(|server| {
        let (runs, left) = (Rc::new(Cell::new(0)), Rc::new(RefCell::new(Vec::new())));
        let seen = (runs.clone(), left.clone());
        let options = SpawnOptions { local_id: Some(SERVER), ..SpawnOptions::default() };
        world.install(server, options, move |me| {
            serve(me, &[&Dispatch(Jobs { me, runs: runs.clone(), left: left.clone() })]);
        });
        seen
    });
    let places = servers.map(|server| Address::new(world.machine(server), SERVER));
    world.spawn(near, SpawnOptions::default(), move |me| client(me, places));
    world.run_for(Duration::from_secs(300));
    counts.map(|(runs, left)| Played { runs: runs.get(), left: left.borrow().clone() })
}

fn within(timeout: Duration) -> CallOptions {
    CallOptions { timeout, ..CallOptions::default() }
}

#[test]
fn a_deadline_travels_with_the_call_and_on_with_the_calls_it_makes() {
    let [first, second] = play("", |me, [server, another]| {
        let client = Client::new(Remote::new(me, server).with(within(Duration::from_secs(3))));
        let place = another.to_string();
        // Enough time, and too little.
        assert_eq!(client.ask(place.as_bytes(), 100), Ok(10));
        assert!(client.ask(place.as_bytes(), 10_000).is_err());
    });
    let three = Duration::from_secs(3);
    for (outer, inner) in first.left.iter().zip(&second.left) {
        let (outer, inner) = (outer.unwrap(), inner.unwrap());
        assert!(
            inner <= outer && outer <= three && inner > Duration::from_millis(2_900),
            "{outer:?} {inner:?}"
        );
    }
    assert_eq!((first.runs, second.runs), (2, 2));
}

#[test]
fn a_call_whose_client_has_given_up_is_not_run() {
    let [server, _] = play("", |me, [server, _]| {
        // The server has one process: while it works for the first the second waits in the mailbox, and gives up.
        let remote = Remote::new(me, server);
        let first = Client::new(remote).start_work(2_000, b"").unwrap();
        let second = Client::new(remote.with(within(Duration::from_secs(1)))).change();
        assert_eq!(second, Err(CallError::Kernel { server: server.into(), error: KernelError::TimedOut }));
        assert_eq!(first.wait(), Ok(200));
        assert_eq!(Client::new(remote).look(), Ok(0));
    });
    assert_eq!(server.runs, 2, "the work and the look");
}

#[test]
fn what_takes_long_stops_when_its_client_has_given_up() {
    let [server, _] = play("", |me, [server, _]| {
        let remote = Remote::new(me, server);
        assert!(Client::new(remote.with(within(Duration::from_secs(1)))).work(100_000, b"").is_err());
        // The one process of the server is free again long before a hundred seconds.
        assert_eq!(Client::new(remote.with(within(Duration::from_secs(3)))).look(), Ok(0));
    });
    assert_eq!(server.runs, 2);
}

#[test]
fn an_idempotent_procedure_is_asked_again_after_a_crash_and_another_is_not() {
    let [server, _] = play("crash=server@execute#1,restart=server@crash+200ms", |me, [server, _]| {
        let options = CallOptions { retries: Retries::up_to(8), ..CallOptions::default() };
        assert_eq!(Client::new(Remote::new(me, server).with(options)).look(), Ok(0));
    });
    assert_eq!(server.runs, 2 - 1, "the crash came before its first run was counted");
    play("crash=server@execute#1,restart=server@crash+200ms", |me, [server, _]| {
        let options = CallOptions { retries: Retries::up_to(8), ..CallOptions::default() };
        let error = Client::new(Remote::new(me, server).with(options)).change().unwrap_err();
        assert_eq!(error.ran(), Ran::Unknown, "{error}");
        // At least once is asked again whatever the procedure.
        let again = CallOptions { semantics: CallSemantics::AtLeastOnce, ..options };
        assert_eq!(Client::new(Remote::new(me, server).with(again)).change(), Ok(0));
    });
}

#[test]
fn retries_end_with_the_budget() {
    play("", |me, [server, _]| {
        let nobody = Address::new(server.machine, LocalId(99));
        let budget = RetryBudget::new(3, 1_000);
        let options = CallOptions { retries: Retries::up_to(2), ..CallOptions::default() };
        let client = Client::new(Remote::new(me, nobody).with(options).within_budget(&budget));
        let took = || {
            let began = me.gate().now();
            assert!(client.look().is_err());
            me.gate().now().since(began)
        };
        let [first, second, third] = [took(), took(), took()];
        // Waits of up to 50 and 100 ms, up to 50 ms, and none: two retries, one, none.
        let ms = Duration::from_millis;
        assert!(first > ms(75) && second < ms(60) && second > ms(25), "{first:?}, {second:?}");
        assert!(third < ms(10), "{third:?}");
    });
}

#[test]
fn the_last_copy_does_not_hide_that_an_earlier_one_may_have_run() {
    // It crashes while it runs, and is back with nobody on it.
    let link = Link { faults: "crash=server@execute#1".parse().unwrap(), ..Link::default() };
    let mut world = World::with(1, Config { trace: true, ..Config::default() }, link);
    let near = world.boot_as("client", Boot::default());
    let server = world.boot_as("server", Boot::default());
    let sparse = sendrec_trap::SparseId(77);
    let options = SpawnOptions { sparse: Some(sparse), ..SpawnOptions::default() };
    world.spawn(server, options, |me| {
        let (runs, left) = (Rc::new(Cell::new(0)), Rc::new(RefCell::new(Vec::new())));
        serve(me, &[&Dispatch(Jobs { me, runs, left })]);
    });
    world.spawn(near, SpawnOptions::default(), move |me| {
        let options = CallOptions {
            retries: Retries::up_to(3),
            timeout: Duration::from_secs(100),
            ..CallOptions::default()
        };
        let error = Client::new(Remote::new(me, sparse).with(options)).look().unwrap_err();
        assert_eq!(error.ran(), Ran::Unknown, "{error}");
    });
    world.run_for(Duration::from_secs(300));
    assert_eq!(world.unfinished(), 0);
}

#[test]
fn an_awaited_call_is_told_how_its_copy_ended_and_hangs_nothing() {
    play("", |me, [server, _]| {
        let nobody = Address::new(me.address().machine, LocalId(99));
        let options = CallOptions { semantics: CallSemantics::AtLeastOnce, ..CallOptions::default() };
        let options = CallOptions { retries: Retries::up_to(u32::MAX), ..options };
        let client = Client::new(Remote::new(me, nobody).with(options));
        let mut pending = std::pin::pin!(client.start_look().unwrap());
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(matches!(pending.as_mut().poll(&mut context), std::task::Poll::Ready(Err(_))));
        // Tested, it is sent again when its pause is over, and not before.
        let began = me.gate().now();
        let mut pending = Client::new(Remote::new(me, nobody).with(options)).start_look().unwrap();
        for _ in 0..1_000 {
            pending = pending.test().unwrap_err();
        }
        assert_eq!(me.gate().now(), began);
        drop(pending);
        assert_eq!(Client::new(Remote::new(me, server)).look(), Ok(0));
    });
}

/// Returns when as many calls as there are threads are in it.
struct Meeting(Barrier);

impl Server for Meeting {
    fn work(&self, _: &Context<'_>, _ms: u32, _lock: Bytes) -> Result<u32, Refusal> {
        self.0.wait();
        Ok(1)
    }

    fn look(&self, _: &Context<'_>) -> Result<i32, Refusal> {
        Ok(0)
    }

    fn change(&self, _: &Context<'_>) -> Result<i32, Refusal> {
        Ok(0)
    }

    fn ask(&self, _: &Context<'_>, _server: Bytes, _ms: u32) -> Result<u32, Refusal> {
        Ok(0)
    }
}

#[test]
fn a_pool_of_threads_runs_as_many_calls_at_once() {
    const THREADS: usize = 4;
    let node = Node::boot(NodeConfig::default()).unwrap();
    let far = Node::boot(NodeConfig::default()).unwrap();
    let options = SpawnOptions { threads: true, ..SpawnOptions::default() };
    let server = Process::spawn(&far, options).unwrap();
    let services = Services::new().with(Dispatch(Meeting(Barrier::new(THREADS))));
    std::thread::scope(|scope| {
        scope.spawn(|| services.serve_by(&server, THREADS));
        let me = Process::spawn(&node, SpawnOptions::default()).unwrap();
        let client = Client::new(Remote::new(&me, server.address()));
        let calls: Vec<_> = (0..3 * THREADS).map(|_| client.start_work(0, b"").unwrap()).collect();
        for call in calls {
            assert_eq!(call.wait(), Ok(1));
        }
        far.shut_down();
    });
}
