//! The schemas that messages are held against.

use std::sync::LazyLock;

use cloudevents::{AttributesReader, Event};
use jsonschema::Validator;
use payoutd::contract::Document;
use serde_json::Value;

const CLOUD_EVENTS: &str = include_str!("../fixtures/cloudevents/cloudevents-1.0.schema.json");

pub(crate) static COMMANDS: LazyLock<Validator> =
    LazyLock::new(|| validator(&Document::Commands.value()));

static EVENTS: LazyLock<Validator> = LazyLock::new(|| validator(&Document::Events.value()));

static CLOUD_EVENT: LazyLock<Validator> =
    LazyLock::new(|| validator(&serde_json::from_str(CLOUD_EVENTS).expect("JSON")));

/// Formats count: without that a time could be any text.
fn validator(schema: &Value) -> Validator {
    let options = jsonschema::options().should_validate_formats(true);
    options.build(schema).unwrap_or_else(|e| panic!("no schema: {e}"))
}

/// What is wrong with an event: by the contract, by the CloudEvents schema, and to the CloudEvents
/// project's own library.
pub(crate) fn faults(event: &Value) -> Vec<String> {
    let named = [("contract", &EVENTS), ("CloudEvents", &CLOUD_EVENT)];
    let mut faults: Vec<String> = named
        .iter()
        .flat_map(|(name, schema)| {
            schema.iter_errors(event).map(move |e| format!("{name}: {} {e}", e.instance_path()))
        })
        .collect();
    match serde_json::from_value::<Event>(event.clone()) {
        Ok(read) if read.id() == event["id"] && read.ty() == event["type"] => {}
        Ok(_) => faults.push("CloudEvents library: reads another id or type".into()),
        Err(error) => faults.push(format!("CloudEvents library: {error}")),
    }
    faults
}

#[track_caller]
pub(crate) fn assert_event(event: &Value) {
    assert_eq!(faults(event), Vec::<String>::new(), "{event:#}");
}
