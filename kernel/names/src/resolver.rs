//! Names that are remembered with their places, and asked for again when a place turns out to be stale.
use std::collections::BTreeMap;

use bytes::Bytes;
use sendrec_trap::{
    CallError, How, Message, Process, Reliability, Semantics, SendError, SendFailure, Target, Trap,
};

use crate::client::{Names, NamesError};
use crate::name::Name;

/// Places remembered by one resolver; one gives way to the next.
const PLACES_MAX: usize = 1_024;
/// How often one request is sent, each time to where the name is then.
const TRIES_MAX: u32 = 4;

/// Why a call by name failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NamedError {
    /// The name could not be looked up. The request was not run.
    #[error(transparent)]
    Names(#[from] NamesError),
    /// Its process was called.
    #[error("{name} ({place}): {error}")]
    Call {
        /// Who was meant.
        name: Name,
        /// Where that was.
        place: Target,
        /// What became of it.
        error: SendError,
    },
}

/// Remembers where names are.
#[derive(Clone, Debug)]
pub struct Resolver {
    names: Names,
    places: BTreeMap<Name, Target>,
}

impl Resolver {
    /// Names as `names` says they are.
    pub const fn new(names: Names) -> Self {
        Self { names, places: BTreeMap::new() }
    }

    /// Where a name is, as far as remembered.
    pub fn remembered(&self, name: &Name) -> Option<Target> {
        self.places.get(name).copied()
    }

    /// Where a name is: as remembered, or as the name server says.
    pub fn place<T: Trap + ?Sized>(
        &mut self,
        me: &Process<'_, T>,
        name: &Name,
    ) -> Result<Target, NamesError> {
        if let Some(place) = self.remembered(name) {
            return Ok(place);
        }
        let place = self.names.lookup(me, name)?;
        if self.places.len() >= PLACES_MAX {
            self.places.pop_first();
        }
        self.places.insert(name.clone(), place);
        Ok(place)
    }

    /// A call to `name` at `place` has failed. Drops the place if it may be stale; true if the same request may be sent
    /// again, to where the name is now: it was not run, or does no harm if it is run twice.
    pub fn on_failed(&mut self, name: &Name, place: Target, error: CallError, how: How) -> bool {
        let not_run = is_not_run(error);
        let silent = matches!(error, CallError::NoAnswer | CallError::TimedOut | CallError::CrashedUnknown);
        // Another of the caller's threads may have found the new place meanwhile.
        if (not_run || silent) && self.remembered(name) == Some(place) {
            self.places.remove(name);
        }
        let repeats = how.options.semantics == Semantics::AtLeastOnce
            && how.options.reliability != Reliability::Unreliable;
        not_run || (repeats && matches!(error, CallError::NoAnswer | CallError::CrashedUnknown))
    }

    /// Calls the process with this name. If it is not where it was, the name is looked up again and the request sent
    /// there; on silence what must not run twice is not sent again.
    pub fn call<T: Trap + ?Sized>(
        &mut self,
        me: &Process<'_, T>,
        name: &Name,
        message: impl Message,
        how: How,
    ) -> Result<Bytes, NamedError> {
        let message = message.into_bytes();
        let deadline = how.timeout.map(|timeout| me.gate().now() + timeout);
        let mut tries = 0;
        // The first failure after which it may have run: what comes later tells of other places alone.
        let mut may_have_run = None;
        loop {
            tries += 1;
            let place = match self.place(me, name) {
                Ok(place) => place,
                Err(error) => return Err(may_have_run.unwrap_or(NamedError::Names(error))),
            };
            let timeout = deadline.map(|deadline| deadline.since(me.gate().now()));
            let error = match me.call_with(place, message.clone(), How { timeout, ..how }) {
                Ok(reply) => return Ok(reply),
                Err(error) => error,
            };
            let (again, not_run) = match error.failure {
                SendFailure::Request(why) => (self.on_failed(name, place, why, how), is_not_run(why)),
                SendFailure::Reply(_) => (false, false),
            };
            let failed = NamedError::Call { name: name.clone(), place, error };
            if !again || tries >= TRIES_MAX {
                return Err(may_have_run.unwrap_or(failed));
            }
            if !not_run && may_have_run.is_none() {
                may_have_run = Some(failed);
            }
        }
    }
}

/// Whether the error says that nobody had the request at its place.
const fn is_not_run(error: CallError) -> bool {
    matches!(error, CallError::NoSuchProcess | CallError::CrashedNotExecuted | CallError::NotLocated)
}
