//! `sendrec lab`: scenarios run, drawn, explained and checked.
pub(crate) mod args;
mod compare;
mod predict;
mod show;
pub(crate) mod udp;

use std::io::Write;
use std::path::{Path, PathBuf};

use sendrec::lab::crash_table::{self, Row};
use sendrec::lab::{Run, Scenario, Switches, all, distance, find, of_slide};
use sendrec::view::View;
use serde::Serialize;

use super::Failure;
use super::output::{say, write};
use args::{CrashTableArgs, HowArgs, LabArgs, LabCommand, ListArgs, RunArgs, ShowArgs, SlideArgs};

pub(crate) fn run(args: &LabArgs) -> Result<(), Failure> {
    match &args.command {
        LabCommand::List(args) => list(args),
        LabCommand::Run(args) => run_one(args),
        LabCommand::Slide(args) => slide(args),
        LabCommand::Show(args) => show_file(args),
        LabCommand::Compare(args) => compare::run(args),
        LabCommand::CrashTable(args) => crash_table(args),
        LabCommand::Machine => udp::machine(),
    }
}

fn crash_table(args: &CrashTableArgs) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Counted<'a> {
        #[serde(flatten)]
        row: &'a Row,
        crashes: u32,
    }
    let bar = indicatif::ProgressBar::new(0);
    let made = crash_table::crash_table(|done, of| {
        bar.set_length(of as u64);
        bar.set_position(done as u64);
    });
    bar.finish_and_clear();
    let table = made.map_err(|error| Failure::new("crash-table", error))?;
    if args.json {
        for (row, crashes) in table.rows() {
            let line = serde_json::to_string(&Counted { row, crashes });
            say(line.map_err(|error| Failure::new("JSON", error))?)?;
        }
    } else {
        say(table.text().trim_end())?;
    }
    match &table.broken[..] {
        [] => Ok(()),
        broken => Err(Failure::new("crash-table", broken.join("\n  "))),
    }
}

/// A built-in scenario by its name, or a person's own by its file's.
fn load(name: &str) -> Result<Scenario, Failure> {
    if let Some(scenario) = find(name) {
        return Ok(scenario.clone());
    }
    let path = Path::new(name);
    let is_file = path.extension().is_some_and(|extension| extension == "toml") || path.exists();
    if !is_file {
        let near = nearest(name).map_or(String::new(), |near| format!(" (did you mean {near}?)"));
        let reason = format!(
            "no scenario has this name{near}; `sendrec lab list` names them, and a file ends in .toml"
        );
        return Err(Failure::new(name, reason));
    }
    let source = std::fs::read_to_string(path).map_err(|error| Failure::new(path.display(), error))?;
    Scenario::parse(&source, name).map_err(|problems| Failure::Said(problems.to_string()))
}

/// The name that is nearest, if one is near.
fn nearest(name: &str) -> Option<&'static str> {
    let name = name.to_lowercase();
    let names = || all().iter().map(|scenario| scenario.name.as_str());
    let closest = names().min_by_key(|other| distance(&name, other))?;
    let near = distance(&name, closest) <= name.len() / 3 + 1;
    if near { Some(closest) } else { names().find(|other| other.contains(&name)) }
}

#[derive(Serialize)]
struct Listed<'a> {
    name: &'a str,
    title: &'a str,
    slides: &'a [u32],
    udp: bool,
    machines: Vec<&'a str>,
}

fn list(args: &ListArgs) -> Result<(), Failure> {
    for scenario in all() {
        if args.json {
            let machines = scenario.machines.iter().map(|machine| machine.name.as_str()).collect();
            let Scenario { name, title, slides, udp, .. } = scenario;
            let listed = Listed { name, title, slides, udp: udp.is_ok(), machines };
            say(serde_json::to_string(&listed).map_err(|error| Failure::new("JSON", error))?)?;
        } else {
            let slides: Vec<_> = scenario.slides.iter().map(u32::to_string).collect();
            say(format_args!("{:<28} {:<12} {}", scenario.name, slides.join(","), scenario.title))?;
        }
    }
    if args.json {
        return Ok(());
    }
    say(format_args!("{:<28} {SUMMARY:<12} All its combinations at once: `sendrec matrix`, no scenario", "-"))
}

fn show_file(args: &ShowArgs) -> Result<(), Failure> {
    write(load(&args.name)?.source.as_bytes())
}

/// Runs it where it is to run.
fn play(scenario: &Scenario, switches: &Switches, udp: bool) -> Result<Run, Failure> {
    let known = |name: &str| scenario.machines.iter().any(|machine| machine.name == name);
    switches.faults.check_names(known).map_err(|error| Failure::Said(error.to_string()))?;
    if udp { udp::play(scenario, switches) } else { Ok(sendrec::lab::run(scenario, switches)) }
}

fn run_one(args: &RunArgs) -> Result<(), Failure> {
    let scenario = load(&args.scenario)?;
    let switches = args.how.switches.switches().map_err(Failure::Said)?;
    let run = play(&scenario, &switches, args.how.udp)?;
    if let Some(directory) = &args.traces {
        show::write_traces(&run, directory)?;
    }
    match args.predict {
        Some(from) => predict::run(&run, &args.how, from),
        None => finish(&scenario, &switches, &run, &args.how),
    }
}

/// Shows a run; fails if a claim did not hold.
fn finish(scenario: &Scenario, switches: &Switches, run: &Run, how: &HowArgs) -> Result<(), Failure> {
    show::show(switches, run, how)?;
    say_unmet(run);
    judge(scenario, run, how.udp)
}

/// A fault that was asked for and never struck is most often a slip: it is not to pass in silence.
fn say_unmet(run: &Run) {
    for unmet in run.unmet() {
        let _ = writeln!(anstream::stderr(), "{}: {unmet}", run.scenario.name);
    }
}

fn judge(scenario: &Scenario, run: &Run, udp: bool) -> Result<(), Failure> {
    if run.held(!udp) {
        return Ok(());
    }
    let verdicts = run.verdicts(!udp);
    let broken = verdicts.iter().filter(|(_, verdict)| !verdict.held).count();
    match (broken, &run.cut_short) {
        (0, Some(reason)) => Err(Failure::new(&scenario.name, reason)),
        _ => Err(Failure::new(&scenario.name, format!("{broken} of {} claims did not hold", verdicts.len()))),
    }
}

/// Slide 20 is all combinations at once.
const SUMMARY: u32 = 20;

/// The file for one of several scenarios: its name before the extension.
fn beside(path: &Path, scenario: &str) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let name = match path.extension() {
        Some(extension) => format!("{stem}-{scenario}.{}", extension.to_string_lossy()),
        None => format!("{stem}-{scenario}"),
    };
    path.with_file_name(name)
}

fn slide(args: &SlideArgs) -> Result<(), Failure> {
    let scenarios = of_slide(args.slide);
    if args.slide == SUMMARY {
        return super::matrix::run(&args.how.matrix()?);
    }
    if scenarios.is_empty() {
        let mut slides: Vec<u32> =
            all().iter().flat_map(|scenario| scenario.slides.iter().copied()).chain([SUMMARY]).collect();
        slides.sort_unstable();
        slides.dedup();
        let slides: Vec<_> = slides.iter().map(u32::to_string).collect();
        let reason = format!("nothing to run belongs to it; there is something for {}", slides.join(", "));
        return Err(Failure::new(format_args!("slide {}", args.slide), reason));
    }
    let switches = args.how.switches.switches().map_err(Failure::Said)?;
    let several = scenarios.len() > 1;
    if several && args.how.view.is_some_and(|view| view != View::Text) && args.how.output.is_none() {
        let reason = format!(
            "{} scenarios do not go into one file; name one with -o, and each gets its own beside it",
            scenarios.len()
        );
        return Err(Failure::new("--as", reason));
    }
    let mut broken = Vec::new();
    for (place, scenario) in scenarios.iter().enumerate() {
        let mut how = args.how.clone();
        if several {
            for path in [&mut how.html, &mut how.output].into_iter().flatten() {
                *path = beside(path, &scenario.name);
            }
        }
        if place > 0 && !args.how.json {
            say("")?;
        }
        if args.how.udp
            && let Err(reason) = &scenario.udp
        {
            let skipped = format!("{}: skipped over UDP: {reason}", scenario.name);
            if args.how.json {
                let _ = writeln!(anstream::stderr(), "{skipped}");
            } else {
                say(skipped)?;
            }
            continue;
        }
        let run = play(scenario, &switches, args.how.udp)?;
        show::show(&switches, &run, &how)?;
        say_unmet(&run);
        if !run.held(!args.how.udp) {
            broken.push(scenario.name.as_str());
        }
    }
    if broken.is_empty() {
        Ok(())
    } else {
        Err(Failure::new(
            format_args!("slide {}", args.slide),
            format!("did not hold: {}", broken.join(", ")),
        ))
    }
}
