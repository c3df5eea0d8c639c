//! `swarm`: runs seeds, repeats one, or shows that planted faults are found.
#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use sendrec_tests::swarm::coverage::{SEEDS_MIN, Verdict, judge};
use sendrec_tests::swarm::planted::{SEEDS_MAX, find, named, rule_of};
use sendrec_tests::swarm::{Coverage, Planted, Run, Settings, Tally, Weather, run};

/// Random configurations x faults x seeds: worlds that go wrong, and checkers that read API events alone.
#[derive(Debug, Parser)]
#[command(name = "swarm", version)]
struct Args {
    /// How many seeds to run.
    #[arg(long, default_value_t = 1_000, value_name = "N")]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 0, value_name = "N")]
    from: u64,
    /// Repeat this seed, and print its options, what happened and what did not hold.
    #[arg(long, value_name = "N", conflicts_with_all = ["seeds", "from"])]
    seed: Option<u64>,
    /// With --seed: write a trace of each machine into this folder, for `sendrec ladder`.
    #[arg(long, value_name = "FOLDER", requires = "seed")]
    trace: Option<PathBuf>,
    /// Break this rule in all kernels, or each in turn: the checkers must notice within 1,000 seeds.
    #[arg(long, value_name = "NAME|all")]
    planted: Option<String>,
    /// Fail if a cell was not met, however few seeds were run.
    #[arg(long)]
    coverage: bool,
    /// In each world packets may also be late by far, and machines boot again and again; else in that of every second seed.
    #[arg(long)]
    harsh: bool,
    /// In none; coverage is then not asked for.
    #[arg(long, conflicts_with_all = ["harsh", "coverage"])]
    calm: bool,
    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,
    /// Threads; by default one for each core.
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
}

/// Seeds that went wrong and are printed.
const BROKEN_MAX: usize = 20;
/// Events before and behind a violation that are printed.
const CONTEXT: usize = 40;

fn main() -> ExitCode {
    let args = Args::parse();
    // A world that panics is a violation, and is reported as one.
    std::panic::set_hook(Box::new(|_| {}));
    let mut out = std::io::stdout().lock();
    let result = match (&args.planted, args.seed) {
        (planted, Some(seed)) => repeat(&mut out, &args, planted.as_deref(), seed),
        (Some(name), None) => plant(&mut out, &args, name),
        (None, None) => swarm(&mut out, &args),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn jobs(args: &Args) -> usize {
    args.jobs.or_else(|| std::thread::available_parallelism().ok().map(usize::from)).unwrap_or(1).max(1)
}

const fn weather(args: &Args) -> Weather {
    if args.harsh {
        Weather::Harsh
    } else if args.calm {
        Weather::Calm
    } else {
        Weather::Mixed
    }
}

fn bar(count: u64) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} {per_sec} {msg}");
    ProgressBar::new(count).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

#[derive(Default)]
struct Sum {
    coverage: Coverage,
    tally: Tally,
    broken: BTreeMap<u64, Vec<String>>,
    count: u64,
}

/// Does something with each number, on all threads.
fn each(args: &Args, numbers: std::ops::Range<u64>, bar: &ProgressBar, work: impl Fn(u64) + Sync) {
    let next = AtomicU64::new(numbers.start);
    let work = || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= numbers.end {
                return;
            }
            work(number);
            bar.inc(1);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..jobs(args) {
            scope.spawn(work);
        }
    });
    bar.finish_and_clear();
}

fn swarm(out: &mut impl Write, args: &Args) -> std::io::Result<bool> {
    let (sum, bar) = (Mutex::new(Sum::default()), bar(args.seeds));
    let end = args.from.saturating_add(args.seeds);
    let began = Instant::now();
    each(args, args.from..end, &bar, |seed| {
        let run = run(seed, Settings { weather: weather(args), ..Settings::default() });
        let mut sum = sum.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        sum.coverage.add(&run.coverage);
        sum.tally.add(&run.tally);
        sum.count += 1;
        if !run.violations.is_empty() {
            sum.broken.insert(seed, run.violations.iter().map(ToString::to_string).collect());
            bar.set_message(format!("{} broken", sum.broken.len()));
        }
    });
    let sum = sum.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    let verdict = judge(&sum.coverage);
    let seconds = began.elapsed().as_secs_f64();
    let counts = !args.calm && (args.coverage || args.seeds >= SEEDS_MIN);
    let covered = verdict.missing.is_empty() || !counts;
    let good = sum.broken.is_empty() && covered && verdict.impossible.is_empty();
    if args.json {
        write_json(out, &sum, &verdict, seconds, good)?;
    } else {
        write_text(out, &sum, &verdict, seconds, counts)?;
        if let Some(seed) = sum.broken.keys().next() {
            let weather = match weather(args) {
                Weather::Harsh => " --harsh",
                Weather::Calm => " --calm",
                Weather::Mixed => "",
            };
            writeln!(out, "repeat one with: swarm --seed {seed}{weather}")?;
        }
    }
    Ok(good)
}

fn write_text(
    out: &mut impl Write,
    sum: &Sum,
    verdict: &Verdict,
    seconds: f64,
    counts: bool,
) -> std::io::Result<()> {
    let Tally { asked, runs, packets, lives } = sum.tally;
    writeln!(out, "{} seeds in {seconds:.1} s, {:.0} a second", sum.count, sum.count as f64 / seconds)?;
    writeln!(out, "{asked} asked, {runs} runs, {packets} packets, {lives} lives of processes")?;
    let met = verdict.wanted - verdict.missing.len();
    writeln!(out, "coverage {met} of {} cells", verdict.wanted)?;
    for cell in &verdict.missing {
        writeln!(out, "  {}: {cell:?}", if counts { "never met" } else { "not met yet" })?;
    }
    for cell in &verdict.impossible {
        writeln!(out, "  met, and said to be out of reach: {cell:?}")?;
    }
    writeln!(out, "{} seeds broke a rule", sum.broken.len())?;
    for (seed, texts) in sum.broken.iter().take(BROKEN_MAX) {
        for text in texts.iter().take(3) {
            writeln!(out, "  seed {seed}: {text}")?;
        }
    }
    Ok(())
}

fn write_json(
    out: &mut impl Write,
    sum: &Sum,
    verdict: &Verdict,
    seconds: f64,
    good: bool,
) -> std::io::Result<()> {
    let Tally { asked, runs, packets, lives } = sum.tally;
    let names = |cells: &[sendrec_core::exchange::Cell]| {
        cells.iter().map(|cell| format!("{cell:?}")).collect::<Vec<_>>()
    };
    let value = serde_json::json!({
        "seeds": sum.count,
        "seconds": seconds,
        "asked": asked,
        "runs": runs,
        "packets": packets,
        "lives": lives,
        "cells": verdict.wanted,
        "missing": names(&verdict.missing),
        "impossible": names(&verdict.impossible),
        "broken": sum.broken,
        "good": good,
    });
    writeln!(out, "{value}")
}

fn unknown(name: &str) -> std::io::Error {
    let names: Vec<_> = Planted::ALL.iter().map(|planted| planted.name()).collect();
    std::io::Error::other(format!("--planted {name}: no such fault; there are {} and all", names.join(", ")))
}

fn plant(out: &mut impl Write, args: &Args, name: &str) -> std::io::Result<bool> {
    let chosen = match name {
        "all" => Planted::ALL.to_vec(),
        name => vec![named(name).ok_or_else(|| unknown(name))?],
    };
    let bar = bar(chosen.len() as u64);
    let results = Mutex::new(BTreeMap::new());
    each(args, 0..chosen.len() as u64, &bar, |place| {
        let found = find(chosen[place as usize], args.from, SEEDS_MAX, weather(args));
        results.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(place as usize, found);
    });
    let results = results.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    let all = results.values().all(Option::is_some);
    let mut rows = Vec::new();
    for (place, found) in &results {
        let planted = chosen[*place];
        let rule = rule_of(planted).to_string();
        let others = |found: &sendrec_tests::swarm::planted::Found| {
            found.others.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        if args.json {
            rows.push(serde_json::json!({
                "planted": planted.name(),
                "checker": rule,
                "seed": found.as_ref().map(|found| found.seed),
                "others": found.as_ref().map(others),
            }));
            continue;
        }
        match found {
            Some(found) => {
                let after = found.seed - args.from + 1;
                writeln!(
                    out,
                    "{:<20} found by {rule} at seed {} (after {after})",
                    planted.name(),
                    found.seed
                )?;
                writeln!(out, "{:<20}   {}", "", found.text)?;
                if !found.others.is_empty() {
                    writeln!(out, "{:<20}   and noticed by {}", "", others(found).join(", "))?;
                }
            }
            None => writeln!(
                out,
                "{:<20} SURVIVED {SEEDS_MAX} seeds; {rule} should have found it",
                planted.name()
            )?,
        }
    }
    if args.json {
        writeln!(out, "{}", serde_json::Value::from(rows))?;
    }
    Ok(all)
}

fn repeat(out: &mut impl Write, args: &Args, planted: Option<&str>, seed: u64) -> std::io::Result<bool> {
    let planted = planted.map(|name| named(name).ok_or_else(|| unknown(name))).transpose()?;
    let run = run(seed, Settings { planted, weather: weather(args), traced: args.trace.is_some() });
    if let Some(folder) = &args.trace {
        write_traces(folder, &run)?;
    }
    if args.json {
        let violations: Vec<_> = run.violations.iter().map(ToString::to_string).collect();
        let good = violations.is_empty();
        let value =
            serde_json::json!({ "seed": seed, "options": run.options.to_string(), "violations": violations });
        writeln!(out, "{value}")?;
        return Ok(good);
    }
    write!(out, "{}", run.options)?;
    let Tally { asked, runs, packets, lives } = run.tally;
    writeln!(out, "{asked} asked, {runs} runs, {packets} packets, {lives} lives of processes")?;
    for violation in &run.violations {
        writeln!(out, "VIOLATION {violation}")?;
        write_context(out, &run, violation.op)?;
    }
    if let Some(folder) = &args.trace {
        writeln!(out, "traces are in {}; draw them with: sendrec ladder {0}/*.jsonl", folder.display())?;
    }
    if run.violations.is_empty() {
        writeln!(out, "every rule held")?;
    }
    Ok(run.violations.is_empty())
}

/// The events of the request in question; without one, the last events.
fn write_context(out: &mut impl Write, run: &Run, op: Option<u64>) -> std::io::Result<()> {
    use sendrec_tests::swarm::log::What;
    let is_of = |what: &What, op: u64| match *what {
        What::Asked { op: other, .. }
        | What::Accepted(other)
        | What::Answered(other, _)
        | What::Failed(other, _)
        | What::Over(other)
        | What::Ran(other, _)
        | What::Taken(other)
        | What::Passed(other) => other == op,
        What::Stray(answer) => answer.is_some_and(|answer| answer.op == op),
        What::Started { .. } | What::Stopped | What::Garbled => true,
    };
    match op {
        Some(op) => {
            for entry in run.log.iter().filter(|entry| is_of(&entry.what, op)) {
                writeln!(out, "  {entry}")?;
            }
        }
        None => {
            for entry in run.log.iter().skip(run.log.len().saturating_sub(CONTEXT)) {
                writeln!(out, "  {entry}")?;
            }
        }
    }
    Ok(())
}

/// One file for each machine, its events by the world's clock.
fn write_traces(folder: &Path, run: &Run) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let name = |machine| run.machines.iter().position(|other| *other == machine).unwrap_or_default();
    let events = run.records.iter().map(|record| {
        let mut event = record.event.clone();
        event.at = record.at;
        (run.machines[record.machine.index()], event)
    });
    for trace in sendrec::trace::split(events, |machine| format!("m{}", name(machine))) {
        trace.write(folder.join(format!("{}.jsonl", trace.header.role)))?;
    }
    Ok(())
}
