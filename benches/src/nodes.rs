//! sendrec itself: the null call between two nodes and within one, with the default policies.
use std::collections::VecDeque;

use sendrec_kernel::{Node, NodeConfig};
use sendrec_trap::{Address, Bytes, Completion, From, Process, SendError, SpawnOptions};

use sendrec_stubs::{Context, Refusal, Remote};

use crate::numbers::numbers_1;
use sendrec_measure::blocking::round_trips;
use sendrec_measure::{Budget, Cores, on_core, pin};
use sendrec_measure::{Fallible, Figure, MESSAGE_BYTES, Pipeline, check_number, put_number};

pub(crate) fn boot() -> Fallible<Node> {
    Ok(Node::boot(NodeConfig::default())?)
}

/// A node whose steps are told.
pub(crate) fn boot_observed(observer: sendrec_trap::Observer) -> Fallible<Node> {
    Ok(Node::boot(NodeConfig { observer: Some(observer), ..NodeConfig::default() })?)
}

pub(crate) fn spawn(node: &Node) -> Fallible<Process<'_, Node>> {
    Ok(Process::spawn(node, SpawnOptions::default())?)
}

/// Answers each message with itself, until the node goes down.
pub(crate) fn echo(me: &Process<'_, Node>) {
    let mut next = me.receive(From::Any);
    while let Ok(request) = next {
        // A client that is gone wants no answer.
        next = me
            .reply_and_receive(request.source, request.message, From::Any)
            .unwrap_or_else(|_| me.receive(From::Any));
    }
}

/// One null call.
pub(crate) fn call(me: &Process<'_, Node>, server: Address, number: u64) -> Fallible<()> {
    let mut message = [0; MESSAGE_BYTES];
    put_number(&mut message, number);
    let reply = me.call(server, &message).map_err(|error| error.to_string())?;
    check_reply(&reply, number)
}

fn check_reply(reply: &Bytes, number: u64) -> Fallible<()> {
    if reply.len() != MESSAGE_BYTES {
        return Err(format!("call {number} was answered with {} bytes", reply.len()).into());
    }
    check_number(reply, number)
}

/// A client's stub.
pub(crate) type Numbers<'p, 't> = numbers_1::Client<Remote<'p, 't, Node>>;

/// The stub of the server at that address.
pub(crate) const fn numbers<'p, 't>(client: Remote<'p, 't, Node>) -> Numbers<'p, 't> {
    numbers_1::Client::new(client)
}

/// One call through the stub.
pub(crate) fn call_stub(client: &Numbers<'_, '_>, number: u64) -> Fallible<()> {
    match client.echo(number)? {
        same if same == number => Ok(()),
        other => Err(format!("call {number} was answered with {other}").into()),
    }
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

/// Answers calls through the stub, until the node goes down.
pub(crate) fn serve_numbers(me: &Process<'_, Node>) {
    sendrec_stubs::serve(me, &[&numbers_1::Dispatch(Echo)]);
}

/// Keeps several calls outstanding.
pub(crate) struct Caller<'a> {
    me: &'a Process<'a, Node>,
    server: Address,
    outstanding: VecDeque<Completion<Result<Bytes, SendError>>>,
}

impl<'a> Caller<'a> {
    pub(crate) const fn new(me: &'a Process<'a, Node>, server: Address) -> Self {
        Self { me, server, outstanding: VecDeque::new() }
    }
}

impl Pipeline for Caller<'_> {
    fn begin(&mut self, number: u64) -> Fallible<()> {
        let mut message = [0; MESSAGE_BYTES];
        put_number(&mut message, number);
        self.outstanding.push_back(self.me.start_call(self.server, &message));
        Ok(())
    }

    async fn finish(&mut self, number: u64) -> Fallible<()> {
        let oldest = self.outstanding.pop_front().ok_or("no call is outstanding")?;
        let reply = self.me.wait(oldest).map_err(|error| error.to_string())?;
        check_reply(&reply, number)
    }
}

/// Calls between two processes of one node, each a thread of this OS process.
pub(crate) fn local_round_trips(cores: Cores, budget: Budget) -> Fallible<Figure> {
    on_core(cores.client, || {
        let node = boot()?;
        let server = spawn(&node)?;
        let client = spawn(&node)?;
        let address = server.address();
        std::thread::scope(|scope| {
            let serving = scope.spawn(move || {
                pin(cores.server)?;
                echo(&server);
                Ok(())
            });
            let figure = round_trips(budget, None, |number| call(&client, address, number));
            // The server's wait ends as cancelled.
            node.shut_down();
            let served: Fallible<()> =
                serving.join().unwrap_or_else(|_| Err("the serving thread panicked".into()));
            served.and(figure)
        })
    })
}
