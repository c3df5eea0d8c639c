//! A peer's program: `serve PEER CORE`, or `call PEER ADDRESS CORE SERVER-CORE WORKLOAD SECONDS`.
//!
//! One that serves prints where on a line of its own, and goes on until it is killed or the program that has started it
//! ends. One that calls prints an [`Outcome`] as JSON. A core of -1 is wherever the scheduler likes.
use std::fmt;
use std::future::Future;
use std::io::Write;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use clap::Parser;
use serde::{Deserialize, Serialize};

use crate::load::{ECHO_BYTES_MAX, FACTS, Load};
use crate::placement::{Cores, pin};
use crate::process::{Cost, cost_of};
use crate::sample::{
    Budget, Fallible, MESSAGE_BYTES, Pipeline, RoundTrips, check_number, percentile, put_number, rate,
    round_trips,
};

/// The pause before each call after idleness.
const IDLE: Duration = Duration::from_millis(10);

/// Tells the program that has started this one where it serves.
pub type Tell<'a> = &'a dyn Fn(&str) -> Fallible<()>;

/// A peer that a program is.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    /// By which it is asked for.
    pub name: &'static str,
    /// Tells where, and serves for ever: answers as [`Server`](crate::Server) does.
    pub serve: fn(Tell<'_>) -> Fallible<()>,
    /// Calls the server at that address: makes a [`Client`] and [drives](drive) it. What has both sides in one OS process
    /// is told the server's core.
    pub call: fn(address: &str, workload: Workload, cores: Cores) -> Fallible<Outcome>,
}

/// Looks at an answer, wherever it lies.
pub type Check<'a> = &'a dyn Fn(&[u8]) -> Fallible<()>;

/// A caller of one server. What blocks has futures that are always ready.
pub trait Client {
    /// There and back; the answer, the one to this message and no other, is checked.
    fn call(&mut self, message: &[u8], check: Check<'_>) -> impl Future<Output = Fallible<()>>;
    /// Begins a call; others may be outstanding.
    fn begin(&mut self, message: &[u8]) -> Fallible<()>;
    /// Waits for the oldest outstanding call's answer, and checks it.
    fn finish(&mut self, check: Check<'_>) -> impl Future<Output = Fallible<()>>;
    /// As `call`, for a long message that lies there already.
    fn send(&mut self, message: &Bytes, check: Check<'_>) -> impl Future<Output = Fallible<()>> {
        self.call(message, check)
    }
}

/// What is measured, and how long. The kind is written `null`, `idle`, `call:BYTES`, `rate:OUTSTANDING`, `bulk:BYTES` or `quiet`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Workload {
    /// What.
    pub kind: Kind,
    /// How long.
    pub time: Duration,
}

/// Of a workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Messages of so many bytes there and back, one after the other, each begun after a pause.
    Calls {
        /// Each way.
        bytes: usize,
        /// Before each.
        pause: Option<Duration>,
    },
    /// So many calls outstanding.
    Rate {
        /// At any time.
        outstanding: u64,
    },
    /// Messages of so many bytes there, and their length back.
    Bulk {
        /// Of each.
        bytes: usize,
    },
    /// One call, and then nothing, until the process is killed.
    Quiet,
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let unknown = || format!("'{text}' is no workload: null, idle, call:N, rate:N, bulk:N or quiet");
        let (name, number) = text.split_once(':').unwrap_or((text, ""));
        let number = || number.parse::<usize>().map_err(|_| unknown());
        match name {
            "null" => Ok(Self::Calls { bytes: MESSAGE_BYTES, pause: None }),
            "idle" => Ok(Self::Calls { bytes: MESSAGE_BYTES, pause: Some(IDLE) }),
            "call" => Ok(Self::Calls { bytes: number()?.clamp(8, ECHO_BYTES_MAX), pause: None }),
            "rate" => Ok(Self::Rate { outstanding: number()?.max(1) as u64 }),
            "bulk" => Ok(Self::Bulk { bytes: number()?.max(ECHO_BYTES_MAX + 1) }),
            "quiet" => Ok(Self::Quiet),
            _ => Err(unknown()),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Calls { bytes: MESSAGE_BYTES, pause: None } => f.write_str("null"),
            Self::Calls { pause: Some(_), .. } => f.write_str("idle"),
            Self::Calls { bytes, pause: None } => write!(f, "call:{bytes}"),
            Self::Rate { outstanding } => write!(f, "rate:{outstanding}"),
            Self::Bulk { bytes } => write!(f, "bulk:{bytes}"),
            Self::Quiet => f.write_str("quiet"),
        }
    }
}

/// What a calling process prints, as JSON on one line. What the workload does not give is absent.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Outcome {
    /// Of a call or a long message, ns.
    pub p50_ns: Option<u64>,
    /// As before.
    pub p99_ns: Option<u64>,
    /// Calls per second.
    pub rate: Option<f64>,
    /// Calls made, those to warm up too.
    pub calls: u64,
    /// What this process has cost since its client was there.
    pub cost: Cost,
}

/// Does the workload with a client, and says what came of it.
pub async fn drive(mut client: impl Client, workload: Workload) -> Fallible<Outcome> {
    let before = cost_of(None)?;
    let budget = Budget { time: workload.time, calls: u64::MAX };
    let mut outcome = match workload.kind {
        Kind::Calls { bytes, pause } => {
            let mut message = vec![0; bytes];
            let calls = round_trips(budget, pause, async |number| {
                put_number(&mut message, number);
                client.call(&message, &|answer| check_echo(answer, bytes, number)).await
            });
            times(&calls.await?)
        }
        Kind::Rate { outstanding } => {
            let rate = rate(budget, outstanding, &mut Numbered { client }).await?;
            Outcome { rate: Some(rate.per_second), calls: rate.all, ..Outcome::default() }
        }
        Kind::Bulk { bytes } => bulk(&mut client, bytes, workload.time).await?,
        Kind::Quiet => {
            client.call(&[0; MESSAGE_BYTES], &|answer| check_echo(answer, MESSAGE_BYTES, 0)).await?;
            println!("quiet");
            std::io::stdout().flush()?;
            // The program that has started this one watches, and kills it.
            loop {
                std::thread::park();
            }
        }
    };
    let after = cost_of(None)?;
    outcome.cost = Cost { cpu_ns: after.cpu_ns.saturating_sub(before.cpu_ns), ..after };
    Ok(outcome)
}

fn times(calls: &RoundTrips) -> Outcome {
    let nanos = |percent| Some((percentile(&calls.nanos, percent) * 1e3) as u64);
    Outcome { p50_ns: nanos(50), p99_ns: nanos(99), calls: calls.all, ..Outcome::default() }
}

fn check_echo(answer: &[u8], bytes: usize, number: u64) -> Fallible<()> {
    if answer.len() != bytes {
        return Err(format!("call {number} was answered with {} bytes, not {bytes}", answer.len()).into());
    }
    check_number(answer, number)
}

/// Long messages, one after the other; the first, whose memory is not there yet, does not count. After each it is asked, and
/// not timed, whether it came as it was sent.
async fn bulk(client: &mut impl Client, bytes: usize, time: Duration) -> Fallible<Outcome> {
    let load = Load::new(bytes as u64);
    let (mut nanos, mut spent, mut calls) = (Vec::new(), Duration::ZERO, 0);
    while nanos.is_empty() || spent < time {
        let begin = Instant::now();
        client.send(&load.bytes, &|answer| load.check_answer(answer)).await?;
        let took = begin.elapsed();
        client.call(FACTS, &|answer| load.check_facts(answer)).await?;
        calls += 1;
        if calls > 1 {
            spent += took;
            nanos.push(took.as_nanos() as u64);
        }
    }
    nanos.sort_unstable();
    Ok(times(&RoundTrips { nanos, all: calls }))
}

/// Numbers and checks what a client keeps outstanding.
struct Numbered<C> {
    client: C,
}

impl<C: Client> Pipeline for Numbered<C> {
    fn begin(&mut self, number: u64) -> Fallible<()> {
        let mut message = [0; MESSAGE_BYTES];
        put_number(&mut message, number);
        self.client.begin(&message)
    }

    async fn finish(&mut self, number: u64) -> Fallible<()> {
        self.client.finish(&|answer| check_echo(answer, MESSAGE_BYTES, number)).await
    }
}

/// One side of a measurement.
#[derive(Debug, Parser)]
#[command(version)]
enum Role {
    /// Serves as that peer, for ever; prints where
    Serve {
        peer: String,
        /// -1 is any
        #[arg(allow_negative_numbers = true)]
        core: i32,
    },
    /// Calls one that serves; prints a line of JSON
    Call {
        peer: String,
        address: String,
        /// -1 is any
        #[arg(allow_negative_numbers = true)]
        core: i32,
        /// Of use where both sides are in one OS process
        #[arg(allow_negative_numbers = true)]
        server_core: i32,
        /// null, idle, call:BYTES, rate:OUTSTANDING, bulk:BYTES or quiet
        workload: Kind,
        seconds: f64,
    },
}

/// The `main` of a program that is those peers.
pub fn peer_program(peers: &[Peer]) -> ExitCode {
    match play(Role::parse(), peers) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn play(role: Role, peers: &[Peer]) -> Fallible<()> {
    // Whatever happens to the program that has started this one, nothing is left of it.
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    let find = |name: &str| {
        let names = || peers.iter().map(|peer| peer.name).collect::<Vec<_>>().join(", ");
        let found = peers.iter().find(|peer| peer.name == name);
        found.ok_or_else(|| format!("no peer here is called {name}; there are: {}", names()))
    };
    let core = |core: i32| usize::try_from(core).ok();
    let tell = |address: &str| {
        let mut out = std::io::stdout().lock();
        writeln!(out, "{address}")?;
        Ok(out.flush()?)
    };
    match role {
        Role::Serve { peer, core: own } => {
            pin(core(own))?;
            (find(&peer)?.serve)(&tell)
        }
        Role::Call { peer, address, core: own, server_core, workload, seconds } => {
            pin(core(own))?;
            let workload = Workload { kind: workload, time: Duration::from_secs_f64(seconds) };
            let cores = Cores { client: core(own), server: core(server_core) };
            tell(&serde_json::to_string(&(find(&peer)?.call)(&address, workload, cores)?)?)
        }
    }
}
