//! Many seeds of a network that loses, doubles and delays, of processes that end and machines that boot again.
//!
//! Checked without a look into the kernels: what was asked at most once ran at most once, an error that says "not run"
//! is true, every call ends once the network has come to its senses, and each reply is the one to its request.
mod harness;

use std::collections::HashMap;
use std::time::Duration;

use harness::{Chaos, Net, at, prompt};
use sendrec_core::rng::Rng;
use sendrec_core::timer::Strategy;
use sendrec_core::{
    Buffering, CallError, Config, LocalId, Options, Outcome, Overflow, Received, Reliability, Semantics,
    WaitToken,
};

const SEEDS: u64 = 300;
const STRATEGY_SEEDS: u64 = 30;
const STEPS: usize = 250;
const MILLISECOND: Duration = Duration::from_millis(1);

struct Call {
    token: WaitToken,
    text: String,
    options: Options,
}

/// One kernel's processes, and what they are about.
struct Site {
    epoch: u64,
    server: LocalId,
    clients: Vec<LocalId>,
    /// Requests that a process has taken and not answered.
    taken: Vec<(LocalId, Received)>,
    calls: Vec<Call>,
}

struct Swarm {
    net: Net,
    rng: Rng,
    sites: Vec<Site>,
    asked: usize,
    /// How often each request was taken by a process.
    runs: HashMap<String, usize>,
}

impl Swarm {
    fn new(seed: u64, timers: Strategy) -> Self {
        let mut rng = Rng::new(seed);
        let messages = 1 + rng.below(6) as usize;
        let config = Config {
            buffering: Buffering::Mailbox { messages, bytes: 1 << 20, overflow: Overflow::TryAgain },
            ack_delay: MILLISECOND * (rng.below(3) * 10) as u32,
            late_ack: rng.chance(0.8).then_some(20 * MILLISECOND),
            window: 1 + rng.below(8) as u32,
            cache_bytes: if rng.chance(0.3) { 30 } else { 1 << 20 },
            probe_interval: 200 * MILLISECOND,
            timers,
            ..prompt()
        };
        let mut net = Net::new(2 + rng.below(2) as usize, &config);
        let chaos = Rng::new(seed ^ 0x5eed);
        net.chaos = Some(Chaos { rng: chaos, loss: 0.15, duplicate: 0.15, delay: 25 * MILLISECOND });
        // Long enough for a request that names nobody to be believed.
        net.run(Duration::from_secs(40));
        let sites = (0..net.kernels.len()).map(|kernel| {
            let clients = vec![net.spawn(kernel), net.spawn(kernel)];
            Site { epoch: 100, server: net.spawn_as(kernel, 1), clients, taken: vec![], calls: vec![] }
        });
        let sites = sites.collect();
        Self { net, rng, sites, asked: 0, runs: HashMap::new() }
    }

    fn pick(&mut self, below: usize) -> usize {
        self.rng.below(below as u64) as usize
    }

    fn step(&mut self) {
        let kernel = self.pick(self.sites.len());
        match self.pick(1_000) {
            0..300 => self.ask(kernel),
            300..550 => self.take(kernel),
            550..800 => self.answer(kernel),
            800..830 => self.give_up(kernel),
            830..845 => self.end_server(kernel),
            845..860 => self.end_client(kernel),
            860..866 => self.reboot(kernel),
            _ => {}
        }
        let span = MILLISECOND * self.pick(12) as u32;
        self.net.run(span);
        self.claim();
    }

    fn ask(&mut self, kernel: usize) {
        let other = self.pick(self.sites.len());
        let place = self.pick(2);
        let client = self.sites[kernel].clients[place];
        let reliability = Reliability::ALL[1 + self.pick(2)];
        let semantics = if self.rng.chance(0.2) { Semantics::AtLeastOnce } else { Semantics::AtMostOnce };
        self.asked += 1;
        let text = format!("request {}", self.asked);
        let options = Options::new(reliability, semantics);
        let to = at(other, self.sites[other].server);
        let message = bytes::Bytes::from(text.clone());
        let call = sendrec_core::Syscall::Call {
            to: to.into(),
            message,
            options,
            blocking: false,
            handing: sendrec_core::Handing::Moved,
        };
        match self.net.trap(kernel, client, call) {
            sendrec_core::Entry::Wait(token) => self.sites[kernel].calls.push(Call { token, text, options }),
            sendrec_core::Entry::Done(outcome) => self.judge(&text, options, &outcome),
        }
    }

    fn take(&mut self, kernel: usize) {
        let Site { server, ref clients, .. } = self.sites[kernel];
        // A client is a server too: after a reboot it may have the local id of one that was.
        for process in [server, clients[0], clients[1]] {
            if let Some(received) = self.net.take(kernel, process) {
                let text = String::from_utf8(received.message.to_vec()).unwrap();
                *self.runs.entry(text).or_default() += 1;
                self.sites[kernel].taken.push((process, received));
                return;
            }
        }
    }

    fn answer(&mut self, kernel: usize) {
        let count = self.sites[kernel].taken.len();
        if count == 0 {
            return;
        }
        let place = self.pick(count);
        let (process, request) = self.sites[kernel].taken.swap_remove(place);
        let text = String::from_utf8_lossy(&request.message);
        self.net.reply(kernel, process, request.source, &format!("answer to {text}"));
    }

    fn give_up(&mut self, kernel: usize) {
        if let Some(call) = self.sites[kernel].calls.pop()
            && let Some(outcome) = self.net.cancel(kernel, call.token)
        {
            self.judge(&call.text, call.options, &outcome);
        }
    }

    fn end_server(&mut self, kernel: usize) {
        let server = self.sites[kernel].server;
        self.end(kernel, server);
        self.sites[kernel].server = self.net.spawn(kernel);
    }

    fn end_client(&mut self, kernel: usize) {
        let place = self.pick(2);
        let client = self.sites[kernel].clients[place];
        self.end(kernel, client);
        self.sites[kernel].clients[place] = self.net.spawn(kernel);
    }

    fn end(&mut self, kernel: usize, process: LocalId) {
        self.net.exit(kernel, process);
        self.sites[kernel].taken.retain(|(of, _)| *of != process);
    }

    fn reboot(&mut self, kernel: usize) {
        let site = &mut self.sites[kernel];
        site.epoch += 1;
        site.taken.clear();
        site.calls.clear();
        self.net.reboot(kernel, site.epoch);
        site.server = self.net.spawn_as(kernel, 1);
        site.clients = vec![self.net.spawn(kernel), self.net.spawn(kernel)];
    }

    /// What came of the calls that are over.
    fn claim(&mut self) {
        for kernel in 0..self.sites.len() {
            for call in std::mem::take(&mut self.sites[kernel].calls) {
                match self.net.claim(kernel, call.token) {
                    Some(outcome) => self.judge(&call.text, call.options, &outcome),
                    None => self.sites[kernel].calls.push(call),
                }
            }
        }
    }

    fn judge(&mut self, text: &str, options: Options, outcome: &Outcome) {
        let runs = self.runs.get(text).copied().unwrap_or(0);
        let once = options.semantics == Semantics::AtMostOnce;
        match outcome {
            Outcome::Received(reply) => {
                assert_eq!(reply.message, format!("answer to {text}"));
                assert!(runs >= 1 && (!once || runs == 1), "{text} ran {runs} times");
            }
            Outcome::Unsent(unsent) => match unsent.error {
                CallError::NoSuchProcess | CallError::CrashedNotExecuted | CallError::Refused if once => {
                    assert_eq!(runs, 0, "{text}: {}", unsent.error);
                }
                _ => {}
            },
            other => panic!("{text}: {other:?}"),
        }
        if once {
            assert!(runs <= 1, "{text} ran {runs} times");
        }
    }

    /// The network heals, the servers work off what they have, and time passes.
    fn finish(&mut self) {
        self.net.chaos = None;
        for _ in 0..400 {
            for kernel in 0..self.sites.len() {
                self.take(kernel);
                self.answer(kernel);
            }
            self.net.run(50 * MILLISECOND);
            self.claim();
        }
        for (kernel, site) in self.sites.iter().enumerate() {
            let open: Vec<_> = site.calls.iter().map(|call| &call.text).collect();
            assert!(open.is_empty(), "machine {kernel} still waits for {open:?}");
            let holdings = self.net.kernels[kernel].holdings();
            assert_eq!(holdings.outgoing, 0);
            assert!(!self.net.kernels[kernel].is_engaged());
        }
    }
}

fn run(seed: u64, timers: Strategy) -> Swarm {
    let mut swarm = Swarm::new(seed, timers);
    for _ in 0..STEPS {
        swarm.step();
    }
    swarm.finish();
    let twice = swarm.runs.iter().find(|(_, runs)| **runs > 40);
    assert!(twice.is_none(), "{twice:?}");
    swarm
}

#[test]
fn whatever_happens_nothing_runs_twice_and_everything_ends() {
    for seed in 0..SEEDS {
        let ended = std::panic::catch_unwind(|| run(seed, Strategy::default()));
        assert!(ended.is_ok(), "seed {seed}");
    }
}

#[test]
fn the_same_seed_is_the_same_run() {
    let log = |seed| {
        let mut swarm = Swarm::new(seed, Strategy::default());
        (0..STEPS).for_each(|_| swarm.step());
        (swarm.net.log, swarm.net.events)
    };
    let (first, second) = (log(7), log(7));
    assert!(first == second);
    assert!(first.0 != log(8).0);
}

#[test]
fn however_timers_are_kept_the_run_is_the_same() {
    for seed in 0..STRATEGY_SEEDS {
        let [sweep, list, wheel] = Strategy::ALL.map(|timers| {
            let Swarm { net, .. } = run(seed, timers);
            (net.log, net.events)
        });
        assert!(sweep.0.len() > 100, "seed {seed}");
        assert!(sweep == list, "list, seed {seed}");
        assert!(sweep == wheel, "wheel, seed {seed}");
    }
}
