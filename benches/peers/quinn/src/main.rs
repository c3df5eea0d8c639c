//! QUIC by quinn as a peer: a connection, encrypted as all of QUIC is, and a stream of its own for each call.
mod client;
mod server;
mod wire;

use sendrec_measure::Peer;
use tokio::runtime::{Builder, Runtime};

fn one_thread() -> std::io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

fn threads() -> std::io::Result<Runtime> {
    Builder::new_multi_thread().enable_all().build()
}

fn main() -> std::process::ExitCode {
    sendrec_measure::peer_program(&[
        Peer {
            name: "quinn",
            serve: |tell| one_thread()?.block_on(server::serve(tell)),
            call: |address, workload, _| one_thread()?.block_on(client::call(address, workload)),
        },
        Peer {
            name: "quinn-threads",
            serve: |tell| threads()?.block_on(server::serve(tell)),
            call: |address, workload, _| threads()?.block_on(client::call(address, workload)),
        },
    ])
}
