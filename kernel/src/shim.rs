//! The fault shim under a node: what it sends is lost, doubled or held back as rules say.
use std::cmp::Reverse;
use std::collections::BinaryHeap;

use sendrec_core::fault::{Faults, Injector};
use sendrec_core::trace::{Event, What};
use sendrec_core::wire::Transmit;
use sendrec_core::{Instant, Machine, Path};

/// A packet held back.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Held {
    due: Instant,
    order: u64,
    bytes: Vec<u8>,
    to: Machine,
    from: Option<std::net::IpAddr>,
}

pub(crate) struct Shim {
    injector: Injector,
    held: BinaryHeap<Reverse<Held>>,
    order: u64,
}

impl Shim {
    pub(crate) fn new(faults: Faults) -> Self {
        Self { injector: Injector::new(faults), held: BinaryHeap::new(), order: 0 }
    }

    /// Decides a packet's fate. It is to be sent now so often as returned; the event, if any, is for the trace.
    pub(crate) fn pass(
        &mut self,
        now: Instant,
        from: Machine,
        transmit: &Transmit,
        bytes: &[u8],
    ) -> (u32, Option<Event>) {
        let kind = transmit.packet.header.kind.packet_type();
        let treatment = self.injector.judge(kind);
        let event = treatment.verdict.map(|(verdict, rule)| {
            let (to, number) = (transmit.path.remote, transmit.packet.header.number);
            let what = What::Network { from, to, number, kind, verdict, rule };
            Event { number: 0, cause: None, at: now, what }
        });
        if treatment.copies == 0 || treatment.delay.is_zero() {
            return (treatment.copies, event);
        }
        self.order += 1;
        let (to, local) = (transmit.path.remote, transmit.path.local);
        let due = now + treatment.delay;
        self.held.push(Reverse(Held { due, order: self.order, bytes: bytes.to_vec(), to, from: local }));
        (treatment.copies - 1, event)
    }

    /// When the next one held back is to go.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.held.peek().map(|held| held.0.due)
    }

    /// The next one whose time has come.
    pub(crate) fn release(&mut self, now: Instant) -> Option<(Path, Vec<u8>)> {
        if self.next()? > now {
            return None;
        }
        self.held.pop().map(|Reverse(held)| (Path { remote: held.to, local: held.from }, held.bytes))
    }
}
