//! One small error per operation. Each variant says whose fault it is, whether anything changed, whether to try again.
use bytes::Bytes;

use crate::ids::{Address, LocalId, SparseId};

/// Why a send or call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum CallError {
    /// The machine answers, and nobody there has the local id. Not run; but a copy that the network has doubled or held
    /// back may run yet, if a process with that id starts. Look the address up again.
    #[error("no such process")]
    NoSuchProcess,
    /// Nobody has answered the search for the sparse id. Not run; but a copy that the network has doubled or held back
    /// may run yet. Is the server up, and does it hear broadcasts?
    #[error("nobody has this sparse id")]
    NotLocated,
    /// The machine was asked as often as configured and stayed silent. It may have run. Try again if that is harmless.
    #[error("no answer")]
    NoAnswer,
    /// The server's process or machine ended before it took the request. Not run. Try again.
    #[error("server crashed: not executed")]
    CrashedNotExecuted,
    /// The server's process or machine ended, and nobody can know whether it had run the request.
    #[error("server crashed: outcome unknown")]
    CrashedUnknown,
    /// It was run, but the server had no room to keep the reply until we asked again.
    #[error("executed, but the reply was discarded")]
    ReplyDiscarded,
    /// The server had no room, as often as it was asked. Not run; but a copy that the network has doubled or held back
    /// may run yet. Try again later.
    #[error("refused: no room")]
    Refused,
    /// The caller's deadline came first. It may run yet.
    #[error("timed out")]
    TimedOut,
    /// The caller, or the end of its process, took it back. It may run yet.
    #[error("cancelled")]
    Cancelled,
    /// Whom we would wait for waits for us. Nothing was sent.
    #[error("refused: waiting here would be a deadlock")]
    Deadlock,
    /// The message does not fit into a packet. Nothing was sent.
    #[error("message too long")]
    TooLong,
    /// This kernel holds as many outstanding sends as it may. Nothing was sent. Try again later.
    #[error("too many outstanding sends")]
    TooMany,
    /// The calling process has ended, or never was. Nothing was sent.
    #[error("the calling process does not exist")]
    NoCaller,
    /// The kernel is shut down, or broken by a panic. Nothing more will work here.
    #[error("the kernel is shut down")]
    Down,
}

/// Why a reply could not be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum ReplyError {
    /// The source wants no reply: it was one-way, a reply itself, or was answered before. The caller's mistake.
    #[error("this source wants no reply")]
    NotWanted,
    /// Whoever asked does not wait any more. Nothing was sent; carry on.
    #[error("the client does not wait any more")]
    Abandoned,
    /// The reply does not fit into a packet. Nothing was sent, the request stands: send a shorter one.
    #[error("message too long")]
    TooLong,
    /// The reply was sent as often as configured, and the client's kernel did not acknowledge it.
    #[error("no answer")]
    NoAnswer,
    /// The caller's deadline came first; the kernel keeps the reply for the client.
    #[error("timed out")]
    TimedOut,
    /// Another process's source, or the caller has ended.
    #[error("not this process's to answer")]
    NotYours,
    /// As [`CallError::Refused`]: the process forwarded to has no room. The request stands.
    #[error("refused: no room")]
    Refused,
    /// Nobody has the address forwarded to. The request stands.
    #[error("no such process")]
    NoSuchProcess,
    /// The kernel is shut down.
    #[error("the kernel is shut down")]
    Down,
}

/// Why a receive brought no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum ReceiveError {
    /// A request this process had sent will not be answered.
    #[error("the request to {to} failed: {error}")]
    RequestFailed {
        /// Whom it was sent to.
        to: Address,
        /// Why.
        error: CallError,
    },
    /// The one process whose message was wanted does not exist, or no longer.
    #[error("no such process: {0}")]
    NoSuchProcess(Address),
    /// The caller's deadline came first. No message was lost.
    #[error("timed out")]
    TimedOut,
    /// The process ended while it waited.
    #[error("cancelled")]
    Cancelled,
    /// Whom we would wait for waits for us.
    #[error("refused: waiting here would be a deadlock")]
    Deadlock,
    /// More threads wait in this mailbox than may.
    #[error("too many receivers")]
    TooMany,
    /// The receiving process has ended, or never was.
    #[error("the receiving process does not exist")]
    NoProcess,
    /// The kernel is shut down.
    #[error("the kernel is shut down")]
    Down,
}

/// Why a process could not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum SpawnError {
    /// Another process has this local id, or had it in this boot.
    #[error("local id {0} is taken, or was in this boot")]
    Taken(LocalId),
    /// 0 is nobody's id, and the ids from 1000 up are handed out by the kernel.
    #[error("local id {0} cannot be chosen: choose 1 to 999")]
    Reserved(LocalId),
    /// Another process of this kernel has the sparse id.
    #[error("{0} is taken")]
    SparseTaken(SparseId),
    /// As many processes live as may.
    #[error("too many processes")]
    TooMany,
    /// The kernel is shut down.
    #[error("the kernel is shut down")]
    Down,
}

/// A failed send with what could not be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsent {
    /// Why.
    pub error: CallError,
    /// The message, handed back.
    pub message: Bytes,
}
