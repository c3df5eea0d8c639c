//! One suite of generic tests for every driver and placement: two machines of a world, two nodes over UDP, and two
//! processes of one node. Permitted differences stand in the kernel's `local` module.
#![allow(clippy::redundant_closure)] // A function that is generic over gates is not general enough over their lifetimes.

use std::thread;
use std::time::Duration;

use bytes::BytesMut;
use sendrec_kernel::{Discovery, Node, NodeConfig};
use sendrec_names::{NAME_SERVER, NAME_SERVER_ID, Name, Names, Resolver, Token, serve};
use sendrec_sim::{Link, World};
use sendrec_trap::{
    Address, Buffering, CallError, Config, From, LocalId, Options, Overflow, Process, ReceiveError,
    Reliability, ReplyError, Semantics, SendFailure, SparseId, SpawnOptions, Trap,
};

const SPARSE: SparseId = SparseId(0x9f3c_2a0b_1d4e_5f60);
const SERVER: SpawnOptions =
    SpawnOptions { local_id: Some(LocalId(1)), sparse: Some(SPARSE), buffering: None, threads: false };
/// The name server, on the server's machine.
const NAMER: SpawnOptions = SpawnOptions {
    local_id: Some(NAME_SERVER_ID),
    sparse: Some(NAME_SERVER),
    buffering: None,
    threads: false,
};
const SHORT: Duration = Duration::from_millis(5);
const LONG: Duration = Duration::from_secs(60);

/// Answers with what was asked, until told `stop`; `late` is answered one request later, `never` not at all.
fn server<T: Trap + ?Sized>(me: &Process<'_, T>) {
    let mut late = None;
    let mut next = me.receive(From::Any);
    loop {
        let request = next.unwrap();
        next = match &request.message[..] {
            b"stop" => return me.reply(request.source, "stopped").unwrap(),
            b"late" => {
                late = Some(request.source);
                me.receive(From::Any)
            }
            b"never" => me.receive(From::Any),
            _ if !request.source.wants_reply() => me.receive(From::Any),
            _ => match late.take() {
                None => me.reply_and_receive(request.source, request.message, From::Any).unwrap(),
                Some(source) => {
                    me.reply(request.source, request.message).unwrap();
                    me.reply(source, "late").unwrap();
                    // A reply that fails waits for nothing.
                    let twice = me.reply_and_receive(source, "late", From::Any).unwrap_err().failure;
                    assert!(matches!(
                        twice,
                        SendFailure::Reply(ReplyError::NotWanted | ReplyError::Abandoned)
                    ));
                    me.receive(From::Any)
                }
            },
        }
    }
}

/// Slide 17: messages come by interrupt, from here and from elsewhere.
fn interrupts<T: Trap + ?Sized>(me: &Process<'_, T>, server: Address) {
    let other = Process::spawn(me.gate(), SpawnOptions::default()).unwrap();
    let (sender, messages) = crossbeam_channel::unbounded();
    other.on_message(From::Any, sender);
    let next = || {
        loop {
            match messages.try_recv() {
                Ok(message) => return message.unwrap().message,
                // Meanwhile something else happens.
                Err(_) => assert_eq!(me.call(server, "meanwhile").unwrap(), "meanwhile"),
            }
        }
    };
    for text in ["one", "two", "three"] {
        me.send_one_way(other.address(), text, me.how()).unwrap();
    }
    assert_eq!([next(), next(), next()], ["one", "two", "three"]);
    other.send(server, "from elsewhere").unwrap();
    assert_eq!(next(), "from elsewhere");
    let receiving = me.start_receive(From::Any);
    me.send_one_way(me.address(), "to myself", me.how()).unwrap();
    assert_eq!(me.wait(receiving).unwrap().message, "to myself");
}

/// Slide 18: what becomes of a message that nobody waits for.
fn buffering<T: Trap + ?Sized>(me: &Process<'_, T>) {
    let process = |buffering| {
        Process::spawn(me.gate(), SpawnOptions { buffering: Some(buffering), ..SpawnOptions::default() })
            .unwrap()
    };
    let discards = process(Buffering::Discard);
    me.send_one_way(discards.address(), "unexpected", me.how()).unwrap();
    assert_eq!(discards.try_receive(From::Any), Ok(None));
    let keeps = process(Buffering::Keep { messages: 1, bytes: 1 << 16, time: LONG });
    for text in ["kept", "one too many"] {
        me.send_one_way(keeps.address(), text, me.how()).unwrap();
    }
    assert_eq!(keeps.try_receive(From::Any).unwrap().unwrap().message, "kept");
    assert_eq!(keeps.try_receive(From::Any), Ok(None));
    let forgets = process(Buffering::Keep { messages: 1, bytes: 1 << 16, time: SHORT });
    let asked = me.start_call(forgets.address(), "too late");
    assert_eq!(me.wait(asked).unwrap_err().failure, SendFailure::Request(CallError::Refused));
    let overflow = Overflow::Discard;
    let full = process(Buffering::Mailbox { messages: 1, bytes: 1 << 16, overflow });
    me.send(full.address(), "first").unwrap();
    let error = me.send(full.address(), "second").unwrap_err();
    assert_eq!(
        (error.failure, &error.message[..]),
        (SendFailure::Request(CallError::Refused), &b"second"[..])
    );
}

/// The suite: everything a client can see of the calls.
fn client<T: Trap + ?Sized>(me: &Process<'_, T>, server: Address) {
    // Every reliability and semantics brings the answer.
    for reliability in Reliability::ALL {
        for semantics in [Semantics::AtLeastOnce, Semantics::AtMostOnce] {
            let how =
                sendrec_trap::How { options: Options::new(reliability, semantics), timeout: Some(LONG) };
            assert_eq!(me.call_with(server, "call", how).unwrap(), "call");
            me.send_with(server, "send", how).unwrap();
            let reply = me.receive(From::One(server)).unwrap();
            assert!(reply.source.is_reply() && reply.message == "send");
            assert_eq!(reply.source.address(), server);
            me.send_one_way(server, "one way", how).unwrap();
        }
    }
    // The longest message comes whole and goes back whole; one byte more is refused and handed back.
    assert_eq!(me.gate().message_bytes_max(), LONGEST_BYTES);
    let longest: Vec<u8> = (0..LONGEST_BYTES).map(|place| (place * 31 / 7) as u8).collect();
    assert_eq!(me.call(server, &longest).unwrap(), longest);
    let refused = me.call(server, [&longest[..], b"x"].concat()).unwrap_err();
    assert_eq!(refused.failure, SendFailure::Request(CallError::TooLong));
    assert_eq!(refused.message.len(), longest.len() + 1);
    assert_eq!(me.call(server, "").unwrap(), "");
    // Nobody has that id.
    let nobody = Address::new(server.machine, LocalId(999));
    let error = me.call(nobody, "anybody?").unwrap_err();
    assert_eq!(error.failure, SendFailure::Request(CallError::NoSuchProcess));
    assert_eq!(me.ping(nobody, LONG), Err(CallError::NoSuchProcess));
    me.ping(server, LONG).unwrap();
    // A reply to what is none of ours, or to a reply, is refused.
    me.send(server, "send").unwrap();
    let reply = me.receive(From::Any).unwrap();
    let error = me.reply(reply.source, "again").unwrap_err();
    assert_eq!(error.failure, SendFailure::Reply(ReplyError::NotWanted));
    // Deadlines end waits; a reply that comes after its call was given up goes nowhere.
    let how = sendrec_trap::How { timeout: Some(SHORT), ..me.how() };
    let error = me.call_with(server, "never", how).unwrap_err();
    assert_eq!(error.failure, SendFailure::Request(CallError::TimedOut));
    assert_eq!(me.receive_within(From::Any, SHORT), Err(ReceiveError::TimedOut));
    assert_eq!(me.try_receive(From::Any), Ok(None));
    // Replies find their calls, whatever their order.
    let late = me.start_call(server, "late");
    assert_eq!(me.call(server, "early").unwrap(), "early");
    assert_eq!(me.wait(late).unwrap(), "late");
    let calls: Vec<_> = (0..32u8).map(|call| me.start_call(server, &[call; 32])).collect();
    for (number, call) in calls.into_iter().enumerate().rev() {
        assert_eq!(me.wait(call).unwrap(), &[number as u8; 32][..]);
    }
    // Non-blocking sends: the buffer is ours again when the completion says so.
    let lent = me.send_owned(server, BytesMut::from("lent"));
    assert_eq!(me.wait(lent).unwrap(), "lent");
    assert_eq!(me.receive(From::One(server)).unwrap().message, "lent");
    let copied = me.send_copied(server, b"copied");
    me.wait(copied).unwrap();
    assert_eq!(me.receive(From::One(server)).unwrap().message, "copied");
    interrupts(me, server);
    buffering(me);
    // Who ends is answered for.
    assert_eq!(me.call(server, "stop").unwrap(), "stopped");
}

/// The three forms of an address (slides 15-16) mean one process: before [`client`], whose end is the server's.
fn addressing<T: Trap + ?Sized>(me: &Process<'_, T>, server: Address) {
    let files = "files".parse::<Name>().unwrap();
    assert_eq!(me.call(server, "place").unwrap(), "place");
    assert_eq!(me.call(SPARSE, "sparse").unwrap(), "sparse");
    assert_eq!(me.locate(SPARSE, false, Some(LONG)), Ok(server));
    assert_eq!(me.locate(SPARSE, true, Some(LONG)), Ok(server));
    me.send(SPARSE, "sent").unwrap();
    let reply = me.receive_within(From::One(server), LONG).unwrap();
    assert!(reply.source.is_reply() && reply.message == "sent");
    let started = me.start_call(SPARSE, "started");
    assert_eq!(me.wait(started).unwrap(), "started");
    // A name may mean a place or a sparse id, and the name server may itself be found by broadcast.
    for names in [Names::on(server.machine, LONG), Names::anywhere(LONG)] {
        for place in [server.into(), SPARSE.into()] {
            names.register(me, &files, place, Token(1)).unwrap();
            assert_eq!(names.lookup(me, &files), Ok(place));
            assert_eq!(names.list(me, "fi", None), Ok(vec![(files.clone(), place)]));
            let mut resolver = Resolver::new(names);
            assert_eq!(resolver.call(me, &files, "named", me.how()).unwrap(), "named");
        }
        names.deregister(me, &files, Token(1)).unwrap();
        assert!(names.lookup(me, &files).is_err());
    }
}

/// Some two hundred packets, or a few where the path carries long ones.
const LONGEST_BYTES: usize = 300_000;

fn config() -> Config {
    Config { message_bytes: LONGEST_BYTES, ..Config::default() }
}

#[test]
fn in_a_world() {
    for seed in 0..20 {
        let mut world = World::with(seed, config(), Link::default());
        let (near, far) = (world.boot(), world.boot());
        let address = Address::new(world.machine(far), LocalId(1));
        world.spawn(far, SERVER, |me| server(me));
        world.spawn(far, NAMER, |me| {
            serve(me);
        });
        world.spawn(near, SpawnOptions::default(), move |me| {
            addressing(me, address);
            client(me, address);
        });
        world.run();
        assert_eq!(world.unfinished(), 1, "seed {seed}: the name server alone goes on");
    }
}

#[test]
fn between_processes_of_one_machine_of_a_world() {
    let mut world = World::with(1, config(), Link::default());
    let machine = world.boot();
    let address = Address::new(world.machine(machine), LocalId(1));
    world.spawn(machine, SERVER, |me| server(me));
    world.spawn(machine, NAMER, |me| {
        serve(me);
    });
    world.spawn(machine, SpawnOptions::default(), move |me| {
        addressing(me, address);
        client(me, address);
    });
    world.run();
    assert_eq!(world.unfinished(), 1, "the name server alone goes on");
}

/// Runs the suites from `near` against a server on `far`.
fn on_nodes(near: &Node, far: &Node) {
    let serving = Process::spawn(far, SERVER).unwrap();
    let naming = Process::spawn(far, NAMER).unwrap();
    let address = serving.address();
    thread::scope(|scope| {
        scope.spawn(move || server(&serving));
        scope.spawn(move || serve(&naming));
        let me = Process::spawn(near, SpawnOptions::default()).unwrap();
        addressing(&me, address);
        client(&me, address);
        // Ends the name server.
        far.shut_down();
    });
}

#[test]
fn over_udp() {
    let far = Node::boot(NodeConfig { kernel: config(), ..NodeConfig::default() }).unwrap();
    let discovery = Discovery::Machines(vec![far.machine().socket_addr()]);
    let near = Node::boot(NodeConfig { discovery, kernel: config(), ..NodeConfig::default() }).unwrap();
    on_nodes(&near, &far);
}

#[test]
fn between_processes_of_one_node() {
    let node = Node::boot(NodeConfig { kernel: config(), ..NodeConfig::default() }).unwrap();
    on_nodes(&node, &node);
}
