//! The calls a server is running, and which of them are orphans.
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sendrec_trap::{Address, Epoch, Instant, Machine, Source};

use super::OrphanCure;
use crate::pass::Identity;

/// The calls that run, for all processes of one server, and what is done about orphans among them.
#[derive(Debug)]
pub struct Works {
    cure: OrphanCure,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    next: u64,
    running: BTreeMap<u64, Running>,
    counts: OrphanCounts,
    /// Who sleeps until something runs whose time can be over.
    sleeper: Option<Address>,
}

#[derive(Clone, Debug)]
struct Running {
    owner: Owner,
    identity: Option<Identity>,
    /// When its time is over, if it has only so much.
    expires: Option<Instant>,
    is_orphan: Arc<AtomicBool>,
}

/// Whose a computation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) client: Address,
    pub(super) epoch: Epoch,
}

/// What has become of orphans so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OrphanCounts {
    /// Computations that were found to be orphans.
    pub found: u64,
    /// Of those, the ones that have ended.
    pub ended: u64,
    /// Owners that were asked for, and found.
    pub owners_found: u64,
    /// Locks that orphans held when they ended.
    pub locks_released: u64,
}

impl Owner {
    /// Whether it is of that machine, in an earlier epoch.
    pub(super) fn is_before(&self, machine: Machine, epoch: Epoch) -> bool {
        self.client.machine == machine && self.epoch < epoch
    }
}

impl Table {
    /// Those are orphans; `found` is told of each that was not known to be.
    fn end(&mut self, is_orphan: impl Fn(u64, &Running) -> bool, mut found: impl FnMut(Address)) {
        for (number, running) in &self.running {
            if is_orphan(*number, running) && !running.is_orphan.swap(true, Ordering::AcqRel) {
                log::info!("a computation of {} is an orphan", running.owner.client);
                self.counts.found += 1;
                found(running.owner.client);
            }
        }
    }
}

impl Works {
    /// None yet.
    pub fn new(cure: OrphanCure) -> Self {
        Self { cure, table: Mutex::default() }
    }

    /// What is done about orphans.
    pub const fn cure(&self) -> OrphanCure {
        self.cure
    }

    /// What has become of orphans so far.
    pub fn counts(&self) -> OrphanCounts {
        self.table().counts
    }

    /// How many calls are running.
    pub fn running(&self) -> usize {
        self.table().running.len()
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A call begins to run. `found` is told of the orphans that this shows.
    pub(crate) fn begin(
        &self,
        source: &Source,
        identity: Option<Identity>,
        now: Instant,
        found: impl FnMut(Address),
    ) -> Work<'_> {
        let owner = Owner { client: source.address(), epoch: source.epoch() };
        let expires = match self.cure {
            OrphanCure::Expiration { quantum } => Some(now + quantum),
            _ => None,
        };
        let is_orphan = Arc::new(AtomicBool::new(false));
        let mut table = self.table();
        let number = table.next;
        table.next += 1;
        if self.cure != OrphanCure::None && source.is_believed() {
            // Its machine is in a later epoch: what an earlier one has called for is nobody's.
            table.end(|_, running| running.owner.is_before(owner.client.machine, owner.epoch), found);
        }
        let running = Running { owner, identity, expires, is_orphan: is_orphan.clone() };
        table.running.insert(number, running);
        Work { works: self, number, is_orphan }
    }

    pub(crate) fn lock_released(&self) {
        self.table().counts.locks_released += 1;
    }

    pub(super) fn owner_found(&self) {
        self.table().counts.owners_found += 1;
    }

    /// The warden sleeps, unless something runs: then this is false.
    pub(super) fn sleep(&self, warden: Address) -> bool {
        let mut table = self.table();
        if table.running.values().any(|running| running.expires.is_some()) {
            return false;
        }
        table.sleeper = Some(warden);
        true
    }

    /// A warden that is to be woken: something runs whose time can be over.
    pub(crate) fn sleeper(&self) -> Option<Address> {
        match self.cure {
            OrphanCure::Expiration { .. } => self.table().sleeper.take(),
            _ => None,
        }
    }

    /// All that run, by number, and whose they are.
    pub(super) fn owners(&self) -> Vec<(u64, Owner)> {
        let table = self.table();
        let alive = table.running.iter().filter(|(_, running)| !running.is_orphan.load(Ordering::Relaxed));
        alive.map(|(number, running)| (*number, running.owner)).collect()
    }

    /// Those are orphans; `found` is told of each that was not known to be.
    pub(super) fn end(&self, is_orphan: impl Fn(u64, &Owner) -> bool, found: impl FnMut(Address)) {
        self.table().end(|number, running| is_orphan(number, &running.owner), found);
    }

    /// The computations of those calls are orphans.
    pub(super) fn end_calls(&self, calls: &[(u128, u64)], found: impl FnMut(Address)) {
        let is_named = |one: Identity| calls.contains(&(one.client, one.sequence));
        self.table().end(|_, running| running.identity.is_some_and(is_named), found);
    }

    /// Those whose time is over, and when it is over for the next.
    pub(super) fn expired(&self, now: Instant) -> (Vec<(u64, Owner)>, Option<Instant>) {
        let table = self.table();
        let alive = || {
            let alive =
                table.running.iter().filter(|(_, running)| !running.is_orphan.load(Ordering::Relaxed));
            alive.filter_map(|(number, running)| Some((*number, running.owner, running.expires?)))
        };
        let over = alive().filter(|(.., expires)| *expires <= now);
        let over = over.map(|(number, owner, _)| (number, owner)).collect();
        (over, alive().map(|(.., expires)| expires).filter(|expires| *expires > now).min())
    }

    /// Another quantum.
    pub(super) fn prolong(&self, number: u64, until: Instant) {
        if let Some(running) = self.table().running.get_mut(&number) {
            running.expires = Some(until);
        }
    }
}

/// A call that runs; dropped, it has ended.
#[derive(Debug)]
pub(crate) struct Work<'w> {
    works: &'w Works,
    number: u64,
    is_orphan: Arc<AtomicBool>,
}

impl Work<'_> {
    /// Whether its client is known to be gone.
    pub(crate) fn is_orphan(&self) -> bool {
        self.is_orphan.load(Ordering::Acquire)
    }

    pub(crate) const fn works(&self) -> &Works {
        self.works
    }
}

impl Drop for Work<'_> {
    fn drop(&mut self) {
        let mut table = self.works.table();
        table.running.remove(&self.number);
        table.counts.ended += u64::from(self.is_orphan());
    }
}
