//! How often a byte of a call's data is copied on its way (slide 40), counted where it is.
use serde::Serialize;

use sendrec_kernel::Node;
use sendrec_stubs::Remote;
use sendrec_stubs::xdr::copied_bytes;
use sendrec_trap::Process;

use super::log;
use crate::nodes::{self, spawn};
use crate::numbers::numbers_1;
use sendrec_measure::Fallible;

/// Data of a call, bytes: one packet, one that goes in pieces, and a file's chunk.
const SIZES: [usize; 3] = [1_024, 65_536, 1 << 20];
/// What the system does: out of a program into its own memory, and back.
const BY_SYSTEM: f64 = 2.0;

/// Copies for each byte of data on its way from client to server.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Copies {
    pub(super) data_bytes: usize,
    /// The client's stub puts it into a message.
    pub(super) marshal: f64,
    /// The message goes into the kernel.
    pub(super) into_kernel: f64,
    /// And behind a header, where the network takes it from.
    pub(super) to_network: f64,
    /// The system's two, out of one program and into the other.
    pub(super) by_system: f64,
    /// Out of the network's buffer, into a message of its own.
    pub(super) from_network: f64,
    /// A stub takes it out of the message.
    pub(super) unmarshal: f64,
}

impl Copies {
    pub(super) fn sum(&self) -> f64 {
        self.marshal
            + self.into_kernel
            + self.to_network
            + self.by_system
            + self.from_network
            + self.unmarshal
    }
}

/// What a node has copied so far: into it, to the network, from the network.
fn copied(node: &Node) -> Fallible<[u64; 3]> {
    let counters = node.counters().ok_or("the node is down")?;
    Ok([counters.copied_in_bytes(), node.copied_to_network(), counters.copied_out_bytes()])
}

/// One call of each size between two nodes of this program.
pub(super) fn count() -> Fallible<Vec<Copies>> {
    let boot = || nodes::boot_observed(log::observe);
    let (near, far) = (boot()?, boot()?);
    let server = spawn(&far)?;
    let address = server.address();
    std::thread::scope(|scope| {
        let serving = scope.spawn(|| nodes::serve_numbers(&server));
        let counted = call_each(&near, &far, &spawn(&near)?, address);
        far.shut_down();
        serving.join().map_err(|_| "the serving thread panicked")?;
        counted
    })
}

fn call_each(
    near: &Node,
    far: &Node,
    me: &Process<'_, Node>,
    server: sendrec_trap::Address,
) -> Fallible<Vec<Copies>> {
    let client = numbers_1::Client::new(Remote::new(me, server));
    let mut all = Vec::new();
    for data_bytes in SIZES {
        let data = vec![7; data_bytes];
        let before = (copied(near)?, copied(far)?);
        let ahead = copied_bytes();
        let back = client.copy(&data)?;
        if back != data[..] {
            return Err("what came back is not what was sent".into());
        }
        let after = (copied(near)?, copied(far)?);
        let each = |after: u64, before: u64| (after - before) as f64 / data_bytes as f64;
        // This thread's: what it has sent, and what it was sent. The server's stub does as this one does.
        let (marshalled, unmarshalled) = copied_bytes();
        all.push(Copies {
            data_bytes,
            marshal: each(marshalled, ahead.0),
            into_kernel: each(after.0[0], before.0[0]),
            to_network: each(after.0[1], before.0[1]),
            by_system: BY_SYSTEM,
            from_network: each(after.1[2], before.1[2]),
            unmarshal: each(unmarshalled, ahead.1),
        });
    }
    Ok(all)
}
