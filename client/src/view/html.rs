//! One page that needs nothing else: the picture, every event with its details, and keys to step through them.
//!
//! Without scripts the page shows all events one below the other, and its links work. Deliberately not here: the
//! picture, which is `svg`'s; the page's script and style stand beside this file.
use std::fmt::Write;

use sendrec_core::trace::What;
use serde_json::{Value, json};

use super::drawing::Drawing;
use super::events::{self, Events};
use super::{Page, escape, svg};
use crate::ladder::words;
use crate::trace::{Joined, Passage};

/// The page has no more events than this; drawings are cut far earlier.
const EVENTS_MAX: usize = 20_000;

pub(super) fn render(joined: &Joined, page: &Page) -> String {
    let events = Events::new(joined);
    let drawing = Drawing::new(&events, page, 14.0);
    let title = if page.title.is_empty() { "A trace of sendrec" } else { &page.title };
    let mut text = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
         <meta name=\"color-scheme\" content=\"light dark\"/>\n<title>{}</title>\n<style>\n{}</style>\n</head>\n<body>\n",
        escape(title),
        include_str!("page.css")
    );
    _ = writeln!(text, "<header>\n<h1>{}</h1>", escape(title));
    for words in &page.explanation {
        _ = writeln!(text, "<p>{}</p>", escape(words));
    }
    claims(&mut text, page);
    text.push_str("</header>\n<main>\n<div id=\"drawing\">\n");
    text.push_str(&svg::picture(&events, &drawing, ""));
    text.push_str("</div>\n<aside>\n");
    text.push_str(NAVIGATION);
    text.push_str("<div id=\"events\">\n");
    for place in 0..joined.moments.len().min(EVENTS_MAX) {
        event(&mut text, &events, &drawing, place);
    }
    text.push_str("</div>\n");
    if joined.moments.len() > EVENTS_MAX {
        let more = words::count(joined.moments.len() - EVENTS_MAX, "more event");
        _ = writeln!(text, "<p>Cut: {more} not listed.</p>");
    }
    let script = include_str!("page.js");
    _ = writeln!(
        text,
        "</aside>\n</main>\n<script>\nconst points = {};\n{script}</script>",
        points(&events, &drawing)
    );
    text.push_str("</body>\n</html>\n");
    text
}

const NAVIGATION: &str = "<nav>\n\
    <button type=\"button\" id=\"first\" title=\"First event (Home)\">&#8676;</button>\n\
    <button type=\"button\" id=\"previous\" title=\"Previous event (k, left, up)\">&#8592; previous</button>\n\
    <span id=\"count\"></span>\n\
    <button type=\"button\" id=\"next\" title=\"Next event (j, right, down)\">next &#8594;</button>\n\
    <button type=\"button\" id=\"last\" title=\"Last event (End)\">&#8677;</button>\n</nav>\n\
    <p class=\"keys\">Keys: <kbd>j</kbd> <kbd>&#8595;</kbd> next, <kbd>k</kbd> <kbd>&#8593;</kbd> previous, \
    <kbd>Home</kbd>, <kbd>End</kbd>, <kbd>c</kbd> to the cause. Or click into the drawing.</p>\n";

fn claims(text: &mut String, page: &Page) {
    if page.claims.is_empty() {
        return;
    }
    text.push_str("<ul class=\"claims\">\n");
    for claim in &page.claims {
        let (class, sign, word) =
            if claim.held { ("held", "&#10003;", "held") } else { ("failed", "&#10007;", "did not hold") };
        _ = writeln!(
            text,
            "<li class=\"{class}\"><span aria-label=\"{word}\">{sign}</span> {}</li>",
            escape(&claim.text)
        );
    }
    text.push_str("</ul>\n");
}

/// Where the script finds each event in the drawing: its fragment, its point, and that of its cause.
fn points(events: &Events<'_>, drawing: &Drawing) -> Value {
    let point = |place: usize| {
        let (x, y) = drawing.points[place].unwrap_or((0.0, 0.0));
        json!({
            "id": events.fragments[place],
            "x": (x * 10.0).round() / 10.0,
            "y": (y * 10.0).round() / 10.0,
            "cause": events.causes[place].map(|cause| &events.fragments[cause]),
            "shown": drawing.points[place].is_some(),
        })
    };
    // Fragments are letters, digits, dots and hyphens: nothing here can end the script.
    Value::Array((0..events.fragments.len().min(EVENTS_MAX)).map(point).collect())
}

/// Rows of a table: what is known, and how it is. The second is markup.
type Fields = Vec<(&'static str, String)>;

fn event(text: &mut String, events: &Events<'_>, drawing: &Drawing, place: usize) {
    let joined = events.joined;
    let moment = &joined.moments[place];
    let note = drawing.plan.story.notes[place].as_ref().map(|note| note.text.as_str());
    let fragment = &events.fragments[place];
    let time = words::millis(moment.at, drawing.plan.longest);
    let mut fields: Fields = vec![("at", format!("{time} ms"))];
    fields.push(("machine", escape(&events.name(moment.machine))));
    if moment.event.number > 0 {
        fields.push(("event", moment.event.number.to_string()));
    }
    if let Some(cause) = events.causes[place] {
        let note = drawing.plan.story.notes[cause].as_ref().map(|note| note.text.as_str());
        fields.push(("caused by", link(events, cause, &events.words(cause, note))));
    }
    match (&moment.event.what, moment.packet) {
        (What::Sent { .. } | What::Received { .. } | What::Network { .. }, Some(packet)) => {
            packet_fields(&mut fields, events, &joined.packets[packet], place);
        }
        (what, _) => fields.extend(plain_fields(what)),
    }
    let rule = match &moment.event.what {
        What::Network { rule, .. } | What::Incident { rule, .. } => rule.as_str(),
        _ => "",
    };
    if !rule.is_empty() {
        fields.push(("rule", escape(rule)));
    }
    let words = escape(&events.words(place, note));
    let name = escape(&drawing_name(drawing, events, place));
    _ = writeln!(text, "<article id=\"{fragment}\">\n<h2><b>{name}</b> {words}</h2>\n<table>");
    for (name, value) in fields {
        _ = writeln!(text, "<tr><th>{name}</th><td>{value}</td></tr>");
    }
    _ = writeln!(
        text,
        "</table>\n<p class=\"fragment\"><a href=\"#{fragment}\">#{fragment}</a></p>\n</article>"
    );
}

/// The line on which an event stands.
fn drawing_name(drawing: &Drawing, events: &Events<'_>, place: usize) -> String {
    let machine = events.joined.moments[place].machine;
    let column = if drawing.processes { drawing.plan.lines[place] } else { Some(machine) };
    let column = column.and_then(|column| drawing.plan.columns.get(column));
    column.map_or_else(|| events.name(machine), |column| column.name.clone())
}

fn link(events: &Events<'_>, place: usize, words: &str) -> String {
    format!("<a href=\"#{}\">{}</a>", events.fragments[place], escape(words))
}

fn packet_fields(fields: &mut Fields, events: &Events<'_>, packet: &Passage, place: usize) {
    let note = &packet.note;
    fields.push(("packet", escape(&events::label(packet))));
    fields.push(("from", format!("{} /{}", escape(&events.name(packet.from)), note.source)));
    fields.push(("to", format!("{} /{}", escape(&events.receiver(packet)), note.destination)));
    if let Some(departure) = packet.departure.filter(|departure| *departure != place) {
        fields.push(("departure", link(events, departure, &events.fragments[departure])));
    }
    for (nth, arrival) in packet.arrivals.iter().enumerate().filter(|(_, arrival)| arrival.moment != place) {
        let name = if events.joined.earlier_copies(packet, nth) > 0 { "arrival (copy)" } else { "arrival" };
        fields.push((name, link(events, arrival.moment, &events.fragments[arrival.moment])));
    }
    fields.push(("what became of it", escape(&events.end(packet))));
    if let Some((_, rule)) = &packet.network {
        fields.push(("rule of the network", escape(rule)));
    }
    header_fields(fields, packet);
}

fn header_fields(fields: &mut Fields, packet: &Passage) {
    let note = &packet.note;
    let numbers = [
        ("sequence", note.sequence.0),
        ("source epoch", note.epoch.0),
        ("destination epoch", note.destination_epoch.0),
        ("floor", note.floor.0),
        ("answered above it", note.answered),
        ("elapsed, µs", note.elapsed_us.into()),
        ("payload, bytes", note.bytes as u64),
        ("offset in its message", note.offset.into()),
        ("bytes of the message", note.message_bytes.unwrap_or(0).into()),
        ("blast", note.blast.into()),
        (
            "transfer",
            note.part
                .map(|part| part.transfer)
                .or(note.report.map(|report| report.transfer))
                .unwrap_or(0)
                .into(),
        ),
        ("refuses packet", note.refuses.0),
        ("wait at least, µs", note.wait_us.into()),
        ("known epoch", note.known.0),
        ("uptime, µs", note.uptime_us),
    ];
    for (name, number) in numbers.into_iter().filter(|(_, number)| *number != 0) {
        fields.push((name, number.to_string()));
    }
    if let Some(report) = &note.report {
        fields.push(("newest packet", report.newest.0.to_string()));
        fields.push(("all pieces below", (u64::from(report.base) + 1).to_string()));
        fields.push(("room, pieces", report.window.to_string()));
    }
    let flags = events::flags(note);
    if !flags.is_empty() {
        fields.push(("flags", flags.join(", ")));
    }
    if note.nonce.0 != 0 {
        fields.push(("nonce", format!("{:016x}", note.nonce.0)));
    }
    let reasons = [
        ("status", note.status.map(|status| status.to_string())),
        ("reason", note.refused.map(|reason| reason.to_string())),
        ("reason", note.unknown.map(|reason| reason.to_string())),
        ("whose place", note.sparse.map(|sparse| sparse.to_string())),
    ];
    fields.extend(reasons.into_iter().filter_map(|(name, value)| Some((name, escape(&value?)))));
}

/// Whatever else an event holds, as the trace file has it.
fn plain_fields(what: &What) -> Fields {
    const NAMES: [&str; 17] = [
        "event",
        "process",
        "call",
        "to",
        "sparse",
        "handing",
        "runs_on",
        "on",
        "with",
        "buffer_free",
        "from",
        "messages",
        "bytes",
        "request",
        "address",
        "reason",
        "timer",
    ];
    let value = serde_json::to_value(what).unwrap_or_default();
    let shown = |name: &'static str| {
        let value = value.get(name)?;
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Object(fields) if fields.contains_key("local") => {
                let part = |name: &str| fields.get(name).map(|value| value.to_string().replace('"', ""));
                format!("{}/{}", part("machine").unwrap_or_default(), part("local").unwrap_or_default())
            }
            value => value.to_string(),
        };
        Some((if name == "event" { "what" } else { name }, escape(&text.replace('_', " "))))
    };
    NAMES.into_iter().filter_map(shown).collect()
}
