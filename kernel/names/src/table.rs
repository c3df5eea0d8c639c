//! Who has which name: bounded, and nothing else. Whether a holder lives is not this table's to know.
use std::collections::BTreeMap;
use std::ops::Bound;

use sendrec_trap::{Machine, Target};

use crate::message::{Code, Token};
use crate::name::Name;

/// Names one server holds.
pub const NAMES_MAX: usize = 65_536;
/// Names registered from one machine: one machine does not keep all others out.
pub const NAMES_PER_MACHINE_MAX: usize = 4_096;

/// Who holds a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) place: Target,
    pub(crate) token: Token,
    /// From where it was registered.
    pub(crate) registrant: Machine,
}

#[derive(Debug, Default)]
pub(crate) struct Table {
    names: BTreeMap<Name, Entry>,
    by_machine: BTreeMap<Machine, usize>,
}

impl Table {
    pub(crate) fn get(&self, name: &Name) -> Option<Entry> {
        self.names.get(name).copied()
    }

    /// Gives the name to `entry`, whoever had it before.
    pub(crate) fn put(&mut self, name: Name, entry: Entry) -> Result<(), Code> {
        let before = self.get(&name);
        let is_more = before.is_none_or(|before| before.registrant != entry.registrant);
        let from_there = self.by_machine.get(&entry.registrant).copied().unwrap_or(0);
        if (before.is_none() && self.names.len() >= NAMES_MAX)
            || (is_more && from_there >= NAMES_PER_MACHINE_MAX)
        {
            return Err(Code::E_FULL);
        }
        self.remove(&name);
        *self.by_machine.entry(entry.registrant).or_default() += 1;
        self.names.insert(name, entry);
        Ok(())
    }

    pub(crate) fn remove(&mut self, name: &Name) {
        let Some(entry) = self.names.remove(name) else { return };
        if let Some(count) = self.by_machine.get_mut(&entry.registrant) {
            *count -= 1;
            if *count == 0 {
                self.by_machine.remove(&entry.registrant);
            }
        }
    }

    /// The names that begin with `prefix`, in their order, from the first one behind `after` on.
    pub(crate) fn list<'a>(
        &'a self,
        prefix: &'a str,
        after: Option<&'a Name>,
    ) -> impl Iterator<Item = (&'a Name, Target)> {
        // From wherever is further: the prefix is no name where it is empty.
        let start = Name::new(prefix.as_bytes()).ok();
        let from = match (after, &start) {
            (Some(after), Some(start)) if after < start => Bound::Included(start.clone()),
            (Some(after), _) => Bound::Excluded(after.clone()),
            (None, Some(start)) => Bound::Included(start.clone()),
            (None, None) => Bound::Unbounded,
        };
        self.names
            .range((from, Bound::Unbounded))
            .take_while(move |(name, _)| name.as_str().starts_with(prefix))
            .map(|(name, entry)| (name, entry.place))
    }
}
