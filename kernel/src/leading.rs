//! What the thread does that leads: it receives, lets the kernel do what is due, looks for a while, and sleeps in the poll.
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use mio::{Events, Poll};
use sendrec_core::{Instant, Outcome, WaitToken};
use sendrec_trap::Step;

use crate::outlet::PORTION_BYTES;
use crate::parker::{Parker, wake_poll};
use crate::patience::Looking;
use crate::scratch::Scratch;
use crate::shared::Shared;
use crate::socket::Batch;
use crate::visit::Visit;

/// After so many receives without a sleep the socket is taken out of the poll.
pub(crate) const DEREGISTERED: u32 = 64;

/// More datagrams than this in one receive take longer than it takes to read the clock again.
const BATCH: usize = 8;

/// What the leader sleeps with. The socket is registered only while the node does sleep: a registered one costs a
/// wake-up's work with every datagram, a tenth of a call, though nobody sleeps in the poll.
pub(crate) struct Sleep {
    pub(crate) poll: Poll,
    pub(crate) events: Events,
}

/// How leading ended.
pub(crate) enum Led {
    /// The token that was led for was claimed, and what it brought is where it was to be put.
    Claimed,
    /// The thread was told that its wait is over.
    Told,
    /// The deadline has passed.
    TimedOut,
    /// The node is down.
    Down,
}

impl Shared {
    /// Lets the kernel and the shim do what is due. True if there was anything.
    fn tick_if_due(&self, now: Instant) -> bool {
        if self.next_deadline() > now.as_nanos() {
            return false;
        }
        self.outlet.release_held(now);
        self.with_kernel(|inner, now, scratch| inner.kernel.tick(now, &mut scratch.out));
        true
    }

    /// Takes one receive's worth from the socket into the kernel, and a portion of the pieces that may go then: an
    /// acknowledgement and what it lets go on its way under one lock. What `token` brought, if it is ready now, is put into
    /// `claimed`. `at` is the time, if the clock was read just now. False if there was nothing.
    fn receive(&self, token: Option<WaitToken>, claimed: &mut Option<Outcome>, at: Option<Instant>) -> bool {
        let mut scratch = Scratch::take();
        let mut buffer = std::mem::take(&mut scratch.buffer);
        let Some(Batch { path, length, stride }) = self.outlet.socket.receive(&mut buffer) else {
            scratch.buffer = buffer;
            scratch.give_back();
            return false;
        };
        self.step(Step::Interrupted);
        let now = at.unwrap_or_else(|| self.now());
        self.count_receive();
        // An empty datagram is one too, though no chunk.
        let empty = (length == 0).then_some(&[][..]);
        let datagrams = buffer[..length].chunks(stride).chain(empty).map(|bytes| (path, bytes));
        let mut turn = None;
        let mut visit = match self.visit_at(now, scratch) {
            Ok(visit) => visit,
            Err(mut scratch) => {
                scratch.buffer = buffer;
                scratch.give_back();
                return false;
            }
        };
        let Visit { inner, scratch, .. } = &mut visit;
        inner.kernel.datagrams(now, datagrams, &mut scratch.out);
        if inner.kernel.next_output().is_some_and(|at| at <= now) {
            turn = self.outlet.turn_to_pump();
            if turn.is_some() {
                inner.kernel.transmit(now, PORTION_BYTES, &mut scratch.out);
            }
        }
        if let Some(token) = token
            && inner.kernel.is_ready(token)
        {
            scratch.out.wakes.retain(|wake| wake.token != token);
            *claimed = inner.claim(token);
        }
        let mut scratch = visit.release();
        scratch.buffer = buffer;
        if length > BATCH * stride {
            // So many take a while, and what follows them is brisk all the same.
            self.last_input.store(self.now().as_nanos(), Ordering::Relaxed);
        }
        if !scratch.out.transmits.is_empty() {
            self.coalescing.release(&mut scratch.out.transmits);
        }
        self.flush(now, &mut scratch);
        scratch.give_back();
        drop(turn);
        if claimed.is_some() {
            // Its thread leads no longer.
            self.pump_in_passing();
        }
        true
    }

    /// Handles what is there, without blocking. The caller has the lead.
    pub(crate) fn drain(&self) {
        const DATAGRAMS_MAX: usize = 1_024;
        for _ in 0..DATAGRAMS_MAX {
            if self.is_down() || !self.receive(None, &mut None, None) {
                break;
            }
        }
        self.tick_if_due(self.now());
        self.pump_in_passing();
    }

    /// Leads until the thread's own wait is over; what `token` brought is put into `claimed`. The caller has the lead, and
    /// passes it on afterwards.
    pub(crate) fn lead_until(
        &self,
        token: Option<WaitToken>,
        deadline: Option<Instant>,
        parker: &Arc<Parker>,
        claimed: &mut Option<Outcome>,
    ) -> Led {
        let mut looking = Looking::new();
        let mut is_first = true;
        // When the look before was over: the clock is read once for each.
        let mut at = None;
        loop {
            if self.is_down() {
                return Led::Down;
            }
            if parker.is_ready() {
                return Led::Told;
            }
            // A new leader receives before it polls: mio tells of arrivals, not of what is there.
            let received = self.receive(token, claimed, at);
            if std::mem::take(&mut is_first) {
                self.is_backlogged.store(received, Ordering::Relaxed);
            }
            if received {
                self.take_backlog();
                if claimed.is_some() {
                    return Led::Claimed;
                }
                looking.restart();
                at = None;
                continue;
            }
            self.release();
            let now = at.take().unwrap_or_else(|| self.now());
            if deadline.is_some_and(|deadline| now >= deadline) {
                return Led::TimedOut;
            }
            if self.tick_if_due(now) || self.pump(1) {
                continue;
            }
            if parker.glance(|parker| parker.is_ready()) {
                continue;
            }
            at = self.patience.look_again(&mut looking, now, || self.now());
            if at.is_none() {
                self.sleep_in_poll(deadline, Some(parker));
                self.patience.slept(&looking, self.now());
            }
        }
    }

    /// Where datagrams come faster than they are waited for, takes all that are there: what answers them leaves together.
    fn take_backlog(&self) {
        const DATAGRAMS_MAX: usize = 64;
        if self.is_backlogged.load(Ordering::Relaxed) {
            for _ in 0..DATAGRAMS_MAX {
                if !self.receive(None, &mut None, None) {
                    break;
                }
            }
        }
    }

    /// Sleeps until a datagram comes, a tick is due, the deadline has passed or the poll's waker is used.
    pub(crate) fn sleep_in_poll(&self, deadline: Option<Instant>, parker: Option<&Arc<Parker>>) {
        if parker.is_some_and(|parker| !parker.begin_poll()) {
            return;
        }
        let until = self.next_deadline().min(deadline.map_or(u64::MAX, Instant::as_nanos));
        self.sleeps_until.store(until, Ordering::SeqCst);
        // A tick that was asked for before the line above was read by nobody is seen here.
        let until = self.next_deadline().min(until);
        let now = self.now().as_nanos();
        let timeout = (until != u64::MAX).then(|| Duration::from_nanos(until.saturating_sub(now)));
        if timeout != Some(Duration::ZERO)
            && !self.is_down()
            && !self.coalescing.is_waiting()
            && let Err(error) = self.poll_socket(timeout)
            && error.kind() != io::ErrorKind::Interrupted
        {
            log::error!("{}: the poll failed: {error}", self.machine);
        }
        self.sleeps_until.store(0, Ordering::SeqCst);
        if let Some(parker) = parker {
            parker.end_poll();
        }
    }

    fn poll_socket(&self, timeout: Option<Duration>) -> io::Result<()> {
        let Sleep { poll, events } = &mut *self.poll.lock();
        if self.receives_since_sleep.load(Ordering::Relaxed) >= DEREGISTERED {
            self.outlet.socket.register(poll.registry())?;
        }
        self.receives_since_sleep.store(0, Ordering::Relaxed);
        poll.poll(events, timeout)
    }

    /// Something was received without a sleep before it.
    fn count_receive(&self) {
        let count = self.receives_since_sleep.load(Ordering::Relaxed);
        if count < DEREGISTERED {
            std::hint::cold_path();
            self.receives_since_sleep.store(count + 1, Ordering::Relaxed);
            if count + 1 == DEREGISTERED
                && let Err(error) = self.outlet.socket.deregister(self.poll.lock().poll.registry())
            {
                log::error!("{}: the poll cannot be left: {error}", self.machine);
            }
        }
    }

    /// Passes the lead on, or leaves it to the keeper.
    pub(crate) fn pass_lead(&self) {
        match self.lead.pass_on() {
            Some(next) => {
                if next.tell_lead() {
                    wake_poll(&self.waker);
                }
            }
            None => self.keeper.rouse(),
        }
    }
}
