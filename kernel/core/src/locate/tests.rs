//! What is known of a sparse id's place, and for how long one looks.
use alloc::vec::Vec;
use core::time::Duration;

use super::{Due, Locate};
use crate::ids::{Address, LocalId, Nonce, SparseId};
use crate::limits;
use crate::time::Instant;
use crate::timer::{Strategy, Table};

const FIRST: Duration = Duration::from_millis(10);
const SPARSE: SparseId = SparseId(0x9f3c);

fn room() -> Locate {
    Locate::new(FIRST, 2, Table::new(Strategy::default(), Duration::from_micros(1)))
}

fn address(port: u16) -> Address {
    Address::new(alloc::format!("10.0.0.1:{port}").parse().unwrap(), LocalId(1))
}

fn expire(locate: &mut Locate, at: Instant) -> Vec<Due> {
    let mut due = Vec::new();
    locate.expire(at, &mut due);
    due
}

#[test]
fn a_search_is_repeated_ever_more_slowly_and_ends() {
    let mut locate = room();
    locate.search(SPARSE, Nonce(7), Instant::ZERO);
    assert!(locate.expects(SPARSE, Nonce(7)) && !locate.expects(SPARSE, Nonce(8)));
    let mut waits = Vec::new();
    let mut now = Instant::ZERO;
    let mut last = Vec::new();
    while let Some(next) = locate.next_deadline() {
        waits.push(next.since(now));
        now = next;
        last = expire(&mut locate, now);
    }
    assert_eq!(waits, [FIRST, 2 * FIRST, 4 * FIRST]);
    assert_eq!(last, [Due::Failed(SPARSE)]);
    assert!(!locate.is_sought(SPARSE) && !locate.expects(SPARSE, Nonce(7)));
}

#[test]
fn what_was_found_is_known_until_somebody_misses_it_there() {
    let mut locate = room();
    locate.learn(SPARSE, address(1));
    locate.learn(SPARSE, address(2));
    assert_eq!(locate.place(SPARSE), Some(address(2)));
    assert!(!locate.drop_place(SPARSE, address(1)), "news that is old changes nothing");
    assert!(locate.drop_place(SPARSE, address(2)));
    assert_eq!(locate.place(SPARSE), None);
}

#[test]
fn no_more_places_are_remembered_than_may_be() {
    let mut locate = room();
    for number in 0..limits::PLACES_MAX as u64 + 10 {
        locate.learn(SparseId(number), address(1));
    }
    assert_eq!(locate.place(SparseId(9)), None);
    assert!(locate.place(SparseId(10)).is_some());
    assert_eq!(locate.places.len(), limits::PLACES_MAX);
    assert_eq!(locate.learned.len(), limits::PLACES_MAX);
}
