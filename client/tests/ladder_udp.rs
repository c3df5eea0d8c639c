//! Two real nodes, each with its trace: joined, and drawn as one ladder.
use std::thread;
use std::time::Duration;

use sendrec::ladder::{Style, draw};
use sendrec::trace::{End, TraceWriter, join, origin_of, read};
use sendrec_core::wire::PacketType;
use sendrec_kernel::{Node, NodeConfig};
use sendrec_trap::{Config, From, LocalId, Process, SpawnOptions, Trap};

fn node(trace: &TraceWriter, faults: &str) -> Node {
    let kernel = Config { ack_delay: Duration::ZERO, ..Config::default() };
    let (recorder, faults) = (Some(trace.recorder()), Some(faults.parse().unwrap()));
    let node = Node::boot(NodeConfig { kernel, recorder, faults, ..NodeConfig::default() }).unwrap();
    trace.begin(node.machine(), origin_of(&node));
    node
}

#[test]
fn two_nodes_make_one_ladder() {
    let directory = tempfile::tempdir().unwrap();
    let paths = ["client", "server"].map(|role| directory.path().join(role));
    let client_trace = TraceWriter::create(&paths[0], "client").unwrap();
    let server_trace = TraceWriter::create(&paths[1], "server").unwrap();
    let (near, far) = (node(&client_trace, ""), node(&server_trace, "drop=REP#2"));
    let well_known = SpawnOptions { local_id: Some(LocalId(1)), ..SpawnOptions::default() };
    let server = Process::spawn(&far, well_known).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            while let Ok(request) = server.receive(From::Any) {
                let _ = server.reply(request.source, request.message);
            }
        });
        let client = Process::spawn(&near, SpawnOptions::default()).unwrap();
        for round in 0..3u8 {
            assert_eq!(&client.call(server.address(), &[round; 9]).unwrap()[..], [round; 9]);
        }
        drop(client);
        far.shut_down();
    });
    near.shut_down();
    client_trace.finish().unwrap();
    server_trace.finish().unwrap();

    let joined = join(vec![read(&paths[0]).unwrap(), read(&paths[1]).unwrap()]);
    let drawn = draw(&joined, &Style::default());
    let roles: Vec<_> = joined.machines.iter().map(|seen| seen.role.as_deref()).collect();
    assert_eq!(roles, [Some("client"), Some("server")], "{drawn}");
    let dropped: Vec<_> = joined.packets.iter().filter(|packet| packet.end == End::Dropped).collect();
    assert_eq!(dropped.len(), 1, "{drawn}");
    assert_eq!(dropped[0].note.kind, PacketType::Rep);
    for words in ["drop=REP#2", "(again)", "(from cache)", "3 times, for 3 requests", "done 3"] {
        assert!(drawn.contains(words), "{words} is missing\n{drawn}");
    }
    for packet in &joined.packets {
        for arrival in &packet.arrivals {
            assert!(packet.departure.is_some_and(|departure| departure < arrival.moment), "{drawn}");
        }
    }
    assert!(drawn.lines().all(|line| line.chars().count() <= 80));
}
