//! Slide 16: sparse ids, found by broadcast, and followed when they move.
mod harness;

use std::time::Duration;

use harness::{Net, at, error, prompt, reliably, text, token};
use sendrec_core::trace::{Fate, What};
use sendrec_core::wire::PacketType;
use sendrec_core::{
    Address, Buffering, CallError, Config, Entry, LocalId, Options, Outcome, Overflow, Reliability,
    Semantics, SparseId, SpawnOptions, Syscall,
};

const SECOND: Duration = Duration::from_secs(1);
const SPARSE: SparseId = SparseId(0x9f3c_2a0b_1d4e_5f60);

const fn findable() -> SpawnOptions {
    SpawnOptions { local_id: None, sparse: Some(SPARSE), buffering: None, threads: false }
}

/// Machine 0 with a client, machines 1 and 2 where the server may be.
fn town() -> (Net, LocalId) {
    let mut net = Net::new(3, &Config { first_incarnation: true, ..prompt() });
    let client = net.spawn(0);
    (net, client)
}

fn locate(net: &mut Net, client: LocalId, anew: bool) -> Entry {
    net.trap(0, client, Syscall::Locate { sparse: SPARSE, anew })
}

#[test]
fn a_call_finds_its_server_and_the_next_one_remembers_where() {
    let (mut net, client) = town();
    let server = net.spawn_with(2, findable());
    let call = net.call(0, client, SPARSE, "question");
    net.settle();
    assert_eq!(net.serve(2, server, "answer"), "question");
    net.settle();
    let Some(Outcome::Received(reply)) = net.claim(0, call) else { panic!("no answer") };
    assert_eq!((reply.source.address(), &reply.message[..]), (at(2, server), &b"answer"[..]));
    assert_eq!(net.log, ["A LOCATE", "C HERE", "A REQ", "C REP", "A ACK"]);
    assert_eq!(net.fates(1, Fate::NotHere), 1);
    net.log.clear();
    net.call(0, client, SPARSE, "again");
    net.settle();
    assert_eq!(net.log[0], "A REQ");
}

#[test]
fn every_kind_of_send_may_name_a_sparse_id() {
    for reliability in Reliability::ALL {
        let (mut net, client) = town();
        let server = net.spawn_with(1, findable());
        let options = reliably(reliability);
        let sent = token(net.send(0, client, SPARSE, "m1", options));
        net.run(SECOND / 100);
        let request = net.take(1, server).unwrap();
        net.reply(1, server, request.source, "m2");
        net.settle();
        assert_eq!(net.claim(0, sent), Some(Outcome::Sent("m1".into())), "{reliability:?}");
        assert_eq!(net.take(0, client).unwrap().message, "m2");
        net.send_one_way(0, client, SPARSE, "m3", options);
        net.settle();
        assert_eq!(net.take(1, server).unwrap().message, "m3");
    }
}

#[test]
fn a_search_that_is_lost_is_repeated_and_one_that_nobody_answers_ends() {
    let (mut net, client) = town();
    let server = net.spawn_with(1, findable());
    net.drop_next(0, PacketType::Locate);
    net.drop_next(1, PacketType::Here);
    let asked = token(locate(&mut net, client, false));
    net.run(SECOND);
    assert_eq!(net.claim(0, asked), Some(Outcome::Located(at(1, server))));
    assert_eq!(net.log, ["A LOCATE lost", "A LOCATE", "B HERE lost", "A LOCATE", "B HERE"]);

    let to = SparseId(1);
    let options = Options::default();
    let sent = token(net.send(0, client, to, "m1", options));
    let call = net.call(0, client, to, "question");
    net.run(10 * SECOND);
    let Some(Outcome::Unsent(unsent)) = net.claim(0, sent) else { panic!("it was sent to nobody") };
    assert_eq!((unsent.error, unsent.message), (CallError::NotLocated, "m1".into()));
    assert_eq!(error(net.claim(0, call)), CallError::NotLocated);
    assert!(!net.kernels[0].is_engaged());
    assert_eq!(net.kernels[0].next_deadline(), None);
}

#[test]
fn one_search_serves_all_who_wait_for_it_and_ends_with_the_last_of_them() {
    let (mut net, client) = town();
    net.cut(true);
    let calls: Vec<_> = (0..3).map(|_| net.call(0, client, SPARSE, "question")).collect();
    assert_eq!(net.log, ["A LOCATE lost"]);
    for call in calls {
        let Some(Outcome::Unsent(unsent)) = net.cancel(0, call) else { panic!("it was not taken back") };
        assert_eq!((unsent.error, unsent.message), (CallError::TimedOut, "question".into()));
    }
    net.run(SECOND);
    net.call(0, client, SPARSE, "question");
    net.exit(0, client);
    net.run(SECOND);
    assert_eq!(net.log, ["A LOCATE lost", "A LOCATE lost"], "nobody searches any more");
    assert_eq!(net.kernels[0].next_deadline(), None);
}

/// The server of slide 16 has moved: from machine 1, where the client knows it, to machine 2.
fn moved() -> (Net, LocalId, LocalId) {
    let (mut net, client) = town();
    let before = net.spawn_with(1, findable());
    let call = net.call(0, client, SPARSE, "question");
    net.settle();
    net.serve(1, before, "answer");
    net.settle();
    net.claim(0, call);
    net.exit(1, before);
    let after = net.spawn_with(2, findable());
    net.log.clear();
    (net, client, after)
}

#[test]
fn who_has_moved_is_followed() {
    let (mut net, client, server) = moved();
    let call = net.call(0, client, SPARSE, "question");
    net.settle();
    net.settle();
    net.serve(2, server, "answer");
    net.settle();
    assert_eq!(text(net.claim(0, call)), "answer");
    assert_eq!(net.log, ["A REQ", "B AU", "A LOCATE", "C HERE", "A REQ", "C REP", "A ACK"]);
    let places = |(_, event): &(usize, sendrec_core::trace::Event)| match event.what {
        What::Located { address, .. } => Some((true, address)),
        What::Mislaid { address, .. } => Some((false, address)),
        _ => None,
    };
    let places: Vec<(bool, Address)> = net.events.iter().filter_map(places).collect();
    assert_eq!(places.iter().map(|(found, _)| *found).collect::<Vec<_>>(), [true, false, true]);
    assert_eq!(places[2].1, at(2, server));
}

#[test]
fn one_that_moved_into_this_machine_is_found_without_a_packet() {
    let (mut net, client) = town();
    let call = net.call(0, client, SPARSE, "question");
    let server = net.spawn_with(0, findable());
    assert_eq!(net.serve(0, server, "answer"), "question");
    assert_eq!(text(net.claim(0, call)), "answer");
    let located = net.trap(0, client, Syscall::Locate { sparse: SPARSE, anew: true });
    assert_eq!(located, Entry::Done(Outcome::Located(at(0, server))));
    assert_eq!(net.log, ["A LOCATE"]);
}

#[test]
fn on_silence_what_must_not_run_twice_goes_nowhere_else_and_what_may_does() {
    for semantics in [Semantics::AtMostOnce, Semantics::AtLeastOnce] {
        let (mut net, client) = town();
        let before = net.spawn_with(1, findable());
        let asked = token(locate(&mut net, client, false));
        net.settle();
        assert_eq!(net.claim(0, asked), Some(Outcome::Located(at(1, before))));
        // The machine answers nobody any more, and its process is said to be on another.
        for _ in 0..12 {
            net.drop_next(0, PacketType::Req);
        }
        let after = net.spawn_with(2, findable());
        let options = Options { semantics, ..Options::default() };
        let call = net.call_with(0, client, SPARSE, "question", options);
        net.run(20 * SECOND);
        match semantics {
            Semantics::AtMostOnce => assert_eq!(error(net.claim(0, call)), CallError::NoAnswer),
            Semantics::AtLeastOnce => {
                let here = [(1, before), (2, after)].into_iter().find(|(kernel, process)| {
                    net.take(*kernel, *process).is_some_and(|request| {
                        net.reply(*kernel, *process, request.source, "answer");
                        true
                    })
                });
                assert!(here.is_some());
                net.settle();
                assert_eq!(text(net.claim(0, call)), "answer");
            }
        }
        // What was known of its place is known no longer.
        net.log.clear();
        let again = locate(&mut net, client, false);
        let forgotten = semantics == Semantics::AtMostOnce;
        assert_eq!(matches!(again, Entry::Wait(_)), forgotten);
    }
}

#[test]
fn whoever_has_the_local_id_after_a_reboot_is_not_taken_for_the_one_that_was_found() {
    for semantics in [Semantics::AtMostOnce, Semantics::AtLeastOnce] {
        let (mut net, client) = town();
        let well_known = SpawnOptions { local_id: Some(LocalId(1)), ..findable() };
        net.spawn_with(1, well_known);
        let asked = token(locate(&mut net, client, false));
        net.settle();
        net.claim(0, asked);
        net.reboot(1, 101);
        let impostor = net.spawn_as(1, 1);
        let server = net.spawn_with(2, findable());
        net.run(SECOND);
        let call = net.call_with(0, client, SPARSE, "question", Options { semantics, ..Options::default() });
        net.run(SECOND);
        assert!(net.take(1, impostor).is_none());
        net.serve(2, server, "answer");
        net.settle();
        assert_eq!(text(net.claim(0, call)), "answer", "{semantics:?}");
    }
}

#[test]
fn a_sparse_id_belongs_to_one_process_of_a_kernel_as_long_as_that_lives() {
    let mut net = Net::new(1, &prompt());
    let first = net.spawn_with(0, findable());
    let mut out = sendrec_core::Out::default();
    let taken = net.kernels[0].spawn(net.now, findable(), &mut out);
    assert_eq!(taken, Err(sendrec_core::SpawnError::SparseTaken(SPARSE)));
    net.exit(0, first);
    net.spawn_with(0, findable());
}

/// Whoever waits for less than the kernel would try must not call the same silent place for ever.
#[test]
fn a_place_that_was_silent_until_its_caller_gave_up_is_believed_no_longer() {
    for reliability in Reliability::ALL {
        let (mut net, client) = town();
        net.spawn_with(1, findable());
        let asked = token(locate(&mut net, client, false));
        net.settle();
        net.claim(0, asked);
        for _ in 0..12 {
            net.drop_next(0, PacketType::Req);
        }
        let call = net.call_with(0, client, SPARSE, "question", reliably(reliability));
        net.run(SECOND);
        assert!(net.cancel(0, call).is_some());
        assert!(matches!(locate(&mut net, client, false), Entry::Wait(_)), "{reliability:?}");
    }
}

/// Nobody else can say that a process is here.
#[test]
fn a_here_that_comes_from_this_machine_s_own_address_is_no_answer() {
    let (mut net, client) = town();
    let bystander = net.spawn(0);
    let call = net.call(0, client, SPARSE, "question");
    let server = net.spawn_with(1, findable());
    net.hold_next(1, PacketType::Here);
    net.settle();
    let (_, _, answer) = net.last_of(PacketType::Here);
    let forged = harness::mutate(&answer, |packet| packet.header.source = bystander);
    net.inject_packet(0, harness::machine(0), &forged);
    assert_eq!(net.take(0, bystander), None);
    net.release();
    net.settle();
    net.serve(1, server, "answer");
    net.settle();
    assert_eq!(text(net.claim(0, call)), "answer");
}

#[test]
fn what_may_have_run_before_its_server_was_lost_is_not_said_to_be_not_run() {
    let (mut net, client) = town();
    let server = net.spawn_with(1, findable());
    let options = Options { semantics: Semantics::AtLeastOnce, ..Options::default() };
    let call = net.call_with(0, client, SPARSE, "question", options);
    net.run(Duration::from_millis(4));
    assert_eq!(net.take(1, server).unwrap().message, "question", "it runs");
    // From here on nothing is heard of its machine, and nobody else has the id.
    net.cut(true);
    net.run(120 * SECOND);
    assert_eq!(error(net.claim(0, call)), CallError::NoAnswer);
}

/// A call that may run more than once, which has run on machine 1 before that fell silent; nobody else has the id.
fn ran_at_one_now_silent() -> (Net, sendrec_core::WaitToken) {
    let (mut net, client) = town();
    let server = net.spawn_with(1, findable());
    let options = Options { semantics: Semantics::AtLeastOnce, ..Options::default() };
    let call = net.call_with(0, client, SPARSE, "question", options);
    net.run(SECOND / 100);
    net.take(1, server).unwrap();
    net.cut(true);
    let searched = |net: &Net| net.log.iter().filter(|line| line.starts_with("A LOCATE")).count() > 1;
    for _ in 0..1_000 {
        net.run(SECOND / 10);
        if searched(&net) {
            break;
        }
    }
    assert!(searched(&net), "it follows the id");
    net.reboot(1, 500);
    net.cut(false);
    (net, call)
}

#[test]
fn what_may_have_run_at_a_silent_place_is_not_called_refused() {
    let (mut net, call) = ran_at_one_now_silent();
    let full = Buffering::Mailbox { messages: 0, bytes: 0, overflow: Overflow::TryAgain };
    net.spawn_with(2, SpawnOptions { buffering: Some(full), ..findable() });
    net.run(120 * SECOND);
    assert_eq!(error(net.claim(0, call)), CallError::NoAnswer);
}

#[test]
fn nor_not_executed_by_a_process_of_this_machine() {
    for discards in [false, true] {
        let (mut net, call) = ran_at_one_now_silent();
        let buffering = Buffering::Mailbox { messages: 0, bytes: 0, overflow: Overflow::Discard };
        let buffering = if discards { Some(buffering) } else { None };
        let other = net.spawn_with(0, SpawnOptions { buffering, ..findable() });
        net.run(120 * SECOND);
        net.exit(0, other);
        net.settle();
        assert_eq!(error(net.claim(0, call)), CallError::NoAnswer, "discards: {discards}");
    }
}
