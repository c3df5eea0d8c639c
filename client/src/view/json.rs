//! The joined trace as one JSON document.
//!
//! ```text
//! {
//!   "sendrec-joined": 1,            the format's version
//!   "title", "explanation", "claims": [{"text", "held"}]      where the page has them
//!   "traces":   [{"machine", "role", "epoch", "origin_unix_ns", "torn"}]   the files
//!   "machines": [{"machine", "role", "traced"}]      the lines of the drawing, in their order
//!   "moments":  [{
//!     "id":        unique and stable, as the fragment in the page: "client-12"
//!     "at_ns":     since the first moment, clocks set right
//!     "trace", "machine": places in the lists above
//!     "cause":     the id of the moment that caused it
//!     "packet":    place in packets, of what was sent, received or harmed
//!     "words":     what a ladder says of it
//!     "event":     as in the trace file
//!   }]
//!   "packets":  [{                  every packet once, in the order of departure
//!     "from", "to": places in machines; to is null for a broadcast
//!     "header":    as in the trace file
//!     "departure": the id of its moment, null if its sender is not traced
//!     "arrivals":  [{"moment": id, "machine": place, "fate", "copy": whether one came there before}]
//!     "end":       "delivered", "dropped", "never-received", "receiver-not-traced"
//!     "verdict", "rule": what the network did to it and by which rule, null if nothing
//!     "copies":    [{"to", "verdict", "rule"}]      of a broadcast: its copies that the network harmed
//!     "pieces":    of a report alone: how many its message has; null if that is not known
//!     "missing":   of a report alone: [[first, end]], from 0, of the pieces it lists; null if that is not known
//!     "words":     what became of it
//!   }]
//!   "tally":    [{"name", "words"}]
//! }
//! ```
use serde_json::{Value, json};

use super::Page;
use super::events::Events;
use crate::ladder::{plan, tally};
use crate::trace::{End, Joined, Moment, Passage};

/// The version of this format.
const VERSION: u32 = 1;

pub(super) fn render(joined: &Joined, page: &Page) -> String {
    let events = Events::new(joined);
    let plan = plan::plan(joined, &str::to_owned);
    let traces = joined.headers.iter().map(|(header, torn)| {
        json!({
            "machine": header.machine,
            "role": header.role,
            "epoch": header.epoch,
            "origin_unix_ns": header.origin_unix_ns,
            "torn": torn,
        })
    });
    let machines = joined
        .machines
        .iter()
        .map(|seen| json!({ "machine": seen.machine, "role": seen.role, "traced": seen.traced }));
    let moments = joined.moments.iter().enumerate();
    let moments = moments.map(|(place, of)| {
        let note = plan.story.notes[place].as_ref().map(|note| note.text.as_str());
        moment(&events, place, of, note)
    });
    let tally = tally::facts(joined, &plan.story);
    let document = json!({
        "sendrec-joined": VERSION,
        "title": page.title,
        "explanation": page.explanation,
        "claims": page.claims,
        "traces": traces.collect::<Vec<_>>(),
        "machines": machines.collect::<Vec<_>>(),
        "moments": moments.collect::<Vec<_>>(),
        "packets": joined.packets.iter().map(|of| packet(&events, of)).collect::<Vec<_>>(),
        "tally": tally.iter().map(|(name, words)| json!({"name": name, "words": words})).collect::<Vec<_>>(),
    });
    format!("{document:#}\n")
}

fn moment(events: &Events<'_>, place: usize, moment: &Moment, note: Option<&str>) -> Value {
    json!({
        "id": events.fragments[place],
        "at_ns": u64::try_from(moment.at.as_nanos()).unwrap_or(u64::MAX),
        "trace": moment.trace,
        "machine": moment.machine,
        "cause": events.causes[place].map(|cause| &events.fragments[cause]),
        "packet": moment.packet,
        "words": events.words(place, note),
        "event": moment.event,
    })
}

fn packet(events: &Events<'_>, packet: &Passage) -> Value {
    let arrivals = packet.arrivals.iter().enumerate().map(|(nth, arrival)| {
        json!({
            "moment": events.fragments[arrival.moment],
            "machine": events.joined.receiver(arrival),
            "fate": arrival.fate,
            "copy": events.joined.earlier_copies(packet, nth) > 0,
        })
    });
    let copies = packet.copies.iter();
    let copies = copies.map(|copy| json!({ "to": copy.to, "verdict": copy.verdict, "rule": copy.rule }));
    let mut value = json!({
        "from": packet.from,
        "to": packet.to,
        "header": packet.note,
        "departure": packet.departure.map(|departure| &events.fragments[departure]),
        "arrivals": arrivals.collect::<Vec<_>>(),
        "end": match packet.end {
            End::Delivered => "delivered",
            End::Dropped => "dropped",
            End::NeverReceived => "never-received",
            End::ReceiverNotTraced => "receiver-not-traced",
        },
        "verdict": packet.network.as_ref().map(|(verdict, _)| verdict),
        "rule": packet.network.as_ref().map(|(_, rule)| rule),
        "copies": copies.collect::<Vec<_>>(),
        "words": events.end(packet),
    });
    if let Some(progress) = &packet.progress {
        let ranges = |missing: &Vec<std::ops::Range<u32>>| -> Vec<_> {
            missing.iter().map(|range| json!([range.start, range.end])).collect()
        };
        value["pieces"] = json!(progress.pieces);
        value["missing"] = json!(progress.missing.as_ref().map(ranges));
    }
    value
}
