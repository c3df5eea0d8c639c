//! Every row keeps its promises, the same seed gives the same bytes, and the promises bite.
use sendrec_core::Reliability;
use sendrec_core::fault::Faults;

use super::{
    Combination, Dimension, InWorld, Keeping, Matrix, Only, Options, Row, Weather, check, csv, html, json,
    judge, matrix, promises, proofs, text, workload,
};
use crate::lab::script::Manner;
use crate::lab::stage::run;
use crate::lab::switches::Addressing;

fn options(seed: u64, faults: &str) -> Options {
    let faults: Faults = faults.parse().unwrap();
    Options { seed, faults, only: Only::default() }
}

fn made(options: &Options) -> Matrix {
    matrix(options, &mut InWorld, &mut |_, _| {}).unwrap()
}

/// One row in a world.
fn row(combination: Combination, options: &Options) -> Row {
    let run = run(&workload(&combination), &combination.switches(options.seed, &options.faults));
    judge(1, combination, Weather::new(true, &options.faults), &run).unwrap()
}

#[test]
fn all_promises_hold_whatever_is_lost() {
    for faults in ["", "loss=0.05", "loss=0.2", "duplicate=0.1,reorder=0.1", "loss=0.1,corrupt=0.05"] {
        for seed in 1..=4 {
            let made = made(&options(seed, faults));
            assert_eq!(made.rows.len(), 81);
            for row in &made.rows {
                assert_eq!(row.broken, [], "seed {seed} {faults}, row {}: {}", row.number, row.combination);
                assert_eq!(row.unseen, [], "seed {seed} {faults}, row {}: {}", row.number, row.combination);
                assert!(row.promises >= 10, "{}: only {} promises", row.combination, row.promises);
            }
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    for faults in ["", "loss=0.2"] {
        let (one, other) = (made(&options(7, faults)), made(&options(7, faults)));
        assert_eq!(text(&one, 80), text(&other, 80));
        assert_eq!(csv(&one), csv(&other));
        assert_eq!(json(&one), json(&other));
        assert_eq!(html(&one), html(&other));
    }
    let (one, other) = (made(&options(7, "loss=0.2")), made(&options(8, "loss=0.2")));
    assert_ne!(csv(&one), csv(&other), "the seed decides");
}

/// Pairs of combinations that differ in one dimension alone.
fn neighbours(of: &Combination) -> Vec<(Dimension, Combination)> {
    let mut all = Vec::new();
    let others = Addressing::ALL.map(|addressing| Combination { addressing, ..*of });
    all.extend(others.map(|other| (Dimension::Addressing, other)));
    let others = Manner::ALL.map(|blocking| Combination { blocking, ..*of });
    all.extend(others.map(|other| (Dimension::Blocking, other)));
    let others = Keeping::ALL.map(|buffering| Combination { buffering, ..*of });
    all.extend(others.map(|other| (Dimension::Buffering, other)));
    let others = Reliability::ALL.map(|reliability| Combination { reliability, ..*of });
    all.extend(others.map(|other| (Dimension::Reliability, other)));
    all.retain(|(_, other)| other != of);
    all
}

#[test]
fn what_one_choice_does_breaks_the_promises_of_another() {
    for faults in ["", "loss=0.05"] {
        let options = options(3, faults);
        for combination in Combination::all() {
            let scenario = workload(&combination);
            let run = run(&scenario, &combination.switches(options.seed, &options.faults));
            let row = row(combination, &options);
            for (dimension, other) in neighbours(&combination) {
                let place = dimension as usize;
                let found = proofs::proofs(&run, &other);
                assert_eq!(found[place], None, "{combination} shows {}", other.names()[place]);
                if !options.faults.is_empty() {
                    continue;
                }
                // The promises alone find out too, without the proofs.
                let checked = check(&other, &row.facts, &row.proofs);
                let bites = checked.broken.iter().any(|broken| broken.dimension == Some(dimension));
                assert!(bites, "{combination} keeps what {other} promises");
            }
        }
    }
}

#[test]
fn every_promise_is_broken_by_some_row_that_does_not_give_it() {
    let options = options(1, "");
    let rows: Vec<Row> = made(&options).rows;
    let mut broken: Vec<String> = Vec::new();
    for row in &rows {
        for other in Combination::all() {
            let checked = check(&other, &row.facts, &row.proofs);
            broken.extend(checked.broken.into_iter().map(|broken| broken.promise));
        }
    }
    broken.sort();
    broken.dedup();
    // What holds in every row is tried on facts that are made up, in the next test.
    const EVERYWHERE: &str = "what was lost nobody is told of";
    let named = rows.iter().any(|row| row.combination.addressing == Addressing::Name);
    let given = promises().iter().filter(|promise| {
        let is_tried = named || promise.text != "nobody is asked for a name";
        promise.dimension().is_some() && is_tried && !promise.text.starts_with(EVERYWHERE)
    });
    let never: Vec<&str> = given
        .map(|promise| promise.text)
        .filter(|text| !broken.iter().any(|broken| broken == text))
        .collect();
    assert_eq!(never, Vec::<&str>::new());
}

#[test]
fn what_holds_in_every_row_is_broken_by_facts_that_are_wrong() {
    let options = options(1, "");
    let [unreliable, combination] = [6, 8].map(|place| Combination::all()[place]);
    let mut misled = row(unreliable, &options);
    let row = row(combination, &options);
    assert_eq!(misled.broken, []);
    let lost = misled.facts.asked.iter_mut().find(|asked| asked.runs.is_empty() && !asked.well).unwrap();
    lost.told = Some("no answer".to_owned());
    let broken = check(&unreliable, &misled.facts, &misled.proofs).broken;
    assert!(broken.iter().any(|broken| broken.promise.starts_with("what was lost")), "{broken:?}");
    let breaks = |change: &dyn Fn(&mut super::Facts)| {
        let mut facts = row.facts.clone();
        change(&mut facts);
        let broken = check(&combination, &facts, &row.proofs).broken;
        broken.into_iter().map(|broken| broken.promise).collect::<Vec<_>>()
    };
    assert_eq!(breaks(&|_| {}), Vec::<String>::new());
    let says = |broken: Vec<String>, words: &str| {
        assert!(broken.iter().any(|promise| promise.contains(words)), "{words}: {broken:?}");
    };
    says(breaks(&|facts| facts.asked[0].told = None), "told something");
    says(breaks(&|facts| facts.asked[0].runs.clear()), "was heard");
    says(breaks(&|facts| facts.asked[0].runs.clear()), "plain calls");
    says(breaks(&|facts| facts.asked[0].runs = vec!["echo".to_owned(); 99]), "more often");
    says(breaks(&|facts| facts.asked[0].runs = vec!["echo".to_owned(); 2]), "at most once");
    says(breaks(&|facts| facts.asked.retain(|asked| asked.text != "last")), "waits for it arrives");
}

#[test]
fn what_faults_keep_from_being_seen_is_no_broken_promise_and_is_said() {
    for (seed, faults) in [(1, "loss=1"), (2, "loss=0.5"), (1, "crash=server@execute")] {
        let options = options(seed, faults);
        let made = made(&options);
        let broken: Vec<_> = made.rows.iter().flat_map(|row| &row.broken).collect();
        assert_eq!(broken, Vec::<&super::Broken>::new(), "{faults}");
        assert!(made.held() && made.unseen() > 0, "{faults}");
        for row in &made.rows {
            let missing = Dimension::ALL.into_iter().zip(&row.proofs).filter(|(_, proof)| proof.is_none());
            assert_eq!(row.unseen, missing.map(|(dimension, _)| dimension).collect::<Vec<_>>());
        }
        let said = text(&made, 80);
        let rows = made.rows.iter().filter(|row| !row.unseen.is_empty()).count();
        assert_eq!(said.matches(": not seen in force: ").count(), rows, "{said}");
        assert!(said.contains(&format!("{} of ", made.unseen())), "{said}");
        assert!(!said.contains("every choice was seen"), "{said}");
        assert!(!html(&made).contains("every choice was seen"));
        // Where nothing goes wrong on purpose, a choice that is not seen is a promise that did not hold.
        let row = made.rows.iter().find(|row| !row.unseen.is_empty()).unwrap();
        let mut facts = row.facts.clone();
        facts.weather = Weather::new(true, &Faults::default());
        let checked = check(&row.combination, &facts, &row.proofs);
        assert_eq!(checked.unseen, []);
        let of_proofs = checked.broken.iter().filter(|broken| broken.promise.starts_with("an event shows"));
        assert_eq!(of_proofs.count(), row.unseen.len());
    }
}

#[test]
fn rows_are_chosen_by_their_choices() {
    let only: Only = "addressing=sparse,reliability=ack-each".parse().unwrap();
    let rows = Combination::all().into_iter().filter(|combination| only.admits(combination));
    assert_eq!(rows.count(), 9);
    let wrong = ["addressing=here", "colour=red", "lent"].map(|text| text.parse::<Only>().unwrap_err());
    assert_eq!(
        wrong,
        [
            "'addressing=here': the choices are name, place, sparse",
            "'colour=red': the dimensions are addressing, blocking, buffering and reliability",
            "'lent': expected DIMENSION=CHOICE",
        ]
    );
}

#[test]
fn the_table_fits_its_terminal() {
    let made = made(&options(1, "loss=0.2"));
    for width in [80, 100, 120, 160] {
        for line in text(&made, width).lines().filter(|line| !line.starts_with("row ")) {
            assert!(line.chars().count() <= width, "{width} columns: {line}");
        }
    }
    assert_eq!(csv(&made).lines().count(), 82);
}
