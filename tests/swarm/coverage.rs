//! What the swarm must have met: everything there is, less what this table says cannot be met here, each with its reason.
use sendrec_core::exchange::{
    Cell, ClientEvent as C, ClientState as Client, Coverage, ServerEvent as S, ServerState as Server,
};
use sendrec_core::trace::Fate;
use sendrec_core::wire::{Malformed, TaReason};

/// Seeds after which everything that can be met must have been.
pub const SEEDS_MIN: u64 = 2_000;

/// Why a cell cannot be met by the swarm; `None` if it can be, and so must be.
pub fn unreachable(cell: Cell) -> Option<&'static str> {
    match cell {
        Cell::Client(state, event) => client(state, event),
        Cell::Server(state, event) => server(state, event),
        _ => None,
    }
}

fn client(state: Client, _event: C) -> Option<&'static str> {
    match state {
        Client::Closed => Some("a request that is over is in no table, so no event finds it"),
        _ => None,
    }
}

fn server(state: Server, _event: S) -> Option<&'static str> {
    match state {
        Server::Gone => Some("a request that is forgotten is in no table, so no event finds it"),
        _ => None,
    }
}

/// What is missing, and what was met though this table says it cannot be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Cells that must be met.
    pub wanted: usize,
    /// Those that were not.
    pub missing: Vec<Cell>,
    /// Those that were, and are said to be out of reach.
    pub impossible: Vec<Cell>,
}

/// Compares what was met with what there is.
pub fn judge(coverage: &Coverage) -> Verdict {
    let mut verdict = Verdict::default();
    for cell in Cell::all() {
        match (unreachable(cell), coverage.has(cell)) {
            (None, met) => {
                verdict.wanted += 1;
                if !met {
                    verdict.missing.push(cell);
                }
            }
            (Some(_), true) => verdict.impossible.push(cell),
            (Some(_), false) => {}
        }
    }
    verdict
}
