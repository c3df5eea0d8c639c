//! The network of a world: who gets which datagram when.
use std::cmp::Reverse;
use std::collections::BinaryHeap;

use sendrec_core::{Instant, Machine};

/// A datagram on its way.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Flight {
    pub(crate) due: Instant,
    /// Breaks ties in the order of sending.
    order: u64,
    pub(crate) from: Machine,
    pub(crate) to: Machine,
    pub(crate) bytes: Vec<u8>,
}

/// All datagrams on their way.
#[derive(Debug, Default)]
pub(crate) struct Fabric {
    flights: BinaryHeap<Reverse<Flight>>,
    launched: u64,
}

impl Fabric {
    pub(crate) fn launch(&mut self, due: Instant, from: Machine, to: Machine, bytes: Vec<u8>) {
        self.launched += 1;
        self.flights.push(Reverse(Flight { due, order: self.launched, from, to, bytes }));
    }

    /// When the next one arrives.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.flights.peek().map(|flight| flight.0.due)
    }

    pub(crate) fn land(&mut self, now: Instant) -> Option<Flight> {
        if self.next()? > now {
            return None;
        }
        self.flights.pop().map(|flight| flight.0)
    }
}
