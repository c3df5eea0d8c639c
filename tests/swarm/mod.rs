//! The swarm: random configurations, faults and workloads, judged by checkers that read API events alone.
//!
//! One seed is one world. It goes through a storm, in which what its options say goes wrong; then everything heals, who
//! is down boots again, and all that is pending must come to its end; then time passes, and kernels must have forgotten
//! what does not matter any more.
pub mod checkers;
pub mod coverage;
pub mod log;
pub mod options;
pub mod planted;
mod stage;
pub mod workload;

pub use sendrec_core::Planted;
pub use sendrec_core::exchange::Coverage;
pub use stage::{Run, Settings, Tally, Weather, run};
