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

/// Which kind of call it was: what it ends with on a kernel that is shut down depends on that alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Down {
    /// A send, call or ping.
    Request,
    /// A receive.
    Receive,
    /// A reply or forward.
    Reply,
}

impl Down {
    /// The kind of `call`.
    pub const fn of(call: &Syscall) -> Self {
        match call {
            Syscall::Send { .. } | Syscall::Call { .. } | Syscall::Ping { .. } | Syscall::Locate { .. } => {
                Self::Request
            }
            Syscall::Receive { .. } => Self::Receive,
            Syscall::Reply { .. } | Syscall::Forward { .. } => Self::Reply,
        }
    }

    /// What such a call ends with.
    pub fn outcome(self) -> Outcome {
        let message = Bytes::new();
        match self {
            Self::Request => Outcome::Unsent(Unsent { error: CallError::Down, message }),
            Self::Receive => Outcome::NotReceived(ReceiveError::Down),
            Self::Reply => Outcome::NotReplied { error: ReplyError::Down, message },
        }
    }
}
