//! What a run has found: samples round by round, and what they come to.
use sendrec_benches::Machine;
use sendrec_measure::Spread;
use serde::Serialize;

use crate::catalogue::{Unit, Workload};
use crate::goals::Goal;

/// One round of one peer. What the workload does not give is absent.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sample {
    /// Of a call or a long message.
    pub(crate) p50_us: Option<f64>,
    pub(crate) p99_us: Option<f64>,
    /// Calls per second.
    pub(crate) rate: Option<f64>,
    /// GB/s.
    pub(crate) speed: Option<f64>,
    /// Of both sides, for a call.
    pub(crate) cpu_us: Option<f64>,
    /// Resident at most, of each side.
    pub(crate) client_mib: Option<f64>,
    pub(crate) server_mib: Option<f64>,
    /// A second, of both sides.
    pub(crate) switches: Option<f64>,
}

impl Sample {
    /// What the workload is about.
    pub(crate) const fn main(&self, unit: Unit) -> Option<f64> {
        match unit {
            Unit::Micros => self.p50_us,
            Unit::Rate => self.rate,
            Unit::Speed => self.speed,
            Unit::Switches => self.switches,
        }
    }
}

/// All rounds of a peer's workload at a placement. One that failed stands as `None`, so that rounds stay side by side.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) workload: Workload,
    pub(crate) placement: &'static str,
    pub(crate) peer: &'static str,
    pub(crate) rounds: Vec<Option<Sample>>,
}

impl Line {
    pub(crate) fn spread(&self, part: impl Fn(&Sample) -> Option<f64>) -> Option<Spread> {
        Spread::of(self.rounds.iter().flatten().filter_map(part))
    }

    /// Round by round, `both` of this one's part and the other's.
    pub(crate) fn beside(
        &self,
        other: &Self,
        part: impl Fn(&Sample) -> Option<f64>,
        both: impl Fn(f64, f64) -> f64,
    ) -> Option<Spread> {
        let pairs = self.rounds.iter().zip(&other.rounds);
        Spread::of(pairs.filter_map(|(own, other)| Some(both(part(own.as_ref()?)?, part(other.as_ref()?)?))))
    }
}

/// A line as it is told.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) workload: &'static str,
    pub(crate) placement: &'static str,
    pub(crate) peer: &'static str,
    pub(crate) rounds: usize,
    pub(crate) p50_us: Option<Spread>,
    pub(crate) p99_us: Option<Spread>,
    pub(crate) calls_per_second: Option<Spread>,
    pub(crate) gigabytes_per_second: Option<Spread>,
    /// The workload's own figure, to its floor's of the same round.
    pub(crate) ratio: Option<Spread>,
    pub(crate) floor: Option<&'static str>,
    pub(crate) cpu_us_per_call: Option<Spread>,
    pub(crate) client_mib: Option<Spread>,
    pub(crate) server_mib: Option<Spread>,
    pub(crate) switches_per_second: Option<Spread>,
}

impl Row {
    fn of(line: &Line, lines: &[Line]) -> Self {
        let Workload { key, unit, floor, .. } = line.workload;
        let is_floor = |other: &&Line| {
            Some(other.peer) == floor && other.placement == line.placement && other.workload.key == key
        };
        let floor_line = lines.iter().find(is_floor);
        Self {
            workload: key,
            placement: line.placement,
            peer: line.peer,
            rounds: line.rounds.iter().flatten().count(),
            p50_us: line.spread(|sample| sample.p50_us.filter(|_| unit == Unit::Micros)),
            p99_us: line.spread(|sample| sample.p99_us.filter(|_| unit == Unit::Micros)),
            calls_per_second: line.spread(|sample| sample.rate),
            gigabytes_per_second: line.spread(|sample| sample.speed),
            ratio: floor_line
                .and_then(|floor| line.beside(floor, |sample| sample.main(unit), |own, floor| own / floor)),
            floor,
            cpu_us_per_call: line.spread(|sample| sample.cpu_us),
            client_mib: line.spread(|sample| sample.client_mib),
            server_mib: line.spread(|sample| sample.server_mib),
            switches_per_second: line.spread(|sample| sample.switches),
        }
    }

    /// What its workload is about.
    pub(crate) fn main(&self) -> Option<Spread> {
        self.p50_us.or(self.calls_per_second).or(self.gigabytes_per_second).or(self.switches_per_second)
    }
}

/// Everything.
#[derive(Debug, Serialize)]
pub(crate) struct Document {
    pub(crate) machine: Machine,
    pub(crate) command: String,
    pub(crate) rounds: u32,
    pub(crate) seconds: f64,
    pub(crate) rows: Vec<Row>,
    pub(crate) goals: Vec<Goal>,
    /// And why.
    pub(crate) left_out: Vec<String>,
}

impl Document {
    pub(crate) fn rows_of(lines: &[Line]) -> Vec<Row> {
        let some = lines.iter().filter(|line| line.rounds.iter().any(Option::is_some));
        some.map(|line| Row::of(line, lines)).collect()
    }
}
