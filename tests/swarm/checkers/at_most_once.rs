//! What may run once at most is received once at most, over all lives of all processes.
//!
//! Not checked of unreliable requests: the network may double them, and nobody keeps that out (slide 19).
use super::{Rule, Story, Violation};

pub(super) fn check(story: &Story<'_>) -> Vec<Violation> {
    let twice = story.asked.values().filter(|asked| asked.runs_once() && asked.runs.len() > 1);
    twice
        .map(|asked| {
            let lives: Vec<_> = asked.runs.iter().map(|(life, _)| *life).collect();
            Violation::of(Rule::AtMostOnce, asked.op, format!("request {} ran in lives {lives:?}", asked.op))
        })
        .collect()
}
