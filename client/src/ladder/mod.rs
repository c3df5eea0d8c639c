//! The ladder: a drawing of joined traces for a terminal, as the protocol is drawn on slides. Time runs downward, each
//! machine is a vertical line, each packet one arrow, and a lost one ends where and why it died.
//!
//! A packet is one row where that keeps the order of what happened on every line, else two: its departure and its
//! arrival. Beside the lines stands what the processes did. Deliberately not here: files (see [`crate::trace`]) and
//! the choice of style by terminal, which is the command's.
pub(crate) mod canvas;
pub(crate) mod fold;
mod layout;
pub(crate) mod order;
mod paint;
pub(crate) mod plan;
pub(crate) mod rows;
pub(crate) mod story;
pub(crate) mod tally;
#[cfg(test)]
pub(crate) mod tests;
pub(crate) mod words;

use std::time::Duration;

use crate::trace::Joined;
use canvas::Pen;

/// No ladder is narrower than this.
pub const WIDTH_MIN: usize = 60;
/// More lines than this are not drawn.
pub const COLUMNS_MAX: usize = 8;

/// How a ladder looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// No line is longer, characters; at least [`WIDTH_MIN`].
    pub width: usize,
    /// Whether to colour, with ANSI escapes.
    pub colour: bool,
    /// Whether to draw with ASCII alone.
    pub ascii: bool,
    /// Leaves out what was before, counted from the first event.
    pub from: Option<Duration>,
    /// Draws so many rows at most, and says so if there are more.
    pub limit: Option<usize>,
    /// Draws nothing from the row on that shows this packet, a place in [`Joined::packets`], or a later one; and does
    /// not say how much that was.
    pub hidden_from: Option<usize>,
    /// Whether every piece of a longer message has a row of its own; else one row stands for several that went one
    /// after the other and all arrived.
    pub unfold: bool,
    /// Whether to say below what it all came to.
    pub tally: bool,
}

impl Default for Style {
    fn default() -> Self {
        Self {
            width: 80,
            colour: false,
            ascii: false,
            from: None,
            limit: None,
            hidden_from: None,
            unfold: false,
            tally: true,
        }
    }
}

/// Draws joined traces. Every packet is drawn once: as an arrow that arrives, with the receiver's verdict beside it if
/// that is not plain acceptance, or as one that stops at a cross.
///
/// ```
/// use sendrec::{ladder, trace};
///
/// # fn main() -> Result<(), trace::TraceError> {
/// # let directory = tempfile::tempdir().unwrap();
/// # let (client, server) = (directory.path().join("client.jsonl"), directory.path().join("server.jsonl"));
/// # std::fs::write(&client, "{\"sendrec-trace\":1,\"machine\":\"10.0.0.1:7000\",\"origin_unix_ns\":0}\n").unwrap();
/// # std::fs::copy(&client, &server).unwrap();
/// let joined = trace::join(vec![trace::read(&client)?, trace::read(&server)?]);
/// print!("{}", ladder::draw(&joined, &ladder::Style::default()));
/// # Ok(())
/// # }
/// ```
pub fn draw(joined: &Joined, style: &Style) -> String {
    let width = style.width.max(WIDTH_MIN);
    let pen = Pen { colour: style.colour, ascii: style.ascii, width };
    let mut plan = plan::plan(joined, &|text| pen.clean(text));
    let mut rows = rows::rows(&plan);
    if let Some(packet) = style.hidden_from {
        rows::hide(&mut rows, joined, packet);
    }
    if !style.unfold {
        rows = fold::fold(rows, &mut plan, joined);
    }
    let cut = rows::cut(&mut rows, &plan, style.from, style.limit);
    let layout = layout::Layout::new(&plan, &rows, width);
    let mut lines = paint::paint(&plan, &rows, &layout, &pen);
    if let Some(before) = cut.before {
        lines.insert(0, pen.line(&before));
    }
    lines.extend(cut.after.map(|after| pen.line(&after)));
    lines.extend(plan.hidden.iter().map(|words| pen.line(words)));
    if style.tally {
        lines.extend(tally::tally(joined, &plan.story, &pen));
    }
    let mut text = lines.join("\n");
    text.push('\n');
    text
}
