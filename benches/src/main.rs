//! Measures sendrec beside its floors, in one run, interleaved, at equal placement.
//!
//! A figure counts as a ratio to its floor in the same round of the same run; absolute ones give the scale alone.
#![forbid(unsafe_code)]

#[cfg(target_os = "linux")]
mod channel;
#[cfg(target_os = "linux")]
mod child;
#[cfg(target_os = "linux")]
mod idle;
#[cfg(target_os = "linux")]
mod latency;
#[cfg(target_os = "linux")]
mod machine;
#[cfg(target_os = "linux")]
mod nodes;
#[cfg(target_os = "linux")]
mod options;
#[cfg(target_os = "linux")]
mod placement;
#[cfg(target_os = "linux")]
mod raw;
#[cfg(target_os = "linux")]
mod report;
#[cfg(target_os = "linux")]
mod sample;
#[cfg(target_os = "linux")]
mod timers;
#[cfg(target_os = "linux")]
mod world;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    use clap::Parser;

    let result = match options::Options::parse().command {
        options::Command::Latency(options) => latency::run(&options),
        options::Command::Timers(options) => timers::run(&options).map(|()| true),
        options::Command::World(options) => world::run(&options),
        options::Command::Serve(role) => child::serve(role).map(|()| true),
    };
    match result {
        Ok(true) => std::process::ExitCode::SUCCESS,
        Ok(false) => std::process::ExitCode::FAILURE,
        Err(error) => {
            eprintln!("sendrec-bench: {error}");
            std::process::ExitCode::FAILURE
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn main() -> std::process::ExitCode {
    eprintln!("sendrec-bench: placement of threads and context switches are measured on Linux alone");
    std::process::ExitCode::FAILURE
}
