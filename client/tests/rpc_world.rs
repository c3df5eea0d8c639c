//! Files by remote procedure call, in a world: the same store by both ways, exactly once, and copies that are the newest.
use std::cell::Cell;
use std::rc::Rc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use sendrec::copy::{self, FromStream, ToStream, Watch};
use sendrec::{Cached, FileClient, FileError, Files, RpcFiles, Validation};
use sendrec_core::Config;
use sendrec_core::fault::Named;
use sendrec_fileserver::rpc::file::{ReadResult, Status, file_1};
use sendrec_fileserver::{Code, FileKind, FileServer, Memory, Name, Store, Versioned, recover};
use sendrec_sim::{Boot, Gate, Link, World};
use sendrec_stubs::Remote;
use sendrec_stubs::once::Journal;
use sendrec_stubs::redb::Database;
use sendrec_stubs::redb::backends::InMemoryBackend;
use sendrec_trap::{Address, LocalId, Process, SpawnOptions};

const SERVER: LocalId = LocalId(1);
const LONG: Duration = Duration::from_secs(600);

/// What of a server survives a crash.
#[derive(Clone)]
struct Disk {
    store: Rc<Versioned<Memory>>,
    journal: Option<Rc<Journal>>,
}

impl Disk {
    fn new(has_journal: bool) -> Self {
        let journal = has_journal.then(|| {
            let database = Database::builder().create_with_backend(InMemoryBackend::new()).unwrap();
            Rc::new(Journal::new(database))
        });
        Self { store: Rc::new(Versioned::new(Memory::default())), journal }
    }

    fn read(&self, name: &str) -> Vec<u8> {
        let mut buffer = vec![0; 1 << 20];
        let count = self.store.read(Name::new(name.as_bytes()).unwrap(), 0, &mut buffer).unwrap().count;
        buffer.truncate(count);
        buffer
    }
}

/// A server with that disk, in a world with these rules, and what a client does.
fn play(disk: &Disk, faults: &str, client: impl FnOnce(&Process<'_, Gate<'_>>, Address) + 'static) -> World {
    let config = Config { trace: true, ..Config::default() };
    let link = Link { faults: faults.parse().unwrap(), ..Link::default() };
    let mut world = World::with(1, config, link);
    let near = world.boot_as("client", Boot::default());
    let far = world.boot_as("server", Boot::default());
    let place = Address::new(world.machine(far), SERVER);
    let options = SpawnOptions { local_id: Some(SERVER), ..SpawnOptions::default() };
    let disk = disk.clone();
    world.install(far, options, move |me| {
        let server = FileServer::new(&*disk.store);
        match &disk.journal {
            Some(journal) => {
                recover(&*disk.store, journal).unwrap();
                server.with_journal(journal).serve(me)
            }
            None => server.serve(me),
        };
    });
    let is_over = Rc::new(Cell::new(false));
    let at_end = is_over.clone();
    world.spawn(near, SpawnOptions::default(), move |me| {
        client(me, place);
        at_end.set(true);
    });
    world.run_for(Duration::from_secs(3_000));
    assert!(is_over.get(), "the client came to its end: {faults}");
    world
}

fn unwatched<R>(body: impl FnOnce(&mut Watch<'_>) -> R) -> R {
    let (never, mut ignore) = (AtomicBool::new(false), |_| {});
    body(&mut Watch { progress: &mut ignore, stop: &never })
}

#[test]
fn both_ways_lead_to_the_same_files() {
    play(&Disk::new(false), "", |me, server| {
        let mut calls = RpcFiles::new(me.gate(), server, LONG).unwrap();
        let mut messages = Files::new(me.gate(), server, LONG).unwrap();
        calls.make_directory(b"d").unwrap();
        calls.create(b"d/a").unwrap();
        assert_eq!(calls.create(b"d/a"), Err(FileError::Server(Code::E_EXISTS)));
        calls.write(b"d/a", 0, b"hello").unwrap();
        assert_eq!(calls.append(b"d/a", b" world"), Ok(5));
        let mut buffer = [0; 20];
        assert_eq!(messages.read(b"d/a", 0, 20, &mut buffer), Ok(11));
        assert_eq!(&buffer[..11], b"hello world");
        messages.write(b"d/a", 0, b"J").unwrap();
        assert_eq!(&calls.read(b"d/a", 0, 100).unwrap()[..], b"Jello world");
        assert_eq!(&calls.read(b"d/a", 6, 3).unwrap()[..], b"wor");
        calls.rename(b"d/a", b"d/b").unwrap();
        calls.truncate(b"d/b", 5).unwrap();
        let attributes = calls.stat(b"d/b").unwrap();
        assert_eq!((attributes.kind, attributes.size), (FileKind::File, 5));
        assert_eq!(messages.stat(b"d/b"), Ok(attributes));
        let names: Vec<_> = calls.list_some(b"d", b"").unwrap().into_iter().map(|entry| entry.name).collect();
        assert_eq!(names, [b"b"]);
        assert!(calls.list_some(b"d", b"b").unwrap().is_empty());
        assert_eq!(calls.remove_directory(b"d"), Err(FileError::Server(Code::E_NOT_EMPTY)));
        calls.delete(b"d/b").unwrap();
        calls.remove_directory(b"d").unwrap();
        for refused in [calls.stat(b"d"), calls.stat(b"../x"), calls.stat(&[b'n'; 2_000])] {
            assert!(refused.is_err());
        }
        assert_eq!(calls.append(b"nothing", b"x"), Err(FileError::Server(Code::E_NOT_FOUND)));
    });
}

#[test]
fn version_1_has_the_four_of_the_lecture() {
    play(&Disk::new(false), "", |me, server| {
        let files = file_1::Client::new(Remote::new(me, server));
        assert_eq!(files.file_create(b"a"), Ok(Status::Done));
        assert_eq!(files.file_write(b"a", 0, b"hello"), Ok(Status::Done));
        assert_eq!(files.file_read(b"a", 1, 3), Ok(ReadResult::Done(b"ell"[..].into())));
        assert_eq!(files.file_read(b"b", 1, 3), Ok(ReadResult::Default(Status::NotFound)));
        assert_eq!(files.file_del(b"a"), Ok(Status::Done));
        assert_eq!(files.file_del(b"a"), Ok(Status::NotFound));
    });
}

#[test]
fn whole_files_go_and_come_through_a_network_that_misbehaves() {
    for faults in ["", "loss=0.05,duplicate=0.05,reorder=0.05,seed=3"] {
        for length in [0, 1, 1_471, 65_537, 3 << 20] {
            let disk = Disk::new(false);
            let bytes: Vec<u8> = (0..length).map(|place: usize| (place % 251) as u8).collect();
            play(&disk, faults, move |me, server| {
                let mut calls = RpcFiles::new(me.gate(), server, LONG).unwrap();
                let put = unwatched(|watch| {
                    copy::put(&mut calls, &mut FromStream(&bytes[..]), "memory", b"file", 7, watch)
                });
                assert_eq!(put.unwrap(), length as u64);
                let mut back = Vec::new();
                let to = &mut ToStream(&mut back);
                let got = unwatched(|watch| copy::get(&mut calls, b"file", 0, None, to, "memory", watch));
                assert_eq!(got.unwrap(), length as u64);
                assert!(back == bytes, "{length} bytes, {faults}");
            });
        }
    }
}

#[test]
fn whatever_event_the_server_crashes_at_each_piece_is_appended_once() {
    const EVENTS: [&str; 7] = ["queued", "execute", "reply", "timer", "got:REQ", "got:ACK", "sent:REP"];
    let run = |faults: &str| {
        let disk = Disk::new(true);
        let world = play(&disk, faults, |me, server| {
            let mut files = RpcFiles::new(me.gate(), server, LONG).unwrap().exactly_once(7);
            files.create(b"log").unwrap();
            for number in 0..3_u64 {
                assert_eq!(files.append(b"log", format!("{number}\n").as_bytes()), Ok(2 * number));
            }
            files.rename(b"log", b"log.1").unwrap();
            files.make_directory(b"d").unwrap();
        });
        assert_eq!(disk.read("log.1"), b"0\n1\n2\n", "{faults}");
        EVENTS.map(|name| {
            let named: Named = name.parse().unwrap();
            let server = world.find("server").unwrap();
            world
                .records()
                .iter()
                .filter(|record| record.machine == server && named.is(&record.event))
                .count()
        })
    };
    let mut crashes = 0;
    for harm in ["", "drop=REP#3,", "duplicate=REQ#3,"] {
        let counts = run(harm.trim_end_matches(','));
        for (event, count) in EVENTS.iter().zip(counts) {
            for nth in 1..=count {
                run(&format!("{harm}crash=server@{event}#{nth},restart=server@crash+20ms"));
                crashes += 1;
            }
        }
    }
    assert!(crashes > 60, "{crashes}");
}

#[test]
fn without_a_journal_nothing_is_done_exactly_once() {
    let disk = Disk::new(false);
    play(&disk, "", |me, server| {
        let mut files = RpcFiles::new(me.gate(), server, LONG).unwrap().exactly_once(7);
        assert_eq!(files.create(b"a"), Err(FileError::Server(Code::E_NO_JOURNAL)));
        // What may be done twice needs none.
        assert!(files.list_some(b".", b"").unwrap().is_empty());
    });
}

/// Reads a page through a cache, has its author change it, and reads it again.
fn page_read_twice(validation: Validation) -> (Vec<u8>, u64) {
    let disk = Disk::new(false);
    let second = Rc::new(Cell::new(Vec::new()));
    let read = second.clone();
    let world = play(&disk, "", move |me, server| {
        let mut author = RpcFiles::new(me.gate(), server, LONG).unwrap();
        author.create(b"page").unwrap();
        author.write(b"page", 0, b"old").unwrap();
        let files = RpcFiles::new(me.gate(), server, LONG).unwrap();
        let mut browser = Cached::new(files, validation, 1 << 20);
        assert_eq!(&browser.read(b"page").unwrap()[..], b"old");
        assert_eq!(&browser.read(b"page").unwrap()[..], b"old");
        author.write(b"page", 0, b"new").unwrap();
        read.set(browser.read(b"page").unwrap().to_vec());
        // Many times: only the first of them fetches.
        for _ in 0..100 {
            browser.read(b"page").unwrap();
        }
    });
    let sent = world.traffic().sent;
    (second.take(), sent)
}

#[test]
fn a_copy_that_is_validated_reads_what_was_written_and_one_that_is_not_is_stale() {
    let (validated, asked) = page_read_twice(Validation::BeforeUse);
    let (unchecked, silent) = page_read_twice(Validation::Never);
    assert_eq!((&validated[..], &unchecked[..]), (&b"new"[..], &b"old"[..]));
    assert!(asked > silent + 150, "a question each time: {asked}, {silent}");
}

#[test]
fn copies_that_are_too_many_make_room() {
    play(&Disk::new(false), "", |me, server| {
        let mut author = RpcFiles::new(me.gate(), server, LONG).unwrap();
        for name in [b"a", b"b", b"c"] {
            author.create(name).unwrap();
            author.write(name, 0, &[name[0]; 400]).unwrap();
        }
        let files = RpcFiles::new(me.gate(), server, LONG).unwrap();
        let mut cache = Cached::new(files, Validation::Never, 1_000);
        for name in [b"a", b"b", b"a", b"c", b"b"] {
            assert_eq!(cache.read(name).unwrap(), [name[0]; 400][..]);
        }
        // One that was used last stays; what is larger than all room is refused.
        author.write(b"c", 0, b"C").unwrap();
        assert_eq!(cache.read(b"c").unwrap()[0], b'c');
        cache.forget(b"c");
        assert_eq!(cache.read(b"c").unwrap()[0], b'C');
        author.write(b"c", 2_000, b"x").unwrap();
        cache.forget(b"c");
        assert_eq!(cache.read(b"c"), Err(FileError::Server(Code::E_TOO_LARGE)));
    });
}
