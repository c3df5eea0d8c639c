//! A capture for Wireshark: one datagram for each packet, when it left, with a comment that says what became of it.
//!
//! The packets are written again from the headers that the trace kept; their payload is zeros, since a trace has
//! none; what a report lists as missing is made again from what came. A copy that the network made is a word in the comment, no datagram of its own. Deliberately not here: reading
//! captures. The blocks are those of the pcapng specification, of which we need three.
use bytes::Bytes;
use sendrec_core::trace::PacketNote;
use sendrec_core::wire::{AuReason, Flags, Header, IaaStatus, Kind, Packet, TaReason};
use sendrec_core::{Machine, SparseId};

use super::datagram::{PAYLOAD_BYTES_MAX, datagram};
use super::events::Events;
use crate::trace::{Joined, Passage};

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const ENHANCED_PACKET: u32 = 6;
const BYTE_ORDER: u32 = 0x1a2b_3c4d;
/// IPv4 or IPv6 from its first byte on.
const LINKTYPE_RAW: u16 = 101;

const END_OF_OPTIONS: u16 = 0;
const COMMENT: u16 = 1;
const INTERFACE_NAME: u16 = 2;
const USER_APPLICATION: u16 = 4;
const TIME_RESOLUTION: u16 = 9;
/// Times are 10 to the minus 9 seconds.
const NANOSECONDS: u8 = 9;
/// A comment's length is a number of 16 bits.
const COMMENT_BYTES_MAX: usize = 4_096;

pub(super) fn render(joined: &Joined) -> Vec<u8> {
    let events = Events::new(joined);
    let mut file = Vec::new();
    let mut section = Vec::new();
    section.extend(BYTE_ORDER.to_le_bytes());
    section.extend([1, 0, 0, 0]);
    section.extend(u64::MAX.to_le_bytes());
    option(&mut section, USER_APPLICATION, concat!("sendrec ", env!("CARGO_PKG_VERSION")).as_bytes());
    option(&mut section, END_OF_OPTIONS, &[]);
    block(&mut file, SECTION_HEADER, &section);
    let mut interface = Vec::new();
    interface.extend(LINKTYPE_RAW.to_le_bytes());
    interface.extend([0; 6]);
    option(&mut interface, INTERFACE_NAME, b"sendrec trace");
    option(&mut interface, TIME_RESOLUTION, &[NANOSECONDS]);
    option(&mut interface, END_OF_OPTIONS, &[]);
    block(&mut file, INTERFACE, &interface);
    let origin = origin_unix_ns(joined);
    for packet in &joined.packets {
        write_packet(&mut file, &events, packet, origin);
    }
    file
}

/// The wall clock at the first moment, ns.
fn origin_unix_ns(joined: &Joined) -> u64 {
    let first = joined.moments.first();
    first.map_or(0, |moment| {
        joined.headers[moment.trace].0.origin_unix_ns.saturating_add(moment.event.at.as_nanos())
    })
}

fn write_packet(file: &mut Vec<u8>, events: &Events<'_>, packet: &Passage, origin_unix_ns: u64) {
    let joined = events.joined;
    // Of a packet whose sender is not traced, its arrival is all we know.
    let moment = packet.departure.or(packet.arrivals.first().map(|arrival| arrival.moment)).unwrap_or(0);
    let after = u64::try_from(joined.moments[moment].at.as_nanos()).unwrap_or(u64::MAX);
    let at = origin_unix_ns.saturating_add(after);
    let (payload, cut) = rebuild(packet);
    let to = packet.to.map_or(Machine::EVERYONE, |to| joined.machines[to].machine);
    let bytes = datagram(joined.machines[packet.from].machine, to, &payload);

    let mut body = Vec::new();
    body.extend([0; 4]);
    body.extend(((at >> 32) as u32).to_le_bytes());
    body.extend((at as u32).to_le_bytes());
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes();
    body.extend(length);
    body.extend(length);
    body.extend(&bytes);
    pad(&mut body);
    let mut comment = comment(events, packet);
    if cut {
        comment.push_str(". Cut, as no datagram is so long");
    }
    let mut end = comment.len().min(COMMENT_BYTES_MAX);
    while !comment.is_char_boundary(end) {
        end -= 1;
    }
    option(&mut body, COMMENT, &comment.as_bytes()[..end]);
    option(&mut body, END_OF_OPTIONS, &[]);
    block(file, ENHANCED_PACKET, &body);
}

fn comment(events: &Events<'_>, packet: &Passage) -> String {
    let mut comment = events.end(packet);
    if packet.departure.is_none() {
        comment.push_str(". Its sender was not traced: the time is that of its arrival");
    }
    if packet.note.report.is_some() && packet.note.bytes > 0 {
        if list(packet).is_none() {
            comment.push_str(". The trace does not say which pieces are missing: zeros stand for the list");
        }
    } else if packet.note.bytes > 0 {
        comment.push_str(". The trace has no payload: zeros stand for it");
    }
    if packet.note.header().is_none() {
        comment.push_str(". The trace does not have all of its body: the least values stand for it");
    }
    comment
}

/// A header's flags, with those that say what follows it as it is written: a trace may come from anywhere.
fn fitting_flags(header: &Header) -> Flags {
    let about = Flags::FRAGMENT.with(Flags::MESSAGE_CHECKSUM).bits();
    let carries = matches!(header.kind, Kind::Req | Kind::Rep);
    let part = header.fragment.part.filter(|_| carries);
    let dropped = if carries { about } else { about | Flags::REPORT.bits() };
    Flags::from_bits_truncated(header.flags.bits() & !dropped)
        .with_if(part.is_some(), Flags::FRAGMENT)
        .with_if(part.is_some_and(|part| part.checksum.is_some()), Flags::MESSAGE_CHECKSUM)
        .with_if(matches!(header.kind, Kind::Report(_)), Flags::REPORT)
}

/// The list behind a report, if it can be told from the rest of the trace.
fn list(packet: &Passage) -> Option<Vec<u8>> {
    let report = packet.note.report?;
    packet.progress.as_ref()?.list(report.from..report.to, packet.note.bytes)
}

/// The packet's bytes, and whether its payload had to be cut.
fn rebuild(passage: &Passage) -> (Vec<u8>, bool) {
    let note = &passage.note;
    let header = note.header().or_else(|| {
        // An older trace, which did not keep these.
        let known = PacketNote {
            status: note.status.or(Some(IaaStatus::Alive)),
            refused: note.refused.or(Some(TaReason::MailboxFull)),
            unknown: note.unknown.or(Some(AuReason::NoProcess)),
            sparse: note.sparse.or(Some(SparseId(0))),
            ..*note
        };
        known.header()
    });
    let Some(header) = header else { return (Vec::new(), false) };
    let header = Header { flags: fitting_flags(&header), ..header };
    let mut packet = Packet { header, payload: Bytes::new() };
    let room = PAYLOAD_BYTES_MAX - packet.wire_bytes();
    // What only an edited trace says has a payload has none.
    if matches!(header.kind, Kind::Req | Kind::Rep | Kind::Report(_)) {
        packet.payload = list(passage).unwrap_or_else(|| vec![0; note.bytes.min(room)]).into();
    }
    let mut bytes = vec![0; packet.wire_bytes()];
    _ = packet.write(&mut bytes);
    (bytes, note.bytes > room)
}

fn option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    body.extend(code.to_le_bytes());
    body.extend((value.len() as u16).to_le_bytes());
    body.extend(value);
    pad(body);
}

fn pad(body: &mut Vec<u8>) {
    body.resize(body.len().next_multiple_of(4), 0);
}

/// Type, length, body, and the length again, so that a reader can go backwards.
fn block(file: &mut Vec<u8>, kind: u32, body: &[u8]) {
    let length = (body.len() as u32 + 12).to_le_bytes();
    file.extend(kind.to_le_bytes());
    file.extend(length);
    file.extend(body);
    file.extend(length);
}
