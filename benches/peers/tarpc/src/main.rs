//! tarpc as a peer: its own TCP transport, and bincode, the leaner of the two formats that it offers.
//!
//! It has no streams, and copies a call's argument whole at each step: a long message is cut, and goes by several calls.
//!
//! Whoever wants low latency turns off Nagle's delay, which the transport leaves on.
mod client;
mod server;
mod service;

use sendrec_measure::Peer;
use sendrec_peer_runtimes::{on_one_thread, on_threads};

use crate::service::Nagle;

fn main() -> std::process::ExitCode {
    sendrec_measure::peer_program(&[
        Peer {
            name: "tarpc",
            serve: |tell| on_one_thread(server::serve(tell, Nagle::Off)),
            call: |address, workload, _| on_one_thread(client::call(address, workload, Nagle::Off)),
        },
        Peer {
            name: "tarpc-nagle",
            serve: |tell| on_one_thread(server::serve(tell, Nagle::On)),
            call: |address, workload, _| on_one_thread(client::call(address, workload, Nagle::On)),
        },
        Peer {
            name: "tarpc-threads",
            serve: |tell| on_threads(server::serve(tell, Nagle::Off)),
            call: |address, workload, _| on_threads(client::call(address, workload, Nagle::Off)),
        },
    ])
}
