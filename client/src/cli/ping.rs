//! `sendrec ping`: AYA, IAA, and the time between them.
use std::thread;
use std::time::{Duration, Instant};

use sendrec_trap::{Address, CallError, Process, SpawnOptions, Target};
use serde::Serialize;

use super::Failure;
use super::address::Whom;
use super::args::PingArgs;
use super::find::{SILENT_HINT, resolve};
use super::output::say;
use super::session::{TracedNode, is_stopped, on_stop};

#[derive(Serialize)]
struct Reply {
    number: u32,
    address: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_us: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    epoch: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    up_s: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// How long to look for a process that is not named by its place.
const FIND_TIMEOUT: Duration = Duration::from_secs(10);

fn milliseconds(span: Duration) -> f64 {
    span.as_secs_f64() * 1e3
}

pub(crate) fn run(args: &PingArgs) -> Result<(), Failure> {
    let session = TracedNode::toward(&args.process, &args.find, &args.node)?;
    let node = session.node.clone();
    on_stop(Duration::ZERO, move || node.shut_down())?;
    let process = match resolve(&session.node, &args.process, &args.find, FIND_TIMEOUT) {
        Err(_) if is_stopped() => return Err(Failure::Interrupted),
        found => found?,
    };
    if !args.json && !matches!(args.process, Whom::Target(Target::Place(_))) {
        say(format_args!("{} is at {process}", args.process))?;
    }
    let mut times = Vec::new();
    let (mut asked, mut refused) = (0, 0);
    {
        let me = Process::spawn(&*session.node, SpawnOptions::default())
            .map_err(|error| Failure::new("cannot ask", error))?;
        for number in 1..=args.count {
            let start = Instant::now();
            asked = number;
            let result = me.ping(process, args.timeout);
            if is_stopped() {
                asked -= u32::from(result.is_err());
                break;
            }
            let elapsed = start.elapsed();
            match result {
                Ok(_) => times.push(elapsed),
                Err(error) => refused += u32::from(error == CallError::NoSuchProcess),
            }
            report(args, process, number, result, elapsed)?;
            if number < args.count && !sleep_unless_stopped(args.interval.saturating_sub(elapsed)) {
                break;
            }
        }
    }
    session.finish()?;
    summarise(args, asked, &mut times)?;
    if !times.is_empty() {
        return Ok(());
    }
    if is_stopped() {
        return Err(Failure::Interrupted);
    }
    let reason = match refused {
        0 => format!("no sign of life{SILENT_HINT}"),
        _ => format!("the machine is there; nobody has local id {}", process.local),
    };
    Err(Failure::new(&args.process, reason))
}

fn report(
    args: &PingArgs,
    process: Address,
    number: u32,
    result: Result<(sendrec_trap::Epoch, Duration), CallError>,
    elapsed: Duration,
) -> Result<(), Failure> {
    if args.json {
        let alive = result.ok();
        let reply = Reply {
            number,
            address: process.to_string(),
            time_us: alive.map(|_| elapsed.as_secs_f64() * 1e6),
            epoch: alive.map(|(epoch, _)| epoch.0),
            up_s: alive.map(|(_, uptime)| uptime.as_secs_f64()),
            error: result.err().map(|error| error.to_string()),
        };
        return say(serde_json::to_string(&reply).map_err(|error| Failure::new("JSON", error))?);
    }
    match result {
        Ok((epoch, uptime)) => say(format_args!(
            "IAA from {process}: n={number} time={:.3} ms (up {:.1} s, epoch {epoch})",
            milliseconds(elapsed),
            uptime.as_secs_f64()
        )),
        Err(CallError::NoSuchProcess) => {
            let time = milliseconds(elapsed);
            say(format_args!("AU from {process}: n={number} time={time:.3} ms (no such process)"))
        }
        Err(error) => say(format_args!("nothing from {process}: n={number} ({error})")),
    }
}

/// False if the user has stopped it.
fn sleep_unless_stopped(span: Duration) -> bool {
    const STEP: Duration = Duration::from_millis(50);
    let end = Instant::now() + span;
    while !is_stopped() {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return true;
        }
        thread::sleep(left.min(STEP));
    }
    false
}

fn summarise(args: &PingArgs, asked: u32, times: &mut [Duration]) -> Result<(), Failure> {
    times.sort();
    if !args.json {
        let lost = 100.0 - 100.0 * times.len() as f64 / f64::from(asked.max(1));
        say(format_args!("\n{asked} AYA sent, {} IAA received, {lost:.0}% without", times.len()))?;
        if let (Some(min), Some(max)) = (times.first(), times.last()) {
            let mean = times.iter().sum::<Duration>() / times.len() as u32;
            let median = times[times.len() / 2];
            say(format_args!(
                "round trip min/median/mean/max = {:.3}/{:.3}/{:.3}/{:.3} ms",
                milliseconds(*min),
                milliseconds(median),
                milliseconds(mean),
                milliseconds(*max)
            ))?;
        }
    }
    Ok(())
}
