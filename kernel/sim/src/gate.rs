//! The gate of a world: entering the kernel, and suspending the coroutine that must wait.
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use corosensei::Yielder;
use sendrec_core::{Entry, WaitToken};
use sendrec_trap::{
    Address, Bytes, Deliver, Down, From, Instant, LocalId, Machine, Options, Outcome, Slot, SpawnError,
    SpawnOptions, Step, Syscall, Trap,
};

use crate::inner::Inner;
use crate::machine::{MachineId, Waiter};
use crate::threads::{Life, Suspended};

/// A process's way into the kernel of its machine. Lent to its body by [`crate::World::spawn`].
///
/// When its machine has crashed or it was killed, a process never comes back from its call. The values it holds are
/// dropped, and what they ask of the gate meanwhile is answered as by a kernel that is down.
pub struct Gate<'y> {
    pub(crate) inner: Rc<RefCell<Inner>>,
    pub(crate) machine: usize,
    /// Which coroutine this is.
    pub(crate) thread: u32,
    pub(crate) yielder: &'y Yielder<(), Suspended>,
}

impl std::fmt::Debug for Gate<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Gate({})", self.machine)
    }
}

impl Gate<'_> {
    /// Puts something into the kernel; `None` if this process is being dropped. Does not return if it has died of it.
    fn with_inner<R>(&self, input: impl FnOnce(&mut Inner) -> Option<R>) -> Option<R> {
        let mut inner = self.inner.borrow_mut();
        if inner.threads.life(self.thread) == Life::Dead {
            return None;
        }
        let result = input(&mut inner);
        let dies = inner.threads.life(self.thread) == Life::Doomed;
        drop(inner);
        if dies {
            self.yielder.suspend(Suspended::Dying);
            return None;
        }
        result
    }

    /// Waits until somebody ends the wait or its deadline has passed, then takes what came of it.
    fn suspend(&self, token: WaitToken, deadline: Option<Instant>, down: Down) -> Outcome {
        loop {
            self.yielder.suspend(Suspended::Until(deadline));
            let machine = self.machine;
            let outcome = self.with_inner(|inner| match inner.claim(machine, token) {
                None if deadline.is_some_and(|deadline| inner.own_now(machine) >= deadline) => {
                    inner.cancel(machine, token)
                }
                claimed => claimed,
            });
            if let Some(outcome) = outcome {
                return outcome;
            }
            if self.is_dead() {
                return down.outcome();
            }
        }
    }

    fn is_dead(&self) -> bool {
        self.inner.borrow().threads.life(self.thread) == Life::Dead
    }

    /// Which machine of the world this is.
    pub const fn machine_id(&self) -> MachineId {
        MachineId(self.machine)
    }

    /// Writes over memory that `process` has lent to the kernel, as a careless program in another language may: what it
    /// sends from here on is `after` where it would have been `before`. Both have the same length, or nothing happens
    /// and this is false.
    pub fn scribble(&self, process: LocalId, before: &[u8], after: &[u8]) -> bool {
        if before.len() != after.len() {
            return false;
        }
        let scribble = (process, Bytes::copy_from_slice(before), Bytes::copy_from_slice(after));
        self.inner.borrow_mut().machines[self.machine].scribbles.push(scribble);
        true
    }

    /// Lets so much time pass, by the machine's clock.
    pub fn sleep(&self, span: std::time::Duration) {
        let deadline = self.now() + span;
        while self.now() < deadline && !self.is_dead() {
            self.yielder.suspend(Suspended::Until(Some(deadline)));
        }
    }
}

impl Trap for Gate<'_> {
    fn now(&self) -> Instant {
        self.inner.borrow().own_now(self.machine)
    }

    fn machine(&self) -> Machine {
        self.inner.borrow().machines[self.machine].address
    }

    fn options(&self) -> Options {
        self.inner.borrow().machines[self.machine].config.options
    }

    fn message_bytes_max(&self) -> usize {
        self.inner.borrow().machines[self.machine].config.message_bytes_max()
    }

    fn spawn(&self, options: SpawnOptions) -> Result<LocalId, SpawnError> {
        let made = self.with_inner(|inner| inner.spawn_process(self.machine, options));
        made.unwrap_or(Err(SpawnError::Down))
    }

    fn exit(&self, process: LocalId) {
        let mut inner = self.inner.borrow_mut();
        if inner.threads.life(self.thread) == Life::Alive {
            inner.exit(self.machine, process);
        }
    }

    fn enter(&self, process: LocalId, call: Syscall, deadline: Option<Instant>) -> Outcome {
        let down = Down::of(&call);
        let entered = self.with_inner(|inner| {
            let entry = inner.trap(self.machine, process, call)?;
            if let Entry::Wait(token) = entry {
                inner.machines[self.machine].register(token, Waiter::Thread(self.thread));
            }
            Some(entry)
        });
        match entered {
            Some(Entry::Done(outcome)) => outcome,
            Some(Entry::Wait(token)) => self.suspend(token, deadline, down),
            None => down.outcome(),
        }
    }

    fn orphan(&self, process: LocalId, client: Address) {
        self.with_inner(|inner| {
            inner.orphaned(self.machine, process, client);
            Some(())
        });
    }

    fn step(&self, process: LocalId, step: Step) {
        self.with_inner(|inner| {
            inner.stepped(self.machine, process, step);
            Some(())
        });
    }

    fn submit(&self, process: LocalId, call: Syscall) -> Arc<Slot> {
        let down = Down::of(&call);
        let submitted = self.with_inner(|inner| {
            Some(match inner.trap(self.machine, process, call)? {
                Entry::Done(outcome) => Slot::filled(outcome),
                Entry::Wait(token) => {
                    let slot = Slot::new(None, down);
                    let waiter = Waiter::Slot(slot.clone(), self.thread);
                    inner.machines[self.machine].register(token, waiter);
                    slot
                }
            })
        });
        submitted.unwrap_or_else(|| Slot::filled(down.outcome()))
    }

    fn subscribe(&self, process: LocalId, from: From, deliver: Deliver) {
        self.with_inner(|inner| {
            inner.subscribe(self.machine, process, from, deliver);
            Some(())
        });
    }

    fn cancel(&self, slot: &Arc<Slot>) {
        let cancelled = self.with_inner(|inner| {
            inner.cancel_slot(self.machine, slot);
            Some(())
        });
        if cancelled.is_none() {
            drop(slot.break_down());
        }
    }

    fn wait(&self, slot: &Arc<Slot>, deadline: Option<Instant>) -> bool {
        while !slot.is_full() {
            if self.is_dead() {
                drop(slot.break_down());
                return true;
            }
            if deadline.is_some_and(|deadline| self.now() >= deadline) {
                return false;
            }
            self.yielder.suspend(Suspended::Until(deadline));
        }
        true
    }
}
