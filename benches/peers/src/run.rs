//! All peers in turn, several rounds of them, for each workload at each placement.
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use sendrec_benches::Machine;
use sendrec_measure::{
    Cores, Cost, Fallible, Outcome, Placement, allowed_cores, cost_of, on_core, switches_of,
};

use crate::build::Programs;
use crate::catalogue::{PEERS, Peer, Unit, WORKLOADS, Workload};
use crate::document::{Document, Line, Sample};
use crate::files;
use crate::goals::goals;
use crate::options::Options;
use crate::output::Outputs;

/// Whoever takes longer, over the time that is measured, hangs.
const HANGS: Duration = Duration::from_secs(60);
/// A peer may do what it likes for so long after its last call.
const SETTLE: Duration = Duration::from_secs(2);
/// Few calls end in a second while cores are busy.
const LOADED_TIMES: u32 = 2;

/// A child that is killed and reaped with its handle.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself; it is reaped either way.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A peer that is there.
struct Built {
    name: &'static str,
    program: PathBuf,
    argument: &'static str,
}

/// What is under way, and what of it did not go.
struct Run<'a> {
    options: &'a Options,
    /// For whatever a server leaves behind when it is killed.
    folder: &'a Path,
    allowed: Vec<usize>,
    is_over: Arc<AtomicBool>,
    progress: ProgressBar,
    lines: Vec<Line>,
    left_out: Vec<String>,
}

/// Measures and prints. Interrupted, it prints what it has by then.
pub(crate) fn run(options: &Options) -> Fallible<()> {
    let outputs = Outputs::open(options)?;
    let is_over = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&is_over);
    ctrlc::set_handler(move || told.store(true, Ordering::Relaxed))?;
    let folder = tempfile::tempdir()?;
    let mut run = Run {
        options,
        folder: folder.path(),
        allowed: allowed_cores()?,
        is_over,
        progress: ProgressBar::new(0),
        lines: Vec::new(),
        left_out: Vec::new(),
    };
    let mut programs = Programs::new(folder.path());
    let peers = run.build(&mut programs)?;
    let files = run.files(&mut programs, folder.path());
    run.begin_progress(&peers, files.as_ref());
    let measured = run.measure(&peers, files.as_ref());
    run.progress.finish_and_clear();
    let document = Document {
        machine: Machine::here(run.allowed.len()),
        command: std::env::args().skip(1).collect::<Vec<_>>().join(" "),
        rounds: options.rounds(),
        seconds: options.time().as_secs_f64(),
        rows: Document::rows_of(&run.lines),
        goals: goals(&run.lines),
        left_out: run.left_out,
    };
    outputs.write(options, &document)?;
    measured
}

/// Where a workload is measured: what is counted when idle does not depend on it.
fn placements(options: &Options, workload: Workload) -> Vec<Placement> {
    let wanted = options.placements();
    if workload.unit == Unit::Switches {
        wanted.into_iter().next_back().into_iter().collect()
    } else {
        wanted
    }
}

impl Run<'_> {
    /// Of what is left out for several reasons, or the same at other ports, one is told.
    fn leave_out(&mut self, reason: String) {
        let what = |reason: &str| reason.split(':').next().unwrap_or_default().to_owned();
        if self.left_out.iter().all(|told| what(told) != what(&reason)) {
            self.progress.suspend(|| eprintln!("left out: {reason}"));
            self.left_out.push(reason);
        }
    }

    fn check_over(&self) -> Fallible<()> {
        if self.is_over.load(Ordering::Relaxed) {
            Err("interrupted: these are the figures by then".into())
        } else {
            Ok(())
        }
    }

    /// Everything, workload by workload.
    fn measure(&mut self, peers: &[Built], files: Option<&files::Files>) -> Fallible<()> {
        for workload in self.options.workloads() {
            for placement in placements(self.options, workload) {
                let cores = match placement.cores(&self.allowed) {
                    Ok(cores) => cores,
                    Err(reason) => {
                        self.leave_out(format!("{}: {reason}", placement.name()));
                        continue;
                    }
                };
                match (workload.told, files) {
                    (Some(told), _) => self.workload(workload, told, placement, cores, peers)?,
                    (None, Some(files)) => self.files_in_turn(workload, placement, cores, files)?,
                    (None, None) => {}
                }
            }
        }
        Ok(())
    }

    /// One round after the other, all of `names` in turn in each.
    fn in_turn(
        &mut self,
        workload: Workload,
        placement: Placement,
        names: &[&'static str],
        mut once: impl FnMut(&Self, usize) -> Fallible<Sample>,
    ) -> Fallible<()> {
        let begin = self.lines.len();
        let line =
            |peer: &&'static str| Line { workload, placement: placement.name(), peer, rounds: Vec::new() };
        self.lines.extend(names.iter().map(line));
        for _ in 0..self.options.rounds().min(workload.rounds_max) {
            for (place, name) in names.iter().enumerate() {
                self.step(workload, placement, name)?;
                let sample = match once(self, place) {
                    Ok(sample) => Some(sample),
                    Err(error) => {
                        self.check_over()?;
                        self.leave_out(format!("{name}, {}: {error}", workload.key));
                        None
                    }
                };
                self.lines[begin + place].rounds.push(sample);
            }
        }
        Ok(())
    }

    /// The peers that are wanted and can be had.
    fn build(&mut self, programs: &mut Programs) -> Fallible<Vec<Built>> {
        let floors: Vec<_> = WORKLOADS.iter().filter_map(|workload| workload.floor).collect();
        let is_wanted = |peer: &&Peer| self.options.wants(peer.name) || floors.contains(&peer.name);
        let mut built = Vec::new();
        for Peer { name, program, argument } in PEERS.iter().filter(is_wanted).copied() {
            self.check_over()?;
            match programs.get(program) {
                Ok(program) => built.push(Built { name, program, argument }),
                Err(reason) => self.left_out.push(format!("{name}: {reason}")),
            }
        }
        for reason in &self.left_out {
            eprintln!("left out: {reason}");
        }
        Ok(built)
    }

    /// What copies files here, if that is wanted.
    fn files(&mut self, programs: &mut Programs, folder: &Path) -> Option<files::Files> {
        let is_wanted = self.options.workloads().iter().any(|workload| workload.told.is_none());
        let made = is_wanted.then(|| files::Files::new(self.options, programs, folder))?;
        let (files, left_out) = made.map_err(|error| self.leave_out(format!("files: {error}"))).ok()?;
        for reason in left_out {
            self.leave_out(reason);
        }
        Some(files)
    }

    fn begin_progress(&mut self, peers: &[Built], files: Option<&files::Files>) {
        let steps = |workload: &Workload| {
            let rounds = u64::from(self.options.rounds().min(workload.rounds_max));
            let peers = match workload.told {
                Some(_) => peers.len(),
                None => files.map_or(0, |files| files.ways.len()),
            };
            placements(self.options, *workload).len() as u64 * peers as u64 * rounds
        };
        let bar = ProgressBar::new(self.options.workloads().iter().map(steps).sum());
        const STYLE: &str = "{bar:30} {pos}/{len} {eta:>4} left  {msg}";
        if let Ok(style) = ProgressStyle::with_template(STYLE) {
            bar.set_style(style);
        }
        self.progress = bar;
    }

    fn step(&self, workload: Workload, placement: Placement, peer: &str) -> Fallible<()> {
        self.check_over()?;
        self.progress.inc(1);
        self.progress.set_message(format!("{}, {}: {peer}", workload.key, placement.name()));
        Ok(())
    }

    fn workload(
        &mut self,
        workload: Workload,
        told: &str,
        placement: Placement,
        cores: Cores,
        peers: &[Built],
    ) -> Fallible<()> {
        let names: Vec<_> = peers.iter().map(|peer| peer.name).collect();
        self.in_turn(workload, placement, &names, |run, place| match workload.unit {
            Unit::Switches => run.switches(&peers[place], told, cores),
            _ => run.once(&peers[place], workload, told, cores),
        })
    }

    fn files_in_turn(
        &mut self,
        workload: Workload,
        placement: Placement,
        cores: Cores,
        files: &files::Files,
    ) -> Fallible<()> {
        let names: Vec<_> = files.ways.iter().map(|way| way.name).collect();
        self.in_turn(workload, placement, &names, |_, place| {
            let seconds = files.copy(&files.ways[place], cores)?;
            Ok(Sample { speed: Some(workload.bytes as f64 / seconds / 1e9), ..Sample::default() })
        })
    }

    /// A server on its core, and where it serves.
    fn serve(&self, peer: &Built, core: Option<usize>) -> Fallible<(Running, String)> {
        let core = core.map_or(-1, |core| core as i64);
        let child = Command::new(&peer.program)
            .args(["serve", peer.argument, &core.to_string()])
            .env("TMPDIR", self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut running = Running(child);
        let stdout = running.0.stdout.take().ok_or("no standard output")?;
        let mut address = String::new();
        BufReader::new(stdout).read_line(&mut address)?;
        if address.is_empty() {
            return Err("its server ended at once".into());
        }
        Ok((running, address.trim().to_owned()))
    }

    /// A client of it.
    fn call(peer: &Built, address: &str, told: &str, cores: Cores, time: Duration) -> Fallible<Running> {
        let core = |core: Option<usize>| core.map_or(-1, |core| core as i64).to_string();
        let child = Command::new(&peer.program)
            .args(["call", peer.argument, address, &core(cores.client), &core(cores.server), told])
            .arg(time.as_secs_f64().to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        Ok(Running(child))
    }

    fn spinners(&self, workload: Workload) -> Fallible<Vec<Running>> {
        let program = std::env::current_exe()?;
        let cores = self.allowed.iter().filter(|_| workload.is_loaded);
        cores
            .map(|core| Ok(Running(Command::new(&program).arg("spin").arg(core.to_string()).spawn()?)))
            .collect()
    }

    fn once(&self, peer: &Built, workload: Workload, told: &str, cores: Cores) -> Fallible<Sample> {
        let (server, address) = self.serve(peer, cores.server)?;
        let _busy = self.spinners(workload)?;
        let before = cost_of(Some(server.0.id()))?;
        let time = self.options.time() * if workload.is_loaded { LOADED_TIMES } else { 1 };
        let mut client = Self::call(peer, &address, told, cores, time)?;
        let line = answer_of(&mut client, time + HANGS)?;
        let after = cost_of(Some(server.0.id()))?;
        let outcome: Outcome = serde_json::from_str(&line)?;
        Ok(sample(workload, &outcome, before, after))
    }

    /// Context switches a second of both sides, once a call was made and nothing follows.
    fn switches(&self, peer: &Built, told: &str, cores: Cores) -> Fallible<Sample> {
        let (server, address) = self.serve(peer, cores.server)?;
        let mut client = Self::call(peer, &address, told, cores, Duration::ZERO)?;
        let mut said = String::new();
        let stdout = client.0.stdout.take().ok_or("no standard output")?;
        BufReader::new(stdout).read_line(&mut said)?;
        if said.trim() != "quiet" {
            return Err(reason_of(&mut client).into());
        }
        let count = || {
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>(
                switches_of(server.0.id())? + switches_of(client.0.id())?,
            )
        };
        std::thread::sleep(SETTLE);
        let before = count()?;
        std::thread::sleep(self.options.watch());
        let switches = count()?.saturating_sub(before) as f64 / self.options.watch().as_secs_f64();
        Ok(Sample { switches: Some(switches), ..Sample::default() })
    }
}

fn sample(workload: Workload, outcome: &Outcome, before: Cost, after: Cost) -> Sample {
    let micros = |nanos: Option<u64>| nanos.map(|nanos| nanos as f64 / 1e3);
    let cpu = outcome.cost.cpu_ns + after.cpu_ns.saturating_sub(before.cpu_ns);
    let seconds = outcome.p50_ns.map(|nanos| nanos as f64 / 1e9);
    let mib = |kib: u64| Some(kib as f64 / 1024.0);
    Sample {
        p50_us: micros(outcome.p50_ns),
        p99_us: micros(outcome.p99_ns),
        rate: outcome.rate,
        speed: seconds
            .filter(|_| workload.unit == Unit::Speed)
            .map(|seconds| workload.bytes as f64 / seconds / 1e9),
        cpu_us: (outcome.calls > 0).then(|| cpu as f64 / 1e3 / outcome.calls as f64),
        client_mib: mib(outcome.cost.peak_kib),
        server_mib: mib(after.peak_kib),
        switches: None,
    }
}

/// What a client that ends says last, or why it failed. One that hangs is killed with its handle.
fn answer_of(client: &mut Running, limit: Duration) -> Fallible<String> {
    let mut stdout = client.0.stdout.take().ok_or("no standard output")?;
    let (told, all) = mpsc::channel();
    std::thread::spawn(move || {
        let mut text = String::new();
        let _ = stdout.read_to_string(&mut text);
        // Who has waited too long does not listen any more.
        let _ = told.send(text);
    });
    let text = all.recv_timeout(limit).map_err(|_| format!("nothing after {limit:?}"))?;
    if client.0.wait()?.success() {
        return Ok(text.lines().last().unwrap_or_default().to_owned());
    }
    Err(reason_of(client).into())
}

fn reason_of(client: &mut Running) -> String {
    let mut text = String::new();
    let _ = client.0.kill();
    if let Some(stderr) = &mut client.0.stderr {
        let _ = stderr.read_to_string(&mut text);
    }
    text.trim().lines().last().unwrap_or("its client failed and did not say why").to_owned()
}

/// Runs a command on a core, and waits for it.
pub(crate) fn run_on(core: Option<usize>, command: &mut Command) -> Fallible<()> {
    let output = on_core(core, || Ok(command.stdin(Stdio::null()).output()?))?;
    if output.status.success() {
        return Ok(());
    }
    let told = String::from_utf8_lossy(&output.stderr);
    Err(told.trim().lines().last().unwrap_or("it failed and did not say why").to_owned().into())
}

/// Starts a server on a core; its threads inherit it.
pub(crate) fn start_on(core: Option<usize>, command: &mut Command) -> Fallible<Running> {
    on_core(core, || Ok(Running(command.stdin(Stdio::null()).spawn()?)))
}
