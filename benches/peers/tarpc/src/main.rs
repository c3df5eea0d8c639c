//! tarpc as a peer: its own TCP transport, and bincode, the leaner of the two formats that it offers.
//!
//! It has no streams, and copies a call's argument whole at each step: a long message is cut, and goes by several calls.
//!
//! Whoever wants low latency turns off Nagle's delay, which the transport leaves on.
mod client;
mod server;
mod service;

use sendrec_measure::Peer;
use tokio::runtime::{Builder, Runtime};

use crate::service::Nagle;

fn one_thread() -> std::io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

fn threads() -> std::io::Result<Runtime> {
    Builder::new_multi_thread().enable_all().build()
}

fn main() -> std::process::ExitCode {
    sendrec_measure::peer_program(&[
        Peer {
            name: "tarpc",
            serve: |tell| one_thread()?.block_on(server::serve(tell, Nagle::Off)),
            call: |address, workload, _| one_thread()?.block_on(client::call(address, workload, Nagle::Off)),
        },
        Peer {
            name: "tarpc-nagle",
            serve: |tell| one_thread()?.block_on(server::serve(tell, Nagle::On)),
            call: |address, workload, _| one_thread()?.block_on(client::call(address, workload, Nagle::On)),
        },
        Peer {
            name: "tarpc-threads",
            serve: |tell| threads()?.block_on(server::serve(tell, Nagle::Off)),
            call: |address, workload, _| threads()?.block_on(client::call(address, workload, Nagle::Off)),
        },
    ])
}
