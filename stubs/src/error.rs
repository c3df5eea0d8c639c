//! What can become of a call (slides 36-37), each with a word of its own.
use sendrec_trap::Target;

use crate::xdr::{DecodeError, EncodeError};

/// Why a call brought no result.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CallError {
    /// The arguments have no form on the wire. Nothing was sent.
    #[error("the arguments of {procedure}: {error}")]
    Arguments {
        /// Of which procedure.
        procedure: &'static str,
        /// Why.
        error: EncodeError,
    },
    /// The call was to be written down before it is sent, and could not be. Nothing was sent.
    #[error("the log of calls cannot be written: {reason}")]
    NotLogged {
        /// Why.
        reason: String,
    },
    /// A call that is to run exactly once must say whose it is: see [`crate::Remote::known_as`]. Nothing was sent.
    #[error("exactly once takes a client with an identity")]
    NoIdentity,
    /// No answer came. Whether the procedure ran is said where it is known.
    #[error("{server}: {error}")]
    Kernel {
        /// Who was asked.
        server: Target,
        /// What became of the call.
        error: sendrec_trap::CallError,
    },
    /// The network failed, on the way of true ONC RPC. It may have run.
    #[error("{server}: {error}")]
    Network {
        /// Who was asked.
        server: String,
        /// Why.
        error: String,
    },
    /// No answer came in time, on the way of true ONC RPC. It may have run.
    #[error("{server}: no answer within {seconds} s")]
    TimedOut {
        /// Who was asked.
        server: String,
        /// How long one waited.
        seconds: f64,
    },
    /// The server has no such program. Not run. Is it the right address?
    #[error("the server has no program {program:#x}")]
    NoSuchProgram {
        /// Its number.
        program: u32,
    },
    /// The server has the program, in other versions. Not run.
    #[error("the server has versions {low} to {high} of program {program:#x}, and not version {version}")]
    VersionMismatch {
        /// Which program.
        program: u32,
        /// The version asked for.
        version: u32,
        /// The lowest it has.
        low: u32,
        /// The highest it has.
        high: u32,
    },
    /// The server has the version, and no such procedure in it: it was made from another interface. Not run.
    #[error("the server has no procedure {procedure}")]
    NoSuchProcedure {
        /// Its name here.
        procedure: &'static str,
    },
    /// The server could not read the arguments: it was made from another interface. Not run.
    #[error("the server could not read the arguments of {procedure}")]
    GarbageArguments {
        /// Of which procedure.
        procedure: &'static str,
    },
    /// The procedure failed, or the server would not run it: for one whose client is gone, or that it cannot write down.
    #[error("{procedure} failed at the server")]
    Failed {
        /// Which.
        procedure: &'static str,
    },
    /// The server does not take calls from us. Not run.
    #[error("the server denies the call")]
    Denied,
    /// The procedure ran, and its result cannot be read: the server was made from another interface.
    #[error("the result of {procedure}: {error}")]
    Result {
        /// Of which procedure.
        procedure: &'static str,
        /// Why.
        error: DecodeError,
    },
    /// What came is no answer to a call. Is it the address of an RPC server?
    #[error("{server}: the answer is none to a remote procedure call; is that the right address?")]
    NoAnswer {
        /// Who was asked.
        server: String,
    },
}

/// What is known of whether a procedure ran (slide 37).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ran {
    /// It certainly did not: to call again is safe.
    No,
    /// It did.
    Yes,
    /// Nobody can know.
    Unknown,
}

/// What a kernel's error says of it.
pub(crate) const fn ran(error: sendrec_trap::CallError) -> Ran {
    use sendrec_trap::CallError as Kernel;
    match error {
        Kernel::CrashedNotExecuted
        | Kernel::NotLocated
        | Kernel::Deadlock
        | Kernel::TooLong
        | Kernel::TooMany
        | Kernel::NoCaller => Ran::No,
        _ => Ran::Unknown,
    }
}

impl CallError {
    /// Whether the procedure ran, as far as can be known.
    pub const fn ran(&self) -> Ran {
        match self {
            Self::Arguments { .. }
            | Self::NotLogged { .. }
            | Self::NoIdentity
            | Self::NoSuchProgram { .. }
            | Self::VersionMismatch { .. }
            | Self::NoSuchProcedure { .. }
            | Self::GarbageArguments { .. }
            | Self::Denied => Ran::No,
            Self::Kernel { error, .. } => ran(*error),
            Self::Result { .. } => Ran::Yes,
            Self::Failed { .. } | Self::NoAnswer { .. } | Self::Network { .. } | Self::TimedOut { .. } => {
                Ran::Unknown
            }
        }
    }

    /// Whether the procedure certainly did not run: to call again is safe.
    pub const fn is_not_run(&self) -> bool {
        matches!(self.ran(), Ran::No)
    }
}

/// A server's procedure will not or cannot. The client hears that it failed; why is for the server's log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Refusal {
    reason: String,
}

impl Refusal {
    /// For this reason.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into() }
    }
}

/// Why a call was not answered with a result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServeError {
    /// There is no procedure of this number.
    #[error("no such procedure")]
    NoSuchProcedure,
    /// The arguments cannot be read.
    #[error("garbage arguments: {0}")]
    Garbage(#[from] DecodeError),
    /// The procedure failed.
    #[error("failed: {0}")]
    Failed(#[from] Refusal),
    /// Its result has no form on the wire.
    #[error("the result: {0}")]
    Result(#[from] EncodeError),
}
