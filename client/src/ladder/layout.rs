//! Where everything stands: the lines, and the room for notes.
use super::plan::Plan;
use super::rows::Row;
use super::words;

/// Most that notes get on one side, and least that arrows get between two lines.
const MARGIN_MAX: usize = 26;
const GAP_MIN: usize = 30;
const GAP_MAX: usize = 60;
/// The longest name over a single line.
const NAME_MAX: usize = 20;

/// Where notes stand.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Notes {
    /// Of two lines: left of the left one and right of the right one, so wide each.
    Margins { left: usize, right: usize },
    /// Of one line or more than two: all at the right, from here.
    Aside { x: usize },
}

#[derive(Debug)]
pub(super) struct Layout {
    /// Columns of the times, at the left edge.
    pub(super) gutter: usize,
    /// Where each line stands.
    pub(super) lines: Vec<usize>,
    pub(super) notes: Notes,
    /// The name of each line above it and in notes.
    pub(super) names: Vec<String>,
    /// Whether a legend must say who the names are.
    pub(super) legend: bool,
}

impl Layout {
    pub(super) fn new(plan: &Plan, rows: &[Row], width: usize) -> Self {
        let gutter = words::millis(plan.longest, plan.longest).len().max(7) + 2;
        if plan.columns.len() == 2 { margins(plan, rows, width, gutter) } else { aside(plan, width, gutter) }
    }
}

fn margins(plan: &Plan, rows: &[Row], width: usize, gutter: usize) -> Layout {
    let wanted = |column: usize| {
        let notes = rows.iter().flat_map(|row| &row.notes).filter(|(of, _)| *of == column);
        let widest = notes.map(|(_, note)| note.text.chars().count()).max().unwrap_or(0);
        // Half the head stands over the margin.
        let head = plan.columns[column].place.chars().count().div_ceil(2);
        widest.max(head).min(MARGIN_MAX)
    };
    // A line each, and a space between it and its margin.
    let room = width - gutter - 4;
    let (mut left, mut right) = (wanted(0), wanted(1));
    while left + right + GAP_MIN > room {
        if left > right { left -= 1 } else { right -= 1 }
    }
    let gap = (room - left - right).min(GAP_MAX);
    let first = gutter + left + 1;
    Layout {
        gutter,
        lines: vec![first, first + gap + 1],
        notes: Notes::Margins { left, right },
        names: plan.columns.iter().map(|column| column.name.clone()).collect(),
        legend: false,
    }
}

fn aside(plan: &Plan, width: usize, gutter: usize) -> Layout {
    let count = plan.columns.len().max(1);
    let step = if count == 1 { 0 } else { (width / 2 / (count - 1)).clamp(5, 20) };
    let first = gutter + 3;
    let lines: Vec<usize> = (0..plan.columns.len()).map(|column| first + column * step).collect();
    let fits = |name: &String| name.chars().count() < if count == 1 { NAME_MAX } else { step };
    let mut names: Vec<String> = plan.columns.iter().map(|column| column.name.clone()).collect();
    let distinct = names.iter().collect::<std::collections::HashSet<_>>().len() == names.len();
    if !distinct || !names.iter().all(fits) {
        names = (0..names.len()).map(|column| char::from(b'A' + column as u8).to_string()).collect();
    }
    let x = lines.last().map_or(first, |last| last + 3);
    Layout { gutter, lines, notes: Notes::Aside { x }, names, legend: true }
}
