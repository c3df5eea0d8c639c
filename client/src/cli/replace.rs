//! A file replaced whole or not at all.
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Who may read a file that was not there before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readers {
    /// Its maker alone.
    Maker,
    /// Whoever may read files that one makes.
    Usual,
}

/// Puts `bytes` in the place of what is at `path`; they are safe when this returns. A file that was there keeps its
/// permissions.
pub(crate) fn replace(path: &Path, bytes: &[u8], readers: Readers) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.is_dir() {
        let message = format!("there is no folder {}", folder.display());
        return Err(io::Error::new(ErrorKind::NotFound, message));
    }
    let known = fs::metadata(path).ok().map(|known| known.permissions());
    // The user's mask takes its part of these.
    let mode = if readers == Readers::Maker { 0o600 } else { 0o666 };
    let create = |path: &Path| OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    let mut file = tempfile::Builder::new().make_in(folder, create)?;
    file.write_all(bytes)?;
    if let Some(known) = known {
        file.as_file().set_permissions(known)?;
    }
    file.as_file().sync_all()?;
    file.persist(path)?;
    // The file's new name is safe too.
    File::open(folder)?.sync_all()
}
