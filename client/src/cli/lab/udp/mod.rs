//! Over UDP: each machine of a scenario an OS process of its own, on loopback; a crash is kill -9.
//!
//! The parent starts the machines, does what befalls them, and ends the run once nothing more happens. Parent and
//! machine speak in JSON lines over the machine's stdin and stdout; see [`Order`] and [`Report`].
mod machine;
mod parent;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use sendrec::lab::Told;
use sendrec_core::LocalId;
use sendrec_core::trace::Incident;
use serde::{Deserialize, Serialize};

pub(super) use machine::run as machine;
pub(crate) use parent::play;

/// What a machine is told first.
#[derive(Debug, Serialize, Deserialize)]
struct Job {
    /// The scenario's file.
    source: String,
    /// As [`sendrec::lab::Switches`] are written.
    switches: String,
    /// Which machine of it to be.
    machine: String,
    /// Where every machine listens, by name.
    machines: BTreeMap<String, SocketAddr>,
    /// Whether nobody was there before.
    first: bool,
    /// The rule by which it boots again, if it does.
    rule: String,
    /// The rules that have come true: they do not again.
    done: Vec<usize>,
    /// Where to write its trace.
    trace: PathBuf,
}

/// What a machine is told afterwards.
#[derive(Debug, Serialize, Deserialize)]
enum Order {
    /// Make the processes: from here on they can be sent to.
    Spawn,
    /// Let them begin.
    Go {
        /// How long ago the run began, ns: what is told counts from there, after a reboot too.
        since_ns: u64,
    },
    /// Say how far things are.
    Poll,
    /// Something befalls it: put it on record, and say so.
    Record(Incident, String),
    /// One process of it is gone.
    Kill(LocalId),
    /// End.
    Stop,
}

/// What a machine says.
#[derive(Debug, Serialize, Deserialize)]
enum Report {
    /// It listens.
    Ready,
    /// Its processes are there.
    Spawned,
    /// A step has brought something.
    Told(Told),
    /// A rule has come true at an event of its.
    Due {
        /// Which: a place among the rules.
        rule: usize,
        /// In so long, ns.
        after_ns: u64,
    },
    /// The answer to [`Order::Poll`].
    State {
        /// Events so far.
        events: u64,
        /// Requests outstanding.
        outgoing: usize,
        /// Processes that do something that takes time.
        sleeping: usize,
    },
    /// It is on record.
    Recorded,
}
