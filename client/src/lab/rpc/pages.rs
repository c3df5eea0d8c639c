//! A page that somebody writes and somebody reads through a cache (homework, question 1).
use std::collections::BTreeMap;
use std::time::Duration;

use sendrec_trap::{Target, Trap};

use crate::files::{Cached, FileError, RpcFiles, Validation};

/// How long a call waits.
const TIMEOUT: Duration = Duration::from_secs(25);
/// Bytes of all copies together.
const CACHE_BYTES: usize = 1 << 20;

/// Which server's, and whether copies are validated.
type Key = (String, bool);

/// The caches of a process.
#[derive(Debug)]
pub(super) struct Caches<'t, T: Trap + ?Sized>(BTreeMap<Key, Cached<'t, T>>);

impl<'t, T: Trap + ?Sized> Caches<'t, T> {
    pub(super) const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Reads a file through the cache for that server.
    pub(super) fn browse(
        &mut self,
        gate: &'t T,
        server: Target,
        file: &str,
        checked: bool,
    ) -> Result<String, FileError> {
        let key = (server.to_string(), checked);
        if !self.0.contains_key(&key) {
            let validation = if checked { Validation::BeforeUse } else { Validation::Never };
            let cache = Cached::new(RpcFiles::new(gate, server, TIMEOUT)?, validation, CACHE_BYTES);
            self.0.insert(key.clone(), cache);
        }
        let Some(cache) = self.0.get_mut(&key) else { return Ok(String::new()) };
        cache.read(file.as_bytes()).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// Writes a text at the beginning of a file, by a call.
pub(super) fn write<T: Trap + ?Sized>(
    gate: &T,
    server: Target,
    file: &str,
    text: &str,
) -> Result<String, FileError> {
    RpcFiles::new(gate, server, TIMEOUT)?.write(file.as_bytes(), 0, text.as_bytes())?;
    Ok("written".to_owned())
}
