//! Rules about faults that a run gave no occasion to come true: most often a number too large, or a wrong packet type.
//!
//! Deliberately not here: rules that chance decides, which may well strike nobody.
use sendrec_core::fault::{Harm, IncidentRule, Nth, PacketRule};
use sendrec_core::trace::What;

use super::stage::Run;
use crate::trace::Passage;

impl Run {
    /// What is to be said of rules that never came true.
    pub fn unmet(&self) -> Vec<String> {
        let faults = &self.scenario.network.faults;
        let packets = faults.packets.iter().filter(|rule| !self.has_struck(rule));
        let incidents = faults.incidents.iter().filter(|rule| !self.has_befallen(rule));
        let packets = packets.map(|rule| format!("{rule} met no packet"));
        packets.chain(incidents.map(|rule| format!("{rule} never came about"))).collect()
    }

    fn has_struck(&self, rule: &PacketRule) -> bool {
        let nth = match rule.harm {
            Harm::DropNth(nth) | Harm::DuplicateNth(nth) | Harm::CorruptNth(nth) | Harm::DelayNth(nth, _) => {
                nth
            }
            Harm::Loss(_)
            | Harm::Burst { .. }
            | Harm::Duplicate(_)
            | Harm::Reorder(_)
            | Harm::Corrupt(_)
            | Harm::Delay(_) => return true,
        };
        let text = rule.to_string();
        let told = |packet: &Passage| {
            let copies = packet.copies.iter().map(|copy| &copy.rule);
            packet.network.iter().map(|(_, rule)| rule).chain(copies).any(|rule| *rule == text)
        };
        // Where several rules strike one packet, one of them is told of.
        self.joined.packets.iter().any(told) || self.was_sent(rule, nth)
    }

    /// Whether one machine has sent as many packets of the kind as the rule waits for.
    fn was_sent(&self, rule: &PacketRule, nth: Nth) -> bool {
        let role = |machine: usize| self.joined.machines.get(machine).and_then(|seen| seen.role.as_deref());
        (0..self.joined.machines.len()).any(|from| {
            let is_meant = |packet: &&Passage| {
                let to = packet.to.and_then(role);
                packet.from == from && packet.note.kind == nth.kind && rule.scope.has(role(from), to)
            };
            self.joined.packets.iter().filter(is_meant).count() as u64 >= nth.first
        })
    }

    fn has_befallen(&self, rule: &IncidentRule) -> bool {
        let text = rule.to_string();
        self.joined
            .moments
            .iter()
            .any(|moment| matches!(&moment.event.what, What::Incident { rule, .. } if *rule == text))
    }
}
