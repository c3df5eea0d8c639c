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
mod keep;
mod local;
mod seek;
mod traps;

use alloc::vec::Vec;
use core::hint::cold_path;

use bytes::Bytes;

use crate::config::{Buffering, Config, Overflow, Planted};
use crate::error::{ReceiveError, SpawnError, Unsent};
use crate::exchange::{Arrived, Cell, Effect, Exchange, Holdings, Refusal, Whole};
use crate::ids::{Address, Epoch, LocalId, Machine, Path};
use crate::locate::Locate;
use crate::process::{
    Filled, Finished, From, Letter, NoRoom, Permit, Received, Rendezvous, ReplyTo, Source, Table, Ticket,
    WaitToken, Waits,
};
use crate::rng::{Nonces, Rng};
use crate::time::Instant;
use crate::timer;
use crate::trace::{BlockedOn, Ending, Fate, Observer, PacketNote, Step, Tracer, What};
use crate::wire::{Flags, Kind, Malformed, View};

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

    /// A batch of datagrams, in the order they came.
    pub fn datagrams<'a>(
        &mut self,
        now: Instant,
        batch: impl IntoIterator<Item = (Path, &'a [u8])>,
        out: &mut Out,
    ) {
        let before = out.transmits.len();
        self.tracer.begin(now);
        for (path, bytes) in batch {
            match &View::new(bytes) {
                Ok(view) => self.handle_packet(now, path, view, out),
                Err(reason) => self.note_malformed(path.remote, *reason, out),
            }
        }
        self.exchange.upkeep(now);
        self.count_sent(out, before);
    }

    #[cold]
    fn note_malformed(&mut self, from: Machine, reason: Malformed, out: &mut Out) {
        self.counters.malformed[reason as usize] += 1;
        self.exchange.note(Cell::Malformed(reason));
        self.tracer.cause(&mut out.events, || What::Malformed { from, reason });
    }

    fn handle_packet(&mut self, now: Instant, path: Path, view: &View<'_>, out: &mut Out) {
        let header = view.header();
        let from = path.remote;
        self.tracer.cause(&mut out.events, || What::Received {
            from,
            packet: PacketNote::new(header, view.payload().len()),
            fate: Fate::Accepted,
        });
        let fate = match header.kind {
            Kind::Req => self.handle_request(now, path, view, out),
            Kind::Aya { .. } => {
                let lives = self.processes.contains(header.destination);
                self.exchange.handle_probe(path, view, lives, &mut port!(self, now, out))
            }
            Kind::Rep => self.exchange.handle_from_server(path, view, &mut port!(self, now, out)),
            Kind::Ack | Kind::Report(_) if !header.flags.has(Flags::FROM_SERVER) => {
                self.exchange.handle_reply_ack(path, view, &mut port!(self, now, out))
            }
            Kind::Ack | Kind::Report(_) | Kind::Iaa { .. } | Kind::Ta { .. } | Kind::Au { .. } => {
                self.exchange.handle_from_server(path, view, &mut port!(self, now, out))
            }
            Kind::Locate { .. } => self.handle_locate(now, path, view, out),
            Kind::Here { .. } => self.handle_here(now, path, view, out),
        };
        self.counters.fates[fate as usize] += 1;
        self.exchange.note(Cell::Received(header.kind.packet_type()));
        self.exchange.note(Cell::Fate(fate));
        self.tracer.decide_fate(&mut out.events, fate);
        self.apply_effects(now, out);
    }

    fn handle_request(&mut self, now: Instant, path: Path, view: &View<'_>, out: &mut Out) -> Fate {
        let arrival = match self.exchange.handle_request(path, view, &mut port!(self, now, out)) {
            Ok(Arrived::New(arrival)) => {
                self.tracer.step(Step::Checked);
                arrival
            }
            Ok(Arrived::Whole(whole)) => {
                return self.handle_whole(now, whole, view.header().source_epoch, out);
            }
            Err(fate) => return fate,
        };
        let (process, from) = (arrival.to, arrival.from);
        let reserved = if arrival.is_piece() {
            self.processes.reserve_ahead(process, from, arrival.message_bytes())
        } else {
            self.processes.reserve(process, from, view.payload().len()).map(Some)
        };
        let permit = match reserved {
            Ok(permit) if arrival.is_piece() => {
                cold_path();
                self.exchange.gather(&arrival, permit, view, &mut port!(self, now, out));
                return Fate::Fragment;
            }
            // A message in one packet always gets one.
            Ok(None) => return Fate::Unsupported,
            Ok(Some(permit)) => permit,
            Err(no_room) => {
                cold_path();
                let refusal = match no_room {
                    NoRoom::NoProcess => Refusal::NoProcess,
                    NoRoom::Full(Overflow::Discard) => Refusal::Discard,
                    NoRoom::Full(Overflow::TryAgain | Overflow::Block) => Refusal::Full,
                };
                if refusal != Refusal::NoProcess {
                    self.tracer.event(&mut out.events, || What::Overflow { process });
                }
                return self.exchange.refuse(&arrival, refusal, &mut port!(self, now, out));
            }
        };
        self.tracer.step(Step::Decided);
        let kept = permit.keeps_for().is_some();
        let place = self.exchange.admit(&arrival, kept, &mut port!(self, now, out));
        let ticket = match place {
            Some(place) if !arrival.one_way => Ticket::Remote(place),
            place => Ticket::OneWay(place),
        };
        let message = crate::message::copied(view.payload());
        self.counters.copied_out_bytes += message.len() as u64;
        self.tracer.step(Step::CopiedOut);
        let epoch = view.header().source_epoch;
        let is_believed = self.exchange.believes_of(arrival.peer, epoch);
        let source = Source { address: from, ticket, epoch, is_believed, arrived: now };
        self.deliver(now, process, permit, Received { source, message }, out);
        self.tracer.step(Step::Handed);
        Fate::Accepted
    }

    /// The last piece of a longer message is here.
    #[inline(never)]
    fn handle_whole(&mut self, now: Instant, whole: Whole, epoch: Epoch, out: &mut Out) -> Fate {
        let Whole { place, to, from, one_way, message, permit } = whole;
        self.counters.copied_out_bytes += message.len() as u64;
        let permit = match permit {
            Some(permit) => Ok(permit),
            None => self.processes.reserve(to, from, message.len()),
        };
        let Ok(permit) = permit else {
            self.tracer.event(&mut out.events, || What::Overflow { process: to });
            self.exchange.lose(place, &mut port!(self, now, out));
            return Fate::NoRoom;
        };
        let kept = permit.keeps_for().is_some();
        let ticket = match self.exchange.arrive(place, kept, &mut port!(self, now, out)) {
            Some(place) if !one_way => Ticket::Remote(place),
            place => Ticket::OneWay(place),
        };
        let is_believed = self.exchange.believes(from.machine, epoch);
        let source = Source { address: from, ticket, epoch, is_believed, arrived: now };
        self.deliver(now, to, permit, Received { source, message }, out);
        Fate::Accepted
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

    /// Delivers a message for which there is room.
    fn deliver(&mut self, now: Instant, process: LocalId, permit: Permit, received: Received, out: &mut Out) {
        let (from, keeps_for) = (received.source.address, permit.keeps_for());
        let filled = self.processes.deliver(permit, received);
        if let (Filled::Queued { kept: Some(number), .. }, Some(time)) = (&filled, keeps_for) {
            self.keep(now, process, *number, time);
        }
        self.on_filled(now, process, from, filled, out);
    }

    /// A message is in a mailbox, or goes straight to one who waits for it.
    fn on_filled(&mut self, now: Instant, process: LocalId, from: Address, filled: Filled, out: &mut Out) {
        match filled {
            Filled::Queued { messages, bytes, .. } => {
                self.tracer.event(&mut out.events, || What::Queued { process, from, messages, bytes });
            }
            Filled::Handed(token, letter) => {
                match self.open_letter(now, process, letter, out) {
                    Some(outcome) => self.finish(token, outcome, out),
                    // It was for nothing, and whoever waits goes on waiting.
                    None => self.wait_on(process, token),
                }
            }
        }
    }

    /// A receive that nothing has come of is one that waits again.
    #[cold]
    fn wait_on(&mut self, process: LocalId, token: WaitToken) {
        let filter = match self.waits.on(token) {
            Some(BlockedOn::Receive) => From::Any,
            Some(BlockedOn::ReceiveFrom(address)) => From::One(address),
            _ => return,
        };
        self.processes.wait(process, token, filter);
    }

    /// A letter as its receiver gets it; `None` if it is a request that nobody awaits any more.
    fn open_letter(
        &mut self,
        now: Instant,
        process: LocalId,
        letter: Letter,
        out: &mut Out,
    ) -> Option<Outcome> {
        match letter {
            Letter::Failure(failure) => Some(Outcome::NotReceived(ReceiveError::RequestFailed {
                to: failure.to,
                error: failure.error,
            })),
            Letter::Message(received) => {
                let awaited = match received.source.ticket {
                    Ticket::Remote(place) | Ticket::OneWay(Some(place)) => {
                        self.exchange.take(place, process, &mut port!(self, now, out))
                    }
                    Ticket::Local(place) => self.take_local(place, process),
                    Ticket::OneWay(None) | Ticket::Answer => true,
                };
                if !awaited {
                    return None;
                }
                let (from, request) = (received.source.address, !received.source.is_reply());
                self.tracer.event(&mut out.events, || What::Taken { process, from, request });
                Some(Outcome::Received(received))
            }
        }
    }

    /// A reply goes where its request wanted it.
    fn answer(
        &mut self,
        now: Instant,
        process: LocalId,
        from: Address,
        reply_to: ReplyTo,
        message: Bytes,
        out: &mut Out,
    ) {
        let source = Source {
            address: from,
            ticket: Ticket::Answer,
            epoch: Epoch::BLANK,
            is_believed: true,
            arrived: now,
        };
        let received = Received { source, message };
        match reply_to {
            ReplyTo::Call(token) => self.finish(token, Outcome::Received(received), out),
            ReplyTo::Mailbox => {
                if let Some(filled) = self.processes.deliver_answer(process, Letter::Message(received)) {
                    self.on_filled(now, process, from, filled, out);
                }
            }
            ReplyTo::Client(Ticket::Remote(place)) => {
                if self.exchange.check_reply(place, process).is_ok() {
                    self.exchange.reply(place, received.message, None, &mut port!(self, now, out));
                }
            }
            ReplyTo::Client(Ticket::Local(place)) => {
                if let Some(request) = self.rendezvous.close(place) {
                    let message = received.message;
                    self.answer(now, request.client, request.addressed, request.reply_to, message, out);
                }
            }
            ReplyTo::Client(Ticket::OneWay(_) | Ticket::Answer) | ReplyTo::Nobody => {}
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
