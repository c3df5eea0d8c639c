//! What leaves a node: packets that leave together in one call, pieces of long messages a portion at a time, and what the
//! fault shim makes of them.
//!
//! Deliberately not here: what is to leave. That is the kernel's business, and whatever is sent was handed out by it.
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::{Mutex, MutexGuard};
use sendrec_core::trace::Event;
use sendrec_core::trace::{Observer, Step};
use sendrec_core::wire::Transmit;
use sendrec_core::{Instant, Machine, Path, Syscall};

use crate::discovery::Caller;
use crate::parker::wake_poll;
use crate::paths::Paths;
use crate::scratch::Scratch;
use crate::shared::Shared;
use crate::shim::Shim;
use crate::socket::Socket;

/// Bytes of pieces that are sent before anything else is looked at.
pub(crate) const PORTION_BYTES: usize = 128 << 10;
/// So many portions are sent by a thread that has come for something else.
const PORTIONS_IN_PASSING: usize = 16;
/// So long a payload is sent from where it is, not copied behind its header first: of shorter ones the system gathers fewer
/// a microsecond than it copies.
const GATHER_BYTES_MIN: usize = 16 << 10;
/// Bytes of one call's datagrams: what the system takes as one.
const SEGMENTS_BYTES_MAX: usize = 65_000;

pub(crate) struct Outlet {
    pub(crate) socket: Socket,
    machine: Machine,
    shim: Option<Mutex<Shim>>,
    caller: Caller,
    paths: Option<Paths>,
    observer: Option<Observer>,
    /// Bytes of messages that were copied behind their headers, while somebody observes.
    copied: AtomicU64,
    /// Whether the kernel has pieces of long messages that may go now.
    output: AtomicBool,
    /// Held by the thread that sends them: one at a time, so that they leave in order.
    pumping: Mutex<()>,
}

impl Outlet {
    pub(crate) fn new(
        socket: Socket,
        machine: Machine,
        shim: Option<Shim>,
        caller: Caller,
        paths: Option<Paths>,
        observer: Option<Observer>,
    ) -> Self {
        let (shim, output, pumping) = (shim.map(Mutex::new), AtomicBool::new(false), Mutex::new(()));
        let copied = AtomicU64::new(0);
        Self { socket, machine, shim, caller, paths, observer, copied, output, pumping }
    }

    pub(crate) fn has_output(&self) -> bool {
        self.output.load(Ordering::SeqCst)
    }

    /// Told under the kernel's lock, so that the last one told is the last one known.
    pub(crate) fn set_output(&self, output: bool) {
        if self.output.load(Ordering::Relaxed) != output {
            self.output.store(output, Ordering::SeqCst);
        }
    }

    /// The right to send pieces; whoever wants it meanwhile looks again when it is dropped.
    pub(crate) fn turn_to_pump(&self) -> Option<MutexGuard<'_, ()>> {
        self.pumping.try_lock()
    }

    /// What fault rules call a machine from here on.
    pub(crate) fn name(&self, machine: Machine, name: String) {
        if let Some(shim) = &self.shim {
            shim.lock().name(machine, name);
        }
    }

    /// When the next packet that was held back is to go.
    pub(crate) fn next_held(&self) -> Option<Instant> {
        self.shim.as_ref().and_then(|shim| shim.lock().next())
    }

    /// Sends the packets whose time has come.
    pub(crate) fn release_held(&self, now: Instant) {
        let Some(shim) = &self.shim else { return };
        loop {
            let Some((path, bytes)) = shim.lock().release(now) else { break };
            self.send(path, &bytes);
        }
    }

    /// Sends packets in their order; what befalls them by the shim is recorded.
    pub(crate) fn send_all(
        &self,
        now: Instant,
        transmits: &[Transmit],
        buffer: &mut [u8],
        record: impl Fn(&Event),
    ) {
        match &self.shim {
            None => self.send_together(transmits, buffer),
            Some(shim) => self.send_through(shim, now, transmits, buffer, record),
        }
    }

    #[cold]
    fn send_through(
        &self,
        shim: &Mutex<Shim>,
        now: Instant,
        transmits: &[Transmit],
        buffer: &mut [u8],
        record: impl Fn(&Event),
    ) {
        for transmit in transmits {
            let Some(length) = transmit.packet.write(buffer) else { continue };
            let bytes = &mut buffer[..length];
            let (copies, event) = shim.lock().pass(now, self.machine, transmit, bytes);
            if let Some(event) = event {
                record(&event);
            }
            for _ in 0..copies {
                self.send(transmit.path, bytes);
            }
        }
    }

    /// Packets of equal size to one machine in one call, a shorter one at their end.
    fn send_together(&self, transmits: &[Transmit], buffer: &mut [u8]) {
        match transmits {
            [one] if one.packet.payload.len() < GATHER_BYTES_MIN => self.send_one(one, buffer),
            _ => self.send_several(transmits, buffer),
        }
    }

    fn send_one(&self, transmit: &Transmit, buffer: &mut [u8]) {
        let Some(length) = transmit.packet.write(buffer) else { return };
        self.step(Step::Copied);
        self.count_copied(transmit);
        self.send(transmit.path, &buffer[..length]);
        self.step(Step::Transmitted);
    }

    #[inline(never)]
    fn send_several(&self, transmits: &[Transmit], buffer: &mut [u8]) {
        let segments_max = self.socket.segments_max();
        let mut rest = transmits.iter();
        while let Some(first) = rest.next() {
            if first.packet.payload.len() >= GATHER_BYTES_MIN && self.send_gathered(first, buffer) {
                self.step(Step::Transmitted);
                continue;
            }
            let Some(segment) = first.packet.write(buffer) else { continue };
            self.step(Step::Copied);
            self.count_copied(first);
            if first.path.remote.is_everyone() {
                self.send(first.path, &buffer[..segment]);
                continue;
            }
            let (mut length, mut count) = (segment, 1);
            while count < segments_max
                && let Some(next) = rest.as_slice().first()
                && next.path == first.path
                && next.packet.wire_bytes() <= segment
                && length + segment <= SEGMENTS_BYTES_MAX
                && let Some(written) = next.packet.write(&mut buffer[length..])
            {
                self.count_copied(next);
                rest.next();
                length += written;
                count += 1;
                if written < segment {
                    break;
                }
            }
            self.socket.send_segments(first.path, &buffer[..length], segment);
            self.step(Step::Transmitted);
        }
    }

    /// Sends a packet whose payload stays where it is. False if that cannot be done.
    #[inline(never)]
    fn send_gathered(&self, transmit: &Transmit, buffer: &mut [u8]) -> bool {
        let Transmit { path, packet } = transmit;
        packet
            .write_head(buffer)
            .is_some_and(|length| self.socket.send_gathered(*path, &buffer[..length], &packet.payload))
    }

    fn count_copied(&self, transmit: &Transmit) {
        if self.observer.is_some() {
            std::hint::cold_path();
            self.copied.fetch_add(transmit.packet.payload.len() as u64, Ordering::Relaxed);
        }
    }

    /// Bytes of messages that were copied behind their headers; counted while somebody observes.
    pub(crate) fn copied(&self) -> u64 {
        self.copied.load(Ordering::Relaxed)
    }

    fn step(&self, step: Step) {
        if let Some(observer) = self.observer {
            std::hint::cold_path();
            observer(step);
        }
    }

    /// Sends a packet to its machine, or to everyone.
    fn send(&self, path: Path, bytes: &[u8]) {
        if path.remote.is_everyone() {
            self.caller.call(&self.socket, self.machine, bytes);
        } else {
            self.socket.send(path, bytes);
        }
    }
}

impl Shared {
    /// Sends pieces of long messages while there are any that may go, but no more than so many portions. False if it has
    /// sent none: there are none, or another thread sends them.
    #[inline]
    pub(crate) fn pump(&self, portions: usize) -> bool {
        self.outlet.has_output() && self.pump_some(portions)
    }

    #[inline(never)]
    fn pump_some(&self, portions: usize) -> bool {
        let mut sent = 0;
        while self.outlet.has_output() && sent < portions {
            let Some(_turn) = self.outlet.turn_to_pump() else { break };
            while self.outlet.has_output() && sent < portions {
                sent += 1;
                let now = self.now();
                let mut visit = match self.visit_at(now, Scratch::take()) {
                    Ok(visit) => visit,
                    Err(scratch) => {
                        scratch.give_back();
                        return false;
                    }
                };
                visit.inner.kernel.transmit(now, PORTION_BYTES, &mut visit.scratch.out);
                let mut scratch = visit.release();
                self.flush(now, &mut scratch);
                scratch.give_back();
            }
        }
        sent > 0
    }

    /// As [`Shared::pump`], by a thread that has other things to do: what remains is for the leader, who looks at what has
    /// come between two portions, or for the keeper.
    #[inline]
    pub(crate) fn pump_in_passing(&self) {
        if self.pump(PORTIONS_IN_PASSING) && self.outlet.has_output() {
            wake_poll(&self.waker);
            self.keeper.rouse();
        }
    }

    /// Before a long message goes to a machine for the first time, what its path carries.
    pub(crate) fn learn_path(&self, call: &Syscall) {
        if let Some(paths) = &self.outlet.paths
            && paths.is_long(call)
        {
            self.learn_path_of_long(paths, call);
        }
    }

    #[inline(never)]
    fn learn_path_of_long(&self, paths: &Paths, call: &Syscall) {
        if let Some((machine, bytes)) = paths.learn(call, self.machine) {
            self.with_kernel(|inner, now, _| inner.kernel.set_packet_bytes(now, machine, bytes));
        }
    }
}
