//! `sendrec matrix`: every combination of slide 20 in one table; fails if one does not keep its promises.
use std::fs;
use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use sendrec::lab::matrix::{InWorld, Options, Runner, csv, html, json, matrix, text};
use sendrec::lab::{Run, Scenario, Switches};
use sendrec_core::fault::Faults;

use super::Failure;
use super::args::MatrixArgs;
use super::lab::udp::play;
use super::output::{say, terminal_columns};
use super::session::is_stopped;

/// Columns where nothing else is known.
const WIDTH_DEFAULT: usize = 80;
/// Who waits longer than this is told how far it is.
const PATIENCE: Duration = Duration::from_secs(1);

pub(crate) fn run(args: &MatrixArgs) -> Result<(), Failure> {
    let options =
        Options { seed: args.seed, faults: faults(args)?, only: args.only.clone().unwrap_or_default() };
    let mut runner = runner(args);
    let mut progress = Progress::new();
    let made = matrix(&options, &mut *runner, &mut |done, of| progress.show(done, of));
    progress.clear();
    let made = match made {
        Err(_) if is_stopped() => return Err(Failure::Interrupted),
        made => made.map_err(|reason| Failure::new("matrix", reason))?,
    };
    if made.rows.is_empty() {
        return Err(Failure::new("--only", "no combination has all of these choices"));
    }
    if let Some(path) = &args.html {
        fs::write(path, html(&made)).map_err(|error| Failure::new(path.display(), error))?;
    }
    if args.csv {
        say(csv(&made).trim_end())?;
    } else if args.json {
        say(json(&made))?;
    } else {
        let width = args.width.or_else(terminal_columns).map_or(WIDTH_DEFAULT, usize::from);
        say(text(&made, width).trim_end())?;
    }
    if made.held() {
        return Ok(());
    }
    let broken: Vec<String> = made
        .rows
        .iter()
        .flat_map(|row| row.broken.iter().map(move |broken| (row, broken)))
        .map(|(row, broken)| format!("row {} ({}): {}", row.number, row.combination, broken.promise))
        .collect();
    let mut said = format!("matrix: {} promises did not hold", broken.len());
    // The table has named them.
    if args.csv || args.json {
        said = format!("{said}:\n  {}", broken.join("\n  "));
    }
    Err(Failure::Said(said))
}

/// Where the rows are run.
fn runner(args: &MatrixArgs) -> Box<dyn Runner> {
    if args.udp {
        return Box::new(OverUdp);
    }
    Box::new(InWorld)
}

/// Runs over UDP, each machine an OS process: several rows at once, since they spend their time waiting.
struct OverUdp;

impl Runner for OverUdp {
    fn run_all(
        &mut self,
        jobs: &[(Scenario, Switches)],
        progress: &mut dyn FnMut(usize),
    ) -> Vec<Result<Run, String>> {
        const AT_ONCE: usize = 4;
        let next = AtomicUsize::new(0);
        let (sender, runs) = std::sync::mpsc::channel();
        let mut done: Vec<Option<Result<Run, String>>> = jobs.iter().map(|_| None).collect();
        std::thread::scope(|scope| {
            for _ in 0..AT_ONCE {
                let (next, sender) = (&next, sender.clone());
                scope.spawn(move || {
                    loop {
                        let place = next.fetch_add(1, Ordering::SeqCst);
                        let Some((scenario, switches)) = jobs.get(place) else { return };
                        // Who is told to stop starts no more machines.
                        let run =
                            if is_stopped() { Err(Failure::Interrupted) } else { play(scenario, switches) };
                        let run = run.map_err(|failure| failure.to_string());
                        if sender.send((place, run)).is_err() {
                            return;
                        }
                    }
                });
            }
            drop(sender);
            for (count, (place, run)) in runs.iter().enumerate() {
                done[place] = Some(run);
                progress(count + 1);
            }
        });
        done.into_iter().map(|run| run.unwrap_or_else(|| Err("it was not run".to_owned()))).collect()
    }

    fn is_world(&self) -> bool {
        false
    }
}

/// The faults chosen, their names checked: a wrong one is said before anything runs.
fn faults(args: &MatrixArgs) -> Result<Faults, Failure> {
    let faults = args.faults.faults().map_err(Failure::Said)?;
    let machines = sendrec::lab::matrix::machines();
    let known = |name: &str| machines.iter().any(|machine| machine == name);
    let hint = || format!("its machines are {}", machines.join(", "));
    faults.check_names(known).map_err(|error| Failure::new("--fault", format!("{error}; {}", hint())))?;
    Ok(faults)
}

/// A line on stderr, if it is a terminal and it takes long.
struct Progress {
    since: Instant,
    shown: bool,
}

impl Progress {
    fn new() -> Self {
        Self { since: Instant::now(), shown: false }
    }

    fn show(&mut self, done: usize, of: usize) {
        if self.since.elapsed() >= PATIENCE && std::io::stderr().is_terminal() {
            self.shown = true;
            let _ = write!(anstream::stderr(), "\r{done} of {of} rows");
        }
    }

    fn clear(&self) {
        if self.shown {
            let _ = write!(anstream::stderr(), "\r{:20}\r", "");
        }
    }
}
