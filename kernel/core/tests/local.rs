//! Processes of one kernel: the same semantics, and not one packet.
mod harness;

use harness::{Net, at, done, error, prompt, text, token};
use sendrec_core::{
    Buffering, CallError, Config, Entry, From, LocalId, Options, Outcome, Overflow, ReceiveError, ReplyError,
    SpawnOptions,
};

/// One kernel, a client, and a server with this mailbox.
fn household(buffering: Buffering) -> (Net, LocalId, LocalId) {
    let mut net = Net::new(1, &Config { buffering, ..prompt() });
    let client = net.spawn(0);
    let server = net.spawn_as(0, 1);
    (net, client, server)
}

const fn mailbox(messages: usize, overflow: Overflow) -> Buffering {
    Buffering::Mailbox { messages, bytes: 1 << 20, overflow }
}

fn failure(to: LocalId, error: CallError) -> Option<Outcome> {
    Some(Outcome::NotReceived(ReceiveError::RequestFailed { to: at(0, to), error }))
}

#[test]
fn a_call_moves_the_message_and_sends_nothing() {
    let (mut net, client, server) = household(Buffering::default());
    let call = net.call(0, client, at(0, server), "question");
    assert_eq!(net.serve(0, server, "answer"), "question");
    assert_eq!(text(net.claim(0, call)), "answer");
    assert_eq!((net.log.len(), net.kernels[0].next_deadline()), (0, None));
}

#[test]
fn a_send_is_over_when_its_message_is_in_the_mailbox() {
    let (mut net, client, server) = household(Buffering::default());
    let sent = done(net.send(0, client, at(0, server), "m1", Options::default()));
    assert_eq!(sent, Some(Outcome::Sent("m1".into())));
    let request = net.take(0, server).unwrap();
    net.reply(0, server, request.source, "m2");
    let reply = net.take(0, client).unwrap();
    assert!(reply.source.is_reply());
    assert_eq!((reply.source.address(), &reply.message[..]), (at(0, server), &b"m2"[..]));
}

#[test]
fn one_who_waits_gets_the_message_without_a_mailbox() {
    let (mut net, client, server) = household(Buffering::Discard);
    let refused = net.call_and_block(0, client, at(0, server), "lost");
    assert_eq!(error(done(refused)), CallError::Refused);
    let waiting = token(net.receive(0, server, From::Any));
    net.call(0, client, at(0, server), "heard");
    assert_eq!(text(net.claim(0, waiting)), "heard");
}

#[test]
fn a_full_mailbox_that_blocks_holds_its_senders_in_their_order() {
    for overflow in [Overflow::Block, Overflow::TryAgain] {
        let (mut net, client, server) = household(mailbox(1, overflow));
        let calls = ["one", "two", "three"].map(|text| net.call(0, client, at(0, server), text));
        for expected in ["one", "two", "three"] {
            assert_eq!(net.serve(0, server, expected), expected);
        }
        assert_eq!(calls.map(|call| text(net.claim(0, call))), ["one", "two", "three"]);
    }
}

#[test]
fn a_blocked_sender_may_give_up_and_gets_its_message_back() {
    let (mut net, client, server) = household(mailbox(1, Overflow::Block));
    net.call(0, client, at(0, server), "one");
    let sender = net.spawn(0);
    let sent = token(net.send(0, sender, at(0, server), "two", Options::default()));
    let Some(Outcome::Unsent(unsent)) = net.cancel(0, sent) else { panic!("it was sent") };
    assert_eq!((unsent.error, &unsent.message[..]), (CallError::TimedOut, &b"two"[..]));
    net.serve(0, server, "1");
    assert_eq!(net.take(0, server), None);
}

#[test]
fn a_discarded_request_is_refused_and_a_discarded_one_way_message_is_not_missed() {
    let (mut net, client, server) = household(mailbox(1, Overflow::Discard));
    net.call(0, client, at(0, server), "one");
    let refused = net.call_and_block(0, client, at(0, server), "two");
    assert_eq!(error(done(refused)), CallError::Refused);
    let sent = net.send_one_way(0, client, at(0, server), "three", Options::default());
    assert_eq!(done(sent), Some(Outcome::Sent("three".into())));
    assert_eq!(net.take(0, server).unwrap().message, "one");
    assert_eq!(net.take(0, server), None);
}

#[test]
fn a_sender_that_ends_while_it_is_blocked_takes_its_message_back() {
    for one_way in [false, true] {
        let (mut net, client, server) = household(mailbox(0, Overflow::Block));
        let sender = net.spawn(0);
        if one_way {
            token(net.send_one_way(0, sender, at(0, server), "dead", Options::default()));
        } else {
            token(net.send(0, sender, at(0, server), "dead", Options::default()));
        }
        net.exit(0, sender);
        let waiting = token(net.receive(0, server, From::Any));
        net.call(0, client, at(0, server), "alive");
        assert_eq!(text(net.claim(0, waiting)), "alive", "one way: {one_way}");
    }
}

#[test]
fn an_unknown_process_is_said_to_be_unknown() {
    let (mut net, client, _) = household(Buffering::default());
    let refused = net.call_and_block(0, client, at(0, LocalId(9)), "question");
    assert_eq!(error(done(refused)), CallError::NoSuchProcess);
}

#[test]
fn a_server_that_ends_tells_its_clients_whether_it_had_begun() {
    for (taken, told) in [(false, CallError::CrashedNotExecuted), (true, CallError::CrashedUnknown)] {
        let (mut net, client, server) = household(Buffering::default());
        let call = net.call(0, client, at(0, server), "question");
        net.send(0, client, at(0, server), "m1", Options::default());
        if taken {
            net.take(0, server).unwrap();
            net.take(0, server).unwrap();
        }
        net.exit(0, server);
        assert_eq!(error(net.claim(0, call)), told);
        assert_eq!(done(net.receive(0, client, From::Any)), failure(server, told));
    }
}

#[test]
fn a_server_that_ends_ends_the_wait_for_room_too() {
    let (mut net, client, server) = household(mailbox(1, Overflow::Block));
    let calls = ["one", "two"].map(|text| net.call(0, client, at(0, server), text));
    net.exit(0, server);
    let errors = calls.map(|call| error(net.claim(0, call)));
    assert_eq!(errors, [CallError::CrashedNotExecuted, CallError::NoSuchProcess]);
}

#[test]
fn a_client_that_ends_is_not_served() {
    let (mut net, client, server) = household(Buffering::default());
    for text in ["taken", "waiting"] {
        net.call(0, client, at(0, server), text);
    }
    let taken = net.take(0, server).unwrap();
    net.exit(0, client);
    assert_eq!(net.take(0, server), None);
    let outcome = done(net.reply(0, server, taken.source, "answer"));
    assert!(matches!(outcome, Some(Outcome::NotReplied { error: ReplyError::Abandoned, .. })));
}

#[test]
fn a_call_given_up_is_not_run_and_cannot_be_answered() {
    let (mut net, client, server) = household(Buffering::default());
    let calls = ["taken", "waiting"].map(|text| net.call(0, client, at(0, server), text));
    let taken = net.take(0, server).unwrap();
    assert!(calls.map(|call| error(net.cancel(0, call))).iter().all(|e| *e == CallError::TimedOut));
    assert_eq!(net.take(0, server), None);
    let outcome = done(net.reply(0, server, taken.source, "answer"));
    assert!(matches!(outcome, Some(Outcome::NotReplied { error: ReplyError::Abandoned, .. })));
}

#[test]
fn a_source_is_answered_once_and_by_its_receiver() {
    let (mut net, client, server) = household(Buffering::default());
    net.call(0, client, at(0, server), "question");
    let request = net.take(0, server).unwrap();
    let by_another = done(net.reply(0, client, request.source, "answer"));
    assert!(matches!(by_another, Some(Outcome::NotReplied { error: ReplyError::NotYours, .. })));
    assert!(matches!(done(net.reply(0, server, request.source, "answer")), Some(Outcome::Replied(_))));
    let again = done(net.reply(0, server, request.source, "answer"));
    let Some(Outcome::NotReplied { error, .. }) = again else { panic!("{again:?}") };
    assert_eq!(error, ReplyError::Abandoned, "nothing is kept of a local request that is over");
}

#[test]
fn a_calls_b_calls_a_is_refused() {
    let (mut net, a, b) = household(Buffering::default());
    let call = token(net.call_and_block(0, a, at(0, b), "question"));
    let request = net.take(0, b).unwrap();
    let refused = net.call_and_block(0, b, at(0, a), "counter-question");
    assert_eq!(error(done(refused)), CallError::Deadlock);
    let refused = done(net.receive(0, b, From::One(at(0, a))));
    assert_eq!(refused, Some(Outcome::NotReceived(ReceiveError::Deadlock)));
    net.reply(0, b, request.source, "answer");
    assert_eq!(text(net.claim(0, call)), "answer");
    token(net.call_and_block(0, b, at(0, a), "later"));
}

#[test]
fn a_process_that_calls_itself_is_refused_unless_it_does_not_wait() {
    let (mut net, client, _) = household(Buffering::default());
    assert_eq!(error(done(net.call_and_block(0, client, at(0, client), "me"))), CallError::Deadlock);
    let call = net.call(0, client, at(0, client), "me");
    assert_eq!(net.serve(0, client, "myself"), "me");
    assert_eq!(text(net.claim(0, call)), "myself");
}

#[test]
fn a_process_of_several_threads_may_wait_for_one_that_waits_for_it() {
    let (mut net, a, _) = household(Buffering::default());
    let b = net.spawn_with(0, SpawnOptions { threads: true, ..SpawnOptions::default() });
    token(net.call_and_block(0, a, at(0, b), "question"));
    token(net.call_and_block(0, b, at(0, a), "counter-question"));
}

#[test]
fn a_wait_given_up_is_no_reason_to_refuse_another() {
    let (mut net, a, b) = household(Buffering::default());
    let call = token(net.call_and_block(0, a, at(0, b), "question"));
    net.cancel(0, call);
    assert!(matches!(net.call_and_block(0, b, at(0, a), "question"), Entry::Wait(_)));
}

#[test]
fn who_waits_for_one_process_alone_does_not_outwait_its_life() {
    let (mut net, client, server) = household(Buffering::default());
    let wait = token(net.receive(0, client, From::One(at(0, server))));
    let any = net.spawn(0);
    let patient = token(net.receive(0, any, From::Any));
    net.exit(0, server);
    let gone = Some(Outcome::NotReceived(ReceiveError::NoSuchProcess(at(0, server))));
    assert_eq!(net.claim(0, wait), gone);
    assert_eq!(net.claim(0, patient), None, "another may write to it");
    assert_eq!(done(net.receive(0, client, From::One(at(0, server)))), gone, "nor does it begin to wait");
}

#[test]
fn to_call_one_who_waits_for_our_message_is_no_deadlock() {
    let (mut net, a, b) = household(Buffering::default());
    let wait = token(net.receive(0, b, From::One(at(0, a))));
    let call = token(net.call_and_block(0, a, at(0, b), "here it is"));
    assert!(matches!(net.claim(0, wait), Some(Outcome::Received(_))));
    assert_eq!(net.claim(0, call), None, "and is to be answered");
}

#[test]
fn a_send_that_has_room_blocks_nobody_and_is_no_deadlock() {
    let (mut net, a, b) = household(mailbox(1, Overflow::Block));
    token(net.call_and_block(0, a, at(0, b), "question"));
    let send = |net: &mut Net| {
        let (to, message) = (at(0, a), "while you wait".into());
        let options = Options::default();
        net.trap(
            0,
            b,
            sendrec_core::Syscall::Send {
                to: to.into(),
                message,
                options,
                one_way: true,
                blocking: true,
                handing: sendrec_core::Handing::Moved,
            },
        )
    };
    assert!(matches!(done(send(&mut net)), Some(Outcome::Sent(_))));
    assert_eq!(error(done(send(&mut net))), CallError::Deadlock, "the mailbox is full now");
}
