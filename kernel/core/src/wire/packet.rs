//! The parsed form of a packet, and how it is written.
use bytes::Bytes;

use super::{BODY_BYTES_MAX, FRAGMENT_BYTES, HEADER_BYTES, MAGIC, REPORT_BYTES, VERSION, field};
use crate::ids::{Epoch, LocalId, Nonce, PacketNumber, Sequence, SparseId};

/// The packet types of slide 21, and LOCATE and HERE for slide 16.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "UPPERCASE"))]
#[repr(u8)]
pub enum PacketType {
    /// Request, client to server: the client wants service.
    Req = 1,
    /// Reply, server to client: the server's answer.
    Rep = 2,
    /// Either to the other: the packet has arrived.
    Ack = 3,
    /// Are you alive?, client to server: has the server crashed?
    Aya = 4,
    /// I am alive, server to client: the server is up.
    Iaa = 5,
    /// Try again, server to client: no room.
    Ta = 6,
    /// Address unknown, server to client: nobody has this address.
    Au = 7,
    /// To all: who has this sparse id?
    Locate = 8,
    /// To the one who asked: I do.
    Here = 9,
}

impl PacketType {
    /// All of them, in the order of their codes.
    pub const ALL: [Self; 9] =
        [Self::Req, Self::Rep, Self::Ack, Self::Aya, Self::Iaa, Self::Ta, Self::Au, Self::Locate, Self::Here];

    /// The name on slide 21.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Req => "REQ",
            Self::Rep => "REP",
            Self::Ack => "ACK",
            Self::Aya => "AYA",
            Self::Iaa => "IAA",
            Self::Ta => "TA",
            Self::Au => "AU",
            Self::Locate => "LOCATE",
            Self::Here => "HERE",
        }
    }

    /// Bytes of the control body behind the header; `None` where payload of any length follows.
    pub(super) const fn body_bytes(self, flags: Flags) -> Option<usize> {
        match self {
            Self::Req | Self::Rep => None,
            Self::Ack if flags.has(Flags::REPORT) => None,
            Self::Ack => Some(0),
            Self::Aya => Some(8),
            Self::Iaa => Some(24),
            Self::Ta | Self::Locate | Self::Here => Some(16),
            Self::Au => Some(BODY_BYTES_MAX),
        }
    }
}

/// The flags of a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Flags(pub(super) u16);

impl Flags {
    /// No flag.
    pub const NONE: Self = Self(0);
    /// An ACK of a request, as the server sends it; without it an ACK is the client's, of a reply.
    pub const FROM_SERVER: Self = Self(1);
    /// The request wants no reply; its ACK is final.
    pub const ONE_WAY: Self = Self(1 << 1);
    /// The request may run more than once: the server keeps no duplicates out.
    pub const AT_LEAST_ONCE: Self = Self(1 << 2);
    /// Every message is acknowledged (slide 19a): REQ ACK REP ACK.
    pub const ACK_EACH: Self = Self(1 << 3);
    /// The reply acknowledges the request (slide 19b, c): REQ REP ACK. Neither this nor the one above: unreliable.
    pub const REPLY_ACKS: Self = Self(1 << 4);
    /// This packet was sent before.
    pub const AGAIN: Self = Self(1 << 5);
    /// The reply comes from the server's cache, not from a run.
    pub const CACHED: Self = Self(1 << 6);
    /// The checksum field holds one.
    pub const CHECKSUM: Self = Self(1 << 7);
    /// The receiver was found by its sparse id: no other incarnation of its machine is meant, even of a request that may
    /// run more than once.
    pub const THIS_INCARNATION: Self = Self(1 << 8);
    /// REQ, REP: a part of a longer message; the extension follows the header.
    pub const FRAGMENT: Self = Self(1 << 9);
    /// REQ, REP: a report is wanted. ACK: this is one.
    pub const REPORT: Self = Self(1 << 10);
    /// A fragment whose extension holds a checksum of the whole message.
    pub const MESSAGE_CHECKSUM: Self = Self(1 << 11);
    /// All that exist.
    pub(super) const KNOWN: u16 = 0xfff;

    /// Whether all of `other` are set.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// These and `other`.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// These, and `other` if `condition`.
    #[must_use]
    pub const fn with_if(self, condition: bool, other: Self) -> Self {
        if condition { self.with(other) } else { self }
    }

    /// These bits, the unknown ones dropped.
    pub const fn from_bits_truncated(bits: u16) -> Self {
        Self(bits & Self::KNOWN)
    }

    /// As they stand on the wire.
    pub const fn bits(self) -> u16 {
        self.0
    }
}

/// What an IAA says of the request that the AYA named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[repr(u8)]
pub enum IaaStatus {
    /// No request was named: the machine lives, and so does the process if one was.
    Alive = 0,
    /// It waits in a mailbox, whose owner lives.
    Queued = 1,
    /// It runs, and its owner lives.
    Executing = 2,
}

impl IaaStatus {
    /// All three.
    pub const ALL: [Self; 3] = [Self::Alive, Self::Queued, Self::Executing];
}

/// Why an AU was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[repr(u8)]
pub enum AuReason {
    /// Nobody has this local id.
    NoProcess = 1,
    /// The process ended with the request in its mailbox: it was not run.
    DiedQueued = 2,
    /// The process ended while it ran the request.
    DiedExecuting = 3,
    /// The request that the AYA named is not known here.
    UnknownRequest = 4,
    /// The request was run, and its reply had to be thrown away unacknowledged.
    Discarded = 5,
    /// The request names another incarnation of this machine than the one that lives, or none and may be older than it.
    StaleEpoch = 6,
    /// The packet's sender is an older incarnation of its machine than one known to have lived.
    OldSender = 7,
}

impl AuReason {
    /// All seven.
    pub const ALL: [Self; 7] = [
        Self::NoProcess,
        Self::DiedQueued,
        Self::DiedExecuting,
        Self::UnknownRequest,
        Self::Discarded,
        Self::StaleEpoch,
        Self::OldSender,
    ];
}

/// Why a TA was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[repr(u8)]
pub enum TaReason {
    /// The mailbox is full.
    MailboxFull = 1,
    /// The sequence is above the server's window.
    WindowFull = 2,
    /// The kernel holds as many requests, clients or machines as it may.
    KernelFull = 3,
}

impl TaReason {
    /// All three.
    pub const ALL: [Self; 3] = [Self::MailboxFull, Self::WindowFull, Self::KernelFull];
}

/// Where a packet's payload stands in its message. A message of one packet: offset 0, blast 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Fragment {
    /// Bytes of the message before this payload.
    pub offset: u32,
    /// Bytes of the whole message.
    pub length: u32,
    /// Which blast of the transfer.
    pub blast: u32,
    /// The rest, of a part of a longer message.
    pub part: Option<Part>,
}

impl Fragment {
    /// A message of one packet, of so many bytes.
    pub const fn whole(length: u32) -> Self {
        Self { offset: 0, length, blast: 0, part: None }
    }
}

/// How far a transfer is, as its receiver sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Report {
    /// The newest packet of the transfer that has come: what was sent before it is here or lost. 0: nothing is said of
    /// that yet, and another report follows.
    pub newest: PacketNumber,
    /// Which transfer.
    pub transfer: u32,
    /// All pieces below it are here.
    pub base: u32,
    /// Where what is listed begins.
    pub from: u32,
    /// Where it ends. Below `from`: the message came out wrong, and all of it is wanted anew.
    pub to: u32,
    /// So many pieces may be under way.
    pub window: u32,
}

/// What every part of a longer message says of its transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Part {
    /// The sender's number for the transfer, never 0.
    pub transfer: u32,
    /// Payload bytes of each part but the last, never 0.
    pub piece: u32,
    /// Of the whole message, if there is one.
    pub checksum: Option<u32>,
    /// A gap is to be reported once so many later parts have come; 0: only where a report is asked for.
    pub gap_after: u8,
}

/// A packet's type with the body that only this type has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Payload follows.
    Req,
    /// Payload follows.
    Rep,
    /// No body.
    Ack,
    /// An ACK that says how far a transfer is. 32 bytes: newest, transfer, base, from, to, window, four zeros; behind them
    /// the list of the pieces of `from..to` that are missing (see [`crate::bulk`]).
    Report(Report),
    /// 8 bytes: the nonce.
    Aya {
        /// To be echoed.
        nonce: Nonce,
    },
    /// 24 bytes: status, seven zeros, nonce, uptime.
    Iaa {
        /// What of the request.
        status: IaaStatus,
        /// As in the AYA.
        nonce: Nonce,
        /// How long this incarnation has been up, µs.
        uptime_us: u64,
    },
    /// 16 bytes: refused packet's number, wait, reason, three zeros.
    Ta {
        /// Number of the packet refused.
        refused: PacketNumber,
        /// How long to wait at least, µs.
        wait_us: u32,
        /// What has no room.
        reason: TaReason,
    },
    /// 40 bytes: reason, seven zeros, refused packet's number, epoch, uptime, nonce.
    Au {
        /// What is unknown.
        reason: AuReason,
        /// Number of the packet refused.
        refused: PacketNumber,
        /// [`AuReason::OldSender`]: the newest epoch known of the packet's sender. Blank otherwise.
        known: Epoch,
        /// How long this incarnation has been up, µs.
        uptime_us: u64,
        /// As in the AYA; 0 if the packet was none.
        nonce: Nonce,
    },
    /// 16 bytes: sparse id, nonce.
    Locate {
        /// Who is looked for.
        sparse: SparseId,
        /// To be echoed.
        nonce: Nonce,
    },
    /// 16 bytes: sparse id, nonce. The answer's source local id and machine are the place.
    Here {
        /// Who was looked for.
        sparse: SparseId,
        /// As in the LOCATE.
        nonce: Nonce,
    },
}

impl Kind {
    /// The type alone.
    pub const fn packet_type(&self) -> PacketType {
        match self {
            Self::Req => PacketType::Req,
            Self::Rep => PacketType::Rep,
            Self::Ack | Self::Report(_) => PacketType::Ack,
            Self::Aya { .. } => PacketType::Aya,
            Self::Iaa { .. } => PacketType::Iaa,
            Self::Ta { .. } => PacketType::Ta,
            Self::Au { .. } => PacketType::Au,
            Self::Locate { .. } => PacketType::Locate,
            Self::Here { .. } => PacketType::Here,
        }
    }
}

/// The header of a packet, parsed. The table of [this room](super) gives the fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Type, and the body that goes with it.
    pub kind: Kind,
    /// Flags.
    pub flags: Flags,
    /// The sender's incarnation.
    pub source_epoch: Epoch,
    /// The receiver's, or blank.
    pub destination_epoch: Epoch,
    /// Counted per sending machine.
    pub number: PacketNumber,
    /// The sending process.
    pub source: LocalId,
    /// The process meant.
    pub destination: LocalId,
    /// The request this is about.
    pub sequence: Sequence,
    /// The lowest sequence still awaited.
    pub floor: Sequence,
    /// Which above the floor are not.
    pub answered: u64,
    /// Age or time held, µs.
    pub elapsed_us: u32,
    /// Where the payload stands in its message.
    pub fragment: Fragment,
}

impl Header {
    /// Whether the flags say of the fragment what it is.
    pub(super) fn flags_fit(&self) -> bool {
        let carries = matches!(self.kind, Kind::Req | Kind::Rep);
        let part = self.fragment.part.filter(|_| carries);
        self.flags.has(Flags::FRAGMENT) == part.is_some()
            && self.flags.has(Flags::MESSAGE_CHECKSUM) == part.is_some_and(|part| part.checksum.is_some())
            && (!matches!(self.kind, Kind::Ack | Kind::Report(_))
                || self.flags.has(Flags::REPORT) == matches!(self.kind, Kind::Report(_)))
    }
}

/// A packet ready to be sent: its header and the payload behind it, which is not copied before it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// The header, with the control body.
    pub header: Header,
    /// Payload of a REQ or REP; of a report, the list of what is missing; empty in all others.
    pub payload: Bytes,
}

impl Packet {
    /// Bytes of the packet when written.
    pub fn wire_bytes(&self) -> usize {
        let header = &self.header;
        let extension = match (header.kind, header.fragment.part) {
            (Kind::Report(_), _) => REPORT_BYTES,
            (Kind::Req | Kind::Rep, Some(_)) => FRAGMENT_BYTES,
            _ => 0,
        };
        let body = header.kind.packet_type().body_bytes(header.flags);
        HEADER_BYTES + extension + body.unwrap_or(self.payload.len())
    }

    /// Writes the packet to the front of `buffer` and returns its length; `None` if the buffer is too short.
    pub fn write(&self, buffer: &mut [u8]) -> Option<usize> {
        let length = self.wire_bytes();
        let bytes = buffer.get_mut(..length)?;
        self.write_front(bytes);
        let payload = self.carried();
        bytes[length - payload.len()..].copy_from_slice(payload);
        if self.header.flags.has(Flags::CHECKSUM) {
            let sum = crc32fast::hash(bytes);
            bytes[field::CHECKSUM].copy_from_slice(&sum.to_be_bytes());
        }
        Some(length)
    }

    /// Writes all but the payload to the front of `buffer` and returns how long that is: for those who can send the two
    /// from where they are. `None` if the buffer is too short, or a checksum of both is wanted.
    pub fn write_head(&self, buffer: &mut [u8]) -> Option<usize> {
        let length = self.wire_bytes() - self.carried().len();
        let bytes = buffer.get_mut(..length).filter(|_| !self.header.flags.has(Flags::CHECKSUM))?;
        self.write_front(bytes);
        Some(length)
    }

    /// The payload, where the type has one.
    fn carried(&self) -> &[u8] {
        let body = self.header.kind.packet_type().body_bytes(self.header.flags);
        if body.is_none() { &self.payload } else { &[] }
    }

    /// Header and body; `bytes` has room for them.
    fn write_front(&self, bytes: &mut [u8]) {
        let header = &self.header;
        let kind = header.kind.packet_type();
        debug_assert!(header.flags_fit(), "{header:?}");
        bytes[0] = MAGIC;
        bytes[1] = VERSION << 4 | kind as u8;
        bytes[field::FLAGS].copy_from_slice(&header.flags.bits().to_be_bytes());
        bytes[field::CHECKSUM].fill(0);
        bytes[field::SOURCE_EPOCH].copy_from_slice(&header.source_epoch.0.to_be_bytes());
        bytes[field::DESTINATION_EPOCH].copy_from_slice(&header.destination_epoch.0.to_be_bytes());
        bytes[field::NUMBER].copy_from_slice(&header.number.0.to_be_bytes());
        bytes[field::SOURCE].copy_from_slice(&header.source.0.to_be_bytes());
        bytes[field::DESTINATION].copy_from_slice(&header.destination.0.to_be_bytes());
        bytes[field::SEQUENCE].copy_from_slice(&header.sequence.0.to_be_bytes());
        bytes[field::FLOOR].copy_from_slice(&header.floor.0.to_be_bytes());
        bytes[field::ANSWERED].copy_from_slice(&header.answered.to_be_bytes());
        bytes[field::ELAPSED].copy_from_slice(&header.elapsed_us.to_be_bytes());
        bytes[field::OFFSET].copy_from_slice(&header.fragment.offset.to_be_bytes());
        bytes[field::LENGTH].copy_from_slice(&header.fragment.length.to_be_bytes());
        bytes[field::BLAST].copy_from_slice(&header.fragment.blast.to_be_bytes());
        self.write_body(&mut bytes[HEADER_BYTES..]);
    }

    /// `body` is as long as the kind wants, or longer by the payload.
    fn write_body(&self, body: &mut [u8]) {
        match self.header.kind {
            Kind::Req | Kind::Rep => {
                if let Some(part) = &self.header.fragment.part {
                    body[..4].copy_from_slice(&part.transfer.to_be_bytes());
                    body[4..8].copy_from_slice(&part.piece.to_be_bytes());
                    body[8..12].copy_from_slice(&part.checksum.unwrap_or(0).to_be_bytes());
                    body[12..FRAGMENT_BYTES].copy_from_slice(&[part.gap_after, 0, 0, 0]);
                }
            }
            Kind::Ack => {}
            Kind::Report(Report { newest, transfer, base, from, to, window }) => {
                body[..8].copy_from_slice(&newest.0.to_be_bytes());
                for (place, value) in [transfer, base, from, to, window, 0].into_iter().enumerate() {
                    body[8 + 4 * place..12 + 4 * place].copy_from_slice(&value.to_be_bytes());
                }
            }
            Kind::Aya { nonce } => body.copy_from_slice(&nonce.0.to_be_bytes()),
            Kind::Iaa { status, nonce, uptime_us } => {
                body[..8].copy_from_slice(&[status as u8, 0, 0, 0, 0, 0, 0, 0]);
                body[8..16].copy_from_slice(&nonce.0.to_be_bytes());
                body[16..].copy_from_slice(&uptime_us.to_be_bytes());
            }
            Kind::Ta { refused, wait_us, reason } => {
                body[..8].copy_from_slice(&refused.0.to_be_bytes());
                body[8..12].copy_from_slice(&wait_us.to_be_bytes());
                body[12..].copy_from_slice(&[reason as u8, 0, 0, 0]);
            }
            Kind::Au { reason, refused, known, uptime_us, nonce } => {
                body[..8].copy_from_slice(&[reason as u8, 0, 0, 0, 0, 0, 0, 0]);
                body[8..16].copy_from_slice(&refused.0.to_be_bytes());
                body[16..24].copy_from_slice(&known.0.to_be_bytes());
                body[24..32].copy_from_slice(&uptime_us.to_be_bytes());
                body[32..].copy_from_slice(&nonce.0.to_be_bytes());
            }
            Kind::Locate { sparse, nonce } | Kind::Here { sparse, nonce } => {
                body[..8].copy_from_slice(&sparse.0.to_be_bytes());
                body[8..].copy_from_slice(&nonce.0.to_be_bytes());
            }
        }
    }
}

/// A packet and where it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// To which machine, and from which of our addresses.
    pub path: crate::ids::Path,
    /// What.
    pub packet: Packet,
}
