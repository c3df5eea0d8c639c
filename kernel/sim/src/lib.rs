//! A world: several machines, a network between them, and time that jumps to the next event.
//!
//! Processes are coroutines that run the same blocking code as on a node. One seed decides everything: two runs of
//! the same program in the same world are the same, event for event. Machines have names, clocks that may differ,
//! and crash, pause and restart by the rules of [`sendrec_core::fault`]; links have latency, bandwidth and queues,
//! and may be a bus or an ATM network. Deliberately not here: sockets, threads, the wall clock, and every rule of the
//! protocol.
//!
//! ```
//! use sendrec_sim::{Link, World};
//! use sendrec_trap::{Address, CallError, Config, From, LocalId, SendFailure, SpawnOptions};
//!
//! let faults = "crash=server@execute,restart=server@crash+20ms".parse().unwrap();
//! let mut world = World::with(7, Config::default(), Link { faults, ..Link::default() });
//! let (client, server) = (world.boot_as("client", Default::default()), world.boot_as("server", Default::default()));
//! let well_known = SpawnOptions { local_id: Some(LocalId(1)), ..SpawnOptions::default() };
//! world.install(server, well_known, |me| {
//!     while let Ok(request) = me.receive(From::Any) {
//!         me.reply(request.source, "done").unwrap();
//!     }
//! });
//! let address = Address::new(world.machine(server), LocalId(1));
//! world.spawn(client, SpawnOptions::default(), move |me| {
//!     let error = me.call(address, "once").unwrap_err();
//!     assert_eq!(error.failure, SendFailure::Request(CallError::CrashedUnknown));
//!     assert_eq!(me.call(address, "again").unwrap(), "done");
//! });
//! world.run();
//! ```
#![forbid(unsafe_code)]

mod agenda;
pub mod atm;
mod chosen;
mod gate;
mod incidents;
mod inner;
mod link;
mod machine;
mod network;
mod record;
mod run;
#[cfg(test)]
mod tests;
mod threads;
mod world;

pub use gate::Gate;
pub use link::{Link, Medium, Queue};
pub use machine::{Boot, Clock, Epochs, MachineId};
pub use record::{PASSAGES_MAX_DEFAULT, Passage, RECORDS_MAX_DEFAULT, Record, Traffic};
pub use run::Stuck;
pub use world::World;
