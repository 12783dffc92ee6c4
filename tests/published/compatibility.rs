//! What was ever taken, published or stored under version 1 of the contract still is readable.
//! The files are frozen: `tests/fixtures/contract/README.md`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use payoutd::contract::Document;
use payoutd::domain::payout::{Payout, State};
use serde_json::Value;

use crate::accepts;
use crate::commands::assert_command;
use crate::contract::assert_event;
use crate::events::events_of;

/// Names and texts of the frozen files of a folder, in the order of their names.
pub(crate) fn frozen(folder: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/contract/v1");
    let entries = fs::read_dir(root.join(folder)).expect("a folder");
    let mut files: Vec<_> = entries
        .map(|entry| {
            let path = entry.expect("readable").path();
            let name = path.file_name().expect("a file").display().to_string();
            (name, fs::read_to_string(&path).expect("text"))
        })
        .collect();
    files.sort();
    files
}

pub(crate) fn json(name: &str, text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{name}: {e}"))
}

#[test]
fn every_command_of_version_1_is_still_taken() {
    let files = [frozen("commands"), frozen("interventions")].concat();
    assert!(files.len() >= 28, "the files are not where they are looked for");
    for (name, text) in files {
        assert_command(&name, &json(&name, &text));
        assert!(accepts(text.as_bytes()), "{name}, as it is spelled");
    }
}

#[test]
fn every_command_of_the_contract_has_a_frozen_file() {
    let both = [frozen("commands"), frozen("interventions")].concat();
    assert_eq!(types_in(&both), types_of(Document::Commands));
}

#[test]
fn every_event_of_version_1_is_still_one_and_every_type_of_event_has_a_frozen_file() {
    let files = frozen("events");
    for (name, text) in &files {
        assert_event(&json(name, text));
    }
    assert_eq!(types_in(&files), types_of(Document::Events));
}

#[test]
fn every_record_of_version_1_is_still_read_and_tells_the_same_events() {
    let files = frozen("records");
    let mut states = BTreeSet::new();
    for (name, text) in &files {
        let payout: Payout = serde_json::from_str(text).unwrap_or_else(|e| panic!("{name}: {e}"));
        let state = name.split('.').next().unwrap_or_default();
        assert_eq!(payout.state.name(), state, "{name}");
        states.insert(state);
        let stored = serde_json::to_string(&payout).expect("JSON");
        let again: Payout = serde_json::from_str(&stored).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(again, payout, "{name}");
        let events = events_of(&payout);
        assert!(!events.is_empty(), "{name}");
        events.iter().for_each(assert_event);
    }
    let version_1 = [
        "creating",
        "bound",
        "started",
        "confirming",
        "cancelling",
        "confirmed",
        "succeeded",
        "failed",
        "cancelled",
        "rejected",
    ];
    assert!(version_1.iter().all(|state| states.contains(state)), "{states:?}");
    assert!(states.iter().all(|state| State::ALL.iter().any(|known| known.name() == *state)));
}

/// The `type` of each file's message.
fn types_in(files: &[(String, String)]) -> BTreeSet<String> {
    let kind =
        |(name, text): &(String, String)| json(name, text)["type"].as_str().map(str::to_owned);
    files.iter().filter_map(kind).collect()
}

pub(crate) fn types_of(document: Document) -> BTreeSet<String> {
    let schema = document.value();
    let definitions = schema["$defs"].as_object().expect("definitions").values();
    let types = definitions.filter_map(|d| d["properties"]["type"]["const"].as_str());
    types.map(str::to_owned).collect()
}
