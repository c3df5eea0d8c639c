//! A process's handle on the kernel: send, receive, and what is made of them.
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use crossbeam_channel::Sender;
use sendrec_core::{
    Address, CallError, Epoch, From, Handing, LocalId, Options, Outcome, ReceiveError, Received, ReplyError,
    Source, SparseId, SpawnError, SpawnOptions, Syscall, Target,
};

use crate::Trap;
use crate::completion::{Completion, Slot};
use crate::error::{Down, PingError, SendError, SendFailure};
use crate::message::{Message, To};

/// How one send or call is to go. [`Process::how`] gives the configuration's way; change what is to differ.
#[derive(Clone, Copy, Debug)]
pub struct How {
    /// Reliability and semantics.
    pub options: Options,
    /// How long to wait at most; `None` waits for as long as the protocol does.
    pub timeout: Option<Duration>,
}

/// A process. While the handle lives so does the process; dropping it ends the process.
///
/// # When a blocking send returns
///
/// | reliability | a request, or one-way | a reply |
/// |---|---|---|
/// | unreliable | handed to the network | handed to the network |
/// | every message acknowledged | its ACK is here | its ACK is here |
/// | the reply acknowledges | its ACK or its REP is here | handed to the network; the kernel keeps it until acknowledged |
///
/// To a process of the same kernel: when the message is in its mailbox.
///
/// Where the driver's gate may be shared between threads, so may the handle: several threads may receive from the
/// one mailbox, and any number of sends may be outstanding. Such a process is to be spawned with
/// [`SpawnOptions::threads`], or a wait of one thread may be taken for a deadlock of all.
///
/// TA breaks first-in-first-out between two messages of one sender: the one refused is sent again later.
#[derive(Debug)]
pub struct Process<'t, T: Trap + ?Sized> {
    gate: &'t T,
    id: LocalId,
}

impl<'t, T: Trap + ?Sized> Process<'t, T> {
    /// A new process behind `gate`.
    pub fn spawn(gate: &'t T, options: SpawnOptions) -> Result<Self, SpawnError> {
        let id = gate.spawn(options)?;
        Ok(Self { gate, id })
    }

    /// The handle of a process that the driver has made already; from here on it lives as long as the handle.
    pub const fn adopt(gate: &'t T, id: LocalId) -> Self {
        Self { gate, id }
    }

    /// Its local id.
    pub const fn id(&self) -> LocalId {
        self.id
    }

    /// Where others reach it.
    pub fn address(&self) -> Address {
        Address::new(self.gate.machine(), self.id)
    }

    /// The gate it stands behind.
    pub const fn gate(&self) -> &'t T {
        self.gate
    }

    /// The configuration's way to send, without a time-out.
    pub fn how(&self) -> How {
        How { options: self.gate.options(), timeout: None }
    }

    /// Sends a request to a process, or the reply to a source, and blocks as the table of this type says.
    /// The reply to a request comes by [`Process::receive`].
    pub fn send(&self, to: impl Into<To>, message: impl Message) -> Result<(), SendError> {
        self.send_with(to, message, self.how())
    }

    /// As [`Process::send`], another way than the configuration's.
    pub fn send_with<M: Message>(&self, to: impl Into<To>, message: M, how: How) -> Result<(), SendError> {
        let call = send_call(to.into(), message, how.options, true);
        sent(self.enter(call, how.timeout)).map(drop)
    }

    /// Sends a message that wants no reply.
    pub fn send_one_way<M: Message>(
        &self,
        to: impl Into<Target>,
        message: M,
        how: How,
    ) -> Result<(), SendError> {
        let (to, message, options) = (to.into(), message.into_bytes(), how.options);
        let (one_way, blocking, handing) = (true, true, M::HANDING);
        let call = Syscall::Send { to, message, options, one_way, blocking, handing };
        sent(self.enter(call, how.timeout)).map(drop)
    }

    /// Copies a request or reply into the kernel and returns: the buffer may be used again at once. The completion
    /// says when the message is as safe as a blocking send would wait for.
    pub fn send_copied(&self, to: impl Into<To>, message: &[u8]) -> Completion<Result<(), SendError>> {
        let call = send_call(to.into(), message, self.gate.options(), false);
        Completion::new(self.gate.submit(self.id, call), |outcome| sent(outcome).map(drop))
    }

    /// Lends a buffer to the kernel and returns; the completion gives the buffer back when the message is as safe as a
    /// blocking send would wait for. Nothing is copied on the way in, nor on the way back unless somebody still has
    /// the message: a process of the same kernel, or a kernel that keeps it as a reply.
    pub fn send_owned(
        &self,
        to: impl Into<To>,
        message: BytesMut,
    ) -> Completion<Result<BytesMut, SendError>> {
        let call = send_call(to.into(), Lent(message), self.gate.options(), false);
        Completion::new(self.gate.submit(self.id, call), |outcome| sent(outcome).map(BytesMut::from))
    }

    /// Sends a request and waits for its reply: send and receive in one, with the reply kept apart from all others.
    pub fn call(&self, to: impl Into<Target>, message: impl Message) -> Result<Bytes, SendError> {
        self.call_with(to, message, self.how())
    }

    /// As [`Process::call`], another way than the configuration's.
    pub fn call_with<M: Message>(
        &self,
        to: impl Into<Target>,
        message: M,
        how: How,
    ) -> Result<Bytes, SendError> {
        called(self.enter(call(to.into(), message, how.options, true), how.timeout))
    }

    /// Starts a call; the completion brings its reply.
    pub fn start_call(
        &self,
        to: impl Into<Target>,
        message: impl Message,
    ) -> Completion<Result<Bytes, SendError>> {
        self.start_call_with(to, message, self.gate.options())
    }

    /// As [`Process::start_call`], another way than the configuration's.
    pub fn start_call_with(
        &self,
        to: impl Into<Target>,
        message: impl Message,
        options: Options,
    ) -> Completion<Result<Bytes, SendError>> {
        Completion::new(self.gate.submit(self.id, call(to.into(), message, options, false)), called)
    }

    /// Starts a receive; the completion brings the message.
    pub fn start_receive(&self, from: From) -> Completion<Result<Received, ReceiveError>> {
        Completion::new(
            self.gate.submit(self.id, Syscall::Receive { from, wait: true, blocking: false }),
            received,
        )
    }

    /// Interrupts (slide 17): each message for this process, and each failure, goes into the channel, whose other end a
    /// thread of the caller's choice reads. Ends when that end is dropped, or with the process. What is in the channel is
    /// not in the mailbox any more, so the mailbox's bounds do not hold for it: one who wants a bound receives. A channel
    /// that can be full is not for this, since whoever delivers would wait for its reader.
    pub fn on_message(&self, from: From, messages: Sender<Result<Received, ReceiveError>>) {
        let deliver = move |outcome| {
            let message = received(outcome);
            let over = matches!(
                message,
                Err(ReceiveError::Cancelled
                    | ReceiveError::NoProcess
                    | ReceiveError::NoSuchProcess(_)
                    | ReceiveError::TooMany
                    | ReceiveError::Down)
            );
            messages.send(message).is_ok() && !over
        };
        self.gate.subscribe(self.id, from, Box::new(deliver));
    }

    /// Where the process with this sparse id is (slide 16): as last found, or by asking everyone. With `anew`, by asking
    /// whatever is known.
    pub fn locate(
        &self,
        sparse: SparseId,
        anew: bool,
        timeout: Option<Duration>,
    ) -> Result<Address, CallError> {
        located(self.enter(Syscall::Locate { sparse, anew }, timeout))
    }

    /// The next message, of anybody or of one process; waits until there is one.
    pub fn receive(&self, from: From) -> Result<Received, ReceiveError> {
        received(self.enter(Syscall::Receive { from, wait: true, blocking: true }, None))
    }

    /// As [`Process::receive`], but no longer than `timeout`.
    pub fn receive_within(&self, from: From, timeout: Duration) -> Result<Received, ReceiveError> {
        received(self.enter(Syscall::Receive { from, wait: true, blocking: true }, Some(timeout)))
    }

    /// The next message if there is one now.
    pub fn try_receive(&self, from: From) -> Result<Option<Received>, ReceiveError> {
        match self.enter(Syscall::Receive { from, wait: false, blocking: false }, None) {
            Outcome::Nothing => Ok(None),
            outcome => received(outcome).map(Some),
        }
    }

    /// The reply to a source; another name for [`Process::send`] to it.
    pub fn reply(&self, source: Source, message: impl Message) -> Result<(), SendError> {
        self.send(source, message)
    }

    /// Replies to a source, and then waits for the next message: [`Process::reply`] and [`Process::receive`], in one entry into
    /// the kernel where a message waits already. What a server does between two requests (L4's reply and wait, Liedtke
    /// 1993).
    ///
    /// # Errors
    /// The reply failed, and nothing was received.
    pub fn reply_and_receive<M: Message>(
        &self,
        source: Source,
        message: M,
        from: From,
    ) -> Result<Result<Received, ReceiveError>, SendError> {
        let reply = send_call(To::Source(source), message, self.gate.options(), true);
        match self.gate.reply_and_receive(self.id, reply, from) {
            Ok(next) => Ok(received(next)),
            Err(failed) => Err(match sent(failed) {
                Err(error) => error,
                Ok(message) => SendError { failure: SendFailure::Reply(ReplyError::Down), message },
            }),
        }
    }

    /// Hands a request on: `to` gets `message` and answers it in this process's stead.
    pub fn forward(&self, source: Source, message: impl Message, to: Address) -> Result<(), SendError> {
        let call = Syscall::Forward { source, message: message.into_bytes(), to };
        sent(self.enter(call, None)).map(drop)
    }

    /// Asks whether a process lives (AYA); returns its machine's incarnation and since when that lives. One packet
    /// goes and nothing is sent again, so `timeout` is what a lost one costs.
    pub fn ping(&self, to: Address, timeout: Duration) -> Result<(Epoch, Duration), PingError> {
        alive(self.enter(Syscall::Ping { to }, Some(timeout)))
    }

    /// Starts a ping. It has no deadline: who waits no longer cancels it.
    pub fn start_ping(&self, to: Address) -> Completion<Result<(Epoch, Duration), PingError>> {
        Completion::new(self.gate.submit(self.id, Syscall::Ping { to }), alive)
    }

    /// Starts a [`Process::locate`].
    pub fn start_locate(&self, sparse: SparseId, anew: bool) -> Completion<Result<Address, CallError>> {
        Completion::new(self.gate.submit(self.id, Syscall::Locate { sparse, anew }), located)
    }

    /// Waits for a completion.
    pub fn wait<R>(&self, mut completion: Completion<R>) -> R {
        loop {
            self.gate.wait(completion.slot(), None);
            match completion.test() {
                Ok(result) => return result,
                Err(pending) => completion = pending,
            }
        }
    }

    /// Takes a call back that nobody wants to wait for any longer. It may run all the same; its reply goes nowhere.
    /// What had come of it already is returned.
    pub fn cancel<R>(&self, completion: Completion<R>) -> Option<R> {
        self.gate.cancel(completion.slot());
        completion.test().ok()
    }

    /// Waits for a completion, but no longer than `timeout`; then it is handed back, and its call goes on.
    pub fn wait_within<R>(&self, completion: Completion<R>, timeout: Duration) -> Result<R, Completion<R>> {
        let deadline = self.gate.now() + timeout;
        self.gate.wait(completion.slot(), Some(deadline));
        completion.test()
    }

    /// Lets so much time pass, or less if the kernel goes down.
    pub fn sleep(&self, span: Duration) {
        self.gate.wait(&never(), Some(self.gate.now() + span));
    }

    /// Whether the kernel is down: nothing comes of any call any more.
    pub fn is_down(&self) -> bool {
        self.gate.wait(&never(), Some(self.gate.now()))
    }

    fn enter(&self, call: Syscall, timeout: Option<Duration>) -> Outcome {
        let deadline = timeout.map(|timeout| self.gate.now() + timeout);
        self.gate.enter(self.id, call, deadline)
    }
}

impl<T: Trap + ?Sized> Drop for Process<'_, T> {
    fn drop(&mut self) {
        self.gate.exit(self.id);
    }
}

/// A slot that nothing fills but a kernel that goes down.
fn never() -> Arc<Slot> {
    Slot::new(None, Down::Request)
}

/// A buffer that its owner wants back.
struct Lent(BytesMut);

impl Message for Lent {
    const HANDING: Handing = Handing::Lent;

    fn into_bytes(self) -> Bytes {
        self.0.freeze()
    }
}

fn send_call<M: Message>(to: To, message: M, options: Options, blocking: bool) -> Syscall {
    let (message, handing, one_way) = (message.into_bytes(), M::HANDING, false);
    match to {
        To::Process(to) => Syscall::Send { to, message, options, one_way, blocking, handing },
        To::Source(source) => Syscall::Reply { source, message, blocking, handing },
    }
}

fn call<M: Message>(to: Target, message: M, options: Options, blocking: bool) -> Syscall {
    Syscall::Call { to, message: message.into_bytes(), options, blocking, handing: M::HANDING }
}

/// What a send or reply came to: the buffer back, or why not.
fn sent(outcome: Outcome) -> Result<Bytes, SendError> {
    match outcome {
        Outcome::Sent(message) | Outcome::Replied(message) => Ok(message),
        Outcome::Unsent(unsent) => {
            Err(SendError { failure: SendFailure::Request(unsent.error), message: unsent.message })
        }
        Outcome::NotReplied { error, message } => {
            Err(SendError { failure: SendFailure::Reply(error), message })
        }
        _ => Err(SendError { failure: SendFailure::Reply(ReplyError::Down), message: Bytes::new() }),
    }
}

fn called(outcome: Outcome) -> Result<Bytes, SendError> {
    match outcome {
        Outcome::Received(received) => Ok(received.message),
        outcome => Err(match sent(outcome) {
            Err(error) => error,
            Ok(message) => SendError { failure: SendFailure::Request(CallError::Down), message },
        }),
    }
}

fn alive(outcome: Outcome) -> Result<(Epoch, Duration), PingError> {
    match outcome {
        Outcome::Alive { epoch, uptime } => Ok((epoch, uptime)),
        Outcome::Unsent(unsent) => Err(unsent.error),
        _ => Err(CallError::Down),
    }
}

fn located(outcome: Outcome) -> Result<Address, CallError> {
    match outcome {
        Outcome::Located(address) => Ok(address),
        Outcome::Unsent(unsent) => Err(unsent.error),
        _ => Err(CallError::Down),
    }
}

fn received(outcome: Outcome) -> Result<Received, ReceiveError> {
    match outcome {
        Outcome::Received(received) => Ok(received),
        Outcome::NotReceived(error) => Err(error),
        _ => Err(ReceiveError::Down),
    }
}
