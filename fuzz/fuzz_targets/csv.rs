//! CSV files for `payoutd publish`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| payoutd_fuzz::csv(data));
