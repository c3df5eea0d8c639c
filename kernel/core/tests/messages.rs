//! Send and receive, one-way messages, pings, the ends of processes, and what a trace tells of them.
mod harness;

use std::collections::HashMap;
use std::time::Duration;

use harness::{Net, at, done, error, prompt, reliably, text, token};
use sendrec_core::trace::{BlockedOn, Ending, Fate, What};
use sendrec_core::wire::{IaaStatus, Kind, PacketType, View};
use sendrec_core::{
    CallError, Config, From, Handing, LocalId, Options, Outcome, ReceiveError, Reliability, ReplyError,
    Syscall, Target,
};

const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

#[test]
fn the_reply_to_a_message_sent_comes_through_the_mailbox() {
    let (mut net, client, server) = Net::pair(&prompt());
    let sent = token(net.send(0, client, at(1, server), "m1", Options::default()));
    net.run(25 * MILLISECOND);
    assert_eq!(net.claim(0, sent), Some(Outcome::Sent("m1".into())), "its ACK is here");
    let request = net.take(1, server).unwrap();
    assert!(request.source.wants_reply() && !request.source.is_reply());
    net.reply(1, server, request.source, "m2");
    net.settle();
    let reply = net.take(0, client).unwrap();
    assert_eq!((reply.source.address(), &reply.message[..]), (at(1, server), &b"m2"[..]));
    assert!(reply.source.is_reply() && !reply.source.wants_reply());
}

#[test]
fn when_a_send_is_over_depends_on_its_reliability() {
    let packets = |reliability| {
        let (mut net, client, server) = Net::pair(&prompt());
        let sent = net.send(0, client, at(1, server), "m1", reliably(reliability));
        let sent = match sent {
            sendrec_core::Entry::Done(outcome) => Some(outcome),
            sendrec_core::Entry::Wait(token) => {
                while net.claim(0, token).is_none() {
                    net.run(MILLISECOND);
                }
                None
            }
        };
        (sent.is_some(), net.log)
    };
    assert_eq!(packets(Reliability::Unreliable), (true, vec!["A REQ".into()]), "handed to the network");
    for reliability in [Reliability::AckEach, Reliability::ReplyAcks] {
        assert_eq!(packets(reliability), (false, vec!["A REQ".into(), "B ACK".into()]), "its ACK is here");
    }
}

#[test]
fn a_message_that_will_not_be_answered_is_told_of_in_the_mailbox() {
    let (mut net, client, server) = Net::pair(&prompt());
    token(net.send(0, client, at(1, server), "m1", reliably(Reliability::AckEach)));
    net.settle();
    let waiting = token(net.receive(0, client, From::Any));
    net.exit(1, server);
    net.settle();
    let to = at(1, server);
    let failure = ReceiveError::RequestFailed { to, error: CallError::CrashedNotExecuted };
    assert_eq!(net.claim(0, waiting), Some(Outcome::NotReceived(failure)));
}

#[test]
fn a_send_that_fails_before_it_is_safe_hands_its_message_back() {
    let (mut net, client, _) = Net::pair(&prompt());
    let sent = token(net.send(0, client, at(1, LocalId(9)), "m1", Options::default()));
    net.settle();
    let Some(Outcome::Unsent(unsent)) = net.claim(0, sent) else { panic!("it was sent") };
    assert_eq!((unsent.error, &unsent.message[..]), (CallError::NoSuchProcess, &b"m1"[..]));
    assert_eq!(net.take(0, client), None, "who was told once is not told again");
}

#[test]
fn a_reliable_one_way_message_is_acknowledged_and_wants_nothing_more() {
    for reliability in [Reliability::AckEach, Reliability::ReplyAcks] {
        let (mut net, client, server) = Net::pair(&prompt());
        let sent = token(net.send_one_way(0, client, at(1, server), "news", reliably(reliability)));
        net.run(10 * SECOND);
        assert_eq!(net.claim(0, sent), Some(Outcome::Sent("news".into())));
        let news = net.take(1, server).unwrap();
        assert!(!news.source.wants_reply() && !news.source.is_reply());
        let outcome = done(net.reply(1, server, news.source, "thanks"));
        assert!(matches!(outcome, Some(Outcome::NotReplied { error: ReplyError::NotWanted, .. })));
        assert_eq!(net.log, ["A REQ", "B ACK"]);
    }
}

#[test]
fn a_one_way_message_is_delivered_once_though_its_acknowledgement_is_lost() {
    let (mut net, client, server) = Net::pair(&prompt());
    net.drop_next(1, PacketType::Ack);
    let sent = token(net.send_one_way(0, client, at(1, server), "news", Options::default()));
    net.run(SECOND);
    assert_eq!(net.claim(0, sent), Some(Outcome::Sent("news".into())));
    assert_eq!(net.log, ["A REQ", "B ACK lost", "A REQ", "B ACK"]);
    assert_eq!(net.take(1, server).unwrap().message, "news");
    assert_eq!((net.take(1, server), net.fates(1, Fate::DuplicateDone)), (None, 1));
}

#[test]
fn an_unreliable_one_way_message_is_a_request_and_nothing_else() {
    let (mut net, client, server) = Net::pair(&prompt());
    let sent = net.send_one_way(0, client, at(1, server), "news", reliably(Reliability::Unreliable));
    assert_eq!(done(sent), Some(Outcome::Sent("news".into())));
    net.run(10 * SECOND);
    assert_eq!(net.log, ["A REQ"]);
    assert_eq!(net.take(1, server).unwrap().message, "news");
    assert_eq!((net.kernels[0].holdings().outgoing, net.kernels[1].holdings().served), (0, 0));
}

fn last_status(net: &Net) -> IaaStatus {
    match View::new(&net.last_of(PacketType::Iaa).2).unwrap().header().kind {
        Kind::Iaa { status, .. } => status,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_probe_learns_whether_the_request_is_queued_or_running() {
    let (mut net, client, server) = Net::pair(&prompt());
    let call = net.call(0, client, at(1, server), "question");
    net.run(1_100 * MILLISECOND);
    assert_eq!(last_status(&net), IaaStatus::Queued);
    let request = net.take(1, server).unwrap();
    net.run(SECOND);
    assert_eq!(last_status(&net), IaaStatus::Executing);
    net.drop_next(1, PacketType::Rep);
    net.reply(1, server, request.source, "answer");
    net.run(SECOND);
    assert_eq!(text(net.claim(0, call)), "answer", "a probe of what was answered brings the reply again");
    assert_eq!(net.runs(1), 1);
}

#[test]
fn a_process_that_ends_tells_those_it_has_not_answered() {
    for (taken, told) in [(false, CallError::CrashedNotExecuted), (true, CallError::CrashedUnknown)] {
        let (mut net, client, server) = Net::pair(&prompt());
        let call = net.call(0, client, at(1, server), "question");
        net.settle();
        if taken {
            net.take(1, server).unwrap();
        }
        net.exit(1, server);
        net.settle();
        assert_eq!(error(net.claim(0, call)), told);
        assert_eq!(net.log, ["A REQ", "B AU"]);
        net.replay(PacketType::Req);
        assert_eq!(net.fates(1, Fate::Gone), 1, "and a duplicate is told the same");
    }
}

#[test]
fn what_a_dead_server_s_kernel_said_is_said_again_if_it_is_lost() {
    let (mut net, client, server) = Net::pair(&prompt());
    let call = net.call(0, client, at(1, server), "question");
    net.run(30 * MILLISECOND);
    net.take(1, server).unwrap();
    net.drop_next(1, PacketType::Au);
    net.exit(1, server);
    net.run(2 * SECOND);
    assert_eq!(net.log, ["A REQ", "B ACK", "B AU lost", "A AYA", "B AU"]);
    assert_eq!(error(net.claim(0, call)), CallError::CrashedUnknown);
}

#[test]
fn a_process_that_ends_takes_back_what_it_asked_for() {
    let (mut net, client, server) = Net::pair(&Config::default());
    let answered = net.call(0, client, at(1, server), "one");
    net.settle();
    net.serve(1, server, "1");
    net.run(2 * MILLISECOND);
    let waits = [
        net.call(0, client, at(1, server), "two"),
        token(net.receive(0, client, From::Any)),
        token(net.ping(0, client, at(1, LocalId(0)))),
    ];
    net.exit(0, client);
    assert_eq!(text(net.claim(0, answered)), "1", "what came before is kept until it is claimed");
    let [call, receive, ping] = waits.map(|wait| net.claim(0, wait));
    assert_eq!(error(call), CallError::Cancelled);
    assert_eq!(receive, Some(Outcome::NotReceived(ReceiveError::Cancelled)));
    assert_eq!(error(ping), CallError::Cancelled);
    assert_eq!(net.kernels[0].holdings().outgoing, 0);
    let refused = net.call_and_block(0, client, at(1, server), "from beyond");
    assert_eq!(error(done(refused)), CallError::NoCaller);
}

#[test]
fn an_acknowledgement_owed_goes_out_when_its_process_ends() {
    let (mut net, client, server) = Net::pair(&Config::default());
    net.call(0, client, at(1, server), "one");
    net.settle();
    net.serve(1, server, "1");
    net.run(2 * MILLISECOND);
    assert_eq!(net.log, ["A REQ", "B REP"]);
    net.exit(0, client);
    assert_eq!(net.log, ["A REQ", "B REP", "A ACK"]);
    net.settle();
    assert_eq!(net.kernels[1].holdings().kept_bytes, 0);
}

#[test]
fn a_deadline_that_expires_as_the_answer_comes_loses_nothing() {
    let (mut net, client, server) = Net::pair(&prompt());
    let call = net.call(0, client, at(1, server), "question");
    let waiting = token(net.receive(1, server, From::Any));
    net.settle();
    let Some(Outcome::Received(request)) = net.cancel(1, waiting) else { panic!("the request is lost") };
    net.reply(1, server, request.source, "answer");
    net.settle();
    assert_eq!(text(net.cancel(0, call)), "answer");
    assert_eq!((net.cancel(0, call), net.claim(0, call)), (None, None));
}

#[test]
fn a_receive_given_up_takes_no_message_with_it() {
    let (mut net, client, server) = Net::pair(&prompt());
    let waiting = token(net.receive(1, server, From::Any));
    let outcome = net.cancel(1, waiting);
    assert_eq!(outcome, Some(Outcome::NotReceived(ReceiveError::TimedOut)));
    net.call(0, client, at(1, server), "question");
    net.settle();
    assert_eq!(net.take(1, server).unwrap().message, "question");
}

#[test]
fn a_receive_from_one_leaves_the_others_messages() {
    let (mut net, client, server) = Net::pair(&prompt());
    let other = net.spawn(0);
    net.call(0, client, at(1, server), "from client");
    net.settle();
    let waiting = token(net.receive(1, server, From::One(at(0, other))));
    assert_eq!(net.claim(1, waiting), None);
    net.call(0, other, at(1, server), "from other");
    net.settle();
    assert_eq!(text(net.claim(1, waiting)), "from other");
    assert_eq!(net.take(1, server).unwrap().message, "from client");
}

#[test]
fn a_source_is_answered_once_and_by_its_receiver() {
    let (mut net, client, server) = Net::pair(&prompt());
    let stranger = net.spawn(1);
    net.call(0, client, at(1, server), "question");
    net.settle();
    let request = net.take(1, server).unwrap();
    let by_another = done(net.reply(1, stranger, request.source, "answer"));
    assert!(matches!(by_another, Some(Outcome::NotReplied { error: ReplyError::NotYours, .. })));
    assert!(matches!(done(net.reply(1, server, request.source, "answer")), Some(Outcome::Replied(_))));
    let again = done(net.reply(1, server, request.source, "answer"));
    assert!(matches!(again, Some(Outcome::NotReplied { error: ReplyError::NotWanted, .. })));
    net.settle();
    let too_late = done(net.reply(1, server, request.source, "answer"));
    assert!(matches!(too_late, Some(Outcome::NotReplied { error: ReplyError::Abandoned, .. })));
}

#[test]
fn a_ping_tells_who_lives() {
    let (mut net, client, server) = Net::pair(&prompt());
    net.run(SECOND);
    let pings = [LocalId(0), server, LocalId(9)].map(|id| token(net.ping(0, client, at(1, id))));
    net.settle();
    let [machine, process, nobody] = pings.map(|ping| net.claim(0, ping));
    assert_eq!(machine, process);
    let Some(Outcome::Alive { epoch, uptime }) = machine else { panic!("{machine:?}") };
    assert_eq!((epoch.0, uptime), (100, SECOND + MILLISECOND));
    assert_eq!(error(nobody), CallError::NoSuchProcess);
    assert_eq!(net.log, ["A AYA", "A AYA", "A AYA", "B IAA", "B IAA", "B AU"]);
}

#[test]
fn a_ping_on_its_own_machine_sends_nothing() {
    let (mut net, client, _) = Net::pair(&prompt());
    assert!(matches!(done(net.ping(0, client, at(0, client))), Some(Outcome::Alive { .. })));
    assert_eq!(error(done(net.ping(0, client, at(0, LocalId(9))))), CallError::NoSuchProcess);
    assert_eq!(net.log, [""; 0]);
}

#[test]
fn every_packet_sent_has_a_cause() {
    let (mut net, client, server) = Net::pair(&Config::default());
    net.drop_next(0, PacketType::Req);
    net.drop_next(1, PacketType::Rep);
    net.call(0, client, at(1, server), "question");
    net.run(130 * MILLISECOND);
    net.serve(1, server, "answer");
    net.run(SECOND);
    net.call(0, client, at(1, server), "another");
    net.run(2 * SECOND);
    net.exit(1, server);
    net.run(SECOND);
    let numbered: HashMap<_, _> =
        net.events.iter().map(|(kernel, event)| ((*kernel, event.number), &event.what)).collect();
    let mut sent = 0;
    for (kernel, event) in &net.events {
        let What::Sent { .. } = event.what else { continue };
        let cause = numbered[&(*kernel, event.cause.expect("a packet nobody caused"))];
        let input = matches!(
            cause,
            What::Trap { .. } | What::Received { .. } | What::Timer { .. } | What::Ended { .. }
        );
        assert!(input, "{cause:?} caused {event:?}");
        sent += 1;
    }
    assert_eq!(sent, net.log.len());
}

#[test]
fn a_trace_tells_how_a_wait_ended_and_what_became_of_a_packet() {
    let (mut net, client, server) = Net::pair(&prompt());
    net.call(0, client, at(1, server), "question");
    net.settle();
    net.exit(1, server);
    net.settle();
    let ended = Ending::CallFailed(CallError::CrashedNotExecuted);
    let on = Some(BlockedOn::Call(at(1, server)));
    let woken = What::Woken { process: client, with: ended, on, buffer_free: false };
    assert!(net.events.iter().any(|(kernel, event)| *kernel == 0 && event.what == woken));
    net.replay(PacketType::Req);
    let last_fate = net.events.iter().rev().find_map(|(_, event)| match event.what {
        What::Received { fate, .. } => Some(fate),
        _ => None,
    });
    assert_eq!(last_fate, Some(Fate::Gone));
}

#[test]
fn with_nothing_in_progress_no_timer_is_armed() {
    let (mut net, client, server) = Net::pair(&Config::default());
    net.call(0, client, at(1, server), "question");
    net.settle();
    assert!(net.kernels.iter().all(sendrec_core::Kernel::is_engaged));
    net.serve(1, server, "answer");
    net.run(SECOND);
    for kernel in &net.kernels {
        assert_eq!((kernel.next_deadline(), kernel.is_engaged()), (None, false));
    }
}

#[test]
fn a_lent_buffer_comes_back_once() {
    let lend = |net: &mut Net, client, to, options| {
        let message = "m1".into();
        let (blocking, handing) = (false, Handing::Lent);
        net.trap(0, client, Syscall::Send { to, message, options, one_way: false, blocking, handing });
        net.run(SECOND);
        let free = |what: &What| matches!(what, What::Woken { buffer_free: true, .. });
        net.events.iter().filter(|(kernel, event)| *kernel == 0 && free(&event.what)).count()
    };
    for reliability in Reliability::ALL {
        let (mut net, client, server) = Net::pair(&prompt());
        let to = Target::Place(at(1, server));
        assert_eq!(lend(&mut net, client, to, reliably(reliability)), 1, "{reliability:?}");
    }
    // To one who waits for it, and is woken by it.
    let (mut net, client, _) = Net::pair(&prompt());
    let server = net.spawn(0);
    net.receive(0, server, From::Any);
    assert_eq!(lend(&mut net, client, Target::Place(at(0, server)), Options::default()), 1, "on one machine");
    // Not even sent, and so its own again at once.
    let (mut net, client, _) = Net::pair(&prompt());
    let to = Target::Place(at(0, LocalId(999)));
    assert_eq!(lend(&mut net, client, to, Options::default()), 1, "to nobody");
}
