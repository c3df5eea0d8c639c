//! Timing calls one by one, and where a process runs.
use std::time::{Duration, Instant};

use rustix::thread::{CpuSet, sched_setaffinity};
use serde::{Deserialize, Serialize};

/// What may fail, for whatever reason: a person reads it.
pub(crate) type Fallible<R> = Result<R, Box<dyn std::error::Error + Send + Sync>>;

/// Tells the program that has started this one where it serves.
pub(crate) type Tell<'a> = &'a dyn Fn(&str) -> Fallible<()>;

/// Bytes of a null call's message, each way.
pub(crate) const MESSAGE_BYTES: usize = 64;
const WARM_UP_CALLS: u64 = 5_000;

/// How long is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget(Duration);

impl Budget {
    pub(crate) fn of(seconds: f64) -> Self {
        Self(Duration::from_secs_f64(seconds))
    }
}

/// What a calling process prints.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Figure {
    pub(crate) p50_ns: u64,
    pub(crate) p99_ns: u64,
    pub(crate) calls: u64,
}

/// Times calls; each gets its number, and must see that it is answered by it.
pub(crate) fn round_trips(budget: Budget, mut call: impl FnMut(u64) -> Fallible<()>) -> Fallible<Figure> {
    for number in 1..=WARM_UP_CALLS {
        call(number)?;
    }
    let mut nanos: Vec<u64> = Vec::with_capacity(1 << 20);
    let begin = Instant::now();
    let mut before = begin;
    while before - begin < budget.0 {
        call(WARM_UP_CALLS + 1 + nanos.len() as u64)?;
        let after = Instant::now();
        nanos.push((after - before).as_nanos() as u64);
        before = after;
    }
    nanos.sort_unstable();
    let of = |percent: usize| nanos[(nanos.len() * percent / 100).min(nanos.len() - 1)];
    Ok(Figure { p50_ns: of(50), p99_ns: of(99), calls: nanos.len() as u64 })
}

/// The number of a call, at the front of its message.
pub(crate) fn put_number(message: &mut [u8], number: u64) {
    message[..8].copy_from_slice(&number.to_be_bytes());
}

/// Whether a message carries the number of the call that it answers.
pub(crate) fn check_number(message: &[u8], number: u64) -> Fallible<()> {
    match message.first_chunk::<8>().map(|bytes| u64::from_be_bytes(*bytes)) {
        Some(found) if found == number => Ok(()),
        found => Err(format!("call {number} was answered with {found:?}").into()),
    }
}

/// Pins this thread, and those it starts; not if the core is less than 0.
pub(crate) fn pin(core: i32) -> Fallible<()> {
    let Ok(core) = usize::try_from(core) else { return Ok(()) };
    let mut set = CpuSet::new();
    set.set(core);
    sched_setaffinity(None, &set)
        .map_err(|error| format!("cannot pin a thread to core {core}: {error}").into())
}

/// This process ends when the one that started it does.
pub(crate) fn die_with_parent() -> Fallible<()> {
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    Ok(())
}
