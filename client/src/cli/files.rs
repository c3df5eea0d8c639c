//! `sendrec ls`, `stat`, `rm`, `mv`, `mkdir`, `rmdir`, `truncate`.
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use sendrec::{FileClient, FileError};
use sendrec_fileserver::{Attributes, DATA_BYTES_MAX, FileKind};
use serde::Serialize;

use super::Failure;
use super::args::{AppendArgs, LsArgs, MvArgs, NamesArgs, StatArgs, TruncateArgs};
use super::output::{printable, say};
use super::session::{with_files, with_rpc_files};

/// A remote name as the server gets it.
pub(crate) fn bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_bytes()
}

/// What `--json` prints of a file or directory.
#[derive(Serialize)]
struct Described<'a> {
    /// What of the name is text.
    name: String,
    /// The name's bytes, where they are not all text.
    #[serde(skip_serializing_if = "Option::is_none")]
    name_bytes: Option<&'a [u8]>,
    kind: &'a str,
    size: u64,
    modified: i64,
}

const fn kind(attributes: Attributes) -> &'static str {
    match attributes.kind {
        FileKind::File => "file",
        FileKind::Directory => "directory",
        FileKind::Other => "other",
    }
}

fn json(name: &[u8], attributes: Attributes) -> Result<String, Failure> {
    let described = Described {
        name: String::from_utf8_lossy(name).into_owned(),
        name_bytes: std::str::from_utf8(name).is_err().then_some(name),
        kind: kind(attributes),
        size: attributes.size,
        modified: attributes.modified,
    };
    serde_json::to_string(&described).map_err(|error| Failure::new("JSON", error))
}

pub(crate) fn ls(args: &LsArgs) -> Result<(), Failure> {
    let directory = bytes(&args.remote);
    with_files(&args.server, |files| {
        let mut out = std::io::BufWriter::new(std::io::stdout().lock());
        let mut after = Vec::new();
        loop {
            let entries =
                files.list_some(directory, &after).map_err(|error| Failure::of_file(directory, &error))?;
            let Some(last) = entries.last() else { break };
            after.clone_from(&last.name);
            for entry in &entries {
                let line = if args.json {
                    json(&entry.name, entry.attributes)?
                } else if args.long {
                    long_line(&entry.name, entry.attributes)
                } else {
                    printable(&entry.name)
                };
                writeln!(out, "{line}")?;
            }
        }
        out.flush()?;
        Ok(())
    })
}

fn long_line(name: &[u8], attributes: Attributes) -> String {
    let mark = match attributes.kind {
        FileKind::File => '-',
        FileKind::Directory => 'd',
        FileKind::Other => '?',
    };
    let slash = if attributes.kind == FileKind::Directory { "/" } else { "" };
    format!("{mark} {:>14}  {}  {}{slash}", attributes.size, utc(attributes.modified), printable(name))
}

/// Seconds since 1970 as `2026-01-31 12:00:00Z`. (Days to a date after H. Hinnant's `civil_from_days`.)
fn utc(seconds: i64) -> String {
    const DAY: i64 = 86_400;
    let (days, rest) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}Z", rest / 3_600, rest / 60 % 60, rest % 60)
}

pub(crate) fn stat(args: &StatArgs) -> Result<(), Failure> {
    let name = bytes(&args.remote);
    with_files(&args.server, |files| {
        let attributes = files.stat(name).map_err(|error| Failure::of_file(name, &error))?;
        if args.json {
            return say(json(name, attributes)?);
        }
        say(format_args!(
            "    name: {}\n    kind: {}\n    size: {}\nmodified: {}",
            printable(name),
            kind(attributes),
            attributes.size,
            utc(attributes.modified)
        ))
    })
}

/// Does the same to each name. A name that fails is reported, the others are done all the same.
fn each(
    args: &NamesArgs,
    mut act: impl FnMut(&mut dyn FileClient, &[u8]) -> Result<(), FileError>,
) -> Result<(), Failure> {
    with_files(&args.server, |files| {
        let mut failures = Vec::new();
        for name in &args.remote {
            match act(files, bytes(name)) {
                Ok(()) => {}
                Err(error @ FileError::Server(_)) => failures.push(Failure::of_file(bytes(name), &error)),
                Err(error) => return Err(Failure::of_file(bytes(name), &error)),
            }
        }
        let last = failures.pop();
        for failure in failures {
            failure.report();
        }
        last.map_or(Ok(()), Err)
    })
}

pub(crate) fn rm(args: &NamesArgs) -> Result<(), Failure> {
    each(args, |files, name| files.delete(name))
}

pub(crate) fn mkdir(args: &NamesArgs) -> Result<(), Failure> {
    each(args, |files, name| files.make_directory(name))
}

pub(crate) fn rmdir(args: &NamesArgs) -> Result<(), Failure> {
    each(args, |files, name| files.remove_directory(name))
}

pub(crate) fn mv(args: &MvArgs) -> Result<(), Failure> {
    let from = bytes(&args.from);
    with_files(&args.server, |files| {
        let to = inside(files, &args.to, from)?;
        let what = format!("{} to {}", printable(from), printable(&to));
        files.rename(from, &to).map_err(|error| Failure::of_file(what.as_bytes(), &error))
    })
}

/// The name meant by `remote`: inside it, as `local`'s last part, if it is a directory or ends in a slash.
pub(crate) fn inside(files: &mut dyn FileClient, remote: &Path, local: &[u8]) -> Result<Vec<u8>, Failure> {
    let name = bytes(remote);
    let is_directory = name.ends_with(b"/")
        || match files.stat(name) {
            Ok(attributes) => attributes.kind == FileKind::Directory,
            Err(FileError::Server(_)) => false,
            Err(error) => return Err(Failure::of_file(name, &error)),
        };
    if !is_directory {
        return Ok(name.to_vec());
    }
    let base = local.rsplit(|byte| *byte == b'/').find(|part| !part.is_empty());
    let base = base.filter(|base| *base != b"-" && *base != b"." && *base != b"..");
    let base =
        base.ok_or_else(|| Failure::new(remote.display(), "it is a directory; say which name to use in it"))?;
    let mut inside = name.to_vec();
    if !name.ends_with(b"/") {
        inside.push(b'/');
    }
    inside.extend_from_slice(base);
    Ok(inside)
}

pub(crate) fn truncate(args: &TruncateArgs) -> Result<(), Failure> {
    let name = bytes(&args.remote);
    with_files(&args.server, |files| {
        files.truncate(name, args.length).map_err(|error| Failure::of_file(name, &error))
    })
}

/// Adds what is typed, or in a file, to the end of a file of the server, in pieces that are each whole there.
pub(crate) fn append(args: &AppendArgs) -> Result<(), Failure> {
    let name = bytes(&args.remote);
    let what = args.local.display().to_string();
    let local = |error| Failure::new(&what, error);
    let mut from: Box<dyn Read> = if args.local == Path::new("-") {
        Box::new(std::io::stdin().lock())
    } else {
        Box::new(std::fs::File::open(&args.local).map_err(local)?)
    };
    with_rpc_files(&args.server, |files| {
        let mut chunk = Vec::new();
        loop {
            chunk.clear();
            (&mut from).take(DATA_BYTES_MAX as u64).read_to_end(&mut chunk).map_err(local)?;
            if chunk.is_empty() {
                return Ok(());
            }
            let offset = files.append(name, &chunk).map_err(|error| Failure::of_file(name, &error))?;
            log::info!("{} bytes at {offset}", chunk.len());
        }
    })
}

/// The last part of a remote name, as a local one.
pub(crate) fn base_name(remote: &Path) -> Result<PathBuf, Failure> {
    let base = remote.file_name().ok_or_else(|| Failure::new(remote.display(), "it has no name to keep"))?;
    Ok(PathBuf::from(base))
}

#[cfg(test)]
mod tests {
    use super::utc;

    #[test]
    fn dates_are_right_at_the_edges() {
        assert_eq!(utc(0), "1970-01-01 00:00:00Z");
        assert_eq!(utc(951_782_400), "2000-02-29 00:00:00Z");
        assert_eq!(utc(1_767_225_599), "2025-12-31 23:59:59Z");
        assert_eq!(utc(-1), "1969-12-31 23:59:59Z");
    }
}
