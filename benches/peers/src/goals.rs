//! What sendrec is to reach beside its floors and peers, and whether it did.
use sendrec_measure::Spread;
use serde::Serialize;

use crate::catalogue::{
    CHANNEL, LOCAL, NULL, SEGMENTS, STUBS, TCP, TIRPC_TCP, TIRPC_UDP, UDP, UDP_BLOCKING, ZEROMQ_IPC,
    ZEROMQ_TCP,
};
use crate::document::{Line, Sample};
use crate::files::{COPY, NGINX, SENDREC};

/// How two figures are compared.
#[derive(Clone, Copy, Debug)]
enum How {
    /// Own to other, at most.
    RatioAtMost(f64),
    /// Own to other, at least.
    RatioAtLeast(f64),
    /// Own less other, us, at most.
    MoreAtMost(f64),
    /// Own, at most.
    AtMost(f64),
}

/// What is compared.
type Part = fn(&Sample) -> Option<f64>;

/// Of one row, beside another of the same workload and placement.
struct Aim {
    what: &'static str,
    workload: &'static str,
    own: &'static str,
    other: Option<&'static str>,
    part: Part,
    how: How,
    /// Only there.
    placement: Option<&'static str>,
}

const fn aim(
    what: &'static str,
    workload: &'static str,
    own: &'static str,
    other: &'static str,
    part: Part,
    how: How,
) -> Aim {
    Aim { what, workload, own, other: Some(other), part, how, placement: None }
}

const P50: Part = |sample| sample.p50_us;
const P99: Part = |sample| sample.p99_us;
const RATE: Part = |sample| sample.rate;
const SPEED: Part = |sample| sample.speed;
const SWITCHES: Part = |sample| sample.switches;

const AIMS: [Aim; 17] = [
    aim("null call to raw UDP", "null", NULL, UDP, P50, How::RatioAtMost(1.25)),
    aim("null call to raw UDP, p99", "null", NULL, UDP, P99, How::RatioAtMost(1.5)),
    aim("null call to raw blocking UDP, cores busy", "busy", NULL, UDP_BLOCKING, P50, How::RatioAtMost(1.25)),
    aim("null call above raw UDP after 10 ms, us", "after-idle", NULL, UDP, P50, How::MoreAtMost(3.0)),
    Aim {
        placement: Some("one core"),
        ..aim("call within a node to a pair of channels", "null", LOCAL, CHANNEL, P50, How::RatioAtMost(0.5))
    },
    Aim {
        placement: Some("apart"),
        ..aim("call within a node to a pair of channels", "null", LOCAL, CHANNEL, P50, How::RatioAtMost(2.0))
    },
    aim("64 outstanding to ZeroMQ over ipc", "64", NULL, ZEROMQ_IPC, RATE, How::RatioAtLeast(1.0)),
    aim("64 outstanding to ZeroMQ over TCP", "64", NULL, ZEROMQ_TCP, RATE, How::RatioAtLeast(1.0)),
    aim("64 outstanding to raw UDP, packet by packet", "64", NULL, UDP, RATE, How::RatioAtLeast(2.0)),
    aim("blast of 64 MiB to TCP", "64m", NULL, TCP, SPEED, How::RatioAtLeast(1.5)),
    aim("blast of 64 MiB to raw UDP", "64m", NULL, SEGMENTS, SPEED, How::RatioAtLeast(0.8)),
    aim("stubs above the null call, us", "null", STUBS, NULL, P50, How::MoreAtMost(0.5)),
    aim("stubs to libtirpc over UDP", "null", STUBS, TIRPC_UDP, P50, How::RatioAtMost(1.0)),
    aim("stubs to libtirpc over TCP", "null", STUBS, TIRPC_TCP, P50, How::RatioAtMost(1.0)),
    aim("a file to nginx and curl", "file", SENDREC, NGINX, SPEED, How::RatioAtLeast(1.0)),
    aim("a file to cp", "file", SENDREC, COPY, SPEED, How::RatioAtLeast(0.6)),
    Aim {
        what: "context switches a second when idle",
        workload: "idle",
        own: NULL,
        other: None,
        part: SWITCHES,
        how: How::AtMost(0.0),
        placement: None,
    },
];

/// A goal at a placement.
#[derive(Debug, Serialize)]
pub(crate) struct Goal {
    pub(crate) what: &'static str,
    pub(crate) placement: &'static str,
    pub(crate) value: Spread,
    pub(crate) goal: String,
    pub(crate) is_reached: bool,
}

/// Those for which all was measured.
pub(crate) fn goals(lines: &[Line]) -> Vec<Goal> {
    AIMS.iter().flat_map(|aim| at_placements(aim, lines)).collect()
}

fn at_placements(aim: &Aim, lines: &[Line]) -> Vec<Goal> {
    let is_own = |line: &&Line| {
        line.peer == aim.own
            && line.workload.key == aim.workload
            && aim.placement.is_none_or(|placement| placement == line.placement)
    };
    let goal = |own: &Line| {
        let is_other = |line: &&Line| {
            Some(line.peer) == aim.other
                && line.workload.key == aim.workload
                && line.placement == own.placement
        };
        let other = lines.iter().find(is_other);
        let value = match aim.how {
            How::RatioAtMost(_) | How::RatioAtLeast(_) => {
                own.beside(other?, aim.part, |own, other| own / other)
            }
            How::MoreAtMost(_) => own.beside(other?, aim.part, |own, other| own - other),
            How::AtMost(_) => own.spread(aim.part),
        }?;
        let (goal, is_reached) = match aim.how {
            How::RatioAtMost(most) | How::MoreAtMost(most) | How::AtMost(most) => {
                (format!("at most {most}"), value.median <= most)
            }
            How::RatioAtLeast(least) => (format!("at least {least}"), value.median >= least),
        };
        Some(Goal { what: aim.what, placement: own.placement, value, goal, is_reached })
    };
    lines.iter().filter(is_own).filter_map(goal).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::WORKLOADS;

    /// A peer's rounds of a workload on one core; a round without a figure failed.
    fn line(workload: &str, peer: &'static str, rounds: &[Option<Sample>]) -> Line {
        let workload = WORKLOADS.into_iter().find(|other| other.key == workload).unwrap();
        Line { workload, placement: "one core", peer, rounds: rounds.to_vec() }
    }

    fn p50(micros: f64) -> Option<Sample> {
        Some(Sample { p50_us: Some(micros), ..Sample::default() })
    }

    fn found(lines: &[Line], what: &str) -> Option<(f64, bool)> {
        let goals = goals(lines);
        goals.iter().find(|goal| goal.what == what).map(|goal| (goal.value.median, goal.is_reached))
    }

    #[test]
    fn rounds_are_compared_with_the_floor_s_of_the_same_round() {
        let floor = line("null", UDP, &[p50(10.0), p50(20.0), None, p50(10.0)]);
        let own = |third| line("null", NULL, &[p50(12.0), p50(24.0), p50(1.0), third]);
        let what = "null call to raw UDP";
        assert_eq!(found(&[floor.clone(), own(None)], what), Some((1.2, true)));
        assert_eq!(found(&[floor.clone(), own(p50(30.0))], what), Some((1.2, true)));
        let slow = line("null", NULL, &[p50(13.0), p50(26.0)]);
        assert_eq!(found(&[floor, slow], what), Some((1.3, false)));
        assert_eq!(found(&[own(None)], what), None, "nothing to compare it with");
    }

    #[test]
    fn more_is_better_where_it_is_rates_and_a_difference_is_one() {
        let rate = |rate| Some(Sample { rate: Some(rate), ..Sample::default() });
        let peer = line("64", ZEROMQ_IPC, &[rate(100.0)]);
        let what = "64 outstanding to ZeroMQ over ipc";
        assert_eq!(found(&[peer.clone(), line("64", NULL, &[rate(99.0)])], what), Some((0.99, false)));
        assert_eq!(found(&[peer, line("64", NULL, &[rate(200.0)])], what), Some((2.0, true)));
        let lines = [line("null", NULL, &[p50(16.0)]), line("null", STUBS, &[p50(16.5)])];
        assert_eq!(found(&lines, "stubs above the null call, us"), Some((0.5, true)));
    }
}
