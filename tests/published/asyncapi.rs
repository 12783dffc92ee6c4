//! The AsyncAPI document: whole in itself and with the schemas beside it, and true to the program.

use std::collections::BTreeSet;

use payoutd::bus::Queue;
use payoutd::contract::Document;
use serde_json::Value;

use crate::compatibility::types_of;

const MESSAGES: &str = include_str!("../../docs/messages.md");

/// All references in it.
fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
            fields.values().for_each(|value| references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// What a reference in a document leads to.
fn target(from: Document, reference: &str) -> Option<Value> {
    let (path, pointer) = reference.split_once('#')?;
    let at = |document: &&Document| document.path() == path;
    let document = if path.is_empty() { &from } else { Document::ALL.iter().find(at)? };
    document.value().pointer(pointer).cloned()
}

#[test]
fn every_reference_of_every_document_leads_somewhere() {
    for document in Document::ALL {
        let mut found = Vec::new();
        references(&document.value(), &mut found);
        assert!(found.len() > 10, "{}: {found:?}", document.name());
        for reference in found {
            assert!(target(document, &reference).is_some(), "{}: {reference}", document.name());
        }
    }
}

#[test]
fn every_channel_has_an_address_and_messages_and_every_operation_a_channel() {
    let document = Document::AsyncApi.value();
    assert_eq!(document["asyncapi"], "3.0.0");
    let channels = document["channels"].as_object().expect("channels");
    for (name, channel) in channels {
        assert!(channel["address"].is_string(), "{name}");
        assert!(channel["messages"].as_object().is_some_and(|all| !all.is_empty()), "{name}");
        assert!(channel["bindings"]["amqp"]["exchange"]["name"].is_string(), "{name}");
    }
    let operations = document["operations"].as_object().expect("operations");
    let used: BTreeSet<_> = operations
        .values()
        .map(|operation| operation["channel"]["$ref"].as_str().expect("a channel"))
        .collect();
    let all: BTreeSet<_> = channels.keys().map(|name| format!("#/channels/{name}")).collect();
    assert_eq!(used, all.iter().map(String::as_str).collect());
}

#[test]
fn every_message_of_the_schemas_travels_on_its_channel() {
    let document = Document::AsyncApi.value();
    for (channel, schema) in [("commands", Document::Commands), ("events", Document::Events)] {
        let listed = schema.value()["anyOf"].as_array().expect("messages").len();
        let messages = document["channels"][channel]["messages"].as_object().expect("messages");
        assert_eq!(messages.len(), listed, "{channel}");
        for message in messages.values() {
            let reference = message["$ref"].as_str().expect("a reference");
            let message = target(Document::AsyncApi, reference).expect("a message");
            let payload = message["payload"]["schema"]["$ref"].as_str().expect("a reference");
            let definition = target(Document::AsyncApi, payload).expect("a definition");
            assert!(payload.starts_with(schema.path()), "{payload}");
            assert_eq!(definition["properties"]["type"]["const"], message["name"]);
        }
    }
}

#[test]
fn the_address_of_an_event_is_its_type_for_every_event() {
    let channel = &Document::AsyncApi.value()["channels"]["events"];
    let address = channel["address"].as_str().expect("text");
    let words = channel["parameters"]["event"]["enum"].as_array().expect("words");
    let addresses: BTreeSet<_> = words
        .iter()
        .map(|word| address.replace("{event}", word.as_str().expect("a word")))
        .collect();
    assert_eq!(addresses, types_of(Document::Events));
}

#[test]
fn names_are_those_of_the_documentation_and_of_the_queues() {
    let channels = &Document::AsyncApi.value()["channels"];
    let exchange = |name: &str| channels[name]["bindings"]["amqp"]["exchange"].clone();
    let commands = format!("payoutd.{}", Queue::Commands.name());
    assert_eq!(exchange("commands")["name"], commands);
    for (name, words) in [("commands", "(fanout: "), ("events", "topic exchange ")] {
        let exchange = exchange(name);
        let kind = exchange["type"].as_str().expect("text");
        assert!(words.contains(kind), "{name} is of type {kind}");
        assert!(MESSAGES.contains(words), "{words}");
        let quoted = format!("`{}`", exchange["name"].as_str().expect("text"));
        assert!(MESSAGES.contains(&quoted), "{quoted}");
    }
}
