//! What reports say of a message that comes in pieces, told with what only the traces know: how many pieces there are,
//! and which of those that a report lists are missing.
//!
//! A trace keeps no payload, so it does not have a report's list. But whoever reports has said of every piece that it
//! came, and of what did not come the list is made: it is made again here. Where the two cannot be the same, nothing is
//! said. Deliberately not here: what a sender makes of a report.
use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use sendrec_core::Epoch;
use sendrec_core::trace::{Fate, Incident, PacketNote, What};
use sendrec_core::wire::Part;

use super::join::Joined;

/// How far a message is that a report is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Pieces of the whole message, if the traces have one of them.
    pub pieces: Option<u32>,
    /// Which pieces the report lists as missing, counted from 0, if that can be known.
    pub missing: Option<Vec<Range<u32>>>,
}

/// How the list behind a report may be written; see `sendrec_core`'s wire format.
const RANGES: u8 = 0;
const BITMAP: u8 = 1;
const RANGE_BYTES: usize = 8;

impl Progress {
    /// The list as it stands on the wire, if that is so many bytes long.
    pub(crate) fn list(&self, listed: Range<u32>, bytes: usize) -> Option<Vec<u8>> {
        let missing = self.missing.as_ref()?;
        if bytes == 1 + RANGE_BYTES * missing.len() {
            let mut list = vec![RANGES];
            for range in missing {
                list.extend(range.start.to_be_bytes());
                list.extend((range.end - range.start).to_be_bytes());
            }
            return Some(list);
        }
        if bytes != 1 + bitmap_bytes(&listed) {
            return None;
        }
        let mut list = vec![0; bytes];
        list[0] = BITMAP;
        for piece in missing.iter().flat_map(Clone::clone) {
            let place = piece - listed.start;
            list[1 + (place / 8) as usize] |= 1 << (place % 8);
        }
        Some(list)
    }
}

fn bitmap_bytes(listed: &Range<u32>) -> usize {
    listed.end.saturating_sub(listed.start).div_ceil(8) as usize
}

/// Which piece of its message a packet carries, counted from 0, and how many there are.
pub(crate) fn piece_of(note: &PacketNote) -> Option<(u32, u32)> {
    let Part { piece, .. } = note.part?;
    let length = note.message_bytes.unwrap_or(u32::try_from(note.bytes).unwrap_or(u32::MAX));
    Some((note.offset.checked_div(piece)?, length.div_ceil(piece)))
}

/// A transfer as one machine receives it: to whom, from whom, from which incarnation, which.
type Key = (usize, usize, Epoch, u32);

/// Fills in what is known of every report's transfer.
pub(super) fn tell(joined: &mut Joined) {
    let mut here: HashMap<Key, BTreeSet<u32>> = HashMap::new();
    let mut pieces: HashMap<Key, u32> = HashMap::new();
    for packet in &joined.packets {
        if let (Some(part), Some(to), Some((_, count))) =
            (packet.note.part, packet.to, piece_of(&packet.note))
        {
            pieces.insert((to, packet.from, packet.note.epoch, part.transfer), count);
        }
    }
    for moment in &joined.moments {
        let Some(packet) = moment.packet else {
            if let What::Incident { incident: Incident::Crashed | Incident::Booted { .. }, .. } =
                moment.event.what
            {
                here.retain(|(to, ..), _| *to != moment.machine);
            }
            continue;
        };
        let passage = &joined.packets[packet];
        match &moment.event.what {
            What::Received { packet, fate, .. } => {
                let placed = matches!(fate, Fate::Fragment | Fate::Accepted | Fate::DuplicateInProgress);
                if let (Some(part), Some((piece, _)), true) = (packet.part, piece_of(packet), placed) {
                    let key = (moment.machine, passage.from, packet.epoch, part.transfer);
                    here.entry(key).or_default().insert(piece);
                }
            }
            What::Sent { packet: note, .. } => {
                let (Some(report), Some(to)) = (note.report, passage.to) else { continue };
                let key = (moment.machine, to, note.destination_epoch, report.transfer);
                if report.to < report.from {
                    here.remove(&key);
                }
                let missing = here.get(&key).and_then(|here| missing(note, here));
                let progress = Progress { pieces: pieces.get(&key).copied(), missing };
                joined.packets[packet].progress = Some(progress);
            }
            _ => {}
        }
    }
    // Of a report whose sender is not traced nobody knows more than it says itself.
    for packet in &mut joined.packets {
        if let (Some(report), None, Some(to)) = (packet.note.report, &packet.progress, packet.to) {
            let key = (packet.from, to, packet.note.destination_epoch, report.transfer);
            packet.progress = Some(Progress { pieces: pieces.get(&key).copied(), missing: None });
        }
    }
}

/// What of the listed pieces is not here; `None` if the report cannot be of these.
fn missing(note: &PacketNote, here: &BTreeSet<u32>) -> Option<Vec<Range<u32>>> {
    let report = note.report?;
    let is_whole = report.from == report.base && report.newest.0 != 0;
    let high = here.last().map_or(0, |last| last + 1);
    let below = here.range(..report.base).count();
    if below != report.base as usize || report.to > high.max(report.base) || (is_whole && report.to < high) {
        return None;
    }
    let mut missing: Vec<Range<u32>> = Vec::new();
    let mut next = report.from;
    for piece in here.range(report.from..report.to.max(report.from)).copied().chain([report.to]) {
        if next < piece {
            missing.push(next..piece);
        }
        next = piece + 1;
    }
    let progress = Progress { pieces: None, missing: Some(missing) };
    progress.list(report.from..report.to, note.bytes)?;
    progress.missing
}
