//! Waits: what a blocked thread or a completion waits for, and what has come of it until it is claimed.
use alloc::vec::Vec;

use slab::Slab;

use crate::ids::{Address, LocalId, SparseId};
use crate::limits;

/// Whom a wait waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
pub enum BlockedOn {
    /// Any message.
    Receive,
    /// A message from one.
    ReceiveFrom(Address),
    /// Until what was sent is as safe as its reliability asks.
    Send(Address),
    /// The reply.
    Call(Address),
    /// Until the reply is acknowledged.
    Reply(Address),
    /// An answer to AYA.
    Ping(Address),
    /// Until a sparse id is found, before what is to be sent to it can be.
    Locate(SparseId),
}

/// Names one wait. What it brings stays in the kernel until the token claims it, so a deadline that expires at the
/// same moment loses nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WaitToken {
    slot: u32,
    generation: u32,
}

impl WaitToken {
    /// A small number no other open wait of this kernel has: a driver may index by it.
    pub const fn index(self) -> usize {
        self.slot as usize
    }
}

#[derive(Debug)]
struct Wait<O> {
    generation: u32,
    process: LocalId,
    on: BlockedOn,
    /// Whether a buffer is lent until it is over.
    lent: bool,
    outcome: Option<O>,
}

/// A wait that is over: whose it was, and what it waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Finished {
    pub(crate) process: LocalId,
    pub(crate) on: BlockedOn,
    pub(crate) lent: bool,
}

/// All waits of a kernel.
#[derive(Debug)]
pub(crate) struct Waits<O> {
    open: Slab<Wait<O>>,
    generation: u32,
}

impl<O> Waits<O> {
    pub(crate) const fn new() -> Self {
        Self { open: Slab::new(), generation: 0 }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.open.len() >= limits::WAITS_MAX
    }

    pub(crate) fn open(&mut self, process: LocalId, on: BlockedOn) -> WaitToken {
        self.open_with(process, on, false)
    }

    /// As `open`; `lent` says whether a buffer is its owner's again when the wait is over.
    pub(crate) fn open_with(&mut self, process: LocalId, on: BlockedOn, lent: bool) -> WaitToken {
        self.generation = self.generation.wrapping_add(1);
        let generation = self.generation;
        let slot = self.open.insert(Wait { generation, process, on, lent, outcome: None }) as u32;
        WaitToken { slot, generation }
    }

    fn get(&self, token: WaitToken) -> Option<&Wait<O>> {
        self.open.get(token.index()).filter(|wait| wait.generation == token.generation)
    }

    /// Ends the wait with `outcome`, unless it is over or gone; then the outcome comes back.
    pub(crate) fn finish(&mut self, token: WaitToken, outcome: O) -> Result<Finished, O> {
        match self.open.get_mut(token.index()) {
            Some(wait) if wait.generation == token.generation && wait.outcome.is_none() => {
                wait.outcome = Some(outcome);
                Ok(Finished { process: wait.process, on: wait.on, lent: wait.lent })
            }
            _ => Err(outcome),
        }
    }

    /// It goes on waiting, but for something else.
    pub(crate) fn wait_on(&mut self, token: WaitToken, on: BlockedOn) {
        if let Some(wait) = self.open.get_mut(token.index())
            && wait.generation == token.generation
        {
            wait.on = on;
        }
    }

    /// What it waits for.
    pub(crate) fn on(&self, token: WaitToken) -> Option<BlockedOn> {
        self.get(token).map(|wait| wait.on)
    }

    pub(crate) fn is_ready(&self, token: WaitToken) -> bool {
        self.get(token).is_some_and(|wait| wait.outcome.is_some())
    }

    /// Takes what came of the wait, which is closed thereby.
    pub(crate) fn claim(&mut self, token: WaitToken) -> Option<O> {
        if self.is_ready(token) { self.open.remove(token.index()).outcome } else { None }
    }

    /// Closes the wait and tells whose it was, what it waited for and what had come of it.
    pub(crate) fn close(&mut self, token: WaitToken) -> Option<(LocalId, BlockedOn, Option<O>)> {
        self.get(token)?;
        let wait = self.open.remove(token.index());
        Some((wait.process, wait.on, wait.outcome))
    }

    /// The pending waits for a message of `address` alone.
    pub(crate) fn receiving_from(&self, address: Address) -> Vec<(WaitToken, LocalId)> {
        let from = |wait: &&Wait<O>| wait.on == BlockedOn::ReceiveFrom(address) && wait.outcome.is_none();
        self.open
            .iter()
            .filter(|(_, wait)| from(wait))
            .map(|(slot, wait)| (WaitToken { slot: slot as u32, generation: wait.generation }, wait.process))
            .collect()
    }

    /// The pending waits of a process.
    pub(crate) fn pending_of(&self, process: LocalId) -> Vec<(WaitToken, BlockedOn)> {
        let of_process = |wait: &&Wait<O>| wait.process == process && wait.outcome.is_none();
        self.open
            .iter()
            .filter(|(_, wait)| of_process(wait))
            .map(|(slot, wait)| (WaitToken { slot: slot as u32, generation: wait.generation }, wait.on))
            .collect()
    }
}
