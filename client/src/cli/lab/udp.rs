//! Over UDP: each machine an OS process of its own.
use sendrec::lab::{Run, Scenario, Switches};

use crate::cli::Failure;

pub(super) fn play(scenario: &Scenario, _switches: &Switches) -> Result<Run, Failure> {
    Err(Failure::new(&scenario.name, "not over UDP yet"))
}

pub(super) fn machine() -> Result<(), Failure> {
    Err(Failure::new("lab machine", "not over UDP yet"))
}
