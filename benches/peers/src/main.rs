//! sendrec beside what a person would pick instead: one small program per peer, all measured in the same run, in turn, at equal
//! placement.
//!
//! A peer is two processes: one that serves and says where, one that calls it, and says how long that took. Those in Rust
//! are this program again; those in C are compiled when they are wanted. What is missing on a machine is named and left out.
mod harness;
mod measure;
mod ours;
mod stream;
mod udp;

use clap::{Parser, Subcommand};
use measure::{Budget, Fallible, Tell};

/// Measures sendrec beside its peers.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Example:\n  cargo run --release --manifest-path benches/peers/Cargo.toml\n  cargo run --release --manifest-path benches/peers/Cargo.toml -- --placement apart --peer rpc --json"
)]
struct Options {
    #[command(subcommand)]
    role: Option<Role>,
    #[command(flatten)]
    run: harness::RunOptions,
}

/// One side of a measurement; the program starts it itself.
#[derive(Debug, Subcommand)]
enum Role {
    /// Serves as that peer
    #[command(hide = true)]
    Serve {
        /// Which
        peer: String,
        /// The core, or -1
        #[arg(allow_negative_numbers = true)]
        core: i32,
    },
    /// Calls one that serves
    #[command(hide = true)]
    Call {
        /// Which
        peer: String,
        /// Where
        address: String,
        /// The core, or -1
        #[arg(allow_negative_numbers = true)]
        core: i32,
        /// How long
        seconds: f64,
    },
}

/// A peer that is a part of this program.
struct Peer {
    name: &'static str,
    /// Serves for ever, and tells where it does.
    serve: fn(Tell<'_>) -> Fallible<()>,
    /// Calls.
    call: fn(&str, Budget) -> Fallible<measure::Figure>,
}

const PEERS: [Peer; 8] = [
    Peer { name: "udp-block", serve: udp::serve_blocking, call: udp::call_blocking },
    Peer { name: "udp-yield", serve: udp::serve_yielding, call: udp::call_yielding },
    Peer { name: "tcp", serve: stream::serve_tcp, call: stream::call_tcp },
    Peer { name: "unix", serve: stream::serve_unix, call: stream::call_unix },
    Peer { name: "null", serve: ours::serve_null, call: ours::call_null },
    Peer { name: "stubs", serve: ours::serve_stubs, call: ours::call_stubs },
    Peer { name: "onc-udp", serve: ours::serve_onc_udp, call: ours::call_onc_udp },
    Peer { name: "onc-tcp", serve: ours::serve_onc_tcp, call: ours::call_onc_tcp },
];

fn peer(name: &str) -> Fallible<&'static Peer> {
    static ALL: [Peer; 8] = PEERS;
    ALL.iter().find(|peer| peer.name == name).ok_or_else(|| format!("no peer is called {name}").into())
}

fn main() -> std::process::ExitCode {
    let options = Options::parse();
    let done = match options.role {
        Some(Role::Serve { peer: name, core }) => serve(&name, core),
        Some(Role::Call { peer: name, address, core, seconds }) => call(&name, &address, core, seconds),
        None => harness::run(&options.run),
    };
    match done {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sendrec-peers: {error}");
            std::process::ExitCode::FAILURE
        }
    }
}

fn serve(name: &str, core: i32) -> Fallible<()> {
    measure::pin(core)?;
    measure::die_with_parent()?;
    (peer(name)?.serve)(&|address| {
        use std::io::Write;
        let mut out = std::io::stdout().lock();
        writeln!(out, "{address}")?;
        Ok(out.flush()?)
    })
}

fn call(name: &str, address: &str, core: i32, seconds: f64) -> Fallible<()> {
    measure::pin(core)?;
    measure::die_with_parent()?;
    let figure = (peer(name)?.call)(address, Budget::of(seconds))?;
    println!("{}", serde_json::to_string(&figure)?);
    Ok(())
}
