//! The coroutines of a world: which there are, which could run, which are to be dropped.
use corosensei::Coroutine;
use corosensei::stack::DefaultStack;
use slab::Slab;

use sendrec_core::Instant;
use sendrec_core::rng::Rng;
use sendrec_trap::LocalId;

/// Why a coroutine is suspended.
pub(crate) enum Suspended {
    /// It waits, until this time by its machine's clock.
    Until(Option<Instant>),
    /// Its machine has crashed or it was killed: it never goes on.
    Dying,
}

pub(crate) type Body = Coroutine<(), Suspended, ()>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    Alive,
    /// It never goes on.
    Doomed,
    /// It is being dropped: what its values do at their end reaches no kernel.
    Dead,
}

pub(crate) struct Thread {
    pub(crate) machine: usize,
    pub(crate) process: LocalId,
    /// No other thread has had it.
    pub(crate) serial: u64,
    pub(crate) life: Life,
    /// `None` while it runs.
    pub(crate) body: Option<Body>,
    /// Whether it stands among the runnable, or the frozen of its machine.
    is_runnable: bool,
    /// In the world's time.
    pub(crate) deadline: Option<Instant>,
    /// When an entry of the agenda looks after the deadline.
    pub(crate) looked_after: Option<Instant>,
}

/// Stack of a process: only what is touched takes memory, so that a thousand are cheap.
const STACK_BYTES: usize = 256 << 10;
/// Stacks kept for processes to come.
const SPARE_STACKS_MAX: usize = 256;

#[derive(Default)]
pub(crate) struct Threads {
    pub(crate) all: Slab<Thread>,
    runnable: Vec<u32>,
    pub(crate) doomed: Vec<u32>,
    spare: Vec<DefaultStack>,
    last_serial: u64,
}

impl Threads {
    /// A place for a thread that is about to be made.
    pub(crate) fn reserve(&mut self, machine: usize, process: LocalId) -> u32 {
        self.last_serial += 1;
        self.all.insert(Thread {
            machine,
            process,
            serial: self.last_serial,
            life: Life::Alive,
            body: None,
            is_runnable: false,
            deadline: None,
            looked_after: None,
        }) as u32
    }

    pub(crate) fn stack(&mut self) -> DefaultStack {
        self.spare.pop().unwrap_or_else(|| {
            DefaultStack::new(STACK_BYTES)
                .unwrap_or_else(|error| panic!("no memory for one more process of the world: {error}"))
        })
    }

    pub(crate) fn life(&self, thread: u32) -> Life {
        self.all.get(thread as usize).map_or(Life::Dead, |thread| thread.life)
    }

    pub(crate) fn make_runnable(&mut self, thread: u32) {
        if let Some(state) = self.all.get_mut(thread as usize)
            && state.life == Life::Alive
            && !state.is_runnable
        {
            state.is_runnable = true;
            state.deadline = None;
            self.runnable.push(thread);
        }
    }

    /// Lets the frozen run again.
    pub(crate) fn thaw(&mut self, frozen: &mut Vec<u32>) {
        self.runnable.append(frozen);
    }

    /// Which runnable thread goes next: the seed says.
    pub(crate) fn choose(&mut self, rng: &mut Rng) -> Option<u32> {
        if self.runnable.is_empty() {
            return None;
        }
        let place = rng.below(self.runnable.len() as u64) as usize;
        Some(self.runnable.swap_remove(place))
    }

    /// It runs: takes its body out.
    pub(crate) fn start(&mut self, thread: u32) -> Option<Body> {
        let state = self.all.get_mut(thread as usize)?;
        state.is_runnable = false;
        state.body.take()
    }

    /// Threads that `is_meant` never go on.
    pub(crate) fn doom(&mut self, is_meant: impl Fn(&Thread) -> bool) {
        let mut any = false;
        for (slot, thread) in &mut self.all {
            if thread.life == Life::Alive && is_meant(thread) {
                thread.life = Life::Doomed;
                self.doomed.push(slot as u32);
                any = true;
            }
        }
        if any {
            let all = &self.all;
            self.runnable.retain(|thread| all[*thread as usize].life == Life::Alive);
        }
    }

    /// Its body is at its end: the stack is kept for another.
    pub(crate) fn bury(&mut self, thread: u32, body: Option<Body>) {
        // It may have been woken while it ran its last.
        if self.all.try_remove(thread as usize).is_some_and(|state| state.is_runnable) {
            self.runnable.retain(|other| *other != thread);
        }
        if let Some(body) = body
            && body.done()
            && self.spare.len() < SPARE_STACKS_MAX
        {
            self.spare.push(body.into_stack());
        }
    }
}
