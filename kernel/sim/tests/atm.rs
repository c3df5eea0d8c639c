//! A network of cells under the protocol.
mod support;

use sendrec_core::trace::Verdict;
use sendrec_core::wire::PacketType;
use sendrec_sim::atm::{Atm, CELL_BYTES, CellFate, OC1};
use sendrec_sim::{Link, Medium};
use support::{Pair, traced};

fn atm(options: Atm) -> Pair {
    let mut pair = Pair::with(traced(), Link { medium: Medium::Atm, ..Link::default() });
    pair.world.set_atm(options);
    pair
}

#[test]
fn a_call_goes_in_cells_whose_circuits_change_at_the_switch() {
    let mut pair = atm(Atm::default());
    pair.call(&["hello"]);
    pair.world.run();
    assert_eq!(pair.results(), [Ok("hello".into())]);
    let cells = pair.world.cells();
    // 80 bytes of header, 5 of message, 8 of trailer: two cells.
    let request: Vec<_> = cells.iter().take(2).map(|cell| (cell.place, cell.of, cell.fate)).collect();
    assert_eq!(request, [(1, 2, CellFate::Switched), (2, 2, CellFate::Switched)]);
    let first = &cells[0];
    assert_eq!((first.input, first.output), (pair.client, pair.server));
    assert_eq!((first.circuit_in.vci, first.circuit_out.vci), (33, 32), "by receiver, then by sender");
}

#[test]
fn cells_take_the_time_of_their_line() {
    let rate = 53_000_000;
    let mut pair = atm(Atm { rate, ..Atm::default() });
    pair.call(&["hello"]);
    pair.world.run();
    let cell_ns = CELL_BYTES as u64 * 8 * 1_000_000_000 / rate;
    assert_eq!(cell_ns, 8_000);
    // Half the latency lies before the switch.
    let at: Vec<_> = pair.world.cells().iter().take(2).map(|cell| cell.at.as_nanos() - 500_000).collect();
    assert_eq!(at, [cell_ns, 2 * cell_ns]);
}

#[test]
fn one_lost_cell_loses_its_packet() {
    let mut pair = atm(Atm { cell_loss: 0.2, ..Atm::default() });
    pair.call(&["a", "b", "c", "d", "e", "f"]);
    pair.world.run();
    assert_eq!(pair.executed(), ["a", "b", "c", "d", "e", "f"]);
    let lost = pair.world.cells().iter().filter(|cell| cell.fate == CellFate::Lost).count();
    let verdicts = pair.verdicts();
    assert!(lost > 0 && !verdicts.is_empty());
    for (_, verdict, rule) in &verdicts {
        assert_eq!(*verdict, Verdict::Dropped);
        // A packet that lost its last cell takes the next one of its circuit with it.
        assert!(
            rule.starts_with("cell ") && rule.ends_with(" lost") || rule == "AAL5 CRC-32 wrong",
            "{rule}"
        );
    }
    assert!(verdicts.iter().any(|(_, _, rule)| rule == "cell 1 of 2 lost" || rule == "cell 2 of 2 lost"));
}

#[test]
fn a_changed_cell_is_found() {
    let mut pair = atm(Atm { cell_error: 0.1, ..Atm::default() });
    pair.call(&["a", "b", "c", "d", "e", "f", "g", "h"]);
    pair.world.run();
    assert_eq!(pair.executed(), ["a", "b", "c", "d", "e", "f", "g", "h"]);
    let rules: Vec<_> = pair.verdicts().into_iter().map(|(_, _, rule)| rule).collect();
    assert!(rules.iter().any(|rule| rule == "AAL5 CRC-32 wrong"), "{rules:?}");
}

#[test]
fn an_output_port_has_room_for_so_many_cells() {
    // A fast line in and a slow one out: 17 cells of a packet of 800 bytes, and room for 4.
    let mut pair = atm(Atm { queue_cells: 4, ..Atm::default() });
    let rates = [(pair.server, OC1 / 100)].into();
    pair.world.set_atm(Atm { queue_cells: 4, rates, ..Atm::default() });
    let long: &'static str = String::from_utf8(vec![b'x'; 720]).unwrap().leak();
    pair.call(Box::leak(Box::new([long])));
    pair.world.run();
    let (kind, verdict, rule) = pair.verdicts().remove(0);
    assert_eq!((kind, verdict), (PacketType::Req, Verdict::Dropped));
    assert_eq!(rule, "no room for cell 6 of 17", "one goes out and four wait");
    assert!(pair.results()[0].is_err());
}

#[test]
fn packets_between_several_machines_do_not_mix() {
    let mut pair = atm(Atm { rate: OC1, ..Atm::default() });
    let to = pair.address();
    for _ in 0..10 {
        let other = pair.world.boot();
        pair.world.spawn(other, Default::default(), move |me| {
            for size in [0, 100, 1_000, 1_300] {
                let message = vec![b'a' + size as u8 % 26; size];
                assert_eq!(me.call(to, &message).unwrap(), message);
            }
        });
    }
    pair.world.run();
    assert_eq!(pair.executed().len(), 40);
    assert_eq!(pair.world.unfinished(), 1, "the server alone");
    assert_eq!(pair.verdicts(), []);
}
