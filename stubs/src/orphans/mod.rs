//! Orphans (slide 37): computations whose client has crashed, and the four ways to be rid of them.
//!
//! A server keeps its running calls in [`Works`]; beside it a warden ([`watch`]) hears from clients that are back, asks
//! whether clients live, and marks orphans. A procedure learns it by [`crate::Context::check`], stops, and its locks
//! ([`Locks`]) are free. A client that starts does its part with [`come_back`].
//!
//! | cure | the client, before a call | the client, when it is back | the warden |
//! |---|---|---|---|
//! | extermination | writes it into its log | reads the log and names its calls | ends those |
//! | reincarnation | | declares a new epoch | ends whatever runs, whosever it is |
//! | gentle reincarnation | | declares a new epoch | looks for each computation's owner; ends those of none |
//! | expiration | | waits for one quantum | asks the owner for another quantum at the end of each |
//!
//! The owner is looked for by AYA: its process, in the epoch the call came from. A call that comes from a later epoch of a
//! machine declares that epoch, too.
mod client;
mod locks;
/// The interface, compiled.
#[rustfmt::skip]
pub mod protocol;
mod warden;
mod works;

use std::time::Duration;

use sendrec_trap::LocalId;

pub use client::{ComeBackError, come_back};
pub use locks::{Lock, Locks};
pub use warden::watch;
pub(crate) use works::Work;
pub use works::{OrphanCounts, Works};

/// The warden's well-known local id on its machine.
pub const WARDEN_ID: LocalId = LocalId(4);

/// How a client that was asked whether it lives is given up.
const OWNER_TIMEOUT: Duration = Duration::from_secs(1);

/// What is done about orphans.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum OrphanCure {
    /// Nothing: they run to their end.
    #[default]
    None,
    /// The client keeps a log of its calls, and has those that a crash has orphaned ended.
    Extermination,
    /// A client that is back declares a new epoch: every remote computation ends.
    Reincarnation,
    /// The same, but those whose owner is found go on.
    GentleReincarnation,
    /// Each call has so much time, and then its owner is asked for as much again.
    Expiration {
        /// So much.
        quantum: Duration,
    },
}
