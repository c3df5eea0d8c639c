//! The two machines of a transfer against each other, over a channel that loses, doubles and overtakes.
use core::num::NonZeroU32;
use core::time::Duration;
use std::collections::VecDeque;
use std::vec::Vec;

use bytes::Bytes;
use proptest::prelude::*;

use super::bitmap::Bitmap;
use super::{ErrorControl, Inbound, Outbound, Placed, Protocol, Told, Transfer, lists, missing_in};
use crate::ids::PacketNumber;
use crate::rng::Rng;
use crate::time::Instant;
use crate::wire::{Fragment, Report};

/// What happens to packets, of a thousand.
#[derive(Clone, Copy, Debug)]
struct Weather {
    lost: u64,
    doubled: u64,
    late: u64,
    changed: u64,
}

const FINE: Weather = Weather { lost: 0, doubled: 0, late: 0, changed: 0 };

/// What a transfer took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Took {
    packets: u32,
    again: u32,
    reports: u32,
    silences: u32,
    most_under_way: u32,
}

fn message(bytes: usize) -> Bytes {
    (0..bytes).map(|place| (place * 7 + place / 251) as u8).collect::<Vec<_>>().into()
}

/// Moves a message; each step is a round: all that may go goes, then all arrives, then all reports do.
fn run(
    transfer: Transfer,
    bytes: usize,
    piece: u32,
    window: u32,
    weather: Weather,
    seed: u64,
) -> (Took, Bytes) {
    let (sent, mut rng) = (message(bytes), Rng::new(seed));
    let mut outbound = Outbound::new(Instant::ZERO, transfer, 1, sent, piece, window.min(4));
    let mut inbound: Option<Inbound> = None;
    let (mut took, mut number, mut now) = (Took::default(), 0, Instant::ZERO);
    let mut line: VecDeque<(u64, Fragment, Bytes, bool)> = VecDeque::new();
    for _ in 0..200_000 {
        now = now + Duration::from_millis(1);
        let mut under_way = line.len() as u32;
        let before = number;
        while let Some(plan) = outbound.plan(now, 7) {
            outbound.sent(now, &plan, PacketNumber(number + 1));
            took.packets += plan.count;
            took.again += if plan.again { plan.count } else { 0 };
            for place in 0..plan.count {
                number += 1;
                under_way += 1;
                let (fragment, payload) = outbound.piece(plan.piece + place);
                let asks = plan.asks && place + 1 == plan.count;
                if rng.below(1_000) < weather.lost {
                    continue;
                }
                let mut payload = payload.to_vec();
                if rng.below(1_000) < weather.changed {
                    payload[0] ^= 1;
                }
                let packet = (number, fragment, Bytes::from(payload), asks);
                let doubled = rng.below(1_000) < weather.doubled;
                let place = line.len().saturating_sub(if rng.below(1_000) < weather.late { 9 } else { 0 });
                line.insert(place, packet.clone());
                if doubled {
                    line.push_back(packet);
                }
            }
        }
        took.most_under_way = took.most_under_way.max(under_way);
        let mut reports = Vec::new();
        while let Some((number, fragment, payload, asks)) = line.pop_front() {
            let part = fragment.part.unwrap();
            let inbound =
                inbound.get_or_insert_with(|| Inbound::new(now, &fragment, part, std::vec![0; bytes]));
            if inbound.is_complete() {
                continue;
            }
            let placed = inbound.place(now, PacketNumber(number), &fragment, &payload);
            let (newest, base, high) = inbound.state();
            let mut report = Report { newest, transfer: 1, base, from: base, to: high.max(base), window };
            match placed {
                Placed::Complete => {}
                Placed::Spoilt => {
                    (report.from, report.to) = (1, 0);
                    reports.push((report, Bytes::new()));
                }
                Placed::Again | Placed::New if !asks => {}
                _ => {
                    let lists = lists(inbound.there(), report.from, report.to, 40);
                    for (from, to, list) in lists {
                        let newest = if to == report.to { newest } else { PacketNumber(0) };
                        reports.push((Report { newest, from, to, ..report }, list));
                    }
                }
            }
        }
        if let Some(inbound) = inbound.take_if(|inbound| inbound.is_complete()) {
            return (took, inbound.into_memory().into());
        }
        let heard = !reports.is_empty();
        took.reports += reports.len() as u32;
        for (report, list) in reports {
            if rng.below(1_000) >= weather.lost {
                let told = outbound.on_report(now, &report, &list, PacketNumber(number + 1));
                assert!(matches!(told, Told::Progress(_)), "{report:?}");
            }
        }
        if !heard || (number == before && outbound.ready_at().is_none()) {
            took.silences += 1;
            outbound.on_silence();
        }
    }
    panic!("{transfer:?} of {bytes} bytes came to no end: {took:?}, {outbound:?}");
}

fn protocols() -> impl Strategy<Value = Protocol> {
    prop_oneof![
        Just(Protocol::StopAndWait),
        (1..40u32, 1..5u32).prop_map(|(packets, ack_every)| Protocol::SlidingWindow { packets, ack_every }),
        Just(Protocol::Blast { packets: None }),
        (1..40u32).prop_map(|packets| Protocol::Blast { packets: NonZeroU32::new(packets) }),
    ]
}

fn transfers() -> impl Strategy<Value = Transfer> {
    let errors =
        prop_oneof![Just(ErrorControl::Full), Just(ErrorControl::GoBackN), Just(ErrorControl::Selective)];
    (protocols(), errors, any::<bool>()).prop_map(|(protocol, errors, checksum)| Transfer {
        protocol,
        errors,
        checksum,
        ..Transfer::default()
    })
}

proptest! {
    #[test]
    fn every_protocol_moves_every_message(
        transfer in transfers(),
        bytes in 11..3_000usize,
        window in 1..50u32,
        lost in 0..300u64,
        doubled in 0..100u64,
        late in 0..200u64,
        seed: u64,
    ) {
        let weather = Weather { lost, doubled, late, changed: 0 };
        let (_, came) = run(transfer, bytes, 10, window, weather, seed);
        prop_assert_eq!(came, message(bytes));
    }

    #[test]
    fn a_checksum_finds_what_was_changed(transfer in transfers(), bytes in 11..500usize, seed: u64) {
        let transfer = Transfer { checksum: true, ..transfer };
        let (_, came) = run(transfer, bytes, 10, 20, Weather { changed: 10, ..FINE }, seed);
        prop_assert_eq!(came, message(bytes));
    }

    #[test]
    fn a_fine_network_sees_every_piece_once(transfer in transfers(), bytes in 11..3_000usize, window in 1..50u32) {
        let (took, _) = run(transfer, bytes, 10, window, FINE, 1);
        prop_assert_eq!(took.packets as usize, bytes.div_ceil(10));
        prop_assert_eq!((took.again, took.silences), (0, 0));
        prop_assert!(took.most_under_way <= window.max(4));
    }

    #[test]
    fn a_list_says_what_is_missing(there in prop::collection::vec(any::<bool>(), 1..600), from in 0..600u32, room in 9..100usize) {
        let to = there.len() as u32;
        let from = from.min(to);
        let mut map = Bitmap::new(to);
        for place in (0..to).filter(|place| there[*place as usize]) {
            map.add(place);
        }
        let mut told = Bitmap::new(to);
        let mut next = from;
        for (first, end, list) in lists(&map, from, to, room) {
            prop_assert_eq!(first, next);
            prop_assert!(list.len() <= room);
            prop_assert!(missing_in(&list, first, end, |from, to| told.add_range(from, to)));
            next = end;
        }
        prop_assert_eq!(next, to);
        for place in from..to {
            prop_assert_eq!(told.has(place), map.has(place), "{}", place);
        }
    }

    #[test]
    fn no_list_makes_it_panic(list in prop::collection::vec(any::<u8>(), 0..60), from: u32, to: u32) {
        let mut told = 0u64;
        missing_in(&list, from, to, |first, end| {
            assert!(from <= first && first < end && end <= to);
            told += u64::from(end - first);
        });
        prop_assert!(told <= u64::from(to.saturating_sub(from)));
    }

    #[test]
    fn a_bitmap_is_a_set(numbers in prop::collection::btree_set(0..300u32, 0..100), range in (0..300u32, 0..300u32), from in 0..310u32) {
        let mut set = numbers.clone();
        let mut map = Bitmap::new(300);
        for number in &numbers {
            prop_assert!(map.add(*number));
        }
        set.extend(range.0..range.1);
        map.add_range(range.0, range.1);
        for number in 0..310 {
            prop_assert_eq!(map.has(number), set.contains(&number));
        }
        let missing = (from..300).find(|number| !set.contains(number)).unwrap_or(300);
        let present = (from..300).find(|number| set.contains(number)).unwrap_or(300);
        prop_assert_eq!((map.next_missing(from), map.next_present(from)), (missing, present));
        prop_assert_eq!(map.count() as usize, set.len());
    }
}

fn with(protocol: Protocol, errors: ErrorControl) -> Transfer {
    Transfer { protocol, errors, ..Transfer::default() }
}

/// Tells the sender, whose next packet has this number, what is there. There is room for 40 pieces.
fn report(inbound: &Inbound, outbound: &mut Outbound, now: Instant, number: PacketNumber) {
    let (newest, base, high) = inbound.state();
    for (from, to, list) in lists(inbound.there(), base, high.max(base), 1_000) {
        let report = Report { newest, transfer: 1, base, from, to, window: 40 };
        outbound.on_report(now, &report, &list, number);
    }
}

/// One lost packet of forty: what each way of dealing with it sends again.
#[test]
fn what_goes_again_is_what_the_error_control_says() {
    let again = |protocol, errors| {
        let transfer = with(protocol, errors);
        let mut outbound = Outbound::new(Instant::ZERO, transfer, 1, message(400), 10, 40);
        let mut inbound: Option<Inbound> = None;
        let (mut number, mut again, now) = (0, Vec::new(), Instant::ZERO);
        loop {
            let mut asked = None;
            while let Some(plan) = outbound.plan(now, 1) {
                number += 1;
                outbound.sent(now, &plan, PacketNumber(number));
                if plan.again {
                    again.push(plan.piece);
                }
                let (fragment, payload) = outbound.piece(plan.piece);
                let inbound = inbound.get_or_insert_with(|| {
                    Inbound::new(now, &fragment, fragment.part.unwrap(), std::vec![0; 400])
                });
                if number == 11 {
                    continue;
                }
                match inbound.place(now, PacketNumber(number), &fragment, &payload) {
                    Placed::Complete => return again,
                    Placed::Gap => asked = Some(()),
                    _ if plan.asks => asked = Some(()),
                    _ => {}
                }
            }
            if asked.is_none() {
                outbound.on_silence();
                continue;
            }
            report(inbound.as_ref().unwrap(), &mut outbound, now, PacketNumber(number + 1));
        }
    };
    let blast = Protocol::Blast { packets: None };
    let window = Protocol::SlidingWindow { packets: 8, ack_every: 1 };
    assert_eq!(again(blast, ErrorControl::Selective), [10]);
    // From the first that is missing on.
    assert_eq!(again(blast, ErrorControl::GoBackN), [10]);
    // From the blast's beginning on, until the one that was missing has come.
    assert_eq!(again(blast, ErrorControl::Full), (0..=10).collect::<Vec<_>>());
    assert_eq!(again(window, ErrorControl::Selective), [10]);
    assert_eq!(again(Protocol::StopAndWait, ErrorControl::Full), [10]);
}

#[test]
fn stop_and_wait_has_one_under_way_and_a_report_for_each() {
    let (took, _) = run(with(Protocol::StopAndWait, ErrorControl::Full), 400, 10, 40, FINE, 1);
    assert_eq!((took.most_under_way, took.packets, took.reports), (1, 40, 39));
}

#[test]
fn a_blast_has_one_report_where_there_is_room_for_all_of_it() {
    let blast = with(Protocol::Blast { packets: NonZeroU32::new(4) }, ErrorControl::Selective);
    // The last blast's answer is the message's own.
    let (took, _) = run(blast, 400, 10, 40, FINE, 1);
    assert_eq!((took.most_under_way, took.packets, took.reports), (4, 40, 9));
}

/// Where there is room for less than the receiver has, the same pieces of every full blast would be lost.
#[test]
fn a_full_blast_that_brings_nothing_is_followed_by_a_smaller_one() {
    const ROOM: usize = 5;
    let full = with(Protocol::Blast { packets: None }, ErrorControl::Full);
    let mut outbound = Outbound::new(Instant::ZERO, full, 1, message(400), 10, 40);
    let mut inbound: Option<Inbound> = None;
    let (mut number, now) = (0, Instant::ZERO);
    for _ in 0..100 {
        let (mut sent, mut asked) = (Vec::new(), false);
        while let Some(plan) = outbound.plan(now, 1) {
            number += 1;
            outbound.sent(now, &plan, PacketNumber(number));
            let (fragment, payload) = outbound.piece(plan.piece);
            sent.push((number, fragment, payload, plan.asks));
        }
        // The first few find room, and the last, which comes late.
        let last = sent.len().saturating_sub(1).max(ROOM);
        for (place, (number, fragment, payload, asks)) in sent.into_iter().enumerate() {
            if place >= ROOM && place != last {
                continue;
            }
            let part = fragment.part.unwrap();
            let inbound =
                inbound.get_or_insert_with(|| Inbound::new(now, &fragment, part, std::vec![0; 400]));
            asked |= asks;
            if inbound.place(now, PacketNumber(number), &fragment, &payload) == Placed::Complete {
                return;
            }
        }
        if !asked {
            outbound.on_silence();
            continue;
        }
        report(inbound.as_ref().unwrap(), &mut outbound, now, PacketNumber(number + 1));
    }
    panic!("{outbound:?}");
}

#[test]
fn a_receiver_without_room_is_asked_again_and_nothing_else_goes() {
    let mut outbound = Outbound::new(Instant::ZERO, Transfer::default(), 1, message(400), 10, 4);
    let now = Instant::ZERO;
    let plan = outbound.plan(now, 64).unwrap();
    assert_eq!((plan.piece, plan.count, plan.asks), (0, 4, true));
    outbound.sent(now, &plan, PacketNumber(1));
    let none = Report { newest: PacketNumber(4), transfer: 1, base: 0, from: 0, to: 0, window: 0 };
    outbound.on_report(now, &none, &[], PacketNumber(5));
    assert_eq!(outbound.plan(now, 64), None);
    outbound.on_silence();
    let plan = outbound.plan(now, 64).unwrap();
    assert_eq!((plan.piece, plan.count, plan.asks), (0, 1, true));
    outbound.sent(now, &plan, PacketNumber(5));
    assert_eq!(outbound.plan(now, 64), None);
    outbound.on_report(now, &Report { newest: PacketNumber(5), window: 40, ..none }, &[], PacketNumber(6));
    assert!(outbound.plan(now, 64).is_some());
}
