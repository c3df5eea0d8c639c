//! The client's side of a call: arguments into a message, the message to the server, the result out of the answer.
use std::fmt;
use std::pin::Pin;
use std::task::{self, Poll};
use std::time::Duration;

use bytes::Bytes;
use sendrec_trap::{
    Completion, How, Instant, Process, Reliability, Semantics, SendError, SendFailure, Target, Trap,
};

use crate::error::CallError;
use crate::message::{Accepted, Auth, CALL_BYTES, CallHeader, Reply, parse_reply};
use crate::xdr::{DecodeError, Decoder, EncodeError, Encoder};
use crate::{Procedure, Refusal};

/// How long a call waits if nothing else is said: as on slide 27.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(25);

/// How often a procedure may run for one call (slide 37). Exactly once takes a server that writes down what it did: see
/// [`crate::once`].
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

    /// Who calls; asked for once for each call.
    fn credential(&self) -> Auth {
        Auth::default()
    }

    /// The call with that credential is not sent after all.
    fn withdraw(&self, _credential: &Auth) {}

    /// Sends a call and waits for the answer.
    fn exchange(&self, procedure: &Procedure, call: Bytes) -> Result<Bytes, CallError>;

    /// Who is called, for messages.
    fn server(&self) -> String;
}

impl<C: Caller + ?Sized> Caller for &C {
    fn next_xid(&self) -> u32 {
        (**self).next_xid()
    }

    fn credential(&self) -> Auth {
        (**self).credential()
    }

    fn withdraw(&self, credential: &Auth) {
        (**self).withdraw(credential);
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

    /// How its calls go.
    pub const fn options(&self) -> CallOptions {
        self.options
    }

    /// Who is called.
    pub const fn target(&self) -> Target {
        self.server
    }

    /// Who calls.
    pub const fn process(&self) -> &'p Process<'t, T> {
        self.me
    }

    fn how(&self) -> How {
        let mut how = self.me.how();
        how.timeout = Some(self.options.timeout);
        match self.options.semantics {
            CallSemantics::Maybe => how.options.reliability = Reliability::Unreliable,
            CallSemantics::AtLeastOnce => how.options.semantics = Semantics::AtLeastOnce,
            CallSemantics::AtMostOnce => how.options.semantics = Semantics::AtMostOnce,
        }
        how
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
        self.me.call_with(self.server, call, self.how()).map_err(|error| failed(self.server, &error))
    }

    fn server(&self) -> String {
        self.server.to_string()
    }
}

/// Which procedure of what is called.
#[derive(Clone, Copy, Debug)]
struct Whither {
    program: u32,
    version: u32,
    procedure: Procedure,
    xid: u32,
}

impl Whither {
    /// The message of a call.
    fn message(
        &self,
        credential: Auth,
        encode: impl FnOnce(&mut Encoder) -> Result<(), EncodeError>,
    ) -> Result<Bytes, CallError> {
        const ARGUMENT_BYTES: usize = 88;
        let Self { program, version, procedure: Procedure { number: procedure, name, .. }, xid } = *self;
        let mut out = Encoder::with_capacity(CALL_BYTES + ARGUMENT_BYTES);
        let verifier = Auth::default();
        let header = CallHeader { xid, program, version, procedure, credential, verifier };
        let encoded = header.encode(&mut out).and_then(|()| encode(&mut out));
        encoded.map_err(|error| CallError::Arguments { procedure: name, error })?;
        Ok(out.finish())
    }

    /// The result in an answer, or what the server says in its place.
    fn result<R>(
        &self,
        answer: Bytes,
        server: impl FnOnce() -> String,
        decode: impl FnOnce(&mut Decoder) -> Result<R, DecodeError>,
    ) -> Result<R, CallError> {
        let Self { program, version, procedure: Procedure { name, .. }, xid } = *self;
        let mut input = Decoder::new(answer);
        let reply = match parse_reply(&mut input) {
            Ok((answered, reply)) if answered == xid => reply,
            _ => return Err(CallError::NoAnswer { server: server() }),
        };
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
            Reply::Accepted(Accepted::GarbageArguments) => {
                Err(CallError::GarbageArguments { procedure: name })
            }
            Reply::Accepted(Accepted::SystemError) => Err(CallError::Failed { procedure: name }),
            Reply::OtherProtocol { .. } | Reply::AuthError(_) => Err(CallError::Denied),
        }
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
    let whither = Whither { program, version, procedure: *procedure, xid: caller.next_xid() };
    let credential = caller.credential();
    let message =
        whither.message(credential.clone(), encode).inspect_err(|_| caller.withdraw(&credential))?;
    let answer = caller.exchange(procedure, message)?;
    whither.result(answer, || caller.server(), decode)
}

/// Takes a result out of an answer.
pub type Decode<R> = fn(&mut Decoder) -> Result<R, DecodeError>;

/// Callers that may have several calls under way.
pub trait Starter: Caller {
    /// A call under way.
    type Pending<R>: Future<Output = Result<R, CallError>>;

    /// For generated code: sends a call and does not wait.
    fn start<R>(
        &self,
        program: u32,
        version: u32,
        procedure: &Procedure,
        encode: impl FnOnce(&mut Encoder) -> Result<(), EncodeError>,
        decode: Decode<R>,
    ) -> Result<Self::Pending<R>, CallError>;
}

/// A call under way: test it, wait for it, take it back, or `.await` it with any executor.
///
/// Waiting ends when the call's time is over, counted from its start; an executor has deadlines of its own. Dropped, the
/// call goes on and its result is lost.
#[must_use = "the result is in it"]
pub struct Pending<'p, 't, T: Trap + ?Sized, R> {
    me: &'p Process<'t, T>,
    server: Target,
    whither: Whither,
    deadline: Instant,
    completion: Completion<Result<Bytes, SendError>>,
    decode: Decode<R>,
}

impl<T: Trap + ?Sized, R> fmt::Debug for Pending<'_, '_, T, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending")
            .field("server", &self.server)
            .field("whither", &self.whither)
            .finish_non_exhaustive()
    }
}

impl<'p, 't, T: Trap + ?Sized, R> Pending<'p, 't, T, R> {
    fn read(
        server: Target,
        whither: &Whither,
        decode: Decode<R>,
        answered: Result<Bytes, SendError>,
    ) -> Result<R, CallError> {
        let answer = answered.map_err(|error| failed(server, &error))?;
        whither.result(answer, || server.to_string(), decode)
    }

    /// The result, if it has come; else the call, to be tested again.
    pub fn test(self) -> Result<Result<R, CallError>, Self> {
        let Self { me, server, whither, deadline, completion, decode } = self;
        match completion.test() {
            Ok(answered) => Ok(Self::read(server, &whither, decode, answered)),
            Err(completion) => Err(Self { me, server, whither, deadline, completion, decode }),
        }
    }

    /// Waits for the result, until the call's time is over.
    pub fn wait(self) -> Result<R, CallError> {
        let Self { me, server, whither, deadline, completion, decode } = self;
        let left = deadline.since(me.gate().now());
        let answered = match me.wait_within(completion, left) {
            Ok(answered) => answered,
            Err(completion) => match me.cancel(completion) {
                // What came at the last moment is not lost; what was taken back in time is said to be over.
                Some(Ok(answer)) => Ok(answer),
                _ => {
                    return Err(CallError::Kernel { server, error: sendrec_trap::CallError::TimedOut });
                }
            },
        };
        Self::read(server, &whither, decode, answered)
    }

    /// Takes the call back. It may run all the same. What had come already is returned.
    pub fn cancel(self) -> Option<Result<R, CallError>> {
        let Self { me, server, whither, completion, decode, .. } = self;
        me.cancel(completion).map(|answered| Self::read(server, &whither, decode, answered))
    }
}

impl<T: Trap + ?Sized, R> Future for Pending<'_, '_, T, R> {
    type Output = Result<R, CallError>;

    fn poll(self: Pin<&mut Self>, context: &mut task::Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        Pin::new(&mut this.completion)
            .poll(context)
            .map(|answered| Self::read(this.server, &this.whither, this.decode, answered))
    }
}

fn failed(server: Target, error: &SendError) -> CallError {
    let error = match error.failure {
        SendFailure::Request(error) => error,
        // What was sent is no reply.
        SendFailure::Reply(_) => sendrec_trap::CallError::Down,
    };
    CallError::Kernel { server, error }
}

impl<'p, 't, T: Trap + ?Sized> Starter for Remote<'p, 't, T> {
    type Pending<R> = Pending<'p, 't, T, R>;

    fn start<R>(
        &self,
        program: u32,
        version: u32,
        procedure: &Procedure,
        encode: impl FnOnce(&mut Encoder) -> Result<(), EncodeError>,
        decode: Decode<R>,
    ) -> Result<Self::Pending<R>, CallError> {
        let whither = Whither { program, version, procedure: *procedure, xid: 0 };
        let message = whither.message(Auth::default(), encode)?;
        let deadline = self.me.gate().now() + self.options.timeout;
        let completion = self.me.start_call_with(self.server, message, self.how().options);
        Ok(Pending { me: self.me, server: self.server, whither, deadline, completion, decode })
    }
}

impl From<CallError> for Refusal {
    /// A server that calls another and cannot do without the answer.
    fn from(error: CallError) -> Self {
        Self::new(error.to_string())
    }
}
