//! Free ports for servers that are killed and come back on the same one.
//!
//! They lie below the range that the kernel takes outgoing connections' ports from. Within it, a
//! client that keeps knocking at a dead server's port may be given that very port, connect to
//! itself, and keep the server from returning.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};

use rand::Rng;

/// Well-known services mostly listen below.
const LOWEST: u16 = 10_000;
/// Where Linux's range for outgoing connections begins unless it was changed.
const USUAL_END: u16 = 32_768;
/// Far more than a machine full of test servers needs.
const TRIES: usize = 1_000;

/// As many ports as asked for, different ones, on which nobody listens now. They are not held:
/// whoever starts a server on them tries again with others if one was taken meanwhile.
pub(crate) fn free<const N: usize>() -> [u16; N] {
    let end = first_outgoing().filter(|end| *end > LOWEST + 1_000).unwrap_or(USUAL_END);
    let mut rng = rand::rng();
    // Held until all are found, so that none comes twice.
    let held: Vec<TcpListener> = (0..TRIES)
        .filter_map(|_| {
            TcpListener::bind((Ipv4Addr::LOCALHOST, rng.random_range(LOWEST..end))).ok()
        })
        .take(N)
        .collect();
    assert_eq!(held.len(), N, "no free ports between {LOWEST} and {end}");
    std::array::from_fn(|n| held[n].local_addr().expect("it listens").port())
}

fn first_outgoing() -> Option<u16> {
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok()?;
    range.split_whitespace().next()?.parse().ok()
}
