//! Errors that say that a request was not executed are true: it has not run, and will not.
//!
//! Checked of requests that run once at most. Of others an error tells of the copy sent last: an earlier one may have
//! run. *Refused*, *no such process* and *nobody has this sparse id* tell of the copies that were answered: where the
//! network doubles packets or lets one overtake another, a copy held back may come after that answer, when there is room,
//! or a process of that id, again. These three are checked where the network does neither. A request that a process has
//! received only to hand it on has not been executed by that.
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

/// Whether a copy that the network has held back can make it untrue afterwards.
const fn tells_of_copies_answered(error: CallError) -> bool {
    matches!(error, CallError::Refused | CallError::NoSuchProcess | CallError::NotLocated)
}

pub(super) fn check(story: &Story<'_>) -> Vec<Violation> {
    let mut violations = Vec::new();
    for entry in story.log {
        let What::Failed(op, error) = entry.what else { continue };
        let Some(asked) = story.asked.get(&op).filter(|asked| asked.runs_once()) else { continue };
        let late_copies = tells_of_copies_answered(error) && story.options.may_reorder();
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
