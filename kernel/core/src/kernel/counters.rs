//! How often what happened to packets, and how much was copied.
use crate::trace::Fate;
use crate::wire::{Malformed, PacketType};

/// How often what happened to packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counters {
    pub(super) sent: [u64; PacketType::ALL.len()],
    pub(super) sent_again: u64,
    pub(super) fates: [u64; Fate::ALL.len()],
    pub(super) malformed: [u64; Malformed::ALL.len()],
    pub(super) copied_in_bytes: u64,
    pub(super) copied_out_bytes: u64,
}

impl Counters {
    pub(super) const ZERO: Self = Self {
        sent: [0; PacketType::ALL.len()],
        sent_again: 0,
        fates: [0; Fate::ALL.len()],
        malformed: [0; Malformed::ALL.len()],
        copied_in_bytes: 0,
        copied_out_bytes: 0,
    };

    /// Packets of this type handed to the driver.
    pub const fn sent(&self, kind: PacketType) -> u64 {
        self.sent[kind as usize - 1]
    }

    /// Of all packets handed to the driver, those of a message or a piece that had been sent before.
    pub const fn sent_again(&self) -> u64 {
        self.sent_again
    }

    /// Packets received that met this fate.
    pub const fn fate(&self, fate: Fate) -> u64 {
        self.fates[fate as usize]
    }

    /// Bytes of messages that were copied on their way from a process into the kernel (slide 17).
    pub const fn copied_in_bytes(&self) -> u64 {
        self.copied_in_bytes
    }

    /// Bytes of messages that were copied out of the network's buffers.
    pub const fn copied_out_bytes(&self) -> u64 {
        self.copied_out_bytes
    }

    /// Datagrams received that were no packets for this reason.
    pub const fn malformed(&self, reason: Malformed) -> u64 {
        self.malformed[reason as usize]
    }
}
