//! The checked view: bytes of the network that are known to be one well-formed packet.
use super::packet::{AuReason, Flags, Fragment, Header, IaaStatus, Kind, PacketType, Part, Report, TaReason};
use super::{FRAGMENT_BYTES, HEADER_BYTES, MAGIC, PIECE_BYTES_MIN, REPORT_BYTES, VERSION, field};
use crate::ids::{Epoch, LocalId, Nonce, PacketNumber, Sequence, SparseId};
use core::ops::Range;

/// Why bytes are no packet. Whoever sent them is at fault; they are counted and dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Malformed {
    /// Shorter than a header.
    #[error("shorter than a header")]
    Short,
    /// Another protocol's.
    #[error("no sendrec packet")]
    Magic,
    /// A version this kernel does not speak.
    #[error("unknown version")]
    Version,
    /// No such packet type.
    #[error("unknown packet type")]
    Type,
    /// A flag nobody knows, or two reliability policies at once.
    #[error("unknown flags")]
    Flags,
    /// The checksum is wrong, or one stands where none is announced.
    #[error("wrong checksum")]
    Checksum,
    /// The sender names no epoch.
    #[error("blank source epoch")]
    Epoch,
    /// The body is shorter or longer than the type has it.
    #[error("wrong length for its type")]
    Length,
    /// A reserved byte is not zero.
    #[error("reserved byte not zero")]
    Reserved,
    /// A reason or status nobody knows.
    #[error("unknown reason")]
    Reason,
    /// Sequence, floor and answered contradict each other, or stand where they may not.
    #[error("sequence, floor or answered out of place")]
    Sequence,
    /// The payload reaches over the end of its message.
    #[error("fragment outside its message")]
    Fragment,
}

impl Malformed {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Short,
        Self::Magic,
        Self::Version,
        Self::Type,
        Self::Flags,
        Self::Checksum,
        Self::Epoch,
        Self::Length,
        Self::Reserved,
        Self::Reason,
        Self::Sequence,
        Self::Fragment,
    ];
}

/// One well-formed packet in bytes that are somebody else's.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    bytes: &'a [u8],
    header: Header,
}

impl<'a> View<'a> {
    /// Checks that `bytes` are exactly one packet.
    pub fn new(bytes: &'a [u8]) -> Result<Self, Malformed> {
        // What is returned is built once, and looked at where it is.
        let mut parsed = parse(bytes);
        if let Ok(view) = &parsed
            && let Err(reason) = view.check()
        {
            parsed = Err(reason);
        }
        parsed
    }

    /// What the fields say by themselves is right; whether they go together.
    fn check(&self) -> Result<(), Malformed> {
        check_sum(self.bytes, self.header.flags)?;
        check_places(&self.header)?;
        let carries = matches!(self.header.kind, Kind::Req | Kind::Rep | Kind::Report(_));
        if carries && !self.fits_its_message() { Err(Malformed::Fragment) } else { Ok(()) }
    }

    /// Whether the payload is the whole message, or exactly one piece of it.
    fn fits_its_message(&self) -> bool {
        let Fragment { offset, length, blast, part } = self.header.fragment;
        let bytes = self.payload().len();
        match part {
            None => offset == 0 && blast == 0 && length as usize == bytes,
            Some(Part { transfer, piece, .. }) => {
                let fits = transfer != 0
                    && piece >= PIECE_BYTES_MIN
                    && length > piece
                    && offset.is_multiple_of(piece);
                fits && offset < length && bytes == piece.min(length - offset) as usize
            }
        }
    }

    /// The parsed header.
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// The payload of a REQ or REP, what a report lists; empty for all others.
    pub fn payload(&self) -> &'a [u8] {
        match self.header.kind {
            Kind::Req | Kind::Rep if self.header.fragment.part.is_some() => {
                &self.bytes[HEADER_BYTES + FRAGMENT_BYTES..]
            }
            Kind::Req | Kind::Rep => &self.bytes[HEADER_BYTES..],
            Kind::Report(_) => &self.bytes[HEADER_BYTES + REPORT_BYTES..],
            _ => &[],
        }
    }

    /// How long the packet at the front of `bytes` says it is; `None` if that cannot be told. For those who get several
    /// in one, as a network does that puts them together.
    pub fn peek_length(bytes: &[u8]) -> Option<usize> {
        if bytes.len() < HEADER_BYTES || bytes[0] != MAGIC {
            return None;
        }
        let kind = packet_type(bytes[1] & 0x0f)?;
        let flags = Flags(u16::from_be_bytes([bytes[field::FLAGS.start], bytes[field::FLAGS.start + 1]]));
        let length = u32_at(bytes, field::LENGTH) as usize;
        let body = match (kind, kind.body_bytes(flags)) {
            (_, Some(body)) => body,
            (PacketType::Ack, None) => REPORT_BYTES + length,
            (_, None) if flags.has(Flags::FRAGMENT) => {
                let piece = u32_at(bytes.get(HEADER_BYTES..HEADER_BYTES + FRAGMENT_BYTES)?, 4..8) as usize;
                FRAGMENT_BYTES + piece.min(length.checked_sub(u32_at(bytes, field::OFFSET) as usize)?)
            }
            (_, None) => length,
        };
        Some(HEADER_BYTES + body)
    }

    /// The number of the packet in `bytes`, whatever else is wrong with it; `None` if even that cannot be read.
    /// For those who decide a packet's fate without reading it, as a network does.
    pub fn peek(bytes: &[u8]) -> Option<(PacketType, PacketNumber)> {
        if bytes.len() < HEADER_BYTES || bytes[0] != MAGIC {
            return None;
        }
        Some((packet_type(bytes[1] & 0x0f)?, PacketNumber(u64_at(bytes, field::NUMBER))))
    }
}

fn packet_type(code: u8) -> Option<PacketType> {
    PacketType::ALL.get(usize::from(code).checked_sub(1)?).copied()
}

/// Callers have checked that the range is inside.
fn u64_at(bytes: &[u8], range: Range<usize>) -> u64 {
    let mut value = [0; 8];
    value.copy_from_slice(&bytes[range]);
    u64::from_be_bytes(value)
}

fn u32_at(bytes: &[u8], range: Range<usize>) -> u32 {
    let mut value = [0; 4];
    value.copy_from_slice(&bytes[range]);
    u32::from_be_bytes(value)
}

fn parse(bytes: &[u8]) -> Result<View<'_>, Malformed> {
    if bytes.len() < HEADER_BYTES {
        return Err(Malformed::Short);
    }
    if bytes[0] != MAGIC {
        return Err(Malformed::Magic);
    }
    if bytes[1] >> 4 != VERSION {
        return Err(Malformed::Version);
    }
    let kind = packet_type(bytes[1] & 0x0f).ok_or(Malformed::Type)?;
    let bits = u16::from_be_bytes([bytes[field::FLAGS.start], bytes[field::FLAGS.start + 1]]);
    let flags = Flags(bits);
    if bits & !Flags::KNOWN != 0 || flags.has(Flags::ACK_EACH.with(Flags::REPLY_ACKS)) {
        return Err(Malformed::Flags);
    }
    let body = &bytes[HEADER_BYTES..];
    if kind.body_bytes(flags).is_some_and(|expected| expected != body.len()) {
        return Err(Malformed::Length);
    }
    let kind = match kind {
        PacketType::Req => Kind::Req,
        PacketType::Rep => Kind::Rep,
        PacketType::Ack if !flags.has(Flags::REPORT) => Kind::Ack,
        _ => parse_body(kind, flags, body)?,
    };
    let in_parts = flags.has(Flags::FRAGMENT) || flags.has(Flags::MESSAGE_CHECKSUM);
    let part = if in_parts { parse_part(&kind, flags, body)? } else { None };
    let header = Header {
        kind,
        flags,
        source_epoch: Epoch(u64_at(bytes, field::SOURCE_EPOCH)),
        destination_epoch: Epoch(u64_at(bytes, field::DESTINATION_EPOCH)),
        number: PacketNumber(u64_at(bytes, field::NUMBER)),
        source: LocalId(u32_at(bytes, field::SOURCE)),
        destination: LocalId(u32_at(bytes, field::DESTINATION)),
        sequence: Sequence(u64_at(bytes, field::SEQUENCE)),
        floor: Sequence(u64_at(bytes, field::FLOOR)),
        answered: u64_at(bytes, field::ANSWERED),
        elapsed_us: u32_at(bytes, field::ELAPSED),
        fragment: Fragment {
            offset: u32_at(bytes, field::OFFSET),
            length: u32_at(bytes, field::LENGTH),
            blast: u32_at(bytes, field::BLAST),
            part,
        },
    };
    Ok(View { bytes, header })
}

/// The extension of a part of a longer message.
#[inline(never)]
fn parse_part(kind: &Kind, flags: Flags, body: &[u8]) -> Result<Option<Part>, Malformed> {
    if !flags.has(Flags::FRAGMENT) || !matches!(kind, Kind::Req | Kind::Rep) {
        return Err(Malformed::Flags);
    }
    if body.len() < FRAGMENT_BYTES {
        return Err(Malformed::Length);
    }
    let checksum = u32_at(body, 8..12);
    let has_checksum = flags.has(Flags::MESSAGE_CHECKSUM);
    if body[13..FRAGMENT_BYTES] != [0; 3] || (checksum != 0 && !has_checksum) {
        return Err(Malformed::Reserved);
    }
    Ok(Some(Part {
        transfer: u32_at(body, 0..4),
        piece: u32_at(body, 4..8),
        checksum: has_checksum.then_some(checksum),
        gap_after: body[12],
    }))
}

/// `body` has the length its kind wants.
#[inline(never)]
fn parse_body(kind: PacketType, flags: Flags, body: &[u8]) -> Result<Kind, Malformed> {
    let zeros = |range: Range<usize>| {
        if body[range].iter().all(|byte| *byte == 0) { Ok(()) } else { Err(Malformed::Reserved) }
    };
    Ok(match kind {
        PacketType::Req => Kind::Req,
        PacketType::Rep => Kind::Rep,
        PacketType::Ack if flags.has(Flags::REPORT) => {
            if body.len() < REPORT_BYTES {
                return Err(Malformed::Length);
            }
            zeros(28..REPORT_BYTES)?;
            Kind::Report(Report {
                newest: PacketNumber(u64_at(body, 0..8)),
                transfer: u32_at(body, 8..12),
                base: u32_at(body, 12..16),
                from: u32_at(body, 16..20),
                to: u32_at(body, 20..24),
                window: u32_at(body, 24..28),
            })
        }
        PacketType::Ack => Kind::Ack,
        PacketType::Aya => Kind::Aya { nonce: Nonce(u64_at(body, 0..8)) },
        PacketType::Iaa => {
            zeros(1..8)?;
            let status = match body[0] {
                0 => IaaStatus::Alive,
                1 => IaaStatus::Queued,
                2 => IaaStatus::Executing,
                _ => return Err(Malformed::Reason),
            };
            Kind::Iaa { status, nonce: Nonce(u64_at(body, 8..16)), uptime_us: u64_at(body, 16..24) }
        }
        PacketType::Ta => {
            zeros(13..16)?;
            let reason = match body[12] {
                1 => TaReason::MailboxFull,
                2 => TaReason::WindowFull,
                3 => TaReason::KernelFull,
                _ => return Err(Malformed::Reason),
            };
            Kind::Ta { refused: PacketNumber(u64_at(body, 0..8)), wait_us: u32_at(body, 8..12), reason }
        }
        PacketType::Au => {
            zeros(1..8)?;
            let reason = match body[0] {
                1 => AuReason::NoProcess,
                2 => AuReason::DiedQueued,
                3 => AuReason::DiedExecuting,
                4 => AuReason::UnknownRequest,
                5 => AuReason::Discarded,
                6 => AuReason::StaleEpoch,
                7 => AuReason::OldSender,
                _ => return Err(Malformed::Reason),
            };
            Kind::Au {
                reason,
                refused: PacketNumber(u64_at(body, 8..16)),
                known: Epoch(u64_at(body, 16..24)),
                uptime_us: u64_at(body, 24..32),
                nonce: Nonce(u64_at(body, 32..40)),
            }
        }
        PacketType::Locate => {
            Kind::Locate { sparse: SparseId(u64_at(body, 0..8)), nonce: Nonce(u64_at(body, 8..16)) }
        }
        PacketType::Here => {
            Kind::Here { sparse: SparseId(u64_at(body, 0..8)), nonce: Nonce(u64_at(body, 8..16)) }
        }
    })
}

fn check_sum(bytes: &[u8], flags: Flags) -> Result<(), Malformed> {
    let stated = u32_at(bytes, field::CHECKSUM);
    let actual = if flags.has(Flags::CHECKSUM) {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&bytes[..field::CHECKSUM.start]);
        hasher.update(&[0; 4]);
        hasher.update(&bytes[field::CHECKSUM.end..]);
        hasher.finalize()
    } else {
        0
    };
    if stated == actual { Ok(()) } else { Err(Malformed::Checksum) }
}

/// The fields do not contradict each other or the direction the packet goes.
fn check_places(header: &Header) -> Result<(), Malformed> {
    if header.source_epoch.is_blank() {
        return Err(Malformed::Epoch);
    }
    let from_client = match header.kind {
        Kind::Req | Kind::Aya { .. } | Kind::Locate { .. } => true,
        Kind::Ack | Kind::Report(_) => !header.flags.has(Flags::FROM_SERVER),
        Kind::Rep | Kind::Iaa { .. } | Kind::Ta { .. } | Kind::Au { .. } | Kind::Here { .. } => false,
    };
    let of_a_request = match header.kind {
        Kind::Req | Kind::Rep | Kind::Ack | Kind::Report(_) | Kind::Ta { .. } => {
            header.sequence != Sequence::NONE
        }
        Kind::Locate { .. } | Kind::Here { .. } => header.sequence == Sequence::NONE,
        Kind::Aya { .. } | Kind::Iaa { .. } | Kind::Au { .. } => true,
    };
    let floor_fits = if from_client {
        !matches!(header.kind, Kind::Req) || header.sequence >= header.floor
    } else {
        header.floor == Sequence::NONE && header.answered == 0
    };
    if !of_a_request || !floor_fits {
        return Err(Malformed::Sequence);
    }
    if !from_client && header.destination_epoch.is_blank() {
        return Err(Malformed::Epoch);
    }
    Ok(())
}
