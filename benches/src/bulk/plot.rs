//! The figures as pictures: throughput over message size, over loss, and packets for each message.
use plotters::coord::Shift;
use plotters::prelude::*;

use super::case::{Errors, Pattern, ProtocolName, Size};
use super::document::{Document, Row};
use crate::sample::Fallible;
use crate::timers::plot::grouped;

const PICTURE_PIXELS: (u32, u32) = (1_080, 460);
const FONT: &str = "sans-serif";
const STROKE: u32 = 2;
/// What is measured without loss stands there on a logarithmic axis.
const NO_LOSS: f64 = 2e-4;
/// What is less stands there.
const LEAST: f64 = 1e-3;

/// A line of a plot.
struct Series {
    name: String,
    colour: RGBColor,
    /// Which mark; what is told apart by it is told apart without colours.
    mark: usize,
    points: Vec<(f64, f64)>,
}

/// Told apart by people who see colours otherwise, too.
const COLOURS: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(230, 159, 0),
];

/// What a plot's axes are.
struct Axes<'a> {
    title: &'a str,
    x: &'a str,
    y: &'a str,
    show_x: &'a dyn Fn(&f64) -> String,
}

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
            let mark = all.len();
            all.push(Series { name, colour: COLOURS[mark % COLOURS.len()], mark, points: Vec::new() });
            mark
        });
        all[place].points.push((x(row), value.max(LEAST)));
    }
    for series in &mut all {
        series.points.sort_unstable_by(|one, other| one.0.total_cmp(&other.0));
    }
    all
}

/// A point's mark: told apart without colours.
macro_rules! mark {
    ($series:expr, $at:expr) => {{
        let style = $series.colour.filled();
        match $series.mark % 3 {
            0 => Circle::new($at, 4, style).into_dyn(),
            1 => TriangleMarker::new($at, 6, style).into_dyn(),
            _ => Cross::new($at, 4, $series.colour.stroke_width(STROKE)).into_dyn(),
        }
    }};
}

/// Draws it, if there is something over which a line goes.
fn picture(axes: &Axes<'_>, series: &[Series], pictures: &mut Vec<String>) -> Fallible<()> {
    let points = || series.iter().flat_map(|series| series.points.iter().copied());
    let range = |values: &mut dyn Iterator<Item = f64>| {
        values.fold((f64::MAX, 0.0_f64), |(low, high), value| (low.min(value), high.max(value)))
    };
    let (left, right) = range(&mut points().map(|point| point.0));
    let (bottom, top) = range(&mut points().map(|point| point.1));
    if left >= right {
        return Ok(());
    }
    let mut text = String::new();
    {
        let root = SVGBackend::with_string(&mut text, PICTURE_PIXELS).into_drawing_area();
        root.fill(&WHITE)?;
        draw(axes, series, [(left, right), (bottom, top)], &root)?;
        root.present()?;
    }
    pictures.push(text);
    Ok(())
}

fn draw(
    axes: &Axes<'_>,
    series: &[Series],
    [(left, right), (bottom, top)]: [(f64, f64); 2],
    area: &DrawingArea<SVGBackend<'_>, Shift>,
) -> Fallible<()> {
    const LEGEND_PIXELS: u32 = 290;
    const KEY_POINTS: usize = 8;
    let (width, _) = area.dim_in_pixel();
    let (area, legend) = area.split_horizontally(width - LEGEND_PIXELS);
    // Labels stand at powers of ten: one at least must be in sight.
    let below = 10_f64.powf((bottom / 1.3).log10().floor());
    let bottom = if top < bottom * 10.0 { below } else { bottom / 1.3 };
    let y = bottom..(top * 1.3);
    let mut chart = ChartBuilder::on(&area)
        .caption(axes.title, (FONT, 17))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(78)
        .build_cartesian_2d(
            ((left / 1.15)..(right * 1.15)).log_scale().with_key_points(ticks(series)),
            y.log_scale(),
        )?;
    chart
        .configure_mesh()
        .x_desc(axes.x)
        .y_desc(axes.y)
        .x_labels(KEY_POINTS)
        .x_label_formatter(&|value| (axes.show_x)(value))
        .y_label_formatter(&|value| grouped(*value))
        .label_style((FONT, 13))
        .light_line_style(BLACK.mix(0.05))
        .bold_line_style(BLACK.mix(0.15))
        .draw()?;
    for series in series {
        let line = LineSeries::new(series.points.iter().copied(), series.colour.stroke_width(STROKE));
        chart.draw_series(line)?;
        chart.draw_series(series.points.iter().map(|point| mark!(series, *point)))?;
    }
    // Beside the plot, where it hides nothing.
    const LINE_PIXELS: i32 = 24;
    for (number, series) in series.iter().enumerate() {
        let y = 60 + number as i32 * LINE_PIXELS;
        legend.draw(&PathElement::new(vec![(0, y), (24, y)], series.colour.stroke_width(STROKE)))?;
        legend.draw(&mark!(series, (12, y)))?;
        legend.draw(&Text::new(series.name.clone(), (32, y - 8), (FONT, 14)))?;
    }
    Ok(())
}

/// Where something was measured, there is a label.
fn ticks(series: &[Series]) -> Vec<f64> {
    let mut ticks: Vec<f64> =
        series.iter().flat_map(|series| series.points.iter().map(|point| point.0)).collect();
    ticks.sort_unstable_by(f64::total_cmp);
    ticks.dedup();
    ticks
}
