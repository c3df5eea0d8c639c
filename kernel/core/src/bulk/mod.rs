//! Transfers (slide 38): how a message longer than a packet goes across, in pieces, under stop-and-wait, a sliding window or
//! blasts; error control; flow control.
//!
//! Two machines, each a value without a clock or a network: `Outbound` says which piece goes next and what a report
//! means, `Inbound` puts pieces in their place and says when a report is due. Deliberately not here: whose message it
//! is and which packet carries a piece. That is the exchange's business, as are timers.
//!
//! The receiver is the same under every protocol: the message has its place in memory before the first piece is there
//! (Zwaenepoel, "Protocols for large data transfers over local networks", 1985), so what has come is kept, in whatever
//! order. The protocols differ in what the sender does, and in what it asks to be told.
mod bitmap;
mod inbound;
mod memory;
mod missing;
mod outbound;
#[cfg(test)]
mod tests;

pub(crate) use inbound::{Inbound, Placed};
pub(crate) use memory::Fresh;
pub use memory::Memory;
pub(crate) use missing::{lists, missing_in};
pub(crate) use outbound::{Outbound, Plan, Told};

use core::time::Duration;

/// How a message longer than a packet is moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Transfer {
    /// When pieces go.
    pub protocol: Protocol,
    /// What goes again when one is missing.
    pub errors: ErrorControl,
    /// Bytes of a packet at most, header included. `None`: what the path carries in one frame, or else what the
    /// configuration says.
    pub packet_bytes: Option<u32>,
    /// The least time from one packet to the next, for a receiver that is slower than its network.
    pub gap: Duration,
    /// Whether the message carries a checksum of its own. A message that comes out wrong is sent once more.
    pub checksum: bool,
}

impl Transfer {
    /// A blast with selective repeat, in packets as the path has them, as fast as they go.
    pub const DEFAULT: Self = Self {
        protocol: Protocol::Blast { packets: None },
        errors: ErrorControl::Selective,
        packet_bytes: None,
        gap: Duration::ZERO,
        checksum: false,
    };
}

impl Default for Transfer {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// When the pieces of a message go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// One after the other: each waits for the acknowledgement of the one before.
    StopAndWait,
    /// So many may be unacknowledged at once.
    SlidingWindow {
        /// How many.
        packets: u32,
        /// Every so manyth is acknowledged; 1 is each.
        ack_every: u32,
    },
    /// All of them, as fast as they will go; then one acknowledgement.
    Blast {
        /// A longer message goes in blasts of so many, each begun when the one before has arrived; `None` is one blast.
        /// What the receiver has room for bounds what is under way in either case.
        packets: Option<core::num::NonZeroU32>,
    },
}

impl Default for Protocol {
    fn default() -> Self {
        Self::Blast { packets: None }
    }
}

/// What goes again when a piece is missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ErrorControl {
    /// The whole blast, once its end has been answered. Without blasts: as go-back-n.
    Full,
    /// The first that is missing and all that were sent after it.
    GoBackN,
    /// Those that are missing, and no others.
    #[default]
    Selective,
}

impl Protocol {
    /// Pieces that may be under way at once, as far as the protocol goes.
    pub(crate) const fn under_way_max(self) -> u32 {
        match self {
            Self::StopAndWait => 1,
            Self::SlidingWindow { packets, .. } => {
                if packets == 0 {
                    1
                } else {
                    packets
                }
            }
            Self::Blast { .. } => u32::MAX,
        }
    }
}
