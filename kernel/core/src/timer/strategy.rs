//! Which strategy, as a value; and a table that follows it.
use alloc::string::String;
use core::fmt;
use core::hint::cold_path;
use core::str::FromStr;
use core::time::Duration;

use super::{Handle, SortedList, Sweep, Timers, Wheel};
use crate::time::Instant;

/// How a kernel keeps its timers (slide 41).
///
/// The default is the cheapest for few timers, nearly all disarmed before they are due: with ten, an answered request
/// costs 11 ns with the sweep, 20 with the wheels, 26 with the list; from 100,000 on the wheels are cheapest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
pub enum Strategy {
    /// A time-out field in every entry, and a periodic scan.
    #[default]
    Sweep,
    /// A list sorted by due time.
    List,
    /// Hashed wheels, one above the other.
    Wheel,
}

impl Strategy {
    /// All three.
    pub const ALL: [Self; 3] = [Self::Sweep, Self::List, Self::Wheel];

    /// Its name, as it is written and read.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sweep => "sweep",
            Self::List => "list",
            Self::Wheel => "wheel",
        }
    }
}

/// A text names no strategy. Nothing changed; write one of the three.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no timer strategy is called '{0}'; write sweep, list or wheel")]
pub struct StrategyError(String);

impl FromStr for Strategy {
    type Err = StrategyError;

    fn from_str(text: &str) -> Result<Self, StrategyError> {
        let named = Self::ALL.into_iter().find(|strategy| strategy.name() == text);
        named.ok_or_else(|| StrategyError(text.into()))
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A table of the strategy that was chosen at run time: one branch more for each call, always taken alike.
#[derive(Debug)]
pub enum Table<K> {
    /// See [`Sweep`].
    Sweep(Sweep<K>),
    /// See [`SortedList`].
    List(SortedList<K>),
    /// See [`Wheel`].
    Wheel(Wheel<K>),
}

impl<K: Copy> Table<K> {
    /// A table that wants to be called at multiples of `interval` (more than zero).
    pub fn new(strategy: Strategy, interval: Duration) -> Self {
        match strategy {
            Strategy::Sweep => Self::Sweep(Sweep::new(interval)),
            Strategy::List => Self::List(SortedList::new(interval)),
            Strategy::Wheel => Self::Wheel(Wheel::new(interval)),
        }
    }
}

/// The same call to whichever it is; the default one's is nearest.
macro_rules! each {
    ($table:expr, $inner:ident => $call:expr) => {
        match $table {
            Table::Sweep($inner) => $call,
            Table::List($inner) => {
                cold_path();
                $call
            }
            Table::Wheel($inner) => {
                cold_path();
                $call
            }
        }
    };
}

impl<K: Copy> Timers<K> for Table<K> {
    fn add(&mut self, key: K) -> Handle {
        each!(self, inner => inner.add(key))
    }

    fn remove(&mut self, handle: Handle) {
        each!(self, inner => inner.remove(handle));
    }

    fn arm(&mut self, handle: Handle, at: Instant) {
        each!(self, inner => inner.arm(handle, at));
    }

    fn disarm(&mut self, handle: Handle) {
        each!(self, inner => inner.disarm(handle));
    }

    fn next(&self) -> Option<Instant> {
        each!(self, inner => inner.next())
    }

    fn expire(&mut self, now: Instant) {
        each!(self, inner => inner.expire(now));
    }

    fn pop(&mut self) -> Option<K> {
        each!(self, inner => inner.pop())
    }

    fn steps(&self) -> u64 {
        each!(self, inner => inner.steps())
    }

    fn is_due(&self, now: Instant) -> bool {
        each!(self, inner => inner.is_due(now))
    }
}
