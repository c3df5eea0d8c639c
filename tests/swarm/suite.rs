//! The swarm in small: some hundred seeds, each planted fault found, and a seed that is the same each time.
use sendrec_tests::swarm::coverage::judge;
use sendrec_tests::swarm::planted::{find, rule_of};
use sendrec_tests::swarm::{Coverage, Planted, Settings, Weather, run};

const SEEDS: u64 = 300;
/// Each planted fault shows well before this.
const PLANTED_SEEDS: u64 = 200;

#[test]
fn some_hundred_seeds_break_no_rule() {
    let mut coverage = Coverage::default();
    for seed in 0..SEEDS {
        let run = run(seed, Settings::default());
        assert_eq!(
            run.violations,
            [],
            "seed {seed}: cargo run -p sendrec-tests --bin swarm -- --seed {seed}"
        );
        coverage.add(&run.coverage);
    }
    let verdict = judge(&coverage);
    assert_eq!(verdict.impossible, [], "met, and said to be out of reach");
    assert!(verdict.missing.len() * 10 < verdict.wanted, "not met: {:?}", verdict.missing);
}

#[test]
fn each_planted_fault_is_found() {
    for planted in Planted::ALL {
        let found = find(planted, 0, PLANTED_SEEDS, Weather::default());
        assert!(found.is_some(), "{} survived; {} should have found it", planted.name(), rule_of(planted));
    }
}

#[test]
fn a_seed_is_the_same_run_each_time() {
    for seed in [3, 7, 42] {
        let traced = Settings { traced: true, ..Settings::default() };
        let (one, two) = (run(seed, traced), run(seed, traced));
        assert!(one.log == two.log && one.records == two.records, "seed {seed}");
        assert_eq!((one.coverage, one.tally), (two.coverage, two.tally));
        assert!(run(seed + 1, traced).log != one.log);
    }
}
