//! What gates and the loop of a world share: inputs into kernels, and what comes out of them.
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::{Rc, Weak};
use std::sync::Arc;

use corosensei::Coroutine;
use sendrec_core::fault::{Due, IncidentRule, Watch};
use sendrec_core::rng::Rng;
use sendrec_core::trace::{Event, What};
use sendrec_core::wire::{Packet, Transmit};
use sendrec_core::{Entry, Kernel, Out, WaitToken, Wake};
use sendrec_trap::{
    Address, Config, Deliver, Down, From, Instant, LocalId, Outcome, Process, Slot, SpawnError, SpawnOptions,
    Step, Syscall,
};

use crate::agenda::{Agenda, Happening};
use crate::gate::Gate;
use crate::machine::{State, Waiter};
use crate::network::Network;
use crate::record::Log;
use crate::threads::Threads;

/// Everything that gates and the loop share.
pub(crate) struct Inner {
    /// Itself, for the coroutines that are made at a boot.
    pub(crate) me: Weak<RefCell<Self>>,
    pub(crate) seed: u64,
    pub(crate) now: Instant,
    pub(crate) config: Config,
    /// Decides who runs next, and the seeds of all others.
    pub(crate) rng: Rng,
    pub(crate) agenda: Agenda,
    pub(crate) machines: Vec<State>,
    pub(crate) names: BTreeMap<String, usize>,
    pub(crate) threads: Threads,
    pub(crate) network: Network,
    pub(crate) log: Log,
    pub(crate) incidents: Vec<IncidentRule>,
    pub(crate) watch: Watch,
    /// Incidents before this place befall no more.
    pub(crate) called_off: usize,
    /// Kills that wait until the trap in which they befell is over.
    pub(crate) kills: VecDeque<(usize, LocalId, String)>,
    /// What kernels that are gone have met.
    #[cfg(feature = "coverage")]
    pub(crate) coverage: sendrec_core::exchange::Coverage,
    /// How many inputs are being applied, one within the other.
    depth: usize,
    /// Reused, so that nothing is allocated for each input.
    spare: Out,
}

impl Inner {
    pub(crate) fn new(
        me: Weak<RefCell<Self>>,
        seed: u64,
        config: Config,
        network: Network,
        rng: Rng,
    ) -> Self {
        Self {
            me,
            seed,
            now: Instant::ZERO,
            config,
            rng,
            agenda: Agenda::new(),
            machines: Vec::new(),
            names: BTreeMap::new(),
            threads: Threads::default(),
            network,
            log: Log::new(),
            incidents: Vec::new(),
            watch: Watch::default(),
            called_off: 0,
            kills: VecDeque::new(),
            #[cfg(feature = "coverage")]
            coverage: Default::default(),
            depth: 0,
            spare: Out::default(),
        }
    }

    /// Whether an input is being applied.
    pub(crate) const fn is_applying(&self) -> bool {
        self.depth > 0
    }

    /// The time by a machine's clock.
    pub(crate) fn own_now(&self, machine: usize) -> Instant {
        self.machines[machine].clock.own(self.now)
    }

    /// Puts something into a kernel and does what comes out. `None` if the machine is down.
    pub(crate) fn with_kernel<R>(
        &mut self,
        number: usize,
        input: impl FnOnce(&mut Kernel, Instant, &mut Out) -> R,
    ) -> Option<R> {
        let machine = &mut self.machines[number];
        let now = machine.clock.own(self.now);
        let kernel = machine.kernel.as_mut()?;
        let mut out = std::mem::take(&mut self.spare);
        let result = input(kernel, now, &mut out);
        // The link holds what it cannot carry yet: all that may go goes.
        while kernel.transmit(now, usize::MAX, &mut out) {}
        self.depth += 1;
        if out.events.is_empty() {
            self.apply(number, &mut out);
        } else {
            self.apply_traced(number, &mut out);
        }
        self.depth -= 1;
        out.clear();
        self.spare = out;
        self.rearm(number);
        if self.depth == 0 && !self.kills.is_empty() {
            self.do_kills();
        }
        Some(result)
    }

    pub(crate) fn spawn_process(
        &mut self,
        machine: usize,
        options: SpawnOptions,
    ) -> Option<Result<LocalId, SpawnError>> {
        self.with_kernel(machine, |kernel, now, out| kernel.spawn(now, options, out))
    }

    /// The process has found an orphan.
    pub(crate) fn orphaned(&mut self, machine: usize, process: LocalId, client: Address) {
        self.with_kernel(machine, |kernel, now, out| kernel.orphaned(now, process, client, out));
    }

    /// A stub of the process has taken a step of a call.
    pub(crate) fn stepped(&mut self, machine: usize, process: LocalId, step: Step) {
        self.with_kernel(machine, |kernel, now, out| kernel.stepped(now, process, step, out));
    }

    /// A process that runs `body`.
    pub(crate) fn spawn(
        &mut self,
        machine: usize,
        options: SpawnOptions,
        body: impl FnOnce(&Process<'_, Gate<'_>>) + 'static,
    ) -> Result<(), SpawnError> {
        let process = self.spawn_process(machine, options).unwrap_or(Err(SpawnError::Down))?;
        let thread = self.threads.reserve(machine, process);
        let inner: Option<Rc<RefCell<Self>>> = self.me.upgrade();
        let stack = self.threads.stack();
        let coroutine = Coroutine::with_stack(stack, move |yielder, ()| {
            if let Some(inner) = inner {
                let gate = Gate { inner, machine, thread, yielder };
                body(&Process::adopt(&gate, process));
            }
        });
        self.threads.all[thread as usize].body = Some(coroutine);
        self.threads.make_runnable(thread);
        Ok(())
    }

    pub(crate) fn exit(&mut self, machine: usize, process: LocalId) {
        self.with_kernel(machine, |kernel, now, out| kernel.exit(now, process, out));
    }

    pub(crate) fn trap(&mut self, machine: usize, process: LocalId, call: Syscall) -> Option<Entry> {
        let entry = self.with_kernel(machine, |kernel, now, out| kernel.trap(now, process, call, out))?;
        // A kill that hung on the trap may have ended the wait before there was anybody to be told.
        match entry {
            Entry::Wait(token) => Some(self.claim(machine, token).map_or(entry, Entry::Done)),
            done => Some(done),
        }
    }

    pub(crate) fn claim(&mut self, machine: usize, token: WaitToken) -> Option<Outcome> {
        self.machines[machine].kernel.as_mut()?.claim(token)
    }

    pub(crate) fn cancel(&mut self, machine: usize, token: WaitToken) -> Option<Outcome> {
        self.machines[machine].unregister(token);
        self.with_kernel(machine, |kernel, now, out| kernel.cancel(now, token, out)).flatten()
    }

    pub(crate) fn cancel_slot(&mut self, machine: usize, slot: &Arc<Slot>) {
        if let Some(token) = self.machines[machine].token_of(slot)
            && let Some(outcome) = self.cancel(machine, token)
            && let Some(interrupt) = slot.fill(outcome)
        {
            interrupt.run();
        }
    }

    fn apply(&mut self, machine: usize, out: &mut Out) {
        for mut transmit in out.transmits.drain(..) {
            self.read_lent(machine, &mut transmit);
            self.launch(machine, &transmit);
        }
        for wake in out.wakes.drain(..) {
            self.tell(machine, wake);
        }
    }

    /// As [`Inner::apply`], event by event: at each something may befall before the next.
    fn apply_traced(&mut self, machine: usize, out: &mut Out) {
        let State { boots, is_watched, ref config, .. } = self.machines[machine];
        let is_traced = config.trace;
        if !is_watched {
            for event in out.events.drain(..) {
                self.log.record(machine, self.now, event);
            }
            return self.apply(machine, out);
        }
        let mut transmits = out.transmits.drain(..);
        for event in out.events.drain(..) {
            let leaves = matches!(event.what, What::Sent { .. });
            // What the network does to a packet stands behind its departure.
            if is_traced {
                self.log.record(machine, self.now, event.clone());
            }
            if leaves && let Some(mut transmit) = transmits.next() {
                self.read_lent(machine, &mut transmit);
                self.launch(machine, &transmit);
            }
            self.notice(machine, &event);
            if self.machines[machine].boots != boots || self.machines[machine].kernel.is_none() {
                return;
            }
        }
        drop(transmits);
        self.apply(machine, out);
    }

    /// Tells who waits that the wait is over.
    fn tell(&mut self, machine: usize, wake: Wake) {
        match self.machines[machine].unregister(wake.token) {
            Some(Waiter::Thread(thread)) => self.threads.make_runnable(thread),
            Some(Waiter::Slot(slot, thread)) => {
                if let Some(outcome) = self.claim(machine, wake.token)
                    && let Some(interrupt) = slot.fill(outcome)
                {
                    interrupt.run();
                }
                self.threads.make_runnable(thread);
            }
            Some(Waiter::Subscriber(process, from, mut deliver)) => {
                if let Some(outcome) = self.claim(machine, wake.token)
                    && deliver(outcome)
                {
                    self.subscribe(machine, process, from, deliver);
                }
            }
            None => {}
        }
    }

    /// Hands messages to `deliver` as they come: one receive after the other, each begun when the one before is over.
    pub(crate) fn subscribe(&mut self, machine: usize, process: LocalId, from: From, mut deliver: Deliver) {
        loop {
            match self.trap(machine, process, Syscall::Receive { from, wait: true, blocking: false }) {
                Some(Entry::Done(outcome)) if deliver(outcome.clone()) => {}
                Some(Entry::Wait(token)) => {
                    let waiter = Waiter::Subscriber(process, from, deliver);
                    return self.machines[machine].register(token, waiter);
                }
                Some(Entry::Done(_)) => return,
                None => {
                    deliver(Down::Receive.outcome());
                    return;
                }
            }
        }
    }

    /// A kernel that sends from memory lent to it sends what that holds now.
    fn read_lent(&self, machine: usize, transmit: &mut Transmit) {
        let Packet { header, payload } = &mut transmit.packet;
        for (process, before, after) in &self.machines[machine].scribbles {
            if header.source == *process && payload == before {
                *payload = after.clone();
            }
        }
    }

    /// A watched machine has had this event: what hangs on it befalls, now or later.
    pub(crate) fn notice(&mut self, machine: usize, event: &Event) {
        let mut due: Vec<Due> = Vec::new();
        self.watch.see(&self.machines[machine].name, event, &mut due);
        for Due { rule, after } in due {
            if after.is_zero() {
                self.befall(rule);
            } else {
                self.agenda.push(self.now + after, Happening::Mishap { rule: rule as u32 });
            }
        }
    }

    /// Sees to it that a kernel gets the tick it wants.
    pub(crate) fn rearm(&mut self, number: usize) {
        let machine = &mut self.machines[number];
        if machine.paused_until.is_some() {
            return;
        }
        let wanted = machine.kernel.as_ref().and_then(next_wanted);
        let Some(wanted) = wanted.filter(|wanted| *wanted != Instant::NEVER) else { return };
        let at = machine.clock.world(wanted).max(self.now);
        if machine.tick_at.is_none_or(|armed| at < armed) {
            machine.tick_at = Some(at);
            self.agenda.push(at, Happening::Tick { machine: number as u32 });
        }
    }

    /// A coroutine waits until this time by its machine's clock.
    pub(crate) fn set_deadline(&mut self, thread: u32, own: Instant) {
        let state = &mut self.threads.all[thread as usize];
        let at = self.machines[state.machine].clock.world(own).max(self.now);
        state.deadline = Some(at);
        if state.looked_after.is_none_or(|looked_after| at < looked_after) {
            state.looked_after = Some(at);
            self.agenda.push(at, Happening::Deadline { thread, serial: state.serial });
        }
    }

    /// One thing happens that was due at this time.
    pub(crate) fn happen(&mut self, due: Instant, happening: Happening) {
        match happening {
            Happening::Arrive { flight } => self.land(flight),
            Happening::Cell { cell } => self.move_cell(cell),
            Happening::Mishap { rule } => self.befall(rule as usize),
            Happening::Resume { machine } => self.resume_machine(machine as usize, Some(due)),
            Happening::Start { machine, program, boots } => {
                self.start_late(machine as usize, program as usize, boots);
            }
            Happening::Tick { machine } => self.tick(due, machine as usize),
            Happening::Deadline { thread, serial } => self.end_wait(due, thread, serial),
        }
        if self.agenda.is_full() {
            self.tidy();
        }
    }

    fn tick(&mut self, due: Instant, number: usize) {
        let now = self.own_now(number);
        let machine = &mut self.machines[number];
        if machine.tick_at != Some(due) {
            return;
        }
        machine.tick_at = None;
        let wanted = machine.kernel.as_ref().and_then(next_wanted);
        if machine.paused_until.is_none() && wanted.is_some_and(|wanted| wanted <= now) {
            self.with_kernel(number, Kernel::tick);
        } else {
            self.rearm(number);
        }
    }

    fn end_wait(&mut self, due: Instant, thread: u32, serial: u64) {
        let now = self.now;
        let Some(state) = self.threads.all.get_mut(thread as usize) else { return };
        if state.serial != serial || state.looked_after != Some(due) {
            return;
        }
        state.looked_after = None;
        match state.deadline {
            Some(deadline) if deadline <= now => self.threads.make_runnable(thread),
            Some(deadline) => {
                state.looked_after = Some(deadline);
                self.agenda.push(deadline, Happening::Deadline { thread, serial });
            }
            None => {}
        }
    }

    /// Throws away what stands in the agenda though it was called off.
    fn tidy(&mut self) {
        let (machines, threads) = (&self.machines, &self.threads.all);
        self.agenda.retain(|due, happening| match happening {
            Happening::Tick { machine } => machines[machine as usize].tick_at == Some(due),
            Happening::Deadline { thread, serial } => threads
                .get(thread as usize)
                .is_some_and(|state| state.serial == serial && state.looked_after == Some(due)),
            _ => true,
        });
    }
}

/// When a kernel wants to be looked at: a timer, or a piece that may go.
fn next_wanted(kernel: &Kernel) -> Option<Instant> {
    kernel.next_deadline().into_iter().chain(kernel.next_output()).min()
}
