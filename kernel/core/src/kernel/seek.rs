//! Requests to sparse ids (slide 16): what waits until an id is found, and what follows it when it has moved.
//!
//! AU says that the process is not there, so the request was not run: the place is dropped, searched for again, and
//! the request goes to where it is found. Silence drops the place too, but a request that must not run twice is not
//! sent elsewhere on silence.
use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use bytes::Bytes;

use super::{Entry, Kernel, Out, Outcome, port};
use crate::config::{Planted, Reliability, Semantics};
use crate::error::{CallError, Unsent};
use crate::exchange::{Request, Sought};
use crate::ids::{Address, LocalId, Path, SparseId};
use crate::limits;
use crate::locate::Due;
use crate::process::{ReplyTo, Ticket, WaitToken};
use crate::time::Instant;
use crate::trace::{BlockedOn, Fate, Timer, What};
use crate::wire::{Kind, View};

/// What waits until a sparse id is found.
#[derive(Debug)]
pub(super) enum Seeker {
    /// A request, to be sent then. Its address says nothing yet.
    Request(Request),
    /// A question alone.
    Question(WaitToken),
}

impl Seeker {
    /// The wait that is over when the search fails, if there is one.
    fn token(&self) -> Option<WaitToken> {
        match self {
            Self::Question(token) => Some(*token),
            Self::Request(request) => awaited(request),
        }
    }
}

/// The wait that a request ends.
fn awaited(request: &Request) -> Option<WaitToken> {
    request.sender.or(match request.reply_to {
        ReplyTo::Call(token) => Some(token),
        _ => None,
    })
}

/// What a client is told. Where it was sent last a request was not run; but if it was sent before to a place that fell
/// silent, it may have run there.
pub(super) const fn after_silence(error: CallError, may_have_run: bool) -> CallError {
    match error {
        CallError::NotLocated
        | CallError::NoSuchProcess
        | CallError::CrashedNotExecuted
        | CallError::Refused
        | CallError::TooMany
            if may_have_run =>
        {
            CallError::NoAnswer
        }
        _ => error,
    }
}

/// All seekers, by whom they seek, first come first.
#[derive(Debug, Default)]
pub(super) struct Seekers {
    by_sparse: BTreeMap<SparseId, VecDeque<Seeker>>,
    count: usize,
}

impl Seekers {
    pub(super) const fn is_full(&self) -> bool {
        self.count >= limits::SEEKERS_MAX
    }

    fn push(&mut self, sparse: SparseId, seeker: Seeker) {
        self.count += 1;
        self.by_sparse.entry(sparse).or_default().push_back(seeker);
    }

    fn take_all(&mut self, sparse: SparseId) -> VecDeque<Seeker> {
        let seekers = self.by_sparse.remove(&sparse).unwrap_or_default();
        self.count -= seekers.len();
        seekers
    }

    /// Takes out whose wait is given up; returns its message, and whether nobody seeks the id any more.
    fn forget(&mut self, sparse: SparseId, token: WaitToken) -> (Bytes, bool) {
        let Some(seekers) = self.by_sparse.get_mut(&sparse) else { return (Bytes::new(), true) };
        let place = seekers.iter().position(|seeker| seeker.token() == Some(token));
        let message = match place.and_then(|place| seekers.remove(place)) {
            Some(seeker) => {
                self.count -= 1;
                if let Seeker::Request(request) = seeker { request.message } else { Bytes::new() }
            }
            None => Bytes::new(),
        };
        let empty = seekers.is_empty();
        if empty {
            self.by_sparse.remove(&sparse);
        }
        (message, empty)
    }
}

impl Kernel {
    /// Where a sparse id is, as far as is known: here, or where it was found last.
    pub(super) fn resolve(&self, sparse: SparseId) -> Option<Address> {
        match self.processes.find_sparse(sparse) {
            Some(local) => Some(Address::new(self.machine, local)),
            None => self.locate.place(sparse),
        }
    }

    /// Whether one more may wait for `sparse` to be found.
    pub(super) fn check_seek(&self, sparse: SparseId) -> Result<(), CallError> {
        let room = self.locate.is_sought(sparse) || self.locate.has_room();
        if self.seekers.is_full() || !room { Err(CallError::TooMany) } else { Ok(()) }
    }

    /// Lets a seeker that was checked wait, and searches, if nobody does already.
    #[cold]
    pub(super) fn seek(&mut self, now: Instant, sparse: SparseId, seeker: Seeker, out: &mut Out) {
        self.seekers.push(sparse, seeker);
        if !self.locate.is_sought(sparse) {
            let nonce = self.nonces.next();
            self.locate.search(sparse, nonce, now);
            self.exchange.broadcast_locate(sparse, nonce, &mut port!(self, now, out));
        }
    }

    /// A process asks where a sparse id is. With `anew` what is known does not count.
    #[cold]
    pub(super) fn trap_locate(
        &mut self,
        now: Instant,
        process: LocalId,
        sparse: SparseId,
        anew: bool,
        out: &mut Out,
    ) -> Entry {
        let unsent = |error| Entry::Done(Outcome::Unsent(Unsent { error, message: Bytes::new() }));
        if !self.processes.contains(process) {
            return unsent(CallError::NoCaller);
        }
        if anew && let Some(address) = self.locate.place(sparse) {
            self.mislay(sparse, address, out);
        }
        if let Some(address) = self.resolve(sparse) {
            return Entry::Done(Outcome::Located(address));
        }
        if self.waits.is_full() {
            return unsent(CallError::TooMany);
        }
        if let Err(error) = self.check_seek(sparse) {
            return unsent(error);
        }
        let on = BlockedOn::Locate(sparse);
        let token = self.waits.open(process, on);
        self.seek(now, sparse, Seeker::Question(token), out);
        self.trace_blocked(process, on, Entry::Wait(token), out)
    }

    /// Nobody waits any more for what `token` sought; the message comes back.
    #[cold]
    pub(super) fn stop_seeking(&mut self, sparse: SparseId, token: WaitToken) -> Bytes {
        let (message, nobody) = self.seekers.forget(sparse, token);
        if nobody {
            self.locate.end_search(sparse);
        }
        message
    }

    /// LOCATE: answered if the process is here.
    #[cold]
    pub(super) fn handle_locate(&mut self, now: Instant, path: Path, view: &View<'_>, out: &mut Out) -> Fate {
        let Kind::Locate { sparse, .. } = view.header().kind else { return Fate::Unsupported };
        match self.processes.find_sparse(sparse) {
            // What we have broadcast ourselves may come back to us.
            Some(local) if path.remote != self.machine => {
                self.exchange.handle_locate(path, view, local, &mut port!(self, now, out))
            }
            _ => Fate::NotHere,
        }
    }

    /// HERE: whoever waited for this place goes there.
    #[cold]
    pub(super) fn handle_here(&mut self, now: Instant, path: Path, view: &View<'_>, out: &mut Out) -> Fate {
        let Kind::Here { sparse, nonce } = view.header().kind else { return Fate::Unsupported };
        // Who is here is known here: whatever says so from outside is forged.
        if path.remote == self.machine || !self.locate.expects(sparse, nonce) {
            return Fate::NotAwaited;
        }
        match self.exchange.handle_here(path, view, &mut port!(self, now, out)) {
            Ok(address) => {
                self.locate.learn(sparse, address);
                self.on_located(now, sparse, address, out);
                Fate::Accepted
            }
            Err(fate) => fate,
        }
    }

    /// A sparse id is found: here, or by HERE.
    #[cold]
    pub(super) fn on_located(&mut self, now: Instant, sparse: SparseId, address: Address, out: &mut Out) {
        if !self.locate.end_search(sparse) {
            return;
        }
        self.tracer.event(&mut out.events, || What::Located { sparse, address });
        for seeker in self.seekers.take_all(sparse) {
            match seeker {
                Seeker::Question(token) => self.finish(token, Outcome::Located(address), out),
                Seeker::Request(request) => self.send_found(now, Request { to: address, ..request }, out),
            }
        }
    }

    /// Sends a request that has waited for its receiver's place.
    #[cold]
    fn send_found(&mut self, now: Instant, request: Request, out: &mut Out) {
        let call = matches!(request.reply_to, ReplyTo::Call(_));
        let on = if call { BlockedOn::Call(request.to) } else { BlockedOn::Send(request.to) };
        let token = awaited(&request);
        if let Some(token) = token {
            self.waits.wait_on(token, on);
            if request.to.machine == self.machine {
                self.send_here(now, request, token, out);
                return;
            }
        }
        match self.exchange.check_request(request.to.machine, now) {
            Ok(()) => self.exchange.send(request, &mut port!(self, now, out)),
            Err(error) => self.give_up(now, request, error, out),
        }
    }

    /// The place of a sparse id is believed no longer.
    #[cold]
    pub(super) fn mislay(&mut self, sparse: SparseId, address: Address, out: &mut Out) {
        if self.locate.drop_place(sparse, address) {
            self.tracer.event(&mut out.events, || What::Mislaid { sparse, address });
        }
    }

    /// A request has failed. If it was for a sparse id that is known not to have run it, it follows the id.
    #[cold]
    pub(super) fn on_failed(&mut self, now: Instant, request: Request, error: CallError, out: &mut Out) {
        let Some(Sought { sparse, moves, may_have_run }) = request.sought else {
            return self.give_up(now, request, error, out);
        };
        let not_run = matches!(error, CallError::NoSuchProcess | CallError::CrashedNotExecuted);
        let repeats = request.options.semantics == Semantics::AtLeastOnce
            && request.options.reliability != Reliability::Unreliable;
        let silent = error == CallError::NoAnswer;
        if not_run || silent || error == CallError::CrashedUnknown {
            self.mislay(sparse, request.to, out);
        }
        // After a send was over its buffer is its owner's again, and there is nothing to send.
        let has_message = request.sender.is_some() || request.reply_to != ReplyTo::Mailbox;
        let repeats = repeats || self.config().breaks(Planted::ResentOnSilence);
        let follows = has_message && (not_run || (silent && repeats)) && moves < limits::MOVES_MAX;
        if !follows || self.check_seek(sparse).is_err() {
            return self.give_up(now, request, error, out);
        }
        let sought = Some(Sought { sparse, moves: moves + 1, may_have_run: may_have_run || silent });
        let request = Request { sought, ..request };
        if let Some(token) = awaited(&request) {
            self.waits.wait_on(token, BlockedOn::Locate(sparse));
        }
        match self.resolve(sparse) {
            Some(address) => self.send_found(now, Request { to: address, ..request }, out),
            None => self.seek(now, sparse, Seeker::Request(request), out),
        }
    }

    /// Tells whoever sent a request that it has failed.
    #[cold]
    pub(super) fn give_up(&mut self, now: Instant, request: Request, error: CallError, out: &mut Out) {
        let Request { process, to, message, reply_to, sender, sought, .. } = request;
        let error = after_silence(error, sought.is_some_and(|sought| sought.may_have_run));
        let error = match (reply_to, error) {
            // Refused were the copies that came; one that is late may still run, and no AU says just that.
            (ReplyTo::Client(Ticket::Remote(_)), CallError::Refused) => CallError::CrashedUnknown,
            _ => error,
        };
        let unsent = Unsent { error, message };
        match (sender, reply_to) {
            (Some(token), _) => self.finish(token, Outcome::Unsent(unsent), out),
            (None, reply_to) => self.fail(now, process, to, reply_to, unsent, out),
        }
    }

    /// Searches whose time is over go on, or have failed.
    pub(super) fn expire_searches(&mut self, now: Instant, out: &mut Out) {
        if self.locate.next_deadline().is_none_or(|next| next > now) {
            return;
        }
        let mut due = Vec::new();
        self.locate.expire(now, &mut due);
        for due in due {
            self.tracer.cause(&mut out.events, || What::Timer { timer: Timer::Locate });
            match due {
                Due::Again(sparse, nonce) => {
                    self.exchange.broadcast_locate(sparse, nonce, &mut port!(self, now, out));
                }
                Due::Failed(sparse) => {
                    for seeker in self.seekers.take_all(sparse) {
                        self.not_located(now, seeker, out);
                    }
                }
            }
        }
    }

    #[cold]
    fn not_located(&mut self, now: Instant, seeker: Seeker, out: &mut Out) {
        let error = CallError::NotLocated;
        match seeker {
            Seeker::Question(token) => {
                self.finish(token, Outcome::Unsent(Unsent { error, message: Bytes::new() }), out);
            }
            Seeker::Request(request) => self.give_up(now, request, error, out),
        }
    }
}
