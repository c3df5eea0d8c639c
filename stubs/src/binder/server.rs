//! The binder's loop.
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use sendrec_trap::{CallError, Process, ReceiveError, Target, Trap};

use super::protocol::binder_1::{Dispatch, Server};
use super::protocol::{Entries, Entry, Found, Interface, Name, Offer, Status, Text};
use super::table::{Absent, Table, parse_handle};
use super::{PROOF_LASTS, PROOF_TIMEOUT};
use crate::{Context, Ledger, Refusal};

/// Entries of one answer to LIST.
const LISTED_MAX: usize = 256;

/// A binder's entries, and the ledger in which they survive it.
#[derive(Debug)]
pub struct Registry<L> {
    table: Mutex<Table>,
    ledger: L,
}

impl<L: Ledger> Registry<L> {
    /// What `ledger` has. An error if it cannot be read, or holds something else.
    pub fn open(ledger: L) -> io::Result<Self> {
        let table = match ledger.read()? {
            Some(bytes) => {
                let wrong = |error| {
                    io::Error::new(io::ErrorKind::InvalidData, format!("not a binder's ledger: {error}"))
                };
                Table::parse(bytes).map_err(wrong)?
            }
            None => Table::default(),
        };
        Ok(Self { table: Mutex::new(table), ledger })
    }

    /// Serves as the binder until the process ends or its kernel is shut down. Several threads may do so for one process:
    /// then who looks up an instance that may be dead keeps nobody else waiting.
    pub fn serve<T: Trap + ?Sized>(&self, me: &Process<'_, T>) -> ReceiveError {
        crate::serve(me, &[&Dispatch(Binding { me, registry: self })])
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the table, and writes it down before anybody hears of it; or does not.
    fn change(&self, change: impl FnOnce(&mut Table) -> Status) -> Status {
        let mut current = self.table();
        let mut table = current.clone();
        let status = change(&mut table);
        if status != Status::Ok {
            return status;
        }
        let written = table.bytes().map_err(io::Error::other).and_then(|bytes| self.ledger.write(&bytes));
        if let Err(error) = written {
            log::error!("the ledger cannot be written: {error}");
            return Status::NotKept;
        }
        *current = table;
        Status::Ok
    }
}

struct Binding<'p, 't, T: Trap + ?Sized, L> {
    me: &'p Process<'t, T>,
    registry: &'p Registry<L>,
}

impl<T: Trap + ?Sized, L: Ledger> Binding<'_, '_, T, L> {
    /// Whether it lives, as far as can be known: one with a sparse id is found by its clients, or not.
    fn lives(&self, entry: &Entry) -> bool {
        let Some(Target::Place(place)) = parse_handle(&entry.handle) else { return true };
        let dead = [CallError::NoSuchProcess, CallError::NoAnswer, CallError::TimedOut];
        match self.me.ping(place, PROOF_TIMEOUT) {
            Ok(_) => true,
            Err(error) => !dead.contains(&error),
        }
    }
}

impl<T: Trap + ?Sized, L: Ledger> Server for Binding<'_, '_, T, L> {
    fn register(&self, _: &Context<'_>, argument: Offer) -> Result<Status, Refusal> {
        let now = self.me.gate().now();
        Ok(self.registry.change(|table| table.register(argument, now)))
    }

    fn deregister(&self, _: &Context<'_>, argument: Offer) -> Result<Status, Refusal> {
        Ok(self.registry.change(|table| table.deregister(&argument)))
    }

    fn lookup(&self, _: &Context<'_>, name: Name, vers: u32) -> Result<Found, Refusal> {
        loop {
            let next = self.registry.table().next(&name, vers);
            let (entry, proved) = match next {
                Ok(next) => next,
                Err(Absent::Service) => return Ok(Found::Default(Status::NotFound)),
                Err(Absent::Version(versions)) => return Ok(Found::VersionMismatch(versions)),
            };
            if proved.is_some_and(|proved| self.me.gate().now().since(proved) < PROOF_LASTS) {
                return Ok(Found::Ok(entry));
            }
            if self.lives(&entry) {
                self.registry.table().prove(&entry, self.me.gate().now());
                return Ok(Found::Ok(entry));
            }
            log::info!("{} is dead, and forgotten", String::from_utf8_lossy(&entry.handle));
            let forgotten = self.registry.change(|table| {
                table.forget(&entry, proved);
                Status::Ok
            });
            if forgotten != Status::Ok {
                // It is forgotten until the next start, which will find out again.
                self.registry.table().forget(&entry, proved);
            }
        }
    }

    fn publish(&self, _: &Context<'_>, offer: Offer, text: Interface) -> Result<Status, Refusal> {
        Ok(self.registry.change(|table| table.publish(&offer, text)))
    }

    fn fetch(&self, _: &Context<'_>, name: Name, vers: u32) -> Result<Text, Refusal> {
        Ok(match self.registry.table().text(&name, vers) {
            Ok(text) => Text::Ok(text),
            Err(Absent::Service) => Text::Default(Status::NotFound),
            Err(Absent::Version(versions)) => Text::VersionMismatch(versions),
        })
    }

    fn list(&self, _: &Context<'_>, from: u32) -> Result<Entries, Refusal> {
        Ok(self.registry.table().list().skip(from as usize).take(LISTED_MAX).cloned().collect())
    }
}
