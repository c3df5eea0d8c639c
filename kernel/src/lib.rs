//! A node: one kernel over a real UDP socket, driven by the threads that wait in it.
//!
//! The thread that waits polls the socket itself (the *leader*), handles what comes, and passes the lead on when its
//! own wait is over; there is no I/O thread on the fast path. A clock keeper stands in while nobody waits.
//! Deliberately not here: decisions of the protocol. This crate retries nothing, times nothing out and reads no
//! packet; it hands bytes and the time to [`sendrec_core::Kernel`] and does what comes out.
#![forbid(unsafe_code)]

mod boot;
mod clock;
mod coalescing;
mod discovery;
mod ear;
mod keeper;
mod lead;
mod leading;
mod node;
mod outlet;
mod parker;
mod paths;
mod patience;
mod pool;
mod scratch;
mod shared;
mod shim;
mod socket;
mod visit;

pub use boot::{BootError, Names, NodeConfig};
pub use discovery::{Discovery, DiscoveryError};
pub use node::Node;
pub use patience::LOOKING;
pub use socket::{SOCKET_BUFFER_BYTES, waiting_bytes};
