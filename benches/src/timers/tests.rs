//! What is printed and drawn of given figures; none is measured but once, to see that the workloads end.
use std::time::Duration;

use sendrec_core::timer::Strategy;

use super::plot::{grouped, svg};
use super::show::{Document, Row};
use super::workload::{Workload, costs};
use crate::machine::Machine;
use sendrec_measure::Spread;

const SIZES: [u32; 2] = [10, 30];

fn document() -> Document {
    let mut rows = Vec::new();
    for timers in SIZES {
        for workload in Workload::ALL {
            for (place, strategy) in Strategy::ALL.into_iter().enumerate() {
                let median = f64::from(timers) * (place + 1) as f64;
                let nanos = Spread { median, min: median - 1.0, max: median + 1.0 };
                rows.push(Row { workload, strategy: strategy.name(), timers, nanos });
            }
        }
    }
    Document { machine: Machine::here(2), rows }
}

#[test]
fn the_same_figures_in_every_form() {
    let document = document();
    let csv = document.csv();
    assert_eq!(csv.lines().count(), 1 + document.rows.len());
    assert!(csv.contains("\nanswered,list,30,60.00,59.00,61.00\n"), "{csv}");
    let table = document.table(&SIZES);
    let row = table.lines().find(|line| line.trim_start().starts_with("30 ")).unwrap();
    let figures: Vec<_> = row.split_whitespace().collect();
    assert_eq!(figures, ["30", "30.0", "(29.0-31.0)", "60.0", "(59.0-61.0)", "90.0", "(89.0-91.0)"]);
    let picture = svg(&document, &SIZES).unwrap();
    assert!(picture.trim_end().ends_with("</svg>"));
    for strategy in Strategy::ALL {
        let legends = picture.lines().filter(|line| line.trim() == strategy.name()).count();
        assert_eq!(legends, Workload::ALL.len(), "{strategy}");
    }
}

#[test]
fn large_numbers_are_grouped() {
    assert_eq!([0.1, 1.0, 100.0, 1e3, 1e6].map(grouped), ["0.1", "1", "100", "1,000", "1,000,000"]);
}

#[test]
fn each_workload_comes_to_an_end() {
    for strategy in Strategy::ALL {
        for nanos in costs(strategy, 10, Duration::from_micros(1)) {
            assert!(nanos.is_finite() && nanos >= 0.0, "{strategy}: {nanos}");
        }
    }
}
