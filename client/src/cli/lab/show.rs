//! A run on paper: title, explanation, ladder, exhibits, claims.
use std::fs;
use std::io::{IsTerminal, Write};
use std::path::Path;

use anstyle::{AnsiColor, Style as Ansi};
use sendrec::lab::{Run, Switches, Told, exhibit};
use sendrec::ladder::draw;
use sendrec::view::{Claim, Page, View, render};
use serde::Serialize;

use super::args::HowArgs;
use crate::cli::Failure;
use crate::cli::ladder::style;
use crate::cli::output::write;

/// The page round a run.
pub(super) fn page(run: &Run, udp: bool) -> Page {
    let claims = run.verdicts(!udp).into_iter().map(|(text, verdict)| Claim { text, held: verdict.held });
    Page {
        title: run.scenario.title.clone(),
        explanation: run.scenario.text.clone(),
        claims: claims.collect(),
        ..Page::default()
    }
}

#[derive(Serialize)]
struct Judged {
    text: String,
    held: bool,
    found: String,
}

#[derive(Serialize)]
struct Document<'a> {
    name: &'a str,
    title: &'a str,
    seed: u64,
    switches: String,
    udp: bool,
    held: bool,
    claims: Vec<Judged>,
    told: &'a [Told],
    took_ms: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    cut_short: Option<&'a str>,
}

pub(super) fn show(switches: &Switches, run: &Run, how: &HowArgs) -> Result<(), Failure> {
    if let Some(path) = &how.html {
        let bytes = render(&run.joined, View::Html, &page(run, how.udp));
        fs::write(path, bytes).map_err(|error| Failure::new(path.display(), error))?;
        // Nothing is to be read twice.
        let _ = writeln!(anstream::stderr(), "wrote {}", path.display());
    }
    if how.json {
        return show_json(switches, run, how.udp);
    }
    match how.view {
        None => write(text(switches, run, how).as_bytes()),
        Some(view) => {
            let bytes = render(&run.joined, view, &page(run, how.udp));
            match &how.output {
                Some(path) => fs::write(path, bytes).map_err(|error| Failure::new(path.display(), error)),
                None if view.is_binary() && std::io::stdout().is_terminal() => {
                    let reason = "a terminal cannot show it; write it to a file with -o FILE, or into a pipe";
                    Err(Failure::new(view, reason))
                }
                None => write(&bytes),
            }
        }
    }
}

fn show_json(switches: &Switches, run: &Run, udp: bool) -> Result<(), Failure> {
    let verdicts = run.verdicts(!udp);
    let judged = |(text, verdict): (String, sendrec::lab::Verdict)| Judged {
        text,
        held: verdict.held,
        found: verdict.found,
    };
    let document = Document {
        name: &run.scenario.name,
        title: &run.scenario.title,
        seed: run.scenario.seed,
        switches: switches.to_string(),
        udp,
        held: run.held(!udp),
        claims: verdicts.into_iter().map(judged).collect(),
        told: &run.told,
        took_ms: run.took.as_secs_f64() * 1e3,
        cut_short: run.cut_short.as_deref(),
    };
    let text = serde_json::to_string(&document).map_err(|error| Failure::new("JSON", error))?;
    crate::cli::output::say(text)
}

/// Paints a few words, if there is colour.
pub(super) fn paint(text: &str, ansi: Ansi, colour: bool) -> String {
    if colour { format!("{ansi}{text}{ansi:#}") } else { text.to_owned() }
}

fn text(switches: &Switches, run: &Run, how: &HowArgs) -> String {
    let style = style(how.width, how.ascii);
    let mut text = head(run, style.colour, style.width);
    let changed = Switches { seed: None, ..switches.clone() }.to_string();
    if !changed.is_empty() {
        text.push_str(&format!("\n  Switched: {changed}\n"));
    }
    text.push_str(&format!("\n  Seed: {}\n", run.scenario.seed));
    if how.udp {
        text.push_str("\n  Over UDP on loopback, each machine an OS process; times are real.\n");
    }
    text.push('\n');
    text.push_str(&draw(&run.joined, &style));
    for shown in exhibit(run, style.width) {
        text.push('\n');
        text.push_str(&shown);
    }
    text.push_str(&told(run, style.width));
    text.push_str(&claims(run, how, style.colour));
    text
}

/// What steps have brought: what a trace, which keeps no messages, cannot show.
fn told(run: &Run, width: usize) -> String {
    const LINES_MAX: usize = 12;
    let mut text = String::from("\n  Told\n");
    for told in run.told.iter().take(LINES_MAX) {
        let at = format!("{:.3}", told.at.as_secs_f64() * 1e3);
        let line = format!("  {at:>9} ms  {}: {} -> {}", told.process, told.step, told.result);
        text.extend(line.chars().take(width));
        text.push('\n');
    }
    if run.told.is_empty() {
        text.push_str("  nothing: no step had a result\n");
    }
    if run.told.len() > LINES_MAX {
        text.push_str(&format!("  Cut: {} more; --json has them all.\n", run.told.len() - LINES_MAX));
    }
    text
}

pub(super) fn head(run: &Run, colour: bool, width: usize) -> String {
    let bold = Ansi::new().bold();
    let slides: Vec<_> = run.scenario.slides.iter().map(u32::to_string).collect();
    let slides = match slides.len() {
        0 => String::new(),
        1 => format!("(slide {})", slides[0]),
        _ => format!("(slides {})", slides.join(", ")),
    };
    let (name, title) = (&run.scenario.name, &run.scenario.title);
    let length = name.chars().count() + title.chars().count() + slides.len() + 4;
    let gap = if length > width { "\n  " } else { "  " };
    let mut text = format!("{}: {title}{gap}{slides}", paint(name, bold, colour));
    text.truncate(text.trim_end().len());
    text.push('\n');
    for paragraph in &run.scenario.text {
        text.push('\n');
        for line in sendrec::lab::wrap(paragraph, width.min(100) - 2) {
            text.push_str(&format!("  {line}\n"));
        }
    }
    text
}

fn claims(run: &Run, how: &HowArgs, colour: bool) -> String {
    let (good, bad) = if how.ascii { ("ok", "NOT") } else { ("\u{2713}", "\u{2717}") };
    let green = Ansi::new().fg_color(Some(AnsiColor::Green.into()));
    let red = Ansi::new().fg_color(Some(AnsiColor::Red.into())).bold();
    let mut text = String::from("\n  Claimed\n");
    for (claim, verdict) in run.verdicts(!how.udp) {
        if verdict.held {
            text.push_str(&format!("  {} {claim}\n", paint(good, green, colour)));
        } else {
            text.push_str(&format!("  {} {claim}: found {}\n", paint(bad, red, colour), verdict.found));
        }
    }
    if run.scenario.claims.is_empty() {
        text.push_str("  nothing: write [[claim]] with text and holds, and it is checked\n");
    }
    if let Some(reason) = &run.cut_short {
        text.push_str(&format!("  {} It comes to rest: {reason}\n", paint(bad, red, colour)));
    }
    text
}

/// One file a machine, as `--trace` writes them.
pub(super) fn write_traces(run: &Run, directory: &Path) -> Result<(), Failure> {
    fs::create_dir_all(directory).map_err(|error| Failure::new(directory.display(), error))?;
    for (place, trace) in run.traces.iter().enumerate() {
        let before =
            run.traces[..place].iter().filter(|other| other.header.role == trace.header.role).count();
        let nth = if before == 0 { String::new() } else { format!("-{}", before + 1) };
        let path = directory.join(format!("{}{nth}.jsonl", trace.header.role));
        trace.write(&path).map_err(|error| Failure::new(path.display(), error))?;
    }
    Ok(())
}
