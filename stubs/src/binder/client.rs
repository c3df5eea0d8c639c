//! Asking the binder.
use bytes::Bytes;
use sendrec_trap::{Process, Target, Trap};

use super::protocol::binder_1::Client;
use super::protocol::{Entry, Found, Offer, Status, Text};
use super::table::parse_handle;
use crate::{CallError, Remote};

/// Proof that an entry is one's own: 16 bytes that nobody else knows.
pub type Credential = super::protocol::Credential;

/// Why the binder did not do it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum BinderError {
    /// It could not be asked.
    #[error("the binder: {0}")]
    Call(#[from] CallError),
    /// Nobody offers the service, or nobody who lives. Is its server up, and registered?
    #[error("nobody offers {name}")]
    NotFound {
        /// Which.
        name: String,
    },
    /// The service is offered, in other versions.
    #[error("{name} is offered in versions {low} to {high}, and not in version {version}")]
    VersionMismatch {
        /// Which.
        name: String,
        /// What was asked for.
        version: u32,
        /// The lowest there is.
        low: u32,
        /// The highest.
        high: u32,
    },
    /// The entry was registered with another credential. Nothing changed.
    #[error("the entry of {name} is somebody else's")]
    NotYours {
        /// Which.
        name: String,
    },
    /// The binder takes no such name or handle. Nothing changed.
    #[error("{name} at {handle}: not a service's name, or not an address")]
    BadName {
        /// Which name.
        name: String,
        /// Which handle.
        handle: String,
    },
    /// The binder has as many entries as it may. Nothing changed.
    #[error("the binder is full")]
    Full,
    /// The binder could not write the change down. Nothing changed.
    #[error("the binder cannot write its entries down")]
    NotKept,
    /// What it answered is no answer to that.
    #[error("the binder's answer makes no sense")]
    Nonsense,
}

/// A binder, as one process sees it.
#[derive(Debug)]
pub struct Binder<'p, 't, T: Trap + ?Sized> {
    me: &'p Process<'t, T>,
    client: Client<Remote<'p, 't, T>>,
}

fn entry(name: &str, version: u32, handle: impl Into<Target>, unique_id: u64) -> Entry {
    let handle = Bytes::from(handle.into().to_string());
    Entry { name: Bytes::copy_from_slice(name.as_bytes()), vers: version, handle, unique_id }
}

/// What it means that this was not done to the entry.
fn done(status: Status, entry: &Entry) -> Result<(), BinderError> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let name = text(&entry.name);
    match status {
        Status::Ok => Ok(()),
        Status::NotFound => Err(BinderError::NotFound { name }),
        Status::NotYours => Err(BinderError::NotYours { name }),
        Status::BadName => Err(BinderError::BadName { name, handle: text(&entry.handle) }),
        Status::Full => Err(BinderError::Full),
        Status::NotKept => Err(BinderError::NotKept),
        Status::VersionMismatch => Err(BinderError::Nonsense),
    }
}

impl<'p, 't, T: Trap + ?Sized> Binder<'p, 't, T> {
    /// The binder at that place, or with that sparse id ([`super::BINDER`]), asked by `me`.
    pub fn new(me: &'p Process<'t, T>, binder: impl Into<Target>) -> Self {
        Self { me, client: Client::new(Remote::new(me, binder)) }
    }

    /// Offers a service at `handle`. `unique_id` tells instances of it apart; one's own entry is replaced.
    pub fn register(
        &self,
        name: &str,
        version: u32,
        handle: impl Into<Target>,
        unique_id: u64,
        credential: Credential,
    ) -> Result<(), BinderError> {
        let offer = Offer { entry: entry(name, version, handle, unique_id), credential };
        done(self.client.register(&offer)?, &offer.entry)
    }

    /// And no longer.
    pub fn deregister(
        &self,
        name: &str,
        version: u32,
        unique_id: u64,
        credential: Credential,
    ) -> Result<(), BinderError> {
        let offer = Offer { entry: entry(name, version, self.me.address(), unique_id), credential };
        done(self.client.deregister(&offer)?, &offer.entry)
    }

    /// One who offers the service: its handle, and its unique id.
    pub fn lookup(&self, name: &str, version: u32) -> Result<(Target, u64), BinderError> {
        match self.client.lookup(name.as_bytes(), version)? {
            Found::Ok(entry) => {
                let handle = parse_handle(&entry.handle).ok_or(BinderError::Nonsense)?;
                Ok((handle, entry.unique_id))
            }
            Found::VersionMismatch(versions) => Err(mismatch(name, version, versions.low, versions.high)),
            Found::Default(_) => Err(BinderError::NotFound { name: name.into() }),
        }
    }

    /// One who offers the service, to be called.
    pub fn import(&self, name: &str, version: u32) -> Result<Remote<'p, 't, T>, BinderError> {
        self.lookup(name, version).map(|(handle, _)| Remote::new(self.me, handle))
    }

    /// Publishes the text of a registered service's interface (slide 35).
    pub fn publish(
        &self,
        name: &str,
        version: u32,
        unique_id: u64,
        credential: Credential,
        interface: &str,
    ) -> Result<(), BinderError> {
        let offer = Offer { entry: entry(name, version, self.me.address(), unique_id), credential };
        done(self.client.publish(&offer, interface.as_bytes())?, &offer.entry)
    }

    /// The interface of a service, if one of its servers has published it.
    pub fn interface(&self, name: &str, version: u32) -> Result<Bytes, BinderError> {
        match self.client.fetch(name.as_bytes(), version)? {
            Text::Ok(text) => Ok(text),
            Text::VersionMismatch(versions) => Err(mismatch(name, version, versions.low, versions.high)),
            Text::Default(_) => Err(BinderError::NotFound { name: name.into() }),
        }
    }

    /// All entries, by name and version.
    pub fn list(&self) -> Result<Vec<Entry>, BinderError> {
        let mut all = Vec::new();
        loop {
            let more = self.client.list(all.len() as u32)?;
            if more.is_empty() {
                return Ok(all);
            }
            all.extend(more);
        }
    }
}

fn mismatch(name: &str, version: u32, low: u32, high: u32) -> BinderError {
    BinderError::VersionMismatch { name: name.into(), version, low, high }
}
