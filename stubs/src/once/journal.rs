//! The server's side: results beside effects, in one database.
use std::cell::Cell;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use redb::{Database, ReadableTable, ReadableTableMetadata, TableDefinition, WriteTransaction};

use crate::pass::Identity;
use crate::xdr::{Decoder, Encoder};
use crate::{Context, Procedure, Refusal, ServeError, Service};

/// Clients whose calls are remembered.
pub const CLIENTS_MAX: u64 = 65_536;
/// So far a client's calls may be ahead of its first that is under way.
pub const CALLS_MAX: u64 = 1_024;

/// A client, and which of its calls.
type Call = (u128, u64);

/// Results by client and call.
const RESULTS: TableDefinition<'_, Call, &[u8]> = TableDefinition::new("sendrec results");
/// What calls that run have set out to do elsewhere.
const INTENTS: TableDefinition<'_, Call, &[u8]> = TableDefinition::new("sendrec intents");
/// What each client has said last of its calls that are over, and when, in seconds since 1970.
const CLIENTS: TableDefinition<'_, u128, (u64, u64)> = TableDefinition::new("sendrec clients");
/// Who has been silent for so long makes room for others: no call waits as long.
const SILENCE: Duration = Duration::from_secs(24 * 3_600);
/// In front of a result that was kept: it is one, or that there is none.
const DONE: u8 = 0;
const FAILED: u8 = 1;

/// The journal cannot be opened. Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[error("the journal: {0}")]
pub struct JournalError(#[from] redb::DatabaseError);

/// Where results are written down. What procedures change in it, through [`Context::transaction`], is changed together with
/// the result of their call, or not at all.
#[derive(Debug)]
pub struct Journal {
    database: Database,
    /// Held while a call with effects elsewhere runs; shared by who else changes what is there.
    elsewhere: RwLock<()>,
    /// An effect may be there that was not finished: until it is, nothing may be changed.
    is_broken: AtomicBool,
}

impl Journal {
    /// The journal in that file, which is made if it is not there.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, JournalError> {
        Ok(Self::new(Database::create(path)?))
    }

    /// The journal in a database that is open already.
    pub const fn new(database: Database) -> Self {
        Self { database, elsewhere: RwLock::new(()), is_broken: AtomicBool::new(false) }
    }

    /// To be held by whoever changes what calls with effects elsewhere change ([`ExactlyOnce::elsewhere`]), and is none of
    /// them: what they had begun may be done again after a crash, and must not undo what was done since. An error if a call could
    /// not be finished: nothing is to be changed then until the server has started again.
    pub fn share(&self) -> Result<RwLockReadGuard<'_, ()>, Refusal> {
        let shared = self.elsewhere.read().map_err(|_| broken())?;
        if self.is_broken.load(Ordering::SeqCst) { Err(broken()) } else { Ok(shared) }
    }

    fn alone(&self) -> Result<RwLockWriteGuard<'_, ()>, Refusal> {
        let alone = self.elsewhere.write().map_err(|_| broken())?;
        if self.is_broken.load(Ordering::SeqCst) { Err(broken()) } else { Ok(alone) }
    }

    /// The database, to look into.
    pub const fn database(&self) -> &Database {
        &self.database
    }

    /// What calls had set out to do elsewhere when the server stopped ([`Context::intend`]): `again` does each again and
    /// returns its result, as procedures would have encoded it. To be called before anything is served. How many there were.
    pub fn recover(&self, mut again: impl FnMut(Bytes) -> Result<Bytes, Refusal>) -> Result<usize, Refusal> {
        let transaction = self.database.begin_write().map_err(|error| unwritten(&error))?;
        let intents = all_intents(&transaction).map_err(|error| unwritten(&error))?;
        for (call, intent) in &intents {
            let result = again(intent.clone())?;
            finish(&transaction, *call, DONE, &result).map_err(|error| unwritten(&error))?;
        }
        transaction.commit().map_err(|error| unwritten(&error))?;
        Ok(intents.len())
    }
}

fn all_intents(transaction: &WriteTransaction) -> Result<Vec<(Call, Bytes)>, redb::Error> {
    let table = transaction.open_table(INTENTS)?;
    let mut intents = Vec::new();
    for entry in table.iter()? {
        let (call, intent) = entry?;
        intents.push((call.value(), Bytes::copy_from_slice(intent.value())));
    }
    Ok(intents)
}

/// The call has come to this.
fn finish(transaction: &WriteTransaction, call: Call, how: u8, result: &[u8]) -> Result<(), redb::Error> {
    transaction.open_table(RESULTS)?.insert(call, &[&[how], result].concat()[..])?;
    transaction.open_table(INTENTS)?.remove(call)?;
    Ok(())
}

fn broken() -> Refusal {
    Refusal::new("a call was not finished, and nothing is changed until the server has started again")
}

/// A call with effects elsewhere than in the journal, and where its intent goes.
#[derive(Clone, Copy)]
pub(crate) struct Intending<'j> {
    journal: &'j Journal,
    call: Call,
    /// Whether it is written.
    intended: &'j Cell<bool>,
}

impl Intending<'_> {
    pub(crate) fn intend(self, make: impl FnOnce() -> Result<Bytes, Refusal>) -> Result<Bytes, Refusal> {
        let transaction = self.journal.database.begin_write().map_err(|error| unwritten(&error))?;
        let intent = make()?;
        let keep = |transaction: &WriteTransaction| -> Result<(), redb::Error> {
            transaction.open_table(INTENTS)?.insert(self.call, &intent[..])?;
            Ok(())
        };
        keep(&transaction).map_err(|error| unwritten(&error))?;
        // Should this fail, it may be written all the same.
        self.intended.set(true);
        transaction.commit().map_err(|error| unwritten(&error))?;
        Ok(intent)
    }
}

/// A service whose calls run exactly once, if their clients want them to ([`crate::Remote::exactly_once`]). What others call,
/// and idempotent procedures, run as they come, without a transaction.
#[derive(Debug)]
pub struct ExactlyOnce<'j, S> {
    service: S,
    journal: &'j Journal,
    /// Whether effects are elsewhere than in the journal.
    is_elsewhere: bool,
}

impl<'j, S: Service> ExactlyOnce<'j, S> {
    /// `service`, with this journal, in which its effects are: see [`Context::transaction`].
    pub const fn new(service: S, journal: &'j Journal) -> Self {
        Self { service, journal, is_elsewhere: false }
    }

    /// `service`, with this journal, whose effects are elsewhere, as in files: see [`Context::intend`]. What is left from
    /// before a crash is done first, by [`Journal::recover`].
    pub const fn elsewhere(service: S, journal: &'j Journal) -> Self {
        Self { service, journal, is_elsewhere: true }
    }

    fn is_idempotent(&self, number: u32) -> bool {
        self.service
            .procedures()
            .iter()
            .any(|procedure| procedure.number == number && procedure.is_idempotent)
    }

    /// Runs the call and writes its result down with its effect.
    fn once(
        &self,
        identity: Identity,
        context: &Context<'_>,
        procedure: u32,
        input: &mut Decoder,
        out: &mut Encoder,
    ) -> Result<(), ServeError> {
        // One at a time: two copies of a call may be here at once, and where a file ends is to be known.
        let _alone = if self.is_elsewhere { Some(self.journal.alone()?) } else { None };
        let begin = || self.journal.database.begin_write().map_err(|error| unwritten(&error));
        let commit = |transaction: WriteTransaction| transaction.commit().map_err(|error| unwritten(&error));
        let transaction = begin()?;
        if let Some(result) = known(&transaction, identity)? {
            // Nothing has changed in it.
            out.append(&result);
            return Ok(());
        }
        let call = (identity.client, identity.sequence);
        let before = out.len();
        if !self.is_elsewhere {
            let context = Context { transaction: Some(&transaction), ..*context };
            // Dropped without a commit the transaction leaves no trace.
            self.service.serve(&context, procedure, input, out)?;
            finish(&transaction, call, DONE, &out.tail(before)).map_err(|error| unwritten(&error))?;
            return Ok(commit(transaction)?);
        }
        commit(transaction)?;
        let intended = Cell::new(false);
        let intending = Some(Intending { journal: self.journal, call, intended: &intended });
        let served = self.service.serve(&Context { intending, ..*context }, procedure, input, out);
        if served.is_err() && !intended.get() {
            return served;
        }
        let how = if served.is_ok() { DONE } else { FAILED };
        let finished = begin().and_then(|transaction| {
            finish(&transaction, call, how, &out.tail(before)).map_err(|error| unwritten(&error))?;
            commit(transaction)
        });
        if finished.is_err() && intended.get() {
            self.journal.is_broken.store(true, Ordering::SeqCst);
        }
        finished?;
        served
    }
}

fn unwritten(error: &dyn std::fmt::Display) -> Refusal {
    Refusal::new(format!("the journal cannot be written: {error}"))
}

/// What the call has come to before, if it ran. Forgets what the client is through with.
fn known(transaction: &WriteTransaction, identity: Identity) -> Result<Option<Bytes>, ServeError> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let look = || -> Result<Result<Option<Bytes>, &'static str>, redb::Error> {
        let Identity { client, sequence, floor } = identity;
        let mut clients = transaction.open_table(CLIENTS)?;
        let mut results = transaction.open_table(RESULTS)?;
        let last = clients.get(client)?.map(|last| last.value());
        if last.is_none() && clients.len()? >= CLIENTS_MAX {
            let silent = |heard: u64| now.saturating_sub(heard) > SILENCE.as_secs();
            clients.retain(|_, (_, heard)| !silent(heard))?;
            if clients.len()? >= CLIENTS_MAX {
                return Ok(Err("the journal has as many clients as it can have"));
            }
            let mut gone: Option<(u128, bool)> = None;
            results.retain(|(client, _), _| match gone {
                Some((last, is_gone)) if last == client => !is_gone,
                _ => {
                    let is_gone = clients.get(client).is_ok_and(|found| found.is_none());
                    gone = Some((client, is_gone));
                    !is_gone
                }
            })?;
        }
        let known_floor = last.map_or(0, |(floor, _)| floor);
        if sequence < known_floor.max(floor) || sequence - floor >= CALLS_MAX {
            return Ok(Err("a call that was over, or too many under way"));
        }
        if last.is_none_or(|last| last != (known_floor.max(floor), now)) {
            clients.insert(client, (known_floor.max(floor), now))?;
            results.retain_in((client, 0)..(client, floor), |_, _| false)?;
        }
        let found = results.get((client, sequence))?;
        Ok(Ok(found.map(|result| Bytes::copy_from_slice(result.value()))))
    };
    match look() {
        Ok(Ok(Some(result))) => match result.split_first() {
            Some((&DONE, _)) => Ok(Some(result.slice(1..))),
            _ => Err(ServeError::Failed(Refusal::new("as it failed before"))),
        },
        Ok(Ok(None)) => Ok(None),
        Ok(Err(refused)) => Err(ServeError::Failed(Refusal::new(refused))),
        Err(error) => Err(unwritten(&error).into()),
    }
}

impl<S: Service> Service for ExactlyOnce<'_, S> {
    fn program(&self) -> u32 {
        self.service.program()
    }

    fn version(&self) -> u32 {
        self.service.version()
    }

    fn procedures(&self) -> &'static [Procedure] {
        self.service.procedures()
    }

    fn serve(
        &self,
        context: &Context<'_>,
        procedure: u32,
        input: &mut Decoder,
        out: &mut Encoder,
    ) -> Result<(), ServeError> {
        match context.pass.filter(|pass| pass.is_once).and_then(|pass| pass.identity) {
            Some(identity) if !self.is_idempotent(procedure) => {
                self.once(identity, context, procedure, input, out)
            }
            _ => self.service.serve(context, procedure, input, out),
        }
    }
}
