//! What was measured, as a table for people and as JSON for programs.
use serde::Serialize;

use crate::machine::Machine;
use sendrec_measure::{Figure, Spread};

/// All rounds of one row at one placement. A round that failed stands as `None`, so that the rounds of a row and of
/// its floor stay side by side.
#[derive(Debug)]
pub(crate) struct Line {
    name: &'static str,
    placement: &'static str,
    floor: Option<&'static str>,
    rounds: Vec<Option<Figure>>,
}

impl Line {
    pub(crate) const fn new(
        name: &'static str,
        placement: &'static str,
        floor: Option<&'static str>,
    ) -> Self {
        Self { name, placement, floor, rounds: Vec::new() }
    }

    pub(crate) fn push(&mut self, figure: Option<Figure>) {
        self.rounds.push(figure);
    }

    fn spread(&self, part: fn(Figure) -> Option<f64>) -> Option<Spread> {
        Spread::of(self.rounds.iter().flatten().filter_map(|figure| part(*figure)))
    }

    /// Round by round, each to the floor of the same round.
    fn ratio(&self, floor: Option<&Self>, part: fn(Figure) -> Option<f64>) -> Option<Spread> {
        let pairs = self.rounds.iter().zip(&floor?.rounds);
        Spread::of(pairs.filter_map(|(own, floor)| Some(part((*own)?)? / part((*floor)?)?)))
    }
}

const fn p50(figure: Figure) -> Option<f64> {
    if let Figure::RoundTrip { p50, .. } = figure { Some(p50) } else { None }
}

const fn p99(figure: Figure) -> Option<f64> {
    if let Figure::RoundTrip { p99, .. } = figure { Some(p99) } else { None }
}

const fn rate(figure: Figure) -> Option<f64> {
    if let Figure::Rate(rate) = figure { Some(rate) } else { None }
}

const fn switches(figure: Figure) -> Option<f64> {
    if let Figure::Switches(count) = figure { Some(count as f64) } else { None }
}

/// What could not be measured here, and why.
#[derive(Debug, Serialize)]
pub(crate) struct Skipped {
    /// Which row; all if none.
    pub(crate) row: Option<&'static str>,
    /// At which placement; at all if none.
    pub(crate) placement: Option<&'static str>,
    pub(crate) reason: String,
}

/// A line with its figures worked out.
#[derive(Debug, Serialize)]
struct Shown {
    row: &'static str,
    placement: &'static str,
    floor: Option<&'static str>,
    p50_us: Option<Spread>,
    p99_us: Option<Spread>,
    calls_per_second: Option<Spread>,
    context_switches: Option<Spread>,
    /// To the floor: of p50, or of calls per second.
    ratio: Option<Spread>,
    ratio_p99: Option<Spread>,
}

#[derive(Debug, Serialize)]
struct Document<'a> {
    machine: &'a Machine,
    rows: Vec<Shown>,
    skipped: &'a [Skipped],
    failed: &'a [Skipped],
}

/// Everything a run has found.
#[derive(Debug)]
pub(crate) struct Report {
    machine: Machine,
    lines: Vec<Line>,
    skipped: Vec<Skipped>,
    failed: Vec<Skipped>,
}

impl Report {
    pub(crate) const fn new(machine: Machine) -> Self {
        Self { machine, lines: Vec::new(), skipped: Vec::new(), failed: Vec::new() }
    }

    pub(crate) fn add(&mut self, lines: Vec<Line>) {
        self.lines.extend(lines);
    }

    pub(crate) fn skip(&mut self, skipped: Skipped) {
        self.skipped.push(skipped);
    }

    pub(crate) fn fail(&mut self, row: &'static str, placement: &'static str, reason: String) {
        self.failed.push(Skipped { row: Some(row), placement: Some(placement), reason });
    }

    pub(crate) const fn has_failed(&self) -> bool {
        !self.failed.is_empty()
    }

    fn shown(&self) -> Vec<Shown> {
        let show = |line: &Line| {
            let is_floor =
                |other: &&Line| Some(other.name) == line.floor && other.placement == line.placement;
            let floor = self.lines.iter().find(is_floor);
            Shown {
                row: line.name,
                placement: line.placement,
                floor: line.floor,
                p50_us: line.spread(p50),
                p99_us: line.spread(p99),
                calls_per_second: line.spread(rate),
                context_switches: line.spread(switches),
                ratio: line.ratio(floor, |figure| p50(figure).or_else(|| rate(figure))),
                ratio_p99: line.ratio(floor, p99),
            }
        };
        self.lines.iter().map(show).collect()
    }

    /// Prints it to standard output.
    pub(crate) fn print(&self, json: bool) -> Result<(), serde_json::Error> {
        let rows = self.shown();
        if json {
            let document =
                Document { machine: &self.machine, rows, skipped: &self.skipped, failed: &self.failed };
            println!("{}", serde_json::to_string_pretty(&document)?);
            return Ok(());
        }
        println!("{}", self.machine);
        println!(
            "Median over rounds (min-max). Round trips in us, their ratio to the floor: lower is better;"
        );
        println!("rates in calls per second, their ratio to the floor: higher is better.");
        let mut placement = "";
        for row in &rows {
            let group = if row.context_switches.is_some() { "idle" } else { row.placement };
            if group != placement {
                placement = group;
                print_head(group);
            }
            print_row(row);
        }
        for (what, list) in [("skipped", &self.skipped), ("failed", &self.failed)] {
            for entry in list {
                let [row, placement] = [entry.row, entry.placement].map(|name| name.unwrap_or("all"));
                println!("{what}: {row} at {placement}: {}", entry.reason);
            }
        }
        Ok(())
    }
}

fn print_head(placement: &str) {
    let [figure, p99, ratio, ratio_p99] = ["p50 or rate", "p99", "ratio", "ratio of p99"];
    println!("\n{placement:<50}{figure:>28}{p99:>24}{ratio:>20}{ratio_p99:>22}");
}

fn print_row(row: &Shown) {
    let figure = match (row.p50_us, row.calls_per_second, row.context_switches) {
        (Some(_), _, _) => Spread::show(row.p50_us, 2),
        (None, Some(_), _) => Spread::show(row.calls_per_second, 0),
        (None, None, Some(switches)) => format!("{:.0}", switches.median),
        (None, None, None) => "failed".into(),
    };
    let (p99, ratio) = (Spread::show(row.p99_us, 2), Spread::show(row.ratio, 2));
    let ratio_p99 = Spread::show(row.ratio_p99, 2);
    println!("{:<50}{figure:>28}{p99:>24}{ratio:>20}{ratio_p99:>22}", row.row);
}
