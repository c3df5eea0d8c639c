//! Packets that come when something later is known already: what a client makes of an answer to a copy that was
//! overtaken, and a server of a copy that was. Each test meets cells of the two tables that chance meets rarely or never.
mod harness;

use std::time::Duration;

use harness::{Net, at, error, machine, mutate, prompt, reliably, text, token};
use sendrec_core::exchange::{Cell, ClientEvent as Event, ClientState as State, ServerEvent, ServerState};
use sendrec_core::ids::Nonce;
use sendrec_core::wire::{AuReason, Flags, IaaStatus, Kind, Packet, PacketType, TaReason, View};
use sendrec_core::{
    Buffering, CallError, Config, Epoch, LocalId, Options, Outcome, Reliability, Semantics, Sequence,
    SpawnOptions, WaitToken,
};

const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const SERVER: LocalId = LocalId(1);
/// The server's epoch, and one that says it is another.
const OWN: Epoch = Epoch(100);
const OTHER: Epoch = Epoch(777);

/// What its client makes of an event.
#[derive(Clone, Copy, Debug)]
enum Then {
    /// It fails so.
    Fails(CallError),
    /// It has its answer.
    IsAnswered,
    /// It has not, and has sent these since.
    Sends(&'static [&'static str]),
}

use Then::{Fails, IsAnswered, Sends};

/// A client that knows its server, and a call of it whose packet was lost with all that follow.
fn asked() -> (Net, WaitToken) {
    let (mut net, client, _) = Net::pair(&prompt());
    net.call(0, client, at(1, SERVER), "hello");
    net.settle();
    net.serve(1, SERVER, "welcome");
    net.settle();
    net.cut(true);
    let call = net.call(0, client, at(1, SERVER), "question");
    net.log.clear();
    (net, call)
}

/// A packet about the request sent last, from an incarnation of its server. A REP says what the request said.
fn inject(net: &mut Net, epoch: Epoch, kind: Kind) {
    let packet: Packet = mutate(&net.last_of(PacketType::Req).2, |packet| {
        let header = &mut packet.header;
        (header.source, header.destination) = (header.destination, header.source);
        (header.source_epoch, header.destination_epoch) = (epoch, header.source_epoch);
        (header.floor, header.answered, header.kind) = (Sequence::NONE, 0, kind);
        header.flags = if kind == Kind::Ack { Flags::FROM_SERVER } else { Flags::REPLY_ACKS };
        if kind != Kind::Rep {
            packet.payload = bytes::Bytes::new();
        }
    });
    net.inject_packet(0, machine(1), &packet);
}

fn unknown(net: &Net, reason: AuReason) -> Kind {
    let refused = View::new(&net.last_of(PacketType::Req).2).unwrap().header().number;
    Kind::Au { reason, refused, known: Epoch::BLANK, uptime_us: 1, nonce: Nonce(0) }
}

const ALIVE: Kind = Kind::Iaa { status: IaaStatus::Executing, nonce: Nonce(0), uptime_us: 1 };

/// The TA of the copy sent last.
fn defer(net: &mut Net) {
    let refused = View::new(&net.last_of(PacketType::Req).2).unwrap().header().number;
    inject(net, OWN, Kind::Ta { refused, wait_us: 1, reason: TaReason::MailboxFull });
}

/// Another incarnation refuses it: it is in doubt until one of the two has proved itself.
fn doubt(net: &mut Net) {
    let stale = unknown(net, AuReason::StaleEpoch);
    inject(net, OTHER, stale);
}

fn assert_follows(net: &mut Net, call: WaitToken, then: Then) {
    match then {
        Fails(told) => assert_eq!(error(net.claim(0, call)), told),
        IsAnswered => assert_eq!(text(net.claim(0, call)), "question"),
        Sends(packets) => {
            net.run(50 * MILLISECOND);
            assert_eq!(net.claim(0, call), None);
            assert_eq!(net.log.iter().take(packets.len()).collect::<Vec<_>>(), packets);
        }
    }
}

/// Where the kernels keep book of that, the cell must have been met.
fn assert_met(net: &Net, state: State, event: Event) {
    assert_kernel_met(net, 0, Cell::Client(state, event));
}

fn assert_kernel_met(net: &Net, kernel: usize, cell: Cell) {
    #[cfg(feature = "coverage")]
    assert!(net.kernels[kernel].coverage().has(cell), "{cell:?}");
    let _ = (net, kernel, cell);
}

#[test]
fn one_told_to_try_again_believes_the_answer_to_a_copy_that_was_admitted() {
    type Case = (Event, fn(&Net) -> Kind, Then);
    let cases: [Case; 5] = [
        (Event::Iaa, |_| ALIVE, Sends(&[])),
        (Event::DiedQueued, |net| unknown(net, AuReason::DiedQueued), Fails(CallError::CrashedNotExecuted)),
        (Event::DiedExecuting, |net| unknown(net, AuReason::DiedExecuting), Fails(CallError::CrashedUnknown)),
        (Event::Discarded, |net| unknown(net, AuReason::Discarded), Fails(CallError::ReplyDiscarded)),
        // What was not acknowledged cannot have been forgotten.
        (Event::Unknown, |net| unknown(net, AuReason::UnknownRequest), Sends(&["A REQ lost"])),
    ];
    for (event, kind, then) in cases {
        let (mut net, call) = asked();
        defer(&mut net);
        let kind = kind(&net);
        inject(&mut net, OWN, kind);
        assert_met(&net, State::Deferred, event);
        assert_follows(&mut net, call, then);
        if event == Event::Iaa {
            assert_eq!(net.log, [""; 0], "it is there, and is not sent again");
        }
    }
}

#[test]
fn one_told_to_try_again_may_come_into_doubt() {
    let (mut net, call) = asked();
    defer(&mut net);
    doubt(&mut net);
    assert_met(&net, State::Deferred, Event::Stale);
    assert_follows(&mut net, call, Sends(&["A AYA lost"]));
}

#[test]
fn what_was_acknowledged_and_is_unknown_was_forgotten() {
    let (mut net, call) = asked();
    inject(&mut net, OWN, Kind::Ack);
    let gone = unknown(&net, AuReason::UnknownRequest);
    inject(&mut net, OWN, gone);
    assert_met(&net, State::Acknowledged, Event::Unknown);
    assert_follows(&mut net, call, Fails(CallError::CrashedUnknown));
}

#[test]
fn what_was_acknowledged_had_a_process_whatever_an_overtaken_answer_says() {
    let (mut net, call) = asked();
    inject(&mut net, OWN, Kind::Ack);
    net.run(SECOND + 50 * MILLISECOND);
    assert_eq!(net.log[0], "A AYA lost");
    let nobody = unknown(&net, AuReason::NoProcess);
    inject(&mut net, OWN, nobody);
    assert_met(&net, State::Probing, Event::NoProcess);
    assert_eq!(net.claim(0, call), None);
    inject(&mut net, OWN, Kind::Rep);
    assert_follows(&mut net, call, IsAnswered);
}

#[test]
fn one_in_doubt_believes_the_incarnation_it_was_sent_to() {
    type Case = (Event, fn(&Net) -> Kind, Then);
    let cases: [Case; 7] = [
        (Event::Ack, |_| Kind::Ack, Sends(&["A AYA lost"])),
        (Event::Iaa, |_| ALIVE, Sends(&["A AYA lost"])),
        (Event::Rep, |_| Kind::Rep, IsAnswered),
        (Event::NoProcess, |net| unknown(net, AuReason::NoProcess), Fails(CallError::NoSuchProcess)),
        (Event::DiedExecuting, |net| unknown(net, AuReason::DiedExecuting), Fails(CallError::CrashedUnknown)),
        (Event::Discarded, |net| unknown(net, AuReason::Discarded), Fails(CallError::ReplyDiscarded)),
        (Event::Unknown, |net| unknown(net, AuReason::UnknownRequest), Sends(&["A AYA lost"])),
    ];
    for (event, kind, then) in cases {
        let (mut net, call) = asked();
        doubt(&mut net);
        let kind = kind(&net);
        inject(&mut net, OWN, kind);
        assert_met(&net, State::Doubted, event);
        assert_follows(&mut net, call, then);
    }
}

#[test]
fn a_one_way_message_in_doubt_has_arrived_where_it_was_acknowledged() {
    let (mut net, call) = asked();
    net.cancel(0, call);
    let options = reliably(Reliability::ReplyAcks);
    let sender = net.spawn(0);
    let sent = token(net.send_one_way(0, sender, at(1, SERVER), "news", options));
    doubt(&mut net);
    inject(&mut net, OWN, Kind::Ack);
    assert_met(&net, State::Doubted, Event::FinalAck);
    assert_eq!(net.claim(0, sent), Some(Outcome::Sent("news".into())));
}

#[test]
fn one_in_doubt_goes_again_when_its_incarnation_has_proved_that_it_lives() {
    let (mut net, call) = asked();
    doubt(&mut net);
    net.cut(false);
    net.run(SECOND);
    assert_met(&net, State::Doubted, Event::SameIncarnation);
    assert_eq!(net.serve(1, SERVER, "question"), "question");
    net.settle();
    assert_follows(&mut net, call, IsAnswered);
}

#[test]
fn one_in_doubt_is_asked_after_again_under_our_next_epoch() {
    let (mut net, call) = asked();
    doubt(&mut net);
    let aya = net.last_of(PacketType::Aya).2;
    let Kind::Aya { nonce } = View::new(&aya).unwrap().header().kind else { panic!("no AYA") };
    let mut old = unknown(&net, AuReason::OldSender);
    if let Kind::Au { known, nonce: echo, .. } = &mut old {
        (*known, *echo) = (Epoch(5_000), nonce);
    }
    inject(&mut net, OTHER, old);
    assert_met(&net, State::Doubted, Event::Timeout);
    let again = net.last_of(PacketType::Aya).2;
    assert!(View::new(&again).unwrap().header().source_epoch > Epoch(5_000));
    net.cut(false);
    net.run(SECOND);
    assert_eq!(net.serve(1, SERVER, "question"), "question");
    net.settle();
    assert_follows(&mut net, call, IsAnswered);
}

/// The swarm found it: nobody awaits the request, but two copies of it are kept, the second after its number had died.
#[test]
fn a_late_copy_does_not_run_when_one_before_it_was_kept_in_vain() {
    const TIME: Duration = Duration::from_millis(40);
    let options = Options { semantics: Semantics::AtLeastOnce, ..Options::default() };
    for event in [ServerEvent::Take, ServerEvent::Expire] {
        let (mut net, client, other) = Net::pair(&Config { options, ..prompt() });
        let buffering = Some(Buffering::Keep { messages: 2, bytes: 1 << 16, time: TIME });
        let keeper = net.spawn_with(1, SpawnOptions { buffering, ..SpawnOptions::default() });
        // The first keeps the floor down.
        net.call(0, client, at(1, other), "first");
        net.call(0, client, at(1, keeper), "question");
        net.run(2 * MILLISECOND);
        let copy = net.last_of(PacketType::Req).2;
        let request = net.take(1, keeper).unwrap();
        net.inject(1, machine(0), &copy);
        net.reply(1, keeper, request.source, "answer");
        net.run(20 * MILLISECOND);
        net.inject(1, machine(0), &copy);
        net.run(TIME - 10 * MILLISECOND);
        if event == ServerEvent::Expire {
            net.run(TIME);
        }
        assert_eq!(net.take(1, keeper), None, "its client has had its answer long since");
        assert_kernel_met(&net, 1, Cell::Server(ServerState::DiedQueued, event));
        net.exit(1, other);
        assert!(!net.kernels[1].is_engaged());
    }
}
