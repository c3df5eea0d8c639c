//! Threads that call at once, each for a process of its own, on one node; a server on another, in a child.
use std::time::{Duration, Instant};

use sendrec_measure::Fallible;
use sendrec_trap::Address;

use crate::child::{Running, Task};
use crate::nodes;

/// Microseconds of each call, of all threads together.
pub(super) fn measure(threads: usize, time: Duration) -> Fallible<f64> {
    let child = Running::start(&Task::Node, None)?;
    let address = child.greeting();
    let server: Address = address.parse().map_err(|error| format!("{address}: {error:?}"))?;
    let node = nodes::boot()?;
    let begin = Instant::now();
    let counts = std::thread::scope(|scope| {
        let caller = || -> Fallible<u64> {
            let me = nodes::spawn(&node)?;
            let mut calls = 0;
            while begin.elapsed() < time {
                calls += 1;
                nodes::call(&me, server, calls)?;
            }
            Ok(calls)
        };
        let callers: Vec<_> = (0..threads).map(|_| scope.spawn(caller)).collect();
        let join = |caller: std::thread::ScopedJoinHandle<'_, Fallible<u64>>| {
            caller.join().unwrap_or_else(|_| Err("a calling thread panicked".into()))
        };
        callers.into_iter().map(join).collect::<Fallible<Vec<u64>>>()
    })?;
    Ok(begin.elapsed().as_secs_f64() * 1e6 / counts.iter().sum::<u64>() as f64)
}
