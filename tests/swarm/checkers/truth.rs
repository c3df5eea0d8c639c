//! Errors that say that a request was not executed are true: it has not run, and will not.
//!
//! Checked of requests that run once at most. Of others an error tells of the copy sent last: an earlier one may have
//! run. *Refused* tells of the copies that came: it is checked where the network neither doubles packets nor lets one
//! overtake another, since elsewhere a copy may come when there is room again. A request that a process has received only to hand it on has not been executed by that.
use sendrec_trap::CallError;

use super::{Rule, Story, Violation};
use crate::swarm::log::What;

const fn says_not_run(error: CallError) -> bool {
    match error {
        CallError::NoSuchProcess
        | CallError::NotLocated
        | CallError::CrashedNotExecuted
        | CallError::Refused
        | CallError::Deadlock
        | CallError::TooLong
        | CallError::TooMany
        | CallError::NoCaller => true,
        CallError::NoAnswer
        | CallError::CrashedUnknown
        | CallError::ReplyDiscarded
        | CallError::TimedOut
        | CallError::Cancelled
        | CallError::Down => false,
    }
}

pub(super) fn check(story: &Story<'_>) -> Vec<Violation> {
    let mut violations = Vec::new();
    for entry in story.log {
        let What::Failed(op, error) = entry.what else { continue };
        let Some(asked) = story.asked.get(&op).filter(|asked| asked.runs_once()) else { continue };
        let late_copies = error == CallError::Refused && story.options.may_reorder();
        if says_not_run(error) && !late_copies && !asked.runs.is_empty() {
            let text = format!("request {op} ran, and its client was told: {error}");
            violations.push(Violation::of(Rule::Truth, op, text));
        }
        if error == CallError::ReplyDiscarded && asked.runs.is_empty() {
            let text = format!("request {op} did not run, and its client was told: {error}");
            violations.push(Violation::of(Rule::Truth, op, text));
        }
    }
    violations
}
