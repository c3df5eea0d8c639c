//! What is written is read back, what is read would be written the same, and nothing else is accepted.
use alloc::format;
use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;

use bytes::Bytes;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::ids::{Epoch, LocalId, Nonce, PacketNumber, Sequence, SparseId};

/// One packet of each type, with every field in use that the type has.
fn samples() -> Vec<Packet> {
    let nonce = Nonce(0xfeed);
    let refused = PacketNumber(8);
    let status = IaaStatus::Executing;
    let kinds = [
        Kind::Req,
        Kind::Rep,
        Kind::Ack,
        Kind::Aya { nonce },
        Kind::Iaa { status, nonce, uptime_us: 5_000_000 },
        Kind::Ta { refused, wait_us: 1_000, reason: TaReason::MailboxFull },
        Kind::Au { reason: AuReason::OldSender, refused, known: Epoch(300), uptime_us: 7, nonce },
        Kind::Locate { sparse: SparseId(0xabcd), nonce },
        Kind::Here { sparse: SparseId(0xabcd), nonce },
    ];
    kinds.into_iter().map(sample).collect()
}

fn sample(kind: Kind) -> Packet {
    let carries = matches!(kind, Kind::Req | Kind::Rep);
    let payload = if carries { Bytes::from_static(b"hello") } else { Bytes::new() };
    let from_client = matches!(kind, Kind::Req | Kind::Ack | Kind::Aya { .. });
    let of_none = matches!(kind, Kind::Locate { .. } | Kind::Here { .. });
    let header = Header {
        kind,
        flags: Flags::NONE,
        source_epoch: Epoch(100),
        destination_epoch: Epoch(200),
        number: PacketNumber(12),
        source: LocalId(1_003),
        destination: LocalId(1),
        sequence: if of_none { Sequence::NONE } else { Sequence(6) },
        floor: if from_client { Sequence(5) } else { Sequence::NONE },
        answered: 0,
        elapsed_us: 250,
        fragment: Fragment::whole(payload.len() as u32),
    };
    Packet { header, payload }
}

fn write(packet: &Packet) -> Vec<u8> {
    let mut bytes = vec![0xee; packet.wire_bytes()];
    assert_eq!(packet.write(&mut bytes), Some(bytes.len()));
    bytes
}

fn reread(bytes: &[u8]) -> Result<Packet, Malformed> {
    let view = View::new(bytes)?;
    Ok(Packet { header: *view.header(), payload: Bytes::copy_from_slice(view.payload()) })
}

fn kinds() -> impl Strategy<Value = Kind> {
    let nonce = || any::<u64>().prop_map(Nonce);
    let number = || any::<u64>().prop_map(PacketNumber);
    prop_oneof![
        Just(Kind::Req),
        Just(Kind::Rep),
        Just(Kind::Ack),
        (number(), any::<[u32; 5]>()).prop_map(|(newest, [transfer, base, from, to, window])| {
            Kind::Report(Report { newest, transfer, base, from, to, window })
        }),
        nonce().prop_map(|nonce| Kind::Aya { nonce }),
        (select(&IaaStatus::ALL[..]), nonce(), any::<u64>())
            .prop_map(|(status, nonce, uptime_us)| Kind::Iaa { status, nonce, uptime_us }),
        (number(), any::<u32>(), select(&TaReason::ALL[..]))
            .prop_map(|(refused, wait_us, reason)| Kind::Ta { refused, wait_us, reason }),
        (select(&AuReason::ALL[..]), number(), any::<u64>(), any::<u64>(), nonce()).prop_map(
            |(reason, refused, known, uptime_us, nonce)| {
                Kind::Au { reason, refused, known: Epoch(known), uptime_us, nonce }
            }
        ),
        (any::<u64>(), nonce())
            .prop_map(|(sparse, nonce)| (SparseId(sparse), nonce))
            .prop_map(|(sparse, nonce)| Kind::Locate { sparse, nonce }),
        (any::<u64>(), nonce())
            .prop_map(|(sparse, nonce)| (SparseId(sparse), nonce))
            .prop_map(|(sparse, nonce)| Kind::Here { sparse, nonce }),
    ]
}

/// Any packet whose fields do not contradict each other.
fn packets() -> impl Strategy<Value = Packet> {
    let places = (any::<u64>(), any::<u64>(), any::<u64>(), any::<u64>(), any::<[u32; 4]>());
    let payload = prop::collection::vec(any::<u8>(), 0..300);
    (kinds(), 0..=Flags::KNOWN, any::<[u64; 3]>(), places, payload).prop_map(
        |(kind, bits, [source_epoch, destination_epoch, number], places, payload)| {
            let (sequence, floor, answered, one, [source, destination, elapsed_us, spare]) = places;
            let both = Flags::ACK_EACH.with(Flags::REPLY_ACKS).bits();
            let flags = Flags(if bits & both == both { bits & !Flags::ACK_EACH.bits() } else { bits });
            let carries = matches!(kind, Kind::Req | Kind::Rep);
            let is_report = matches!(kind, Kind::Report(_));
            let payload = if carries || is_report { Bytes::from(payload) } else { Bytes::new() };
            // A message in one packet; or a piece of one, the last or another.
            let bytes = payload.len() as u32;
            let part = |piece, checksum: bool| {
                let (transfer, gap_after) = (spare.max(1), spare as u8);
                let checksum = checksum.then_some(elapsed_us);
                Some(Part { transfer, piece, checksum, gap_after })
            };
            let has_checksum = bits & Flags::MESSAGE_CHECKSUM.bits() != 0;
            let fragment = match spare % 3 {
                1 if carries && bytes >= PIECE_BYTES_MIN => {
                    let offset = bytes * (spare / 8 % 1_000);
                    let (length, part) = (offset + bytes + 1 + spare % 7, part(bytes, has_checksum));
                    Fragment { offset, length, blast: one as u32, part }
                }
                2 if carries && bytes > 0 => {
                    let piece = (bytes + spare % 5).max(PIECE_BYTES_MIN);
                    let offset = piece * (1 + spare / 8 % 1_000);
                    let (length, part) = (offset + bytes, part(piece, has_checksum));
                    Fragment { offset, length, blast: one as u32, part }
                }
                _ if carries || is_report => Fragment::whole(bytes),
                _ => Fragment { offset: spare, length: spare / 2, blast: one as u32, part: None },
            };
            let set = |flags: Flags, flag: Flags, on: bool| Flags(flags.0 & !flag.0).with_if(on, flag);
            let flags = set(flags, Flags::FRAGMENT, fragment.part.is_some());
            let summed = fragment.part.is_some_and(|part| part.checksum.is_some());
            let flags = set(flags, Flags::MESSAGE_CHECKSUM, summed);
            let flags = match kind {
                Kind::Ack | Kind::Report(_) => set(flags, Flags::REPORT, is_report),
                _ => flags,
            };
            let from_client = match kind {
                Kind::Req | Kind::Aya { .. } | Kind::Locate { .. } => true,
                Kind::Ack | Kind::Report(_) => !flags.has(Flags::FROM_SERVER),
                _ => false,
            };
            let sequence = match kind {
                Kind::Locate { .. } | Kind::Here { .. } => 0,
                Kind::Req | Kind::Rep | Kind::Ack | Kind::Report(_) | Kind::Ta { .. } => sequence.max(1),
                _ => sequence,
            };
            let floor = match kind {
                Kind::Req => floor.min(sequence),
                _ if from_client => floor,
                _ => 0,
            };
            let header = Header {
                kind,
                flags,
                source_epoch: Epoch(source_epoch.max(1)),
                destination_epoch: Epoch(destination_epoch.max(u64::from(!from_client))),
                number: PacketNumber(number),
                source: LocalId(source),
                destination: LocalId(destination),
                sequence: Sequence(sequence),
                floor: Sequence(floor),
                answered: if from_client { answered } else { 0 },
                elapsed_us,
                fragment,
            };
            Packet { header, payload }
        },
    )
}

/// Bytes that are accepted say all there is: written again they are the same.
fn accepts_only_what_it_would_write(bytes: &[u8]) {
    let _ = View::peek(bytes);
    let _ = View::peek_length(bytes);
    if let Ok(packet) = reread(bytes) {
        assert_eq!(write(&packet), bytes, "{packet}");
        let _ = packet.to_string();
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(packet in packets()) {
        let bytes = write(&packet);
        prop_assert_eq!(reread(&bytes), Ok(packet.clone()));
        let mut head = vec![0xee; bytes.len() - packet.payload.len()];
        let whole = packet.header.flags.has(Flags::CHECKSUM);
        prop_assert_eq!(packet.write_head(&mut head), (!whole).then_some(head.len()));
        prop_assert!(whole || bytes.starts_with(&head));
        prop_assert_eq!(View::peek(&bytes), Some((packet.header.kind.packet_type(), packet.header.number)));
        // Whatever follows it.
        prop_assert_eq!(View::peek_length(&bytes), Some(bytes.len()));
        prop_assert_eq!(View::peek_length(&[&bytes[..], &bytes[..]].concat()), Some(bytes.len()));
    }

    #[test]
    fn a_note_in_a_trace_keeps_the_whole_header(packet in packets()) {
        let note = crate::trace::PacketNote::new(&packet.header, packet.payload.len());
        prop_assert_eq!(note.header(), Some(packet.header));
    }

    #[test]
    fn a_buffer_that_is_too_short_is_refused(packet in packets(), missing in 1..80usize) {
        let mut short = vec![0; packet.wire_bytes() - missing];
        prop_assert_eq!(packet.write(&mut short), None);
    }

    #[test]
    fn any_bytes_are_judged(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        accepts_only_what_it_would_write(&bytes);
    }

    #[test]
    fn damaged_packets_are_judged(
        packet in packets(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0..8u32), 0..4),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = write(&packet);
        for (place, bit) in flips {
            let place = place.index(bytes.len());
            bytes[place] ^= 1 << bit;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len() + 1));
        }
        accepts_only_what_it_would_write(&bytes);
    }

    #[test]
    fn with_a_checksum_any_single_flip_is_refused(
        packet in packets(),
        place in any::<prop::sample::Index>(),
        bit in 0..8u32,
    ) {
        let mut packet = packet;
        packet.header.flags = packet.header.flags.with(Flags::CHECKSUM);
        let mut bytes = write(&packet);
        let place = place.index(bytes.len());
        bytes[place] ^= 1 << bit;
        prop_assert!(View::new(&bytes).is_err());
    }
}

/// The sample of this type, as bytes, with one byte changed.
fn damaged(kind: PacketType, place: usize, value: u8) -> Vec<u8> {
    let mut bytes = write(&samples()[kind as usize - 1]);
    bytes[place] = value;
    bytes
}

/// Bytes that are malformed in one way only.
fn example(reason: Malformed) -> Vec<u8> {
    match reason {
        Malformed::Short => write(&samples()[2])[..HEADER_BYTES - 1].to_vec(),
        Malformed::Magic => damaged(PacketType::Req, 0, b'T'),
        Malformed::Version => damaged(PacketType::Req, 1, 2 << 4 | 1),
        Malformed::Type => damaged(PacketType::Req, 1, VERSION << 4 | 10),
        Malformed::Flags => damaged(PacketType::Req, 2, 0x80),
        Malformed::Checksum => damaged(PacketType::Req, 4, 1),
        Malformed::Epoch => damaged(PacketType::Req, 15, 0),
        Malformed::Length => write(&samples()[6])[..HEADER_BYTES + BODY_BYTES_MAX - 1].to_vec(),
        Malformed::Reserved => damaged(PacketType::Iaa, HEADER_BYTES + 7, 1),
        Malformed::Reason => damaged(PacketType::Au, HEADER_BYTES, 8),
        Malformed::Sequence => damaged(PacketType::Req, 47, 4),
        Malformed::Fragment => damaged(PacketType::Rep, 75, 4),
    }
}

#[test]
fn each_way_to_be_malformed_has_its_name() {
    for packet in samples() {
        assert_eq!(reread(&write(&packet)).as_ref(), Ok(&packet), "the samples are well-formed");
    }
    for reason in Malformed::ALL {
        assert_eq!(reread(&example(reason)), Err(reason));
    }
}

#[test]
fn each_rule_for_a_field_is_checked() {
    use Malformed as M;
    use PacketType as T;
    for (reason, bytes) in [
        (M::Short, Vec::new()),
        (M::Type, damaged(T::Req, 1, VERSION << 4)),
        (M::Type, damaged(T::Req, 1, VERSION << 4 | 15)),
        (M::Flags, damaged(T::Req, 3, (Flags::ACK_EACH.bits() | Flags::REPLY_ACKS.bits()) as u8)),
        (M::Checksum, damaged(T::Req, 3, Flags::CHECKSUM.bits() as u8)),
        (M::Length, [write(&samples()[2]), vec![0]].concat()),
        (M::Reserved, damaged(T::Ta, HEADER_BYTES + 13, 1)),
        (M::Reserved, damaged(T::Au, HEADER_BYTES + 1, 1)),
        (M::Reason, damaged(T::Au, HEADER_BYTES, 0)),
        (M::Reason, damaged(T::Ta, HEADER_BYTES + 12, 4)),
        (M::Reason, damaged(T::Iaa, HEADER_BYTES, 3)),
        (M::Sequence, damaged(T::Rep, 47, 0)),
        (M::Sequence, damaged(T::Rep, 55, 1)),
        (M::Sequence, damaged(T::Au, 63, 1)),
        (M::Sequence, damaged(T::Here, 47, 1)),
        (M::Epoch, damaged(T::Rep, 23, 0)),
        (M::Fragment, damaged(T::Req, 71, 1)),
    ] {
        assert_eq!(reread(&bytes), Err(reason));
    }
}

/// A piece of a message: 32 bytes from 64 on, of 96 or more.
fn piece(length: u32) -> Packet {
    let mut packet = sample(Kind::Rep);
    let part = Part { transfer: 1, piece: PIECE_BYTES_MIN, checksum: None, gap_after: 3 };
    packet.payload = Bytes::from(vec![7; PIECE_BYTES_MIN as usize]);
    packet.header.fragment = Fragment { offset: 64, length, blast: 2, part: Some(part) };
    packet.header.flags = Flags::FRAGMENT;
    packet
}

/// A piece with one thing changed on the wire.
fn damaged_piece(length: u32, place: usize, value: u8) -> Vec<u8> {
    let mut bytes = write(&piece(length));
    bytes[place] = value;
    bytes
}

#[test]
fn a_piece_stands_inside_its_message() {
    use Malformed as M;
    for length in [96, 97, 1_000] {
        assert_eq!(reread(&write(&piece(length))), Ok(piece(length)));
    }
    const OFFSET: usize = 71;
    for (reason, bytes) in [
        // No multiple of the piece; behind the end; shorter than a piece, and not the last; or the whole message.
        (M::Fragment, damaged_piece(200, OFFSET, 65)),
        (M::Fragment, damaged_piece(200, OFFSET, 224)),
        (M::Fragment, damaged_piece(200, HEADER_BYTES + 7, 64)),
        (M::Fragment, damaged_piece(200, HEADER_BYTES + 7, 16)),
        (M::Fragment, damaged_piece(200, HEADER_BYTES + 7, 0)),
        (M::Fragment, damaged_piece(200, HEADER_BYTES + 3, 0)),
        (M::Fragment, write(&piece(95))),
        (M::Reserved, damaged_piece(200, HEADER_BYTES + 13, 1)),
        (M::Reserved, damaged_piece(200, HEADER_BYTES + 11, 1)),
        (M::Length, write(&piece(200))[..HEADER_BYTES + FRAGMENT_BYTES - 1].to_vec()),
        (M::Flags, damaged(PacketType::Ack, 2, (Flags::FRAGMENT.bits() >> 8) as u8)),
        (M::Flags, damaged(PacketType::Req, 2, (Flags::MESSAGE_CHECKSUM.bits() >> 8) as u8)),
        (M::Length, damaged(PacketType::Ack, 2, (Flags::REPORT.bits() >> 8) as u8)),
    ] {
        assert_eq!(reread(&bytes), Err(reason));
    }
}

#[test]
fn a_payload_that_the_type_does_not_have_is_not_written() {
    for mut packet in samples().into_iter().skip(2) {
        let bytes = write(&packet);
        packet.payload = Bytes::from(vec![7; 500]);
        assert_eq!(write(&packet), bytes);
        let mut head = vec![0; bytes.len()];
        assert_eq!(packet.write_head(&mut head), Some(bytes.len()));
    }
}

#[test]
fn a_packet_is_a_line_for_a_person() {
    let lines: Vec<_> = samples().iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    REQ #12 1003->1 seq 6 epoch 100->200 floor 5 age 250us 5B
    REP #12 1003->1 seq 6 epoch 100->200 held 250us 5B
    ACK #12 1003->1 seq 6 epoch 100->200 floor 5
    AYA #12 1003->1 seq 6 epoch 100->200 floor 5 nonce 000000000000feed age 250us
    IAA #12 1003->1 seq 6 epoch 100->200 executing nonce 000000000000feed up 5000000us
    TA #12 1003->1 seq 6 epoch 100->200 refuses #8 wait 1000us (mailbox full)
    AU #12 1003->1 seq 6 epoch 100->200 refuses #8 (sender's epoch is old) known 300 up 7us nonce 000000000000feed
    LOCATE #12 1003->1 epoch 100->200 sparse:000000000000abcd nonce 000000000000feed
    HERE #12 1003->1 epoch 100->200 sparse:000000000000abcd nonce 000000000000feed
    ");
}

#[test]
fn flags_fragments_and_reasons_are_told() {
    let all = Flags(Flags::KNOWN & !Flags::ACK_EACH.bits());
    let mut lines = Vec::new();
    for flags in [all, Flags::ACK_EACH] {
        let mut packet = sample(Kind::Req);
        packet.header.flags = flags;
        packet.header.answered = 0b101;
        lines.push(packet.to_string());
    }
    lines.push(piece(3_000).to_string());
    let report = Report { newest: PacketNumber(9), transfer: 1, base: 2, from: 2, to: 8, window: 40 };
    let mut report = sample(Kind::Report(report));
    report.header.flags = Flags::REPORT;
    lines.push(report.to_string());
    let mut of_request = sample(Kind::Ack);
    of_request.header.flags = Flags::FROM_SERVER;
    of_request.header.floor = Sequence::NONE;
    of_request.header.destination_epoch = Epoch::BLANK;
    lines.push(of_request.to_string());
    lines.extend(AuReason::ALL.iter().map(ToString::to_string));
    lines.extend(TaReason::ALL.iter().map(ToString::to_string));
    lines.extend(IaaStatus::ALL.iter().map(ToString::to_string));
    lines.push(format!("[{:<6}]", PacketType::Req));
    insta::assert_snapshot!(lines.join("\n"), @r"
    REQ #12 1003->1 seq 6 epoch 100->200 floor 5 answered 0b101 age 250us of-request one-way at-least-once reply-acks again from-cache checksum this-incarnation report 5B
    REQ #12 1003->1 seq 6 epoch 100->200 floor 5 answered 0b101 age 250us ack-each 5B
    REP #12 1003->1 seq 6 epoch 100->200 held 250us 32B at 64 of 3000 blast 2
    ACK #12 1003->1 seq 6 epoch 100->200 transfer 1 newest #9 base 2 lists 2..8 window 40 report
    ACK #12 1003->1 seq 6 epoch 100->- held 250us of-request
    no such process
    process ended, request not run
    process ended while running it
    unknown request
    reply discarded
    stale epoch
    sender's epoch is old
    mailbox full
    window full
    kernel full
    alive
    queued
    executing
    [REQ   ]
    ");
}
