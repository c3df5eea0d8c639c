//! The command line: what was typed (`args`), what it means and does (the other files).
mod address;
mod args;
#[cfg(target_os = "linux")]
mod bench;
mod binder;
mod copy;
mod demo;
mod files;
mod find;
mod lab;
mod ladder;
mod matrix;
mod names;
mod output;
mod ping;
mod replace;
mod rpcgen;
mod serve;
mod session;

use std::process::ExitCode;

use clap::Parser;

use args::{Args, Command};
pub(crate) use output::Failure;

/// Runs what was typed.
pub(crate) fn run() -> ExitCode {
    let args = Args::parse();
    // What kernels of a lab say of their own is part of what it shows anyway.
    let quiet = matches!(args.command, Command::Lab(_) | Command::Matrix(_));
    let level = match (args.verbose, quiet) {
        (true, _) => "info",
        (false, true) => "error",
        (false, false) => "warn",
    };
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or(level)).init();
    let done = match args.command {
        Command::Serve(command) => serve::run(&command),
        Command::Put(command) => copy::put(&command),
        Command::Get(command) => copy::get(&command),
        Command::Cat(command) => copy::cat(&command),
        Command::Ls(command) => files::ls(&command),
        Command::Stat(command) => files::stat(&command),
        Command::Rm(command) => files::rm(&command),
        Command::Mv(command) => files::mv(&command),
        Command::Append(command) => files::append(&command),
        Command::Mkdir(command) => files::mkdir(&command),
        Command::Rmdir(command) => files::rmdir(&command),
        Command::Truncate(command) => files::truncate(&command),
        Command::Ping(command) => ping::run(&command),
        Command::Lab(command) => lab::run(&command),
        Command::Locate(command) => names::locate(&command),
        Command::Names(command) => names::run(&command.command),
        Command::Binder(command) => binder::run(&command),
        Command::Ladder(command) => ladder::run(&command),
        Command::Dissector => ladder::dissector(),
        Command::Demo(command) => demo::run(&command),
        Command::Matrix(command) => matrix::run(&command),
        Command::Rpcgen(command) => rpcgen::run(&command),
        #[cfg(target_os = "linux")]
        Command::Bench(command) => bench::run(command),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
