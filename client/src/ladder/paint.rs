//! From rows to lines of text.
use std::collections::BTreeMap;

use super::canvas::{Canvas, Glyphs, Pen, Tone, wrap};
use super::layout::{Layout, Notes};
use super::plan::{Arrow, Plan, Shape};
use super::rows::{Leg, Row};
use super::story::Mark;
use super::words;

/// Rows between two repetitions of the heads.
const HEADS_EVERY: usize = 40;

struct Painter<'a> {
    plan: &'a Plan,
    layout: &'a Layout,
    pen: &'a Pen,
    glyphs: Glyphs,
    lines: Vec<String>,
    /// Where packets in flight are, by arrow.
    tracks: BTreeMap<usize, usize>,
    /// Which lines are of machines that have crashed and not booted again.
    down: Vec<bool>,
    /// The last time that was written.
    time: Option<String>,
}

pub(super) fn paint(plan: &Plan, rows: &[Row], layout: &Layout, pen: &Pen) -> Vec<String> {
    let (glyphs, lines, tracks) = (pen.glyphs(), Vec::new(), BTreeMap::new());
    let down = vec![false; plan.columns.len()];
    let mut painter = Painter { plan, layout, pen, glyphs, lines, tracks, down, time: None };
    painter.legend();
    if !plan.columns.is_empty() {
        painter.heads();
        let mut latest = None;
        for (place, row) in rows.iter().enumerate() {
            if place > 0 && place % HEADS_EVERY == 0 {
                painter.heads();
            }
            let goes_on = latest.is_none_or(|latest| row.at >= latest);
            painter.row(row, goes_on);
            latest = latest.max(Some(row.at));
        }
        let end = painter.blank();
        painter.push(&end);
    }
    painter.lines
}

impl Painter<'_> {
    fn push(&mut self, canvas: &Canvas) {
        self.lines.push(canvas.text(self.pen));
    }

    /// Who is who, where the heads are too narrow to say it.
    fn legend(&mut self) {
        if !self.layout.legend {
            return;
        }
        let widest = self.layout.names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
        for (column, name) in self.plan.columns.iter().zip(&self.layout.names) {
            let mut canvas = Canvas::new(self.pen.width);
            canvas.put(2, name, Tone::Strong);
            let what = if *name == column.name {
                column.place.clone()
            } else {
                format!("{} {}", column.name, column.place)
            };
            canvas.put(widest + 4, &self.pen.fit(&what, self.pen.width - widest - 4), Tone::Plain);
            self.push(&canvas);
        }
    }

    fn heads(&mut self) {
        let layout = self.layout;
        let margins = matches!(layout.notes, Notes::Margins { .. });
        let mut names = Canvas::new(self.pen.width);
        let mut places = Canvas::new(self.pen.width);
        for (place, (line, column)) in layout.lines.iter().zip(&self.plan.columns).enumerate() {
            self.centred(&mut names, *line, &layout.names[place], Tone::Strong);
            if margins {
                self.centred(&mut places, *line, &column.place, Tone::Faint);
            }
        }
        let last = if margins { &mut places } else { &mut names };
        if last.get(layout.gutter.saturating_sub(3)) == ' ' {
            last.put(layout.gutter.saturating_sub(4), "ms", Tone::Faint);
        }
        if !self.lines.is_empty() {
            let gap = if self.time.is_some() { self.blank() } else { Canvas::new(self.pen.width) };
            self.push(&gap);
        }
        self.push(&names);
        if margins {
            self.push(&places);
        }
        self.time = None;
    }

    /// Text over a line, cut so that it does not reach its neighbours or the edges.
    fn centred(&self, canvas: &mut Canvas, line: usize, text: &str, tone: Tone) {
        let lines = &self.layout.lines;
        let nearest = lines.iter().filter(|other| **other != line).map(|other| other.abs_diff(line)).min();
        let room = nearest.map_or(self.pen.width, |nearest| nearest.saturating_sub(1)).min(2 * line);
        let text = self.pen.fit(text, room.min(2 * (self.pen.width - line) - 1));
        canvas.put(line.saturating_sub(text.chars().count() / 2), &text, tone);
    }

    /// The lines, and packets in flight.
    fn blank(&self) -> Canvas {
        let mut canvas = Canvas::new(self.pen.width);
        for ((line, column), down) in self.layout.lines.iter().zip(&self.plan.columns).zip(&self.down) {
            let glyph = match (down, column.traced) {
                (true, _) => self.glyphs.down,
                (false, true) => self.glyphs.life,
                (false, false) => self.glyphs.shade,
            };
            canvas.set(*line, glyph, Tone::Faint);
        }
        for (arrow, x) in &self.tracks {
            canvas.set(*x, self.glyphs.track, self.plan.arrows[*arrow].tone);
        }
        canvas
    }

    fn row(&mut self, row: &Row, goes_on: bool) {
        if let Some((arrow, Leg::Departure)) = row.arrow {
            let x = self.free_track(&self.plan.arrows[arrow]);
            self.tracks.insert(arrow, x);
        }
        for (column, note) in &row.notes {
            if let Some(mark @ (Mark::Crash | Mark::Boot)) = note.mark {
                self.down[*column] = mark == Mark::Crash;
            }
        }
        let mut canvas = self.blank();
        for (column, _) in row.notes.iter().filter(|(_, note)| note.mark == Some(Mark::Crash)) {
            canvas.set(self.layout.lines[*column], self.glyphs.crash, Tone::Bad);
        }
        let time = words::millis(row.at, self.plan.longest);
        if goes_on && self.time.as_ref() != Some(&time) {
            canvas.put((self.layout.gutter - 2).saturating_sub(time.len()), &time, Tone::Faint);
            self.time = Some(time);
        }
        let mut left_over = None;
        if let Some((arrow, leg)) = row.arrow {
            left_over = self.arrow(&mut canvas, arrow, leg);
            match leg {
                Leg::Arrival => {
                    self.tracks.remove(&arrow);
                }
                Leg::Whole | Leg::Departure => {}
            }
        }
        match self.layout.notes {
            Notes::Margins { left, right } => self.margins(canvas, row, left_over, [left, right]),
            Notes::Aside { x } => self.aside(canvas, row, left_over, x),
        }
    }

    /// Notes beside the two lines, broken into as many rows as they need.
    fn margins(&mut self, canvas: Canvas, row: &Row, left_over: Option<String>, widths: [usize; 2]) {
        let mut sides: [Vec<(String, Tone)>; 2] = [Vec::new(), Vec::new()];
        for (column, note) in &row.notes {
            sides[*column]
                .extend(wrap(&note.text, widths[*column]).into_iter().map(|text| (text, note.tone)));
        }
        if let (Some(words), Some((arrow, _))) = (left_over, row.arrow) {
            let to = self.plan.arrows[arrow].to;
            sides[to].extend(wrap(&words, widths[to]).into_iter().map(|text| (text, Tone::Bad)));
        }
        let height = sides[0].len().max(sides[1].len()).max(1);
        let mut canvas = canvas;
        for place in 0..height {
            if let Some((text, tone)) = sides[0].get(place) {
                let end = self.layout.lines[0] - 1;
                canvas.put(end.saturating_sub(text.chars().count()), text, *tone);
            }
            if let Some((text, tone)) = sides[1].get(place) {
                canvas.put(self.layout.lines[1] + 2, text, *tone);
            }
            self.push(&canvas);
            canvas = self.blank();
        }
    }

    /// Notes at the right, each with the name of its line, on which a dot stands.
    fn aside(&mut self, mut canvas: Canvas, row: &Row, left_over: Option<String>, x: usize) {
        let mut parts: Vec<(String, Tone)> = Vec::new();
        let arrow = row.arrow.map(|(arrow, _)| &self.plan.arrows[arrow]);
        for (column, note) in &row.notes {
            if row.arrow.is_none() && note.mark != Some(Mark::Crash) {
                canvas.set(self.layout.lines[*column], self.glyphs.dot, note.tone);
            }
            parts.push((format!("{}: {}", self.layout.names[*column], note.text), note.tone));
        }
        if let (Some(words), Some(arrow)) = (left_over, arrow) {
            let tone = if matches!(arrow.shape, Shape::Lost(_)) { Tone::Bad } else { arrow.tone };
            // Behind what caused it, before what it caused.
            let sender = row.notes.first().is_some_and(|(column, _)| *column == arrow.from);
            parts.insert(usize::from(sender), (words, tone));
        }
        let width = self.pen.width.saturating_sub(x);
        let texts =
            parts.iter().flat_map(|(text, tone)| wrap(text, width).into_iter().map(|line| (line, *tone)));
        let texts: Vec<_> = texts.collect();
        for place in 0..texts.len().max(1) {
            if let Some((text, tone)) = texts.get(place) {
                canvas.put(x, text, *tone);
            }
            self.push(&canvas);
            canvas = self.blank();
        }
    }

    /// Where a packet in flight goes down: close to its receiver, beside those that are there already.
    fn free_track(&self, arrow: &Arrow) -> usize {
        const STEP: usize = 3;
        let (from, to) = (self.layout.lines[arrow.from], self.layout.lines[arrow.to]);
        let neighbour =
            if from < to { self.layout.lines[arrow.to - 1] } else { self.layout.lines[arrow.to + 1] };
        let gap = neighbour.abs_diff(to);
        let nearest = (gap / 5).max(2);
        let places = (nearest..(gap / 2).max(nearest + 1)).step_by(STEP);
        let mut places = places.map(|away| if from < to { to - away } else { to + away });
        let taken = |x: &usize| self.tracks.values().any(|other| other == x);
        let first = if from < to { to - nearest } else { to + nearest };
        places.find(|x| !taken(x)).unwrap_or(first)
    }

    /// Draws an arrow, or the leg of it that stands in this row. Returns words that found no room.
    fn arrow(&self, canvas: &mut Canvas, place: usize, leg: Leg) -> Option<String> {
        let arrow = &self.plan.arrows[place];
        let glyphs = &self.glyphs;
        let (from, to) = (self.layout.lines[arrow.from], self.layout.lines[arrow.to]);
        let rightward = from < to;
        let turns = if rightward { glyphs.turns_right } else { glyphs.turns_left };
        let head = if rightward { glyphs.right } else { glyphs.left };
        let middle = usize::midpoint(from, to);
        let track = self.tracks.get(&place).copied().unwrap_or(middle);
        let step = |x: usize, steps: usize| if rightward { x + steps } else { x - steps };
        let back = |x: usize, steps: usize| if rightward { x - steps } else { x + steps };
        let mut left_over = None;
        match (&arrow.shape, leg) {
            (_, Leg::Arrival) => {
                self.shaft(canvas, track, back(to, 1), arrow.tone);
                canvas.set(track, turns[1], arrow.tone);
                canvas.set(back(to, 1), head, arrow.tone);
            }
            (_, Leg::Departure) => {
                self.leave(canvas, from, rightward, arrow.tone);
                self.shaft(canvas, step(from, 1), track, arrow.tone);
                canvas.set(track, turns[0], arrow.tone);
                left_over = self.label(canvas, arrow, from, track);
            }
            (Shape::Through, Leg::Whole) => {
                self.leave(canvas, from, rightward, arrow.tone);
                self.shaft(canvas, step(from, 1), back(to, 1), arrow.tone);
                canvas.set(back(to, 1), head, arrow.tone);
                left_over = self.label(canvas, arrow, from, back(to, 1));
            }
            (Shape::Copy, Leg::Whole) => {
                let start = self.copy_start(arrow, from, to);
                self.shaft(canvas, start, back(to, 1), arrow.tone);
                canvas.set(start, glyphs.copy[usize::from(!rightward)], arrow.tone);
                canvas.set(back(to, 1), head, arrow.tone);
                left_over = self.label(canvas, arrow, start, back(to, 1));
            }
            (Shape::Lost(why), Leg::Whole) => {
                self.leave(canvas, from, rightward, arrow.tone);
                left_over = self.lost(canvas, arrow, why);
            }
        }
        left_over
    }

    /// The branch on the line that an arrow leaves. A line without a trace stays as it is.
    fn leave(&self, canvas: &mut Canvas, line: usize, rightward: bool, tone: Tone) {
        let glyph = if rightward { self.glyphs.out_right } else { self.glyphs.out_left };
        canvas.set(line, glyph, tone);
    }

    /// A horizontal piece, both ends included, across whatever stands there.
    fn shaft(&self, canvas: &mut Canvas, a: usize, b: usize, tone: Tone) {
        for x in a.min(b)..=a.max(b) {
            let crossed = self.layout.lines.contains(&x) || canvas.get(x) == self.glyphs.track;
            canvas.set(x, if crossed { self.glyphs.cross } else { self.glyphs.shaft }, tone);
        }
    }

    /// How far an arrow that begins here goes before it meets a line, or ends.
    fn free_length(&self, start: usize, end: usize) -> usize {
        let between = |line: &&usize| start.min(end) < **line && **line < start.max(end);
        let stop = self.layout.lines.iter().filter(between).min_by_key(|line| line.abs_diff(start));
        stop.unwrap_or(&end).abs_diff(start)
    }

    /// How much of that a label may have: a bit of shaft and a space stay on each side.
    fn label_room(&self, start: usize, end: usize) -> usize {
        const SHAFTS_AND_SPACES: usize = 4;
        self.free_length(start, end).saturating_sub(SHAFTS_AND_SPACES)
    }

    /// Writes the fullest label that fits, near where the arrow begins. Returns the full one if that is another.
    fn label(&self, canvas: &mut Canvas, arrow: &Arrow, start: usize, end: usize) -> Option<String> {
        let room = self.label_room(start, end);
        let full = &arrow.labels[0];
        let found = arrow.labels.iter().find(|label| label.chars().count() <= room);
        if let Some(label) = found {
            self.write(canvas, label, start, start < end, arrow.tone);
        } else if let Some(short) = arrow.labels.last() {
            // No room even for spaces: the bare type, or its beginning, right at the line.
            let short: String = short.chars().take(self.free_length(start, end).saturating_sub(1)).collect();
            let x = if start < end { start + 1 } else { start - short.chars().count() };
            canvas.put(x, &short, arrow.tone);
        }
        // A number or length that is not there is no loss; what is special about a packet is.
        let aside = matches!(self.layout.notes, Notes::Aside { .. });
        let told = found.is_some_and(|label| arrow.special.is_empty() || label.contains(&arrow.special));
        (aside && !told).then(|| full.clone())
    }

    /// Writes a label near where its arrow begins: ` label ` behind one piece of shaft.
    fn write(&self, canvas: &mut Canvas, label: &str, start: usize, rightward: bool, tone: Tone) {
        let text = format!(" {label} ");
        let x = if rightward { start + 2 } else { start - 1 - text.chars().count() };
        canvas.put(x, &text, tone);
    }

    fn copy_start(&self, arrow: &Arrow, from: usize, to: usize) -> usize {
        let middle = usize::midpoint(from, to);
        let label = arrow.labels.last().map_or(0, |label| label.chars().count());
        // From the middle, or where a short label needs it, from further back.
        let length = middle.abs_diff(to).max(label + 6).min(from.abs_diff(to) - 1);
        if from < to { to - length } else { to + length }
    }

    /// An arrow that dies: a label, some shaft, a cross, and the rule that killed it.
    fn lost(&self, canvas: &mut Canvas, arrow: &Arrow, why: &str) -> Option<String> {
        const SHAFT: usize = 2;
        let (from, to) = (self.layout.lines[arrow.from], self.layout.lines[arrow.to]);
        let rightward = from < to;
        let at = |away: usize| if rightward { from + away } else { from - away };
        let length = from.abs_diff(to);
        let reason = why.chars().count();
        // Behind the cross: a space, the rule, a space before the line.
        let with_reason = |label: &&String| 3 + label.chars().count() + SHAFT + 3 + reason < length;
        let fits = |label: &&String| label.chars().count() <= self.label_room(from, to).saturating_sub(2);
        let inline = matches!(self.layout.notes, Notes::Margins { .. });
        let chosen = arrow.labels.iter().find(|label| inline && with_reason(label));
        let label = chosen.or_else(|| arrow.labels.iter().find(fits));
        let width = label.map_or(0, |label| label.chars().count() + 3);
        let mut dead = (length * 3 / 5).max(width + SHAFT);
        if chosen.is_some() {
            dead = dead.min(length - reason - 3);
        }
        dead = dead.min(length - 1).max(1);
        self.shaft(canvas, at(1), at(dead), arrow.tone);
        if let Some(label) = label {
            self.write(canvas, label, from, rightward, arrow.tone);
        }
        canvas.set(at(dead), self.glyphs.dead, Tone::Bad);
        if chosen.is_some() {
            let x = if rightward { from + dead + 2 } else { from - dead - 1 - reason };
            canvas.put(x, why, Tone::Bad);
            return None;
        }
        if inline {
            return Some(why.to_owned());
        }
        Some(format!("{} lost: {why}", arrow.labels[0]))
    }
}
