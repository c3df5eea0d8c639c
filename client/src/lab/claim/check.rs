//! Whether claims hold of a trace.
use std::collections::BTreeSet;
use std::time::Duration;

use sendrec_core::LocalId;
use sendrec_core::trace::{Call, Incident, Timer, Verdict as Harm, What};
use sendrec_core::wire::{Flags, PacketType};
use sendrec_sim::MachineId;
use sendrec_sim::atm::{CellFate, CellRecord};

use super::{Cells, Claim, Happening, Moment, Trait, Whole};
use crate::lab::cast::Told;
use crate::lab::scenario::Scenario;
use crate::ladder::words::asks;
use crate::trace::{Joined, Moment as Joint, Passage};

/// What a run has left to judge it by.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// What was run.
    pub scenario: &'a Scenario,
    /// Its traces, joined; machines by their roles.
    pub joined: &'a Joined,
    /// What steps have brought, in order.
    pub told: &'a [Told],
    /// The cells on ATM links, if there are any.
    pub cells: &'a [CellRecord],
}

/// Whether a claim held, and what was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it did.
    pub held: bool,
    /// What was found.
    pub found: String,
}

impl Evidence<'_> {
    /// Judges one claim.
    pub fn judge(&self, claim: &Claim) -> Verdict {
        match claim {
            Claim::Packets(wanted) => self.packets(wanted),
            Claim::Count(what, kind, from, compare, wanted) => {
                let count = self.joined.packets.iter().filter(|packet| {
                    packet.note.kind == *kind && self.is_from(packet, from.as_deref()) && is(packet, *what)
                });
                number(count.count() as u64, |found| compare.holds(found, *wanted))
            }
            Claim::Runs(process, compare, wanted) => {
                let runs = self.joined.moments.iter().filter(|moment| {
                    matches!(&moment.event.what, What::Taken { process: by, request: true, .. }
                        if self.is_process(moment, *by, process))
                });
                number(runs.count() as u64, |found| compare.holds(found, *wanted))
            }
            Claim::Told(process, step, whole, wanted) => self.told(process, *step, *whole, wanted),
            Claim::Tells(process, compare, wanted) => {
                let count = self.told_to(process).count() as u64;
                number(count, |found| compare.holds(found, *wanted))
            }
            Claim::Event(happening, at, compare, wanted) => {
                let count = self.at(at).filter(|moment| happened(moment, *happening)).count() as u64;
                number(count, |found| compare.holds(found, *wanted))
            }
            Claim::Fate(fate, at, compare, wanted) => {
                let count = self.at(at).filter(
                    |moment| matches!(&moment.event.what, What::Received { fate: met, .. } if met == fate),
                );
                number(count.count() as u64, |found| compare.holds(found, *wanted))
            }
            Claim::Copied(machine, compare, wanted) => {
                let copied = self.at(machine).map(|moment| match moment.event.what {
                    What::Trap { copied_bytes, .. } => copied_bytes,
                    _ => 0,
                });
                number(copied.sum(), |found| compare.holds(found, *wanted))
            }
            Claim::Cells(which, machine, compare, wanted) => {
                number(self.cells(*which, machine), |found| compare.holds(found, *wanted))
            }
            Claim::Before(first, second) => self.before(first, second),
            Claim::Took(process, compare, wanted) => {
                let last = self.told_to(process).last().map(|told| told.at);
                match last {
                    None => Verdict { held: false, found: "no step had a result".to_owned() },
                    Some(at) => Verdict { held: compare.holds(at, *wanted), found: span(at) },
                }
            }
        }
    }

    fn cells(&self, which: Cells, name: &str) -> u64 {
        let machine = self.machine_of(name);
        let place = self.scenario.machines.iter().position(|other| other.name == machine);
        let is = |id: MachineId| Some(id.index()) == place;
        let out = |lost: bool| {
            self.cells
                .iter()
                .filter(|cell| is(cell.output) && (cell.fate != CellFate::Switched) == lost)
                .count()
        };
        let count = match which {
            // A cell that is copied to several outputs has come in once.
            Cells::From => {
                let came = self.cells.iter().filter(|cell| is(cell.input));
                came.map(|cell| (cell.packet, cell.place)).collect::<BTreeSet<_>>().len()
            }
            Cells::To => out(false),
            Cells::LostTo => out(true),
        };
        count as u64
    }

    fn role(&self, machine: usize) -> Option<&str> {
        self.joined.machines.get(machine).and_then(|seen| seen.role.as_deref())
    }

    /// The machine of a name, which may be one of its processes'.
    fn machine_of<'n>(&'n self, name: &'n str) -> &'n str {
        match self.scenario.find(name) {
            Some((machine, _)) => &self.scenario.machines[machine].name,
            None => name,
        }
    }

    fn is_from(&self, packet: &Passage, name: Option<&str>) -> bool {
        name.is_none_or(|name| self.role(packet.from) == Some(self.machine_of(name)))
    }

    fn is_process(&self, moment: &Joint, process: LocalId, name: &str) -> bool {
        let Some(place) = self.scenario.find(name) else { return false };
        let spec = self.scenario.process(place);
        self.role(moment.machine) == Some(&self.scenario.machines[place.0].name) && spec.id == process
    }

    fn at<'n>(&'n self, name: &'n str) -> impl Iterator<Item = &'n Joint> {
        let machine = self.machine_of(name);
        self.joined.moments.iter().filter(move |moment| self.role(moment.machine) == Some(machine))
    }

    fn told_to<'n>(&'n self, name: &'n str) -> impl Iterator<Item = &'n Told> {
        let place = self.scenario.find(name);
        let process = place.map(|place| self.scenario.process(place).name.as_str());
        self.told.iter().filter(move |told| Some(told.process.as_str()) == process)
    }

    fn packets(&self, wanted: &[(String, PacketType, bool)]) -> Verdict {
        let found: Vec<_> = self
            .joined
            .packets
            .iter()
            .map(|packet| {
                let sender = self.role(packet.from).unwrap_or("?").to_owned();
                (sender, packet.note.kind, packet.end.is_lost())
            })
            .collect();
        let show = |(sender, kind, lost): &(String, PacketType, bool)| {
            format!("{sender} {kind}{}", if *lost { " lost" } else { "" })
        };
        let same = found.len() == wanted.len()
            && found.iter().zip(wanted).all(|(found, wanted)| {
                (found.0.as_str(), found.1, found.2) == (self.machine_of(&wanted.0), wanted.1, wanted.2)
            });
        Verdict { held: same, found: found.iter().map(show).collect::<Vec<_>>().join(", ") }
    }

    fn told(&self, process: &str, step: Option<usize>, whole: Whole, wanted: &str) -> Verdict {
        let texts: Vec<&str> = self.told_to(process).map(|told| told.result.as_str()).collect();
        match step {
            Some(step) => match texts.get(step - 1) {
                Some(text) => Verdict { held: whole.holds(text, wanted), found: format!("\"{text}\"") },
                None => Verdict { held: false, found: format!("only {} steps had a result", texts.len()) },
            },
            None => {
                let shown: Vec<_> = texts.iter().map(|text| format!("\"{text}\"")).collect();
                Verdict { held: texts.iter().any(|text| whole.holds(text, wanted)), found: shown.join(", ") }
            }
        }
    }

    fn before(&self, first: &Moment, second: &Moment) -> Verdict {
        let place = |moment: &Moment| {
            let machine = self.machine_of(moment.at());
            self.joined
                .moments
                .iter()
                .position(|joint| self.role(joint.machine) == Some(machine) && is_moment(joint, moment))
        };
        match (place(first), place(second)) {
            (Some(one), Some(other)) => {
                let found = if one < other { "it came first" } else { "it came later" };
                Verdict { held: one < other, found: found.to_owned() }
            }
            (None, _) => Verdict { held: false, found: "the first never happened".to_owned() },
            (_, None) => Verdict { held: false, found: "the second never happened".to_owned() },
        }
    }
}

fn number(found: u64, holds: impl FnOnce(u64) -> bool) -> Verdict {
    Verdict { held: holds(found), found: found.to_string() }
}

fn span(span: Duration) -> String {
    format!("{:.3} ms", span.as_secs_f64() * 1e3)
}

fn is(packet: &Passage, what: Trait) -> bool {
    match what {
        Trait::Sent => true,
        Trait::Lost => packet.end.is_lost(),
        Trait::Doubled => packet.arrivals.len() > 1,
        Trait::Corrupted => matches!(packet.network, Some((Harm::Corrupted, _))),
        Trait::Again => packet.note.flags().has(Flags::AGAIN),
        Trait::Pieces => packet.note.part.is_some(),
        Trait::Asking => asks(&packet.note),
        Trait::Reports => packet.note.report.is_some(),
        Trait::Cached => packet.note.flags().has(Flags::CACHED),
    }
}

fn is_moment(joint: &Joint, moment: &Moment) -> bool {
    match (moment, &joint.event.what) {
        (Moment::Happened(happening, _), _) => happened(joint, *happening),
        (Moment::Sent(kind, _), What::Sent { packet, .. })
        | (Moment::Got(kind, _), What::Received { packet, .. }) => packet.kind == *kind,
        _ => false,
    }
}

fn happened(moment: &Joint, happening: Happening) -> bool {
    match (&moment.event.what, happening) {
        (What::Overflow { .. }, Happening::Overflow)
        | (What::Orphan { .. }, Happening::Orphan)
        | (What::Step { .. }, Happening::Step)
        | (What::Expired { .. }, Happening::Expired)
        | (What::Queued { .. }, Happening::Queued)
        | (What::Taken { .. }, Happening::Taken)
        | (What::Taken { request: true, .. }, Happening::Executed)
        | (What::Located { .. }, Happening::Located)
        | (What::Mislaid { .. }, Happening::Mislaid)
        | (What::Blocked { .. }, Happening::Blocked)
        | (What::Woken { buffer_free: true, .. }, Happening::BufferFree)
        | (What::Timer { .. }, Happening::Timer)
        | (What::Timer { timer: Timer::LateAck { .. } }, Happening::LateAck)
        | (What::Malformed { .. }, Happening::Malformed)
        | (What::EpochKnown { proved: true, .. }, Happening::EpochKnown)
        | (What::EpochRaised { .. }, Happening::EpochRaised)
        | (What::Incident { incident: Incident::Crashed, .. }, Happening::Crashed)
        | (What::Incident { incident: Incident::Booted { .. }, .. }, Happening::Booted)
        | (What::Incident { incident: Incident::Killed { .. }, .. }, Happening::Killed)
        | (What::Incident { incident: Incident::Paused, .. }, Happening::Paused)
        | (What::Incident { incident: Incident::Cut { .. }, .. }, Happening::Cut) => true,
        (What::Trap { runs_on: true, call, .. }, Happening::RunsOn) => {
            matches!(call, Call::Send | Call::SendOneWay | Call::Call | Call::Reply)
        }
        _ => false,
    }
}
