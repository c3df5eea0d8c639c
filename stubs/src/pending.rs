//! Calls under way: one is started, tested, waited for, taken back, or awaited.
use std::fmt;
use std::pin::Pin;
use std::task::{self, Poll};
use std::time::Duration;

use bytes::Bytes;
use sendrec_trap::{CallError as KernelError, Completion, Instant, SendError, Trap};

use crate::call::{Caller, Decode, Starter, Whither};
use crate::options::Attempts;
use crate::pass::Pass;
use crate::remote::{Remote, UnderWay, error_of};
use crate::xdr::{DecodeError, Decoder, EncodeError, Encoder};
use crate::{CallError, Procedure};

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
            .field("server", &self.remote.target())
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
        Ok(whither.result(answer, || remote.target().to_string(), decode))
    }

    /// Sends another copy.
    fn again(
        remote: &Remote<'p, 't, T>,
        call: &Bytes,
        attempts: &Attempts,
    ) -> Completion<Result<Bytes, SendError>> {
        let left = attempts.deadline.since(remote.now());
        remote.process().start_call_with(remote.target(), Pass::renew(call, left), remote.how(left).options)
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
                    remote.process().sleep(when.since(remote.now()));
                    Self::again(&remote, &call, &attempts)
                }
            };
            let left = attempts.deadline.since(remote.now());
            let answered = match remote.process().wait_within(completion, left) {
                Ok(answered) => answered,
                Err(completion) => match remote.process().cancel(completion) {
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
        let answered = remote.process().cancel(state.ok()?)?;
        let answer = answered.map_err(|failure| remote.fail(error_of(&failure)));
        Some(answer.and_then(|answer| whither.result(answer, || remote.target().to_string(), decode)))
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
            this.whither.result(answer, || this.remote.target().to_string(), this.decode)
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
        let under_way = self.under_way(identity);
        let call = whither.message(&self.pass(identity).credential(), |step| self.step(step), encode)?;
        let attempts = Attempts::new(self.options(), procedure.is_idempotent, self.now());
        let options = self.how(self.options().timeout).options;
        let completion = self.process().start_call_with(self.target(), call.clone(), options);
        let remote = *self;
        let state = Ok(completion);
        Ok(Pending { remote, whither, call, attempts, state, decode, _under_way: under_way })
    }
}
