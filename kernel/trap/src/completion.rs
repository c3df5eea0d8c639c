//! Completions: what came of a call that was not waited for (slide 17, the non-blocking primitives).
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use crossbeam_channel::Sender;
use parking_lot::Mutex;
use sendrec_core::Outcome;

use crate::error::Down;

/// A driver that can be made to look for what has come, when nobody waits in it.
pub trait Drive: Send + Sync {
    /// Handles what is there to be handled, without blocking; false if somebody else is at it.
    fn drive(&self) -> bool;
    /// Somebody wants to be woken and will not call again: go on by yourself.
    fn engage(&self);
}

/// Where a driver puts what came of a call.
pub struct Slot {
    state: Mutex<State>,
    /// Whether it was filled; told under the lock, and looked at without.
    full: AtomicBool,
    drive: Option<Arc<dyn Drive>>,
    down: Down,
}

#[derive(Default)]
struct State {
    outcome: Option<Outcome>,
    interrupt: Option<Interrupt>,
}

/// What is to be done when a slot is filled, once no lock is held.
#[must_use = "whoever waits is told by `run`"]
pub struct Interrupt(Kind);

enum Kind {
    Wake(Waker),
    /// The slot's outcome is handed to this.
    Deliver(Box<dyn FnOnce(Outcome) + Send>, Option<Outcome>),
}

impl Interrupt {
    /// Does it.
    pub fn run(self) {
        match self.0 {
            Kind::Wake(waker) => waker.wake(),
            Kind::Deliver(deliver, Some(outcome)) => deliver(outcome),
            Kind::Deliver(_, None) => {}
        }
    }
}

impl Slot {
    /// An empty slot for a call of kind `down`. With `drive`, testing it makes that driver look first.
    pub fn new(drive: Option<Arc<dyn Drive>>, down: Down) -> Arc<Self> {
        Arc::new(Self { state: Mutex::default(), full: AtomicBool::new(false), drive, down })
    }

    /// A slot that was full from the start.
    pub fn filled(outcome: Outcome) -> Arc<Self> {
        let state = Mutex::new(State { outcome: Some(outcome), interrupt: None });
        Arc::new(Self { state, full: AtomicBool::new(true), drive: None, down: Down::Request })
    }

    /// Fills it; returns what is to be run once no lock is held.
    pub fn fill(&self, outcome: Outcome) -> Option<Interrupt> {
        self.fill_locked(&mut self.state.lock(), outcome)
    }

    fn fill_locked(&self, state: &mut State, outcome: Outcome) -> Option<Interrupt> {
        self.full.store(true, Ordering::Release);
        match state.interrupt.take() {
            Some(Interrupt(Kind::Deliver(deliver, _))) => {
                Some(Interrupt(Kind::Deliver(deliver, Some(outcome))))
            }
            interrupt => {
                state.outcome = Some(outcome);
                interrupt
            }
        }
    }

    /// From here on the outcome goes to `deliver`, at once if it is there.
    pub fn deliver_to(&self, deliver: Box<dyn FnOnce(Outcome) + Send>) {
        let mut state = self.state.lock();
        match state.outcome.take() {
            Some(outcome) => {
                drop(state);
                deliver(outcome);
            }
            None => state.interrupt = Some(Interrupt(Kind::Deliver(deliver, None))),
        }
    }

    /// Fills it, if nothing has, with what its call ends with on a kernel that is shut down.
    pub fn break_down(&self) -> Option<Interrupt> {
        let mut state = self.state.lock();
        if self.is_full() {
            return None;
        }
        self.fill_locked(&mut state, self.down.outcome())
    }

    /// Whether it was filled.
    pub fn is_full(&self) -> bool {
        self.full.load(Ordering::Acquire)
    }

    /// Registers whom to wake; true if there is no need to wait, since it is full.
    pub fn register(&self, waker: &Waker) -> bool {
        let mut state = self.state.lock();
        let is_full = self.is_full();
        if !is_full {
            state.interrupt = Some(Interrupt(Kind::Wake(waker.clone())));
        }
        is_full
    }

    fn take(&self) -> Option<Outcome> {
        self.state.lock().outcome.take()
    }
}

impl std::fmt::Debug for Slot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Slot({})", if self.is_full() { "full" } else { "empty" })
    }
}

/// The result of a call that goes on by itself. Test it, wait for it with [`crate::Process::wait`], or `.await` it
/// with any executor. Dropped, the call goes on and its result is lost;
/// [`crate::Process::cancel`] takes it back.
#[must_use = "a completion says when the buffer is free and whether the call succeeded"]
pub struct Completion<R> {
    slot: Arc<Slot>,
    read: fn(Outcome) -> R,
}

impl<R> Completion<R> {
    pub(crate) const fn new(slot: Arc<Slot>, read: fn(Outcome) -> R) -> Self {
        Self { slot, read }
    }

    pub(crate) const fn slot(&self) -> &Arc<Slot> {
        &self.slot
    }

    /// Whether the result has come, and was not handed out yet. Only looks; [`Completion::test`] also drives.
    pub fn is_done(&self) -> bool {
        self.slot.is_full()
    }

    /// The result, if it has come (slide 17, `test`); else the completion, to be tested again.
    pub fn test(self) -> Result<R, Self> {
        if !self.slot.is_full()
            && let Some(drive) = &self.slot.drive
            && !drive.drive()
        {
            drive.engage();
        }
        if !self.slot.is_full() {
            return Err(self);
        }
        match self.slot.take() {
            Some(outcome) => Ok((self.read)(outcome)),
            None => Err(self),
        }
    }
}

impl<R: Send + 'static> Completion<R> {
    /// Interrupts (slide 17): when the result has come it is sent into the channel, whose other end a thread of the
    /// caller's choice reads. Nobody needs to test or wait.
    pub fn on_done(self, done: Sender<R>) {
        let read = self.read;
        self.slot.deliver_to(Box::new(move |outcome| {
            // Nobody reads the channel any more: then nobody wants to know.
            let _ = done.send(read(outcome));
        }));
        if let Some(drive) = &self.slot.drive {
            drive.engage();
        }
    }
}

impl<R> Future for Completion<R> {
    type Output = R;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<R> {
        if !self.slot.is_full()
            && let Some(drive) = &self.slot.drive
        {
            drive.drive();
        }
        if !self.slot.register(context.waker()) {
            if let Some(drive) = &self.slot.drive {
                drive.engage();
            }
            return Poll::Pending;
        }
        match self.slot.take() {
            Some(outcome) => Poll::Ready((self.read)(outcome)),
            // Polled again after it was ready, which futures need not answer.
            None => Poll::Pending,
        }
    }
}

impl<R> std::fmt::Debug for Completion<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Completion({:?})", self.slot)
    }
}
