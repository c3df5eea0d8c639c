//! What actors have round them: the stage they play on, who is where, and what is told of their steps.
use std::collections::BTreeMap;
use std::time::Duration;

use sendrec_trap::{Address, LocalId, SparseId, Trap};
use serde::{Deserialize, Serialize};

/// Where a script is played.
pub trait Stage: Trap {
    /// Lets so much time pass.
    fn sleep(&self, span: Duration);

    /// Writes over memory that a process has lent to the kernel, as careless programs do: what is sent from here on is
    /// `after` where it would have been `before`. False where the language does not let it happen.
    fn scribble(&self, process: LocalId, before: &[u8], after: &[u8]) -> bool;

    /// A wait that ends by itself in the end begins, or is over.
    fn bounded(&self, _begins: bool) {}
}

/// What a step has brought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// Which process's step.
    pub process: String,
    /// In words.
    pub step: String,
    /// A reply, a message, an error's text.
    pub result: String,
    /// When its step began, since the start of the run.
    #[serde(rename = "began_us", with = "micros")]
    pub began: Duration,
    /// When it brought this; in files, us.
    #[serde(rename = "at_us", with = "micros")]
    pub at: Duration,
}

/// Times as whole microseconds.
mod micros {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    #[allow(clippy::trivially_copy_pass_by_ref)] // As serde calls it.
    pub(super) fn serialize<S: Serializer>(span: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(u64::try_from(span.as_micros()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_micros)
    }
}

/// Who is where.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Directory {
    /// Processes by name, and machines by theirs, which stand for their first process.
    pub processes: BTreeMap<String, Entry>,
    /// The name server, if there is one.
    pub names: Option<Address>,
}

/// What is known of a process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Where it is.
    pub address: Address,
    /// How it is to be called, if not by its place: its sparse id.
    pub sparse: Option<SparseId>,
    /// Or the name it is registered by.
    pub name: Option<String>,
}
