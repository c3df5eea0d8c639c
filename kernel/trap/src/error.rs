//! Errors that hand back what could not be sent.
use std::fmt;

use bytes::Bytes;
use sendrec_core::error::Unsent;
use sendrec_core::{CallError, Outcome, ReceiveError, ReplyError, Syscall};

/// Why a send failed, with the message that was not sent.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("{failure}")]
pub struct SendError {
    /// Why.
    pub failure: SendFailure,
    /// The message, handed back; empty where the kernel had taken it over already.
    pub message: Bytes,
}

impl fmt::Debug for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SendError({:?}, {} bytes)", self.failure, self.message.len())
    }
}

/// Why, by what the send was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendFailure {
    /// A request or one-way message.
    #[error(transparent)]
    Request(#[from] CallError),
    /// A reply.
    #[error(transparent)]
    Reply(#[from] ReplyError),
}

/// Why a ping brought no sign of life.
pub type PingError = CallError;

/// What a call ends with on a kernel that is shut down.
pub fn down(call: Syscall) -> Outcome {
    match call {
        Syscall::Send { message, .. } | Syscall::Call { message, .. } => {
            Outcome::Unsent(Unsent { error: CallError::Down, message })
        }
        Syscall::Receive { .. } => Outcome::NotReceived(ReceiveError::Down),
        Syscall::Reply { message, .. } | Syscall::Forward { message, .. } => {
            Outcome::NotReplied { error: ReplyError::Down, message }
        }
        Syscall::Ping { .. } => Outcome::Unsent(Unsent { error: CallError::Down, message: Bytes::new() }),
    }
}
