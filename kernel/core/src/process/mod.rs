//! Processes: who lives here, what waits in whose mailbox, and who waits for whom.
//!
//! Deliberately not here: packets, requests of other machines, time. Room in a mailbox is handed out as a
//! `Permit`: whoever holds one may deliver one message and cannot be refused.
mod mailbox;
mod rendezvous;
mod table;
#[cfg(test)]
mod tests;
mod wait;

use bytes::Bytes;

pub(crate) use mailbox::{BlockedSender, Filled, Letter};
pub(crate) use rendezvous::Rendezvous;
pub(crate) use table::{Awaited, NoRoom, Permit, Table};
pub use wait::{BlockedOn, WaitToken};
pub(crate) use wait::{Finished, Waits};

use crate::config::Options;
use crate::error::CallError;
use crate::ids::{Address, Epoch, LocalId};
use crate::time::Instant;

/// Whose messages a `receive` takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum From {
    /// Anybody's.
    #[default]
    Any,
    /// Of this process alone; others' messages stay in the mailbox.
    One(Address),
}

impl From {
    pub(crate) fn admits(self, address: Address) -> bool {
        match self {
            Self::Any => true,
            Self::One(only) => only == address,
        }
    }
}

/// Who sent a message, and what it takes to answer it. Sending to a `Source` is the reply (slide 13).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Source {
    pub(crate) address: Address,
    pub(crate) ticket: Ticket,
    pub(crate) epoch: Epoch,
    pub(crate) is_believed: bool,
    pub(crate) arrived: Instant,
}

/// What can be done with a message's source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Ticket {
    /// A request of another machine: its place in the exchange.
    Remote(Place),
    /// A request of a process of this kernel: its place in the rendezvous.
    Local(Place),
    /// A one-way message; its place in the exchange while it is kept only for a while.
    OneWay(Option<Place>),
    /// A reply.
    Answer,
}

/// A place in a slab and which tenant of it is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    pub(crate) slot: u32,
    pub(crate) generation: u32,
}

impl Source {
    /// The process the message came from.
    pub const fn address(&self) -> Address {
        self.address
    }

    /// Which incarnation of its machine it came from; AYA tells which one lives. Blank for a reply.
    pub const fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Whether that incarnation is the one this kernel believes in: one that says it is a later one is served before it has
    /// proved so.
    pub const fn is_believed(&self) -> bool {
        self.is_believed
    }

    /// When it came to this kernel: before it was received by the time it lay in the mailbox.
    pub const fn arrived(&self) -> Instant {
        self.arrived
    }

    /// Whether a reply is wanted.
    pub const fn wants_reply(&self) -> bool {
        matches!(self.ticket, Ticket::Remote(_) | Ticket::Local(_))
    }

    /// Whether the message is itself the reply to one sent before.
    pub const fn is_reply(&self) -> bool {
        matches!(self.ticket, Ticket::Answer)
    }
}

/// What `receive` and `call` bring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// From whom; sending to it is the reply.
    pub source: Source,
    /// The message.
    pub message: Bytes,
}

/// Where the reply to a request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReplyTo {
    /// To the one who waits in `call`.
    Call(WaitToken),
    /// Into the sender's mailbox, after `send`.
    Mailbox,
    /// To the client of a request that was forwarded.
    Client(Ticket),
    /// Nowhere: a one-way message.
    Nobody,
}

/// A request between two processes of this kernel.
#[derive(Debug)]
pub(crate) struct LocalRequest {
    pub(crate) client: LocalId,
    pub(crate) server: LocalId,
    /// Where the client sent it: the answer comes from there, wherever it was forwarded.
    pub(crate) addressed: Address,
    pub(crate) reply_to: ReplyTo,
    /// How it goes on if it is forwarded to another machine.
    pub(crate) options: Options,
    /// Whether it was sent before, to a place that is silent since.
    pub(crate) may_have_run: bool,
    pub(crate) taken: bool,
}

/// A notice for a mailbox that a request sent from it will not be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) to: Address,
    pub(crate) error: CallError,
}

impl BlockedOn {
    /// The process of this kernel that is waited for, if one alone is.
    pub(crate) fn awaited(self) -> Option<Address> {
        match self {
            Self::Receive | Self::Ping(_) | Self::Locate(_) => None,
            Self::ReceiveFrom(address) | Self::Send(address) | Self::Call(address) | Self::Reply(address) => {
                Some(address)
            }
        }
    }
}
