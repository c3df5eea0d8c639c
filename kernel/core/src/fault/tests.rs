use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use core::time::Duration;

use proptest::prelude::*;

use super::{
    Due, Faults, Harm, IncidentRule, Injector, Mishap, Named, Nth, PacketRule, Point, Scope, Span, Treatment,
    Watch, parse_span,
};
use crate::ids::{Address, LocalId, Machine};
use crate::time::Instant;
use crate::trace::{Call, Event, Incident, Verdict, What};
use crate::wire::PacketType;

fn faults(text: &str) -> Faults {
    text.parse().unwrap()
}

#[test]
fn rules_are_read_as_they_are_printed() {
    for text in [
        "loss=0.1,duplicate=0.05,reorder=0.25,drop=REP#1,duplicate=REQ#3,seed=7",
        "burst=0.01:0.25,burst=0.01:0.25:0.5,corrupt=0.001,corrupt=REQ#2,delay=1.5s,delay=REP#1..3:200us",
        "drop=REP#1@server>client,loss=0.3@*>server,drop=ACK#*@server>*,drop=AYA#2..,seed=1",
        "crash=server@execute,kill=server/1@50ms,restart=server@crash+20ms,pause=b@client.got:REP#2:1.5ms",
        "cut=a>b@1s,partition=a+b|c|d@a.boot#2,heal@client.sent:AYA#2+5ms",
    ] {
        assert_eq!(faults(text).to_string(), text);
    }
    assert_eq!(format!("{}", Faults::default()), "");
    assert_eq!(faults("seed=7").to_string(), "seed=7");
    assert_eq!(faults("loss=0.1,seed=0").to_string(), "loss=0.1");
    assert_eq!(faults(" loss=0.1 , , seed=2 ").to_string(), "loss=0.1,seed=2");
    assert_eq!(faults("drop=rep#1@*>*").to_string(), "drop=REP#1");
}

#[test]
fn a_wrong_rule_is_named() {
    for (text, named) in [
        ("loss=2", "'loss=2': a probability is from 0 to 1"),
        ("loss=NaN", "'loss=NaN': a probability is from 0 to 1"),
        ("loss=0.1,drop=XYZ#1", "'drop=XYZ#1': no such packet type"),
        ("drop=REP#0", "'drop=REP#0': packets are counted from 1"),
        ("drop=REP#3..2", "'drop=REP#3..2': the range ends before it begins"),
        ("drop=REP#1@server", "'drop=REP#1@server': expected FROM>TO"),
        ("drop=REP#1@a b>c", "'drop=REP#1@a b>c': a machine's name is"),
        ("delay=5", "'delay=5': expected a time such as"),
        ("delay=REP#1", "'delay=REP#1': expected TYPE#NUMBER:TIME"),
        ("burst=0.1", "'burst=0.1': expected ENTER:LEAVE"),
        ("rain=1", "'rain=1': no such rule (loss, burst"),
        ("loss", "'loss': expected NAME=VALUE"),
        ("crash=server", "'crash=server': expected @ and a point"),
        ("crash=server@lunch", "'crash=server@lunch': no such event (boot"),
        ("crash=server@execute#0", "'crash=server@execute#0': events are counted from 1"),
        ("crash=server@sent:XYZ", "'crash=server@sent:XYZ': no such packet type"),
        ("kill=server@boot", "'kill=server@boot': expected WHO/ID"),
        ("pause=server@50ms", "'pause=server@50ms': expected POINT:TIME"),
        ("cut=a>a@1s", "'cut=a>a@1s': nothing cuts a machine off from itself"),
        ("partition=a+b@1s", "'partition=a+b@1s': expected two groups"),
        ("partition=a|a@1s", "'partition=a|a@1s': a machine stands twice"),
        ("heal@crash", "'heal@crash': say at which machine"),
        ("heal=a@1s", "'heal=a@1s': heal@POINT heals all"),
    ] {
        let error = text.parse::<Faults>().unwrap_err().to_string();
        assert!(error.starts_with(named), "{error}");
    }
    let many = "loss=0,".repeat(super::RULES_MAX + 1);
    assert!(many.parse::<Faults>().unwrap_err().to_string().contains("1024 rules"));
}

#[test]
fn a_node_refuses_what_it_cannot_do() {
    assert_eq!(faults("loss=0.1,drop=REP#1").check_node(false), Ok(()));
    let scoped = faults("loss=0.1,drop=REP#1@a>b");
    assert_eq!(scoped.check_node(true), Ok(()));
    let error = scoped.check_node(false).unwrap_err().to_string();
    assert!(error.starts_with("'drop=REP#1@a>b': this node knows no machine by name"), "{error}");
    let error = faults("crash=a@boot").check_node(true).unwrap_err().to_string();
    assert!(error.contains("worlds and the lab"), "{error}");
    let known = |name: &str| name == "a";
    assert_eq!(faults("crash=a@boot,drop=REQ#1@a>*").check_names(known), Ok(()));
    for text in ["drop=REP#1@a>b", "crash=a@b.boot", "partition=a|b@1s", "cut=a>b@1s"] {
        let error = faults(text).check_names(known).unwrap_err().to_string();
        assert_eq!(error, format!("'{text}': no machine is called b"));
    }
}

fn copies(injector: &mut Injector, kinds: &[PacketType]) -> Vec<u32> {
    kinds.iter().map(|kind| injector.judge(*kind, None).copies).collect()
}

#[test]
fn the_named_packets_die_and_no_other() {
    let kinds = [PacketType::Rep, PacketType::Req, PacketType::Rep, PacketType::Rep, PacketType::Rep];
    for (text, expected) in [
        ("drop=REP#2", [1, 1, 0, 1, 1]),
        ("drop=REP#2..3", [1, 1, 0, 0, 1]),
        ("drop=REP#3..", [1, 1, 1, 0, 0]),
        ("drop=REP#*", [0, 1, 0, 0, 0]),
        ("duplicate=REP#1", [2, 1, 1, 1, 1]),
        ("duplicate=REP#1,drop=REP#1", [0, 1, 1, 1, 1]),
    ] {
        assert_eq!(copies(&mut Injector::new(&faults(text)), &kinds), expected, "{text}");
    }
}

#[test]
fn a_scope_counts_its_own_packets() {
    let rules = faults("drop=REP#2@server>client,drop=REP#1@other>*");
    let mut injector = Injector::of(&rules, Some("server"));
    let to = ["other", "client", "other", "client", "client"];
    let copies: Vec<_> = to.iter().map(|to| injector.judge(PacketType::Rep, Some(to)).copies).collect();
    assert_eq!(copies, [1, 1, 1, 0, 1]);
    assert!(Injector::of(&rules, None).is_idle());
}

#[test]
fn a_broadcast_counts_once() {
    let mut injector = Injector::new(&faults("drop=LOCATE#2"));
    let mut send =
        || [true, false, false].map(|first| injector.judge_copy(PacketType::Locate, None, first).copies);
    assert_eq!(send(), [1, 1, 1]);
    assert_eq!(send(), [0, 0, 0]);
    assert_eq!(send(), [1, 1, 1]);
}

#[test]
fn the_rule_is_told_as_it_is_written() {
    for (text, verdict) in [
        ("drop=REQ#1@a>b", Verdict::Dropped),
        ("loss=1", Verdict::Dropped),
        ("burst=1:0", Verdict::Dropped),
        ("duplicate=REQ#1..2", Verdict::Duplicated),
        ("corrupt=1", Verdict::Corrupted),
        ("delay=1.5s", Verdict::Delayed),
        ("delay=REQ#1:5ms@*>b", Verdict::Delayed),
        ("reorder=1", Verdict::Delayed),
    ] {
        let treatment = Injector::of(&faults(text), Some("a")).judge(PacketType::Req, Some("b"));
        assert_eq!(treatment.verdict, Some((verdict, text.to_string())));
    }
}

#[test]
fn one_bit_is_flipped() {
    let treatment = Injector::new(&faults("corrupt=1,seed=5")).judge(PacketType::Req, None);
    let mut bytes = [0u8; 80];
    treatment.corrupt(&mut bytes);
    assert_eq!(bytes.iter().map(|byte| byte.count_ones()).sum::<u32>(), 1);
    treatment.corrupt(&mut []);
}

/// The share of packets that a verdict meets.
fn share(treatments: &[Treatment], verdict: Verdict) -> f64 {
    let met = treatments.iter().filter(|t| t.verdict.as_ref().is_some_and(|(v, _)| *v == verdict));
    met.count() as f64 / treatments.len() as f64
}

fn judged(text: &str, count: usize) -> Vec<Treatment> {
    let mut injector = Injector::new(&faults(text));
    (0..count).map(|_| injector.judge(PacketType::Req, None)).collect()
}

#[test]
fn probabilities_come_out_and_a_seed_repeats_them() {
    let text = "loss=0.1,duplicate=0.05,reorder=0.05,seed=3";
    let treatments = judged(text, 20_000);
    assert_eq!(treatments, judged(text, 20_000));
    assert!((0.09..0.11).contains(&share(&treatments, Verdict::Dropped)));
    assert!((0.04..0.06).contains(&share(&treatments, Verdict::Duplicated)));
    assert!((0.03..0.06).contains(&share(&treatments, Verdict::Delayed)));
    let lost = |text| judged(text, 1_000).iter().map(|treatment| treatment.copies == 0).collect::<Vec<_>>();
    assert_ne!(lost("loss=0.1,seed=3"), lost("loss=0.1,seed=4"));
    assert_eq!(
        lost("loss=0.1,seed=3"),
        lost("loss=0.1,duplicate=0.3,seed=3"),
        "one rule does not shift another"
    );
}

#[test]
fn bursts_are_as_long_and_as_frequent_as_asked() {
    let treatments = judged("burst=0.01:0.25,seed=1", 200_000);
    // Bad for enter / (enter + leave) of the time.
    let expected = 0.01 / 0.26;
    assert!((share(&treatments, Verdict::Dropped) - expected).abs() < 0.005);
    let lost: Vec<_> = treatments.iter().map(|treatment| treatment.copies == 0).collect();
    let bursts = lost.windows(2).filter(|pair| !pair[0] && pair[1]).count();
    let mean = lost.iter().filter(|lost| **lost).count() as f64 / bursts as f64;
    assert!((3.7..4.3).contains(&mean), "a burst is 1 / 0.25 long on average, not {mean}");
}

fn event(what: What) -> Event {
    Event { number: 1, cause: None, at: Instant::ZERO, what }
}

fn taken() -> Event {
    let from = Address::new(Machine::new(([127, 0, 0, 1], 1).into()), LocalId(1));
    event(What::Taken { process: LocalId(1), from, request: true })
}

#[test]
fn a_watch_says_what_is_due_once() {
    let rules = faults("crash=a@execute#2,restart=a@crash+20ms,heal@b.timer,pause=a@50ms:1s");
    let mut watch = Watch::new(&rules.incidents);
    let by_time: Vec<_> = watch.by_time().collect();
    assert_eq!(by_time, [Due { rule: 3, after: Duration::from_millis(50) }]);
    assert!(watch.watches("a") && watch.watches("b") && !watch.watches("c"));
    let mut see = |who: &str, event: &Event| {
        let mut due = Vec::new();
        watch.see(who, event, &mut due);
        due
    };
    assert_eq!(see("a", &taken()), []);
    assert_eq!(see("b", &taken()), [], "it is another's");
    assert_eq!(see("a", &taken()), [Due { rule: 0, after: Duration::ZERO }]);
    assert_eq!(see("a", &taken()), [], "once");
    let crashed = event(What::Incident { incident: Incident::Crashed, rule: String::new() });
    assert_eq!(see("a", &crashed), [Due { rule: 1, after: Duration::from_millis(20) }]);
    assert!(!watch.watches("a") && watch.watches("b"));
}

#[test]
fn a_send_by_any_call_is_a_send() {
    let trap = |call| {
        let (process, handing) = (LocalId(1), crate::config::Handing::Moved);
        event(What::Trap { process, call, to: None, sparse: None, handing, copied_bytes: 0, runs_on: false })
    };
    for call in [Call::Send, Call::SendOneWay, Call::Call] {
        assert!(Named::Send.is(&trap(call)) && !Named::Reply.is(&trap(call)));
    }
    assert!(Named::Reply.is(&trap(Call::Reply)) && Named::Receive.is(&trap(Call::TryReceive)));
}

#[test]
fn times_are_read_and_printed() {
    for (text, nanos) in [("5ms", 5_000_000), ("200us", 200_000), ("1.5s", 1_500_000_000), ("7ns", 7)] {
        assert_eq!(parse_span(text), Ok(Duration::from_nanos(nanos)));
        assert_eq!(Span(Duration::from_nanos(nanos)).to_string(), text);
    }
    assert_eq!(Span(Duration::ZERO).to_string(), "0s");
    for text in ["", "5", "ms", "1.s", ".5s", "1.5.5s", "5 ms", "0.5ns", "99999999999999s", "-5ms"] {
        assert!(parse_span(text).is_err(), "{text}");
    }
}

fn name() -> impl Strategy<Value = String> {
    "[A-Za-z0-9_-]{1,8}"
}

fn span() -> impl Strategy<Value = Duration> {
    any::<u64>().prop_map(Duration::from_nanos)
}

fn kind() -> impl Strategy<Value = PacketType> {
    prop::sample::select(&PacketType::ALL[..])
}

fn nth() -> impl Strategy<Value = Nth> {
    let range = prop_oneof![
        (1..u64::MAX).prop_map(|nth| (nth, nth)),
        (1..u64::MAX).prop_map(|first| (first, u64::MAX)),
        (1..1_000u64, 0..1_000u64).prop_map(|(first, more)| (first, first + more)),
    ];
    (kind(), range).prop_map(|(kind, (first, last))| Nth { kind, first, last })
}

fn harm() -> impl Strategy<Value = Harm> {
    let chance = || 0.0..=1.0;
    prop_oneof![
        chance().prop_map(Harm::Loss),
        (chance(), chance(), chance()).prop_map(|(enter, leave, loss)| Harm::Burst { enter, leave, loss }),
        chance().prop_map(Harm::Duplicate),
        chance().prop_map(Harm::Reorder),
        chance().prop_map(Harm::Corrupt),
        span().prop_map(Harm::Delay),
        nth().prop_map(Harm::DropNth),
        nth().prop_map(Harm::DuplicateNth),
        nth().prop_map(Harm::CorruptNth),
        (nth(), span()).prop_map(|(nth, span)| Harm::DelayNth(nth, span)),
    ]
}

fn packet_rule() -> impl Strategy<Value = PacketRule> {
    let end = || prop::option::of(name());
    (harm(), end(), end()).prop_map(|(harm, from, to)| PacketRule { harm, scope: Scope { from, to } })
}

fn named() -> impl Strategy<Value = Named> {
    let plain = [
        Named::Boot,
        Named::Queued,
        Named::Execute,
        Named::Reply,
        Named::Send,
        Named::Receive,
        Named::Blocked,
        Named::Crash,
        Named::Timer,
        Named::End,
    ];
    prop_oneof![
        prop::sample::select(plain.to_vec()),
        kind().prop_map(Named::Sent),
        kind().prop_map(Named::Got),
    ]
}

fn point(of: impl Strategy<Value = Option<String>>) -> impl Strategy<Value = Point> {
    let event = (of, named(), 1..u64::MAX, prop_oneof![Just(Duration::ZERO), span()])
        .prop_map(|(of, event, nth, after)| Point::Event { of, event, nth, after });
    prop_oneof![span().prop_map(Point::At), event]
}

fn incident_rule() -> impl Strategy<Value = IncidentRule> {
    let groups = prop::collection::vec(prop::collection::vec(name(), 1..3), 2..4)
        .prop_map(|groups| {
            // Names are to be different.
            let number = |(place, name): (usize, String)| format!("{name}{place}");
            let mut place = 0;
            let renamed = groups.into_iter().map(|group| {
                let group = group.into_iter().map(|name| {
                    place += 1;
                    number((place, name))
                });
                group.collect::<Vec<_>>()
            });
            Mishap::Partition(renamed.collect())
        })
        .prop_filter("names differ", |mishap| {
            let Mishap::Partition(groups) = mishap else { return false };
            let mut all: Vec<_> = groups.iter().flatten().collect();
            all.sort();
            all.windows(2).all(|pair| pair[0] != pair[1])
        });
    let single = prop_oneof![
        name().prop_map(Mishap::Crash),
        name().prop_map(Mishap::Restart),
        (name(), any::<u32>()).prop_map(|(who, id)| Mishap::Kill(who, LocalId(id))),
        (name(), span()).prop_map(|(who, span)| Mishap::Pause(who, span)),
        (name(), name()).prop_map(|(from, to)| Mishap::Cut { from, to: format!("{to}2x") }),
    ]
    .prop_filter("a cut has two ends", |mishap| !matches!(mishap, Mishap::Cut { from, to } if from == to));
    let of_one = (single, point(prop::option::of(name())));
    let of_all = (prop_oneof![groups, Just(Mishap::Heal)], point(name().prop_map(Some)));
    prop_oneof![of_one, of_all].prop_map(|(mishap, point)| IncidentRule { mishap, point })
}

proptest! {
    #[test]
    fn any_rules_are_read_as_they_are_printed(
        packets in prop::collection::vec(packet_rule(), 0..6),
        incidents in prop::collection::vec(incident_rule(), 0..6),
        seed: u64,
    ) {
        let rules = Faults { packets, incidents, seed };
        prop_assert_eq!(rules.to_string().parse::<Faults>(), Ok(rules));
    }

    #[test]
    fn any_text_is_read_or_refused_without_a_panic(text in "[a-zA-Z0-9=@#.:+|>*,/-]{0,60}") {
        if let Ok(rules) = text.parse::<Faults>() {
            prop_assert_eq!(rules.to_string().parse::<Faults>(), Ok(rules));
        }
    }

    #[test]
    fn any_time_comes_back(span in span()) {
        prop_assert_eq!(parse_span(&Span(span).to_string()), Ok(span));
    }
}

#[test]
fn two_sets_are_one() {
    let both = faults("loss=0.1,seed=1").and(&faults("crash=a@boot,seed=2"));
    assert_eq!(both.to_string(), "loss=0.1,crash=a@boot,seed=3");
    assert!(!both.is_empty() && Faults::default().is_empty());
}
