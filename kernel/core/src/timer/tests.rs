//! What every strategy promises, as properties.
use alloc::vec::Vec;
use core::time::Duration;

use proptest::prelude::*;

use super::{Sweep, Timers};
use crate::time::Instant;

#[derive(Clone, Debug)]
enum Step {
    Arm(usize, u64),
    Disarm(usize),
    Pass(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (0..8usize, 0..5_000u64).prop_map(|(timer, at)| Step::Arm(timer, at)),
        (0..8usize).prop_map(Step::Disarm),
        (0..2_000u64).prop_map(Step::Pass),
    ];
    prop::collection::vec(step, 0..60)
}

/// Against a model: fires exactly the armed timers that are due, each once, and never asks to be called too late.
fn agrees_with_the_model(mut table: impl Timers<usize>, steps: &[Step], granularity: u64) {
    let handles: Vec<_> = (0..8).map(|key| table.add(key)).collect();
    let mut model = [None::<u64>; 8];
    let mut now = 0;
    for step in steps {
        match *step {
            Step::Arm(timer, after) => {
                table.arm(handles[timer], Instant::from_nanos(now + after));
                model[timer] = Some(now + after);
            }
            Step::Disarm(timer) => {
                table.disarm(handles[timer]);
                model[timer] = None;
            }
            Step::Pass(span) => {
                now += span;
                let mut fired = Vec::new();
                table.expire(Instant::from_nanos(now), &mut fired);
                fired.sort_unstable();
                let due: Vec<_> = (0..8).filter(|timer| model[*timer].is_some_and(|at| at <= now)).collect();
                assert_eq!(fired, due);
                due.iter().for_each(|timer| model[*timer] = None);
            }
        }
        match (model.iter().flatten().min(), table.next()) {
            (Some(earliest), Some(next)) => assert!(next.as_nanos() < earliest + granularity),
            (Some(earliest), None) => panic!("a timer due at {earliest} was forgotten"),
            (None, _) => {}
        }
    }
}

proptest! {
    #[test]
    fn sweep_agrees_with_the_model(steps in steps()) {
        agrees_with_the_model(Sweep::new(Duration::from_nanos(100)), &steps, 100);
    }
}

#[test]
fn an_unarmed_table_wants_no_call() {
    let mut table = Sweep::new(Duration::from_millis(1));
    let timer = table.add(7);
    assert_eq!(table.next(), None);
    table.arm(timer, Instant::from_nanos(1_500_000));
    assert_eq!(table.next(), Some(Instant::from_nanos(2_000_000)), "rounded up to the next scan");
    table.disarm(timer);
    let mut due = Vec::new();
    table.expire(Instant::from_nanos(2_000_000), &mut due);
    assert!(due.is_empty());
    assert_eq!(table.next(), None, "a scan that finds nothing armed asks for no other");
}
