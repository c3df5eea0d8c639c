//! The figures as tables for people, and as CSV.
use std::fmt::Write;

use super::case::Size;
use super::document::{DEVIATION_MAX, Document, Row};
use crate::report::Spread;

/// 1.23 ms and the like.
pub(crate) fn seconds(seconds: f64) -> String {
    for (unit, scale) in [("s", 1.0), ("ms", 1e3)] {
        if seconds * scale >= 1.0 {
            return format!("{} {unit}", digits(seconds * scale));
        }
    }
    format!("{} us", digits(seconds * 1e6))
}

/// Three digits that mean something.
pub(crate) fn digits(value: f64) -> String {
    match value.abs() {
        v if v >= 100.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

fn spread(spread: Option<Spread>, show: impl Fn(f64) -> String) -> String {
    match spread {
        None => "failed".into(),
        Some(Spread { median, min, max }) if min == median && max == median => show(median),
        Some(Spread { median, min, max }) => format!("{} ({}-{})", show(median), show(min), show(max)),
    }
}

fn median(spread: Option<Spread>) -> String {
    spread.map_or("-".into(), |spread| digits(spread.median))
}

/// All of it.
pub(crate) fn tables(document: &Document) -> String {
    let mut text = format!("{}\n", document.machine);
    let _ = writeln!(text, "Medians of {} rounds (min-max); a megabyte is 10^6 bytes.", document.rounds);
    text.push_str("The kernels run as by default, but:\n");
    for line in &document.configured {
        let _ = writeln!(text, "  {line}");
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
    let mut place = "";
    for row in &document.rows {
        if row.place != place {
            place = &row.place;
            head(place, text);
        }
        line(row, text);
    }
    if document.rows.is_empty() {
        return;
    }
    let far: Vec<_> = document.deviations().collect();
    let percent = DEVIATION_MAX * 100.0;
    let _ = writeln!(
        text,
        "\npredictions off by more than {percent} %: {} of {}",
        far.len(),
        document.rows.len()
    );
    for (row, deviation) in far {
        let (took, expected) = (median_seconds(row), seconds(row.predicted.seconds));
        let _ =
            writeln!(text, "  {}: {took}, predicted {expected} ({:+.0} %)", row.name(), deviation * 100.0);
    }
}

fn median_seconds(row: &Row) -> String {
    row.seconds.map_or("failed".into(), |spread| seconds(spread.median))
}

fn head(place: &str, text: &mut String) {
    let _ = writeln!(
        text,
        "\n{place}\n{:<14} {:<10} {:>6} {:>8} {:<17} {:>30} {:>9} {:>9} {:>7} {:>8} {:>8} {:>10} {:>6}",
        "protocol",
        "errors",
        "packet",
        "message",
        "loss",
        "time",
        "MB/s",
        "predicted",
        "off",
        "packets",
        "again",
        "acks",
        ""
    );
}

fn line(row: &Row, text: &mut String) {
    let case = &row.case;
    let off = row.deviation.map_or("-".into(), |deviation| format!("{:+.0} %", deviation * 100.0));
    let mark = if row.deviation.is_some_and(|deviation| deviation.abs() > DEVIATION_MAX) { "!" } else { "" };
    let message = Size(case.message_bytes).to_string();
    let _ = writeln!(
        text,
        "{:<14} {:<10} {:>6} {message:>8} {:<17} {:>30} {:>9} {:>9} {off:>7} {:>8} {:>8} {:>10} {mark}",
        case.protocol_name(),
        case.errors.name(),
        case.packet_bytes,
        case.loss.to_string(),
        spread(row.seconds, seconds),
        median(row.megabytes_per_second),
        seconds(row.predicted.seconds),
        median(row.packets),
        median(row.retransmitted),
        median(row.acknowledgements),
    );
}

fn peers(document: &Document, text: &mut String) {
    let mut placement = "";
    for peer in &document.peers {
        if peer.placement != placement {
            placement = &peer.placement;
            let _ = writeln!(
                text,
                "\nfloors and peers, {placement}\n{:<76} {:>8} {:>30} {:>24}",
                "", "message", "time", "MB/s"
            );
        }
        let message = Size(peer.message_bytes).to_string();
        let (time, rate) = (spread(peer.seconds, seconds), spread(peer.megabytes_per_second, digits));
        let _ = writeln!(text, "{:<76} {message:>8} {time:>30} {rate:>24}", peer.name);
    }
    if !document.ratios.is_empty() {
        let _ = writeln!(
            text,
            "\n{:<44} {:<10} {:>8} {:>20} {:>6}",
            "ratios", "placement", "message", "ratio", "goal"
        );
    }
    for ratio in &document.ratios {
        let message = Size(ratio.message_bytes).to_string();
        let value = spread(ratio.value, |value| format!("{value:.2}"));
        let goal = ratio.goal.map_or(String::new(), |goal| format!("{goal}"));
        let verdict = match (ratio.goal, ratio.value) {
            (Some(goal), Some(value)) if value.median >= goal => "reached",
            (Some(_), Some(_)) => "missed",
            _ => "",
        };
        let _ = writeln!(
            text,
            "{:<44} {:<10} {message:>8} {value:>20} {goal:>6} {verdict}",
            ratio.name, ratio.placement
        );
    }
}

fn fairness(document: &Document, text: &mut String) {
    if !document.fairness.is_empty() {
        let _ = writeln!(
            text,
            "\n{:<44} {:<10} {:>24} {:>26} {:>24}",
            "null call, us", "placement", "p50", "p99", "MB/s meanwhile"
        );
    }
    for row in &document.fairness {
        let name =
            row.message_bytes.map_or("alone".into(), |bytes| format!("beside messages of {}", Size(bytes)));
        let (p50, p99) = (spread(row.p50_us, digits), spread(row.p99_us, digits));
        let rate = row.megabytes_per_second.map_or(String::new(), |rate| spread(Some(rate), digits));
        let _ = writeln!(text, "{name:<44} {:<10} {p50:>24} {p99:>26} {rate:>24}", row.placement);
    }
}

/// The table's rows, and floors and peers with the columns that they have.
pub(crate) fn csv(document: &Document) -> String {
    let mut text = String::from(
        "place,protocol,errors,packet_bytes,message_bytes,loss,pattern,seconds_median,seconds_min,seconds_max,\
         megabytes_per_second,packets,retransmitted,acknowledgements,predicted_seconds,deviation\n",
    );
    let number = |value: Option<f64>| value.map_or(String::new(), |value| format!("{value}"));
    let middle = |spread: Option<Spread>| number(spread.map(|spread| spread.median));
    for row in &document.rows {
        let case = &row.case;
        let _ = write!(text, "{},{},{},", row.place, case.protocol_name(), case.errors.name());
        let _ = write!(text, "{},{},{},", case.packet_bytes, case.message_bytes, case.loss.chance);
        let (min, max) = (row.seconds.map(|spread| spread.min), row.seconds.map(|spread| spread.max));
        let _ = write!(text, "{},{},", case.loss.pattern.name(), middle(row.seconds));
        let _ = write!(text, "{},{},{},", number(min), number(max), middle(row.megabytes_per_second));
        let _ = write!(text, "{},{},", middle(row.packets), middle(row.retransmitted));
        let _ = write!(text, "{},{},", middle(row.acknowledgements), row.predicted.seconds);
        let _ = writeln!(text, "{}", number(row.deviation));
    }
    for peer in &document.peers {
        let name = peer.name.replace(',', ";");
        let (min, max) = (peer.seconds.map(|spread| spread.min), peer.seconds.map(|spread| spread.max));
        let _ = write!(text, "udp {},{name},,,{},0,independent,", peer.placement, peer.message_bytes);
        let _ = write!(text, "{},{},{},", middle(peer.seconds), number(min), number(max));
        let _ = writeln!(text, "{},,,,,", middle(peer.megabytes_per_second));
    }
    text
}
