//! Packet rules at work on one sender's packets.
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

use super::Faults;
use super::packet::{Harm, Nth, Scope};
use crate::rng::Rng;
use crate::trace::Verdict;
use crate::wire::PacketType;

/// A packet held back comes at least this much later than sent.
const HOLD_MIN: Duration = Duration::from_micros(200);
/// And at most this much.
const HOLD_MAX: Duration = Duration::from_millis(5);

/// What is to be done with one packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Treatment {
    /// How often it is sent: 0, 1 or 2 times.
    pub copies: u32,
    /// How much later all copies go.
    pub delay: Duration,
    /// How much later still the last copy goes.
    pub hold: Duration,
    /// Which bit is flipped: this number, modulo the packet's bits.
    pub flip: Option<u64>,
    /// What to say of it, and by which rule; `None` if it passes untouched.
    pub verdict: Option<(Verdict, String)>,
}

impl Treatment {
    /// It passes untouched.
    pub const UNTOUCHED: Self =
        Self { copies: 1, delay: Duration::ZERO, hold: Duration::ZERO, flip: None, verdict: None };

    /// Of several things done, the one that matters most is told.
    fn tell(&mut self, verdict: Verdict, rule: &str) {
        let weight = |verdict| match verdict {
            Verdict::Dropped => 3,
            Verdict::Corrupted => 2,
            Verdict::Duplicated => 1,
            Verdict::Delayed => 0,
        };
        if self.verdict.as_ref().is_none_or(|(told, _)| weight(*told) < weight(verdict)) {
            self.verdict = Some((verdict, rule.to_string()));
        }
    }

    /// This, and then what another set of rules does.
    #[must_use]
    pub fn then(mut self, other: Self) -> Self {
        self.copies = (self.copies * other.copies).min(2);
        self.delay += other.delay;
        self.hold = self.hold.max(other.hold);
        self.flip = self.flip.or(other.flip);
        if let Some((verdict, rule)) = other.verdict {
            self.tell(verdict, &rule);
        }
        self
    }

    /// Flips the bit that is to be flipped.
    pub fn corrupt(&self, bytes: &mut [u8]) {
        if let Some(flip) = self.flip
            && !bytes.is_empty()
        {
            let bit = flip % (bytes.len() as u64 * 8);
            bytes[(bit / 8) as usize] ^= 1 << (bit % 8);
        }
    }
}

/// One rule, what it has seen and what decides it.
#[derive(Clone, Debug)]
struct Active {
    harm: Harm,
    scope: Scope,
    text: String,
    /// Its own, so that what one rule decides does not shift what the others do.
    rng: Rng,
    /// Packets of its type so far.
    seen: u64,
    /// Of a burst: whether the line is bad.
    bad: bool,
}

/// Rules at work on one sender's packets.
#[derive(Clone, Debug)]
pub struct Injector {
    rules: Vec<Active>,
    from: Option<String>,
}

/// FNV-1a: a stream of numbers for each rule by its text.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

impl Injector {
    /// Rules that have seen nothing yet, for a sender whose name is not known.
    pub fn new(faults: &Faults) -> Self {
        Self::of(faults, None)
    }

    /// Rules that have seen nothing yet, for the sender of this name.
    pub fn of(faults: &Faults, from: Option<&str>) -> Self {
        let meant = faults
            .packets
            .iter()
            .filter(|rule| rule.scope.from.is_none() || rule.scope.from.as_deref() == from);
        let active = meant.map(|rule| {
            let text = rule.to_string();
            let rng = Rng::new(faults.seed ^ hash(&text));
            Active { harm: rule.harm, scope: rule.scope.clone(), text, rng, seen: 0, bad: false }
        });
        Self { rules: active.collect(), from: from.map(ToString::to_string) }
    }

    /// Whether it lets everything pass.
    pub const fn is_idle(&self) -> bool {
        self.rules.is_empty()
    }

    /// What becomes of the sender's next packet, to a machine of this name if it is known.
    pub fn judge(&mut self, kind: PacketType, to: Option<&str>) -> Treatment {
        self.judge_copy(kind, to, true)
    }

    /// What becomes of one receiver's copy of a broadcast. It counts as one packet: say which copy is the `first`.
    pub fn judge_copy(&mut self, kind: PacketType, to: Option<&str>, first: bool) -> Treatment {
        let mut treatment = Treatment::UNTOUCHED;
        for rule in &mut self.rules {
            if rule.scope.has(self.from.as_deref(), to) {
                let counts = first || rule.scope.to.is_some();
                rule.apply(kind, counts, &mut treatment);
            }
        }
        if treatment.copies == 0 {
            treatment = Treatment { copies: 0, verdict: treatment.verdict, ..Treatment::UNTOUCHED };
        }
        treatment
    }
}

impl Active {
    /// Whether this packet is one of those meant.
    fn is_nth(&mut self, nth: Nth, kind: PacketType, counts: bool) -> bool {
        if kind != nth.kind {
            return false;
        }
        self.seen += u64::from(counts);
        nth.has(self.seen)
    }

    fn apply(&mut self, kind: PacketType, counts: bool, treatment: &mut Treatment) {
        let (verdict, done) = match self.harm {
            Harm::Loss(chance) => (Verdict::Dropped, self.rng.chance(chance)),
            Harm::Burst { enter, leave, loss } => {
                self.bad ^= self.rng.chance(if self.bad { leave } else { enter });
                (Verdict::Dropped, self.rng.chance(loss) && self.bad)
            }
            Harm::DropNth(nth) => (Verdict::Dropped, self.is_nth(nth, kind, counts)),
            Harm::Duplicate(chance) => (Verdict::Duplicated, self.rng.chance(chance)),
            Harm::DuplicateNth(nth) => (Verdict::Duplicated, self.is_nth(nth, kind, counts)),
            Harm::Corrupt(chance) => (Verdict::Corrupted, self.rng.chance(chance)),
            Harm::CorruptNth(nth) => (Verdict::Corrupted, self.is_nth(nth, kind, counts)),
            Harm::Reorder(chance) => (Verdict::Delayed, self.rng.chance(chance)),
            Harm::Delay(_) => (Verdict::Delayed, true),
            Harm::DelayNth(nth, _) => (Verdict::Delayed, self.is_nth(nth, kind, counts)),
        };
        if !done {
            return;
        }
        match (verdict, self.harm) {
            (Verdict::Dropped, _) => treatment.copies = 0,
            (Verdict::Duplicated, _) => treatment.copies = (treatment.copies * 2).min(2),
            (Verdict::Corrupted, _) => treatment.flip = Some(self.rng.next_u64()),
            (_, Harm::Delay(span) | Harm::DelayNth(_, span)) => {
                treatment.delay = treatment.delay.saturating_add(span);
            }
            (Verdict::Delayed, _) => {
                let span = (HOLD_MAX - HOLD_MIN).as_nanos() as u64;
                treatment.hold = HOLD_MIN + Duration::from_nanos(self.rng.below(span));
            }
        }
        treatment.tell(verdict, &self.text);
    }
}
