//! The published contract: that `docs/` holds what is generated, that the schemas judge as payoutd
//! does, and that what was ever taken or published under this contract still is.

#[path = "../support/contract.rs"]
mod contract;

mod asyncapi;
mod bank131;
mod commands;
mod compatibility;
mod documents;
mod events;
mod examples;
mod exceptions;
mod mutations;
mod payouts;
mod reliability;

use payoutd::domain::command::Command;

/// Whether payoutd takes this message as a command.
fn accepts(message: &[u8]) -> bool {
    Command::parse(message).is_ok()
}
