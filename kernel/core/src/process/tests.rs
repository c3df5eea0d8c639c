//! Mailboxes against a model, the process table's promises, and waits.
use alloc::string::ToString;
use alloc::vec::Vec;

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::config::{Buffering, Overflow};
use crate::error::SpawnError;
use crate::ids::Epoch;
use crate::limits::MESSAGE_OVERHEAD_BYTES;

const OWNER: LocalId = LocalId(1);
const MESSAGES: usize = 4;
const BYTES: usize = 4 * MESSAGE_OVERHEAD_BYTES + 100;

fn address(number: u32) -> Address {
    alloc::format!("10.0.0.1:7000/{number}").parse().unwrap()
}

fn message(from: Address, bytes: usize) -> Received {
    let source = Source {
        address: from,
        ticket: Ticket::OneWay(None),
        epoch: Epoch::BLANK,
        is_believed: true,
        arrived: Instant::default(),
    };
    Received { source, message: Bytes::from(alloc::vec![0; bytes]) }
}

fn mailbox_of(messages: usize, bytes: usize, overflow: Overflow) -> Table {
    let mut table = Table::new();
    let buffering = Buffering::Mailbox { messages, bytes, overflow };
    table.spawn(Some(OWNER), None, buffering, true).unwrap();
    table
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Send { from: u32, bytes: usize },
    Answer { from: u32 },
    Receive(From),
    GiveUp,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let filter = prop_oneof![Just(From::Any), (1..4u32).prop_map(|from| From::One(address(from)))];
    let step = prop_oneof![
        4 => (1..4u32, 0..300usize).prop_map(|(from, bytes)| Step::Send { from, bytes }),
        1 => (1..4u32).prop_map(|from| Step::Answer { from }),
        4 => filter.prop_map(Step::Receive),
        1 => Just(Step::GiveUp),
    ];
    prop::collection::vec(step, 0..80)
}

/// What a mailbox is to be: a list with two sums, and a list of who waits.
#[derive(Default)]
struct Model {
    /// From whom, and the charge; 0 for answers, which the bounds do not count.
    letters: Vec<(Address, usize)>,
    waiting: Vec<(WaitToken, From)>,
}

impl Model {
    fn figures(&self) -> (usize, usize) {
        let charged = self.letters.iter().filter(|(_, charge)| *charge > 0);
        (charged.clone().count(), charged.map(|(_, charge)| charge).sum())
    }

    fn has_room(&self, from: Address, charge: usize) -> bool {
        let (messages, bytes) = self.figures();
        let awaited = self.waiting.iter().any(|(_, filter)| filter.admits(from));
        awaited || messages < MESSAGES && (messages == 0 || bytes + charge <= BYTES)
    }

    /// Where a letter must have gone.
    fn deliver(&mut self, from: Address, charge: usize, filled: &Filled) {
        let place = self.waiting.iter().position(|(_, filter)| filter.admits(from));
        match (place, filled) {
            (Some(place), Filled::Handed(token, _)) => assert_eq!(*token, self.waiting.remove(place).0),
            (None, Filled::Queued { messages, bytes, .. }) => {
                self.letters.push((from, charge));
                assert_eq!((*messages, *bytes), self.figures());
            }
            (place, filled) => panic!("{place:?} waits, and the letter was {filled:?}"),
        }
    }
}

fn agrees_with_the_model(steps: &[Step]) {
    let mut table = mailbox_of(MESSAGES, BYTES, Overflow::TryAgain);
    let mut waits = Waits::<()>::new();
    let mut model = Model::default();
    for step in steps {
        match *step {
            Step::Send { from, bytes } => {
                let (from, charge) = (address(from), bytes + MESSAGE_OVERHEAD_BYTES);
                match table.reserve(OWNER, from, bytes) {
                    Ok(permit) => {
                        assert!(model.has_room(from, charge));
                        let filled = table.deliver(permit, message(from, bytes));
                        model.deliver(from, charge, &filled);
                    }
                    Err(no_room) => {
                        assert_eq!(no_room, NoRoom::Full(Overflow::TryAgain));
                        assert!(!model.has_room(from, charge));
                    }
                }
            }
            Step::Answer { from } => {
                let letter = Letter::Message(message(address(from), 9));
                let filled = table.deliver_answer(OWNER, letter).unwrap();
                model.deliver(address(from), 0, &filled);
            }
            Step::Receive(filter) => {
                let expected = model.letters.iter().position(|(from, _)| filter.admits(*from));
                match (table.take(OWNER, filter), expected) {
                    (Some((letter, _)), Some(place)) => {
                        assert_eq!(letter.from(), model.letters.remove(place).0);
                    }
                    (None, None) => {
                        let token = waits.open(OWNER, BlockedOn::Receive);
                        assert!(table.wait(OWNER, token, filter));
                        model.waiting.push((token, filter));
                    }
                    (taken, expected) => panic!("took {taken:?}, expected number {expected:?}"),
                }
            }
            Step::GiveUp => {
                if let Some((token, _)) = model.waiting.pop() {
                    assert!(table.forget(OWNER, token).is_none());
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn a_mailbox_agrees_with_the_model(steps in steps()) {
        agrees_with_the_model(&steps);
    }
}

#[test]
fn one_message_fits_into_an_empty_mailbox_however_long() {
    let mut table = mailbox_of(2, 10, Overflow::Discard);
    let permit = table.reserve(OWNER, address(2), 5_000).unwrap();
    table.deliver(permit, message(address(2), 5_000));
    assert_eq!(table.reserve(OWNER, address(2), 0).unwrap_err(), NoRoom::Full(Overflow::Discard));
    assert!(table.take(OWNER, From::Any).is_some());
    let permit = table.reserve(OWNER, address(2), 5_000).unwrap();
    table.deliver(permit, message(address(2), 5_000));
}

#[test]
fn a_receive_from_one_leaves_the_others_messages_in_their_order() {
    let mut table = mailbox_of(9, 9_000, Overflow::TryAgain);
    for from in [2, 3, 2, 4] {
        let permit = table.reserve(OWNER, address(from), 1).unwrap();
        table.deliver(permit, message(address(from), 1));
    }
    assert_eq!(table.take(OWNER, From::One(address(4))).unwrap().0.from(), address(4));
    assert!(table.take(OWNER, From::One(address(4))).is_none());
    let rest: Vec<_> =
        core::iter::from_fn(|| table.take(OWNER, From::Any)).map(|(letter, _)| letter.from()).collect();
    assert_eq!(rest, [address(2), address(3), address(2)]);
}

#[test]
fn a_blocked_sender_is_let_in_when_there_is_room_and_none_passes_it() {
    let mut table = mailbox_of(1, 9_000, Overflow::Block);
    let mut waits = Waits::<()>::new();
    let permit = table.reserve(OWNER, address(2), 1).unwrap();
    table.deliver(permit, message(address(2), 1));
    for from in [3, 4] {
        assert_eq!(table.reserve(OWNER, address(from), 1).unwrap_err(), NoRoom::Full(Overflow::Block));
        let token = waits.open(LocalId(from), BlockedOn::Send(address(1)));
        let received = message(address(from), 1);
        table.block(OWNER, BlockedSender { token, ends_with_room: true, received });
    }
    assert!(table.unblock(OWNER).is_none(), "no room yet");
    table.take(OWNER, From::Any).unwrap();
    assert_eq!(
        table.reserve(OWNER, address(5), 1).unwrap_err(),
        NoRoom::Full(Overflow::Block),
        "others were first"
    );
    assert_eq!(table.unblock(OWNER).unwrap().0.received.source.address, address(3));
    assert!(table.unblock(OWNER).is_none());
    table.take(OWNER, From::Any).unwrap();
    assert_eq!(table.unblock(OWNER).unwrap().0.received.source.address, address(4));
}

#[test]
fn a_local_id_is_given_once_in_a_boot() {
    let mut table = Table::new();
    let spawn = |table: &mut Table, id| table.spawn(id, None, Buffering::default(), true);
    assert_eq!(spawn(&mut table, Some(OWNER)), Ok(OWNER));
    assert_eq!(spawn(&mut table, Some(OWNER)), Err(SpawnError::Taken(OWNER)));
    table.end(OWNER);
    assert_eq!(spawn(&mut table, Some(OWNER)), Err(SpawnError::Taken(OWNER)));
    for reserved in [LocalId(0), LocalId(1_000), LocalId(u32::MAX)] {
        assert_eq!(spawn(&mut table, Some(reserved)), Err(SpawnError::Reserved(reserved)));
    }
    let mut given = Vec::new();
    for _ in 0..5 {
        let id = spawn(&mut table, None).unwrap();
        table.end(id);
        given.push(id.0);
    }
    assert_eq!(given, [1_000, 1_001, 1_002, 1_003, 1_004]);
    assert_eq!(SpawnError::Reserved(LocalId(0)).to_string(), "local id 0 cannot be chosen: choose 1 to 999");
}

/// Processes 1 to `count`, those in `threaded` of several threads, and who waits for whom.
fn waiting(count: u32, threaded: &[u32], pairs: &[(u32, u32)]) -> Table {
    let mut table = Table::new();
    let mut waits = Waits::<()>::new();
    for id in 1..=count {
        table.spawn(Some(LocalId(id)), None, Buffering::default(), !threaded.contains(&id)).unwrap();
    }
    for &(process, other) in pairs {
        let token = waits.open(LocalId(process), BlockedOn::Call(address(other)));
        table.set_waits_for(LocalId(process), LocalId(other), Awaited::Action, token);
    }
    table
}

#[test]
fn the_walk_along_who_waits_finds_a_ring_and_nothing_else() {
    let chain = waiting(4, &[], &[(2, 3), (3, 4)]);
    assert!(
        !chain.would_deadlock(LocalId(1), LocalId(2), Awaited::Action),
        "the chain ends at 4, who waits for nobody"
    );
    assert!(chain.would_deadlock(LocalId(4), LocalId(2), Awaited::Action), "and 4 would close it");
    assert!(chain.would_deadlock(LocalId(1), LocalId(1), Awaited::Action), "a process that waits for itself");
    assert!(!chain.would_deadlock(LocalId(1), LocalId(99), Awaited::Action), "nobody has that id");
    let ring_of_others = waiting(4, &[], &[(2, 3), (3, 2)]);
    assert!(
        !ring_of_others.would_deadlock(LocalId(1), LocalId(2), Awaited::Action),
        "a ring one is no part of"
    );
}

#[test]
fn a_process_of_several_threads_waits_with_one_of_them_only() {
    let table = waiting(3, &[2], &[(1, 2), (2, 3)]);
    assert!(
        !table.would_deadlock(LocalId(3), LocalId(1), Awaited::Action),
        "2 has other threads, which may answer"
    );
    assert!(
        !table.would_deadlock(LocalId(2), LocalId(1), Awaited::Action),
        "and so it may wait for whom it wants"
    );
}

#[test]
fn a_wait_that_is_over_is_no_link_of_the_chain() {
    let mut waits = Waits::<()>::new();
    let mut table = waiting(2, &[], &[]);
    let first = waits.open(LocalId(2), BlockedOn::Call(address(1)));
    table.set_waits_for(LocalId(2), LocalId(1), Awaited::Action, first);
    assert!(table.would_deadlock(LocalId(1), LocalId(2), Awaited::Action));
    let other = waits.open(LocalId(2), BlockedOn::Receive);
    table.clear_waits_for(LocalId(2), other);
    assert!(
        table.would_deadlock(LocalId(1), LocalId(2), Awaited::Action),
        "another wait's end is not this one's"
    );
    table.clear_waits_for(LocalId(2), first);
    assert!(!table.would_deadlock(LocalId(1), LocalId(2), Awaited::Action));
}

#[test]
fn what_a_wait_brought_stays_until_it_is_claimed() {
    let mut waits = Waits::new();
    let token = waits.open(OWNER, BlockedOn::Receive);
    assert_eq!(waits.claim(token), None, "nothing has come yet, and the wait stays");
    assert_eq!(waits.pending_of(OWNER), [(token, BlockedOn::Receive)]);
    assert_eq!(
        waits.finish(token, "first"),
        Ok(Finished { process: OWNER, on: BlockedOn::Receive, lent: false })
    );
    assert_eq!(waits.finish(token, "second"), Err("second"));
    assert!(waits.is_ready(token) && waits.pending_of(OWNER).is_empty());
    assert_eq!(waits.claim(token), Some("first"));
    assert_eq!(waits.claim(token), None);
    let next = waits.open(OWNER, BlockedOn::Receive);
    assert_eq!(next.index(), token.index(), "the place is used again");
    assert!(waits.finish(token, "late").is_err() && !waits.is_ready(next), "and an old token opens nothing");
}

#[test]
fn a_place_of_the_rendezvous_is_one_tenant_s() {
    let mut rendezvous = Rendezvous::new();
    let request = |client| LocalRequest {
        client: LocalId(client),
        server: OWNER,
        addressed: address(1),
        reply_to: ReplyTo::Mailbox,
        options: Options::default(),
        may_have_run: false,
        taken: false,
    };
    let first = rendezvous.open(request(2));
    assert_eq!(rendezvous.close(first).unwrap().client, LocalId(2));
    let second = rendezvous.open(request(3));
    assert_eq!(first.slot, second.slot);
    assert!(rendezvous.close(first).is_none(), "answered once");
    assert_eq!(rendezvous.close_of(LocalId(3)).len(), 1, "what a client asked for goes with it");
    assert!(rendezvous.close(second).is_none());
}
