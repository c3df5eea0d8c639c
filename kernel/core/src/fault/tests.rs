use std::format;
use std::string::ToString;
use std::vec::Vec;

use super::{Faults, Injector};
use crate::trace::Verdict;
use crate::wire::PacketType;

#[test]
fn rules_are_read_as_they_are_printed() {
    let text = "loss=0.1,duplicate=0.05,reorder=0.25,drop=REP#1,duplicate=REQ#3,seed=7";
    let faults: Faults = text.parse().unwrap();
    assert_eq!(faults.to_string(), text);
    assert_eq!(format!("{}", Faults::default()), "seed=0");
}

#[test]
fn a_wrong_rule_is_named() {
    for (text, named) in [
        ("loss=2", "'loss=2': a probability is from 0 to 1"),
        ("loss=0.1,drop=XYZ#1", "'drop=XYZ#1': no such packet type"),
        ("drop=REP#0", "'drop=REP#0': packets are counted from 1"),
        ("rain=1", "'rain=1': no such rule"),
    ] {
        let error = text.parse::<Faults>().unwrap_err().to_string();
        assert!(error.starts_with(named), "{error}");
    }
}

#[test]
fn the_named_packet_dies_and_no_other() {
    let mut injector = Injector::new(&"drop=REP#2".parse().unwrap());
    let kinds = [PacketType::Rep, PacketType::Req, PacketType::Rep, PacketType::Rep];
    let copies: Vec<_> = kinds.into_iter().map(|kind| injector.judge(kind, None).copies).collect();
    assert_eq!(copies, [1, 1, 0, 1]);
}

#[test]
fn probabilities_come_out_and_a_seed_repeats_them() {
    let faults: Faults = "loss=0.1,duplicate=0.05,reorder=0.05,seed=3".parse().unwrap();
    let run = || {
        let mut injector = Injector::new(&faults);
        (0..20_000).map(|_| injector.judge(PacketType::Req, None)).collect::<Vec<_>>()
    };
    let treatments = run();
    assert_eq!(treatments, run());
    let share = |verdict| {
        let of = treatments.iter().filter(|t| t.verdict.as_ref().is_some_and(|(v, _)| *v == verdict));
        of.count() as f64 / treatments.len() as f64
    };
    assert!((0.09..0.11).contains(&share(Verdict::Dropped)));
    assert!((0.04..0.06).contains(&share(Verdict::Duplicated)));
    assert!((0.03..0.06).contains(&share(Verdict::Delayed)));
}
