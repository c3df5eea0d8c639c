//! The client's library: files on a server, as if they were local; and traces with their views.
//!
//! [`Files`] is slide 14: `read(file, position, nbytes, buf)` and its siblings look like local calls and are a send
//! and a receive each. [`copy`] moves whole files with several requests outstanding. Deliberately not here: what a
//! person types, which is the binary's.
#![forbid(unsafe_code)]

pub mod copy;
mod files;
pub mod lab;
pub mod ladder;
pub mod trace;
pub mod view;

pub use files::{Cached, FileClient, FileError, Files, RpcFiles, Server, Validation};
