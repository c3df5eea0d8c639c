//! What an operation costs with 10 to a million timers, for each way of keeping them (slide 41).
//!
//! The tables alone, and no packet: what a call costs with all its timers is a row of `latency`.
pub(crate) mod plot;
mod show;
#[cfg(test)]
mod tests;
mod workload;

use std::fs;
use std::path::Path;
use std::time::Duration;

use sendrec_core::timer::Strategy;

use crate::machine::Machine;
use crate::options::Timers;
use crate::output::print;
use sendrec_measure::Fallible;
use sendrec_measure::Spread;
use sendrec_measure::allowed_cores;
use show::{Document, Row};
use workload::Workload;

/// Measures all and prints it; writes the files that were asked for.
pub(crate) fn run(options: &Timers) -> Fallible<()> {
    // Before the minutes of measuring: it may not be possible.
    if let Some(folder) = &options.out {
        fs::create_dir_all(folder).map_err(|error| cannot_write(folder, &error))?;
    }
    let sizes = options.sizes();
    let document = Document {
        machine: Machine::here(allowed_cores()?.len()),
        rows: measure(&sizes, options.rounds(), options.time()),
    };
    if let Some(folder) = &options.out {
        let files = [("timers.csv", document.csv()), ("timers.svg", plot::svg(&document, &sizes)?)];
        for (name, text) in files {
            let path = folder.join(name);
            fs::write(&path, text).map_err(|error| cannot_write(&path, &error))?;
            eprintln!("wrote {}", path.display());
        }
    }
    let text = if options.json {
        serde_json::to_string_pretty(&document)? + "\n"
    } else if options.csv {
        document.csv()
    } else {
        document.table(&sizes)
    };
    print(&text)
}

/// A picture of it: 10 to a million timers.
pub(crate) fn picture(is_quick: bool) -> Fallible<String> {
    let max = if is_quick { 1_000 } else { 1_000_000 };
    let sizes: Vec<u32> = (1..).map(|power| 10_u32.pow(power)).take_while(|size| *size <= max).collect();
    let rows = measure(&sizes, 1, Duration::from_millis(if is_quick { 2 } else { 50 }));
    plot::svg(&Document { machine: Machine::here(1), rows }, &sizes)
}

fn cannot_write(path: &Path, error: &std::io::Error) -> String {
    format!("{} cannot be written: {error}; give --out a directory that can", path.display())
}

/// Strategies in turn, and that several times.
fn measure(sizes: &[u32], rounds: u32, time: Duration) -> Vec<Row> {
    let mut rows = Vec::new();
    for timers in sizes {
        eprintln!("{timers} timers");
        let mut figures = Workload::ALL.map(|_| Strategy::ALL.map(|_| Vec::new()));
        for _ in 0..rounds {
            for (strategy, kind) in Strategy::ALL.into_iter().enumerate() {
                for (workload, nanos) in workload::costs(kind, *timers, time).into_iter().enumerate() {
                    figures[workload][strategy].push(nanos);
                }
            }
        }
        for (workload, figures) in Workload::ALL.into_iter().zip(figures) {
            for (strategy, figures) in Strategy::ALL.into_iter().zip(figures) {
                if let Some(nanos) = Spread::of(figures) {
                    rows.push(Row { workload, strategy: strategy.name(), timers: *timers, nanos });
                }
            }
        }
    }
    rows
}
