//! payoutd makes payouts through Bank 131 from a message queue.
//!
//! In reading order:

/// The pure heart: records, transitions, decisions.
pub mod domain;

/// SHA-256 in hex.
pub mod digest;

/// The port to where payouts are recorded.
pub mod store;

/// The port to the queues.
pub mod bus;

/// SQLite: both ports in one file.
pub mod embedded;

/// The bank's API: signatures, calls, webhooks.
pub mod bank;

/// What each process does: the driver, and the four roles around it.
pub mod roles;

/// A Bank 131 for one's own machine.
pub mod simulator;

/// Settings: defaults, file, environment.
pub mod config;

/// Logs.
pub mod telemetry;

/// Stopping in order.
pub mod shutdown;

/// The command line.
pub mod cli;
