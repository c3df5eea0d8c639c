//! The clock keeper: one thread that stands in while no process waits.
//!
//! It answers AYA, sends late ACKs and retransmits when nobody leads. While there is traffic it looks every few
//! milliseconds, since to be woken for each message would cost more than the message; when there has been none for a
//! second it takes the lead, if it is free, and sleeps in the poll without a time-out, so that an idle node makes no
//! context switches and yet hears what comes.
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::Thread;
use std::time::Duration;

use crate::shared::Shared;

/// How often it looks while there is traffic.
const LOOK_INTERVAL: Duration = Duration::from_millis(5);
/// How often, where somebody was in the kernel just before it looked: who comes so often sees to what is due, and each look
/// takes the core from whoever has it, which is what the slowest of a hundred calls are made of.
const LOOK_INTERVAL_BUSY: Duration = Duration::from_millis(20);
/// Just before.
const JUST: Duration = Duration::from_micros(500);
/// How long after the last input it goes on looking.
const LINGER: Duration = Duration::from_secs(1);

/// Where the keeper sleeps.
#[derive(Default)]
pub(crate) struct Bed {
    /// Whether it sleeps without a time-out, outside the poll.
    deep: AtomicBool,
    thread: OnceLock<Thread>,
}

impl Bed {
    /// Wakes it if it sleeps for good. While it looks regularly this costs a load.
    pub(crate) fn rouse(&self) {
        if self.deep.load(Ordering::SeqCst)
            && self.deep.swap(false, Ordering::SeqCst)
            && let Some(thread) = self.thread.get()
        {
            thread.unpark();
        }
    }
}

/// The thread's body; ends when the node is down.
pub(crate) fn keep(shared: &Arc<Shared>) {
    let _ = shared.keeper.thread.set(std::thread::current());
    while !shared.is_down() {
        shared.release();
        if shared.lead.try_take(true) {
            shared.drain();
            if is_idle(shared) {
                shared.pool.clear();
                while is_idle(shared) && !shared.lead.has_followers() && !shared.is_down() {
                    shared.sleep_in_poll(None, None);
                    shared.drain();
                }
                shared.pass_lead_from_keeper();
                continue;
            }
            shared.pass_lead_from_keeper();
        } else if is_idle(shared) {
            // Somebody leads and sleeps well. Whoever frees the lead says so.
            shared.pool.clear();
            shared.keeper.deep.store(true, Ordering::SeqCst);
            if !shared.lead.is_free() && !shared.coalescing.is_waiting() && !shared.is_down() {
                std::thread::park();
            }
            shared.keeper.deep.store(false, Ordering::SeqCst);
            continue;
        }
        let is_busy = shared.since_input() < JUST;
        std::thread::park_timeout(if is_busy { LOOK_INTERVAL_BUSY } else { LOOK_INTERVAL });
    }
}

/// Nothing armed, nothing in progress, and no input for a while.
fn is_idle(shared: &Shared) -> bool {
    shared.since_input() > LINGER && !shared.is_armed()
}

impl Shared {
    /// How long nothing was put in.
    fn since_input(&self) -> Duration {
        let last = self.last_input.load(Ordering::Relaxed);
        Duration::from_nanos(self.now().as_nanos().saturating_sub(last))
    }

    fn pass_lead_from_keeper(&self) {
        if let Some(next) = self.lead.pass_on()
            && next.tell_lead()
        {
            crate::parker::wake_poll(&self.waker);
        }
    }
}
