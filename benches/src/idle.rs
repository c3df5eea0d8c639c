//! Context switches of idle nodes: none is the goal.
use std::fs;
use std::time::Duration;

use crate::child::{Running, Task};
use sendrec_measure::{Fallible, Figure, switches_in, switches_of};

/// A node may look around for so long after its last call.
const SETTLE: Duration = Duration::from_secs(2);

/// Whether the system tells; the reason if it does not.
pub(crate) fn is_told() -> Result<(), String> {
    match fs::read_to_string("/proc/self/status") {
        Ok(status) if switches_in(&status).is_some() => Ok(()),
        Ok(_) => Err("/proc does not count context switches here".into()),
        Err(error) => Err(format!("/proc/self/status cannot be read: {error}")),
    }
}

/// Context switches over `watch`, begun two seconds after a call: of the server's node, whose process is blocked in
/// receive, and of the client's, where no process waits.
pub(crate) fn switches(watch: Duration) -> Fallible<[Figure; 2]> {
    let server = Running::start(&Task::Node, None)?;
    let client = Running::start(&Task::Caller { server: server.greeting().into() }, None)?;
    std::thread::sleep(SETTLE);
    let before = [switches_of(server.id())?, switches_of(client.id())?];
    std::thread::sleep(watch);
    let after = [switches_of(server.id())?, switches_of(client.id())?];
    Ok([0, 1].map(|side| Figure::Switches(after[side].saturating_sub(before[side]))))
}
