//! The binary from outside: real processes on loopback, each in a folder of its own, with nothing
//! of the environment they were started in.
//!
//! Nothing here sleeps: each wait is for a line, an answer or an end, and has a limit that only a
//! failure reaches.

#[expect(dead_code, reason = "the program that starts servers uses the rest")]
#[path = "../support/services.rs"]
mod services;

mod bank;
mod browser;
mod chaos;
mod configuration;
mod dead_letters;
mod demo;
mod disk;
mod doctor;
mod gateway;
mod help;
mod interventions;
mod keygen;
mod kills;
mod pausing;
mod pipeline;
mod place;
mod process;
mod publish;
mod readiness;
mod refusals;
mod republishing;
mod schema;
mod secrets;
mod servers;
mod stopping;
mod tokens;
mod widget;
