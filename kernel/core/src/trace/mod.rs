//! The vocabulary of events: what a kernel did, each with its cause and each packet with its fate.
//!
//! Deliberately not here: where events go. They leave the kernel in [`crate::Out`]; drivers write them down.
mod note;
mod steps;

use alloc::vec::Vec;
use core::hint::cold_path;

use crate::config::Handing;
use crate::error::CallError;
use crate::ids::{Address, Epoch, LocalId, Machine, PacketNumber, Sequence, SparseId};
pub use crate::process::BlockedOn;
use crate::time::Instant;
use crate::wire::{Malformed, PacketType};
pub use note::PacketNote;
pub use steps::{Observer, Step};

/// One thing that happened in a kernel, or to a packet on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Event {
    /// Counted per kernel from 1; 0 for what a network did.
    pub number: u64,
    /// The event that caused it: a trap, a packet received, or a timer.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub cause: Option<u64>,
    /// When, by the driver's clock, ns.
    pub at: Instant,
    /// What.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(tag = "event", rename_all = "kebab-case"))]
pub enum What {
    /// A process came to be.
    Spawned {
        /// Its local id.
        process: LocalId,
    },
    /// A process ended.
    Ended {
        /// Its local id.
        process: LocalId,
    },
    /// A process entered the kernel.
    Trap {
        /// Who.
        process: LocalId,
        /// By which call.
        call: Call,
        /// To whom, if to anybody whose place is known.
        #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
        to: Option<Address>,
        /// To whom, if by a sparse id.
        #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
        sparse: Option<SparseId>,
        /// How the message came into the kernel.
        #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Handing::is_moved"))]
        handing: Handing,
        /// How many bytes that copied.
        #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "is_zero"))]
        copied_bytes: u64,
        /// Whether the caller runs on while the call goes on.
        #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "core::ops::Not::not"))]
        runs_on: bool,
    },
    /// A thread of a process, or a completion of its, waits from here on.
    Blocked {
        /// Who.
        process: LocalId,
        /// For what.
        on: BlockedOn,
    },
    /// A wait is over.
    Woken {
        /// Whose.
        process: LocalId,
        /// With which result.
        with: Ending,
        /// What it waited for; not known of traces that did not say.
        #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
        on: Option<BlockedOn>,
        /// Whether a buffer that was lent is its owner's again.
        #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "core::ops::Not::not"))]
        buffer_free: bool,
    },
    /// A message went into a mailbox.
    Queued {
        /// Whose.
        process: LocalId,
        /// From whom.
        from: Address,
        /// Messages in it now.
        messages: usize,
        /// Bytes charged to it now.
        bytes: usize,
    },
    /// A process took a message: of a request, this is a run of the operation.
    Taken {
        /// Who.
        process: LocalId,
        /// From whom.
        from: Address,
        /// Whether it was a request, not a reply.
        request: bool,
    },
    /// A message for a local process found no room, or nobody waiting where nothing is kept.
    Overflow {
        /// Whose mailbox.
        process: LocalId,
    },
    /// A message that was kept for a while found nobody who wanted it, and was thrown away (slide 18).
    Expired {
        /// Whose mailbox.
        process: LocalId,
        /// From whom it was.
        from: Address,
    },
    /// Where a sparse id is was learned, from a HERE or since it lives on this kernel (slide 16).
    Located {
        /// Who.
        sparse: SparseId,
        /// Where.
        address: Address,
    },
    /// What was believed of a sparse id's place is believed no longer.
    Mislaid {
        /// Who.
        sparse: SparseId,
        /// Where it was thought to be.
        address: Address,
    },
    /// A packet was handed to the driver.
    Sent {
        /// To which machine; [`Machine::EVERYONE`] for a broadcast.
        to: Machine,
        /// The packet.
        packet: PacketNote,
    },
    /// A packet came in.
    Received {
        /// From which machine.
        from: Machine,
        /// The packet.
        packet: PacketNote,
        /// What became of it.
        fate: Fate,
    },
    /// Bytes came in that are no packet.
    Malformed {
        /// From which machine.
        from: Machine,
        /// Why not.
        reason: Malformed,
    },
    /// A timer fired.
    Timer {
        /// Which.
        timer: Timer,
    },
    /// An incarnation of another machine is believed from here on.
    EpochKnown {
        /// Whose.
        machine: Machine,
        /// Which one.
        epoch: Epoch,
        /// Whether by its echo of a nonce; else because nothing was known before.
        proved: bool,
    },
    /// This kernel calls itself by a later epoch towards one machine, which knew a later one than ours.
    EpochRaised {
        /// Towards whom.
        machine: Machine,
        /// To what.
        epoch: Epoch,
    },
    /// A computation was found to be an orphan: its client is gone (slide 37).
    Orphan {
        /// Who says so.
        process: LocalId,
        /// Whose computation it is.
        client: Address,
    },
    /// A step of a remote procedure call is over, says a stub (slides 28-29).
    Step {
        /// Whose.
        process: LocalId,
        /// Which.
        step: Step,
    },
    /// What the network did to a packet that was sent: for a driver's fault shim and a world's fabric to say.
    Network {
        /// The sender.
        from: Machine,
        /// Towards whom.
        to: Machine,
        /// The packet's number.
        #[cfg_attr(feature = "serde", serde(rename = "packet_number"))]
        number: PacketNumber,
        /// Its type.
        kind: PacketType,
        /// What was done.
        verdict: Verdict,
        /// The rule that said so.
        rule: alloc::string::String,
    },
    /// What befell a machine or the network: for a world and a lab to say.
    Incident {
        /// What.
        incident: Incident,
        /// The rule that said so.
        rule: alloc::string::String,
    },
}

/// What may befall a machine, a process of it, or the network beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(tag = "incident", rename_all = "kebab-case"))]
pub enum Incident {
    /// The machine stops and forgets everything.
    Crashed,
    /// It boots as this incarnation.
    Booted {
        /// Which.
        epoch: Epoch,
    },
    /// One process of it is killed; the machine lives.
    Killed {
        /// Which.
        process: LocalId,
    },
    /// It does nothing until it is resumed; packets wait outside.
    Paused,
    /// It goes on.
    Resumed,
    /// Nothing goes from here to that machine any more.
    Cut {
        /// Which.
        to: Machine,
    },
    /// It does again.
    Healed {
        /// Which.
        to: Machine,
    },
}

/// Whether a trace may leave it out.
#[cfg(feature = "serde")]
#[allow(clippy::trivially_copy_pass_by_ref)] // As serde calls it.
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// A system call's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
pub enum Call {
    /// A request whose reply comes by receive.
    Send,
    /// A message that wants no reply.
    SendOneWay,
    /// A request, and its reply.
    Call,
    /// The next message, waited for.
    Receive,
    /// The next message, if there is one.
    TryReceive,
    /// The reply to a source.
    Reply,
    /// A source's request, handed on.
    Forward,
    /// AYA.
    Ping,
    /// A wait taken back.
    Cancel,
    /// Where is this sparse id? (LOCATE)
    Locate,
}

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
pub enum Ending {
    /// As wished.
    Done,
    /// A call failed.
    CallFailed(CallError),
    /// Another failure; what the caller was told says which.
    Failed,
}

/// Which timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
pub enum Timer {
    /// The client's, over a request: retransmission, AYA, or the wait after TA.
    Request {
        /// The request's number.
        sequence: Sequence,
    },
    /// The server's: a reply is late, so an ACK goes (slide 19c).
    LateAck {
        /// The request's number.
        sequence: Sequence,
    },
    /// The server's: a reply is not acknowledged yet.
    Reply {
        /// The request's number.
        sequence: Sequence,
    },
    /// The client's: an ACK found no request to ride on.
    AckDelay,
    /// A question to another incarnation was not answered.
    Challenge,
    /// Nobody has answered a LOCATE yet (slide 16).
    Locate,
    /// A message that nobody waits for was kept long enough (slide 18).
    Keep,
    /// Of a longer message on its way here no more has come.
    Arrival,
}

/// What became of a packet that came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
pub enum Fate {
    /// It did what it came for.
    Accepted,
    /// A request seen before, still queued or running: acknowledged, not run again.
    DuplicateInProgress,
    /// A request seen before and answered: the reply went again from the cache.
    DuplicateAnswered,
    /// A request, or an acknowledgement, of something over and done with.
    DuplicateDone,
    /// A request below the floor its client has declared.
    BelowFloor,
    /// Refused with TA: above the window.
    WindowFull,
    /// Refused with TA, or discarded where the mailbox's owner wants that: no room.
    NoRoom,
    /// Refused with AU: nobody has that local id.
    NoProcess,
    /// Refused with AU: its request died with its process, or its reply was discarded.
    Gone,
    /// Refused with AU: for another incarnation of this machine.
    StaleEpoch,
    /// Refused with AU: from an incarnation older than one known.
    OldSender,
    /// From an incarnation that is to prove itself first.
    Unproved,
    /// For another incarnation of this machine, and no request.
    OtherIncarnation,
    /// Answers nothing that is awaited: too late, or never asked for.
    NotAwaited,
    /// A TA after the ACK, or for a packet that was not the last.
    NotRefusable,
    /// A part of a longer message.
    Fragment,
    /// The tables of machines, clients or requests are full.
    TableFull,
    /// Of a type this kernel does nothing with.
    Unsupported,
    /// A LOCATE of a sparse id that nobody here has.
    NotHere,
}

impl Fate {
    /// All of them.
    pub const ALL: [Self; 19] = [
        Self::Accepted,
        Self::DuplicateInProgress,
        Self::DuplicateAnswered,
        Self::DuplicateDone,
        Self::BelowFloor,
        Self::WindowFull,
        Self::NoRoom,
        Self::NoProcess,
        Self::Gone,
        Self::StaleEpoch,
        Self::OldSender,
        Self::Unproved,
        Self::OtherIncarnation,
        Self::NotAwaited,
        Self::NotRefusable,
        Self::Fragment,
        Self::TableFull,
        Self::Unsupported,
        Self::NotHere,
    ];
}

/// What a network does to a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
pub enum Verdict {
    /// It dies.
    Dropped,
    /// It arrives twice.
    Duplicated,
    /// It arrives after packets sent later.
    Delayed,
    /// It arrives with bits changed.
    Corrupted,
}

/// Numbers events and remembers the cause. When off, each use costs a branch.
#[derive(Debug)]
pub(crate) struct Tracer {
    on: bool,
    last: u64,
    cause: Option<u64>,
    now: Instant,
    observer: Option<Observer>,
}

impl Tracer {
    pub(crate) const fn new(on: bool) -> Self {
        Self { on, last: 0, cause: None, now: Instant::ZERO, observer: None }
    }

    pub(crate) const fn observe(&mut self, observer: Observer) {
        self.observer = Some(observer);
    }

    /// Whether anything is written down.
    pub(crate) const fn is_on(&self) -> bool {
        self.on
    }

    /// A step of a call is over.
    pub(crate) fn step(&self, step: Step) {
        if let Some(observer) = self.observer {
            cold_path();
            observer(step);
        }
    }

    /// A new input begins: nothing has caused what follows yet.
    pub(crate) const fn begin(&mut self, now: Instant) {
        self.now = now;
        self.cause = None;
    }

    /// An event that causes those behind it.
    pub(crate) fn cause(&mut self, events: &mut Vec<Event>, what: impl FnOnce() -> What) {
        if self.on {
            cold_path();
            self.cause = None;
            self.event(events, what);
            self.cause = Some(self.last);
        }
    }

    /// An event caused by the last cause.
    pub(crate) fn event(&mut self, events: &mut Vec<Event>, what: impl FnOnce() -> What) {
        if self.on {
            cold_path();
            self.last += 1;
            events.push(Event { number: self.last, cause: self.cause, at: self.now, what: what() });
        }
    }

    /// Says what became of the packet whose arrival is the last cause.
    pub(crate) fn decide_fate(&self, events: &mut [Event], decided: Fate) {
        if self.on
            && let Some(event) = events.iter_mut().rev().find(|event| Some(event.number) == self.cause)
            && let What::Received { fate, .. } = &mut event.what
        {
            *fate = decided;
        }
    }
}
