//! What is known of another machine: its incarnations, its path, and how far away it is.
use core::time::Duration;

use slab::Slab;

use crate::config::Config;
use crate::ids::{Epoch, Machine, Nonce, Path};
use crate::index::Index;
use crate::limits;
use crate::time::{Instant, nanos};
use crate::timer::Handle;

/// Round-trip estimate after Jacobson and Karels (RFC 6298), the time the server held the request taken out.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RoundTrip {
    /// Both in ns.
    smoothed: u64,
    variation: u64,
    known: bool,
}

impl RoundTrip {
    /// A sample, ns, from a packet that was sent once only (Karn).
    pub(super) fn sample(&mut self, elapsed: u64, held: u64) {
        let sample = elapsed.saturating_sub(held);
        if !self.known {
            *self = Self { smoothed: sample, variation: sample / 2, known: true };
            return;
        }
        let off = self.smoothed.abs_diff(sample);
        self.variation = (self.variation.saturating_mul(3)).saturating_add(off) / 4;
        self.smoothed = (self.smoothed.saturating_mul(7)).saturating_add(sample) / 8;
    }

    /// How long to wait for a packet that the other side sends at once, ns.
    pub(super) fn timeout(&self, config: &Config) -> u64 {
        if !self.known {
            return nanos(config.retransmit_first);
        }
        let timeout = self.smoothed.saturating_add(self.variation.saturating_mul(4));
        timeout.max(nanos(config.retransmit_min)).min(nanos(config.retransmit_max))
    }
}

/// A question to a machine: which incarnation lives there?
#[derive(Clone, Copy, Debug)]
pub(super) struct Challenge {
    pub(super) nonce: Nonce,
    pub(super) tries: u32,
}

/// Whether a packet's incarnation may be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Judgement {
    /// It is the one known, or the first heard of.
    Current,
    /// It may be the next: it is served from a state of its own, and to be asked for proof.
    Candidate,
    /// It is older than one that is proved.
    Old,
    /// Another candidate is being asked: come back later.
    Busy,
}

#[derive(Debug)]
pub(super) struct Peer {
    pub(super) path: Path,
    /// The incarnation believed to live; blank before the first packet.
    pub(super) epoch: Epoch,
    /// Whether it has echoed a nonce.
    pub(super) proved: bool,
    /// One that says it is another; blank if none does.
    pub(super) candidate: Epoch,
    /// What we call ourselves towards it, if that is later than our boot's epoch.
    pub(super) our_epoch: Epoch,
    pub(super) round_trip: RoundTrip,
    /// Bytes of a packet that its path carries in one frame, if that is known.
    pub(super) packet_bytes: Option<usize>,
    pub(super) challenge: Option<Challenge>,
    pub(super) timer: Handle,
    pub(super) heard: Instant,
    /// Conversations and windows that refer to it: it is not forgotten while there are any.
    pub(super) users: u32,
    /// The windows among them.
    pub(super) windows: u32,
}

impl Peer {
    pub(super) fn new(path: Path, timer: Handle, now: Instant) -> Self {
        Self {
            path,
            epoch: Epoch::BLANK,
            proved: false,
            candidate: Epoch::BLANK,
            our_epoch: Epoch::BLANK,
            round_trip: RoundTrip::default(),
            packet_bytes: None,
            challenge: None,
            timer,
            heard: now,
            users: 0,
            windows: 0,
        }
    }

    /// What to make of a packet of incarnation `epoch`. Changes at most which candidate is being considered.
    pub(super) fn judge(&mut self, epoch: Epoch) -> Judgement {
        if epoch == self.epoch || self.epoch.is_blank() {
            return Judgement::Current;
        }
        if epoch == self.candidate {
            return Judgement::Candidate;
        }
        if self.proved && epoch < self.epoch {
            return Judgement::Old;
        }
        if !self.candidate.is_blank() {
            return Judgement::Busy;
        }
        self.candidate = epoch;
        Judgement::Candidate
    }
}

#[derive(Debug, Default)]
pub(super) struct Peers {
    all: Slab<Peer>,
    by_machine: Index<Machine>,
    hand: usize,
}

impl Peers {
    pub(super) fn find(&self, machine: Machine) -> Option<u32> {
        self.by_machine.find(machine)
    }

    pub(super) fn is_full(&self) -> bool {
        self.all.len() >= limits::PEERS_MAX
    }

    /// The slot the next peer will get.
    pub(super) fn next_slot(&self) -> u32 {
        self.all.vacant_key() as u32
    }

    pub(super) fn insert(&mut self, peer: Peer) -> u32 {
        let machine = peer.path.remote;
        let slot = self.all.insert(peer) as u32;
        self.by_machine.insert(machine, slot);
        slot
    }

    pub(super) fn remove(&mut self, slot: u32) -> Peer {
        let peer = self.all.remove(slot as usize);
        self.by_machine.remove(peer.path.remote);
        peer
    }

    pub(super) fn get(&self, slot: u32) -> &Peer {
        &self.all[slot as usize]
    }

    pub(super) fn get_mut(&mut self, slot: u32) -> &mut Peer {
        &mut self.all[slot as usize]
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// Looks at the next peer in turn; returns it if nobody refers to it and it was not heard of for `life`.
    /// When `pressing`, one that has proved nothing is idle at once.
    pub(super) fn next_idle(&mut self, now: Instant, life: Duration, pressing: bool) -> Option<u32> {
        self.hand = if self.hand + 1 < self.all.capacity() { self.hand + 1 } else { 0 };
        let peer = self.all.get(self.hand)?;
        let idle = peer.users == 0
            && peer.challenge.is_none()
            && (now.since(peer.heard) > life || pressing && !peer.proved);
        idle.then_some(self.hand as u32)
    }
}
