//! A store that counts its changes, so that two of them within one tick of a file system's clock are told apart.
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::message::Code;
use crate::name::Name;
use crate::store::{Attributes, Entry, Filled, Store, mix};

/// Names share counters, which makes some copies be fetched again for nothing.
const COUNTERS: usize = 4_096;

/// A store whose [`Store::change`] is another number after each change that is made through it.
pub struct Versioned<S> {
    store: S,
    /// Of this run, so that numbers of another do not come again; and where a name's counter is.
    run: RandomState,
    counters: Vec<AtomicU64>,
}

impl<S> std::fmt::Debug for Versioned<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Versioned")
    }
}

impl<S: Store> Versioned<S> {
    /// `store`, changed through this alone from here on, or through others that its clients need not hear of at once.
    pub fn new(store: S) -> Self {
        Self {
            store,
            run: RandomState::new(),
            counters: std::iter::repeat_with(AtomicU64::default).take(COUNTERS).collect(),
        }
    }

    fn hash(&self, name: Name<'_>) -> u64 {
        let mut hasher = self.run.build_hasher();
        for part in name.parts() {
            hasher.write(part);
            hasher.write_u8(b'/');
        }
        hasher.finish()
    }

    fn counter(&self, name: Name<'_>) -> &AtomicU64 {
        &self.counters[self.hash(name) as usize % COUNTERS]
    }

    /// What was done to `names` has changed them. Said when it is done: who looks meanwhile gets a number that is soon
    /// another, and never a new number for what is old.
    fn changed<R>(&self, names: &[Name<'_>], done: Result<R, Code>) -> Result<R, Code> {
        for name in names {
            self.counter(*name).fetch_add(1, Ordering::AcqRel);
        }
        done
    }
}

impl<S: Store> Store for Versioned<S> {
    fn create(&self, name: Name<'_>) -> Result<(), Code> {
        self.changed(&[name], self.store.create(name))
    }

    fn read(&self, name: Name<'_>, offset: u64, buffer: &mut [u8]) -> Result<Filled, Code> {
        self.store.read(name, offset, buffer)
    }

    fn write(&self, name: Name<'_>, offset: u64, data: &[u8]) -> Result<(), Code> {
        self.changed(&[name], self.store.write(name, offset, data))
    }

    fn delete(&self, name: Name<'_>) -> Result<(), Code> {
        self.changed(&[name], self.store.delete(name))
    }

    fn stat(&self, name: Name<'_>) -> Result<Attributes, Code> {
        self.store.stat(name)
    }

    fn list(&self, name: Name<'_>, after: &[u8], count: usize) -> Result<Vec<Entry>, Code> {
        self.store.list(name, after, count)
    }

    fn rename(&self, from: Name<'_>, to: Name<'_>) -> Result<(), Code> {
        self.changed(&[from, to], self.store.rename(from, to))
    }

    fn truncate(&self, name: Name<'_>, length: u64) -> Result<(), Code> {
        self.changed(&[name], self.store.truncate(name, length))
    }

    fn make_directory(&self, name: Name<'_>) -> Result<(), Code> {
        self.changed(&[name], self.store.make_directory(name))
    }

    fn remove_directory(&self, name: Name<'_>) -> Result<(), Code> {
        self.changed(&[name], self.store.remove_directory(name))
    }

    fn change(&self, name: Name<'_>) -> Result<u64, Code> {
        // Before the store is asked: a change between the two is seen by the store, or again.
        let count = self.counter(name).load(Ordering::Acquire);
        let run = self.run.hash_one(0_u8);
        Ok(mix([run, self.hash(name), count, self.store.change(name)?]))
    }
}
