//! A store that is a directory of the system, reached through a capability: no name leads out of it.
use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::sync::Arc;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};
use parking_lot::Mutex;
use rustix::fs::{OFlags, SeekFrom, seek};
use rustix::io::Errno;

use crate::message::Code;
use crate::name::Name;
use crate::store::{Attributes, Entry, FileKind, Filled, Store, mix};

/// A directory and what is below it.
#[derive(Debug)]
pub struct Directory {
    root: Dir,
    /// The last listing, so that a long one is not read again for each of its parts.
    listing: Mutex<Option<Listing>>,
}

#[derive(Debug)]
struct Listing {
    name: Vec<u8>,
    entries: Arc<Vec<Vec<u8>>>,
}

impl Directory {
    /// Opens the directory; from here on its path does not matter any more.
    pub fn open(path: &Path) -> io::Result<Self> {
        let root = Dir::open_ambient_dir(path, ambient_authority())?;
        Ok(Self { root, listing: Mutex::new(None) })
    }

    /// Opens a file, and nothing but a file, without ever waiting for a writer as opening a named pipe would.
    fn open_file(&self, name: Name<'_>, options: &mut OpenOptions) -> Result<(File, Metadata), Code> {
        options.custom_flags(OFlags::NONBLOCK.bits() as i32);
        let file = self.root.open_with(path(name), options).map_err(code)?.into_std();
        let metadata = file.metadata().map_err(code)?;
        if metadata.is_dir() {
            return Err(Code::E_IS_DIRECTORY);
        }
        if metadata.is_file() { Ok((file, metadata)) } else { Err(Code::E_NOT_SUPPORTED) }
    }

    /// The names in a directory, in order. The first part reads them, the following ones of the same listing do not.
    fn names(&self, name: Name<'_>, first: bool) -> Result<Arc<Vec<Vec<u8>>>, Code> {
        if !first
            && let Some(listing) = &*self.listing.lock()
            && listing.name == name.as_bytes()
        {
            return Ok(listing.entries.clone());
        }
        let mut names = Vec::new();
        for entry in self.root.read_dir(path(name)).map_err(code)? {
            names.push(entry.map_err(code)?.file_name().as_bytes().to_vec());
        }
        names.sort_unstable();
        let entries = Arc::new(names);
        *self.listing.lock() = Some(Listing { name: name.as_bytes().to_vec(), entries: entries.clone() });
        Ok(entries)
    }

    /// Attributes of a link's target, or of the link if that leads nowhere or out.
    fn attributes(&self, path: &Path) -> io::Result<Attributes> {
        let metadata = self.root.metadata(path).or_else(|_| self.root.symlink_metadata(path))?;
        Ok(attributes(&metadata))
    }
}

/// How much of `count` bytes at `offset` is a hole, if it begins with one that reaches as far as they or the file do.
fn hole(file: &File, metadata: &Metadata, offset: u64, count: u64) -> Option<u64> {
    const SECTOR_BYTES: u64 = 512;
    let size = metadata.len();
    if offset >= size || metadata.blocks().saturating_mul(SECTOR_BYTES) >= size {
        return None;
    }
    let end = size.min(offset + count);
    match seek(file, SeekFrom::Data(offset)) {
        Ok(data) if data >= end => Some(end - offset),
        Err(Errno::NXIO) => Some(end - offset),
        // Where holes are is not told here, or it begins with data.
        _ => None,
    }
}

fn path(name: Name<'_>) -> &Path {
    Path::new(OsStr::from_bytes(name.as_bytes()))
}

fn attributes(metadata: &cap_std::fs::Metadata) -> Attributes {
    let kind = if metadata.is_file() {
        FileKind::File
    } else if metadata.is_dir() {
        FileKind::Directory
    } else {
        FileKind::Other
    };
    let modified = metadata.modified().ok().map(cap_std::time::SystemTime::into_std);
    let since = modified.and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    Attributes { kind, size: metadata.len(), modified: since.map_or(0, |since| since.as_secs() as i64) }
}

#[allow(clippy::needless_pass_by_value)] // As `map_err` wants it.
fn code(error: io::Error) -> Code {
    // Links that lead in a ring lead nowhere.
    if error.raw_os_error() == Some(Errno::LOOP.raw_os_error()) {
        return Code::E_NOT_FOUND;
    }
    match error.kind() {
        ErrorKind::NotFound => Code::E_NOT_FOUND,
        ErrorKind::AlreadyExists => Code::E_EXISTS,
        ErrorKind::IsADirectory => Code::E_IS_DIRECTORY,
        ErrorKind::NotADirectory => Code::E_NOT_DIRECTORY,
        ErrorKind::DirectoryNotEmpty => Code::E_NOT_EMPTY,
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Code::E_ACCESS,
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Code::E_NO_SPACE,
        ErrorKind::FileTooLarge => Code::E_TOO_LARGE,
        ErrorKind::NotSeekable => Code::E_NOT_SUPPORTED,
        ErrorKind::InvalidFilename | ErrorKind::InvalidInput => Code::E_BAD_NAME,
        _ => {
            log::error!("the store: {error}");
            Code::E_IO
        }
    }
}

impl Store for Directory {
    fn create(&self, name: Name<'_>) -> Result<(), Code> {
        self.open_file(name, OpenOptions::new().write(true).create_new(true)).map(drop)
    }

    fn read(&self, name: Name<'_>, offset: u64, buffer: &mut [u8]) -> Result<Filled, Code> {
        let (file, metadata) = self.open_file(name, OpenOptions::new().read(true))?;
        // Nothing is where no file reaches.
        let end = offset.checked_add(buffer.len() as u64);
        if end.is_none_or(|end| i64::try_from(end).is_err()) {
            return Ok(Filled::with(0));
        }
        if let Some(count) = hole(&file, &metadata, offset, buffer.len() as u64) {
            return Ok(Filled { count: count as usize, is_hole: true });
        }
        let mut filled = 0;
        while filled < buffer.len() {
            match file.read_at(&mut buffer[filled..], offset + filled as u64) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(code(error)),
            }
        }
        Ok(Filled::with(filled))
    }

    fn write(&self, name: Name<'_>, offset: u64, data: &[u8]) -> Result<(), Code> {
        let (file, _) = self.open_file(name, OpenOptions::new().write(true))?;
        if offset.checked_add(data.len() as u64).is_none_or(|end| i64::try_from(end).is_err()) {
            return Err(Code::E_TOO_LARGE);
        }
        file.write_all_at(data, offset).map_err(code)
    }

    fn delete(&self, name: Name<'_>) -> Result<(), Code> {
        self.root.remove_file(path(name)).map_err(code)
    }

    fn stat(&self, name: Name<'_>) -> Result<Attributes, Code> {
        self.root.metadata(path(name)).map(|metadata| attributes(&metadata)).map_err(code)
    }

    fn list(&self, name: Name<'_>, after: &[u8], count: usize) -> Result<Vec<Entry>, Code> {
        let names = self.names(name, after.is_empty())?;
        let start = names.partition_point(|name| &name[..] <= after);
        let directory = path(name);
        let mut entries = Vec::new();
        for name in names[start..].iter().take(count) {
            // One that went away since the names were read is left out.
            if let Ok(attributes) = self.attributes(&directory.join(OsStr::from_bytes(name))) {
                entries.push(Entry { name: name.clone(), attributes });
            }
        }
        Ok(entries)
    }

    fn rename(&self, from: Name<'_>, to: Name<'_>) -> Result<(), Code> {
        self.root.rename(path(from), &self.root, path(to)).map_err(code)
    }

    fn truncate(&self, name: Name<'_>, length: u64) -> Result<(), Code> {
        let (file, _) = self.open_file(name, OpenOptions::new().write(true))?;
        if i64::try_from(length).is_err() {
            return Err(Code::E_TOO_LARGE);
        }
        file.set_len(length).map_err(code)
    }

    fn make_directory(&self, name: Name<'_>) -> Result<(), Code> {
        self.root.create_dir(path(name)).map_err(code)
    }

    fn remove_directory(&self, name: Name<'_>) -> Result<(), Code> {
        self.root.remove_dir(path(name)).map_err(code)
    }

    fn change(&self, name: Name<'_>) -> Result<u64, Code> {
        use cap_std::fs::MetadataExt as _;
        let metadata = self.root.metadata(path(name)).map_err(code)?;
        let changed = [metadata.ctime() as u64, metadata.ctime_nsec() as u64];
        Ok(mix([metadata.dev(), metadata.ino(), metadata.size()].into_iter().chain(changed)))
    }
}
