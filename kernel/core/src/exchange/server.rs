//! The server's side: requests of other machines from their admission until their clients await them no more, and the
//! duplicate cache that this amounts to.
use bytes::Bytes;

use super::server_states::{Action, Event, State, step};
use super::window::Window;
use super::{Cell, Effect, Exchange, Manner, Port};
use crate::config::{Options, Planted, Reliability, Semantics};
use crate::error::ReplyError;
use crate::ids::{Epoch, LocalId, Sequence};
use crate::limits;
use crate::process::{Place, WaitToken};
use crate::time::{Instant, nanos};
use crate::timer::{Handle, Timers};
use crate::trace::{Step, Timer, What};
use crate::wire::{AuReason, Flags};

/// One request of another machine.
#[derive(Debug)]
pub(super) struct Served {
    pub(super) generation: u32,
    pub(super) peer: u32,
    pub(super) window: u32,
    pub(super) client: LocalId,
    pub(super) sequence: Sequence,
    /// The local id the client sent to: replies come from it, wherever the request was forwarded.
    pub(super) addressed: LocalId,
    /// The process that has it now.
    pub(super) owner: LocalId,
    pub(super) state: State,
    pub(super) manner: Manner,
    pub(super) one_way: bool,
    /// The number of the REQ's last copy, for an AU to echo.
    pub(super) last_copy: crate::ids::PacketNumber,
    pub(super) arrived: Instant,
    /// Copies of the message that its process has, or has in its mailbox: one, or more at least once.
    pub(super) runs: u32,
    pub(super) reply: Bytes,
    /// Who waits for the reply's acknowledgement.
    pub(super) sender: Option<WaitToken>,
    pub(super) tries: u32,
    pub(super) timer: Handle,
    /// Its reply, while that goes in pieces.
    pub(super) sending: Option<u32>,
    /// The request itself, while it comes in pieces; and which transfer that was, 0 if it came in one.
    pub(super) receiving: Option<u32>,
    pub(super) transfer: u32,
    /// Whether its reply counts for the cache: not while it goes in pieces, when nobody could have it otherwise.
    pub(super) is_charged: bool,
}

impl Exchange {
    /// Whether a process here has requests it has not answered.
    pub(super) fn server_is_engaged(&self) -> bool {
        self.in_progress > 0
    }

    fn find_served(&mut self, place: Place) -> Option<&mut Served> {
        let served = self.served.get_mut(place.slot as usize)?;
        (served.generation == place.generation).then_some(served)
    }

    /// Its process takes the message. False if nobody awaits the request any more: then it is not to be run.
    pub(crate) fn take(&mut self, place: Place, process: LocalId, port: &mut Port<'_>) -> bool {
        let Some(served) = self.find_served(place) else { return false };
        if served.owner != process {
            // Another run of it was handed on: that one is answered, and this one is not wanted any more.
            return false;
        }
        let window = served.window;
        self.windows.get_mut(window).ran = true;
        if self.served[place.slot as usize].one_way {
            return self.take_one_way(place, port);
        }
        self.on_server_event(place.slot, Event::Take, port);
        self.find_served(place).is_some_and(|served| served.state == State::Executing)
    }

    /// A one-way message is over when it is taken; its number is kept where it must not run twice.
    #[cold]
    fn take_one_way(&mut self, place: Place, port: &mut Port<'_>) -> bool {
        self.on_server_event(place.slot, Event::TakeOneWay, port);
        let Some(served) = self.find_served(place) else { return false };
        let taken = served.state == State::Settled;
        if taken && served.manner.semantics == Semantics::AtLeastOnce {
            self.forget(place.slot);
        }
        taken
    }

    /// It was kept as long as its process wanted, and nobody has taken it.
    #[cold]
    pub(crate) fn expire(&mut self, place: Place, process: LocalId, port: &mut Port<'_>) {
        // What was handed on is not this process's to lose.
        let Some(served) = self.find_served(place).filter(|served| served.owner == process) else { return };
        if served.state != State::Executing {
            return self.on_server_event(place.slot, Event::Expire, port);
        }
        // At least once: one of several runs will not be.
        served.runs -= 1;
        if served.runs == 0 {
            // The others were answered.
            self.on_server_event(place.slot, Event::Abandon, port);
        }
    }

    /// Sends the ACK of a request that has arrived, or sees to it that it goes once the reply is late.
    pub(super) fn acknowledge_arrival(&mut self, slot: u32, port: &mut Port<'_>) {
        let served = &self.served[slot as usize];
        match (served.manner.reliability, self.config.late_ack) {
            // The end of a transfer is told even of what is acknowledged no further.
            (Reliability::Unreliable, _) | (Reliability::AckEach, _) => self.transmit_request_ack(slot, port),
            (Reliability::ReplyAcks, Some(late)) => {
                self.timers.arm(self.served[slot as usize].timer, port.now + late);
            }
            _ => {}
        }
    }

    /// Whether `process` may answer the request now.
    pub(crate) fn check_reply(&mut self, place: Place, process: LocalId) -> Result<(), ReplyError> {
        match self.find_served(place) {
            None => Err(ReplyError::Abandoned),
            Some(served) if served.owner != process => Err(ReplyError::NotYours),
            Some(served) if served.state == State::Settled && served.runs > 0 => Err(ReplyError::Abandoned),
            Some(served) if served.state != State::Executing => Err(ReplyError::NotWanted),
            Some(_) => Ok(()),
        }
    }

    /// Whether a reply to the request is over only when its acknowledgement has come.
    pub(crate) fn reply_waits(&mut self, place: Place) -> bool {
        self.find_served(place).is_some_and(|served| served.manner.reliability == Reliability::AckEach)
    }

    /// Sends a reply that was checked. `sender` waits if [`Exchange::reply_waits`].
    pub(crate) fn reply(
        &mut self,
        place: Place,
        message: Bytes,
        sender: Option<WaitToken>,
        port: &mut Port<'_>,
    ) {
        let Some(served) = self.find_served(place) else { return };
        let kept = match served.manner.reliability {
            Reliability::Unreliable => false,
            Reliability::AckEach => true,
            Reliability::ReplyAcks => served.manner.semantics == Semantics::AtMostOnce,
        };
        served.runs -= 1;
        if served.runs > 0 {
            // At least once, and another run of it is still to be answered.
            self.transmit_reply(place.slot, message.clone(), Flags::NONE, port);
            if let Some(token) = sender {
                port.effects.push(Effect::ReplySettled { token, result: Ok(message) });
            }
            return;
        }
        served.reply = message;
        served.sender = sender;
        served.tries = 0;
        self.on_server_event(place.slot, if kept { Event::ReplyKept } else { Event::ReplyLoose }, port);
        port.tracer.step(Step::Headed);
    }

    /// The request goes on to another process of this kernel.
    #[cold]
    pub(crate) fn hand_over(&mut self, place: Place, process: LocalId) {
        if let Some(served) = self.find_served(place) {
            served.owner = process;
            served.state = State::Queued;
            served.runs = 1;
        }
    }

    /// The request goes on to a process of another machine: the kernel sees to its answer, and its process is out of it.
    /// Returns how its client asked for it.
    #[cold]
    pub(crate) fn hand_over_to_kernel(&mut self, place: Place) -> Option<Options> {
        let served = self.find_served(place)?;
        served.owner = LocalId::KERNEL;
        served.runs = 1;
        let Manner { reliability, semantics } = served.manner;
        // How its sender moves it is its sender's business.
        Some(Options::new(reliability, semantics))
    }

    /// A process to which it was forwarded will not answer.
    #[cold]
    pub(crate) fn fail_forwarded(&mut self, place: Place, reason: AuReason, port: &mut Port<'_>) {
        let Some(served) = self.find_served(place) else { return };
        if !matches!(served.state, State::Queued | State::Executing) {
            return;
        }
        let queued = matches!(reason, AuReason::NoProcess | AuReason::DiedQueued);
        served.state = if queued { State::Queued } else { State::Executing };
        self.on_server_event(place.slot, Event::ProcessEnds, port);
    }

    /// A process ends: the requests it held die with it.
    #[cold]
    pub(super) fn end_server(&mut self, process: LocalId, port: &mut Port<'_>) {
        let held = |served: &Served| served.owner == process && served.state.is_in_progress();
        let slots: alloc::vec::Vec<_> =
            self.served.iter().filter(|(_, served)| held(served)).map(|(slot, _)| slot).collect();
        for slot in slots {
            if let Some(receiving) = self.served[slot].receiving.take() {
                // The room that was kept for it has gone with the mailbox.
                let _gone = self.drop_receiving(receiving);
            }
            self.on_server_event(slot as u32, Event::ProcessEnds, port);
        }
    }

    /// A step of the table, and what it asks for.
    #[inline]
    pub(super) fn on_server_event(&mut self, slot: u32, event: Event, port: &mut Port<'_>) {
        let Some(served) = self.served.get_mut(slot as usize) else { return };
        let before = served.state;
        self.coverage.note(Cell::Server(before, event));
        let (state, action) = step(before, event);
        served.state = state;
        if before.is_in_progress() && !state.is_in_progress() {
            self.in_progress -= 1;
        }
        if action != Action::Ignore {
            self.act_for_server(slot, state, action, port);
        }
    }

    #[inline(never)]
    fn act_for_server(&mut self, slot: u32, state: State, action: Action, port: &mut Port<'_>) {
        match action {
            Action::Ignore | Action::DeliverAgain | Action::Gather => {}
            Action::SendAck => self.transmit_request_ack(slot, port),
            Action::Acknowledge => self.acknowledge_arrival(slot, port),
            Action::SendIaa(status) => self.transmit_alive(slot, status, port),
            Action::SendAu(reason) => self.transmit_gone(slot, reason, port),
            Action::SendRep => {
                self.timers.disarm(self.served[slot as usize].timer);
                let reply = self.served[slot as usize].reply.clone();
                self.transmit_reply(slot, reply, Flags::NONE, port);
                self.keep(slot, state, port);
            }
            Action::RepeatRep if self.served[slot as usize].sending.is_some() => {
                if let Some(sending) = self.served[slot as usize].sending {
                    self.ask_for_report(sending);
                }
            }
            Action::RepeatRep => {
                let reply = self.cached_reply(slot);
                self.transmit_reply(slot, reply, Flags::CACHED.with(Flags::AGAIN), port);
                self.arm_reply(slot, port.now);
            }
            Action::Release => self.release(slot, port),
            Action::GiveUp => {
                // The reply stays for a client that asks again; the process need not wait for that.
                if let Some(token) = self.served[slot as usize].sender.take() {
                    port.effects.push(Effect::ReplySettled { token, result: Err(ReplyError::NoAnswer) });
                }
            }
            Action::Forget => {
                self.release(slot, port);
                self.forget(slot);
            }
        }
    }

    #[cold]
    fn cached_reply(&self, slot: u32) -> Bytes {
        let newest = self.kept.back().filter(|_| self.config.breaks(Planted::OtherReply));
        let slot = newest.map_or(slot, |place| place.slot);
        self.served.get(slot as usize).map(|served| served.reply.clone()).unwrap_or_default()
    }

    /// After the first REP: the reply is kept within the cache's bound, or let go.
    fn keep(&mut self, slot: u32, state: State, port: &mut Port<'_>) {
        if state != State::Replied {
            self.release_loose(slot);
            return;
        }
        self.arm_reply(slot, port.now);
        if self.served[slot as usize].sending.is_none() {
            self.charge(slot, port);
        }
    }

    /// From here on the reply is one of the cache's, which is kept within its bound: the longest kept go first.
    pub(super) fn charge(&mut self, slot: u32, port: &mut Port<'_>) {
        let served = &mut self.served[slot as usize];
        if served.state != State::Replied || core::mem::replace(&mut served.is_charged, true) {
            return;
        }
        self.kept_bytes += served.reply.len();
        self.kept.push_back(Place { slot, generation: served.generation });
        let bytes_max =
            if self.config.breaks(Planted::CacheUnbounded) { usize::MAX } else { self.config.cache_bytes };
        while self.kept_bytes > bytes_max || self.kept.len() > limits::SERVED_MAX {
            let Some(place) = self.kept.pop_front() else { break };
            if let Some(served) = self.find_served(place)
                && served.is_charged
            {
                if let Some(token) = served.sender.take() {
                    port.effects.push(Effect::ReplySettled { token, result: Err(ReplyError::NoAnswer) });
                }
                self.on_server_event(place.slot, Event::Evict, port);
            }
        }
        // Places whose reply is released stay in the queue; they go when they come to its front or outnumber the rest.
        while let Some(&front) = self.kept.front() {
            if self.find_served(front).is_some_and(|served| served.is_charged) {
                break;
            }
            self.kept.pop_front();
        }
        if self.kept.len() > 2 * self.served.len() + 64 {
            let served = &self.served;
            self.kept.retain(|place| {
                served
                    .get(place.slot as usize)
                    .is_some_and(|served| served.generation == place.generation && served.is_charged)
            });
        }
    }

    /// A reply that is not kept leaves nothing but its number.
    fn release_loose(&mut self, slot: u32) {
        self.served[slot as usize].reply = Bytes::new();
    }

    pub(super) fn release(&mut self, slot: u32, port: &mut Port<'_>) {
        let served = &mut self.served[slot as usize];
        self.timers.disarm(served.timer);
        let (sending, receiving) = (served.sending.take(), served.receiving.take());
        self.stop_sending(sending);
        self.stop_receiving(receiving, port);
        let served = &mut self.served[slot as usize];
        let reply = core::mem::take(&mut served.reply);
        self.uncharge(slot, reply.len());
        let served = &mut self.served[slot as usize];
        if let Some(token) = served.sender.take() {
            port.effects.push(Effect::ReplySettled { token, result: Ok(reply) });
        }
    }

    /// Its reply of so many bytes is no longer one of the cache's.
    pub(super) fn uncharge(&mut self, slot: u32, bytes: usize) {
        if core::mem::take(&mut self.served[slot as usize].is_charged) {
            self.kept_bytes -= bytes;
        }
    }

    /// Takes the request out of every table.
    pub(super) fn forget(&mut self, slot: u32) {
        let served = self.served.remove(slot as usize);
        debug_assert!(served.receiving.is_none(), "it was released");
        self.stop_sending(served.sending);
        self.timers.remove(served.timer);
        self.windows.get_mut(served.window).clear(served.sequence);
    }

    /// Forgets a client that was not heard of for long, with what was kept for it.
    #[cold]
    pub(super) fn drop_window(&mut self, window: u32) {
        let window = self.windows.remove(window);
        for slot in window.slots() {
            let served = self.served.remove(slot as usize);
            debug_assert!(served.receiving.is_none(), "it is in progress, or was dropped before");
            self.stop_sending(served.sending);
            self.timers.remove(served.timer);
            if served.is_charged {
                self.kept_bytes -= served.reply.len();
            }
            if served.state.is_in_progress() {
                self.in_progress -= 1;
            }
        }
        let peer = self.peers.get_mut(window.peer);
        peer.users -= 1;
        peer.windows -= 1;
    }

    /// Whether a process here has a request of this client, or waits until its reply is acknowledged: then the client
    /// is not forgotten, however silent it is.
    #[cold]
    pub(super) fn is_running(&self, window: u32) -> bool {
        self.windows.get(window).slots().any(|slot| {
            let served = &self.served[slot as usize];
            served.state.is_in_progress() || served.sender.is_some()
        })
    }

    /// An incarnation has not proved itself. What it asked for and nobody has taken is forgotten; what ran is not, or a
    /// late duplicate would run again.
    #[cold]
    pub(super) fn drop_unproved(&mut self, peer: u32, candidate: Epoch, port: &mut Port<'_>) {
        self.drop_windows(peer, |window| window.epoch == candidate && !window.ran, port);
    }

    /// `proved` lives, and its machine's other incarnations are gone. What a later epoch ran is kept all the same: a late
    /// packet of it would be taken for the next incarnation's, not for an old one's.
    #[cold]
    pub(super) fn drop_others(&mut self, peer: u32, proved: Epoch, port: &mut Port<'_>) {
        let gone = |window: &Window| window.epoch < proved || (window.epoch > proved && !window.ran);
        self.drop_windows(peer, gone, port);
    }

    /// Forgets the clients of some incarnations of a machine. Who waits for an acknowledgement of theirs is told.
    #[cold]
    fn drop_windows(&mut self, peer: u32, gone: impl Fn(&Window) -> bool, port: &mut Port<'_>) {
        let of_peer = self.windows.of_peer(peer);
        let windows: alloc::vec::Vec<_> = of_peer.filter(|slot| gone(self.windows.get(*slot))).collect();
        for window in windows {
            for slot in self.windows.get(window).slots() {
                if let Some(token) = self.served[slot as usize].sender.take() {
                    let result = Err(ReplyError::Abandoned);
                    port.effects.push(Effect::ReplySettled { token, result });
                }
            }
            self.drop_arrivals(window, port);
            self.drop_window(window);
        }
    }

    /// What is on its way from this client has no room any more.
    #[cold]
    pub(super) fn drop_arrivals(&mut self, window: u32, port: &mut Port<'_>) {
        let slots: alloc::vec::Vec<_> = self.windows.get(window).slots().collect();
        for slot in slots {
            let receiving = self.served[slot as usize].receiving.take();
            self.stop_receiving(receiving, port);
        }
    }

    #[cold]
    pub(super) fn on_served_timer(&mut self, slot: u32, port: &mut Port<'_>) {
        let Some(served) = self.served.get_mut(slot as usize) else { return };
        let sequence = served.sequence;
        let late = matches!(served.state, State::Queued | State::Executing);
        let timer = if late { Timer::LateAck { sequence } } else { Timer::Reply { sequence } };
        port.tracer.cause(port.events, || What::Timer { timer });
        let event = if late {
            Event::Late
        } else if served.tries >= self.config.retries {
            Event::Exhausted
        } else {
            served.tries += 1;
            Event::Timeout
        };
        self.on_server_event(slot, event, port);
    }

    /// Under REQ-ACK-REP-ACK the reply is sent again until it is acknowledged.
    fn arm_reply(&mut self, slot: u32, now: Instant) {
        let served = &self.served[slot as usize];
        // One that goes in pieces has a timer of its own.
        if served.manner.reliability == Reliability::AckEach && served.sending.is_none() {
            let wait = self.peers.get(served.peer).round_trip.timeout(&self.config);
            let wait = wait.saturating_mul(1 << served.tries.min(16)).min(nanos(self.config.retransmit_max));
            self.timers.arm(served.timer, now.plus_nanos(wait));
        }
    }
}
