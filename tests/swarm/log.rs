//! What processes did and what they were told: events of the API, in the order they happened. Checkers read nothing
//! else.
use std::fmt;

use sendrec_trap::{Buffering, CallError, LocalId, Options, SparseId};

/// Names one request, ping or other thing that a process waits for; no two of a world have the same.
pub type Op = u64;

/// One life of one process: from its start to its end, its kill or its machine's crash.
pub type Life = u32;

/// Whom something was sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aim {
    /// A process by its machine's number and its local id.
    Place(usize, LocalId),
    /// Whoever has this sparse id.
    Sparse(SparseId),
}

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A request, its reply awaited in the call.
    Call,
    /// A request whose reply comes by receive.
    Send,
    /// A message that wants no reply.
    OneWay,
    /// Whether somebody lives.
    Ping,
    /// Where somebody is.
    Locate,
    /// A reply; it is over when the kernel says so.
    Reply,
}

/// What a reply says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The request it answers.
    pub op: Op,
    /// The life that ran the request.
    pub by: Life,
    /// Whether its bytes are those that were sent.
    pub intact: bool,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A life begins.
    Started {
        /// On which machine.
        machine: usize,
        /// Under which local id.
        local: LocalId,
        /// And which sparse one.
        sparse: Option<SparseId>,
        /// With which mailbox.
        buffering: Buffering,
    },
    /// It is over, however it came.
    Stopped,
    /// Something was asked for.
    Asked {
        /// Which.
        op: Op,
        /// Of what kind.
        kind: Kind,
        /// Of whom; of a reply, it says nothing.
        aim: Aim,
        /// How.
        options: Options,
        /// How long the message is.
        bytes: usize,
    },
    /// A send was over, and well.
    Accepted(Op),
    /// It was answered; what the answer says, if it could be read.
    Answered(Op, Option<Answer>),
    /// It failed, or was taken back.
    Failed(Op, CallError),
    /// A reply, ping or search was over, whatever came of it.
    Over(Op),
    /// A request or one-way message was received: one run of it. Whether its bytes are those that were sent.
    Ran(Op, bool),
    /// Something was received that nobody has sent.
    Garbled,
    /// It was received, and its process has not looked at it yet.
    Taken(Op),
    /// It was received and handed on: no run of it.
    Passed(Op),
    /// A reply was received that this life does not await.
    Stray(Option<Answer>),
}

/// One event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When by its machine's clock, in microseconds.
    pub at_us: u64,
    /// Whose.
    pub life: Life,
    /// What.
    pub what: What,
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>10} us  life {:<3} {:?}", self.at_us, self.life, self.what)
    }
}
