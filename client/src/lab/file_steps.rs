//! The steps `files` and `read` of a script: the file server of slide 13, and reading as on slide 14.
//!
//! A file's bytes follow from their place, so that whoever reads them sees whether they are right.
use std::time::Duration;

use sendrec_fileserver::{Memory, Name, Store, Versioned, serve};
use sendrec_trap::{Process, Target, Trap};

use crate::files::{FileError, Files};

/// How long a read waits.
const TIMEOUT: Duration = Duration::from_secs(25);
/// Not a power of two: pieces that change places do not look alike.
const PERIOD: usize = 251;

fn contents(bytes: u32) -> Vec<u8> {
    (0..bytes as usize).map(|place| (place % PERIOD) as u8).collect()
}

/// Serves one file until the kernel takes no more calls.
pub(super) fn serve_file<T: Trap + ?Sized>(me: &Process<'_, T>, file: &str, bytes: u32) {
    let store = Versioned::new(Memory::default());
    let made = Name::new(file.as_bytes()).and_then(|name| {
        store.create(name)?;
        store.write(name, 0, &contents(bytes))
    });
    if let Err(code) = made {
        return log::warn!("{file}: {code}");
    }
    serve(me, &store);
}

/// Reads a file from its beginning, `by` bytes a call; says what came of it.
pub(super) fn read_file<T: Trap + ?Sized>(
    gate: &T,
    server: Target,
    file: &str,
    bytes: u32,
    by: u32,
) -> Result<String, FileError> {
    let mut files = Files::new(gate, server, TIMEOUT)?;
    let mut buffer = vec![0; bytes as usize];
    let (mut have, mut calls) = (0, 0);
    while have < buffer.len() {
        let end = buffer.len().min(have + by as usize);
        let count = files.read(file.as_bytes(), have as u64, end - have, &mut buffer[have..end])?;
        calls += 1;
        if count == 0 {
            break;
        }
        have += count;
    }
    let right = if buffer[..have] == contents(have as u32) { "" } else { ", and they are not the file's" };
    Ok(format!("{have} bytes in {calls} {}{right}", if calls == 1 { "call" } else { "calls" }))
}
