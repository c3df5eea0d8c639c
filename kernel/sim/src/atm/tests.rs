//! Cells and their adaptation layer, as properties.
use proptest::prelude::*;

use super::aal5::{Reassembler, Unassembled, cells_of, crc, segment};
use super::{Cell, CellHeader, Circuit, Switch, header_check};

const CIRCUIT: Circuit = Circuit { vpi: 3, vci: 77 };

/// What comes of these cells: the packets, and the groups of cells that were none.
fn assemble(cells: &[Cell]) -> Vec<Result<Vec<u8>, Unassembled>> {
    let mut reassembler = Reassembler::default();
    let push = |cell: &Cell| {
        let header = cell.header().ok()?;
        reassembler.push(cell.payload(), header.payload_type)
    };
    cells.iter().filter_map(push).collect()
}

#[test]
fn checks_are_the_published_ones() {
    assert_eq!(crc(b"123456789"), 0xfc89_1918, "CRC-32 with the highest bit first");
    // The header of an idle cell (ITU-T I.432).
    assert_eq!(header_check([0, 0, 0, 1]), 0x52);
}

#[test]
fn a_packet_takes_as_many_cells_as_it_must() {
    for (bytes, cells) in [(0, 1), (40, 1), (41, 2), (88, 2), (89, 3), (1_472, 31), (65_535, 1_366)] {
        assert_eq!(segment(&vec![7; bytes], CIRCUIT).unwrap().len(), cells, "{bytes} bytes");
        assert_eq!(cells_of(bytes), cells);
    }
    assert_eq!(segment(&[0; 65_536], CIRCUIT), None);
}

#[test]
fn a_switch_copies_a_cell_to_every_output() {
    let mut switch = Switch::default();
    let one = Circuit { vpi: 0, vci: 40 };
    switch.connect((0, CIRCUIT), (1, one));
    switch.connect((0, CIRCUIT), (2, CIRCUIT));
    let cell = segment(b"to all", CIRCUIT).unwrap()[0];
    let (came_by, copies) = switch.forward(0, &cell).unwrap();
    let copies: Vec<_> = copies.collect();
    assert_eq!(came_by, CIRCUIT);
    assert_eq!(
        copies.iter().map(|(port, circuit, _)| (*port, *circuit)).collect::<Vec<_>>(),
        [(1, one), (2, CIRCUIT)]
    );
    for (_, circuit, copy) in copies {
        assert_eq!(copy.header().unwrap().circuit, circuit);
        assert_eq!(copy.payload(), cell.payload());
    }
    assert_eq!(switch.forward(1, &cell).unwrap().1.count(), 0, "the circuit is port 0's");
    assert!(switch.forward(0, &cell.corrupted(9)).is_err());
}

proptest! {
    #[test]
    fn headers_come_back(vpi: u8, vci: u16, payload_type in 0u8..8, low_priority: bool) {
        let header = CellHeader { circuit: Circuit { vpi, vci }, payload_type, low_priority };
        prop_assert_eq!(Cell::new(header, &[9; 48]).header(), Ok(header));
    }

    #[test]
    fn a_flipped_header_bit_is_noticed(vpi: u8, vci: u16, bit in 0u64..40) {
        let header = CellHeader { circuit: Circuit { vpi, vci }, payload_type: 0, low_priority: false };
        prop_assert!(Cell::new(header, &[9; 48]).corrupted(bit).header().is_err());
    }

    #[test]
    fn packets_come_back(packets in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..600), 1..5)) {
        let cells: Vec<_> = packets.iter().flat_map(|packet| segment(packet, CIRCUIT).unwrap()).collect();
        let whole: Vec<_> = packets.into_iter().map(Ok).collect();
        prop_assert_eq!(assemble(&cells), whole);
    }

    #[test]
    fn a_lost_cell_loses_its_packet_and_at_most_the_next(
        packets in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..400), 3),
        which: prop::sample::Index,
    ) {
        let first = segment(&packets[0], CIRCUIT).unwrap();
        let lost = which.index(first.len());
        let mut cells: Vec<_> = packets.iter().flat_map(|packet| segment(packet, CIRCUIT).unwrap()).collect();
        cells.remove(lost);
        let got = assemble(&cells);
        // Without its last cell a packet has no end, and the next one is taken for its rest.
        // One of a single cell leaves nothing behind.
        let gone = if lost + 1 == first.len() && first.len() > 1 { 2 } else { 1 };
        let whole: Vec<_> = got.iter().flatten().cloned().collect();
        prop_assert_eq!(&whole, &packets[gone..]);
    }

    #[test]
    fn cells_out_of_order_are_noticed(packet in prop::collection::vec(any::<u8>(), 100..600), a: prop::sample::Index, b: prop::sample::Index) {
        let mut cells = segment(&packet, CIRCUIT).unwrap();
        let (a, b) = (a.index(cells.len()), b.index(cells.len()));
        let same = cells[a] == cells[b];
        cells.swap(a, b);
        prop_assert_eq!(assemble(&cells).first() == Some(&Ok(packet)), same);
    }

    #[test]
    fn a_flipped_payload_bit_is_noticed(packet in prop::collection::vec(any::<u8>(), 0..400), which: prop::sample::Index, bit in 40u64..424) {
        let mut cells = segment(&packet, CIRCUIT).unwrap();
        let which = which.index(cells.len());
        cells[which] = cells[which].corrupted(bit);
        prop_assert_eq!(assemble(&cells), [Err(Unassembled::Crc)]);
    }
}
