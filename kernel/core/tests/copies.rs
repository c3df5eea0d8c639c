//! Copies of a request that are not what the first one was, or come when nobody awaits its answer any more.
mod harness;

use std::time::Duration;

use bytes::Bytes;
use harness::{LATENCY, Net, at, machine, mutate, prompt, token};
use sendrec_core::ids::Nonce;
use sendrec_core::wire::{Flags, Fragment, IaaStatus, Kind, PacketType};
use sendrec_core::{
    Buffering, Config, Epoch, From, LocalId, Options, Outcome, Received, Reliability, Semantics, Sequence,
    SpawnOptions, WaitToken,
};

const SERVER: LocalId = LocalId(1);
const NEIGHBOUR: LocalId = LocalId(2);
const AGAIN: Options = Options::new(Reliability::ReplyAcks, Semantics::AtLeastOnce);

fn shop(buffering: Option<Buffering>) -> (Net, LocalId) {
    let mut net = Net::new(2, &Config { first_incarnation: true, ..prompt() });
    let client = net.spawn(0);
    net.spawn_with(1, SpawnOptions { local_id: Some(SERVER), buffering, ..SpawnOptions::default() });
    net.spawn_as(1, NEIGHBOUR.0);
    (net, client)
}

fn is_received(outcome: Option<&Outcome>, text: &str) -> bool {
    matches!(outcome, Some(Outcome::Received(received)) if received.message == text)
}

/// Whoever sends the copy must not make another process's receive wait for ever.
#[test]
fn a_copy_to_another_process_is_no_copy() {
    let (mut net, client) = shop(None);
    net.call_with(0, client, at(1, SERVER), "question", AGAIN);
    net.run(2 * LATENCY);
    net.take(1, SERVER).unwrap();
    let waiting = token(net.receive(1, NEIGHBOUR, From::Any));
    let (_, _, copy) = net.last_of(PacketType::Req);
    let strange = mutate(&copy, |packet| packet.header.destination = NEIGHBOUR);
    net.inject_packet(1, machine(0), &strange);
    assert_eq!(net.claim(1, waiting), None);
    net.call_with(0, client, at(1, NEIGHBOUR), "for the neighbour", AGAIN);
    net.settle();
    assert!(is_received(net.claim(1, waiting).as_ref(), "for the neighbour"), "its receive is over");
}

/// Whoever sends the copy must not have the server's kernel remember its client for good.
#[test]
fn a_copy_that_wants_no_reply_is_no_copy_of_one_that_does() {
    let (mut net, client) = shop(None);
    net.call_with(0, client, at(1, SERVER), "question", AGAIN);
    net.run(2 * LATENCY);
    let (_, _, copy) = net.last_of(PacketType::Req);
    net.serve(1, SERVER, "answer");
    assert!(!net.kernels[1].is_engaged());
    let strange = mutate(&copy, |packet| packet.header.flags = packet.header.flags.with(Flags::ONE_WAY));
    net.inject_packet(1, machine(0), &strange);
    net.take(1, SERVER);
    assert!(!net.kernels[1].is_engaged(), "nobody can answer it");
}

/// The client's first request is run, its second given up, and the packet of its third says so. Returns the first, and a
/// copy of the second.
fn given_up(net: &mut Net, client: LocalId, second: impl Fn(&mut Net) -> WaitToken) -> (Received, Vec<u8>) {
    let waiting = token(net.receive(1, SERVER, From::Any));
    net.call_with(0, client, at(1, SERVER), "first", AGAIN);
    net.run(2 * LATENCY);
    let Some(Outcome::Received(first)) = net.claim(1, waiting) else { panic!("it did not come") };
    let second = second(net);
    let (_, _, copy) = net.last_of(PacketType::Req);
    net.run(2 * LATENCY);
    net.cancel(0, second);
    net.call_with(0, client, at(1, NEIGHBOUR), "third", AGAIN);
    net.run(2 * LATENCY);
    net.serve(1, NEIGHBOUR, "answer");
    (first, copy)
}

#[test]
fn a_late_copy_of_one_that_was_given_up_before_it_was_taken_is_over_when_it_is_answered() {
    let (mut net, client) = shop(None);
    let (first, copy) =
        given_up(&mut net, client, |net| net.call_with(0, client, at(1, SERVER), "second", AGAIN));
    assert_eq!(net.take(1, SERVER), None, "nobody awaits it");
    net.inject(1, machine(0), &copy);
    net.serve(1, SERVER, "answer");
    net.exit(0, client);
    net.reply(1, SERVER, first.source, "answer");
    assert!(!net.kernels[1].is_engaged(), "all was answered");
}

#[test]
fn a_late_copy_of_a_one_way_message_that_was_given_up_comes_to_whoever_waits() {
    let keep = Buffering::Keep { messages: 8, bytes: 1 << 16, time: Duration::from_millis(40) };
    let (mut net, client) = shop(Some(keep));
    let (_, copy) =
        given_up(&mut net, client, |net| token(net.send_one_way(0, client, at(1, SERVER), "second", AGAIN)));
    net.run(Duration::from_millis(60));
    let waiting = token(net.receive(1, SERVER, From::Any));
    net.inject(1, machine(0), &copy);
    assert!(is_received(net.claim(1, waiting).as_ref(), "second"), "it may run more than once");
}

/// A one-way message asks nothing, so nobody can answer that it is alive: its sender goes on sending.
#[test]
fn an_iaa_that_was_not_asked_for_does_not_stop_a_one_way_message() {
    let (mut net, client) = shop(None);
    net.drop_next(0, PacketType::Req);
    let sent = token(net.send_one_way(0, client, at(1, SERVER), "news", Options::default()));
    let (_, _, lost) = net.last_of(PacketType::Req);
    let forged = mutate(&lost, |packet| {
        let header = &mut packet.header;
        (header.source_epoch, header.destination_epoch) = (Epoch(100), header.source_epoch);
        (header.source, header.destination) = (header.destination, header.source);
        (header.floor, header.answered, header.flags) = (Sequence::NONE, 0, Flags::NONE);
        header.kind = Kind::Iaa { status: IaaStatus::Queued, nonce: Nonce(0), uptime_us: 1 };
        (packet.payload, header.fragment) = (Bytes::new(), Fragment::default());
    });
    net.inject_packet(0, machine(1), &forged);
    assert_eq!(net.claim(0, sent), None, "it is nowhere yet");
    net.run(Duration::from_secs(1));
    assert_eq!(net.take(1, SERVER).unwrap().message, "news");
    assert!(matches!(net.claim(0, sent), Some(Outcome::Sent(_))));
}
