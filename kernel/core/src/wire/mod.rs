//! Packets: the header every packet carries, and what each of the types of slide 21 adds to it.
//!
//! Two steps: a checked [`View`] onto bytes of the network, then the parsed [`Packet`]. Deliberately not here: what
//! a packet means to anyone; this room uses ids alone and panics on no input.
//!
//! # The header, field by field
//!
//! Network byte order, [`HEADER_BYTES`] bytes, on every packet.
//!
//! | bytes | field | meaning |
//! |---|---|---|
//! | 0 | magic | `0x53`, the letter S |
//! | 1 | version and type | high four bits: [`VERSION`]; low four: 1 REQ, 2 REP, 3 ACK, 4 AYA, 5 IAA, 6 TA, 7 AU, 8 LOCATE, 9 HERE |
//! | 2-3 | [`Flags`] | an unknown flag refuses the packet |
//! | 4-7 | checksum | CRC-32 of the whole packet with this field 0, if [`Flags::CHECKSUM`] is set; else 0 |
//! | 8-15 | source epoch | the sender's incarnation; never blank |
//! | 16-23 | destination epoch | the receiver's, as the sender knows it; 0 is blank, allowed from client to server only |
//! | 24-31 | packet number | counted per sending machine, every copy its own |
//! | 32-35 | source | local id of the sending process |
//! | 36-39 | destination | local id of the process meant |
//! | 40-47 | sequence | the client's number for the request this is about; 0 for none |
//! | 48-55 | floor | client to server: the lowest sequence still awaited at that machine; 0 the other way |
//! | 56-63 | answered | client to server: bit i is set if sequence floor + 1 + i is not awaited any more; 0 the other way |
//! | 64-67 | elapsed | µs. REQ, AYA: since the request was first sent (its age). REP, ACK of a request, IAA: since the server had it |
//! | 68-71 | fragment offset | where this payload stands in its message, bytes |
//! | 72-75 | message length | of the whole message, bytes; this packet's payload ends at or before it. Of a report: of its list |
//! | 76-79 | blast | which blast of the transfer this fragment belongs to; 0 in a message of one packet |
//!
//! Behind it: REQ and REP carry payload; the others a body of fixed size (see [`Kind`]), which ACK has only as a report,
//! with what is missing behind it (see [`crate::bulk`]).
//!
//! # A fragment's extension
//!
//! With [`Flags::FRAGMENT`], [`FRAGMENT_BYTES`] bytes between header and payload.
//!
//! | bytes | field | meaning |
//! |---|---|---|
//! | 0-3 | transfer | the sender's number for this transfer; never 0. Of one message there may be several, one after the other |
//! | 4-7 | piece | payload bytes of each fragment but the last, [`PIECE_BYTES_MIN`] or more; offsets are multiples of it |
//! | 8-11 | message checksum | CRC-32 of the whole message, if [`Flags::MESSAGE_CHECKSUM`] is set; else 0 |
//! | 12 | gap after | a gap is to be reported once so many later fragments have come; 0: only where a report is asked for |
//! | 13-15 | | zeros |
mod display;
mod packet;
#[cfg(test)]
mod tests;
mod view;

pub use packet::{
    AuReason, Flags, Fragment, Header, IaaStatus, Kind, Packet, PacketType, Part, Report, TaReason, Transmit,
};
pub use view::{Malformed, View};

/// Bytes of the header.
pub const HEADER_BYTES: usize = 80;
/// Bytes of the extension behind a fragment's header.
pub const FRAGMENT_BYTES: usize = 16;
/// The shortest piece a longer message may be cut into: what a piece costs its receiver is bounded by it.
pub const PIECE_BYTES_MIN: u32 = 32;
/// Bytes of a report's fixed part.
pub const REPORT_BYTES: usize = 32;
/// Bytes of the largest control body (AU's).
pub const BODY_BYTES_MAX: usize = 40;
/// The version of the protocol this crate speaks.
pub const VERSION: u8 = 1;
pub(crate) const MAGIC: u8 = 0x53;

/// Where each field stands.
mod field {
    use core::ops::Range;

    pub(super) const FLAGS: Range<usize> = 2..4;
    pub(super) const CHECKSUM: Range<usize> = 4..8;
    pub(super) const SOURCE_EPOCH: Range<usize> = 8..16;
    pub(super) const DESTINATION_EPOCH: Range<usize> = 16..24;
    pub(super) const NUMBER: Range<usize> = 24..32;
    pub(super) const SOURCE: Range<usize> = 32..36;
    pub(super) const DESTINATION: Range<usize> = 36..40;
    pub(super) const SEQUENCE: Range<usize> = 40..48;
    pub(super) const FLOOR: Range<usize> = 48..56;
    pub(super) const ANSWERED: Range<usize> = 56..64;
    pub(super) const ELAPSED: Range<usize> = 64..68;
    pub(super) const OFFSET: Range<usize> = 68..72;
    pub(super) const LENGTH: Range<usize> = 72..76;
    pub(super) const BLAST: Range<usize> = 76..80;
}
