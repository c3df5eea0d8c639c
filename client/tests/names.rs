//! Files of a server that is named by its name or its sparse id, and moves: the calls and the copies follow.
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use sendrec::copy::{self, FromStream, ToStream, Watch};
use sendrec::{Files, Server};
use sendrec_fileserver::{FileMessage, Memory, Name as FileName, Store, serve};
use sendrec_names::{NAME_SERVER_ID, Name, Names, Token};
use sendrec_sim::World;
use sendrec_trap::{From, LocalId, Process, SparseId, SpawnOptions, Trap};

const LONG: Duration = Duration::from_secs(60);

/// Answers so many requests with a bare *done*, and ends.
fn short_lived<T: Trap + ?Sized>(me: &Process<'_, T>, answers: u32) {
    for _ in 0..answers {
        let request = me.receive(From::Any).unwrap();
        let m1 = FileMessage::decode(request.message.clone()).unwrap();
        let m2 = FileMessage { count: m1.count, ..FileMessage::default() };
        me.reply(request.source, m2.encode()).unwrap();
    }
}

/// A world with a name server, a server called `files` that ends after `answers` requests, and its successor with
/// `store`, which takes the name over in the third second. The client's `body` runs from the second on.
fn move_house(
    answers: u32,
    store: Arc<Memory>,
    body: impl FnOnce(&(dyn Trap + '_), Server, &dyn Fn()) + 'static,
) {
    let mut world = World::new(1);
    let machines: Vec<_> = (0..4).map(|_| world.boot()).collect();
    let options = SpawnOptions { local_id: Some(NAME_SERVER_ID), ..SpawnOptions::default() };
    world.spawn(machines[0], options, |me| {
        sendrec_names::serve(me);
    });
    let names = Names::on(world.machine(machines[0]), LONG);
    let name: Name = "files".parse().unwrap();
    let (first, second) = (name.clone(), name.clone());
    world.spawn(machines[1], SpawnOptions::default(), move |me| {
        names.register(me, &first, me.address(), Token(1)).unwrap();
        short_lived(me, answers);
    });
    world.spawn(machines[2], SpawnOptions::default(), move |me| {
        me.gate().sleep(Duration::from_secs(2));
        names.register(me, &second, me.address(), Token(2)).unwrap();
        serve(me, &*store);
    });
    world.spawn(machines[3], SpawnOptions::default(), move |me| {
        me.gate().sleep(Duration::from_secs(1));
        let wait = || me.gate().sleep(Duration::from_secs(2));
        body(me.gate(), Server::Named { name, names }, &wait);
    });
    world.run();
    assert_eq!(world.unfinished(), 2, "the name server and the second server go on, and nobody else");
}

#[test]
fn calls_follow_a_name() {
    let store = Arc::new(Memory::default());
    store.create(FileName::new(b"there").unwrap()).unwrap();
    store.write(FileName::new(b"there").unwrap(), 0, b"hello").unwrap();
    move_house(1, store, |gate, server, wait| {
        let mut files = Files::new(gate, server, LONG).unwrap();
        assert_eq!(files.server(), "name:files");
        files.create(b"x").unwrap();
        let before = files.server();
        assert!(before.starts_with("name:files (10."), "{before}");
        wait();
        let mut buffer = [0; 10];
        assert_eq!(files.read(b"there", 0, 10, &mut buffer).unwrap(), 5);
        assert_eq!(&buffer[..5], b"hello");
        assert_ne!(files.server(), before);
    });
}

#[test]
fn a_copy_under_way_follows_a_name() {
    let store = Arc::new(Memory::default());
    // What the first server said it had made, where the second one is to find it.
    store.create(FileName::new(b".file.0000000000000007.part").unwrap()).unwrap();
    let copied = store.clone();
    move_house(1, store, |gate, server, wait| {
        /// Comes to nothing before the server has moved.
        struct Slow<'a>(&'a dyn Fn(), u32);
        impl std::io::Read for Slow<'_> {
            fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
                if self.1 == 0 {
                    (self.0)();
                }
                self.1 += 1;
                let count = if self.1 <= 100 { buffer.len() } else { 0 };
                buffer[..count].fill(7);
                Ok(count)
            }
        }
        let mut files = Files::new(gate, server, LONG).unwrap();
        let never = AtomicBool::new(false);
        let mut ignore = |_| {};
        let mut watch = Watch { progress: &mut ignore, stop: &never };
        let length =
            copy::put(&mut files, &mut FromStream(Slow(wait, 0)), "memory", b"file", 7, &mut watch).unwrap();
        assert!(length > 100_000);
        let mut back = Vec::new();
        copy::get(&mut files, b"file", 0, None, &mut ToStream(&mut back), "memory", &mut watch).unwrap();
        assert!(back.len() as u64 == length && back.iter().all(|byte| *byte == 7));
    });
    assert!(copied.stat(FileName::new(b"file").unwrap()).unwrap().size > 100_000);
}

#[test]
fn files_of_a_sparse_server_are_reached_and_strangers_are_not_taken_for_it() {
    const SPARSE: SparseId = SparseId(7);
    let mut world = World::new(2);
    let machine = world.boot();
    let options = SpawnOptions { sparse: Some(SPARSE), ..SpawnOptions::default() };
    world.spawn(machine, options, |me| {
        serve(me, &Memory::default());
    });
    let noisy = SpawnOptions { local_id: Some(LocalId(9)), ..SpawnOptions::default() };
    world.spawn(machine, noisy, |me| {
        // The client's process is the first of those that its machine hands out next.
        let client = sendrec_trap::Address::new(me.gate().machine(), LocalId(1_002));
        while me.send_one_way(client, "noise", me.how()).is_err() {
            me.gate().sleep(Duration::from_millis(1));
        }
    });
    world.spawn(machine, SpawnOptions::default(), |me| {
        let mut files = Files::new(me.gate(), SPARSE, LONG).unwrap();
        me.gate().sleep(Duration::from_secs(1));
        files.create(b"a").unwrap();
        assert_eq!(files.stat(b"a").unwrap().size, 0);
    });
    world.run();
    assert_eq!(world.unfinished(), 1, "the server alone goes on");
}
