//! What a world remembers of what happened: events, passages of packets, figures. All bounded.
use sendrec_core::trace::Event;
use sendrec_core::wire::PacketType;
use sendrec_core::{Instant, Machine};

use crate::machine::MachineId;

/// Events a world keeps unless it is told otherwise.
pub const RECORDS_MAX_DEFAULT: usize = 1 << 20;
/// Passages a world keeps unless it is told otherwise.
pub const PASSAGES_MAX_DEFAULT: usize = 1 << 20;

/// A packet's passage over the network, in the order sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passage {
    /// Its sender.
    pub from: MachineId,
    /// To which machine; of a broadcast, each receiver has a passage of its own.
    pub to: Machine,
    /// Its type.
    pub kind: PacketType,
    /// How many copies rules and cuts let pass; a full queue may lose them still.
    pub copies: u32,
}

/// An event with its place in the world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Whose.
    pub machine: MachineId,
    /// When by the world's clock; the event itself has its machine's.
    pub at: Instant,
    /// What.
    pub event: Event,
}

/// How much went through a world.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Packets that kernels sent.
    pub sent: u64,
    /// Datagrams that came in at kernels.
    pub received: u64,
}

/// The first events and passages, up to a bound, and a count of those beyond.
#[derive(Debug)]
pub(crate) struct Log {
    pub(crate) records: Vec<Record>,
    pub(crate) records_max: usize,
    pub(crate) passages: Vec<Passage>,
    pub(crate) passages_max: usize,
    /// What found no room.
    pub(crate) unrecorded: u64,
    pub(crate) traffic: Traffic,
}

impl Log {
    pub(crate) const fn new() -> Self {
        Self {
            records: Vec::new(),
            records_max: RECORDS_MAX_DEFAULT,
            passages: Vec::new(),
            passages_max: PASSAGES_MAX_DEFAULT,
            unrecorded: 0,
            traffic: Traffic { sent: 0, received: 0 },
        }
    }

    pub(crate) fn record(&mut self, machine: usize, at: Instant, event: Event) {
        if self.records.len() < self.records_max {
            self.records.push(Record { machine: MachineId(machine), at, event });
        } else {
            self.unrecorded += 1;
        }
    }

    pub(crate) fn pass(&mut self, from: usize, to: Machine, kind: PacketType, copies: u32) {
        if self.passages.len() < self.passages_max {
            self.passages.push(Passage { from: MachineId(from), to, kind, copies });
        } else if self.passages_max > 0 {
            self.unrecorded += 1;
        }
    }
}
