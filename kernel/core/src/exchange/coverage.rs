//! Which cells of the tables, packets, reasons and fates a kernel has met: a bit for each, for suites that want to know
//! what they have tried.
//!
//! Without the feature `coverage` nothing is kept and noting costs nothing.
use super::{ClientEvent, ClientState, ServerEvent, ServerState};
use crate::trace::Fate;
use crate::wire::{AuReason, IaaStatus, Malformed, PacketType, TaReason};

/// One thing that a kernel may meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cell {
    /// A cell of the client's table.
    Client(ClientState, ClientEvent),
    /// A cell of the server's table.
    Server(ServerState, ServerEvent),
    /// A packet of this type was sent.
    Sent(PacketType),
    /// One came in.
    Received(PacketType),
    /// An AU was sent for this reason.
    Unknown(AuReason),
    /// A TA was sent for this reason.
    TryAgain(TaReason),
    /// An IAA was sent with this status.
    Alive(IaaStatus),
    /// A packet that came in met this fate.
    Fate(Fate),
    /// What came in was no packet for this reason.
    Malformed(Malformed),
}

/// What was met so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    #[cfg(feature = "coverage")]
    bits: [u64; bits::WORDS],
}

impl Coverage {
    /// Notes that `cell` was met.
    #[inline]
    #[cfg_attr(not(feature = "coverage"), allow(clippy::unused_self, clippy::missing_const_for_fn))]
    pub(crate) fn note(&mut self, cell: Cell) {
        #[cfg(feature = "coverage")]
        {
            let place = cell.place();
            self.bits[place / 64] |= 1 << (place % 64);
        }
        #[cfg(not(feature = "coverage"))]
        let _ = cell;
    }
}

#[cfg(feature = "coverage")]
mod bits {
    use alloc::vec::Vec;

    use super::{
        AuReason, Cell, ClientEvent, ClientState, Coverage, Fate, IaaStatus, Malformed, PacketType,
        ServerEvent, ServerState, TaReason,
    };

    const SERVER: usize = ClientState::ALL.len() * ClientEvent::ALL.len();
    const SENT: usize = SERVER + ServerState::ALL.len() * ServerEvent::ALL.len();
    const RECEIVED: usize = SENT + PacketType::ALL.len();
    const UNKNOWNS: usize = RECEIVED + PacketType::ALL.len();
    const TRY_AGAINS: usize = UNKNOWNS + AuReason::ALL.len();
    const ALIVES: usize = TRY_AGAINS + TaReason::ALL.len();
    const FATES: usize = ALIVES + IaaStatus::ALL.len();
    const MALFORMED: usize = FATES + Fate::ALL.len();
    const CELLS: usize = MALFORMED + Malformed::ALL.len();
    pub(super) const WORDS: usize = CELLS.div_ceil(64);

    impl Cell {
        /// All there are, in a fixed order.
        pub fn all() -> Vec<Self> {
            let client = ClientState::ALL
                .into_iter()
                .flat_map(|state| ClientEvent::ALL.into_iter().map(move |event| Self::Client(state, event)));
            let server = ServerState::ALL
                .into_iter()
                .flat_map(|state| ServerEvent::ALL.into_iter().map(move |event| Self::Server(state, event)));
            client
                .chain(server)
                .chain(PacketType::ALL.map(Self::Sent))
                .chain(PacketType::ALL.map(Self::Received))
                .chain(AuReason::ALL.map(Self::Unknown))
                .chain(TaReason::ALL.map(Self::TryAgain))
                .chain(IaaStatus::ALL.map(Self::Alive))
                .chain(Fate::ALL.map(Self::Fate))
                .chain(Malformed::ALL.map(Self::Malformed))
                .collect()
        }

        pub(super) const fn place(self) -> usize {
            match self {
                Self::Client(state, event) => state as usize * ClientEvent::ALL.len() + event as usize,
                Self::Server(state, event) => {
                    SERVER + state as usize * ServerEvent::ALL.len() + event as usize
                }
                Self::Sent(kind) => SENT + kind as usize - 1,
                Self::Received(kind) => RECEIVED + kind as usize - 1,
                Self::Unknown(reason) => UNKNOWNS + reason as usize - 1,
                Self::TryAgain(reason) => TRY_AGAINS + reason as usize - 1,
                Self::Alive(status) => ALIVES + status as usize,
                Self::Fate(fate) => FATES + fate as usize,
                Self::Malformed(reason) => MALFORMED + reason as usize,
            }
        }
    }

    impl Coverage {
        /// Whether `cell` was met.
        pub const fn has(&self, cell: Cell) -> bool {
            let place = cell.place();
            self.bits[place / 64] >> (place % 64) & 1 == 1
        }

        /// What this or `other` has met.
        pub fn add(&mut self, other: &Self) {
            for (word, more) in self.bits.iter_mut().zip(other.bits) {
                *word |= more;
            }
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn each_cell_has_a_place_of_its_own() {
            for (place, cell) in Cell::all().into_iter().enumerate() {
                assert_eq!(cell.place(), place, "{cell:?}");
            }
            assert_eq!(Cell::all().len(), CELLS);
        }
    }
}
