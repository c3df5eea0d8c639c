//! The ladder as a picture: a sheet of paper with life lines, sloping arrows, crosses where packets died.
//!
//! Text stays text, so that it can be selected and searched; colours follow the reader's light or dark scheme.
use std::fmt::Write;

use sendrec_core::wire::PacketType;

use super::drawing::{BESIDE, CHARACTER, Drawing, HEAD, LINE, Life, Placed, SLOPE, Words};
use super::events::Events;
use super::{Page, escape};
use crate::ladder::canvas::{Tone, wrap};
use crate::ladder::plan::{Arrow, Shape};
use crate::ladder::rows::Leg;
use crate::ladder::story::{Mark, Note};
use crate::ladder::tally;
use crate::trace::Joined;

/// How far along its way a packet dies.
const DEATH: f64 = 0.6;
/// Shaft of an arrow ends before the line, where its head stands.
const HEAD_LENGTH: f64 = 9.0;
/// Pixels that a character of a label takes, which is bold.
const BOLD: f64 = 7.7;

/// A picture that stands alone.
pub(super) fn render(joined: &Joined, page: &Page) -> String {
    let events = Events::new(joined);
    let top = if page.title.is_empty() { 14.0 } else { 48.0 };
    let drawing = Drawing::new(&events, page, top);
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    text.push_str(&picture(&events, &drawing, &page.title));
    text
}

/// The element with its style, for a file of its own or inside a page.
pub(super) fn picture(events: &Events<'_>, drawing: &Drawing, title: &str) -> String {
    let mut painter = Painter { events, drawing, text: String::new(), y: drawing.bottom + 28.0 };
    painter.lines();
    painter.rows();
    painter.tally();
    let height = painter.y + 8.0;
    let width = drawing.width;
    let name = if title.is_empty() { "A ladder of packets" } else { title };
    let mut text = format!(
        "<svg class=\"ladder\" xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" \
         width=\"{width:.0}\" height=\"{height:.0}\" role=\"img\">\n<title>{}</title>\n<style>\n{}</style>\n",
        escape(name),
        include_str!("ladder.css")
    );
    _ = writeln!(text, "<rect class=\"paper\" width=\"100%\" height=\"100%\"/>");
    if !title.is_empty() {
        _ = writeln!(text, "<text class=\"title\" x=\"20\" y=\"32\">{}</text>", escape(title));
    }
    text.push_str(&painter.text);
    text.push_str("</svg>\n");
    text
}

struct Painter<'a> {
    events: &'a Events<'a>,
    drawing: &'a Drawing,
    text: String,
    /// Where the next line of words below the drawing stands.
    y: f64,
}

/// A straight way between two points.
#[derive(Clone, Copy)]
struct Way {
    from: (f64, f64),
    to: (f64, f64),
}

impl Way {
    fn at(self, part: f64) -> (f64, f64) {
        let ((x1, y1), (x2, y2)) = (self.from, self.to);
        (x1 + (x2 - x1) * part, y1 + (y2 - y1) * part)
    }

    /// Degrees by which text along it is turned.
    fn angle(self) -> f64 {
        let (dx, dy) = (self.to.0 - self.from.0, self.to.1 - self.from.1);
        if dx == 0.0 { 0.0 } else { (dy / dx).atan().to_degrees() }
    }

    fn length(self) -> f64 {
        (self.to.0 - self.from.0).hypot(self.to.1 - self.from.1)
    }
}

const fn class(tone: Tone) -> &'static str {
    match tone {
        Tone::Plain => "plain",
        Tone::Faint => "faint",
        Tone::Strong => "strong",
        Tone::Bad => "bad",
        Tone::Run => "run",
        Tone::Packet(kind) => match kind {
            PacketType::Req => "req",
            PacketType::Rep => "rep",
            PacketType::Ack => "ack",
            PacketType::Aya => "aya",
            PacketType::Iaa => "iaa",
            PacketType::Ta => "ta",
            PacketType::Au => "au",
            PacketType::Locate => "locate",
            PacketType::Here => "here",
        },
    }
}

impl Painter<'_> {
    fn lines(&mut self) {
        let drawing = self.drawing;
        for (place, column) in drawing.plan.columns.iter().enumerate() {
            let x = drawing.xs[place];
            for (from, to, life) in drawing.life(place) {
                let class = match (life, column.traced) {
                    (Life::Down, _) => "life down",
                    (Life::Paused, _) => "life paused",
                    (Life::Alive, true) => "life",
                    (Life::Alive, false) => "life untraced",
                };
                _ = writeln!(
                    self.text,
                    r#"<line class="{class}" x1="{x}" y1="{from:.1}" x2="{x}" y2="{to:.1}"/>"#
                );
            }
        }
        for bar in &drawing.bars {
            let (x, height) = (bar.x - 3.5, bar.to - bar.from);
            let class = if bar.blocks { "wait" } else { "wait running" };
            _ = writeln!(
                self.text,
                r#"<rect class="{class}" x="{x}" y="{:.1}" width="7" height="{height:.1}" rx="2"/>"#,
                bar.from
            );
        }
        for top in &drawing.heads {
            self.heads(*top);
        }
    }

    fn heads(&mut self, top: f64) {
        let drawing = self.drawing;
        let gap = if drawing.xs.len() > 1 { drawing.xs[1] - drawing.xs[0] } else { 190.0 };
        let width = (gap - 14.0).min(190.0);
        let characters = (width / CHARACTER) as usize - 1;
        for (column, x) in drawing.plan.columns.iter().zip(&drawing.xs) {
            let left = x - width / 2.0;
            let traced = if column.traced { "" } else { " untraced" };
            _ = writeln!(
                self.text,
                r#"<rect class="head{traced}" x="{left:.1}" y="{top:.1}" width="{width:.1}" height="42" rx="6"/>"#
            );
            let (name, place) = (fit(&column.name, characters), fit(&column.place, characters + 2));
            let (first, second) = (top + 18.0, top + 34.0);
            _ = writeln!(self.text, r#"<text class="name" x="{x}" y="{first:.1}">{}</text>"#, escape(&name));
            _ = writeln!(
                self.text,
                r#"<text class="place" x="{x}" y="{second:.1}">{}</text>"#,
                escape(&place)
            );
        }
        let y = top + HEAD - 24.0;
        _ = writeln!(self.text, r#"<text class="time" x="64" y="{y:.1}">ms</text>"#);
    }

    fn rows(&mut self) {
        if let Some(before) = &self.drawing.cut.before {
            let y = self.drawing.top + 12.0;
            _ = writeln!(self.text, r#"<text class="cut" x="20" y="{y:.1}">{}</text>"#, escape(before));
        }
        for placed in &self.drawing.rows {
            let ids: Vec<&str> =
                placed.row.moments.iter().map(|moment| self.events.fragments[*moment].as_str()).collect();
            _ = writeln!(self.text, r#"<g class="row" data-events="{}">"#, escape(&ids.join(" ")));
            let top = placed.departs - 18.0;
            let height = placed.bottom - top;
            _ = writeln!(
                self.text,
                r#"<rect class="band" x="0" y="{top:.1}" width="{:.0}" height="{height:.1}"/>"#,
                self.drawing.width
            );
            if let Some(time) = &placed.time {
                let y = placed.departs + 4.0;
                _ = writeln!(self.text, r#"<text class="time" x="64" y="{y:.1}">{time}</text>"#);
            }
            if let Some((arrow, leg)) = placed.row.arrow {
                self.arrow(placed, arrow, leg);
            }
            for words in &placed.words {
                self.words(words, &placed.row.notes[words.note].1, placed.row.arrow.is_none());
            }
            self.text.push_str("</g>\n");
        }
    }

    /// Words beside a line, with a dot on it where no arrow ends.
    fn words(&mut self, words: &Words, note: &Note, alone: bool) {
        let x = self.drawing.xs[words.column];
        if note.mark == Some(Mark::Crash) {
            self.cross((x, words.y), 9.0, "cross crash");
        } else if alone {
            _ = writeln!(
                self.text,
                r#"<circle class="dot {}" cx="{x}" cy="{:.1}" r="3.5"/>"#,
                class(note.tone),
                words.y
            );
        }
        let (x, anchor) = if words.left { (x - BESIDE, "end") } else { (x + BESIDE, "start") };
        for (place, line) in words.lines.iter().enumerate() {
            let y = words.y + 4.0 + LINE * place as f64;
            _ = writeln!(
                self.text,
                r#"<text class="note {} {anchor}" x="{x}" y="{y:.1}">{}</text>"#,
                class(note.tone),
                escape(line)
            );
        }
    }

    fn cross(&mut self, (x, y): (f64, f64), half: f64, class: &str) {
        _ = writeln!(
            self.text,
            r#"<path class="{class}" d="M{:.1} {:.1}l{d} {d}m0 -{d}l-{d} {d}"/>"#,
            x - half,
            y - half,
            d = 2.0 * half
        );
    }

    fn arrow(&mut self, placed: &Placed, number: usize, leg: Leg) {
        let drawing = self.drawing;
        let arrow = &drawing.plan.arrows[number];
        let (from, to) = (drawing.xs[arrow.from], drawing.xs[arrow.to]);
        let arrives = match (leg, drawing.arrival_rows[number]) {
            // Drawn where it left, if that is not cut away.
            (Leg::Arrival, _) if self.has_departure(number) => return,
            (Leg::Arrival, _) => placed.arrives,
            (Leg::Departure, Some(row)) => drawing.rows[row].arrives,
            // It arrives below what is drawn.
            (Leg::Departure, None) => drawing.bottom,
            (Leg::Whole, _) => placed.arrives,
        };
        let departs = if leg == Leg::Arrival { placed.departs - SLOPE } else { placed.departs };
        let way = Way { from: (from, departs), to: (to, arrives) };
        let class = class(arrow.tone);
        match &arrow.shape {
            Shape::Through => {
                self.shaft(way, 0.0, class);
                self.head(way, class);
                self.label(arrow, way, 0.0, 1.0);
            }
            Shape::Copy => {
                let (x, y) = way.at(0.5);
                _ = writeln!(self.text, r#"<circle class="split {class}" cx="{x:.1}" cy="{y:.1}" r="3.5"/>"#);
                self.shaft(way, 0.5, &format!("{class} copy"));
                self.head(way, class);
                self.label(arrow, way, 0.5, 1.0);
            }
            Shape::Lost(why) => {
                let end = way.at(DEATH);
                let short = Way { from: way.from, to: end };
                let ((x1, y1), (x2, y2)) = (short.from, short.to);
                _ = writeln!(
                    self.text,
                    r#"<line class="shaft lost {class}" x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}"/>"#
                );
                self.cross(end, 6.0, "cross");
                self.label(arrow, way, 0.0, DEATH);
                let y = y2 + 20.0;
                _ = writeln!(
                    self.text,
                    r#"<text class="why middle" x="{x2:.1}" y="{y:.1}">{}</text>"#,
                    escape(&fit(why, 60))
                );
            }
        }
    }

    fn has_departure(&self, number: usize) -> bool {
        let leaves = |placed: &Placed| placed.row.arrow == Some((number, Leg::Departure));
        self.drawing.rows.iter().any(leaves)
    }

    /// From a part of the way to where the head begins.
    fn shaft(&mut self, way: Way, from: f64, class: &str) {
        let (x1, y1) = way.at(from);
        let (x2, y2) = way.at(1.0 - HEAD_LENGTH / way.length().max(HEAD_LENGTH));
        _ = writeln!(
            self.text,
            r#"<line class="shaft {class}" x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}"/>"#
        );
    }

    fn head(&mut self, way: Way, class: &str) {
        let angle = (way.to.1 - way.from.1).atan2(way.to.0 - way.from.0).to_degrees();
        let (x, y) = way.to;
        _ = writeln!(
            self.text,
            r#"<path class="tip {class}" d="M0 0l-11 -4.5v9z" transform="translate({x:.1} {y:.1}) rotate({angle:.2})"/>"#
        );
    }

    /// The fullest label that fits into a part of the way's first gap; what is special about it below, if it did not.
    fn label(&mut self, arrow: &Arrow, way: Way, from: f64, to: f64) {
        let spans = arrow.from.abs_diff(arrow.to).max(1) as f64;
        // A label stands clear of the lines that its arrow crosses: in the gap beside the sender, or the receiver.
        let (start, end) = if from > 0.0 {
            (f64::max(from, 1.0 - 1.0 / spans), to)
        } else {
            (0.0, f64::min(to, 1.0 / spans))
        };
        let room = ((way.to.0 - way.from.0).abs() * (end - start) - 20.0) / BOLD;
        let fits = |label: &&String| (label.chars().count() as f64) <= room;
        let label = arrow.labels.iter().find(fits).or(arrow.labels.last());
        let Some(label) = label else { return };
        let class = class(arrow.tone);
        let (x, y) = way.at(f64::midpoint(start, end));
        let angle = way.angle();
        if (way.to.1 - way.from.1).abs() > SLOPE {
            // Along a steep way it would lie across later rows: it stands where the packet left.
            const AWAY: f64 = 14.0;
            let (x, y) = (way.from.0, way.from.1 - 5.0);
            let (x, anchor) = if arrow.from < arrow.to { (x + AWAY, "start") } else { (x - AWAY, "end") };
            let label = escape(label);
            _ = writeln!(
                self.text,
                r#"<text class="label {anchor} {class}" x="{x:.1}" y="{y:.1}">{label}</text>"#
            );
            return;
        }
        let mut put = |text: &str, below: f64| {
            _ = writeln!(
                self.text,
                r#"<text class="label middle {class}" transform="translate({x:.1} {y:.1}) rotate({angle:.2})" y="{below}">{}</text>"#,
                escape(text)
            );
        };
        put(label, -5.0);
        if !label.ends_with(&arrow.special) {
            put(arrow.special.trim(), 14.0);
        }
    }

    fn tally(&mut self) {
        const NAMES: f64 = 130.0;
        let drawing = self.drawing;
        let after = drawing.cut.after.iter().chain(&drawing.plan.hidden);
        for words in after {
            _ = writeln!(self.text, r#"<text class="cut" x="20" y="{:.1}">{}</text>"#, self.y, escape(words));
            self.y += 20.0;
        }
        let characters = ((drawing.width - NAMES - 40.0) / CHARACTER) as usize;
        for (name, words) in tally::facts(self.events.joined, &drawing.plan.story) {
            _ = writeln!(self.text, r#"<text class="strong" x="20" y="{:.1}">{name}</text>"#, self.y);
            for line in wrap(&words, characters) {
                let x = 20.0 + NAMES;
                _ = writeln!(self.text, r#"<text x="{x}" y="{:.1}">{}</text>"#, self.y, escape(&line));
                self.y += 20.0;
            }
        }
    }
}

/// The text, or its beginning with a sign that it goes on.
fn fit(text: &str, characters: usize) -> String {
    if text.chars().count() <= characters {
        return text.to_owned();
    }
    let short: String = text.chars().take(characters.saturating_sub(1)).collect();
    format!("{short}…")
}
