//! Bodies of the bank's answers, under every class of status.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| payoutd_fuzz::bank_answer(data));
