//! The rows of the drawing: an arrow with what caused it and what it caused beside it, or a note alone.
use std::collections::HashSet;
use std::time::Duration;

use super::order::{Step, order};
use super::plan::{EventId, Item, Part, Plan};
use super::story::Note;
use super::words::{self, count};
use crate::trace::Joined;

/// What comes so little after its row's time stands there as if at it.
const LATE_MIN: Duration = Duration::from_micros(500);

/// How much of an arrow stands in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leg {
    Whole,
    Departure,
    Arrival,
}

#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) at: Duration,
    pub(crate) arrow: Option<(usize, Leg)>,
    /// By line, at most one each.
    pub(crate) notes: Vec<(usize, Note)>,
    /// What it shows: places among the joined moments.
    pub(crate) moments: Vec<usize>,
    /// The line and event with which a note alone may be joined by what it caused, or an arrow by what it causes.
    lead: Option<(usize, EventId)>,
}

impl Row {
    fn new(item: &Item, arrow: Option<(usize, Leg)>) -> Self {
        Self { at: item.at, arrow, notes: Vec::new(), moments: vec![item.moment], lead: None }
    }

    fn note_at(&self, column: usize) -> bool {
        self.notes.iter().any(|(other, _)| *other == column)
    }
}

pub(crate) fn rows(plan: &Plan) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let ends: HashSet<usize> = plan.story.waits.iter().filter_map(|wait| wait.to).collect();
    for step in order(plan) {
        let (first, second) = match step {
            Step::Single(first) => (first, None),
            Step::Both(first, second) => (first, Some(second)),
        };
        let item = &plan.items[first];
        match (&item.part, second) {
            (Part::Note(note), _) => add_note(&mut rows, item, note, ends.contains(&item.moment)),
            (Part::Departure(arrow), Some(second)) => {
                add_arrow(plan, &mut rows, item, *arrow, Leg::Whole);
                arrive(plan, &mut rows, &plan.items[second], *arrow);
            }
            (Part::Departure(arrow), None) => add_arrow(plan, &mut rows, item, *arrow, Leg::Departure),
            (Part::Arrival(arrow), _) => {
                rows.push(Row::new(item, Some((*arrow, Leg::Arrival))));
                arrive(plan, &mut rows, item, *arrow);
            }
            (Part::Whole(arrow), _) => {
                add_arrow(plan, &mut rows, item, *arrow, Leg::Whole);
                if item.column == plan.arrows[*arrow].to {
                    arrive(plan, &mut rows, item, *arrow);
                }
            }
        }
    }
    rows
}

/// Beside the arrival that caused it, if nothing was noted on that line since; else in a row of its own. So is the end of
/// a wait, whose time is to be seen, where the row's is when the arrow departed, and much earlier.
fn add_note(rows: &mut Vec<Row>, item: &Item, note: &Note, ends_wait: bool) {
    const ROWS_BACK: usize = 4;
    for row in rows.iter_mut().rev().take(ROWS_BACK) {
        let caused =
            row.arrow.is_some() && item.cause.is_some_and(|cause| row.lead == Some((item.column, cause)));
        let is_late = ends_wait && item.at >= row.at + LATE_MIN;
        if caused && !row.note_at(item.column) && !is_late {
            row.notes.push((item.column, note.clone()));
            row.moments.push(item.moment);
            return;
        }
        if caused || row.note_at(item.column) {
            break;
        }
    }
    let lead = Some((item.column, item.event));
    rows.push(Row { notes: vec![(item.column, note.clone())], lead, ..Row::new(item, None) });
}

/// In the row of the note that caused it, if that is the last one; else in a row of its own.
fn add_arrow(plan: &Plan, rows: &mut Vec<Row>, item: &Item, arrow: usize, leg: Leg) {
    let (from, to) = (plan.arrows[arrow].from, plan.arrows[arrow].to);
    if item.column == from
        && let Some(row) = rows.last_mut()
        && row.arrow.is_none()
        && !row.note_at(to)
        && item.cause.is_some_and(|cause| row.lead == Some((item.column, cause)))
    {
        row.arrow = Some((arrow, leg));
        row.lead = None;
        row.moments.push(item.moment);
        return;
    }
    rows.push(Row::new(item, Some((arrow, leg))));
}

/// The last row's arrow arrives.
fn arrive(plan: &Plan, rows: &mut [Row], item: &Item, arrow: usize) {
    if let Some(row) = rows.last_mut() {
        row.lead = Some((item.column, item.event));
        row.moments.push(item.moment);
        if let Some(fate) = &plan.arrows[arrow].fate {
            row.notes.push((item.column, fate.clone()));
        }
    }
}

/// Words for what is not drawn.
#[derive(Debug, Default)]
pub(crate) struct Cut {
    pub(crate) before: Option<String>,
    pub(crate) after: Option<String>,
}

/// Takes out rows that are not wanted.
/// Leaves out all rows from the first one on that shows `packet` or a later one.
pub(crate) fn hide(rows: &mut Vec<Row>, joined: &Joined, packet: usize) {
    let shows = |row: &Row| {
        row.moments.iter().any(|moment| joined.moments[*moment].packet.is_some_and(|shown| shown >= packet))
    };
    let first = rows.iter().position(shows).unwrap_or(rows.len());
    rows.truncate(first);
}

pub(crate) fn cut(rows: &mut Vec<Row>, plan: &Plan, from: Option<Duration>, limit: Option<usize>) -> Cut {
    let arrows = |rows: &[Row]| {
        let starts = |row: &&Row| matches!(row.arrow, Some((_, Leg::Whole | Leg::Departure)));
        rows.iter().filter(starts).count()
    };
    let mut cut = Cut::default();
    if let Some(from) = from {
        let first = rows.iter().position(|row| row.at >= from).unwrap_or(rows.len());
        let before: Vec<Row> = rows.drain(..first).collect();
        if !before.is_empty() {
            let at = words::millis(from, plan.longest);
            let (rows, packets) = (count(before.len(), "row"), count(arrows(&before), "packet"));
            cut.before = Some(format!("Left out: {rows} with {packets} before {at} ms."));
        }
    }
    if let Some(limit) = limit
        && rows.len() > limit
    {
        let after = rows.split_off(limit);
        let (rows, packets) = (count(after.len(), "more row"), count(arrows(&after), "packet"));
        cut.after = Some(format!("Cut: {rows} with {packets} not drawn."));
    }
    cut
}
