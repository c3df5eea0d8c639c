//! Messages longer than a packet, between two kernels in virtual time (slide 38).
mod harness;

use std::num::NonZeroU32;
use std::time::Duration;

use harness::{Chaos, Net, at, done, error, prompt, text, token};
use sendrec_core::rng::Rng;
use sendrec_core::trace::{Fate, What};
use sendrec_core::wire::{Flags, Kind, PacketType, View};
use sendrec_core::{
    Buffering, CallError, Config, ErrorControl, LocalId, Options, Outcome, Overflow, Protocol, Reliability,
    Semantics, SpawnOptions, Transfer,
};

const SECOND: Duration = Duration::from_secs(1);
const MILLISECOND: Duration = Duration::from_millis(1);
/// Packets of 200 bytes: 104 bytes a piece.
const PIECE: usize = 200 - 96;

fn small() -> Config {
    Config { packet_bytes: 200, first_flight_bytes: 400, receive_bytes: 4_000, ..prompt() }
}

fn long(bytes: usize) -> String {
    (0..bytes).map(|place| char::from(b'a' + (place * 7 % 26 + place / 26 % 5) as u8 % 26)).collect()
}

fn all_transfers() -> Vec<Transfer> {
    let protocols = [
        Protocol::StopAndWait,
        Protocol::SlidingWindow { packets: 8, ack_every: 1 },
        Protocol::SlidingWindow { packets: 8, ack_every: 4 },
        Protocol::Blast { packets: None },
        Protocol::Blast { packets: NonZeroU32::new(5) },
    ];
    let errors = [ErrorControl::Full, ErrorControl::GoBackN, ErrorControl::Selective];
    let all = protocols.iter().flat_map(|protocol| errors.iter().map(move |errors| (*protocol, *errors)));
    all.map(|(protocol, errors)| Transfer { protocol, errors, ..Transfer::default() }).collect()
}

fn with(transfer: Transfer) -> Config {
    let options = Options { transfer, ..Options::default() };
    Config { options, ..small() }
}

/// A call with a long question and a long answer.
fn converse(net: &mut Net, client: LocalId, server: LocalId, question: &str, answer: &str) -> String {
    let call = net.call(0, client, at(1, server), question);
    let mut asked = String::new();
    for _ in 0..4_000 {
        net.run(20 * MILLISECOND);
        if let Some(request) = net.take(1, server) {
            asked = String::from_utf8(request.message.to_vec()).unwrap();
            net.reply(1, server, request.source, answer);
        }
        if let Some(outcome) = net.claim(0, call) {
            assert_eq!(asked, question);
            return text(Some(outcome));
        }
    }
    panic!("no end; {:?}", &net.log[net.log.len().saturating_sub(60)..]);
}

fn nothing_is_left(net: &mut Net) {
    net.run(SECOND);
    for kernel in &net.kernels {
        let holdings = kernel.holdings();
        assert_eq!(
            (holdings.sending, holdings.receiving, holdings.arriving_bytes, holdings.kept_bytes),
            (0, 0, 0, 0)
        );
        assert_eq!(holdings.outgoing, 0);
    }
}

#[test]
fn a_blast_is_answered_once() {
    let (mut net, client, server) = Net::pair(&small());
    // Two packets are a first flight.
    let question = long(2 * PIECE);
    assert_eq!(converse(&mut net, client, server, &question, "answer"), "answer");
    // And if its reply is quick, by that (slide 19).
    assert_eq!(net.log, ["A REQ", "A REQ", "B REP", "A ACK"]);
    net.log.clear();
    let answer = long(2 * PIECE);
    assert_eq!(converse(&mut net, client, server, "question", &answer), answer);
    assert_eq!(net.log, ["A REQ", "B REP", "B REP", "A ACK"]);
    nothing_is_left(&mut net);
}

#[test]
fn every_protocol_moves_every_length() {
    for transfer in all_transfers() {
        for bytes in [1, 120, 121, 2 * PIECE, 2 * PIECE + 1, 5_000] {
            let (mut net, client, server) = Net::pair(&with(transfer));
            let (question, answer) = (long(bytes), long(bytes + 1));
            assert_eq!(converse(&mut net, client, server, &question, &answer), answer, "{transfer:?}");
            nothing_is_left(&mut net);
        }
    }
}

#[test]
fn every_protocol_moves_every_length_whatever_the_network_does() {
    for (seed, transfer) in all_transfers().into_iter().cycle().take(90).enumerate() {
        let mut rng = Rng::new(seed as u64);
        let reliability = Reliability::ALL[1 + rng.below(2) as usize];
        let semantics = if rng.chance(0.3) { Semantics::AtLeastOnce } else { Semantics::AtMostOnce };
        let options = Options { transfer, ..Options::new(reliability, semantics) };
        let (mut net, client, server) = Net::pair(&Config { options, retries: 40, ..with(transfer) });
        let loss = [0.01, 0.05, 0.2][seed % 3];
        net.chaos = Some(Chaos { rng, loss, duplicate: 0.05, delay: 3 * MILLISECOND });
        let (question, answer) = (long(2_000 + seed), long(3_000 + seed));
        assert_eq!(converse(&mut net, client, server, &question, &answer), answer, "{transfer:?} {seed}");
        net.chaos = None;
        net.run(20 * SECOND);
        while let Some(again) = net.take(1, server) {
            assert_eq!(semantics, Semantics::AtLeastOnce, "it ran twice");
            net.reply(1, server, again.source, "again");
            net.run(20 * SECOND);
        }
        net.exit(0, client);
        nothing_is_left(&mut net);
    }
}

#[test]
fn stop_and_wait_acknowledges_each() {
    let transfer = Transfer { protocol: Protocol::StopAndWait, ..Transfer::default() };
    let (mut net, client, server) = Net::pair(&with(transfer));
    net.call(0, client, at(1, server), &long(3 * PIECE));
    net.settle();
    net.serve(1, server, "answer");
    net.settle();
    assert_eq!(net.log, ["A REQ", "B ACK", "A REQ", "B ACK", "A REQ", "B REP", "A ACK"]);
}

#[test]
fn a_gap_is_reported_when_it_is_seen_and_not_when_time_is_up() {
    let (mut net, client, server) = Net::pair(&small());
    converse(&mut net, client, server, &long(3 * PIECE), "so that the round trip is known");
    net.log.clear();
    net.call(0, client, at(1, server), &long(16 * PIECE));
    // The first two of sixteen are on their way, and are answered.
    net.run(2 * MILLISECOND + MILLISECOND / 2);
    let before = net.now;
    net.drop_next(0, PacketType::Req);
    net.settle();
    let request = net.take(1, server).expect("it is here");
    assert_eq!(request.message, long(16 * PIECE));
    assert!(net.now.since(before) <= Duration::from_millis(10), "{:?}", net.now.since(before));
    assert!(!net.log.contains(&"A REQ lost".into()) || net.fates(1, Fate::Fragment) > 0);
}

#[test]
fn the_last_packet_s_loss_costs_one_more_packet() {
    let (mut net, client, server) = Net::pair(&small());
    converse(&mut net, client, server, &long(3 * PIECE), "so that the round trip is known");
    net.log.clear();
    net.call(0, client, at(1, server), &long(2 * PIECE));
    // The last of two is the next but one; the first is gone already.
    let log = net.log.clone();
    assert_eq!(log, ["A REQ", "A REQ"]);
    net.run(SECOND);
    net.serve(1, server, "answer");
    net.settle();
    net.log.clear();
    net.drop_next(0, PacketType::Req);
    let call = net.call(0, client, at(1, server), &long(2 * PIECE));
    net.run(SECOND / 10);
    // What is asked with is the one that is missing.
    assert_eq!(net.log[..4], ["A REQ lost", "A REQ", "B ACK", "A REQ"]);
    net.serve(1, server, "answer");
    net.settle();
    assert_eq!(text(net.claim(0, call)), "answer");
}

#[test]
fn a_mailbox_without_room_is_waited_for_with_one_flight() {
    let buffering = Buffering::Mailbox { messages: 1, bytes: 10_000, overflow: Overflow::TryAgain };
    let (mut net, client, server) = Net::pair(&Config { buffering, ..small() });
    let first = net.call(0, client, at(1, server), "first");
    net.settle();
    net.log.clear();
    let second = net.call(0, client, at(1, server), &long(5_000));
    net.settle();
    assert_eq!(net.log.iter().filter(|line| *line == "A REQ").count(), 2, "{:?}", net.log);
    assert!(net.log.contains(&"B TA".into()));
    assert_eq!(net.serve(1, server, "one"), "first");
    net.run(SECOND);
    assert_eq!(net.serve(1, server, "two"), long(5_000));
    net.settle();
    assert_eq!((text(net.claim(0, first)), text(net.claim(0, second))), ("one".into(), "two".into()));
    nothing_is_left(&mut net);
}

#[test]
fn room_is_kept_for_what_arrives() {
    let buffering = Buffering::Mailbox { messages: 1, bytes: 10_000, overflow: Overflow::TryAgain };
    let (mut net, client, server) = Net::pair(&Config { buffering, ..small() });
    let other = net.spawn(0);
    let first = net.call(0, client, at(1, server), &long(3_000));
    net.run(3 * MILLISECOND / 2);
    let second = net.call(0, other, at(1, server), "second");
    net.run(3 * MILLISECOND);
    assert!(net.log.contains(&"B TA".into()), "{:?}", net.log);
    net.run(SECOND / 5);
    assert_eq!(net.serve(1, server, "one"), long(3_000));
    net.run(SECOND);
    assert_eq!(net.serve(1, server, "two"), "second");
    net.settle();
    assert_eq!((text(net.claim(0, first)), text(net.claim(0, second))), ("one".into(), "two".into()));
}

#[test]
fn memory_for_messages_on_their_way_is_bounded() {
    let (mut net, client, server) = Net::pair(&Config { arriving_bytes: 5_000, ..small() });
    let other = net.spawn(0);
    net.call(0, client, at(1, server), &long(4_000));
    net.call(0, other, at(1, server), &long(4_001));
    net.run(3 * MILLISECOND / 2);
    assert!(net.log.contains(&"B TA".into()), "{:?}", net.log);
    net.run(SECOND);
    let mut lengths = vec![net.serve(1, server, "one").len(), net.serve(1, server, "two").len()];
    lengths.sort_unstable();
    assert_eq!(lengths, [4_000, 4_001]);
    nothing_is_left(&mut net);
}

#[test]
fn a_client_without_memory_gets_its_reply_when_it_has_some() {
    let (mut net, client, server) = Net::pair(&Config { arriving_bytes: 5_000, ..small() });
    let other = net.spawn(0);
    let (first, second) =
        (net.call(0, client, at(1, server), "first"), net.call(0, other, at(1, server), "second"));
    net.settle();
    net.hold_next(1, PacketType::Rep);
    net.serve(1, server, &long(4_000));
    net.serve(1, server, &long(4_001));
    net.run(SECOND / 10);
    net.release();
    net.run(2 * SECOND);
    assert_eq!(text(net.claim(0, first)), long(4_000));
    assert_eq!(text(net.claim(0, second)), long(4_001));
    nothing_is_left(&mut net);
}

#[test]
fn a_process_that_ends_while_its_message_arrives_has_not_run_it() {
    let (mut net, client, server) = Net::pair(&small());
    let call = net.call(0, client, at(1, server), &long(3_000));
    net.run(3 * MILLISECOND / 2);
    net.exit(1, server);
    net.settle();
    assert_eq!(error(net.claim(0, call)), CallError::CrashedNotExecuted);
    nothing_is_left(&mut net);
}

#[test]
fn a_client_that_gives_up_leaves_no_room_taken() {
    let (mut net, client, server) = Net::pair(&small());
    let call = net.call(0, client, at(1, server), &long(3_000));
    net.run(3 * MILLISECOND / 2);
    net.cancel(0, call);
    assert_eq!(net.kernels[1].holdings().receiving, 1);
    // The next packet says that it is not awaited any more.
    net.call(0, client, at(1, server), "next");
    net.settle();
    assert_eq!(net.kernels[1].holdings().receiving, 0);
    assert_eq!(net.serve(1, server, "answer"), "next");
}

#[test]
fn what_is_sent_no_further_is_given_up() {
    let (mut net, client, server) = Net::pair(&small());
    net.call(0, client, at(1, server), &long(3_000));
    net.run(3 * MILLISECOND / 2);
    net.reboot(0, 200);
    net.run(70 * SECOND);
    let holdings = net.kernels[1].holdings();
    assert_eq!((holdings.receiving, holdings.arriving_bytes), (0, 0));
    assert!(net.take(1, server).is_none());
}

#[test]
fn a_server_that_reboots_meanwhile_is_told_from_one_that_did_not() {
    let (mut net, client, server) = Net::pair(&small());
    let call = net.call(0, client, at(1, server), &long(3_000));
    net.run(5 * MILLISECOND / 2);
    net.reboot(1, 200);
    net.spawn_as(1, server.0);
    net.run(20 * SECOND);
    assert_eq!(error(net.claim(0, call)), CallError::CrashedUnknown);
    assert_eq!(net.runs(1), 0);
}

#[test]
fn what_may_run_again_is_sent_again_whole_after_a_reboot() {
    let options = Options::new(Reliability::ReplyAcks, Semantics::AtLeastOnce);
    let (mut net, client, server) = Net::pair(&Config { options, ..small() });
    let call = net.call(0, client, at(1, server), &long(3_000));
    net.run(5 * MILLISECOND / 2);
    net.reboot(1, 200);
    net.spawn_as(1, server.0);
    net.run(SECOND);
    assert_eq!(net.serve(1, server, &long(4_000)), long(3_000));
    net.run(SECOND);
    assert_eq!(text(net.claim(0, call)), long(4_000));
}

#[test]
fn a_message_without_reply_comes_whole_and_once() {
    for (reliability, semantics) in Reliability::ALL.iter().flat_map(|reliability| {
        [Semantics::AtMostOnce, Semantics::AtLeastOnce].map(|semantics| (*reliability, semantics))
    }) {
        let options = Options::new(reliability, semantics);
        let (mut net, client, server) = Net::pair(&small());
        let sent = token(net.send_one_way(0, client, at(1, server), &long(3_000), options));
        net.settle();
        net.run(SECOND);
        assert!(matches!(net.claim(0, sent), Some(Outcome::Sent(message)) if message == long(3_000)));
        assert_eq!(net.take(1, server).unwrap().message, long(3_000));
        assert_eq!(net.take(1, server), None);
        nothing_is_left(&mut net);
    }
}

#[test]
fn an_unreliable_request_comes_whole_all_the_same() {
    let options = Options::new(Reliability::Unreliable, Semantics::AtMostOnce);
    let (mut net, client, server) = Net::pair(&Config { options, ..small() });
    for seed in 0..20 {
        net.chaos = Some(Chaos { rng: Rng::new(seed), loss: 0.05, duplicate: 0.0, delay: MILLISECOND });
        assert_eq!(converse(&mut net, client, server, &long(3_000), &long(2_000)), long(2_000));
    }
    net.chaos = None;
    net.run(20 * SECOND);
    nothing_is_left(&mut net);
}

#[test]
fn who_waits_for_nothing_loses_it() {
    for buffering in
        [Buffering::Discard, Buffering::Keep { messages: 1, bytes: 10_000, time: 5 * MILLISECOND }]
    {
        let (mut net, client, _) = Net::pair(&small());
        let options = SpawnOptions {
            local_id: Some(LocalId(2)),
            buffering: Some(buffering),
            ..SpawnOptions::default()
        };
        let server = net.spawn_with(1, options);
        let call = net.call(0, client, at(1, server), &long(1_000));
        net.run(60 * SECOND);
        assert_eq!(error(net.claim(0, call)), CallError::NoAnswer, "{buffering:?}");
        net.run(70 * SECOND);
        nothing_is_left(&mut net);

        let waits = token(net.receive(1, server, sendrec_core::From::Any));
        net.call(0, client, at(1, server), &long(1_000));
        net.run(SECOND);
        assert_eq!(text(net.claim(1, waits)), long(1_000), "{buffering:?}");
    }
}

#[test]
fn a_wrong_checksum_brings_the_message_again() {
    let transfer = Transfer { checksum: true, ..Transfer::default() };
    let (mut net, client, server) = Net::pair(&with(transfer));
    net.damage_next(0, PacketType::Req);
    let call = net.call(0, client, at(1, server), &long(1_000));
    net.run(SECOND);
    assert_eq!(net.kernels[1].holdings().spoilt_messages, 1);
    assert_eq!(net.serve(1, server, "answer"), long(1_000));
    net.settle();
    assert_eq!(text(net.claim(0, call)), "answer");
}

#[test]
fn a_reply_that_was_lost_whole_comes_again_from_the_cache() {
    let (mut net, client, server) = Net::pair(&small());
    let call = net.call(0, client, at(1, server), "question");
    net.settle();
    net.cut(true);
    net.serve(1, server, &long(3_000));
    // Longer than the server goes on by itself.
    net.run(40 * SECOND);
    assert_eq!(net.kernels[1].holdings().sending, 0);
    net.cut(false);
    net.run(5 * SECOND);
    assert!(matches!(net.claim(0, call), Some(Outcome::Unsent(_))), "its client has given up");
    let call = net.call(0, client, at(1, server), "question");
    net.settle();
    net.serve(1, server, &long(2_000));
    net.run(SECOND);
    assert_eq!(text(net.claim(0, call)), long(2_000));
    nothing_is_left(&mut net);
}

#[test]
fn a_short_call_passes_a_long_message() {
    let (mut net, client, server) = Net::pair(&Config { receive_bytes: 2_000, ..small() });
    let other = net.spawn(0);
    let long_one = net.call(0, client, at(1, server), &long(100_000));
    net.run(20 * MILLISECOND);
    let short = net.call(0, other, at(1, server), "short");
    net.run(2 * MILLISECOND);
    assert_eq!(net.serve(1, server, "answer"), "short");
    net.run(2 * MILLISECOND);
    assert_eq!(text(net.claim(0, short)), "answer");
    assert!(net.claim(0, long_one).is_none());
    net.run(10 * SECOND);
    assert_eq!(net.serve(1, server, "done"), long(100_000));
}

#[test]
fn what_is_under_way_is_what_was_granted() {
    let (mut net, client, server) = Net::pair(&Config { receive_bytes: 2_000, ..small() });
    net.call(0, client, at(1, server), &long(50_000));
    net.run(10 * SECOND);
    let mut under_way = 0i64;
    let mut most = 0;
    for (kernel, event) in &net.events {
        match &event.what {
            What::Sent { packet, .. } if *kernel == 0 && packet.kind == PacketType::Req => under_way += 1,
            What::Received { packet, .. } if *kernel == 1 && packet.kind == PacketType::Req => under_way -= 1,
            _ => {}
        }
        most = most.max(under_way);
    }
    assert_eq!(most, 10, "2,000 bytes are 10 packets of 200");
    assert_eq!(net.serve(1, server, "done").len(), 50_000);
}

#[test]
fn two_transfers_share_what_is_granted_and_take_turns() {
    let (mut net, client, server) = Net::pair(&Config { receive_bytes: 4_000, ..small() });
    let other = net.spawn(0);
    let calls =
        [net.call(0, client, at(1, server), &long(60_000)), net.call(0, other, at(1, server), &long(20_000))];
    net.run(100 * MILLISECOND);
    assert_eq!(net.serve(1, server, "done").len(), 20_000, "the shorter is through first");
    net.run(SECOND);
    assert_eq!(net.serve(1, server, "done").len(), 60_000);
    net.settle();
    for call in calls {
        assert_eq!(text(net.claim(0, call)), "done");
    }
}

#[test]
fn packets_have_the_gap_between_them_that_is_asked_for() {
    let transfer = Transfer { gap: 3 * MILLISECOND, ..Transfer::default() };
    let (mut net, client, server) = Net::pair(&with(transfer));
    net.call(0, client, at(1, server), &long(2_000));
    net.run(SECOND);
    let sent: Vec<_> = net
        .events
        .iter()
        .filter(|(kernel, event)| {
            *kernel == 0 && matches!(&event.what, What::Sent { packet, .. } if packet.kind == PacketType::Req)
        })
        .map(|(_, event)| event.at)
        .collect();
    assert!(sent.len() >= 20);
    for pair in sent.windows(2) {
        assert!(pair[1].since(pair[0]) >= 3 * MILLISECOND, "{:?}", pair[1].since(pair[0]));
    }
    assert_eq!(net.serve(1, server, "done").len(), 2_000);
}

#[test]
fn packets_are_as_long_as_asked() {
    let transfer = Transfer { packet_bytes: Some(1_000), ..Transfer::default() };
    let (mut net, client, server) = Net::pair(&with(transfer));
    net.call(0, client, at(1, server), &long(5_000));
    net.run(SECOND);
    let lengths: Vec<_> =
        net.seen.iter().filter(|(.., kind, _)| *kind == PacketType::Req).map(|seen| seen.3.len()).collect();
    assert_eq!(lengths.iter().max(), Some(&1_000));
    assert_eq!(net.serve(1, server, "done").len(), 5_000);
}

#[test]
fn a_forwarded_long_message_and_its_long_answer_pass_through() {
    let config = Config { first_incarnation: true, ..small() };
    let mut net = Net::new(3, &config);
    let client = net.spawn(0);
    let (relay, worker) = (net.spawn_as(1, 1), net.spawn_as(2, 1));
    let call = net.call(0, client, at(1, relay), &long(3_000));
    net.run(SECOND);
    let request = net.take(1, relay).unwrap();
    assert!(matches!(done(net.forward(1, relay, &request, at(2, worker))), Some(Outcome::Replied(_))));
    net.run(SECOND);
    assert_eq!(net.serve(2, worker, &long(4_000)), long(3_000));
    net.run(SECOND);
    assert_eq!(text(net.claim(0, call)), long(4_000));
    nothing_is_left(&mut net);
}

#[test]
fn reports_and_pieces_that_contradict_themselves_do_nothing() {
    let (mut net, client, server) = Net::pair(&small());
    net.call(0, client, at(1, server), &long(3_000));
    net.run(3 * MILLISECOND / 2);
    let kinds = [PacketType::Req, PacketType::Ack];
    for round in 0..2_000u64 {
        let mut rng = Rng::new(round);
        let kind = kinds[rng.below(2) as usize];
        let Some((from, to, _, bytes)) = net.seen.iter().rev().find(|seen| seen.2 == kind).cloned() else {
            continue;
        };
        let packet = harness::mutate(&bytes, |packet| {
            if let Kind::Report(report) = &mut packet.header.kind {
                report.base = rng.below(40) as u32;
                report.from = rng.below(40) as u32;
                report.to = rng.below(40) as u32;
                report.window = rng.below(100) as u32;
                report.newest.0 = rng.below(100);
            }
            if let Some(part) = &mut packet.header.fragment.part {
                part.transfer = 1 + rng.below(3) as u32;
            }
        });
        let mut bytes = vec![0; packet.wire_bytes()];
        packet.write(&mut bytes).unwrap();
        assert!(View::new(&bytes).is_ok());
        net.inject(usize::from(to == harness::machine(1)), from, &bytes);
        net.run(MILLISECOND / 10);
    }
    assert!(net.last_of(PacketType::Req).2.len() <= 200);
    assert!(Flags::FRAGMENT.bits() != 0);
}

#[test]
fn a_reply_that_falls_silent_is_asked_after_where_it_comes_from() {
    // At first contact the request has named no incarnation.
    let (mut net, client, server) = Net::pair(&small());
    let call = net.call(0, client, at(1, server), "question");
    net.run(3 * MILLISECOND / 2);
    net.serve(1, server, &long(3_000));
    net.run(3 * MILLISECOND / 2);
    net.cut(true);
    net.run(SECOND * 6 / 5);
    net.cut(false);
    net.run(SECOND);
    assert_eq!(text(net.claim(0, call)), long(3_000));
}

#[test]
fn a_long_reply_on_its_way_leaves_the_cache_to_others() {
    let (mut net, client, server) = Net::pair(&Config { cache_bytes: 1_000, ..small() });
    let other = net.spawn(0);
    let long_one = net.call(0, client, at(1, server), "long");
    let short = net.call(0, other, at(1, server), "short");
    net.settle();
    net.drop_next(1, PacketType::Rep);
    net.serve(1, server, &long(20_000));
    net.drop_next(1, PacketType::Rep);
    net.serve(1, server, "answer");
    // The short one's reply was lost; it is in the cache.
    net.run(10 * SECOND);
    assert_eq!(text(net.claim(0, short)), "answer");
    assert_eq!(text(net.claim(0, long_one)), long(20_000));
    nothing_is_left(&mut net);
}

/// The last piece that this machine sent, changed.
fn forged(net: &Net, kind: PacketType, change: impl FnOnce(&mut sendrec_core::wire::Packet)) -> Vec<u8> {
    let packet = harness::mutate(&net.last_of(kind).2, change);
    let mut bytes = vec![0; packet.wire_bytes()];
    packet.write(&mut bytes).unwrap();
    bytes
}

#[test]
fn a_message_begun_anew_is_as_long_as_it_was() {
    let (mut net, client, server) = Net::pair(&small());
    net.call(0, client, at(1, server), &long(500));
    net.run(3 * MILLISECOND / 2);
    let before = net.kernels[1].holdings().arriving_bytes;
    assert_eq!(before, 500);
    let longer = forged(&net, PacketType::Req, |packet| {
        packet.header.fragment.length = 1 << 30;
        packet.header.fragment.part.as_mut().unwrap().transfer += 1;
    });
    net.inject(1, harness::machine(0), &longer);
    assert_eq!(net.kernels[1].holdings().arriving_bytes, before);
    net.run(SECOND);
    assert_eq!(net.serve(1, server, "answer"), long(500));
}

#[test]
fn one_piece_again_and_again_keeps_no_room() {
    let (mut net, client, server) = Net::pair(&small());
    net.call(0, client, at(1, server), &long(3_000));
    net.run(3 * MILLISECOND / 2);
    let piece = net.last_of(PacketType::Req).2;
    net.cut(true);
    for _ in 0..4 {
        net.run(20 * SECOND);
        net.inject(1, harness::machine(0), &piece);
    }
    net.run(SECOND);
    // It may begin anew, but what it has held is given up.
    assert!(net.events.iter().any(|(kernel, event)| *kernel == 1
        && matches!(event.what, What::Timer { timer: sendrec_core::trace::Timer::Arrival })));
}

#[test]
fn a_receiver_that_answers_and_takes_nothing_is_given_up() {
    let (mut net, client, server) = Net::pair(&small());
    net.call(0, client, at(1, server), "question");
    net.settle();
    net.serve(1, server, &long(3_000));
    net.run(3 * MILLISECOND / 2);
    net.cut(true);
    let report = net.last_of(PacketType::Rep);
    // A client that has nothing and says so whenever it is asked.
    let mut number = 1_000;
    for _ in 0..3_000 {
        net.run(20 * MILLISECOND);
        let rep = View::new(&net.last_of(PacketType::Rep).2).map(|view| *view.header()).unwrap();
        let ack = harness::mutate(&report.2, |packet| {
            number += 1;
            let header = &mut packet.header;
            (header.source, header.destination) = (rep.destination, rep.source);
            (header.source_epoch, header.destination_epoch) = (rep.destination_epoch, rep.source_epoch);
            header.number.0 = number;
            header.floor = header.sequence;
            let transfer = header.fragment.part.unwrap().transfer;
            header.fragment = sendrec_core::wire::Fragment::whole(1);
            header.flags = Flags::REPORT;
            let newest = rep.number;
            header.kind = Kind::Report(sendrec_core::wire::Report {
                newest,
                transfer,
                window: 1,
                ..Default::default()
            });
            packet.payload = vec![0].into();
        });
        net.inject_packet(1, harness::machine(0), &ack);
    }
    assert_eq!(net.kernels[1].holdings().sending, 0, "a minute without a piece taken");
}

#[test]
fn a_client_without_memory_waits_for_a_reply_that_is_there() {
    // One message is on its way and stays on its way: there is room for no other, for longer than anything is retried.
    let (mut net, client, server) = Net::pair(&Config { arriving_bytes: 5_000, retries: 3, ..small() });
    let (other, third) = (net.spawn(0), net.spawn_as(1, 2));
    let slow = net.call(0, other, at(1, third), "slow");
    let call = net.call(0, client, at(1, server), "question");
    net.settle();
    net.serve(1, third, &long(4_000));
    net.run(3 * MILLISECOND / 2);
    let first = net.take(1, server).unwrap();
    // From here on nothing of the slow one's comes: its server is gone.
    net.exit(1, third);
    net.reply(1, server, first.source, &long(4_001));
    net.run(5 * SECOND);
    net.cancel(0, slow);
    net.run(10 * SECOND);
    assert_eq!(text(net.claim(0, call)), long(4_001));
}

#[test]
fn a_reply_longer_than_may_be_is_said_to_be_thrown_away() {
    let config = Config { first_incarnation: true, ..small() };
    let mut net = Net::with(&[Config { message_bytes: 2_000, ..config.clone() }, config]);
    let (client, server) = (net.spawn(0), net.spawn_as(1, 1));
    let call = net.call(0, client, at(1, server), "question");
    net.settle();
    net.serve(1, server, &long(3_000));
    net.run(SECOND);
    assert_eq!(error(net.claim(0, call)), CallError::ReplyDiscarded);
    nothing_is_left(&mut net);
}

#[test]
fn a_gap_longer_than_the_time_out_brings_no_second_copies() {
    let transfer = Transfer { gap: 5 * MILLISECOND, ..Transfer::default() };
    let (mut net, client, server) = Net::pair(&Config { receive_bytes: 2_000, ..with(transfer) });
    net.call(0, client, at(1, server), &long(20_000));
    net.run(5 * SECOND);
    let pieces = net.log.iter().filter(|line| *line == "A REQ").count();
    // One or two more while nothing is known of the round trip, or for a late answer.
    assert!(pieces <= 20_000usize.div_ceil(PIECE) + 3, "{pieces}");
    assert_eq!(net.serve(1, server, "done").len(), 20_000);
}

#[test]
fn a_long_message_without_reply_comes_once_though_its_acknowledgement_is_lost() {
    for (reliability, semantics) in
        [(Reliability::Unreliable, Semantics::AtMostOnce), (Reliability::ReplyAcks, Semantics::AtLeastOnce)]
    {
        let (mut net, client, server) = Net::pair(&small());
        net.drop_next(1, PacketType::Ack);
        let options = Options::new(reliability, semantics);
        let sent = token(net.send_one_way(0, client, at(1, server), &long(2 * PIECE), options));
        net.run(2 * SECOND);
        assert!(matches!(net.claim(0, sent), Some(Outcome::Sent(_))));
        assert_eq!(net.take(1, server).unwrap().message, long(2 * PIECE));
        assert_eq!(net.take(1, server), None, "{reliability:?}");
    }
}

#[test]
fn pieces_so_small_that_a_message_has_millions_are_refused() {
    let buffering = Buffering::Mailbox { messages: 9, bytes: 3 << 30, overflow: Overflow::TryAgain };
    let (mut net, client, server) = Net::pair(&Config { buffering, ..small() });
    net.call(0, client, at(1, server), &long(3_000));
    net.run(3 * MILLISECOND / 2);
    let many = forged(&net, PacketType::Req, |packet| {
        packet.header.sequence.0 += 1;
        packet.header.fragment.length = 1 << 30;
        packet.header.fragment.offset = 0;
    });
    net.inject(1, harness::machine(0), &many);
    assert_eq!(net.kernels[1].holdings().receiving, 1, "{PIECE} bytes a piece would be ten million");
}
