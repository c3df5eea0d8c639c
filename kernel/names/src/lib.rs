//! ASCII names for processes (slides 15-16): a name server that is an ordinary process, and how one asks it.
//!
//! [`serve`] is the server's loop, on send and receive alone. [`Names`] asks it; [`Resolver`] remembers what it said,
//! and asks again when a place turns out to be stale. Deliberately not here: how the server itself is found, which is
//! the kernel's business as for any process (a well-known local id, or a sparse id and a broadcast); and names on disk:
//! a server that is started again begins empty, and those it should know register again.
#![forbid(unsafe_code)]

mod client;
mod message;
mod name;
mod resolver;
mod server;
mod table;
#[cfg(test)]
mod tests;

use sendrec_trap::{LocalId, SparseId};

pub use client::{Names, NamesError};
pub use message::{BadMessage, Code, FIXED_BYTES, NameMessage, Operation, Token};
pub use name::{BadName, NAME_BYTES_MAX, Name};
pub use resolver::{NamedError, Resolver};
pub use server::serve;
pub use table::{NAMES_MAX, NAMES_PER_MACHINE_MAX};

/// The name server's well-known local id on its machine.
pub const NAME_SERVER_ID: LocalId = LocalId(2);
/// The name server's well-known sparse id, by which it is found wherever it is: `nameserv` in ASCII.
pub const NAME_SERVER: SparseId = SparseId(0x6e61_6d65_7365_7276);
