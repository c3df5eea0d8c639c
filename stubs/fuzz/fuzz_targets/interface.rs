//! Any text, taken for an interface file.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sendrec_stubs_fuzz::interface(bytes));
