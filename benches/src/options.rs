//! The command line.
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use crate::bulk::{BulkOptions, CompareOptions, ServeOptions};
use crate::child::Role;
use crate::critical::CriticalOptions;
use sendrec_measure::{Budget, Placement};

/// What is to be measured.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Long messages: protocols, error control, sizes and loss, beside raw UDP and TCP, and beside a prediction
    #[command(
        after_help = "Example:\n  sendrec bench bulk --quick\n  sendrec bench bulk --html bulk.html --json bulk.json\n  sendrec bench bulk --world --loss 0,0.01 --pattern independent,bursts\n  sendrec bench bulk --server 192.0.2.7:7100/1"
    )]
    Bulk(Box<BulkOptions>),
    /// The other side of `bulk --server`, on another host
    #[command(
        after_help = "Example:\n  sendrec bench serve --listen 192.0.2.7:7100\n  prints: serving at 192.0.2.7:7100/1"
    )]
    Serve(ServeOptions),
    /// Two runs of `bulk` side by side, from their JSON
    #[command(after_help = "Example:\n  sendrec bench compare old.json new.json")]
    Compare(CompareOptions),
    /// Where the time of a remote procedure call goes: the 21 steps of slide 39 and the way back, and copies per byte
    #[command(
        after_help = "Example:\n  sendrec bench critical-path\n  sendrec bench critical-path --placement apart --svg path.svg --json"
    )]
    CriticalPath(CriticalOptions),
    /// Round trips, calls per second, idleness and load, at each placement
    Latency(Latency),
    /// Cost of arming, disarming and firing, with 10 to a million timers, for each way of keeping them
    Timers(Timers),
    /// What a call costs with 1 to 10,000 processes, peers, calls outstanding, threads; with plots
    #[command(after_help = "Example:\n  sendrec bench growth --html growth.html --csv growth.csv")]
    Growth(Growth),
    /// Packet events per second of a world in virtual time, by the number of processes
    World(WorldOptions),
    /// The other side of a measurement; the benchmark starts it
    #[command(hide = true)]
    Child(Role),
}

/// What `latency` is told.
#[derive(Debug, Args)]
pub struct Latency {
    /// How often each row is measured, all rows in turn
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// How long a row is measured in each round
    #[arg(long, value_name = "SECONDS", default_value_t = 0.5, value_parser = seconds)]
    seconds_per_row: f64,
    /// Ends a row's round after so many calls, if its time is not over before
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    calls: Option<u64>,
    /// Prints the rows as JSON instead of a table
    #[arg(long)]
    pub(crate) json: bool,
    /// A short run that shows whether all works; its figures mean little
    #[arg(long, conflicts_with_all = ["rounds", "seconds_per_row"])]
    quick: bool,
    /// Only at this placement (repeatable; all three if not given)
    #[arg(long, value_enum)]
    placement: Vec<Placement>,
    /// Only the row of this name, or those whose names contain it; their floors are measured along
    #[arg(long, value_name = "TEXT")]
    pub(crate) row: Option<String>,
}

/// What `timers` is told.
#[derive(Debug, Args)]
pub struct Timers {
    /// Tables of 10 to so many timers
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(10..=TIMERS_MAX))]
    max: u32,
    /// How often each figure is measured, all strategies in turn
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Writes timers.csv and timers.svg, a plot, into this directory
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Prints the figures as JSON instead of a table
    #[arg(long)]
    pub(crate) json: bool,
    /// Prints them as CSV
    #[arg(long, conflicts_with = "json")]
    pub(crate) csv: bool,
    /// A short run, up to 10,000 timers, that shows whether all works; its figures mean little
    #[arg(long, conflicts_with = "rounds")]
    quick: bool,
}

/// What `growth` is told.
#[derive(Debug, Args)]
pub struct Growth {
    /// How often each figure is measured
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// How long each round takes
    #[arg(long, value_name = "SECONDS", default_value_t = 0.3, value_parser = seconds)]
    seconds: f64,
    /// Prints the figures as JSON instead of a table
    #[arg(long)]
    pub(crate) json: bool,
    /// Writes them as CSV too
    #[arg(long, value_name = "FILE")]
    pub(crate) csv: Option<PathBuf>,
    /// Writes a report for a browser too, with plots
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// A short run that shows whether all works; its figures mean little
    #[arg(long, conflicts_with_all = ["rounds", "seconds"])]
    pub(crate) quick: bool,
}

impl Growth {
    pub(crate) fn rounds(&self) -> u32 {
        if self.quick { 1 } else { self.rounds }
    }

    pub(crate) fn time(&self) -> Duration {
        Duration::from_secs_f64(if self.quick { 0.02 } else { self.seconds })
    }
}

/// What `world` is told.
#[derive(Debug, Args)]
pub struct WorldOptions {
    /// With so many processes (repeatable; 2, 10, 100 and 1000 if not given)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..=20_000))]
    processes: Vec<u32>,
    /// How often each is measured
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// How long each round takes
    #[arg(long, value_name = "SECONDS", default_value_t = 0.5, value_parser = seconds)]
    seconds_per_row: f64,
    /// Prints the rows as JSON instead of a table
    #[arg(long)]
    pub(crate) json: bool,
    /// A short run that shows whether all works; its figures mean little
    #[arg(long, conflicts_with_all = ["rounds", "seconds_per_row"])]
    quick: bool,
}

impl WorldOptions {
    pub(crate) fn processes(&self) -> Vec<usize> {
        if self.processes.is_empty() {
            return vec![2, 10, 100, 1_000];
        }
        self.processes.iter().map(|count| *count as usize).collect()
    }

    pub(crate) const fn is_quick(&self) -> bool {
        self.quick
    }

    pub(crate) const fn rounds(&self) -> u32 {
        if self.quick { 1 } else { self.rounds }
    }

    pub(crate) fn time(&self) -> Duration {
        Duration::from_secs_f64(if self.quick { 0.05 } else { self.seconds_per_row })
    }
}

pub(crate) fn seconds(text: &str) -> Result<f64, String> {
    const LONGEST: f64 = 3_600.0;
    match text.parse::<f64>() {
        Ok(seconds) if seconds > 0.0 && seconds <= LONGEST => Ok(seconds),
        _ => Err(format!("give seconds, more than 0 and at most {LONGEST}")),
    }
}

/// Fits into memory.
const TIMERS_MAX: i64 = 10_000_000;

impl Latency {
    pub(crate) fn rounds(&self) -> u32 {
        if self.quick { 1 } else { self.rounds }
    }

    pub(crate) fn budget(&self) -> Budget {
        let time = if self.quick { 0.05 } else { self.seconds_per_row };
        Budget { time: Duration::from_secs_f64(time), calls: self.calls.unwrap_or(u64::MAX) }
    }

    /// How long an idle node is watched.
    pub(crate) fn watch(&self) -> Duration {
        Duration::from_secs(if self.quick { 1 } else { 10 })
    }

    pub(crate) fn placements(&self) -> Vec<Placement> {
        if self.placement.is_empty() {
            return Placement::ALL.to_vec();
        }
        Placement::ALL.into_iter().filter(|placement| self.placement.contains(placement)).collect()
    }
}

impl Timers {
    /// One and three of each power of ten.
    pub(crate) fn sizes(&self) -> Vec<u32> {
        const QUICK_MAX: u32 = 10_000;
        let max = if self.quick { self.max.min(QUICK_MAX) } else { self.max };
        let powers = (1..).map(|power| 10_u32.pow(power)).take_while(|size| *size <= max);
        powers.flat_map(|size| [size, 3 * size]).filter(|size| *size <= max).collect()
    }

    pub(crate) fn rounds(&self) -> u32 {
        if self.quick { 1 } else { self.rounds }
    }

    /// How long a workload is measured in each round.
    pub(crate) fn time(&self) -> Duration {
        Duration::from_millis(if self.quick { 5 } else { 200 })
    }
}
