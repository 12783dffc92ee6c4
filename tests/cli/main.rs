//! The binary from outside: real processes on loopback, each in a folder of its own, with nothing
//! of the environment they were started in.
//!
//! Nothing here sleeps: each wait is for a line, an answer or an end, and has a limit that only a
//! failure reaches.

mod bank;
mod configuration;
mod demo;
mod help;
mod keygen;
mod kills;
mod pipeline;
mod place;
mod process;
mod publish;
mod refusals;
mod secrets;
mod stopping;
