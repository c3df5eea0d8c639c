//! What a strategy does for a script of arms and disarms, counted and not timed: for lessons and tests.
use alloc::vec::Vec;
use core::time::Duration;

use super::{Strategy, Table, Timers};
use crate::time::Instant;

/// One line of a script. Timers are numbered from zero; a number beyond the script's timers is passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Arms a timer, armed or not.
    Arm {
        /// Which.
        timer: usize,
        /// For when.
        at: Instant,
    },
    /// Disarms it: the answer came.
    Disarm {
        /// Which.
        timer: usize,
    },
    /// Time passes, and the table is called each time it wants to be.
    Pass {
        /// Until when, this instant included.
        until: Instant,
    },
}

/// What a script cost: entries looked at or moved, by what was asked for, and what came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Steps of arming.
    pub arming: u64,
    /// Steps of disarming.
    pub disarming: u64,
    /// Steps of expiring.
    pub expiring: u64,
    /// How often the table wanted to be called.
    pub calls: u64,
    /// How many timers fired: with every strategy the same.
    pub fired: u64,
}

impl Work {
    /// All steps.
    pub const fn steps(&self) -> u64 {
        self.arming + self.disarming + self.expiring
    }
}

/// Runs a script with a table of so many timers.
///
/// ```
/// use std::time::Duration;
/// use sendrec_core::Instant;
/// use sendrec_core::timer::{Step, Strategy, work};
///
/// let at = |millis| Instant::ZERO + Duration::from_millis(millis);
/// // A hundred requests with time-outs that differ; all but one are answered.
/// let mut script: Vec<Step> = (0..100).map(|timer| Step::Arm { timer, at: at(100 + timer as u64 * 7 % 50) }).collect();
/// script.extend((1..100).map(|timer| Step::Disarm { timer }));
/// script.push(Step::Pass { until: at(200) });
/// let [sweep, list, wheel] = Strategy::ALL.map(|strategy| work(strategy, Duration::from_millis(1), 100, &script));
/// assert_eq!((sweep.fired, list.fired, wheel.fired), (1, 1, 1));
/// assert!(list.arming > sweep.arming && sweep.expiring > list.expiring);
/// ```
pub fn work(strategy: Strategy, interval: Duration, timers: usize, script: &[Step]) -> Work {
    let mut table = Table::new(strategy, interval);
    let handles: Vec<_> = (0..timers).map(|timer| table.add(timer)).collect();
    let mut work = Work::default();
    for step in script {
        let before = table.steps();
        match *step {
            Step::Arm { timer, at } => {
                if let Some(handle) = handles.get(timer) {
                    table.arm(*handle, at);
                }
                work.arming += table.steps() - before;
            }
            Step::Disarm { timer } => {
                if let Some(handle) = handles.get(timer) {
                    table.disarm(*handle);
                }
                work.disarming += table.steps() - before;
            }
            Step::Pass { until } => {
                // Each call is later than the one before, or the last there is.
                while let Some(next) = table.next().filter(|next| *next <= until) {
                    table.expire(next);
                    work.calls += 1;
                    work.fired += core::iter::from_fn(|| table.pop()).count() as u64;
                }
                work.expiring += table.steps() - before;
            }
        }
    }
    work
}
