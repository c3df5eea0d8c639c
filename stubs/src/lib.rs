//! Remote procedure calls that look local (slides 23-41), on send and receive.
//!
//! An interface file in the RPC language is compiled by `sendrec rpcgen` (or `sendrec_idl::build` in a build script) to a
//! module: its types, and for each version of a program a `Client`, a trait `Server` and a `Dispatch` between the two.
//! These use what is here: the canonical encoding ([`xdr`]), the call and reply messages of RFC 5531 ([`message`]), who
//! sends a call and waits ([`Caller`]), and who answers ([`Services`]).
//!
//! A call is one `call` of the process API, and whatever becomes of it on the way is the kernel's business. [`onc`] is
//! another way, without a kernel: RPC as others speak it, over UDP and TCP.
#![forbid(unsafe_code)]

// Generated code names this crate, here too.
extern crate self as sendrec_stubs;

pub mod binder;
mod call;
mod error;
mod identity;
mod ledger;
pub mod message;
pub mod onc;
pub mod once;
mod options;
pub mod orphans;
mod pass;
mod pending;
mod remote;
mod server;
pub mod xdr;

pub use bytes::Bytes;
pub use redb;

pub use call::{Caller, Decode, Starter, call};
pub use error::{CallError, Ran, Refusal, ServeError};
pub use identity::ClientIdentity;
pub use ledger::{Ledger, Unkept};
pub use options::{CALL_TIMEOUT, CallOptions, CallSemantics, Retries, RetryBudget};
pub use pending::Pending;
pub use remote::Remote;
pub use server::{
    Context, Rules, Service, Services, is_call, serve, serve_by_threads, serve_one, serve_with,
};

/// A procedure of an interface, as calls and answers name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Procedure {
    /// In the header of each call.
    pub number: u32,
    /// As the interface has it.
    pub name: &'static str,
    /// To run it twice is to run it once (`@idempotent`).
    pub is_idempotent: bool,
}

impl Procedure {
    /// Procedure 0 of every program: nothing there, nothing back.
    pub const NULL: Self = Self { number: 0, name: "NULL", is_idempotent: true };
}
