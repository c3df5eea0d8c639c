//! Requests between processes of one kernel: the message moves, and no packet is sent.
use alloc::vec::Vec;

use slab::Slab;

use super::{LocalRequest, Place, WaitToken};
use crate::ids::LocalId;
use crate::limits;
use crate::process::ReplyTo;

/// The local requests that are not answered yet.
#[derive(Debug)]
pub(crate) struct Rendezvous {
    open: Slab<(u32, LocalRequest)>,
    generation: u32,
}

impl Rendezvous {
    pub(crate) const fn new() -> Self {
        Self { open: Slab::new(), generation: 0 }
    }

    /// Whether as many wait for their answers as may.
    pub(crate) fn is_full(&self) -> bool {
        self.open.len() >= limits::RENDEZVOUS_MAX
    }

    pub(crate) fn open(&mut self, request: LocalRequest) -> Place {
        self.generation = self.generation.wrapping_add(1);
        let slot = self.open.insert((self.generation, request)) as u32;
        Place { slot, generation: self.generation }
    }

    pub(crate) fn get_mut(&mut self, place: Place) -> Option<&mut LocalRequest> {
        match self.open.get_mut(place.slot as usize) {
            Some((generation, request)) if *generation == place.generation => Some(request),
            _ => None,
        }
    }

    pub(crate) fn close(&mut self, place: Place) -> Option<LocalRequest> {
        self.get_mut(place)?;
        Some(self.open.remove(place.slot as usize).1)
    }

    fn close_where(&mut self, condition: impl Fn(&LocalRequest) -> bool) -> Vec<LocalRequest> {
        let matching = self.open.iter().filter(|(_, (_, request))| condition(request)).map(|(slot, _)| slot);
        let slots: Vec<_> = matching.collect();
        slots.into_iter().map(|slot| self.open.remove(slot).1).collect()
    }

    /// Closes what `process` had asked for, and what it was asked.
    pub(crate) fn close_of(&mut self, process: LocalId) -> Vec<LocalRequest> {
        self.close_where(|request| request.client == process || request.server == process)
    }

    /// Closes the request whose answer `token` awaits.
    pub(crate) fn close_awaited_by(&mut self, token: WaitToken) {
        self.close_where(|request| request.reply_to == ReplyTo::Call(token));
    }
}
