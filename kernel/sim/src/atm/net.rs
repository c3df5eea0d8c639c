//! The ATM network of a world: a line from each machine to one switch and back, and packets in cells on them.
use std::collections::BTreeMap;
use std::time::Duration;

use sendrec_core::fault::Treatment;
use sendrec_core::rng::Rng;
use sendrec_core::{Instant, PacketNumber};
use slab::Slab;

use super::Atm;
use super::aal5::{Reassembler, segment};
use super::cell::{CELL_BYTES, Cell, Circuit, VCI_FIRST};
use super::switch::{Port, Switch};
use crate::agenda::{Agenda, Happening};
use crate::link::{Line, Queue};
use crate::machine::MachineId;
use crate::network::Label;

/// Cells that a world keeps records of.
pub const CELL_RECORDS_MAX: usize = 1 << 18;

/// What became of a cell at the switch or behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CellFate {
    /// It went out.
    Switched,
    /// It died on the line behind the switch.
    Lost,
    /// It found no room at the output port.
    NoRoom,
}

/// A cell that came to the switch, once for each port it was to leave by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellRecord {
    /// When, by the world's clock.
    pub at: Instant,
    /// By which machine's port it came in.
    pub input: MachineId,
    /// By which machine's port it goes out.
    pub output: MachineId,
    /// The circuit it came in by.
    pub circuit_in: Circuit,
    /// The circuit it goes out by.
    pub circuit_out: Circuit,
    /// The number of the packet it is of, at the machine that sent it.
    pub packet: PacketNumber,
    /// Its place in the packet, from 1.
    pub place: u32,
    /// Cells of the packet.
    pub of: u32,
    /// What became of it.
    pub fate: CellFate,
}

/// A packet that is to be sent as cells.
pub(crate) struct Parcel<'a> {
    pub(crate) label: Label,
    pub(crate) to: &'a [(usize, Treatment)],
    pub(crate) latency: Duration,
    pub(crate) bytes: &'a [u8],
}

/// What a cell's move has brought about.
pub(crate) enum Effect {
    /// A packet is lost to one receiver.
    Lost { label: Label, to: usize, rule: String },
    /// A packet has come whole.
    Whole { label: Label, to: usize, treatment: Treatment, bytes: Vec<u8> },
}

/// A packet some of whose cells are on their way.
#[derive(Debug)]
struct Sent {
    label: Label,
    /// Who is to have it: a multicast circuit brings it to others too, whose copy the network's rules have killed.
    to: Vec<(usize, Treatment)>,
    latency: Duration,
    cells: u32,
    /// Cells and copies of cells that are on their way.
    outstanding: usize,
    /// Receivers of whose loss has been told.
    told: Vec<usize>,
}

/// A cell on its way.
#[derive(Debug)]
struct Moving {
    cell: Cell,
    port: Port,
    is_switched: bool,
    packet: u32,
    place: u32,
}

#[derive(Debug)]
pub(crate) struct Net {
    pub(crate) options: Atm,
    switch: Switch,
    uplinks: BTreeMap<Port, Line>,
    downlinks: BTreeMap<Port, Line>,
    reassemblers: BTreeMap<(Port, Circuit), Reassembler>,
    packets: Slab<Sent>,
    moving: Slab<Moving>,
    pub(crate) records: Vec<CellRecord>,
    rng: Rng,
}

/// The bit of the path number that marks circuits with several outputs.
const MULTICAST: u8 = 0x80;

/// The circuit that stands for a machine.
fn circuit_of(machine: usize, multicast: bool) -> Circuit {
    let channels = usize::from(u16::MAX - VCI_FIRST) + 1;
    let path = (machine / channels) as u8 & !MULTICAST;
    let vci = VCI_FIRST + (machine % channels) as u16;
    Circuit { vpi: if multicast { path | MULTICAST } else { path }, vci }
}

impl Net {
    pub(crate) fn new(rng: Rng) -> Self {
        Self {
            options: Atm::default(),
            switch: Switch::default(),
            uplinks: BTreeMap::new(),
            downlinks: BTreeMap::new(),
            reassemblers: BTreeMap::new(),
            packets: Slab::new(),
            moving: Slab::new(),
            records: Vec::new(),
            rng,
        }
    }

    fn rate(&self, port: Port) -> u64 {
        self.options.rates.get(&MachineId(port)).copied().unwrap_or(self.options.rate)
    }

    /// The circuit from a machine to these, connected if it was not.
    fn circuit(&mut self, from: Port, to: &[(usize, Treatment)]) -> Circuit {
        let multicast = to.len() > 1;
        // Of a circuit to several, the number says whose it is; of one to a single machine, whose that is.
        let circuit = circuit_of(if multicast { from } else { to[0].0 }, multicast);
        for (receiver, _) in to {
            self.switch.connect((from, circuit), (*receiver, circuit_of(from, multicast)));
        }
        circuit
    }

    /// Sends a packet: its cells leave one after the other.
    pub(crate) fn send(&mut self, now: Instant, parcel: &Parcel<'_>, agenda: &mut Agenda) {
        let Parcel { label, to, latency, bytes } = *parcel;
        let circuit = self.circuit(label.from, to);
        let Some(cells) = segment(bytes, circuit) else { return };
        let count = cells.len();
        let packet = self.packets.insert(Sent {
            label,
            to: to.to_vec(),
            latency,
            cells: count as u32,
            outstanding: count,
            told: Vec::new(),
        });
        let rate = self.rate(label.from);
        for (place, cell) in cells.into_iter().enumerate() {
            let line = self.uplinks.entry(label.from).or_default();
            let Some(out_at) = line.send(now, CELL_BYTES, rate, None) else { continue };
            let (packet, place) = (packet as u32, place as u32 + 1);
            let moving = Moving { cell, port: label.from, is_switched: false, packet, place };
            let cell = self.moving.insert(moving) as u32;
            agenda.push(out_at + latency / 2, Happening::Cell { cell });
        }
    }

    /// A cell comes to the switch, or from it to a machine.
    pub(crate) fn handle_cell(&mut self, now: Instant, cell: u32, agenda: &mut Agenda) -> Vec<Effect> {
        let Some(moving) = self.moving.try_remove(cell as usize) else { return Vec::new() };
        let packet = moving.packet as usize;
        let mut effects = Vec::new();
        if moving.is_switched {
            self.on_arrived(&moving, &mut effects);
        } else {
            self.on_switch(now, &moving, agenda, &mut effects);
        }
        let sent = &mut self.packets[packet];
        sent.outstanding -= 1;
        if sent.outstanding == 0 {
            self.packets.remove(packet);
        }
        effects
    }

    fn on_switch(&mut self, now: Instant, moving: &Moving, agenda: &mut Agenda, effects: &mut Vec<Effect>) {
        let input = moving.port;
        // On the line to the switch nothing happens to a header.
        let Ok((circuit_in, copies)) = self.switch.forward(input, &moving.cell) else { return };
        for (output, circuit_out, cell) in copies.collect::<Vec<_>>() {
            let lost = self.rng.chance(self.options.cell_loss);
            let error = self.rng.chance(self.options.cell_error).then(|| self.rng.next_u64());
            let rate = self.rate(output);
            let queue = Some(Queue::Packets(self.options.queue_cells));
            let line = self.downlinks.entry(output).or_default();
            let (fate, out_at) = match line.send(now, CELL_BYTES, rate, queue) {
                None => (CellFate::NoRoom, None),
                Some(_) if lost => (CellFate::Lost, None),
                Some(out_at) => (CellFate::Switched, Some(out_at)),
            };
            let sent = &mut self.packets[moving.packet as usize];
            let (label, of, place) = (sent.label, sent.cells, moving.place);
            match out_at {
                Some(out_at) => {
                    sent.outstanding += 1;
                    let cell = error.map_or(cell, |bit| cell.corrupted(bit));
                    let due = out_at + (sent.latency - sent.latency / 2);
                    let moved = Moving { cell, port: output, is_switched: true, ..*moving };
                    let cell = self.moving.insert(moved) as u32;
                    agenda.push(due, Happening::Cell { cell });
                }
                None => {
                    let rule = match fate {
                        CellFate::NoRoom => format!("no room for cell {place} of {of}"),
                        _ => format!("cell {place} of {of} lost"),
                    };
                    tell_loss(sent, output, rule, effects);
                }
            }
            if self.records.len() < CELL_RECORDS_MAX {
                let (input, output) = (MachineId(input), MachineId(output));
                let packet = label.number;
                let at = now;
                self.records.push(CellRecord {
                    at,
                    input,
                    output,
                    circuit_in,
                    circuit_out,
                    packet,
                    place,
                    of,
                    fate,
                });
            }
        }
    }

    fn on_arrived(&mut self, moving: &Moving, effects: &mut Vec<Effect>) {
        let to = moving.port;
        let sent = &mut self.packets[moving.packet as usize];
        let Ok(header) = moving.cell.header() else {
            let rule = format!("header check of cell {} of {} wrong", moving.place, sent.cells);
            return tell_loss(sent, to, rule, effects);
        };
        let circuit = self.reassemblers.entry((to, header.circuit)).or_default();
        match circuit.push(moving.cell.payload(), header.payload_type) {
            None => {}
            Some(Ok(bytes)) => {
                if let Some((_, treatment)) = sent.to.iter().find(|(receiver, _)| *receiver == to) {
                    let treatment = treatment.clone();
                    effects.push(Effect::Whole { label: sent.label, to, treatment, bytes });
                }
            }
            Some(Err(error)) => tell_loss(sent, to, error.to_string(), effects),
        }
    }
}

/// Tells of a packet's loss to one receiver, once, and only if the receiver was to have it.
fn tell_loss(sent: &mut Sent, to: usize, rule: String, effects: &mut Vec<Effect>) {
    if sent.to.iter().any(|(receiver, _)| *receiver == to) && !sent.told.contains(&to) {
        sent.told.push(to);
        effects.push(Effect::Lost { label: sent.label, to, rule });
    }
}
