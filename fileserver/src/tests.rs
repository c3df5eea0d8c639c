//! Both stores by the same tests, the message by properties, the loop in a world.
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;

use bytes::Bytes;
use proptest::prelude::*;
use sendrec_sim::World;
use sendrec_trap::{Address, LocalId, SpawnOptions};

use crate::{
    BLOCK_BYTES, Code, DATA_BYTES_MAX, Directory, Entry, FIXED_BYTES, FileKind, FileMessage, Filled,
    LIST_BYTES_MAX, MAX_PATH_BYTES, Memory, Name, Opcode, ReadOnly, Store, decode_entries, serve,
};

fn name(text: &str) -> Name<'_> {
    Name::new(text.as_bytes()).unwrap()
}

/// Runs `test` on each kind of store, empty.
fn each_store(test: impl Fn(&dyn Store)) {
    test(&Memory::default());
    let directory = tempfile::tempdir().unwrap();
    test(&Directory::open(directory.path()).unwrap());
}

fn read_all(store: &dyn Store, file: &str) -> Vec<u8> {
    let mut buffer = vec![0; 1_000];
    let count = store.read(name(file), 0, &mut buffer).unwrap().count;
    buffer.truncate(count);
    buffer
}

#[test]
fn a_file_is_made_written_read_and_removed() {
    each_store(|store| {
        store.create(name("a")).unwrap();
        assert_eq!(store.create(name("a")), Err(Code::E_EXISTS));
        store.write(name("a"), 0, b"hello world").unwrap();
        store.write(name("a"), 6, b"there").unwrap();
        assert_eq!(read_all(store, "a"), b"hello there");
        let mut part = [0; 5];
        assert_eq!(store.read(name("a"), 6, &mut part), Ok(Filled::with(5)));
        assert_eq!(&part, b"there");
        assert_eq!(store.read(name("a"), 9, &mut part), Ok(Filled::with(2)), "fewer at the end");
        assert_eq!(store.read(name("a"), 11, &mut part), Ok(Filled::with(0)), "none at it");
        assert_eq!(store.read(name("a"), u64::MAX, &mut part), Ok(Filled::with(0)));
        assert_eq!(store.stat(name("a")).unwrap().size, 11);
        store.delete(name("a")).unwrap();
        assert_eq!(store.delete(name("a")), Err(Code::E_NOT_FOUND));
        assert_eq!(store.read(name("a"), 0, &mut part), Err(Code::E_NOT_FOUND));
    });
}

#[test]
fn writing_behind_the_end_fills_with_zeros_and_repeating_a_write_changes_nothing() {
    each_store(|store| {
        store.create(name("a")).unwrap();
        for _ in 0..2 {
            store.write(name("a"), 4, b"x").unwrap();
        }
        assert_eq!(read_all(store, "a"), b"\0\0\0\0x");
        store.truncate(name("a"), 2).unwrap();
        assert_eq!(read_all(store, "a"), b"\0\0");
        store.truncate(name("a"), 3).unwrap();
        assert_eq!(store.stat(name("a")).unwrap().size, 3);
        assert_eq!(store.write(name("a"), u64::MAX, b"x"), Err(Code::E_TOO_LARGE));
        assert_eq!(store.truncate(name("a"), u64::MAX), Err(Code::E_TOO_LARGE));
    });
}

#[test]
fn directories_are_made_listed_in_parts_and_removed() {
    each_store(|store| {
        store.make_directory(name("d")).unwrap();
        assert_eq!(store.make_directory(name("d")), Err(Code::E_EXISTS));
        assert_eq!(store.make_directory(name("no/d")), Err(Code::E_NOT_FOUND));
        for number in 0..10 {
            store.create(name(&format!("d/f{number}"))).unwrap();
        }
        let mut after = Vec::new();
        let mut names = Vec::new();
        loop {
            let some = store.list(name("d"), &after, 3).unwrap();
            let Some(last) = some.last() else { break };
            after.clone_from(&last.name);
            names.extend(some.into_iter().map(|entry| entry.name));
        }
        let expected: Vec<_> = (0..10).map(|number| format!("f{number}").into_bytes()).collect();
        assert_eq!(names, expected);
        assert_eq!(store.list(name("d/f1"), b"", 3), Err(Code::E_NOT_DIRECTORY));
        assert_eq!(store.remove_directory(name("d")), Err(Code::E_NOT_EMPTY));
        for number in 0..10 {
            store.delete(name(&format!("d/f{number}"))).unwrap();
        }
        store.remove_directory(name("d")).unwrap();
        assert_eq!(store.stat(name("d")), Err(Code::E_NOT_FOUND));
        assert_eq!(store.stat(name(".")).unwrap().kind, FileKind::Directory);
    });
}

#[test]
fn renaming_replaces_in_one_step() {
    each_store(|store| {
        for (file, text) in [("a", "one"), ("b", "two")] {
            store.create(name(file)).unwrap();
            store.write(name(file), 0, text.as_bytes()).unwrap();
        }
        store.rename(name("a"), name("b")).unwrap();
        assert_eq!(read_all(store, "b"), b"one");
        assert_eq!(store.stat(name("a")), Err(Code::E_NOT_FOUND));
        assert_eq!(store.rename(name("a"), name("c")), Err(Code::E_NOT_FOUND));
        store.make_directory(name("d")).unwrap();
        assert_eq!(store.rename(name("b"), name("d")), Err(Code::E_IS_DIRECTORY));
        store.rename(name("b"), name("d/b")).unwrap();
        store.rename(name("d"), name("e")).unwrap();
        assert_eq!(read_all(store, "e/b"), b"one");
    });
}

#[test]
fn a_directory_is_no_file_and_a_file_no_directory() {
    each_store(|store| {
        store.make_directory(name("d")).unwrap();
        store.create(name("f")).unwrap();
        assert_eq!(store.write(name("d"), 0, b"x"), Err(Code::E_IS_DIRECTORY));
        assert_eq!(store.delete(name("d")), Err(Code::E_IS_DIRECTORY));
        assert_eq!(store.remove_directory(name("f")), Err(Code::E_NOT_DIRECTORY));
        assert_eq!(store.create(name("f/g")), Err(Code::E_NOT_DIRECTORY));
    });
}

#[test]
fn nothing_leads_out_of_the_root() {
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret"), "secret").unwrap();
    let inside = outside.path().join("root");
    std::fs::create_dir(&inside).unwrap();
    symlink(outside.path(), inside.join("out")).unwrap();
    symlink("../secret", inside.join("up")).unwrap();
    symlink("/etc/passwd", inside.join("absolute")).unwrap();
    std::fs::write(inside.join("file"), "fine").unwrap();
    symlink("file", inside.join("within")).unwrap();
    let store = Directory::open(&inside).unwrap();
    let mut buffer = [0; 100];
    for leading_out in ["out/secret", "up", "absolute", "out/root/file"] {
        let result = store.read(name(leading_out), 0, &mut buffer);
        assert!(matches!(result, Err(Code::E_ACCESS)), "{leading_out}: {result:?}");
        assert!(store.write(name(leading_out), 0, b"x").is_err());
        assert!(store.rename(name("file"), name("out/stolen")).is_err());
    }
    assert_eq!(
        store.read(name("within"), 0, &mut buffer),
        Ok(Filled::with(4)),
        "a link that stays inside is followed"
    );
    symlink("ring", inside.join("ring")).unwrap();
    assert_eq!(store.read(name("ring"), 0, &mut buffer), Err(Code::E_NOT_FOUND));
    for refused in ["", "..", "../secret", "a/../../secret", "/etc/passwd", "a//b", "nul\0"] {
        assert_eq!(Name::new(refused.as_bytes()), Err(Code::E_BAD_NAME), "{refused:?}");
    }
    assert_eq!(Name::new(&[b'a'; MAX_PATH_BYTES + 1]), Err(Code::E_BAD_NAME));
    assert_eq!(std::fs::read(outside.path().join("secret")).unwrap(), b"secret");
}

#[test]
fn names_are_bytes() {
    let directory = tempfile::tempdir().unwrap();
    let store = Directory::open(directory.path()).unwrap();
    let odd = b"\xff\xfe \n\xc3";
    store.create(Name::new(odd).unwrap()).unwrap();
    let entries = store.list(name("."), b"", 10).unwrap();
    assert_eq!(entries[0].name, odd);
    assert!(directory.path().join(std::ffi::OsStr::from_bytes(odd)).exists());
}

#[test]
fn a_read_only_store_changes_nothing() {
    let store = Memory::default();
    store.create(name("a")).unwrap();
    let store = ReadOnly(store);
    assert_eq!(store.write(name("a"), 0, b"x"), Err(Code::E_READ_ONLY));
    assert_eq!(store.create(name("b")), Err(Code::E_READ_ONLY));
    assert_eq!(store.delete(name("a")), Err(Code::E_READ_ONLY));
    assert_eq!(store.read(name("a"), 0, &mut [0; 4]), Ok(Filled::with(0)));
}

fn message() -> impl Strategy<Value = FileMessage> {
    let bytes = |max| prop::collection::vec(any::<u8>(), 0..max).prop_map(Bytes::from);
    (any::<u32>(), any::<u32>(), any::<u64>(), any::<u32>(), bytes(300), bytes(300)).prop_map(
        |(opcode, result, offset, count, filename, data)| FileMessage {
            opcode,
            result,
            offset,
            count,
            filename,
            data,
        },
    )
}

proptest! {
    #[test]
    fn a_message_is_read_as_it_was_written(message in message()) {
        prop_assert_eq!(FileMessage::decode(message.encode().freeze()), Ok(message));
    }

    #[test]
    fn any_bytes_are_a_message_or_none(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let bytes = Bytes::from(bytes);
        let _ = decode_entries(bytes.clone());
        if let Ok(message) = FileMessage::decode(bytes.clone()) {
            prop_assert_eq!(message.encode().freeze(), bytes);
        }
    }
}

/// Asks a server in a world, and returns what it answered.
fn ask(requests: Vec<Bytes>) -> Vec<FileMessage> {
    ask_of(Memory::default(), requests)
}

fn ask_of(store: impl Store + 'static, requests: Vec<Bytes>) -> Vec<FileMessage> {
    let mut world = World::new(1);
    let (near, far) = (world.boot(), world.boot());
    let server = Address::new(world.machine(far), LocalId(1));
    let well_known = SpawnOptions { local_id: Some(LocalId(1)), ..SpawnOptions::default() };
    world.spawn(far, well_known, move |me| {
        serve(me, &store);
    });
    let answers = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
    let kept = answers.clone();
    world.spawn(near, SpawnOptions::default(), move |me| {
        for request in requests {
            let answer = me.call(server, request).unwrap();
            kept.borrow_mut().push(FileMessage::decode(answer).unwrap());
        }
    });
    world.run();
    answers.take()
}

#[test]
fn the_loop_answers_everything_it_gets() {
    let request = |opcode, file: &str| FileMessage::request(opcode, file.as_bytes());
    let written = FileMessage { data: Bytes::from_static(b"text"), ..request(Opcode::Write, "a") };
    let read = FileMessage { count: u32::MAX, offset: 1, ..request(Opcode::Read, "a") };
    let bad = FileMessage { opcode: 99, ..FileMessage::default() };
    let list = FileMessage { count: 10, ..request(Opcode::List, ".") };
    let requests = [request(Opcode::Create, "a"), written, read, bad, request(Opcode::Stat, "../a"), list];
    let mut requests: Vec<_> = requests.iter().map(|request| request.encode().freeze()).collect();
    requests.push(Bytes::from_static(b"garbage"));
    let answers = ask(requests);
    let codes: Vec<_> = answers.iter().map(FileMessage::code).collect();
    let expected =
        [Code::OK, Code::OK, Code::OK, Code::E_BAD_OPCODE, Code::E_BAD_NAME, Code::OK, Code::E_BAD_MESSAGE];
    assert_eq!(codes, expected);
    assert_eq!(answers[2].data, "ext");
    let entries: Vec<Entry> = decode_entries(answers[5].data.clone()).unwrap();
    assert_eq!(entries[0].name, b"a");
}

#[test]
fn who_asks_for_everything_gets_what_an_answer_may_hold() {
    const LENGTH: usize = 3 * DATA_BYTES_MAX / 2;
    let store = Memory::default();
    store.create(name("a")).unwrap();
    let bytes: Vec<u8> = (0..LENGTH).map(|place| place as u8 | 1).collect();
    store.write(name("a"), 0, &bytes).unwrap();
    store.make_directory(name("d")).unwrap();
    let entries = LIST_BYTES_MAX / 100;
    for number in 0..entries {
        store.create(name(&format!("d/{number:0200}"))).unwrap();
    }
    let read = |offset| FileMessage { count: u32::MAX, offset, ..FileMessage::request(Opcode::Read, b"a") };
    let list = FileMessage { count: u32::MAX, ..FileMessage::request(Opcode::List, b"d") };
    let requests = [read(0), read(DATA_BYTES_MAX as u64), read(LENGTH as u64), read(u64::MAX), list];
    let answers = ask_of(store, requests.iter().map(|request| request.encode().freeze()).collect());
    assert!(answers.iter().all(|answer| answer.code() == Code::OK));
    assert_eq!(answers[0].count as usize, DATA_BYTES_MAX);
    assert!(answers[0].data == bytes[..DATA_BYTES_MAX]);
    assert!(answers[1].data == bytes[DATA_BYTES_MAX..]);
    assert_eq!((answers[2].count, answers[2].data.len()), (0, 0));
    assert_eq!((answers[3].count, answers[3].data.len()), (0, 0));
    let listed = decode_entries(answers[4].data.clone()).unwrap();
    assert!(listed.len() == answers[4].count as usize && !listed.is_empty() && listed.len() < entries);
    assert!(answers[4].encode().len() <= FIXED_BYTES + LIST_BYTES_MAX);
}

#[test]
fn zeros_at_the_end_of_what_was_read_are_counted_and_not_sent() {
    each_store(|store| {
        store.create(name("a")).unwrap();
        store.write(name("a"), 0, b"data").unwrap();
        store.truncate(name("a"), 10 * BLOCK_BYTES as u64).unwrap();
        let mut buffer = vec![7; 4 * BLOCK_BYTES];
        let filled = store.read(name("a"), 0, &mut buffer).unwrap();
        assert_eq!(filled, Filled::with(buffer.len()));
        assert!(buffer.starts_with(b"data\0") && buffer[4..].iter().all(|byte| *byte == 0));
        let mut buffer = vec![7; 4 * BLOCK_BYTES];
        let filled = store.read(name("a"), 8 * BLOCK_BYTES as u64, &mut buffer).unwrap();
        assert_eq!(filled.count, 2 * BLOCK_BYTES, "the end of a hole is the file's");
        assert!(filled.is_hole || buffer[..filled.count].iter().all(|byte| *byte == 0));
    });
    let store = Memory::default();
    store.create(name("a")).unwrap();
    store.write(name("a"), 0, b"data").unwrap();
    store.truncate(name("a"), 10 * BLOCK_BYTES as u64).unwrap();
    let read = |offset, count| FileMessage { count, offset, ..FileMessage::request(Opcode::Read, b"a") };
    let requests = [read(0, 100), read(0, u32::MAX), read(9 * BLOCK_BYTES as u64, u32::MAX)];
    let answers = ask_of(store, requests.iter().map(|request| request.encode().freeze()).collect());
    let told: Vec<_> = answers.iter().map(|answer| (answer.count as usize, answer.data.len())).collect();
    assert_eq!(told[0], (100, 100), "less than a block is sent as it is");
    assert_eq!((told[1].0, told[2]), (10 * BLOCK_BYTES, (BLOCK_BYTES, 0)));
    assert!(answers[1].data.starts_with(b"data\0") && told[1].1 <= BLOCK_BYTES + 4);
}
