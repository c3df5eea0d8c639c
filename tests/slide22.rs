//! The four exchanges of slide 22 from the public blocking calls, with only the configuration changed: in virtual
//! time, and over UDP as an independent proxy sees them.
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use sendrec_kernel::{Node, NodeConfig};
use sendrec_sim::{Link, World};
use sendrec_tests::Proxy;
use sendrec_trap::{
    Address, Config, From, LocalId, Machine, Options, Process, Reliability, SpawnOptions, Trap,
};

const SERVER: SpawnOptions =
    SpawnOptions { local_id: Some(LocalId(1)), sparse: None, buffering: None, threads: false };

struct Slide {
    config: Config,
    /// `C REQ`, `S REP` and so on.
    packets: &'static [&'static str],
    /// The packet after which the server has done its work.
    work_ends_after: &'static str,
}

/// Nothing goes again because a machine was slow: the exchanges are those of a network that works.
fn patient(reliability: Reliability) -> Config {
    Config {
        options: Options { reliability, ..Options::default() },
        ack_delay: Duration::ZERO,
        late_ack: Some(Duration::from_secs(1_000)),
        retransmit_first: Duration::from_secs(1_000),
        retransmit_max: Duration::from_secs(1_000),
        retransmit_min: Duration::from_secs(1_000),
        probe_interval: Duration::from_secs(1_000),
        ..Config::default()
    }
}

fn slides() -> [Slide; 4] {
    [
        Slide {
            config: patient(Reliability::Unreliable),
            packets: &["C REQ", "S REP"],
            work_ends_after: "C REQ",
        },
        Slide {
            config: patient(Reliability::AckEach),
            packets: &["C REQ", "S ACK", "S REP", "C ACK"],
            work_ends_after: "S ACK",
        },
        Slide {
            config: patient(Reliability::ReplyAcks),
            packets: &["C REQ", "S REP", "C ACK"],
            work_ends_after: "C REQ",
        },
        Slide {
            config: Config {
                late_ack: Some(Duration::from_millis(20)),
                probe_interval: Duration::from_secs(2),
                ..patient(Reliability::ReplyAcks)
            },
            packets: &["C REQ", "S ACK", "C AYA", "S IAA", "S REP", "C ACK"],
            work_ends_after: "S IAA",
        },
    ]
}

/// One request is received, worked on, and answered: blocking calls, the same everywhere.
fn serve_one<T: Trap + ?Sized>(me: &Process<'_, T>, work: impl FnOnce()) {
    let request = me.receive(From::Any).unwrap();
    assert_eq!(request.message, "question");
    work();
    me.send(request.source, "answer").unwrap();
}

fn ask_once<T: Trap + ?Sized>(me: &Process<'_, T>, server: Address) {
    me.send(server, "question").unwrap();
    assert_eq!(me.receive(From::One(server)).unwrap().message, "answer");
}

#[test]
fn in_virtual_time() {
    for slide in slides() {
        let mut world = World::with(1, slide.config, Link::default());
        let (near, far) = (world.boot(), world.boot());
        let server = Address::new(world.machine(far), LocalId(1));
        let work = match slide.work_ends_after {
            "S IAA" => Duration::from_secs(3),
            _ => Duration::from_millis(5),
        };
        world.spawn(far, SERVER, move |me| serve_one(me, || me.gate().sleep(work)));
        world.spawn(near, SpawnOptions::default(), move |me| ask_once(me, server));
        world.run();
        let packets: Vec<_> = world
            .passages()
            .iter()
            .map(|passage| format!("{} {}", if passage.from == near { "C" } else { "S" }, passage.kind))
            .collect();
        assert_eq!(packets, slide.packets);
    }
}

#[test]
fn over_udp_as_a_proxy_sees_them() {
    for slide in slides() {
        let boot =
            || Node::boot(NodeConfig { kernel: slide.config.clone(), ..NodeConfig::default() }).unwrap();
        let (near, far) = (boot(), boot());
        let proxy = Proxy::before(far.machine().socket_addr());
        let server = Process::spawn(&far, SERVER).unwrap();
        let address = Address::new(Machine::new(proxy.address), server.id());
        let (done, work_is_done) = channel();
        let mut packets = Vec::new();
        thread::scope(|scope| {
            scope.spawn(move || serve_one(&server, || work_is_done.recv().unwrap()));
            scope.spawn(|| ask_once(&Process::spawn(&near, SpawnOptions::default()).unwrap(), address));
            // The server works until the proxy has seen what is to be seen meanwhile.
            while packets.len() < slide.packets.len() {
                let packet = proxy.seen.recv().unwrap();
                if packet == slide.work_ends_after {
                    done.send(()).unwrap();
                }
                packets.push(packet);
            }
        });
        // Nothing more is sent once both are down, and nothing more passes once the proxy has stopped.
        drop((near, far));
        packets.extend(proxy.stop());
        assert_eq!(packets, slide.packets);
    }
}
