//! The client's side of a call: arguments into a message, the message to the server, the result out of the answer.
use bytes::Bytes;
use sendrec_trap::Step;

use crate::error::CallError;
use crate::message::{Accepted, Auth, CALL_BYTES, Reply, begin_call, parse_reply};
use crate::xdr::{DecodeError, Decoder, EncodeError, Encoder};
use crate::{Procedure, Refusal};

/// What a client's calls go through.
pub trait Caller {
    /// The number of the next call, which its answer must have too.
    fn next_xid(&self) -> u32;

    /// Who calls; asked for once for each call.
    fn credential(&self) -> Result<Auth, CallError> {
        Ok(Auth::default())
    }

    /// The call with that credential is not sent after all.
    fn withdraw(&self, _credential: &Auth) {}

    /// Sends a call and waits for the answer.
    fn exchange(&self, procedure: &Procedure, call: Bytes) -> Result<Bytes, CallError>;

    /// Who is called, for messages.
    fn server(&self) -> String;

    /// A step of a call is over, for those who measure or trace.
    fn step(&self, _step: Step) {}
}

impl<C: Caller + ?Sized> Caller for &C {
    fn next_xid(&self) -> u32 {
        (**self).next_xid()
    }

    fn credential(&self) -> Result<Auth, CallError> {
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

    fn step(&self, step: Step) {
        (**self).step(step);
    }
}

/// Which procedure of what is called.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Whither {
    pub(crate) program: u32,
    pub(crate) version: u32,
    pub(crate) procedure: Procedure,
    pub(crate) xid: u32,
}

impl Whither {
    /// The message of a call.
    pub(crate) fn message(
        &self,
        credential: &Auth,
        step: impl Fn(Step),
        encode: impl FnOnce(&mut Encoder) -> Result<(), EncodeError>,
    ) -> Result<Bytes, CallError> {
        const ARGUMENT_BYTES: usize = 88;
        let Self { program, version, procedure: Procedure { number: procedure, name, .. }, xid } = *self;
        let mut out = Encoder::with_capacity(CALL_BYTES + ARGUMENT_BYTES);
        step(Step::Prepared);
        let encoded = begin_call([xid, program, version, procedure], credential, &mut out).and_then(|()| {
            step(Step::HeaderFilled);
            encode(&mut out)
        });
        encoded.map_err(|error| CallError::Arguments { procedure: name, error })?;
        let message = out.finish();
        step(Step::Marshalled);
        Ok(message)
    }

    /// The result in an answer, or what the server says in its place.
    pub(crate) fn result<R>(
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
    caller.step(Step::Called);
    let whither = Whither { program, version, procedure: *procedure, xid: caller.next_xid() };
    let credential = caller.credential()?;
    let message = whither
        .message(&credential, |step| caller.step(step), encode)
        .inspect_err(|_| caller.withdraw(&credential))?;
    let answer = caller.exchange(procedure, message)?;
    caller.step(Step::Woken);
    let result = whither.result(answer, || caller.server(), decode);
    caller.step(Step::Unmarshalled);
    result
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

impl From<CallError> for Refusal {
    /// A server that calls another and cannot do without the answer.
    fn from(error: CallError) -> Self {
        Self::new(error.to_string())
    }
}
