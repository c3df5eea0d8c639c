//! The same stubs over true ONC RPC: UDP and TCP sockets of the loopback.
#[rustfmt::skip]
#[allow(dead_code, unreachable_pub)]
#[path = "interfaces/adder.rs"]
mod adder;

use std::io::Write;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use adder::adder_2::{Client, Dispatch, Server};
use sendrec_stubs::onc::{TcpCaller, UdpCaller, serve_tcp, serve_udp};
use sendrec_stubs::{Bytes, CallError, CallOptions, CallSemantics, Caller, Context, Refusal, Services};

struct Adder;

impl Server for Adder {
    fn sum(&self, context: &Context<'_>, a: i32, b: i32) -> Result<i32, Refusal> {
        assert!(context.source.is_none(), "it came through no kernel");
        Ok(a.wrapping_add(b))
    }

    fn sum_all(&self, _: &Context<'_>, argument: Vec<i32>) -> Result<i32, Refusal> {
        Ok(argument.iter().sum())
    }

    fn fail(&self, _: &Context<'_>) -> Result<(), Refusal> {
        Err(Refusal::new("as asked"))
    }

    fn echo(&self, _: &Context<'_>, argument: Bytes) -> Result<Bytes, Refusal> {
        Ok(argument)
    }
}

fn calls(caller: impl Caller) {
    let client = Client::new(caller);
    assert_eq!(client.null(), Ok(()));
    assert_eq!(client.sum(4, 7), Ok(11));
    assert_eq!(client.sum_all(&[1, 2, 3]), Ok(6));
    assert_eq!(client.fail(), Err(CallError::Failed { procedure: "FAIL" }));
    let long = vec![7; 60_000];
    assert_eq!(client.echo(&long).as_deref(), Ok(&long[..]));
}

#[test]
fn over_udp() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    std::thread::spawn(move || serve_udp(&socket, &Services::new().with(Dispatch(Adder))));
    calls(UdpCaller::connect(address).unwrap());
    calls(UdpCaller::connect(("localhost", address.port())).unwrap());
}

#[test]
fn over_tcp() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || serve_tcp(&listener, &Services::new().with(Dispatch(Adder)), 8));
    let caller = TcpCaller::connect(address).unwrap();
    calls(&caller);
    let long = vec![7; 5_000_000];
    assert!(Client::new(&caller).echo(&long).unwrap() == long);
    // Whoever sends nonsense loses his connection alone.
    let mut nonsense = TcpStream::connect(address).unwrap();
    nonsense.write_all(&[0xff; 64]).unwrap();
    calls(&caller);
    // One that was closed is opened again.
    let many: Vec<_> = (0..4).map(|_| TcpCaller::connect(address).unwrap()).collect();
    many.iter().for_each(calls);
}

#[test]
fn a_call_that_must_run_once_at_most_is_sent_once_over_udp() {
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    silent.set_nonblocking(true).unwrap();
    let address = silent.local_addr().unwrap();
    let options = CallOptions { timeout: Duration::from_millis(1_200), ..CallOptions::default() };
    let client = Client::new(UdpCaller::connect(address).unwrap().with(options));
    let server = address.to_string();
    assert_eq!(client.sum(1, 2), Err(CallError::TimedOut { server, seconds: 1.2 }));
    let mut buffer = [0; 100];
    assert_eq!(std::iter::from_fn(|| silent.recv(&mut buffer).ok()).count(), 1);
}

#[test]
fn one_that_may_run_again_is_sent_until_there_is_an_answer() {
    let deaf = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = deaf.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut buffer = [0; 100];
        // The first copy is lost.
        let _ = deaf.recv(&mut buffer);
        serve_udp(&deaf, &Services::new().with(Dispatch(Adder)))
    });
    let options = CallOptions { semantics: CallSemantics::AtLeastOnce, ..CallOptions::default() };
    let client = Client::new(UdpCaller::connect(address).unwrap().with(options));
    assert_eq!(client.sum(1, 2), Ok(3));
}
