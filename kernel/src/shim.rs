//! The fault shim under a node: what it sends is lost, doubled, changed or held back as rules say.
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use sendrec_core::fault::{Faults, Injector};
use sendrec_core::trace::{Event, What};
use sendrec_core::wire::Transmit;
use sendrec_core::{Instant, Machine, Path};

use crate::boot::Names;

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
    /// What rules call other machines.
    names: BTreeMap<Machine, String>,
    held: BinaryHeap<Reverse<Held>>,
    order: u64,
}

impl Shim {
    pub(crate) fn new(faults: &Faults, names: Option<Names>) -> Self {
        let Names { own, machines } = names.unwrap_or_default();
        let own = (!own.is_empty()).then_some(own);
        Self {
            injector: Injector::of(faults, own.as_deref()),
            names: machines,
            held: BinaryHeap::new(),
            order: 0,
        }
    }

    /// From here on, rules that name `name` mean this machine.
    pub(crate) fn name(&mut self, machine: Machine, name: String) {
        self.names.insert(machine, name);
    }

    /// Decides a packet's fate, and changes its bytes if that is it. It is to be sent now so often as returned; the
    /// event, if any, is for the trace.
    pub(crate) fn pass(
        &mut self,
        now: Instant,
        from: Machine,
        transmit: &Transmit,
        bytes: &mut [u8],
    ) -> (u32, Option<Event>) {
        let kind = transmit.packet.header.kind.packet_type();
        let to = transmit.path.remote;
        let treatment = self.injector.judge(kind, self.names.get(&to).map(String::as_str));
        treatment.corrupt(bytes);
        let mut copies = treatment.copies;
        for copy in 0..treatment.copies {
            let last = copy + 1 == treatment.copies;
            let late = treatment.delay + if last { treatment.hold } else { std::time::Duration::ZERO };
            if !late.is_zero() {
                copies -= 1;
                self.order += 1;
                let local = transmit.path.local;
                let held =
                    Held { due: now + late, order: self.order, bytes: bytes.to_vec(), to, from: local };
                self.held.push(Reverse(held));
            }
        }
        let event = treatment.verdict.map(|(verdict, rule)| {
            let number = transmit.packet.header.number;
            let what = What::Network { from, to, number, kind, verdict, rule };
            Event { number: 0, cause: None, at: now, what }
        });
        (copies, event)
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
