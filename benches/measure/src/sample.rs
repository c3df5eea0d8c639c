//! Measuring: warm up, call, take the time of each call; or keep so many outstanding and count.
use std::time::{Duration, Instant};

use crate::options::Budget;

/// What may fail, for whatever reason: a person reads it.
pub type Fallible<R> = Result<R, Box<dyn std::error::Error + Send + Sync>>;

/// Bytes of a null call's message, each way.
pub(crate) const MESSAGE_BYTES: usize = 64;
/// Bytes of a datagram that carries one.
pub(crate) const DATAGRAM_BYTES: usize = sendrec_core::wire::HEADER_BYTES + MESSAGE_BYTES;

const WARM_UP_CALLS: u64 = 5_000;
const WARM_UP_TIME: Duration = Duration::from_millis(50);

/// What one round of one row gave.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Figure {
    /// Round trips, us.
    RoundTrip { p50: f64, p99: f64 },
    /// Calls per second.
    Rate(f64),
    /// Context switches meanwhile.
    Switches(u64),
}

/// The number of a call, at the front of its message.
pub(crate) fn put_number(message: &mut [u8], number: u64) {
    message[..8].copy_from_slice(&number.to_be_bytes());
}

/// Checks that a message carries the number of the call that it should be the answer of.
pub(crate) fn check_number(message: &[u8], number: u64) -> Fallible<()> {
    match message.first_chunk::<8>().map(|bytes| u64::from_be_bytes(*bytes)) {
        Some(found) if found == number => Ok(()),
        found => Err(format!("call {number} was answered with {found:?}").into()),
    }
}

/// Times single calls, each begun after `pause`. `call` gets the number of the call.
pub(crate) fn round_trips(
    budget: Budget,
    pause: Option<Duration>,
    mut call: impl FnMut(u64) -> Fallible<()>,
) -> Fallible<Figure> {
    const SAMPLES_RESERVED: usize = 1 << 20;
    let mut number = 0;
    let begin = Instant::now();
    while number < WARM_UP_CALLS && begin.elapsed() < WARM_UP_TIME {
        number += 1;
        call(number)?;
    }
    let mut nanos: Vec<u64> = Vec::with_capacity(SAMPLES_RESERVED);
    let begin = Instant::now();
    let mut before = begin;
    let enough = |count: usize, now: Instant| count as u64 >= budget.calls || now - begin >= budget.time;
    while nanos.is_empty() || !enough(nanos.len(), before) {
        if let Some(pause) = pause {
            std::thread::sleep(pause);
            before = Instant::now();
        }
        number += 1;
        call(number)?;
        // One reading of the clock for each call: the end of one is the beginning of the next.
        let after = Instant::now();
        nanos.push((after - before).as_nanos() as u64);
        before = after;
    }
    nanos.sort_unstable();
    Ok(Figure::RoundTrip { p50: percentile(&nanos, 50), p99: percentile(&nanos, 99) })
}

/// Of sorted samples, at least one; in us.
fn percentile(sorted: &[u64], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted[rank - 1] as f64 / 1_000.0
}

/// A client that keeps several calls outstanding.
pub(crate) trait Pipeline {
    /// Begins the call of this number.
    fn begin(&mut self, number: u64) -> Fallible<()>;
    /// Waits for the call of this number, the oldest one outstanding, and checks its answer.
    fn finish(&mut self, number: u64) -> Fallible<()>;
}

/// Counts the calls that end in a second while `outstanding` are in progress.
pub(crate) fn rate(budget: Budget, outstanding: u64, pipeline: &mut impl Pipeline) -> Fallible<Figure> {
    /// The clock is looked at once in so many calls.
    const LOOK_EVERY: u64 = 64;
    let mut begun = 0;
    while begun < outstanding {
        begun += 1;
        pipeline.begin(begun)?;
    }
    let mut finished = 0;
    let mut next = |pipeline: &mut dyn Pipeline| -> Fallible<u64> {
        finished += 1;
        pipeline.finish(finished)?;
        begun += 1;
        pipeline.begin(begun)?;
        Ok(finished)
    };
    let begin = Instant::now();
    while next(pipeline)? < WARM_UP_CALLS && begin.elapsed() < WARM_UP_TIME {}
    let begin = Instant::now();
    let mut calls = 0;
    let elapsed = loop {
        for _ in 0..LOOK_EVERY {
            next(pipeline)?;
        }
        calls += LOOK_EVERY;
        let elapsed = begin.elapsed();
        if calls >= budget.calls || elapsed >= budget.time {
            break elapsed;
        }
    };
    while finished < begun {
        finished += 1;
        pipeline.finish(finished)?;
    }
    Ok(Figure::Rate(calls as f64 / elapsed.as_secs_f64()))
}
