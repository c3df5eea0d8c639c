//! Bounds: windows, mailboxes and the cache, and what is said when one of them is reached.
mod harness;

use std::time::Duration;

use bytes::Bytes;
use harness::{Net, at, done, error, machine, mutate, prompt, reliably, text, token};
use sendrec_core::trace::Fate;
use sendrec_core::wire::{AuReason, Kind, PacketType, TaReason, View};
use sendrec_core::{
    Buffering, CallError, Config, From, LocalId, Options, Outcome, Overflow, Reliability, ReplyError,
    Sequence, limits,
};

const SECOND: Duration = Duration::from_secs(1);

/// A client and a server whose mailbox is this.
fn pair_with(buffering: Buffering, config: &Config) -> (Net, LocalId, LocalId) {
    Net::pair(&Config { buffering, ..config.clone() })
}

const fn mailbox(messages: usize, overflow: Overflow) -> Buffering {
    Buffering::Mailbox { messages, bytes: 1 << 20, overflow }
}

fn last_refusal(net: &Net) -> TaReason {
    match View::new(&net.last_of(PacketType::Ta).2).unwrap().header().kind {
        Kind::Ta { reason, .. } => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_server_refuses_what_stands_a_window_above_the_floor() {
    let (mut net, client, server) = Net::pair(&Config { window: 4, ..prompt() });
    net.call(0, client, at(1, server), "one");
    net.settle();
    let first = net.last_of(PacketType::Req).2;
    for (sequence, fate) in [(4, Fate::Accepted), (5, Fate::WindowFull), (u64::MAX, Fate::WindowFull)] {
        let before = net.fates(1, fate);
        let packet = mutate(&first, |packet| packet.header.sequence = Sequence(sequence));
        net.inject_packet(1, harness::machine(0), &packet);
        assert_eq!(net.fates(1, fate), before + 1, "{sequence}");
    }
    assert_eq!(last_refusal(&net), TaReason::WindowFull);
}

#[test]
fn a_client_holds_what_stands_a_window_above_the_floor() {
    let (mut net, client, server) = Net::pair(&Config { window: 2, ..prompt() });
    let calls = ["one", "two", "three", "four"].map(|text| net.call(0, client, at(1, server), text));
    net.settle();
    assert_eq!(net.log, ["A REQ", "A REQ"]);
    let first = net.take(1, server).unwrap();
    net.serve(1, server, "two");
    net.settle();
    assert_eq!(net.log[2..], ["B REP", "A ACK"], "the floor has not moved");
    net.reply(1, server, first.source, "one");
    net.settle();
    assert_eq!(net.log[4..], ["B REP", "A REQ", "A REQ", "A ACK"]);
    net.serve(1, server, "three");
    net.serve(1, server, "four");
    net.settle();
    assert_eq!(calls.map(|call| text(net.claim(0, call))), ["one", "two", "three", "four"]);
}

#[test]
fn a_held_call_may_be_given_up() {
    let (mut net, client, server) = Net::pair(&Config { window: 1, ..prompt() });
    let calls = ["one", "two", "three"].map(|text| net.call(0, client, at(1, server), text));
    assert_eq!(error(net.cancel(0, calls[1])), CallError::TimedOut);
    net.settle();
    assert_eq!(net.serve(1, server, "1"), "one");
    net.settle();
    assert_eq!(net.serve(1, server, "3"), "three");
    net.settle();
    assert_eq!(text(net.claim(0, calls[2])), "3");
}

#[test]
fn a_server_with_a_smaller_window_than_its_client_serves_it_all_the_same() {
    let server = Config { window: 2, first_incarnation: true, ..prompt() };
    let mut net = Net::with(&[prompt(), server]);
    let (client, server) = (net.spawn(0), net.spawn_as(1, 1));
    let calls = ["one", "two", "three", "four"].map(|text| net.call(0, client, at(1, server), text));
    net.settle();
    assert_eq!(net.fates(1, Fate::WindowFull), 2);
    for _ in 0..200 {
        while let Some(request) = net.take(1, server) {
            let message = String::from_utf8(request.message.to_vec()).unwrap();
            net.reply(1, server, request.source, &message);
        }
        net.run(Duration::from_millis(10));
    }
    assert_eq!(calls.map(|call| text(net.claim(0, call))), ["one", "two", "three", "four"]);
    assert_eq!(net.runs(1), 4);
}

#[test]
fn a_window_that_opens_for_many_takes_no_stack_for_each() {
    const MESSAGES: usize = 50_000;
    let (mut net, client, server) = Net::pair(&Config { window: 1, trace: false, ..prompt() });
    let call = net.call(0, client, at(1, server), "question");
    net.settle();
    for _ in 0..MESSAGES {
        let sent = net.send_one_way(0, client, at(1, server), "", reliably(Reliability::Unreliable));
        token(sent);
    }
    net.serve(1, server, "answer");
    net.run(Duration::from_millis(1));
    assert_eq!(text(net.claim(0, call)), "answer");
    assert_eq!(net.kernels[0].counters().sent(PacketType::Req), MESSAGES as u64 + 1);
    assert_eq!(net.kernels[0].holdings().outgoing, 0);
}

#[test]
fn a_full_mailbox_says_try_again_until_there_is_room() {
    let (mut net, client, server) = pair_with(mailbox(1, Overflow::TryAgain), &prompt());
    let first = net.call(0, client, at(1, server), "one");
    net.settle();
    let second = net.call(0, client, at(1, server), "two");
    net.run(Duration::from_millis(2));
    assert_eq!((net.log.last().unwrap().as_str(), last_refusal(&net)), ("B TA", TaReason::MailboxFull));
    net.serve(1, server, "1");
    net.run(Duration::from_millis(12));
    assert_eq!(net.serve(1, server, "2"), "two");
    net.settle();
    assert_eq!((text(net.claim(0, first)), text(net.claim(0, second))), ("1".into(), "2".into()));
}

#[test]
fn a_mailbox_that_stays_full_refuses() {
    let config = Config { try_agains: 2, ..prompt() };
    let (mut net, client, server) = pair_with(mailbox(1, Overflow::TryAgain), &config);
    net.call(0, client, at(1, server), "one");
    net.settle();
    let second = net.call(0, client, at(1, server), "two");
    net.run(SECOND);
    assert_eq!(error(net.claim(0, second)), CallError::Refused);
    assert_eq!(net.fates(1, Fate::NoRoom), 3);
    assert_eq!(net.take(1, server).unwrap().message, "one");
    assert_eq!(net.take(1, server), None);
}

#[test]
fn a_refusal_that_is_no_answer_to_the_last_copy_counts_for_nothing() {
    let (mut net, client, server) = pair_with(mailbox(1, Overflow::TryAgain), &prompt());
    net.call(0, client, at(1, server), "one");
    net.settle();
    net.call(0, client, at(1, server), "two");
    net.run(Duration::from_millis(2));
    net.take(1, server);
    net.run(Duration::from_millis(200));
    net.log.clear();
    net.replay(PacketType::Ta);
    assert_eq!(net.fates(0, Fate::NotRefusable), 1, "it is acknowledged by now");
    net.run(Duration::from_millis(300));
    assert_eq!(net.log, [""; 0]);
}

#[test]
fn a_mailbox_that_discards_says_nothing() {
    let config = Config { retries: 2, ..prompt() };
    let (mut net, client, server) = pair_with(mailbox(1, Overflow::Discard), &config);
    net.call(0, client, at(1, server), "one");
    net.settle();
    net.log.clear();
    let second = net.call(0, client, at(1, server), "two");
    net.run(10 * SECOND);
    assert_eq!(error(net.claim(0, second)), CallError::NoAnswer);
    assert_eq!(net.fates(1, Fate::NoRoom), 3);
    assert!(!net.log.contains(&"B TA".to_string()));
}

#[test]
fn without_a_mailbox_a_message_is_kept_only_for_one_who_waits() {
    let (mut net, client, server) = pair_with(Buffering::Discard, &prompt());
    let call = net.call(0, client, at(1, server), "question");
    net.settle();
    assert_eq!((net.fates(1, Fate::NoRoom), net.take(1, server)), (1, None));
    let waiting = token(net.receive(1, server, From::Any));
    net.run(SECOND);
    let Some(Outcome::Received(request)) = net.claim(1, waiting) else { panic!("nothing came") };
    net.reply(1, server, request.source, "answer");
    net.settle();
    assert_eq!(text(net.claim(0, call)), "answer");
}

#[test]
fn an_unknown_process_is_said_to_be_unknown() {
    let (mut net, client, _) = Net::pair(&prompt());
    let call = net.call(0, client, at(1, LocalId(77)), "question");
    net.settle();
    assert_eq!(error(net.claim(0, call)), CallError::NoSuchProcess);
    assert_eq!(net.log, ["A REQ", "B AU"]);
    assert_eq!(net.fates(1, Fate::NoProcess), 1);
}

#[test]
fn an_answer_to_an_earlier_copy_does_not_end_what_a_later_one_began() {
    for (late_ack, packets) in [(None, 3), (Some(Duration::from_millis(20)), 4)] {
        let (mut net, client, _) = Net::pair(&Config { late_ack, ..prompt() });
        net.hold_next(1, PacketType::Au);
        let call = net.call(0, client, at(1, LocalId(9)), "question");
        net.settle();
        let late = net.spawn_as(1, 9);
        net.run(Duration::from_millis(150));
        assert_eq!(net.log, ["A REQ", "B AU", "A REQ", "B ACK"][..packets]);
        net.release();
        net.settle();
        assert_eq!(net.claim(0, call), None, "the second copy was accepted");
        net.serve(1, late, "answer");
        net.settle();
        assert_eq!(text(net.claim(0, call)), "answer");
    }
}

#[test]
fn a_reply_thrown_away_for_others_is_said_to_be_discarded() {
    let (mut net, client, server) = Net::pair(&Config { cache_bytes: 10, ..prompt() });
    let other = net.spawn(0);
    net.drop_next(1, PacketType::Rep);
    let first = net.call(0, client, at(1, server), "one");
    let second = net.call(0, other, at(1, server), "two");
    net.settle();
    net.serve(1, server, "0123456789");
    assert_eq!(net.kernels[1].holdings().kept_bytes, 10);
    net.serve(1, server, "x");
    assert_eq!(net.kernels[1].holdings().kept_bytes, 1);
    net.run(SECOND);
    assert_eq!(text(net.claim(0, second)), "x");
    assert_eq!(error(net.claim(0, first)), CallError::ReplyDiscarded);
    assert_eq!((net.runs(1), net.kernels[1].holdings().kept_bytes), (2, 0));
    let (_, _, bytes) = net.last_of(PacketType::Au);
    let kind = View::new(&bytes).unwrap().header().kind;
    assert!(matches!(kind, Kind::Au { reason: AuReason::Discarded, .. }));
}

#[test]
fn a_reply_larger_than_the_cache_goes_out_once() {
    let (mut net, client, server) = Net::pair(&Config { cache_bytes: 4, ..prompt() });
    let call = net.call(0, client, at(1, server), "one");
    net.settle();
    net.serve(1, server, "0123456789");
    assert_eq!(net.kernels[1].holdings().kept_bytes, 0);
    net.settle();
    assert_eq!(text(net.claim(0, call)), "0123456789");
}

/// The swarm found it: the wake for a wait that was over inside the trap came before the driver knew the wait.
#[test]
fn a_reply_that_is_given_up_inside_its_trap_is_no_wait() {
    let config = Config { cache_bytes: 4, options: reliably(Reliability::AckEach), ..prompt() };
    let (mut net, client, server) = Net::pair(&config);
    let call = net.call(0, client, at(1, server), "one");
    net.settle();
    let request = net.take(1, server).unwrap();
    let entry = net.reply(1, server, request.source, "0123456789");
    assert!(matches!(done(entry), Some(Outcome::NotReplied { error: ReplyError::NoAnswer, .. })));
    net.settle();
    assert_eq!(text(net.claim(0, call)), "0123456789");
}

#[test]
fn a_message_longer_than_may_be_is_refused_before_anything_is_sent() {
    let (mut net, client, server) = Net::pair(&Config { message_bytes: 120, ..prompt() });
    let longest = "x".repeat(120);
    let refused = net.call_and_block(0, client, at(1, server), &(longest.clone() + "x"));
    assert_eq!(error(done(refused)), CallError::TooLong);
    assert_eq!(net.log, [""; 0]);
    net.call(0, client, at(1, server), &longest);
    net.settle();
    assert_eq!(net.serve(1, server, "answer"), longest);
}

#[test]
fn a_configuration_beyond_reason_is_brought_into_range() {
    let config = Config {
        window: 0,
        packet_bytes: 0,
        sweep_interval: Duration::ZERO,
        late_ack: Some(Duration::MAX),
        retransmit_first: Duration::MAX,
        retransmit_max: Duration::MAX,
        packet_life: Duration::MAX,
        try_again: Duration::MAX,
        probe_interval: Duration::MAX,
        buffering: mailbox(0, Overflow::TryAgain),
        ..prompt()
    };
    let (mut net, client, server) = Net::pair(&config);
    let call = net.call(0, client, at(1, server), "question");
    net.run(SECOND);
    assert_eq!(net.log, ["A REQ", "B TA"]);
    net.run(SECOND);
    assert_eq!(error(net.cancel(0, call)), CallError::TimedOut);
}

#[test]
fn packets_are_counted_by_what_became_of_them() {
    let (mut net, client, server) = Net::pair(&prompt());
    net.call(0, client, at(1, server), "question");
    net.settle();
    net.serve(1, server, "answer");
    net.settle();
    net.inject(1, harness::machine(0), b"no packet");
    let [at_a, at_b] = [0, 1].map(|kernel| *net.kernels[kernel].counters());
    assert_eq!((at_a.sent(PacketType::Req), at_a.sent(PacketType::Ack)), (1, 1));
    assert_eq!((at_b.sent(PacketType::Rep), at_b.fate(Fate::Accepted)), (1, 2));
    assert_eq!(at_b.malformed(sendrec_core::wire::Malformed::Short), 1);
}

#[test]
fn a_packet_is_counted_once_though_a_driver_gathers_what_is_to_be_sent() {
    use sendrec_core::{Out, Syscall};
    let (mut net, client, server) = Net::pair(&prompt());
    let mut out = Out::default();
    let (message, options) = (Bytes::from_static(b"question"), prompt().options);
    let call = Syscall::Call {
        to: at(1, server).into(),
        message,
        options,
        blocking: false,
        handing: sendrec_core::Handing::Moved,
    };
    net.kernels[0].trap(net.now, client, call, &mut out);
    net.kernels[0].exit(net.now, client, &mut out);
    assert_eq!(out.transmits.len(), 1);
    assert_eq!(net.kernels[0].counters().sent(PacketType::Req), 1);
}

#[test]
fn a_kernel_knows_so_many_machines_and_forgets_the_silent_ones_for_new_ones() {
    use sendrec_core::Machine;
    use sendrec_core::limits::PEERS_MAX;
    // Each has a message taken in, so that its number matters.
    let (mut net, client, server) = pair_with(mailbox(usize::MAX, Overflow::TryAgain), &prompt());
    net.cut(true);
    net.send_one_way(0, client, at(1, server), "", Options::default());
    let bytes = net.last_of(PacketType::Req).2;
    let stranger = |number: usize| {
        let [_, high, middle, low] = (number as u32).to_be_bytes();
        Machine::new(std::net::SocketAddr::from(([172, high, middle, low], 9)))
    };
    for number in 0..PEERS_MAX + 10 {
        net.inject(1, stranger(number), &bytes);
        net.events.clear();
        net.seen.clear();
        net.log.clear();
    }
    assert_eq!(net.kernels[1].holdings().machines, PEERS_MAX);
    assert_eq!(net.fates(1, Fate::TableFull), 10);
    net.run(Duration::from_secs(61));
    net.inject(1, stranger(PEERS_MAX), &bytes);
    assert_eq!(net.fates(1, Fate::TableFull), 10, "the others have been silent for long");
    assert!(net.kernels[1].holdings().machines <= PEERS_MAX);
}

#[test]
fn a_try_again_is_obeyed_for_as_long_as_it_asks() {
    let config = Config { retransmit_max: 60 * SECOND, ..prompt() };
    let (mut net, client, server) = pair_with(mailbox(1, Overflow::TryAgain), &config);
    net.call(0, client, at(1, server), "one");
    net.settle();
    net.hold_next(1, PacketType::Ta);
    net.call(0, client, at(1, server), "two");
    net.run(Duration::from_millis(2));
    let patient = mutate(&net.last_of(PacketType::Ta).2, |packet| {
        let Kind::Ta { wait_us, .. } = &mut packet.header.kind else { unreachable!() };
        *wait_us = 20_000_000;
    });
    net.inject_packet(0, machine(1), &patient);
    let before = net.log.len();
    net.run(19 * SECOND);
    let again = net.log[before..].iter().filter(|packet| *packet == "A REQ").count();
    assert_eq!(again, 0, "{:?}", &net.log[before..]);
    net.run(12 * SECOND);
    assert!(net.log[before..].iter().any(|packet| packet == "A REQ"));
}

#[test]
fn one_machine_with_many_clients_keeps_no_other_out() {
    let (mut net, client, server) = Net::pair(&prompt());
    let stranger = machine(9);
    let call = net.call(0, client, at(1, server), "question");
    net.settle();
    net.serve(1, server, "answer");
    net.settle();
    assert_eq!(text(net.claim(0, call)), "answer");
    let request = net.last_of(PacketType::Req).2;
    for number in 0..limits::WINDOWS_PER_MACHINE_MAX + 10 {
        let packet = mutate(&request, |packet| {
            packet.header.source = LocalId(1_000 + number);
            packet.header.destination = LocalId(77);
        });
        net.inject_packet(1, stranger, &packet);
    }
    assert_eq!(net.fates(1, Fate::TableFull), 10);
    assert_eq!(
        net.log.iter().filter(|packet| *packet == "B TA").count(),
        10,
        "and they are told to try again"
    );
    let other = net.spawn(0);
    let call = net.call(0, other, at(1, server), "another client");
    net.settle();
    net.serve(1, server, "welcome");
    net.settle();
    assert_eq!(text(net.claim(0, call)), "welcome");
}

#[test]
fn answers_left_unread_end_further_sends_and_not_the_kernel() {
    let mut net = Net::new(1, &prompt());
    let (client, server) = (net.spawn(0), net.spawn_as(0, 1));
    for _ in 0..limits::ANSWERS_MAX {
        assert!(matches!(
            done(net.send(0, client, at(0, server), "", Options::default())),
            Some(Outcome::Sent(_))
        ));
        net.serve(0, server, "unread");
        net.events.clear();
    }
    let refused = done(net.send(0, client, at(0, server), "", Options::default()));
    assert_eq!(error(refused), CallError::TooMany);
    assert!(net.take(0, client).unwrap().source.is_reply());
    assert!(matches!(
        done(net.send(0, client, at(0, server), "", Options::default())),
        Some(Outcome::Sent(_))
    ));
}

#[test]
fn invented_addresses_keep_nobody_out() {
    let (mut net, client, server) = Net::pair(&prompt());
    let call = net.call(0, client, at(1, LocalId(77)), "nobody");
    net.settle();
    assert_eq!(error(net.claim(0, call)), CallError::NoSuchProcess);
    let request = net.last_of(PacketType::Req).2;
    for number in 0..limits::PEERS_MAX as u32 + 100 {
        let [a, b, c, d] = (0x0b00_0000 + number).to_be_bytes();
        let invented = sendrec_core::Machine::new(std::net::SocketAddr::from(([a, b, c, d], 7000)));
        net.inject(1, invented, &request);
        net.events.clear();
        net.seen.clear();
        net.log.clear();
    }
    assert!(net.kernels[1].holdings().machines <= limits::PEERS_MAX);
    let other = net.spawn(0);
    let call = net.call(0, other, at(1, server), "an honest one");
    net.settle();
    net.serve(1, server, "welcome");
    net.settle();
    assert_eq!(text(net.claim(0, call)), "welcome");
}

#[test]
fn a_new_machine_is_not_forgotten_while_room_is_made_for_its_client() {
    let (mut net, client, _) = Net::pair(&prompt());
    net.call(0, client, at(1, LocalId(77)), "nobody");
    net.settle();
    let request = net.last_of(PacketType::Req).2;
    let mutant = |number: u32| mutate(&request, |packet| packet.header.source = LocalId(number + 1));
    let machines = limits::WINDOWS_MAX as u32 / limits::WINDOWS_PER_MACHINE_MAX;
    // The client has one already; with these the table is just full.
    for number in 0..limits::WINDOWS_MAX as u32 - 1 {
        let from = machine(100 + (number % machines) as usize);
        net.inject_packet(1, from, &mutant(number / machines));
        net.events.clear();
        net.seen.clear();
        net.log.clear();
    }
    net.inject(1, machine(200), &request);
    assert_eq!(net.log, ["B AU"], "it is answered like any other");
}
