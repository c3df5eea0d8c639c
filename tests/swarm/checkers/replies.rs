//! A reply is that to its request, comes to the life that asked, from a life that ran the request, once, and its bytes
//! are those that were sent.
use super::{Rule, Story, Violation};
use crate::swarm::log::{Answer, Life, Op, What};

pub(super) fn check(story: &Story<'_>) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut wrong = |op: Option<Op>, text: String| violations.push(Violation::of(Rule::Replies, op, text));
    for (place, entry) in story.log.iter().enumerate() {
        match entry.what {
            What::Answered(op, None) => wrong(Some(op), format!("the reply to request {op} cannot be read")),
            What::Answered(op, Some(answer)) if answer.op != op => {
                wrong(Some(op), format!("request {op} was given the reply to request {}", answer.op));
            }
            What::Answered(op, Some(answer)) => {
                if let Some(text) = find_fault(story, place, entry.life, answer) {
                    wrong(Some(op), text);
                }
            }
            What::Stray(answer) => {
                wrong(
                    answer.map(|answer| answer.op),
                    format!("life {} was given a reply too many", entry.life),
                );
            }
            What::Garbled => wrong(None, format!("life {} received what nobody has sent", entry.life)),
            What::Ran(op, false) => wrong(Some(op), format!("the bytes of request {op} are not those sent")),
            _ => {}
        }
    }
    violations
}

fn find_fault(story: &Story<'_>, place: usize, life: Life, answer: Answer) -> Option<String> {
    let Answer { op, by, intact } = answer;
    let asked = story.asked.get(&op)?;
    if !intact {
        return Some(format!("the bytes of the reply to request {op} are not those sent"));
    }
    if asked.by != life {
        return Some(format!("life {life} was given the reply to request {op} of life {}", asked.by));
    }
    let ran = asked.runs.iter().any(|(life, at)| *life == by && *at < place);
    (!ran).then(|| format!("life {by} has answered request {op} and never ran it"))
}
