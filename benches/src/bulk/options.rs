//! What `bulk`, `serve` and `compare` are told.
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use sendrec_core::fault::Faults;
use sendrec_trap::Address;

use super::case::{Case, Errors, Loss, Pattern, ProtocolName, Size};
use super::links::LinkName;
use crate::options::seconds;
use sendrec_measure::Placement;

/// Packets of Ethernet's frames: what the table is about unless something else is said.
pub(crate) const ETHERNET_PACKET_BYTES: u32 = sendrec_core::limits::PACKET_BYTES_DEFAULT as u32;
/// The longest datagram: what loopback carries.
pub(crate) const LONG_PACKET_BYTES: u32 = sendrec_core::limits::DATAGRAM_BYTES_MAX as u32;
/// The message of the table's rows about loss.
const LOSSY_MESSAGE_BYTES: u64 = 1 << 20;
const LOSSES: [f64; 4] = [0.001, 0.01, 0.05, 0.2];

/// Parts of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Section {
    /// Protocols, error control, sizes, loss
    Table,
    /// Beside raw UDP and TCP, at each placement
    Peers,
    /// Small calls while a long message goes
    Fairness,
}

/// What `bulk` is told.
#[derive(Clone, Debug, Args)]
pub struct BulkOptions {
    /// In a world in virtual time instead of over UDP
    #[arg(long, conflicts_with_all = ["server", "section", "placement", "peer_message", "seconds_per_row"])]
    pub(crate) world: bool,
    /// Over these links of a world [default: all]
    #[arg(long, value_enum, value_delimiter = ',', requires = "world")]
    pub(crate) link: Vec<LinkName>,
    /// Tests the findings of 1985 in a world; fails if one that held no longer does
    #[arg(
        long = "1985",
        conflicts_with_all = [
            "world", "server", "json", "csv", "html", "protocol", "errors", "packet", "message", "loss", "pattern", "window",
            "ack_every", "blast", "section", "placement", "peer_message", "rounds", "seconds_per_row",
        ]
    )]
    pub(crate) classics: bool,
    /// Against `bench serve` on another host
    #[arg(long, value_name = "HOST:PORT/ID", value_parser = parse_address)]
    pub(crate) server: Option<Address>,
    /// Where to send from, towards --server
    #[arg(long, value_name = "ADDR:PORT", requires = "server")]
    pub(crate) listen: Option<SocketAddr>,

    /// These protocols [default: all]
    #[arg(long, value_enum, value_delimiter = ',', help_heading = "Rows")]
    pub(crate) protocol: Vec<ProtocolName>,
    /// These kinds of error control [default: all]; a window's full is go-back-n, and with stop-and-wait all are selective
    #[arg(long, value_enum, value_delimiter = ',', help_heading = "Rows")]
    pub(crate) errors: Vec<Errors>,
    /// Packets of so many bytes, header included; 1472 is an Ethernet frame's, 65507 the longest [default: 1472, or 1120 over --link
    /// ethernet; where neither errors, packet, message nor loss is given, 65507 too on this host]
    #[arg(long, value_name = "BYTES", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(200..=65_507), help_heading = "Rows")]
    pub(crate) packet: Vec<u32>,
    /// Messages of this size, 1KiB to 1GiB [default: 1MiB; where neither errors, packet, message nor loss is given, a series from
    /// 1KiB to 64MiB, in a world from 1KiB to what suits the link]
    #[arg(long, value_name = "SIZE", value_delimiter = ',', value_parser = parse_message, help_heading = "Rows")]
    pub(crate) message: Vec<Size>,
    /// The part of all packets that is lost, each way, or with --server from here, e.g. 0,0.001,0.01,0.05,0.2 [default: 0; where
    /// neither errors, packet, message nor loss is given, those five at 1MiB]
    #[arg(long, value_name = "P", value_delimiter = ',', value_parser = parse_loss, help_heading = "Rows")]
    pub(crate) loss: Vec<f64>,
    /// How losses come [default: both]
    #[arg(long, value_enum, value_delimiter = ',', help_heading = "Rows")]
    pub(crate) pattern: Vec<Pattern>,
    /// Packets of the window
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=65_536), help_heading = "Rows")]
    pub(crate) window: u32,
    /// Every so manyth packet of a window is acknowledged
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=65_536), help_heading = "Rows")]
    pub(crate) ack_every: u32,
    /// Packets of a blast [default: the whole message is one]
    #[arg(long, value_name = "N", help_heading = "Rows")]
    pub(crate) blast: Option<NonZeroU32>,

    /// Only these parts of the run [default: all]
    #[arg(long, value_enum, value_delimiter = ',')]
    pub(crate) section: Vec<Section>,
    /// At these placements: floors and peers [default: all], and the table at the first of them [default: apart]
    #[arg(long, value_enum, value_delimiter = ',', conflicts_with = "server")]
    placement: Vec<Placement>,
    /// The message of floors and peers [default: 64MiB and 256MiB]
    #[arg(long, value_name = "SIZE", value_delimiter = ',', value_parser = parse_message, conflicts_with = "server")]
    peer_message: Vec<Size>,
    /// How often each row is measured, all rows in turn
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    rounds: u32,
    /// A row is measured for about so long in each round; one that would take ten times as long is left out
    #[arg(long, value_name = "SECONDS", default_value = "0.3", value_parser = seconds)]
    seconds_per_row: f64,
    /// What decides which packets are lost
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// A short run, some rows of each kind, that shows whether all works; its figures mean little
    #[arg(long, conflicts_with_all = ["rounds", "seconds_per_row"])]
    pub(crate) quick: bool,

    /// Everything, raw samples included, as JSON into this file; - is stdout
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(crate) json: Option<PathBuf>,
    /// The rows as CSV into this file; - is stdout
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(crate) csv: Option<PathBuf>,
    /// A report for a browser, with plots, into this file; - is stdout
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(crate) html: Option<PathBuf>,
}

/// What `serve` is told.
#[derive(Clone, Debug, Args)]
pub struct ServeOptions {
    /// Where to listen; port 0 lets the system choose
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:0")]
    pub(crate) listen: SocketAddr,
    /// What others are to send to, where that is another address
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) advertise: Option<SocketAddr>,
    /// Harm the packets this side sends, e.g. loss=0.01
    #[arg(long, value_name = "RULES")]
    pub(crate) fault: Option<Faults>,
}

/// What `compare` is told.
#[derive(Clone, Debug, Args)]
pub struct CompareOptions {
    /// The JSON of the earlier run
    pub(crate) old: PathBuf,
    /// That of the later one
    pub(crate) new: PathBuf,
    /// Only rows that have changed beyond the spread of both runs
    #[arg(long)]
    pub(crate) changed: bool,
}

pub(crate) fn parse_address(text: &str) -> Result<Address, String> {
    text.parse().map_err(|_| "expected HOST:PORT/ID, as 'sendrec bench serve' prints it".to_owned())
}

fn parse_message(text: &str) -> Result<Size, String> {
    let size: Size = text.parse()?;
    if (1 << 10..=1 << 30).contains(&size.0) { Ok(size) } else { Err("expected 1KiB to 1GiB".into()) }
}

fn parse_loss(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(chance) if (0.0..=0.5).contains(&chance) => Ok(chance),
        _ => Err("expected a part of all packets, 0 to 0.5".into()),
    }
}

impl BulkOptions {
    pub(crate) const fn rounds(&self) -> u32 {
        if self.quick { 2 } else { self.rounds }
    }

    /// How long a row is measured in each round.
    pub(crate) fn row_time(&self) -> Duration {
        Duration::from_secs_f64(if self.quick { 0.03 } else { self.seconds_per_row })
    }

    pub(crate) fn wants(&self, section: Section) -> bool {
        self.section.is_empty() || self.section.contains(&section)
    }

    /// Of floors and peers.
    pub(crate) fn placements(&self) -> Vec<Placement> {
        match (&self.placement[..], self.quick) {
            ([], true) => vec![Placement::Free],
            ([], false) => Placement::ALL.to_vec(),
            (placements, _) => placements.to_vec(),
        }
    }

    /// Of the table, best first: with one core there is no `apart`.
    pub(crate) fn table_placement(&self, cores: usize) -> Placement {
        match self.placement.first() {
            Some(placement) => *placement,
            None if cores > 1 => Placement::Apart,
            None => Placement::One,
        }
    }

    pub(crate) fn peer_messages(&self) -> Vec<u64> {
        match (&self.peer_message[..], self.quick) {
            ([], true) => vec![4 << 20],
            ([], false) => vec![64 << 20, 256 << 20],
            (sizes, _) => sizes.iter().map(|size| size.0).collect(),
        }
    }

    pub(crate) fn case(
        &self,
        protocol: ProtocolName,
        errors: Errors,
        packet: u32,
        message: u64,
        loss: Loss,
    ) -> Case {
        Case {
            protocol,
            errors,
            window: self.window,
            ack_every: self.ack_every,
            blast: self.blast,
            packet_bytes: packet,
            message_bytes: message,
            loss: Loss { from_here: self.server.is_some() && loss.chance > 0.0, ..loss },
        }
    }

    /// The rows asked for: the product of what was named, or else two series, over sizes and over loss.
    pub(crate) fn cases(&self, packets: &[u32], messages: &[u64]) -> Vec<Case> {
        let says_rows = !(self.errors.is_empty()
            && self.packet.is_empty()
            && self.message.is_empty()
            && self.loss.is_empty());
        let protocols = or_all(&self.protocol, &ProtocolName::ALL);
        if says_rows {
            return self.product(&protocols, packets);
        }
        let mut cases = Vec::new();
        for protocol in protocols.iter().copied() {
            for packet in packets {
                for message in messages {
                    cases.push(self.case(protocol, Errors::Selective, *packet, *message, Loss::NONE));
                }
            }
        }
        let patterns = or_all(&self.pattern, &Pattern::ALL);
        let losses: &[f64] = if self.quick { &[0.01] } else { &LOSSES };
        let message = if self.quick { LOSSY_MESSAGE_BYTES / 4 } else { LOSSY_MESSAGE_BYTES };
        for (protocol, errors) in kinds(&protocols, &Errors::ALL) {
            let none = [Loss::NONE];
            let lossy = patterns
                .iter()
                .flat_map(|pattern| losses.iter().map(|chance| Loss::each_way(*chance, *pattern)));
            for loss in none.into_iter().chain(lossy) {
                let case = self.case(protocol, errors, packets[0], message, loss);
                if !cases.contains(&case) {
                    cases.push(case);
                }
            }
        }
        cases
    }

    fn product(&self, protocols: &[ProtocolName], packets: &[u32]) -> Vec<Case> {
        let errors = or_all(&self.errors, &Errors::ALL);
        let packets = or_all(&self.packet, &packets[..1]);
        let messages: Vec<_> = self.message.iter().map(|size| size.0).collect();
        let messages = or_all(&messages, &[LOSSY_MESSAGE_BYTES]);
        let losses = or_all(&self.loss, &[0.0]);
        let patterns = or_all(&self.pattern, &Pattern::ALL);
        let mut cases = Vec::new();
        for (protocol, errors) in kinds(protocols, &errors) {
            for packet in &packets {
                for message in &messages {
                    for chance in &losses {
                        let patterns = if *chance > 0.0 { &patterns[..] } else { &[Pattern::Independent] };
                        for pattern in patterns {
                            let loss = Loss::each_way(*chance, *pattern);
                            cases.push(self.case(protocol, errors, *packet, *message, loss));
                        }
                    }
                }
            }
        }
        cases
    }
}

fn or_all<T: Clone>(named: &[T], all: &[T]) -> Vec<T> {
    if named.is_empty() { all.to_vec() } else { named.to_vec() }
}

/// Protocols with their error control. With one piece under way all kinds are the same; a window's full is go-back-n.
fn kinds(protocols: &[ProtocolName], errors: &[Errors]) -> Vec<(ProtocolName, Errors)> {
    let mut kinds: Vec<(ProtocolName, Errors)> = Vec::new();
    for protocol in protocols {
        for errors in errors {
            let errors = match (protocol, errors) {
                (ProtocolName::StopAndWait, _) => Errors::Selective,
                (ProtocolName::Window, Errors::Full) => Errors::GoBackN,
                (_, errors) => *errors,
            };
            if !kinds.contains(&(*protocol, errors)) {
                kinds.push((*protocol, errors));
            }
        }
    }
    kinds
}
