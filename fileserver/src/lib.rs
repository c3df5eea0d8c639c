//! The file server of slides 12 and 13: its message, its store, its loop.
//!
//! The loop is the lecture's listing on the kernel's primitives: receive, switch on the opcode, do, send to the
//! source. Deliberately not here: sockets, and how a `main` starts one.
//!
//! # Promises
//!
//! Writes are positioned, so that to repeat one is harmless. A write that was answered is in the file. Names are
//! bytes. Nothing outside the root is reached, whatever a name or a symbolic link says.
#![forbid(unsafe_code)]

mod directory;
mod memory;
mod message;
mod name;
mod server;
mod store;
#[cfg(test)]
mod tests;

pub use directory::Directory;
pub use memory::Memory;
pub use message::{BadMessage, Code, FIXED_BYTES, FileMessage, Opcode, decode_entries, encode_entry};
pub use name::{MAX_PATH_BYTES, Name};
pub use server::serve;
pub use store::{Attributes, Entry, FileKind, ReadOnly, Store};
