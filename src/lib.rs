//! payoutd makes payouts through Bank 131 from a message queue.
//!
//! A map, in reading order:
//!
//! - [`domain`]: the pure heart: records, transitions, what to do next
//! - [`store`] and [`bus`]: the ports to where payouts are recorded and to the queues
//! - [`embedded`]: both ports in one SQLite file
//! - [`rabbitmq`] and [`redis`]: each port on a server, for any number of machines
//! - [`bank`]: the bank's API: signatures, calls, webhooks
//! - [`roles`]: what each process does: the driver, the four roles around it, and the
//!   gateway for a business's site
//! - [`admin`], `server`: how the process is, over HTTP; and HTTP connections, bounded
//! - [`contract`]: what others may build on: schemas of commands and events, and AsyncAPI
//! - [`simulator`]: a Bank 131 for one's own machine
//! - [`config`], [`telemetry`], [`shutdown`], [`tls`], [`digest`]: settings, logs, stopping in
//!   order, certificates, SHA-256
//! - [`cli`]: the command line, and the composition of all this

pub mod domain;

pub mod bus;
pub mod store;

pub mod embedded;
pub mod rabbitmq;
pub mod redis;

pub mod bank;

pub mod roles;

pub mod admin;
mod server;

pub mod contract;

pub mod simulator;

pub mod config;
pub mod digest;
pub mod shutdown;
pub mod telemetry;
pub mod tls;

pub mod cli;

#[doc(hidden)]
pub mod fuzzing;

#[cfg(test)]
mod fakes;
