//! The rules, each in a file of its own. They know the API's promises and its events, and nothing of the protocol.
mod at_least_once;
mod at_most_once;
mod ends;
mod mailbox;
mod memory;
mod one_way;
mod replies;
mod truth;

use std::collections::BTreeMap;
use std::fmt;

use sendrec_trap::{Options as Manner, Reliability, Semantics};

use super::log::{Aim, Entry, Kind, Life, Op, What};
use super::options::Options;

pub use memory::{Moment, check_rest, check_slice};

/// Which rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// What may run once at most runs once at most, whoever crashes and boots again.
    AtMostOnce,
    /// What was answered has run.
    AtLeastOnce,
    /// What was told as not executed is not.
    Truth,
    /// A reply is that to its request, goes to who asked and comes from who ran it, its bytes as they were.
    Replies,
    /// Whoever waits is told in the end.
    Ends,
    /// A mailbox holds no more than it may.
    Mailbox,
    /// A one-way message that was acknowledged was received, or its receiver has ended.
    OneWay,
    /// The kernel's tables stay within their bounds, and are small again when all is over.
    Memory,
    /// Nothing panics.
    Panic,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AtMostOnce => "at-most-once",
            Self::AtLeastOnce => "at-least-once",
            Self::Truth => "truth",
            Self::Replies => "replies",
            Self::Ends => "ends",
            Self::Mailbox => "mailbox",
            Self::OneWay => "one-way",
            Self::Memory => "memory",
            Self::Panic => "panic",
        })
    }
}

/// A rule that did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub rule: Rule,
    /// How, in words.
    pub text: String,
    /// The request in question, if one is.
    pub op: Option<Op>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.rule, self.text)
    }
}

impl Violation {
    pub(super) fn of(rule: Rule, op: impl Into<Option<Op>>, text: impl Into<String>) -> Self {
        Self { rule, text: text.into(), op: op.into() }
    }
}

/// What was asked for, and what came of it.
#[derive(Clone, Debug)]
pub struct Asked {
    op: Op,
    kind: Kind,
    aim: Aim,
    options: Manner,
    bytes: usize,
    by: Life,
    /// Places in the log: of the question, of the news that it was accepted, of its end.
    at: usize,
    accepted: Option<usize>,
    ended: Option<usize>,
    /// Lives that ran it, and where in the log.
    runs: Vec<(Life, usize)>,
}

impl Asked {
    /// Whether it is to run once at most, and its kernel sees to that.
    fn runs_once(&self) -> bool {
        let manner = self.options;
        manner.semantics == Semantics::AtMostOnce && manner.reliability != Reliability::Unreliable
    }
}

/// The log, put in order by request and by life.
pub struct Story<'a> {
    log: &'a [Entry],
    options: &'a Options,
    asked: BTreeMap<Op, Asked>,
    lives: BTreeMap<Life, Lived>,
}

/// A life: where in the log it begins and ends, and who it was.
struct Lived {
    started: usize,
    stopped: Option<usize>,
    machine: usize,
    local: sendrec_trap::LocalId,
    sparse: Option<sendrec_trap::SparseId>,
    buffering: sendrec_trap::Buffering,
}

impl Lived {
    fn is_meant(&self, aim: Aim) -> bool {
        match aim {
            Aim::Place(machine, local) => (self.machine, self.local) == (machine, local),
            Aim::Sparse(sparse) => self.sparse == Some(sparse),
        }
    }
}

impl<'a> Story<'a> {
    /// Of a log, and the options of its world.
    pub fn of(log: &'a [Entry], options: &'a Options) -> Self {
        let mut story = Self { log, options, asked: BTreeMap::new(), lives: BTreeMap::new() };
        for (place, entry) in log.iter().enumerate() {
            story.add(place, entry);
        }
        story
    }

    fn add(&mut self, place: usize, entry: &Entry) {
        match entry.what {
            What::Started { machine, local, sparse, buffering } => {
                let lived = Lived { started: place, stopped: None, machine, local, sparse, buffering };
                self.lives.insert(entry.life, lived);
            }
            What::Stopped => {
                if let Some(lived) = self.lives.get_mut(&entry.life) {
                    lived.stopped = Some(place);
                }
            }
            What::Asked { op, kind, aim, options, bytes } => {
                let (by, at, accepted, ended, runs) = (entry.life, place, None, None, Vec::new());
                self.asked.insert(op, Asked { op, kind, aim, options, bytes, by, at, accepted, ended, runs });
            }
            What::Accepted(op) => self.change(op, |asked| asked.accepted = Some(place)),
            What::Answered(op, _) | What::Failed(op, _) | What::Over(op) => {
                self.change(op, |asked| asked.ended = Some(place));
            }
            What::Ran(op, _) => self.change(op, |asked| asked.runs.push((entry.life, place))),
            What::Taken(_) | What::Passed(_) | What::Stray(_) | What::Garbled => {}
        }
    }

    fn change(&mut self, op: Op, change: impl FnOnce(&mut Asked)) {
        if let Some(asked) = self.asked.get_mut(&op) {
            change(asked);
        }
    }
}

/// Everything that did not hold in a log whose world has come to rest.
pub fn check(log: &[Entry], options: &Options) -> Vec<Violation> {
    let story = Story::of(log, options);
    let mut violations = at_most_once::check(&story);
    violations.extend(at_least_once::check(&story));
    violations.extend(truth::check(&story));
    violations.extend(replies::check(&story));
    violations.extend(ends::check(&story));
    violations.extend(mailbox::check(&story));
    violations.extend(one_way::check(&story));
    violations
}
