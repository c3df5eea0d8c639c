//! What all threads of a node share: the kernel under its lock, the socket, the lead; and how an input is put in and
//! what comes out is done.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use mio::{Events, Poll};
use parking_lot::Mutex;
use sendrec_core::{Entry, From, Instant, Kernel, LocalId, Machine, Outcome, Syscall, WaitToken};
use sendrec_trap::{Deliver, Down, Drive, Observer, Options, Recorder, Slot, Step};

use crate::clock::monotonic_ns;
use crate::coalescing::Coalescing;
use crate::discovery::Caller;
use crate::keeper::Bed;
use crate::lead::Lead;
use crate::leading::{DEREGISTERED, Sleep};
use crate::outlet::Outlet;
use crate::parker::{Parker, WaitNumber, wake_poll};
use crate::paths::Paths;
use crate::patience::Patience;
use crate::pool::Pool;
use crate::scratch::Scratch;
use crate::shim::Shim;
use crate::socket::Socket;

/// Who is to be told that a wait is over.
pub(crate) enum Waiter {
    Thread(Arc<Parker>, WaitNumber),
    Slot(Arc<Slot>),
}

/// What is under the lock.
pub(crate) struct Inner {
    pub(crate) kernel: Kernel,
    /// By the index of the token.
    waiters: Vec<Option<(WaitToken, Waiter)>>,
    recorder: Option<Box<dyn Recorder>>,
}

pub(crate) struct Shared {
    pub(crate) inner: Mutex<Inner>,
    /// Whether the steps that stubs take are recorded.
    pub(crate) traces_steps: bool,
    observer: Option<Observer>,
    pub(crate) outlet: Outlet,
    pub(crate) coalescing: Coalescing,
    pub(crate) lead: Lead,
    pub(crate) poll: Mutex<Sleep>,
    /// Receives since the leader slept last; [`DEREGISTERED`] once there were so many.
    pub(crate) receives_since_sleep: AtomicU32,
    /// Whether datagrams were there before anybody looked for them, the last time.
    pub(crate) is_backlogged: AtomicBool,
    pub(crate) waker: Arc<mio::Waker>,
    pub(crate) patience: Patience,
    pub(crate) keeper: Bed,
    /// Gets the ear's thread out of its poll, if there is one.
    ear: Option<mio::Waker>,
    pub(crate) machine: Machine,
    pub(crate) options: Options,
    pub(crate) message_bytes_max: usize,
    /// When the node booted, by the system's clock, ns.
    origin_ns: u64,
    /// Shut down, or broken by a panic: nothing goes in any more.
    down: AtomicBool,
    /// When the kernel or the shim wants a tick, ns; `u64::MAX` if never.
    pub(crate) deadline: AtomicU64,
    /// Until when the leader sleeps in its poll, ns; 0 while it does not.
    pub(crate) sleeps_until: AtomicU64,
    /// Memory for long messages.
    pub(crate) pool: Pool,
    /// When something was put in last, ns.
    pub(crate) last_input: AtomicU64,
}

/// The parts that boot puts together.
pub(crate) struct Parts {
    pub(crate) kernel: Kernel,
    pub(crate) socket: Socket,
    pub(crate) poll: Poll,
    pub(crate) waker: mio::Waker,
    pub(crate) shim: Option<Shim>,
    pub(crate) caller: Caller,
    pub(crate) ear: Option<mio::Waker>,
    pub(crate) traces_steps: bool,
    pub(crate) recorder: Option<Box<dyn Recorder>>,
    pub(crate) observer: Option<Observer>,
    pub(crate) origin_ns: u64,
    pub(crate) ask_paths: bool,
    pub(crate) coalesce: bool,
    pub(crate) pool: Pool,
}

impl Shared {
    pub(crate) fn new(parts: Parts) -> Self {
        const EVENTS: usize = 16;
        let Parts { kernel, socket, poll, waker, shim, caller, ear, traces_steps, .. } = parts;
        let Parts { recorder, observer, origin_ns, ask_paths, coalesce, pool, .. } = parts;
        let kernel_machine = kernel.machine();
        let paths = ask_paths.then(|| Paths::new(kernel.config().packet_bytes));
        Self {
            machine: kernel.machine(),
            options: kernel.config().options,
            message_bytes_max: kernel.config().message_bytes_max(),
            inner: Mutex::new(Inner { kernel, waiters: Vec::new(), recorder }),
            traces_steps,
            observer,
            outlet: Outlet::new(socket, kernel_machine, shim, caller, paths, observer),
            coalescing: Coalescing::new(coalesce),
            lead: Lead::default(),
            poll: Mutex::new(Sleep { poll, events: Events::with_capacity(EVENTS) }),
            receives_since_sleep: AtomicU32::new(DEREGISTERED),
            is_backlogged: AtomicBool::new(false),
            waker: Arc::new(waker),
            patience: Patience::new(),
            keeper: Bed::default(),
            ear,
            origin_ns,
            down: AtomicBool::new(false),
            deadline: AtomicU64::new(u64::MAX),
            sleeps_until: AtomicU64::new(0),
            pool,
            last_input: AtomicU64::new(0),
        }
    }

    pub(crate) fn now(&self) -> Instant {
        Instant::from_nanos(monotonic_ns().saturating_sub(self.origin_ns))
    }

    /// A step of a call is over.
    pub(crate) fn step(&self, step: Step) {
        if let Some(observer) = self.observer {
            std::hint::cold_path();
            observer(step);
        }
    }

    pub(crate) fn is_down(&self) -> bool {
        self.down.load(Ordering::SeqCst)
    }

    /// Sends and tells what came out, without any lock of the kernel.
    pub(crate) fn flush(&self, now: Instant, scratch: &mut Scratch) {
        let Scratch { out, threads, slots, buffer, .. } = scratch;
        if !out.transmits.is_empty() {
            self.outlet.send_all(now, &out.transmits, buffer, |event| self.record(event));
            out.transmits.clear();
        }
        if !threads.is_empty() || !slots.is_empty() {
            self.tell(scratch);
        }
    }

    /// Tells those whose waits are over.
    #[inline(never)]
    fn tell(&self, scratch: &mut Scratch) {
        let Scratch { threads, slots, .. } = scratch;
        for (parker, wait, outcome) in threads.drain(..) {
            if parker.bring(wait, outcome) {
                wake_poll(&self.waker);
            }
        }
        for (slot, outcome) in slots.drain(..) {
            if let Some(interrupt) = slot.fill(outcome) {
                interrupt.run();
            }
        }
    }

    fn record(&self, event: &sendrec_core::trace::Event) {
        if let Some(recorder) = &mut self.inner.lock().recorder {
            recorder.record(event);
        }
    }

    /// What fault rules call a machine from here on.
    pub(crate) fn name(&self, machine: Machine, name: String) {
        self.outlet.name(machine, name);
    }

    /// When somebody must look at the clock again, ns.
    pub(crate) fn next_deadline(&self) -> u64 {
        let held = self.outlet.next_held().map_or(u64::MAX, Instant::as_nanos);
        self.deadline.load(Ordering::SeqCst).min(held)
    }

    pub(crate) fn is_armed(&self) -> bool {
        self.outlet.has_output() || self.coalescing.is_waiting() || self.next_deadline() != u64::MAX
    }

    /// Nothing goes in from here on; whoever waits is told.
    pub(crate) fn go_down(&self) {
        self.down.store(true, Ordering::SeqCst);
        self.tell_all();
    }

    pub(crate) fn tell_all(&self) {
        let waiting = self.inner.lock().waiters.iter_mut().filter_map(Option::take).collect::<Vec<_>>();
        for (_, waiter) in waiting {
            match waiter {
                Waiter::Thread(parker, _) => {
                    parker.tell_ready();
                }
                Waiter::Slot(slot) => {
                    if let Some(interrupt) = slot.break_down() {
                        interrupt.run();
                    }
                }
            }
        }
        for parker in self.lead.followers() {
            parker.tell_ready();
        }
        wake_poll(&self.waker);
        if let Some(ear) = &self.ear {
            wake_poll(ear);
        }
        self.keeper.rouse();
    }
}

impl Inner {
    /// Registers who is to be told of a wait.
    pub(crate) fn register(&mut self, token: WaitToken, waiter: Waiter) {
        let index = token.index();
        if index >= self.waiters.len() {
            self.waiters.resize_with(index + 1, || None);
        }
        self.waiters[index] = Some((token, waiter));
    }

    /// What came of a wait; it is registered no longer.
    pub(crate) fn claim(&mut self, token: WaitToken) -> Option<Outcome> {
        let outcome = self.kernel.claim(token)?;
        self.waiters[token.index()] = None;
        Some(outcome)
    }

    /// Ends a wait whose deadline has passed.
    pub(crate) fn cancel(
        &mut self,
        now: Instant,
        token: WaitToken,
        scratch: &mut Scratch,
    ) -> Option<Outcome> {
        // One whose outcome was taken for its thread already has no waiter, and its place may be another's.
        if let Some(waiter) = self.waiters.get_mut(token.index()) {
            waiter.take_if(|(of, _)| *of == token);
        }
        self.kernel.cancel(now, token, &mut scratch.out)
    }

    /// Takes back the call of a completion.
    pub(crate) fn cancel_slot(&mut self, now: Instant, slot: &Arc<Slot>, scratch: &mut Scratch) {
        let waits = |waiter: &Option<(WaitToken, Waiter)>| matches!(waiter, Some((_, Waiter::Slot(other))) if Arc::ptr_eq(other, slot));
        let found = self.waiters.iter().find(|waiter| waits(waiter)).and_then(|waiter| waiter.as_ref());
        if let Some(&(token, _)) = found
            && let Some(outcome) = self.cancel(now, token, scratch)
        {
            scratch.slots.push((slot.clone(), outcome));
        }
    }

    /// Notes who is to be told, and writes events down.
    pub(crate) fn settle(&mut self, scratch: &mut Scratch) {
        if !scratch.out.wakes.is_empty() {
            self.settle_wakes(scratch);
        }
        if !scratch.out.events.is_empty() {
            self.write_down(scratch);
        }
    }

    #[inline(never)]
    fn settle_wakes(&mut self, scratch: &mut Scratch) {
        let Scratch { out, threads, slots, .. } = scratch;
        for wake in out.wakes.drain(..) {
            match self.waiters.get_mut(wake.token.index()).and_then(Option::take) {
                Some((_, Waiter::Thread(parker, wait))) => {
                    if let Some(outcome) = self.kernel.claim(wake.token) {
                        threads.push((parker, wait, outcome));
                    }
                }
                Some((_, Waiter::Slot(slot))) => {
                    if let Some(outcome) = self.kernel.claim(wake.token) {
                        slots.push((slot, outcome));
                    }
                }
                None => {}
            }
        }
    }

    #[cold]
    fn write_down(&mut self, scratch: &mut Scratch) {
        for event in scratch.out.events.drain(..) {
            if let Some(recorder) = &mut self.recorder {
                recorder.record(&event);
            }
        }
    }
}

impl Shared {
    /// Hands messages to `deliver` as they come: one receive after the other, each begun when the one before is over.
    pub(crate) fn subscribe(self: &Arc<Self>, process: LocalId, from: From, mut deliver: Deliver) {
        let receive = || Syscall::Receive { from, wait: true, blocking: false };
        loop {
            let mut slot = None;
            let entry = self.with_kernel(|inner, now, scratch| {
                let entry = inner.kernel.trap(now, process, receive(), &mut scratch.out);
                if let Entry::Wait(token) = entry {
                    let waits = Slot::new(None, Down::Receive);
                    inner.register(token, Waiter::Slot(waits.clone()));
                    slot = Some(waits);
                }
                entry
            });
            match (entry, slot) {
                (Some(Entry::Done(outcome)), _) if deliver(outcome.clone()) => {}
                (Some(Entry::Wait(_)), Some(slot)) => {
                    let shared = self.clone();
                    slot.deliver_to(Box::new(move |outcome| {
                        if deliver(outcome) {
                            shared.subscribe(process, from, deliver);
                        }
                    }));
                    return;
                }
                (Some(_), _) => return,
                (None, _) => {
                    deliver(Down::Receive.outcome());
                    return;
                }
            }
        }
    }
}

impl Drive for Shared {
    fn drive(&self) -> bool {
        self.release();
        if !self.lead.try_take(false) {
            return false;
        }
        self.drain();
        self.pass_lead();
        true
    }

    fn engage(&self) {
        self.release();
        self.keeper.rouse();
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use sendrec_core::{Address, Config, Epoch, Handing, SpawnOptions, Target};

    use super::*;

    #[test]
    fn who_gives_up_what_was_taken_for_him_takes_no_one_elses_waiter() {
        let machine = Machine::new(SocketAddr::from(([127, 0, 0, 1], 7_000)));
        let kernel = Kernel::new(Instant::ZERO, Config::default(), machine, Epoch(1), 1);
        let mut inner = Inner { kernel, waiters: Vec::new(), recorder: None };
        let mut scratch = Scratch::take();
        let now = Instant::ZERO;
        let mut spawn = || inner.kernel.spawn(now, SpawnOptions::default(), &mut scratch.out).unwrap();
        let (receiver, other) = (spawn(), spawn());
        let wait = |inner: &mut Inner, scratch: &mut Scratch, process| {
            let receive = Syscall::Receive { from: From::Any, wait: true, blocking: false };
            let Entry::Wait(token) = inner.kernel.trap(now, process, receive, &mut scratch.out) else {
                panic!("there is nothing to be received")
            };
            let (parker, number) = Parker::mine();
            inner.register(token, Waiter::Thread(parker, number));
            token
        };
        let first = wait(&mut inner, &mut scratch, receiver);
        let send = Syscall::Send {
            to: Target::Place(Address::new(machine, receiver)),
            message: "for the first".into(),
            options: inner.kernel.config().options,
            one_way: true,
            blocking: false,
            handing: Handing::Moved,
        };
        inner.kernel.trap(now, other, send, &mut scratch.out);
        inner.settle(&mut scratch);
        assert_eq!(scratch.threads.len(), 1, "what came is about to be brought");
        let second = wait(&mut inner, &mut scratch, other);
        assert_eq!(second.index(), first.index());
        assert_eq!(inner.cancel(now, first, &mut scratch), None);
        assert!(matches!(inner.waiters[second.index()], Some((token, _)) if token == second));
    }
}
