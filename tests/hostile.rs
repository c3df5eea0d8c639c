//! Hostile datagrams at a server's port while an honest client copies through it.
use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use sendrec::Files;
use sendrec::copy::{self, FromStream, ToStream, Watch};
use sendrec_core::ids::Nonce;
use sendrec_core::rng::Rng;
use sendrec_core::trace::Fate;
use sendrec_core::wire::{AuReason, Flags, Fragment, Header, IaaStatus, Kind, Malformed, Packet, TaReason};
use sendrec_core::{Epoch, LocalId, PacketNumber, Sequence, SparseId};
use sendrec_fileserver::{Memory, serve};
use sendrec_kernel::{Node, NodeConfig};
use sendrec_trap::{Process, SpawnOptions, Trap};

const LONG: Duration = Duration::from_secs(120);

/// A packet of every type, as well formed as can be.
fn packets(server_epoch: Epoch) -> Vec<Vec<u8>> {
    let nonce = Nonce(7);
    let (refused, known) = (PacketNumber(3), Epoch(9));
    let kinds = [
        Kind::Req,
        Kind::Rep,
        Kind::Ack,
        Kind::Aya { nonce },
        Kind::Iaa { status: IaaStatus::Alive, nonce, uptime_us: 5 },
        Kind::Ta { refused, wait_us: 1, reason: TaReason::MailboxFull },
        Kind::Au { reason: AuReason::StaleEpoch, refused, known, uptime_us: 1, nonce },
        Kind::Locate { sparse: SparseId(1), nonce },
        Kind::Here { sparse: SparseId(1), nonce },
    ];
    let write = |kind| {
        let payload = if kind == Kind::Req { Bytes::from_static(b"noise") } else { Bytes::new() };
        let sequence = if matches!(kind, Kind::Locate { .. } | Kind::Here { .. }) { 0 } else { 1 };
        let header = Header {
            kind,
            flags: Flags::REPLY_ACKS,
            source_epoch: Epoch(5),
            destination_epoch: server_epoch,
            number: PacketNumber(1),
            source: LocalId(1_000),
            destination: LocalId(1),
            sequence: Sequence(sequence),
            floor: Sequence(0),
            answered: 0,
            elapsed_us: 0,
            fragment: Fragment::whole(payload.len() as u32),
        };
        let packet = Packet { header, payload };
        let mut bytes = vec![0; packet.wire_bytes()];
        packet.write(&mut bytes).unwrap();
        bytes
    };
    kinds.into_iter().map(write).collect()
}

/// Every field of the header: where it begins, and its bytes.
const FIELDS: [(usize, usize); 16] = [
    (0, 1),
    (1, 1),
    (2, 2),
    (4, 4),
    (8, 8),
    (16, 8),
    (24, 8),
    (32, 4),
    (36, 4),
    (40, 8),
    (48, 8),
    (56, 8),
    (64, 4),
    (68, 4),
    (72, 4),
    (76, 4),
];

/// Sends rubbish and mutants until told to stop; returns how many datagrams that was.
fn attack(target: std::net::SocketAddr, server_epoch: Epoch, stop: &AtomicBool) -> u64 {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut rng = Rng::new(11);
    let valid = packets(server_epoch);
    let mut sent = 0;
    while !stop.load(Ordering::SeqCst) {
        for packet in &valid {
            for (start, length) in FIELDS {
                let mut mutant = packet.clone();
                for byte in &mut mutant[start..start + length] {
                    *byte = match rng.below(4) {
                        0 => 0,
                        1 => 0xff,
                        _ => rng.next_u64() as u8,
                    };
                }
                mutant.truncate(mutant.len() - rng.below(2) as usize * rng.below(9) as usize);
                sent += u64::from(socket.send_to(&mutant, target).is_ok());
            }
            sent += u64::from(socket.send_to(packet, target).is_ok());
        }
        let noise: Vec<_> = (0..rng.below(2_000)).map(|_| rng.next_u64() as u8).collect();
        sent += u64::from(socket.send_to(&noise, target).is_ok());
        // Leave the honest client a share of the socket's buffer.
        thread::yield_now();
    }
    sent
}

#[test]
fn an_honest_copy_survives_hostile_datagrams() {
    let epoch = Epoch(1_000_000);
    let far = Node::boot(NodeConfig { epoch: Some(epoch), ..NodeConfig::default() }).unwrap();
    let near = Node::boot(NodeConfig::default()).unwrap();
    let options = SpawnOptions { local_id: Some(LocalId(1)), ..SpawnOptions::default() };
    let serving = Process::spawn(&far, options).unwrap();
    let server = serving.address();
    let stop = AtomicBool::new(false);
    let mut original = vec![0; 1 << 20];
    let mut rng = Rng::new(1);
    original.iter_mut().for_each(|byte| *byte = rng.next_u64() as u8);
    let store = Memory::default();

    let (back, sent) = thread::scope(|scope| {
        scope.spawn(|| serve(&serving, &store));
        let attacker = scope.spawn(|| attack(far.machine().socket_addr(), epoch, &stop));
        let mut files = Files::new(&near, server, LONG).unwrap();
        let never = AtomicBool::new(false);
        let mut ignore = |_| {};
        let mut watch = Watch { progress: &mut ignore, stop: &never };
        copy::put(&mut files, &mut FromStream(&original[..]), "memory", b"file", 1, &mut watch).unwrap();
        let mut back = Vec::new();
        copy::get(&mut files, b"file", 0, None, &mut ToStream(&mut back), "memory", &mut watch).unwrap();
        stop.store(true, Ordering::SeqCst);
        let sent = attacker.join().unwrap();
        drop(files);
        let counters = far.counters().unwrap();
        let malformed: u64 = Malformed::ALL.into_iter().map(|reason| counters.malformed(reason)).sum();
        let refused: u64 = Fate::ALL
            .into_iter()
            .filter(|fate| *fate != Fate::Accepted)
            .map(|fate| counters.fate(fate))
            .sum();
        assert!(malformed > 0 && refused > 0, "malformed {malformed}, refused {refused}, sent {sent}");
        for reason in [Malformed::Magic, Malformed::Version, Malformed::Flags, Malformed::Checksum] {
            assert!(counters.malformed(reason) > 0, "no datagram was dropped as {reason}");
        }
        let holdings = far.holdings().unwrap();
        // The honest client and the attacker, whose packets name a few ids and epochs, and nothing that lasts.
        assert!(holdings.machines <= 3, "{holdings:?}");
        let window = u64::from(sendrec_core::limits::WINDOW_DEFAULT) as usize;
        assert!(holdings.clients as u64 <= sent + 1 && holdings.outgoing == 0, "{holdings:?}");
        assert!(holdings.served <= (holdings.clients + 1) * window, "{holdings:?}");
        assert!(holdings.kept_bytes <= far_limit(), "{holdings:?}");
        far.shut_down();
        (back, sent)
    });
    assert!(back == original, "the copy differs");
    assert!(sent > 1_000, "the attack was none: {sent} datagrams");
}

/// What a kernel may keep of replies.
fn far_limit() -> usize {
    sendrec_core::limits::CACHE_BYTES_DEFAULT
}
