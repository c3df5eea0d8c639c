//! A node over real sockets: threads, completions, shutdown. What the protocol does is tested in virtual time.
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll, Wake};
use std::thread;
use std::time::Duration;

use bytes::BytesMut;
use sendrec_core::trace::Event;
use sendrec_kernel::{BootError, Node, NodeConfig};
use sendrec_trap::{
    Address, CallError, From, LocalId, Options, Process, ReceiveError, Recorder, Reliability, SendFailure,
    SpawnOptions, Trap,
};

const LONG: Duration = Duration::from_secs(60);

fn node() -> Node {
    Node::boot(NodeConfig::default()).unwrap()
}

fn well_known(id: u32) -> SpawnOptions {
    SpawnOptions { local_id: Some(LocalId(id)), threads: true, ..SpawnOptions::default() }
}

/// Answers every request with the same, until its node goes down.
fn echo<T: Trap + ?Sized>(me: &Process<'_, T>) {
    while let Ok(request) = me.receive(From::Any) {
        if request.source.wants_reply() {
            // A client that has given up is no reason to stop.
            let _ = me.reply(request.source, request.message);
        }
    }
}

/// Runs `body` beside an echo server on a node of its own.
fn with_echo(body: impl FnOnce(&Node, Address)) {
    let (near, far) = (node(), node());
    let server = Process::spawn(&far, well_known(1)).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| echo(&server));
        body(&near, server.address());
        far.shut_down();
    });
}

#[test]
fn a_call_comes_back() {
    with_echo(|near, server| {
        let client = Process::spawn(near, SpawnOptions::default()).unwrap();
        for round in 0..1_000u32 {
            let reply = client.call(server, &round.to_be_bytes()).unwrap();
            assert_eq!(&reply[..], round.to_be_bytes());
        }
    });
}

#[test]
fn send_and_receive_as_on_slide_14() {
    with_echo(|near, server| {
        let client = Process::spawn(near, SpawnOptions::default()).unwrap();
        client.send(server, "hello").unwrap();
        let reply = client.receive(From::One(server)).unwrap();
        assert!(reply.source.is_reply());
        assert_eq!(&reply.message[..], b"hello");
    });
}

#[test]
fn many_threads_call_through_one_node() {
    with_echo(|near, server| {
        thread::scope(|scope| {
            for thread in 0..8u32 {
                scope.spawn(move || {
                    let client = Process::spawn(near, SpawnOptions::default()).unwrap();
                    for round in 0..200u32 {
                        let question = [thread.to_be_bytes(), round.to_be_bytes()].concat();
                        assert_eq!(client.call(server, &question).unwrap(), question);
                    }
                });
            }
        });
    });
}

#[test]
fn many_threads_receive_from_one_mailbox() {
    let (near, far) = (node(), node());
    let server = Process::spawn(&far, well_known(1)).unwrap();
    let client = Process::spawn(&near, SpawnOptions { threads: true, ..SpawnOptions::default() }).unwrap();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| echo(&server));
        }
        let callers: Vec<_> = (0..4u8)
            .map(|caller| {
                let (client, to) = (&client, server.address());
                scope.spawn(move || {
                    for _ in 0..200 {
                        assert_eq!(client.call(to, &[caller; 100]).unwrap(), &[caller; 100][..]);
                    }
                })
            })
            .collect();
        callers.into_iter().for_each(|caller| caller.join().unwrap());
        far.shut_down();
    });
}

#[test]
fn processes_of_one_node_need_no_socket() {
    let node = node();
    let server = Process::spawn(&node, well_known(1)).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| echo(&server));
        let client = Process::spawn(&node, SpawnOptions::default()).unwrap();
        for round in 0..1_000u32 {
            assert_eq!(
                client.call(server.address(), &round.to_be_bytes()).unwrap(),
                &round.to_be_bytes()[..]
            );
        }
        let sent: u64 = sendrec_core::wire::PacketType::ALL
            .into_iter()
            .map(|kind| node.counters().unwrap().sent(kind))
            .sum();
        assert_eq!(sent, 0);
        drop(client);
        node.shut_down();
    });
}

#[test]
fn completions_are_tested_and_waited_for() {
    with_echo(|near, server| {
        let client = Process::spawn(near, SpawnOptions::default()).unwrap();
        let calls: Vec<_> = (0..64u8).map(|call| client.start_call(server, &[call; 64])).collect();
        for (number, call) in calls.into_iter().enumerate() {
            assert_eq!(client.wait(call).unwrap(), &[number as u8; 64][..]);
        }
        let mut call = client.start_call(server, "again");
        let reply = loop {
            // Nobody waits: testing is what drives the node.
            match call.test() {
                Ok(reply) => break reply,
                Err(pending) => call = pending,
            }
            thread::yield_now();
        };
        assert_eq!(reply.unwrap(), "again");
    });
}

#[test]
fn a_lent_buffer_comes_back() {
    with_echo(|near, server| {
        let client = Process::spawn(near, SpawnOptions::default()).unwrap();
        let sent = client.send_owned(server, BytesMut::from("lent"));
        assert_eq!(client.wait(sent).unwrap(), "lent");
        let copied = client.send_copied(server, b"copied");
        client.wait(copied).unwrap();
        let mut replies =
            [client.receive(From::Any).unwrap().message, client.receive(From::Any).unwrap().message];
        replies.sort();
        assert_eq!(replies, ["copied", "lent"]);
    });
}

/// The smallest executor there is: polls, and sleeps until woken.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Arc::new(Unpark(thread::current())).into();
    let mut context = Context::from_waker(&waker);
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(result) => return result,
            Poll::Pending => thread::park(),
        }
    }
}

#[test]
fn a_completion_is_a_future_for_any_executor() {
    with_echo(|near, server| {
        let client = Process::spawn(near, SpawnOptions::default()).unwrap();
        let replies = block_on(async {
            let (one, two) = (client.start_call(server, "one"), client.start_call(server, "two"));
            (one.await.unwrap(), two.await.unwrap())
        });
        assert_eq!(replies, ("one".into(), "two".into()));
    });
}

#[test]
fn a_completion_that_is_cancelled_leaves_nothing_behind() {
    let (near, far) = (node(), node());
    let server = Process::spawn(&far, well_known(1)).unwrap();
    let client = Process::spawn(&near, SpawnOptions::default()).unwrap();
    let call = client.start_call(server.address(), "never answered");
    assert!(server.receive_within(From::Any, LONG).is_ok());
    let left = client.cancel(call).unwrap().unwrap_err();
    assert_eq!(left.failure, SendFailure::Request(CallError::TimedOut));
    assert_eq!(near.holdings().unwrap().outgoing, 0);
}

#[test]
fn an_interrupt_comes_through_a_channel() {
    with_echo(|near, server| {
        let client = Process::spawn(near, SpawnOptions::default()).unwrap();
        let (done, results) = crossbeam_channel::unbounded();
        client.start_call(server, "interrupt me").on_done(done);
        assert_eq!(results.recv().unwrap().unwrap(), "interrupt me");
    });
}

#[test]
fn deadlines_end_waits_and_lose_nothing() {
    let node = node();
    let one = Process::spawn(&node, well_known(1)).unwrap();
    let two = Process::spawn(&node, well_known(2)).unwrap();
    let nothing = one.receive_within(From::Any, Duration::from_millis(1));
    assert_eq!(nothing, Err(ReceiveError::TimedOut));
    let how = sendrec_trap::How { timeout: Some(Duration::from_millis(1)), ..two.how() };
    let error = two.call_with(one.address(), "unanswered", how).unwrap_err();
    assert_eq!(error.failure, SendFailure::Request(CallError::TimedOut));
    two.send_one_way(one.address(), "kept", two.how()).unwrap();
    assert_eq!(one.receive_within(From::Any, LONG).unwrap().message, "kept");
    assert_eq!(one.try_receive(From::Any), Ok(None));
}

#[test]
fn ping_tells_life_from_its_absence() {
    with_echo(|near, server| {
        let client = Process::spawn(near, SpawnOptions::default()).unwrap();
        client.ping(server, LONG).unwrap();
        let nobody = Address::new(server.machine, LocalId(77));
        assert_eq!(client.ping(nobody, LONG), Err(CallError::NoSuchProcess));
    });
}

#[test]
fn shutting_down_ends_every_wait_and_joins() {
    let node = node();
    let server = Process::spawn(&node, well_known(1)).unwrap();
    thread::scope(|scope| {
        let receivers: Vec<_> = (0..3).map(|_| scope.spawn(|| server.receive(From::Any))).collect();
        // Whether they wait already or come too late, they end.
        node.shut_down();
        for receiver in receivers {
            let ended = receiver.join().unwrap();
            assert!(
                matches!(ended, Err(ReceiveError::Cancelled | ReceiveError::Down | ReceiveError::NoProcess)),
                "{ended:?}"
            );
        }
    });
    assert_eq!(server.receive(From::Any), Err(ReceiveError::Down));
    drop(server);
    drop(node);
}

/// Panics at the event it is told to.
struct Bomb(u64);

impl Recorder for Bomb {
    fn record(&mut self, event: &Event) {
        assert!(event.number < self.0, "a recorder that panics, as planned");
    }
}

#[test]
fn a_panic_under_the_lock_poisons_and_does_not_hang() {
    // Two processes spawned, two receivers that trap and block; the third's trap is the seventh event.
    let config = NodeConfig { recorder: Some(Box::new(Bomb(7))), ..NodeConfig::default() };
    let node = Node::boot(config).unwrap();
    let server = Process::spawn(&node, well_known(1)).unwrap();
    let other = Process::spawn(&node, well_known(2)).unwrap();
    thread::scope(|scope| {
        let waiting: Vec<_> = (0..3).map(|_| scope.spawn(|| server.receive(From::Any))).collect();
        for waiter in waiting {
            // One of them panics, as planned.
            if let Ok(ended) = waiter.join() {
                assert_eq!(ended, Err(ReceiveError::Down));
            }
        }
    });
    let error = other.call(server.address(), "anybody?").unwrap_err();
    assert_eq!(error.failure, SendFailure::Request(CallError::Down));
    assert_eq!(server.receive(From::Any), Err(ReceiveError::Down));
    assert!(node.counters().is_none());
}

#[test]
fn ipv6_and_wildcard_addresses_work() {
    let listens = ["[::1]:0", "0.0.0.0:0", "[::]:0"].map(|text| text.parse::<SocketAddr>().unwrap());
    for listen in listens {
        if listen.is_ipv6() && std::net::UdpSocket::bind("[::1]:0").is_err() {
            println!("skipped {listen}: this system has no IPv6");
            continue;
        }
        let local = if listen.is_ipv6() && !listen.ip().is_unspecified() { "[::1]:0" } else { "127.0.0.1:0" };
        // Not the address the system would answer from by itself: the node must answer from where it was asked.
        let advertise = listen.ip().is_unspecified().then(|| "127.0.0.2:0".parse().unwrap());
        let far = Node::boot(NodeConfig { listen, advertise, ..NodeConfig::default() }).unwrap();
        let near =
            Node::boot(NodeConfig { listen: local.parse().unwrap(), ..NodeConfig::default() }).unwrap();
        let server = Process::spawn(&far, well_known(1)).unwrap();
        thread::scope(|scope| {
            scope.spawn(|| echo(&server));
            let client = Process::spawn(&near, SpawnOptions::default()).unwrap();
            assert_eq!(client.call(server.address(), "here?").unwrap(), "here?", "{listen}");
            far.shut_down();
        });
    }
}

#[test]
fn a_wildcard_without_an_address_to_advertise_is_refused() {
    let listen = "0.0.0.0:0".parse().unwrap();
    let error = Node::boot(NodeConfig { listen, ..NodeConfig::default() }).unwrap_err();
    assert!(matches!(error, BootError::NeedsAdvertise { .. }));
    assert!(error.to_string().contains("--advertise HOST:PORT"), "{error}");
}

#[test]
fn a_port_that_is_taken_is_named() {
    let taken = node();
    let listen = taken.machine().socket_addr();
    let error = Node::boot(NodeConfig { listen, ..NodeConfig::default() }).unwrap_err();
    assert!(error.to_string().starts_with(&format!("cannot listen on {listen}")), "{error}");
}

/// An interrupt is no wait of the whole process, and so no deadlock, though who is heard waits for an answer.
#[test]
fn who_is_called_by_the_one_it_listens_to_is_interrupted_and_answers() {
    let node = node();
    let server = Process::spawn(&node, SpawnOptions::default()).unwrap();
    let client = Process::spawn(&node, SpawnOptions::default()).unwrap();
    let (from, to) = (client.address(), server.address());
    thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0..2u8 {
                assert_eq!(client.call(to, &[round]).unwrap(), &[round][..]);
            }
        });
        // What comes without end is cut short by the channel's bound, not by the memory's.
        let (sender, messages) = crossbeam_channel::bounded(4);
        scope.spawn(|| server.on_message(From::One(from), sender));
        for round in 0..2u8 {
            let request = messages.recv().unwrap();
            if request.is_err() {
                // Or the client would wait for ever.
                node.shut_down();
            }
            let request = request.unwrap();
            assert_eq!(request.message, &[round][..]);
            server.reply(request.source, request.message).unwrap();
        }
        drop(messages);
    });
}

/// Packets of started calls wait for each other only as long as somebody sees to them: here nobody ever waits in the client's
/// node, and the keeper does.
#[test]
fn started_calls_leave_though_their_thread_never_waits() {
    const CALLS: u32 = 100;
    let (near, far) = (node(), node());
    let server = Process::spawn(&far, well_known(1)).unwrap();
    let client = Process::spawn(&near, SpawnOptions::default()).unwrap();
    let to = server.address();
    let (told, received) = crossbeam_channel::bounded(1);
    thread::scope(|scope| {
        scope.spawn(move || {
            // In whatever order: that of requests is nobody's promise.
            let mut came = std::collections::BTreeSet::new();
            for _ in 0..CALLS {
                let request = server.receive(From::Any).unwrap();
                came.insert(request.message.to_vec());
                server.reply(request.source, request.message).unwrap();
            }
            assert_eq!(came.len(), CALLS as usize, "each once");
            told.send(()).unwrap();
        });
        let calls: Vec<_> = (0..CALLS).map(|number| client.start_call(to, &number.to_be_bytes())).collect();
        received.recv().unwrap();
        for (number, call) in (0..CALLS).zip(calls) {
            assert_eq!(&client.wait(call).unwrap()[..], number.to_be_bytes());
        }
    });
}

/// What waits for a thread's next answer is sent when the thread goes to work on something else, too.
#[test]
fn an_answer_does_not_wait_for_a_thread_that_works_on() {
    let (near, far) = (node(), node());
    let server = Process::spawn(&far, well_known(1)).unwrap();
    let client = Process::spawn(&near, SpawnOptions::default()).unwrap();
    let to = server.address();
    let (begun, are_begun) = crossbeam_channel::bounded(1);
    let (came_first, which_came_first) = crossbeam_channel::bounded(1);
    let (answered, are_answered) = crossbeam_channel::bounded::<()>(1);
    thread::scope(|scope| {
        scope.spawn(move || {
            // Both may lie in the mailbox before one is answered.
            are_begun.recv().unwrap();
            let first = server.receive(From::Any).unwrap();
            came_first.send(first.message[0]).unwrap();
            server.reply(first.source, first.message).unwrap();
            let second = server.receive(From::Any).unwrap();
            // It works on the second for as long as the client has not got the first answer.
            are_answered.recv().unwrap();
            server.reply(second.source, second.message).unwrap();
        });
        let (first, second) = (client.start_call(to, b"1"), client.start_call(to, b"2"));
        begun.send(()).unwrap();
        let in_order = which_came_first.recv().unwrap() == b'1';
        let (first, second) = if in_order { (first, second) } else { (second, first) };
        client.wait(first).unwrap();
        answered.send(()).unwrap();
        client.wait(second).unwrap();
    });
}

#[test]
fn a_reply_and_the_next_receive_are_one_entry_and_every_caller_gets_its_own_answer() {
    const CALLS: u32 = 200;
    for reliability in [Reliability::ReplyAcks, Reliability::AckEach] {
        let (near, far) = (node(), node());
        let server = Process::spawn(&far, well_known(1)).unwrap();
        let to = server.address();
        thread::scope(|scope| {
            scope.spawn(|| {
                let mut next = server.receive(From::Any);
                while let Ok(request) = next {
                    let answer = [&request.message[..], b"!"].concat();
                    // The last reply may not be acknowledged before its node goes down.
                    let Ok(received) = server.reply_and_receive(request.source, answer, From::Any) else {
                        break;
                    };
                    next = received;
                }
            });
            let client = Process::spawn(&near, SpawnOptions::default()).unwrap();
            let options = Options { reliability, ..client.how().options };
            let start = |number: u32| client.start_call_with(to, &number.to_be_bytes(), options);
            let calls: Vec<_> = (0..CALLS).map(start).collect();
            for (number, call) in (0..CALLS).zip(calls) {
                assert_eq!(client.wait(call).unwrap()[..4], number.to_be_bytes());
            }
            far.shut_down();
        });
    }
}

#[test]
fn a_node_that_sends_packets_one_by_one_does_the_same() {
    let single = || Node::boot(NodeConfig { coalesce: false, ..NodeConfig::default() }).unwrap();
    let (near, far) = (single(), single());
    let server = Process::spawn(&far, well_known(1)).unwrap();
    let to = server.address();
    thread::scope(|scope| {
        scope.spawn(|| echo(&server));
        let client = Process::spawn(&near, SpawnOptions::default()).unwrap();
        let calls: Vec<_> = (0..200_u32).map(|number| client.start_call(to, &number.to_be_bytes())).collect();
        for (number, call) in (0..200_u32).zip(calls) {
            assert_eq!(&client.wait(call).unwrap()[..], number.to_be_bytes());
        }
        far.shut_down();
    });
}
