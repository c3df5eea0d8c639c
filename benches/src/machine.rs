//! What the figures were measured on.
use std::fs;

use serde::{Deserialize, Serialize};

/// The head of a report.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Machine {
    cpu: String,
    cores: usize,
    system: String,
    compiler: String,
    sendrec: String,
}

impl Machine {
    /// This one; `cores` may be used.
    pub fn here(cores: usize) -> Self {
        let names = rustix::system::uname();
        let [name, release] = [names.sysname(), names.release()].map(|text| text.to_string_lossy());
        let (compiler, sendrec) = (env!("COMPILER").into(), env!("CARGO_PKG_VERSION").into());
        Self { cpu: cpu(), cores, system: format!("{name} {release}"), compiler, sendrec }
    }
}

impl std::fmt::Display for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { cpu, cores, system, compiler, sendrec } = self;
        write!(f, "{cpu}, {cores} cores; {system}; {compiler}; sendrec {sendrec}")
    }
}

fn cpu() -> String {
    let told = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model =
        told.lines().find(|line| line.starts_with("model name")).and_then(|line| line.split_once(':'));
    model.map_or_else(|| std::env::consts::ARCH.to_owned(), |(_, model)| model.trim().to_owned())
}
