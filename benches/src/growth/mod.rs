//! What a call costs as a system grows: processes, peers, calls outstanding, threads; a world's events; timers.
//!
//! The first three are measured on kernels alone, which hand each other packets without any network between: there the cost
//! that grows with a table is not lost in what the system takes for a datagram. Threads call over UDP.
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
    Threads,
    World,
}

impl What {
    pub(crate) const ALL: [Self; 5] =
        [Self::Processes, Self::Peers, Self::Outstanding, Self::Threads, Self::World];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Processes => "processes on each node",
            Self::Peers => "peers of a server",
            Self::Outstanding => "calls outstanding",
            Self::Threads => "threads that call at once",
            Self::World => "processes of a world",
        }
    }

    pub(crate) const fn unit(self) -> &'static str {
        match self {
            Self::Processes | Self::Peers | Self::Outstanding => "ns for a call, both kernels",
            Self::Threads => "us for a call over UDP, of all threads together",
            Self::World => "ns for a packet event",
        }
    }

    fn sizes(self, is_quick: bool) -> Vec<usize> {
        let (most, quick) = match self {
            Self::Processes | Self::Outstanding => (10_000, 100),
            Self::Peers => (1_000, 100),
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
        for size in what.sizes(options.quick) {
            eprintln!("{}: {size}", what.name());
            let figures = (0..options.rounds()).map(|_| what.measure(size, options));
            let figures = figures.collect::<Fallible<Vec<f64>>>()?;
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
