//! A store beside a journal: whatever changes it waits while a call runs exactly once, and is not undone by one that is done again
//! after a crash.
use sendrec_stubs::once::Journal;

use crate::message::Code;
use crate::name::Name;
use crate::store::{Attributes, Entry, Filled, Store};

/// `store`, as those see it who change it otherwise than by calls that the journal has.
pub(crate) struct Journaled<'s> {
    store: &'s dyn Store,
    journal: Option<&'s Journal>,
}

impl<'s> Journaled<'s> {
    pub(crate) const fn new(store: &'s dyn Store, journal: Option<&'s Journal>) -> Self {
        Self { store, journal }
    }

    fn change(&self, change: impl FnOnce(&dyn Store) -> Result<(), Code>) -> Result<(), Code> {
        let _shared = match self.journal.map(Journal::share).transpose() {
            Ok(shared) => shared,
            Err(refusal) => {
                log::error!("nothing is changed: {refusal}");
                return Err(Code::E_IO);
            }
        };
        change(self.store)
    }
}

impl Store for Journaled<'_> {
    fn create(&self, name: Name<'_>) -> Result<(), Code> {
        self.change(|store| store.create(name))
    }

    fn read(&self, name: Name<'_>, offset: u64, buffer: &mut [u8]) -> Result<Filled, Code> {
        self.store.read(name, offset, buffer)
    }

    fn write(&self, name: Name<'_>, offset: u64, data: &[u8]) -> Result<(), Code> {
        self.change(|store| store.write(name, offset, data))
    }

    fn delete(&self, name: Name<'_>) -> Result<(), Code> {
        self.change(|store| store.delete(name))
    }

    fn stat(&self, name: Name<'_>) -> Result<Attributes, Code> {
        self.store.stat(name)
    }

    fn list(&self, name: Name<'_>, after: &[u8], count: usize) -> Result<Vec<Entry>, Code> {
        self.store.list(name, after, count)
    }

    fn rename(&self, from: Name<'_>, to: Name<'_>) -> Result<(), Code> {
        self.change(|store| store.rename(from, to))
    }

    fn truncate(&self, name: Name<'_>, length: u64) -> Result<(), Code> {
        self.change(|store| store.truncate(name, length))
    }

    fn make_directory(&self, name: Name<'_>) -> Result<(), Code> {
        self.change(|store| store.make_directory(name))
    }

    fn remove_directory(&self, name: Name<'_>) -> Result<(), Code> {
        self.change(|store| store.remove_directory(name))
    }

    fn change(&self, name: Name<'_>) -> Result<u64, Code> {
        self.store.change(name)
    }
}
