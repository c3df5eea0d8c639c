//! Timers (slide 41): one table behind one interface.
//!
//! Deliberately not here: what a timer means. The key is the owner's and generic; nothing of the protocol is known.
mod sweep;
#[cfg(test)]
mod tests;

pub use sweep::Sweep;

use crate::time::Instant;

/// A timer's place in its table, as `add` gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Handle(u32);

/// A table of timers, each armed for one instant or not at all.
pub trait Timers<K: Copy> {
    /// A new timer, not armed.
    fn add(&mut self, key: K) -> Handle;
    /// Ends the timer; its handle may be given out again.
    fn remove(&mut self, handle: Handle);
    /// Arms it for `at`, whatever it was armed for before.
    fn arm(&mut self, handle: Handle, at: Instant);
    /// Disarms it.
    fn disarm(&mut self, handle: Handle);
    /// When `expire` should be called next: not before the earliest armed timer, and in O(1).
    fn next(&self) -> Option<Instant>;
    /// Disarms each timer that is due and appends its key to `due`, in the order of handles.
    fn expire(&mut self, now: Instant, due: &mut alloc::vec::Vec<K>);
}
