//! Trace files: events of one node as JSON lines, written while it runs, read back, and several joined into one story.
//!
//! The first line is a [`Header`], each further one an [`Event`] as `sendrec_core::trace` defines it. Deliberately
//! not here: how a trace is drawn ([`crate::ladder`]), and what events mean to the protocol.
mod join;
mod reader;
mod skew;
#[cfg(test)]
mod tests;
mod writer;

pub use join::{Arrival, End, HarmedCopy, Joined, Moment, Passage, Seen, join};
pub use reader::{TraceError, read};
pub use writer::{TraceWriter, origin_of};

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use sendrec_core::trace::Event;
use sendrec_core::{Epoch, Machine};
use serde::{Deserialize, Serialize};

/// The version of the format that is written, and the latest that is read.
pub const VERSION: u32 = 1;

/// The first line of a trace file: whose it is, and when its clock began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The format's version, [`VERSION`]; its name marks the file as a trace.
    #[serde(rename = "sendrec-trace")]
    pub version: u32,
    /// The node traced.
    pub machine: Machine,
    /// Its incarnation; blank if the writer did not know it.
    #[serde(default)]
    pub epoch: Epoch,
    /// What it is there for, in a word: `client`, `server`.
    #[serde(default)]
    pub role: String,
    /// The wall clock at zero of the events' clock, ns since 1970.
    pub origin_unix_ns: u64,
}

/// One trace: a header and the events behind it, in the order written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// Whose.
    pub header: Header,
    /// What happened.
    pub events: Vec<Event>,
    /// Whether the last line was cut off, as by a kill: it is left out, and all before it is here.
    pub torn: bool,
}

impl Trace {
    /// Writes it to a file, as [`read`] reads it.
    pub fn write(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let mut file = BufWriter::new(File::create(path)?);
        serde_json::to_writer(&mut file, &self.header)?;
        for event in &self.events {
            file.write_all(b"\n")?;
            serde_json::to_writer(&mut file, event)?;
        }
        file.write_all(b"\n")?;
        file.flush()
    }
}

/// Traces of machines that share one clock, as those of a simulated world do: one for each machine, in the order in
/// which they first appear. `role` names a machine's part.
pub fn split(
    events: impl IntoIterator<Item = (Machine, Event)>,
    mut role: impl FnMut(Machine) -> String,
) -> Vec<Trace> {
    let mut traces: Vec<Trace> = Vec::new();
    for (machine, event) in events {
        match traces.iter_mut().find(|trace| trace.header.machine == machine) {
            Some(trace) => trace.events.push(event),
            None => {
                let role = role(machine);
                let header =
                    Header { version: VERSION, machine, epoch: Epoch::BLANK, role, origin_unix_ns: 0 };
                traces.push(Trace { header, events: vec![event], torn: false });
            }
        }
    }
    traces
}
