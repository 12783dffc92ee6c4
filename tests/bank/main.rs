//! The bank client from outside: what it really sends, and what it makes of what comes back.
//!
//! Requests are captured by a server on loopback and held against the bank's own examples;
//! signatures are held against openssl's and against a second implementation.

mod hostile;
mod keys;
mod requests;
mod server;
mod signatures;
mod tokens;
mod transport;
mod webhooks;
mod world;
