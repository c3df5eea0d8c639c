//! When each step was over: a log for each of the two threads, written without waiting for anybody.
use std::cell::OnceCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use sendrec_trap::Step;

/// What is over: a step of stub or kernel, or one of the measuring program's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// The client is about to call.
    Begin,
    /// Of a stub or a kernel.
    Of(Step),
    /// The procedure runs.
    Inside,
    /// It is done.
    Done,
    /// The client has its result.
    End,
}

/// Numbers of marks that are no steps.
const OWN: u64 = 100;
/// Nanoseconds take this many bits: two years.
const TIME_BITS: u32 = 56;

impl Mark {
    fn number(self) -> u64 {
        match self {
            Self::Of(step) => step as u64,
            Self::Begin => OWN,
            Self::Inside => OWN + 1,
            Self::Done => OWN + 2,
            Self::End => OWN + 3,
        }
    }

    fn of_number(number: u64) -> Option<Self> {
        match number {
            OWN => Some(Self::Begin),
            101 => Some(Self::Inside),
            102 => Some(Self::Done),
            103 => Some(Self::End),
            step => Step::ALL.get(step as usize).copied().map(Self::Of),
        }
    }
}

/// A mark, and when it was made: nanoseconds since the log's origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) mark: Mark,
    pub(super) at: u64,
}

/// The marks of one thread. What it has no room for is not kept.
#[derive(Debug)]
pub(super) struct Log {
    origin: Instant,
    stamps: Box<[AtomicU64]>,
    length: AtomicUsize,
}

thread_local! {
    static MINE: OnceCell<Arc<Log>> = const { OnceCell::new() };
}

impl Log {
    /// A log with room for so many marks, by a clock that began at `origin`.
    pub(super) fn new(origin: Instant, room: usize) -> Arc<Self> {
        let stamps = std::iter::repeat_with(AtomicU64::default).take(room).collect();
        Arc::new(Self { origin, stamps, length: AtomicUsize::new(0) })
    }

    /// From here on this thread's marks go into it. Threads without one make none.
    pub(super) fn adopt(self: &Arc<Self>) {
        MINE.with(|mine| drop(mine.set(self.clone())));
    }

    fn push(&self, mark: Mark) {
        let at = self.origin.elapsed().as_nanos() as u64;
        let place = self.length.load(Ordering::Relaxed);
        if let Some(stamp) = self.stamps.get(place) {
            stamp.store(mark.number() << TIME_BITS | at, Ordering::Relaxed);
            self.length.store(place + 1, Ordering::Release);
        }
    }

    /// What is in it.
    pub(super) fn stamps(&self) -> Vec<Stamp> {
        let length = self.length.load(Ordering::Acquire);
        let read = |stamp: &AtomicU64| {
            let bits = stamp.load(Ordering::Relaxed);
            let at = bits & ((1 << TIME_BITS) - 1);
            Mark::of_number(bits >> TIME_BITS).map(|mark| Stamp { mark, at })
        };
        self.stamps[..length].iter().filter_map(read).collect()
    }
}

/// Makes a mark in this thread's log.
pub(super) fn mark(mark: Mark) {
    MINE.with(|mine| {
        if let Some(log) = mine.get() {
            log.push(mark);
        }
    });
}

/// What nodes tell of steps.
pub(super) fn observe(step: Step) {
    mark(Mark::Of(step));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_come_back_and_what_is_too_much_is_left_out() {
        let marks = [Mark::Begin, Mark::Of(Step::Called), Mark::Of(Step::ResultMarshalled), Mark::Inside];
        let all = [&marks[..], &[Mark::Done, Mark::End]].concat();
        let log = Log::new(Instant::now(), 5);
        for one in &all {
            log.push(*one);
        }
        let stamps = log.stamps();
        assert_eq!(stamps.iter().map(|stamp| stamp.mark).collect::<Vec<_>>(), all[..5]);
        assert!(stamps.is_sorted_by_key(|stamp| stamp.at));
        for (number, step) in Step::ALL.into_iter().enumerate() {
            assert_eq!(step as usize, number);
        }
    }
}
