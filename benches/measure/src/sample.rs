//! Measuring: warm up, call, take the time of each call; or keep so many outstanding and count.
//!
//! The same code times what is called by a runtime's tasks and what is called by a thread that waits by itself: a client
//! that blocks is one whose futures are always ready ([`now`]).
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// What may fail, for whatever reason: a person reads it.
pub type Fallible<R> = Result<R, Box<dyn std::error::Error + Send + Sync>>;

/// Bytes of a null call's message, each way.
pub const MESSAGE_BYTES: usize = 64;

const WARM_UP_CALLS: u64 = 5_000;
const WARM_UP_TIME: Duration = Duration::from_millis(50);

/// When a round of a row is over: whichever comes first.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// So much time has passed.
    pub time: Duration,
    /// So many calls were made.
    pub calls: u64,
}

/// What one round of one row gave.
#[derive(Clone, Copy, Debug)]
pub enum Figure {
    /// Round trips, us.
    RoundTrip {
        /// Half of them take no longer.
        p50: f64,
        /// Of a hundred, 99 take no longer.
        p99: f64,
    },
    /// Calls per second.
    Rate(f64),
    /// Context switches meanwhile.
    Switches(u64),
}

/// The times of single calls.
#[derive(Clone, Debug)]
pub struct RoundTrips {
    /// Of each, ns, sorted; at least one.
    pub nanos: Vec<u64>,
    /// Calls made, those to warm up too.
    pub all: u64,
}

impl RoundTrips {
    /// Their middle and their end.
    pub fn figure(&self) -> Figure {
        Figure::RoundTrip { p50: percentile(&self.nanos, 50), p99: percentile(&self.nanos, 99) }
    }
}

/// Calls that end while others are outstanding.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    /// Of the time that was measured.
    pub per_second: f64,
    /// Calls made, those to warm up too.
    pub all: u64,
}

/// The number of a call, at the front of its message.
pub fn put_number(message: &mut [u8], number: u64) {
    message[..8].copy_from_slice(&number.to_be_bytes());
}

/// Checks that a message carries the number of the call that it should be the answer of.
pub fn check_number(message: &[u8], number: u64) -> Fallible<()> {
    match message.first_chunk::<8>().map(|bytes| u64::from_be_bytes(*bytes)) {
        Some(found) if found == number => Ok(()),
        found => Err(format!("call {number} was answered with {found:?}").into()),
    }
}

/// What a future gives that never waits: its code blocks instead.
///
/// # Errors
/// It waited all the same.
pub fn now<R>(future: impl Future<Output = Fallible<R>>) -> Fallible<R> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => Err("a client that should block waited for a runtime".into()),
    }
}

/// Times single calls, each begun after `pause`. `call` gets the number of the call.
pub async fn round_trips(
    budget: Budget,
    pause: Option<Duration>,
    mut call: impl AsyncFnMut(u64) -> Fallible<()>,
) -> Fallible<RoundTrips> {
    const SAMPLES_RESERVED: usize = 1 << 20;
    let mut number = 0;
    let begin = Instant::now();
    while number < WARM_UP_CALLS && begin.elapsed() < WARM_UP_TIME {
        number += 1;
        call(number).await?;
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
        call(number).await?;
        // One reading of the clock for each call: the end of one is the beginning of the next.
        let after = Instant::now();
        nanos.push((after - before).as_nanos() as u64);
        before = after;
    }
    nanos.sort_unstable();
    Ok(RoundTrips { nanos, all: number })
}

/// Of sorted samples, at least one; in us.
pub fn percentile(sorted: &[u64], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted[rank - 1] as f64 / 1_000.0
}

/// A client that keeps several calls outstanding.
pub trait Pipeline {
    /// Begins the call of this number.
    fn begin(&mut self, number: u64) -> Fallible<()>;
    /// Waits for the call of this number, the oldest one outstanding, and checks its answer.
    fn finish(&mut self, number: u64) -> impl Future<Output = Fallible<()>>;
}

/// Counts the calls that end in a second while `outstanding` are in progress.
pub async fn rate(budget: Budget, outstanding: u64, pipeline: &mut impl Pipeline) -> Fallible<Rate> {
    /// The clock is looked at once in so many calls.
    const LOOK_EVERY: u64 = 64;
    let mut begun = 0;
    while begun < outstanding {
        begun += 1;
        pipeline.begin(begun)?;
    }
    let mut finished = 0;
    let mut next = async |pipeline: &mut _| -> Fallible<u64> {
        finished += 1;
        Pipeline::finish(pipeline, finished).await?;
        begun += 1;
        Pipeline::begin(pipeline, begun)?;
        Ok(finished)
    };
    let begin = Instant::now();
    while next(pipeline).await? < WARM_UP_CALLS && begin.elapsed() < WARM_UP_TIME {}
    let begin = Instant::now();
    let mut calls = 0;
    let elapsed = loop {
        for _ in 0..LOOK_EVERY {
            next(pipeline).await?;
        }
        calls += LOOK_EVERY;
        let elapsed = begin.elapsed();
        if calls >= budget.calls || elapsed >= budget.time {
            break elapsed;
        }
    };
    while finished < begun {
        finished += 1;
        pipeline.finish(finished).await?;
    }
    Ok(Rate { per_second: calls as f64 / elapsed.as_secs_f64(), all: begun })
}

/// The same for a client that blocks.
pub mod blocking {
    use std::time::Duration;

    use super::{Budget, Fallible, Figure, Pipeline, now};

    /// As [`round_trips`](super::round_trips).
    pub fn round_trips(
        budget: Budget,
        pause: Option<Duration>,
        mut call: impl FnMut(u64) -> Fallible<()>,
    ) -> Fallible<Figure> {
        Ok(now(super::round_trips(budget, pause, async |number| call(number)))?.figure())
    }

    /// As [`rate`](super::rate).
    pub fn rate(budget: Budget, outstanding: u64, pipeline: &mut impl Pipeline) -> Fallible<Figure> {
        Ok(Figure::Rate(now(super::rate(budget, outstanding, pipeline))?.per_second))
    }
}
