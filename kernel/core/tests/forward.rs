//! Forwarding: another process answers, and the client notices nothing.
mod harness;

use std::time::Duration;

use harness::{Net, at, done, error, machine, prompt};
use sendrec_core::trace::Fate;
use sendrec_core::wire::PacketType;
use sendrec_core::{
    Buffering, CallError, Config, Entry, LocalId, Options, Outcome, Overflow, Received, Reliability,
    ReplyError, Semantics, SpawnOptions,
};

const SECOND: Duration = Duration::from_secs(1);
const FRONT: LocalId = LocalId(1);
const BACK: LocalId = LocalId(2);

/// Machine 0 with a client, machine 1 with the front, machine `back` with the process that answers.
fn office(back: usize) -> (Net, LocalId) {
    let mut net = Net::new(3, &Config { first_incarnation: true, ..prompt() });
    let client = net.spawn(0);
    net.spawn_as(1, FRONT.0);
    net.spawn_as(back, BACK.0);
    (net, client)
}

fn asked(net: &mut Net, client: LocalId, kernel: usize) -> (sendrec_core::WaitToken, Received) {
    let call = net.call(kernel, client, at(1, FRONT), "question");
    net.settle();
    (call, net.take(1, FRONT).unwrap())
}

fn assert_answered_by_front(net: &mut Net, kernel: usize, call: sendrec_core::WaitToken) {
    let Some(Outcome::Received(reply)) = net.claim(kernel, call) else { panic!("no answer") };
    assert_eq!((reply.source.address(), &reply.message[..]), (at(1, FRONT), &b"answer"[..]));
}

#[test]
fn between_processes_of_one_machine() {
    let (mut net, _) = office(1);
    let client = net.spawn(1);
    let (call, request) = asked(&mut net, client, 1);
    assert!(matches!(net.forward(1, FRONT, &request, at(1, BACK)), Entry::Done(Outcome::Replied(_))));
    let forwarded = net.take(1, BACK).unwrap();
    assert_eq!(forwarded.source.address(), at(1, client), "the message is the client's");
    net.reply(1, BACK, forwarded.source, "answer");
    assert_answered_by_front(&mut net, 1, call);
    assert_eq!(net.log, [""; 0]);
}

#[test]
fn a_request_of_another_machine_to_a_process_of_this_one() {
    let (mut net, client) = office(1);
    let (call, request) = asked(&mut net, client, 0);
    net.forward(1, FRONT, &request, at(1, BACK));
    assert_eq!(net.serve(1, BACK, "answer"), "question");
    net.settle();
    assert_answered_by_front(&mut net, 0, call);
    assert_eq!(net.log, ["A REQ", "B REP", "A ACK"]);
}

#[test]
fn a_request_of_another_machine_to_a_third() {
    let (mut net, client) = office(2);
    let (call, request) = asked(&mut net, client, 0);
    net.forward(1, FRONT, &request, at(2, BACK));
    net.settle();
    assert_eq!(net.serve(2, BACK, "answer"), "question");
    net.settle();
    assert_answered_by_front(&mut net, 0, call);
    assert_eq!(net.log, ["A REQ", "B REQ", "C REP", "B ACK", "B REP", "A ACK"]);
    assert_eq!(net.kernels[1].holdings().outgoing, 0);
}

#[test]
fn a_local_request_to_another_machine() {
    let (mut net, _) = office(2);
    let client = net.spawn(1);
    let (call, request) = asked(&mut net, client, 1);
    net.forward(1, FRONT, &request, at(2, BACK));
    net.settle();
    net.serve(2, BACK, "answer");
    net.settle();
    assert_answered_by_front(&mut net, 1, call);
}

#[test]
fn back_to_the_client_s_own_machine() {
    let (mut net, client) = office(0);
    let (call, request) = asked(&mut net, client, 0);
    net.forward(1, FRONT, &request, at(0, BACK));
    net.settle();
    net.serve(0, BACK, "answer");
    net.settle();
    assert_answered_by_front(&mut net, 0, call);
}

#[test]
fn what_was_forwarded_is_a_duplicate_too() {
    let (mut net, client) = office(1);
    let (call, request) = asked(&mut net, client, 0);
    net.forward(1, FRONT, &request, at(1, BACK));
    net.replay(PacketType::Req);
    net.serve(1, BACK, "answer");
    net.replay(PacketType::Req);
    net.settle();
    assert_answered_by_front(&mut net, 0, call);
    assert_eq!((net.fates(1, Fate::DuplicateInProgress), net.fates(1, Fate::DuplicateAnswered)), (1, 1));
    assert_eq!((net.take(1, FRONT), net.take(1, BACK)), (None, None));
}

#[test]
fn who_has_forwarded_to_a_neighbour_has_nothing_to_answer() {
    let (mut net, client) = office(1);
    let (_, request) = asked(&mut net, client, 0);
    net.forward(1, FRONT, &request, at(1, BACK));
    for entry in [net.reply(1, FRONT, request.source, "mine"), net.forward(1, FRONT, &request, at(1, BACK))] {
        assert!(matches!(done(entry), Some(Outcome::NotReplied { error: ReplyError::NotYours, .. })));
    }
}

#[test]
fn a_request_that_cannot_be_forwarded_stands() {
    let (mut net, client) = office(1);
    let (call, request) = asked(&mut net, client, 0);
    let refused = done(net.forward(1, FRONT, &request, at(1, LocalId(99))));
    assert!(matches!(refused, Some(Outcome::NotReplied { error: ReplyError::NoSuchProcess, .. })));
    net.reply(1, FRONT, request.source, "answer");
    net.settle();
    assert_answered_by_front(&mut net, 0, call);
    let over = done(net.forward(1, FRONT, &request, at(1, BACK)));
    assert!(matches!(over, Some(Outcome::NotReplied { .. })));
}

#[test]
fn one_who_was_forwarded_to_and_ends_is_told_of() {
    for (back, taken, told) in [
        (1, false, CallError::CrashedNotExecuted),
        (1, true, CallError::CrashedUnknown),
        (2, false, CallError::CrashedNotExecuted),
        (2, true, CallError::CrashedUnknown),
    ] {
        let (mut net, client) = office(back);
        let (call, request) = asked(&mut net, client, 0);
        net.forward(1, FRONT, &request, at(back, BACK));
        net.settle();
        if taken {
            net.take(back, BACK).unwrap();
        }
        net.exit(back, BACK);
        net.settle();
        assert_eq!(error(net.claim(0, call)), told, "machine {back}, taken: {taken}");
    }
}

#[test]
fn one_forwarded_to_nobody_is_told_of() {
    let (mut net, client) = office(2);
    let (call, request) = asked(&mut net, client, 0);
    net.forward(1, FRONT, &request, at(2, LocalId(99)));
    net.settle();
    assert_eq!(error(net.claim(0, call)), CallError::CrashedNotExecuted);
}

/// The swarm found it: a copy that was late ran, and its client had been told that nothing would.
#[test]
fn of_one_refused_where_it_was_forwarded_to_nobody_knows_whether_a_late_copy_will_run() {
    let mut net = Net::new(3, &Config { first_incarnation: true, ..prompt() });
    let (client, other) = (net.spawn(0), net.spawn(0));
    net.spawn_as(1, FRONT.0);
    let overflow = Overflow::TryAgain;
    let small = Buffering::Mailbox { messages: 1, bytes: 1 << 16, overflow };
    net.spawn_with(
        2,
        SpawnOptions { local_id: Some(BACK), buffering: Some(small), ..SpawnOptions::default() },
    );
    net.call(0, other, at(2, BACK), "in the way");
    let (call, request) = asked(&mut net, client, 0);
    net.hold_next(1, PacketType::Req);
    net.forward(1, FRONT, &request, at(2, BACK));
    net.run(60 * SECOND);
    assert_eq!(error(net.claim(0, call)), CallError::CrashedUnknown);
    net.serve(2, BACK, "done");
    net.release();
    net.settle();
    assert_eq!(net.serve(2, BACK, "too late"), "question");
}

#[test]
fn what_wants_no_reply_cannot_be_forwarded() {
    let (mut net, client) = office(1);
    net.send_one_way(0, client, at(1, FRONT), "news", Options::default());
    net.settle();
    let news = net.take(1, FRONT).unwrap();
    let refused = done(net.forward(1, FRONT, &news, at(1, BACK)));
    assert!(matches!(refused, Some(Outcome::NotReplied { error: ReplyError::NotWanted, .. })));
}

#[test]
fn a_lost_packet_on_either_way_changes_nothing() {
    for (kernel, kind) in [(1, PacketType::Req), (2, PacketType::Rep), (1, PacketType::Rep)] {
        let (mut net, client) = office(2);
        let (call, request) = asked(&mut net, client, 0);
        net.drop_next(kernel, kind);
        net.forward(1, FRONT, &request, at(2, BACK));
        net.run(SECOND);
        net.serve(2, BACK, "answer");
        net.run(3 * SECOND);
        assert_answered_by_front(&mut net, 0, call);
        assert_eq!((net.runs(1), net.runs(2)), (1, 1));
    }
}

#[test]
fn a_request_run_again_after_it_was_forwarded_is_its_first_server_s_again() {
    let semantics = sendrec_core::Semantics::AtLeastOnce;
    let options = Options { semantics, ..Options::default() };
    let mut net = Net::new(2, &Config { options, ..prompt() });
    let client = net.spawn(0);
    net.spawn_as(1, FRONT.0);
    net.spawn_as(1, BACK.0);
    let (call, request) = asked(&mut net, client, 0);
    net.forward(1, FRONT, &request, at(1, BACK));
    net.drop_next(1, PacketType::Rep);
    net.serve(1, BACK, "lost");
    net.run(SECOND);
    assert_eq!(net.claim(0, call), None, "it waits in the mailbox of the first");
    net.exit(1, FRONT);
    net.run(SECOND);
    assert_eq!(error(net.claim(0, call)), CallError::NoSuchProcess);
}

/// The swarm found it: the run that was forwarded could not be answered once another had been handed over.
#[test]
fn a_request_that_may_run_again_is_answered_by_whom_it_was_forwarded_to() {
    let semantics = sendrec_core::Semantics::AtLeastOnce;
    let options = Options { semantics, ..Options::default() };
    for back in [1, 2] {
        let mut net = Net::new(3, &Config { options, ..prompt() });
        let client = net.spawn(0);
        net.spawn_as(1, FRONT.0);
        net.spawn_as(back, BACK.0);
        let (call, request) = asked(&mut net, client, 0);
        let (_, _, copy) = net.last_of(PacketType::Req);
        // One copy comes before it is handed on, another after.
        net.inject(1, machine(0), &copy);
        net.forward(1, FRONT, &request, at(back, BACK));
        net.inject(1, machine(0), &copy);
        assert_eq!(net.take(1, FRONT), None, "the others are in good hands");
        net.settle();
        net.serve(back, BACK, "answer");
        net.settle();
        assert_answered_by_front(&mut net, 0, call);
        assert!(!net.kernels[1].is_engaged());
    }
}

#[test]
fn one_forwarded_to_another_machine_is_the_kernel_s() {
    for kernel in [0, 1] {
        let (mut net, client) = office(2);
        let client = if kernel == 0 { client } else { net.spawn(1) };
        let (call, request) = asked(&mut net, client, kernel);
        net.forward(1, FRONT, &request, at(2, BACK));
        net.settle();
        let twice = done(net.reply(1, FRONT, request.source, "mine after all"));
        let not_yours =
            |outcome: &Outcome| matches!(outcome, Outcome::NotReplied { error: ReplyError::NotYours, .. });
        assert!(twice.as_ref().is_some_and(not_yours), "{twice:?}");
        net.exit(1, FRONT);
        net.serve(2, BACK, "answer");
        net.settle();
        assert_answered_by_front(&mut net, kernel, call);
    }
}

#[test]
fn a_request_goes_on_as_its_client_asked_for_it() {
    // The front's own sends may run more than once; what it forwards for one who wants it once may not.
    let loose = Options { semantics: Semantics::AtLeastOnce, ..Options::default() };
    let config = Config { first_incarnation: true, ..prompt() };
    let mut net = Net::with(&[config.clone(), Config { options: loose, ..config.clone() }, config]);
    let client = net.spawn(0);
    net.spawn_as(1, FRONT.0);
    net.spawn_as(2, BACK.0);
    let (call, request) = asked(&mut net, client, 0);
    net.forward(1, FRONT, &request, at(2, BACK));
    net.settle();
    net.drop_next(2, PacketType::Rep);
    net.serve(2, BACK, "answer");
    net.run(SECOND);
    assert_eq!(net.runs(2), 1);
    assert_answered_by_front(&mut net, 0, call);
}

#[test]
fn what_goes_again_goes_with_its_message() {
    let options = Options::new(Reliability::Unreliable, Semantics::AtLeastOnce);
    let (mut net, client) = office(1);
    let _ = net.send(0, client, at(1, FRONT), "question", options);
    net.settle();
    let request = net.take(1, FRONT).unwrap();
    net.forward(1, FRONT, &request, at(1, BACK));
    net.exit(1, BACK);
    net.run(SECOND);
    assert_eq!(net.take(1, FRONT).unwrap().message, "question");
}
