//! A workload as a picture: a line for each peer, a mark on it for each placement, best on top.
use plotters::prelude::*;
use sendrec_benches::COLOURS;
use sendrec_measure::{Fallible, Placement, Spread};

use crate::document::Row;

const WIDTH: u32 = 1_080;
const ROW_PIXELS: u32 = 22;
const NAMES_PIXELS: i32 = 290;
const EDGE_PIXELS: i32 = 30;
const HEAD_PIXELS: i32 = 36;
const AXIS_PIXELS: i32 = 44;
const FONT: &str = "sans-serif";

/// As SVG; none if there is nothing to draw.
pub(crate) fn svg(rows: &[&Row], unit: &str, is_less_better: bool) -> Fallible<Option<String>> {
    let points: Vec<(&str, usize, Spread)> = rows
        .iter()
        .filter_map(|row| {
            let place = Placement::ALL.iter().position(|placement| placement.name() == row.placement)?;
            Some((row.peer, place, row.main().filter(|main| main.min > 0.0)?))
        })
        .collect();
    let mut peers: Vec<(&str, f64)> = Vec::new();
    for (peer, _, main) in &points {
        let better = |one: f64, other: f64| if is_less_better { one.min(other) } else { one.max(other) };
        match peers.iter_mut().find(|(name, _)| name == peer) {
            Some((_, best)) => *best = better(*best, main.median),
            None => peers.push((peer, main.median)),
        }
    }
    peers.sort_by(|one, other| {
        let order = one.1.total_cmp(&other.1);
        if is_less_better { order } else { order.reverse() }
    });
    let least = points.iter().map(|(_, _, main)| main.min).fold(f64::MAX, f64::min);
    let most = points.iter().map(|(_, _, main)| main.max).fold(0.0, f64::max);
    if peers.is_empty() || least > most {
        return Ok(None);
    }
    let range = Logarithmic { least: least / 1.2, most: most * 1.2 };
    let height = HEAD_PIXELS as u32 + AXIS_PIXELS as u32 + ROW_PIXELS * peers.len() as u32;
    let mut text = String::new();
    {
        let root = SVGBackend::with_string(&mut text, (WIDTH, height)).into_drawing_area();
        root.fill(&WHITE)?;
        let bottom = height as i32 - AXIS_PIXELS;
        for (value, label) in range.ticks() {
            let x = range.pixel(value);
            root.draw(&PathElement::new(vec![(x, HEAD_PIXELS - 6), (x, bottom)], BLACK.mix(0.12)))?;
            root.draw(&Text::new(label.clone(), (x - 3 * label.len() as i32, bottom + 6), (FONT, 13)))?;
        }
        root.draw(&Text::new(unit.to_owned(), (NAMES_PIXELS, bottom + 24), (FONT, 13)))?;
        for (place, placement) in Placement::ALL.into_iter().enumerate() {
            let x = NAMES_PIXELS + place as i32 * 110;
            mark(&root, place, (x, 14))?;
            root.draw(&Text::new(placement.name(), (x + 12, 7), (FONT, 14)))?;
        }
        for (number, (peer, _)) in peers.iter().enumerate() {
            let y = HEAD_PIXELS + (number as u32 * ROW_PIXELS + ROW_PIXELS / 2) as i32;
            let is_own = peer.starts_with("sendrec");
            let style = (FONT, 14).into_font();
            let style = if is_own { style.style(FontStyle::Bold) } else { style };
            root.draw(&Text::new((*peer).to_owned(), (8, y - 8), style))?;
            let line = vec![(NAMES_PIXELS, y), (WIDTH as i32 - EDGE_PIXELS, y)];
            root.draw(&PathElement::new(line, BLACK.mix(0.06)))?;
            for (_, place, main) in points.iter().filter(|(name, _, _)| name == peer) {
                let ends = vec![(range.pixel(main.min), y), (range.pixel(main.max), y)];
                root.draw(&PathElement::new(ends, COLOURS[*place].mix(0.5).stroke_width(2)))?;
                mark(&root, *place, (range.pixel(main.median), y))?;
            }
        }
        root.present()?;
    }
    Ok(Some(text))
}

/// Told apart without colours.
fn mark(
    root: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
    place: usize,
    at: (i32, i32),
) -> Fallible<()> {
    let colour = COLOURS[place];
    match place {
        0 => root.draw(&Circle::new(at, 5, colour.filled()))?,
        1 => root.draw(&TriangleMarker::new(at, 7, colour.filled()))?,
        _ => root.draw(&Cross::new(at, 5, colour.stroke_width(3)))?,
    }
    Ok(())
}

/// The axis.
struct Logarithmic {
    least: f64,
    most: f64,
}

impl Logarithmic {
    fn pixel(&self, value: f64) -> i32 {
        let part = (value / self.least).ln() / (self.most / self.least).ln();
        NAMES_PIXELS + (part * f64::from(WIDTH as i32 - EDGE_PIXELS - NAMES_PIXELS)) as i32
    }

    /// One, two and five of each power of ten.
    fn ticks(&self) -> Vec<(f64, String)> {
        let powers = self.least.log10().floor() as i32..=self.most.log10().ceil() as i32;
        let values = powers.flat_map(|power| [1.0, 2.0, 5.0].map(|digit| digit * 10_f64.powi(power)));
        let within = values.filter(|value| (self.least..self.most).contains(value));
        within.map(|value| (value, label(value))).collect()
    }
}

fn label(value: f64) -> String {
    match value {
        1e6.. => format!("{} M", value / 1e6),
        1e3.. => format!("{},000", value / 1e3),
        _ => format!("{}", (value * 1e4).round() / 1e4),
    }
}
