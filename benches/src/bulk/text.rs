//! The figures as tables for people, and as CSV.
use std::fmt::Write;

use super::case::Size;
use super::document::{DEVIATION_MAX, Document, Row};
use super::show::{
    AVERAGE, COLUMNS, LOSS_COLUMN, cells, digits, fairness_cells, is_off, median, seconds, spread,
};
use sendrec_measure::Spread;

/// Between the ends of a range.
const DASH: &str = "-";

/// One line of a table: each cell in so many columns, to the left where they are negative.
fn line(text: &mut String, widths: &[isize], cells: &[impl AsRef<str>]) {
    let mut line = String::new();
    for (width, cell) in widths.iter().zip(cells) {
        let (columns, cell) = (width.unsigned_abs(), cell.as_ref());
        let _ =
            if *width < 0 { write!(line, "{cell:<columns$} ") } else { write!(line, "{cell:>columns$} ") };
    }
    let _ = writeln!(text, "{}", line.trim_end());
}

/// The names of a table's columns, below an empty line.
fn head(text: &mut String, widths: &[isize], names: &[&str]) {
    text.push('\n');
    line(text, widths, names);
}

/// All of it.
pub(crate) fn tables(document: &Document) -> String {
    let mut text = format!("{}\n", document.machine);
    let _ = writeln!(text, "{} rounds (min-max): {AVERAGE}. A megabyte is 10^6 bytes.", document.rounds);
    text.push_str("The kernels run as by default, but:\n");
    for line in &document.configured {
        let _ = writeln!(text, "  {line}");
    }
    if let Some(granted) = &document.granted {
        let _ = writeln!(text, "{granted}");
    }
    rows(document, &mut text);
    peers(document, &mut text);
    fairness(document, &mut text);
    for (what, list) in [("left out", &document.skipped), ("failed", &document.failed)] {
        if !list.is_empty() {
            let _ = writeln!(text, "\n{what}:");
        }
        for line in list {
            let _ = writeln!(text, "  {line}");
        }
    }
    text
}

fn rows(document: &Document, text: &mut String) {
    // Behind the columns stands a mark.
    let mut widths = [-14, -10, 6, 8, -17, 30, 9, 9, 7, 8, 10, 10, 1];
    let losses = document.rows.iter().map(|row| row.case.loss.to_string().len() as isize);
    widths[LOSS_COLUMN] = -losses.max().unwrap_or(0).max(-widths[LOSS_COLUMN]);
    let mut place = "";
    for row in &document.rows {
        if row.place != place {
            place = &row.place;
            let _ = writeln!(text, "\n{place}");
            line(text, &widths, &COLUMNS);
        }
        let mark = if is_off(row) { "!" } else { "" };
        let mut cells = cells(row, DASH, median).to_vec();
        cells.push(mark.into());
        line(text, &widths, &cells);
    }
    if document.rows.is_empty() {
        return;
    }
    let far: Vec<_> = document.deviations().collect();
    let percent = DEVIATION_MAX * 100.0;
    let (count, all) = (far.len(), document.rows.len());
    let _ = writeln!(text, "\npredictions off by more than {percent} %: {count} of {all}");
    for (row, deviation) in far {
        let (took, predicted) = (average_seconds(row), seconds(row.predicted.seconds));
        let _ =
            writeln!(text, "  {}: {took}, predicted {predicted} ({:+.0} %)", row.name(), deviation * 100.0);
    }
}

fn average_seconds(row: &Row) -> String {
    row.expected.map_or("failed".into(), seconds)
}

fn peers(document: &Document, text: &mut String) {
    const WIDTHS: [isize; 4] = [-76, 8, 30, 24];
    const RATIO_WIDTHS: [isize; 6] = [-44, -10, 8, 20, 6, -7];
    let mut placement = "";
    for peer in &document.peers {
        if peer.placement != placement {
            placement = &peer.placement;
            let _ = writeln!(text, "\nfloors and peers, {placement}");
            line(text, &WIDTHS, &["", "message", "time", "MB/s"]);
        }
        let cells = [
            peer.full_name(),
            Size(peer.message_bytes).to_string(),
            spread(peer.seconds, DASH, seconds),
            spread(peer.megabytes_per_second, DASH, digits),
        ];
        line(text, &WIDTHS, &cells);
    }
    if !document.ratios.is_empty() {
        head(text, &RATIO_WIDTHS, &["ratios", "placement", "message", "ratio", "goal"]);
    }
    for ratio in &document.ratios {
        let verdict = ratio.is_reached().map_or("", |reached| if reached { "reached" } else { "missed" });
        let cells = [
            ratio.name.clone(),
            ratio.placement.clone(),
            Size(ratio.message_bytes).to_string(),
            spread(ratio.value, DASH, |value| format!("{value:.2}")),
            ratio.goal.map_or(String::new(), |goal| goal.to_string()),
            verdict.into(),
        ];
        line(text, &RATIO_WIDTHS, &cells);
    }
}

fn fairness(document: &Document, text: &mut String) {
    const WIDTHS: [isize; 5] = [-44, -10, 24, 26, 24];
    if !document.fairness.is_empty() {
        head(text, &WIDTHS, &["null call, us", "placement", "p50", "p99", "MB/s meanwhile"]);
    }
    for row in &document.fairness {
        line(text, &WIDTHS, &fairness_cells(row, DASH));
    }
}

/// The table's rows, and floors and peers with the columns that they have.
pub(crate) fn csv(document: &Document) -> String {
    let mut text = String::from(
        "place,protocol,errors,packet_bytes,message_bytes,loss,pattern,seconds,seconds_min,seconds_max,\
         megabytes_per_second,packets,retransmitted,acknowledgements,predicted_seconds,deviation\n",
    );
    let number = |value: Option<f64>| value.map_or(String::new(), |value| format!("{value}"));
    let middle = |spread: Option<Spread>| number(spread.map(|spread| spread.median));
    for row in &document.rows {
        let case = &row.case;
        let _ = write!(text, "{},{},{},", row.place, case.protocol_name(), case.errors.name());
        let _ = write!(text, "{},{},{},", case.packet_bytes, case.message_bytes, case.loss.chance);
        let (min, max) = (row.seconds.map(|spread| spread.min), row.seconds.map(|spread| spread.max));
        let _ = write!(text, "{},{},", case.loss.pattern.name(), number(row.expected));
        let _ = write!(text, "{},{},{},", number(min), number(max), middle(row.megabytes_per_second));
        let _ = write!(text, "{},{},", middle(row.packets), middle(row.retransmitted));
        let _ = write!(text, "{},{},", middle(row.acknowledgements), row.predicted.seconds);
        let _ = writeln!(text, "{}", number(row.deviation));
    }
    for peer in &document.peers {
        let name = peer.full_name().replace(',', ";");
        let (min, max) = (peer.seconds.map(|spread| spread.min), peer.seconds.map(|spread| spread.max));
        let _ = write!(text, "udp {},{name},,,{},0,independent,", peer.placement, peer.message_bytes);
        let _ = write!(text, "{},{},{},", middle(peer.seconds), number(min), number(max));
        let _ = writeln!(text, "{},,,,,", middle(peer.megabytes_per_second));
    }
    text
}
