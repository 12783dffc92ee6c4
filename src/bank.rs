//! The bank's API: keys and signatures, calls and their answers, webhooks.
//!
//! Everything that knows how Bank 131 spells things is here; the rest of the program sees
//! [`Session`](crate::domain::session::Session) and [`Answer`](crate::domain::call::Answer).
//! It decides nothing about a payout and never repeats a call.

/// Keys from PEM files.
pub mod keys;

/// Signing what is sent, verifying what comes in.
pub mod signing;

/// A new key pair.
pub mod keygen;

mod wire;

mod request;

mod error;

pub(crate) mod answer;

/// What the bank posts to us.
pub mod webhook;

/// Calls over HTTP.
pub mod client;

/// Tokens: one for the bank's widget, and what is behind a recipient's.
pub mod token;
