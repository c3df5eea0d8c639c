//! Where the two sides of a measurement run: placement decides more than code.
use clap::ValueEnum;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::sample::Fallible;

/// Of the two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Placement {
    /// Both sides on one core
    One,
    /// Each side on a core of its own
    Apart,
    /// Wherever the scheduler puts them
    Free,
}

/// The core of each side, if it is pinned.
#[derive(Clone, Copy, Debug)]
pub struct Cores {
    /// Of the side that calls.
    pub client: Option<usize>,
    /// Of the side that serves.
    pub server: Option<usize>,
}

impl Placement {
    /// In this order.
    pub const ALL: [Self; 3] = [Self::One, Self::Apart, Self::Free];

    /// As reports have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::One => "one core",
            Self::Apart => "apart",
            Self::Free => "free",
        }
    }

    /// Which of `allowed` the sides run on; or why there is no such placement here.
    pub fn cores(self, allowed: &[usize]) -> Result<Cores, String> {
        match (self, allowed) {
            (Self::One, [first, ..]) => Ok(Cores { client: Some(*first), server: Some(*first) }),
            (Self::Apart, [first, second, ..]) => Ok(Cores { client: Some(*first), server: Some(*second) }),
            (Self::Apart, _) => Err("this program may use one core only".into()),
            (Self::One, []) => Err("the cores this program may use are not known".into()),
            (Self::Free, _) => Ok(Cores { client: None, server: None }),
        }
    }
}

/// The cores this program may run on, in order.
pub fn allowed_cores() -> Fallible<Vec<usize>> {
    let set = sched_getaffinity(None)?;
    Ok((0..CpuSet::MAX_CPU).filter(|core| set.is_set(*core)).collect())
}

/// Pins the calling thread, and with it the threads it starts from here on.
pub fn pin(core: Option<usize>) -> Fallible<()> {
    let Some(core) = core else { return Ok(()) };
    if core >= CpuSet::MAX_CPU {
        return Err(format!("there is no core {core}").into());
    }
    let mut set = CpuSet::new();
    set.set(core);
    sched_setaffinity(None, &set)
        .map_err(|error| format!("cannot pin a thread to core {core}: {error}").into())
}

/// Runs `work` on a thread of its own that is pinned before it begins, so that the caller stays where it is.
pub fn on_core<R: Send>(core: Option<usize>, work: impl FnOnce() -> Fallible<R> + Send) -> Fallible<R> {
    std::thread::scope(|scope| {
        let pinned = scope.spawn(move || {
            pin(core)?;
            work()
        });
        pinned.join().unwrap_or_else(|_| Err("the measuring thread panicked".into()))
    })
}
