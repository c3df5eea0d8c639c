//! Exactly once (slide 37): a call runs once though the server crashes, and its client gets the result after the restart.
//!
//! A call has an identity that is the same in each of its copies, those sent after a crash too. The server writes the
//! call's result down in the same transaction as its effect ([`Journal`]): after a crash both are there or neither is. A
//! copy that comes later is answered from the journal. A procedure that says `@idempotent` runs as often as it comes, and
//! needs none of it.
//!
//! The promise holds while the client lives and waits: one that gives up, at its deadline, cannot know whether it ran.
mod journal;

pub(crate) use journal::Intending;
pub use journal::{CALLS_MAX, CLIENTS_MAX, ExactlyOnce, Journal, JournalError};
