//! One seed's world: built, taken through storm, healing and rest, and judged.
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use sendrec_core::Planted;
use sendrec_core::exchange::Coverage;
use sendrec_sim::{Boot, MachineId, Record, World};
use sendrec_trap::{Address, Config, LocalId, SpawnOptions};

use super::checkers::{Moment, Rule, Violation, check, check_rest, check_slice};
use super::log::{Entry, What};
use super::options::{Options, STORM, Server};
use super::workload::{RELAY, Shared, WANDERER, ask, roam, serve};

/// How often the kernels' holdings are looked at during the storm.
const SLICE: Duration = Duration::from_millis(50);
/// Steps within which a healed world must come to rest; an ordinary one takes some thousands.
const STEPS_MAX: u64 = 1_000_000;
/// Events a world keeps of those its machines are watched for.
const RECORDS_MAX: usize = 1 << 20;

/// How much may go wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Weather {
    /// In every second seed all there is.
    #[default]
    Mixed,
    /// Less in each.
    Calm,
    /// In each seed packets may also be late by far, and machines boot again and again.
    Harsh,
}

impl Weather {
    /// Whether it is harsh in the world of `seed`: the same each time that seed is run.
    pub const fn is_harsh(self, seed: u64) -> bool {
        match self {
            Self::Mixed => seed % 2 == 1,
            Self::Calm => false,
            Self::Harsh => true,
        }
    }
}

/// What is not the seed's to say.
#[derive(Clone, Copy, Debug, Default)]
pub struct Settings {
    /// A rule that all kernels break.
    pub planted: Option<Planted>,
    /// How much may go wrong.
    pub weather: Weather,
    /// Whether all events of the kernels are recorded.
    pub traced: bool,
}

/// How much happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Things asked for.
    pub asked: u64,
    /// Requests and messages received.
    pub runs: u64,
    /// Packets that kernels sent.
    pub packets: u64,
    /// Lives of processes.
    pub lives: u64,
}

impl Tally {
    /// This and `other`.
    pub const fn add(&mut self, other: &Self) {
        self.asked += other.asked;
        self.runs += other.runs;
        self.packets += other.packets;
        self.lives += other.lives;
    }
}

/// What came of one seed.
#[derive(Debug)]
pub struct Run {
    /// What the seed made.
    pub options: Options,
    /// What the processes did and were told.
    pub log: Vec<Entry>,
    /// What did not hold.
    pub violations: Vec<Violation>,
    /// What the kernels met.
    pub coverage: Coverage,
    /// How much happened.
    pub tally: Tally,
    /// What the kernels did, if traced, and what befell machines.
    pub records: Vec<Record>,
    /// The machines' addresses, by number.
    pub machines: Vec<sendrec_trap::Machine>,
}

/// Runs the world of `seed`.
pub fn run(seed: u64, settings: Settings) -> Run {
    let options = Options::of(seed, settings.weather.is_harsh(seed));
    let shared = Shared::new(options.clone());
    let mut stage = Stage::new(&options, shared, settings);
    let ended = catch_unwind(AssertUnwindSafe(|| stage.play()));
    if let Err(panic) = ended {
        let text = panic.downcast_ref::<&str>().map(ToString::to_string);
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
        stage.violations.push(Violation::of(Rule::Panic, None, text));
    }
    stage.finish(options)
}

struct Stage {
    world: World,
    machines: Vec<MachineId>,
    shared: Rc<Shared>,
    moment: Moment,
    violations: Vec<Violation>,
    /// Whether all was played.
    is_over: bool,
}

impl Stage {
    fn new(options: &Options, shared: Rc<Shared>, settings: Settings) -> Self {
        let mut world = World::with(options.seed, Config::default(), options.link.clone());
        world.keep(RECORDS_MAX, 0);
        let boot = |(number, machine): (usize, &super::options::Machine)| {
            let Settings { planted, traced, .. } = settings;
            let config = Config { planted, trace: traced, ..machine.config.clone() };
            let boot = Boot { config: Some(config), clock: machine.clock, epochs: machine.epochs };
            world.boot_as(format!("m{number}"), boot)
        };
        let machines: Vec<_> = options.machines.iter().enumerate().map(boot).collect();
        shared.set_machines(machines.iter().map(|machine| world.machine(*machine)).collect());
        let mut stage = Self {
            world,
            machines,
            shared,
            moment: Moment::default(),
            violations: Vec::new(),
            is_over: false,
        };
        stage.install(options);
        stage
    }

    /// The programs of all machines.
    fn install(&mut self, options: &Options) {
        for (number, machine) in options.machines.iter().enumerate() {
            for (place, server) in machine.servers.iter().enumerate() {
                self.install_server(number, Some(LocalId(1 + place as u32)), server, false);
            }
            if let Some(server) = &machine.relay {
                self.install_server(number, Some(RELAY), server, true);
            }
            if let Some(server) = &machine.handed_out {
                self.install_server(number, None, server, false);
            }
            if options.roams
                && let Some(server) = machine.servers.first().or(machine.handed_out.as_ref()).copied()
            {
                let shared = self.shared.clone();
                let roams = move |me: &super::workload::Me<'_, '_>| roam(&shared, me, &server);
                let spawn = SpawnOptions { local_id: Some(WANDERER), ..SpawnOptions::default() };
                self.world.install(self.machines[number], spawn, roams);
            }
            for _ in 0..machine.clients {
                let shared = self.shared.clone();
                let spawn = SpawnOptions::default();
                let asks = move |me: &super::workload::Me<'_, '_>| ask(&shared, me, &spawn);
                self.world.install(self.machines[number], spawn, asks);
            }
        }
    }

    fn install_server(&mut self, machine: usize, local_id: Option<LocalId>, server: &Server, relays: bool) {
        let (shared, server) = (self.shared.clone(), *server);
        let spawn = SpawnOptions { local_id, buffering: Some(server.buffering), ..SpawnOptions::default() };
        self.world
            .install(self.machines[machine], spawn, move |me| serve(&shared, me, &spawn, &server, relays));
    }

    fn play(&mut self) {
        while self.world.now().since(sendrec_trap::Instant::ZERO) < STORM {
            self.world.run_for(SLICE);
            self.look();
        }
        self.world.heal_all();
        for machine in self.machines.clone() {
            if !self.world.is_up(machine) {
                self.world.restart(machine);
            }
        }
        if let Err(stuck) = self.world.run_at_most(STEPS_MAX) {
            self.violations.push(Violation::of(Rule::Ends, None, stuck.to_string()));
            return;
        }
        self.look();
        self.look_at_rest(false);
        let log = self.shared.log.borrow().clone();
        self.violations.extend(check(&log, &self.shared.options));
        self.is_over = true;
        self.grow_old();
        self.look_at_rest(true);
    }

    /// Holdings, within their bounds.
    fn look(&mut self) {
        self.moment.read(&self.shared.log.borrow(), self.machines.len());
        for (number, machine) in self.machines.iter().enumerate() {
            if let Some(holdings) = self.world.holdings(*machine) {
                let found = check_slice(&self.moment, number, &holdings, &self.shared.options);
                self.violations.extend(found);
            }
        }
    }

    fn look_at_rest(&mut self, forgotten: bool) {
        for (number, machine) in self.machines.iter().enumerate() {
            if let Some(holdings) = self.world.holdings(*machine) {
                self.violations.extend(check_rest(number, &holdings, forgotten));
            }
        }
    }

    /// Lets two packet lives pass and packets come in at all machines: what nobody needs is forgotten by that.
    fn grow_old(&mut self) {
        const ROUNDS: usize = 4;
        let lives = self.shared.options.machines.iter().map(|machine| machine.config.packet_life);
        let life = lives.max().unwrap_or_default();
        self.world.run_for(life * 2 + Duration::from_secs(1));
        let addresses: Vec<_> = self.machines.iter().map(|machine| self.world.machine(*machine)).collect();
        for _ in 0..ROUNDS {
            for machine in self.machines.clone() {
                let addresses = addresses.clone();
                self.world.spawn(machine, SpawnOptions::default(), move |me| {
                    for address in addresses {
                        let _ = me.ping(Address::new(address, LocalId(0)), Duration::from_millis(50));
                    }
                });
            }
            self.world.run_for(Duration::from_millis(1_500));
        }
    }

    fn finish(mut self, options: Options) -> Run {
        let log = self.shared.log.borrow().clone();
        if !self.is_over {
            // What is wrong of what did happen may say why. What was still pending is no news.
            let found = check(&log, &options);
            self.violations.extend(found.into_iter().filter(|found| found.rule != Rule::Ends));
        }
        let count = |is: fn(&What) -> bool| log.iter().filter(|entry| is(&entry.what)).count() as u64;
        let tally = Tally {
            asked: count(|what| matches!(what, What::Asked { .. })),
            runs: count(|what| matches!(what, What::Ran(..))),
            packets: self.world.traffic().sent,
            lives: count(|what| matches!(what, What::Started { .. })),
        };
        Run {
            coverage: self.world.coverage(),
            records: self.world.records(),
            machines: self.machines.iter().map(|machine| self.world.machine(*machine)).collect(),
            options,
            log,
            violations: self.violations,
            tally,
        }
    }
}
