//! The workload: one scenario in which every choice matters, as a file, and what a combination changes in it.
use sendrec_core::Reliability;

use super::combination::Combination;
use crate::lab::scenario::Scenario;
use crate::lab::switches::Addressing;

const FILE: &str = include_str!("workload.toml");
/// How long callers wait where nothing is sent again: they cope by giving up.
const PATIENCE_UNRELIABLE: &str = "500ms";
/// Longer than kernels try.
const PATIENCE: &str = "5s";
/// What the workload says where the caller's patience is to stand.
const PLACEHOLDER: &str = "PATIENCE";
/// And where whoever moves takes its name back, and has it again.
const LEAVES: &str = "LEAVES";
const ARRIVES: &str = "ARRIVES ";
/// Who the process that moves is then.
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
    let (leaves, arrives) = match combination.addressing {
        Addressing::Name => (", 'unregister mover'", "'register mover', "),
        Addressing::Place | Addressing::Sparse => ("", ""),
    };
    let file = FILE.replace(PLACEHOLDER, patience).replace(LEAVES, leaves).replace(ARRIVES, arrives);
    match Scenario::parse(&file, "workload.toml") {
        Ok(scenario) => scenario,
        Err(problems) => panic!("the matrix's workload is wrong: {problems}"),
    }
}

/// The machines that rules about faults may name.
pub fn machines() -> Vec<String> {
    let combination = Combination::all().remove(0);
    workload(&combination).machines.into_iter().map(|machine| machine.name).collect()
}
