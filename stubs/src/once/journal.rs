//! The server's side: results beside effects, in one database.
use std::path::Path;

use bytes::Bytes;
use redb::{Database, ReadableTable, ReadableTableMetadata, TableDefinition, WriteTransaction};

use crate::pass::Identity;
use crate::xdr::{Decoder, Encoder};
use crate::{Context, Procedure, Refusal, ServeError, Service};

/// Clients whose calls are remembered.
pub const CLIENTS_MAX: u64 = 65_536;
/// Calls of one client that may be under way at once.
pub const CALLS_MAX: u64 = 1_024;

/// Results by client and call.
const RESULTS: TableDefinition<'_, (u128, u64), &[u8]> = TableDefinition::new("sendrec results");
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
}

impl Journal {
    /// The journal in that file, which is made if it is not there.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, JournalError> {
        Ok(Self { database: Database::create(path)? })
    }

    /// The journal in a database that is open already.
    pub const fn new(database: Database) -> Self {
        Self { database }
    }

    /// The database, to look into.
    pub const fn database(&self) -> &Database {
        &self.database
    }
}

/// A service whose calls run exactly once, if their clients say whose they are
/// ([`crate::Remote::exactly_once`]). What others call, and idempotent
/// procedures, run as they come, without a transaction.
#[derive(Debug)]
pub struct ExactlyOnce<'j, S> {
    service: S,
    journal: &'j Journal,
}

impl<'j, S: Service> ExactlyOnce<'j, S> {
    /// `service`, with this journal.
    pub const fn new(service: S, journal: &'j Journal) -> Self {
        Self { service, journal }
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
        let transaction = self.journal.database.begin_write().map_err(|error| kept_not(&error))?;
        if let Some(result) = known(&transaction, identity)? {
            // Nothing has changed in it.
            out.append(&result);
            return Ok(());
        }
        let before = out.len();
        let context = Context { transaction: Some(&transaction), ..*context };
        // Dropped without a commit the transaction leaves no trace.
        self.service.serve(&context, procedure, input, out)?;
        let result = out.tail(before);
        let store = |transaction: &WriteTransaction| -> Result<(), redb::Error> {
            transaction.open_table(RESULTS)?.insert((identity.client, identity.sequence), &result[..])?;
            Ok(())
        };
        store(&transaction).map_err(|error| kept_not(&error))?;
        transaction.commit().map_err(|error| kept_not(&error))
    }
}

fn kept_not(error: &dyn std::fmt::Display) -> ServeError {
    ServeError::Failed(Refusal::new(format!("the journal cannot be written: {error}")))
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
        Err(error) => Err(kept_not(&error)),
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
        match context.pass.and_then(|pass| pass.identity) {
            Some(identity) if !self.is_idempotent(procedure) => {
                self.once(identity, context, procedure, input, out)
            }
            _ => self.service.serve(context, procedure, input, out),
        }
    }
}
