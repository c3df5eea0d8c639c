//! The kernel's own side: a node that takes long messages and answers each with a few bytes, and its client.
//!
//! The server answers first and checks afterwards, so that no check stands in a measured time; the client asks for what was
//! found, and for the server's counters, between two messages.
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use sendrec_core::fault::Faults;
use sendrec_core::kernel::Counters;
use sendrec_core::wire::PacketType;
use sendrec_core::{Options, Transfer};
use sendrec_kernel::{Node, NodeConfig};
use sendrec_trap::{Address, From, How, LocalId, Process, SpawnOptions};

use super::config::config;
use sendrec_measure::{Fallible, Load};

/// A message longer than this is one to be measured; others ask something.
pub(crate) const QUESTION_BYTES_MAX: usize = 64;
/// The question for [`Facts`].
const FACTS: &[u8] = b"facts";
/// The process that takes messages, and the one that answers small calls beside it.
const BULK: LocalId = LocalId(1);
const ECHO: LocalId = LocalId(2);
/// What hangs longer is a failure.
const TIMEOUT: Duration = Duration::from_secs(120);

/// What a child that takes long messages is told.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct BulkServer {
    /// What is done to its packets
    #[arg(long)]
    pub(crate) fault: Option<Faults>,
}

impl BulkServer {
    pub(crate) fn arguments(&self) -> Vec<String> {
        self.fault.iter().flat_map(|faults| ["--fault".into(), faults.to_string()]).collect()
    }
}

/// What a server says of the last message and of the packets it has sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) length: u64,
    pub(crate) checksum: u32,
    pub(crate) sent: Sent,
}

/// Packets a kernel has sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) all: u64,
    pub(crate) again: u64,
    pub(crate) acknowledgements: u64,
}

impl Sent {
    pub(crate) fn of(counters: &Counters) -> Self {
        let all = PacketType::ALL.iter().map(|kind| counters.sent(*kind)).sum();
        Self { all, again: counters.sent_again(), acknowledgements: counters.sent(PacketType::Ack) }
    }

    pub(crate) const fn since(self, before: Self) -> Self {
        Self {
            all: self.all.saturating_sub(before.all),
            again: self.again.saturating_sub(before.again),
            acknowledgements: self.acknowledgements.saturating_sub(before.acknowledgements),
        }
    }

    pub(crate) const fn and(self, other: Self) -> Self {
        Self {
            all: self.all + other.all,
            again: self.again + other.again,
            acknowledgements: self.acknowledgements + other.acknowledgements,
        }
    }
}

impl Facts {
    const BYTES: usize = 5 * 8;

    fn to_bytes(self) -> Vec<u8> {
        let Sent { all, again, acknowledgements } = self.sent;
        let fields = [self.length, u64::from(self.checksum), all, again, acknowledgements];
        fields.iter().flat_map(|field| field.to_be_bytes()).collect()
    }

    fn parse(bytes: &[u8]) -> Fallible<Self> {
        if bytes.len() != Self::BYTES {
            return Err("the server's facts have another form: use the same version on both hosts".into());
        }
        let mut fields = bytes.as_chunks::<8>().0.iter().map(|field| u64::from_be_bytes(*field));
        let mut next = || fields.next().unwrap_or_default();
        let (length, checksum) = (next(), next() as u32);
        Ok(Self { length, checksum, sent: Sent { all: next(), again: next(), acknowledgements: next() } })
    }
}

/// Boots a server and serves until the node goes down; `ready` is told its address.
pub(crate) fn serve(
    listen: SocketAddr,
    advertise: Option<SocketAddr>,
    faults: Option<Faults>,
    ready: impl FnOnce(&str) -> Fallible<()>,
) -> Fallible<()> {
    let kernel = config(faults.is_some());
    let node = Node::boot(NodeConfig { listen, advertise, kernel, faults, ..NodeConfig::default() })?;
    let spawn = |id| Process::spawn(&node, SpawnOptions { local_id: Some(id), ..SpawnOptions::default() });
    let (bulk, echo) = (spawn(BULK)?, spawn(ECHO)?);
    ready(&bulk.address().to_string())?;
    thread::scope(|scope| {
        scope.spawn(|| crate::nodes::echo(&echo));
        take_messages(&node, &bulk);
    });
    Ok(())
}

pub(crate) fn serve_child(
    server: &BulkServer,
    ready: impl FnOnce(&str) -> std::io::Result<()>,
) -> Fallible<()> {
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    serve(listen, None, server.fault.clone(), |line| Ok(ready(line)?))
}

fn take_messages(node: &Node, me: &Process<'_, Node>) {
    let mut facts = Facts::default();
    while let Ok(request) = me.receive(From::Any) {
        let message = request.message;
        // Who is gone wants no answer.
        if message.len() > QUESTION_BYTES_MAX {
            let length = message.len() as u64;
            let _ = me.reply(request.source, &length.to_be_bytes()[..]);
            (facts.length, facts.checksum) = (length, crc32fast::hash(&message));
        } else if &message[..] == FACTS {
            facts.sent = node.counters().as_ref().map(Sent::of).unwrap_or_default();
            let _ = me.reply(request.source, facts.to_bytes());
        } else {
            let _ = me.reply(request.source, message);
        }
    }
}

/// The clients' node.
pub(crate) fn boot(listen: Option<SocketAddr>, faults: Option<Faults>) -> Fallible<Node> {
    let listen = listen.unwrap_or(NodeConfig::default().listen);
    let kernel = config(faults.is_some());
    Ok(Node::boot(NodeConfig { listen, kernel, faults, ..NodeConfig::default() })?)
}

/// One that sends long messages.
pub(crate) struct Client<'n> {
    node: &'n Node,
    me: Process<'n, Node>,
    server: Address,
}

impl<'n> Client<'n> {
    pub(crate) fn new(node: &'n Node, server: Address) -> Fallible<Self> {
        Ok(Self { node, me: crate::nodes::spawn(node)?, server })
    }

    fn how(&self, transfer: Transfer) -> How {
        let options = Options { transfer, ..self.me.how().options };
        How { options, timeout: Some(TIMEOUT) }
    }

    /// One message there and the answer back.
    pub(crate) fn send(&self, load: &Load, transfer: Transfer) -> Fallible<Duration> {
        let message = load.bytes.clone();
        let how = self.how(transfer);
        let begin = Instant::now();
        let answer = self.me.call_with(self.server, message, how).map_err(|error| error.to_string())?;
        let elapsed = begin.elapsed();
        if answer[..] == (load.bytes.len() as u64).to_be_bytes() {
            Ok(elapsed)
        } else {
            Err(format!("a message of {} bytes was answered with {answer:?}", load.bytes.len()).into())
        }
    }

    pub(crate) fn facts(&self) -> Fallible<Facts> {
        let how = self.how(Transfer::DEFAULT);
        let answer = self.me.call_with(self.server, FACTS, how).map_err(|error| error.to_string())?;
        Facts::parse(&answer)
    }

    pub(crate) fn sent(&self) -> Sent {
        self.node.counters().as_ref().map(Sent::of).unwrap_or_default()
    }

    /// The last message must have come as it was sent.
    pub(crate) fn check(&self, load: &Load) -> Fallible<Facts> {
        let facts = self.facts()?;
        if facts.length == load.bytes.len() as u64 && facts.checksum == load.checksum {
            return Ok(facts);
        }
        let length = load.bytes.len();
        Err(format!("a message of {length} bytes came out wrong: {} bytes, another checksum", facts.length)
            .into())
    }
}

/// The process that answers small calls on the server's node.
pub(crate) const fn echo_beside(server: Address) -> Address {
    Address::new(server.machine, ECHO)
}
