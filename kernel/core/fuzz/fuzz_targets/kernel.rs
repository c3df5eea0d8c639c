//! Any datagrams, into a kernel with a server and an outstanding call.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sendrec_core_fuzz::kernel(bytes));
