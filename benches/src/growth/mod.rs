//! What a call costs as a system grows: processes, peers, calls outstanding, threads; a world's events; timers.
//!
//! The first three are measured on kernels alone, which hand each other packets without any network between: there the cost
//! that grows with a table is not lost in what the system takes for a datagram. Then processes and peers over UDP, where it
//! is, and threads that call at once.
mod datagrams;
mod kernels;
mod page;
mod show;
mod threads;

use sendrec_measure::{Fallible, Spread, allowed_cores};

use crate::machine::Machine;
use crate::options::Growth;
use crate::output::{Output, print};
use crate::{timers, world};
use show::{Document, Row};

/// What grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Processes,
    Peers,
    Outstanding,
    Mailbox,
    ProcessesOverUdp,
    PeersOverUdp,
    Threads,
    World,
}

impl What {
    pub(crate) const ALL: [Self; 8] = [
        Self::Processes,
        Self::Peers,
        Self::Outstanding,
        Self::Mailbox,
        Self::ProcessesOverUdp,
        Self::PeersOverUdp,
        Self::Threads,
        Self::World,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Processes => "processes on each node",
            Self::Peers => "peers of a server",
            Self::Outstanding => "calls outstanding",
            Self::Mailbox => "messages in a mailbox",
            Self::ProcessesOverUdp => "processes of a node, over UDP",
            Self::PeersOverUdp => "peers of a server, over UDP",
            Self::Threads => "threads that call at once",
            Self::World => "processes of a world",
        }
    }

    pub(crate) const fn unit(self) -> &'static str {
        match self {
            Self::Processes | Self::Peers | Self::Outstanding => "ns for a call, both kernels",
            Self::Mailbox => "ns for a message that comes and one that is taken, both kernels",
            Self::ProcessesOverUdp | Self::PeersOverUdp => "us for a call",
            Self::Threads => "us for a call over UDP, of all threads together",
            Self::World => "ns for a packet event",
        }
    }

    fn sizes(self, is_quick: bool) -> Vec<usize> {
        let (most, quick) = match self {
            Self::Processes | Self::Outstanding | Self::ProcessesOverUdp => (10_000, 100),
            Self::Peers | Self::PeersOverUdp => (1_000, 100),
            Self::Mailbox => (100_000, 100),
            Self::World => return if is_quick { vec![2, 10] } else { vec![2, 10, 100, 1_000] },
            Self::Threads => return if is_quick { vec![1, 2] } else { vec![1, 2, 4, 8] },
        };
        let most = if is_quick { quick } else { most };
        let powers = (0..).map(|power| 10_usize.pow(power)).take_while(|size| *size <= most);
        powers.flat_map(|size| [size, 3 * size]).filter(|size| *size <= most).collect()
    }

    fn measure(self, size: usize, options: &Growth) -> Fallible<f64> {
        let time = options.time();
        match self {
            Self::Processes => Ok(kernels::processes(size, time)?),
            Self::Peers => Ok(kernels::peers(size, time)?),
            Self::Outstanding => Ok(kernels::outstanding(size, time)?),
            Self::Mailbox => Ok(kernels::mailbox(size, time)?),
            Self::ProcessesOverUdp => datagrams::processes(size, time),
            Self::PeersOverUdp => datagrams::peers(size, time),
            Self::Threads => threads::measure(size, time),
            Self::World => Ok(1e9 / world::events_per_second(size, time)),
        }
    }
}

/// Measures all and prints it; writes what was asked for.
pub(crate) fn run(options: &Growth) -> Fallible<()> {
    let [html, csv] = Output::open_each([options.html.as_deref(), options.csv.as_deref()])?;
    let mut rows = Vec::new();
    for what in What::ALL {
        let sizes = what.sizes(options.quick);
        let mut figures = vec![Vec::new(); sizes.len()];
        // All sizes in turn: a machine that is slower for a while is so for all of them.
        for round in 1..=options.rounds() {
            eprintln!("{}: {} to {}, round {round}", what.name(), sizes[0], sizes[sizes.len() - 1]);
            for (size, figures) in sizes.iter().zip(&mut figures) {
                figures.push(what.measure(*size, options)?);
            }
        }
        for (size, figures) in sizes.into_iter().zip(figures) {
            if let Some(figure) = Spread::of(figures) {
                rows.push(Row { grows: what.name(), unit: what.unit(), size, figure });
            }
        }
    }
    let document = Document { machine: Machine::here(allowed_cores()?.len()), rows };
    if let Some(html) = html {
        html.write(&page::page(&document, &timers::picture(options.quick)?)?)?;
    }
    if let Some(csv) = csv {
        csv.write(&document.csv())?;
    }
    print(&if options.json { serde_json::to_string_pretty(&document)? + "\n" } else { document.table() })
}
