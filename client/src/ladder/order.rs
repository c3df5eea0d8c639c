//! In which order things are drawn, and which packets fit into one row.
//!
//! A packet's departure and arrival share a row where no other chain of cause and effect leads from the one to the
//! other: then the row contradicts no line. (They are contracted to one node of the graph of what came before what;
//! that is allowed as long as it makes no cycle.)
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};

use super::plan::{Item, Part, Plan};

/// What is drawn next: an item, or a departure with its arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Single(usize),
    Both(usize, usize),
}

/// A search for another way gives up after so many items; the packet then gets two rows, which is never wrong.
const SEARCH_MAX: usize = 256;

struct Graph {
    /// The next and the previous item on the same line.
    next: Vec<Option<usize>>,
    previous: Vec<Option<usize>>,
    /// The other end of an arrow.
    partner: Vec<Option<usize>>,
    departs: Vec<bool>,
    /// Departure and arrival share a row.
    together: Vec<bool>,
    /// A note that waits for the arrow it caused, to stand beside it.
    held: Vec<bool>,
}

pub(crate) fn order(plan: &Plan) -> Vec<Step> {
    let mut graph = Graph::new(plan);
    // Pieces first: where a report crosses a run of them, it is the one that gets two rows.
    graph.join(plan, true);
    graph.join(plan, false);
    graph.sorted()
}

/// Whether an arrow leaves because of what is noted.
fn caused(note: &Item, departure: &Item) -> bool {
    matches!(note.part, Part::Note(_)) && departure.cause == Some(note.event)
}

impl Graph {
    fn new(plan: &Plan) -> Self {
        let count = plan.items.len();
        let mut graph = Self {
            next: vec![None; count],
            previous: vec![None; count],
            partner: vec![None; count],
            departs: vec![false; count],
            together: vec![false; count],
            held: vec![false; count],
        };
        let mut last = vec![None; plan.columns.len()];
        let mut departed = vec![None; plan.arrows.len()];
        for (place, item) in plan.items.iter().enumerate() {
            if let Some(before) = last[item.column].replace(place) {
                graph.next[before] = Some(place);
                graph.previous[place] = Some(before);
            }
            match item.part {
                Part::Departure(arrow) => {
                    graph.departs[place] = true;
                    departed[arrow] = Some(place);
                    let before = graph.previous[place];
                    if let Some(note) = before.filter(|before| caused(&plan.items[*before], item)) {
                        graph.held[note] = true;
                    }
                }
                Part::Arrival(arrow) => {
                    if let Some(departure) = departed[arrow] {
                        graph.partner[place] = Some(departure);
                        graph.partner[departure] = Some(place);
                    }
                }
                Part::Note(_) | Part::Whole(_) => {}
            }
        }
        graph
    }

    /// Lets departures and arrivals share a row where nothing speaks against it: those of pieces of longer messages, or
    /// those of all other packets.
    fn join(&mut self, plan: &Plan, pieces: bool) {
        // The latest arrival of those joined so far that depart no later than each item.
        let mut farthest = vec![0; plan.items.len()];
        let mut reach = 0;
        for (item, farthest) in farthest.iter_mut().enumerate() {
            if let (true, true, Some(arrival)) = (self.together[item], self.departs[item], self.partner[item])
            {
                reach = reach.max(arrival);
            }
            *farthest = reach;
        }
        let mut reach = 0;
        for item in 0..plan.items.len() {
            let (Part::Departure(arrow), Some(arrival)) = (&plan.items[item].part, self.partner[item]) else {
                continue;
            };
            let arrow = &plan.arrows[*arrow];
            if arrow.is_piece != pieces || arrow.slow {
                continue;
            }
            let mut window = reach.max(arrival);
            while farthest[window] > window {
                window = farthest[window];
            }
            if !self.leads(item, arrival, window) {
                self.together[item] = true;
                self.together[arrival] = true;
                reach = window;
            }
        }
    }

    /// Whether a way leads from a departure to its arrival that is not the packet itself. Nothing beyond `window`
    /// leads back.
    fn leads(&self, departure: usize, arrival: usize, window: usize) -> bool {
        let Some(goal) = self.previous[arrival] else { return false };
        let mut seen = HashSet::new();
        let mut open: Vec<usize> = self.next[departure].into_iter().collect();
        while let Some(item) = open.pop() {
            if item > window || !seen.insert(item) {
                continue;
            }
            if item == goal || seen.len() > SEARCH_MAX {
                return true;
            }
            open.extend(self.next[item]);
            if self.departs[item] || self.together[item] {
                open.extend(self.partner[item]);
            }
        }
        false
    }

    /// Everything in an order that all lines agree with, as close to time's as it can be.
    fn sorted(&self) -> Vec<Step> {
        let count = self.next.len();
        let mut left = count;
        let mut done = vec![false; count];
        let mut steps = Vec::with_capacity(count);
        let mut ready: BinaryHeap<Reverse<usize>> = BinaryHeap::new();
        let waits_for = |item: usize, done: &[bool]| {
            let line = self.previous[item].is_some_and(|before| !done[before]);
            let packet = !self.departs[item] && self.partner[item].is_some_and(|departure| !done[departure]);
            line || (packet && !self.together[item])
        };
        let members = |item: usize| [Some(item), self.partner[item].filter(|_| self.together[item])];
        let is_ready = |item: usize, done: &[bool]| {
            members(item).into_iter().flatten().all(|member| !done[member] && !waits_for(member, done))
        };
        let lead = |item: usize| members(item).into_iter().flatten().min().unwrap_or(item);
        ready.extend((0..count).filter(|item| lead(*item) == *item && is_ready(*item, &done)).map(Reverse));
        while let Some(Reverse(item)) = ready.pop() {
            if done[item] {
                continue;
            }
            let all: Vec<usize> = members(item).into_iter().flatten().collect();
            let notes = all.iter().filter_map(|member| self.previous[*member]);
            steps.extend(notes.filter(|note| self.held[*note]).map(Step::Single));
            match members(item) {
                [Some(first), Some(second)] => steps.push(Step::Both(first, second)),
                _ if self.held[item] => {}
                _ => steps.push(Step::Single(item)),
            }
            for member in &all {
                done[*member] = true;
                left -= 1;
            }
            for after in all.iter().flat_map(|member| [self.next[*member], self.partner[*member]]).flatten() {
                if is_ready(after, &done) {
                    ready.push(Reverse(lead(after)));
                }
            }
        }
        debug_assert_eq!(left, 0, "a cycle in what came before what");
        steps
    }
}
