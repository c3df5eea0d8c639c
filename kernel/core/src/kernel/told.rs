//! What a trace tells of system calls.
use super::{Entry, Kernel, Out, Syscall, ending};
use crate::config::Handing;
use crate::ids::{Address, LocalId, SparseId, Target};
use crate::trace::{BlockedOn, Call, Ending, Event, What};

impl Syscall {
    const fn name(&self) -> (Call, Option<Target>) {
        match self {
            Self::Send { to, one_way: false, .. } => (Call::Send, Some(*to)),
            Self::Send { to, one_way: true, .. } => (Call::SendOneWay, Some(*to)),
            Self::Call { to, .. } => (Call::Call, Some(*to)),
            Self::Receive { wait: true, .. } => (Call::Receive, None),
            Self::Receive { wait: false, .. } => (Call::TryReceive, None),
            Self::Reply { source, .. } => (Call::Reply, Some(Target::Place(source.address))),
            Self::Forward { to, .. } => (Call::Forward, Some(Target::Place(*to))),
            Self::Ping { to } => (Call::Ping, Some(Target::Place(*to))),
            Self::Locate { sparse, .. } => (Call::Locate, Some(Target::Sparse(*sparse))),
        }
    }

    /// How its message was handed over and how long that is; and whether the caller runs on meanwhile.
    const fn manner(&self) -> (Handing, usize, bool) {
        match self {
            Self::Send { message, handing, blocking, .. }
            | Self::Call { message, handing, blocking, .. }
            | Self::Reply { message, handing, blocking, .. } => (*handing, message.len(), !*blocking),
            Self::Forward { message, .. } => (Handing::Moved, message.len(), false),
            Self::Receive { .. } | Self::Ping { .. } | Self::Locate { .. } => (Handing::Moved, 0, false),
        }
    }
}

/// What such a call waits for, if it does.
fn waits_on(call: Call, to: Option<Address>, sparse: Option<SparseId>) -> Option<BlockedOn> {
    match call {
        Call::Call => to.map(BlockedOn::Call),
        Call::Send | Call::SendOneWay => to.map(BlockedOn::Send),
        Call::Reply | Call::Forward => to.map(BlockedOn::Reply),
        Call::Ping => to.map(BlockedOn::Ping),
        Call::Locate => sparse.map(BlockedOn::Locate),
        Call::Receive | Call::TryReceive => Some(BlockedOn::Receive),
        Call::Cancel => None,
    }
}

/// What the trace of a call has to know when it is over.
pub(super) struct Traced {
    /// How many events there were before it.
    events_before: usize,
    /// What it waits for, if it does.
    on: Option<BlockedOn>,
    /// Whether its buffer is lent.
    lent: bool,
}

impl Kernel {
    #[cold]
    pub(super) fn trace_trap(&mut self, process: LocalId, call: &Syscall, out: &mut Out) -> Traced {
        let events_before = out.events.len();
        let (name, target) = call.name();
        let (handing, bytes, runs_on) = call.manner();
        let (to, sparse) = match target {
            Some(Target::Place(address)) => (Some(address), None),
            Some(Target::Sparse(sparse)) => (None, Some(sparse)),
            None => (None, None),
        };
        let copied_bytes = if handing == Handing::Copied { bytes as u64 } else { 0 };
        let what = What::Trap { process, call: name, to, sparse, handing, copied_bytes, runs_on };
        self.tracer.cause(&mut out.events, || what);
        Traced { events_before, on: waits_on(name, to, sparse), lent: handing == Handing::Lent }
    }

    /// Tells how a call ended that is over at once, where that is not what goes without saying.
    #[cold]
    pub(super) fn trace_done(&mut self, process: LocalId, traced: &Traced, entry: &Entry, out: &mut Out) {
        let Entry::Done(outcome) = entry else { return };
        let Traced { events_before, on, lent } = *traced;
        let with = ending(outcome);
        // What was a wait until the packet was sent has said so already.
        let said = |event: &Event| {
            matches!(event.what, What::Woken { process: woken, buffer_free, .. }
                if woken == process && buffer_free == lent)
        };
        if (lent || with != Ending::Done) && !out.events.iter().skip(events_before).any(said) {
            self.tracer.event(&mut out.events, || What::Woken { process, with, on, buffer_free: lent });
        }
    }
}
