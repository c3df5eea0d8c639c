//! The file server of slides 12 and 13: its message, its store, its loop.
//!
//! The loop is the lecture's listing on the kernel's primitives: receive, switch on the opcode, do, send to the
//! source. Deliberately not here: sockets, and how a `main` starts one.
//!
//! # Promises
//!
//! Writes are positioned, so that to repeat one is harmless. A write that was answered is in the file. Names are
//! bytes. Nothing outside the root is reached, whatever a name or a symbolic link says.
//!
//! # Length and memory
//!
//! A READ brings at most [`DATA_BYTES_MAX`] bytes, a LIST at most [`LIST_BYTES_MAX`], whatever was asked for: nobody makes
//! the server hold more by asking for more. What is read goes from the file into the message that is sent, without a
//! copy between; what is written goes from the message that came into the file. How long a WRITE may be is up to the
//! server's mailbox, which takes none that it has no room for.
//!
//! # Sparse files, and files that change
//!
//! Zeros at the end of what was read, a block ([`BLOCK_BYTES`]) or more, are not sent, and where the file system says that
//! there is a hole none are read. The server writes what it is sent: a client that wants holes leaves them out, and sets the
//! length with TRUNCATE if the file ends with one. What a READ sees of a WRITE at the same time is not defined, but for this:
//! it ends at an end the file has had meanwhile.
#![forbid(unsafe_code)]

mod answer;
mod directory;
mod journaled;
mod memory;
mod message;
mod name;
pub mod rpc;
mod server;
mod store;
#[cfg(test)]
mod tests;
mod versioned;

pub use answer::is_zero;
pub use directory::Directory;
pub use memory::Memory;
pub use message::{
    BLOCK_BYTES, BadMessage, Code, DATA_BYTES_MAX, FIXED_BYTES, FileMessage, LIST_BYTES_MAX, Opcode,
    decode_entries, encode_entry,
};
pub use name::{MAX_PATH_BYTES, Name};
pub use rpc::recover;
pub use server::{FileServer, serve};
pub use store::{Attributes, Entry, FileKind, Filled, ReadOnly, Store};
pub use versioned::Versioned;
