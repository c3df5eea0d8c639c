//! sendrec: its kernel's null call, between nodes and within one, and calls through its stubs.
#[rustfmt::skip]
#[allow(dead_code, unreachable_pub, clippy::all, clippy::pedantic)]
mod answers;
mod kernel;
mod stubs;

use sendrec_measure::Peer;

fn main() -> std::process::ExitCode {
    sendrec_measure::peer_program(&[
        Peer { name: "null", serve: kernel::serve, call: kernel::call },
        Peer { name: "null-single", serve: kernel::serve_single, call: kernel::call_single },
        Peer { name: "local", serve: kernel::serve_local, call: kernel::call_local },
        Peer { name: "stubs", serve: stubs::serve, call: stubs::call },
        Peer { name: "onc-udp", serve: stubs::serve_onc_udp, call: stubs::call_onc_udp },
        Peer { name: "onc-tcp", serve: stubs::serve_onc_tcp, call: stubs::call_onc_tcp },
    ])
}
