//! SHA-256 in hex: content hashes, idempotency keys, names of messages.

use aws_lc_rs::digest::{SHA256, digest};

pub fn sha256_hex(bytes: &[u8]) -> String {
    digest(&SHA256, bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
