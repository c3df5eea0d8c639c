//! What stands in the tables for people: numbers with units, the columns of a row. Text and HTML lay them out.
use super::case::Size;
use super::document::{DEVIATION_MAX, Fairness, Row};
use sendrec_measure::Spread;

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

/// The middle alone.
pub(crate) fn median(spread: Option<Spread>) -> String {
    spread.map_or("-".into(), |spread| digits(spread.median))
}

/// The middle and the range, a hyphen or a dash between its ends.
pub(crate) fn spread(spread: Option<Spread>, dash: &str, show: fn(f64) -> String) -> String {
    match spread {
        None => "failed".into(),
        Some(Spread { median, min, max }) if min == median && max == median => show(median),
        Some(Spread { median, min, max }) => format!("{} ({}{dash}{})", show(median), show(min), show(max)),
    }
}

/// What an average of rounds is, in every report's head.
pub(crate) const AVERAGE: &str = "medians of rounds, all rows in turn, or with loss their means, since a round in many waits for a time-out";

/// A row's columns.
pub(crate) const COLUMNS: [&str; 12] = [
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
    "sent again",
    "acks",
];
/// How many of them are text; and where it stands how far the prediction is off.
pub(crate) const TEXT_COLUMNS: usize = 2;
pub(crate) const LOSS_COLUMN: usize = 4;
pub(crate) const OFF_COLUMN: usize = 8;

/// What stands in them; `show` shows what is not the time.
pub(crate) fn cells(row: &Row, dash: &str, show: fn(Option<Spread>) -> String) -> [String; COLUMNS.len()] {
    let case = &row.case;
    [
        case.protocol_name(),
        case.errors.name().into(),
        case.packet_bytes.to_string(),
        Size(case.message_bytes).to_string(),
        case.loss.to_string(),
        spread(row.time(), dash, seconds),
        show(row.megabytes_per_second),
        seconds(row.predicted.seconds),
        row.deviation.map_or("-".into(), |deviation| format!("{:+.0} %", deviation * 100.0)),
        show(row.packets),
        show(row.retransmitted),
        show(row.acknowledgements),
    ]
}

/// Whether the prediction is further off than it should be.
pub(crate) fn is_off(row: &Row) -> bool {
    row.deviation.is_some_and(|deviation| deviation.abs() > DEVIATION_MAX)
}

/// A row of small calls.
pub(crate) fn fairness_cells(row: &Fairness, dash: &str) -> [String; 5] {
    let beside = |bytes| format!("beside messages of {}", Size(bytes));
    [
        row.message_bytes.map_or("alone".into(), beside),
        row.placement.clone(),
        spread(row.p50_us, dash, digits),
        spread(row.p99_us, dash, digits),
        row.megabytes_per_second.map_or(String::new(), |rate| spread(Some(rate), dash, digits)),
    ]
}
