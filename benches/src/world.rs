//! The rows of `world`: packet events a second of processor time, by the number of processes.
//!
//! A world runs on one thread. Its processor time is what counts, so that whatever else the machine does matters less.
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use sendrec_sim::{Link, World};
use sendrec_trap::{Address, Config, From, LocalId, SpawnOptions};
use serde::Serialize;

use crate::machine::Machine;
use crate::options::WorldOptions;
use sendrec_measure::Fallible;
use sendrec_measure::Spread;

/// What a world is to do on one core.
const GOAL_EVENTS_PER_SECOND: f64 = 1e6;
/// Of so many processes one is a machine's; two machines there are at least.
const PROCESSES_PER_MACHINE: usize = 10;
/// Virtual time between looks at the clock.
const SLICE: Duration = Duration::from_millis(20);

/// What was measured with so many processes.
#[derive(Debug, Serialize)]
struct Row {
    processes: usize,
    machines: usize,
    /// The median of the rounds; each packet sent or received is one.
    packet_events_per_second: f64,
    min: f64,
    max: f64,
    /// Virtual seconds in a second of processor time, in the last round.
    times_real_time: f64,
    goal_reached: bool,
}

#[derive(Debug, Serialize)]
struct Document<'a> {
    machine: &'a Machine,
    goal: f64,
    rows: &'a [Row],
}

/// Half of the processes serve, the others call them in turn, each another; a call and its reply are empty.
fn world(processes: usize, machines: usize) -> World {
    const SEED: u64 = 1;
    let mut world = World::with(SEED, Config::default(), Link::default());
    world.keep(0, 0);
    let ids: Vec<_> = (0..machines).map(|_| world.boot()).collect();
    let addresses: Vec<_> = ids.iter().map(|id| world.machine(*id)).collect();
    let clients = processes / 2;
    let servers = processes - clients;
    for server in 0..servers {
        let local_id = Some(LocalId((server / machines) as u32 + 1));
        let options = SpawnOptions { local_id, ..SpawnOptions::default() };
        world.spawn(ids[server % machines], options, |me| {
            while let Ok(request) = me.receive(From::Any) {
                let _ = me.reply(request.source, request.message);
            }
        });
    }
    for client in 0..clients {
        // The server beside its own, on the next machine.
        let server = (client + 1) % servers;
        let place = if server % machines == client % machines { client + 1 } else { client };
        let to = Address::new(addresses[server % machines], LocalId((server / machines) as u32 + 1));
        world.spawn(
            ids[place % machines],
            SpawnOptions::default(),
            move |me| {
                while me.call(to, b"").is_ok() {}
            },
        );
    }
    world
}

/// Processor time of this thread so far.
fn processor_time() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime).try_into().unwrap_or_default()
}

/// Packet events a second, and virtual time in units of processor time.
fn measure(processes: usize, machines: usize, time: Duration) -> (f64, f64) {
    let mut world = world(processes, machines);
    world.run_for(SLICE);
    let events = |world: &World| {
        let traffic = world.traffic();
        traffic.sent + traffic.received
    };
    let (before, virtual_before, start) = (events(&world), world.now(), processor_time());
    while processor_time() - start < time {
        world.run_for(SLICE);
    }
    let seconds = (processor_time() - start).as_secs_f64();
    let passed = world.now().since(virtual_before).as_secs_f64();
    ((events(&world) - before) as f64 / seconds, passed / seconds)
}

/// Of so many processes, in one round.
pub(crate) fn events_per_second(processes: usize, time: Duration) -> f64 {
    measure(processes, machines(processes), time).0
}

fn machines(processes: usize) -> usize {
    (processes / PROCESSES_PER_MACHINE).max(2)
}

/// Measures and prints; false if the goal was missed somewhere.
pub(crate) fn run(options: &WorldOptions) -> Fallible<bool> {
    let mut rows = Vec::new();
    for processes in options.processes() {
        let machines = machines(processes);
        eprintln!("{processes} processes on {machines} machines");
        let rounds = (0..options.rounds()).map(|_| measure(processes, machines, options.time()));
        let (rates, times): (Vec<_>, Vec<_>) = rounds.unzip();
        let (Some(Spread { median, min, max }), Some(times)) = (Spread::of(rates), times.last()) else {
            continue;
        };
        rows.push(Row {
            processes,
            machines,
            packet_events_per_second: median,
            min,
            max,
            times_real_time: *times,
            goal_reached: median >= GOAL_EVENTS_PER_SECOND,
        });
    }
    let machine = Machine::here(1);
    if options.json {
        let document = Document { machine: &machine, goal: GOAL_EVENTS_PER_SECOND, rows: &rows };
        println!("{}", serde_json::to_string_pretty(&document)?);
    } else {
        println!("{machine}");
        println!(
            "Packets sent and received per second of one core's time, tracing off; the goal is {GOAL_EVENTS_PER_SECOND}."
        );
        println!(
            "\n{:>9} {:>9} {:>14} {:>25} {:>16}",
            "processes", "machines", "events/s", "(min-max)", "times real time"
        );
        for row in &rows {
            let Row { processes, machines, packet_events_per_second: rate, min, max, .. } = row;
            let (spread, times) = (format!("({min:.0}-{max:.0})"), row.times_real_time);
            println!("{processes:>9} {machines:>9} {rate:>14.0} {spread:>25} {times:>16.2}");
        }
    }
    Ok(rows.iter().all(|row| row.goal_reached) || options.is_quick())
}
