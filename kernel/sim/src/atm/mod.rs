//! ATM (slides 7-10): packets as small cells of one size, switched by the circuit numbers in their headers.
//!
//! The layers of slide 9, from below: lines that carry so many bits a second (SONET's OC-1 and OC-3c), cells of 53
//! bytes that a [`Switch`] routes by input port and circuit, and the adaptation layer [`aal5`], which cuts a packet
//! into cells and puts it together again. AAL5 is our choice of layer. Deliberately not here: signalling (a world
//! connects a circuit when its first packet goes) and the constant-rate layers.
pub mod aal5;
mod cell;
pub(crate) mod net;
mod switch;
#[cfg(test)]
mod tests;

pub use cell::{
    BadHeader, CELL_BYTES, Cell, CellHeader, Circuit, HEADER_BYTES, PAYLOAD_BYTES, VCI_FIRST, header_check,
};
pub use net::{CELL_RECORDS_MAX, CellFate, CellRecord};
pub use switch::{Port, Switch};

/// Bits per second of a SONET OC-1 line.
pub const OC1: u64 = 51_840_000;
/// Bits per second of a SONET OC-3c line.
pub const OC3C: u64 = 155_520_000;

/// How a world's switch and the lines to it are.
#[derive(Clone, Debug)]
pub struct Atm {
    /// Bits per second of each machine's line, to the switch and from it.
    pub rate: u64,
    /// Of the lines of single machines that have another one.
    pub rates: std::collections::BTreeMap<crate::MachineId, u64>,
    /// Cells that may wait at an output port, the one that is going out not counted.
    pub queue_cells: usize,
    /// Probability that a cell dies on its way from the switch.
    pub cell_loss: f64,
    /// Probability that one of its bits is flipped there.
    pub cell_error: f64,
}

impl Default for Atm {
    fn default() -> Self {
        const QUEUE_CELLS: usize = 4_096;
        Self {
            rate: OC3C,
            rates: std::collections::BTreeMap::new(),
            queue_cells: QUEUE_CELLS,
            cell_loss: 0.0,
            cell_error: 0.0,
        }
    }
}
