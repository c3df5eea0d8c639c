//! A thread in the kernel: what it puts in is put in under the lock, and what comes out is done when it has left.
use std::sync::atomic::Ordering;

use parking_lot::MutexGuard;
use sendrec_core::Instant;

use crate::parker::wake_poll;
use crate::scratch::Scratch;
use crate::shared::{Inner, Shared};

/// A thread in the kernel.
pub(crate) struct Visit<'a> {
    pub(crate) inner: MutexGuard<'a, Inner>,
    pub(crate) now: Instant,
    pub(crate) scratch: Box<Scratch>,
    /// Behind the lock: when it goes off, the lock has been released.
    bomb: Bomb<'a>,
}

impl Visit<'_> {
    /// Releases the lock, and does what came out: sends, and tells whose waits are over.
    pub(crate) fn end(self) {
        let shared = self.bomb.0;
        let now = self.now;
        let last = Instant::from_nanos(shared.last_input.load(Ordering::Relaxed));
        let mut scratch = self.release();
        shared.coalesce(now, last, &mut scratch);
        shared.flush(now, &mut scratch);
        scratch.give_back();
        shared.pump_in_passing();
    }

    /// Releases the lock; what came out is the caller's to do.
    #[inline]
    pub(crate) fn release(mut self) -> Box<Scratch> {
        let shared = self.bomb.0;
        let (deadline, is_new) = shared.conclude(&mut self.inner, self.now, &mut self.scratch);
        drop(self.inner);
        shared.last_input.store(self.now.as_nanos(), Ordering::Relaxed);
        // A leader that would sleep over it is woken.
        if is_new && deadline < shared.sleeps_until.load(Ordering::SeqCst) {
            wake_poll(&shared.waker);
        }
        self.scratch
    }
}

/// On a panic under the lock, breaks the node, so that nobody waits for ever.
struct Bomb<'a>(&'a Shared);

impl Drop for Bomb<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            log::error!("{}: a panic in the kernel; the node is down", self.0.machine);
            self.0.go_down();
        }
    }
}

impl Shared {
    /// Puts something into the kernel under the lock, and does what comes out once it is released. `None` if the
    /// node is down.
    pub(crate) fn with_kernel<R>(
        &self,
        input: impl FnOnce(&mut Inner, Instant, &mut Scratch) -> R,
    ) -> Option<R> {
        let mut visit = self.visit()?;
        let result = input(&mut visit.inner, visit.now, &mut visit.scratch);
        visit.end();
        Some(result)
    }

    /// Enters the kernel: what is put in is put in under the lock, and what comes out is done when the visit ends. `None` if
    /// the node is down.
    pub(crate) fn visit(&self) -> Option<Visit<'_>> {
        let scratch = Scratch::take();
        match self.visit_at(self.now(), scratch) {
            Ok(visit) => Some(visit),
            Err(scratch) => {
                scratch.give_back();
                self.tell_all();
                None
            }
        }
    }

    /// As [`Shared::visit`], with a scratch that is the caller's; it comes back if the node is down.
    #[inline]
    pub(crate) fn visit_at(&self, now: Instant, scratch: Box<Scratch>) -> Result<Visit<'_>, Box<Scratch>> {
        if self.is_down() {
            return Err(scratch);
        }
        let bomb = Bomb(self);
        let inner = self.inner.lock();
        if self.is_down() {
            drop(inner);
            return Err(scratch);
        }
        Ok(Visit { inner, now, scratch, bomb })
    }

    /// The end of a visit, still under the lock.
    fn conclude(&self, inner: &mut Inner, now: Instant, scratch: &mut Scratch) -> (u64, bool) {
        inner.settle(scratch);
        let mut deadline = inner.kernel.next_deadline().map_or(u64::MAX, Instant::as_nanos);
        // What may go now this thread sees to, or whoever does so already; what may go later wants a tick.
        let mut goes_now = false;
        if let Some(at) = inner.kernel.next_output() {
            goes_now = at <= now;
            deadline = deadline.min(if goes_now { u64::MAX } else { at.as_nanos() });
        }
        self.outlet.set_output(goes_now);
        // Under the lock, so that the last one stored is the last one known. One that stays is not stored again.
        let is_new = self.deadline.load(Ordering::Relaxed) != deadline;
        if is_new {
            self.deadline.store(deadline, Ordering::SeqCst);
        }
        (deadline, is_new)
    }
}
