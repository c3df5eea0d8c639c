//! Measures sendrec beside its floors, in one run, interleaved, at equal placement.
//!
//! A figure counts as a ratio to its floor in the same round of the same run; absolute ones give the scale alone. The
//! commands `sendrec bench` and `sendrec-bench` are both this. Placement of threads and the count of context switches are
//! Linux's: elsewhere there is nothing here.
#![forbid(unsafe_code)]
#![cfg(target_os = "linux")]

mod bulk;
mod channel;
mod child;
mod critical;
mod growth;
mod idle;
mod latency;
mod looking;
mod machine;
mod nodes;
#[rustfmt::skip]
#[allow(dead_code, unreachable_pub)]
mod numbers;
mod options;
pub mod output;
pub mod page;
mod picture;
mod raw;
mod report;
mod timers;
mod world;

pub use bulk::{Flood, FloodStyle, Sink};
pub use looking::{looking, receive_looking};
pub use machine::Machine;
pub use options::Command;
pub use picture::COLOURS;
pub use sendrec_measure::Fallible;

/// Does what was typed; false if something failed that its output names. `reach` is what stands before the subcommand on
/// this program's command line: the other side of a measurement is this program again.
pub fn run(command: Command, reach: &'static [&'static str]) -> Fallible<bool> {
    child::reach_by(reach);
    match command {
        Command::Bulk(options) => bulk::run(&options),
        Command::Serve(options) => bulk::serve(&options).map(|()| true),
        Command::Compare(options) => bulk::compare(&options).map(|()| true),
        Command::CriticalPath(options) => critical::run(&options),
        Command::Growth(options) => growth::run(&options).map(|()| true),
        Command::Latency(options) => latency::run(&options),
        Command::Timers(options) => timers::run(&options).map(|()| true),
        Command::World(options) => world::run(&options),
        Command::Child(role) => child::serve(role).map(|()| true),
    }
}
