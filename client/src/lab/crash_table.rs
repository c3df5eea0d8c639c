//! The table of slide 37: a server crashes at every single event of a call, under each semantics, with and without a packet
//! that is lost or doubled, for good or to boot again. How often the procedure ran, and what its client believes.
//!
//! Exhaustive, in worlds: each crash is a run of its own.
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::rc::Rc;
use std::time::Duration;

use sendrec_core::Config;
use sendrec_core::fault::{FaultError, Named};
use sendrec_core::trace::{Step, What};
use sendrec_sim::{Boot, Link, Record, World};
use sendrec_stubs::once::{ExactlyOnce, Journal};
use sendrec_stubs::redb::backends::InMemoryBackend;
use sendrec_stubs::redb::{
    self, Database, ReadableDatabase, ReadableTable, TableDefinition, WriteTransaction,
};
use sendrec_stubs::{CallError, CallOptions, CallSemantics, ClientIdentity, Context, Ran, Refusal, Remote};
use sendrec_trap::{Address, LocalId, SpawnOptions};
use serde::Serialize;

use super::rpc::{adder_1, words_of_error};

const SERVER: LocalId = LocalId(1);
/// A server has been up for longer than packets live before it is called, as servers have.
const UP_BEFORE: Duration = Duration::from_secs(200);
const LASTS: Duration = Duration::from_secs(400);
const RUNS: TableDefinition<'_, (), u32> = TableDefinition::new("runs");
/// Events a rule can name; of a server that is only called there are no others.
const EVENTS: [&str; 13] = [
    "boot", "queued", "execute", "reply", "receive", "blocked", "timer", "got:REQ", "got:ACK", "got:AYA",
    "sent:REP", "sent:ACK", "sent:AU",
];
const HARMS: [&str; 4] = ["", "drop=REQ#1", "drop=REP#1", "duplicate=REQ#1"];
const SEMANTICS: [(CallSemantics, &str); 4] = [
    (CallSemantics::Maybe, "maybe"),
    (CallSemantics::AtLeastOnce, "at least once"),
    (CallSemantics::AtMostOnce, "at most once"),
    (CallSemantics::ExactlyOnce, "exactly once"),
];

/// When the server crashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Moment {
    /// The procedure had not run.
    Before,
    /// It had, and no reply had left.
    After,
    /// The reply had left.
    Replied,
}

impl Moment {
    const fn words(self) -> &'static str {
        match self {
            Self::Before => "before it ran",
            Self::After => "after it ran",
            Self::Replied => "after it replied",
        }
    }
}

/// Crashes that came to the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Row {
    #[serde(skip)]
    order: usize,
    /// How often the procedure may run.
    pub semantics: &'static str,
    /// When the server crashed.
    pub crashed: Moment,
    /// Whether it came back.
    pub restarts: bool,
    /// How often the procedure ran.
    pub runs: u32,
    /// What its client was told.
    pub told: String,
}

/// The table, and how many crashes each row stands for.
#[derive(Debug, Default)]
pub struct CrashTable {
    rows: BTreeMap<Row, u32>,
    /// What broke a promise, in words.
    pub broken: Vec<String>,
}

/// Adds, and counts: where it is to run exactly once in the journal, as the machine's disk has it; else where no crash reaches.
struct Effect(Rc<Cell<u32>>);

fn count(transaction: &WriteTransaction) -> Result<(), redb::Error> {
    let mut table = transaction.open_table(RUNS)?;
    let runs = table.get(())?.map_or(0, |runs| runs.value());
    table.insert((), runs + 1)?;
    Ok(())
}

/// How often it ran, by the journal.
fn counted(journal: &Journal) -> Result<u32, redb::Error> {
    match journal.database().begin_read()?.open_table(RUNS) {
        Ok(table) => Ok(table.get(())?.map_or(0, |runs| runs.value())),
        Err(redb::TableError::TableDoesNotExist(_)) => Ok(0),
        Err(error) => Err(error.into()),
    }
}

impl adder_1::Server for Effect {
    fn sum(&self, context: &Context<'_>, a: i32, b: i32) -> Result<i32, Refusal> {
        match context.transaction {
            Some(transaction) => count(transaction).map_err(|error| Refusal::new(error.to_string()))?,
            None => self.0.set(self.0.get() + 1),
        }
        Ok(a + b)
    }

    fn runs(&self, _: &Context<'_>) -> Result<u32, Refusal> {
        Err(Refusal::new("nobody asks"))
    }
}

/// What came of one call.
struct Outcome {
    runs: u32,
    told: Result<i32, CallError>,
    crashed: Moment,
    /// How often the server's machine met each of the events.
    events: BTreeMap<&'static str, u64>,
}

/// What a table cannot be made for.
#[derive(Debug, thiserror::Error)]
pub enum CrashTableError {
    /// A rule of its own is wrong.
    #[error(transparent)]
    Rule(#[from] FaultError),
    /// Nor an event's name.
    #[error("{0}")]
    NoSuchEvent(&'static str),
    /// The journal in memory does not work.
    #[error("the journal: {0}")]
    Journal(#[from] redb::Error),
    /// A call that did not end.
    #[error("a call came to no end: {0}")]
    Endless(String),
}

/// One call, in a world with these rules.
fn one_call(semantics: CallSemantics, faults: &str) -> Result<Outcome, CrashTableError> {
    let config = Config { trace: true, trace_steps: true, ..Config::default() };
    let link = Link { faults: faults.parse()?, ..Link::default() };
    let mut world = World::with(1, config, link);
    let client = world.boot_as("client", Boot::default());
    let server = world.boot_as("server", Boot::default());
    let runs = Rc::new(Cell::new(0));
    let options = SpawnOptions { local_id: Some(SERVER), ..SpawnOptions::default() };
    let database =
        Database::builder().create_with_backend(InMemoryBackend::new()).map_err(redb::Error::from)?;
    let journal = Rc::new(Journal::new(database));
    let (effect, own) = (runs.clone(), journal.clone());
    world.install(server, options, move |me| {
        let adder = adder_1::Dispatch(Effect(effect.clone()));
        sendrec_stubs::serve(me, &[&ExactlyOnce::new(adder, &own)]);
    });
    let told = Rc::new(RefCell::new(None));
    let (place, tells) = (Address::new(world.machine(server), SERVER), told.clone());
    world.spawn(client, SpawnOptions::default(), move |me| {
        me.gate().sleep(UP_BEFORE);
        let identity = ClientIdentity::new(7);
        let remote = Remote::new(me, place).with(CallOptions { semantics, ..CallOptions::default() });
        let once = semantics == CallSemantics::ExactlyOnce;
        let remote = if once { remote.known_as(&identity) } else { remote };
        *tells.borrow_mut() = Some(adder_1::Client::new(remote).sum(4, 7));
    });
    world.run_for(LASTS);
    let records: Vec<Record> =
        world.records().into_iter().filter(|record| record.machine == server).collect();
    let told = told.borrow_mut().take().ok_or_else(|| CrashTableError::Endless(faults.to_owned()))?;
    let runs = runs.get() + counted(&journal)?;
    Ok(Outcome { runs, told, crashed: moment(&records), events: met(&records)? })
}

fn moment(records: &[Record]) -> Moment {
    let until = records.iter().position(|record| Named::Crash.is(&record.event)).unwrap_or(records.len());
    let before = || records[..until].iter().map(|record| &record.event.what);
    if before().any(|what| matches!(what, What::Sent { packet, .. } if packet.kind.name() == "REP")) {
        Moment::Replied
    } else if before().any(|what| matches!(what, What::Step { step: Step::Performed, .. })) {
        Moment::After
    } else {
        Moment::Before
    }
}

fn met(records: &[Record]) -> Result<BTreeMap<&'static str, u64>, CrashTableError> {
    let mut events = BTreeMap::new();
    for name in EVENTS {
        let named: Named = name.parse().map_err(CrashTableError::NoSuchEvent)?;
        let counts =
            |record: &&Record| named.is(&record.event) && !matches!(record.event.what, What::Incident { .. });
        let count = records.iter().filter(counts).count() as u64;
        if count > 0 {
            events.insert(name, count);
        }
    }
    Ok(events)
}

/// Makes the table; `progress` is told how far it is, of how many parts.
pub fn crash_table(mut progress: impl FnMut(usize, usize)) -> Result<CrashTable, CrashTableError> {
    let mut table = CrashTable::default();
    let parts = SEMANTICS.len() * HARMS.len();
    for (order, (semantics, name)) in SEMANTICS.into_iter().enumerate() {
        for (nth, harm) in HARMS.into_iter().enumerate() {
            progress(order * HARMS.len() + nth, parts);
            let whole = one_call(semantics, harm)?;
            for (event, count) in &whole.events {
                for nth in 1..=*count {
                    for restarts in [false, true] {
                        let crash = format!("crash=server@{event}#{nth}");
                        let back = if restarts { "restart=server@crash+20ms" } else { "" };
                        let rules = [harm, &crash, back].into_iter().filter(|rule| !rule.is_empty());
                        let faults = rules.collect::<Vec<_>>().join(",");
                        let outcome = one_call(semantics, &faults)?;
                        table.broken.extend(
                            broken(semantics, restarts, &outcome)
                                .map(|how| format!("{name}, {faults}: {how}")),
                        );
                        let Outcome { runs, crashed, told, .. } = outcome;
                        let told = match told {
                            Ok(sum) => format!("the sum is {sum}"),
                            Err(error) => words_of_error(&error),
                        };
                        let row = Row { order, semantics: name, crashed, restarts, runs, told };
                        *table.rows.entry(row).or_default() += 1;
                    }
                }
            }
        }
    }
    Ok(table)
}

/// Which promise was broken, if one was.
fn broken(semantics: CallSemantics, restarts: bool, outcome: &Outcome) -> Option<String> {
    let Outcome { runs, told, .. } = outcome;
    if told.is_ok() && *runs == 0 {
        return Some("answered and not run".to_owned());
    }
    if *runs > 0 && told.as_ref().is_err_and(|error| error.ran() == Ran::No) {
        return Some(format!("ran {runs} times, and the client was told that it had not"));
    }
    let twice = matches!(semantics, CallSemantics::AtMostOnce | CallSemantics::ExactlyOnce) && *runs > 1;
    if twice {
        return Some(format!("ran {runs} times"));
    }
    let unanswered = semantics == CallSemantics::ExactlyOnce && restarts && told.is_err();
    unanswered.then(|| "not answered after the restart".to_owned())
}

impl CrashTable {
    /// Rows, with how many crashes each stands for.
    pub fn rows(&self) -> impl Iterator<Item = (&Row, u32)> {
        self.rows.iter().map(|(row, crashes)| (row, *crashes))
    }

    /// How many crashes there were.
    pub fn crashes(&self) -> u32 {
        self.rows.values().sum()
    }

    /// For a person.
    pub fn text(&self) -> String {
        let mut out = format!(
            "{:<14} {:<17} {:<8} {:>4}  {:<32} {:>7}\n",
            "semantics", "server crashed", "is back", "runs", "the client believes", "crashes"
        );
        for (row, crashes) in self.rows() {
            let back = if row.restarts { "yes" } else { "no" };
            let Row { semantics, crashed, runs, told, .. } = row;
            // Writing into memory does not fail.
            let _ = writeln!(
                out,
                "{semantics:<14} {:<17} {back:<8} {runs:>4}  {told:<32} {crashes:>7}",
                crashed.words()
            );
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_crashes_at_every_event_of_a_call_and_every_promise_is_kept() {
        let table = crash_table(|_, _| ()).unwrap();
        assert_eq!(table.broken, Vec::<String>::new());
        assert!(table.crashes() > 200, "{}", table.crashes());
        insta::assert_snapshot!(table.text());
    }

    #[test]
    fn a_promise_that_is_broken_is_named() {
        let outcome = |runs, told| Outcome { runs, told, crashed: Moment::After, events: BTreeMap::new() };
        let of = |semantics, runs, told| broken(semantics, true, &outcome(runs, told));
        assert_eq!(of(CallSemantics::AtMostOnce, 2, Ok(11)), Some("ran 2 times".to_owned()));
        assert_eq!(of(CallSemantics::AtLeastOnce, 2, Ok(11)), None);
        assert!(of(CallSemantics::AtLeastOnce, 0, Ok(11)).is_some());
        assert!(of(CallSemantics::Maybe, 1, Err(CallError::Denied)).is_some());
        assert!(of(CallSemantics::ExactlyOnce, 1, Err(CallError::Failed { procedure: "SUM" })).is_some());
    }
}
