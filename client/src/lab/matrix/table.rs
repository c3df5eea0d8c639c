//! The matrix as text for a terminal, as CSV, and as JSON.
use std::fmt::Write as _;
use std::time::Duration;

use sendrec_core::wire::PacketType;

use super::{Dimension, Matrix, Row};

/// A terminal so wide shows what callers were told too.
const WIDE: usize = 120;
/// And one so wide, all types of packets.
const VERY_WIDE: usize = 140;
/// Packet types in the columns of the table, by the heads of their columns.
const TYPES: [(&str, PacketType); 8] = [
    ("REQ", PacketType::Req),
    ("ACK", PacketType::Ack),
    ("REP", PacketType::Rep),
    ("TA", PacketType::Ta),
    ("LOC", PacketType::Locate),
    ("AU", PacketType::Au),
    ("HERE", PacketType::Here),
    ("AYA", PacketType::Aya),
];
/// How many of them a narrower one has.
const TYPES_NARROW: usize = 5;

impl Row {
    /// Packets of a type for each message of the workload.
    pub fn per_message(&self, kind: PacketType) -> f64 {
        self.facts.count(kind).sent as f64 / self.facts.asked.len().max(1) as f64
    }

    /// Runs for each message of the workload.
    pub fn runs_per_message(&self) -> f64 {
        let runs: usize = self.facts.asked.iter().map(|asked| asked.runs.len()).sum();
        runs as f64 / self.facts.asked.len().max(1) as f64
    }

    /// Packets that died.
    pub fn packets_lost(&self) -> usize {
        self.facts.packets.values().map(|count| count.lost).sum()
    }

    /// Bytes of messages copied on their way into the client's kernel (slide 17).
    pub fn copied_bytes(&self) -> u64 {
        self.facts.handed.iter().map(|handed| handed.copied_bytes).sum()
    }

    /// Sends after which the caller ran on while they went.
    pub fn ran_on(&self) -> usize {
        self.facts.handed.iter().filter(|handed| handed.runs_on).count()
    }

    /// What callers were told, in a line.
    pub fn told(&self) -> String {
        let told = self.facts.told();
        told.iter().map(|(words, count)| format!("{words} {count}")).collect::<Vec<_>>().join(", ")
    }

    /// The same in fewer words: how many got what they hoped for, and what the others were told.
    fn told_briefly(&self) -> String {
        let told = self.facts.told();
        let fine = |words: &str| words == "answered" || words == "sent";
        let well: usize = told.iter().filter(|(words, _)| fine(words)).map(|(_, count)| count).sum();
        let others =
            told.iter().filter(|(words, _)| !fine(words)).map(|(words, count)| format!("{count} {words}"));
        std::iter::once(format!("{well} ok")).chain(others).collect::<Vec<_>>().join(", ")
    }

    /// The choices that were not seen in force, in a line.
    pub fn unseen(&self) -> String {
        let names = self.combination.names();
        let unseen = self.unseen.iter().map(|dimension| names[*dimension as usize]);
        unseen.collect::<Vec<_>>().join(", ")
    }

    /// What never ran, in a line.
    pub fn lost(&self) -> String {
        self.facts.lost().map(|asked| asked.text.as_str()).collect::<Vec<_>>().join(", ")
    }
}

/// Milliseconds with one decimal.
pub(super) fn milliseconds(span: Option<Duration>) -> String {
    span.map_or_else(|| "-".to_owned(), |span| format!("{:.1}", span.as_secs_f64() * 1e3))
}

/// The table for a terminal of so many columns, 80 at least.
pub fn text(matrix: &Matrix, width: usize) -> String {
    let mut out = String::new();
    let wide = width >= WIDE;
    let _ = writeln!(out, "{}\n", heading(matrix));
    let mut head = format!(" #  {:<7}{:<9}{:<8}{:<10}", "addr.", "blocking", "buffer", "reliable");
    for (name, _) in types(width) {
        let _ = write!(head, " {name:>4}");
    }
    head.push_str(if wide { "     ms runs lost copied  on  told" } else { "   ms runs lost" });
    let _ = writeln!(out, "{head}");
    for row in &matrix.rows {
        let _ = writeln!(out, "{}", text_row(row, width, wide).trim_end());
    }
    out.push('\n');
    for line in legend(wide) {
        let _ = writeln!(out, "{line}");
    }
    out.push('\n');
    out.push_str(&verdict(matrix));
    out
}

fn types(width: usize) -> &'static [(&'static str, PacketType)] {
    if width >= VERY_WIDE { &TYPES } else { &TYPES[..TYPES_NARROW] }
}

/// What it is and how it came about, in a line.
pub(super) fn heading(matrix: &Matrix) -> String {
    let faults = if matrix.faults.is_empty() { "no faults" } else { &matrix.faults };
    let place = if matrix.world { "in a world" } else { "over UDP" };
    let plural = if matrix.rows.len() == 1 { "" } else { "s" };
    format!("{} combination{plural} of slide 20, {place}, seed {}, {faults}", matrix.rows.len(), matrix.seed)
}

fn text_row(row: &Row, width: usize, wide: bool) -> String {
    let [addressing, blocking, buffering, reliability] = row.combination.names();
    let mut line = format!("{:>2}", row.number);
    line.push_str(if row.broken.is_empty() { "  " } else { "! " });
    let _ = write!(line, "{addressing:<7}{blocking:<9}{buffering:<8}{reliability:<10}");
    for (_, kind) in types(width) {
        let _ = write!(line, " {:>4}", short(row.per_message(*kind)));
    }
    let (latency, lost) = (milliseconds(row.facts.latency()), row.facts.lost().count());
    let runs = short(row.runs_per_message());
    if wide {
        let _ =
            write!(line, "{latency:>7} {runs:>4} {lost:>4} {:>6} {:>3}  ", row.copied_bytes(), row.ran_on());
        line.push_str(&cut(&row.told_briefly(), width.saturating_sub(line.chars().count())));
    } else {
        let _ = write!(line, "{latency:>5} {runs:>4} {lost:>4}");
    }
    line
}

/// A number of few digits in four columns; a dot for none.
fn short(number: f64) -> String {
    match number {
        0.0 => ".".to_owned(),
        _ if number >= 9.995 => format!("{number:.1}"),
        _ => format!("{number:.2}"),
    }
}

/// So much of a text as there is room for.
fn cut(text: &str, room: usize) -> String {
    if text.chars().count() <= room {
        return text.to_owned();
    }
    let kept: String = text.chars().take(room.saturating_sub(2)).collect();
    format!("{kept}..")
}

fn legend(wide: bool) -> Vec<&'static str> {
    let mut lines = vec![
        "REQ to LOC  packets of that type for each message of the workload; . is none",
        "ms          a plain call's time until its reply, on average",
        "runs, lost  runs for each message; messages that never ran",
    ];
    if wide {
        lines.push("copied, on  bytes copied into the client's kernel; sends after which the caller ran on");
        lines[0] = "REQ and on  packets of that type for each message of the workload; . is none";
        lines
            .push("told        how many senders were told that all went well, and what the others were told");
    }
    lines
}

/// How many promises held; those that did not.
fn verdict(matrix: &Matrix) -> String {
    let promises: usize = matrix.rows.iter().map(|row| row.promises).sum();
    let broken: usize = matrix.rows.iter().map(|row| row.broken.len()).sum();
    let mut out = String::new();
    for row in &matrix.rows {
        for broken in &row.broken {
            let _ = writeln!(out, "row {} ({}): {}", row.number, row.combination, broken_words(broken));
        }
    }
    for row in matrix.rows.iter().filter(|row| !row.unseen.is_empty()) {
        let _ =
            writeln!(out, "row {} ({}): not seen in force: {}", row.number, row.combination, row.unseen());
    }
    match (broken, matrix.unseen()) {
        (0, 0) => {
            let _ = writeln!(out, "All {promises} promises held, and every choice was seen in force.");
        }
        (0, _) => {
            let _ = writeln!(out, "All {promises} promises held.");
        }
        _ => {
            let _ = writeln!(out, "{broken} of {promises} promises did not hold.");
        }
    }
    out.extend(unseen_words(matrix));
    out
}

/// That not every choice was seen in force, and why that breaks no promise.
pub(super) fn unseen_words(matrix: &Matrix) -> Option<String> {
    let (unseen, choices) = (matrix.unseen(), matrix.rows.len() * Dimension::ALL.len());
    (unseen > 0).then(|| {
        format!(
            "{unseen} of {choices} choices were not seen in force: these faults let nothing come that far.\n"
        )
    })
}

pub(super) fn broken_words(broken: &super::Broken) -> String {
    let whose = broken.dimension.map_or("every row", Dimension::name);
    format!("{whose}: {}; found: {}", broken.promise, broken.found)
}

/// One line for each row, with all columns.
pub fn csv(matrix: &Matrix) -> String {
    let mut out = String::from("row");
    for dimension in Dimension::ALL {
        let _ = write!(out, ",{}", dimension.name());
    }
    for kind in PacketType::ALL {
        let _ = write!(out, ",{}", kind.name().to_ascii_lowercase());
    }
    out.push_str(",messages,packets_lost,latency_ns,runs,messages_lost,told,late_acks,overflows,expired,copied_bytes,ran_on");
    for dimension in Dimension::ALL {
        let _ = write!(out, ",{}_event", dimension.name());
    }
    out.push_str(",promises,broken,unseen\n");
    for row in &matrix.rows {
        csv_row(row, &mut out);
    }
    out
}

fn csv_row(row: &Row, out: &mut String) {
    let facts = &row.facts;
    let runs: usize = facts.asked.iter().map(|asked| asked.runs.len()).sum();
    let mut fields = vec![row.number.to_string()];
    fields.extend(row.combination.names().map(str::to_owned));
    fields.extend(PacketType::ALL.map(|kind| facts.count(kind).sent.to_string()));
    fields.push(facts.asked.len().to_string());
    fields.push(row.packets_lost().to_string());
    fields.push(facts.latency().map(|latency| latency.as_nanos().to_string()).unwrap_or_default());
    fields.push(runs.to_string());
    fields.push(row.lost());
    fields.push(row.told());
    let boxes = &facts.mailboxes;
    fields.extend([facts.late_acks, boxes.overflows, boxes.expired].map(|count| count.to_string()));
    fields.push(row.copied_bytes().to_string());
    fields.push(row.ran_on().to_string());
    fields.extend(row.proofs.iter().map(|proof| {
        proof
            .as_ref()
            .map(|proof| format!("{}#{} {}", proof.machine, proof.event, proof.text))
            .unwrap_or_default()
    }));
    fields.push(row.promises.to_string());
    fields.push(row.broken.iter().map(broken_words).collect::<Vec<_>>().join(" | "));
    fields.push(row.unseen());
    let quoted: Vec<String> = fields.iter().map(|field| quoted(field)).collect();
    let _ = writeln!(out, "{}", quoted.join(","));
}

/// A field as RFC 4180 has it.
fn quoted(field: &str) -> String {
    if field.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

/// Everything there is, for a program to read.
pub fn json(matrix: &Matrix) -> String {
    serde_json::to_string_pretty(matrix).unwrap_or_default()
}
