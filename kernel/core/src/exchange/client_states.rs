//! The client's side of one request, as a table of state x event.
//!
//! Pure: what the step does is the business of `client.rs`. A snapshot pins every cell.
use crate::error::CallError;

/// Where a request stands at the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// The window is full: it has not been sent.
    Held,
    /// REQ is on its way.
    Sent,
    /// TA came: it will be sent again after a wait.
    Deferred,
    /// ACK came: the server has it.
    Acknowledged,
    /// AYA asks whether the server still lives.
    Probing,
    /// Another incarnation answered: AYA asks it, by a nonce, since when it lives.
    Doubted,
    /// It is over.
    Closed,
}

/// What may happen to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// The floor has moved: it is inside the window.
    Open,
    /// ACK of the request.
    Ack,
    /// ACK of a one-way message: all there is to come.
    FinalAck,
    /// REP.
    Rep,
    /// TA for the copy sent last.
    Ta,
    /// IAA: queued or running, and its owner lives.
    Iaa,
    /// AU: nobody has the local id.
    NoProcess,
    /// AU: its process ended before it ran.
    DiedQueued,
    /// AU: its process ended while it ran.
    DiedExecuting,
    /// AU: no such request there.
    Unknown,
    /// AU: the reply was thrown away.
    Discarded,
    /// AU: another incarnation lives there.
    Stale,
    /// Proved: the incarnation that has the request lives.
    SameIncarnation,
    /// Proved: another incarnation lives, and has since before the request was first sent.
    ElderIncarnation,
    /// Proved: another incarnation lives, and has not for as long.
    YoungerIncarnation,
    /// At least once, and the server says or shows that it has nothing of it.
    Restart,
    /// Its timer fired, and there are tries left.
    Timeout,
    /// Its timer fired, and there are none.
    Exhausted,
    /// Nobody waits for it any more.
    Cancel,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Nothing.
    Ignore,
    /// Send REQ for the first time.
    Transmit,
    /// Send REQ again.
    Retransmit,
    /// Send REQ again, naming the incarnation that was proved.
    Readdress,
    /// Wake a blocked sender; wait for the reply.
    NoteAck,
    /// A blocked sender was told before; wait on.
    Wait,
    /// Wait, with jitter, before sending again.
    BackOff,
    /// Send AYA naming the request.
    Probe,
    /// Send AYA with a nonce to the machine.
    Challenge,
    /// Hand over the reply and acknowledge it.
    Deliver,
    /// A one-way message has arrived: done.
    Complete,
    /// Tell the caller why there will be no reply.
    Fail(CallError),
    /// Take it back without a word.
    Drop,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Held,
        Self::Sent,
        Self::Deferred,
        Self::Acknowledged,
        Self::Probing,
        Self::Doubted,
        Self::Closed,
    ];
}

impl Event {
    /// All of them.
    pub const ALL: [Self; 19] = [
        Self::Open,
        Self::Ack,
        Self::FinalAck,
        Self::Rep,
        Self::Ta,
        Self::Iaa,
        Self::NoProcess,
        Self::DiedQueued,
        Self::DiedExecuting,
        Self::Unknown,
        Self::Discarded,
        Self::Stale,
        Self::SameIncarnation,
        Self::ElderIncarnation,
        Self::YoungerIncarnation,
        Self::Restart,
        Self::Timeout,
        Self::Exhausted,
        Self::Cancel,
    ];
}

/// The table. What is not named is ignored and changes nothing.
#[inline]
pub const fn step(state: State, event: Event) -> (State, Action) {
    use Action as A;
    use CallError as C;
    use Event as E;
    use State as S;
    match (state, event) {
        (S::Closed, _) => (S::Closed, A::Ignore),
        (_, E::Cancel) => (S::Closed, A::Drop),

        (S::Held, E::Open) => (S::Sent, A::Transmit),
        (S::Held, _) => (S::Held, A::Ignore),

        // Whatever is known so far, an answer is an answer.
        (_, E::Rep) => (S::Closed, A::Deliver),
        (_, E::FinalAck) => (S::Closed, A::Complete),
        // Somebody had the local id when it was acknowledged: this is the answer to an earlier copy.
        (S::Acknowledged | S::Probing, E::NoProcess) => (state, A::Ignore),
        (_, E::NoProcess) => (S::Closed, A::Fail(C::NoSuchProcess)),
        (_, E::DiedQueued) => (S::Closed, A::Fail(C::CrashedNotExecuted)),
        (_, E::DiedExecuting) => (S::Closed, A::Fail(C::CrashedUnknown)),
        (_, E::Discarded) => (S::Closed, A::Fail(C::ReplyDiscarded)),
        (_, E::YoungerIncarnation) => (S::Closed, A::Fail(C::CrashedUnknown)),
        (_, E::Restart) => (S::Sent, A::Retransmit),
        (S::Doubted, E::Stale) => (S::Doubted, A::Ignore),
        (_, E::Stale) => (S::Doubted, A::Challenge),

        (S::Sent | S::Deferred | S::Doubted, E::Ack | E::Iaa) => (S::Acknowledged, A::NoteAck),
        (S::Acknowledged | S::Probing, E::Ack | E::Iaa) => (S::Acknowledged, A::Wait),

        // TA is valid only before the ACK.
        (S::Sent, E::Ta) => (S::Deferred, A::BackOff),

        // Only one that was acknowledged can have been forgotten.
        (S::Acknowledged | S::Probing, E::Unknown) => (S::Closed, A::Fail(C::CrashedUnknown)),

        (S::Doubted, E::SameIncarnation) => (S::Sent, A::Retransmit),
        (S::Sent | S::Deferred | S::Doubted, E::ElderIncarnation) => (S::Sent, A::Readdress),
        // The incarnation that acknowledged it is gone, however old the next one is.
        (S::Acknowledged | S::Probing, E::ElderIncarnation) => (S::Closed, A::Fail(C::CrashedUnknown)),

        (S::Sent | S::Deferred, E::Timeout) => (S::Sent, A::Retransmit),
        (S::Acknowledged | S::Probing, E::Timeout) => (S::Probing, A::Probe),
        (S::Doubted, E::Timeout) => (S::Doubted, A::Challenge),
        (S::Deferred, E::Exhausted) => (S::Closed, A::Fail(C::Refused)),
        (_, E::Exhausted) => (S::Closed, A::Fail(C::NoAnswer)),

        (state, _) => (state, A::Ignore),
    }
}
