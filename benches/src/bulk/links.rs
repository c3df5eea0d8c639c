//! Links of a world: what a person names, and what they are made of.
//!
//! `ethernet` is the one of 1985 (Zwaenepoel): 10 Mb/s, one packet on it at a time, and hosts that take longer to copy a
//! packet into the interface (1.35 ms for 1 KB) than the wire takes to carry it (0.82 ms). They do not overlap, so that the
//! line is as fast as both together, for data and for the acknowledgements that share it; the receiver's copy comes after.
use std::time::Duration;

use clap::ValueEnum;
use sendrec_sim::{Link, Medium};

use super::case::{Case, ProtocolName};
use super::config::config_over;
use super::model::Constants;
use sendrec_core::limits::FIRST_FLIGHT_BYTES_DEFAULT;
use sendrec_core::wire::{HEADER_BYTES, REPORT_BYTES};

/// The packet of 1985: 1,024 bytes and a header.
pub(crate) const CLASSIC_PACKET_BYTES: u32 = 1_024 + 96;
const CLASSIC_BYTES: f64 = 1_024.0;
/// Seconds to copy those 1,024 bytes into an interface or out of it, and to send them.
const CLASSIC_COPY: f64 = 1.35e-3;
const CLASSIC_WIRE: f64 = 0.82e-3;

/// What acknowledges pieces: a report with a list that names none.
pub(crate) const REPORT_PACKET_BYTES: usize = HEADER_BYTES + REPORT_BYTES + 1;

const MEGABIT: u64 = 1_000_000;

/// A link of a world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LinkName {
    /// 10 Mb/s, shared, 1 KB packets, hosts of 1985
    Ethernet,
    /// 1 Gb/s, 50 us one way
    Lan,
    /// 100 Mb/s, 50 ms one way
    Wan,
}

impl LinkName {
    pub(crate) const ALL: [Self; 3] = [Self::Ethernet, Self::Lan, Self::Wan];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Ethernet => "ethernet",
            Self::Lan => "lan",
            Self::Wan => "wan",
        }
    }

    /// In the report.
    pub(crate) const fn explanation(self) -> &'static str {
        match self {
            Self::Ethernet => {
                "the Ethernet of 1985: 10 Mb/s, shared by both directions; 1.35 ms of host time for each KB on either side"
            }
            Self::Lan => "1 Gb/s each way, 50 us one way",
            Self::Wan => "100 Mb/s each way, 50 ms one way",
        }
    }

    /// Without faults.
    pub(crate) fn link(self) -> Link {
        let bandwidth = match self {
            Self::Ethernet => (CLASSIC_BYTES * 8.0 / (CLASSIC_COPY + CLASSIC_WIRE)) as u64,
            Self::Lan => 1_000 * MEGABIT,
            Self::Wan => 100 * MEGABIT,
        };
        let latency = match self {
            // Copying out of the interface.
            Self::Ethernet => Duration::from_secs_f64(CLASSIC_COPY),
            Self::Lan => Duration::from_micros(50),
            Self::Wan => Duration::from_millis(50),
        };
        let medium = if self == Self::Ethernet { Medium::Bus(0) } else { Medium::Lines };
        Link { latency, bandwidth: Some(bandwidth), medium, ..Link::default() }
    }

    /// The way back, where it differs: an acknowledgement is copied in less time.
    pub(crate) fn link_back(self) -> Link {
        let mut link = self.link();
        if self == Self::Ethernet {
            link.latency = link.latency.mul_f64(REPORT_PACKET_BYTES as f64 / CLASSIC_BYTES);
        }
        link
    }

    /// From one packet to the next: a host of 1985 was busy with a packet until it was out.
    pub(crate) fn gap(self, case: &Case) -> Duration {
        if self != Self::Ethernet {
            return Duration::ZERO;
        }
        let acknowledged = if case.protocol == ProtocolName::Window {
            REPORT_PACKET_BYTES as f64 / f64::from(case.ack_every)
        } else {
            0.0
        };
        let bytes = f64::from(case.packet_bytes) + acknowledged;
        Duration::from_secs_f64(bytes * 8.0 / self.link().bandwidth.unwrap_or(MEGABIT) as f64)
    }

    /// What the model is told, from the link's parameters alone.
    pub(crate) fn constants(self) -> Constants {
        let (there, back) = (self.link(), self.link_back());
        // Time-outs there are where packets are lost.
        let config = config_over(self, true);
        let byte = 8.0 / there.bandwidth.unwrap_or(MEGABIT) as f64;
        let ack = byte * REPORT_PACKET_BYTES as f64;
        let turn = there.latency.as_secs_f64() + back.latency.as_secs_f64() + ack;
        Constants {
            packet: 0.0,
            byte,
            turn,
            // On a shared line what the receiver says costs the sender's time.
            acknowledgement: if self == Self::Ethernet { ack } else { 0.0 },
            start: 0.0,
            // Round trip and a margin for its variation.
            timeout: (turn * 1.25 + byte * 1_472.0).max(config.retransmit_min.as_secs_f64()),
            timeout_max: config.retransmit_max.as_secs_f64(),
            under_way_bytes: config.receive_bytes as f64,
            first_flight_bytes: FIRST_FLIGHT_BYTES_DEFAULT as f64,
            queues: self != Self::Ethernet,
        }
    }

    /// Sizes of packets, the first for the rows about loss.
    pub(crate) const fn packets(self) -> &'static [u32] {
        match self {
            Self::Ethernet => &[CLASSIC_PACKET_BYTES],
            Self::Lan | Self::Wan => &[1_472],
        }
    }

    pub(crate) const fn messages(self, quick: bool) -> &'static [u64] {
        match (self, quick) {
            (_, true) => &[1 << 10, 64 << 10],
            (Self::Ethernet, false) => &[1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20],
            (Self::Lan, false) => &[1 << 10, 16 << 10, 256 << 10, 4 << 20, 64 << 20],
            (Self::Wan, false) => &[1 << 10, 16 << 10, 256 << 10, 4 << 20, 16 << 20],
        }
    }
}
