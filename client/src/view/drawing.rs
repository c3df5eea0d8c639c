//! Where everything of the picture stands: lines across, rows down, and where each event is to be found.
//!
//! The rows are the text ladder's. Deliberately not here: what a thing looks like, which is `svg`'s.
use std::ops::Range;

use crate::ladder::canvas::wrap;
use crate::ladder::plan::{Plan, Shape};
use crate::ladder::rows::{self, Cut, Leg, Row};
use crate::ladder::story::{Mark, is_process_trace, process_of};
use crate::ladder::{plan, words};
use crate::trace::Joined;

use super::events::Events;
use super::{Page, ROWS_MAX};

/// Pixels that a character takes, and a line of text; fonts differ, so this is on the safe side.
pub(super) const CHARACTER: f64 = 6.9;
pub(super) const LINE: f64 = 16.0;
/// How far a packet's arrival stands below its departure: time goes on while it travels.
pub(super) const SLOPE: f64 = 12.0;
/// Between a line and what stands beside it.
pub(super) const BESIDE: f64 = 12.0;
/// The height of the heads, with room below.
pub(super) const HEAD: f64 = 64.0;
/// Rows between two repetitions of the heads.
const HEADS_EVERY: usize = 40;
/// The times' room at the left edge.
const GUTTER: f64 = 76.0;
const ROW: f64 = 34.0;
const MARGIN_MIN: f64 = 70.0;
const MARGIN_MAX: f64 = 230.0;

/// Words beside a line, broken into lines.
pub(super) struct Words {
    pub(super) column: usize,
    /// Which of the row's notes.
    pub(super) note: usize,
    pub(super) lines: Vec<String>,
    /// Left of its line, not right.
    pub(super) left: bool,
    pub(super) y: f64,
}

/// A row with its place.
pub(super) struct Placed {
    pub(super) row: Row,
    pub(super) words: Vec<Words>,
    /// Where its arrow leaves, and where it arrives.
    pub(super) departs: f64,
    pub(super) arrives: f64,
    pub(super) bottom: f64,
    /// The time, if it is not that of the row before.
    pub(super) time: Option<String>,
}

/// A wait as a bar on its line.
pub(super) struct Bar {
    /// Whether the caller stands still meanwhile.
    pub(super) blocks: bool,
    pub(super) x: f64,
    pub(super) from: f64,
    pub(super) to: f64,
}

/// A piece of a life line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    Alive,
    Down,
    Paused,
}

pub(super) struct Drawing {
    pub(super) plan: Plan,
    pub(super) cut: Cut,
    pub(super) rows: Vec<Placed>,
    /// Tops of the heads.
    pub(super) heads: Vec<f64>,
    /// Where each line stands.
    pub(super) xs: Vec<f64>,
    pub(super) width: f64,
    /// Where the lines begin and end.
    pub(super) top: f64,
    pub(super) bottom: f64,
    pub(super) bars: Vec<Bar>,
    /// By moment: its point on its line, and its row. Of what is not drawn, the point of what caused it.
    pub(super) points: Vec<Option<(f64, f64)>>,
    pub(super) row_of: Vec<Option<usize>>,
    /// Where packets in flight arrive: the row, by arrow.
    pub(super) arrival_rows: Vec<Option<usize>>,
    /// Whether lines are processes.
    pub(super) processes: bool,
}

impl Drawing {
    /// Places everything below `top`.
    pub(super) fn new(events: &Events<'_>, page: &Page, top: f64) -> Self {
        let joined = events.joined;
        let plan = plan::plan(joined, &str::to_owned);
        let mut rows = rows::rows(&plan);
        let cut = rows::cut(&mut rows, &plan, page.from, Some(page.limit.unwrap_or(ROWS_MAX)));
        let (xs, width, room) = columns(&plan, &rows);
        let mut drawing = Self {
            arrival_rows: vec![None; plan.arrows.len()],
            plan,
            cut,
            rows: Vec::new(),
            heads: vec![top],
            xs,
            width,
            top: top + HEAD - 18.0,
            bottom: top + HEAD,
            bars: Vec::new(),
            points: vec![None; joined.moments.len()],
            row_of: vec![None; joined.moments.len()],
            processes: is_process_trace(joined),
        };
        drawing.place_rows(rows, room);
        drawing.find_points(events);
        drawing.place_bars(joined);
        drawing
    }

    fn place_rows(&mut self, rows: Vec<Row>, room: Room) {
        let mut y = self.bottom;
        let (mut latest, mut written) = (None, None);
        for (place, row) in rows.into_iter().enumerate() {
            if place > 0 && place % HEADS_EVERY == 0 {
                self.heads.push(y);
                y += HEAD;
                written = None;
            }
            // A row whose place is earlier by the order of its line than by the clock has no time of its own.
            let goes_on = latest.is_none_or(|latest| row.at >= latest);
            latest = latest.max(Some(row.at));
            let time = words::millis(row.at, self.plan.longest);
            let time = (goes_on && written.as_ref() != Some(&time)).then_some(time);
            written = time.clone().or(written);
            let placed = self.place_row(row, y, room, time);
            y = placed.bottom;
            if let Some((arrow, Leg::Whole | Leg::Arrival)) = placed.row.arrow {
                self.arrival_rows[arrow] = Some(place);
            }
            self.rows.push(placed);
        }
        self.bottom = y + 14.0;
    }

    fn place_row(&self, row: Row, top: f64, room: Room, time: Option<String>) -> Placed {
        let departs = top + 18.0;
        let sloped = matches!(row.arrow, Some((_, Leg::Whole)));
        let arrives = if sloped { departs + SLOPE } else { departs };
        let mut bottom = top + ROW + if sloped { SLOPE } else { 0.0 };
        let mut words = Vec::new();
        for (note, (column, text)) in row.notes.iter().enumerate() {
            let column = *column;
            let arrow = row.arrow.map(|(arrow, _)| &self.plan.arrows[arrow]);
            let left = match arrow {
                // Away from the arrow.
                Some(arrow) if arrow.from == column => arrow.to > column,
                Some(arrow) if arrow.to == column => arrow.from > column,
                _ => column == 0 && self.xs.len() == 2,
            };
            let y = if arrow.is_some_and(|arrow| arrow.to == column) { arrives } else { departs };
            let outer = (column == 0 && left) || (column + 1 == self.xs.len() && !left);
            let characters = (if outer { room.margin } else { room.gap } / CHARACTER) as usize;
            let lines = wrap(&text.text, characters);
            bottom = bottom.max(y + LINE * lines.len() as f64);
            words.push(Words { column, note, lines, left, y });
        }
        if let Some((arrow, Leg::Whole | Leg::Departure)) = row.arrow
            && matches!(self.plan.arrows[arrow].shape, Shape::Lost(_))
        {
            bottom += LINE;
        }
        Placed { row, words, departs, arrives, bottom, time }
    }

    /// Where on its line every moment is.
    fn find_points(&mut self, events: &Events<'_>) {
        for (place, placed) in self.rows.iter().enumerate() {
            for moment in &placed.row.moments {
                self.row_of[*moment].get_or_insert(place);
            }
        }
        for item in &self.plan.items {
            // A message within a machine is one moment on two lines: the first counts.
            let (Some(row), None) = (self.row_of[item.moment], self.points[item.moment]) else { continue };
            let placed = &self.rows[row];
            let arrives = placed.row.arrow.is_some_and(|(arrow, leg)| {
                leg != Leg::Departure && self.plan.arrows[arrow].to == item.column
            });
            let y = if arrives { placed.arrives } else { placed.departs };
            self.points[item.moment] = Some((self.xs[item.column], y));
        }
        let drawn = self.drawn();
        let mut latest: Vec<Option<f64>> = vec![None; self.xs.len()];
        for (place, line) in self.plan.lines.iter().enumerate() {
            let Some(column) = line.filter(|_| drawn.contains(&place)) else { continue };
            let caused = || events.causes[place].and_then(|cause| self.points[cause]).map(|(_, y)| y);
            let point = self.points[place].map(|(_, y)| y).or_else(caused).or(latest[column]);
            latest[column] = point.or(latest[column]);
            self.points[place] = Some((self.xs[column], point.unwrap_or(self.top)));
        }
    }

    /// The moments between what was cut off at the beginning and at the end.
    fn drawn(&self) -> Range<usize> {
        let shown = || self.rows.iter().flat_map(|placed| &placed.row.moments).copied();
        let first = if self.cut.before.is_some() { shown().min().unwrap_or(usize::MAX) } else { 0 };
        let last = if self.cut.after.is_some() { shown().max().unwrap_or(0) } else { usize::MAX - 1 };
        first..last + 1
    }

    fn place_bars(&mut self, joined: &Joined) {
        const BESIDE_EACH_OTHER: f64 = 5.0;
        let drawn = self.drawn();
        let mut processes: Vec<Vec<_>> = vec![Vec::new(); self.xs.len()];
        for wait in &self.plan.story.waits {
            let Some(column) = self.plan.lines[wait.from] else { continue };
            // What began before the drawing comes in at its top; what goes on after it leaves at its bottom.
            let end = |moment: usize| match self.points[moment] {
                Some((_, y)) => y,
                None if moment < drawn.start => self.top,
                None => self.bottom,
            };
            let (from, to) = (end(wait.from), wait.to.map_or(self.bottom, end));
            let seen = &mut processes[column];
            let process = process_of(&joined.moments[wait.from].event.what);
            let nth = seen.iter().position(|other| *other == process).unwrap_or_else(|| {
                seen.push(process);
                seen.len() - 1
            });
            // Of many processes of one machine, those beyond the third share a place.
            let x = self.xs[column] + BESIDE_EACH_OTHER * [0.0, 1.0, -1.0][nth.min(2)];
            if to > from {
                self.bars.push(Bar { blocks: wait.blocks, x, from, to });
            }
        }
    }

    /// The pieces of a life line, from where to where.
    pub(super) fn life(&self, column: usize) -> Vec<(f64, f64, Life)> {
        let mut pieces = Vec::new();
        let (mut from, mut life) = (self.top, Life::Alive);
        for placed in &self.rows {
            for words in placed.words.iter().filter(|words| words.column == column) {
                let next = match placed.row.notes[words.note].1.mark {
                    Some(Mark::Crash) => Life::Down,
                    Some(Mark::Pause) => Life::Paused,
                    Some(Mark::Boot | Mark::Resume) => Life::Alive,
                    None => continue,
                };
                pieces.push((from, words.y, life));
                (from, life) = (words.y, next);
            }
        }
        pieces.push((from, self.bottom, life));
        pieces
    }
}

/// How much room words have beyond the outer lines, and between lines.
#[derive(Clone, Copy)]
struct Room {
    margin: f64,
    gap: f64,
}

/// Where lines stand, the whole width, and the room for words.
fn columns(plan: &Plan, rows: &[Row]) -> (Vec<f64>, f64, Room) {
    let count = plan.columns.len();
    let gap: f64 = match count {
        0..=2 => 430.0,
        3 => 300.0,
        4 => 240.0,
        _ => 200.0,
    };
    let widest = |column: usize| {
        let notes = rows.iter().flat_map(|row| &row.notes).filter(|(of, _)| *of == column);
        let widest = notes.map(|(_, note)| note.text.chars().count()).max().unwrap_or(0);
        (widest as f64 * CHARACTER + BESIDE).clamp(MARGIN_MIN, MARGIN_MAX)
    };
    let head = gap.min(190.0) / 2.0;
    let left = if count == 0 { MARGIN_MIN } else { widest(0).max(head) };
    let right = if count == 0 { MARGIN_MIN } else { widest(count - 1).max(head) };
    let first = GUTTER + left + BESIDE;
    let xs: Vec<f64> = (0..count).map(|column| first + gap * column as f64).collect();
    let width = first + gap * count.saturating_sub(1) as f64 + right + 2.0 * BESIDE;
    // What the narrower margin can hold, both can.
    let room = Room { margin: MARGIN_MAX - BESIDE, gap: gap - 3.0 * BESIDE };
    (xs, width.max(560.0), room)
}
