//! The critical path as a table, and as bars over time.
use std::fmt::Write;

use plotters::coord::Shift;
use plotters::prelude::*;

use super::{Figures, PathFigure, StepFigure};
use sendrec_measure::Fallible;

fn micros(nanos: f64) -> f64 {
    nanos / 1_000.0
}

/// The number of slide 39, if it has one.
fn number(step: &StepFigure) -> String {
    step.slide_39.map_or_else(String::new, |number| number.to_string())
}

pub(super) fn text(figures: &Figures) -> String {
    let mut out = format!("{}\n", figures.machine);
    // Writing into memory does not fail.
    let _ = tables(figures, &mut out);
    out
}

fn tables(figures: &Figures, out: &mut String) -> std::fmt::Result {
    for path in &figures.paths {
        writeln!(out, "\n{}: a call through stubs, {} of them\n", path.placement, path.calls)?;
        writeln!(
            out,
            "{:<6}  {:>2}  {:<46}  {:>7}  {:>7}  {:>6}",
            "side", "39", "step", "p50 us", "typical", "share"
        )?;
        let mut back = false;
        for step in &path.steps {
            if step.slide_39.is_none() && !back {
                back = true;
                writeln!(out, "{:-<84}", "")?;
            }
            let (side, number, name) = (step.side, number(step), step.name);
            let (p50, typical) = (micros(step.p50_ns as f64), micros(step.typical_ns));
            let share = 100.0 * step.share;
            writeln!(out, "{side:<6}  {number:>2}  {name:<46}  {p50:>7.3}  {typical:>7.3}  {share:>4.1} %")?;
        }
        let (client, server) = (micros(path.client_ns), micros(path.server_ns));
        writeln!(
            out,
            "client {client:.3} us, server {server:.3} us, all steps {:.3} us",
            micros(path.sum_ns)
        )?;
        writeln!(
            out,
            "the whole call by its client's clock {:.3} us; untimed {:.3} us; a call's steps are {:.1} % of it",
            micros(path.whole_p50_ns as f64),
            micros(path.untimed_p50_ns as f64),
            100.0 * path.sum_to_whole
        )?;
        if path.left_out > 0 {
            writeln!(out, "{} calls that another thread has done a part of are left out", path.left_out)?;
        }
    }
    for reason in &figures.skipped {
        writeln!(out, "\nnot measured: {reason}")?;
    }
    writeln!(out, "\ncopies of each byte on its way from client to server (slide 40)\n")?;
    writeln!(
        out,
        "{:>9}  {:>7}  {:>11}  {:>10}  {:>9}  {:>12}  {:>9}  {:>4}",
        "bytes", "marshal", "into kernel", "to network", "by system", "from network", "unmarshal", "sum"
    )?;
    for copies in &figures.copies {
        writeln!(
            out,
            "{:>9}  {:>7.2}  {:>11.2}  {:>10.2}  {:>9.2}  {:>12.2}  {:>9.2}  {:>4.2}",
            copies.data_bytes,
            copies.marshal,
            copies.into_kernel,
            copies.to_network,
            copies.by_system,
            copies.from_network,
            copies.unmarshal,
            copies.sum()
        )?;
    }
    Ok(())
}

const WIDTH_PIXELS: u32 = 1_000;
const ROW_PIXELS: u32 = 18;
const HEAD_PIXELS: u32 = 58;
const NAMES_PIXELS: i32 = 370;
const FIGURE_PIXELS: i32 = 70;
const FONT: &str = "sans-serif";
const FONT_PIXELS: u32 = 13;
const CLIENT: RGBColor = RGBColor(0, 114, 178);
const SERVER: RGBColor = RGBColor(213, 94, 0);
const GREY: RGBColor = RGBColor(110, 110, 110);

/// Each path: a bar for each step, from where the one before ended.
pub(super) fn picture(paths: &[PathFigure]) -> Fallible<String> {
    let rows: u32 = paths.iter().map(|path| path.steps.len() as u32).sum();
    let height = rows * ROW_PIXELS + paths.len() as u32 * HEAD_PIXELS + ROW_PIXELS;
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (WIDTH_PIXELS, height)).into_drawing_area();
        area.fill(&WHITE)?;
        let mut top = 0;
        for path in paths {
            bars(&area, path, top)?;
            top += (path.steps.len() as u32 * ROW_PIXELS + HEAD_PIXELS) as i32;
        }
        area.present()?;
    }
    Ok(svg)
}

fn bars(area: &DrawingArea<SVGBackend<'_>, Shift>, path: &PathFigure, top: i32) -> Fallible<()> {
    let title = format!(
        "{}: {:.2} us; blue the client, orange the server; numbers are slide 39's",
        path.placement,
        micros(path.sum_ns)
    );
    area.draw(&Text::new(title, (10, top + 16), (FONT, 16).into_font()))?;
    let room = f64::from(WIDTH_PIXELS as i32 - NAMES_PIXELS - FIGURE_PIXELS);
    let pixel = |nanos: f64| NAMES_PIXELS + (room * nanos / path.sum_ns.max(1.0)) as i32;
    let small = || (FONT, FONT_PIXELS).into_font();
    let mut at = 0.0;
    for (place, step) in path.steps.iter().enumerate() {
        let y = top + HEAD_PIXELS as i32 - 14 + place as i32 * ROW_PIXELS as i32;
        let colour = if step.side == "client" { CLIENT } else { SERVER };
        area.draw(&Text::new(number(step), (12, y + 2), small().color(&GREY)))?;
        area.draw(&Text::new(step.name, (36, y + 2), small()))?;
        let (left, right) = (pixel(at), pixel(at + step.typical_ns));
        let bar = [(left, y), (right.max(left + 1), y + ROW_PIXELS as i32 - 4)];
        area.draw(&Rectangle::new(bar, colour.filled()))?;
        let figure = format!("{:.2}", micros(step.typical_ns));
        area.draw(&Text::new(figure, (right.max(left + 1) + 5, y + 2), small().color(&GREY)))?;
        at += step.typical_ns;
    }
    Ok(())
}
