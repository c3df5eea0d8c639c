//! `sendrec put`, `get`, `cat`.
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use sendrec::copy::{self, FromFile, FromStream, Sink, Source, ToFile, ToStream, Watch};

use super::Failure;
use super::args::{CatArgs, GetArgs, PutArgs};
use super::files::{base_name, bytes, inside};
use super::output::printable;
use super::session::{is_stopped, stop_flag, with_files};

/// How often what waits for somebody else looks whether it is to stop.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// A bar on a terminal, nothing elsewhere; and nothing for what is over at once.
fn bar(length: Option<u64>, to_terminal: bool) -> ProgressBar {
    const REFRESH_HZ: u8 = 10;
    let target = if to_terminal {
        ProgressDrawTarget::hidden()
    } else {
        ProgressDrawTarget::stderr_with_hz(REFRESH_HZ)
    };
    let (bar, template) = match length {
        Some(length) => (
            ProgressBar::with_draw_target(Some(length), target),
            "{wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}",
        ),
        None => (ProgressBar::with_draw_target(None, target), "{spinner} {bytes} {bytes_per_sec}"),
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

/// Counts bytes on the bar.
fn watch_with<R>(bar: &ProgressBar, body: impl FnOnce(&mut Watch<'_>) -> R) -> R {
    let mut progress = |bytes| bar.set_position(bytes);
    let result = body(&mut Watch { progress: &mut progress, stop: stop_flag() });
    bar.finish_and_clear();
    result
}

/// Tells this copy from others under way to the same name.
fn nonce() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    (now.as_nanos() as u64) ^ (u64::from(std::process::id()) << 40)
}

/// Standard input, read by a thread of its own so that a stop need not wait for more to be typed.
struct Stdin {
    chunks: Receiver<io::Result<Vec<u8>>>,
    chunk: Vec<u8>,
    taken: usize,
}

impl Stdin {
    fn start() -> Self {
        const CHUNK_BYTES: usize = 64 << 10;
        const CHUNKS_AHEAD: usize = 4;
        let (give, chunks) = sync_channel(CHUNKS_AHEAD);
        std::thread::spawn(move || {
            let mut stdin = io::stdin().lock();
            loop {
                let mut chunk = vec![0; CHUNK_BYTES];
                let read = stdin.read(&mut chunk).map(|count| {
                    chunk.truncate(count);
                    chunk
                });
                let is_last = !matches!(&read, Ok(chunk) if !chunk.is_empty());
                if give.send(read).is_err() || is_last {
                    return;
                }
            }
        });
        Self { chunks, chunk: Vec::new(), taken: 0 }
    }
}

impl Read for Stdin {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.taken == self.chunk.len() {
            match self.chunks.recv_timeout(LOOK_INTERVAL) {
                Ok(chunk) => (self.chunk, self.taken) = (chunk?, 0),
                Err(RecvTimeoutError::Timeout) if is_stopped() => {
                    return Err(io::Error::other("interrupted"));
                }
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => return Ok(0),
            }
            if self.chunk.is_empty() {
                return Ok(0);
            }
        }
        let count = buffer.len().min(self.chunk.len() - self.taken);
        buffer[..count].copy_from_slice(&self.chunk[self.taken..self.taken + count]);
        self.taken += count;
        Ok(count)
    }
}

pub(crate) fn put(args: &PutArgs) -> Result<(), Failure> {
    let what = args.local.display().to_string();
    if args.local == Path::new("-") {
        return put_from(args, &mut FromStream(Stdin::start()), &what, None);
    }
    let local = |error| Failure::new(&what, error);
    let mut file = File::open(&args.local).map_err(local)?;
    let metadata = file.metadata().map_err(local)?;
    if metadata.is_dir() {
        return Err(Failure::new(&what, "it is a directory"));
    }
    if !metadata.is_file() {
        return put_from(args, &mut FromStream(&mut file), &what, None);
    }
    put_from(args, &mut FromFile::new(&file).map_err(local)?, &what, Some(metadata.len()))
}

fn put_from(
    args: &PutArgs,
    from: &mut dyn Source,
    what: &str,
    announced: Option<u64>,
) -> Result<(), Failure> {
    with_files(&args.server, |files| {
        let name = inside(files, &args.remote, bytes(&args.local))?;
        let copied =
            watch_with(&bar(announced, false), |watch| copy::put(files, from, what, &name, nonce(), watch))
                .map_err(|error| Failure::of_copy(&name, &error))?;
        check_length(what, copied, announced)
    })
}

/// A file that became shorter while it was copied. What was copied stays: it is all there was.
fn check_length(what: &str, copied: u64, announced: Option<u64>) -> Result<(), Failure> {
    match announced {
        Some(announced) if copied < announced => Err(Failure::new(
            what,
            format_args!(
                "shorter than announced: {copied} of {announced} bytes were there when they were read, and are copied; \
                 copy it again if it is to be whole"
            ),
        )),
        _ => Ok(()),
    }
}

pub(crate) fn get(args: &GetArgs) -> Result<(), Failure> {
    let name = bytes(&args.remote);
    let local = match &args.local {
        Some(local) if local == Path::new("-") => {
            return cat(&CatArgs {
                remote: args.remote.clone(),
                offset: 0,
                count: None,
                server: args.server.clone(),
            });
        }
        Some(local) if local.is_dir() => local.join(base_name(&args.remote)?),
        Some(local) => local.clone(),
        None => base_name(&args.remote)?,
    };
    with_files(&args.server, |files| {
        let attributes = files.stat(name).map_err(|error| Failure::of_file(name, &error))?;
        let mut get_into = |to: &mut dyn Sink, what: &str| {
            watch_with(&bar(Some(attributes.size), false), |watch| {
                copy::get(files, name, 0, None, to, what, watch)
            })
            .map_err(|error| Failure::of_copy(name, &error))
        };
        let copied = match stream_at(&local)? {
            Some((stream, what)) => get_into(&mut ToStream(stream), &what)?,
            None => {
                let (file, what) = temporary_beside(&local)?;
                let copied = get_into(&mut ToFile::new(file.as_file()), &what)?;
                file.persist(&local).map_err(|error| Failure::new(&what, error.error))?;
                copied
            }
        };
        check_length(&printable(name), copied, Some(attributes.size))
    })
}

/// What is at `local`, if that is neither a file nor a directory: a device or a pipe is written to, and not replaced.
fn stream_at(local: &Path) -> Result<Option<(File, String)>, Failure> {
    match local.metadata() {
        Ok(metadata) if !metadata.is_file() && !metadata.is_dir() => {
            let what = local.display().to_string();
            let stream = if metadata.file_type().is_fifo() {
                open_fifo(local)
            } else {
                File::options().write(true).open(local)
            };
            stream.map_err(|error| Failure::new(&what, error)).map(|stream| Some((stream, what)))
        }
        _ => Ok(None),
    }
}

/// Waits for a reader, but not in the system's call, which would not end with a stop.
fn open_fifo(local: &Path) -> io::Result<File> {
    let how = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    loop {
        match rustix::fs::open(local, how, Mode::empty()) {
            // There is no reader.
            Err(Errno::NXIO) if is_stopped() => return Err(io::Error::other("interrupted")),
            Err(Errno::NXIO) => std::thread::sleep(LOOK_INTERVAL),
            Err(error) => return Err(error.into()),
            Ok(fifo) => {
                // A full one is waited for.
                rustix::fs::fcntl_setfl(&fifo, rustix::fs::fcntl_getfl(&fifo)?.difference(OFlags::NONBLOCK))?;
                return Ok(fifo.into());
            }
        }
    }
}

/// A file that goes away by itself unless it is renamed, in the directory where it is to stay.
fn temporary_beside(local: &Path) -> Result<(tempfile::NamedTempFile, String), Failure> {
    const DEFAULT_MODE: u32 = 0o666;
    let what = local.display().to_string();
    let directory = match local.parent() {
        Some(parent) if parent != Path::new("") => parent.to_path_buf(),
        _ => PathBuf::from("."),
    };
    tempfile::Builder::new()
        .prefix(".sendrec-")
        .suffix(".part")
        .permissions(std::fs::Permissions::from_mode(DEFAULT_MODE))
        .tempfile_in(&directory)
        .map(|file| (file, what.clone()))
        .map_err(|error| Failure::new(&what, error))
}

pub(crate) fn cat(args: &CatArgs) -> Result<(), Failure> {
    let name = bytes(&args.remote);
    with_files(&args.server, |files| {
        let to_terminal = io::IsTerminal::is_terminal(&io::stdout());
        watch_with(&bar(args.count, to_terminal), |watch| {
            let mut to = ToStream(io::stdout().lock());
            copy::get(files, name, args.offset, args.count, &mut to, "stdout", watch)
        })
        .map(drop)
        .map_err(|error| Failure::of_copy(name, &error))
    })
}
