//! The rows of `latency`, each beside its floor, and the rounds in which they are measured in turn.
use std::time::Duration;

use crate::channel::round_trips_between_threads;
use crate::child::{Running, Task};
use crate::idle;
use crate::machine::Machine;
use crate::nodes::{self, Caller, local_round_trips};
use crate::options::Latency;
use crate::raw::{Client, Waiting};
use crate::report::{Line, Report, Skipped};
use sendrec_measure::blocking::{rate, round_trips};
use sendrec_measure::{Budget, Cores, Placement, allowed_cores, on_core};
use sendrec_measure::{Fallible, Figure};

/// The sleep before a call after idleness.
const IDLE: Duration = Duration::from_millis(10);
/// Rows with few samples a second are measured for so many times a row's time.
const SLOW_TIMES: u32 = 2;

const IDLE_NAMES: [&str; 2] =
    ["context switches, idle node, process in receive", "context switches, idle node, nobody waiting"];

/// What is measured.
#[derive(Clone, Copy, Debug)]
enum Measure {
    Raw { waiting: Waiting, pause: Option<Duration> },
    Null { pause: Option<Duration> },
    Channel,
    Local,
    Rpc,
    RawRate(u64),
    NullRate(u64),
    Loaded(&'static Measure),
}

#[derive(Debug)]
struct Row {
    name: &'static str,
    floor: Option<&'static str>,
    measure: Measure,
}

const fn row(name: &'static str, floor: Option<&'static str>, measure: Measure) -> Row {
    Row { name, floor, measure }
}

const BLOCKING: Measure = Measure::Raw { waiting: Waiting::Block, pause: None };
const NULL: Measure = Measure::Null { pause: None };

/// In the order in which they are measured; a floor stands before what stands on it.
const ROWS: [Row; 16] = [
    row("raw UDP, blocking", None, BLOCKING),
    row("raw UDP, yielding", None, Measure::Raw { waiting: Waiting::Yield, pause: None }),
    row("null call", Some("raw UDP, yielding"), NULL),
    row("RPC through stubs, a number there and back", Some("null call"), Measure::Rpc),
    row("channel pair", None, Measure::Channel),
    row("null call in one node", Some("channel pair"), Measure::Local),
    row("raw UDP echo, 1 outstanding", None, Measure::RawRate(1)),
    row("calls, 1 outstanding", Some("raw UDP echo, 1 outstanding"), Measure::NullRate(1)),
    row("raw UDP echo, 8 outstanding", None, Measure::RawRate(8)),
    row("calls, 8 outstanding", Some("raw UDP echo, 8 outstanding"), Measure::NullRate(8)),
    row("raw UDP echo, 64 outstanding", None, Measure::RawRate(64)),
    row("calls, 64 outstanding", Some("raw UDP echo, 64 outstanding"), Measure::NullRate(64)),
    row("raw UDP after 10 ms", None, Measure::Raw { waiting: Waiting::Yield, pause: Some(IDLE) }),
    row("null call after 10 ms", Some("raw UDP after 10 ms"), Measure::Null { pause: Some(IDLE) }),
    row("raw UDP blocking, cores busy", None, Measure::Loaded(&BLOCKING)),
    row("null call, cores busy", Some("raw UDP blocking, cores busy"), Measure::Loaded(&NULL)),
];

impl Measure {
    /// One round of it.
    fn run(self, cores: Cores, allowed: &[usize], budget: Budget) -> Fallible<Figure> {
        match self {
            Self::Raw { waiting, pause } => {
                let server = Running::start(&Task::Raw { waiting }, cores.server)?;
                on_core(cores.client, || {
                    let mut client = Client::new(waiting, server.greeting())?;
                    round_trips(slowed(budget, pause), pause, |number| client.call(number))
                })
            }
            Self::RawRate(outstanding) => {
                let waiting = Waiting::Yield;
                let server = Running::start(&Task::Raw { waiting }, cores.server)?;
                on_core(cores.client, || {
                    rate(budget, outstanding, &mut Client::new(waiting, server.greeting())?)
                })
            }
            Self::Null { pause } => with_nodes(cores, |me, server| {
                round_trips(slowed(budget, pause), pause, |number| nodes::call(me, server, number))
            }),
            Self::NullRate(outstanding) => {
                with_nodes(cores, |me, server| rate(budget, outstanding, &mut Caller::new(me, server)))
            }
            Self::Rpc => with_server(&Task::Stubs, cores, |me, server| {
                let client = nodes::numbers(sendrec_stubs::Remote::new(me, server));
                round_trips(budget, None, |number| nodes::call_stub(&client, number))
            }),
            Self::Channel => round_trips_between_threads(cores, budget),
            Self::Local => local_round_trips(cores, budget),
            Self::Loaded(measure) => {
                let busy = allowed.iter().map(|core| Running::start(&Task::Spin, Some(*core)));
                let _busy = busy.collect::<Fallible<Vec<_>>>()?;
                measure.run(cores, allowed, Budget { time: budget.time * SLOW_TIMES, ..budget })
            }
        }
    }
}

fn slowed(budget: Budget, pause: Option<Duration>) -> Budget {
    if pause.is_some() { Budget { time: budget.time * SLOW_TIMES, ..budget } } else { budget }
}

/// A client's node on its core, and an echo server in a child.
fn with_nodes<F>(cores: Cores, work: F) -> Fallible<Figure>
where
    F: FnOnce(&sendrec_trap::Process<'_, sendrec_kernel::Node>, sendrec_trap::Address) -> Fallible<Figure>
        + Send,
{
    with_server(&Task::Node, cores, work)
}

/// As `with_nodes`, with this server.
fn with_server<F>(task: &Task, cores: Cores, work: F) -> Fallible<Figure>
where
    F: FnOnce(&sendrec_trap::Process<'_, sendrec_kernel::Node>, sendrec_trap::Address) -> Fallible<Figure>
        + Send,
{
    let server = Running::start(task, cores.server)?;
    on_core(cores.client, || {
        let address = server.greeting();
        let address = address.parse().map_err(|error| format!("{address}: {error:?}"))?;
        let node = nodes::boot()?;
        let me = nodes::spawn(&node)?;
        work(&me, address)
    })
}

/// Measures and prints; false if a row failed.
pub(crate) fn run(options: &Latency) -> Fallible<bool> {
    if let Some(text) = &options.row
        && wanted(Some(text)).is_empty()
        && !IDLE_NAMES.iter().any(|name| name.contains(text.as_str()))
    {
        return Err(format!("no row is called {text}, and no name contains it").into());
    }
    let allowed = allowed_cores()?;
    let mut report = Report::new(Machine::here(allowed.len()));
    for placement in options.placements() {
        match placement.cores(&allowed) {
            Ok(cores) => measure_placement(options, placement, cores, &allowed, &mut report),
            Err(reason) => report.skip(Skipped { row: None, placement: Some(placement.name()), reason }),
        }
    }
    measure_idle(options, &mut report);
    report.print(options.json)?;
    Ok(!report.has_failed())
}

/// All rows in turn, and that several times.
fn measure_placement(
    options: &Latency,
    placement: Placement,
    cores: Cores,
    allowed: &[usize],
    report: &mut Report,
) {
    let rows = wanted(options.row.as_deref());
    let mut lines: Vec<_> = rows.iter().map(|row| Line::new(row.name, placement.name(), row.floor)).collect();
    let rounds = options.rounds();
    for round in 1..=rounds {
        for (row, line) in rows.iter().zip(&mut lines) {
            eprintln!("{}, round {round} of {rounds}: {}", placement.name(), row.name);
            match row.measure.run(cores, allowed, options.budget()) {
                Ok(figure) => line.push(Some(figure)),
                Err(error) => {
                    line.push(None);
                    report.fail(row.name, placement.name(), error.to_string());
                }
            }
        }
    }
    report.add(lines);
}

/// The row of the name `text`, or else those whose names contain it; and their floors.
fn wanted(text: Option<&str>) -> Vec<&'static Row> {
    static ALL: [Row; 16] = ROWS;
    let is_name = ALL.iter().any(|row| Some(row.name) == text);
    let named = |row: &Row| text.is_none_or(|text| row.name == text || !is_name && row.name.contains(text));
    let is_floor = |row: &Row| ALL.iter().any(|other| named(other) && other.floor == Some(row.name));
    ALL.iter().filter(|row| named(row) || is_floor(row)).collect()
}

fn measure_idle(options: &Latency, report: &mut Report) {
    const PLACEMENT: &str = "free";
    if options.row.as_ref().is_some_and(|text| !IDLE_NAMES.iter().any(|name| name.contains(text.as_str()))) {
        return;
    }
    if let Err(reason) = idle::is_told() {
        report.skip(Skipped { row: Some("context switches of an idle node"), placement: None, reason });
        return;
    }
    let watch = options.watch();
    eprintln!("idle nodes: {} s", watch.as_secs());
    match idle::switches(watch) {
        Ok(figures) => {
            let lines = IDLE_NAMES.into_iter().zip(figures).map(|(name, figure)| {
                let mut line = Line::new(name, PLACEMENT, None);
                line.push(Some(figure));
                line
            });
            report.add(lines.collect());
        }
        Err(error) => report.fail(IDLE_NAMES[0], PLACEMENT, error.to_string()),
    }
}
