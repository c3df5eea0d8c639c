//! Whoever waits is told in the end: when the network is whole again and all has come to rest, nothing is pending of
//! any life that goes on.
use super::{Rule, Story, Violation};
use crate::swarm::log::Kind;

pub(super) fn check(story: &Story<'_>) -> Vec<Violation> {
    let lives_on = |life| story.lives.get(&life).is_some_and(|lived| lived.stopped.is_none());
    let pending = story.asked.values().filter(|asked| {
        let accepted = asked.kind == Kind::OneWay && asked.accepted.is_some();
        asked.ended.is_none() && !accepted && lives_on(asked.by)
    });
    pending
        .map(|asked| {
            let text =
                format!("life {} waits for ever: {:?} {} {:?}", asked.by, asked.kind, asked.op, asked.aim);
            Violation::of(Rule::Ends, asked.op, text)
        })
        .collect()
}
