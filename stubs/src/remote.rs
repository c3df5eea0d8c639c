//! Calls through a process's kernel; several under way at once are [`crate::Pending`].
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use sendrec_trap::{
    CallError as KernelError, How, Instant, Process, Reliability, Semantics, SendError, SendFailure, Step,
    Target, Trap,
};

use crate::call::Caller;
use crate::identity::ClientIdentity;
use crate::message::{Auth, CallHeader};
use crate::options::{Attempts, CallOptions, CallSemantics, RetryBudget};
use crate::pass::{Identity, Pass};
use crate::xdr::Decoder;
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

    pub(crate) fn how(&self, timeout: Duration) -> How {
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

    pub(crate) fn now(&self) -> Instant {
        self.me.gate().now()
    }

    /// The beginning of a call: which it is, if that is told.
    pub(crate) fn begin(&self) -> Result<Option<Identity>, CallError> {
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

    pub(crate) fn pass(&self, identity: Option<Identity>) -> Pass {
        let is_once = self.options.semantics == CallSemantics::ExactlyOnce;
        Pass { left: self.options.timeout, identity, is_once }
    }

    /// Keeps that call among those under way, if it says which it is.
    pub(crate) fn under_way(&self, call: Option<Identity>) -> Option<UnderWay<'p, 't, T>> {
        let (client, call) = self.identity.zip(call)?;
        Some(UnderWay { me: self.me, client, sequence: call.sequence })
    }

    /// Whether a copy may follow one that failed.
    fn may_send_again(&self) -> bool {
        self.options.retries.most > 0 || self.options.semantics == CallSemantics::ExactlyOnce
    }

    pub(crate) fn fail(&self, error: KernelError) -> CallError {
        CallError::Kernel { server: self.server, error }
    }

    /// What it means that a copy ended so: how long to wait before the next one, or the end.
    pub(crate) fn next(&self, attempts: &mut Attempts, failure: &SendError) -> Result<Duration, CallError> {
        let error = error_of(failure);
        attempts.again(error, self.now(), self.budget).map_err(|error| self.fail(error))
    }
}

/// Which call a message is of, if it says so.
fn identity_of(call: &Bytes) -> Option<Identity> {
    let header = CallHeader::decode(&mut Decoder::new(call.clone())).ok()?;
    Pass::of(&header.credential)?.ok()?.identity
}

/// How a copy ended, in the kernel's word.
pub(crate) const fn error_of(failure: &SendError) -> KernelError {
    match failure.failure {
        SendFailure::Request(error) => error,
        // What was sent is no reply.
        SendFailure::Reply(_) => KernelError::Down,
    }
}

/// A call that has begun; dropped, it is over, whatever became of it: unless its kernel is down, when it is for the next
/// incarnation to see to it.
pub(crate) struct UnderWay<'p, 't, T: Trap + ?Sized> {
    me: &'p Process<'t, T>,
    client: &'p ClientIdentity,
    sequence: u64,
}

impl<T: Trap + ?Sized> Drop for UnderWay<'_, '_, T> {
    fn drop(&mut self) {
        if !(self.client.keeps_log() && self.me.is_down()) {
            self.client.end(self.sequence);
        }
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
        let _under_way = self.identity.and_then(|_| self.under_way(identity_of(&call)));
        let mut left = self.options.timeout;
        let mut copy = call.clone();
        loop {
            let failure = match self.me.call_with(self.server, copy, self.how(left)) {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            self.me.sleep(self.next(&mut attempts, &failure)?);
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
