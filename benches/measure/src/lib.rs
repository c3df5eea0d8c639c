//! What all of sendrec's measurements share: samples of calls, where threads run, what an OS process has cost, and the
//! program that a peer is.
//!
//! A peer is what a person would use instead of sendrec. Its program serves, in one OS process, or calls, in another; what
//! it does differs from peer to peer in [`Client`] alone, so that all are timed by the same code. Linux only: elsewhere
//! there is nothing here.
#![forbid(unsafe_code)]
#![cfg(target_os = "linux")]

mod load;
mod peer;
mod placement;
mod process;
mod sample;
mod spread;

pub use load::{ECHO_BYTES_MAX, FACTS, Load, Server, facts, facts_of};
pub use peer::{Check, Client, Kind, Outcome, Peer, Tell, Workload, drive, peer_program};
pub use placement::{Cores, Placement, allowed_cores, on_core, pin};
pub use process::{Cost, cost_of, switches_in, switches_of};
pub use sample::{
    Budget, Fallible, Figure, MESSAGE_BYTES, Pipeline, Rate, RoundTrips, blocking, check_number, now,
    percentile, put_number, rate, round_trips,
};
pub use spread::Spread;
