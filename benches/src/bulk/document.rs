//! What a run has found, as it is written to JSON and read back.
use serde::{Deserialize, Serialize};

use super::buffers::Granted;
use super::case::Case;
use super::model::{Constants, Prediction};
use crate::machine::Machine;
use sendrec_measure::Spread;

/// Told from other JSON by this.
pub(crate) const KIND: &str = "sendrec bench bulk";
/// Raised when fields change their meaning.
pub(crate) const FORMAT: u32 = 2;
/// A prediction that is further off is listed.
pub(crate) const DEVIATION_MAX: f64 = 0.25;

/// One round of a row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Round {
    /// Of each message.
    pub(crate) seconds: Vec<f64>,
    /// Sent by both sides, for each message.
    pub(crate) packets: f64,
    pub(crate) retransmitted: f64,
    pub(crate) acknowledgements: f64,
}

impl Round {
    /// What the round stands for: the median, or with loss the mean, which is what the model predicts.
    pub(crate) fn time(&self, lossy: bool) -> Option<f64> {
        if lossy && !self.seconds.is_empty() {
            return Some(self.seconds.iter().sum::<f64>() / self.seconds.len() as f64);
        }
        Spread::of(self.seconds.iter().copied()).map(|spread| spread.median)
    }
}

/// A row of the table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Row {
    /// `udp apart`, or a link's name.
    pub(crate) place: String,
    pub(crate) case: Case,
    /// Of the rounds.
    pub(crate) seconds: Option<Spread>,
    /// What the row stands for: their median; or with loss their mean, which is what the model predicts.
    pub(crate) expected: Option<f64>,
    /// A megabyte is 10^6 bytes; in the middle, that of what the row stands for.
    pub(crate) megabytes_per_second: Option<Spread>,
    pub(crate) packets: Option<Spread>,
    pub(crate) retransmitted: Option<Spread>,
    pub(crate) acknowledgements: Option<Spread>,
    pub(crate) predicted: Prediction,
    /// How much longer it took than predicted, as a part of the prediction.
    pub(crate) deviation: Option<f64>,
    /// As measured; a round that failed stands as null.
    pub(crate) rounds: Vec<Option<Round>>,
}

impl Row {
    pub(crate) fn new(place: &str, case: Case, predicted: Prediction, rounds: Vec<Option<Round>>) -> Self {
        let lossy = case.loss.chance > 0.0;
        let spread =
            |part: &dyn Fn(&Round) -> Option<f64>| Spread::of(rounds.iter().flatten().filter_map(part));
        let bytes = case.message_bytes as f64;
        // Where losses are few, one round in many waits for a time-out: the rounds' mean is what is expected.
        let times: Vec<_> = rounds.iter().flatten().filter_map(|round| round.time(lossy)).collect();
        let expected = if lossy && !times.is_empty() {
            Some(times.iter().sum::<f64>() / times.len() as f64)
        } else {
            Spread::of(times.iter().copied()).map(|spread| spread.median)
        };
        let seconds = Spread::of(times.iter().copied());
        let rate = |seconds: f64| bytes / seconds / 1e6;
        let rates =
            |time: Spread| Spread { median: rate(time.median), min: rate(time.max), max: rate(time.min) };
        Self {
            place: place.into(),
            case,
            seconds,
            expected,
            megabytes_per_second: around(seconds, expected).map(rates),
            packets: spread(&|round| Some(round.packets)),
            retransmitted: spread(&|round| Some(round.retransmitted)),
            acknowledgements: spread(&|round| Some(round.acknowledgements)),
            predicted,
            deviation: expected.map(|seconds| seconds / predicted.seconds - 1.0),
            rounds,
        }
    }

    /// What the row stands for, and the rounds' range.
    pub(crate) fn time(&self) -> Option<Spread> {
        around(self.seconds, self.expected)
    }

    /// What tells it from all others.
    pub(crate) fn name(&self) -> String {
        format!("{}: {}", self.place, self.case)
    }
}

fn around(range: Option<Spread>, middle: Option<f64>) -> Option<Spread> {
    Some(Spread { median: middle?, ..range? })
}

/// A floor or a peer, or the kernel beside them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Peer {
    pub(crate) name: String,
    /// What the run chose by itself.
    pub(crate) note: Option<String>,
    pub(crate) placement: String,
    pub(crate) message_bytes: u64,
    pub(crate) seconds: Option<Spread>,
    pub(crate) megabytes_per_second: Option<Spread>,
    /// Of each round, each message.
    pub(crate) rounds: Vec<Option<Vec<f64>>>,
}

impl Peer {
    pub(crate) fn new(
        name: &str,
        note: Option<String>,
        placement: &str,
        message_bytes: u64,
        rounds: Vec<Option<Vec<f64>>>,
    ) -> Self {
        let times: Vec<_> = rounds.iter().filter_map(|round| median(round.as_deref())).collect();
        Self {
            name: name.into(),
            note,
            placement: placement.into(),
            message_bytes,
            seconds: Spread::of(times.iter().copied()),
            megabytes_per_second: Spread::of(
                times.iter().map(|seconds| message_bytes as f64 / seconds / 1e6),
            ),
            rounds,
        }
    }

    /// For people.
    pub(crate) fn full_name(&self) -> String {
        let note = self.note.as_ref().map(|note| format!(" ({note})")).unwrap_or_default();
        format!("{}{note}", self.name)
    }

    /// How many times as fast as the other, round by round.
    pub(crate) fn speed_to(&self, other: &Self) -> Option<Spread> {
        let pairs = self.rounds.iter().zip(&other.rounds);
        Spread::of(pairs.filter_map(|(own, other)| Some(median(other.as_deref())? / median(own.as_deref())?)))
    }
}

fn median(times: Option<&[f64]>) -> Option<f64> {
    Spread::of(times?.iter().copied()).map(|spread| spread.median)
}

/// A goal of the project.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Ratio {
    pub(crate) name: String,
    pub(crate) placement: String,
    pub(crate) message_bytes: u64,
    pub(crate) value: Option<Spread>,
    pub(crate) goal: Option<f64>,
}

impl Ratio {
    /// `None` if there is no goal, or no figure.
    pub(crate) fn is_reached(&self) -> Option<bool> {
        Some(self.value?.median >= self.goal?)
    }
}

/// Small calls, with and without a long message on the same two nodes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Fairness {
    pub(crate) placement: String,
    /// Of the messages that go meanwhile; none without.
    pub(crate) message_bytes: Option<u64>,
    pub(crate) p50_us: Option<Spread>,
    pub(crate) p99_us: Option<Spread>,
    /// Of the long messages.
    pub(crate) megabytes_per_second: Option<Spread>,
}

/// The model's constants at a place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Model {
    pub(crate) place: String,
    pub(crate) from: String,
    pub(crate) constants: Constants,
}

/// Everything.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Document {
    pub(crate) kind: String,
    pub(crate) format: u32,
    pub(crate) command: String,
    pub(crate) machine: Machine,
    pub(crate) rounds: u32,
    pub(crate) seed: u64,
    /// How the kernels' configuration is other than by default.
    pub(crate) configured: Vec<String>,
    /// Where sockets are measured.
    pub(crate) granted: Option<Granted>,
    pub(crate) models: Vec<Model>,
    pub(crate) rows: Vec<Row>,
    pub(crate) peers: Vec<Peer>,
    pub(crate) ratios: Vec<Ratio>,
    pub(crate) fairness: Vec<Fairness>,
    /// What was left out, and why.
    pub(crate) skipped: Vec<String>,
    pub(crate) failed: Vec<String>,
}

impl Document {
    pub(crate) fn deviations(&self) -> impl Iterator<Item = (&Row, f64)> {
        let far = |row: &&Row| row.deviation.is_some_and(|deviation| deviation.abs() > DEVIATION_MAX);
        self.rows.iter().filter(far).filter_map(|row| Some((row, row.deviation?)))
    }
}
