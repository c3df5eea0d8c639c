//! Slide 37: a client crashes, its computation is an orphan; each of the four cures finds it, and only what it should.
#[rustfmt::skip]
#[allow(dead_code, unreachable_pub)]
#[path = "interfaces/jobs.rs"]
mod jobs;

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jobs::jobs_1::{Client, Dispatch, Server};
use sendrec_core::Config;
use sendrec_sim::{Boot, Gate, Link, World};
use sendrec_stubs::orphans::{Locks, OrphanCounts, OrphanCure, WARDEN_ID, Works, come_back, watch};
use sendrec_stubs::{Bytes, CallError, ClientIdentity, Context, Ledger, Refusal, Remote, Rules, serve_with};
use sendrec_trap::{Address, LocalId, Process, SpawnOptions, Trap};

const SERVER: LocalId = LocalId(1);
const OTHER: LocalId = LocalId(2);
const QUANTUM: Duration = Duration::from_millis(500);

fn seconds(tenths: u64) -> Duration {
    Duration::from_millis(100 * tenths)
}

/// Works step by step, and looks after each whether anybody waits.
struct Jobs<'p, 't> {
    me: &'p Process<'t, Gate<'t>>,
    locks: Rc<Locks>,
}

impl Server for Jobs<'_, '_> {
    fn work(&self, context: &Context<'_>, ms: u32, lock: Bytes) -> Result<u32, Refusal> {
        let _lock = self.locks.take(context, &lock)?;
        for _ in 0..ms / 10 {
            self.me.gate().sleep(Duration::from_millis(10));
            context.check()?;
        }
        Ok(ms / 10)
    }

    fn look(&self, _: &Context<'_>) -> Result<i32, Refusal> {
        Ok(0)
    }

    fn change(&self, _: &Context<'_>) -> Result<i32, Refusal> {
        Ok(0)
    }

    fn ask(&self, _: &Context<'_>, _server: Bytes, _ms: u32) -> Result<u32, Refusal> {
        Err(Refusal::new("nobody to ask"))
    }
}

/// A disk.
#[derive(Clone, Default)]
struct Disk(Arc<Mutex<Option<Vec<u8>>>>);

impl Ledger for Disk {
    fn read(&self) -> io::Result<Option<Vec<u8>>> {
        Ok(self.0.lock().unwrap().clone())
    }

    fn write(&self, bytes: &[u8]) -> io::Result<()> {
        *self.0.lock().unwrap() = Some(bytes.to_vec());
        Ok(())
    }
}

struct Outcome {
    counts: OrphanCounts,
    /// When the lock that the orphan holds was free for another, counted from the start.
    lock_free: Option<Duration>,
    /// What became of the other client's computation.
    other: Option<Result<u32, CallError>>,
    /// How many orphans the client was told of when it was back.
    told: Option<u32>,
    running: usize,
}

/// A client calls for 20 s of work, crashes after 1 s and is back after 2 s, if at all. Another lives, and has work of 5 s
/// done meanwhile.
fn orphaned(cure: OrphanCure, comes_back: bool) -> Outcome {
    let config = Config { trace: true, ..Config::default() };
    let faults = if comes_back { "crash=client@1s,restart=client@2s" } else { "crash=client@1s" };
    let link = Link { faults: faults.parse().unwrap(), ..Link::default() };
    let mut world = World::with(1, config, link);
    let client = world.boot_as("client", Boot::default());
    let server = world.boot_as("server", Boot::default());
    let other = world.boot_as("other", Boot::default());
    let (works, locks) = (Rc::new(Works::new(cure)), Rc::new(Locks::new()));
    for id in [SERVER, OTHER] {
        let (works, locks) = (works.clone(), locks.clone());
        let options = SpawnOptions { local_id: Some(id), ..SpawnOptions::default() };
        world.spawn(server, options, move |me| {
            let rules = Rules { works: Some(&works), ..Rules::default() };
            serve_with(me, &[&Dispatch(Jobs { me, locks: locks.clone() })], &rules);
        });
    }
    let options = SpawnOptions { local_id: Some(WARDEN_ID), ..SpawnOptions::default() };
    let watched = works.clone();
    world.spawn(server, options, move |me| {
        watch(me, &watched);
    });

    let place = |id| Address::new(world.machine(server), id);
    let (first, second) = (place(SERVER), place(OTHER));
    let (disk, boots, told) = (Disk::default(), Rc::new(Cell::new(0)), Rc::new(Cell::new(None)));
    let tells = told.clone();
    world.install(client, SpawnOptions::default(), move |me| {
        boots.set(boots.get() + 1);
        if boots.get() == 1 {
            let identity = ClientIdentity::new(77).logging(disk.clone());
            let _ = Client::new(Remote::new(me, first).known_as(&identity)).work(20_000, b"lock");
        } else {
            tells.set(come_back(me, cure, &[first], &disk).ok());
        }
    });
    let others = Rc::new(RefCell::new(None));
    let results = others.clone();
    world.spawn(other, SpawnOptions::default(), move |me| {
        *results.borrow_mut() = Some(Client::new(Remote::new(me, second)).work(5_000, b"another"));
    });
    let lock_free = Rc::new(Cell::new(None));
    let freed = lock_free.clone();
    world.spawn(server, SpawnOptions::default(), move |me| {
        me.gate().sleep(seconds(5));
        assert!(locks.holder(b"lock").is_some());
        while locks.holder(b"lock").is_some() {
            me.gate().sleep(Duration::from_millis(10));
        }
        freed.set(Some(me.gate().now().since(sendrec_trap::Instant::default())));
    });
    world.run_for(seconds(100));
    let other = others.borrow().clone();
    Outcome {
        counts: works.counts(),
        lock_free: lock_free.get(),
        other,
        told: told.get(),
        running: works.running(),
    }
}

#[test]
fn without_a_cure_an_orphan_runs_on_with_its_lock() {
    let outcome = orphaned(OrphanCure::None, true);
    assert_eq!((outcome.counts, outcome.lock_free), (OrphanCounts::default(), None));
    assert_eq!((outcome.running, outcome.other), (1, Some(Ok(500))));
}

#[test]
fn extermination_ends_what_the_log_names_and_nothing_else() {
    let outcome = orphaned(OrphanCure::Extermination, true);
    assert_eq!((outcome.counts.found, outcome.counts.ended, outcome.counts.locks_released), (1, 1, 1));
    assert!(outcome.lock_free.unwrap() >= seconds(20) && outcome.lock_free.unwrap() < seconds(25));
    assert_eq!((outcome.other, outcome.told), (Some(Ok(500)), Some(1)));
    // A client that never comes back exterminates nothing.
    let gone = orphaned(OrphanCure::Extermination, false);
    assert_eq!((gone.counts.found, gone.running), (0, 1));
}

#[test]
fn reincarnation_ends_the_computations_of_others_too() {
    let outcome = orphaned(OrphanCure::Reincarnation, true);
    assert_eq!((outcome.counts.found, outcome.counts.ended), (2, 2));
    assert_eq!(outcome.other, Some(Err(CallError::Failed { procedure: "WORK" })));
    assert_eq!(outcome.told, Some(2));
}

#[test]
fn gentle_reincarnation_spares_those_whose_owner_is_found() {
    let outcome = orphaned(OrphanCure::GentleReincarnation, true);
    assert_eq!((outcome.counts.found, outcome.counts.ended, outcome.counts.owners_found), (1, 1, 1));
    assert_eq!((outcome.other, outcome.told), (Some(Ok(500)), Some(1)));
    assert!(outcome.lock_free.unwrap() < seconds(25));
}

#[test]
fn expiration_ends_an_orphan_whose_client_never_comes_back() {
    for comes_back in [true, false] {
        let outcome = orphaned(OrphanCure::Expiration { quantum: QUANTUM }, comes_back);
        assert_eq!((outcome.counts.found, outcome.counts.ended, outcome.counts.locks_released), (1, 1, 1));
        // Each second of the other's five is two quanta, and each but the last is asked for.
        assert!(outcome.counts.owners_found >= 9, "{:?}", outcome.counts);
        assert_eq!(outcome.other, Some(Ok(500)));
        assert!(outcome.lock_free.unwrap() < seconds(40), "{:?}", outcome.lock_free);
    }
}

#[test]
fn a_call_from_a_later_epoch_ends_what_an_earlier_one_called_for() {
    let works = Rc::new(Works::new(OrphanCure::Extermination));
    let link = Link { faults: "crash=client@1s,restart=client@2s".parse().unwrap(), ..Link::default() };
    let mut world = World::with(1, Config { trace: true, ..Config::default() }, link);
    let client = world.boot_as("client", Boot::default());
    let server = world.boot_as("server", Boot::default());
    let locks = Rc::new(Locks::new());
    for id in [SERVER, OTHER] {
        let options = SpawnOptions { local_id: Some(id), ..SpawnOptions::default() };
        let (works, locks) = (works.clone(), locks.clone());
        world.spawn(server, options, move |me| {
            let rules = Rules { works: Some(&works), ..Rules::default() };
            serve_with(me, &[&Dispatch(Jobs { me, locks: locks.clone() })], &rules);
        });
    }
    let (machine, boots) = (world.machine(server), Rc::new(Cell::new(0)));
    world.install(client, SpawnOptions::default(), move |me| {
        boots.set(boots.get() + 1);
        let call = |id| Client::new(Remote::new(me, Address::new(machine, id)));
        if boots.get() == 1 {
            let _ = call(SERVER).work(20_000, b"lock");
        } else {
            // Anybody could send the first one: the kernel has it proved meanwhile (AYA), and believes the second.
            assert_eq!((call(OTHER).look(), call(OTHER).look()), (Ok(0), Ok(0)));
        }
    });
    world.run_for(seconds(100));
    assert_eq!((works.counts().found, works.counts().ended), (1, 1));
}

#[test]
fn a_log_that_cannot_be_written_or_read_is_said_to_be() {
    struct Broken;
    impl Ledger for Broken {
        fn read(&self) -> io::Result<Option<Vec<u8>>> {
            Ok(Some(vec![1, 2, 3]))
        }
        fn write(&self, _: &[u8]) -> io::Result<()> {
            Err(io::Error::other("the disk is full"))
        }
    }
    struct Full;
    impl Ledger for Full {
        fn read(&self) -> io::Result<Option<Vec<u8>>> {
            Ok(None)
        }
        fn write(&self, _: &[u8]) -> io::Result<()> {
            Err(io::Error::other("the disk is full"))
        }
    }
    let mut world = World::new(1);
    let machine = world.boot();
    world.spawn(machine, SpawnOptions::default(), |me| {
        let identity = ClientIdentity::new(1).logging(Broken);
        let client = Client::new(Remote::new(me, me.address()).known_as(&identity));
        let error = client.look().unwrap_err();
        assert!(error.is_not_run() && error.to_string().contains("not a log of calls"), "{error}");
        let identity = ClientIdentity::new(1).logging(Full);
        let error = Client::new(Remote::new(me, me.address()).known_as(&identity)).look().unwrap_err();
        assert!(error.is_not_run() && error.to_string().contains("the disk is full"), "{error}");
        let error = come_back(me, OrphanCure::Extermination, &[], &Broken).unwrap_err();
        assert!(error.to_string().starts_with("the log of calls: not a log of calls"), "{error}");
    });
    world.run();
}

#[test]
fn what_could_not_be_exterminated_stays_in_the_log_beside_what_is_called_since() {
    let mut world = World::new(1);
    let (near, far) = (world.boot(), world.boot());
    let (gone, here) = (Address::new(world.machine(far), SERVER), Address::new(world.machine(near), SERVER));
    let disk = Disk::default();
    let kept = disk.clone();
    world.crash(far);
    world.spawn(near, SpawnOptions { local_id: Some(SERVER), ..SpawnOptions::default() }, |me| {
        let works = Works::new(OrphanCure::None);
        let locks = Rc::new(Locks::new());
        let rules = Rules { works: Some(&works), ..Rules::default() };
        serve_with(me, &[&Dispatch(Jobs { me, locks })], &rules);
    });
    world.spawn(near, SpawnOptions::default(), move |me| {
        let first = ClientIdentity::new(1).logging(disk.clone());
        let pending = Client::new(Remote::new(me, gone).known_as(&first)).start_look().unwrap();
        // As if it had crashed here: its call is under way in the log.
        std::mem::forget(pending);
        assert!(come_back(me, OrphanCure::Extermination, &[], &disk).is_err());
        let second = ClientIdentity::new(2).logging(disk.clone());
        assert_eq!(Client::new(Remote::new(me, here).known_as(&second)).look(), Ok(0));
    });
    world.run();
    let text = String::from_utf8_lossy(&kept.0.lock().unwrap().clone().unwrap()).into_owned();
    assert!(text.contains(&gone.to_string()), "{text:?}");
}
