//! Any bytes, taken for a call.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sendrec_stubs_fuzz::call(bytes));
