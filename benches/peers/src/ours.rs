//! sendrec: the null call of its kernel, and a call through its stubs.
#[path = "../../src/numbers.rs"]
#[rustfmt::skip]
#[allow(dead_code, unreachable_pub, clippy::all, clippy::pedantic)]
mod numbers;

use std::net::{TcpListener, UdpSocket};

use numbers::numbers_1;
use sendrec_kernel::{Node, NodeConfig};
use sendrec_stubs::{Bytes, Caller, Context, Refusal, Remote, Services, onc};
use sendrec_trap::{Address, From, Process, SpawnOptions};

use crate::measure::{Budget, Fallible, Figure, MESSAGE_BYTES, Tell, check_number, put_number, round_trips};

/// Tells where, and serves for ever.
fn serve(tell: Tell<'_>, serve: fn(&Process<'_, Node>)) -> Fallible<()> {
    let node = Node::boot(NodeConfig::default())?;
    let me = Process::spawn(&node, SpawnOptions::default())?;
    tell(&me.address().to_string())?;
    serve(&me);
    Ok(())
}

fn with_process<R>(
    address: &str,
    body: impl FnOnce(&Process<'_, Node>, Address) -> Fallible<R>,
) -> Fallible<R> {
    let server = address.parse().map_err(|error| format!("{address}: {error:?}"))?;
    let node = Node::boot(NodeConfig::default())?;
    let me = Process::spawn(&node, SpawnOptions::default())?;
    body(&me, server)
}

pub(crate) fn serve_null(tell: Tell<'_>) -> Fallible<()> {
    serve(tell, |me| {
        while let Ok(request) = me.receive(From::Any) {
            // A client that is gone wants no answer.
            let _ = me.reply(request.source, request.message);
        }
    })
}

pub(crate) fn call_null(address: &str, budget: Budget) -> Fallible<Figure> {
    with_process(address, |me, server| {
        round_trips(budget, |number| {
            let mut message = [0; MESSAGE_BYTES];
            put_number(&mut message, number);
            let reply = me.call(server, &message).map_err(|error| error.to_string())?;
            check_number(&reply, number)
        })
    })
}

/// The same stubs, by ONC RPC (slide 38: the same call over plain UDP and over TCP).
fn by_onc<C: Caller>(caller: C, budget: Budget) -> Fallible<Figure> {
    let client = numbers_1::Client::new(caller);
    round_trips(budget, |number| match client.echo(number)? {
        back if back == number => Ok(()),
        back => Err(format!("call {number} was answered with {back}").into()),
    })
}

pub(crate) fn serve_onc_udp(tell: Tell<'_>) -> Fallible<()> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    tell(&socket.local_addr()?.to_string())?;
    Err(onc::serve_udp(&socket, &Services::new().with(numbers_1::Dispatch(Echo))).into())
}

pub(crate) fn call_onc_udp(address: &str, budget: Budget) -> Fallible<Figure> {
    by_onc(onc::UdpCaller::connect(address)?, budget)
}

pub(crate) fn serve_onc_tcp(tell: Tell<'_>) -> Fallible<()> {
    const CONNECTIONS_MAX: usize = 16;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    tell(&listener.local_addr()?.to_string())?;
    Err(onc::serve_tcp(&listener, &Services::new().with(numbers_1::Dispatch(Echo)), CONNECTIONS_MAX).into())
}

pub(crate) fn call_onc_tcp(address: &str, budget: Budget) -> Fallible<Figure> {
    by_onc(onc::TcpCaller::connect(address)?, budget)
}

struct Echo;

impl numbers_1::Server for Echo {
    fn echo(&self, _: &Context<'_>, number: u64) -> Result<u64, Refusal> {
        Ok(number)
    }

    fn copy(&self, _: &Context<'_>, data: Bytes) -> Result<Bytes, Refusal> {
        Ok(data)
    }
}

pub(crate) fn serve_stubs(tell: Tell<'_>) -> Fallible<()> {
    serve(tell, |me| {
        sendrec_stubs::serve(me, &[&numbers_1::Dispatch(Echo)]);
    })
}

pub(crate) fn call_stubs(address: &str, budget: Budget) -> Fallible<Figure> {
    with_process(address, |me, server| {
        let client = numbers_1::Client::new(Remote::new(me, server));
        round_trips(budget, |number| match client.echo(number)? {
            back if back == number => Ok(()),
            back => Err(format!("call {number} was answered with {back}").into()),
        })
    })
}
