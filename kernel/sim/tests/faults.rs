//! Each kind of rule about packets does what it says, and says so in the trace.
mod support;

use std::time::Duration;

use sendrec_core::trace::{Fate, Verdict, What};
use sendrec_core::wire::PacketType;
use sendrec_sim::{Boot, Link, World};
use sendrec_trap::Config;
use support::{MILLISECOND, Pair, fates, traced};

fn one_call(faults: &str) -> Pair {
    let mut pair = Pair::new(faults);
    pair.call(&["hello"]);
    pair.world.run();
    assert_eq!(pair.executed(), ["hello"], "{faults}: at most once holds");
    assert_eq!(pair.results(), [Ok("hello".into())], "{faults}");
    pair
}

#[test]
fn a_dropped_packet_is_told_with_its_rule() {
    for (text, kind) in [
        ("drop=REQ#1", PacketType::Req),
        ("drop=REP#1", PacketType::Rep),
        ("drop=REP#1@server>client", PacketType::Rep),
        ("drop=REQ#1..2", PacketType::Req),
    ] {
        let pair = one_call(text);
        let count = if text.contains("..") { 2 } else { 1 };
        assert_eq!(pair.verdicts(), vec![(kind, Verdict::Dropped, text.to_owned()); count]);
    }
    for idle in ["drop=REP#1@client>server", "drop=REQ#1@server>*", "drop=REP#9"] {
        assert_eq!(one_call(idle).verdicts(), []);
    }
}

#[test]
fn a_doubled_request_runs_once() {
    let pair = one_call("duplicate=REQ#1");
    assert_eq!(pair.verdicts(), [(PacketType::Req, Verdict::Duplicated, "duplicate=REQ#1".into())]);
    let fates = fates(&pair.world, pair.server, PacketType::Req);
    assert_eq!(fates, [Fate::Accepted, Fate::DuplicateInProgress]);
}

#[test]
fn a_delayed_packet_comes_so_much_later() {
    let pair = one_call("delay=REQ#1:30ms");
    let arrival =
        pair.world.records().into_iter().find(|record| {
            record.machine == pair.server && matches!(record.event.what, What::Received { .. })
        });
    assert_eq!(arrival.unwrap().at.as_nanos(), 31_000_000, "the link's millisecond and 30");
    let all = one_call("delay=4ms");
    assert!(
        all.verdicts().iter().all(|(_, verdict, rule)| *verdict == Verdict::Delayed && rule == "delay=4ms")
    );
    assert_eq!(all.verdicts().len(), all.world.passages().len());
}

#[test]
fn a_corrupted_packet_is_found_by_its_checksum() {
    let mut found = 0;
    for seed in 0..40 {
        let faults = format!("corrupt=REQ#1,seed={seed}").parse().unwrap();
        let config = Config { checksum: true, ..traced() };
        let mut pair = Pair::with(config, Link { faults, ..Link::default() });
        pair.call(&["hello"]);
        pair.world.run();
        assert_eq!(pair.results(), [Ok("hello".into())], "seed {seed}");
        assert_eq!(pair.verdicts(), [(PacketType::Req, Verdict::Corrupted, "corrupt=REQ#1".into())]);
        let events = pair.world.events();
        found += events.iter().filter(|(_, event)| matches!(event.what, What::Malformed { .. })).count();
    }
    // A flip of the flag that says there is a checksum is the one that may pass.
    assert!(found >= 38, "{found} of 40");
}

#[test]
fn chance_and_bursts_are_borne() {
    for text in ["loss=0.3,seed=2", "burst=0.2:0.4,seed=3", "duplicate=0.5", "reorder=0.5,jitter"] {
        let text = text.trim_end_matches(",jitter");
        let mut pair = Pair::new(text);
        pair.call(&["a", "b", "c", "d", "e", "f", "g", "h"]);
        pair.world.run();
        assert_eq!(pair.executed(), ["a", "b", "c", "d", "e", "f", "g", "h"], "{text}");
        assert!(!pair.verdicts().is_empty(), "{text}");
    }
}

#[test]
fn links_chosen_by_a_seed_are_borne_and_printed() {
    for seed in 0..30 {
        let link = Link::chosen_by(seed);
        assert_eq!(link.to_string(), Link::chosen_by(seed).to_string());
        let mut pair = Pair::with(traced(), link);
        pair.call(&["a", "b", "c", "d"]);
        pair.world.run();
        assert_eq!(pair.results().len(), 4, "{}", pair.world.describe());
        assert_eq!(pair.executed(), ["a", "b", "c", "d"], "{}", pair.world.describe());
    }
}

#[test]
fn rules_of_a_pair_name_machines_that_are_there() {
    let mut pair = Pair::new("");
    assert_eq!(pair.world.check_rules(), Ok(()));
    let link = Link { faults: "drop=REP#1@sever>client".parse().unwrap(), ..Link::default() };
    pair.world.set_link(pair.server, pair.client, link);
    assert!(pair.world.check_rules().unwrap_err().to_string().contains("sever"));
}

#[test]
fn a_pair_has_its_own_rules_and_the_worlds() {
    let mut pair = Pair::new("drop=REQ#1");
    let link = Link { faults: "drop=REQ#2".parse().unwrap(), latency: 7 * MILLISECOND, ..Link::default() };
    pair.world.set_link(pair.client, pair.server, link);
    pair.world.add_faults(&"drop=REQ#3".parse().unwrap());
    pair.call(&["hello"]);
    pair.world.run();
    let rules: Vec<_> = pair.verdicts().into_iter().map(|(_, _, rule)| rule).collect();
    assert_eq!(rules, ["drop=REQ#1", "drop=REQ#2", "drop=REQ#3"]);
    assert_eq!(pair.results(), [Ok("hello".into())]);
}

#[test]
fn nothing_is_harmed_once_all_is_healed() {
    let mut pair = Pair::new("loss=1,crash=server@1h".replace("1h", "3600s").as_str());
    pair.call(&["hello"]);
    pair.world.run_for(Duration::from_millis(500));
    assert_eq!(pair.executed(), [""; 0]);
    pair.world.heal_all();
    pair.world.run();
    assert_eq!(pair.results(), [Ok("hello".into())]);
    assert_eq!(pair.incidents(), []);
}

#[test]
#[should_panic(expected = "'drop=REP#1@sever>client': no machine is called sever")]
fn a_rule_about_nobody_stops_the_run() {
    let faults = "drop=REP#1@sever>client".parse().unwrap();
    let mut world = World::with(1, Config::default(), Link { faults, ..Link::default() });
    world.boot_as("client", Boot::default());
    world.run();
}
