//! Machines that boot again: nothing runs twice, nobody is muted by a clock or by a forged packet, and the first call
//! after a reboot succeeds wherever that is safe.
mod harness;

use std::time::Duration;

use harness::{Net, at, error, machine, mutate, prompt, reliably, text, token};
use sendrec_core::trace::{Fate, What};
use sendrec_core::wire::{AuReason, Kind, PacketType, View};
use sendrec_core::{
    Address, CallError, Config, Epoch, LocalId, Options, Outcome, Reliability, ReplyError, Semantics,
    Sequence, SpawnOptions,
};

const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const SERVER: LocalId = LocalId(1);

fn to_server() -> Address {
    at(1, SERVER)
}

/// The server's machine boots again, and its server with it.
fn reboot_server(net: &mut Net, epoch: u64) {
    net.reboot(1, epoch);
    net.spawn_as(1, 1);
}

/// A pair whose client knows the server's first incarnation.
fn acquainted(config: &Config) -> (Net, LocalId) {
    let (mut net, client, _) = Net::pair(config);
    converse(&mut net, client);
    net.log.clear();
    (net, client)
}

/// A call that succeeds, and what was sent for it.
fn converse(net: &mut Net, client: LocalId) -> Vec<String> {
    net.log.clear();
    let call = net.call(0, client, to_server(), "hello");
    net.run(40 * MILLISECOND);
    net.serve(1, SERVER, "welcome");
    net.settle();
    assert_eq!(text(net.claim(0, call)), "welcome", "{:?}", net.log);
    net.log.clone()
}

#[test]
fn the_first_call_after_a_reboot_succeeds() {
    let (mut net, client) = acquainted(&prompt());
    reboot_server(&mut net, 200);
    net.run(SECOND);
    let packets = converse(&mut net, client);
    assert_eq!(packets, ["A REQ", "B AU", "A AYA", "B IAA", "A REQ", "B ACK", "B REP", "A ACK"]);
    assert_eq!(converse(&mut net, client)[0..2], ["A REQ", "B ACK"], "and the next knows whom it calls");
}

#[test]
fn the_first_call_to_a_machine_just_booted_succeeds_too() {
    let (mut net, client, _) = Net::pair(&prompt());
    reboot_server(&mut net, 200);
    net.run(10 * MILLISECOND);
    let packets = converse(&mut net, client);
    assert_eq!(packets[..5], ["A REQ", "B AU", "A AYA", "B IAA", "A REQ"], "the blank REQ might be older");
}

#[test]
fn the_first_call_to_a_machine_up_for_longer_than_a_packet_lives_costs_nothing_more() {
    let (mut net, client, _) = Net::pair(&Config { late_ack: None, ..prompt() });
    reboot_server(&mut net, 200);
    net.run(31 * SECOND);
    assert_eq!(converse(&mut net, client), ["A REQ", "B REP", "A ACK"]);
}

#[test]
fn a_request_lost_before_a_reboot_may_have_been_run_for_all_its_client_knows() {
    for (named, blank) in [(true, false), (false, true)] {
        let (mut net, client, _) = Net::pair(&prompt());
        if named {
            converse(&mut net, client);
        }
        let runs = net.runs(1);
        net.drop_next(0, PacketType::Req);
        let call = net.call(0, client, to_server(), "question");
        net.run(5 * MILLISECOND);
        reboot_server(&mut net, 200);
        net.run(SECOND);
        assert_eq!(error(net.claim(0, call)), CallError::CrashedUnknown, "blank: {blank}");
        assert_eq!(net.runs(1), runs);
    }
}

#[test]
fn a_request_first_sent_after_the_reboot_is_readdressed_though_copies_of_it_were_lost() {
    let (mut net, client) = acquainted(&prompt());
    reboot_server(&mut net, 200);
    net.run(5 * MILLISECOND);
    net.drop_next(0, PacketType::Req);
    let call = net.call(0, client, to_server(), "question");
    net.run(50 * MILLISECOND);
    net.serve(1, SERVER, "answer");
    net.run(SECOND);
    assert_eq!(text(net.claim(0, call)), "answer");
}

#[test]
fn a_reboot_during_the_execution_ends_the_call_as_unknown() {
    for reliability in [Reliability::AckEach, Reliability::ReplyAcks] {
        let (mut net, client) = acquainted(&Config { options: reliably(reliability), ..prompt() });
        let call = net.call(0, client, to_server(), "question");
        net.run(30 * MILLISECOND);
        net.take(1, SERVER).unwrap();
        reboot_server(&mut net, 200);
        net.run(5 * SECOND);
        assert_eq!(error(net.claim(0, call)), CallError::CrashedUnknown);
        assert_eq!(net.runs(1), 2, "the acquaintance, and one run of the question");
    }
}

#[test]
fn what_was_acknowledged_is_not_readdressed_whatever_the_next_incarnation_says_of_its_age() {
    let (mut net, client) = acquainted(&prompt());
    let call = net.call(0, client, to_server(), "question");
    net.run(30 * MILLISECOND);
    net.take(1, SERVER).unwrap();
    reboot_server(&mut net, 200);
    net.hold_next(1, PacketType::Iaa);
    while net.holding.is_empty() {
        net.run(MILLISECOND);
    }
    let older = mutate(&net.last_of(PacketType::Iaa).2, |packet| {
        if let Kind::Iaa { uptime_us, .. } = &mut packet.header.kind {
            *uptime_us += 3_000_000;
        }
    });
    net.inject_packet(0, machine(1), &older);
    net.settle();
    assert_eq!(error(net.claim(0, call)), CallError::CrashedUnknown);
    assert_eq!(net.take(1, SERVER), None);
}

#[test]
fn a_reboot_after_the_execution_runs_nothing_again() {
    let (mut net, client) = acquainted(&prompt());
    net.drop_next(1, PacketType::Rep);
    let call = net.call(0, client, to_server(), "question");
    net.settle();
    net.serve(1, SERVER, "answer");
    reboot_server(&mut net, 200);
    net.run(5 * SECOND);
    assert_eq!(error(net.claim(0, call)), CallError::CrashedUnknown);
    assert_eq!((net.runs(1), net.take(1, SERVER)), (2, None));
}

#[test]
fn at_least_once_takes_no_notice_of_a_reboot() {
    let options = Options::new(Reliability::ReplyAcks, Semantics::AtLeastOnce);
    let (mut net, client) = acquainted(&Config { options, ..prompt() });
    let call = net.call(0, client, to_server(), "question");
    net.run(30 * MILLISECOND);
    net.take(1, SERVER).unwrap();
    reboot_server(&mut net, 200);
    net.run(2 * SECOND);
    assert_eq!(net.serve(1, SERVER, "answer"), "question");
    net.settle();
    assert_eq!(text(net.claim(0, call)), "answer");
}

#[test]
fn a_duplicate_that_names_nobody_is_not_run_by_the_next_incarnation() {
    let (mut net, client, _) = Net::pair(&prompt());
    converse(&mut net, client);
    let bytes = net.last_of(PacketType::Req).2;
    assert!(View::new(&bytes).unwrap().header().destination_epoch.is_blank(), "first contact");
    reboot_server(&mut net, 200);
    for _ in 0..3 {
        net.inject(1, machine(0), &bytes);
        net.run(9 * SECOND);
    }
    assert_eq!((net.runs(1), net.take(1, SERVER)), (1, None));
    assert_eq!(net.fates(1, Fate::StaleEpoch), 3);
}

/// A client with a well-known id has a request running at the server when its machine boots again.
fn rebooted_client(config: &Config) -> (Net, LocalId, sendrec_core::Received) {
    let config = Config { first_incarnation: true, ..config.clone() };
    let mut net = Net::new(2, &config);
    let client = net.spawn_as(0, 5);
    net.spawn_as(1, 1);
    net.call(0, client, to_server(), "old");
    net.run(30 * MILLISECOND);
    let old = net.take(1, SERVER).unwrap();
    net.reboot(0, 200);
    net.spawn_as(0, 5);
    net.log.clear();
    (net, client, old)
}

#[test]
fn a_client_s_next_incarnation_is_served_at_once_and_gets_no_reply_of_the_old_one_s() {
    let (mut net, client, old) = rebooted_client(&prompt());
    net.hold_next(1, PacketType::Aya);
    let call = net.call(0, client, to_server(), "new");
    net.settle();
    assert_eq!(net.kernels[1].holdings().clients, 2, "nothing is destroyed on its word alone");
    net.reply(1, SERVER, old.source, "for the old one");
    net.settle();
    assert_eq!((net.claim(0, call), net.fates(0, Fate::OtherIncarnation)), (None, 1));
    net.serve(1, SERVER, "for the new one");
    net.settle();
    assert_eq!(text(net.claim(0, call)), "for the new one");
    net.release();
    net.settle();
    assert_eq!(net.kernels[1].holdings().clients, 1, "the nonce came back");
}

#[test]
fn what_an_incarnation_asked_for_dies_with_the_proof_of_the_next() {
    let (mut net, client, old) = rebooted_client(&prompt());
    let call = net.call(0, client, to_server(), "new");
    net.settle();
    assert_eq!(net.log, ["A REQ", "B AYA", "A IAA"]);
    let outcome = harness::done(net.reply(1, SERVER, old.source, "answer"));
    assert!(matches!(outcome, Some(Outcome::NotReplied { error: ReplyError::Abandoned, .. })));
    net.serve(1, SERVER, "answer");
    net.settle();
    assert_eq!(text(net.claim(0, call)), "answer");
}

#[test]
fn one_who_waits_for_a_reply_s_acknowledgement_is_told_when_the_client_is_gone() {
    let (mut net, client, old) =
        rebooted_client(&Config { options: reliably(Reliability::AckEach), ..prompt() });
    let replied = token(net.reply(1, SERVER, old.source, "answer"));
    net.call(0, client, to_server(), "new");
    net.run(100 * SECOND);
    let outcome = net.claim(1, replied);
    assert!(matches!(outcome, Some(Outcome::NotReplied { .. })), "{outcome:?}");
    assert_eq!(net.kernels[1].holdings().kept_bytes, 0);
}

fn was_raised(net: &Net, kernel: usize, to: u64) -> bool {
    // By how much follows from the seed.
    let raised = |what: &What| matches!(what, What::EpochRaised { epoch, .. } if epoch.0 >= to);
    net.events.iter().any(|(of, event)| *of == kernel && raised(&event.what))
}

#[test]
fn a_client_whose_clock_was_set_back_is_served() {
    let (mut net, _, _) = Net::pair(&prompt());
    for epoch in [200, 300] {
        net.reboot(0, epoch);
        let client = net.spawn(0);
        converse(&mut net, client);
    }
    net.reboot(0, 150);
    let client = net.spawn(0);
    let packets = converse(&mut net, client);
    assert_eq!(packets[..5], ["A REQ", "B AU", "A AYA", "B AU", "A REQ"]);
    assert!(was_raised(&net, 0, 301));
    assert_eq!(net.runs(1), 3);
}

#[test]
fn a_server_whose_clock_was_set_back_is_heard() {
    let (mut net, client) = acquainted(&prompt());
    reboot_server(&mut net, 200);
    net.run(SECOND);
    converse(&mut net, client);
    reboot_server(&mut net, 150);
    net.run(SECOND);
    net.log.clear();
    let call = net.call(0, client, to_server(), "question");
    net.run(60 * MILLISECOND);
    net.serve(1, SERVER, "answer");
    net.settle();
    assert_eq!(text(net.claim(0, call)), "answer", "{:?}", net.log);
    assert!(was_raised(&net, 1, 201));
}

#[test]
fn a_ping_of_a_machine_whose_clock_was_set_back_is_answered() {
    let (mut net, _, _) = Net::pair(&prompt());
    for epoch in [200, 300] {
        net.reboot(0, epoch);
        let client = net.spawn(0);
        converse(&mut net, client);
    }
    net.reboot(0, 150);
    let client = net.spawn(0);
    let ping = token(net.ping(0, client, to_server()));
    net.settle();
    assert!(matches!(net.claim(0, ping), Some(Outcome::Alive { .. })));
    assert!(was_raised(&net, 0, 301));
}

#[test]
fn a_server_served_again_after_two_reboots_a_ping_saw_between() {
    let (mut net, client) = acquainted(&prompt());
    reboot_server(&mut net, 200);
    let ping = token(net.ping(0, client, at(1, LocalId(0))));
    net.settle();
    assert!(matches!(net.claim(0, ping), Some(Outcome::Alive { epoch: Epoch(200), .. })));
    reboot_server(&mut net, 300);
    net.run(SECOND);
    converse(&mut net, client);
}

/// Bytes like those of the last packet of a type, from a machine that claims this epoch.
fn forged(net: &Net, kind: PacketType, epoch: u64) -> sendrec_core::wire::Packet {
    mutate(&net.last_of(kind).2, |packet| packet.header.source_epoch = Epoch(epoch))
}

#[test]
fn a_forged_epoch_does_not_mute_a_client() {
    for epoch in [101, u64::MAX - 1, u64::MAX] {
        let (mut net, client) = acquainted(&prompt());
        let call = net.call(0, client, to_server(), "question");
        net.settle();
        let request = net.take(1, SERVER).unwrap();
        let packet = forged(&net, PacketType::Req, epoch);
        net.inject_packet(1, machine(0), &packet);
        net.settle();
        net.reply(1, SERVER, request.source, "answer");
        net.settle();
        assert_eq!(text(net.claim(0, call)), "answer");
        while net.take(1, SERVER).is_some() {}
        let packets = converse(&mut net, client);
        assert_eq!(packets, ["A REQ", "B ACK", "B REP", "A ACK"]);
        assert_eq!(net.kernels[1].holdings().clients, 1, "and nothing of it is left");
    }
}

#[test]
fn a_forged_epoch_of_a_server_fails_no_call() {
    for kind in [PacketType::Rep, PacketType::Ack, PacketType::Iaa, PacketType::Au] {
        let (mut net, client) = acquainted(&prompt());
        let call = net.call(0, client, to_server(), "question");
        net.run(1_100 * MILLISECOND);
        let (_, _, bytes) = net.last_of(PacketType::Iaa);
        let packet = mutate(&bytes, |packet| {
            packet.header.source_epoch = Epoch(u64::MAX);
            packet.header.kind = match kind {
                PacketType::Rep => Kind::Rep,
                PacketType::Ack => Kind::Ack,
                PacketType::Au => stale(),
                _ => packet.header.kind,
            };
            packet.header.flags = sendrec_core::wire::Flags::FROM_SERVER;
        });
        net.inject_packet(0, machine(1), &packet);
        assert_eq!(net.fates(0, Fate::Unproved), 1);
        net.run(SECOND);
        assert_eq!(net.serve(1, SERVER, "answer"), "question");
        net.settle();
        assert_eq!(text(net.claim(0, call)), "answer");
    }
}

fn stale() -> Kind {
    Kind::Au {
        reason: AuReason::StaleEpoch,
        refused: sendrec_core::PacketNumber(1),
        known: Epoch::BLANK,
        uptime_us: u64::MAX,
        nonce: sendrec_core::ids::Nonce(0),
    }
}

#[test]
fn an_incarnation_that_does_not_prove_itself_leaves_nothing_behind() {
    let (mut net, _client) = acquainted(&Config { retries: 2, ..prompt() });
    let packet = forged(&net, PacketType::Req, 777);
    net.cut(true);
    net.inject_packet(1, machine(0), &packet);
    assert_eq!(net.kernels[1].holdings().clients, 2);
    net.run(20 * SECOND);
    assert_eq!(net.kernels[1].holdings().clients, 1);
}

/// The swarm found it: what an incarnation had run was forgotten when its machine did not answer the question in time.
#[test]
fn what_an_incarnation_ran_before_it_was_proved_is_not_run_again() {
    let (mut net, _client) = acquainted(&Config { retries: 2, ..prompt() });
    net.reboot(0, 777);
    let client = net.spawn(0);
    net.drop_next(1, PacketType::Aya);
    net.call(0, client, to_server(), "once");
    net.run(2 * MILLISECOND);
    net.cut(true);
    let before = net.runs(1);
    net.serve(1, SERVER, "lost");
    net.run(20 * SECOND);
    net.replay(PacketType::Req);
    assert!(net.take(1, SERVER).is_none(), "it is a duplicate");
    assert_eq!(net.runs(1), before + 1);
}

/// The harsh swarm found it: each answer that came too late made the kernel ask again, and that answer was late too.
#[test]
fn an_answer_that_comes_too_late_asks_for_nothing() {
    let (mut net, client) = acquainted(&Config { retries: 0, ..prompt() });
    reboot_server(&mut net, 200);
    net.hold_next(1, PacketType::Iaa);
    net.call(0, client, to_server(), "who are you?");
    net.run(20 * SECOND);
    net.log.clear();
    net.release();
    net.settle();
    assert_eq!(net.log, [""; 0]);
}

/// The harsh swarm found it: where the later epoch was never proved, the proof of an earlier one made it forgotten.
#[test]
fn what_a_later_epoch_ran_is_not_run_again_when_an_earlier_one_is_proved() {
    let (mut net, client) = acquainted(&prompt());
    let before = net.runs(1);
    net.call(0, client, to_server(), "once");
    net.settle();
    let (_, _, copy) = net.last_of(PacketType::Req);
    net.serve(1, SERVER, "lost with its client");
    net.reboot(0, 50);
    let client = net.spawn(0);
    net.call(0, client, to_server(), "another");
    net.settle();
    net.serve(1, SERVER, "answer");
    net.settle();
    net.inject(1, machine(0), &copy);
    assert!(net.take(1, SERVER).is_none(), "it is a duplicate");
    assert_eq!(net.runs(1), before + 2);
}

/// A call in doubt, and the nonce that was sent to the one who caused the doubt.
fn doubted(net: &mut Net, client: LocalId) -> (sendrec_core::WaitToken, sendrec_core::wire::Packet) {
    net.cut(true);
    let call = net.call(0, client, to_server(), "question");
    let request = net.last_of(PacketType::Req).2;
    let refusal = mutate(&request, |packet| {
        let header = &mut packet.header;
        (header.source, header.destination) = (header.destination, header.source);
        (header.source_epoch, header.destination_epoch) = (Epoch(777), header.source_epoch);
        header.floor = Sequence::NONE;
        header.flags = sendrec_core::wire::Flags::NONE;
        header.kind = stale();
        packet.payload = bytes::Bytes::new();
    });
    net.inject_packet(0, machine(1), &refusal);
    (call, refusal)
}

#[test]
fn a_call_in_doubt_ends_though_nobody_answers() {
    let (mut net, client) = acquainted(&Config { retries: 2, ..prompt() });
    let (call, _) = doubted(&mut net, client);
    assert_eq!(net.log, ["A REQ lost", "A AYA lost"]);
    net.run(20 * SECOND);
    assert_eq!(error(net.claim(0, call)), CallError::NoAnswer);
    assert_eq!(net.log, ["A REQ lost", "A AYA lost", "A AYA lost", "A AYA lost"]);
}

#[test]
fn a_call_in_doubt_ends_though_the_answer_is_absurd() {
    for known in [0, 1, u64::MAX] {
        let (mut net, client) = acquainted(&Config { retries: 2, ..prompt() });
        let (call, mut refusal) = doubted(&mut net, client);
        let Kind::Aya { nonce } = View::new(&net.last_of(PacketType::Aya).2).unwrap().header().kind else {
            panic!("no AYA")
        };
        if let Kind::Au { reason, known: field, nonce: echo, .. } = &mut refusal.header.kind {
            (*reason, *field, *echo) = (AuReason::OldSender, Epoch(known), nonce);
        }
        net.inject_packet(0, machine(1), &refusal);
        net.run(20 * SECOND);
        assert_eq!(error(net.claim(0, call)), CallError::NoAnswer, "{known}");
    }
}

#[test]
fn what_a_server_has_forgotten_is_not_run_again() {
    let patient = Config { retries: 1_000, first_incarnation: true, ..prompt() };
    let mut net = Net::new(3, &patient);
    let (client, other) = (net.spawn(0), net.spawn(2));
    net.spawn_as(1, 1);
    for kind in [PacketType::Req, PacketType::Ack, PacketType::Aya] {
        (0..500).for_each(|_| net.drop_next(0, kind));
    }
    let call = net.call(0, client, to_server(), "question");
    let request = net.last_of(PacketType::Req).2;
    net.inject(1, machine(0), &request);
    net.drop_next(1, PacketType::Rep);
    net.serve(1, SERVER, "answer");
    for _ in 0..400 {
        net.run(SECOND);
        net.ping(2, other, at(1, LocalId(0)));
    }
    net.settle();
    assert_eq!(net.kernels[1].holdings().served, 0, "the client was not heard of for long");
    let late = net.last_of(PacketType::Req).2;
    net.inject(1, machine(0), &late);
    net.run(10 * SECOND);
    assert_eq!((net.runs(1), net.take(1, SERVER)), (1, None));
    assert_eq!(net.claim(0, call), None, "it goes on asking as often as it was told to");
}

#[test]
fn a_request_that_runs_for_long_is_not_forgotten() {
    let options = reliably(Reliability::Unreliable);
    let mut net = Net::new(3, &Config { options, ..prompt() });
    let (client, other) = (net.spawn(0), net.spawn(2));
    net.spawn_with(1, SpawnOptions { local_id: Some(SERVER), ..SpawnOptions::default() });
    let call = net.call(0, client, to_server(), "question");
    net.settle();
    let request = net.take(1, SERVER).unwrap();
    for _ in 0..400 {
        net.run(SECOND);
        net.ping(2, other, at(1, LocalId(0)));
    }
    net.reply(1, SERVER, request.source, "answer");
    net.settle();
    assert_eq!(text(net.claim(0, call)), "answer");
}

#[test]
fn who_was_not_heard_of_for_long_is_forgotten() {
    let (mut net, client) = acquainted(&prompt());
    let other = net.spawn(0);
    net.exit(0, client);
    assert_eq!(net.kernels[1].holdings().clients, 1);
    for _ in 0..400 {
        net.run(SECOND);
        net.ping(0, other, at(1, LocalId(0)));
    }
    let holdings = net.kernels[1].holdings();
    assert_eq!((holdings.clients, holdings.served, holdings.kept_bytes), (0, 0, 0));
}

#[test]
fn an_id_that_was_handed_out_means_somebody_else_after_a_reboot() {
    let (mut net, client, _) = Net::pair(&prompt());
    let handed_out = net.spawn(1);
    let call = net.call(0, client, at(1, handed_out), "for the first one");
    net.settle();
    net.serve(1, handed_out, "welcome");
    net.settle();
    assert_eq!(text(net.claim(0, call)), "welcome");
    net.reboot(1, 200);
    assert_eq!(net.spawn(1), handed_out, "the next boot hands it out again");
    net.run(SECOND);
    let call = net.call(0, client, at(1, handed_out), "for the first one");
    net.run(SECOND);
    assert_eq!(error(net.claim(0, call)), CallError::CrashedNotExecuted);
    assert_eq!(net.take(1, handed_out), None);
}

#[test]
fn a_nonce_follows_from_nothing_that_is_sent() {
    // Two kernels alike in all that packets tell, and unlike in their seed alone, ask with unlike nonces.
    let nonces = [1, 2].map(|seed| {
        let mut kernel = sendrec_core::Kernel::new(
            sendrec_core::Instant::ZERO,
            Config::default(),
            machine(0),
            Epoch(100),
            seed,
        );
        let mut out = sendrec_core::Out::default();
        let process = kernel.spawn(sendrec_core::Instant::ZERO, SpawnOptions::default(), &mut out).unwrap();
        let ping = sendrec_core::Syscall::Ping { to: to_server() };
        kernel.trap(sendrec_core::Instant::ZERO, process, ping.clone(), &mut out);
        kernel.trap(sendrec_core::Instant::ZERO, process, ping, &mut out);
        out.transmits.iter().map(|transmit| transmit.packet.header.kind).collect::<Vec<_>>()
    });
    assert_ne!(nonces[0][0], nonces[1][0]);
    assert_ne!(nonces[0][0], nonces[0][1]);
}
