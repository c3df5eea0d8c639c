//! Slide 37: the server crashes at every single event of a call, under each semantics, with and without a lost packet, for
//! good or to boot again. How often the procedure ran, and what its client was told, is one table.
#[rustfmt::skip]
#[allow(dead_code, unreachable_pub)]
#[path = "interfaces/adder.rs"]
mod adder;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::rc::Rc;
use std::time::Duration;

use adder::adder_1::{Client, Dispatch, Server};
use sendrec_core::Config;
use sendrec_core::trace::What;
use sendrec_sim::{Boot, Link, World};
use sendrec_stubs::once::{ExactlyOnce, Journal};
use sendrec_stubs::redb::backends::InMemoryBackend;
use sendrec_stubs::redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};
use sendrec_stubs::{CallError, CallOptions, CallSemantics, ClientIdentity, Context, Refusal, Remote};
use sendrec_trap::{Address, LocalId, SpawnOptions};

const SERVER: LocalId = LocalId(1);
const SEMANTICS: [(CallSemantics, &str); 4] = [
    (CallSemantics::Maybe, "maybe"),
    (CallSemantics::AtLeastOnce, "at least once"),
    (CallSemantics::AtMostOnce, "at most once"),
    (CallSemantics::ExactlyOnce, "exactly once"),
];
const RUNS: TableDefinition<'_, (), u32> = TableDefinition::new("runs");
/// Events a rule can name; of a server that is only called there are no others.
const EVENTS: [&str; 13] = [
    "boot", "queued", "execute", "reply", "receive", "blocked", "timer", "got:REQ", "got:ACK", "got:AYA",
    "sent:REP", "sent:ACK", "sent:AU",
];

/// A procedure whose effect can be counted, whatever becomes of its machine. Where it is to run exactly once that is in the
/// journal, as the machine's disk has it.
struct Effect(Rc<Cell<u32>>);

impl Server for Effect {
    fn sum(&self, context: &Context<'_>, a: i32, b: i32) -> Result<i32, Refusal> {
        match context.transaction {
            Some(transaction) => {
                let mut table = transaction.open_table(RUNS).unwrap();
                let runs = table.get(()).unwrap().map_or(0, |runs| runs.value());
                table.insert((), runs + 1).unwrap();
            }
            None => self.0.set(self.0.get() + 1),
        }
        Ok(a + b)
    }
}

/// How often it ran, by the journal.
fn runs_of(journal: &Journal) -> u32 {
    let read = journal.database().begin_read().unwrap();
    read.open_table(RUNS).map_or(0, |table| table.get(()).unwrap().map_or(0, |runs| runs.value()))
}

struct Outcome {
    runs: u32,
    told: Result<i32, CallError>,
    /// How often the server's machine met each of the events.
    events: BTreeMap<&'static str, u64>,
}

/// One call, in a world with these rules.
fn one_call(semantics: CallSemantics, faults: &str) -> Outcome {
    let config = Config { trace: true, ..Config::default() };
    let link = Link { faults: faults.parse().unwrap(), ..Link::default() };
    let mut world = World::with(1, config, link);
    let client = world.boot_as("client", Boot::default());
    let server = world.boot_as("server", Boot::default());
    let runs = Rc::new(Cell::new(0));
    let options = SpawnOptions { local_id: Some(SERVER), ..SpawnOptions::default() };
    let effect = runs.clone();
    let database = Database::builder().create_with_backend(InMemoryBackend::new()).unwrap();
    let journal = Rc::new(Journal::new(database));
    let own = journal.clone();
    world.install(server, options, move |me| {
        sendrec_stubs::serve(me, &[&ExactlyOnce::new(Dispatch(Effect(effect.clone())), &own)]);
    });
    let told = Rc::new(RefCell::new(None));
    let (place, tells) = (Address::new(world.machine(server), SERVER), told.clone());
    world.spawn(client, SpawnOptions::default(), move |me| {
        // The server has been up for longer than packets live, as servers have.
        me.gate().sleep(Duration::from_secs(200));
        let options = CallOptions { semantics, ..CallOptions::default() };
        let identity = ClientIdentity::new(7);
        let remote = Remote::new(me, place).with(options);
        let exactly_once = semantics == CallSemantics::ExactlyOnce;
        let remote = if exactly_once { remote.known_as(&identity) } else { remote };
        *tells.borrow_mut() = Some(Client::new(remote).sum(4, 7));
    });
    world.run_for(Duration::from_secs(400));
    let mut events = BTreeMap::new();
    for record in world.records().iter().filter(|record| record.machine == server) {
        for name in EVENTS {
            let named: sendrec_core::fault::Named = name.parse().unwrap();
            if named.is(&record.event) && !matches!(record.event.what, What::Incident { .. }) {
                *events.entry(name).or_insert(0) += 1;
            }
        }
    }
    let told = told.borrow_mut().take().expect("the call has come to an end");
    Outcome { runs: runs.get() + runs_of(&journal), told, events }
}

fn words(told: &Result<i32, CallError>) -> String {
    match told {
        Ok(sum) => format!("the sum is {sum}"),
        Err(CallError::Kernel { error, .. }) => error.to_string(),
        Err(other) => other.to_string(),
    }
}

#[test]
fn the_server_crashes_at_every_event_of_a_call() {
    let mut table: BTreeMap<(&str, u32, String), u32> = BTreeMap::new();
    let mut crashes = 0;
    for (semantics, name) in SEMANTICS {
        for harm in ["", "drop=REQ#1,", "drop=REP#1,", "duplicate=REQ#1,"] {
            let whole = one_call(semantics, harm.trim_end_matches(','));
            assert!(whole.events.values().sum::<u64>() >= 2, "{:?}", whole.events);
            for (event, count) in &whole.events {
                for nth in 1..=*count {
                    for after in ["", ",restart=server@crash+20ms"] {
                        let faults = format!("{harm}crash=server@{event}#{nth}{after}");
                        let outcome = one_call(semantics, &faults);
                        check(semantics, &outcome, &faults);
                        *table.entry((name, outcome.runs, words(&outcome.told))).or_default() += 1;
                        crashes += 1;
                    }
                }
            }
        }
    }
    assert!(crashes > 150, "{crashes}");
    let mut text =
        format!("{:<14} {:>4}  {:<32} {:>7}\n", "semantics", "runs", "the client was told", "crashes");
    for ((semantics, runs, told), count) in &table {
        writeln!(text, "{semantics:<14} {runs:>4}  {told:<32} {count:>7}").unwrap();
    }
    insta::assert_snapshot!(text);
}

/// What each semantics promises.
fn check(semantics: CallSemantics, outcome: &Outcome, faults: &str) {
    let Outcome { runs, told, .. } = outcome;
    match semantics {
        // What the network doubles may run twice: nobody keeps it out.
        CallSemantics::Maybe => {
            assert!(*runs <= 1 || faults.contains("duplicate"), "{faults}: ran {runs} times");
        }
        CallSemantics::AtLeastOnce => {}
        CallSemantics::AtMostOnce => assert!(*runs <= 1, "{faults}: ran {runs} times"),
        CallSemantics::ExactlyOnce => {
            assert!(*runs <= 1, "{faults}: ran {runs} times");
            // A server that never comes back answers nobody.
            assert!(!faults.contains("restart") || (*told == Ok(11) && *runs == 1), "{faults}: {told:?}");
        }
    }
    match told {
        Ok(sum) => assert!(*sum == 11 && *runs >= 1, "{faults}: answered and not run"),
        Err(error) => {
            assert!(!error.is_not_run() || *runs == 0, "{faults}: ran {runs} times, and told: {error}");
        }
    }
}
