//! What the system and the standard library give: the floors, and the nearest peers.
mod channel;
mod segments;
mod stream;
mod udp;

use sendrec_measure::Peer;

fn main() -> std::process::ExitCode {
    sendrec_measure::peer_program(&[
        Peer { name: "udp-block", serve: udp::serve_blocking, call: udp::call_blocking },
        Peer { name: "udp-yield", serve: udp::serve_yielding, call: udp::call_yielding },
        Peer { name: "udp-segments", serve: segments::serve, call: segments::call },
        Peer { name: "tcp", serve: stream::serve_tcp, call: stream::call_tcp },
        Peer { name: "unix", serve: stream::serve_unix, call: stream::call_unix },
        Peer { name: "channel", serve: channel::serve, call: channel::call },
    ])
}
