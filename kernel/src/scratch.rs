//! What a thread needs to apply an input's outcome, kept from one input to the next so that nothing is allocated.
use std::cell::Cell;
use std::sync::Arc;

use sendrec_core::{Out, Outcome};
use sendrec_trap::Slot;

use crate::coalescing::Next;
use crate::parker::{Parker, WaitNumber};
use crate::socket::RECEIVE_BYTES;

pub(crate) struct Scratch {
    pub(crate) out: Out,
    /// What the input says about the thread's next one.
    pub(crate) next: Next,
    /// What is to be brought to threads, and into slots, once the lock is released.
    pub(crate) threads: Vec<(Arc<Parker>, WaitNumber, Outcome)>,
    pub(crate) slots: Vec<(Arc<Slot>, Outcome)>,
    /// The packet being sent, or the datagrams received.
    pub(crate) buffer: Box<[u8]>,
}

thread_local! {
    static SPARE: Cell<Option<Box<Scratch>>> = const { Cell::new(None) };
}

impl Scratch {
    /// The thread's own, or a new one if it is in use further up the stack.
    pub(crate) fn take() -> Box<Self> {
        SPARE.take().unwrap_or_else(|| {
            Box::new(Self {
                out: Out::default(),
                next: Next::Unknown,
                threads: Vec::new(),
                slots: Vec::new(),
                buffer: vec![0; RECEIVE_BYTES].into_boxed_slice(),
            })
        })
    }

    /// Keeps it for the thread's next input.
    pub(crate) fn give_back(self: Box<Self>) {
        SPARE.set(Some(self));
    }
}
