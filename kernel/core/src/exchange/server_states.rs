//! The server's side of one request, as a table of state x event.
//!
//! Pure: what the step does is the business of `server.rs`. A snapshot pins every cell.
use crate::wire::{AuReason, IaaStatus};

/// Where a request stands at the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// A longer message, and not all of it is here.
    Arriving,
    /// Kept for a while by a process that keeps no mailbox (slide 18): not acknowledged, and perhaps thrown away.
    Kept,
    /// In its process's mailbox.
    Queued,
    /// Taken by its process, or forwarded.
    Executing,
    /// Answered; the reply is kept until it is acknowledged.
    Replied,
    /// Over: acknowledged, or wanting nothing more. Only its number is kept, against duplicates.
    Settled,
    /// Answered, and the reply thrown away to make room.
    Evicted,
    /// Its process ended before it took the request.
    DiedQueued,
    /// Its process ended while it ran the request.
    DiedExecuting,
    /// Nobody remembers it.
    Gone,
}

/// What may happen to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// All of it is here, and its process keeps a mailbox.
    Whole,
    /// All of it is here, and its process keeps it for a while at most.
    WholeKept,
    /// All of it is here, and it wants no reply.
    WholeOneWay,
    /// A part of another sending of it, where it may run more than once.
    Resent,
    /// The same REQ again.
    Duplicate,
    /// The same REQ again, where it may run more than once.
    Rerun,
    /// AYA naming it.
    Aya,
    /// The client's ACK of the reply.
    Ack,
    /// The client does not await it any more, answered or not; duplicates of it may still come.
    Abandon,
    /// The floor has passed it: no duplicate of it will be looked at.
    Passed,
    /// Its process takes it.
    Take,
    /// Its process takes it, and it wants no reply.
    TakeOneWay,
    /// It was kept long enough, and nobody has wanted it.
    Expire,
    /// Its process answers, and the answer is kept until acknowledged.
    ReplyKept,
    /// Its process answers, and the answer is not kept.
    ReplyLoose,
    /// The late-ACK timer (slide 19c).
    Late,
    /// The reply's own timer, with tries left.
    Timeout,
    /// The reply's own timer, with none.
    Exhausted,
    /// The cache needs room.
    Evict,
    /// Its process ends.
    ProcessEnds,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Nothing.
    Ignore,
    /// Send ACK.
    SendAck,
    /// Acknowledge it as its client wants that done when it arrives: now, or once its reply is late.
    Acknowledge,
    /// Hand the message to the process again.
    DeliverAgain,
    /// Make room, and put the parts together again.
    Gather,
    /// Send IAA.
    SendIaa(IaaStatus),
    /// Send AU.
    SendAu(AuReason),
    /// Send REP for the first time.
    SendRep,
    /// Send REP again, from the cache.
    RepeatRep,
    /// Release the reply, tell a process that waits for its acknowledgement.
    Release,
    /// Release the reply, tell a process that waits that it was not acknowledged.
    GiveUp,
    /// Forget it.
    Forget,
}

impl State {
    /// Whether it may still run, or runs.
    pub const fn is_in_progress(self) -> bool {
        matches!(self, Self::Arriving | Self::Kept | Self::Queued | Self::Executing)
    }

    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Arriving,
        Self::Kept,
        Self::Queued,
        Self::Executing,
        Self::Replied,
        Self::Settled,
        Self::Evicted,
        Self::DiedQueued,
        Self::DiedExecuting,
        Self::Gone,
    ];
}

impl Event {
    /// All of them.
    pub const ALL: [Self; 20] = [
        Self::Whole,
        Self::WholeKept,
        Self::WholeOneWay,
        Self::Resent,
        Self::Duplicate,
        Self::Rerun,
        Self::Aya,
        Self::Ack,
        Self::Abandon,
        Self::Passed,
        Self::Take,
        Self::TakeOneWay,
        Self::Expire,
        Self::ReplyKept,
        Self::ReplyLoose,
        Self::Late,
        Self::Timeout,
        Self::Exhausted,
        Self::Evict,
        Self::ProcessEnds,
    ];
}

/// The table. What is not named is ignored and changes nothing.
#[inline]
pub const fn step(state: State, event: Event) -> (State, Action) {
    use Action as A;
    use AuReason as R;
    use Event as E;
    use State as S;
    match (state, event) {
        (S::Gone, _) => (S::Gone, A::Ignore),
        (_, E::Passed) => (S::Gone, A::Forget),
        (_, E::Abandon) => (S::Settled, A::Release),

        // Nothing of it counts before all of it is here.
        (S::Arriving, E::Whole) => (S::Queued, A::Acknowledge),
        (S::Arriving, E::WholeKept) => (S::Kept, A::Ignore),
        (S::Arriving, E::WholeOneWay) => (S::Settled, A::SendAck),
        (S::Arriving, E::Expire) => (S::Gone, A::Forget),
        (S::Arriving, E::ProcessEnds) => (S::DiedQueued, A::SendAu(R::DiedQueued)),
        (S::Arriving, _) => (S::Arriving, A::Ignore),

        // As long as it may be thrown away nothing is promised; then it was never here, and may come again.
        (S::Kept, E::Take) => (S::Executing, A::Acknowledge),
        (S::Kept, E::TakeOneWay) => (S::Settled, A::SendAck),
        (S::Kept, E::Expire) => (S::Gone, A::Forget),
        (S::Kept, E::ProcessEnds) => (S::DiedQueued, A::SendAu(R::DiedQueued)),
        (S::Kept, _) => (S::Kept, A::Ignore),

        (S::Queued, E::Duplicate) => (S::Queued, A::SendAck),
        (S::Executing, E::Duplicate) => (S::Executing, A::SendAck),
        // A one-way message whose ACK was lost; for all others the client ignores it.
        (S::Settled, E::Duplicate) => (S::Settled, A::SendAck),
        (S::Replied, E::Duplicate | E::Aya) => (S::Replied, A::RepeatRep),
        (S::Evicted, E::Duplicate | E::Aya) => (S::Evicted, A::SendAu(R::Discarded)),
        (S::DiedQueued, E::Duplicate | E::Aya) => (S::DiedQueued, A::SendAu(R::DiedQueued)),
        (S::DiedExecuting, E::Duplicate | E::Aya) => (S::DiedExecuting, A::SendAu(R::DiedExecuting)),

        (S::Queued | S::Executing, E::Resent) => (state, A::SendAck),
        (S::Replied, E::Resent) => (S::Replied, A::RepeatRep),
        (_, E::Resent) => (S::Arriving, A::Gather),

        // It waits in the mailbox: it will run at least once as it is.
        (S::Queued, E::Rerun) => (S::Queued, A::SendAck),
        (S::Executing, E::Rerun) => (S::Executing, A::DeliverAgain),
        (_, E::Rerun) => (S::Queued, A::DeliverAgain),

        (S::Queued, E::Aya) => (S::Queued, A::SendIaa(IaaStatus::Queued)),
        (S::Executing, E::Aya) => (S::Executing, A::SendIaa(IaaStatus::Executing)),
        (S::Settled, E::Aya) => (S::Settled, A::SendAu(R::UnknownRequest)),

        (S::Queued, E::Take) => (S::Executing, A::Ignore),
        // Given up, and come again.
        (S::Queued, E::TakeOneWay) => (S::Settled, A::SendAck),
        (S::Queued | S::Executing, E::Late) => (state, A::SendAck),
        (S::Executing, E::ReplyKept) => (S::Replied, A::SendRep),
        (S::Executing, E::ReplyLoose) => (S::Settled, A::SendRep),

        (S::Replied, E::Ack) => (S::Settled, A::Release),
        (S::Replied, E::Timeout) => (S::Replied, A::RepeatRep),
        (S::Replied, E::Exhausted) => (S::Replied, A::GiveUp),
        (S::Replied, E::Evict) => (S::Evicted, A::Release),

        // It was forwarded to one who keeps nothing for good: its client was told that it is here.
        (S::Queued, E::Expire) => (S::DiedQueued, A::SendAu(R::DiedQueued)),

        (S::Queued, E::ProcessEnds) => (S::DiedQueued, A::SendAu(R::DiedQueued)),
        (S::Executing, E::ProcessEnds) => (S::DiedExecuting, A::SendAu(R::DiedExecuting)),

        (state, _) => (state, A::Ignore),
    }
}
