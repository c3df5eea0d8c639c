//! gRPC by tonic as a peer: HTTP/2 over TCP, without Nagle's delay and without TLS.
//!
//! A call is unary. What is longer than gRPC's own limit goes in pieces, as it tells its users: a stream of them, and one
//! answer.
mod client;
mod limits;
mod server;

use sendrec_measure::Peer;
use sendrec_peer_runtimes::{on_one_thread, on_threads};

/// What `proto/messages.proto` defines.
#[allow(missing_docs, unreachable_pub, clippy::all)]
mod messages {
    tonic::include_proto!("messages");
}

fn main() -> std::process::ExitCode {
    sendrec_measure::peer_program(&[
        Peer {
            name: "tonic",
            serve: |tell| on_one_thread(server::serve(tell)),
            call: |address, workload, _| on_one_thread(client::call(address, workload)),
        },
        Peer {
            name: "tonic-threads",
            serve: |tell| on_threads(server::serve(tell)),
            call: |address, workload, _| on_threads(client::call(address, workload)),
        },
    ])
}
