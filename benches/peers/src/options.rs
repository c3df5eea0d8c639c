//! The command line.
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand};
use sendrec_measure::Placement;

use crate::catalogue::{WORKLOADS, Workload};

/// Measures sendrec beside its peers.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Example:\n  cargo run --release --manifest-path benches/peers/Cargo.toml -- --html peers.html --csv peers.csv\n  cargo run --release --manifest-path benches/peers/Cargo.toml -- --quick --workload null --peer sendrec --peer ZeroMQ"
)]
pub(crate) struct Options {
    #[command(subcommand)]
    pub(crate) role: Option<Role>,
    /// How often each peer is measured, all in turn
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// How long each round of a peer's workload is
    #[arg(long, value_name = "SECONDS", default_value_t = 0.3, value_parser = seconds)]
    seconds: f64,
    /// Only at this placement (repeatable; all three if not given)
    #[arg(long, value_enum)]
    placement: Vec<Placement>,
    /// Only this workload (repeatable; all if not given)
    #[arg(long, value_name = "NAME", value_parser = workload)]
    workload: Vec<Workload>,
    /// Only peers whose names contain this (repeatable); what they are compared with is measured along
    #[arg(long, value_name = "TEXT")]
    peer: Vec<String>,
    /// Prints the figures as JSON instead of tables
    #[arg(long)]
    pub(crate) json: bool,
    /// Writes them as CSV too
    #[arg(long, value_name = "FILE")]
    pub(crate) csv: Option<PathBuf>,
    /// Writes a report for a browser too: plots, tables, goals
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// A short run that shows whether all works; its figures mean little
    #[arg(long, conflicts_with_all = ["rounds", "seconds"])]
    pub(crate) quick: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Role {
    /// Keeps a core busy; the program starts it itself
    #[command(hide = true)]
    Spin {
        /// Which
        core: usize,
    },
}

fn seconds(text: &str) -> Result<f64, String> {
    const LONGEST: f64 = 60.0;
    match text.parse::<f64>() {
        Ok(seconds) if seconds > 0.0 && seconds <= LONGEST => Ok(seconds),
        _ => Err(format!("give seconds, more than 0 and at most {LONGEST}")),
    }
}

fn workload(text: &str) -> Result<Workload, String> {
    let names = || WORKLOADS.iter().map(|workload| workload.key).collect::<Vec<_>>().join(", ");
    let found = WORKLOADS.iter().find(|workload| workload.key == text).copied();
    found.ok_or_else(|| format!("there is none of this name; there are: {}", names()))
}

impl Options {
    pub(crate) fn rounds(&self) -> u32 {
        if self.quick { 1 } else { self.rounds }
    }

    pub(crate) fn time(&self) -> Duration {
        Duration::from_secs_f64(if self.quick { 0.05 } else { self.seconds })
    }

    /// How long an idle pair is watched.
    pub(crate) fn watch(&self) -> Duration {
        Duration::from_secs(if self.quick { 1 } else { 5 })
    }

    pub(crate) fn placements(&self) -> Vec<Placement> {
        let wanted = |placement: &Placement| self.placement.is_empty() || self.placement.contains(placement);
        Placement::ALL.into_iter().filter(wanted).collect()
    }

    pub(crate) fn workloads(&self) -> Vec<Workload> {
        let wanted = |workload: &Workload| {
            if self.workload.is_empty() {
                return !(self.quick && workload.is_long);
            }
            self.workload.iter().any(|other| other.key == workload.key)
        };
        WORKLOADS.into_iter().filter(wanted).collect()
    }

    pub(crate) fn wants(&self, peer: &str) -> bool {
        let peer = peer.to_ascii_lowercase();
        self.peer.is_empty() || self.peer.iter().any(|text| peer.contains(&text.to_ascii_lowercase()))
    }
}
