//! The figures as a picture: a panel for each workload, both axes logarithmic.
use plotters::coord::Shift;
use plotters::prelude::*;
use sendrec_core::timer::Strategy;

use super::show::Document;
use super::workload::Workload;
use sendrec_measure::Fallible;

const PICTURE_PIXELS: (u32, u32) = (1_280, 960);
const FONT: &str = "sans-serif";
const STROKE: u32 = 2;
/// What is less stands there.
const NANOS_MIN: f64 = 0.1;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Told apart by people who see colours otherwise, too.
const fn colour(strategy: Strategy) -> RGBColor {
    match strategy {
        Strategy::Sweep => RGBColor(0, 114, 178),
        Strategy::List => RGBColor(213, 94, 0),
        Strategy::Wheel => RGBColor(0, 158, 115),
    }
}

/// A point's mark: told apart without colours.
macro_rules! mark {
    ($strategy:expr, $at:expr) => {{
        let style = colour($strategy).filled();
        match $strategy {
            Strategy::Sweep => Circle::new($at, 4, style).into_dyn(),
            Strategy::List => TriangleMarker::new($at, 6, style).into_dyn(),
            Strategy::Wheel => Cross::new($at, 4, colour($strategy).stroke_width(STROKE)).into_dyn(),
        }
    }};
}

/// The whole picture.
pub(super) fn svg(document: &Document, sizes: &[u32]) -> Fallible<String> {
    let mut text = String::new();
    {
        let root = SVGBackend::with_string(&mut text, PICTURE_PIXELS).into_drawing_area();
        root.fill(&WHITE)?;
        let root = root.margin(12, 0, 0, 0).titled("Timers: nanoseconds for one operation", (FONT, 24))?;
        for (workload, area) in Workload::ALL.into_iter().zip(root.split_evenly((2, 2))) {
            panel(document, sizes, workload, &area)?;
        }
        root.present()?;
    }
    Ok(text)
}

fn panel(document: &Document, sizes: &[u32], workload: Workload, area: &Area<'_>) -> Fallible<()> {
    let points = |strategy| {
        let point = move |size: &u32| {
            let nanos = document.find(workload, strategy, *size)?.median;
            Some((f64::from(*size), nanos.max(NANOS_MIN)))
        };
        sizes.iter().filter_map(point)
    };
    let right = f64::from(sizes.last().copied().unwrap_or(1).max(100));
    // The same in all panels, so that they can be compared.
    let top = document.rows.iter().map(|row| row.nanos.median).fold(100.0, f64::max);
    let mut chart = ChartBuilder::on(area)
        .caption(workload.explanation(), (FONT, 14))
        .margin(12)
        .x_label_area_size(42)
        .y_label_area_size(78)
        .build_cartesian_2d((8.0..right * 1.25).log_scale(), (NANOS_MIN..top * 2.0).log_scale())?;
    chart
        .configure_mesh()
        .x_desc("timers")
        .y_desc(format!("{}, ns", workload.name()))
        .x_label_formatter(&|value| grouped(*value))
        .y_label_formatter(&|value| grouped(*value))
        .label_style((FONT, 13))
        .light_line_style(BLACK.mix(0.05))
        .bold_line_style(BLACK.mix(0.15))
        .draw()?;
    for strategy in Strategy::ALL {
        let line = LineSeries::new(points(strategy), colour(strategy).stroke_width(STROKE));
        chart.draw_series(line)?.label(strategy.name()).legend(move |(x, y)| mark!(strategy, (x + 10, y)));
        chart.draw_series(points(strategy).map(|point| mark!(strategy, point)))?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE.mix(0.9))
        .border_style(BLACK.mix(0.3))
        .label_font((FONT, 14))
        .draw()?;
    Ok(())
}

/// 10000 as 10,000.
pub(crate) fn grouped(value: f64) -> String {
    if value < 1.0 {
        return format!("{value}");
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
