//! How calls go: how long, how often, and when one that failed is sent again.
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use sendrec_trap::{CallError as KernelError, Instant};

use crate::error::{Ran, ran};

/// How long a call waits if nothing else is said: as on slide 27.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(25);

/// How often a procedure may run for one call (slide 37).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CallSemantics {
    /// Sent once: it runs, or perhaps not, and nobody need know.
    Maybe,
    /// Sent until there is an answer, and run each time it arrives. For what may be repeated.
    AtLeastOnce,
    /// Run once or not at all.
    #[default]
    AtMostOnce,
    /// Run once, though the server crashes: sent until there is an answer, and its time is not over. Takes a server that
    /// writes down what it did ([`crate::once`]), and a client that says who it is ([`crate::Remote::known_as`]).
    ExactlyOnce,
}

/// How calls go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallOptions {
    /// How long one waits, copies that are sent again included.
    pub timeout: Duration,
    /// How often it may run.
    pub semantics: CallSemantics,
    /// Whether a call that failed is sent again, where its semantics allow it. Exactly once does so whatever is said here.
    pub retries: Retries,
}

impl Default for CallOptions {
    fn default() -> Self {
        Self { timeout: CALL_TIMEOUT, semantics: CallSemantics::default(), retries: Retries::NONE }
    }
}

impl CallOptions {
    /// The same, over no later than `left` from now: for calls that are made to answer another
    /// ([`crate::Context::left`]).
    #[must_use]
    pub fn within(self, left: Option<Duration>) -> Self {
        Self { timeout: left.map_or(self.timeout, |left| left.min(self.timeout)), ..self }
    }
}

/// When a call that failed is sent again: each wait is twice the one before, less up to half of it by chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retries {
    /// How often at most.
    pub most: u32,
    /// How long before the first.
    pub first_wait: Duration,
    /// How long before any.
    pub longest_wait: Duration,
}

impl Retries {
    /// Never.
    pub const NONE: Self = Self::up_to(0);

    /// So often at most, after 50 ms at first and 2 s at last.
    pub const fn up_to(most: u32) -> Self {
        Self { most, first_wait: Duration::from_millis(50), longest_wait: Duration::from_secs(2) }
    }
}

/// How many calls may be sent again, of all that are sent: each call adds a part of one, each that is sent again takes one
/// away. So a server in trouble is not given several times the work it cannot do.
#[derive(Debug)]
pub struct RetryBudget {
    /// Millionths.
    left: AtomicI64,
    most: i64,
    per_call: i64,
}

/// A call's worth of a budget.
const ONE: i64 = 1_000_000;

impl RetryBudget {
    /// `most` at once, and one more for every `calls_each` calls.
    pub fn new(most: u32, calls_each: u32) -> Self {
        let most = i64::from(most) * ONE;
        let per_call = (ONE / i64::from(calls_each.max(1))).max(1);
        Self { left: AtomicI64::new(most), most, per_call }
    }

    /// A call is made.
    pub(crate) fn call(&self) {
        let more = |left: i64| Some(self.most.min(left + self.per_call));
        let _ = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
    }

    /// One is to be sent again. False if there is nothing left for it.
    fn spend(&self) -> bool {
        let less = |left: i64| (left >= ONE).then_some(left - ONE);
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }
}

impl Default for RetryBudget {
    /// Ten at once, and one for every ten calls.
    fn default() -> Self {
        Self::new(10, 10)
    }
}

/// The copies of one call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempts {
    options: CallOptions,
    /// To run it twice is to run it once.
    is_idempotent: bool,
    sent_again: u32,
    wait: Duration,
    pub(crate) deadline: Instant,
    /// How a copy ended that may have run: whatever becomes of later ones, that is what is known of the call.
    doubt: Option<KernelError>,
}

impl Attempts {
    pub(crate) fn new(options: CallOptions, is_idempotent: bool, now: Instant) -> Self {
        let (wait, deadline) = (options.retries.first_wait, now + options.timeout);
        Self { options, is_idempotent, sent_again: 0, wait, deadline, doubt: None }
    }

    /// A copy has ended so. How long to wait before another goes; or how the call has ended, if none does.
    pub(crate) fn again(
        &mut self,
        error: KernelError,
        now: Instant,
        budget: Option<&RetryBudget>,
    ) -> Result<Duration, KernelError> {
        if !matches!(ran(error), Ran::No) {
            self.doubt.get_or_insert(error);
        }
        let exactly_once = self.options.semantics == CallSemantics::ExactlyOnce;
        let wait = self.wait - self.wait.mul_f64(0.5 * chance(now));
        let may = may_go_again(error, self.options.semantics, self.is_idempotent)
            && (exactly_once || self.sent_again < self.options.retries.most)
            && self.deadline.since(now) > wait
            && budget.is_none_or(RetryBudget::spend);
        if !may {
            return Err(self.over(error));
        }
        self.sent_again = self.sent_again.saturating_add(1);
        self.wait = (2 * self.wait).min(self.options.retries.longest_wait);
        Ok(wait)
    }

    /// The last copy has ended so: how the call has.
    pub(crate) fn over(&self, error: KernelError) -> KernelError {
        match self.doubt {
            Some(doubt) if matches!(ran(error), Ran::No) => doubt,
            _ => error,
        }
    }
}

/// From 0 to 1, so that clients that failed together do not come again together.
fn chance(now: Instant) -> f64 {
    let mixed = now.since(Instant::default()).as_nanos() as u64;
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed >> 11) as f64 / (1_u64 << 53) as f64
}

/// Whether a copy may follow one that ended so.
const fn may_go_again(error: KernelError, semantics: CallSemantics, is_idempotent: bool) -> bool {
    match error {
        KernelError::CrashedNotExecuted | KernelError::NotLocated => {
            !matches!(semantics, CallSemantics::Maybe)
        }
        KernelError::NoSuchProcess
        | KernelError::NoAnswer
        | KernelError::CrashedUnknown
        | KernelError::ReplyDiscarded
        | KernelError::Refused => match semantics {
            CallSemantics::Maybe => false,
            CallSemantics::AtMostOnce => is_idempotent,
            CallSemantics::AtLeastOnce | CallSemantics::ExactlyOnce => true,
        },
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_end_with_the_budget_the_number_or_the_deadline() {
        let options = CallOptions {
            timeout: Duration::from_secs(3),
            semantics: CallSemantics::AtLeastOnce,
            retries: Retries::up_to(4),
        };
        let start = Instant::default();
        let mut attempts = Attempts::new(options, false, start);
        let mut now = start;
        let mut waits = Vec::new();
        while let Ok(wait) = attempts.again(KernelError::CrashedUnknown, now, None) {
            now = now + wait;
            waits.push(wait);
        }
        assert_eq!(waits.len(), 4);
        for (wait, most) in waits.iter().zip([50, 100, 200, 400]) {
            assert!((most / 2..=most).contains(&(wait.as_millis() as u64)), "{wait:?}");
        }
        let mut late = Attempts::new(options, false, start);
        let nearly = start + Duration::from_millis(2_999);
        assert_eq!(late.again(KernelError::CrashedUnknown, nearly, None), Err(KernelError::CrashedUnknown));
        // What came last does not hide that an earlier copy may have run.
        assert_eq!(late.again(KernelError::NotLocated, nearly, None), Err(KernelError::CrashedUnknown));
        let budget = RetryBudget::new(2, 10);
        let mut spent = 0;
        for _ in 0..5 {
            let mut one = Attempts::new(options, false, start);
            budget.call();
            spent += usize::from(one.again(KernelError::CrashedUnknown, start, Some(&budget)).is_ok());
        }
        assert_eq!(spent, 2, "five calls earn half of another");
    }

    #[test]
    fn what_may_have_run_is_sent_again_only_where_that_is_allowed() {
        let may = |semantics, is_idempotent| {
            let of = |error| may_go_again(error, semantics, is_idempotent);
            (of(KernelError::CrashedNotExecuted), of(KernelError::CrashedUnknown), of(KernelError::TooLong))
        };
        assert_eq!(may(CallSemantics::Maybe, true), (false, false, false));
        assert_eq!(may(CallSemantics::AtMostOnce, false), (true, false, false));
        assert_eq!(may(CallSemantics::AtMostOnce, true), (true, true, false));
        assert_eq!(may(CallSemantics::AtLeastOnce, false), (true, true, false));
        assert_eq!(may(CallSemantics::ExactlyOnce, false), (true, true, false));
    }
}
