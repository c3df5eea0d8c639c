//! Packets lost, doubled and overtaken: what is sent again, what is answered from memory, and what never runs twice.
mod harness;

use std::time::Duration;

use harness::{Net, at, done, error, prompt, reliably, text, token};
use sendrec_core::trace::Fate;
use sendrec_core::wire::{Flags, PacketType, View};
use sendrec_core::{Config, Entry, LocalId, Options, Outcome, Reliability, ReplyError, Semantics, WaitToken};

const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

/// One call that is answered at once, as a conversation's beginning.
fn warm_up(net: &mut Net, client: LocalId, server: LocalId) {
    let call = net.call(0, client, at(1, server), "first");
    net.settle();
    net.serve(1, server, "welcome");
    net.settle();
    assert_eq!(text(net.claim(0, call)), "welcome");
    net.log.clear();
}

#[test]
fn a_lost_request_is_sent_again() {
    let (mut net, client, server) = Net::pair(&prompt());
    net.drop_next(0, PacketType::Req);
    let call = net.call(0, client, at(1, server), "question");
    net.run(125 * MILLISECOND);
    assert_eq!(net.serve(1, server, "answer"), "question");
    net.settle();
    assert_eq!(text(net.claim(0, call)), "answer");
    assert_eq!(net.log, ["A REQ lost", "A REQ", "B REP", "A ACK"]);
}

#[test]
fn a_lost_reply_is_sent_again_from_the_cache() {
    let (mut net, client, server) = Net::pair(&prompt());
    net.drop_next(1, PacketType::Rep);
    let call = net.call(0, client, at(1, server), "question");
    net.settle();
    net.serve(1, server, "answer");
    net.run(SECOND);
    assert_eq!(text(net.claim(0, call)), "answer");
    assert_eq!(net.log, ["A REQ", "B REP lost", "A REQ", "B REP", "A ACK"]);
    assert_eq!((net.runs(1), net.fates(1, Fate::DuplicateAnswered)), (1, 1));
    let (_, _, reply) = net.last_of(PacketType::Rep);
    assert!(View::new(&reply).unwrap().header().flags.has(Flags::CACHED.with(Flags::AGAIN)));
    let copied = |kernel: usize| net.kernels[kernel].counters().copied_out_bytes();
    assert_eq!((copied(0), copied(1)), ("answer".len() as u64, "question".len() as u64), "once each");
}

#[test]
fn a_lost_acknowledgement_of_a_reply_is_made_good_by_the_next_request() {
    let (mut net, client, server) = Net::pair(&prompt());
    net.drop_next(0, PacketType::Ack);
    warm_up(&mut net, client, server);
    net.run(100 * SECOND);
    assert_eq!(net.kernels[1].holdings().kept_bytes, "welcome".len(), "the server waits for no packet");
    net.call(0, client, at(1, server), "question");
    net.settle();
    assert_eq!(net.kernels[1].holdings().kept_bytes, 0, "the floor has passed it");
    assert_eq!(net.log, ["A REQ"]);
}

#[test]
fn a_lost_late_acknowledgement_costs_a_request() {
    let (mut net, client, server) = Net::pair(&prompt());
    net.drop_next(1, PacketType::Ack);
    let call = net.call(0, client, at(1, server), "question");
    net.run(200 * MILLISECOND);
    net.serve(1, server, "answer");
    net.settle();
    assert_eq!(text(net.claim(0, call)), "answer");
    assert_eq!(net.log, ["A REQ", "B ACK lost", "A REQ", "B ACK", "B REP", "A ACK"]);
    assert_eq!(net.runs(1), 1);
}

#[test]
fn where_every_message_is_acknowledged_a_lost_one_is_asked_for() {
    let config = Config { options: reliably(Reliability::AckEach), ..prompt() };
    let (mut net, client, server) = Net::pair(&config);
    net.drop_next(1, PacketType::Ack);
    net.drop_next(0, PacketType::Ack);
    let call = net.call(0, client, at(1, server), "question");
    net.run(150 * MILLISECOND);
    let request = net.take(1, server).unwrap();
    let replied = token(net.reply(1, server, request.source, "answer"));
    net.settle();
    assert_eq!(text(net.claim(0, call)), "answer");
    assert_eq!(net.claim(1, replied), None, "the reply is over when its ACK is here");
    net.run(SECOND);
    assert!(matches!(net.claim(1, replied), Some(Outcome::Replied(message)) if &message[..] == b"answer"));
    let packets = ["A REQ", "B ACK lost", "A REQ", "B ACK", "B REP", "A ACK lost", "B REP", "A ACK"];
    assert_eq!(net.log, packets);
}

#[test]
fn a_reply_that_is_never_acknowledged_ends_its_wait() {
    let config = Config { options: reliably(Reliability::AckEach), retries: 3, ..prompt() };
    let (mut net, client, server) = Net::pair(&config);
    net.call(0, client, at(1, server), "question");
    net.settle();
    let request = net.take(1, server).unwrap();
    net.cut(true);
    net.log.clear();
    let replied = token(net.reply(1, server, request.source, "answer"));
    net.run(20 * SECOND);
    assert_eq!(net.log.iter().filter(|line| *line == "B REP lost").count(), 4);
    let outcome = net.claim(1, replied);
    assert!(matches!(outcome, Some(Outcome::NotReplied { error: ReplyError::NoAnswer, .. })));
}

#[test]
fn unreliable_means_that_nothing_is_sent_again() {
    let options = reliably(Reliability::Unreliable);
    let (mut net, client, server) = Net::pair(&Config { options, ..prompt() });
    net.drop_next(1, PacketType::Rep);
    let call = net.call(0, client, at(1, server), "question");
    net.settle();
    net.serve(1, server, "answer");
    net.run(100 * SECOND);
    assert_eq!(net.claim(0, call), None);
    assert_eq!(net.log, ["A REQ", "B REP lost"]);
    assert_eq!(error(net.cancel(0, call)), sendrec_core::CallError::TimedOut);
}

#[test]
fn a_duplicate_is_not_run_again_while_the_first_waits_runs_and_is_answered() {
    let (mut net, client, server) = Net::pair(&prompt());
    let call = net.call(0, client, at(1, server), "question");
    net.settle();
    net.log.clear();
    net.replay(PacketType::Req);
    assert_eq!(net.log, ["B ACK"], "queued");
    let request = net.take(1, server).unwrap();
    net.replay(PacketType::Req);
    assert_eq!(net.log, ["B ACK", "B ACK"], "running");
    net.reply(1, server, request.source, "answer");
    net.replay(PacketType::Req);
    assert_eq!(net.log[2..], ["B REP", "B REP"], "answered");
    net.settle();
    assert_eq!(text(net.claim(0, call)), "answer");
    assert_eq!(net.log[4..], ["A ACK", "A ACK"], "a reply that came again is acknowledged again");
    net.replay(PacketType::Req);
    assert_eq!((net.runs(1), net.take(1, server)), (1, None));
    assert_eq!(net.fates(1, Fate::DuplicateInProgress), 2);
    assert_eq!((net.fates(1, Fate::DuplicateAnswered), net.fates(1, Fate::BelowFloor)), (1, 1));
}

#[test]
fn at_least_once_runs_again() {
    let options = Options::new(Reliability::ReplyAcks, Semantics::AtLeastOnce);
    let (mut net, client, server) = Net::pair(&Config { options, ..prompt() });
    net.drop_next(1, PacketType::Rep);
    let call = net.call(0, client, at(1, server), "question");
    net.settle();
    net.serve(1, server, "one");
    assert_eq!(net.kernels[1].holdings().kept_bytes, 0, "no cache");
    net.run(130 * MILLISECOND);
    net.serve(1, server, "two");
    net.settle();
    assert_eq!(text(net.claim(0, call)), "two");
    assert_eq!(net.runs(1), 2);
}

/// The swarm found it: once a send was over its message was given back, and what was sent again was empty.
#[test]
fn what_a_send_asked_for_at_least_once_runs_again_as_it_was_sent() {
    let options = Options::new(Reliability::ReplyAcks, Semantics::AtLeastOnce);
    let (mut net, client, server) = Net::pair(&prompt());
    let send = token(net.send(0, client, at(1, server), "do it", options));
    net.run(50 * MILLISECOND);
    assert!(matches!(net.claim(0, send), Some(Outcome::Sent(message)) if message == "do it"));
    net.drop_next(1, PacketType::Rep);
    assert_eq!(net.serve(1, server, "lost"), "do it");
    net.run(Duration::from_secs(5));
    assert_eq!(net.serve(1, server, "done"), "do it");
    net.settle();
    assert_eq!(net.take(0, client).unwrap().message, "done");
}

#[test]
fn at_least_once_where_every_message_is_acknowledged_ends_each_run_s_reply() {
    let options = Options::new(Reliability::AckEach, Semantics::AtLeastOnce);
    let (mut net, client, server) = Net::pair(&Config { options, ..prompt() });
    net.call(0, client, at(1, server), "question");
    net.settle();
    let first = net.take(1, server).unwrap();
    net.replay(PacketType::Req);
    let second = net.take(1, server).unwrap();
    for request in [first, second] {
        let entry = net.reply(1, server, request.source, "answer");
        net.run(20 * SECOND);
        let ended = match entry {
            Entry::Wait(token) => net.claim(1, token),
            Entry::Done(outcome) => Some(outcome),
        };
        assert!(matches!(ended, Some(Outcome::Replied(_) | Outcome::NotReplied { .. })), "{ended:?}");
    }
}

/// The swarm found it: a run that was not awaited any more was counted for good, and so was its client.
#[test]
fn a_run_that_nobody_awaits_any_more_does_not_count_when_a_late_copy_runs() {
    let options = Options::new(Reliability::ReplyAcks, Semantics::AtLeastOnce);
    let (mut net, client, server) = Net::pair(&Config { options, ..prompt() });
    let other = net.spawn_as(1, 2);
    // The first keeps the floor down.
    net.call(0, client, at(1, other), "first");
    let call = net.call(0, client, at(1, server), "question");
    net.settle();
    let copy = net.last_of(PacketType::Req).2;
    let one = net.take(1, server).unwrap();
    net.inject(1, harness::machine(0), &copy);
    let two = net.take(1, server).unwrap();
    net.reply(1, server, one.source, "answer");
    net.settle();
    assert_eq!(text(net.claim(0, call)), "answer");
    let outcome = done(net.reply(1, server, two.source, "again"));
    assert!(matches!(outcome, Some(Outcome::NotReplied { error: ReplyError::Abandoned, .. })));
    net.inject(1, harness::machine(0), &copy);
    net.serve(1, server, "late");
    net.exit(1, other);
    assert!(!net.kernels[1].is_engaged());
}

#[test]
fn a_reply_to_a_call_given_up_is_acknowledged_and_dropped() {
    let (mut net, client, server) = Net::pair(&prompt());
    let call = net.call(0, client, at(1, server), "question");
    net.settle();
    let request = net.take(1, server).unwrap();
    assert_eq!(error(net.cancel(0, call)), sendrec_core::CallError::TimedOut);
    net.reply(1, server, request.source, "answer");
    net.settle();
    assert_eq!(net.log, ["A REQ", "B REP", "A ACK"]);
    assert_eq!((net.claim(0, call), net.fates(0, Fate::NotAwaited)), (None, 1));
    assert_eq!(net.kernels[1].holdings().kept_bytes, 0);
}

#[test]
fn a_server_learns_from_the_next_request_that_a_call_was_given_up() {
    let (mut net, client, server) = Net::pair(&prompt());
    let given_up = net.call(0, client, at(1, server), "question");
    net.settle();
    let request = net.take(1, server).unwrap();
    net.cancel(0, given_up);
    net.call(0, client, at(1, server), "another");
    net.settle();
    let outcome = done(net.reply(1, server, request.source, "answer"));
    assert!(matches!(outcome, Some(Outcome::NotReplied { error: ReplyError::Abandoned, .. })));
}

#[test]
fn an_old_duplicate_below_the_floor_is_dropped_unexecuted() {
    let (mut net, client, server) = Net::pair(&prompt());
    warm_up(&mut net, client, server);
    let old = net.last_of(PacketType::Req).2;
    net.call(0, client, at(1, server), "question");
    net.settle();
    net.log.clear();
    net.inject(1, harness::machine(0), &old);
    assert_eq!(net.log, [""; 0]);
    assert_eq!((net.fates(1, Fate::BelowFloor), net.take(1, server).unwrap().message.len()), (1, 8));
    assert_eq!(net.take(1, server), None);
}

#[test]
fn requests_that_overtake_each_other_all_run_once() {
    let (mut net, client, server) = Net::pair(&prompt());
    net.hold_next(0, PacketType::Req);
    let calls = ["one", "two", "three"].map(|text| net.call(0, client, at(1, server), text));
    net.settle();
    net.release();
    net.settle();
    for expected in ["two", "three", "one"] {
        assert_eq!(net.serve(1, server, expected), expected);
    }
    net.settle();
    let answers = calls.map(|call| text(net.claim(0, call)));
    assert_eq!(answers, ["one", "two", "three"]);
    assert_eq!(net.runs(1), 3);
}

/// The floor and the answered bits of the last request sent.
fn floor_and_answered(net: &Net) -> (u64, u64) {
    let bytes = net.last_of(PacketType::Req).2;
    let view = View::new(&bytes).unwrap();
    (view.header().floor.0, view.header().answered)
}

#[test]
fn replies_out_of_order_are_acknowledged_above_the_floor() {
    let (mut net, client, server) = Net::pair(&Config::default());
    let calls = ["slow", "two", "three"].map(|text| net.call(0, client, at(1, server), text));
    net.settle();
    let slow = net.take(1, server).unwrap();
    net.serve(1, server, "2");
    net.serve(1, server, "3");
    net.settle();
    net.call(0, client, at(1, server), "four");
    assert_eq!(floor_and_answered(&net), (1, 0b11));
    net.settle();
    assert_eq!(net.kernels[1].holdings().kept_bytes, 0, "what is answered above the floor is let go");
    net.reply(1, server, slow.source, "1");
    net.settle();
    net.call(0, client, at(1, server), "five");
    assert_eq!(floor_and_answered(&net), (4, 0));
    assert_eq!(calls.map(|call| text(net.claim(0, call))), ["1", "2", "3"]);
}

/// Requests 1 (awaited), 2 and 3 (both under way), 2 given up, and 4, which says so.
fn given_up_under_way() -> (Net, LocalId, [WaitToken; 4]) {
    let (mut net, client, server) = Net::pair(&prompt());
    let first = net.call(0, client, at(1, server), "one");
    net.hold_next(0, PacketType::Req);
    net.hold_next(0, PacketType::Req);
    let [second, third] = ["two", "three"].map(|text| net.call(0, client, at(1, server), text));
    net.cancel(0, second);
    let fourth = net.call(0, client, at(1, server), "four");
    assert_eq!(floor_and_answered(&net), (1, 0b1));
    net.settle();
    (net, server, [first, second, third, fourth])
}

#[test]
fn a_request_given_up_under_way_is_not_run() {
    let (mut net, server, _) = given_up_under_way();
    net.release();
    net.settle();
    let taken: Vec<_> = std::iter::from_fn(|| net.take(1, server)).map(|taken| taken.message).collect();
    assert_eq!(taken, ["one", "four", "three"]);
    assert_eq!(net.fates(1, Fate::BelowFloor), 1);
}

#[test]
fn an_older_packet_that_comes_later_takes_nothing_back() {
    let (mut net, server, _) = given_up_under_way();
    net.holding.reverse();
    net.release();
    net.settle();
    let taken: Vec<_> = std::iter::from_fn(|| net.take(1, server)).map(|taken| taken.message).collect();
    assert_eq!(taken, ["one", "four", "three"], "three was sent before two was given up");
}

#[test]
fn an_acknowledgement_rides_on_the_next_request() {
    let (mut net, client, server) = Net::pair(&Config::default());
    for question in ["one", "two"] {
        let call = net.call(0, client, at(1, server), question);
        net.run(3 * MILLISECOND);
        net.serve(1, server, "answer");
        net.run(3 * MILLISECOND);
        assert_eq!(text(net.claim(0, call)), "answer");
    }
    net.run(SECOND);
    assert_eq!(net.log, ["A REQ", "B REP", "A REQ", "B REP", "A ACK"]);
    assert_eq!(net.kernels[1].holdings().kept_bytes, 0);
}

#[test]
fn one_acknowledgement_covers_many_replies() {
    let (mut net, client, server) = Net::pair(&Config::default());
    for number in 0..5 {
        net.call(0, client, at(1, server), &number.to_string());
    }
    net.settle();
    for _ in 0..5 {
        net.serve(1, server, "answer");
    }
    net.run(SECOND);
    assert_eq!(net.log.iter().filter(|line| *line == "A ACK").count(), 1);
    assert_eq!(net.kernels[1].holdings().kept_bytes, 0);
}

#[test]
fn a_large_reply_is_acknowledged_at_once() {
    let config = Config { packet_bytes: 40_000, ..Config::default() };
    let (mut net, client, server) = Net::pair(&config);
    net.call(0, client, at(1, server), "question");
    net.settle();
    net.serve(1, server, &"x".repeat(17_000));
    net.run(3 * MILLISECOND);
    assert_eq!(net.log, ["A REQ", "B REP", "A ACK"]);
}

#[test]
fn a_server_whose_late_ack_is_never_acknowledges_duplicates_only() {
    let (mut net, client, server) = Net::pair(&Config { late_ack: None, ..prompt() });
    let call = net.call(0, client, at(1, server), "question");
    net.run(500 * MILLISECOND);
    net.serve(1, server, "answer");
    net.settle();
    assert_eq!(text(net.claim(0, call)), "answer");
    assert_eq!(net.log, ["A REQ", "A REQ", "B ACK", "B REP", "A ACK"]);
}

/// How long after a lost request it is sent again.
fn resent_after(net: &mut Net, client: LocalId, server: LocalId) -> Duration {
    net.log.clear();
    net.drop_next(0, PacketType::Req);
    net.call(0, client, at(1, server), "lost");
    let sent = net.now;
    while net.log.len() < 2 {
        net.run(MILLISECOND);
        assert!(net.now - sent < SECOND);
    }
    net.now - sent
}

#[test]
fn the_time_out_follows_the_round_trip() {
    let (mut net, client, server) = Net::pair(&prompt());
    warm_up(&mut net, client, server);
    // A round trip of 2 ms, four times its deviation of 1 ms, and the late-ACK delay of 20 ms.
    assert_eq!(resent_after(&mut net, client, server), 26 * MILLISECOND);
}

#[test]
fn the_time_the_server_held_a_request_is_no_part_of_the_round_trip() {
    let (mut net, client, server) = Net::pair(&prompt());
    net.call(0, client, at(1, server), "first");
    net.run(16 * MILLISECOND);
    net.serve(1, server, "after fifteen milliseconds");
    net.settle();
    assert_eq!(resent_after(&mut net, client, server), 26 * MILLISECOND);
}

#[test]
fn a_request_sent_twice_gives_no_sample() {
    let (mut net, client, server) = Net::pair(&prompt());
    net.drop_next(0, PacketType::Req);
    net.call(0, client, at(1, server), "first");
    net.run(125 * MILLISECOND);
    net.serve(1, server, "answer");
    net.settle();
    assert_eq!(resent_after(&mut net, client, server), 120 * MILLISECOND);
}

#[test]
fn retries_are_bounded_and_back_off() {
    let (mut net, client, server) = Net::pair(&Config { retries: 3, ..prompt() });
    net.cut(true);
    let call = net.call(0, client, at(1, server), "question");
    // 120 ms, twice that, four times that: and after eight times that it is over.
    net.run(1_790 * MILLISECOND);
    assert_eq!((net.log.len(), net.claim(0, call)), (4, None));
    net.run(20 * MILLISECOND);
    assert_eq!(error(net.claim(0, call)), sendrec_core::CallError::NoAnswer);
    net.run(100 * SECOND);
    assert_eq!(net.log, ["A REQ lost"; 4]);
}

#[test]
fn silence_after_an_acknowledgement_is_no_answer() {
    let (mut net, client, server) = Net::pair(&Config { retries: 3, ..prompt() });
    let call = net.call(0, client, at(1, server), "question");
    net.run(30 * MILLISECOND);
    assert_eq!(net.log, ["A REQ", "B ACK"]);
    net.cut(true);
    net.run(20 * SECOND);
    assert_eq!(error(net.claim(0, call)), sendrec_core::CallError::NoAnswer);
    assert_eq!(net.log[2..], ["A AYA lost"; 4]);
}

#[test]
fn a_damaged_packet_is_counted_and_sent_again() {
    let (mut net, client, server) = Net::pair(&Config { checksum: true, ..prompt() });
    net.damage_next(0, PacketType::Req);
    net.damage_next(1, PacketType::Rep);
    let call = net.call(0, client, at(1, server), "question");
    net.run(125 * MILLISECOND);
    assert_eq!(net.serve(1, server, "answer"), "question");
    net.run(SECOND);
    assert_eq!(text(net.claim(0, call)), "answer");
    let wrong = sendrec_core::wire::Malformed::Checksum;
    let counted = [0, 1].map(|kernel| net.kernels[kernel].counters().malformed(wrong));
    assert_eq!((counted, net.runs(1)), ([1, 1], 1));
}

#[test]
fn a_reply_that_comes_again_is_acknowledged_though_its_process_has_ended() {
    let (mut net, client, server) = Net::pair(&prompt());
    let call = net.call_with(0, client, at(1, server), "m1", reliably(Reliability::AckEach));
    net.run(2 * MILLISECOND);
    let request = net.take(1, server).unwrap();
    net.run(20 * MILLISECOND);
    net.drop_next(0, PacketType::Ack);
    let Entry::Wait(reply) = net.reply(1, server, request.source, "m2") else { panic!("its ACK is lost") };
    net.run(2 * MILLISECOND);
    assert_eq!(text(net.claim(0, call)), "m2");
    net.exit(0, client);
    net.run(SECOND);
    assert_eq!(net.claim(1, reply), Some(Outcome::Replied("m2".into())), "not: no answer");
    assert_eq!(net.log, ["A REQ", "B ACK", "B REP", "A ACK lost", "B REP", "A ACK"]);
}
