//! Webhook bodies whose signature was good.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| payoutd_fuzz::webhook(data));
