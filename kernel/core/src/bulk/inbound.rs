//! The receiver's side of a transfer: every piece goes to its place, and what is missing is reported.
use alloc::vec::Vec;

use super::bitmap::Bitmap;
use crate::ids::PacketNumber;
use crate::time::Instant;
use crate::wire::{Fragment, Part};

/// After a gap was reported, so many pieces pass before the next report that nobody has asked for.
const GAP_REPORT_PIECES: u32 = 16;

/// A message that is on its way here.
#[derive(Debug)]
pub(crate) struct Inbound {
    part: Part,
    /// The message's own place, and perhaps more.
    memory: Vec<u8>,
    length: usize,
    there: Bitmap,
    pieces: u32,
    count: u32,
    /// All below are there.
    base: u32,
    /// One above the highest that is.
    high: u32,
    newest: PacketNumber,
    /// When a piece came last, new or not; and when a new one did.
    pub(crate) heard: Instant,
    pub(crate) advanced: Instant,
    /// Pieces that came since a gap was seen that is not reported; `None` if there is none.
    gap: Option<u32>,
    /// Pieces that must come before a gap is reported again.
    quiet: u32,
}

/// What became of a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placed {
    /// It was none of this message.
    Foreign,
    /// It was there.
    Again,
    /// It is new.
    New,
    /// It is new, and tells of a gap that is to be reported.
    Gap,
    /// It was the last that was missing.
    Complete,
    /// It was, but the message is not what was sent: all is to come again.
    Spoilt,
}

impl Inbound {
    /// For the message that this is a part of. `memory` has room for it.
    pub(crate) fn new(now: Instant, fragment: &Fragment, part: Part, memory: Vec<u8>) -> Self {
        debug_assert!(memory.len() >= fragment.length as usize);
        let pieces = fragment.length.div_ceil(part.piece.max(1));
        Self {
            part,
            memory,
            length: fragment.length as usize,
            there: Bitmap::new(pieces),
            pieces,
            count: 0,
            base: 0,
            high: 0,
            newest: PacketNumber::default(),
            heard: now,
            advanced: now,
            gap: None,
            quiet: 0,
        }
    }

    pub(crate) const fn transfer(&self) -> u32 {
        self.part.transfer
    }

    /// Bytes of the whole message.
    pub(crate) const fn length(&self) -> usize {
        self.length
    }

    /// Payload bytes of each piece but the last.
    pub(crate) const fn piece(&self) -> u32 {
        self.part.piece
    }

    /// Whether the whole message is here.
    #[cfg(test)]
    pub(crate) const fn is_complete(&self) -> bool {
        self.count == self.pieces
    }

    /// Its sender has begun anew, as this transfer: nothing is there.
    pub(crate) fn restart(&mut self, now: Instant, part: Part) {
        let pieces = (self.length as u32).div_ceil(part.piece.max(1));
        (self.part, self.pieces, self.there) = (part, pieces, Bitmap::new(pieces));
        (self.count, self.base, self.high, self.gap, self.quiet) = (0, 0, 0, None, 0);
        (self.heard, self.advanced, self.newest) = (now, now, PacketNumber::default());
    }

    /// A piece has come. The view has checked that it fits its own message.
    pub(crate) fn place(
        &mut self,
        now: Instant,
        number: PacketNumber,
        fragment: &Fragment,
        payload: &[u8],
    ) -> Placed {
        let is_ours = fragment.part == Some(self.part) && fragment.length as usize == self.length;
        let from = fragment.offset as usize;
        let Some(place) = self.memory.get_mut(from..from + payload.len()).filter(|_| is_ours) else {
            return Placed::Foreign;
        };
        self.newest = self.newest.max(number);
        self.heard = now;
        let piece = fragment.offset / self.part.piece;
        if !self.there.add(piece) {
            return Placed::Again;
        }
        place.copy_from_slice(payload);
        self.advanced = now;
        self.count += 1;
        if self.count == self.pieces {
            return self.check();
        }
        if piece == self.base {
            self.base = self.there.next_missing(piece + 1);
        }
        if piece > self.high && self.part.gap_after > 0 {
            self.gap.get_or_insert(0);
        }
        self.high = self.high.max(piece + 1);
        self.quiet = self.quiet.saturating_sub(1);
        self.look_at_gap()
    }

    /// Whether a gap has been there long enough to be none of overtaking.
    fn look_at_gap(&mut self) -> Placed {
        let Some(seen) = self.gap.as_mut() else { return Placed::New };
        if self.base >= self.high {
            // It has closed.
            self.gap = None;
            return Placed::New;
        }
        *seen += 1;
        if *seen < u32::from(self.part.gap_after) || self.quiet > 0 {
            return Placed::New;
        }
        self.gap = None;
        self.quiet = GAP_REPORT_PIECES;
        Placed::Gap
    }

    fn check(&mut self) -> Placed {
        self.base = self.pieces;
        match self.part.checksum {
            Some(sum) if self.memory.get(..self.length).map(crc32fast::hash) != Some(sum) => {
                self.there.clear();
                (self.count, self.base, self.high, self.gap) = (0, 0, 0, None);
                Placed::Spoilt
            }
            _ => Placed::Complete,
        }
    }

    /// The newest packet; all pieces below the first are there; those from it to the second are listed.
    pub(crate) const fn state(&self) -> (PacketNumber, u32, u32) {
        (self.newest, self.base, self.high)
    }

    /// Which pieces are there.
    pub(crate) const fn there(&self) -> &Bitmap {
        &self.there
    }

    /// The memory it was given, which holds the message if that is complete.
    pub(crate) fn into_memory(self) -> Vec<u8> {
        self.memory
    }
}
