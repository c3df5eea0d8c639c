//! The figures as tables for people, and as JSON, CSV and HTML for whatever they are needed for.
use sendrec_benches::output::{Output, print};
use sendrec_measure::{Fallible, Spread};

use crate::catalogue::WORKLOADS;
use crate::document::{Document, Row};
use crate::html;
use crate::options::Options;

/// Files that can be written, opened before anything is measured.
pub(crate) struct Outputs {
    csv: Option<Output>,
    html: Option<Output>,
}

impl Outputs {
    pub(crate) fn open(options: &Options) -> Fallible<Self> {
        let [csv, html] = Output::open_each([options.csv.as_deref(), options.html.as_deref()])?;
        Ok(Self { csv, html })
    }

    /// Prints and writes what is wanted.
    pub(crate) fn write(self, options: &Options, document: &Document) -> Fallible<()> {
        if let Some(file) = self.csv {
            file.write(&csv(document))?;
        }
        if let Some(file) = self.html {
            file.write(&html::page(document)?)?;
        }
        print(&if options.json { serde_json::to_string_pretty(document)? + "\n" } else { tables(document) })
    }
}

/// A median alone; how far rounds lie apart is in the other forms.
pub(crate) fn median(spread: Option<Spread>, decimals: usize) -> String {
    spread.map_or_else(|| "-".into(), |spread| format!("{:.decimals$}", spread.median))
}

/// What heads a workload's columns, after the placement and the peer.
pub(crate) const COLUMNS: [&str; 8] =
    ["figure", "p99 us", "to the floor", "(least-most)", "CPU us/call", "client MiB", "server MiB", "rounds"];

/// A row's cells, for those columns.
pub(crate) fn cells(row: &Row) -> [String; 8] {
    let figure = match row {
        Row { p50_us: Some(p50), .. } => format!("{:.2}", p50.median),
        Row { calls_per_second: Some(rate), .. } => format!("{:.0}", rate.median),
        Row { gigabytes_per_second: Some(speed), .. } => format!("{:.3}", speed.median),
        Row { switches_per_second: Some(switches), .. } => format!("{:.1}", switches.median),
        _ => "-".into(),
    };
    let range = row.ratio.map_or_else(String::new, |ratio| format!("({:.2}-{:.2})", ratio.min, ratio.max));
    [
        figure,
        median(row.p99_us, 2),
        median(row.ratio, 2),
        range,
        median(row.cpu_us_per_call, 2),
        median(row.client_mib, 1),
        median(row.server_mib, 1),
        row.rounds.to_string(),
    ]
}

/// What a workload's figure is.
pub(crate) fn unit(row: &Row) -> &'static str {
    match row {
        Row { p50_us: Some(_), .. } => "p50, us",
        Row { calls_per_second: Some(_), .. } => "calls per second",
        Row { gigabytes_per_second: Some(_), .. } => "GB/s",
        _ => "context switches per second",
    }
}

fn tables(document: &Document) -> String {
    use std::fmt::Write;
    let mut text = format!("{}\nMedians of {} rounds.\n", document.machine, document.rounds);
    for workload in WORKLOADS {
        let mut placement = "";
        for row in document.rows.iter().filter(|row| row.workload == workload.key) {
            if placement.is_empty() {
                let floor = row.floor.map_or_else(String::new, |floor| format!("; the floor is {floor}"));
                let _ = writeln!(text, "\n{}, {}{floor}", workload.name, unit(row));
            }
            if placement != row.placement {
                placement = row.placement;
                let [figure, p99, ratio, range, cpu, client, server, rounds] = COLUMNS;
                let _ = writeln!(
                    text,
                    "{placement:<40}{figure:>12}{p99:>10}{ratio:>14}{range:>16}{cpu:>13}{client:>12}{server:>12}{rounds:>8}"
                );
            }
            let [figure, p99, ratio, range, cpu, client, server, rounds] = cells(row);
            let _ = writeln!(
                text,
                "{:<40}{figure:>12}{p99:>10}{ratio:>14}{range:>16}{cpu:>13}{client:>12}{server:>12}{rounds:>8}",
                row.peer
            );
        }
    }
    if !document.goals.is_empty() {
        let _ =
            writeln!(text, "\n{:<50}{:<10}{:>8}{:>16}  goal", "goal", "placement", "value", "(least-most)");
    }
    for goal in &document.goals {
        let Spread { median, min, max } = goal.value;
        let range = format!("({min:.2}-{max:.2})");
        let reached = if goal.is_reached { "reached" } else { "missed" };
        let _ = writeln!(
            text,
            "{:<50}{:<10}{median:>8.2}{range:>16}  {}: {reached}",
            goal.what, goal.placement, goal.goal
        );
    }
    for reason in &document.left_out {
        let _ = writeln!(text, "left out: {reason}");
    }
    text
}

fn csv(document: &Document) -> String {
    let mut text = String::from(
        "workload,placement,peer,rounds,figure,unit,least,most,p99_us,ratio,floor,cpu_us_per_call,client_mib,server_mib\n",
    );
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let number = |spread: Option<Spread>| spread.map_or_else(String::new, |spread| spread.median.to_string());
    for row in &document.rows {
        let main = row.main();
        let part = |part: fn(Spread) -> f64| main.map_or_else(String::new, |main| part(main).to_string());
        let fields = [
            row.workload.to_owned(),
            row.placement.to_owned(),
            quoted(row.peer),
            row.rounds.to_string(),
            number(main),
            quoted(unit(row)),
            part(|main| main.min),
            part(|main| main.max),
            number(row.p99_us),
            number(row.ratio),
            quoted(row.floor.unwrap_or_default()),
            number(row.cpu_us_per_call),
            number(row.client_mib),
            number(row.server_mib),
        ];
        text.push_str(&fields.join(","));
        text.push('\n');
    }
    text
}
