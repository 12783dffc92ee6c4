//! Signature headers, and whole webhooks up to the queue.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| payoutd_fuzz::webhook_signature(data));
