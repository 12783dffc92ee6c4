//! Logs, on standard error: text for people, JSON for machines.
//!
//! Payouts and sessions are fields of their own (`payout_id`, `session_id`), and every line has an
//! `event` with a dotted name. `error` means that a person must act.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::config::{Log, LogFormat};

/// Starts logging for the whole process. Called once, by `main`.
pub fn start(log: &Log) {
    let filter = EnvFilter::new(&log.level);
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false);
    match log.format {
        LogFormat::Text => builder.with_ansi(std::io::stderr().is_terminal()).init(),
        LogFormat::Json => builder.json().flatten_event(true).init(),
    }
}
