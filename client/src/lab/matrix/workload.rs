//! The workload: one scenario in which every choice matters, as a file, and what a combination changes in it.
use sendrec_core::Reliability;

use super::combination::Combination;
use crate::lab::scenario::Scenario;
use crate::lab::script::Step;
use crate::lab::switches::Addressing;

const FILE: &str = include_str!("workload.toml");
/// How long callers wait where nothing is sent again: they cope by giving up.
const PATIENCE_UNRELIABLE: &str = "500ms";
/// Longer than kernels try.
const PATIENCE: &str = "5s";
/// What the workload says where the caller's patience is to stand.
const PLACEHOLDER: &str = "PATIENCE";
/// The process that moves, and who it is then.
const MOVER: &str = "mover";
pub(super) const HEIR: &str = "heir";

/// The scenario that the combination is tried on.
///
/// # Panics
///
/// If the built-in file is wrong, which a test rules out.
pub fn workload(combination: &Combination) -> Scenario {
    let patience = match combination.reliability {
        Reliability::Unreliable => PATIENCE_UNRELIABLE,
        Reliability::AckEach | Reliability::ReplyAcks => PATIENCE,
    };
    let mut scenario = match Scenario::parse(&FILE.replace(PLACEHOLDER, patience), "workload.toml") {
        Ok(scenario) => scenario,
        Err(problems) => panic!("the matrix's workload is wrong: {problems}"),
    };
    if combination.addressing == Addressing::Name {
        let processes = scenario.machines.iter_mut().flat_map(|machine| &mut machine.processes);
        for process in processes {
            match process.name.as_str() {
                MOVER => process.script.push(Step::Unregister(MOVER.to_owned())),
                HEIR => process.script.insert(0, Step::Register(MOVER.to_owned())),
                _ => {}
            }
        }
    }
    scenario
}

/// The machines that rules about faults may name.
pub fn machines() -> Vec<String> {
    let combination = Combination::all().remove(0);
    workload(&combination).machines.into_iter().map(|machine| machine.name).collect()
}
