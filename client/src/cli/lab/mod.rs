//! `sendrec lab`: scenarios run, drawn, explained and checked.
pub(crate) mod args;
mod compare;
mod predict;
mod show;
pub(crate) mod udp;

use std::path::Path;

use sendrec::lab::{Run, Scenario, Switches, all, find, of_slide};
use sendrec::view::View;
use serde::Serialize;

use super::Failure;
use super::output::{say, write};
use args::{HowArgs, LabArgs, LabCommand, ListArgs, RunArgs, ShowArgs, SlideArgs};

pub(crate) fn run(args: &LabArgs) -> Result<(), Failure> {
    match &args.command {
        LabCommand::List(args) => list(args),
        LabCommand::Run(args) => run_one(args),
        LabCommand::Slide(args) => slide(args),
        LabCommand::Show(args) => show_file(args),
        LabCommand::Compare(args) => compare::run(args),
        LabCommand::Machine => udp::machine(),
    }
}

/// For `--as`.
pub(crate) fn parse_view(text: &str) -> Result<View, String> {
    text.parse().map_err(|error| format!("{error}"))
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

/// A name that begins alike, or has this in it.
fn nearest(name: &str) -> Option<&'static str> {
    let names = || all().iter().map(|scenario| scenario.name.as_str());
    let alike = |other: &&str| {
        let common = other.bytes().zip(name.bytes()).take_while(|(one, other)| one == other).count();
        common * 2 > name.len().max(2)
    };
    names().find(|other| other.contains(name) || name.contains(*other)).or_else(|| names().find(alike))
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
    Ok(())
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
    judge(scenario, run, how.udp)
}

fn judge(scenario: &Scenario, run: &Run, udp: bool) -> Result<(), Failure> {
    let verdicts = run.verdicts(!udp);
    let broken = verdicts.iter().filter(|(_, verdict)| !verdict.held).count();
    match (broken, &run.cut_short) {
        (0, None) => Ok(()),
        (0, Some(reason)) => Err(Failure::new(&scenario.name, reason)),
        _ => Err(Failure::new(&scenario.name, format!("{broken} of {} claims did not hold", verdicts.len()))),
    }
}

fn slide(args: &SlideArgs) -> Result<(), Failure> {
    let scenarios = of_slide(args.slide);
    if scenarios.is_empty() {
        let mut slides: Vec<u32> =
            all().iter().flat_map(|scenario| scenario.slides.iter().copied()).collect();
        slides.sort_unstable();
        slides.dedup();
        let slides: Vec<_> = slides.iter().map(u32::to_string).collect();
        let reason = format!("nothing to run belongs to it; there is something for {}", slides.join(", "));
        return Err(Failure::new(format_args!("slide {}", args.slide), reason));
    }
    let switches = args.how.switches.switches().map_err(Failure::Said)?;
    let mut broken = Vec::new();
    for (place, scenario) in scenarios.iter().enumerate() {
        if place > 0 && !args.how.json {
            say("")?;
        }
        if args.how.udp
            && let Err(reason) = &scenario.udp
        {
            say(format_args!("{}: skipped over UDP: {reason}", scenario.name))?;
            continue;
        }
        let run = play(scenario, &switches, args.how.udp)?;
        show::show(&switches, &run, &args.how)?;
        if judge(scenario, &run, args.how.udp).is_err() {
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
