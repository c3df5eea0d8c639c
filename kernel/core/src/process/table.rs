//! The process table: local ids, mailboxes, and the walk along who waits for whom.
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use core::time::Duration;

use slab::Slab;

use super::mailbox::{BlockedSender, Filled, Letter, Mailbox, charge};
use super::{From, Received, WaitToken};
use crate::config::{Buffering, Overflow};
use crate::error::SpawnError;
use crate::ids::{Address, LocalId, SparseId};
use crate::index::Index;
use crate::limits;

#[derive(Debug)]
struct Process {
    id: LocalId,
    sparse: Option<SparseId>,
    mailbox: Mailbox,
    /// Whether one thread alone acts for it: then a thread that waits is the whole process waiting.
    single_threaded: bool,
    /// The local process it waits for and until what, if it is single-threaded and blocked on one alone.
    waits_for: Option<(LocalId, Awaited, WaitToken)>,
}

/// What a blocked process waits for another to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Awaited {
    /// To send it a message.
    Message,
    /// To receive, to answer: anything it must run for.
    Action,
}

/// Room for one message in one mailbox. It is used up by [`Table::deliver`].
#[derive(Debug)]
#[must_use]
pub(crate) struct Permit {
    slot: usize,
    charge: usize,
    /// How long the message will be kept, if not for good.
    keeps_for: Option<Duration>,
}

impl Permit {
    pub(crate) const fn keeps_for(&self) -> Option<Duration> {
        self.keeps_for
    }
}

/// Why there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoRoom {
    NoProcess,
    Full(Overflow),
}

/// All processes of a kernel.
#[derive(Debug)]
pub(crate) struct Table {
    processes: Slab<Process>,
    by_id: Index<LocalId>,
    by_sparse: BTreeMap<SparseId, LocalId>,
    /// Chosen ids whose process has ended: none is given twice in one boot.
    ended: BTreeSet<LocalId>,
    next: u32,
}

impl Table {
    pub(crate) const fn new() -> Self {
        Self {
            processes: Slab::new(),
            by_id: Index::new(),
            by_sparse: BTreeMap::new(),
            ended: BTreeSet::new(),
            next: LocalId::FIRST_HANDED_OUT.0,
        }
    }

    /// A new process, with the id wished for or the next one.
    pub(crate) fn spawn(
        &mut self,
        wished: Option<LocalId>,
        sparse: Option<SparseId>,
        buffering: Buffering,
        single_threaded: bool,
    ) -> Result<LocalId, SpawnError> {
        let id = match wished {
            Some(id) if id == LocalId::KERNEL || id.is_handed_out() => return Err(SpawnError::Reserved(id)),
            Some(id) if self.by_id.find(id).is_some() || self.ended.contains(&id) => {
                return Err(SpawnError::Taken(id));
            }
            Some(id) => id,
            None => LocalId(self.next),
        };
        if let Some(sparse) = sparse.filter(|sparse| self.by_sparse.contains_key(sparse)) {
            return Err(SpawnError::SparseTaken(sparse));
        }
        if self.processes.len() >= limits::PROCESSES_MAX || self.next == u32::MAX {
            return Err(SpawnError::TooMany);
        }
        if wished.is_none() {
            self.next += 1;
        }
        let mailbox = Mailbox::new(buffering);
        let slot = self.processes.insert(Process { id, sparse, mailbox, single_threaded, waits_for: None });
        self.by_id.insert(id, slot as u32);
        if let Some(sparse) = sparse {
            self.by_sparse.insert(sparse, id);
        }
        Ok(id)
    }

    pub(crate) fn contains(&self, id: LocalId) -> bool {
        self.by_id.find(id).is_some()
    }

    /// The process with this sparse id.
    pub(crate) fn find_sparse(&self, sparse: SparseId) -> Option<LocalId> {
        self.by_sparse.get(&sparse).copied()
    }

    fn get_mut(&mut self, id: LocalId) -> Option<&mut Process> {
        self.by_id.find(id).and_then(|slot| self.processes.get_mut(slot as usize))
    }

    fn get(&self, id: LocalId) -> Option<&Process> {
        self.by_id.find(id).and_then(|slot| self.processes.get(slot as usize))
    }

    /// Ends a process; its mailbox is emptied. Returns the senders that were blocked on it.
    pub(crate) fn end(&mut self, id: LocalId) -> VecDeque<BlockedSender> {
        let Some(slot) = self.by_id.remove(id) else { return VecDeque::new() };
        if !id.is_handed_out() {
            self.ended.insert(id);
        }
        let process = self.processes.remove(slot as usize);
        if let Some(sparse) = process.sparse {
            self.by_sparse.remove(&sparse);
        }
        process.mailbox.empty()
    }

    /// Reserves room for a message of `bytes` from `from` in the mailbox of `to`.
    pub(crate) fn reserve(&mut self, to: LocalId, from: Address, bytes: usize) -> Result<Permit, NoRoom> {
        let Some(slot) = self.by_id.find(to).map(|slot| slot as usize) else { return Err(NoRoom::NoProcess) };
        let charge = bytes + limits::MESSAGE_OVERHEAD_BYTES;
        let mailbox = &mut self.processes[slot].mailbox;
        mailbox.check(from, charge).map_err(NoRoom::Full)?;
        let keeps_for = mailbox.keeps_for(from);
        mailbox.reserve(charge);
        Ok(Permit { slot, charge, keeps_for })
    }

    /// Reserves room for a message of `bytes` that is still to come, if its receiver keeps a mailbox; one that keeps nothing,
    /// or not for long, has to want it when it is here.
    pub(crate) fn reserve_ahead(
        &mut self,
        to: LocalId,
        from: Address,
        bytes: usize,
    ) -> Result<Option<Permit>, NoRoom> {
        let Some(slot) = self.by_id.find(to).map(|slot| slot as usize) else { return Err(NoRoom::NoProcess) };
        let charge = bytes + limits::MESSAGE_OVERHEAD_BYTES;
        let mailbox = &mut self.processes[slot].mailbox;
        mailbox.check_ahead(from, charge).map_err(NoRoom::Full)?;
        if !mailbox.stays() {
            return Ok(None);
        }
        mailbox.reserve(charge);
        Ok(Some(Permit { slot, charge, keeps_for: None }))
    }

    /// Gives a permit back. Its process lives: with one that ends they are thrown away.
    #[allow(clippy::needless_pass_by_value)] // Whoever has given it back cannot deliver.
    pub(crate) fn release(&mut self, permit: Permit) {
        self.processes[permit.slot].mailbox.release(permit.charge);
    }

    /// Uses a permit up.
    #[allow(clippy::needless_pass_by_value)] // Whoever has delivered cannot deliver again.
    pub(crate) fn deliver(&mut self, permit: Permit, received: Received) -> Filled {
        self.processes[permit.slot].mailbox.fill(Letter::Message(received), permit.charge)
    }

    /// Delivers a reply, or the notice that there will be none: always has room, since [`Table::may_ask`] has bounded
    /// their number. `None` if the process has ended.
    pub(crate) fn deliver_answer(&mut self, to: LocalId, letter: Letter) -> Option<Filled> {
        self.get_mut(to).map(|process| process.mailbox.fill(letter, 0))
    }

    /// Whether the process may send one more request whose answer is to come into its mailbox: not while it leaves too
    /// many unread.
    pub(crate) fn may_ask(&self, id: LocalId) -> bool {
        self.get(id).is_some_and(|process| process.mailbox.answers() < limits::ANSWERS_MAX)
    }

    /// Throws away the message that `id` keeps under this number, if it is still there.
    pub(crate) fn expire(&mut self, id: LocalId, number: u64) -> Option<Letter> {
        self.get_mut(id)?.mailbox.expire(number)
    }

    /// Whether messages wait in the mailbox of `id`.
    pub(crate) fn has_mail(&self, id: LocalId) -> bool {
        self.get(id).is_some_and(|process| process.mailbox.has_mail())
    }

    pub(crate) fn take(&mut self, id: LocalId, filter: From) -> Option<(Letter, Option<u64>)> {
        self.get_mut(id)?.mailbox.take(filter)
    }

    /// Queues a wait for a message; false if as many wait as may.
    pub(crate) fn wait(&mut self, id: LocalId, token: WaitToken, filter: From) -> bool {
        match self.get_mut(id) {
            Some(process) if process.mailbox.receivers() < limits::RECEIVERS_MAX => {
                process.mailbox.wait(token, filter);
                true
            }
            _ => false,
        }
    }

    pub(crate) fn has_receiver_room(&self, id: LocalId) -> bool {
        self.get(id).is_some_and(|process| process.mailbox.receivers() < limits::RECEIVERS_MAX)
    }

    /// Queues a local sender until there is room for its message.
    pub(crate) fn block(&mut self, to: LocalId, sender: BlockedSender) {
        if let Some(process) = self.get_mut(to) {
            process.mailbox.block(sender);
        }
    }

    /// Whether local senders wait for room there.
    pub(crate) fn has_blocked(&self, id: LocalId) -> bool {
        self.get(id).is_some_and(|process| process.mailbox.has_blocked())
    }

    /// Moves the first blocked sender's message in, if it has room now.
    #[cold]
    pub(crate) fn unblock(&mut self, id: LocalId) -> Option<(BlockedSender, Filled)> {
        let mailbox = &mut self.get_mut(id)?.mailbox;
        let sender = mailbox.unblock()?;
        let charge = charge(&sender.received.message);
        mailbox.reserve(charge);
        let filled = mailbox.fill(Letter::Message(sender.received.clone()), charge);
        Some((sender, filled))
    }

    /// Ends a wait of anybody in the mailbox of `id`.
    pub(crate) fn forget(&mut self, id: LocalId, token: WaitToken) -> Option<BlockedSender> {
        self.get_mut(id)?.mailbox.forget(token)
    }

    /// Whether `process`, about to block until `other` acts, would wait for itself in the end.
    pub(crate) fn would_deadlock(&self, process: LocalId, other: LocalId, until: Awaited) -> bool {
        if !self.get(process).is_some_and(|process| process.single_threaded) {
            return false;
        }
        let waits_for = |id| self.get(id).and_then(|process| process.waits_for);
        // One who waits for our message is about to get it.
        if until == Awaited::Action
            && let Some((id, Awaited::Message, _)) = waits_for(other)
            && id == process
        {
            return false;
        }
        let mut next = Some(other);
        // A chain longer than there are processes has a ring in it that we are no part of.
        for _ in 0..=self.processes.len() {
            match next {
                Some(id) if id == process => return true,
                Some(id) => next = waits_for(id).map(|(id, ..)| id),
                None => return false,
            }
        }
        false
    }

    /// Notes whom a single-threaded process waits for from here on.
    pub(crate) fn set_waits_for(
        &mut self,
        process: LocalId,
        other: LocalId,
        until: Awaited,
        token: WaitToken,
    ) {
        if let Some(process) = self.get_mut(process)
            && process.single_threaded
        {
            process.waits_for = Some((other, until, token));
        }
    }

    /// That wait is over.
    pub(crate) fn clear_waits_for(&mut self, process: LocalId, token: WaitToken) {
        if let Some(process) = self.get_mut(process)
            && process.waits_for.is_some_and(|(.., waiting)| waiting == token)
        {
            process.waits_for = None;
        }
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = LocalId> + '_ {
        self.processes.iter().map(|(_, process)| process.id)
    }
}
