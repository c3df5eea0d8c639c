//! The clocks of several traces set right: no packet may arrive before it was sent.
use std::collections::HashMap;

use sendrec_core::trace::{Event, What};

use super::Trace;
use super::join::Key;

/// What one trace says happened, on the wall clock, ns. Signed, and wide enough for any header.
pub(super) type Wall = i128;

/// When an event happened by its own trace's clock.
pub(super) fn wall(trace: &Trace, event: &Event) -> Wall {
    Wall::from(trace.header.origin_unix_ns) + Wall::from(event.at.as_nanos())
}

/// How much is to be added to each trace's clock. All 0 where no packet arrives too early; else the later clock is
/// set so that the fastest packets of both ways take equally long.
pub(super) fn corrections(traces: &[Trace]) -> Vec<Wall> {
    let fastest = fastest(traces);
    let mut shifts = vec![0; traces.len()];
    let violated = fastest.values().any(|span| *span < 0);
    // Differences between clocks, relaxed as in Bellman and Ford's algorithm. Clocks that ran at different speeds
    // may have no solution; then the bound ends it, and merging orders what is left.
    for _ in 0..if violated { traces.len() } else { 0 } {
        for (&(from, to), &span) in &fastest {
            let back = fastest.get(&(to, from)).copied();
            let fair = back.map_or(0, |back| ((span + back) / 2).max(0));
            let wanted = if span < 0 { shifts[from] - span + fair } else { shifts[from] - span };
            shifts[to] = shifts[to].max(wanted);
        }
    }
    shifts
}

/// The shortest passage from each trace to each other, by their clocks.
fn fastest(traces: &[Trace]) -> std::collections::BTreeMap<(usize, usize), Wall> {
    let mut sent = HashMap::new();
    for (place, trace) in traces.iter().enumerate() {
        for event in &trace.events {
            if let What::Sent { packet, .. } = &event.what {
                let key = Key::of(trace.header.machine, packet);
                sent.entry(key).or_insert((place, wall(trace, event)));
            }
        }
    }
    let mut fastest = std::collections::BTreeMap::new();
    for (to, trace) in traces.iter().enumerate() {
        for event in &trace.events {
            let What::Received { from, packet, .. } = &event.what else { continue };
            let Some(&(from, departed)) = sent.get(&Key::of(*from, packet)) else { continue };
            if from != to {
                let span = wall(trace, event) - departed;
                let least = fastest.entry((from, to)).or_insert(span);
                *least = span.min(*least);
            }
        }
    }
    fastest
}
