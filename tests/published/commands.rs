//! Commands that payoutd takes are commands by the schema too.

use serde_json::Value;

use crate::accepts;
use crate::contract::COMMANDS;
use crate::examples;

#[track_caller]
pub(crate) fn assert_command(place: &str, command: &Value) {
    let faults: Vec<_> = COMMANDS.iter_errors(command).map(|e| e.to_string()).collect();
    assert_eq!(faults, Vec::<String>::new(), "{place}: {command:#}");
    assert!(accepts(command.to_string().as_bytes()), "{place}: {command:#}");
}

#[test]
fn every_example_is_a_command_by_the_schema_and_to_the_reader() {
    let commands = examples::commands();
    // Lines of the example, a block on each page, and the bank's three requests.
    assert!(commands.len() >= 10 + 2 + 3, "the examples are not where they are looked for");
    for (place, command) in commands {
        assert_command(&place, &command);
    }
}

#[test]
fn every_shape_of_a_command_is_one_by_the_schema_and_to_the_reader() {
    for command in examples::shapes() {
        assert_command("shape", &command);
    }
}
