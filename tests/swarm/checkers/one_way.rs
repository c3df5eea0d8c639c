//! A one-way message that was acknowledged was received, or its receiver has ended with it in its mailbox.
//!
//! Checked when all is at rest and every process that lives waits for messages, so that mailboxes are empty. Sent well
//! means acknowledged where every message is, or the reply, and the receiver is on another machine. On one machine it
//! means that the message is in the mailbox, or was thrown away without a word as its receiver wants that: messages to
//! processes that discard, or keep for a while only, are left out there. A receiver that ended, was killed, or whose
//! machine crashed after the message was sent may have had it: any life that had the address then and has ended. Of a
//! process that ended before its program ran at all, the next life under its address tells: none is given twice in one
//! boot. If there is none, only a kill can have been the end of it: a rule that kills the process of that address, where
//! no life had it while the message was sent and acknowledged.
use sendrec_core::fault::{IncidentRule, Mishap};
use sendrec_trap::{Buffering, Overflow, Reliability};

use super::{Asked, Rule, Story, Violation};
use crate::swarm::log::{Aim, Kind};

pub(super) fn check(story: &Story<'_>) -> Vec<Violation> {
    let lost = story.asked.values().filter(|asked| {
        asked.kind == Kind::OneWay
            && asked.accepted.is_some()
            && asked.options.reliability != Reliability::Unreliable
            && asked.runs.is_empty()
            && !is_excused(story, asked)
            && !was_killed_unborn(story, asked)
    });
    lost.map(|asked| {
        let text = format!("message {} to {:?} was acknowledged and lost", asked.op, asked.aim);
        Violation::of(Rule::OneWay, asked.op, text)
    })
    .collect()
}

fn is_excused(story: &Story<'_>, asked: &Asked) -> bool {
    let sender = story.lives.get(&asked.by).map(|lived| lived.machine);
    let mut meant = story.lives.values().filter(|lived| lived.is_meant(asked.aim));
    meant.any(|lived| {
        let ended_with_it = asked.accepted.is_some_and(|accepted| lived.started < accepted)
            && lived.stopped.is_some_and(|stopped| stopped > asked.at);
        let throws_away = !matches!(
            lived.buffering,
            Buffering::Mailbox { overflow: Overflow::TryAgain | Overflow::Block, .. }
        );
        let on_one_machine = sender == Some(lived.machine);
        let booted_since = lived.started > asked.at && matches!(asked.aim, Aim::Place(..));
        ended_with_it || booted_since || (on_one_machine && throws_away)
    })
}

fn was_killed_unborn(story: &Story<'_>, asked: &Asked) -> bool {
    let (Aim::Place(machine, local), Some(accepted)) = (asked.aim, asked.accepted) else { return false };
    let name = format!("m{machine}");
    let kills = |rule: &IncidentRule| matches!(&rule.mishap, Mishap::Kill(whose, id) if *whose == name && *id == local);
    let lived = story.lives.values().any(|lived| {
        lived.is_meant(asked.aim)
            && lived.started < accepted
            && lived.stopped.is_none_or(|stopped| stopped > asked.at)
    });
    !lived && story.options.link.faults.incidents.iter().any(kills)
}
