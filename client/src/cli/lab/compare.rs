//! `sendrec lab compare`: two runs side by side, and what differs.
use sendrec::lab::{Run, Scenario, Switches};
use sendrec::ladder::{Style, draw};
use sendrec_core::trace::What;
use sendrec_core::wire::PacketType;
use serde::Serialize;

use super::args::CompareArgs;
use super::{load, play};
use crate::cli::Failure;
use crate::cli::ladder::style;
use crate::cli::output::{say, terminal_columns, write};

/// A drawing is not narrower than this, so two stand beside each other from twice as many columns on.
const WIDTH_MIN: usize = 72;

#[derive(Serialize)]
struct Figures {
    name: String,
    packets: Vec<(PacketType, usize)>,
    lost: usize,
    sent_in_all: usize,
    runs: usize,
    told: Vec<String>,
    took_ms: f64,
    held: bool,
}

fn parse(text: &str, common: &Switches) -> Result<(Scenario, Switches), Failure> {
    let (name, rest) = text.split_once(';').unwrap_or((text, ""));
    let own: Switches = rest.parse().map_err(|reason: String| Failure::new(text, reason))?;
    let switches = Switches {
        addressing: own.addressing.or(common.addressing),
        blocking: own.blocking.or(common.blocking),
        buffering: own.buffering.or(common.buffering),
        reliability: own.reliability.or(common.reliability),
        seed: own.seed.or(common.seed),
        faults: common.faults.clone().and(&own.faults),
    };
    Ok((load(name)?, switches))
}

pub(super) fn run(args: &CompareArgs) -> Result<(), Failure> {
    let common = args.switches.switches().map_err(Failure::Said)?;
    let mut runs = Vec::new();
    for text in [&args.left, &args.right] {
        let (scenario, switches) = parse(text, &common)?;
        runs.push((text.as_str(), play(&scenario, &switches, false)?));
    }
    let figures: Vec<Figures> = runs.iter().map(|(name, run)| figures(name, run)).collect();
    if args.json {
        return say(serde_json::to_string(&figures).map_err(|error| Failure::new("JSON", error))?);
    }
    let style = style(args.width, false);
    let drawn = |width: usize| {
        let style = Style { width, ..style };
        runs.iter().map(|(_, run)| draw(&run.joined, &Style { colour: false, ..style })).collect::<Vec<_>>()
    };
    let full = args.width.or_else(terminal_columns).map_or(style.width, usize::from);
    let mut text = String::new();
    if full > 2 * WIDTH_MIN {
        let width = (full - 3) / 2;
        let drawings = drawn(width);
        text.push_str(&format!("{:<width$} | {}\n", figures[0].name, figures[1].name));
        let lines = drawings[0].lines().count().max(drawings[1].lines().count());
        let line = |drawing: &str, place: usize| drawing.lines().nth(place).unwrap_or("").to_owned();
        for place in 0..lines {
            let left = line(&drawings[0], place);
            let gap = " ".repeat(width.saturating_sub(left.chars().count()));
            text.push_str(format!("{left}{gap} | {}", line(&drawings[1], place)).trim_end());
            text.push('\n');
        }
    } else {
        for (figures, drawing) in figures.iter().zip(drawn(style.width)) {
            text.push_str(&format!("{}\n\n{drawing}\n", figures.name));
        }
    }
    text.push_str(&table(&figures[0], &figures[1]));
    write(text.as_bytes())
}

fn figures(name: &str, run: &Run) -> Figures {
    let joined = &run.joined;
    let count = |kind: PacketType| joined.packets.iter().filter(|packet| packet.note.kind == kind).count();
    let runs = |what: &What| matches!(what, What::Taken { request: true, .. });
    Figures {
        name: name.to_owned(),
        packets: PacketType::ALL.into_iter().map(|kind| (kind, count(kind))).collect(),
        lost: joined.packets.iter().filter(|packet| packet.end.is_lost()).count(),
        sent_in_all: joined.packets.len(),
        runs: joined.moments.iter().filter(|moment| runs(&moment.event.what)).count(),
        told: run.told.iter().map(|told| format!("{}: {}", told.process, told.result)).collect(),
        took_ms: run.told.iter().map(|told| told.at.as_secs_f64() * 1e3).fold(0.0, f64::max),
        held: run.held(true),
    }
}

/// Row by row; a star marks what differs.
fn table(left: &Figures, right: &Figures) -> String {
    const NAMES: usize = 24;
    const COLUMN: usize = 26;
    let mut text = format!("{:NAMES$}{:<COLUMN$}{}\n", "", cut(&left.name, COLUMN - 2), right.name);
    let mut row = |name: &str, one: String, other: String| {
        let mark = if one == other { ' ' } else { '*' };
        text.push_str(&format!(
            "{mark} {name:<width$}{:<COLUMN$}{other}\n",
            cut(&one, COLUMN - 2),
            width = NAMES - 2
        ));
    };
    for ((kind, one), (_, other)) in left.packets.iter().zip(&right.packets) {
        if one + other > 0 {
            row(&format!("{kind} sent"), one.to_string(), other.to_string());
        }
    }
    row("packets in all", left.sent_in_all.to_string(), right.sent_in_all.to_string());
    row("lost", left.lost.to_string(), right.lost.to_string());
    row("operations run", left.runs.to_string(), right.runs.to_string());
    for place in 0..left.told.len().max(right.told.len()) {
        let told = |figures: &Figures| figures.told.get(place).cloned().unwrap_or_default();
        row(if place == 0 { "told" } else { "" }, told(left), told(right));
    }
    row("last word after", format!("{:.3} ms", left.took_ms), format!("{:.3} ms", right.took_ms));
    let held = |figures: &Figures| if figures.held { "held" } else { "not all held" }.to_owned();
    row("its claims", held(left), held(right));
    text
}

fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width - 1).chain(['\u{2026}']).collect()
}
