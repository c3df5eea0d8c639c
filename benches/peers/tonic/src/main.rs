//! gRPC by tonic as a peer: HTTP/2 over TCP, without Nagle's delay and without TLS.
//!
//! A call is unary. What is longer than gRPC's own limit goes in pieces, as it tells its users: a stream of them, and one
//! answer.
mod client;
mod limits;
mod server;

use sendrec_measure::Peer;
use tokio::runtime::{Builder, Runtime};

/// What `proto/messages.proto` defines.
#[allow(missing_docs, unreachable_pub, clippy::all)]
mod messages {
    tonic::include_proto!("messages");
}

fn one_thread() -> std::io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

fn threads() -> std::io::Result<Runtime> {
    Builder::new_multi_thread().enable_all().build()
}

fn main() -> std::process::ExitCode {
    sendrec_measure::peer_program(&[
        Peer {
            name: "tonic",
            serve: |tell| one_thread()?.block_on(server::serve(tell)),
            call: |address, workload, _| one_thread()?.block_on(client::call(address, workload)),
        },
        Peer {
            name: "tonic-threads",
            serve: |tell| threads()?.block_on(server::serve(tell)),
            call: |address, workload, _| threads()?.block_on(client::call(address, workload)),
        },
    ])
}
