//! The kernels' tables stay within their bounds, and are small again when all is over.
//!
//! What they hold is asked of the kernels; the bounds follow from the API's events and the configuration.
use sendrec_core::exchange::Holdings;

use super::{Rule, Violation};
use crate::swarm::log::{Entry, What};
use crate::swarm::options::Options;

/// What the bounds are made of, kept up to date as the log grows.
#[derive(Debug, Default)]
pub struct Moment {
    read: usize,
    /// By machine: questions asked, and how many lives there have been.
    asked: Vec<usize>,
    lives: usize,
    passed: usize,
    machine_of: std::collections::BTreeMap<u32, usize>,
}

impl Moment {
    /// Reads what was written since.
    pub fn read(&mut self, log: &[Entry], machines: usize) {
        self.asked.resize(machines, 0);
        for entry in &log[self.read..] {
            match entry.what {
                What::Started { machine, .. } => {
                    self.machine_of.insert(entry.life, machine);
                    self.lives += 1;
                }
                What::Asked { .. } => self.asked[self.machine_of[&entry.life]] += 1,
                What::Passed(_) => self.passed += 1,
                _ => {}
            }
        }
        self.read = log.len();
    }
}

/// While things go on.
pub fn check_slice(
    moment: &Moment,
    machine: usize,
    holdings: &Holdings,
    options: &Options,
) -> Option<Violation> {
    let config = &options.machines[machine].config;
    let window = config.window as usize;
    let others = options.machines.len();
    // Each life may be known under two incarnations of its machine, and a kernel asks for what it forwards.
    let clients_max = 2 * moment.lives + 2 * others;
    let bounds = [
        ("bytes of kept replies", holdings.kept_bytes, config.cache_bytes),
        ("bytes of messages on their way here", holdings.arriving_bytes, config.arriving_bytes),
        ("messages on their way here", holdings.receiving, holdings.served + holdings.outgoing),
        ("messages on their way from here", holdings.sending, holdings.served + holdings.outgoing),
        ("requests of others", holdings.served, holdings.clients * window),
        ("requests to others", holdings.outgoing, moment.asked[machine] + moment.passed),
        ("machines", holdings.machines, others),
        ("clients", holdings.clients, clients_max),
    ];
    let over = bounds.into_iter().find(|(_, holds, most)| holds > most);
    over.map(|(what, holds, most)| {
        Violation::of(Rule::Memory, None, format!("m{machine} holds {holds} {what}, and may hold {most}"))
    })
}

/// When all is over. `forgotten`: also two packet lives later, and other machines have been heard since.
pub fn check_rest(machine: usize, holdings: &Holdings, forgotten: bool) -> Option<Violation> {
    let small = holdings.outgoing == 0
        && (!forgotten || (holdings.clients, holdings.served, holdings.kept_bytes) == (0, 0, 0))
        && (!forgotten || (holdings.sending, holdings.receiving, holdings.arriving_bytes) == (0, 0, 0));
    let when = if forgotten { "two packet lives after the end" } else { "at rest" };
    (!small).then(|| Violation::of(Rule::Memory, None, format!("m{machine} {when}: {holdings:?}")))
}
