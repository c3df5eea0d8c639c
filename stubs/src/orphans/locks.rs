//! Locks that calls hold: free again when their call ends, also if that is because it was an orphan.
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use sendrec_trap::Address;

use crate::{Context, Refusal};

/// A server's locks, by name. Taken or refused at once: who wants to wait asks again.
#[derive(Debug, Default)]
pub struct Locks {
    held: Mutex<BTreeMap<Bytes, Option<Address>>>,
}

impl Locks {
    /// All free.
    pub fn new() -> Self {
        Self::default()
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<Bytes, Option<Address>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whose process holds it; `None` if it is free.
    pub fn holder(&self, name: &[u8]) -> Option<Option<Address>> {
        self.held().get(name).copied()
    }

    /// Takes a lock for a call. Refused with its holder's name while another has it, and to orphans.
    pub fn take<'l>(&'l self, context: &'l Context<'_>, name: &[u8]) -> Result<Lock<'l>, Refusal> {
        context.check()?;
        let mut held = self.held();
        if let Some(holder) = held.get(name) {
            let holder = holder.map_or_else(|| "somebody".to_owned(), |holder| holder.to_string());
            return Err(Refusal::new(format!("{} is held by {holder}", String::from_utf8_lossy(name))));
        }
        let name = Bytes::copy_from_slice(name);
        held.insert(name.clone(), context.source.map(|source| source.address()));
        Ok(Lock { locks: self, name, context })
    }
}

/// A lock that is held; dropped, it is free.
#[derive(Debug)]
pub struct Lock<'l> {
    locks: &'l Locks,
    name: Bytes,
    context: &'l Context<'l>,
}

impl Drop for Lock<'_> {
    fn drop(&mut self) {
        self.locks.held().remove(&self.name);
        self.context.lock_released();
    }
}
