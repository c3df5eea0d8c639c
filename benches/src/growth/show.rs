//! The figures in words: a table, and CSV.
use std::fmt::Write;

use sendrec_measure::Spread;
use serde::Serialize;

use super::What;
use crate::machine::Machine;

/// A cost that grows by less than this is flat.
const FLAT: f64 = 1.5;

/// What something costs at a size.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) grows: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) size: usize,
    pub(crate) figure: Spread,
}

#[derive(Debug, Serialize)]
pub(crate) struct Document {
    pub(crate) machine: Machine,
    pub(crate) rows: Vec<Row>,
}

impl Document {
    pub(crate) fn rows_of(&self, what: What) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(move |row| row.grows == what.name())
    }

    /// How much more the largest costs than the smallest, in words.
    pub(crate) fn growth(&self, what: What) -> Option<String> {
        let (first, last) = (self.rows_of(what).next()?, self.rows_of(what).last()?);
        let times = last.figure.median / first.figure.median;
        let verdict = if times <= FLAT { "flat" } else { "it grows" };
        Some(format!("{} to {}: {times:.2} times the cost, {verdict}", first.size, last.size))
    }

    pub(crate) fn table(&self) -> String {
        let mut text = format!("{}\nMedians of rounds (least-most).\n", self.machine);
        for what in What::ALL {
            let _ = writeln!(text, "\n{:>10}  {} ({})", "", what.name(), what.unit());
            for row in self.rows_of(what) {
                let _ = writeln!(text, "{:>10}  {}", row.size, Spread::show(Some(row.figure), 1));
            }
            if let Some(growth) = self.growth(what) {
                let _ = writeln!(text, "{:>10}  {growth}", "");
            }
        }
        text
    }

    pub(crate) fn csv(&self) -> String {
        let mut text = String::from("grows,size,unit,median,least,most\n");
        for Row { grows, unit, size, figure } in &self.rows {
            let Spread { median, min, max } = figure;
            let _ = writeln!(text, "{grows},{size},\"{unit}\",{median},{min},{max}");
        }
        text
    }
}
