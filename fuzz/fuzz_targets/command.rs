//! Messages of the command queue.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| payoutd_fuzz::command(data));
