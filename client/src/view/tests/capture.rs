//! The capture, as Wireshark's own reader sees it with the dissector.
use std::fs;
use std::net::Ipv6Addr;
use std::process::Command;

use sendrec_core::Machine;

use super::scenes;
use crate::trace::Progress;
use crate::view::datagram::{checksum, datagram};
use crate::view::{DISSECTOR, Page, View, render};

/// What tshark prints of a capture, in full; `None`, with a word why, where there is no tshark.
fn tshark(capture: &[u8], options: &[&str]) -> Option<String> {
    if let Err(error) = Command::new("tshark").arg("--version").output() {
        eprintln!("skipped: tshark cannot be run: {error}");
        return None;
    }
    let directory = tempfile::tempdir().unwrap();
    let (file, script) = (directory.path().join("trace.pcapng"), directory.path().join("sendrec.lua"));
    fs::write(&file, capture).unwrap();
    fs::write(&script, DISSECTOR).unwrap();
    let output = Command::new("tshark")
        .arg("-X")
        .arg(format!("lua_script:{}", script.display()))
        .args(["-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE", "-r"])
        .arg(&file)
        .args(options)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && !errors.contains("Lua"), "{errors}");
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn tshark_names_all_types_and_fields() {
    let capture = render(&scenes::every_type(), View::Pcapng, &Page::default());
    let Some(said) = tshark(&capture, &["-V"]) else { return };
    let types = ["REQ", "REP", "ACK", "AYA", "IAA", "TA", "AU", "LOCATE", "HERE"];
    for (place, name) in types.iter().enumerate() {
        let line = format!("= Type: {name} ({})", place + 1);
        assert_eq!(said.matches(&line).count(), 1, "{line}\n{said}");
    }
    let fields = [
        "Source epoch: 1",
        "Destination epoch: 7",
        "Packet number: 9",
        "Source local id: 1",
        "Sequence: 1",
        "Floor: 0",
        "Elapsed (us): 66",
        "Message length: 8",
        "Payload: 0000000000000000",
        "Nonce: 0x000000000000abcd",
        "Status: queued (1)",
        "Uptime (us): 77",
        "Refused packet number: 3",
        "Wait (us): 5000",
        "Reason: window full (2)",
        "Reason: process ended while running it (3)",
        "Known epoch: 9",
        "Sparse id: 0x9f3c2a0b1d4e5f60",
        "Reply acknowledges: True",
        "Sent again: False",
    ];
    for field in fields {
        assert!(said.contains(field), "no {field} in\n{said}");
    }
    assert!(!said.contains("[incorrect") && !said.contains("Malformed"), "{said}");
    assert_eq!(said.matches("[Checksum Status: Good]").count(), types.len(), "{said}");
}

#[test]
fn tshark_shows_what_became_of_packets() {
    let capture = render(&scenes::lost_reply("client", "drop=REP#1"), View::Pcapng, &Page::default());
    let Some(said) = tshark(&capture, &["-T", "fields", "-e", "frame.time_epoch", "-e", "frame.comment"])
    else {
        return;
    };
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(lines.len(), 4, "{said}");
    assert!(lines[1].starts_with("1700000000.002000000"), "{said}");
    assert!(lines[1].contains("lost: dropped by drop=REP#1"), "{said}");
    assert!(
        lines[2].contains("duplicated by duplicate=REQ#2") && lines[2].contains("a copy arrived"),
        "{said}"
    );
}

#[test]
fn tshark_reads_pieces_and_reports() {
    let run = |name: &str| {
        let scenario = crate::lab::find(name).unwrap();
        render(&crate::lab::run(scenario, &Default::default()).joined, View::Pcapng, &Page::default())
    };
    let capture = run("burst-selective");
    let Some(said) = tshark(&capture, &["-V"]) else { return };
    let fields = [
        "Transfer: 1",
        "Bytes of a piece: 1024",
        "Piece, from 1: 5",
        "Pieces of the message: 32",
        "A gap is reported after so many later pieces: 3",
        "Part of a longer message: True",
        "Report, or one is wanted: True",
        "All pieces before this one are there, from 0: 4",
        "Pieces that may be under way: 87",
        ": 5-8",
    ];
    for field in fields {
        assert!(said.contains(field), "no {field} in\n{said}");
    }
    assert!(!said.contains("Malformed") && !said.contains("Wrong length"), "{said}");
    let Some(said) = tshark(&run("blast-selective"), &["-T", "fields", "-e", "_ws.col.Info"]) else { return };
    for words in
        ["seq 1 piece 8/8 1024B (asks)", "piece 3/8 1024B (asks) (again)", "has first 2, missing 3, room 87"]
    {
        assert!(said.contains(words), "no {words} in\n{said}");
    }
}

/// Ranges take eight bytes each, a bitmap one for eight pieces. Its last run may end where the list does.
#[test]
fn tshark_reads_both_codings_of_a_list() {
    const FROM: u32 = 4;
    let scenario = crate::lab::find("burst-selective").unwrap();
    let mut joined = crate::lab::run(scenario, &Default::default()).joined;
    let report = joined.packets.iter().find(|packet| packet.note.report.is_some()).unwrap().clone();
    let mut expected = Vec::new();
    for (missing, to, words) in [
        (vec![], 30, "none"),
        (vec![4..5, 6..8], 8, "5,7-8"),
        (vec![4..8, 10..11], 11, "5-8,11"),
        (vec![4..8, 10..11], 12, "5-8,11"),
        (vec![5..6, 11..13, 19..21], 21, "6,12-13,20-21"),
        (vec![5..6, 11..13, 19..20], 28, "6,12-13,20"),
    ] {
        for bytes in [missing.len() * 8, (to - FROM).div_ceil(8) as usize] {
            let mut packet = report.clone();
            packet.note.report.as_mut().unwrap().from = FROM;
            packet.note.report.as_mut().unwrap().to = to;
            packet.note.bytes = 1 + bytes;
            packet.progress = Some(Progress { pieces: Some(32), missing: Some(missing.clone()) });
            joined.packets.push(packet);
            expected.push(words);
        }
    }
    let Some(said) = tshark(&render(&joined, View::Pcapng, &Page::default()), &["-V"]) else { return };
    let lists = said.lines().filter_map(|line| line.trim().strip_prefix("Missing pieces: "));
    let named: Vec<_> = lists.map(|line| line.split_once(": ").map_or(line, |(_, named)| named)).collect();
    assert_eq!(named[named.len() - expected.len()..], expected, "{said}");
}

#[test]
fn datagrams_between_ipv6_machines_are_ipv6() {
    let machine = |text: &str| text.parse::<Machine>().unwrap();
    let (from, to) = (machine("[2001:db8::1]:7000"), machine("[2001:db8::2]:7001"));
    for payload in [&b"even"[..], b"odd"] {
        let sent = datagram(from, to, payload);
        assert_eq!((sent[0] >> 4, sent[6]), (6, 17));
        assert_eq!(sent[40..44], [27, 88, 27, 89]);
        // The sum over the pseudo-header and all of UDP comes to nothing.
        let length = u16::from_be_bytes([sent[4], sent[5]]).to_be_bytes();
        assert_eq!(checksum(&[&sent[8..40], &length, &[0, 17], &sent[40..]]), 0);
    }
    let asked = datagram(from, Machine::EVERYONE, b"");
    assert_eq!(asked[24..40], Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1).octets());
    // One of each version: the older is written in the newer's way.
    assert_eq!(datagram(machine("10.0.0.1:7000"), to, b"")[18..24], [255, 255, 10, 0, 0, 1]);
}
