//! The lab (slides 3-41): scenarios as files, run in a world or over UDP, drawn, explained, and checked against what
//! they claim.
//!
//! A [`Scenario`] is data: machines, scripts of blocking calls, policies, links, faults, claims. [`run`] plays it in a
//! world; the command plays it over UDP with the same actors. Deliberately not here: sockets, and what a person types.
mod actor;
mod cast;
mod claim;
pub mod crash_table;
mod desk;
mod exhibit;
mod file;
mod file_steps;
mod library;
pub mod matrix;
mod naming;
mod policy;
mod reader;
pub mod rpc;
mod scenario;
mod script;
mod stage;
mod switches;
#[cfg(test)]
mod tests;
mod transfer;
mod unmet;
mod words;

pub use actor::Actor;
pub use cast::{Directory, Entry, Stage, Told};
pub use claim::{Cells, Claim, Compare, Evidence, HAPPENINGS, Happening, Verdict, Whole};
pub use desk::Desk;
pub use exhibit::exhibit;
pub use library::{all, find, of_slide};
pub use policy::{buffering, reliability};
pub use scenario::{
    ClaimSpec, Exhibit, LinkSpec, MachineSpec, Network, Problem, Problems, ProcessSpec, Scenario,
};
pub use script::{Kind, Manner, Sending, Step, Whom};
pub use stage::{Run, directory, run, spawn_options};
pub use switches::{Addressing, Switches};
pub use transfer::TransferChange;
pub use words::distance;

/// Breaks a text into lines of at most `width` characters, between words.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    crate::ladder::canvas::wrap(text, width)
}
