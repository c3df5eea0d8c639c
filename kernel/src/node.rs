//! A node: boot, the gate, shutdown.
use std::sync::Arc;
use std::thread::JoinHandle;

use mio::{Poll, Token};
use sendrec_core::exchange::Holdings;
use sendrec_core::kernel::Counters;
use sendrec_core::limits;
use sendrec_core::{Entry, Epoch, Kernel, SpawnError, SpawnOptions, Syscall, WaitToken};
use sendrec_trap::{
    Address, Bytes, Deliver, Down, Drive, From, Instant, LocalId, Machine, Options, Outcome, Slot, Step, Trap,
};

use crate::boot::{BootError, NodeConfig, epoch_now, machine_of};
use crate::clock::monotonic_ns;
use crate::coalescing::Next;
use crate::discovery::Caller;
use crate::ear::Ear;
use crate::keeper::keep;
use crate::lead::Role;
use crate::leading::Led;
use crate::parker::{Parker, ReadyWaker, wake_poll};
use crate::patience::Looking;
use crate::pool::Pool;
use crate::shared::{Parts, Shared, Waiter};
use crate::shim::Shim;
use crate::socket::Socket;
use crate::visit::Visit;

const WAKER: Token = Token(1);

/// A kernel over a UDP socket. Any number of threads may use it at once; several nodes fit into one OS process.
/// Dropping it shuts it down.
pub struct Node {
    shared: Arc<Shared>,
    epoch: Epoch,
    /// The keeper, and the ear if there is one.
    threads: Vec<JoinHandle<()>>,
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Node({})", self.shared.machine)
    }
}

impl Node {
    /// Boots a node: it listens, and its keeper runs.
    pub fn boot(config: NodeConfig) -> Result<Self, BootError> {
        let NodeConfig {
            listen,
            advertise,
            kernel: mut kernel_config,
            faults,
            names,
            recorder,
            epoch,
            ask_paths,
            discovery,
            coalesce,
            observer,
        } = config;
        if let Some(faults) = &faults {
            faults.check_node(names.is_some())?;
        }
        let (socket, bound) = Socket::bind(listen)?;
        let machine = machine_of(bound, advertise)?;
        kernel_config.first_incarnation |= listen.port() == 0;
        kernel_config.trace |= recorder.is_some();
        let traces_steps = kernel_config.trace && kernel_config.trace_steps;
        if kernel_config.receive_bytes == limits::RECEIVE_BYTES_DEFAULT {
            kernel_config.receive_bytes = socket.receive_bytes();
        }

        let caller = Caller::new(&discovery, &socket, bound)?;
        let ear = Ear::open(&discovery, bound)?;
        let ear_waker = ear.as_ref().map(Ear::waker).transpose()?;
        let poll = Poll::new()?;
        let waker = mio::Waker::new(poll.registry(), WAKER)?;
        let origin_ns = monotonic_ns();
        let epoch = epoch.unwrap_or_else(epoch_now);
        let seed = getrandom::u64().map_err(std::io::Error::other)?;
        let mut kernel = Kernel::new(Instant::ZERO, kernel_config, machine, epoch, seed);
        let pool = Pool::default();
        kernel.set_memory(Box::new(pool.clone()));
        if let Some(observer) = observer {
            kernel.observe(observer);
        }
        let shim = faults.map(|faults| Shim::new(&faults, names));
        let shared = Arc::new(Shared::new(Parts {
            kernel,
            socket,
            poll,
            waker,
            shim,
            caller,
            ear: ear_waker,
            traces_steps,
            recorder,
            observer,
            origin_ns,
            ask_paths,
            coalesce,
            pool,
        }));

        // From here on dropping the node ends what has begun, should a thread be refused.
        let mut node = Self { shared, epoch, threads: Vec::new() };
        node.start("keeper", bound.port(), keep)?;
        if let Some(ear) = ear {
            node.start("ear", bound.port(), move |shared| ear.hear(shared))?;
        }
        Ok(node)
    }

    fn start(
        &mut self,
        name: &str,
        port: u16,
        body: impl FnOnce(&Arc<Shared>) + Send + 'static,
    ) -> std::io::Result<()> {
        let shared = self.shared.clone();
        let thread = std::thread::Builder::new().name(format!("{name} {port}"));
        self.threads.push(thread.spawn(move || body(&shared))?);
        Ok(())
    }

    /// From here on, fault rules that name `name` mean `machine`.
    pub fn name_machine(&self, machine: Machine, name: impl Into<String>) {
        self.shared.name(machine, name.into());
    }

    /// The incarnation that has booted.
    pub const fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// What happened to packets so far; `None` if the node is down.
    pub fn counters(&self) -> Option<Counters> {
        self.shared.with_kernel(|inner, _, _| *inner.kernel.counters())
    }

    /// Bytes of messages that were copied behind their headers to be sent (slide 40); counted if the node has an observer.
    pub fn copied_to_network(&self) -> u64 {
        self.shared.outlet.copied()
    }

    /// What the kernel's tables hold; `None` if the node is down.
    pub fn holdings(&self) -> Option<Holdings> {
        self.shared.with_kernel(|inner, _, _| inner.kernel.holdings())
    }

    /// Ends all processes, so that their waits end as cancelled and their clients are told, and lets nothing more in.
    pub fn shut_down(&self) {
        self.shared.with_kernel(|inner, now, scratch| {
            let processes: Vec<_> = inner.kernel.processes().collect();
            for process in processes {
                inner.kernel.exit(now, process, &mut scratch.out);
            }
        });
        self.shared.go_down();
    }

    /// Ends a visit whose call is not over, and waits for what comes of it.
    fn wait_after(
        &self,
        mut visit: Visit<'_>,
        token: WaitToken,
        deadline: Option<Instant>,
        down: Down,
    ) -> Outcome {
        let (parker, wait) = Parker::mine();
        visit.inner.register(token, Waiter::Thread(parker.clone(), wait));
        visit.end();
        self.wait_for_token(token, &parker, deadline, down)
    }

    /// Waits as leader or follower until what came of the token is here.
    fn wait_for_token(
        &self,
        token: WaitToken,
        parker: &Arc<Parker>,
        deadline: Option<Instant>,
        down: Down,
    ) -> Outcome {
        let shared = &self.shared;
        let mut claimed = None;
        loop {
            let led = self.lead_or_follow(Some(token), parker, deadline, &mut claimed);
            parker.note_wait(matches!(led, Led::Told));
            let outcome = match led {
                Led::Claimed => claimed.take(),
                Led::Told | Led::Down => {
                    // In this order: what is brought from here on says so again.
                    parker.clear_ready();
                    parker.take_brought()
                }
                Led::TimedOut => Some(self.give_up(token, parker, down)),
            };
            if let Some(outcome) = outcome {
                return outcome;
            }
            if shared.is_down() {
                return down.outcome();
            }
            // Told by mistake, as a thread may be: on with the waiting.
        }
    }

    /// A wait whose deadline has passed ends, with what had come of it all the same.
    #[cold]
    fn give_up(&self, token: WaitToken, parker: &Parker, down: Down) -> Outcome {
        let Some(mut visit) = self.shared.visit() else { return down.outcome() };
        let Visit { inner, now, scratch, .. } = &mut visit;
        let cancelled = inner.cancel(*now, token, scratch);
        visit.end();
        if let Some(outcome) = cancelled {
            return outcome;
        }
        // Another thread has taken what came, and is about to bring it.
        loop {
            if let Some(outcome) = parker.take_brought() {
                return outcome;
            }
            if self.shared.is_down() {
                return down.outcome();
            }
            std::thread::yield_now();
        }
    }

    /// One spell of waiting.
    fn lead_or_follow(
        &self,
        token: Option<WaitToken>,
        parker: &Arc<Parker>,
        deadline: Option<Instant>,
        claimed: &mut Option<Outcome>,
    ) -> Led {
        let shared = &self.shared;
        if parker.glance(Parker::is_ready) {
            return Led::Told;
        }
        let role = shared.lead.take_or_follow(parker);
        if role == Role::FollowerOfKeeper {
            wake_poll(&shared.waker);
        }
        if role != Role::Leader {
            shared.release();
            if let Some(led) = self.follow(parker, deadline) {
                return led;
            }
        }
        let led = shared.lead_until(token, deadline, parker, claimed);
        shared.pass_lead();
        led
    }

    /// Waits to be told; `None` if it was told to lead.
    fn follow(&self, parker: &Arc<Parker>, deadline: Option<Instant>) -> Option<Led> {
        let shared = &self.shared;
        let mut looking = Looking::new();
        let led = loop {
            if parker.is_ready() {
                break Led::Told;
            }
            if parker.has_lead() {
                return None;
            }
            if shared.is_down() {
                break Led::Down;
            }
            let now = shared.now();
            if deadline.is_some_and(|deadline| now >= deadline) {
                break Led::TimedOut;
            }
            if parker.glance(Parker::is_told) {
                continue;
            }
            if shared.patience.look_again(&mut looking, now, || shared.now()).is_none() {
                parker.park(deadline.map(|deadline| deadline.since(now)));
            }
        };
        if !shared.lead.leave(parker) {
            // The lead was passed to this thread at the same moment. It is not passed on before it has been told, or
            // the message would find it in its next wait.
            while !parker.has_lead() {
                std::thread::yield_now();
            }
            shared.pass_lead();
        }
        Some(led)
    }
}

impl Trap for Node {
    fn now(&self) -> Instant {
        self.shared.now()
    }

    fn machine(&self) -> Machine {
        self.shared.machine
    }

    fn options(&self) -> Options {
        self.shared.options
    }

    fn message_bytes_max(&self) -> usize {
        self.shared.message_bytes_max
    }

    fn spawn(&self, options: SpawnOptions) -> Result<LocalId, SpawnError> {
        self.shared
            .with_kernel(|inner, now, scratch| inner.kernel.spawn(now, options, &mut scratch.out))
            .unwrap_or(Err(SpawnError::Down))
    }

    fn exit(&self, process: LocalId) {
        self.shared.with_kernel(|inner, now, scratch| inner.kernel.exit(now, process, &mut scratch.out));
    }

    fn enter(&self, process: LocalId, call: Syscall, deadline: Option<Instant>) -> Outcome {
        self.shared.step(Step::Trapped);
        let down = Down::of(&call);
        self.shared.learn_path(&call);
        let (answers, takes) =
            (matches!(call, Syscall::Reply { .. }), matches!(call, Syscall::Receive { .. }));
        let Some(mut visit) = self.shared.visit() else { return down.outcome() };
        self.shared.step(Step::Entered);
        let Visit { inner, now, scratch, .. } = &mut visit;
        let entry = inner.kernel.trap(*now, process, call, &mut scratch.out);
        // It answers what it takes, or looks for more before it sleeps; or takes what it is to answer next.
        if takes || answers && inner.kernel.has_mail(process) {
            scratch.next = Next::Soon;
        }
        match entry {
            Entry::Done(outcome) => {
                visit.end();
                outcome
            }
            Entry::Wait(token) => self.wait_after(visit, token, deadline, down),
        }
    }

    fn reply_and_receive(&self, process: LocalId, reply: Syscall, from: From) -> Result<Outcome, Outcome> {
        self.shared.step(Step::Trapped);
        let down = Down::of(&reply);
        self.shared.learn_path(&reply);
        let receive = |wait| Syscall::Receive { from, wait, blocking: wait };
        let Some(mut visit) = self.shared.visit() else { return Err(down.outcome()) };
        self.shared.step(Step::Entered);
        let Visit { inner, now, scratch, .. } = &mut visit;
        let replied = match inner.kernel.trap(*now, process, reply, &mut scratch.out) {
            Entry::Wait(token) => self.wait_after(visit, token, None, down),
            Entry::Done(Outcome::Replied(_)) if inner.kernel.has_mail(process) => {
                scratch.next = Next::Soon;
                let entry = inner.kernel.trap(*now, process, receive(false), &mut scratch.out);
                visit.end();
                // A letter may have been for nothing: then there is none all the same.
                if let Entry::Done(received) = entry
                    && received != Outcome::Nothing
                {
                    return Ok(received);
                }
                Outcome::Replied(Bytes::new())
            }
            Entry::Done(replied) => {
                visit.end();
                replied
            }
        };
        match replied {
            Outcome::Replied(_) => Ok(self.enter(process, receive(true), None)),
            failed => Err(failed),
        }
    }

    fn orphan(&self, process: LocalId, client: Address) {
        self.shared.with_kernel(|inner, now, scratch| {
            inner.kernel.orphaned(now, process, client, &mut scratch.out);
        });
    }

    fn step(&self, process: LocalId, step: Step) {
        self.shared.step(step);
        if self.shared.traces_steps {
            self.shared.with_kernel(|inner, now, scratch| {
                inner.kernel.stepped(now, process, step, &mut scratch.out);
            });
        }
    }

    fn submit(&self, process: LocalId, call: Syscall) -> Arc<Slot> {
        let down = Down::of(&call);
        self.shared.learn_path(&call);
        let drive: Arc<dyn Drive> = self.shared.clone();
        let Some(mut visit) = self.shared.visit() else { return Slot::filled(down.outcome()) };
        let Visit { inner, now, scratch, .. } = &mut visit;
        let slot = match inner.kernel.trap(*now, process, call, &mut scratch.out) {
            Entry::Done(outcome) => Slot::filled(outcome),
            Entry::Wait(token) => {
                let slot = Slot::new(Some(drive), down);
                inner.register(token, Waiter::Slot(slot.clone()));
                // Who does not wait goes on, to start another or to wait after all.
                scratch.next = Next::Soon;
                slot
            }
        };
        visit.end();
        self.shared.keeper.rouse();
        slot
    }

    fn subscribe(&self, process: LocalId, from: From, deliver: Deliver) {
        self.shared.subscribe(process, from, deliver);
        self.shared.keeper.rouse();
    }

    fn cancel(&self, slot: &Arc<Slot>) {
        self.shared.with_kernel(|inner, now, scratch| inner.cancel_slot(now, slot, scratch));
    }

    fn wait(&self, slot: &Arc<Slot>, deadline: Option<Instant>) -> bool {
        if slot.is_full() {
            return true;
        }
        let (parker, _) = Parker::mine();
        let waker = Arc::new(ReadyWaker { parker: parker.clone(), poll: self.shared.waker.clone() }).into();
        while !slot.register(&waker) {
            match self.lead_or_follow(None, &parker, deadline, &mut None) {
                Led::TimedOut => return slot.is_full(),
                Led::Down => {
                    drop(slot.break_down());
                    return true;
                }
                Led::Told | Led::Claimed => parker.clear_ready(),
            }
        }
        true
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.shut_down();
        for thread in self.threads.drain(..) {
            let name = thread.thread().name().unwrap_or_default().to_owned();
            if thread.join().is_err() {
                log::error!("{}: the {name} panicked", self.shared.machine);
            }
        }
    }
}
