//! The pure heart: what a payout is, what may become of it, and what to do next.
//!
//! No I/O, no clock, no randomness. Everything here is a function of its arguments, so that live
//! running, recovery after a crash and the tests all go through the same code.

pub mod id;
pub mod json;
pub mod money;
pub mod open_card;
pub mod text;
pub mod time;

pub mod command;
pub mod session;
pub mod standing;
pub mod stored_command;
pub mod ticket;

pub mod event;
pub mod payout;
pub mod transition;

pub mod call;
pub mod decision;
pub mod intervene;
pub mod policy;
pub mod recipient;
pub mod rules;
pub mod step;

pub mod result_event;

#[cfg(test)]
mod samples;
