//! What was answered has run: whatever the reliability and the semantics, a reply comes of a run.
use super::{Rule, Story, Violation};
use crate::swarm::log::What;

pub(super) fn check(story: &Story<'_>) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (place, entry) in story.log.iter().enumerate() {
        let What::Answered(op, _) = entry.what else { continue };
        let ran = story.asked.get(&op).is_some_and(|asked| asked.runs.iter().any(|(_, at)| *at < place));
        if !ran {
            violations.push(Violation::of(
                Rule::AtLeastOnce,
                op,
                format!("request {op} was answered and had not run"),
            ));
        }
    }
    violations
}
