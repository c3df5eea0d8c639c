//! The lab (slides 3-41): scenarios as files, run in a world or over UDP, drawn, explained, and checked against what
//! they claim.
//!
//! A [`Scenario`] is data: machines, scripts of blocking calls, policies, links, faults, claims. [`run`] plays it in a
//! world; the command plays it over UDP with the same actors. Deliberately not here: sockets, and what a person types.
mod actor;
mod claim;
mod file;
mod library;
pub mod matrix;
mod naming;
mod policy;
mod scenario;
mod script;
mod stage;
mod switches;
#[cfg(test)]
mod tests;
mod words;

pub use actor::{Actor, Directory, Entry, Stage, Told};
pub use claim::{Claim, Compare, Evidence, HAPPENINGS, Happening, Verdict};
pub use library::{all, find, of_slide};
pub use policy::{buffering, reliability, reliability_name};
pub use scenario::{
    ClaimSpec, Exhibit, LinkSpec, MachineSpec, Network, Problem, Problems, ProcessSpec, Scenario,
};
pub use script::{Kind, Manner, Sending, Step, Whom};
pub use stage::{Run, directory, run, spawn_options};
pub use switches::{Addressing, Switches, buffering_name};
