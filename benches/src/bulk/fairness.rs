//! Small calls while a long message goes on the same two nodes, and without it.
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use sendrec_core::Transfer;

use super::document::Fairness;
use super::kernel::{self, BulkServer, Client, echo_beside};
use super::udp::address_of;
use crate::child::{Running, Task};
use crate::nodes;
use sendrec_measure::Load;
use sendrec_measure::Spread;
use sendrec_measure::blocking::round_trips;
use sendrec_measure::{Budget, Cores, on_core};
use sendrec_measure::{Fallible, Figure};

/// One round's figures: p50 and p99 of a null call, us; and megabytes a second meanwhile.
#[derive(Clone, Copy, Debug)]
struct Figures {
    p50: f64,
    p99: f64,
    rate: Option<f64>,
}

/// Several rounds of both, in turn.
pub(crate) fn measure(
    cores: Cores,
    placement: &str,
    load: &Load,
    rounds: u32,
    time: Duration,
    mut progress: impl FnMut(&str),
) -> Fallible<Vec<Fairness>> {
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        progress("small calls, alone");
        alone.push(round(cores, None, time)?);
        progress("small calls beside a long message");
        beside.push(round(cores, Some(load), time)?);
    }
    let row = |figures: &[Figures], message_bytes| Fairness {
        placement: placement.into(),
        message_bytes,
        p50_us: Spread::of(figures.iter().map(|figures| figures.p50)),
        p99_us: Spread::of(figures.iter().map(|figures| figures.p99)),
        megabytes_per_second: Spread::of(figures.iter().filter_map(|figures| figures.rate)),
    };
    Ok(vec![row(&alone, None), row(&beside, Some(load.bytes.len() as u64))])
}

fn round(cores: Cores, load: Option<&Load>, time: Duration) -> Fallible<Figures> {
    let child = Running::start(&Task::Bulk(BulkServer::default()), cores.server)?;
    let server = address_of(&child)?;
    on_core(cores.client, || {
        let node = kernel::boot(None, None)?;
        let me = nodes::spawn(&node)?;
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            let sending = load.map(|load| {
                let (node, is_over) = (&node, &is_over);
                scope.spawn(move || flood(&Client::new(node, server)?, load, is_over))
            });
            let budget = Budget { time, calls: u64::MAX };
            let figure = round_trips(budget, None, |number| nodes::call(&me, echo_beside(server), number));
            is_over.store(true, Ordering::Relaxed);
            let rate =
                sending.map(|sending| sending.join().unwrap_or_else(|_| Err("the sender panicked".into())));
            match (figure?, rate.transpose()?) {
                (Figure::RoundTrip { p50, p99 }, rate) => Ok(Figures { p50, p99, rate }),
                _ => Err("calls were not timed".into()),
            }
        })
    })
}

/// Long messages one after the other; how many megabytes went in a second.
fn flood(client: &Client<'_>, load: &Load, is_over: &AtomicBool) -> Fallible<f64> {
    let begin = Instant::now();
    let mut bytes = 0;
    while bytes == 0 || !is_over.load(Ordering::Relaxed) {
        client.send(load, Transfer::DEFAULT)?;
        bytes += load.bytes.len();
    }
    Ok(bytes as f64 / begin.elapsed().as_secs_f64() / 1e6)
}
