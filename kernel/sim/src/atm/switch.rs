//! A switch's inside (slide 10): a table from input port and circuit to output ports and new circuits.
use std::collections::BTreeMap;

use super::cell::{BadHeader, Cell, Circuit};

/// A port of a switch.
pub type Port = usize;

/// Routes cells. A circuit with several outputs is a multicast: the cell is copied at the switch, sent to it once.
#[derive(Clone, Debug, Default)]
pub struct Switch {
    routes: BTreeMap<(Port, Circuit), Vec<(Port, Circuit)>>,
}

impl Switch {
    /// One output more for a circuit; the same one twice is one.
    pub fn connect(&mut self, input: (Port, Circuit), output: (Port, Circuit)) {
        let outputs = self.routes.entry(input).or_default();
        if !outputs.contains(&output) {
            outputs.push(output);
        }
    }

    /// Whom a cell goes to, and how it looks there. Nobody's if its circuit is not connected.
    pub fn forward(
        &self,
        port: Port,
        cell: &Cell,
    ) -> Result<(Circuit, impl Iterator<Item = (Port, Circuit, Cell)>), BadHeader> {
        let header = cell.header()?;
        let cell = *cell;
        let outputs = self.routes.get(&(port, header.circuit)).map_or(&[][..], Vec::as_slice);
        let copies = outputs.iter().map(move |&(port, circuit)| {
            let mut header = header;
            header.circuit = circuit;
            (port, circuit, cell.with_header(header))
        });
        Ok((header.circuit, copies))
    }
}
