//! What the paths to other machines carry: how long a packet may be that no router cuts up.
//!
//! Datagrams are not cut up on their way, so one that is too long for a link is lost. The system is asked, which knows its own links and remembers what routers have told it; no packet is sent for it.
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use sendrec_core::wire::HEADER_BYTES;
use sendrec_core::{Machine, Syscall, Target};

use crate::socket::path_bytes;

/// A packet that every path carries: what IPv6 asks of any link, less its headers.
const ANY_PATH_BYTES: usize = 1_280 - 48;
/// After so long the system is asked again.
const KNOWN_FOR: Duration = Duration::from_secs(60);
/// Machines of which it is remembered.
const KNOWN_MAX: usize = 4_096;

pub(crate) struct Paths {
    /// What fits into a packet that every path carries, bytes.
    short: usize,
    known: Mutex<BTreeMap<Machine, Instant>>,
}

impl Paths {
    pub(crate) fn new(packet_bytes: usize) -> Self {
        Self { short: packet_bytes.min(ANY_PATH_BYTES).saturating_sub(HEADER_BYTES), known: Mutex::default() }
    }

    /// Whether the call's message is longer than what every path carries in one packet.
    #[inline]
    pub(crate) fn is_long(&self, call: &Syscall) -> bool {
        match call {
            Syscall::Send { message, .. }
            | Syscall::Call { message, .. }
            | Syscall::Forward { message, .. }
            | Syscall::Reply { message, .. } => message.len() > self.short,
            _ => false,
        }
    }

    /// The machine that a long message is about to go to, and what its path carries, if that is not known yet.
    pub(crate) fn learn(&self, call: &Syscall, own: Machine) -> Option<(Machine, usize)> {
        let machine = match call {
            Syscall::Send { to: Target::Place(to), .. }
            | Syscall::Call { to: Target::Place(to), .. }
            | Syscall::Forward { to, .. } => to.machine,
            Syscall::Reply { source, .. } => source.address().machine,
            _ => return None,
        };
        if machine == own {
            return None;
        }
        {
            let mut known = self.known.lock();
            if known.get(&machine).is_some_and(|since| since.elapsed() < KNOWN_FOR) {
                return None;
            }
            if known.len() >= KNOWN_MAX {
                known.clear();
            }
            known.insert(machine, Instant::now());
        }
        match path_bytes(machine) {
            Ok(bytes) => Some((machine, bytes)),
            Err(error) => {
                log::debug!("the system does not tell what the path to {machine} carries: {error}");
                None
            }
        }
    }
}
