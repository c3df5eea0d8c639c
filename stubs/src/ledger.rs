//! Where a few bytes survive a crash: a binder's entries, a client's calls under way.
use std::io;

/// Where bytes survive a restart.
pub trait Ledger {
    /// What was written down last; nothing at the first start.
    fn read(&self) -> io::Result<Option<Vec<u8>>>;
    /// Writes it down in place of what was there before, whole or not at all, and safe when this returns.
    fn write(&self, bytes: &[u8]) -> io::Result<()>;
}

/// A ledger that is gone when its process is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unkept;

impl Ledger for Unkept {
    fn read(&self) -> io::Result<Option<Vec<u8>>> {
        Ok(None)
    }

    fn write(&self, _: &[u8]) -> io::Result<()> {
        Ok(())
    }
}
