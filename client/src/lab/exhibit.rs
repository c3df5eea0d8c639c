//! What is shown besides the ladder: the bytes of a call by layers, the cells of an ATM link, what timers cost.
use std::fmt::Write;
use std::time::Duration;

use bytes::Bytes;
use sendrec_core::timer::{self, Strategy};
use sendrec_core::wire::{HEADER_BYTES, Packet, PacketType};
use sendrec_core::{Instant, rng::Rng};
use sendrec_sim::atm::{CellFate, CellRecord};

use super::scenario::{Exhibit, Scenario};
use super::script::Step;
use super::stage::Run;
use crate::trace::Passage;
use crate::view::datagram::{UDP_HEADER_BYTES, datagram};

/// Cells in one table at most.
const CELLS_MAX: usize = 60;
/// Bytes in one row of a dump.
const DUMP_BYTES: usize = 16;

/// The exhibits of a run's scenario, each a text of lines not longer than `width`.
pub fn exhibit(run: &Run, width: usize) -> Vec<String> {
    let show = |exhibit: &Exhibit| match exhibit {
        Exhibit::Layers => layers(run),
        Exhibit::Cells => cells(run),
        Exhibit::Timers => timers(),
    };
    let cut = |line: &str| line.chars().take(width).collect::<String>();
    let fit = |text: String| text.lines().map(|line| cut(line) + "\n").collect();
    run.scenario.exhibits.iter().map(show).map(fit).collect()
}

/// The text of the first message that a script sends, which a trace does not keep.
fn first_text(scenario: &Scenario) -> Option<&str> {
    fn in_steps(steps: &[Step]) -> Option<&str> {
        steps.iter().find_map(|step| match step {
            Step::Send(sending) | Step::Start(_, sending) => Some(sending.text.as_str()),
            Step::Repeat(_, inner) => in_steps(inner),
            _ => None,
        })
    }
    scenario
        .machines
        .iter()
        .flat_map(|machine| &machine.processes)
        .find_map(|process| in_steps(&process.script))
}

/// The first request of a run, its message put back.
fn first_request(run: &Run) -> Option<(&Passage, Packet)> {
    let passage = run.joined.packets.iter().find(|packet| packet.note.kind == PacketType::Req)?;
    let text = first_text(&run.scenario).unwrap_or("").as_bytes();
    let fits = text.len() == passage.note.bytes;
    let payload = if fits { Bytes::copy_from_slice(text) } else { Bytes::from(vec![0; passage.note.bytes]) };
    let header = passage.note.header()?;
    Some((passage, Packet { header, payload }))
}

/// Slides 3-4: each layer puts a header before what it is given, and knows nothing of what is inside.
fn layers(run: &Run) -> String {
    let Some((passage, packet)) = first_request(run) else { return "  no request was sent\n".to_owned() };
    let mut bytes = vec![0; packet.wire_bytes()];
    if packet.write(&mut bytes).is_none() {
        return "  the request cannot be written\n".to_owned();
    }
    let machines = &run.joined.machines;
    let to = machines[passage.to.unwrap_or(passage.from)].machine;
    let datagram = datagram(machines[passage.from].machine, to, &bytes);
    let (ip, udp) = (datagram.len() - bytes.len() - UDP_HEADER_BYTES, UDP_HEADER_BYTES);
    let rows = [
        ("network", "IP header", ip, "machine to machine"),
        ("transport", "UDP header", udp, "port to port"),
        ("session", "sendrec header", HEADER_BYTES, "process to process"),
        ("application", "message", packet.payload.len(), "what one has to say"),
    ];
    let mut text =
        String::from("  The first request, layer by layer (a link adds its own, Ethernet 18 bytes)\n\n");
    let _ = writeln!(text, "  {:<12} {:<15} {:>6} {:>6}  what it says", "layer", "part", "bytes", "from");
    let mut from = 0;
    for (layer, part, length, says) in rows {
        let _ = writeln!(text, "  {layer:<12} {part:<15} {length:>6} {from:>6}  {says}");
        from += length;
    }
    let share = 100 * packet.payload.len() / datagram.len().max(1);
    let _ = writeln!(
        text,
        "  {:<12} {:<15} {:>6}         {share} % of them the message\n",
        "",
        "in all",
        datagram.len()
    );
    for (part, range) in
        [("IP", 0..ip), ("UDP", ip..ip + udp), ("sendrec", ip + udp..ip + udp + HEADER_BYTES)]
    {
        dump(&mut text, part, &datagram[range.clone()], range.start);
    }
    dump(&mut text, "message", &packet.payload, ip + udp + HEADER_BYTES);
    let _ = writeln!(text, "\n  {packet}");
    text
}

fn dump(text: &mut String, part: &str, bytes: &[u8], from: usize) {
    for (row, chunk) in bytes.chunks(DUMP_BYTES).enumerate() {
        let name = if row == 0 { part } else { "" };
        let hex: Vec<String> = chunk.iter().map(|byte| format!("{byte:02x}")).collect();
        let shown: String = chunk
            .iter()
            .map(|byte| if byte.is_ascii_graphic() || *byte == b' ' { char::from(*byte) } else { '.' })
            .collect();
        let _ = writeln!(text, "  {name:<8}{:>5}  {:<47}  {shown}", from + row * DUMP_BYTES, hex.join(" "));
    }
}

/// Slides 7-10: cells through the switch, routed by the numbers in their headers alone.
fn cells(run: &Run) -> String {
    let name = |machine: sendrec_sim::MachineId| {
        run.scenario.machines.get(machine.index()).map_or("?", |machine| machine.name.as_str())
    };
    let mut text = String::from("  Cells at the switch: 53 bytes each, 48 of them payload (AAL5)\n\n");
    let _ = writeln!(
        text,
        "  {:>9}  {:<10} {:>7}  {:<10} {:>7}  {:<6} {:<9} fate",
        "ms", "from", "circuit", "to", "circuit", "packet", "cell"
    );
    let row = |cell: &CellRecord| {
        format!(
            "  {:>9.4}  {:<10} {:>7}  {:<10} {:>7}  {:<6} {:<9} {}",
            cell.at.as_nanos() as f64 / 1e6,
            name(cell.input),
            cell.circuit_in.to_string(),
            name(cell.output),
            cell.circuit_out.to_string(),
            cell.packet.to_string(),
            format!("{} of {}", cell.place, cell.of),
            match cell.fate {
                CellFate::Switched => "",
                CellFate::Lost => "lost",
                CellFate::NoRoom => "no room",
            },
        )
    };
    for cell in run.cells.iter().take(CELLS_MAX) {
        let _ = writeln!(text, "{}", row(cell));
    }
    if run.cells.len() > CELLS_MAX {
        let _ = writeln!(text, "  Cut: {} more cells.", run.cells.len() - CELLS_MAX);
    }
    text
}

/// Slide 41: what each way of keeping timers costs, in entries looked at or moved for each request.
fn timers() -> String {
    let mut text = String::from(
        "  Entries looked at or moved per request, by how many wait at once\n  (a request arms a timer; all but one in a hundred are answered, and disarm it)\n\n",
    );
    let _ = writeln!(text, "  {:>8} {:>12} {:>12} {:>12}", "timers", "sweep", "sorted list", "wheels");
    for count in [10, 100, 1_000, 3_000] {
        let script = answered(count);
        let costs = Strategy::ALL.map(|strategy| {
            let work = timer::work(strategy, Duration::from_millis(1), count, &script);
            work.steps() as f64 / count as f64
        });
        let _ = writeln!(text, "  {count:>8} {:>12.1} {:>12.1} {:>12.1}", costs[0], costs[1], costs[2]);
    }
    text
}

/// Requests whose time-outs differ; one in a hundred is not answered.
fn answered(count: usize) -> Vec<timer::Step> {
    let mut rng = Rng::new(1);
    let at = |millis: u64| Instant::ZERO + Duration::from_millis(millis);
    let mut script: Vec<_> =
        (0..count).map(|timer| timer::Step::Arm { timer, at: at(100 + rng.below(100)) }).collect();
    script.extend((0..count).filter(|timer| timer % 100 != 0).map(|timer| timer::Step::Disarm { timer }));
    script.push(timer::Step::Pass { until: at(300) });
    script
}
