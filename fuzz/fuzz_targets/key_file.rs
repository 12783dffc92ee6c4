//! Private and public key files.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| payoutd_fuzz::key_file(data));
