//! The figures as pictures: throughput over message size, over loss, and packets for each message.
use super::case::{Errors, Pattern, ProtocolName, Size};
use super::document::{Document, Row};
use crate::picture::{Axes, Series, picture};
use sendrec_measure::Fallible;

/// What is measured without loss stands there on a logarithmic axis.
const NO_LOSS: f64 = 2e-4;
/// What is less stands there.
const LEAST: f64 = 1e-3;

/// The plots of one place, as SVG: those for which there are rows.
pub(crate) fn plots(document: &Document, place: &str) -> Fallible<Vec<String>> {
    let rows: Vec<_> = document.rows.iter().filter(|row| row.place == place).collect();
    let mut pictures = Vec::new();
    let lossless = |row: &&&Row| row.case.loss.chance == 0.0 && row.case.errors == Errors::Selective;
    let clean: Vec<_> = rows.iter().filter(lossless).copied().collect();
    let size = |row: &Row| row.case.message_bytes as f64;
    let by_protocol =
        |row: &Row| format!("{}, {}-byte packets", row.case.protocol_name(), row.case.packet_bytes);
    let show_size = |value: &f64| Size(value.round() as u64).to_string();
    let speed = |row: &Row| Some(row.megabytes_per_second?.median);
    let axes =
        Axes { title: "Throughput over message size, no loss", x: "message", y: "MB/s", show_x: &show_size };
    picture(&axes, &series(&clean, by_protocol, size, speed), &mut pictures)?;
    let axes = Axes { title: "Packets for each message, both sides, no loss", y: "packets", ..axes };
    let packets = |row: &Row| Some(row.packets?.median);
    picture(&axes, &series(&clean, by_protocol, size, packets), &mut pictures)?;

    let Some((packet, message)) = lossy_size(&rows) else { return Ok(pictures) };
    let is_of = |row: &&&Row| (row.case.packet_bytes, row.case.message_bytes) == (packet, message);
    for pattern in Pattern::ALL {
        let fits =
            |row: &&&Row| is_of(row) && (row.case.loss.chance == 0.0 || row.case.loss.pattern == pattern);
        let some: Vec<_> = rows.iter().filter(fits).copied().collect();
        if !some.iter().any(|row| row.case.loss.chance > 0.0) {
            continue;
        }
        let name = |row: &Row| match row.case.protocol {
            ProtocolName::StopAndWait => row.case.protocol_name(),
            _ => format!("{}, {}", row.case.protocol_name(), row.case.errors.name()),
        };
        let loss = |row: &Row| row.case.loss.chance.max(NO_LOSS);
        let show_loss = |value: &f64| {
            if *value <= NO_LOSS * 1.01 {
                "none".into()
            } else {
                format!("{} %", (value * 1e4).round() / 1e2)
            }
        };
        let how = if pattern == Pattern::Bursts { "in bursts" } else { "independent" };
        let title = format!("Throughput over loss ({how}), {} in {packet}-byte packets", Size(message));
        let from_here = some.iter().any(|row| row.case.loss.from_here);
        let lost = if from_here { "packets lost, from here" } else { "packets lost, each way" };
        let axes = Axes { title: &title, x: lost, y: "MB/s", show_x: &show_loss };
        picture(&axes, &series(&some, name, loss, speed), &mut pictures)?;
        let title = format!("Packets for each message over loss ({how}), {}", Size(message));
        let axes = Axes { title: &title, y: "packets", ..axes };
        picture(&axes, &series(&some, name, loss, packets), &mut pictures)?;
    }
    Ok(pictures)
}

/// Packet and message of the rows with loss, of which there may be several sizes: the one with the most rows.
fn lossy_size(rows: &[&Row]) -> Option<(u32, u64)> {
    let lossy = rows.iter().filter(|row| row.case.loss.chance > 0.0);
    let sizes: Vec<_> = lossy.map(|row| (row.case.packet_bytes, row.case.message_bytes)).collect();
    sizes.iter().copied().max_by_key(|size| sizes.iter().filter(|other| *other == size).count())
}

fn series(
    rows: &[&Row],
    name: impl Fn(&Row) -> String,
    x: impl Fn(&Row) -> f64,
    y: impl Fn(&Row) -> Option<f64>,
) -> Vec<Series> {
    let mut all: Vec<Series> = Vec::new();
    for row in rows {
        let Some(value) = y(row) else { continue };
        let name = name(row);
        let place = all.iter().position(|series| series.name == name).unwrap_or_else(|| {
            all.push(Series::new(all.len(), name, Vec::new()));
            all.len() - 1
        });
        all[place].points.push((x(row), value.max(LEAST)));
    }
    for series in &mut all {
        series.points.sort_unstable_by(|one, other| one.0.total_cmp(&other.0));
    }
    all
}
