//! What the swarm must have met: everything there is, less what this table says cannot be met here, each with its reason.
use sendrec_core::exchange::{
    Cell, ClientEvent as C, ClientState as Client, Coverage, ServerEvent as S, ServerState as Server,
};
use sendrec_core::trace::Fate;
use sendrec_core::wire::{Malformed, TaReason};

/// Seeds after which everything that can be met must have been.
pub const SEEDS_MIN: u64 = 10_000;

/// Why a cell is not asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Excuse {
    /// It cannot be met: if it is, this table or the kernel is wrong.
    Impossible(&'static str),
    /// It can be, and another suite meets it.
    Elsewhere(&'static str),
}

use Excuse::{Elsewhere, Impossible};

/// Why a cell is not asked for; `None` if it must be met.
pub fn excuse(cell: Cell) -> Option<Excuse> {
    match cell {
        Cell::Client(state, event) => client(state, event),
        Cell::Server(state, event) => server(state, event),
        Cell::TryAgain(TaReason::KernelFull) | Cell::Fate(Fate::TableFull) => {
            Some(Elsewhere("kernel/core/tests/capacity.rs: tables of 65,536 and more entries must be filled"))
        }
        Cell::Fate(Fate::Unsupported) => {
            Some(Impossible("each packet type has its handler, which gets no other type"))
        }
        Cell::Malformed(Malformed::Short | Malformed::Epoch | Malformed::Sequence | Malformed::Fragment) => {
            Some(Elsewhere(
                "kernel/core/src/wire/tests.rs: one flipped bit does not do it, or fails the checksum first",
            ))
        }
        _ => None,
    }
}

const fn client(state: Client, event: C) -> Option<Excuse> {
    Some(match (state, event) {
        (Client::Closed, _) => Impossible("a request that is over is in no table, so no event finds it"),
        (Client::Held, C::Open | C::Timeout | C::Cancel) => return None,
        (Client::Held, _) => {
            Impossible("what was not sent is not answered, named to nobody and has no timer")
        }
        (_, C::Open) => Impossible("only what is held waits for the window"),
        (Client::Sent, _) => return None,
        (_, C::Ta) => Impossible("a TA counts only for what was sent and not yet acknowledged or refused"),
        (Client::Acknowledged | Client::Probing, C::FinalAck) => {
            Impossible("the first ACK of a one-way message ends it")
        }
        (Client::Acknowledged | Client::Probing, C::ElderIncarnation) => {
            Impossible("what an incarnation has acknowledged cannot be older than the next one")
        }
        (Client::Deferred, C::ElderIncarnation) => {
            Impossible("the incarnation that refused it lived when it was sent, so the next one is younger")
        }
        (Client::Acknowledged, C::Exhausted) => Impossible("an acknowledged request is asked after first"),
        // Met now and then, by packets of one incarnation that come while another is in doubt or long after: too rare
        // to be asked for here.
        (
            Client::Deferred,
            C::Iaa | C::DiedQueued | C::DiedExecuting | C::Unknown | C::Discarded | C::Stale,
        ) => Elsewhere(
            "kernel/core/tests/overtaken.rs: a copy overtaken by the one that was refused is admitted, and its answer \
             overtakes the wait",
        ),
        (Client::Acknowledged, C::Unknown) => Elsewhere(
            "kernel/core/tests/overtaken.rs: a request known to one question and unknown to the one before",
        ),
        (
            Client::Doubted,
            C::FinalAck
            | C::Iaa
            | C::NoProcess
            | C::DiedExecuting
            | C::Unknown
            | C::Discarded
            | C::SameIncarnation
            | C::Timeout,
        ) => Elsewhere(
            "kernel/core/tests/overtaken.rs: the one incarnation answers while the other is asked for its proof",
        ),
        _ => return None,
    })
}

const fn server(state: Server, event: S) -> Option<Excuse> {
    Some(match (state, event) {
        (Server::Arriving, S::Resent | S::Duplicate | S::Rerun) => Impossible(
            "a piece of what arrives goes to its place, and a longer message comes in pieces alone",
        ),
        (Server::Arriving, S::Whole | S::WholeKept | S::WholeOneWay | S::Expire | S::ProcessEnds) => {
            return None;
        }
        (Server::Arriving, S::Abandon | S::Passed) => return None,
        (Server::Arriving, S::Aya | S::Ack) => Elsewhere(
            "kernel/core/src/exchange/snapshots: ignored; a question and an answer of an earlier run that come late",
        ),
        (_, S::Whole | S::WholeKept | S::WholeOneWay) => Impossible("it was whole before"),
        (Server::Kept, S::Aya | S::Ack | S::Resent) => Elsewhere(
            "kernel/core/src/exchange/snapshots: ignored; a late copy of an earlier run's question or answer, or a \
             second sending while the first is kept",
        ),
        (Server::Gone, _) => Impossible("a request that is forgotten is in no table, so no event finds it"),
        (Server::Kept, S::Take | S::TakeOneWay | S::Expire) => return None,
        (_, S::TakeOneWay) => Impossible("a one-way message is over when it is taken, or was when it came"),
        (Server::Executing, S::ReplyKept | S::ReplyLoose) => return None,
        (_, S::ReplyKept | S::ReplyLoose) => Impossible("only what runs is answered"),
        (Server::Queued | Server::Executing, S::Late) => return None,
        (_, S::Late) => Impossible("the late-ACK timer is over when the request is answered or has died"),
        (Server::Replied, S::Timeout | S::Exhausted | S::Evict) => return None,
        (_, S::Timeout | S::Exhausted | S::Evict) => {
            Impossible("only a kept reply has a timer and a place in the cache")
        }
        (Server::Queued, S::Expire) => return None,
        (Server::Settled, S::Take | S::Expire) => return None,
        (Server::DiedQueued, S::Take | S::Expire) => Elsewhere(
            "kernel/core/tests/overtaken.rs: of two copies kept for a while the first was so in vain",
        ),
        (_, S::Expire) => Impossible("no message of it is in a mailbox, or it is one of several runs"),
        (Server::Queued | Server::Executing, S::Take) => return None,
        (_, S::Take) => Impossible("no message of it is in a mailbox"),
        (Server::Kept | Server::Queued | Server::Executing, S::ProcessEnds) => return None,
        (_, S::ProcessEnds) => Impossible("a process that ends is told of what it has not answered only"),
        _ => return None,
    })
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
        match (excuse(cell), coverage.has(cell)) {
            (None, met) => {
                verdict.wanted += 1;
                if !met {
                    verdict.missing.push(cell);
                }
            }
            (Some(Impossible(_)), true) => verdict.impossible.push(cell),
            (Some(_), _) => {}
        }
    }
    verdict
}
