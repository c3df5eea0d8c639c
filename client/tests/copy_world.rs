//! Copies in a world: under every transfer and through bad weather, of files with holes and files that change, with servers
//! that give less or lie.
use std::cell::RefCell;
use std::num::NonZeroU32;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use sendrec::copy::{self, CopyError, FromStream, Sink, Source, ToStream, Watch};
use sendrec::{FileError, Files};
use sendrec_core::rng::Rng;
use sendrec_core::{Config, ErrorControl, Options, Protocol, Transfer};
use sendrec_fileserver::{
    Attributes, Code, DATA_BYTES_MAX, Entry, FileMessage, Filled, Memory, Name, Store, serve,
};
use sendrec_sim::{Boot, Link, World};
use sendrec_trap::{Address, From, LocalId, SpawnOptions, Trap};

const LONG: Duration = Duration::from_secs(600);
const SERVER_ID: LocalId = LocalId(1);

fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut rng = Rng::new(seed);
    let mut bytes: Vec<u8> =
        std::iter::repeat_with(|| rng.next_u64().to_be_bytes()).take(length / 8 + 1).flatten().collect();
    bytes.truncate(length);
    bytes
}

fn name(text: &str) -> Name<'_> {
    Name::new(text.as_bytes()).unwrap()
}

/// Nobody looks, and nobody stops it.
fn unwatched<R>(body: impl FnOnce(&mut Watch<'_>) -> R) -> R {
    let (never, mut ignore) = (AtomicBool::new(false), |_| {});
    body(&mut Watch { progress: &mut ignore, stop: &never })
}

fn put(files: &mut Files<'_, dyn Trap + '_>, bytes: &[u8]) -> Result<u64, CopyError> {
    unwatched(|watch| copy::put(files, &mut FromStream(bytes), "memory", b"file", 7, watch))
}

fn get(files: &mut Files<'_, dyn Trap + '_>, offset: u64, count: Option<u64>) -> Result<Vec<u8>, CopyError> {
    let mut back = Vec::new();
    let to = &mut ToStream(&mut back);
    let length = unwatched(|watch| copy::get(files, b"file", offset, count, to, "memory", watch))?;
    assert_eq!(length, back.len() as u64);
    Ok(back)
}

/// A server with `store` on a machine of its own, and a client's `body`.
fn with_server(
    world: &mut World,
    server: Boot,
    store: impl Store + 'static,
    body: impl FnOnce(&mut Files<'_, dyn Trap + '_>) + 'static,
) {
    let server = world.boot_as("server", server);
    let options = SpawnOptions { local_id: Some(SERVER_ID), ..SpawnOptions::default() };
    world.spawn(server, options, move |me| {
        serve(me, &store);
    });
    with_client(world, server, body);
    assert_eq!(world.unfinished(), 1, "the server goes on, and nobody else");
}

fn with_client(
    world: &mut World,
    server: sendrec_sim::MachineId,
    body: impl FnOnce(&mut Files<'_, dyn Trap + '_>) + 'static,
) {
    let address = Address::new(world.machine(server), SERVER_ID);
    let client = world.boot_as("client", Boot::default());
    let over = Rc::new(RefCell::new(false));
    let at_end = over.clone();
    world.spawn(client, SpawnOptions::default(), move |me| {
        let gate: &dyn Trap = me.gate();
        body(&mut Files::new(gate, address, LONG).unwrap());
        *at_end.borrow_mut() = true;
    });
    world.run();
    assert!(over.take(), "the client's body came to its end");
}

fn transfers() -> Vec<Transfer> {
    let of = |protocol, errors| Transfer { protocol, errors, ..Transfer::default() };
    let window = Protocol::SlidingWindow { packets: 16, ack_every: 2 };
    let blasts = Protocol::Blast { packets: NonZeroU32::new(64) };
    vec![
        Transfer::default(),
        Transfer { checksum: true, packet_bytes: Some(9_000), ..Transfer::default() },
        of(blasts, ErrorControl::Full),
        of(blasts, ErrorControl::GoBackN),
        of(window, ErrorControl::GoBackN),
        of(window, ErrorControl::Selective),
        of(Protocol::StopAndWait, ErrorControl::Selective),
    ]
}

#[test]
fn files_come_back_under_every_transfer_through_bad_weather_both_ways() {
    for (seed, transfer) in transfers().into_iter().enumerate() {
        let options = Options { transfer, ..Options::default() };
        let config = Config { options, retries: 30, ..Config::default() };
        let faults = format!("loss=0.1,duplicate=0.05,reorder=0.05,seed={seed}").parse().unwrap();
        let mut world = World::with(seed as u64, config, Link { faults, ..Link::default() });
        let bytes = noise(DATA_BYTES_MAX + 200_000 + seed, seed as u64);
        with_server(&mut world, Boot::default(), Memory::default(), move |files| {
            assert_eq!(put(files, &bytes).unwrap(), bytes.len() as u64);
            assert!(get(files, 0, None).unwrap() == bytes, "{transfer:?} seed {seed}");
            let part = get(files, 1_000, Some(100_000)).unwrap();
            assert!(part == bytes[1_000..101_000], "{transfer:?} seed {seed}");
            let entries = files.list_some(b".", b"").unwrap();
            assert_eq!(entries.len(), 1, "nothing but the file is left");
        });
        let traffic = world.traffic();
        assert!(traffic.received < traffic.sent, "{transfer:?}: the weather was good");
    }
}

/// Every so manyth mebibyte is data, the rest a hole; one hole is at the end.
struct Holes {
    next: u64,
    chunks: u64,
}

impl Holes {
    const EVERY: u64 = 50;
    const CHUNK: u64 = 1 << 20;
}

impl Source for Holes {
    fn fill(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = buffer.len().min((self.chunks * Self::CHUNK - self.next) as usize);
        for (place, byte) in buffer[..count].iter_mut().enumerate() {
            *byte = byte_at(self.next + place as u64);
        }
        self.next += count as u64;
        Ok(count)
    }
}

fn byte_at(place: u64) -> u8 {
    if (place / Holes::CHUNK).is_multiple_of(Holes::EVERY) { place as u8 | 1 } else { 0 }
}

/// Checks what comes, and keeps nothing.
#[derive(Default)]
struct Checked {
    next: u64,
    zeros: u64,
    finished: bool,
}

impl Sink for Checked {
    fn data(&mut self, data: &[u8]) -> std::io::Result<()> {
        let right = data.iter().zip(self.next..).all(|(byte, place)| *byte == byte_at(place));
        assert!(right, "wrong from {} on", self.next);
        self.next += data.len() as u64;
        Ok(())
    }

    fn zeros(&mut self, count: u64) -> std::io::Result<()> {
        assert!((self.next..self.next + count).step_by(511).all(|place| byte_at(place) == 0));
        self.next += count;
        self.zeros += count;
        Ok(())
    }

    fn finish(&mut self) -> std::io::Result<()> {
        self.finished = true;
        Ok(())
    }
}

#[test]
fn holes_are_not_sent() {
    const CHUNKS: u64 = 120;
    let mut world = World::new(3);
    with_server(&mut world, Boot::default(), Memory::default(), |files| {
        let from = &mut Holes { next: 0, chunks: CHUNKS };
        let put = unwatched(|watch| copy::put(files, from, "memory", b"file", 7, watch)).unwrap();
        assert_eq!(put, CHUNKS * Holes::CHUNK);
        let mut to = Checked::default();
        let got = unwatched(|watch| copy::get(files, b"file", 0, None, &mut to, "memory", watch)).unwrap();
        assert_eq!((got, to.next, to.finished), (put, put, true));
        assert_eq!(to.zeros, put - 3 * Holes::CHUNK, "all but three chunks were no data");
        let mut buffer = vec![9; 10_000];
        let count = files.read(b"file", 2 * Holes::CHUNK, 10_000, &mut buffer).unwrap();
        assert!(count == 10_000 && buffer.iter().all(|byte| *byte == 0), "they are zeros all the same");
    });
    // Three chunks go there and back, in packets of an Ethernet; one more would be too many.
    assert!(world.traffic().sent < 7 * Holes::CHUNK / 1_400, "{:?}", world.traffic());
}

/// A file that is `then` bytes long once it was read up to `at`.
struct Changing {
    inner: Memory,
    at: u64,
    then: u64,
    done: AtomicBool,
}

impl Store for Changing {
    fn read(&self, name: Name<'_>, offset: u64, buffer: &mut [u8]) -> Result<Filled, Code> {
        if offset >= self.at && !self.done.swap(true, Ordering::Relaxed) {
            let length = self.inner.stat(name)?.size;
            self.inner.truncate(name, self.then)?;
            if self.then > length {
                self.inner.write(name, length, &vec![8; (self.then - length) as usize])?;
            }
        }
        self.inner.read(name, offset, buffer)
    }

    fn create(&self, name: Name<'_>) -> Result<(), Code> {
        self.inner.create(name)
    }
    fn write(&self, name: Name<'_>, offset: u64, data: &[u8]) -> Result<(), Code> {
        self.inner.write(name, offset, data)
    }
    fn delete(&self, name: Name<'_>) -> Result<(), Code> {
        self.inner.delete(name)
    }
    fn stat(&self, name: Name<'_>) -> Result<Attributes, Code> {
        self.inner.stat(name)
    }
    fn list(&self, name: Name<'_>, after: &[u8], count: usize) -> Result<Vec<Entry>, Code> {
        self.inner.list(name, after, count)
    }
    fn rename(&self, from: Name<'_>, to: Name<'_>) -> Result<(), Code> {
        self.inner.rename(from, to)
    }
    fn truncate(&self, name: Name<'_>, length: u64) -> Result<(), Code> {
        self.inner.truncate(name, length)
    }
    fn make_directory(&self, name: Name<'_>) -> Result<(), Code> {
        self.inner.make_directory(name)
    }
    fn remove_directory(&self, name: Name<'_>) -> Result<(), Code> {
        self.inner.remove_directory(name)
    }
}

#[test]
fn a_file_that_changes_is_copied_up_to_the_end_it_has_then() {
    const LENGTH: u64 = 5 << 20;
    // It shrinks to less than was copied, to a part of what is still to come, to nothing; it grows a little, and much.
    for (at, then, expected) in [
        (3 << 20, 1 << 20, 3 << 20),
        (2 << 20, (3 << 20) + 77, (3 << 20) + 77),
        (1 << 20, 0, 1 << 20),
        (4 << 20, LENGTH + 77, LENGTH + 77),
        (LENGTH, LENGTH + (3 << 20) + 5, LENGTH + (3 << 20) + 5),
    ] {
        let inner = Memory::default();
        let bytes: Vec<u8> = noise(LENGTH as usize, 1).into_iter().map(|byte| byte | 1).collect();
        inner.create(name("file")).unwrap();
        inner.write(name("file"), 0, &bytes).unwrap();
        let store = Changing { inner, at, then, done: AtomicBool::new(false) };
        with_server(&mut World::new(5), Boot::default(), store, move |files| {
            let back = get(files, 0, None).unwrap();
            assert_eq!(back.len() as u64, expected, "at {at} to {then}");
            let there = bytes.len().min(back.len());
            assert!(back[..there] == bytes[..there] && back[there..].iter().all(|byte| *byte == 8));
        });
    }
}

#[test]
fn a_server_whose_messages_are_short_is_read_all_the_same() {
    let config = Config { message_bytes: 10_000, ..Config::default() };
    let store = Memory::default();
    let bytes = noise(5 << 20, 2);
    store.create(name("file")).unwrap();
    store.write(name("file"), 0, &bytes).unwrap();
    let boot = Boot { config: Some(config), ..Boot::default() };
    let mut world = World::new(6);
    with_server(&mut world, boot, store, move |files| {
        assert!(get(files, 0, None).unwrap() == bytes);
        assert!(get(files, 11, Some(100_001)).unwrap() == bytes[11..100_012]);
    });
    // What it gives at once is found out, and no more asked for: or else most of what is sent would be thrown away.
    assert!(world.traffic().sent < 8_000, "{:?}", world.traffic());
}

#[test]
fn a_server_that_lies_about_what_it_sends_is_found_out() {
    for (count, data) in [(u32::MAX, 10), (10, 20), (200, 100), (0, 10)] {
        let mut world = World::new(7);
        let server = world.boot_as("server", Boot::default());
        let options = SpawnOptions { local_id: Some(SERVER_ID), ..SpawnOptions::default() };
        world.spawn(server, options, move |me| {
            while let Ok(request) = me.receive(From::Any) {
                let answer = FileMessage { count, ..FileMessage::default() };
                let _ = me.reply(request.source, answer.encode_with(&vec![1; data]));
            }
        });
        with_client(&mut world, server, move |files| {
            let copied = get(files, 0, Some(100));
            let is_found_out = matches!(copied, Err(CopyError::File(FileError::NoFileServer { .. })));
            assert!(is_found_out, "{count} {data}: {copied:?}");
            let mut buffer = [0; 100];
            let read = files.read(b"file", 0, 100, &mut buffer);
            assert!(matches!(read, Err(FileError::NoFileServer { .. })), "{count} {data}: {read:?}");
        });
    }
}

#[test]
fn a_put_that_is_stopped_leaves_nothing() {
    let store = Arc::new(Memory::default());
    let kept = store.clone();
    let mut world = World::new(8);
    let server = world.boot_as("server", Boot::default());
    let options = SpawnOptions { local_id: Some(SERVER_ID), ..SpawnOptions::default() };
    world.spawn(server, options, move |me| {
        serve(me, &*store);
    });
    with_client(&mut world, server, |files| {
        let (stop, copied) = (AtomicBool::new(false), AtomicU64::new(0));
        let mut progress = |bytes| {
            copied.store(bytes, Ordering::Relaxed);
            stop.store(bytes >= 3 << 20, Ordering::Relaxed);
        };
        let mut watch = Watch { progress: &mut progress, stop: &stop };
        let bytes = noise(20 << 20, 3);
        let put = copy::put(files, &mut FromStream(&bytes[..]), "memory", b"file", 7, &mut watch);
        assert!(matches!(put, Err(CopyError::Interrupted)), "{put:?}");
        assert!(copied.into_inner() < bytes.len() as u64);
    });
    assert_eq!(kept.list(name("."), b"", 10), Ok(vec![]));
}

#[test]
fn one_who_sends_requests_back_is_no_file_server() {
    let mut world = World::new(1);
    let server = world.boot();
    let options = SpawnOptions { local_id: Some(SERVER_ID), ..SpawnOptions::default() };
    world.spawn(server, options, |me| {
        while let Ok(request) = me.receive(From::Any) {
            me.reply(request.source, request.message).unwrap();
        }
    });
    with_client(&mut world, server, |files| {
        let is_none = |error: &FileError| matches!(error, FileError::NoFileServer { .. });
        // With an end: a request sent back would read as a hole of all that was asked for.
        let got = get(files, 0, Some(10 << 20)).map(|bytes| bytes.len());
        assert!(matches!(&got, Err(CopyError::File(error)) if is_none(error)), "{got:?}");
        assert!(is_none(&files.stat(b"file").unwrap_err()));
        assert!(is_none(&files.create(b"file").unwrap_err()));
    });
}
