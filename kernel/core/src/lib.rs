//! The sendrec kernel as a deterministic machine.
//!
//! [`Kernel`] takes one input at a time - a system call, a batch of datagrams, a tick of the clock - and hands back,
//! in an [`Out`], what is to happen: datagrams to transmit, waits that are over, events for the trace.
//! Deliberately not here: sockets, threads, clocks, random sources and anything else of `std`. Time and seed are
//! arguments, so a run is a function of (configuration, seed, inputs) and can be replayed.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod bulk;
pub mod config;
pub mod error;
pub mod exchange;
pub mod fault;
pub mod ids;
mod index;
pub mod kernel;
pub mod limits;
mod locate;
pub mod message;
mod planted;
pub mod process;
pub mod rng;
pub mod time;
pub mod timer;
pub mod trace;
pub mod wire;

pub use bulk::{ErrorControl, Protocol, Transfer};
pub use config::{Buffering, Config, Handing, Options, Overflow, Reliability, Semantics};
pub use error::{CallError, ReceiveError, ReplyError, SpawnError};
pub use ids::{Address, Epoch, LocalId, Machine, PacketNumber, Path, Sequence, SparseId, Target};
pub use kernel::{Entry, Kernel, Out, Outcome, SpawnOptions, Syscall, Transmit, Wake};
#[cfg(feature = "planted")]
pub use planted::Planted;
pub use process::{From, Received, Source, WaitToken};
pub use time::Instant;
