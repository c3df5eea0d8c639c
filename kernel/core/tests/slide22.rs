//! The four exchanges of slide 22, packet for packet, with nothing but the configuration changed.
mod harness;

use std::time::Duration;

use harness::{Net, machine, text};
use sendrec_core::{Address, Config, Options, Reliability, Semantics};

/// One call whose execution takes so long, and what went over the network for it.
fn exchange(reliability: Reliability, config: &Config, execution: Duration) -> Vec<String> {
    let options = Options::new(reliability, Semantics::AtMostOnce);
    let (mut net, client, server) =
        Net::pair(&Config { options, ack_delay: Duration::ZERO, ..config.clone() });
    let call = net.call(0, client, Address::new(machine(1), server), "question");
    net.settle();
    let request = net.take(1, server).unwrap();
    assert_eq!(&request.message[..], b"question");
    net.run(execution);
    net.reply(1, server, request.source, "answer");
    net.settle();
    assert_eq!(text(net.claim(0, call)), "answer");
    net.run(Duration::from_secs(100));
    net.log
}

#[test]
fn a_request_reply() {
    let packets = exchange(Reliability::Unreliable, &Config::default(), Duration::from_millis(500));
    assert_eq!(packets, ["A REQ", "B REP"]);
}

#[test]
fn b_every_message_acknowledged() {
    let packets = exchange(Reliability::AckEach, &Config::default(), Duration::from_millis(500));
    assert_eq!(packets, ["A REQ", "B ACK", "B REP", "A ACK"]);
}

#[test]
fn c_the_reply_acknowledges() {
    let packets = exchange(Reliability::ReplyAcks, &Config::default(), Duration::from_millis(5));
    assert_eq!(packets, ["A REQ", "B REP", "A ACK"]);
}

#[test]
fn d_a_long_request_is_asked_after() {
    let packets = exchange(Reliability::ReplyAcks, &Config::default(), Duration::from_millis(1_500));
    assert_eq!(packets, ["A REQ", "B ACK", "A AYA", "B IAA", "B REP", "A ACK"]);
}
