//! QUIC by quinn as a peer: a connection, encrypted as all of QUIC is, and a stream of its own for each call.
mod client;
mod server;
mod wire;

use sendrec_measure::Peer;
use sendrec_peer_runtimes::{on_one_thread, on_threads};

fn main() -> std::process::ExitCode {
    sendrec_measure::peer_program(&[
        Peer {
            name: "quinn",
            serve: |tell| on_one_thread(server::serve(tell)),
            call: |address, workload, _| on_one_thread(client::call(address, workload)),
        },
        Peer {
            name: "quinn-threads",
            serve: |tell| on_threads(server::serve(tell)),
            call: |address, workload, _| on_threads(client::call(address, workload)),
        },
    ])
}
