//! The server's warden: hears from clients that are back, and asks after owners.
use sendrec_trap::{Address, From as Whom, Process, ReceiveError, Source, Trap};

use super::protocol::orphans_1::{Dispatch, Server};
use super::protocol::{ACall, Found};
use super::works::{Owner, Works};
use super::{OWNER_TIMEOUT, OrphanCure};
use crate::{Context, Refusal, serve_one};

struct Warden<'p, 't, T: Trap + ?Sized> {
    me: &'p Process<'t, T>,
    works: &'p Works,
}

/// Looks after the orphans among `works`, as `me`, until the process ends or its kernel is shut down. Clients look for it at
/// [`super::WARDEN_ID`] on their server's machine.
pub fn watch<T: Trap + ?Sized>(me: &Process<'_, T>, works: &Works) -> ReceiveError {
    let warden = Warden { me, works };
    let service = Dispatch(&warden);
    loop {
        let next = warden.expire();
        let received = match next {
            Some(next) => me.receive_within(Whom::Any, next.since(me.gate().now())),
            None => me.receive(Whom::Any),
        };
        match received {
            Ok(request) => serve_one(me, &[&service], request),
            Err(ReceiveError::TimedOut | ReceiveError::RequestFailed { .. }) => {}
            Err(error) => return error,
        }
    }
}

impl<T: Trap + ?Sized> Warden<'_, '_, T> {
    /// Whether the process that called is there yet, in the epoch it called from.
    fn lives(&self, owner: Owner) -> bool {
        let lives = self.me.ping(owner.client, OWNER_TIMEOUT).is_ok_and(|(epoch, _)| epoch == owner.epoch);
        if lives {
            self.works.owner_found();
        }
        lives
    }

    fn tell(&self, client: Address, found: &mut Found) {
        self.me.gate().orphan(self.me.id(), client);
        *found += 1;
    }

    fn end(&self, is_orphan: impl Fn(u64, &Owner) -> bool) -> Found {
        let mut found = 0;
        self.works.end(is_orphan, |client| self.tell(client, &mut found));
        found
    }

    /// Computations without an owner end.
    fn look_for_owners(&self) -> Found {
        let mut owners = self.works.owners();
        owners.retain(|(_, owner)| !self.lives(*owner));
        self.end(|number, _| owners.iter().any(|(of, _)| *of == number))
    }

    /// Those whose quantum is over ask for another. When the next one is over.
    fn expire(&self) -> Option<sendrec_trap::Instant> {
        let OrphanCure::Expiration { quantum } = self.works.cure() else { return None };
        let (over, _) = self.works.expired(self.me.gate().now());
        for (number, owner) in over {
            if self.lives(owner) {
                self.works.prolong(number, self.me.gate().now() + quantum);
            } else {
                self.end(|of, _| of == number);
            }
        }
        // What begins while this waits has its whole quantum before it.
        let now = self.me.gate().now();
        let (over, next) = self.works.expired(now);
        if !over.is_empty() {
            return Some(now);
        }
        // With nothing to look after it sleeps until a server wakes it.
        next.or_else(|| (!self.works.sleep(self.me.address())).then_some(now + quantum))
    }

    /// A machine is back.
    fn declared(&self, source: Source) -> Found {
        let (machine, epoch) = (source.address().machine, source.epoch());
        // Whoever says it is a later incarnation may be anybody: AYA has it prove that.
        let proved = |(lives, _)| lives == epoch;
        if !source.is_believed() && !self.me.ping(source.address(), OWNER_TIMEOUT).is_ok_and(proved) {
            return 0;
        }
        match self.works.cure() {
            OrphanCure::None => 0,
            OrphanCure::Reincarnation => self.end(|_, _| true),
            OrphanCure::GentleReincarnation => self.look_for_owners(),
            OrphanCure::Extermination | OrphanCure::Expiration { .. } => {
                self.end(|_, owner| owner.is_before(machine, epoch))
            }
        }
    }
}

impl<T: Trap + ?Sized> Server for &Warden<'_, '_, T> {
    fn exterminate(&self, _: &Context<'_>, calls: Vec<ACall>) -> Result<Found, Refusal> {
        let calls: Vec<_> =
            calls.into_iter().map(|call| (u128::from_be_bytes(call.client), call.sequence)).collect();
        let mut found = 0;
        self.works.end_calls(&calls, |client| self.tell(client, &mut found));
        Ok(found)
    }

    fn reincarnate(&self, context: &Context<'_>) -> Result<Found, Refusal> {
        let source = context.source.ok_or_else(|| Refusal::new("not by a kernel"))?;
        Ok(self.declared(source))
    }
}
