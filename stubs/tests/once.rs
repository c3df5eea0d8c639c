//! Exactly once: the server crashes at every event of a call, and the number is right.
#[rustfmt::skip]
#[allow(dead_code, unreachable_pub)]
#[path = "interfaces/tally.rs"]
mod tally;

use std::cell::RefCell;
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
