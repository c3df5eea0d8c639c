//! The figures as a table for people, as CSV and as JSON.
use std::fmt::Write;

use sendrec_core::timer::Strategy;
use serde::Serialize;

use super::workload::Workload;
use crate::machine::Machine;
use sendrec_measure::Spread;

/// One operation's cost.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) workload: Workload,
    pub(super) strategy: &'static str,
    pub(super) timers: u32,
    pub(super) nanos: Spread,
}

#[derive(Debug, Serialize)]
pub(super) struct Document {
    pub(super) machine: Machine,
    pub(super) rows: Vec<Row>,
}

impl Document {
    pub(super) fn find(&self, workload: Workload, strategy: Strategy, timers: u32) -> Option<Spread> {
        let is_it =
            |row: &&Row| (row.workload, row.strategy, row.timers) == (workload, strategy.name(), timers);
        self.rows.iter().find(is_it).map(|row| row.nanos)
    }

    pub(super) fn csv(&self) -> String {
        let mut text = String::from("workload,strategy,timers,ns_median,ns_min,ns_max\n");
        for Row { workload, strategy, timers, nanos: Spread { median, min, max } } in &self.rows {
            let workload = workload.name();
            let _ = writeln!(text, "{workload},{strategy},{timers},{median:.2},{min:.2},{max:.2}");
        }
        text
    }

    pub(super) fn table(&self, sizes: &[u32]) -> String {
        let mut text = format!("{}\nNanoseconds for each, median over rounds (min-max).\n", self.machine);
        for workload in Workload::ALL {
            let _ = write!(text, "\n{}: {}\n{:>10}", workload.name(), workload.explanation(), "timers");
            for strategy in Strategy::ALL {
                let _ = write!(text, "{:>32}", strategy.name());
            }
            for timers in sizes {
                let _ = write!(text, "\n{timers:>10}");
                for strategy in Strategy::ALL {
                    let nanos = self.find(workload, strategy, *timers);
                    let decimals = if nanos.is_some_and(|nanos| nanos.median < 100.0) { 1 } else { 0 };
                    let nanos = Spread::show(nanos, decimals);
                    let _ = write!(text, "{nanos:>32}");
                }
            }
            text.push('\n');
        }
        text
    }
}
