//! The kernel: the only module that sees all rooms. It routes; the rules are in the rooms.
//!
//! # The driver's contract
//!
//! Inputs are [`Kernel::trap`], [`Kernel::datagrams`], [`Kernel::tick`], [`Kernel::cancel`], [`Kernel::spawn`] and
//! [`Kernel::exit`]. Each takes the time, which never goes back, and appends to an [`Out`] what is to happen. After
//! each the driver sends `transmits`, tells `wakes` and writes `events` down, in any order; pulls what
//! [`Kernel::transmit`] has, again when [`Kernel::next_output`] has come; and calls [`Kernel::tick`] once
//! [`Kernel::next_deadline`] has. A token that was handed out is either claimed, once
//! [`Kernel::is_ready`], or cancelled. Nothing here blocks, and no input makes it panic.
mod calls;
mod counters;
mod delivery;
mod keep;
mod local;
mod packets;
mod replies;
mod requests;
mod seek;
mod told;
mod traps;

use alloc::vec::Vec;

use bytes::Bytes;

use crate::config::{Buffering, Config, Planted};
use crate::error::{ReceiveError, SpawnError, Unsent};
use crate::exchange::{Effect, Exchange, Holdings};
use crate::ids::{Address, Epoch, LocalId, Machine};
use crate::locate::Locate;
use crate::process::{Finished, Rendezvous, Table, WaitToken, Waits};
use crate::rng::{Nonces, Rng};
use crate::time::Instant;
use crate::timer;
use crate::trace::{BlockedOn, Ending, Observer, Step, Tracer, What};
use crate::wire::Flags;

pub use crate::wire::Transmit;
pub use calls::{Entry, Out, Outcome, SpawnOptions, Syscall, Wake};
pub use counters::Counters;

use keep::Keeping;
use seek::Seekers;

/// How a wait ended, as a trace says it.
const fn ending(outcome: &Outcome) -> Ending {
    match outcome {
        Outcome::Unsent(unsent) => Ending::CallFailed(unsent.error),
        Outcome::NotReceived(_) | Outcome::NotReplied { .. } => Ending::Failed,
        _ => Ending::Done,
    }
}

/// The rule that mailboxes are bounded, broken on purpose.
const fn overfull(buffering: Buffering) -> Buffering {
    match buffering {
        Buffering::Mailbox { messages, bytes, overflow } => {
            Buffering::Mailbox { messages: messages + 1, bytes, overflow }
        }
        other => other,
    }
}

/// One machine of the system. See the [module's text](self) for how to drive it.
#[derive(Debug)]
pub struct Kernel {
    machine: Machine,
    processes: Table,
    rendezvous: Rendezvous,
    waits: Waits<Outcome>,
    exchange: Exchange,
    locate: Locate,
    seekers: Seekers,
    keeping: Keeping,
    tracer: Tracer,
    rng: Rng,
    nonces: Nonces,
    effects: Vec<Effect>,
    counters: Counters,
}

/// The exchange's port to the rest of a kernel and of an out, borrowed field by field.
macro_rules! port {
    ($kernel:expr, $now:expr, $out:expr) => {
        $crate::exchange::Port {
            now: $now,
            transmits: &mut $out.transmits,
            events: &mut $out.events,
            tracer: &mut $kernel.tracer,
            rng: &mut $kernel.rng,
            nonces: &mut $kernel.nonces,
            effects: &mut $kernel.effects,
        }
    };
}
use port;

impl Kernel {
    /// A kernel that boots now as `machine`, in an `epoch` larger than any before it (and not blank). What it asks others
    /// to prove themselves by follows from `seed`, so a driver with real peers takes one that nobody can guess.
    pub fn new(now: Instant, config: Config, machine: Machine, epoch: Epoch, seed: u64) -> Self {
        let config = config.in_range();
        Self {
            machine,
            processes: Table::new(),
            rendezvous: Rendezvous::new(),
            waits: Waits::new(),
            tracer: Tracer::new(config.trace),
            locate: Locate::new(
                config.locate_first,
                config.locate_retries,
                timer::Table::new(config.timers, config.sweep_interval),
            ),
            seekers: Seekers::default(),
            keeping: Keeping::default(),
            exchange: Exchange::new(now, config, epoch.max(Epoch(1))),
            rng: Rng::new(seed),
            nonces: Nonces::new(!seed),
            effects: Vec::new(),
            counters: Counters::ZERO,
        }
    }

    /// Has `observer` told of the steps of calls that this kernel takes (slide 39). It is called in the middle of them.
    pub const fn observe(&mut self, observer: Observer) {
        self.tracer.observe(observer);
    }

    /// Writes down that a computation of `client` was found to be an orphan.
    pub fn orphaned(&mut self, now: Instant, process: LocalId, client: Address, out: &mut Out) {
        self.tracer.begin(now);
        self.tracer.cause(&mut out.events, || What::Orphan { process, client });
    }

    /// Writes down that a stub has taken a step.
    pub fn stepped(&mut self, now: Instant, process: LocalId, step: Step, out: &mut Out) {
        if self.config().trace_steps {
            self.tracer.begin(now);
            self.tracer.cause(&mut out.events, || What::Step { process, step });
        }
    }

    /// The machine this kernel is.
    pub const fn machine(&self) -> Machine {
        self.machine
    }

    /// The configuration, brought into range.
    pub const fn config(&self) -> &Config {
        self.exchange.config()
    }

    /// What happened to packets so far.
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// What the tables hold.
    pub fn holdings(&self) -> Holdings {
        self.exchange.holdings()
    }

    /// Which cells of the tables, packets, reasons and fates this kernel has met.
    #[cfg(feature = "coverage")]
    pub const fn coverage(&self) -> &crate::exchange::Coverage {
        self.exchange.coverage()
    }

    /// The processes that live, in no particular order.
    pub fn processes(&self) -> impl Iterator<Item = LocalId> + '_ {
        self.processes.ids()
    }

    /// Whether messages wait in the mailbox of a process.
    pub fn has_mail(&self, process: LocalId) -> bool {
        self.processes.has_mail(process)
    }

    /// A new process.
    #[cold]
    pub fn spawn(
        &mut self,
        now: Instant,
        options: SpawnOptions,
        out: &mut Out,
    ) -> Result<LocalId, SpawnError> {
        let buffering = options.buffering.unwrap_or(self.config().buffering);
        let buffering =
            if self.config().breaks(Planted::MailboxOverfull) { overfull(buffering) } else { buffering };
        let SpawnOptions { local_id, sparse, threads, .. } = options;
        let process = self.processes.spawn(local_id, sparse, buffering, !threads)?;
        let before = out.transmits.len();
        self.tracer.begin(now);
        self.tracer.cause(&mut out.events, || What::Spawned { process });
        if let Some(sparse) = sparse {
            self.on_located(now, sparse, Address::new(self.machine, process), out);
            self.apply_effects(now, out);
            self.count_sent(out, before);
        }
        Ok(process)
    }

    /// A process ends. What it asked for is taken back, what it held is answered AU, its waits end as cancelled.
    #[cold]
    pub fn exit(&mut self, now: Instant, process: LocalId, out: &mut Out) {
        if !self.processes.contains(process) {
            return;
        }
        let before = out.transmits.len();
        self.tracer.begin(now);
        self.tracer.cause(&mut out.events, || What::Ended { process });
        let waits = self.waits.pending_of(process);
        for (token, on) in &waits {
            match on {
                // A message that still waits for room goes with its sender.
                BlockedOn::Send(to) | BlockedOn::Call(to) if to.machine == self.machine => {
                    self.processes.forget(to.local, *token);
                }
                BlockedOn::Ping(_) => self.exchange.forget_ping(*token),
                BlockedOn::Locate(sparse) => drop(self.stop_seeking(*sparse, *token)),
                _ => {}
            }
        }
        self.keeping.remove_all_of(process);
        self.end_local(now, process, out);
        self.exchange.end_process(process, &mut port!(self, now, out));
        self.apply_effects(now, out);
        let to = Address::new(self.machine, process);
        for (token, receiver) in self.waits.receiving_from(to) {
            // What it had sent is in their mailboxes; more will not come.
            self.processes.forget(receiver, token);
            self.finish(token, Outcome::NotReceived(ReceiveError::NoSuchProcess(to)), out);
        }
        for (token, on) in waits {
            self.finish(token, traps::cancelled(on), out);
        }
        self.count_sent(out, before);
    }

    /// Output that is pulled, not pushed: pieces of long messages, about so many bytes of packets. True if more may go now.
    /// A driver calls it after every input until it says no, and once [`Kernel::next_output`] has come;
    /// between two calls it sees to what else there is, so that nothing waits behind a long message.
    pub fn transmit(&mut self, now: Instant, bytes: usize, out: &mut Out) -> bool {
        let before = out.transmits.len();
        self.tracer.begin(now);
        let more = self.exchange.pump(bytes, &mut port!(self, now, out));
        self.count_sent(out, before);
        more
    }

    /// When [`Kernel::transmit`] has something to send, perhaps in the past; `None` if not before something has come.
    pub fn next_output(&self) -> Option<Instant> {
        self.exchange.next_output()
    }

    /// Tells how many bytes a packet to `machine` may have, header included, so that no router cuts it up. Without it
    /// packets are as long as the configuration says.
    pub fn set_packet_bytes(&mut self, now: Instant, machine: Machine, bytes: usize) {
        self.exchange.set_packet_bytes(now, machine, bytes);
    }

    /// Gives the kernel somebody to ask for memory; without, each long message is put together in new memory.
    pub fn set_memory(&mut self, memory: alloc::boxed::Box<dyn crate::bulk::Memory>) {
        self.exchange.set_memory(memory);
    }

    /// The clock has moved. Fires what is due.
    pub fn tick(&mut self, now: Instant, out: &mut Out) {
        let before = out.transmits.len();
        self.tracer.begin(now);
        self.exchange.tick(&mut port!(self, now, out));
        self.expire_kept(now, out);
        self.expire_searches(now, out);
        self.apply_effects(now, out);
        self.count_sent(out, before);
    }

    /// When the next tick is wanted; `None` if no timer is armed.
    pub fn next_deadline(&self) -> Option<Instant> {
        let earlier = |one: Option<Instant>, other: Option<Instant>| match (one, other) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        earlier(earlier(self.exchange.next_deadline(), self.keeping.next()), self.locate.next_deadline())
    }

    /// Whether requests are in progress for which this kernel must go on answering, though no process may be waiting.
    pub fn is_engaged(&self) -> bool {
        self.exchange.is_engaged()
    }

    /// Whether `token` may be claimed.
    pub fn is_ready(&self, token: WaitToken) -> bool {
        self.waits.is_ready(token)
    }

    /// What came of a wait, which is closed thereby; `None` while nothing has.
    pub fn claim(&mut self, token: WaitToken) -> Option<Outcome> {
        self.waits.claim(token)
    }

    /// What rooms asked for, done. Doing it may make them ask for more.
    #[inline]
    fn apply_effects(&mut self, now: Instant, out: &mut Out) {
        // Nearly always there is one at most.
        if self.effects.len() == 1
            && let Some(effect) = self.effects.pop()
        {
            self.apply(now, effect, out);
        }
        if !self.effects.is_empty() {
            self.apply_several(now, out);
        }
    }

    #[cold]
    fn apply_several(&mut self, now: Instant, out: &mut Out) {
        while !self.effects.is_empty() {
            let mut effects = core::mem::take(&mut self.effects);
            for effect in effects.drain(..) {
                self.apply(now, effect, out);
            }
            // Keep the memory, unless doing it has made more.
            if self.effects.is_empty() {
                self.effects = effects;
                return;
            }
        }
    }

    fn apply(&mut self, now: Instant, effect: Effect, out: &mut Out) {
        match effect {
            Effect::Accepted { token, message } => self.finish(token, Outcome::Sent(message), out),
            Effect::Answered { process, from, reply_to, message } => {
                self.counters.copied_out_bytes += message.len() as u64;
                self.answer(now, process, from, reply_to, message, out);
                self.tracer.step(Step::Handed);
            }
            Effect::Failed { request, error } => self.on_failed(now, *request, error, out),
            Effect::ReplySettled { token, result } => {
                let outcome = match result {
                    Ok(message) => Outcome::Replied(message),
                    Err(error) => Outcome::NotReplied { error, message: Bytes::new() },
                };
                self.finish(token, outcome, out);
            }
            Effect::Released(permit) => self.processes.release(permit),
            Effect::Pong { token, result } => {
                let outcome = match result {
                    Ok((epoch, uptime)) => Outcome::Alive { epoch, uptime },
                    Err(error) => Outcome::Unsent(Unsent { error, message: Bytes::new() }),
                };
                self.finish(token, outcome, out);
            }
        }
    }

    /// Ends a wait, if it is still open, and wakes whoever waits.
    fn finish(&mut self, token: WaitToken, outcome: Outcome, out: &mut Out) {
        let with = if self.tracer.is_on() { ending(&outcome) } else { Ending::Done };
        if let Ok(Finished { process, on, lent }) = self.waits.finish(token, outcome) {
            self.processes.clear_waits_for(process, token);
            let (on, buffer_free) = (Some(on), lent);
            self.tracer.event(&mut out.events, || What::Woken { process, with, on, buffer_free });
            out.wakes.push(Wake { process, token });
        }
    }

    fn count_sent(&mut self, out: &Out, before: usize) {
        for transmit in out.transmits.get(before..).unwrap_or_default() {
            let kind = transmit.packet.header.kind.packet_type();
            self.counters.sent[kind as usize - 1] += 1;
            self.counters.sent_again += u64::from(transmit.packet.header.flags.has(Flags::AGAIN));
        }
    }
}
