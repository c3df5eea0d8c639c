//! A sequence diagram in Mermaid's language, for pages and documents that render it.
//!
//! Mermaid draws an arrow in one row alone: a packet that was held up has a note where it left. Deliberately not here:
//! times, for which Mermaid has no place.
use std::fmt::Write;

use super::{Page, ROWS_MAX};
use crate::ladder::order::{Step, order};
use crate::ladder::plan::{self, Arrow, Part, Plan, Shape};
use crate::ladder::tally;
use crate::ladder::words::count;
use crate::trace::Joined;

pub(super) fn render(joined: &Joined, page: &Page) -> String {
    let plan = plan::plan(joined, &str::to_owned);
    let mut text = String::new();
    if !page.title.is_empty() {
        // A JSON string is a YAML string.
        let title = serde_json::to_string(&page.title).unwrap_or_default();
        _ = write!(text, "---\ntitle: {title}\n---\n");
    }
    text.push_str("sequenceDiagram\n");
    for words in &page.explanation {
        _ = writeln!(text, "    %% {}", comment(words));
    }
    for claim in &page.claims {
        _ = writeln!(
            text,
            "    %% {}: {}",
            if claim.held { "held" } else { "DID NOT HOLD" },
            comment(&claim.text)
        );
    }
    for (place, column) in plan.columns.iter().enumerate() {
        _ = writeln!(
            text,
            "    participant m{place} as {}<br/>{}",
            escape(&column.name),
            escape(&column.place)
        );
    }
    let from = page.from.unwrap_or_default();
    let steps: Vec<Step> =
        order(&plan).into_iter().filter(|step| plan.items[first(*step)].at >= from).collect();
    let limit = page.limit.unwrap_or(ROWS_MAX);
    for step in steps.iter().take(limit) {
        let line = line(&plan, *step);
        _ = writeln!(text, "    {line}");
    }
    let mut notes: Vec<String> = Vec::new();
    if steps.len() > limit {
        notes.push(format!("Cut: {} not drawn.", count(steps.len() - limit, "more row")));
    }
    notes.extend(plan.hidden.iter().cloned());
    notes.extend(
        tally::facts(joined, &plan.story).into_iter().map(|(name, words)| format!("{name}: {words}")),
    );
    let notes: Vec<String> = notes.iter().map(|note| escape(note)).collect();
    match plan.columns.len() {
        0 => _ = writeln!(text, "    %% {}", notes.join("; ")),
        1 => _ = writeln!(text, "    Note over m0: {}", notes.join("<br/>")),
        columns => _ = writeln!(text, "    Note over m0,m{}: {}", columns - 1, notes.join("<br/>")),
    }
    text
}

fn first(step: Step) -> usize {
    match step {
        Step::Single(first) | Step::Both(first, _) => first,
    }
}

fn line(plan: &Plan, step: Step) -> String {
    let item = &plan.items[first(step)];
    match (&item.part, step) {
        (Part::Note(note), _) => {
            let side = if item.column == 0 && plan.columns.len() > 1 { "left" } else { "right" };
            format!("Note {side} of m{}: {}", item.column, escape(&note.text))
        }
        (Part::Departure(arrow), Step::Single(_)) => {
            let arrow = &plan.arrows[*arrow];
            format!("Note over m{}: {} leaves", arrow.from, escape(&arrow.labels[0]))
        }
        (Part::Departure(arrow) | Part::Whole(arrow) | Part::Arrival(arrow), _) => {
            line_of(&plan.arrows[*arrow])
        }
    }
}

/// An arrow. Its head says what became of it.
fn line_of(arrow: &Arrow) -> String {
    let (head, why) = match &arrow.shape {
        Shape::Through => ("->>", None),
        Shape::Copy => ("-->>", None),
        Shape::Lost(why) => ("-x", Some(format!("lost: {why}"))),
    };
    let fate = arrow.fate.as_ref().map(|fate| fate.text.clone());
    let words: Vec<_> = std::iter::once(arrow.labels[0].clone()).chain(why).chain(fate).collect();
    let words: Vec<_> = words.iter().map(|words| escape(words)).collect();
    format!("m{}{head}m{}: {}", arrow.from, arrow.to, words.join("<br/>"))
}

/// Text without anything that means something to Mermaid, by its own entities.
fn escape(text: &str) -> String {
    let mut safe = String::new();
    for character in text.chars() {
        match character {
            '#' | ';' | '<' | '>' | '&' | '"' | '\'' | '%' | '{' | '}' | '\\' | '`' | '$' => {
                _ = write!(safe, "#{};", u32::from(character));
            }
            character if character.is_control() => safe.push(' '),
            character => safe.push(character),
        }
    }
    if safe.trim().is_empty() { "-".to_owned() } else { safe }
}

/// One line, in which nothing opens a directive.
fn comment(text: &str) -> String {
    text.chars()
        .map(|character| if character.is_control() || "{}".contains(character) { ' ' } else { character })
        .collect()
}
