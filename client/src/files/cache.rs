//! Copies of files at the client, and whether the server is asked if they are the newest (homework, question 1).
use std::collections::BTreeMap;

use bytes::Bytes;
use sendrec_trap::Trap;

use super::{FileError, RpcFiles};

/// Whether a copy is compared with the server's file before it is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Validation {
    /// Each time: what was written before, by whomever, is read. One short call, and the file is fetched only if it has
    /// changed.
    #[default]
    BeforeUse,
    /// Never: quick, and stale.
    Never,
}

/// Files read as a whole, and kept.
#[derive(Debug)]
pub struct Cached<'t, T: Trap + ?Sized> {
    files: RpcFiles<'t, T>,
    validation: Validation,
    copies: BTreeMap<Vec<u8>, Copy>,
    /// Bytes of all copies, and how many there may be.
    bytes: usize,
    bytes_max: usize,
    uses: u64,
}

#[derive(Clone, Debug)]
struct Copy {
    data: Bytes,
    change: u64,
    used: u64,
}

impl<'t, T: Trap + ?Sized> Cached<'t, T> {
    /// Copies of `files`, of `bytes_max` bytes together.
    pub const fn new(files: RpcFiles<'t, T>, validation: Validation, bytes_max: usize) -> Self {
        Self { files, validation, copies: BTreeMap::new(), bytes: 0, bytes_max, uses: 0 }
    }

    /// All of a file: its copy, if there is one that may be used; else it is fetched.
    pub fn read(&mut self, file: &[u8]) -> Result<Bytes, FileError> {
        self.uses += 1;
        if let Some(copy) = self.copies.get_mut(file)
            && (self.validation == Validation::Never || self.files.stat_change(file)?.1 == copy.change)
        {
            copy.used = self.uses;
            return Ok(copy.data.clone());
        }
        self.forget(file);
        let (data, change) = self.files.read_whole(file, self.bytes_max as u64)?;
        let Some(change) = change else { return Ok(data) };
        while self.bytes + data.len() > self.bytes_max {
            let oldest = self.copies.iter().min_by_key(|(_, copy)| copy.used);
            let Some(oldest) = oldest.map(|(name, _)| name.clone()) else { break };
            self.forget(&oldest);
        }
        self.bytes += data.len();
        self.copies.insert(file.to_vec(), Copy { data: data.clone(), change, used: self.uses });
        Ok(data)
    }

    /// Replaces a file's bytes from `offset` on. The copy is gone: who reads what it has written itself needs no validation.
    pub fn write(&mut self, file: &[u8], offset: u64, data: &[u8]) -> Result<(), FileError> {
        self.forget(file);
        self.files.write(file, offset, data)
    }

    /// Drops a file's copy.
    pub fn forget(&mut self, file: &[u8]) {
        if let Some(copy) = self.copies.remove(file) {
            self.bytes -= copy.data.len();
        }
    }

    /// What is behind it.
    pub const fn files(&mut self) -> &mut RpcFiles<'t, T> {
        &mut self.files
    }
}
