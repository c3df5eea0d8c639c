//! One seed, one run: the same event for event in two processes of the operating system.
mod support;

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use sendrec_core::rng::Rng;
use sendrec_sim::atm::Atm;
use sendrec_sim::{Boot, Clock, Link, Medium, Queue, World};
use sendrec_trap::{Address, From, How, SpawnOptions, Trap};
use support::{MILLISECOND, SERVER, traced, well_known};

/// Where the other process is to write what happened.
const OUTPUT: &str = "SENDREC_SIM_OUTPUT";

const FAULTS: &str = "loss=0.05,duplicate=0.05,reorder=0.1,burst=0.01:0.3,corrupt=0.01,drop=REP#3@b>a,delay=ACK#2:7ms,\
     crash=b@execute#5,restart=b@crash+30ms,kill=c/1@queued#3,pause=d@15ms:40ms,partition=a+b|c+d@60ms,heal@90ms,\
     cut=e>a@100ms,heal@a.sent:REQ#40,crash=e@reply#4,restart=e@crash+10ms,seed=11";

/// Everything a world can do at once, written down line by line.
fn story(seed: u64) -> String {
    let link = Link {
        jitter: MILLISECOND,
        bandwidth: Some(10_000_000),
        queue: Some(Queue::Packets(20)),
        faults: FAULTS.parse().unwrap(),
        ..Link::default()
    };
    let config = sendrec_trap::Config { checksum: true, ..traced() };
    let mut world = World::with(seed, config, link.clone());
    let mut rng = Rng::new(seed);
    let names = ["a", "b", "c", "d", "e"];
    let machines = names.map(|name| {
        let clock =
            Clock { offset: MILLISECOND * rng.below(1_000) as u32, drift_ppm: rng.below(400) as i32 - 200 };
        world.boot_as(name, Boot { clock, ..Boot::default() })
    });
    world.set_atm(Atm { cell_loss: 0.01, cell_error: 0.01, ..Atm::default() });
    for (from, to) in [(0, 2), (2, 0), (3, 2)] {
        let medium = if from == 3 { Medium::Bus(0) } else { Medium::Atm };
        let faults = "loss=0.1".parse().unwrap();
        world.set_link(machines[from], machines[to], Link { medium, faults, ..link.clone() });
    }
    let addresses = machines.map(|machine| Address::new(world.machine(machine), SERVER));
    for machine in machines {
        world.install(machine, well_known(), |me| {
            while let Ok(request) = me.receive(From::Any) {
                me.gate().sleep(MILLISECOND / 3);
                let _ = me.reply(request.source, request.message);
            }
        });
        for client in 0..3 {
            world.install(machine, SpawnOptions::default(), move |me| {
                let how = How { timeout: Some(400 * MILLISECOND), ..me.how() };
                for call in 0..12usize {
                    let to = addresses[(call + client) % addresses.len()];
                    if to.machine != me.gate().machine() {
                        let _ = me.call_with(to, vec![call as u8; call * 90], how);
                    }
                }
            });
        }
    }
    world.run_at_most(2_000_000).unwrap();
    let mut text = format!("{}\n{:?}\n", world.describe(), world.traffic());
    for record in world.records() {
        writeln!(text, "{} {:?}", record.at, (world.name(record.machine), record.event)).unwrap();
    }
    for cell in world.cells() {
        writeln!(text, "{cell:?}").unwrap();
    }
    text
}

fn first_difference<'a>(one: &'a str, two: &'a str) -> Option<(usize, &'a str, &'a str)> {
    let pairs = one.lines().zip(two.lines()).enumerate();
    let differs = pairs.into_iter().find(|(_, (one, two))| one != two);
    differs.map(|(number, (one, two))| (number + 1, one, two))
}

fn in_another_process(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}.txt", std::process::id()));
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "the_same_in_two_processes", "--test-threads=1"]).env(OUTPUT, &path);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let text = fs::read_to_string(&path).unwrap();
    fs::remove_file(&path).unwrap();
    text
}

#[test]
fn the_same_in_two_processes() {
    let seeds = 1..4;
    let all = || seeds.clone().map(story).collect::<String>();
    if let Some(path) = env::var_os(OUTPUT) {
        fs::write(path, all()).unwrap();
        return;
    }
    let (one, two) = (in_another_process("one"), in_another_process("two"));
    if let Some((number, one, two)) = first_difference(&one, &two) {
        panic!("line {number} differs:\n{one}\n{two}");
    }
    assert_eq!(one.len(), two.len());
    // And it is a story worth comparing.
    for part in [
        "Crashed",
        "Booted",
        "Killed",
        "Paused",
        "Cut",
        "Healed",
        "Corrupted",
        "Delayed",
        "cell ",
        "queue=20",
    ] {
        assert!(one.contains(part), "nothing of {part} has happened");
    }
}

#[test]
fn another_seed_is_another_story() {
    assert!(first_difference(&story(1), &story(2)).is_some());
}
