//! A mailbox holds no more than it may.
//!
//! Counted from outside: a message from another machine that its sender was told is acknowledged, and that its receiver
//! has not received, is in the mailbox. So there are never more of them, nor more bytes, than the mailbox may hold; a
//! mailbox that discards the unexpected, or keeps it for a while only, acknowledges what was taken alone and so holds
//! none. Left out is what may have gone another way: requests to sparse ids, messages whose receiver's life is not the
//! same from the question to its acknowledgement, requests that are over or whose client has ended (the kernel drops
//! them when they are taken), requests of a machine that has booted again (if it cannot prove so, what it asked for and
//! nobody has taken is forgotten, and its client is told when it asks), and worlds with pauses, where a process may have been handed a message and not run yet.
use std::collections::BTreeMap;

use sendrec_core::limits::MESSAGE_OVERHEAD_BYTES;
use sendrec_trap::{Buffering, Reliability};

use super::{Asked, Life, Lived, Op, Rule, Story, Violation};
use crate::swarm::log::{Aim, Kind, What};

pub(super) fn check(story: &Story<'_>) -> Vec<Violation> {
    if story.options.has_pauses() {
        return Vec::new();
    }
    let mut violations = Vec::new();
    let mut held: BTreeMap<Life, BTreeMap<Op, usize>> = BTreeMap::new();
    for (place, entry) in story.log.iter().enumerate() {
        match entry.what {
            What::Accepted(op) => {
                let Some((life, asked)) = holder(story, op, place) else { continue };
                let mailbox = held.entry(life).or_default();
                mailbox.insert(op, asked.bytes + MESSAGE_OVERHEAD_BYTES);
                let sum = mailbox.values().sum();
                if let Some(text) = find_excess(story.lives[&life].buffering, mailbox.len(), sum) {
                    violations.push(Violation::of(Rule::Mailbox, op, format!("of life {life}: {text}")));
                }
            }
            What::Taken(op)
            | What::Ran(op, _)
            | What::Passed(op)
            | What::Answered(op, _)
            | What::Failed(op, _) => {
                for mailbox in held.values_mut() {
                    mailbox.remove(&op);
                }
            }
            What::Stopped => {
                held.remove(&entry.life);
                for mailbox in held.values_mut() {
                    mailbox.retain(|op, _| story.asked[op].by != entry.life);
                }
            }
            _ => {}
        }
    }
    violations
}

/// In whose mailbox a message is that was acknowledged at `place`, if that is certain.
fn holder<'s>(story: &'s Story<'_>, op: Op, place: usize) -> Option<(Life, &'s Asked)> {
    let asked = story.asked.get(&op)?;
    let Aim::Place(machine, _) = asked.aim else { return None };
    let from = story.lives.get(&asked.by)?.machine;
    let received = asked.runs.iter().any(|(_, at)| *at < place);
    let passed = story.log[asked.at..place]
        .iter()
        .any(|entry| entry.what == What::Taken(op) || entry.what == What::Passed(op));
    if asked.options.reliability == Reliability::Unreliable || from == machine || received || passed {
        return None;
    }
    if asked.kind != Kind::OneWay && is_of_later_boot(story, asked.by) {
        return None;
    }
    let throughout = story.lives.iter().find(|(_, lived)| {
        lived.is_meant(asked.aim)
            && lived.started < asked.at
            && lived.stopped.is_none_or(|stopped| stopped > place)
    });
    throughout.map(|(life, _)| (*life, asked))
}

/// Whether its local id was another life's before: none is given twice in one boot.
fn is_of_later_boot(story: &Story<'_>, life: Life) -> bool {
    let Some(this) = story.lives.get(&life) else { return false };
    let same = |lived: &Lived| (lived.machine, lived.local) == (this.machine, this.local);
    story.lives.values().any(|lived| same(lived) && lived.started < this.started)
}

fn find_excess(buffering: Buffering, messages: usize, bytes: usize) -> Option<String> {
    let (messages_max, bytes_max) = match buffering {
        Buffering::Discard | Buffering::Keep { .. } => (0, 0),
        Buffering::Mailbox { messages, bytes, .. } => (messages, bytes),
    };
    // One message fits, however long it is.
    let excess = messages > messages_max || (messages > 1 && bytes > bytes_max);
    excess.then(|| {
        format!("{messages} messages of {bytes} bytes acknowledged and not received, in {buffering:?}")
    })
}
