//! Calls through a process's kernel: blocking ones, and several under way.
use std::fmt;
use std::pin::Pin;
use std::task::{self, Poll};
use std::time::Duration;

use bytes::Bytes;
use sendrec_trap::{
    CallError as KernelError, Completion, Down, How, Instant, Process, Reliability, Semantics, SendError,
    SendFailure, Slot, Step, Target, Trap,
};

use crate::call::{Caller, Decode, Starter, Whither};
use crate::identity::ClientIdentity;
use crate::message::{Auth, CallHeader};
use crate::options::{Attempts, CallOptions, CallSemantics, RetryBudget};
use crate::pass::{Identity, Pass};
use crate::xdr::{DecodeError, Decoder, EncodeError, Encoder};
use crate::{CallError, Procedure};

/// A server that a process reaches through its kernel.
pub struct Remote<'p, 't, T: Trap + ?Sized> {
    me: &'p Process<'t, T>,
    server: Target,
    options: CallOptions,
    identity: Option<&'p ClientIdentity>,
    budget: Option<&'p RetryBudget>,
}

impl<'p, 't, T: Trap + ?Sized> Remote<'p, 't, T> {
    /// The server at that address, or with that sparse id, called by `me`.
    pub fn new(me: &'p Process<'t, T>, server: impl Into<Target>) -> Self {
        let (server, options) = (server.into(), CallOptions::default());
        Self { me, server, options, identity: None, budget: None }
    }

    /// With calls that go so.
    #[must_use]
    pub fn with(self, options: CallOptions) -> Self {
        Self { options, ..self }
    }

    /// With calls that say whose they are: for exactly once, and so that a warden can tell which are orphans
    /// ([`crate::orphans`]).
    #[must_use]
    pub fn known_as(self, identity: &'p ClientIdentity) -> Self {
        Self { identity: Some(identity), ..self }
    }

    /// With calls that run exactly once, by that client.
    #[must_use]
    pub fn exactly_once(self, identity: &'p ClientIdentity) -> Self {
        let options = CallOptions { semantics: CallSemantics::ExactlyOnce, ..self.options };
        self.with(options).known_as(identity)
    }

    /// With calls that are sent again only while this lasts. Several clients may share one.
    #[must_use]
    pub fn within_budget(self, budget: &'p RetryBudget) -> Self {
        Self { budget: Some(budget), ..self }
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

    fn how(&self, timeout: Duration) -> How {
        let mut how = self.me.how();
        how.timeout = Some(timeout);
        match self.options.semantics {
            CallSemantics::Maybe => how.options.reliability = Reliability::Unreliable,
            CallSemantics::AtLeastOnce => how.options.semantics = Semantics::AtLeastOnce,
            CallSemantics::AtMostOnce | CallSemantics::ExactlyOnce => {
                how.options.semantics = Semantics::AtMostOnce;
            }
        }
        how
    }

    fn now(&self) -> Instant {
        self.me.gate().now()
    }

    /// The beginning of a call: which it is, if that is told.
    fn begin(&self) -> Result<Option<Identity>, CallError> {
        if let Some(budget) = self.budget {
            budget.call();
        }
        match self.identity {
            Some(identity) => {
                let begun = identity.begin(self.server);
                begun.map(Some).map_err(|error| CallError::NotLogged { reason: error.to_string() })
            }
            None if self.options.semantics == CallSemantics::ExactlyOnce => Err(CallError::NoIdentity),
            None => Ok(None),
        }
    }

    fn pass(&self, identity: Option<Identity>) -> Pass {
        let is_once = self.options.semantics == CallSemantics::ExactlyOnce;
        Pass { left: self.options.timeout, identity, is_once }
    }

    fn under_way(&self, client: &'p ClientIdentity, call: Identity) -> Option<UnderWay<'p, 't, T>> {
        Some(UnderWay { me: self.me, client, sequence: call.sequence })
    }

    /// Whether a copy may follow one that failed.
    fn may_send_again(&self) -> bool {
        self.options.retries.most > 0 || self.options.semantics == CallSemantics::ExactlyOnce
    }

    fn fail(&self, error: KernelError) -> CallError {
        CallError::Kernel { server: self.server, error }
    }

    /// What it means that a copy ended so: how long to wait before the next one, or the end.
    fn next(&self, attempts: &mut Attempts, failure: &SendError) -> Result<Duration, CallError> {
        let error = error_of(failure);
        attempts.again(error, self.now(), self.budget).map_err(|error| self.fail(error))
    }
}

/// Which call a message is of, if it says so.
fn identity_of(call: &Bytes) -> Option<Identity> {
    let header = CallHeader::decode(&mut Decoder::new(call.clone())).ok()?;
    Pass::of(&header.credential)?.ok()?.identity
}

const fn error_of(failure: &SendError) -> KernelError {
    match failure.failure {
        SendFailure::Request(error) => error,
        // What was sent is no reply.
        SendFailure::Reply(_) => KernelError::Down,
    }
}

/// A call that has begun; dropped, it is over, whatever became of it: unless its kernel is down, when it is for the next
/// incarnation to see to it.
struct UnderWay<'p, 't, T: Trap + ?Sized> {
    me: &'p Process<'t, T>,
    client: &'p ClientIdentity,
    sequence: u64,
}

impl<T: Trap + ?Sized> Drop for UnderWay<'_, '_, T> {
    fn drop(&mut self) {
        let never = Slot::new(None, Down::Request);
        let gate = self.me.gate();
        // Only a kernel that is down fills it.
        if !(self.client.keeps_log() && gate.wait(&never, Some(gate.now()))) {
            self.client.end(self.sequence);
        }
    }
}

/// Lets time pass.
pub(crate) fn sleep<T: Trap + ?Sized>(me: &Process<'_, T>, span: Duration) {
    let never = Slot::new(None, Down::Request);
    me.gate().wait(&never, Some(me.gate().now() + span));
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

    fn credential(&self) -> Result<Auth, CallError> {
        Ok(self.pass(self.begin()?).credential())
    }

    fn withdraw(&self, credential: &Auth) {
        let Some(client) = self.identity else { return };
        if let Some(Ok(Pass { identity: Some(identity), .. })) = Pass::of(credential) {
            client.end(identity.sequence);
        }
    }

    fn exchange(&self, procedure: &Procedure, call: Bytes) -> Result<Bytes, CallError> {
        if !self.may_send_again() && self.identity.is_none() {
            let answered = self.me.call_with(self.server, call, self.how(self.options.timeout));
            return answered.map_err(|failure| self.fail(error_of(&failure)));
        }
        let mut attempts = Attempts::new(self.options, procedure.is_idempotent, self.now());
        let _under_way = self.identity.and_then(|client| self.under_way(client, identity_of(&call)?));
        let mut left = self.options.timeout;
        let mut copy = call.clone();
        loop {
            let failure = match self.me.call_with(self.server, copy, self.how(left)) {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            sleep(self.me, self.next(&mut attempts, &failure)?);
            left = attempts.deadline.since(self.now());
            copy = Pass::renew(&call, left);
        }
    }

    fn server(&self) -> String {
        self.server.to_string()
    }

    fn step(&self, step: Step) {
        self.me.gate().step(self.me.id(), step);
    }
}

/// A call under way: test it, wait for it, take it back, or `.await` it with any executor.
///
/// Waiting ends when the call's time is over, counted from its start; an executor has deadlines of its own. A call that may
/// be sent again is so by [`Pending::wait`], and by [`Pending::test`] when its pause is over. An executor is told how the
/// first copy ended: nothing here could wake it after a pause. Dropped, the call goes on, its result is lost, and if it
/// becomes an orphan its client does not name it.
#[must_use = "the result is in it"]
pub struct Pending<'p, 't, T: Trap + ?Sized, R> {
    remote: Remote<'p, 't, T>,
    whither: Whither,
    call: Bytes,
    attempts: Attempts,
    /// The copy under way; or when the next one is to go.
    state: Result<Completion<Result<Bytes, SendError>>, Instant>,
    decode: Decode<R>,
    _under_way: Option<UnderWay<'p, 't, T>>,
}

impl<T: Trap + ?Sized, R> fmt::Debug for Pending<'_, '_, T, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending")
            .field("server", &self.remote.server)
            .field("whither", &self.whither)
            .finish_non_exhaustive()
    }
}

impl<'p, 't, T: Trap + ?Sized, R> Pending<'p, 't, T, R> {
    /// What a copy has come to: the call's end, or how long to wait before the next.
    fn read(
        remote: &Remote<'p, 't, T>,
        whither: &Whither,
        attempts: &mut Attempts,
        decode: Decode<R>,
        answered: Result<Bytes, SendError>,
    ) -> Result<Result<R, CallError>, Duration> {
        let answer = match answered {
            Ok(answer) => answer,
            Err(failure) => return remote.next(attempts, &failure).map_or_else(|error| Ok(Err(error)), Err),
        };
        Ok(whither.result(answer, || remote.server.to_string(), decode))
    }

    /// Sends another copy.
    fn again(
        remote: &Remote<'p, 't, T>,
        call: &Bytes,
        attempts: &Attempts,
    ) -> Completion<Result<Bytes, SendError>> {
        let left = attempts.deadline.since(remote.now());
        remote.me.start_call_with(remote.server, Pass::renew(call, left), remote.how(left).options)
    }

    /// The result, if it has come; else the call, to be tested again.
    #[allow(clippy::result_large_err)] // It is the call itself that is given back.
    pub fn test(self) -> Result<Result<R, CallError>, Self> {
        let Self { remote, whither, call, mut attempts, state, decode, _under_way } = self;
        let state = match state.map(Completion::test) {
            Ok(Ok(answered)) => match Self::read(&remote, &whither, &mut attempts, decode, answered) {
                Ok(result) => return Ok(result),
                Err(wait) => Err(remote.now() + wait),
            },
            Ok(Err(completion)) => Ok(completion),
            Err(when) if remote.now() < when => Err(when),
            Err(_) => Ok(Self::again(&remote, &call, &attempts)),
        };
        Err(Self { remote, whither, call, attempts, state, decode, _under_way })
    }

    /// Waits for the result, until the call's time is over.
    pub fn wait(self) -> Result<R, CallError> {
        let Self { remote, whither, call, mut attempts, mut state, decode, _under_way } = self;
        loop {
            let completion = match state {
                Ok(completion) => completion,
                Err(when) => {
                    sleep(remote.me, when.since(remote.now()));
                    Self::again(&remote, &call, &attempts)
                }
            };
            let left = attempts.deadline.since(remote.now());
            let answered = match remote.me.wait_within(completion, left) {
                Ok(answered) => answered,
                Err(completion) => match remote.me.cancel(completion) {
                    // What came at the last moment is not lost; what was taken back in time is said to be over.
                    Some(Ok(answer)) => Ok(answer),
                    _ => return Err(remote.fail(KernelError::TimedOut)),
                },
            };
            match Self::read(&remote, &whither, &mut attempts, decode, answered) {
                Ok(result) => return result,
                Err(wait) => state = Err(remote.now() + wait),
            }
        }
    }

    /// Takes the call back. It may run all the same. What had come already is returned.
    pub fn cancel(self) -> Option<Result<R, CallError>> {
        let Self { remote, whither, state, decode, .. } = self;
        let answered = remote.me.cancel(state.ok()?)?;
        let answer = answered.map_err(|failure| remote.fail(error_of(&failure)));
        Some(answer.and_then(|answer| whither.result(answer, || remote.server.to_string(), decode)))
    }
}

impl<T: Trap + ?Sized, R> Future for Pending<'_, '_, T, R> {
    type Output = Result<R, CallError>;

    fn poll(self: Pin<&mut Self>, context: &mut task::Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        if this.state.is_err() {
            this.state = Ok(Self::again(&this.remote, &this.call, &this.attempts));
        }
        let Ok(completion) = &mut this.state else { return Poll::Pending };
        Pin::new(completion).poll(context).map(|answered| {
            let answer =
                answered.map_err(|failure| this.remote.fail(this.attempts.over(error_of(&failure))))?;
            this.whither.result(answer, || this.remote.server.to_string(), this.decode)
        })
    }
}

impl<'p, 't, T: Trap + ?Sized> Starter for Remote<'p, 't, T> {
    type Pending<R> = Pending<'p, 't, T, R>;

    fn start<R>(
        &self,
        program: u32,
        version: u32,
        procedure: &Procedure,
        encode: impl FnOnce(&mut Encoder) -> Result<(), EncodeError>,
        decode: fn(&mut Decoder) -> Result<R, DecodeError>,
    ) -> Result<Self::Pending<R>, CallError> {
        let whither = Whither { program, version, procedure: *procedure, xid: 0 };
        let identity = self.begin()?;
        let under_way = self.identity.zip(identity).and_then(|(client, call)| self.under_way(client, call));
        let call = whither.message(&self.pass(identity).credential(), |step| self.step(step), encode)?;
        let attempts = Attempts::new(self.options, procedure.is_idempotent, self.now());
        let options = self.how(self.options.timeout).options;
        let completion = self.me.start_call_with(self.server, call.clone(), options);
        let remote = *self;
        let state = Ok(completion);
        Ok(Pending { remote, whither, call, attempts, state, decode, _under_way: under_way })
    }
}
