//! Any bytes, taken for a value of every kind.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sendrec_stubs_fuzz::value(bytes));
