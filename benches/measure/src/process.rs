//! What an OS process has cost so far, as the system counts it: read from outside, so that reading adds nothing.
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::Fallible;

/// What one has cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// Time on a core, of all threads that still run, ns.
    pub cpu_ns: u64,
    /// The most memory that was resident, KiB.
    pub peak_kib: u64,
}

/// Of that process; of this one, if none is given.
pub fn cost_of(process: Option<u32>) -> Fallible<Cost> {
    let home = home(process);
    let mut cpu_ns = 0;
    for task in tasks(&home)? {
        // A thread may have ended meanwhile.
        let Ok(told) = fs::read_to_string(task.join("schedstat")) else { continue };
        let ran = told.split(' ').next().and_then(|ran| ran.parse::<u64>().ok());
        cpu_ns += ran.ok_or("the system does not tell how long a thread ran")?;
    }
    let status = fs::read_to_string(home.join("status"))?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.and_then(|peak| peak.trim().strip_suffix(" kB")?.parse().ok());
    Ok(Cost { cpu_ns, peak_kib: peak.ok_or("the system does not tell how much memory was resident")? })
}

/// Context switches of all threads of an OS process together.
pub fn switches_of(process: u32) -> Fallible<u64> {
    let mut sum = 0;
    for task in tasks(&home(Some(process)))? {
        let status = fs::read_to_string(task.join("status"))?;
        sum += switches_in(&status).ok_or("the count of context switches is missing")?;
    }
    Ok(sum)
}

/// Voluntary and others, in a thread's `status`.
pub fn switches_in(status: &str) -> Option<u64> {
    let count = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().parse::<u64>().ok()
    };
    Some(count("voluntary_ctxt_switches:")? + count("nonvoluntary_ctxt_switches:")?)
}

fn home(process: Option<u32>) -> PathBuf {
    Path::new("/proc").join(process.map_or_else(|| "self".into(), |process| process.to_string()))
}

fn tasks(home: &Path) -> Fallible<Vec<PathBuf>> {
    let tasks = fs::read_dir(home.join("task"))?.map(|task| Ok(task?.path()));
    tasks.collect()
}
