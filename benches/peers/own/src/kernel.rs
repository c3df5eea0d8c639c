//! The kernel's null call with its default policies: between two nodes over UDP, and between two processes of one.
use std::collections::VecDeque;

use bytes::Bytes;
use sendrec_kernel::{Node, NodeConfig};
use sendrec_measure::{Check, Client, Cores, Fallible, Outcome, Server, Tell, Workload, drive, now, pin};
use sendrec_trap::{Address, Completion, From, Process, SendError, SpawnOptions};

pub(crate) fn spawn(node: &Node) -> Fallible<Process<'_, Node>> {
    Ok(Process::spawn(node, SpawnOptions::default())?)
}

/// Each packet leaves by itself.
fn single() -> NodeConfig {
    NodeConfig { coalesce: false, ..NodeConfig::default() }
}

/// Tells where, and serves for ever.
pub(crate) fn serve_by(config: NodeConfig, tell: Tell<'_>, serve: fn(&Process<'_, Node>)) -> Fallible<()> {
    let node = Node::boot(config)?;
    let me = spawn(&node)?;
    tell(&me.address().to_string())?;
    serve(&me);
    Ok(())
}

/// A client's process, and where its server is.
pub(crate) fn with_process<R>(
    config: NodeConfig,
    address: &str,
    body: impl FnOnce(&Process<'_, Node>, Address) -> Fallible<R>,
) -> Fallible<R> {
    let server = address.parse().map_err(|error| format!("{address}: {error:?}"))?;
    let node = Node::boot(config)?;
    body(&spawn(&node)?, server)
}

fn answer(me: &Process<'_, Node>) {
    let mut server = Server::default();
    let mut next = me.receive(From::Any);
    while let Ok(request) = next {
        // A client that is gone wants no answer.
        next = me
            .reply_and_receive(request.source, server.answer(request.message), From::Any)
            .unwrap_or_else(|_| me.receive(From::Any));
    }
}

pub(crate) fn serve(tell: Tell<'_>) -> Fallible<()> {
    serve_by(NodeConfig::default(), tell, answer)
}

pub(crate) fn serve_single(tell: Tell<'_>) -> Fallible<()> {
    serve_by(single(), tell, answer)
}

struct Caller<'a> {
    me: &'a Process<'a, Node>,
    server: Address,
    outstanding: VecDeque<Completion<Result<Bytes, SendError>>>,
}

impl<'a> Caller<'a> {
    const fn new(me: &'a Process<'a, Node>, server: Address) -> Self {
        Self { me, server, outstanding: VecDeque::new() }
    }
}

impl Client for Caller<'_> {
    async fn call(&mut self, message: &[u8], check: Check<'_>) -> Fallible<()> {
        check(&self.me.call(self.server, message).map_err(|error| error.to_string())?)
    }

    fn begin(&mut self, message: &[u8]) -> Fallible<()> {
        self.outstanding.push_back(self.me.start_call(self.server, message));
        Ok(())
    }

    async fn finish(&mut self, check: Check<'_>) -> Fallible<()> {
        let oldest = self.outstanding.pop_front().ok_or("no call is outstanding")?;
        check(&self.me.wait(oldest).map_err(|error| error.to_string())?)
    }

    async fn send(&mut self, message: &Bytes, check: Check<'_>) -> Fallible<()> {
        check(&self.me.call(self.server, message.clone()).map_err(|error| error.to_string())?)
    }
}

fn call_from(config: NodeConfig, address: &str, workload: Workload) -> Fallible<Outcome> {
    with_process(config, address, |me, server| now(drive(Caller::new(me, server), workload)))
}

pub(crate) fn call(address: &str, workload: Workload, _: Cores) -> Fallible<Outcome> {
    call_from(NodeConfig::default(), address, workload)
}

pub(crate) fn call_single(address: &str, workload: Workload, _: Cores) -> Fallible<Outcome> {
    call_from(single(), address, workload)
}

/// Nothing serves here: both processes are threads of the OS process that calls.
pub(crate) fn serve_local(tell: Tell<'_>) -> Fallible<()> {
    tell("in the calling process")?;
    loop {
        std::thread::park();
    }
}

pub(crate) fn call_local(_: &str, workload: Workload, cores: Cores) -> Fallible<Outcome> {
    if matches!(workload.kind, sendrec_measure::Kind::Bulk { .. }) {
        return Err("a long message is handed over, and none of its bytes move".into());
    }
    let node = Node::boot(NodeConfig::default())?;
    let (server, client) = (spawn(&node)?, spawn(&node)?);
    let address = server.address();
    std::thread::scope(|scope| {
        let serving = scope.spawn(move || {
            pin(cores.server)?;
            answer(&server);
            Ok(())
        });
        let outcome = now(drive(Caller::new(&client, address), workload));
        // The server's wait ends as cancelled.
        node.shut_down();
        let served: Fallible<()> =
            serving.join().unwrap_or_else(|_| Err("the serving thread panicked".into()));
        served.and(outcome)
    })
}
