//! A log for ShiViz: every event of every machine, with a vector clock that says what it may have been caused by.
//!
//! ShiViz reads the regular expression for the log from its first line, and from the second one that parts several
//! executions, of which there are none here. Deliberately not here: times; order is what ShiViz draws.
use std::collections::BTreeMap;

use sendrec_core::trace::What;

use super::events::Events;
use crate::ladder::plan;
use crate::trace::Joined;

/// ShiViz's own default; written all the same, so that the file says what it is.
const EXPRESSION: &str = r"(?<event>.*)\n(?<host>\S*) (?<clock>{.*})";

/// How often each machine had something happen, as far as an event can know. By place in [`Joined::machines`].
pub(super) type Clock = BTreeMap<usize, u64>;

pub(super) fn render(joined: &Joined) -> String {
    let events = Events::new(joined);
    let plan = plan::plan(joined, &str::to_owned);
    let mut text = format!("{EXPRESSION}\n\n");
    for (place, clock) in clocks(joined).iter().enumerate() {
        let note = plan.story.notes[place].as_ref().map(|note| note.text.as_str());
        let moment = &joined.moments[place];
        let mut words = one_line(&events.words(place, note));
        if let (What::Sent { .. }, Some(packet)) = (&moment.event.what, moment.packet) {
            // Of a lost one the words say it already.
            if !joined.packets[packet].end.is_lost() {
                words.push_str(&format!(" [{}]", one_line(&events.end(&joined.packets[packet]))));
            }
        }
        let entries: Vec<_> =
            clock.iter().map(|(machine, count)| format!("\"{}\":{count}", events.hosts[*machine])).collect();
        let host = &events.hosts[moment.machine];
        text.push_str(&format!("{words}\n{host} {{{}}}\n", entries.join(", ")));
    }
    text
}

/// By moment. A machine's own count goes up by one with each; a receipt knows what its packet's sender knew.
pub(super) fn clocks(joined: &Joined) -> Vec<Clock> {
    let mut now: Vec<Clock> = vec![Clock::new(); joined.machines.len()];
    let mut clocks: Vec<Clock> = Vec::with_capacity(joined.moments.len());
    for moment in &joined.moments {
        let clock = &mut now[moment.machine];
        let departure = match (&moment.event.what, moment.packet) {
            (What::Received { .. }, Some(packet)) => joined.packets[packet].departure,
            _ => None,
        };
        for (machine, count) in departure.and_then(|departure| clocks.get(departure)).into_iter().flatten() {
            let known = clock.entry(*machine).or_default();
            *known = (*known).max(*count);
        }
        *clock.entry(moment.machine).or_default() += 1;
        clocks.push(clock.clone());
    }
    clocks
}

fn one_line(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { '?' } else { character }).collect()
}
