//! Lines over a logarithmic axis, as SVG: what several plots have in common.
use plotters::coord::Shift;
use plotters::prelude::*;

use crate::timers::plot::grouped;
use sendrec_measure::Fallible;

const PICTURE_PIXELS: (u32, u32) = (1_080, 460);
const FONT: &str = "sans-serif";
const STROKE: u32 = 2;

/// A line of a plot.
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) colour: RGBColor,
    /// Which mark; what is told apart by it is told apart without colours.
    pub(crate) mark: usize,
    pub(crate) points: Vec<(f64, f64)>,
}

/// Told apart by people who see colours otherwise, too.
pub const COLOURS: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(230, 159, 0),
];

/// What a plot's axes are.
pub(crate) struct Axes<'a> {
    pub(crate) title: &'a str,
    pub(crate) x: &'a str,
    pub(crate) y: &'a str,
    pub(crate) show_x: &'a dyn Fn(&f64) -> String,
}

impl Series {
    /// The line of this number in its plot.
    pub(crate) fn new(number: usize, name: String, points: Vec<(f64, f64)>) -> Self {
        Self { name, colour: COLOURS[number % COLOURS.len()], mark: number, points }
    }
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
pub(crate) fn picture(axes: &Axes<'_>, series: &[Series], pictures: &mut Vec<String>) -> Fallible<()> {
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
