//! Runs of pieces of one message that went one after the other and all arrived: one row stands for them.
//!
//! What is worth a look keeps a row of its own: a packet that was lost or harmed, one that asks for a report, one beside
//! which something is noted. Deliberately not here: pictures and pages, which have room for every row.
use sendrec_core::trace::Fate;
use sendrec_core::wire::PacketType;

use super::plan::{Arrow, Plan, Shape};
use super::rows::{Leg, Row};
use super::words::{self, Way};
use crate::trace::progress::piece_of;
use crate::trace::{End, Joined};

/// Fewer rows than this are drawn as they are.
const RUN_MIN: usize = 3;

/// What pieces of one run have in common, and which piece this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Piece {
    from: usize,
    to: usize,
    kind: PacketType,
    transfer: u32,
    flags: u16,
    /// What the receiver said of it.
    fate: Option<Fate>,
    place: u32,
    packet: usize,
}

impl Piece {
    fn is_before(&self, next: &Self) -> bool {
        let after = Self { place: self.place + 1, packet: next.packet, ..*self };
        after == *next
    }
}

/// Folds what may be folded.
pub(crate) fn fold(rows: Vec<Row>, plan: &mut Plan, joined: &Joined) -> Vec<Row> {
    let mut folded: Vec<Row> = Vec::with_capacity(rows.len());
    let mut run: Vec<(Row, Piece)> = Vec::new();
    for row in rows {
        let piece = piece(&row, plan, joined);
        let goes_on = match (run.last(), &piece) {
            (Some((_, last)), Some(piece)) => last.is_before(piece),
            _ => false,
        };
        if !goes_on {
            close(&mut run, &mut folded, plan, joined);
        }
        match piece {
            Some(piece) => run.push((row, piece)),
            None => folded.push(row),
        }
    }
    close(&mut run, &mut folded, plan, joined);
    folded
}

/// What a row shows, if that is a piece that arrived and nothing else.
fn piece(row: &Row, plan: &Plan, joined: &Joined) -> Option<Piece> {
    let (arrow, Leg::Whole) = row.arrow? else { return None };
    let arrow = &plan.arrows[arrow];
    let packet = arrow.packet?;
    let passage = &joined.packets[packet];
    // Beside it nothing is noted but what its receiver made of it.
    let plain = arrow.shape == Shape::Through && row.notes.len() == usize::from(arrow.fate.is_some());
    let arrived = passage.end == End::Delivered && passage.arrivals.len() == 1 && passage.network.is_none();
    if !plain || !arrived || words::asks(&passage.note) {
        return None;
    }
    let (place, _) = piece_of(&passage.note)?;
    let (transfer, flags) = (passage.note.part?.transfer, passage.note.flags);
    let fate = passage.arrivals.first().map(|arrival| arrival.fate);
    Some(Piece {
        from: arrow.from,
        to: arrow.to,
        kind: passage.note.kind,
        transfer,
        flags,
        fate,
        place,
        packet,
    })
}

/// A run is over: it becomes one row, or as many as it was if that is few.
fn close(run: &mut Vec<(Row, Piece)>, folded: &mut Vec<Row>, plan: &mut Plan, joined: &Joined) {
    let rows = std::mem::take(run);
    if rows.len() < RUN_MIN {
        return folded.extend(rows.into_iter().map(|(row, _)| row));
    }
    let count = rows.len();
    let note = |piece: Piece| &joined.packets[piece.packet].note;
    let labels = words::run_labels(note(rows[0].1), note(rows[count - 1].1), count, Way::Plain);
    let mut rows = rows.into_iter();
    let Some((mut row, piece)) = rows.next() else { return };
    for (other, _) in rows {
        row.moments.extend(other.moments);
    }
    plan.arrows.push(Arrow {
        from: piece.from,
        to: piece.to,
        labels,
        special: String::new(),
        tone: super::canvas::Tone::Packet(piece.kind),
        shape: Shape::Through,
        is_piece: true,
        packet: None,
        fate: None,
        slow: false,
    });
    row.arrow = Some((plan.arrows.len() - 1, Leg::Whole));
    row.packets = count;
    folded.push(row);
}
