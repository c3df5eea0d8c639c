//! The message by properties, the table against a model, the server and its clients in a world.
#![allow(clippy::redundant_closure)] // A function that is generic over gates is not general enough over their lifetimes.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;
use sendrec_sim::{Link, MachineId, World};
use sendrec_trap::{
    Address, CallError, From, How, LocalId, Machine, Options, Process, Semantics, SendFailure, SparseId,
    SpawnOptions, Target, Trap,
};

use crate::message::{decode_entries, decode_place, encode_entry, encode_place};
use crate::table::{Entry, Table};
use crate::{
    BadMessage, Code, NAME_SERVER, NAME_SERVER_ID, NAMES_PER_MACHINE_MAX, Name, NameMessage, NamedError,
    Names, NamesError, Operation, Resolver, Token, serve,
};

const LONG: Duration = Duration::from_secs(60);

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn places() -> impl Strategy<Value = Target> {
    let place = |socket: SocketAddr, local| Target::Place(Address::new(Machine::new(socket), LocalId(local)));
    prop_oneof![
        any::<u64>().prop_map(|number| Target::Sparse(SparseId(number))),
        (any::<[u8; 4]>(), any::<u16>(), any::<u32>())
            .prop_map(move |(ip, port, local)| place((ip, port).into(), local)),
        (any::<[u8; 16]>(), any::<u16>(), any::<u32>())
            .prop_map(move |(ip, port, local)| place((ip, port).into(), local)),
    ]
}

fn any_bytes(most: usize) -> impl Strategy<Value = Bytes> {
    proptest::collection::vec(any::<u8>(), 0..=most).prop_map(Bytes::from)
}

proptest! {
    #[test]
    fn a_message_comes_back_as_it_was(
        operation: u8, code: u8, token: u64, name in any_bytes(255), body in any_bytes(600),
    ) {
        let message = NameMessage { operation, code, token: Token(token), name, body };
        prop_assert_eq!(NameMessage::decode(message.encode().freeze()), Ok(message));
    }

    #[test]
    fn places_and_entries_come_back_as_they_were(
        entries in proptest::collection::vec(("[!-~]{1,255}", places()), 0..6),
    ) {
        let entries: Vec<_> = entries.into_iter().map(|(text, place)| (Name::new(text.as_bytes()).unwrap(), place)).collect();
        let mut bytes = BytesMut::new();
        for (name, place) in &entries {
            prop_assert!(encode_entry(name, *place, &mut bytes, usize::MAX));
            let mut one = BytesMut::new();
            encode_place(*place, &mut one);
            for cut in 0..one.len() {
                prop_assert_eq!(decode_place(&mut Bytes::copy_from_slice(&one[..cut])), Err(BadMessage));
            }
        }
        let fits = bytes.len();
        prop_assert!(!encode_entry(&name("x"), Target::Sparse(SparseId(1)), &mut bytes, fits));
        prop_assert_eq!(decode_entries(bytes.freeze()), Ok(entries));
    }

    #[test]
    fn rubbish_is_no_message_or_one_that_is_written_the_same(bytes in any_bytes(300)) {
        if let Ok(message) = NameMessage::decode(bytes.clone()) {
            prop_assert_eq!(&message.encode()[..], &bytes[..]);
        }
        let _ = decode_place(&mut bytes.clone());
        let _ = decode_entries(bytes);
    }

    #[test]
    fn a_list_is_what_a_filter_says(
        texts in proptest::collection::btree_set("[ab]{1,4}", 0..12), prefix in "[ab]{0,3}", after in "[ab]{0,4}",
    ) {
        let mut table = Table::default();
        for text in &texts {
            table.put(name(text), entry(1, 1)).unwrap();
        }
        let after_name = Name::new(after.as_bytes()).ok();
        let listed: Vec<_> = table.list(&prefix, after_name.as_ref()).map(|(name, _)| name.as_str().to_owned()).collect();
        let expected: Vec<_> =
            texts.iter().filter(|text| text.starts_with(&prefix) && **text > after).cloned().collect();
        prop_assert_eq!(listed, expected);
    }
}

fn entry(token: u64, machine: u8) -> Entry {
    let machine = Machine::new(([10, 0, 0, machine], 7000).into());
    Entry { place: Address::new(machine, LocalId(1)).into(), token: Token(token), registrant: machine }
}

#[test]
fn a_name_is_printable_ascii_and_not_too_long() {
    for wrong in ["", "name:", "two words", "caf\u{e9}", "tab\t", "nul\0", &"x".repeat(256)] {
        assert!(wrong.parse::<Name>().is_err(), "{wrong:?}");
    }
    for (right, shown) in [("files", "name:files"), ("name:files", "name:files"), ("a/b:c~!", "name:a/b:c~!")]
    {
        assert_eq!(name(right).to_string(), shown);
    }
    assert_eq!(name(&"x".repeat(255)).as_str().len(), 255);
}

#[test]
fn one_machine_does_not_keep_all_others_out() {
    let mut table = Table::default();
    let many = NAMES_PER_MACHINE_MAX;
    for number in 0..many {
        table.put(name(&format!("n{number}")), entry(1, 1)).unwrap();
    }
    assert_eq!(table.put(name("more"), entry(1, 1)), Err(Code::E_FULL));
    // What it has it may change; another machine's goes on; what is taken back makes room.
    table.put(name("n0"), entry(2, 1)).unwrap();
    table.put(name("other"), entry(3, 2)).unwrap();
    assert_eq!(table.put(name("other"), entry(3, 1)), Err(Code::E_FULL));
    assert_eq!(table.get(&name("other")), Some(entry(3, 2)));
    table.remove(&name("n0"));
    table.put(name("more"), entry(1, 1)).unwrap();
    assert_eq!(table.put(name("too"), entry(1, 1)), Err(Code::E_FULL));
}

/// A world with a name server on its first machine.
struct Town {
    world: World,
    names: Names,
    machines: Vec<MachineId>,
}

impl Town {
    fn new(seed: u64, machines: usize) -> Self {
        let mut world = World::new(seed);
        let machines: Vec<_> = (0..=machines).map(|_| world.boot()).collect();
        let options = SpawnOptions {
            local_id: Some(NAME_SERVER_ID),
            sparse: Some(NAME_SERVER),
            ..SpawnOptions::default()
        };
        world.spawn(machines[0], options, |me| {
            serve(me);
        });
        let names = Names::on(world.machine(machines[0]), LONG);
        Self { world, names, machines }
    }

    fn machine(&self, number: usize) -> Machine {
        self.world.machine(self.machines[number])
    }

    /// Runs a client on its own machine until nothing happens any more; it must have come to its end.
    fn client(mut self, number: usize, body: impl FnOnce(&(dyn Trap + '_), Names) + 'static) {
        let names = self.names;
        let ended = Rc::new(Cell::new(false));
        let done = ended.clone();
        self.world.spawn(self.machines[number], SpawnOptions::default(), move |me| {
            body(me.gate(), names);
            done.set(true);
        });
        self.world.run();
        assert!(ended.get());
    }
}

fn process<'a>(gate: &'a (dyn Trap + 'a)) -> Process<'a, dyn Trap + 'a> {
    Process::spawn(gate, SpawnOptions::default()).unwrap()
}

fn code(result: Result<(), NamesError>) -> Code {
    match result {
        Ok(()) => Code::OK,
        Err(NamesError::Server { code, .. }) => code,
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn names_are_given_asked_for_listed_and_taken_back() {
    Town::new(1, 1).client(1, |gate, names| {
        let me = process(gate);
        let (mine, sparse) = (me.address(), SparseId(7));
        assert_eq!(
            names.lookup(&me, &name("files")).unwrap_err().to_string(),
            format!(
                "name:files: nobody has registered this name (E_NOT_FOUND), says the name server at {}",
                names.server
            )
        );
        // Several names an owner, by place and by sparse id.
        names.register(&me, &name("files"), mine, Token(1)).unwrap();
        names.register(&me, &name("archive"), sparse, Token(1)).unwrap();
        assert_eq!(names.lookup(&me, &name("files")), Ok(mine.into()));
        assert_eq!(names.lookup(&me, &name("archive")), Ok(sparse.into()));
        // The same token gives it another place.
        let moved = Address::new(mine.machine, LocalId(500));
        names.register(&me, &name("files"), moved, Token(1)).unwrap();
        assert_eq!(names.lookup(&me, &name("files")), Ok(moved.into()));
        assert_eq!(
            names.list(&me, "", None),
            Ok(vec![(name("archive"), sparse.into()), (name("files"), moved.into())])
        );
        names.deregister(&me, &name("files"), Token(1)).unwrap();
        assert_eq!(code(names.deregister(&me, &name("files"), Token(1))), Code::E_NOT_FOUND);
        assert_eq!(names.list(&me, "", None), Ok(vec![(name("archive"), sparse.into())]));
        assert_eq!(names.list(&me, "b", None), Ok(Vec::new()));
    });
}

#[test]
fn more_names_than_one_message_holds_are_listed_in_their_order() {
    Town::new(2, 1).client(1, |gate, names| {
        let me = process(gate);
        let all: Vec<_> = (0..300).map(|number| name(&format!("{number:03}-{}", "x".repeat(60)))).collect();
        for one in &all {
            names.register(&me, one, me.address(), Token(1)).unwrap();
        }
        let (mut listed, mut messages) = (Vec::new(), 0);
        loop {
            let some = names.list(&me, "", listed.last()).unwrap();
            if some.is_empty() {
                break;
            }
            listed.extend(some.into_iter().map(|(name, _)| name));
            messages += 1;
        }
        assert_eq!(listed, all);
        assert!(messages > 5);
    });
}

#[test]
fn a_name_stays_with_who_lives_and_goes_when_that_is_gone() {
    let town = Town::new(3, 1);
    let silent = Address::new(Machine::new(([10, 9, 9, 9], 7000).into()), LocalId(1));
    town.client(1, move |gate, names| {
        let (me, holder) = (process(gate), process(gate));
        let files = name("files");
        names.register(&holder, &files, holder.address(), Token(1)).unwrap();
        assert_eq!(code(names.register(&me, &files, me.address(), Token(2))), Code::E_HELD);
        assert_eq!(code(names.deregister(&me, &files, Token(2))), Code::E_HELD);
        assert_eq!(names.lookup(&me, &files), Ok(holder.address().into()));
        drop(holder);
        names.register(&me, &files, me.address(), Token(2)).unwrap();
        assert_eq!(names.lookup(&me, &files), Ok(me.address().into()));
        // A machine that says nothing is asked for a while.
        names.register(&me, &name("off"), silent, Token(3)).unwrap();
        let start = gate.now();
        names.register(&me, &name("off"), me.address(), Token(2)).unwrap();
        assert!(gate.now().since(start) >= Duration::from_millis(750));
        assert_eq!(names.lookup(&me, &name("off")), Ok(me.address().into()));
        // So is a sparse id that nobody has; and whoever takes back what nobody holds any more.
        names.register(&me, &name("sparse"), SparseId(7), Token(3)).unwrap();
        names.deregister(&me, &name("sparse"), Token(2)).unwrap();
        assert_eq!(code(names.deregister(&me, &name("sparse"), Token(2))), Code::E_NOT_FOUND);
    });
}

#[test]
fn while_a_holder_is_asked_others_are_answered_and_the_first_of_two_gets_the_name() {
    let silent = Address::new(Machine::new(([10, 9, 9, 9], 7000).into()), LocalId(1));
    Town::new(4, 1).client(1, move |gate, names| {
        let me = process(gate);
        names.register(&me, &name("off"), silent, Token(1)).unwrap();
        let ask = |token| {
            let mut body = BytesMut::new();
            encode_place(me.address().into(), &mut body);
            let mut message = NameMessage::request(Operation::Register, Token(token), "off");
            message.body = body.freeze();
            me.start_call(names.server, message.encode())
        };
        // The third as a copy that the network has held back.
        let calls = [ask(2), ask(3), ask(2)];
        let start = gate.now();
        assert_eq!(names.lookup(&me, &name("off")), Ok(silent.into()));
        assert!(gate.now().since(start) < Duration::from_millis(100));
        let codes = calls.map(|call| NameMessage::decode(me.wait(call).unwrap()).unwrap().code);
        let of_two = [Code::OK as u8, Code::E_HELD as u8, Code::OK as u8];
        let of_three = [Code::E_HELD as u8, Code::OK as u8, Code::E_HELD as u8];
        assert!(codes == of_two || codes == of_three, "{codes:?}");
    });
}

/// A server that answers with what it is called, until it has answered so often.
fn named_server<T: Trap + ?Sized>(me: &Process<'_, T>, names: Names, called: &'static str, answers: u32) {
    names.register(me, &name("files"), me.address(), Token(called.len() as u64)).unwrap();
    for _ in 0..answers {
        let request = me.receive(From::Any).unwrap();
        me.reply(request.source, called).unwrap();
    }
}

#[test]
fn a_name_whose_process_has_moved_is_followed() {
    let mut town = Town::new(5, 3);
    let names = town.names;
    let (first, second) = (town.machines[1], town.machines[2]);
    town.world.spawn(first, SpawnOptions::default(), move |me| named_server(me, names, "first", 1));
    town.world.spawn(second, SpawnOptions::default(), move |me| {
        me.gate().sleep(Duration::from_secs(1));
        named_server(me, names, "second", 2);
    });
    town.world.spawn(town.machines[3], SpawnOptions::default(), move |me| {
        let mut resolver = Resolver::new(names);
        let files = name("files");
        me.gate().sleep(Duration::from_millis(500));
        assert_eq!(resolver.call(me, &files, "where?", me.how()).unwrap(), "first");
        let before = resolver.remembered(&files);
        me.gate().sleep(Duration::from_secs(1));
        assert_eq!(resolver.call(me, &files, "where?", me.how()).unwrap(), "second");
        let after = resolver.remembered(&files);
        assert!(before.is_some() && after.is_some() && before != after);
        // It is remembered: the name server is not asked again.
        assert_eq!(resolver.call(me, &files, "where?", me.how()).unwrap(), "second");
        // And when nobody is there any more that is the end of it.
        let error = resolver.call(me, &files, "where?", me.how()).unwrap_err();
        let NamedError::Call { error, .. } = error else { panic!("{error}") };
        assert_eq!(error.failure, SendFailure::Request(CallError::NoSuchProcess));
        assert_eq!((error.message, resolver.remembered(&files)), ("where?".into(), None));
    });
    town.world.run();
    assert_eq!(town.world.unfinished(), 1, "the name server alone goes on");
}

#[test]
fn on_silence_what_must_not_run_twice_is_not_sent_again_and_what_may_is() {
    for semantics in [Semantics::AtMostOnce, Semantics::AtLeastOnce] {
        let mut town = Town::new(6, 2);
        let names = town.names;
        let silent = Address::new(Machine::new(([10, 9, 9, 9], 7000).into()), LocalId(1));
        town.world.spawn(town.machines[1], SpawnOptions::default(), move |me| {
            names.register(me, &name("files"), silent, Token(1)).unwrap();
            // Long before the client's kernel gives up.
            me.gate().sleep(Duration::from_secs(2));
            names.register(me, &name("files"), me.address(), Token(1)).unwrap();
            let asked = me.receive_within(From::Any, LONG);
            assert_eq!(asked.is_ok(), semantics == Semantics::AtLeastOnce);
            if let Ok(request) = asked {
                me.reply(request.source, "here").unwrap();
            }
        });
        town.client(2, move |gate, names| {
            let me = process(gate);
            let mut resolver = Resolver::new(names);
            while resolver.place(&me, &name("files")).is_err() {
                let _ = me.receive_within(From::Any, Duration::from_millis(100));
            }
            let how = How { options: Options { semantics, ..Options::default() }, timeout: None };
            match resolver.call(&me, &name("files"), "where?", how) {
                Ok(reply) => assert_eq!((semantics, reply), (Semantics::AtLeastOnce, "here".into())),
                Err(NamedError::Call { error, place, .. }) => {
                    assert_eq!((semantics, place), (Semantics::AtMostOnce, silent.into()));
                    assert_eq!(error.failure, SendFailure::Request(CallError::NoAnswer));
                    assert_eq!(resolver.remembered(&name("files")), None);
                }
                Err(other) => panic!("{other}"),
            }
        });
    }
}

#[test]
fn rubbish_is_answered_with_an_error_and_the_server_goes_on() {
    Town::new(7, 1).client(1, |gate, names| {
        let me = process(gate);
        names.register(&me, &name("files"), me.address(), Token(1)).unwrap();
        let ask = |message: &[u8]| NameMessage::decode(me.call(names.server, message).unwrap()).unwrap().code;
        let mut place = BytesMut::new();
        encode_place(me.address().into(), &mut place);
        let register = |name: &'static [u8], token, body: &[u8]| NameMessage {
            operation: Operation::Register as u8,
            token: Token(token),
            name: Bytes::from_static(name),
            body: Bytes::copy_from_slice(body),
            ..NameMessage::default()
        };
        for (message, expected) in [
            (register(b"", 1, &place), Code::E_BAD_NAME),
            (register(b"two words", 1, &place), Code::E_BAD_NAME),
            (register(b"n", 0, &place), Code::E_BAD_TOKEN),
            (register(b"n", 1, b""), Code::E_BAD_MESSAGE),
            (register(b"n", 1, &[&place[..], b"x"].concat()), Code::E_BAD_MESSAGE),
            (register(b"n", 1, &[4, 0, 0, 0, 0, 27, 88, 0, 0, 0, 1]), Code::E_BAD_PLACE),
            (register(b"n", 1, &[4, 239, 1, 1, 1, 27, 88, 0, 0, 0, 1]), Code::E_BAD_PLACE),
            (register(b"n", 1, &[4, 10, 1, 1, 1, 0, 0, 0, 0, 0, 1]), Code::E_BAD_PLACE),
            (register(b"n", 1, &[4, 10, 1, 1, 1, 27, 88, 0, 0, 0, 0]), Code::E_BAD_PLACE),
            (register(b"n", 1, &[5, 10, 1, 1, 1, 27, 88, 0, 0, 0, 1]), Code::E_BAD_MESSAGE),
            (NameMessage { operation: 9, ..NameMessage::default() }, Code::E_BAD_OPERATION),
        ] {
            assert_eq!(ask(&message.encode()), expected as u8, "{message:?}");
        }
        // Every cut and every changed byte of a good message, and a one-way that nobody is to be answered for.
        let good = register(b"files", 1, &place).encode();
        for cut in 0..good.len() {
            assert_ne!(ask(&good[..cut]), Code::OK as u8, "{cut} bytes");
        }
        for at in 0..good.len() {
            let mut bad = good.to_vec();
            bad[at] ^= 0x80;
            ask(&bad);
        }
        me.send_one_way(names.server, "rubbish", me.how()).unwrap();
        me.send_one_way(names.server, register(b"files", 9, &place).encode(), me.how()).unwrap();
        names.register(&me, &name("files"), me.address(), Token(1)).unwrap();
        assert_eq!(names.lookup(&me, &name("files")), Ok(me.address().into()));
    });
}

#[test]
fn who_is_no_name_server_is_told_from_one() {
    let mut town = Town::new(8, 1);
    let echo = Address::new(town.machine(1), LocalId(1));
    let options = SpawnOptions { local_id: Some(LocalId(1)), ..SpawnOptions::default() };
    town.world.spawn(town.machines[1], options, |me| {
        while let Ok(request) = me.receive(From::Any) {
            me.reply(request.source, request.message).unwrap();
        }
    });
    town.client(1, move |gate, _| {
        let me = process(gate);
        let error = Names::new(echo, LONG).lookup(&me, &name("files")).unwrap_err();
        assert!(matches!(error, NamesError::NoNameServer { .. } | NamesError::Server { .. }), "{error}");
        let nobody = Address::new(echo.machine, LocalId(9));
        let error = Names::new(nobody, LONG).lookup(&me, &name("files")).unwrap_err();
        assert_eq!(error.to_string(), format!("name:files: the name server at {nobody}: no such process"));
        let error = Names::anywhere(LONG).lookup(&me, &name("files"));
        // On a world whose links bring no broadcast nobody is found; where they do, the name server is, and it has none.
        assert!(matches!(error, Err(NamesError::NoServer { .. } | NamesError::Server { .. })));
    });
}

#[test]
fn an_answer_that_is_lost_makes_no_name_unknown() {
    let mut town = Town::new(9, 1);
    let (server, client) = (town.machines[0], town.machines[1]);
    // Those of the registration and of the taking back; the second of each arrives.
    let faults = "drop=REP#1,drop=REP#3".parse().unwrap();
    town.world.set_link(server, client, Link { faults, ..Link::default() });
    town.client(1, |gate, names| {
        let me = process(gate);
        names.register(&me, &name("files"), me.address(), Token(1)).unwrap();
        assert_eq!(names.deregister(&me, &name("files"), Token(1)), Ok(()));
        assert_eq!(names.list(&me, "", None), Ok(Vec::new()));
    });
}

#[test]
fn what_may_have_run_at_a_silent_place_is_not_told_as_a_name_unknown() {
    // Afterwards the name is nobody's, or somebody's who does not live.
    for gone in [false, true] {
        let mut town = Town::new(10, 2);
        let names = town.names;
        let silent = Address::new(Machine::new(([10, 9, 9, 9], 7000).into()), LocalId(1));
        town.world.spawn(town.machines[1], SpawnOptions::default(), move |me| {
            names.register(me, &name("files"), silent, Token(1)).unwrap();
            me.gate().sleep(Duration::from_secs(2));
            let nobody = Address::new(me.address().machine, LocalId(999));
            if gone {
                names.deregister(me, &name("files"), Token(1)).unwrap();
            } else {
                names.register(me, &name("files"), nobody, Token(1)).unwrap();
            }
        });
        town.client(2, move |gate, names| {
            let me = process(gate);
            let mut resolver = Resolver::new(names);
            while resolver.place(&me, &name("files")).is_err() {
                let _ = me.receive_within(From::Any, Duration::from_millis(100));
            }
            let options = Options { semantics: Semantics::AtLeastOnce, ..Options::default() };
            let how = How { options, timeout: None };
            match resolver.call(&me, &name("files"), "where?", how).unwrap_err() {
                NamedError::Call { error, place, .. } => {
                    assert_eq!(place, silent.into());
                    assert_eq!(error.failure, SendFailure::Request(CallError::NoAnswer));
                }
                other => panic!("{other}"),
            }
        });
    }
}
