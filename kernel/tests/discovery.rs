//! Nodes that find each other's processes by sparse id: by multicast on loopback, and by a list of machines.
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::thread;
use std::time::Duration;

use sendrec_core::fault::Faults;
use sendrec_core::trace::Fate;
use sendrec_core::wire::PacketType;
use sendrec_kernel::{BootError, Discovery, Node, NodeConfig};
use sendrec_trap::{Address, CallError, Config, From, Process, SendFailure, SparseId, SpawnOptions, Trap};

const SPARSE: SparseId = SparseId(0x9f3c_2a0b_1d4e_5f60);

fn boot(discovery: Discovery) -> Node {
    Node::boot(NodeConfig { discovery, ..NodeConfig::default() }).unwrap()
}

fn findable() -> SpawnOptions {
    SpawnOptions { sparse: Some(SPARSE), ..SpawnOptions::default() }
}

/// A port that nobody has now.
fn free_port() -> u16 {
    UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Group `number`, each test's own, if this system does multicast on loopback: plain sockets try it.
fn group(number: u8) -> Option<SocketAddr> {
    let group_ip = Ipv4Addr::new(239, 83, 83, number);
    let probe = || -> std::io::Result<SocketAddr> {
        let group = SocketAddr::from((group_ip, free_port()));
        let ear = UdpSocket::bind(group)?;
        ear.join_multicast_v4(&group_ip, &Ipv4Addr::LOCALHOST)?;
        ear.set_read_timeout(Some(Duration::from_secs(5)))?;
        let mouth = UdpSocket::bind("127.0.0.1:0")?;
        socket2::SockRef::from(&mouth).set_multicast_if_v4(&Ipv4Addr::LOCALHOST)?;
        mouth.send_to(b"probe", group)?;
        ear.recv_from(&mut [0; 16])?;
        Ok(group)
    };
    match probe() {
        Ok(group) => Some(group),
        Err(error) => {
            println!("skipped: this system does no multicast on loopback: {error}");
            None
        }
    }
}

fn multicast(group: SocketAddr, listen: bool) -> Discovery {
    Discovery::Multicast { group, interface: None, listen }
}

/// Answers one request on a new process of `node`, which has the sparse id meanwhile; returns where that was.
fn serve_one<'scope, 'env>(
    scope: &'scope thread::Scope<'scope, 'env>,
    node: &'env Node,
) -> thread::ScopedJoinHandle<'scope, Address> {
    let server = Process::spawn(node, findable()).unwrap();
    scope.spawn(move || {
        let request = server.receive(From::Any).unwrap();
        server.reply(request.source, request.message).unwrap();
        server.address()
    })
}

/// `near` finds the process on `one`, then, after it has moved, on `two`.
fn find_and_follow(near: &Node, one: &Node, two: &Node) {
    let client = Process::spawn(near, SpawnOptions::default()).unwrap();
    thread::scope(|scope| {
        let serving = serve_one(scope, one);
        assert_eq!(client.call(SPARSE, "here").unwrap(), "here");
        let before = serving.join().unwrap();
        assert_eq!(before.machine.socket_addr(), machine_of(one));

        let serving = serve_one(scope, two);
        assert_eq!(client.call(SPARSE, "there").unwrap(), "there");
        let after = serving.join().unwrap();
        assert_eq!(after.machine.socket_addr(), machine_of(two));
    });
}

fn machine_of(node: &Node) -> SocketAddr {
    node.machine().socket_addr()
}

#[test]
fn by_multicast_a_process_is_found_and_followed() {
    let Some(group) = group(1) else { return };
    let near = boot(multicast(group, false));
    let (one, two) = (boot(multicast(group, true)), boot(multicast(group, true)));
    find_and_follow(&near, &one, &two);
    // Who asks needs no ear, and does not hear itself.
    assert_eq!(near.counters().unwrap().fate(Fate::NotHere), 0);
}

#[test]
fn a_node_on_all_addresses_finds_and_is_found_on_loopback() {
    let Some(group) = group(2) else { return };
    let wild = |listen| {
        let config = NodeConfig {
            listen: "0.0.0.0:0".parse().unwrap(),
            advertise: Some("127.0.0.1:0".parse().unwrap()),
            discovery: multicast(group, listen),
            ..NodeConfig::default()
        };
        Node::boot(config).unwrap()
    };
    find_and_follow(&wild(false), &boot(multicast(group, true)), &wild(true));
}

#[test]
fn by_a_list_a_process_is_found_and_followed() {
    let (one, two) = (boot(Discovery::Off), boot(Discovery::Off));
    let near = boot(Discovery::Machines(vec![machine_of(&one), machine_of(&two)]));
    find_and_follow(&near, &one, &two);
}

#[test]
fn a_broadcast_that_is_lost_is_repeated() {
    let far = boot(Discovery::Off);
    let faults: Faults = "drop=LOCATE#1".parse().unwrap();
    let near = Node::boot(NodeConfig {
        discovery: Discovery::Machines(vec![machine_of(&far)]),
        faults: Some(faults),
        ..NodeConfig::default()
    })
    .unwrap();
    let server = Process::spawn(&far, findable()).unwrap();
    let client = Process::spawn(&near, SpawnOptions::default()).unwrap();
    assert_eq!(client.locate(SPARSE, false, None), Ok(server.address()));
    assert!(near.counters().unwrap().sent(PacketType::Locate) >= 2);
}

#[test]
fn with_discovery_off_nobody_is_found() {
    let kernel = Config { locate_first: Duration::from_millis(1), locate_retries: 1, ..Config::default() };
    let near = Node::boot(NodeConfig { kernel, ..NodeConfig::default() }).unwrap();
    let client = Process::spawn(&near, SpawnOptions::default()).unwrap();
    let error = client.call(SPARSE, "anybody?").unwrap_err();
    assert_eq!(error.failure, SendFailure::Request(CallError::NotLocated));
}

#[test]
fn what_is_sent_to_the_group_and_is_no_locate_is_not_let_in() {
    let Some(group) = group(3) else { return };
    let far = boot(multicast(group, true));
    let near = boot(multicast(group, false));
    let mouth = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket2::SockRef::from(&mouth).set_multicast_if_v4(&Ipv4Addr::LOCALHOST).unwrap();
    mouth.send_to(b"no packet at all", group).unwrap();
    let mut request = vec![0; 96];
    (request[0], request[1]) = (0x53, 0x11);
    mouth.send_to(&request, group).unwrap();
    let server = Process::spawn(&far, findable()).unwrap();
    let client = Process::spawn(&near, SpawnOptions::default()).unwrap();
    // The ear takes one after the other: when this one is answered the others have been taken.
    assert_eq!(client.locate(SPARSE, false, None), Ok(server.address()));
    let counters = far.counters().unwrap();
    let malformed: u64 =
        sendrec_core::wire::Malformed::ALL.into_iter().map(|reason| counters.malformed(reason)).sum();
    assert_eq!((malformed, counters.fate(Fate::NoProcess)), (0, 0));
}

#[test]
fn a_group_that_does_not_go_with_the_node_is_refused() {
    let listen: SocketAddr = "[::1]:0".parse().unwrap();
    if UdpSocket::bind(listen).is_err() {
        println!("skipped: this system has no IPv6");
        return;
    }
    let discovery = multicast(Discovery::DEFAULT_GROUP, false);
    let error = Node::boot(NodeConfig { listen, discovery, ..NodeConfig::default() }).unwrap_err();
    assert!(matches!(error, BootError::Multicast { .. }));
    assert!(error.to_string().contains("--discover HOST:PORT"), "{error}");
    let interface = Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 77)));
    let discovery = Discovery::Multicast { group: Discovery::DEFAULT_GROUP, interface, listen: true };
    let error = Node::boot(NodeConfig { discovery, ..NodeConfig::default() }).unwrap_err();
    assert!(matches!(error, BootError::Multicast { .. }));
}
