//! Which incarnation lives at a machine: asked by AYA with a nonce, believed when the nonce comes back.
//!
//! One forged packet mutes nobody: a new epoch makes this room ask, and nothing else.
use core::time::Duration;

use bytes::Bytes;

use super::client_states::Event;
use super::peer::Challenge;
use super::{Effect, Exchange, Port};
use crate::error::CallError;
use crate::ids::{Address, Epoch, LocalId, Nonce, Sequence};
use crate::process::WaitToken;
use crate::time::nanos;
use crate::timer::Timers;
use crate::trace::{Timer, What};
use crate::wire::{AuReason, Header, Kind};

/// How many epochs a machine whose clock was set back skips at most: about a second of boots' clocks.
const EPOCH_SKIP: u64 = 1 << 20;

impl Exchange {
    /// Asks `peer` which incarnation it is, unless it is being asked.
    #[cold]
    pub(super) fn challenge(&mut self, peer: u32, port: &mut Port<'_>) {
        if self.peers.get(peer).challenge.is_some() {
            return;
        }
        let nonce = port.nonces.next();
        self.peers.get_mut(peer).challenge = Some(Challenge { nonce, tries: 0 });
        self.transmit_challenge(peer, port);
    }

    #[cold]
    fn transmit_challenge(&mut self, peer: u32, port: &mut Port<'_>) {
        let Some(challenge) = self.peers.get(peer).challenge else { return };
        let kind = Kind::Aya { nonce: challenge.nonce };
        let mut header = self.header(peer, kind, LocalId(0), LocalId(0), Sequence::NONE);
        header.destination_epoch = Epoch::BLANK;
        self.transmit(peer, header, Bytes::new(), port);
        let state = self.peers.get(peer);
        let wait = state.round_trip.timeout(&self.config).saturating_mul(1 << challenge.tries.min(8));
        self.timers.arm(state.timer, port.now.plus_nanos(wait.min(nanos(self.config.retransmit_max))));
    }

    #[cold]
    pub(super) fn on_challenge_timer(&mut self, peer: u32, port: &mut Port<'_>) {
        port.tracer.cause(port.events, || What::Timer { timer: Timer::Challenge });
        let retries = self.config.retries;
        let Some(challenge) = &mut self.peers.get_mut(peer).challenge else { return };
        challenge.tries += 1;
        if challenge.tries <= retries {
            self.transmit_challenge(peer, port);
            return;
        }
        // Nobody answers: whoever claimed to be another incarnation has not proved it.
        let state = self.peers.get_mut(peer);
        state.challenge = None;
        let candidate = core::mem::take(&mut state.candidate);
        self.drop_unproved(peer, candidate, port);
        for slot in self.outgoing_to(peer) {
            if self.is_doubted(slot) {
                self.on_client_event(slot, Event::Exhausted, port);
            }
        }
    }

    /// Whether the packet echoes a nonce of ours; if so it has been dealt with.
    #[inline]
    pub(super) fn handle_echo(&mut self, peer: u32, header: &Header, port: &mut Port<'_>) -> bool {
        match header.kind {
            Kind::Iaa { nonce, .. } | Kind::Au { nonce, .. } if nonce != Nonce(0) => {
                self.handle_nonce(peer, header, nonce, port)
            }
            _ => false,
        }
    }

    #[cold]
    fn handle_nonce(&mut self, peer: u32, header: &Header, nonce: Nonce, port: &mut Port<'_>) -> bool {
        if let Some(token) = self.pings.remove(&nonce) {
            self.handle_pong(peer, header, token, port);
            return true;
        }
        if self.peers.get(peer).challenge.is_none_or(|challenge| challenge.nonce != nonce) {
            return false;
        }
        match header.kind {
            Kind::Iaa { uptime_us, .. } => {
                self.on_proof(peer, header.source_epoch, Duration::from_micros(uptime_us), port);
                true
            }
            Kind::Au { reason: AuReason::OldSender, known, .. } => {
                self.raise_epoch(peer, known, port);
                true
            }
            _ => false,
        }
    }

    /// The answer to a ping. Its nonce proves as much as that of a challenge does.
    #[cold]
    fn handle_pong(&mut self, peer: u32, header: &Header, token: WaitToken, port: &mut Port<'_>) {
        let (uptime_us, result) = match header.kind {
            Kind::Au { reason: AuReason::OldSender, known, .. } if known.0 != u64::MAX => {
                self.raise_epoch(peer, known, port);
                let to = Address::new(self.peers.get(peer).path.remote, header.source);
                self.ping(header.destination, to, token, port);
                return;
            }
            Kind::Iaa { uptime_us, .. } => {
                (uptime_us, Ok((header.source_epoch, Duration::from_micros(uptime_us))))
            }
            Kind::Au { uptime_us, .. } => (uptime_us, Err(CallError::NoSuchProcess)),
            _ => return,
        };
        if self.peers.get(peer).epoch != header.source_epoch {
            self.on_proof(peer, header.source_epoch, Duration::from_micros(uptime_us), port);
        }
        port.effects.push(Effect::Pong { token, result });
    }

    /// A candidate that nobody asks would keep all others out.
    #[cold]
    pub(super) fn drop_candidate_unasked(&mut self, peer: u32) {
        let state = self.peers.get_mut(peer);
        if state.challenge.is_none() {
            state.candidate = Epoch::BLANK;
        }
    }

    #[cold]
    fn end_challenge(&mut self, peer: u32) {
        let state = self.peers.get_mut(peer);
        state.challenge = None;
        // A candidate is considered only while it is asked: else it would keep all others out.
        state.candidate = Epoch::BLANK;
        let timer = state.timer;
        self.timers.disarm(timer);
    }

    /// `epoch` has echoed our nonce: it lives, and every other incarnation of its machine is gone.
    #[cold]
    fn on_proof(&mut self, peer: u32, epoch: Epoch, uptime: Duration, port: &mut Port<'_>) {
        self.end_challenge(peer);
        let now = port.now;
        let state = self.peers.get_mut(peer);
        state.proved = true;
        state.heard = now;
        let changed = core::mem::replace(&mut state.epoch, epoch) != epoch;
        let machine = state.path.remote;
        if changed {
            log::info!("{machine} has booted again: epoch {epoch}");
            port.tracer.event(port.events, || What::EpochKnown { machine, epoch, proved: true });
        }
        self.drop_others(peer, epoch, port);
        for slot in self.outgoing_to(peer) {
            self.on_incarnation(slot, epoch, uptime, port);
        }
    }

    /// The first packet of a machine of which nothing was known: there is nothing to be destroyed by believing it.
    #[inline]
    pub(super) fn learn_epoch(&mut self, peer: u32, epoch: Epoch, port: &mut Port<'_>) {
        if self.peers.get(peer).epoch.is_blank() {
            self.learn_first_epoch(peer, epoch, port);
        }
    }

    #[cold]
    fn learn_first_epoch(&mut self, peer: u32, epoch: Epoch, port: &mut Port<'_>) {
        let state = self.peers.get_mut(peer);
        state.epoch = epoch;
        let machine = state.path.remote;
        port.tracer.event(port.events, || What::EpochKnown { machine, epoch, proved: false });
    }

    /// The machine knows a later incarnation of ours than we are: our clock was set back. Towards it we are the next.
    #[cold]
    fn raise_epoch(&mut self, peer: u32, known: Epoch, port: &mut Port<'_>) {
        if known < self.epoch_toward(peer) || known.0 == u64::MAX {
            // Absurd, so no answer: the question stands.
            return;
        }
        self.end_challenge(peer);
        // Not simply the next one: an incarnation between, which had no time to prove itself, may have taken that.
        let epoch = Epoch(known.0.saturating_add(1 + port.rng.below(EPOCH_SKIP)).min(u64::MAX - 1));
        let state = self.peers.get_mut(peer);
        state.our_epoch = epoch;
        let machine = state.path.remote;
        log::warn!(
            "{machine} knows a later incarnation of ours: was the clock set back? We are {epoch} to it"
        );
        port.tracer.event(port.events, || What::EpochRaised { machine, epoch });
        // What was refused for its sender's age was not run.
        for slot in self.outgoing_to(peer) {
            self.on_client_event(slot, Event::Timeout, port);
        }
    }
}
