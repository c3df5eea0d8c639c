//! Writes the corpus: packets of real exchanges, and hostile variants of them. The same files each time.
use std::fs;
use std::path::Path as FilePath;
use std::time::Duration;

use bytes::Bytes;
use sendrec_core::ids::Nonce;
use sendrec_core::wire::{
    AuReason, Flags, Fragment, Header, IaaStatus, Kind, Packet, PacketType, Part, Report, TaReason,
};
use sendrec_core::{Epoch, LocalId, PacketNumber, Sequence, SparseId};
use sendrec_core_fuzz::{Datagram, EPOCH};

/// The other machine's epoch.
const OTHER: Epoch = Epoch(50);

/// A packet of machine 1 for the kernel under test, as its exchanges have them.
fn packet(kind: Kind, sequence: u64) -> Packet {
    let carries = matches!(kind, Kind::Req | Kind::Rep);
    let payload = if carries { Bytes::from_static(b"hello") } else { Bytes::new() };
    // Requests come from process 7 there; all else is about the call of process 1000 here to process 1 there.
    let asks = matches!(kind, Kind::Req | Kind::Aya { .. } | Kind::Locate { .. });
    let (source, destination) = if asks { (7, 1) } else { (1, 1_000) };
    let header = Header {
        kind,
        flags: if carries { Flags::REPLY_ACKS } else { Flags::NONE },
        source_epoch: OTHER,
        destination_epoch: EPOCH,
        number: PacketNumber(1),
        source: LocalId(source),
        destination: LocalId(destination),
        sequence: Sequence(sequence),
        floor: if matches!(kind, Kind::Req) { Sequence(1) } else { Sequence::NONE },
        answered: 0,
        elapsed_us: 1_000,
        fragment: Fragment::whole(payload.len() as u32),
    };
    Packet { header, payload }
}

fn changed(mut packet: Packet, change: impl FnOnce(&mut Packet)) -> Packet {
    change(&mut packet);
    packet
}

fn unknown(reason: AuReason) -> Kind {
    let refused = PacketNumber(1);
    Kind::Au { reason, refused, known: Epoch::BLANK, uptime_us: 5_000_000, nonce: Nonce(0) }
}

fn bytes(packet: &Packet) -> Vec<u8> {
    let mut bytes = vec![0; packet.wire_bytes()];
    packet.write(&mut bytes).expect("the buffer is long enough");
    bytes
}

/// A packet of each type, by name.
fn each_type() -> Vec<(&'static str, Packet)> {
    let nonce = Nonce(0xfeed);
    let status = IaaStatus::Alive;
    vec![
        ("req", packet(Kind::Req, 1)),
        ("rep", packet(Kind::Rep, 1)),
        ("ack-of-request", changed(packet(Kind::Ack, 1), |it| it.header.flags = Flags::FROM_SERVER)),
        ("ack-of-reply", reply_ack(1)),
        ("aya-of-machine", changed(packet(Kind::Aya { nonce }, 0), |it| it.header.destination = LocalId(0))),
        ("aya-of-request", packet(Kind::Aya { nonce: Nonce(0) }, 1)),
        ("iaa", packet(Kind::Iaa { status, nonce, uptime_us: 9 }, 0)),
        ("iaa-queued", packet(Kind::Iaa { status: IaaStatus::Queued, nonce: Nonce(0), uptime_us: 9 }, 1)),
        ("ta", packet(Kind::Ta { refused: PacketNumber(1), wait_us: 5, reason: TaReason::MailboxFull }, 1)),
        ("au-no-process", packet(unknown(AuReason::NoProcess), 1)),
        ("au-died-queued", packet(unknown(AuReason::DiedQueued), 1)),
        ("au-died-executing", packet(unknown(AuReason::DiedExecuting), 1)),
        ("au-unknown-request", packet(unknown(AuReason::UnknownRequest), 1)),
        ("au-discarded", packet(unknown(AuReason::Discarded), 1)),
        ("au-stale-epoch", packet(unknown(AuReason::StaleEpoch), 1)),
        ("au-old-sender", packet(unknown(AuReason::OldSender), 1)),
        ("req-piece", piece(1, 0, 3, 1)),
        ("rep-piece", rep_piece(1, 0, 3)),
        ("report-of-request", report(1, [0, 0, 3], &[0, 0, 0, 0, 1, 0, 0, 0, 1])),
        (
            "report-of-reply",
            changed(report(1, [1, 1, 3], &[1, 2]), |it| {
                it.header.flags = Flags::REPORT;
                (it.header.source, it.header.destination) = (LocalId(7), LocalId(1));
                it.header.floor = Sequence(1);
            }),
        ),
        ("locate", packet(Kind::Locate { sparse: SparseId(5), nonce }, 0)),
        ("here", packet(Kind::Here { sparse: SparseId(5), nonce }, 0)),
    ]
}

const PIECE_BYTES: u32 = sendrec_core::wire::PIECE_BYTES_MIN;

/// A packet made a piece of a message of so many pieces, in a transfer of this number.
fn into_piece(packet: Packet, place: u32, pieces: u32, transfer: u32) -> Packet {
    changed(packet, |it| {
        let part = Part { transfer, piece: PIECE_BYTES, checksum: None, gap_after: 3 };
        let (offset, length, blast) = (place * PIECE_BYTES, pieces * PIECE_BYTES, 1);
        it.payload = Bytes::from(vec![place as u8; PIECE_BYTES as usize]);
        it.header.fragment = Fragment { offset, length, blast, part: Some(part) };
        it.header.flags = it.header.flags.with(Flags::FRAGMENT).with(Flags::REPORT);
        it.header.number = PacketNumber(u64::from(place) + 1);
    })
}

fn piece(sequence: u64, place: u32, pieces: u32, transfer: u32) -> Packet {
    into_piece(packet(Kind::Req, sequence), place, pieces, transfer)
}

fn rep_piece(sequence: u64, place: u32, pieces: u32) -> Packet {
    into_piece(packet(Kind::Rep, sequence), place, pieces, 1)
}

/// A report of a request's transfer: base, from, to, and the list.
fn report(sequence: u64, [base, from, to]: [u32; 3], list: &'static [u8]) -> Packet {
    let report = Report { newest: PacketNumber(1), transfer: 1, base, from, to, window: 9 };
    changed(packet(Kind::Report(report), sequence), |it| {
        it.header.flags = Flags::FROM_SERVER.with(Flags::REPORT);
        it.payload = Bytes::from_static(list);
        it.header.fragment = Fragment::whole(list.len() as u32);
    })
}

/// The acknowledgement of the server's reply to request `sequence`.
fn reply_ack(sequence: u64) -> Packet {
    changed(packet(Kind::Ack, sequence), |it| {
        it.header.source = LocalId(7);
        it.header.destination = LocalId(1);
        it.header.floor = Sequence(sequence + 1);
    })
}

fn request(sequence: u64, change: impl FnOnce(&mut Header)) -> Packet {
    changed(packet(Kind::Req, sequence), |it| change(&mut it.header))
}

/// Bytes that are no packet, or one at the edge.
fn hostile_packets() -> Vec<(&'static str, Vec<u8>)> {
    let plain = bytes(&packet(Kind::Req, 1));
    let flip = |place: usize, value: u8| {
        let mut bytes = plain.clone();
        bytes[place] = value;
        bytes
    };
    let edge = request(u64::MAX, |header| {
        header.floor = Sequence(u64::MAX);
        header.answered = u64::MAX;
        header.source_epoch = Epoch(u64::MAX);
        header.elapsed_us = u32::MAX;
        header.number = PacketNumber(u64::MAX);
    });
    let part = request(1, |header| {
        let part = Part { transfer: u32::MAX, piece: 37, checksum: Some(1), gap_after: u8::MAX };
        let (offset, length, blast) = (u32::MAX / 37 * 37 - 37, u32::MAX, u32::MAX);
        header.fragment = Fragment { offset, length, blast, part: Some(part) };
        header.flags = header.flags.with(Flags::FRAGMENT).with(Flags::MESSAGE_CHECKSUM);
    });
    vec![
        ("bad-empty", Vec::new()),
        ("bad-short", plain[..79].to_vec()),
        ("bad-magic", flip(0, 0)),
        ("bad-version", flip(1, 0x21)),
        ("bad-type", flip(1, 0x1f)),
        ("bad-flags", flip(2, 0xff)),
        ("bad-checksum", flip(3, 0x80)),
        ("bad-epoch", flip(15, 0)),
        ("bad-floor", flip(55, 9)),
        ("bad-fragment", flip(75, 1)),
        ("bad-body", bytes(&packet(unknown(AuReason::NoProcess), 1))[..119].to_vec()),
        ("checksum", bytes(&request(1, |header| header.flags = header.flags.with(Flags::CHECKSUM)))),
        ("edge", bytes(&edge)),
        ("part", bytes(&part)),
    ]
}

/// Inputs for the kernel: what is sent, and how long after what came before.
fn exchanges() -> Vec<(&'static str, Vec<(u64, Packet)>)> {
    let again = |at| (at, packet(Kind::Req, 1));
    let epoch = |value| request(1, |header| header.source_epoch = Epoch(value));
    let stale = |value: u64| {
        changed(packet(unknown(AuReason::StaleEpoch), 1), |it| it.header.source_epoch = Epoch(value))
    };
    let at_least_once = || request(1, |header| header.flags = Flags::REPLY_ACKS.with(Flags::AT_LEAST_ONCE));
    let ack_each = || request(1, |header| header.flags = Flags::ACK_EACH.with(Flags::AT_LEAST_ONCE));
    let one_way = || request(1, |header| header.flags = Flags::REPLY_ACKS.with(Flags::ONE_WAY));
    let probe = || packet(Kind::Aya { nonce: Nonce(0) }, 1);
    let known = |value| Kind::Au {
        reason: AuReason::OldSender,
        refused: PacketNumber(1),
        known: Epoch(value),
        uptime_us: 1,
        nonce: Nonce(0),
    };
    vec![
        ("reply-to-the-call", vec![(1, packet(Kind::Rep, 1)), (1, packet(Kind::Rep, 1))]),
        ("request-and-ack", vec![again(0), again(1), again(1), again(1), (5, reply_ack(1)), again(1)]),
        ("late-ack", vec![again(0), again(30), (500, probe()), again(1), (1, probe())]),
        ("many", (1..40).map(|sequence| (0, packet(Kind::Req, sequence))).collect()),
        ("downward", (1..70).rev().map(|sequence| (0, packet(Kind::Req, sequence))).collect()),
        ("floor-jumps", vec![again(0), (0, request(u64::MAX, |it| it.floor = Sequence(u64::MAX))), again(1)]),
        ("all-answered", vec![again(0), (0, packet(Kind::Req, 3)), (0, request(2, |it| it.answered = !0))]),
        ("reruns", (0..9).map(|_| (1, at_least_once())).collect()),
        ("reruns-acked", (0..9).map(|_| (1, ack_each())).collect()),
        ("pieces", (0..3).map(|place| (1, piece(1, place, 3, 1))).collect()),
        ("pieces-downward", (0..9).rev().map(|place| (1, piece(1, place, 9, 1))).collect()),
        ("pieces-again", (0..9).map(|place| (1, piece(1, place % 2, 3, 1))).collect()),
        ("pieces-anew", (0..9).map(|place| (1, piece(1, place % 3, 3, 1 + place / 2))).collect()),
        (
            "pieces-of-another-length",
            (0..6).map(|place| (1, piece(1, place % 3, 3 + place, 1 + place))).collect(),
        ),
        ("pieces-of-many", (1..9).map(|sequence| (1, piece(sequence, 1, 40, 1))).collect()),
        ("pieces-late", vec![(0, piece(1, 0, 3, 1)), (60_000, piece(1, 1, 3, 1)), (1, piece(1, 2, 3, 1))]),
        ("reply-in-pieces", (0..3).map(|place| (1, rep_piece(1, place, 3))).collect()),
        ("reply-in-pieces-without-room", (0..3).map(|place| (1, rep_piece(1, place, 1_000))).collect()),
        (
            "reports",
            vec![
                (1, report(2, [2, 2, 2], &[])),
                (1, report(2, [3, 3, 5], &[1, 1])),
                (1, report(2, [0, 1, 0], &[])),
                (1, report(2, [9, 0, 9], &[0, 0, 0, 0, 9, 0, 0, 0, 9])),
                (1, report(2, [0, 0, 0], &[7])),
            ],
        ),
        ("one-way", vec![(0, one_way()), (1, one_way()), (0, probe())]),
        ("epochs", [60, 40, u64::MAX, 61, 60].map(|value| (1, epoch(value))).to_vec()),
        ("epochs-late", vec![again(0), (1, epoch(60)), (60_000, epoch(61)), again(0)]),
        ("forged-stale", vec![(1, stale(60)), (1, stale(u64::MAX)), (60_000, stale(61))]),
        ("old-sender", vec![(1, packet(known(200), 1)), (1, packet(known(u64::MAX), 1))]),
        ("silence", vec![again(0), (100_000, again(0).1), (100_000, again(0).1)]),
        ("refusals", {
            let refusal = |number| Kind::Ta {
                refused: PacketNumber(number),
                wait_us: !0,
                reason: TaReason::KernelFull,
            };
            (1..20).map(|number| (4_000, packet(refusal(number), 1))).collect()
        }),
        (
            "unreliable",
            vec![(0, request(1, |it| it.flags = Flags::NONE)), (0, request(1, |it| it.flags = Flags::NONE))],
        ),
    ]
}

fn input(from: u8, packets: &[(u64, Packet)]) -> Vec<u8> {
    let mut input = Vec::new();
    for (after, packet) in packets {
        let after = Duration::from_millis(*after);
        Datagram { from, after, bytes: bytes(packet) }.write(&mut input);
    }
    input
}

fn main() -> std::io::Result<()> {
    let corpus = FilePath::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let (packets, kernels) = (corpus.join("packet"), corpus.join("kernel"));
    fs::create_dir_all(&packets)?;
    fs::create_dir_all(&kernels)?;
    assert_eq!(PacketType::ALL.len(), 9, "a new type wants an example");
    for (name, packet) in each_type() {
        fs::write(packets.join(name), bytes(&packet))?;
        fs::write(kernels.join(name), input(1, &[(1, packet)]))?;
    }
    for (name, bytes) in hostile_packets() {
        fs::write(packets.join(name), &bytes)?;
        let mut input = Vec::new();
        Datagram { from: 2, after: Duration::ZERO, bytes }.write(&mut input);
        fs::write(kernels.join(name), input)?;
    }
    for (name, exchange) in exchanges() {
        fs::write(kernels.join(name), input(1, &exchange))?;
    }
    Ok(())
}
