//! Any bytes, taken for a packet.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sendrec_core_fuzz::packet(bytes));
