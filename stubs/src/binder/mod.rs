//! The binder (slides 33-35): servers register what they offer, clients look it up and get a handle.
//!
//! An ordinary server, with an interface file of its own (`protocol.x`) that anybody may compile. [`Registry`] has its loop;
//! [`Binder`] asks it; [`Binder::import`] is all a client needs:
//!
//! ```
//! # use sendrec_stubs::{CallError, Remote, binder::{self, Binder, BinderError}};
//! # use sendrec_trap::{Process, Trap};
//! # fn main_of_client<T: Trap>(me: &Process<'_, T>) -> Result<(), BinderError> {
//! let files = Binder::new(me, binder::BINDER).import("files", 1)?;
//! # Ok(()) }
//! ```
//!
//! Several instances of one service are given out in turn. One that is asked for and was not heard of for a while is asked
//! whether it lives (AYA), and forgotten if it does not. Deliberately not here: files; what is to survive a restart is
//! handed to a [`crate::Ledger`].
/// The interface, compiled.
#[rustfmt::skip]
pub mod protocol;
mod client;
mod server;
mod table;

use std::time::Duration;

use sendrec_trap::{LocalId, SparseId};

pub use client::{Binder, BinderError, Credential};
pub use server::Registry;
pub use table::ENTRIES_MAX;

/// The binder's well-known local id on its machine.
pub const BINDER_ID: LocalId = LocalId(3);
/// The binder's well-known sparse id, by which it is found wherever it is: `binder.x` in ASCII.
pub const BINDER: SparseId = SparseId(0x6269_6e64_6572_2e78);

/// An instance that has proved within this time that it lives is given out unasked.
const PROOF_LASTS: Duration = Duration::from_secs(10);
/// How long one that is asked may take.
const PROOF_TIMEOUT: Duration = Duration::from_secs(1);
