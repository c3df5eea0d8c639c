//! A mailbox (slide 18): messages in the order they came, bounded in number and bytes, and who waits for one.
use alloc::collections::VecDeque;
use core::time::Duration;

use bytes::Bytes;

use super::{Failure, From, Received, WaitToken};
use crate::config::{Buffering, Overflow};
use crate::ids::Address;
use crate::limits;

/// What a mailbox holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Letter {
    Message(Received),
    Failure(Failure),
}

impl Letter {
    pub(crate) fn from(&self) -> Address {
        match self {
            Self::Message(received) => received.source.address,
            Self::Failure(failure) => failure.to,
        }
    }
}

/// What a message counts for: its payload and an overhead, so that empty ones are bounded too.
pub(crate) fn charge(message: &Bytes) -> usize {
    message.len() + limits::MESSAGE_OVERHEAD_BYTES
}

/// What became of a delivery.
#[derive(Debug)]
pub(crate) enum Filled {
    /// It waits in the mailbox, now so full; if it is kept only for a while, under this number.
    Queued { messages: usize, bytes: usize, kept: Option<u64> },
    /// This wait gets it.
    Handed(WaitToken, Letter),
}

#[derive(Debug)]
struct Item {
    letter: Letter,
    /// What it occupies of the bounds; 0 for replies and failures, which are counted on their own.
    charge: usize,
    /// Its number, if it is kept only for a while.
    kept: Option<u64>,
}

/// A local sender that waits for room, and its message.
#[derive(Debug)]
pub(crate) struct BlockedSender {
    pub(crate) token: WaitToken,
    /// Whether room is all it waits for; a call waits on for its reply.
    pub(crate) ends_with_room: bool,
    pub(crate) received: Received,
}

#[derive(Debug)]
pub(crate) struct Mailbox {
    buffering: Buffering,
    items: VecDeque<Item>,
    receivers: VecDeque<(WaitToken, From)>,
    blocked: VecDeque<BlockedSender>,
    messages: usize,
    bytes: usize,
    /// Replies and failures among the items.
    answers: usize,
    /// Messages that were ever kept only for a while.
    ever_kept: u64,
}

impl Mailbox {
    pub(super) const fn new(buffering: Buffering) -> Self {
        Self {
            buffering,
            items: VecDeque::new(),
            receivers: VecDeque::new(),
            blocked: VecDeque::new(),
            messages: 0,
            bytes: 0,
            answers: 0,
            ever_kept: 0,
        }
    }

    /// Whether a message from `from` may come in, charged so much; else what its owner wants done with it.
    pub(super) fn check(&self, from: Address, charge: usize) -> Result<(), Overflow> {
        let (messages, bytes, overflow) = match self.buffering {
            _ if self.is_awaited(from) => return Ok(()),
            Buffering::Discard => return Err(Overflow::Discard),
            Buffering::Keep { messages, bytes, .. } => (messages, bytes, Overflow::Discard),
            Buffering::Mailbox { messages, bytes, overflow } => (messages, bytes, overflow),
        };
        // One message always fits into an empty mailbox of at least one message.
        let room = self.messages < messages && (self.messages == 0 || self.bytes + charge <= bytes);
        if room && self.blocked.is_empty() { Ok(()) } else { Err(overflow) }
    }

    /// As [`Mailbox::check`], for a message that will be here later: whoever waits now may have another by then.
    pub(super) fn check_ahead(&self, from: Address, charge: usize) -> Result<(), Overflow> {
        match self.buffering {
            Buffering::Mailbox { messages, bytes, overflow } => {
                let first = self.messages == 0 && (messages > 0 || self.is_awaited(from));
                let room = first || (self.messages < messages && self.bytes + charge <= bytes);
                if room && self.blocked.is_empty() { Ok(()) } else { Err(overflow) }
            }
            Buffering::Discard | Buffering::Keep { .. } => self.check(from, charge),
        }
    }

    /// Whether it is a mailbox in which messages stay.
    pub(super) const fn stays(&self) -> bool {
        matches!(self.buffering, Buffering::Mailbox { .. })
    }

    /// Whether somebody waits for a message from `from`.
    fn is_awaited(&self, from: Address) -> bool {
        match self.receivers.front() {
            None => false,
            Some((_, From::Any)) => true,
            Some(_) => self.receiver_of(from).is_some(),
        }
    }

    /// The place of the first who waits for a message from `from`.
    #[inline(never)]
    fn receiver_of(&self, from: Address) -> Option<usize> {
        self.receivers.iter().position(|(_, filter)| filter.admits(from))
    }

    /// Takes out the first who waits for a message from `from`.
    fn next_receiver(&mut self, from: Address) -> Option<WaitToken> {
        let receiver = match self.receivers.front()? {
            (_, From::Any) => self.receivers.pop_front(),
            _ => self.receivers.remove(self.receiver_of(from)?),
        };
        receiver.map(|(token, _)| token)
    }

    /// How long a message from `from` that comes now would be kept, if not for good.
    pub(super) fn keeps_for(&self, from: Address) -> Option<Duration> {
        match self.buffering {
            Buffering::Keep { time, .. } if !self.is_awaited(from) => Some(time),
            _ => None,
        }
    }

    /// Throws away the message that is kept under this number, if it is still there.
    pub(super) fn expire(&mut self, number: u64) -> Option<Letter> {
        let place = self.items.iter().position(|item| item.kept == Some(number))?;
        let item = self.items.remove(place)?;
        self.release(item.charge);
        Some(item.letter)
    }

    pub(super) const fn reserve(&mut self, charge: usize) {
        self.messages += 1;
        self.bytes += charge;
    }

    pub(super) const fn release(&mut self, charge: usize) {
        self.messages -= 1;
        self.bytes -= charge;
    }

    /// Delivers a letter for which `charge` was reserved, 0 if nothing was.
    pub(super) fn fill(&mut self, letter: Letter, charge: usize) -> Filled {
        if let Some(token) = self.next_receiver(letter.from()) {
            if charge > 0 {
                self.release(charge);
            }
            return Filled::Handed(token, letter);
        }
        self.answers += usize::from(charge == 0);
        let kept = (charge > 0 && matches!(self.buffering, Buffering::Keep { .. })).then(|| {
            self.ever_kept += 1;
            self.ever_kept
        });
        self.items.push_back(Item { letter, charge, kept });
        Filled::Queued { messages: self.messages, bytes: self.bytes, kept }
    }

    /// Whether letters wait in it.
    pub(super) fn has_mail(&self) -> bool {
        !self.items.is_empty()
    }

    /// The first letter that `filter` admits, with its number if it was kept only for a while.
    pub(super) fn take(&mut self, filter: From) -> Option<(Letter, Option<u64>)> {
        let item = match filter {
            From::Any => self.items.pop_front()?,
            From::One(_) => self.take_of(filter)?,
        };
        if item.charge > 0 {
            self.release(item.charge);
        } else {
            self.answers -= 1;
        }
        Some((item.letter, item.kept))
    }

    #[inline(never)]
    fn take_of(&mut self, filter: From) -> Option<Item> {
        self.items.remove(self.items.iter().position(|item| filter.admits(item.letter.from()))?)
    }

    pub(super) fn wait(&mut self, token: WaitToken, filter: From) {
        self.receivers.push_back((token, filter));
    }

    pub(super) const fn answers(&self) -> usize {
        self.answers
    }

    pub(super) fn receivers(&self) -> usize {
        self.receivers.len()
    }

    pub(super) fn block(&mut self, sender: BlockedSender) {
        self.blocked.push_back(sender);
    }

    /// Whether senders wait for room.
    pub(super) fn has_blocked(&self) -> bool {
        !self.blocked.is_empty()
    }

    /// The next blocked sender whose message has room now.
    pub(super) fn unblock(&mut self) -> Option<BlockedSender> {
        let next = self.blocked.pop_front()?;
        // Only this queue's own head may pass while others wait behind it.
        let rest = core::mem::take(&mut self.blocked);
        let room = self.check(next.received.source.address, charge(&next.received.message)).is_ok();
        self.blocked = rest;
        if room {
            return Some(next);
        }
        self.blocked.push_front(next);
        None
    }

    /// Ends a wait for a message, or for room.
    pub(super) fn forget(&mut self, token: WaitToken) -> Option<BlockedSender> {
        self.receivers.retain(|(waiting, _)| *waiting != token);
        let place = self.blocked.iter().position(|sender| sender.token == token)?;
        self.blocked.remove(place)
    }

    /// Empties it when its owner ends; who was blocked on it is to be told.
    pub(super) fn empty(self) -> VecDeque<BlockedSender> {
        self.blocked
    }
}
