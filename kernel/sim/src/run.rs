//! The loop of a world: a coroutine runs, or time jumps; until nothing is left to happen.
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use corosensei::CoroutineResult;
use sendrec_trap::Instant;

use crate::threads::{Life, Suspended};
use crate::world::World;

/// A world did not come to rest within as many steps as it was given: it may never.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the world of seed {seed} was still busy after {steps} steps, at {at}: raise the bound, or look for a livelock"
)]
pub struct Stuck {
    /// Which world.
    pub seed: u64,
    /// How many steps it was given.
    pub steps: u64,
    /// How far it came.
    pub at: Instant,
}

impl World {
    /// Runs until nothing is left that could happen. Processes that wait for what never comes stay suspended.
    ///
    /// # Panics
    ///
    /// If a process does, and if a rule names a machine that is not there.
    pub fn run(&mut self) {
        self.check();
        while self.step(Instant::NEVER).is_some() {}
    }

    /// Runs until this time: everything that is due by then has happened.
    ///
    /// # Panics
    ///
    /// As [`World::run`].
    pub fn run_until(&mut self, time: Instant) {
        self.check();
        while self.step(time).is_some() {}
        let mut inner = self.inner.borrow_mut();
        if time != Instant::NEVER {
            inner.now = inner.now.max(time);
        }
    }

    /// Runs for so long.
    ///
    /// # Panics
    ///
    /// As [`World::run`].
    pub fn run_for(&mut self, span: Duration) {
        self.run_until(self.now() + span);
    }

    /// As [`World::run`], but for about so many steps at most: a process's run up to its next wait is one, and so is
    /// each thing that happens to a kernel. Returns how many it took.
    ///
    /// # Panics
    ///
    /// As [`World::run`].
    pub fn run_at_most(&mut self, steps: u64) -> Result<u64, Stuck> {
        self.check();
        let mut taken = 0;
        while let Some(more) = self.step(Instant::NEVER) {
            taken += more;
            if taken >= steps {
                return Err(Stuck { seed: self.seed(), steps, at: self.now() });
            }
        }
        Ok(taken)
    }

    fn check(&mut self) {
        if !self.is_checked {
            if let Err(error) = self.check_rules() {
                panic!("{error}");
            }
            self.is_checked = true;
        }
    }

    /// Lets one coroutine run, or time jump to the next event, and says how many steps that was; `None` if nothing is
    /// left to happen by `until`.
    fn step(&mut self, until: Instant) -> Option<u64> {
        let steps = match self.choose() {
            Some(thread) => {
                self.resume(thread);
                Some(1)
            }
            None => self.advance(until),
        };
        self.bury();
        steps
    }

    /// Which runnable coroutine goes next: the seed says. Those of machines that are paused wait.
    fn choose(&self) -> Option<u32> {
        let inner = &mut *self.inner.borrow_mut();
        loop {
            let thread = inner.threads.choose(&mut inner.rng)?;
            // One that was frozen may have ended since.
            let Some(state) = inner.threads.all.get(thread as usize) else { continue };
            let machine = &mut inner.machines[state.machine];
            if machine.paused_until.is_none() {
                return Some(thread);
            }
            machine.frozen.push(thread);
        }
    }

    fn resume(&mut self, thread: u32) {
        let Some(mut body) = self.inner.borrow_mut().threads.start(thread) else { return };
        let result = catch_unwind(AssertUnwindSafe(|| body.resume(())));
        let inner = &mut *self.inner.borrow_mut();
        match result {
            Ok(CoroutineResult::Yield(Suspended::Until(deadline)))
                if inner.threads.life(thread) == Life::Alive =>
            {
                inner.threads.all[thread as usize].body = Some(body);
                if let Some(deadline) = deadline.filter(|deadline| *deadline != Instant::NEVER) {
                    inner.set_deadline(thread, deadline);
                }
            }
            Ok(CoroutineResult::Yield(_)) => {
                // It has died of what it did; it is buried with the others.
                inner.threads.all[thread as usize].body = Some(body);
            }
            Ok(CoroutineResult::Return(())) => inner.threads.bury(thread, Some(body)),
            Err(panic) => {
                let text = panic.downcast_ref::<&str>().map(ToString::to_string);
                let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
                let state = &inner.threads.all[thread as usize];
                let (name, process) = (&inner.machines[state.machine].name, state.process);
                let place = format!("process {process} of {name} (seed {}, at {})", inner.seed, inner.now);
                inner.threads.bury(thread, None);
                panic!("{place} panicked: {text}");
            }
        }
    }

    /// Lets time jump to the next event, and happen what is due then; `None` if nothing is due by `until`. Of an
    /// instant that does not end, a part.
    fn advance(&mut self, until: Instant) -> Option<u64> {
        const AT_ONCE_MAX: u64 = 1 << 16;
        let inner = &mut *self.inner.borrow_mut();
        let next = inner.agenda.next().filter(|next| *next <= until)?;
        inner.now = inner.now.max(next);
        let mut happened = 0;
        while happened < AT_ONCE_MAX
            && let Some((due, happening)) = inner.agenda.pop(inner.now)
        {
            inner.happen(due, happening);
            happened += 1;
        }
        Some(happened)
    }

    /// Drops the coroutines that never go on. What their values do at their end reaches no kernel.
    pub(crate) fn bury(&mut self) {
        loop {
            let mut inner = self.inner.borrow_mut();
            let Some(thread) = inner.threads.doomed.pop() else { return };
            if inner.threads.life(thread) != Life::Doomed {
                continue;
            }
            let state = &mut inner.threads.all[thread as usize];
            state.life = Life::Dead;
            let body = state.body.take();
            drop(inner);
            let body = body.map(|mut body| {
                body.force_unwind();
                body
            });
            self.inner.borrow_mut().threads.bury(thread, body);
        }
    }
}

impl Drop for World {
    /// Processes end with their world, and say goodbye to nobody. They hold what they run in, so they go first.
    fn drop(&mut self) {
        self.inner.borrow_mut().threads.doom(|_| true);
        self.bury();
        self.inner.borrow_mut().machines.clear();
    }
}
