//! Two runs side by side: what became faster or slower, and whether by more than the runs themselves vary.
use std::fmt::Write;
use std::fs;
use std::path::Path;

use serde::Deserialize;

use super::case::Size;
use super::document::{Document, FORMAT, KIND};
use super::show;
use sendrec_measure::Fallible;
use sendrec_measure::Spread;

/// A change of less says nothing, however still the machine was.
const CHANGE_MIN: f64 = 0.03;

/// What a row's change is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Within the spread of either run.
    None,
    Faster,
    Slower,
}

impl Change {
    /// Of a time. Changed is what lies outside of the other run's whole range.
    pub(crate) fn of(old: Spread, new: Spread) -> Self {
        let ratio = new.median / old.median;
        if new.max < old.min && ratio < 1.0 - CHANGE_MIN {
            Self::Faster
        } else if new.min > old.max && ratio > 1.0 + CHANGE_MIN {
            Self::Slower
        } else {
            Self::None
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Faster => "faster",
            Self::Slower => "slower",
        }
    }
}

/// A run's JSON.
pub(crate) fn read(path: &Path) -> Fallible<Document> {
    let failed = |reason: &dyn std::fmt::Display| {
        format!("{}: {reason}; 'sendrec bench bulk --json FILE' writes what is compared", path.display())
    };
    let text = fs::read_to_string(path).map_err(|error| failed(&error))?;
    parse(&text).map_err(|reason| failed(&reason).into())
}

pub(crate) fn parse(text: &str) -> Result<Document, String> {
    let Kind { kind, format } = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if kind != KIND || format != FORMAT {
        return Err(format!("this is format {format} of '{kind}', not {FORMAT} of '{KIND}'"));
    }
    serde_json::from_str(text).map_err(|error| error.to_string())
}

/// What is read first: another format's fields are others.
#[derive(Deserialize)]
struct Kind {
    kind: String,
    format: u32,
}

/// What is timed, by name.
fn times(document: &Document) -> Vec<(String, Option<Spread>)> {
    let rows = document.rows.iter().map(|row| (row.name(), row.time()));
    let peers = document.peers.iter().map(|peer| {
        (format!("{}: {}, {}", peer.placement, peer.name, Size(peer.message_bytes)), peer.seconds)
    });
    rows.chain(peers).collect()
}

/// The table of both.
pub(crate) fn compare(old: &Document, new: &Document, changed_only: bool) -> String {
    let mut text =
        format!("old: {} ({})\nnew: {} ({})\n", old.machine, old.command, new.machine, new.command);
    if old.machine.to_string() != new.machine.to_string() {
        text.push_str("Not on the same machine, or not the same build: times differ for that alone.\n");
    }
    let (earlier, later) = (times(old), times(new));
    let _ = writeln!(text, "\n{:>10} {:>10} {:>7} {:<7}", "old", "new", "ratio", "");
    let (mut both, mut counts) = (0, [0, 0]);
    for (name, new) in &later {
        let Some((_, old)) = earlier.iter().find(|(other, _)| other == name) else { continue };
        both += 1;
        let change = match (old, new) {
            (Some(old), Some(new)) => Change::of(*old, *new),
            _ => Change::None,
        };
        match change {
            Change::Faster => counts[0] += 1,
            Change::Slower => counts[1] += 1,
            Change::None if changed_only => continue,
            Change::None => {}
        }
        let show =
            |spread: &Option<Spread>| spread.map_or("failed".into(), |spread| show::seconds(spread.median));
        let ratio = old.zip(*new).map_or("-".into(), |(old, new)| format!("{:.2}", new.median / old.median));
        let (old, new, change) = (show(old), show(new), change.name());
        let _ = writeln!(text, "{old:>10} {new:>10} {ratio:>7} {change:<7} {name}");
    }
    let [faster, slower] = counts;
    let _ = writeln!(
        text,
        "\n{both} rows in both runs: {faster} faster, {slower} slower, beyond the spread of both."
    );
    for (which, own, other) in [("old", &earlier, &later), ("new", &later, &earlier)] {
        let alone = own.iter().filter(|(name, _)| !other.iter().any(|(found, _)| found == name)).count();
        if alone > 0 {
            let _ = writeln!(text, "{alone} rows only in the {which} run.");
        }
    }
    text
}
