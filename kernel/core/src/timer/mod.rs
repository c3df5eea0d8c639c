//! Timers (slide 41): three strategies behind one interface.
//!
//! Deliberately not here: what a timer means. The key is the owner's and generic; nothing of the protocol is known.
mod fired;
mod interval;
mod list;
mod places;
mod script;
mod strategy;
mod sweep;
#[cfg(test)]
mod tests;
mod wheel;

pub use list::SortedList;
pub use script::{Step, Work, work};
pub use strategy::{Strategy, StrategyError, Table};
pub use sweep::Sweep;
pub use wheel::Wheel;

use crate::time::Instant;

/// A timer's place in its table, as `add` gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Handle(u32);

/// A table of timers, each armed for one instant or not at all.
///
/// Whatever the strategy, a table has an interval. It wants to be called at multiples of it alone, so that timers due
/// shortly after one another fire together; a driver that calls when it is asked to, and arms nothing for the past, sees
/// the same timers fire at the same times in the same order.
pub trait Timers<K: Copy> {
    /// A new timer, not armed. The place of one removed is used first, the last removed before all.
    fn add(&mut self, key: K) -> Handle;
    /// Ends the timer, armed or not; its handle may be given out again.
    fn remove(&mut self, handle: Handle);
    /// Arms it for `at`, whatever it was armed for before; for [`Instant::NEVER`] it is disarmed.
    fn arm(&mut self, handle: Handle, at: Instant);
    /// Disarms it.
    fn disarm(&mut self, handle: Handle);
    /// When `expire` should be called next, in O(1): less than an interval after the earliest armed timer is due, and
    /// possibly before it, if one was disarmed meanwhile.
    fn next(&self) -> Option<Instant>;
    /// Disarms each timer that is due: these have fired.
    fn expire(&mut self, now: Instant);
    /// The key of a timer that has fired, each once and in the order of handles. One that was armed, disarmed or removed
    /// since, by what was done about another, has not.
    fn pop(&mut self) -> Option<K>;
    /// Entries looked at or moved since the table began: what it has done, whatever the machine's speed.
    fn steps(&self) -> u64;

    /// Whether `next` has come.
    fn is_due(&self, now: Instant) -> bool {
        self.next().is_some_and(|next| now >= next)
    }
}
