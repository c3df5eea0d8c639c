//! A thread that waits, and how it is told: a flag to look at while it polls, a way to wake it while it sleeps.
use std::cell::OnceCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::Wake;
use std::thread::Thread;
use std::time::Duration;

use parking_lot::Mutex;
use sendrec_core::Outcome;

/// What it waits for is there.
const READY: u32 = 1;
/// The lead has been passed to it.
const LEAD: u32 = 2;

/// One for each thread; a thread waits for one thing at a time.
pub(crate) struct Parker {
    flags: AtomicU32,
    /// Whether it sleeps, or is about to, in its node's poll: then the poll's waker is needed.
    polling: AtomicBool,
    /// Waits since a glance paid, as one does where another thread tells this one while it looks, on another core.
    glances: AtomicU32,
    brought: Mutex<Brought>,
    thread: Thread,
}

/// Numbers a thread's waits: what comes of one that is over is not taken for what comes of the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct WaitNumber(u64);

/// What another thread has brought.
#[derive(Default)]
struct Brought {
    wait: WaitNumber,
    outcome: Option<Outcome>,
}

/// Looks at the flag between two other looks, by a thread that was told the last time: about as long as a look at the socket
/// takes.
const GLANCES: u32 = 24;
/// After one that paid, so many waits begin with glances; after that one in so many does.
const GLANCES_KEEP: u32 = 16;
const GLANCES_TRY: u32 = 64;

thread_local! {
    static MINE: OnceCell<Arc<Parker>> = const { OnceCell::new() };
}

impl Parker {
    /// The calling thread's, with no flag set, for a wait that begins.
    pub(crate) fn mine() -> (Arc<Self>, WaitNumber) {
        let mine = MINE.with(|mine| {
            mine.get_or_init(|| {
                let thread = std::thread::current();
                Arc::new(Self {
                    flags: AtomicU32::new(0),
                    polling: AtomicBool::new(false),
                    glances: AtomicU32::new(0),
                    brought: Mutex::default(),
                    thread,
                })
            })
            .clone()
        });
        let wait = {
            let mut brought = mine.brought.lock();
            let wait = WaitNumber(brought.wait.0 + 1);
            *brought = Brought { wait, outcome: None };
            wait
        };
        mine.flags.store(0, Ordering::SeqCst);
        (mine, wait)
    }

    /// Brings what has come of a wait, if the thread still waits for it. True if it sleeps in the poll, whose waker is needed.
    pub(crate) fn bring(&self, wait: WaitNumber, outcome: Outcome) -> bool {
        let mut brought = self.brought.lock();
        if brought.wait != wait {
            return false;
        }
        brought.outcome = Some(outcome);
        drop(brought);
        self.tell_ready()
    }

    /// What was brought.
    pub(crate) fn take_brought(&self) -> Option<Outcome> {
        self.brought.lock().outcome.take()
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.flags.load(Ordering::SeqCst) & READY != 0
    }

    pub(crate) fn has_lead(&self) -> bool {
        self.flags.load(Ordering::SeqCst) & LEAD != 0
    }

    /// Looks for a while whether it was told what it waits for, if that has paid of late.
    pub(crate) fn glance(&self, is_told: impl Fn(&Self) -> bool) -> bool {
        if self.glances.load(Ordering::Relaxed) >= GLANCES_KEEP {
            return is_told(self);
        }
        for _ in 0..GLANCES {
            if is_told(self) {
                self.glances.store(0, Ordering::Relaxed);
                return true;
            }
            std::hint::spin_loop();
        }
        false
    }

    /// A wait is over that another thread has ended, or has not.
    pub(crate) fn note_wait(&self, was_told: bool) {
        let waits = self.glances.load(Ordering::Relaxed).saturating_add(1);
        let tries = was_told && waits >= GLANCES_KEEP + GLANCES_TRY;
        self.glances.store(if tries { GLANCES_KEEP - 1 } else { waits }, Ordering::Relaxed);
    }

    /// Whether anything was told.
    pub(crate) fn is_told(&self) -> bool {
        self.flags.load(Ordering::SeqCst) != 0
    }

    pub(crate) fn clear_ready(&self) {
        self.flags.fetch_and(!READY, Ordering::SeqCst);
    }

    /// Tells the thread that what it waits for is there. True if it sleeps in the poll, whose waker is needed.
    pub(crate) fn tell_ready(&self) -> bool {
        self.tell(READY)
    }

    /// Passes it the lead.
    pub(crate) fn tell_lead(&self) -> bool {
        self.tell(LEAD)
    }

    fn tell(&self, flag: u32) -> bool {
        self.flags.fetch_or(flag, Ordering::SeqCst);
        let polling = self.polling.load(Ordering::SeqCst);
        if !polling {
            self.thread.unpark();
        }
        polling
    }

    /// Marks the thread as about to sleep in the poll; false if it was told something and must not.
    pub(crate) fn begin_poll(&self) -> bool {
        self.polling.store(true, Ordering::SeqCst);
        let may_sleep = !self.is_ready();
        if !may_sleep {
            self.end_poll();
        }
        may_sleep
    }

    pub(crate) fn end_poll(&self) {
        self.polling.store(false, Ordering::SeqCst);
    }

    /// Sleeps until told something, or for `timeout`. May return early; callers look again.
    pub(crate) fn park(&self, timeout: Option<Duration>) {
        if self.is_told() {
            return;
        }
        match timeout {
            Some(timeout) => std::thread::park_timeout(timeout),
            None => std::thread::park(),
        }
    }
}

/// A thread that waits for a completion is woken as any task would be.
pub(crate) struct ReadyWaker {
    pub(crate) parker: Arc<Parker>,
    pub(crate) poll: Arc<mio::Waker>,
}

impl Wake for ReadyWaker {
    fn wake(self: Arc<Self>) {
        if self.parker.tell_ready() {
            wake_poll(&self.poll);
        }
    }
}

/// Gets the leader out of its poll.
pub(crate) fn wake_poll(waker: &mio::Waker) {
    if let Err(error) = waker.wake() {
        log::error!("the poll cannot be woken: {error}");
    }
}
