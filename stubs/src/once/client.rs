//! The client's side: one identity for all copies of a call, and copies until there is an answer.
use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;
use sendrec_trap::{CallError as KernelError, Slot, Trap};

use super::Identity;
use crate::message::{Auth, CallHeader};
use crate::xdr::Decoder;
use crate::{CallError, CallOptions, CallSemantics, Caller, Procedure, Remote};

/// How long one waits after a crash before a call is sent again, at first.
const AGAIN_FIRST: Duration = Duration::from_millis(50);
/// And at last.
const AGAIN_MAX: Duration = Duration::from_secs(2);

/// A server that is called exactly once: calls are sent again, with their identity, until an answer comes or their time is
/// over, whatever becomes of the server meanwhile.
#[derive(Debug)]
pub struct Once<'p, 't, T: Trap + ?Sized> {
    remote: Remote<'p, 't, T>,
    client: u128,
    calls: Mutex<Calls>,
}

#[derive(Debug, Default)]
struct Calls {
    next: u64,
    under_way: BTreeSet<u64>,
}

impl<'p, 't, T: Trap + ?Sized> Once<'p, 't, T> {
    /// Calls to `remote`'s server. `client` is nobody else's: 16 bytes chosen at random.
    pub fn new(remote: Remote<'p, 't, T>, client: u128) -> Self {
        let remote = remote.with(CallOptions { semantics: CallSemantics::AtMostOnce, ..remote.options() });
        Self { remote, client, calls: Mutex::default() }
    }

    fn calls(&self) -> std::sync::MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Lets time pass.
    fn sleep(&self, span: Duration) {
        let gate = self.remote.process().gate();
        let never = Slot::new(None, sendrec_trap::Down::Request);
        gate.wait(&never, Some(gate.now() + span));
    }

    fn until_answered(&self, procedure: &Procedure, call: &Bytes) -> Result<Bytes, CallError> {
        let gate = self.remote.process().gate();
        let deadline = gate.now() + self.remote.options().timeout;
        let mut wait = AGAIN_FIRST;
        loop {
            let timeout = deadline.since(gate.now());
            let copy = self.remote.with(CallOptions { timeout, ..self.remote.options() });
            match copy.exchange(procedure, call.clone()) {
                Err(CallError::Kernel { error, .. }) if may_be_asked_again(error) && !timeout.is_zero() => {}
                answered => return answered,
            }
            if deadline.since(gate.now()) <= wait {
                let (server, error) = (self.remote.target(), KernelError::TimedOut);
                return Err(CallError::Kernel { server, error });
            }
            self.sleep(wait);
            wait = (2 * wait).min(AGAIN_MAX);
        }
    }
}

/// A server that has crashed, or is starting, may answer the next copy.
const fn may_be_asked_again(error: KernelError) -> bool {
    matches!(
        error,
        KernelError::NoSuchProcess
            | KernelError::NotLocated
            | KernelError::NoAnswer
            | KernelError::CrashedNotExecuted
            | KernelError::CrashedUnknown
            | KernelError::ReplyDiscarded
            | KernelError::Refused
    )
}

impl<T: Trap + ?Sized> Caller for Once<'_, '_, T> {
    fn next_xid(&self) -> u32 {
        0
    }

    fn credential(&self) -> Auth {
        let mut calls = self.calls();
        let sequence = calls.next;
        calls.next += 1;
        calls.under_way.insert(sequence);
        let floor = calls.under_way.first().copied().unwrap_or(sequence);
        // 32 bytes are within a credential's bound.
        Identity { client: self.client, sequence, floor }.credential().unwrap_or_default()
    }

    /// It is over, whatever became of it.
    fn withdraw(&self, credential: &Auth) {
        if let Some(Ok(identity)) = Identity::of(credential) {
            self.calls().under_way.remove(&identity.sequence);
        }
    }

    fn exchange(&self, procedure: &Procedure, call: Bytes) -> Result<Bytes, CallError> {
        let answered = self.until_answered(procedure, &call);
        if let Ok(header) = CallHeader::decode(&mut Decoder::new(call)) {
            self.withdraw(&header.credential);
        }
        answered
    }

    fn server(&self) -> String {
        self.remote.server()
    }
}
