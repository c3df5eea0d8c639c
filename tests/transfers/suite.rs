//! Every protocol x error control x loss in small; `cargo run --release -p sendrec-tests --bin transfers` has the long ones.
use sendrec_tests::transfers::{LENGTHS, all};

#[test]
fn every_message_comes_back_as_it_went_in_a_world() {
    for seed in 1..=2 {
        for case in all(&LENGTHS[..3], seed) {
            assert_eq!(case.in_a_world(), Ok(()));
        }
    }
}

#[test]
fn every_message_comes_back_as_it_went_over_udp() {
    // One length for each protocol and loss, another each time.
    for (number, case) in all(&LENGTHS[..3], 1).enumerate().filter(|(number, _)| number % 4 == 0) {
        assert_eq!(case.over_udp(), Ok(()), "case {number}");
    }
}
