//! Where the time of a call goes: the critical path of slide 39, step by step, measured in the program's own stubs and kernels.
mod copies;
mod log;
mod path;
mod show;

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use sendrec_kernel::Node;
use sendrec_stubs::{Bytes, Context, Refusal, Remote};
use serde::Serialize;

use crate::machine::Machine;
use crate::nodes::{self, Numbers, spawn};
use crate::numbers::numbers_1;
use copies::Copies;
use log::{Log, Mark};
use path::{Call, STAGES, Side};
use sendrec_measure::Fallible;
use sendrec_measure::Spread;
use sendrec_measure::{Cores, Placement, allowed_cores, on_core, pin};

/// The sum of a call's steps may be so far from that call by its client's clock.
const SUM_WITHIN: f64 = 0.05;
/// Calls before those that count.
const WARM_CALLS: usize = 500;
/// Marks of one call in one log, at most, and room for some more.
const MARKS_EACH: usize = 64;

/// What `critical-path` is told.
#[derive(Debug, Args)]
pub struct CriticalOptions {
    /// How many calls are taken apart, at each placement
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1_000..=200_000))]
    calls: u32,
    /// Only at this placement (repeatable; all three if not given)
    #[arg(long, value_enum)]
    placement: Vec<Placement>,
    /// Prints the figures as JSON instead of a table
    #[arg(long)]
    json: bool,
    /// Draws the path of each placement, as bars over time
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

/// A step as it was measured.
#[derive(Clone, Debug, Serialize)]
struct StepFigure {
    side: &'static str,
    /// As slide 39 counts it.
    slide_39: Option<u8>,
    name: &'static str,
    /// Of all calls.
    p50_ns: u64,
    /// In a typical call: the mean over calls whose whole time is near the median, so that steps sum to calls.
    typical_ns: f64,
    /// Of a typical call.
    share: f64,
}

/// All steps at one placement.
#[derive(Clone, Debug, Serialize)]
struct PathFigure {
    placement: &'static str,
    calls: usize,
    /// Calls that another thread of a node has done a part of.
    left_out: usize,
    /// The whole call, by its client's own clock, while the steps were timed; and when nobody timed them.
    whole_p50_ns: u64,
    untimed_p50_ns: u64,
    /// A call's steps, to the same call by its client's clock: the median over calls.
    sum_to_whole: f64,
    /// Of a typical call's steps.
    sum_ns: f64,
    client_ns: f64,
    server_ns: f64,
    steps: Vec<StepFigure>,
}

/// What is printed as JSON.
#[derive(Debug, Serialize)]
struct Figures {
    machine: Machine,
    paths: Vec<PathFigure>,
    /// Placements that there are not here, and why.
    skipped: Vec<String>,
    copies: Vec<Copies>,
}

/// Measures and prints; false if the steps of a path do not sum to its call.
pub(crate) fn run(options: &CriticalOptions) -> Fallible<bool> {
    let allowed = allowed_cores()?;
    let mut figures = Figures {
        machine: Machine::here(allowed.len()),
        paths: Vec::new(),
        skipped: Vec::new(),
        copies: Vec::new(),
    };
    let wanted =
        |placement: &Placement| options.placement.is_empty() || options.placement.contains(placement);
    for placement in Placement::ALL.into_iter().filter(wanted) {
        eprintln!("{}: {} calls", placement.name(), options.calls);
        match placement.cores(&allowed) {
            Ok(cores) => figures.paths.push(measure(placement, cores, options.calls as usize)?),
            Err(reason) => figures.skipped.push(format!("{}: {reason}", placement.name())),
        }
    }
    eprintln!("copies");
    figures.copies = copies::count()?;
    if options.json {
        println!("{}", serde_json::to_string_pretty(&figures)?);
    } else {
        print!("{}", show::text(&figures));
    }
    // After what was measured is told: a picture that cannot be written loses nothing of it.
    if let Some(path) = &options.svg {
        let picture = show::picture(&figures.paths)?;
        std::fs::write(path, picture).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    let sums = figures.paths.iter().all(|path| (path.sum_to_whole - 1.0).abs() <= SUM_WITHIN);
    if !sums {
        eprintln!("the steps of a path sum to something else than its call, by more than 5 %");
    }
    Ok(sums)
}

/// Says when it runs and when it is done.
struct Timed;

impl numbers_1::Server for Timed {
    fn echo(&self, _: &Context<'_>, number: u64) -> Result<u64, Refusal> {
        log::mark(Mark::Inside);
        let result = number;
        log::mark(Mark::Done);
        Ok(result)
    }

    fn copy(&self, _: &Context<'_>, data: Bytes) -> Result<Bytes, Refusal> {
        Ok(data)
    }
}

/// Calls of a client's node to a server's, with these nodes; each call's nanoseconds, as the client saw it.
fn call_many(
    cores: Cores,
    [near, far]: [&Node; 2],
    calls: usize,
    logs: Option<&[std::sync::Arc<Log>; 2]>,
) -> Fallible<Vec<u64>> {
    let server = spawn(far)?;
    let address = server.address();
    std::thread::scope(|scope| {
        let serving = scope.spawn(|| -> Fallible<()> {
            pin(cores.server)?;
            if let Some([_, log]) = logs {
                log.adopt();
            }
            sendrec_stubs::serve(&server, &[&numbers_1::Dispatch(Timed)]);
            Ok(())
        });
        let took = on_core(cores.client, || {
            let me = spawn(near)?;
            let client: Numbers<'_, '_> = nodes::numbers(Remote::new(&me, address));
            for number in 0..WARM_CALLS {
                nodes::call_stub(&client, number as u64)?;
            }
            if let Some([log, _]) = logs {
                log.adopt();
            }
            let mut took = Vec::with_capacity(calls);
            for number in 0..calls {
                let began = Instant::now();
                log::mark(Mark::Begin);
                nodes::call_stub(&client, number as u64)?;
                log::mark(Mark::End);
                took.push(began.elapsed().as_nanos() as u64);
            }
            Ok(took)
        });
        far.shut_down();
        let served = serving.join().unwrap_or_else(|_| Err("the serving thread panicked".into()));
        served.and(took)
    })
}

fn measure(placement: Placement, cores: Cores, calls: usize) -> Fallible<PathFigure> {
    // On a thread of its own, so that what nodes start is pinned with it.
    let boot = |observed: bool| {
        move |core| {
            on_core(core, || if observed { nodes::boot_observed(log::observe) } else { nodes::boot() })
        }
    };
    let untimed = boot(false);
    let (near, far) = (untimed(cores.client)?, untimed(cores.server)?);
    let untimed_p50_ns = median(call_many(cores, [&near, &far], calls, None)?);
    let timed = boot(true);
    let (near, far) = (timed(cores.client)?, timed(cores.server)?);
    let origin = Instant::now();
    let room = (calls + WARM_CALLS) * MARKS_EACH;
    let logs = [Log::new(origin, room), Log::new(origin, room)];
    let took = call_many(cores, [&near, &far], calls, Some(&logs))?;
    let each = path::calls(&logs[0].stamps(), &logs[1].stamps());
    let left_out = calls - each.len();
    if each.len() < calls / 2 {
        return Err(format!("only {} of {calls} calls could be followed from end to end", each.len()).into());
    }
    let parts = each.iter().filter_map(|(number, call)| {
        let whole = took.get(*number).filter(|whole| **whole > 0)?;
        Some(call.iter().sum::<u64>() as f64 / *whole as f64)
    });
    let sum_to_whole = Spread::of(parts).map_or(0.0, |parts| parts.median);
    let each: Vec<Call> = each.into_iter().map(|(_, call)| call).collect();
    let whole_p50_ns = median(took);
    let figure = figure(placement, &each);
    Ok(PathFigure { left_out, whole_p50_ns, untimed_p50_ns, sum_to_whole, ..figure })
}

/// What the steps of those calls come to.
fn figure(placement: Placement, calls: &[Call]) -> PathFigure {
    let whole = |call: &Call| call.iter().sum::<u64>();
    let mut sorted: Vec<&Call> = calls.iter().collect();
    sorted.sort_unstable_by_key(|call| whole(call));
    // Each step may be quick or slow, and few calls have each step as it is in the middle.
    let typical = &sorted[sorted.len() * 2 / 5..=sorted.len() * 3 / 5];
    let steps: Vec<_> = STAGES
        .iter()
        .enumerate()
        .map(|(place, stage)| {
            let sum: u64 = typical.iter().map(|call| call[place]).sum();
            StepFigure {
                side: if stage.side == Side::Client { "client" } else { "server" },
                slide_39: stage.number,
                name: stage.name,
                p50_ns: median(calls.iter().map(|call| call[place]).collect()),
                typical_ns: sum as f64 / typical.len() as f64,
                share: 0.0,
            }
        })
        .collect();
    let sum_ns: f64 = steps.iter().map(|step| step.typical_ns).sum();
    let of = |side: &str| steps.iter().filter(|step| step.side == side).map(|step| step.typical_ns).sum();
    let (client_ns, server_ns) = (of("client"), of("server"));
    let steps =
        steps.into_iter().map(|step| StepFigure { share: step.typical_ns / sum_ns, ..step }).collect();
    PathFigure {
        placement: placement.name(),
        calls: calls.len(),
        left_out: 0,
        whole_p50_ns: 0,
        untimed_p50_ns: 0,
        sum_to_whole: 0.0,
        sum_ns,
        client_ns,
        server_ns,
        steps,
    }
}

fn median(mut values: Vec<u64>) -> u64 {
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or(0)
}
