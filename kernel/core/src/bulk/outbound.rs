//! The sender's side of a transfer: which piece goes next, and what a report means.
use alloc::collections::{BTreeSet, VecDeque};
use core::time::Duration;

use bytes::Bytes;

use super::bitmap::Bitmap;
use super::{ErrorControl, Protocol, Transfer, missing_in};
use crate::ids::PacketNumber;
use crate::time::Instant;
use crate::wire::{Fragment, Part, Report};

/// Consecutive packets with consecutive pieces, sent at one time.
#[derive(Clone, Copy, Debug)]
struct Run {
    number: u64,
    piece: u32,
    count: u32,
    at: Instant,
}

/// A message on its way from here.
///
/// What was sent is kept in the order of packet numbers. A report names the newest that has come: everything before it is
/// here or lost, and is under way no longer. So a packet is judged lost by what was sent after it, never twice, and the
/// number under way needs no acknowledgement of each.
#[derive(Debug)]
pub(crate) struct Outbound {
    transfer: Transfer,
    part: Part,
    message: Bytes,
    pieces: u32,
    acknowledged: Bitmap,
    /// All below are acknowledged.
    base: u32,
    /// The next to go in order.
    next: u32,
    /// None from here on was ever sent.
    fresh: u32,
    /// To go again, out of order.
    lost: BTreeSet<u32>,
    log: VecDeque<Run>,
    under_way: u32,
    /// What was sent with a number below this goes again whatever becomes of it.
    given_up: u64,
    /// This blast's number, and which pieces it is.
    blast: u32,
    blast_from: u32,
    blast_to: u32,
    /// How many were acknowledged when this pass over it began.
    acknowledged_before: u32,
    /// So many may be under way, as passes that brought nothing have taught: somewhere between there is less room than the
    /// receiver has, and of a whole blast the same piece would be lost each time.
    learned: u32,
    /// So many may be under way, as the receiver last said.
    window: u32,
    /// Pieces sent since a report was asked for.
    unasked: u32,
    /// Times in a row that nothing was heard.
    pub(crate) silences: u32,
    /// How often the time between two questions has doubled.
    pub(crate) doublings: u32,
    /// When the receiver took something last.
    pub(crate) advanced: Instant,
    /// One piece is to go whatever is under way, to learn where the receiver stands.
    probing: bool,
    /// When the gap after the last packet is over.
    free_at: Instant,
    /// Whether any report has come.
    is_heard: bool,
    /// The newest packet that a report has told of.
    newest: PacketNumber,
    /// How often all of it had to go again.
    pub(crate) beginnings: u32,
}

/// What is to go now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// The first piece.
    pub(crate) piece: u32,
    /// So many from it on.
    pub(crate) count: u32,
    /// Whether they were sent before.
    pub(crate) again: bool,
    /// Whether the last of them asks for a report.
    pub(crate) asks: bool,
}

/// What a report said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// Nothing: it is of another transfer, or contradicts itself.
    Nothing,
    /// Where the receiver stands; and how long ago the newest packet was sent, if that is known.
    Progress(Option<Duration>),
}

impl Outbound {
    /// `piece`: payload bytes of each packet but the last; `window`: pieces that may go before the receiver has
    /// said how many it has room for.
    pub(crate) fn new(
        now: Instant,
        transfer: Transfer,
        number: u32,
        message: Bytes,
        piece: u32,
        window: u32,
    ) -> Self {
        let pieces = (message.len() as u32).div_ceil(piece);
        let gap_after = match transfer.errors {
            ErrorControl::Full => 0,
            ErrorControl::GoBackN | ErrorControl::Selective => GAP_AFTER,
        };
        let checksum = transfer.checksum.then(|| crc32fast::hash(&message));
        let mut new = Self {
            transfer,
            part: Part { transfer: number, piece, checksum, gap_after },
            message,
            pieces,
            acknowledged: Bitmap::new(pieces),
            base: 0,
            next: 0,
            fresh: 0,
            lost: BTreeSet::new(),
            log: VecDeque::new(),
            under_way: 0,
            given_up: 0,
            blast: 0,
            blast_from: 0,
            blast_to: 0,
            acknowledged_before: 0,
            learned: u32::MAX,
            window: window.max(1),
            unasked: 0,
            silences: 0,
            doublings: 0,
            advanced: now,
            probing: false,
            free_at: Instant::ZERO,
            is_heard: false,
            newest: PacketNumber::default(),
            beginnings: 0,
        };
        new.begin_blast();
        new
    }

    /// Bytes of the whole message.
    pub(crate) fn message_bytes(&self) -> usize {
        self.message.len()
    }

    fn begin_blast(&mut self) {
        self.blast += 1;
        self.learned = u32::MAX;
        self.acknowledged_before = self.acknowledged.count();
        self.blast_from = self.base;
        self.blast_to = match self.transfer.protocol {
            Protocol::Blast { packets: Some(packets) } => {
                self.base.saturating_add(packets.get()).min(self.pieces)
            }
            _ => self.pieces,
        };
    }

    fn under_way_max(&self) -> u32 {
        self.transfer.protocol.under_way_max().min(self.window).min(self.learned)
    }

    /// When something may go; `None` if not before a report has come or a timer fires.
    pub(crate) fn ready_at(&self) -> Option<Instant> {
        let may =
            self.under_way < self.under_way_max() && (!self.lost.is_empty() || self.next < self.blast_to);
        if self.probing {
            Some(Instant::ZERO)
        } else if may {
            Some(self.free_at)
        } else {
            None
        }
    }

    /// When the gap after the last packet is over.
    pub(crate) const fn free_at(&self) -> Instant {
        self.free_at
    }

    /// What goes now, at most so many pieces. The caller sends them, and says so with [`Outbound::sent`].
    pub(crate) fn plan(&mut self, now: Instant, most: u32) -> Option<Plan> {
        if core::mem::take(&mut self.probing) {
            self.unasked = 0;
            // The first that is missing; if none is, whether the last has come.
            let piece = self.base.min(self.pieces - 1);
            return Some(Plan { piece, count: 1, again: piece < self.fresh, asks: true });
        }
        if self.ready_at()? > now {
            return None;
        }
        let mut room = most.min(self.under_way_max().saturating_sub(self.under_way)).max(1);
        if !self.transfer.gap.is_zero() {
            room = 1;
        }
        let ask_every = self.ask_every();
        if ask_every != u32::MAX {
            room = room.min(ask_every.saturating_sub(self.unasked).max(1));
        }
        // What came after all does not go again.
        while self.lost.first().is_some_and(|first| self.acknowledged.has(*first)) {
            self.lost.pop_first();
        }
        let (piece, count, again) = match self.lost.pop_first() {
            None if self.next >= self.blast_to => return None,
            Some(first) => {
                let mut count = 1;
                while count < room
                    && !self.acknowledged.has(first + count)
                    && self.lost.remove(&(first + count))
                {
                    count += 1;
                }
                (first, count, true)
            }
            None => {
                let again = self.next < self.fresh;
                let end = if again { self.fresh.min(self.blast_to) } else { self.blast_to };
                let count = room.min(end - self.next);
                let first = self.next;
                self.next += count;
                (first, count, again)
            }
        };
        self.unasked += count;
        let is_last = (self.lost.is_empty() && self.next >= self.blast_to)
            || self.under_way + count >= self.under_way_max();
        let asks = is_last || self.unasked >= ask_every;
        if asks {
            self.unasked = 0;
        }
        Some(Plan { piece, count, again, asks })
    }

    /// Every so manyth piece asks for a report, besides the last that may go.
    fn ask_every(&self) -> u32 {
        match self.transfer.protocol {
            Protocol::StopAndWait => 1,
            Protocol::SlidingWindow { ack_every, .. } => ack_every.max(1),
            // What there is room for is answered once, at its end.
            Protocol::Blast { .. } if !self.is_heard || self.blast_to - self.blast_from <= self.window => {
                u32::MAX
            }
            // So that the receiver's room never runs out while it has some.
            Protocol::Blast { .. } => (self.window / 2).max(1),
        }
    }

    /// What was planned has gone, in packets from this number on.
    pub(crate) fn sent(&mut self, now: Instant, plan: &Plan, number: PacketNumber) {
        self.log.push_back(Run { number: number.0, piece: plan.piece, count: plan.count, at: now });
        self.under_way += plan.count;
        self.fresh = self.fresh.max(plan.piece + plan.count);
        self.free_at = now + self.transfer.gap * plan.count;
    }

    /// What a packet says of the piece it carries, and the piece.
    pub(crate) fn piece(&self, piece: u32) -> (Fragment, Bytes) {
        let from = piece as usize * self.part.piece as usize;
        let to = (from + self.part.piece as usize).min(self.message.len());
        let length = self.message.len() as u32;
        let fragment = Fragment { offset: from as u32, length, blast: self.blast, part: Some(self.part) };
        (fragment, self.message.slice(from..to))
    }

    /// A report has come. `next_number` is what the next packet of this machine will be numbered at least.
    pub(crate) fn on_report(
        &mut self,
        now: Instant,
        report: &Report,
        list: &[u8],
        next_number: PacketNumber,
    ) -> Told {
        let is_ours = report.transfer == self.part.transfer && report.newest < next_number;
        if !is_ours || report.base > self.pieces || report.to > self.pieces {
            return Told::Nothing;
        }
        let is_spoilt = report.to < report.from;
        if !is_spoilt && !missing_in(list, report.from, report.to, |_, _| {}) {
            return Told::Nothing;
        }
        // Less than before, though it has heard more: it has thrown away what it had.
        let is_newer = report.newest > self.newest;
        let before = self.acknowledged.count();
        if is_newer && (is_spoilt || report.base < self.base) {
            self.begin_anew(next_number);
        }
        self.newest = self.newest.max(report.newest);
        if !is_spoilt {
            let acknowledged = &mut self.acknowledged;
            acknowledged.add_range(self.base, report.base);
            missing_in(list, report.from, report.to, |from, to| acknowledged.add_range(from, to));
        }
        if self.acknowledged.count() > before {
            self.advanced = now;
        }
        self.is_heard = true;
        self.silences = 0;
        // One that has no room says so each time it is asked: it is asked ever less often.
        if report.window > 0 {
            self.doublings = 0;
        }
        self.probing = false;
        self.window = report.window;
        self.base = self.acknowledged.next_missing(self.base);
        self.next = self.next.max(self.base);
        let (elapsed, has_lost) = self.account(now, report.newest);
        match self.transfer.errors {
            _ if !has_lost => {}
            ErrorControl::Selective => {}
            ErrorControl::Full if self.is_blasting() => {}
            ErrorControl::GoBackN | ErrorControl::Full => {
                self.next = self.base;
                self.given_up = next_number.0;
                self.blast += 1;
            }
        }
        self.end_blast(next_number);
        Told::Progress(elapsed)
    }

    const fn is_blasting(&self) -> bool {
        matches!(self.transfer.protocol, Protocol::Blast { .. })
    }

    /// What was sent up to `newest` is under way no longer. How long ago that was, and whether anything of it is lost.
    fn account(&mut self, now: Instant, newest: PacketNumber) -> (Option<Duration>, bool) {
        let (mut elapsed, mut has_lost) = (None, false);
        while let Some(run) = self.log.front_mut() {
            if run.number > newest.0 {
                break;
            }
            let count = run.count.min((newest.0 - run.number + 1).min(u64::from(u32::MAX)) as u32);
            if run.number + u64::from(count) - 1 == newest.0 {
                elapsed = Some(now.since(run.at));
            }
            let first = run.piece;
            let is_given_up = run.number < self.given_up;
            run.number += u64::from(count);
            run.piece += count;
            run.count -= count;
            if run.count == 0 {
                self.log.pop_front();
            }
            self.under_way -= count;
            if is_given_up {
                continue;
            }
            for piece in (first..first + count).filter(|piece| !self.acknowledged.has(*piece)) {
                has_lost = true;
                if self.transfer.errors == ErrorControl::Selective {
                    self.lost.insert(piece);
                }
            }
        }
        (elapsed, has_lost)
    }

    /// A blast that has arrived gives way to the next; one that has been answered with something missing goes again, if
    /// that is how errors are dealt with.
    fn end_blast(&mut self, next_number: PacketNumber) {
        if self.base >= self.blast_to {
            if self.base < self.pieces {
                self.begin_blast();
            }
        } else if self.transfer.errors == ErrorControl::Full
            && self.is_blasting()
            && self.next >= self.blast_to
            && self.log.is_empty()
        {
            let acknowledged = self.acknowledged.count();
            if core::mem::replace(&mut self.acknowledged_before, acknowledged) == acknowledged {
                self.learned = (self.under_way_max().min(self.blast_to - self.blast_from) / 2).max(1);
            }
            self.next = self.blast_from;
            self.given_up = next_number.0;
            self.blast += 1;
        }
    }

    /// All of it goes again.
    fn begin_anew(&mut self, next_number: PacketNumber) {
        self.beginnings += 1;
        self.acknowledged.clear();
        self.lost.clear();
        (self.base, self.next) = (0, 0);
        self.given_up = next_number.0;
        self.begin_blast();
    }

    /// Nothing was heard for long: one piece goes, and asks.
    pub(crate) const fn on_silence(&mut self) {
        self.silences += 1;
        self.doublings = if self.doublings < DOUBLINGS_MAX { self.doublings + 1 } else { DOUBLINGS_MAX };
        self.probing = true;
    }

    /// The receiver is to say at once where it stands.
    pub(crate) const fn ask(&mut self) {
        self.probing = true;
    }
}

/// Doubling the time between questions stops here.
const DOUBLINGS_MAX: u32 = 16;
/// So many later pieces make a gap one, and no overtaking.
const GAP_AFTER: u8 = 3;
