//! What every strategy promises, as properties; and that the three do the same.
use alloc::string::ToString;
use alloc::vec::Vec;
use core::time::Duration;

use proptest::prelude::*;
use proptest::strategy::Strategy as Generate;

use super::{Handle, SortedList, Step as Line, Strategy, Table, Timers, Wheel, work};
use crate::rng::Rng;
use crate::time::Instant;

const INTERVAL_NANOS: u64 = 100;

#[derive(Clone, Debug)]
enum Step {
    Add,
    /// Of the timers there are, this one modulo their number; so below too.
    Remove(usize),
    /// So long from now.
    Arm(usize, u64),
    /// For an instant, which may be past.
    ArmAt(usize, u64),
    Disarm(usize),
    /// One call after so long, whatever the table wants.
    Pass(u64),
    /// So long, with a call each time the table wants one.
    Drive(u64),
    /// As `Pass`, and when so many of those that fired were looked at, another step.
    Amid(u64, usize, alloc::boxed::Box<Step>),
}

/// Of all magnitudes, the end of time among them.
fn spans() -> impl Generate<Value = u64> {
    prop_oneof![
        4 => 0..5_000u64,
        2 => (0..64u32, any::<u64>()).prop_map(|(bits, value)| value >> bits),
        1 => (0..64u32).prop_map(|bits| (1u64 << bits).saturating_mul(INTERVAL_NANOS / 4)),
        1 => Just(u64::MAX),
    ]
}

/// Nothing is armed for the past.
fn steps() -> impl Generate<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => Just(Step::Add),
        1 => any::<usize>().prop_map(Step::Remove),
        6 => (any::<usize>(), spans()).prop_map(|(timer, after)| Step::Arm(timer, after)),
        2 => any::<usize>().prop_map(Step::Disarm),
        2 => (0..2_000u64).prop_map(Step::Pass),
        2 => (0..2_000u64).prop_map(Step::Drive),
        1 => (0..60u32, any::<u64>()).prop_map(|(bits, span)| Step::Pass(span >> bits)),
        1 => (6..60u32, any::<u64>()).prop_map(|(bits, span)| Step::Drive(span >> bits)),
    ];
    let amid = (0..2_000u64, 0..8usize, step.clone()).prop_map(|(span, looked_at, step)| match step {
        Step::Pass(_) | Step::Drive(_) => Step::Pass(span),
        step => Step::Amid(span, looked_at, alloc::boxed::Box::new(step)),
    });
    prop::collection::vec(prop_oneof![8 => step, 2 => amid], 0..120)
}

fn steps_that_arm_for_the_past() -> impl Generate<Value = Vec<Step>> {
    let past = (any::<usize>(), spans()).prop_map(|(timer, at)| Step::ArmAt(timer, at));
    let some = prop::collection::vec(past, 1..20);
    (steps(), some).prop_map(|(steps, some)| [steps, some].concat()).prop_shuffle()
}

/// A table and what it should hold. Keys are never given twice.
struct Checked {
    table: Table<u64>,
    /// Key, handle, and what it is armed for.
    timers: Vec<(u64, Handle, Option<u64>)>,
    free: Vec<Handle>,
    added: u64,
    now: u64,
    /// What fired, and when.
    log: Vec<(u64, u64)>,
}

impl Checked {
    fn new(strategy: Strategy) -> Self {
        let table = Table::new(strategy, Duration::from_nanos(INTERVAL_NANOS));
        Self { table, timers: Vec::new(), free: Vec::new(), added: 0, now: 0, log: Vec::new() }
    }

    fn earliest(&self) -> Option<u64> {
        self.timers.iter().filter_map(|timer| timer.2).min()
    }

    fn step(&mut self, step: &Step) {
        let count = self.timers.len();
        match *step {
            Step::Add => {
                let handle = self.table.add(self.added);
                assert_eq!(handle, self.free.pop().unwrap_or(Handle(count as u32)));
                self.timers.push((self.added, handle, None));
                self.added += 1;
            }
            Step::Pass(span) => self.expire(self.now.saturating_add(span), None),
            Step::Amid(span, looked_at, ref step) => {
                self.expire(self.now.saturating_add(span), Some((looked_at, step)));
            }
            Step::Drive(span) => self.drive(self.now.saturating_add(span)),
            _ if count == 0 => {}
            Step::Remove(timer) => {
                let (_, handle, _) = self.timers.remove(timer % count);
                self.table.remove(handle);
                self.free.push(handle);
            }
            Step::Arm(timer, after) => self.arm(timer % count, self.now.saturating_add(after)),
            Step::ArmAt(timer, at) => self.arm(timer % count, at),
            Step::Disarm(timer) => {
                let timer = &mut self.timers[timer % count];
                self.table.disarm(timer.1);
                timer.2 = None;
            }
        }
        self.check_next();
    }

    fn arm(&mut self, timer: usize, at: u64) {
        let timer = &mut self.timers[timer];
        self.table.arm(timer.1, Instant::from_nanos(at));
        timer.2 = (at != u64::MAX).then_some(at);
    }

    fn check_next(&self) {
        let next = self.table.next().map(Instant::as_nanos);
        match (self.earliest(), next) {
            (Some(earliest), Some(next)) => {
                assert!(next < earliest.saturating_add(INTERVAL_NANOS), "{next} is too late for {earliest}");
            }
            (Some(earliest), None) => panic!("a timer due at {earliest} was forgotten"),
            (None, _) => {}
        }
        assert_eq!(
            self.table.is_due(Instant::from_nanos(self.now)),
            next.is_some_and(|next| next <= self.now)
        );
    }

    /// Exactly the armed timers that are due fire, each once, in the order of handles; less the one that a step between
    /// two of them withdraws.
    fn expire(&mut self, now: u64, amid: Option<(usize, &Step)>) {
        self.now = now;
        self.table.expire(Instant::from_nanos(now));
        let is_due = |timer: &&mut (u64, Handle, Option<u64>)| timer.2.is_some_and(|at| at <= now);
        let mut due: Vec<_> = self.timers.iter_mut().filter(is_due).collect();
        due.sort_unstable_by_key(|timer| timer.1.0);
        due.iter_mut().for_each(|timer| timer.2 = None);
        let mut keys: Vec<_> = due.iter().map(|timer| timer.0).collect();
        let mut fired = Vec::new();
        if let Some((looked_at, step)) = amid {
            fired.extend(core::iter::from_fn(|| self.table.pop()).take(looked_at));
            let touched = match *step {
                Step::Remove(timer) | Step::Arm(timer, _) | Step::ArmAt(timer, _) | Step::Disarm(timer) => {
                    self.timers.get(timer % self.timers.len().max(1)).map(|timer| timer.0)
                }
                _ => None,
            };
            self.step(step);
            let seen = looked_at.min(keys.len());
            let left = keys.split_off(seen).into_iter().filter(|key| Some(*key) != touched);
            keys.extend(left);
        }
        fired.extend(core::iter::from_fn(|| self.table.pop()));
        assert_eq!(fired, keys);
        self.log.extend(fired.into_iter().map(|key| (now, key)));
    }

    /// As a driver does.
    fn drive(&mut self, until: u64) {
        let mut last = None;
        while let Some(next) = self.table.next().map(Instant::as_nanos).filter(|next| *next <= until) {
            assert!(last.is_none_or(|last| next > last), "asks for ever");
            last = Some(next);
            self.expire(next.max(self.now), None);
            self.check_next();
        }
        self.now = until;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn each_strategy_agrees_with_the_model_and_with_the_others(steps in steps()) {
        let [sweep, list, wheel] = Strategy::ALL.map(|strategy| run(strategy, &steps));
        prop_assert_eq!(&sweep, &list);
        prop_assert_eq!(&sweep, &wheel);
    }

    #[test]
    fn each_strategy_agrees_with_the_model_if_armed_for_the_past(steps in steps_that_arm_for_the_past()) {
        Strategy::ALL.into_iter().for_each(|strategy| drop(run(strategy, &steps)));
    }
}

/// All steps and then all time, checked; and what fired.
fn run(strategy: Strategy, steps: &[Step]) -> Vec<(u64, u64)> {
    let mut checked = Checked::new(strategy);
    steps.iter().for_each(|step| checked.step(step));
    checked.drive(u64::MAX);
    assert_eq!((checked.earliest(), checked.table.next()), (None, None));
    checked.log
}

#[test]
fn many_timers_armed_disarmed_and_removed_fire_alike() {
    const TIMERS: u64 = 3_000;
    let logs = Strategy::ALL.map(|strategy| {
        let mut rng = Rng::new(41);
        let mut checked = Checked::new(strategy);
        (0..TIMERS).for_each(|_| checked.step(&Step::Add));
        for _ in 0..4 * TIMERS {
            let timer = rng.below(TIMERS) as usize;
            let step = match rng.below(100) {
                0..2 => Step::Remove(timer),
                2..4 => Step::Add,
                4..40 => Step::Disarm(timer),
                40..42 => Step::Drive(rng.below(100 * INTERVAL_NANOS)),
                42..70 => Step::Arm(timer, 50 * INTERVAL_NANOS),
                _ => {
                    let bits = 10 + rng.below(20);
                    Step::Arm(timer, rng.below(1 << bits))
                }
            };
            checked.step(&step);
        }
        checked.drive(u64::MAX);
        checked.log
    });
    assert!(logs[0].len() > 1_000);
    assert!(logs.iter().all(|log| *log == logs[0]));
}

#[test]
fn an_unarmed_table_wants_no_call() {
    for strategy in Strategy::ALL {
        let mut table = Table::new(strategy, Duration::from_millis(1));
        let timer = table.add(7);
        assert_eq!(table.next(), None);
        table.arm(timer, Instant::NEVER);
        assert_eq!(table.next(), None);
        table.arm(timer, Instant::from_nanos(1_500_000));
        assert_eq!(table.next(), Some(Instant::from_nanos(2_000_000)), "rounded up to the next multiple");
        table.disarm(timer);
        table.expire(Instant::from_nanos(2_000_000));
        assert_eq!(table.pop(), None);
        assert_eq!(table.next(), None, "a scan that finds nothing armed asks for no other");
    }
}

#[test]
fn list_and_wheel_ask_for_no_call_in_vain() {
    fn check(mut table: impl Timers<u32>) {
        let [near, far] = [1, 2].map(|key| table.add(key));
        let at = |hours: u64| Instant::from_nanos(1) + Duration::from_secs(3_600 * hours);
        table.arm(far, at(1_000_000));
        table.arm(near, at(1));
        table.disarm(near);
        let next = table.next().unwrap();
        assert_eq!(next, at(1_000_000) + Duration::from_nanos(999_999));
        table.expire(next);
        assert_eq!((table.pop(), table.pop(), table.next()), (Some(2), None, None));
    }
    check(SortedList::new(Duration::from_millis(1)));
    check(Wheel::new(Duration::from_millis(1)));
}

/// Of each strategy, for a script of `timers` that are armed with time-outs that differ, disarmed if `answered`, and
/// else fire.
fn works(timers: usize, answered: bool) -> [super::Work; 3] {
    let mut rng = Rng::new(7);
    let second = Duration::from_secs(1);
    let mut at = || Instant::ZERO + Duration::from_nanos(rng.below(1_000_000_000));
    let mut script: Vec<_> = (0..timers).map(|timer| Line::Arm { timer, at: at() }).collect();
    if answered {
        script.extend((0..timers).map(|timer| Line::Disarm { timer }));
    }
    script.push(Line::Pass { until: Instant::ZERO + second });
    Strategy::ALL.map(|strategy| work(strategy, Duration::from_millis(1), timers, &script))
}

#[test]
fn steps_are_what_the_strategies_are_known_for() {
    let [few, many] = [100, 1_000].map(|timers| works(timers, false));
    for ([sweep, list, wheel], timers) in [(few, 100), (many, 1_000)] {
        assert_eq!([sweep.fired, list.fired, wheel.fired], [timers; 3]);
        assert_eq!([sweep.arming, wheel.arming], [timers; 2], "O(1)");
        let walked = timers * timers / 8;
        assert!(
            list.arming > walked / 2 && list.arming < walked * 3 / 2,
            "a quarter of what is armed on average"
        );
        assert_eq!(sweep.expiring, sweep.calls * timers, "each scan looks at all");
        assert_eq!(list.expiring, timers);
        assert!(wheel.expiring >= timers && wheel.expiring <= 6 * timers, "two wheels down at most");
    }
    let [sweep, list, wheel] = works(1_000, true);
    assert_eq!([sweep.fired, list.fired, wheel.fired], [0; 3]);
    assert_eq!([sweep.calls, list.calls, wheel.calls], [1, 0, 0], "one scan finds that nothing is armed");
    assert_eq!([sweep.steps(), wheel.steps()], [3_000, 2_000]);
    assert_eq!(work(Strategy::List, Duration::ZERO, 0, &[Line::Disarm { timer: 1 }]), super::Work::default());
}

#[test]
fn a_strategy_is_read_as_it_is_written() {
    for strategy in Strategy::ALL {
        assert_eq!(strategy.to_string().parse(), Ok(strategy));
    }
    let error = "heap".parse::<Strategy>().unwrap_err().to_string();
    assert_eq!(error, "no timer strategy is called 'heap'; write sweep, list or wheel");
}
