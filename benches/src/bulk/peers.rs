//! Floors and peers in the same run: raw UDP, TCP, and the kernel between them, interleaved, from one buffer.
//!
//! All send from the same memory and are answered with a few bytes; each receiver puts the message into memory that was used
//! before, and checks all of it when the clock has stopped.
use std::time::Duration;

use sendrec_core::{Protocol, Transfer};

use super::document::{Peer, Ratio};
use super::flood::{Flood, Style};
use super::kernel::{self, BulkServer, Client};
use super::options::{ETHERNET_PACKET_BYTES, LONG_PACKET_BYTES};
use super::tcp::Stream;
use super::udp::{address_of, sample};
use crate::child::{Running, Task};
use sendrec_measure::Fallible;
use sendrec_measure::Load;
use sendrec_measure::Spread;
use sendrec_measure::{Cores, on_core};

const TCP_WRITES: [usize; 4] = [64 << 10, 128 << 10, 256 << 10, 1 << 20];
/// The message of what goes packet by packet, at most.
const STEPS_BYTES_MAX: u64 = 4 << 20;

/// How bytes get across.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Carrier {
    Tcp { enlarged: bool, write_bytes: usize },
    Raw { style: Style, segment: u32 },
    Kernel(Transfer),
}

/// A row to be.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) name: String,
    pub(crate) carrier: Carrier,
    pub(crate) message_bytes: u64,
}

const fn transfer(protocol: Protocol, packet_bytes: Option<u32>) -> Carrier {
    Carrier::Kernel(Transfer { protocol, packet_bytes, ..Transfer::DEFAULT })
}

const BLAST: Protocol = Protocol::Blast { packets: None };

const TCP: &str = "call over TCP, best write size";
const RAW_LONG: &str = "call over plain UDP, 65507-byte datagrams";
const RAW_FRAMES: &str = "call over plain UDP, 1472-byte datagrams, segmented";
const BLAST_LONG: &str = "call over the kernel: blast";
const BLAST_FRAMES: &str = "call over the kernel: blast, 1472-byte packets";
const PING_PONG: &str = "raw UDP ping-pong, 1472 bytes";
const STOP_AND_WAIT: &str = "stop-and-wait, 1472-byte packets";
const BLAST_STEPS: &str = "blast, 1472-byte packets, as long a message";

/// The rows for messages of this length; TCP's if a way was found.
pub(crate) fn items(message_bytes: u64, tcp: Option<Carrier>) -> Vec<Item> {
    let item = |name: &str, carrier, message_bytes| Item { name: name.into(), carrier, message_bytes };
    let raw = |style, segment| Carrier::Raw { style, segment };
    let tcp = tcp.map(|tcp| item(TCP, tcp, message_bytes));
    let others = [
        item(RAW_LONG, raw(Style::Flood, LONG_PACKET_BYTES), message_bytes),
        item(BLAST_LONG, transfer(BLAST, None), message_bytes),
        item(RAW_FRAMES, raw(Style::Flood, ETHERNET_PACKET_BYTES), message_bytes),
        item(BLAST_FRAMES, transfer(BLAST, Some(ETHERNET_PACKET_BYTES)), message_bytes),
    ];
    tcp.into_iter().chain(others).collect()
}

/// The rows that go packet by packet.
pub(crate) fn step_items(message_bytes: u64) -> Vec<Item> {
    let message_bytes = message_bytes.min(STEPS_BYTES_MAX);
    let item = |name: &str, carrier| Item { name: name.into(), carrier, message_bytes };
    let frames = Some(ETHERNET_PACKET_BYTES);
    vec![
        item(PING_PONG, Carrier::Raw { style: Style::PingPong, segment: ETHERNET_PACKET_BYTES }),
        item(STOP_AND_WAIT, transfer(Protocol::StopAndWait, frames)),
        item(BLAST_STEPS, transfer(BLAST, frames)),
    ]
}

/// The goals' ratios, of the rows of one placement.
pub(crate) fn ratios(peers: &[Peer]) -> Vec<Ratio> {
    let goals = [
        ("blast to TCP", BLAST_LONG, TCP, Some(1.5)),
        ("blast to raw UDP, 65507-byte datagrams", BLAST_LONG, RAW_LONG, Some(0.8)),
        ("blast to raw UDP, 1472-byte segments", BLAST_FRAMES, RAW_FRAMES, Some(0.8)),
        ("stop-and-wait to raw ping-pong", STOP_AND_WAIT, PING_PONG, Some(0.8)),
        ("blast to stop-and-wait", BLAST_STEPS, STOP_AND_WAIT, None),
    ];
    let mut ratios = Vec::new();
    for (name, own, other, goal) in goals {
        for peer in peers.iter().filter(|peer| peer.name == own) {
            let is_other = |found: &&Peer| {
                found.name == other
                    && found.placement == peer.placement
                    && found.message_bytes == peer.message_bytes
            };
            if let Some(found) = peers.iter().find(is_other) {
                ratios.push(Ratio {
                    name: name.into(),
                    placement: peer.placement.clone(),
                    message_bytes: peer.message_bytes,
                    value: peer.speed_to(found),
                    goal,
                });
            }
        }
    }
    ratios
}

impl Carrier {
    /// One round: seconds of each message.
    pub(crate) fn measure(self, cores: Cores, load: &Load, time: Duration) -> Fallible<Vec<f64>> {
        let task = match self {
            Self::Tcp { enlarged, .. } => Task::Tcp { enlarged },
            Self::Raw { .. } => Task::Sink,
            Self::Kernel(_) => Task::Bulk(BulkServer::default()),
        };
        let server = Running::start(&task, cores.server)?;
        on_core(cores.client, || match self {
            Self::Tcp { enlarged, write_bytes } => {
                let mut stream = Stream::connect(server.greeting(), enlarged, write_bytes)?;
                stream.send(load)?;
                sample(time, || stream.send(load))
            }
            Self::Raw { style, segment } => {
                let flood = Flood::new(server.greeting(), style, segment as usize)?;
                flood.send_checked(load)?;
                sample(time, || flood.send_checked(load))
            }
            Self::Kernel(transfer) => {
                let node = kernel::boot(None, None)?;
                let client = Client::new(&node, address_of(&server)?)?;
                client.send(load, transfer)?;
                client.check(load)?;
                sample(time, || {
                    let elapsed = client.send(load, transfer)?;
                    client.check(load)?;
                    Ok(elapsed)
                })
            }
        })
    }

    /// TCP as fast as it goes here: write sizes and buffers are tried once each. The name says which won.
    pub(crate) fn best_tcp(cores: Cores, load: &Load, time: Duration) -> Fallible<Self> {
        let mut best: Option<(f64, Self)> = None;
        for write_bytes in TCP_WRITES {
            // As the system grows buffers by itself; or as UDP's sockets ask for them.
            for enlarged in [false, true] {
                let carrier = Self::Tcp { enlarged, write_bytes };
                let median =
                    Spread::of(carrier.measure(cores, load, time)?).ok_or("TCP was not measured")?.median;
                if best.is_none_or(|(seconds, _)| median < seconds) {
                    best = Some((median, carrier));
                }
            }
        }
        Ok(best.ok_or("TCP was not tried")?.1)
    }

    /// What its name leaves open.
    pub(crate) fn note(self) -> Option<String> {
        let Self::Tcp { enlarged, write_bytes } = self else { return None };
        let buffers = if enlarged { "buffers as UDP's" } else { "the system's buffers" };
        Some(format!("{} KiB, {buffers}", write_bytes >> 10))
    }
}
