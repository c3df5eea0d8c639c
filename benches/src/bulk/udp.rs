//! Rows over UDP: two OS processes, or two hosts.
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use sendrec_core::limits::{FIRST_FLIGHT_BYTES_DEFAULT, RETRANSMIT_MIN_DEFAULT};
use sendrec_core::wire::{FRAGMENT_BYTES, HEADER_BYTES};
use sendrec_trap::Address;

use super::case::{Case, Errors, Loss, ProtocolName};
use super::config::config;
use super::document::Round;
use super::flood;
use super::kernel::{self, BulkServer, Client, Sent};
use super::model::Constants;
use super::options::{BulkOptions, ETHERNET_PACKET_BYTES, LONG_PACKET_BYTES};
use crate::child::{Running, Task};
use sendrec_measure::Fallible;
use sendrec_measure::Load;
use sendrec_measure::Spread;
use sendrec_measure::{Cores, on_core};

/// Messages of a row's round at most.
pub(crate) const MESSAGES_MAX: usize = 32;
/// What the server's packets suffer is not what the client's do.
const OTHER_SIDE: u64 = 0x5ca1_ab1e;
/// Timers fire at multiples of a millisecond: half of one late.
const TIMER_LATE: Duration = Duration::from_micros(500);

/// Where rows are measured.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) cores: Cores,
    /// On another host; else a child.
    pub(crate) server: Option<Address>,
    pub(crate) listen: Option<SocketAddr>,
    /// How long a row's round is.
    pub(crate) time: Duration,
}

/// Times until the time is over, once at least.
pub(crate) fn sample(time: Duration, mut send: impl FnMut() -> Fallible<Duration>) -> Fallible<Vec<f64>> {
    let begin = Instant::now();
    let mut seconds = Vec::new();
    while seconds.is_empty() || seconds.len() < MESSAGES_MAX && begin.elapsed() < time {
        seconds.push(send()?.as_secs_f64());
    }
    Ok(seconds)
}

impl Place {
    /// One round of a row. `expected` seconds tell whether it is worth while to warm up.
    pub(crate) fn measure(&self, case: &Case, load: &Load, seed: u64, expected: f64) -> Fallible<Round> {
        let faults = case.loss.faults(seed);
        let child = match self.server {
            Some(_) => None,
            None => {
                let fault = case.loss.faults(seed ^ OTHER_SIDE);
                Some(Running::start(&Task::Bulk(BulkServer { fault }), self.cores.server)?)
            }
        };
        let server = match (&child, self.server) {
            (Some(child), _) => address_of(child)?,
            (None, server) => server.ok_or("there is no server")?,
        };
        on_core(self.cores.client, || {
            let node = kernel::boot(self.listen, faults)?;
            let client = Client::new(&node, server)?;
            if expected < self.time.as_secs_f64() {
                client.send(load, case.transfer())?;
            }
            self.round(&client, case, load)
        })
        .map_err(|error| format!("{error} (seed {seed}: {case})").into())
    }

    fn round(&self, client: &Client<'_>, case: &Case, load: &Load) -> Fallible<Round> {
        /// The server's answer about facts, which is not the message's.
        const QUESTION: Sent = Sent { all: 1, again: 0, acknowledgements: 0 };
        let mut facts = client.facts()?;
        let mut sum = Sent::default();
        let seconds = sample(self.time, || {
            let before = client.sent();
            let elapsed = client.send(load, case.transfer())?;
            let own = client.sent().since(before);
            let known = client.check(load)?;
            sum = sum.and(own).and(known.sent.since(facts.sent).since(QUESTION));
            facts = known;
            Ok(elapsed)
        })?;
        let each = |count: u64| count as f64 / seconds.len() as f64;
        let (packets, retransmitted) = (each(sum.all), each(sum.again));
        let acknowledgements = each(sum.acknowledgements);
        Ok(Round { seconds, packets, retransmitted, acknowledgements })
    }

    /// The model's constants, from a few messages before the run.
    pub(crate) fn calibrate(&self, options: &BulkOptions) -> Fallible<Constants> {
        const FLOOD_BYTES: u64 = 4 << 20;
        const STEPS_BYTES: u64 = 64 << 10;
        const SMALL_BYTES: u64 = 1 << 10;
        let (flood, steps, small) = (Load::new(FLOOD_BYTES), Load::new(STEPS_BYTES), Load::new(SMALL_BYTES));
        let case = |protocol, packet, load: &Load| {
            options.case(protocol, Errors::Selective, packet, load.bytes.len() as u64, Loss::NONE)
        };
        let time = |case: Case, load: &Load| {
            let round = self.measure(&case, load, 0, 0.0)?;
            let seconds = Spread::of(round.seconds).ok_or("nothing was measured")?.median;
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>((case.pieces() as f64, seconds))
        };
        // Where frames are the longest, twice their number is enough to tell packets from bytes.
        let other = if self.takes_long_packets() { LONG_PACKET_BYTES } else { ETHERNET_PACKET_BYTES / 2 };
        let many = time(case(ProtocolName::Blast, ETHERNET_PACKET_BYTES, &flood), &flood)?;
        let others = time(case(ProtocolName::Blast, other, &flood), &flood)?;
        let one_by_one = time(case(ProtocolName::StopAndWait, ETHERNET_PACKET_BYTES, &steps), &steps)?;
        let single = time(case(ProtocolName::StopAndWait, ETHERNET_PACKET_BYTES, &small), &small)?;

        let wire = |pieces: f64| FLOOD_BYTES as f64 + pieces * (HEADER_BYTES + FRAGMENT_BYTES) as f64;
        let (packet, byte) =
            Constants::fit((many.0, wire(many.0), many.1), (others.0, wire(others.0), others.1));
        let piece = packet + byte * f64::from(ETHERNET_PACKET_BYTES);
        let turn = (one_by_one.1 / one_by_one.0 - piece).max(0.0);
        let start = (single.1 - turn - packet - byte * SMALL_BYTES as f64).max(0.0);
        let timeout = (RETRANSMIT_MIN_DEFAULT + TIMER_LATE).as_secs_f64().max(turn * 1.25);
        Ok(Constants {
            packet,
            byte,
            turn,
            acknowledgement: 0.0,
            start,
            timeout,
            timeout_max: config(true).retransmit_max.as_secs_f64(),
            under_way_bytes: flood::window_bytes()? as f64,
            first_flight_bytes: FIRST_FLIGHT_BYTES_DEFAULT as f64,
            queues: false,
        })
    }

    /// Whether packets may be as long as datagrams may: between hosts they are frames.
    pub(crate) fn takes_long_packets(&self) -> bool {
        self.server.is_none_or(|server| server.machine.socket_addr().ip().is_loopback())
    }
}

pub(crate) fn address_of(child: &Running) -> Fallible<Address> {
    let address = child.greeting();
    address.parse().map_err(|error| format!("{address}: {error:?}").into())
}
