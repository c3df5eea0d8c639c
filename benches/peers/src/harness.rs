//! All peers in turn, several rounds of them, at each placement; and a table of what they gave.
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use clap::{Args, ValueEnum};
use rustix::thread::{CpuSet, sched_getaffinity};
use serde::Serialize;

use crate::measure::{Fallible, Figure};

/// How the peers are measured.
#[derive(Debug, Args)]
pub(crate) struct RunOptions {
    /// How often each peer is measured, all in turn
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// How long, in each round
    #[arg(long, value_name = "SECONDS", default_value_t = 0.5)]
    seconds: f64,
    /// Only at this placement (repeatable; all three if not given)
    #[arg(long, value_enum)]
    placement: Vec<Placement>,
    /// Only peers whose names contain this, and the floor
    #[arg(long, value_name = "TEXT")]
    peer: Option<String>,
    /// Prints the figures as JSON instead of a table
    #[arg(long)]
    json: bool,
}

/// Where the two sides run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Placement {
    /// Both on one core
    One,
    /// Each on a core of its own
    Apart,
    /// Wherever the scheduler puts them
    Free,
}

/// A peer as it is started: the program, and what stands before its other arguments.
struct Row {
    name: &'static str,
    program: PathBuf,
    peer: &'static str,
}

/// The row that others are compared with.
const FLOOR: &str = "raw UDP, yielding";

const OWN: [(&str, &str); 8] = [
    ("raw UDP, blocking", "udp-block"),
    (FLOOR, "udp-yield"),
    ("TCP", "tcp"),
    ("unix socket", "unix"),
    ("sendrec, null call", "null"),
    ("sendrec, RPC through stubs", "stubs"),
    ("sendrec, ONC RPC over UDP", "onc-udp"),
    ("sendrec, ONC RPC over TCP", "onc-tcp"),
];

/// What came of a peer at a placement: medians of its rounds.
#[derive(Debug, Serialize)]
struct Result_ {
    placement: &'static str,
    peer: &'static str,
    p50_us: f64,
    p99_us: f64,
    /// The p50, to the floor's of the same round.
    ratio: f64,
    rounds: usize,
}

/// What is printed as JSON.
#[derive(Debug, Serialize)]
struct Figures {
    results: Vec<Result_>,
    left_out: Vec<String>,
}

impl Placement {
    const ALL: [Self; 3] = [Self::One, Self::Apart, Self::Free];

    const fn name(self) -> &'static str {
        match self {
            Self::One => "one core",
            Self::Apart => "apart",
            Self::Free => "free",
        }
    }

    /// The client's core and the server's; -1 is any.
    fn cores(self, allowed: &[usize]) -> Option<(i32, i32)> {
        let core = |place: usize| allowed.get(place).and_then(|core| i32::try_from(*core).ok());
        match self {
            Self::One => Some((core(0)?, core(0)?)),
            Self::Apart => Some((core(0)?, core(1)?)),
            Self::Free => Some((-1, -1)),
        }
    }
}

/// Measures and prints.
pub(crate) fn run(options: &RunOptions) -> Fallible<()> {
    let built = tempfile::tempdir()?;
    let mut left_out = Vec::new();
    let rows = rows(options, built.path(), &mut left_out)?;
    let set = sched_getaffinity(None)?;
    let allowed: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|core| set.is_set(*core)).collect();
    let mut results = Vec::new();
    for placement in Placement::ALL {
        if !options.placement.is_empty() && !options.placement.contains(&placement) {
            continue;
        }
        let Some(cores) = placement.cores(&allowed) else {
            left_out.push(format!("{}: this program may use one core only", placement.name()));
            continue;
        };
        results.extend(measure(options, placement, cores, &rows, &mut left_out));
    }
    let figures = Figures { results, left_out };
    if options.json {
        println!("{}", serde_json::to_string_pretty(&figures)?);
    } else {
        print(&figures);
    }
    Ok(())
}

/// The peers there are here.
fn rows(options: &RunOptions, built: &Path, left_out: &mut Vec<String>) -> Fallible<Vec<Row>> {
    let program = std::env::current_exe()?;
    let own = OWN.into_iter().map(|(name, peer)| Row { name, program: program.clone(), peer });
    let mut rows: Vec<Row> = own.collect();
    match build_tirpc(built) {
        Ok(program) => {
            rows.push(Row { name: "libtirpc, RPC over UDP", program: program.clone(), peer: "udp" });
            rows.push(Row { name: "libtirpc, RPC over TCP", program, peer: "tcp" });
        }
        Err(reason) => left_out.push(format!("libtirpc: {reason}")),
    }
    let wanted = |row: &Row| {
        row.name == FLOOR || options.peer.as_ref().is_none_or(|text| row.name.contains(text.as_str()))
    };
    rows.retain(wanted);
    Ok(rows)
}

/// Compiles the peer in C.
fn build_tirpc(folder: &Path) -> Result<PathBuf, String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("c/tirpc.c");
    let program = folder.join("tirpc");
    let built = Command::new("cc")
        .args(["-O2", "-I/usr/include/tirpc"])
        .arg(&source)
        .args(["-ltirpc", "-o"])
        .arg(&program)
        .stderr(Stdio::null())
        .status();
    match built {
        Ok(status) if status.success() => Ok(program),
        Ok(_) => Err("it does not compile here; libtirpc-dev has what it needs".to_owned()),
        Err(error) => Err(format!("no C compiler: {error}")),
    }
}

/// A child that is killed and reaped with its handle.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn once(row: &Row, (client, server): (i32, i32), seconds: f64) -> Fallible<Figure> {
    let child = Command::new(&row.program)
        .args(["serve", row.peer, &server.to_string()])
        .stdout(Stdio::piped())
        .spawn()?;
    let mut running = Running(child);
    let mut address = String::new();
    let stdout = running.0.stdout.take().ok_or("no standard output")?;
    BufReader::new(stdout).read_line(&mut address)?;
    let called = Command::new(&row.program)
        .args(["call", row.peer, address.trim(), &client.to_string(), &seconds.to_string()])
        .stderr(Stdio::inherit())
        .output()?;
    if !called.status.success() {
        return Err(format!("the client ended with {}", called.status).into());
    }
    Ok(serde_json::from_slice(&called.stdout)?)
}

fn measure(
    options: &RunOptions,
    placement: Placement,
    cores: (i32, i32),
    rows: &[Row],
    left_out: &mut Vec<String>,
) -> Vec<Result_> {
    let mut figures: Vec<Vec<Option<Figure>>> = rows.iter().map(|_| Vec::new()).collect();
    for round in 1..=options.rounds {
        for (row, figures) in rows.iter().zip(&mut figures) {
            eprintln!("{}, round {round} of {}: {}", placement.name(), options.rounds, row.name);
            match once(row, cores, options.seconds) {
                Ok(figure) => figures.push(Some(figure)),
                Err(error) => {
                    left_out.push(format!("{}, {}: {error}", row.name, placement.name()));
                    figures.push(None);
                }
            }
        }
    }
    let floor = rows.iter().position(|row| row.name == FLOOR).map(|place| figures[place].clone());
    let micros = |nanos: u64| nanos as f64 / 1_000.0;
    rows.iter()
        .zip(&figures)
        .filter_map(|(row, figures)| {
            let of = |part: fn(&Figure) -> u64| {
                median(figures.iter().flatten().map(|figure| micros(part(figure))).collect())
            };
            let ratios = figures
                .iter()
                .zip(floor.as_ref()?)
                .filter_map(|(own, floor)| Some(own.as_ref()?.p50_ns as f64 / floor.as_ref()?.p50_ns as f64));
            Some(Result_ {
                placement: placement.name(),
                peer: row.name,
                p50_us: of(|figure| figure.p50_ns)?,
                p99_us: of(|figure| figure.p99_ns)?,
                ratio: median(ratios.collect())?,
                rounds: figures.iter().flatten().count(),
            })
        })
        .collect()
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

fn print(figures: &Figures) {
    println!("{:<9}  {:<28}  {:>8}  {:>8}  {:>12}", "placement", "peer", "p50 us", "p99 us", "to the floor");
    for Result_ { placement, peer, p50_us, p99_us, ratio, .. } in &figures.results {
        println!("{placement:<9}  {peer:<28}  {p50_us:>8.1}  {p99_us:>8.1}  {ratio:>12.2}");
    }
    println!("\nthe floor is {FLOOR}; medians of rounds, ratios round by round");
    for reason in &figures.left_out {
        println!("left out: {reason}");
    }
}
