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
    counters: Vec<Counter>,
    /// Of those who look while something is being changed.
    looks: AtomicU64,
}

/// Changes that have begun, and that are over.
#[derive(Debug, Default)]
struct Counter {
    begun: AtomicU64,
    over: AtomicU64,
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
            counters: std::iter::repeat_with(Counter::default).take(COUNTERS).collect(),
            looks: AtomicU64::new(0),
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

    fn counter(&self, name: Name<'_>) -> &Counter {
        &self.counters[self.hash(name) as usize % COUNTERS]
    }

    /// Changes `names`. Who looks meanwhile gets a number that never comes again, and who looked before gets another one
    /// after.
    fn changing<R>(&self, names: &[Name<'_>], change: impl FnOnce(&S) -> Result<R, Code>) -> Result<R, Code> {
        let count = |of: fn(&Counter) -> &AtomicU64| {
            for name in names {
                of(self.counter(*name)).fetch_add(1, Ordering::SeqCst);
            }
        };
        count(|counter| &counter.begun);
        let done = change(&self.store);
        count(|counter| &counter.over);
        done
    }
}

impl<S: Store> Store for Versioned<S> {
    fn create(&self, name: Name<'_>) -> Result<(), Code> {
        self.changing(&[name], |store| store.create(name))
    }

    fn read(&self, name: Name<'_>, offset: u64, buffer: &mut [u8]) -> Result<Filled, Code> {
        self.store.read(name, offset, buffer)
    }

    fn write(&self, name: Name<'_>, offset: u64, data: &[u8]) -> Result<(), Code> {
        self.changing(&[name], |store| store.write(name, offset, data))
    }

    fn delete(&self, name: Name<'_>) -> Result<(), Code> {
        self.changing(&[name], |store| store.delete(name))
    }

    fn stat(&self, name: Name<'_>) -> Result<Attributes, Code> {
        self.store.stat(name)
    }

    fn list(&self, name: Name<'_>, after: &[u8], count: usize) -> Result<Vec<Entry>, Code> {
        self.store.list(name, after, count)
    }

    fn rename(&self, from: Name<'_>, to: Name<'_>) -> Result<(), Code> {
        self.changing(&[from, to], |store| store.rename(from, to))
    }

    fn truncate(&self, name: Name<'_>, length: u64) -> Result<(), Code> {
        self.changing(&[name], |store| store.truncate(name, length))
    }

    fn make_directory(&self, name: Name<'_>) -> Result<(), Code> {
        self.changing(&[name], |store| store.make_directory(name))
    }

    fn remove_directory(&self, name: Name<'_>) -> Result<(), Code> {
        self.changing(&[name], |store| store.remove_directory(name))
    }

    fn change(&self, name: Name<'_>) -> Result<u64, Code> {
        let counter = self.counter(name);
        // What is over is looked at first: a change that ends in between is seen to have begun.
        let over = counter.over.load(Ordering::SeqCst);
        let change = self.store.change(name)?;
        let look = match counter.begun.load(Ordering::SeqCst) {
            begun if begun == over => 0,
            _ => 1 + self.looks.fetch_add(1, Ordering::SeqCst),
        };
        let run = self.run.hash_one(0_u8);
        Ok(mix([run, self.hash(name), over, look, change]))
    }
}
