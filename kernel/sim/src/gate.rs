//! The gate of a world: entering the kernel, and suspending the coroutine that must wait.
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use corosensei::Yielder;
use sendrec_core::{Entry, WaitToken};
use sendrec_trap::{
    Deliver, Down, From, Instant, LocalId, Machine, Options, Outcome, Slot, SpawnError, SpawnOptions,
    Syscall, Trap,
};

use crate::world::{Inner, MachineId, Waiter};

/// What a coroutine waits for when it is suspended.
pub(crate) struct Suspended {
    pub(crate) deadline: Option<Instant>,
}

/// A process's way into the kernel of its machine. Lent to its body by [`crate::World::spawn`].
pub struct Gate<'y> {
    pub(crate) inner: Rc<RefCell<Inner>>,
    pub(crate) machine: MachineId,
    /// Which coroutine this is.
    pub(crate) body: usize,
    pub(crate) yielder: &'y Yielder<(), Suspended>,
}

impl std::fmt::Debug for Gate<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Gate({:?})", self.machine)
    }
}

impl Gate<'_> {
    /// Waits until somebody ends the wait or its deadline has passed, then takes what came of it.
    fn suspend(&self, token: WaitToken, deadline: Option<Instant>) -> Outcome {
        loop {
            self.yielder.suspend(Suspended { deadline });
            let mut inner = self.inner.borrow_mut();
            if let Some(outcome) = inner.claim(self.machine, token) {
                return outcome;
            }
            if deadline.is_some_and(|deadline| inner.now() >= deadline)
                && let Some(outcome) = inner.cancel(self.machine, token)
            {
                return outcome;
            }
        }
    }

    /// Lets so much virtual time pass.
    pub fn sleep(&self, span: std::time::Duration) {
        let deadline = self.now() + span;
        while self.now() < deadline {
            self.yielder.suspend(Suspended { deadline: Some(deadline) });
        }
    }
}

impl Trap for Gate<'_> {
    fn now(&self) -> Instant {
        self.inner.borrow().now()
    }

    fn machine(&self) -> Machine {
        self.inner.borrow().machine(self.machine)
    }

    fn options(&self) -> Options {
        self.inner.borrow().config(self.machine).options
    }

    fn message_bytes_max(&self) -> usize {
        self.inner.borrow().config(self.machine).message_bytes_max()
    }

    fn spawn(&self, options: SpawnOptions) -> Result<LocalId, SpawnError> {
        self.inner.borrow_mut().spawn_process(self.machine, options)
    }

    fn exit(&self, process: LocalId) {
        self.inner.borrow_mut().exit(self.machine, process);
    }

    fn enter(&self, process: LocalId, call: Syscall, deadline: Option<Instant>) -> Outcome {
        let entry = self.inner.borrow_mut().trap(self.machine, process, call);
        match entry {
            Entry::Done(outcome) => outcome,
            Entry::Wait(token) => {
                self.inner.borrow_mut().await_token(self.machine, token, Waiter::Body(self.body));
                self.suspend(token, deadline)
            }
        }
    }

    fn submit(&self, process: LocalId, call: Syscall) -> Arc<Slot> {
        let down = Down::of(&call);
        let mut inner = self.inner.borrow_mut();
        match inner.trap(self.machine, process, call) {
            Entry::Done(outcome) => Slot::filled(outcome),
            Entry::Wait(token) => {
                let slot = Slot::new(None, down);
                inner.await_token(self.machine, token, Waiter::Slot(slot.clone(), self.body));
                slot
            }
        }
    }

    fn subscribe(&self, process: LocalId, from: From, deliver: Deliver) {
        self.inner.borrow_mut().subscribe(self.machine, process, from, deliver);
    }

    fn cancel(&self, slot: &Arc<Slot>) {
        self.inner.borrow_mut().cancel_slot(slot);
    }

    fn wait(&self, slot: &Arc<Slot>, deadline: Option<Instant>) -> bool {
        while !slot.is_full() && deadline.is_none_or(|deadline| self.now() < deadline) {
            self.yielder.suspend(Suspended { deadline });
        }
        slot.is_full()
    }
}
