//! Slide 18: unexpected messages that are kept for a while.
mod harness;

use std::time::Duration;

use harness::{LATENCY, Net, at, done, error, prompt, reliably, text, token};
use sendrec_core::trace::What;
use sendrec_core::wire::PacketType;
use sendrec_core::{
    Buffering, CallError, Config, From, LocalId, Options, Outcome, Reliability, SpawnOptions,
};

const MILLISECOND: Duration = Duration::from_millis(1);
const TIME: Duration = Duration::from_millis(40);
const KEEP: Buffering = Buffering::Keep { messages: 2, bytes: 1 << 16, time: TIME };

/// A client on machine 0, and on machine 1 a server that keeps what it does not expect for a while.
fn shop() -> (Net, LocalId, LocalId) {
    let mut net = Net::new(2, &Config { first_incarnation: true, ..prompt() });
    let client = net.spawn(0);
    let server = net.spawn_with(1, SpawnOptions { buffering: Some(KEEP), ..SpawnOptions::default() });
    (net, client, server)
}

fn expired(net: &Net) -> usize {
    net.events.iter().filter(|(_, event)| matches!(event.what, What::Expired { .. })).count()
}

#[test]
fn who_receives_in_time_gets_the_message_and_only_then_is_it_acknowledged() {
    for (reliability, packets) in [
        (Reliability::Unreliable, &["A REQ", "B REP"][..]),
        (Reliability::AckEach, &["A REQ", "B ACK", "B REP", "A ACK"]),
        (Reliability::ReplyAcks, &["A REQ", "B REP", "A ACK"]),
    ] {
        let (mut net, client, server) = shop();
        let call = net.call_with(0, client, at(1, server), "question", reliably(reliability));
        net.run(30 * MILLISECOND);
        assert_eq!(net.log, ["A REQ"], "{reliability:?}: nothing is promised yet");
        net.serve(1, server, "answer");
        net.settle();
        assert_eq!((text(net.claim(0, call)).as_str(), expired(&net)), ("answer", 0));
        assert_eq!(net.log, packets, "{reliability:?}");
    }
}

#[test]
fn a_message_kept_in_vain_might_never_have_come_and_the_next_copy_is_new() {
    let (mut net, client, server) = shop();
    let call = net.call(0, client, at(1, server), "question");
    net.run(LATENCY + TIME - MILLISECOND);
    assert_eq!(expired(&net), 0);
    net.run(2 * MILLISECOND);
    assert_eq!(expired(&net), 1);
    assert!(net.take(1, server).is_none());
    assert!(!net.kernels[1].is_engaged(), "nothing is left of it");
    // The client's kernel sends it again, and this time somebody waits.
    let waiting = token(net.receive(1, server, From::Any));
    net.run(200 * MILLISECOND);
    let Some(Outcome::Received(request)) = net.claim(1, waiting) else { panic!("it did not come again") };
    net.reply(1, server, request.source, "answer");
    net.settle();
    assert_eq!((text(net.claim(0, call)).as_str(), net.runs(1)), ("answer", 1));
}

#[test]
fn a_one_way_message_is_acknowledged_when_it_is_taken_and_not_before() {
    for reliability in [Reliability::AckEach, Reliability::ReplyAcks] {
        let (mut net, client, server) = shop();
        let sent = token(net.send_one_way(0, client, at(1, server), "news", reliably(reliability)));
        net.run(30 * MILLISECOND);
        assert_eq!((net.log.len(), net.claim(0, sent)), (1, None));
        assert_eq!(net.take(1, server).unwrap().message, "news");
        net.settle();
        assert_eq!(net.claim(0, sent), Some(Outcome::Sent("news".into())));
        assert_eq!(net.log, ["A REQ", "B ACK"]);
        net.replay(sendrec_core::wire::PacketType::Req);
        assert!(net.take(1, server).is_none(), "a copy that comes late is known");
    }
    let (mut net, client, server) = shop();
    done(net.send_one_way(0, client, at(1, server), "news", reliably(Reliability::Unreliable)));
    done(net.send_one_way(0, client, at(1, server), "more", reliably(Reliability::Unreliable)));
    net.settle();
    assert_eq!(net.take(1, server).unwrap().message, "news");
    net.run(2 * TIME);
    assert_eq!((expired(&net), net.take(1, server)), (1, None));
}

#[test]
fn no_more_is_kept_than_may_be() {
    let (mut net, client, server) = shop();
    for text in ["one", "two", "three"] {
        net.call_with(0, client, at(1, server), text, reliably(Reliability::Unreliable));
    }
    net.settle();
    let kept: Vec<_> = std::iter::from_fn(|| net.take(1, server)).map(|request| request.message).collect();
    assert_eq!(kept, ["one", "two"]);
    assert_eq!(net.kernels[1].next_deadline(), None, "what was taken is kept no longer");
}

#[test]
fn when_its_keeper_ends_the_client_is_told_that_it_was_not_run() {
    let (mut net, client, server) = shop();
    let call = net.call(0, client, at(1, server), "question");
    net.settle();
    net.exit(1, server);
    net.settle();
    assert_eq!(error(net.claim(0, call)), CallError::CrashedNotExecuted);
    assert_eq!(net.kernels[1].next_deadline(), None);
}

#[test]
fn between_processes_of_one_kernel_a_request_kept_in_vain_is_refused() {
    let mut net = Net::new(1, &prompt());
    let client = net.spawn(0);
    let server = net.spawn_with(0, SpawnOptions { buffering: Some(KEEP), ..SpawnOptions::default() });
    let call = net.call(0, client, at(0, server), "question");
    net.run(TIME - 2 * MILLISECOND);
    assert_eq!(net.claim(0, call), None);
    net.run(4 * MILLISECOND);
    assert_eq!(error(net.claim(0, call)), CallError::Refused);
    let call = net.call(0, client, at(0, server), "question");
    net.serve(0, server, "answer");
    net.run(2 * TIME);
    assert_eq!(text(net.claim(0, call)), "answer");
    // Replies are expected: they are kept for good.
    let asker = net.spawn_with(0, SpawnOptions { buffering: Some(KEEP), ..SpawnOptions::default() });
    let answerer = net.spawn(0);
    net.send(0, asker, at(0, answerer), "m1", Options::default());
    let request = net.take(0, answerer).unwrap();
    net.reply(0, answerer, request.source, "m2");
    net.run(2 * TIME);
    assert_eq!(net.take(0, asker).unwrap().message, "m2");
}

#[test]
fn a_request_that_was_acknowledged_and_handed_on_is_not_thrown_away_without_a_word() {
    let (mut net, client, _) = shop();
    let front = net.spawn(1);
    let back = net.spawn_with(1, SpawnOptions { buffering: Some(KEEP), ..SpawnOptions::default() });
    let call = net.call_with(0, client, at(1, front), "question", reliably(Reliability::AckEach));
    net.settle();
    let request = net.take(1, front).unwrap();
    done(net.forward(1, front, &request, at(1, back)));
    net.run(2 * TIME);
    assert_eq!(error(net.claim(0, call)), CallError::CrashedNotExecuted);
}

/// At least once, and acknowledged when the reply is late: the client is told by AYA whether its request still runs.
const AGAIN: Options = Options::new(Reliability::ReplyAcks, sendrec_core::Semantics::AtLeastOnce);

/// The client asks again for a reply that was lost, until somebody runs its request.
fn run_again(net: &mut Net, server: LocalId, call: sendrec_core::WaitToken) {
    for _ in 0..1_000 {
        net.run(10 * MILLISECOND);
        if let Some(request) = net.take(1, server) {
            net.reply(1, server, request.source, "answer");
            net.settle();
            assert_eq!(text(net.claim(0, call)), "answer");
            return;
        }
    }
    panic!("the request never came again");
}

/// The swarm found it: the copy that nobody took was waited for, and the request ran for ever.
#[test]
fn a_copy_that_is_kept_in_vain_leaves_the_run_that_goes_on() {
    let (mut net, client, server) = shop();
    let call = net.call_with(0, client, at(1, server), "question", AGAIN);
    net.run(2 * LATENCY);
    let request = net.take(1, server).unwrap();
    net.replay(PacketType::Req);
    net.run(2 * TIME);
    assert_eq!(expired(&net), 1);
    net.drop_next(1, PacketType::Rep);
    net.reply(1, server, request.source, "lost");
    assert!(!net.kernels[1].is_engaged());
    run_again(&mut net, server, call);
}

/// The swarm found it: a run that had died was waited for beside the next one.
#[test]
fn a_request_that_died_where_it_was_forwarded_to_is_run_once_more() {
    let (mut net, client, server) = shop();
    let front = net.spawn(1);
    let call = net.call_with(0, client, at(1, front), "question", AGAIN);
    net.run(2 * LATENCY);
    let request = net.take(1, front).unwrap();
    net.forward(1, front, &request, at(1, server));
    net.run(2 * TIME);
    assert_eq!(expired(&net), 1);
    net.drop_next(1, PacketType::Rep);
    assert_eq!(net.serve(1, front, "lost"), "question");
    assert!(!net.kernels[1].is_engaged());
    run_again(&mut net, front, call);
}
