//! A world: several machines, a network between them, and time that jumps to the next event.
//!
//! Processes are coroutines that run the same blocking code as on a node. One seed decides everything: two runs of
//! the same program in the same world are the same, event for event. Deliberately not here: sockets, threads, the
//! wall clock, and every rule of the protocol.
#![forbid(unsafe_code)]

mod fabric;
mod gate;
mod world;

pub use gate::Gate;
pub use world::{Link, MachineId, Passage, World};
