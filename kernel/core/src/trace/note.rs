//! What a trace keeps of a packet: all of its header, so that the packet can be written again.
//!
//! Deliberately not here: payload. A trace holds its length alone.
use crate::ids::{Epoch, LocalId, Nonce, PacketNumber, Sequence, SparseId};
use crate::wire::{AuReason, Flags, Fragment, Header, IaaStatus, Kind, PacketType, Part, Report, TaReason};

/// What a trace keeps of a packet. What is zero is not written, so that traces stay small.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct PacketNote {
    /// Its type.
    pub kind: PacketType,
    /// Its number at its sender.
    pub number: PacketNumber,
    /// The sending process.
    pub source: LocalId,
    /// The process meant.
    pub destination: LocalId,
    /// The request it is about.
    pub sequence: Sequence,
    /// The sender's incarnation.
    pub epoch: Epoch,
    /// Its flags, as on the wire.
    pub flags: u16,
    /// Bytes of payload.
    pub bytes: usize,
    /// The receiver's incarnation, as the sender knows it.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "is_zero"))]
    pub destination_epoch: Epoch,
    /// Client to server: the lowest sequence still awaited.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "is_zero"))]
    pub floor: Sequence,
    /// Client to server: which above the floor are not.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "is_zero"))]
    pub answered: u64,
    /// Age, or time held, µs.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "is_zero"))]
    pub elapsed_us: u32,
    /// Bytes of the message before this payload.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "is_zero"))]
    pub offset: u32,
    /// Bytes of the whole message, where that is not this payload alone.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub message_bytes: Option<u32>,
    /// Which blast of the transfer.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "is_zero"))]
    pub blast: u32,
    /// REQ, REP: what a part of a longer message says of its transfer.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub part: Option<Part>,
    /// ACK: how far a transfer is.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub report: Option<Report>,
    /// AYA, IAA, AU, LOCATE, HERE: to be echoed, or the echo.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "is_zero"))]
    pub nonce: Nonce,
    /// IAA, AU: how long the sender's incarnation has been up, µs.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "is_zero"))]
    pub uptime_us: u64,
    /// TA, AU: number of the packet refused.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "is_zero"))]
    pub refuses: PacketNumber,
    /// TA: how long to wait at least, µs.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "is_zero"))]
    pub wait_us: u32,
    /// AU: the newest epoch known of the refused packet's sender.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "is_zero"))]
    pub known: Epoch,
    /// AU: why.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub unknown: Option<AuReason>,
    /// TA: why.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub refused: Option<TaReason>,
    /// IAA: what of the request.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub status: Option<IaaStatus>,
    /// LOCATE, HERE: whose place.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub sparse: Option<SparseId>,
}

#[cfg(feature = "serde")]
fn is_zero<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl PacketNote {
    /// What is known of a packet of which nothing but this is known.
    pub const fn bare(kind: PacketType, number: PacketNumber) -> Self {
        Self {
            kind,
            number,
            source: LocalId(0),
            destination: LocalId(0),
            sequence: Sequence::NONE,
            epoch: Epoch::BLANK,
            flags: 0,
            bytes: 0,
            destination_epoch: Epoch::BLANK,
            floor: Sequence::NONE,
            answered: 0,
            elapsed_us: 0,
            offset: 0,
            message_bytes: None,
            blast: 0,
            part: None,
            report: None,
            nonce: Nonce(0),
            uptime_us: 0,
            refuses: PacketNumber(0),
            wait_us: 0,
            known: Epoch::BLANK,
            unknown: None,
            refused: None,
            status: None,
            sparse: None,
        }
    }

    /// What to keep of a packet with this header and so much payload.
    pub fn new(header: &Header, bytes: usize) -> Self {
        let length = header.fragment.length;
        let mut note = Self {
            source: header.source,
            destination: header.destination,
            sequence: header.sequence,
            epoch: header.source_epoch,
            flags: header.flags.bits(),
            bytes,
            destination_epoch: header.destination_epoch,
            floor: header.floor,
            answered: header.answered,
            elapsed_us: header.elapsed_us,
            offset: header.fragment.offset,
            message_bytes: (length as usize != bytes).then_some(length),
            blast: header.fragment.blast,
            part: header.fragment.part,
            ..Self::bare(header.kind.packet_type(), header.number)
        };
        match header.kind {
            Kind::Req | Kind::Rep | Kind::Ack => {}
            Kind::Report(report) => note.report = Some(report),
            Kind::Aya { nonce } => note.nonce = nonce,
            Kind::Iaa { status, nonce, uptime_us } => {
                (note.status, note.nonce, note.uptime_us) = (Some(status), nonce, uptime_us);
            }
            Kind::Ta { refused, wait_us, reason } => {
                (note.refuses, note.wait_us, note.refused) = (refused, wait_us, Some(reason));
            }
            Kind::Au { reason, refused, known, uptime_us, nonce } => {
                (note.unknown, note.refuses, note.known) = (Some(reason), refused, known);
                (note.uptime_us, note.nonce) = (uptime_us, nonce);
            }
            Kind::Locate { sparse, nonce } | Kind::Here { sparse, nonce } => {
                (note.sparse, note.nonce) = (Some(sparse), nonce);
            }
        }
        note
    }

    /// The header again; `None` if what only this type has is not in the note, as in older traces.
    pub fn header(&self) -> Option<Header> {
        let nonce = self.nonce;
        let kind = match self.kind {
            PacketType::Req => Kind::Req,
            PacketType::Rep => Kind::Rep,
            PacketType::Ack => self.report.map_or(Kind::Ack, Kind::Report),
            PacketType::Aya => Kind::Aya { nonce },
            PacketType::Iaa => Kind::Iaa { status: self.status?, nonce, uptime_us: self.uptime_us },
            PacketType::Ta => {
                Kind::Ta { refused: self.refuses, wait_us: self.wait_us, reason: self.refused? }
            }
            PacketType::Au => Kind::Au {
                reason: self.unknown?,
                refused: self.refuses,
                known: self.known,
                uptime_us: self.uptime_us,
                nonce,
            },
            PacketType::Locate => Kind::Locate { sparse: self.sparse?, nonce },
            PacketType::Here => Kind::Here { sparse: self.sparse?, nonce },
        };
        let length = self.message_bytes.unwrap_or(self.bytes as u32);
        Some(Header {
            kind,
            flags: self.flags(),
            source_epoch: self.epoch,
            destination_epoch: self.destination_epoch,
            number: self.number,
            source: self.source,
            destination: self.destination,
            sequence: self.sequence,
            floor: self.floor,
            answered: self.answered,
            elapsed_us: self.elapsed_us,
            fragment: Fragment { offset: self.offset, length, blast: self.blast, part: self.part },
        })
    }

    /// Its flags.
    pub const fn flags(&self) -> Flags {
        Flags::from_bits_truncated(self.flags)
    }
}
