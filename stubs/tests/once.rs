//! Exactly once: the server crashes at every event of a call, and the number is right.
#[rustfmt::skip]
#[allow(dead_code, unreachable_pub)]
#[path = "interfaces/tally.rs"]
mod tally;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use sendrec_core::Config;
use sendrec_core::fault::Named;
use sendrec_sim::{Boot, Link, World};
use sendrec_stubs::once::{ExactlyOnce, Journal};
use sendrec_stubs::redb::backends::InMemoryBackend;
use sendrec_stubs::redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};
use sendrec_stubs::{CallError, CallOptions, CallSemantics, ClientIdentity, Context, Refusal, Remote, serve};
use sendrec_trap::{Address, LocalId, SpawnOptions};
use tally::tally_1::{Client, Dispatch, Server};

const SERVER: LocalId = LocalId(1);
const TALLY: TableDefinition<'_, (), i64> = TableDefinition::new("tally");

/// Adds to a number in the journal, in the transaction of the call.
struct Tally<'j>(&'j Journal);

fn refused(error: &dyn std::fmt::Display) -> Refusal {
    Refusal::new(error.to_string())
}

impl Server for Tally<'_> {
    fn add(&self, context: &Context<'_>, amount: i64) -> Result<i64, Refusal> {
        let transaction = context.transaction.ok_or_else(|| Refusal::new("only exactly once"))?;
        let mut table = transaction.open_table(TALLY).map_err(|error| refused(&error))?;
        let sum = table.get(()).map_err(|error| refused(&error))?.map_or(0, |sum| sum.value()) + amount;
        table.insert((), sum).map_err(|error| refused(&error))?;
        Ok(sum)
    }

    fn read(&self, _: &Context<'_>) -> Result<i64, Refusal> {
        Ok(value(self.0))
    }

    fn fail(&self, context: &Context<'_>, amount: i64) -> Result<(), Refusal> {
        self.add(context, amount)?;
        Err(Refusal::new("as asked"))
    }
}

fn value(journal: &Journal) -> i64 {
    let read = journal.database().begin_read().unwrap();
    let Ok(table) = read.open_table(TALLY) else { return 0 };
    table.get(()).unwrap().map_or(0, |sum| sum.value())
}

fn in_memory() -> Rc<Journal> {
    let database = Database::builder().create_with_backend(InMemoryBackend::new()).unwrap();
    Rc::new(Journal::new(database))
}

/// What became of three calls.
struct Run {
    told: Vec<Result<i64, CallError>>,
    number: i64,
    /// How often the server's machine met each event.
    events: Vec<(&'static str, u64)>,
}

/// Three calls in a world with these rules.
fn three_calls(faults: &str) -> Run {
    const EVENTS: [&str; 9] =
        ["queued", "execute", "reply", "receive", "blocked", "timer", "got:REQ", "got:ACK", "sent:REP"];
    let config = Config { trace: true, ..Config::default() };
    let link = Link { faults: faults.parse().unwrap(), ..Link::default() };
    let mut world = World::with(1, config, link);
    let client = world.boot_as("client", Boot::default());
    let server = world.boot_as("server", Boot::default());
    let journal = in_memory();
    let options = SpawnOptions { local_id: Some(SERVER), ..SpawnOptions::default() };
    let own = journal.clone();
    world.install(server, options, move |me| {
        serve(me, &[&ExactlyOnce::new(Dispatch(Tally(&own)), &own)]);
    });
    let told = Rc::new(RefCell::new(Vec::new()));
    let (place, tells) = (Address::new(world.machine(server), SERVER), told.clone());
    world.spawn(client, SpawnOptions::default(), move |me| {
        let options = CallOptions { timeout: Duration::from_secs(600), ..CallOptions::default() };
        let identity = ClientIdentity::new(7);
        let client = Client::new(Remote::new(me, place).with(options).exactly_once(&identity));
        for amount in [1, 10, 100] {
            tells.borrow_mut().push(client.add(amount));
        }
    });
    world.run_for(Duration::from_secs(3_000));
    let events = EVENTS.iter().map(|name| {
        let named: Named = name.parse().unwrap();
        let met = |record: &&sendrec_sim::Record| record.machine == server && named.is(&record.event);
        (*name, world.records().iter().filter(met).count() as u64)
    });
    let events = events.collect();
    let told = told.borrow().clone();
    Run { told, number: value(&journal), events }
}

/// Each call ran once and was answered.
fn check(run: &Run, faults: &str) {
    assert_eq!((&run.told[..], run.number), (&[Ok(1), Ok(11), Ok(111)][..], 111), "{faults}");
}

#[test]
fn whatever_event_the_server_crashes_at_each_call_runs_once_and_is_answered() {
    let mut crashes = 0;
    for harm in ["", "drop=REP#2,", "duplicate=REQ#2,", "drop=REQ#1,"] {
        let whole = three_calls(harm.trim_end_matches(','));
        check(&whole, harm);
        for (event, count) in whole.events {
            for nth in 1..=count {
                let faults = format!("{harm}crash=server@{event}#{nth},restart=server@crash+20ms");
                check(&three_calls(&faults), &faults);
                crashes += 1;
            }
        }
    }
    assert!(crashes > 60, "{crashes}");
}

#[test]
fn what_fails_leaves_no_trace_and_what_is_over_is_forgotten() {
    let mut world = World::new(1);
    let (near, far) = (world.boot(), world.boot());
    let server = Address::new(world.machine(far), SERVER);
    let options = SpawnOptions { local_id: Some(SERVER), ..SpawnOptions::default() };
    let journal = in_memory();
    let own = journal.clone();
    world.spawn(far, options, move |me| {
        serve(me, &[&ExactlyOnce::new(Dispatch(Tally(&own)), &own)]);
    });
    world.spawn(near, SpawnOptions::default(), move |me| {
        let remote = Remote::new(me, server);
        let identity = ClientIdentity::new(7);
        let client = Client::new(remote.exactly_once(&identity));
        assert_eq!(client.fail(5), Err(CallError::Failed { procedure: "FAIL" }));
        assert_eq!(client.read(), Ok(0));
        for number in 1..=50 {
            assert_eq!(client.add(1), Ok(number));
        }
        // Who does not say that it is to run once is refused by a procedure that must.
        assert_eq!(Client::new(remote).add(1), Err(CallError::Failed { procedure: "ADD" }));
        assert_eq!(client.read(), Ok(50));
        let results: TableDefinition<'_, (u128, u64), &[u8]> = TableDefinition::new("sendrec results");
        let read = journal.database().begin_read().unwrap();
        let kept = read.open_table(results).unwrap().iter().unwrap().count();
        assert_eq!(kept, 1, "the last one's, until the client is known to have it");
    });
    world.run();
}

#[test]
fn several_calls_under_way_each_run_once_though_the_server_crashes() {
    for nth in 1..=12 {
        for event in ["execute", "sent:REP", "got:REQ"] {
            let faults = format!("crash=server@{event}#{nth},restart=server@crash+200ms");
            let link = Link { faults: faults.parse().unwrap(), ..Link::default() };
            let mut world = World::with(1, Config { trace: true, ..Config::default() }, link);
            let client = world.boot_as("client", Boot::default());
            let server = world.boot_as("server", Boot::default());
            let (journal, place) = (in_memory(), Address::new(world.machine(server), SERVER));
            let options = SpawnOptions { local_id: Some(SERVER), ..SpawnOptions::default() };
            let own = journal.clone();
            world.install(server, options, move |me| {
                serve(me, &[&ExactlyOnce::new(Dispatch(Tally(&own)), &own)]);
            });
            world.spawn(client, SpawnOptions::default(), move |me| {
                let identity = ClientIdentity::new(7);
                let client = Client::new(Remote::new(me, place).exactly_once(&identity));
                let calls: Vec<_> =
                    (0..6).map(|digit| client.start_add(10_i64.pow(digit)).unwrap()).collect();
                for call in calls {
                    assert!(call.wait().is_ok());
                }
                assert_eq!(client.read(), Ok(111_111));
            });
            world.run_for(Duration::from_secs(3_000));
            assert_eq!((value(&journal), world.unfinished()), (111_111, 1), "{faults}");
        }
    }
}

#[test]
fn who_does_not_say_who_it_is_cannot_call_exactly_once() {
    let mut world = World::new(1);
    let machine = world.boot();
    world.spawn(machine, SpawnOptions::default(), |me| {
        let semantics = CallSemantics::ExactlyOnce;
        let options = CallOptions { semantics, ..CallOptions::default() };
        let client = Client::new(Remote::new(me, me.address()).with(options));
        assert_eq!(client.add(1), Err(CallError::NoIdentity));
        assert!(matches!(client.start_add(1), Err(CallError::NoIdentity)));
    });
    world.run();
}

/// Counts outside the journal what it has set out to do, and fails afterwards.
struct Elsewhere(Rc<Cell<i64>>);

impl Server for Elsewhere {
    fn add(&self, context: &Context<'_>, amount: i64) -> Result<i64, Refusal> {
        context.intend(|| Ok(amount.to_be_bytes().to_vec().into()))?;
        self.0.set(self.0.get() + amount);
        Ok(self.0.get())
    }

    fn read(&self, _: &Context<'_>) -> Result<i64, Refusal> {
        Ok(self.0.get())
    }

    fn fail(&self, context: &Context<'_>, amount: i64) -> Result<(), Refusal> {
        self.add(context, amount)?;
        Err(Refusal::new("as asked"))
    }
}

#[test]
fn what_failed_after_its_effect_is_not_done_again_for_a_copy_that_comes_later() {
    for event in ["reply", "sent:REP"] {
        let faults = format!("drop=REP#1,crash=server@{event}#1,restart=server@crash+200ms");
        let link = Link { faults: faults.parse().unwrap(), ..Link::default() };
        let mut world = World::with(1, Config { trace: true, ..Config::default() }, link);
        let client = world.boot_as("client", Boot::default());
        let server = world.boot_as("server", Boot::default());
        let (journal, place) = (in_memory(), Address::new(world.machine(server), SERVER));
        let options = SpawnOptions { local_id: Some(SERVER), ..SpawnOptions::default() };
        let sum = Rc::new(Cell::new(0));
        let counted = sum.clone();
        world.install(server, options, move |me| {
            serve(me, &[&ExactlyOnce::elsewhere(Dispatch(Elsewhere(counted.clone())), &journal)]);
        });
        world.spawn(client, SpawnOptions::default(), move |me| {
            let identity = ClientIdentity::new(7);
            let client = Client::new(Remote::new(me, place).exactly_once(&identity));
            assert_eq!(client.fail(5), Err(CallError::Failed { procedure: "FAIL" }));
            assert_eq!(client.add(1), Ok(6));
        });
        world.run_for(Duration::from_secs(300));
        assert_eq!((sum.get(), world.unfinished()), (6, 1), "{faults}");
    }
}

#[test]
fn what_was_set_out_to_and_not_finished_is_done_again_before_anything_else() {
    let journal = in_memory();
    let mut world = World::new(1);
    let machine = world.boot();
    let options = SpawnOptions { local_id: Some(SERVER), ..SpawnOptions::default() };
    let own = journal.clone();
    world.spawn(machine, options, move |me| {
        /// Sets out to, and is never heard of again.
        struct Dies;
        impl Server for Dies {
            fn add(&self, context: &Context<'_>, amount: i64) -> Result<i64, Refusal> {
                context.intend(|| Ok(amount.to_be_bytes().to_vec().into()))?;
                panic!("killed here");
            }
            fn read(&self, _: &Context<'_>) -> Result<i64, Refusal> {
                Ok(0)
            }
            fn fail(&self, _: &Context<'_>, _: i64) -> Result<(), Refusal> {
                Ok(())
            }
        }
        let dies = std::panic::AssertUnwindSafe(|| {
            serve(me, &[&ExactlyOnce::elsewhere(Dispatch(Dies), &own)]);
        });
        assert!(std::panic::catch_unwind(dies).is_err());
        // Nobody may change anything until it is finished.
        assert!(own.share().is_err());
    });
    world.spawn(machine, SpawnOptions::default(), |me| {
        let identity = ClientIdentity::new(7);
        let server = Address::new(me.address().machine, SERVER);
        let options = CallOptions { timeout: Duration::from_secs(1), ..CallOptions::default() };
        assert!(Client::new(Remote::new(me, server).with(options).exactly_once(&identity)).add(5).is_err());
    });
    world.run();
    let mut again = Vec::new();
    let found = journal.recover(|intent| {
        again.push(intent.to_vec());
        Ok(vec![0, 0, 0, 0, 0, 0, 0, 5].into())
    });
    assert_eq!((found, &again[..]), (Ok(1), &[5_i64.to_be_bytes().to_vec()][..]));
    assert_eq!(journal.recover(|_| Err(Refusal::new("none is left"))), Ok(0));
}
