//! The client's side of a call: arguments into a message, the message to the server, the result out of the answer.
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use sendrec_trap::{Process, Reliability, Semantics, SendFailure, Target, Trap};

use crate::error::CallError;
use crate::message::{Accepted, CALL_BYTES, CallHeader, Reply, parse_reply};
use crate::xdr::{DecodeError, Decoder, EncodeError, Encoder};
use crate::{Procedure, Refusal};

/// How long a call waits if nothing else is said: as on slide 27.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(25);

/// How often a procedure may run for one call (slide 37).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CallSemantics {
    /// Sent once: it runs, or perhaps not, and nobody need know.
    Maybe,
    /// Sent until there is an answer, and run each time it arrives. For what may be repeated.
    AtLeastOnce,
    /// Run once or not at all.
    #[default]
    AtMostOnce,
}

/// How calls go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallOptions {
    /// How long one waits.
    pub timeout: Duration,
    /// How often it may run.
    pub semantics: CallSemantics,
}

impl Default for CallOptions {
    fn default() -> Self {
        Self { timeout: CALL_TIMEOUT, semantics: CallSemantics::default() }
    }
}

/// What a client's calls go through.
pub trait Caller {
    /// The number of the next call, which its answer must have too.
    fn next_xid(&self) -> u32;

    /// Sends a call and waits for the answer.
    fn exchange(&self, procedure: &Procedure, call: Bytes) -> Result<Bytes, CallError>;

    /// Who is called, for messages.
    fn server(&self) -> String;
}

impl<C: Caller + ?Sized> Caller for &C {
    fn next_xid(&self) -> u32 {
        (**self).next_xid()
    }

    fn exchange(&self, procedure: &Procedure, call: Bytes) -> Result<Bytes, CallError> {
        (**self).exchange(procedure, call)
    }

    fn server(&self) -> String {
        (**self).server()
    }
}

/// A server that a process reaches through its kernel.
pub struct Remote<'p, 't, T: Trap + ?Sized> {
    me: &'p Process<'t, T>,
    server: Target,
    options: CallOptions,
}

impl<'p, 't, T: Trap + ?Sized> Remote<'p, 't, T> {
    /// The server at that address, or with that sparse id, called by `me`.
    pub fn new(me: &'p Process<'t, T>, server: impl Into<Target>) -> Self {
        Self { me, server: server.into(), options: CallOptions::default() }
    }

    /// With calls that go so.
    #[must_use]
    pub fn with(self, options: CallOptions) -> Self {
        Self { options, ..self }
    }
}

impl<T: Trap + ?Sized> Clone for Remote<'_, '_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Trap + ?Sized> Copy for Remote<'_, '_, T> {}

impl<T: Trap + ?Sized> fmt::Debug for Remote<'_, '_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote")
            .field("server", &self.server)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl<T: Trap + ?Sized> Caller for Remote<'_, '_, T> {
    /// The kernel knows which answer is to which call.
    fn next_xid(&self) -> u32 {
        0
    }

    fn exchange(&self, _procedure: &Procedure, call: Bytes) -> Result<Bytes, CallError> {
        let mut how = self.me.how();
        how.timeout = Some(self.options.timeout);
        match self.options.semantics {
            CallSemantics::Maybe => how.options.reliability = Reliability::Unreliable,
            CallSemantics::AtLeastOnce => how.options.semantics = Semantics::AtLeastOnce,
            CallSemantics::AtMostOnce => how.options.semantics = Semantics::AtMostOnce,
        }
        self.me.call_with(self.server, call, how).map_err(|error| {
            let error = match error.failure {
                SendFailure::Request(error) => error,
                // What was sent is no reply.
                SendFailure::Reply(_) => sendrec_trap::CallError::Down,
            };
            CallError::Kernel { server: self.server, error }
        })
    }

    fn server(&self) -> String {
        self.server.to_string()
    }
}

/// For generated code: one call, there and back.
pub fn call<C: Caller + ?Sized, R>(
    caller: &C,
    program: u32,
    version: u32,
    procedure: &Procedure,
    encode: impl FnOnce(&mut Encoder) -> Result<(), EncodeError>,
    decode: impl FnOnce(&mut Decoder) -> Result<R, DecodeError>,
) -> Result<R, CallError> {
    const ARGUMENT_BYTES: usize = 88;
    let name = procedure.name;
    let xid = caller.next_xid();
    let mut out = Encoder::with_capacity(CALL_BYTES + ARGUMENT_BYTES);
    let header = CallHeader { xid, program, version, procedure: procedure.number, ..CallHeader::default() };
    let encoded = header.encode(&mut out).and_then(|()| encode(&mut out));
    encoded.map_err(|error| CallError::Arguments { procedure: name, error })?;
    let answer = caller.exchange(procedure, out.finish())?;
    let mut input = Decoder::new(answer);
    let no_answer = || CallError::NoAnswer { server: caller.server() };
    let (answered, reply) = parse_reply(&mut input).map_err(|_| no_answer())?;
    if answered != xid {
        return Err(no_answer());
    }
    match reply {
        Reply::Accepted(Accepted::Success) => {
            let result = decode(&mut input).and_then(|result| input.end().map(|()| result));
            result.map_err(|error| CallError::Result { procedure: name, error })
        }
        Reply::Accepted(Accepted::NoSuchProgram) => Err(CallError::NoSuchProgram { program }),
        Reply::Accepted(Accepted::VersionMismatch { low, high }) => {
            Err(CallError::VersionMismatch { program, version, low, high })
        }
        Reply::Accepted(Accepted::NoSuchProcedure) => Err(CallError::NoSuchProcedure { procedure: name }),
        Reply::Accepted(Accepted::GarbageArguments) => Err(CallError::GarbageArguments { procedure: name }),
        Reply::Accepted(Accepted::SystemError) => Err(CallError::Failed { procedure: name }),
        Reply::OtherProtocol { .. } | Reply::AuthError(_) => Err(CallError::Denied),
    }
}

impl From<CallError> for Refusal {
    /// A server that calls another and cannot do without the answer.
    fn from(error: CallError) -> Self {
        Self::new(error.to_string())
    }
}
