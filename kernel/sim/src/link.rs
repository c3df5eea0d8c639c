//! Links: how long a packet takes, what finds no room, and what goes wrong.
use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use sendrec_core::Instant;
use sendrec_core::fault::{Faults, Span};

/// What the network between two machines is like, in one direction.
#[derive(Clone, Debug)]
pub struct Link {
    /// One way, for a packet of no length.
    pub latency: Duration,
    /// Each packet takes up to so much longer: the seed says. Packets may overtake each other by it.
    pub jitter: Duration,
    /// Bits per second: packets go one after the other. `None` is without bound.
    pub bandwidth: Option<u64>,
    /// How much may wait until the line is free, the packet that is going out not counted. `None` is without bound.
    /// It means something with a bandwidth alone.
    pub queue: Option<Queue>,
    /// Bytes of each packet that take no time on the line, its headers say: where a cost a byte is meant of data alone,
    /// and all else is in the cost of a message, which is latency. It means something with a bandwidth alone.
    pub free_bytes: usize,
    /// What the packets go over.
    pub medium: Medium,
    /// What goes wrong on it. Of the world's default link: what goes wrong in the world.
    pub faults: Faults,
}

/// Room for waiting packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queue {
    /// So many.
    Packets(usize),
    /// So many bytes of them.
    Bytes(usize),
}

impl fmt::Display for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Packets(packets) => write!(f, "queue={packets}"),
            Self::Bytes(bytes) => write!(f, "queue={bytes}B"),
        }
    }
}

/// What packets go over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Medium {
    /// A line for each pair of machines and each direction.
    #[default]
    Lines,
    /// The bus of this number: of all machines on it one sends at a time, and a broadcast is sent once.
    Bus(u32),
    /// Cells through the world's ATM switch, whose rates and queues count, not the link's: see [`crate::atm`].
    Atm,
}

impl Default for Link {
    fn default() -> Self {
        Self {
            latency: Duration::from_millis(1),
            jitter: Duration::ZERO,
            bandwidth: None,
            queue: None,
            free_bytes: 0,
            medium: Medium::Lines,
            faults: Faults::default(),
        }
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "latency={} jitter={}", Span(self.latency), Span(self.jitter))?;
        if let Some(bandwidth) = self.bandwidth {
            write!(f, " bandwidth={bandwidth}")?;
        }
        if let Some(queue) = self.queue {
            write!(f, " {queue}")?;
        }
        if self.free_bytes > 0 {
            write!(f, " free={}", self.free_bytes)?;
        }
        match self.medium {
            Medium::Lines => {}
            Medium::Bus(number) => write!(f, " bus={number}")?,
            Medium::Atm => f.write_str(" atm")?,
        }
        write!(f, " faults={}", self.faults)
    }
}

/// A line on which one packet goes after the other. Its arithmetic is exact: while the line is busy, the end of each
/// packet follows from the bits since it began to be, rounded up to the nanosecond once.
#[derive(Debug, Default)]
pub(crate) struct Line {
    busy_since: Instant,
    bits: u64,
    /// When the last packet is out.
    free_at: Instant,
    /// Packets that wait, when they begin to go out and their bytes.
    waiting: VecDeque<(Instant, usize)>,
    waiting_bytes: usize,
}

impl Line {
    /// A packet of so many bytes is to go now: when it will be out, or `None` if there is no room for it to wait.
    pub(crate) fn send(
        &mut self,
        now: Instant,
        bytes: usize,
        bandwidth: u64,
        queue: Option<Queue>,
    ) -> Option<Instant> {
        const NANOS: u128 = 1_000_000_000;
        while let Some((_, gone)) = self.waiting.pop_front_if(|(begins, _)| *begins <= now) {
            self.waiting_bytes -= gone;
        }
        if self.free_at <= now {
            (self.busy_since, self.bits) = (now, 0);
        } else {
            match queue {
                Some(Queue::Packets(most)) if self.waiting.len() >= most => return None,
                Some(Queue::Bytes(most)) if self.waiting_bytes + bytes > most => return None,
                _ => {}
            }
            self.waiting.push_back((self.free_at, bytes));
            self.waiting_bytes += bytes;
        }
        self.bits += bytes as u64 * 8;
        let nanos = (u128::from(self.bits) * NANOS).div_ceil(u128::from(bandwidth.max(1)));
        self.free_at = self.busy_since + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        Some(self.free_at)
    }
}
