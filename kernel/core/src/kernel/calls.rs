//! What goes into a kernel and what comes out of it: the vocabulary between it and its driver.
use alloc::vec::Vec;
use core::time::Duration;

use bytes::Bytes;

use crate::config::{Buffering, Handing, Options};
use crate::error::{ReceiveError, ReplyError, Unsent};
use crate::ids::{Address, Epoch, LocalId, SparseId, Target};
use crate::process::{From, Received, Source, WaitToken};
use crate::trace::Event;
use crate::wire::Transmit;

/// What a process asks of the kernel.
#[derive(Clone, Debug)]
pub enum Syscall {
    /// A request whose reply comes by `receive`; or, one-way, a message that wants none.
    Send {
        /// To whom.
        to: Target,
        /// What.
        message: Bytes,
        /// How reliably.
        options: Options,
        /// Whether no reply is wanted.
        one_way: bool,
        /// Whether the calling thread does nothing else meanwhile: then it may be refused as a deadlock.
        blocking: bool,
        /// How the message was handed over.
        handing: Handing,
    },
    /// A request, and its reply.
    Call {
        /// To whom.
        to: Target,
        /// What.
        message: Bytes,
        /// How reliably.
        options: Options,
        /// As for `Send`.
        blocking: bool,
        /// How the message was handed over.
        handing: Handing,
    },
    /// The next message.
    Receive {
        /// Whose.
        from: From,
        /// Whether to wait for one.
        wait: bool,
        /// Whether the calling thread does nothing else meanwhile: then it may be refused as a deadlock.
        blocking: bool,
    },
    /// The reply to a source.
    Reply {
        /// Whom to answer.
        source: Source,
        /// What.
        message: Bytes,
        /// Whether the calling thread does nothing else meanwhile.
        blocking: bool,
        /// How the message was handed over.
        handing: Handing,
    },
    /// A source's request goes to another process, which answers in this one's stead.
    Forward {
        /// Whose request.
        source: Source,
        /// The message to go on.
        message: Bytes,
        /// To whom.
        to: Address,
    },
    /// Is this process alive? (AYA)
    Ping {
        /// Which.
        to: Address,
    },
    /// Where is this process? (LOCATE)
    Locate {
        /// Which.
        sparse: SparseId,
        /// Whether to ask even if a place is known.
        anew: bool,
    },
}

/// What came of a system call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// `Receive`, `Call`: a message.
    Received(Received),
    /// `Receive` without waiting: there is none.
    Nothing,
    /// `Send`: as safe as its reliability asks. The buffer comes back.
    Sent(Bytes),
    /// `Reply`, `Forward`: likewise; what was not lent may come back empty, since nobody wants it.
    Replied(Bytes),
    /// `Ping`: this incarnation lives, and has for so long.
    Alive {
        /// Which.
        epoch: Epoch,
        /// Since when.
        uptime: Duration,
    },
    /// `Locate`: here it is, or was a moment ago.
    Located(Address),
    /// `Send`, `Call`, `Ping`, `Locate`: why not, and what was not sent.
    Unsent(Unsent),
    /// `Receive`: why not.
    NotReceived(ReceiveError),
    /// `Reply`, `Forward`: why not, and what was not sent.
    NotReplied {
        /// Why.
        error: ReplyError,
        /// The message, handed back.
        message: Bytes,
    },
}

/// How a system call went in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// It is over.
    Done(Outcome),
    /// A [`Wake`] with this token says when it is.
    Wait(WaitToken),
}

/// A wait is over: its token is ready to be claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wake {
    /// Whose wait.
    pub process: LocalId,
    /// Which.
    pub token: WaitToken,
}

/// What is to happen. Drivers reuse one, so that nothing is allocated for each input.
#[derive(Debug, Default)]
pub struct Out {
    /// To be sent, in this order.
    pub transmits: Vec<Transmit>,
    /// To be woken.
    pub wakes: Vec<Wake>,
    /// To be written down, if tracing is on.
    pub events: Vec<Event>,
}

impl Out {
    /// Empties it and keeps its memory.
    pub fn clear(&mut self) {
        self.transmits.clear();
        self.wakes.clear();
        self.events.clear();
    }
}

/// How a process is to be.
#[derive(Clone, Copy, Debug, Default)]
pub struct SpawnOptions {
    /// A well-known id, 1 to 999; `None` takes the next free one from 1000 up.
    pub local_id: Option<LocalId>,
    /// A sparse id by which it can be found wherever it is (slide 16).
    pub sparse: Option<SparseId>,
    /// Its mailbox; `None` takes the configuration's.
    pub buffering: Option<Buffering>,
    /// Whether several threads act for it: then no wait of one of them can be a deadlock.
    pub threads: bool,
}
