//! Slide 37 over UDP: a server is killed (kill -9) two hundred times while it is called, under each of three semantics.
#[rustfmt::skip]
#[allow(dead_code, unreachable_pub)]
#[path = "interfaces/tally.rs"]
mod tally;

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sendrec_kernel::{Node, NodeConfig};
use sendrec_stubs::once::{ExactlyOnce, Journal};
use sendrec_stubs::redb::{ReadableTable, TableDefinition};
use sendrec_stubs::{
    CallError, CallOptions, CallSemantics, ClientIdentity, Context, Ran, Refusal, Remote, Retries, serve,
};
use sendrec_trap::{Address, LocalId, Process, SpawnOptions};
use tally::tally_1::{Client, Dispatch, Server};

const SERVER: LocalId = LocalId(1);
const KILLS: u32 = 200;
const TALLY: TableDefinition<'_, (), i64> = TableDefinition::new("tally");

/// Adds up in the journal, if the call is to run exactly once; else notes each run in a file, which outlives its process.
struct Tally {
    runs: PathBuf,
}

fn refused(error: &dyn std::fmt::Display) -> Refusal {
    Refusal::new(error.to_string())
}

impl Server for Tally {
    fn add(&self, context: &Context<'_>, amount: i64) -> Result<i64, Refusal> {
        let Some(transaction) = context.transaction else {
            let mut runs = OpenOptions::new().create(true).append(true).open(&self.runs).unwrap();
            runs.write_all(format!("{amount}\n").as_bytes()).unwrap();
            return Ok(amount);
        };
        let mut table = transaction.open_table(TALLY).map_err(|error| refused(&error))?;
        let sum = table.get(()).map_err(|error| refused(&error))?.map_or(0, |sum| sum.value()) + amount;
        table.insert((), sum).map_err(|error| refused(&error))?;
        Ok(sum)
    }

    fn read(&self, _: &Context<'_>) -> Result<i64, Refusal> {
        Err(Refusal::new("nobody asks"))
    }

    fn fail(&self, _: &Context<'_>, _: i64) -> Result<(), Refusal> {
        Err(Refusal::new("as asked"))
    }
}

/// The server of the tests below, as an OS process of its own: not a test, unless it is told a folder.
#[test]
fn server_of_the_kills() {
    let Some(folder) = std::env::var_os("SENDREC_TEST_FOLDER") else { return };
    let folder = Path::new(&folder);
    let journal = Journal::open(folder.join("journal")).unwrap();
    let listen = std::env::var("SENDREC_TEST_LISTEN").unwrap().parse().unwrap();
    let node = Node::boot(NodeConfig { listen, ..NodeConfig::default() }).unwrap();
    let options = SpawnOptions { local_id: Some(SERVER), ..SpawnOptions::default() };
    let me = Process::spawn(&node, options).unwrap();
    println!("\nserving at {}", me.address());
    let tally = Dispatch(Tally { runs: folder.join("runs") });
    serve(&me, &[&ExactlyOnce::new(tally, &journal)]);
}

fn start(folder: &Path, listen: &str) -> (Child, String) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "server_of_the_kills", "--nocapture"])
        .env("SENDREC_TEST_FOLDER", folder)
        .env("SENDREC_TEST_LISTEN", listen)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let address =
        lines.map_while(Result::ok).find_map(|line| line.strip_prefix("serving at ").map(str::to_owned));
    (child, address.expect("it serves"))
}

/// Calls ADD with 1, 2, 3 ... of a server that is killed again and again. What each call brought, in order, and how often
/// each ran outside the journal.
fn calls(options: CallOptions) -> (Vec<Result<i64, CallError>>, BTreeMap<i64, u32>) {
    let folder = tempfile::tempdir().unwrap();
    let (mut child, address) = start(folder.path(), "127.0.0.1:0");
    let listen = address.split('/').next().unwrap().to_owned();
    let node = Node::boot(NodeConfig::default()).unwrap();
    let me = Process::spawn(&node, SpawnOptions::default()).unwrap();
    let server: Address = address.parse().unwrap();
    let identity = ClientIdentity::new(99);
    let remote = Remote::new(&me, server).with(options);
    let exactly_once = options.semantics == CallSemantics::ExactlyOnce;
    let client = Client::new(if exactly_once { remote.known_as(&identity) } else { remote });
    let is_over = AtomicBool::new(false);
    let told = std::thread::scope(|scope| {
        let killer = scope.spawn(|| {
            for kill in 0..KILLS {
                // At all moments of a call, some of them before the first.
                std::thread::sleep(Duration::from_micros(u64::from(kill * 7919 % 40) * 500));
                child.kill().unwrap();
                child.wait().unwrap();
                child = start(folder.path(), &listen).0;
            }
            is_over.store(true, Ordering::SeqCst);
        });
        let mut told = Vec::new();
        while !is_over.load(Ordering::SeqCst) {
            told.push(client.add(told.len() as i64 + 1));
        }
        killer.join().unwrap();
        told
    });
    child.kill().unwrap();
    child.wait().unwrap();
    let mut runs = BTreeMap::new();
    for line in std::fs::read_to_string(folder.path().join("runs")).unwrap_or_default().lines() {
        *runs.entry(line.parse().unwrap()).or_insert(0) += 1;
    }
    (told, runs)
}

fn patient(semantics: CallSemantics) -> CallOptions {
    let (first_wait, longest_wait) = (Duration::from_millis(1), Duration::from_millis(5));
    let retries = Retries { most: u32::MAX, first_wait, longest_wait };
    CallOptions { semantics, timeout: Duration::from_secs(600), retries }
}

#[test]
fn exactly_once() {
    let (told, runs) = calls(patient(CallSemantics::ExactlyOnce));
    let mut sum = 0;
    for (number, told) in (1..).zip(&told) {
        sum += number;
        assert_eq!(*told, Ok(sum), "it ran twice, or not at all");
    }
    assert!(runs.is_empty());
    println!("{} calls, {KILLS} kills", told.len());
}

#[test]
fn at_least_once() {
    let (told, runs) = calls(patient(CallSemantics::AtLeastOnce));
    for (number, told) in (1..).zip(&told) {
        assert_eq!(*told, Ok(number));
        assert!(runs.get(&number).is_some_and(|runs| *runs >= 1), "{number} was answered and did not run");
    }
    let twice = runs.values().filter(|runs| **runs > 1).count();
    println!("{} calls, {KILLS} kills, {twice} ran more than once", told.len());
}

#[test]
fn at_most_once() {
    let (told, runs) = calls(CallOptions { timeout: Duration::from_secs(600), ..CallOptions::default() });
    assert!(runs.values().all(|runs| *runs == 1), "one ran twice");
    let mut unknown = 0;
    for (number, told) in (1..).zip(&told) {
        let ran = runs.contains_key(&number);
        match told.as_ref().map_err(CallError::ran) {
            Ok(answer) => assert!(ran && *answer == number, "{number} was answered and did not run"),
            Err(Ran::No) => assert!(!ran, "{number} ran, and its client was told that it did not: {told:?}"),
            Err(Ran::Yes) => assert!(ran, "{number}: {told:?}"),
            Err(Ran::Unknown) => unknown += 1,
        }
    }
    println!("{} calls, {KILLS} kills, of {unknown} nobody knows whether they ran", told.len());
}
