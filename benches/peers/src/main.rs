//! sendrec beside what a person would pick instead, all measured in the same run, in turn, at equal placement.
//!
//! A peer is a program that serves, and calls itself in another OS process; [`catalogue`] names them all. Each is built when
//! it is wanted; what does not build on a machine is named and left out.
mod build;
mod catalogue;
mod document;
mod files;
mod goals;
mod html;
mod options;
mod output;
mod plot;
mod run;

use std::process::ExitCode;

use clap::Parser;
use sendrec_measure::pin;

use options::{Options, Role};

fn main() -> ExitCode {
    let options = Options::parse();
    let done = match options.role {
        Some(Role::Spin { core }) => pin(Some(core)).map(|()| {
            loop {
                std::hint::spin_loop();
            }
        }),
        None => run::run(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sendrec-peers: {error}");
            ExitCode::FAILURE
        }
    }
}
