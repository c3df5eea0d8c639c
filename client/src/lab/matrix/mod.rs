//! The matrix (slide 20): all 81 combinations under one workload, each shown to be in force, each checked.
//!
//! `workload` is what runs; `measure` reads what came of it; `proofs` finds the events that show a choice in force;
//! `promises` is what each choice promises, written by hand and knowing nothing of how a run is made; `table` and
//! `page` show it. Deliberately not here: how a run is made, which is a [`Runner`]'s business.
mod combination;
mod measure;
mod page;
mod promises;
mod proofs;
mod table;
#[cfg(test)]
mod tests;
mod workload;

use sendrec_core::fault::Faults;
use serde::Serialize;

use super::scenario::Scenario;
use super::stage::{Run, run};
use super::switches::Switches;

pub use combination::{Combination, Dimension, Keeping, Only};
pub use measure::{Asked, Count, Exchange, Facts, Weather};
pub use page::html;
pub use promises::{Broken, Checked, Promise, check, promises};
pub use proofs::Proof;
pub use table::{csv, json, text};
pub use workload::{machines, workload};

/// What runs scenarios as switches want them.
pub trait Runner {
    /// Runs each to its end, several at once if that is of use; their outcomes in the same order. An error is why one
    /// could not be run at all. `progress` hears how many are done.
    fn run_all(
        &mut self,
        jobs: &[(Scenario, Switches)],
        progress: &mut dyn FnMut(usize),
    ) -> Vec<Result<Run, String>>;

    /// Whether time is virtual and the machines share one clock.
    fn is_world(&self) -> bool;
}

/// Runs in a world, in virtual time.
#[derive(Clone, Copy, Debug, Default)]
pub struct InWorld;

impl Runner for InWorld {
    fn run_all(
        &mut self,
        jobs: &[(Scenario, Switches)],
        progress: &mut dyn FnMut(usize),
    ) -> Vec<Result<Run, String>> {
        let one = |(place, (scenario, switches)): (usize, &(Scenario, Switches))| {
            progress(place);
            Ok(run(scenario, switches))
        };
        jobs.iter().enumerate().map(one).collect()
    }

    fn is_world(&self) -> bool {
        true
    }
}

/// What the matrix is made with.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What decides chance, in every row.
    pub seed: u64,
    /// What goes wrong, in every row.
    pub faults: Faults,
    /// The rows wanted.
    pub only: Only,
}

/// All rows and what they were made with.
#[derive(Clone, Debug, Serialize)]
pub struct Matrix {
    /// What decided chance.
    pub seed: u64,
    /// What went wrong, as rules.
    pub faults: String,
    /// Whether it ran in a world.
    pub world: bool,
    /// The rows, in the order of slide 20.
    pub rows: Vec<Row>,
}

/// One combination and what came of it.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// From 1, in the order of slide 20.
    pub number: usize,
    /// The four choices.
    #[serde(flatten)]
    pub combination: Combination,
    /// What was seen.
    #[serde(flatten)]
    pub facts: Facts,
    /// The event that shows each choice in force, in the order of [`Dimension::ALL`], if there is one.
    pub proofs: [Option<Proof>; 4],
    /// How many promises were looked at.
    pub promises: usize,
    /// Those that did not hold.
    pub broken: Vec<Broken>,
    /// The choices that no event showed in force, because of what went wrong on purpose.
    pub unseen: Vec<Dimension>,
}

impl Matrix {
    /// Whether every promise of every row held.
    pub fn held(&self) -> bool {
        self.rows.iter().all(|row| row.broken.is_empty())
    }

    /// How many choices no event showed in force.
    pub fn unseen(&self) -> usize {
        self.rows.iter().map(|row| row.unseen.len()).sum()
    }
}

/// Runs the rows wanted. `progress` hears how many of them are done, and of how many.
pub fn matrix(
    options: &Options,
    runner: &mut dyn Runner,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Matrix, String> {
    let wanted: Vec<(usize, Combination)> = Combination::all()
        .into_iter()
        .enumerate()
        .map(|(place, combination)| (place + 1, combination))
        .filter(|(_, combination)| options.only.admits(combination))
        .collect();
    let job = |(_, combination): &(usize, Combination)| {
        (workload(combination), combination.switches(options.seed, &options.faults))
    };
    let jobs: Vec<_> = wanted.iter().map(job).collect();
    let runs = runner.run_all(&jobs, &mut |done| progress(done, wanted.len()));
    progress(wanted.len(), wanted.len());
    let weather = Weather::new(runner.is_world(), &options.faults);
    let mut rows = Vec::new();
    for ((number, combination), run) in wanted.into_iter().zip(runs) {
        let row = run.and_then(|run| judge(number, combination, weather, &run));
        rows.push(row.map_err(|reason| format!("row {number} ({combination}): {reason}"))?);
    }
    let faults = if options.faults.is_empty() { String::new() } else { options.faults.to_string() };
    Ok(Matrix { seed: options.seed, faults, world: runner.is_world(), rows })
}

fn judge(number: usize, combination: Combination, weather: Weather, run: &Run) -> Result<Row, String> {
    if let Some(reason) = &run.cut_short {
        return Err(reason.clone());
    }
    let facts = measure::measure(run, weather);
    let proofs = proofs::proofs(run, &combination);
    let Checked { promises, broken, unseen } = check(&combination, &facts, &proofs);
    Ok(Row { number, combination, facts, proofs, promises, broken, unseen })
}
