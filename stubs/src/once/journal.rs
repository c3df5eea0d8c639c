//! The server's side: results beside effects, in one database.
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use redb::{Database, ReadableTable, ReadableTableMetadata, TableDefinition, WriteTransaction};

use crate::pass::Identity;
use crate::xdr::{Decoder, Encoder};
use crate::{Context, Procedure, Refusal, ServeError, Service};

/// Clients whose calls are remembered.
pub const CLIENTS_MAX: u64 = 65_536;
/// Calls of one client that may be under way at once.
pub const CALLS_MAX: u64 = 1_024;

/// A client, and which of its calls.
type Call = (u128, u64);

/// Results by client and call.
const RESULTS: TableDefinition<'_, Call, &[u8]> = TableDefinition::new("sendrec results");
/// What calls that run have set out to do elsewhere.
const INTENTS: TableDefinition<'_, Call, &[u8]> = TableDefinition::new("sendrec intents");
/// What each client has said last of its calls that are over.
const FLOORS: TableDefinition<'_, u128, u64> = TableDefinition::new("sendrec floors");

/// The journal cannot be opened. Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[error("the journal: {0}")]
pub struct JournalError(#[from] redb::DatabaseError);

/// Where results are written down. What procedures change in it, through [`Context::transaction`], is changed together with
/// the result of their call, or not at all.
#[derive(Debug)]
pub struct Journal {
    database: Database,
    /// Held while a call with effects elsewhere runs.
    elsewhere: Mutex<()>,
}

impl Journal {
    /// The journal in that file, which is made if it is not there.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, JournalError> {
        Ok(Self::new(Database::create(path)?))
    }

    /// The journal in a database that is open already.
    pub const fn new(database: Database) -> Self {
        Self { database, elsewhere: Mutex::new(()) }
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
            finish(&transaction, *call, &result).map_err(|error| unwritten(&error))?;
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

/// The call has this result.
fn finish(transaction: &WriteTransaction, call: Call, result: &[u8]) -> Result<(), redb::Error> {
    transaction.open_table(RESULTS)?.insert(call, result)?;
    transaction.open_table(INTENTS)?.remove(call)?;
    Ok(())
}

/// The call has none.
fn give_up(transaction: &WriteTransaction, call: Call) -> Result<(), redb::Error> {
    transaction.open_table(INTENTS)?.remove(call)?;
    Ok(())
}

/// A call with effects elsewhere than in the journal, and where its intent goes.
#[derive(Clone, Copy)]
pub(crate) struct Intending<'j> {
    journal: &'j Journal,
    call: Call,
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
        let lock = || self.journal.elsewhere.lock().unwrap_or_else(PoisonError::into_inner);
        let _alone = self.is_elsewhere.then(lock);
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
        let transaction = if self.is_elsewhere {
            commit(transaction)?;
            let intending = Some(Intending { journal: self.journal, call });
            let served = self.service.serve(&Context { intending, ..*context }, procedure, input, out);
            let transaction = begin()?;
            if let Err(error) = served {
                // It is over, and is not to be done again.
                give_up(&transaction, call).map_err(|error| unwritten(&error))?;
                commit(transaction)?;
                return Err(error);
            }
            transaction
        } else {
            let context = Context { transaction: Some(&transaction), ..*context };
            // Dropped without a commit the transaction leaves no trace.
            self.service.serve(&context, procedure, input, out)?;
            transaction
        };
        finish(&transaction, call, &out.tail(before)).map_err(|error| unwritten(&error))?;
        Ok(commit(transaction)?)
    }
}

fn unwritten(error: &dyn std::fmt::Display) -> Refusal {
    Refusal::new(format!("the journal cannot be written: {error}"))
}

/// What the call has come to before, if it ran. Forgets what the client is through with.
fn known(transaction: &WriteTransaction, identity: Identity) -> Result<Option<Bytes>, ServeError> {
    let look = || -> Result<Result<Option<Bytes>, &'static str>, redb::Error> {
        let Identity { client, sequence, floor } = identity;
        let mut floors = transaction.open_table(FLOORS)?;
        let mut results = transaction.open_table(RESULTS)?;
        let last = floors.get(client)?.map(|floor| floor.value());
        if last.is_none() && floors.len()? >= CLIENTS_MAX {
            return Ok(Err("as many clients as there may be"));
        }
        if sequence < last.unwrap_or(0).max(floor) || sequence - floor >= CALLS_MAX {
            return Ok(Err("a call that was over, or too many under way"));
        }
        if last.is_none_or(|last| last < floor) {
            floors.insert(client, floor)?;
            results.retain_in((client, 0)..(client, floor), |_, _| false)?;
        }
        let found = results.get((client, sequence))?;
        Ok(Ok(found.map(|result| Bytes::copy_from_slice(result.value()))))
    };
    match look() {
        Ok(Ok(found)) => Ok(found),
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
