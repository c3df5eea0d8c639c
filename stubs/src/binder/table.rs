//! Who offers what: entries by name and version, their turn, and what is written down of them.
use std::collections::BTreeMap;

use bytes::Bytes;
use sendrec_trap::Instant;

use super::protocol::{self, Entry, Kept, Offer, Status, Versions};
use crate::xdr::{Decoder, EncodeError, Encoder, Limits, Xdr};

/// Entries of all services together.
pub const ENTRIES_MAX: usize = 4_096;

#[derive(Clone, Debug)]
struct Instance {
    offer: Offer,
    text: Bytes,
    /// When it was last known to live.
    proved: Option<Instant>,
}

#[derive(Clone, Debug, Default)]
struct Instances {
    list: Vec<Instance>,
    /// Whose turn it is.
    next: usize,
}

/// The entries.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    services: BTreeMap<Bytes, BTreeMap<u32, Instances>>,
    count: usize,
}

/// Why a service of that version cannot be given.
pub(super) enum Absent {
    Service,
    Version(Versions),
}

impl Table {
    /// What was written down. An error names what is wrong with it.
    pub(super) fn parse(bytes: Vec<u8>) -> Result<Self, String> {
        let limits = Limits { is_strict: true, ..Limits::default() };
        let mut input = Decoder::with_limits(bytes.into(), limits);
        let ledger =
            protocol::Registrations::decode(&mut input).and_then(|ledger| input.end().map(|()| ledger));
        let mut table = Self::default();
        for Kept { offer, text } in ledger.map_err(|error| error.to_string())?.kept {
            table.add(Instance { offer, text, proved: None });
        }
        Ok(table)
    }

    /// To be written down.
    pub(super) fn bytes(&self) -> Result<Bytes, EncodeError> {
        let kept = self.instances().map(|one| Kept { offer: one.offer.clone(), text: one.text.clone() });
        let mut out = Encoder::new();
        protocol::Registrations { kept: kept.collect() }.encode(&mut out)?;
        Ok(out.finish())
    }

    fn instances(&self) -> impl Iterator<Item = &Instance> {
        self.services.values().flat_map(BTreeMap::values).flat_map(|instances| &instances.list)
    }

    pub(super) fn list(&self) -> impl Iterator<Item = &Entry> {
        self.instances().map(|one| &one.offer.entry)
    }

    fn add(&mut self, instance: Instance) {
        let entry = &instance.offer.entry;
        let versions = self.services.entry(entry.name.clone()).or_default();
        versions.entry(entry.vers).or_default().list.push(instance);
        self.count += 1;
    }

    fn find(&mut self, entry: &Entry) -> Option<&mut Instance> {
        let instances = self.services.get_mut(&entry.name)?.get_mut(&entry.vers)?;
        instances.list.iter_mut().find(|one| one.offer.entry.unique_id == entry.unique_id)
    }

    pub(super) fn register(&mut self, offer: Offer, now: Instant) -> Status {
        if !is_name(&offer.entry.name) || parse_handle(&offer.entry.handle).is_none() {
            return Status::BadName;
        }
        if let Some(known) = self.find(&offer.entry) {
            if known.offer.credential != offer.credential {
                return Status::NotYours;
            }
            (known.offer, known.proved) = (offer, Some(now));
            return Status::Ok;
        }
        if self.count >= ENTRIES_MAX {
            return Status::Full;
        }
        self.add(Instance { offer, text: Bytes::new(), proved: Some(now) });
        Status::Ok
    }

    /// Whether it is there and the credential is its own.
    fn check(&mut self, offer: &Offer) -> Status {
        match self.find(&offer.entry) {
            None => Status::NotFound,
            Some(known) if known.offer.credential != offer.credential => Status::NotYours,
            Some(_) => Status::Ok,
        }
    }

    pub(super) fn deregister(&mut self, offer: &Offer) -> Status {
        let status = self.check(offer);
        if status == Status::Ok {
            self.remove(&offer.entry);
        }
        status
    }

    pub(super) fn remove(&mut self, entry: &Entry) {
        let Some(versions) = self.services.get_mut(&entry.name) else { return };
        let Some(instances) = versions.get_mut(&entry.vers) else { return };
        let before = instances.list.len();
        instances.list.retain(|one| one.offer.entry.unique_id != entry.unique_id);
        self.count -= before - instances.list.len();
        if instances.list.is_empty() {
            versions.remove(&entry.vers);
        }
        if versions.is_empty() {
            self.services.remove(&entry.name);
        }
    }

    pub(super) fn publish(&mut self, offer: &Offer, text: Bytes) -> Status {
        let status = self.check(offer);
        if let (Status::Ok, Some(known)) = (status, self.find(&offer.entry)) {
            known.text = text;
        }
        status
    }

    fn of(&mut self, name: &[u8], version: u32) -> Result<&mut Instances, Absent> {
        let Some(versions) = self.services.get_mut(name) else { return Err(Absent::Service) };
        let bounds = versions.keys().next().zip(versions.keys().next_back());
        let mismatch = bounds.map(|(low, high)| Versions { low: *low, high: *high });
        match (versions.get_mut(&version), mismatch) {
            (Some(instances), _) => Ok(instances),
            (None, Some(versions)) => Err(Absent::Version(versions)),
            (None, None) => Err(Absent::Service),
        }
    }

    /// The instance whose turn it is, and when it last proved that it lives.
    pub(super) fn next(&mut self, name: &[u8], version: u32) -> Result<(Entry, Option<Instant>), Absent> {
        let instances = self.of(name, version)?;
        let place = instances.next % instances.list.len().max(1);
        instances.next = place + 1;
        instances.list.get(place).map(|one| (one.offer.entry.clone(), one.proved)).ok_or(Absent::Service)
    }

    pub(super) fn prove(&mut self, entry: &Entry, now: Instant) {
        if let Some(known) = self.find(entry)
            && known.offer.entry == *entry
        {
            known.proved = Some(now);
        }
    }

    /// One that was `proved` last then and did not live now: it is removed, unless it has registered anew meanwhile.
    pub(super) fn forget(&mut self, entry: &Entry, proved: Option<Instant>) {
        if self.find(entry).is_some_and(|known| known.offer.entry == *entry && known.proved == proved) {
            self.remove(entry);
        }
    }

    /// The interface that an instance has published.
    pub(super) fn text(&mut self, name: &[u8], version: u32) -> Result<Bytes, Absent> {
        let instances = self.of(name, version)?;
        let published = instances.list.iter().find(|one| !one.text.is_empty());
        published.map(|one| one.text.clone()).ok_or(Absent::Service)
    }
}

fn is_name(name: &[u8]) -> bool {
    let fits = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    !name.is_empty() && name.iter().all(fits)
}

/// Where a handle leads, if anywhere.
pub(super) fn parse_handle(handle: &[u8]) -> Option<sendrec_trap::Target> {
    std::str::from_utf8(handle).ok()?.parse().ok()
}
