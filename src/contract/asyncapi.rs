//! AsyncAPI 3.0: where the messages travel, for programs that make clients and documentation of it.
//!
//! The messages refer to the schemas beside it. Names are those of the prefix `payoutd`.

use serde_json::{Map, Value, json};

use super::{Document, VERSION};

const DESCRIPTION: &str = "\
Makes payouts through Bank 131 from a message queue. Publish commands to the exchange \
payoutd.commands, persistent, with publisher confirms and the mandatory flag; the same command \
again is a copy, paid once. Bind a durable queue of your own to the exchange payoutd.events. Events \
come at least once, always with the same id. All names begin with backend.prefix, payoutd unless \
set. Within 1.x this contract only grows: let pass what you do not know.";

/// A message of one of the schemas.
struct Message {
    /// The name of its definition: `PayoutCreate`.
    name: String,
    /// `payout.create`.
    kind: String,
    summary: String,
    /// The file that defines it.
    path: &'static str,
}

/// The AsyncAPI document.
pub fn document() -> Value {
    let commands = messages(Document::Commands);
    let events = messages(Document::Events);
    json!({
        "asyncapi": "3.0.0",
        "info": {"title": "payoutd", "version": VERSION, "description": DESCRIPTION},
        "defaultContentType": "application/json",
        "servers": {"broker": {
            "host": "localhost:5672",
            "protocol": "amqp",
            "protocolVersion": "0-9-1",
            "description": "RabbitMQ 3.10 to 4.x, wherever it runs.",
        }},
        "channels": {
            "commands": {
                "address": "payoutd.commands",
                "description": "What a business asks for. The routing key does not matter.",
                "messages": references("components/messages", &commands),
                "bindings": {"amqp": exchange("payoutd.commands", "fanout")},
            },
            "events": {
                "address": "payout.{event}",
                "description": "What became of it. The routing key is the event's type; payout.# \
                                has them all.",
                "parameters": {"event": {
                    "description": "The event's type without payout.",
                    "enum": events.iter().map(Message::event).collect::<Vec<_>>(),
                }},
                "messages": references("components/messages", &events),
                "bindings": {"amqp": exchange("payoutd.events", "topic")},
            },
        },
        "operations": {
            "takeCommand": operation("receive", "commands", "payoutd takes a command.", true),
            "publishEvent": operation("send", "events", "payoutd publishes an event.", false),
        },
        "components": {"messages": components(&commands, &events)},
    })
}

/// The messages that a schema knows: what it lists at its root, each by its definition.
fn messages(document: Document) -> Vec<Message> {
    let schema = document.value();
    let listed = schema["anyOf"].as_array().expect("a schema of several messages lists them");
    let text = |value: &Value| value.as_str().expect("each message is described").to_owned();
    let message = |item: &Value| {
        let pointer = text(&item["$ref"]);
        let definition = schema.pointer(pointer.trim_start_matches('#')).unwrap_or(&Value::Null);
        Message {
            name: text(&Value::from(pointer.trim_start_matches("#/$defs/"))),
            kind: text(&definition["properties"]["type"]["const"]),
            summary: text(&definition["description"]),
            path: document.path(),
        }
    };
    listed.iter().map(message).collect()
}

impl Message {
    fn event(&self) -> &str {
        self.kind.trim_start_matches("payout.")
    }

    fn component(&self, content_type: &str) -> Value {
        json!({
            "name": self.kind,
            "title": self.name,
            "summary": self.summary,
            "contentType": content_type,
            "payload": {
                "schemaFormat": "application/schema+json;version=draft-2020-12",
                "schema": {"$ref": format!("{}#/$defs/{}", self.path, self.name)},
            },
        })
    }
}

/// References to messages, under their names.
fn references(place: &str, messages: &[Message]) -> Value {
    let reference = |message: &Message| {
        (message.name.clone(), json!({"$ref": format!("#/{place}/{}", message.name)}))
    };
    messages.iter().map(reference).collect::<Map<_, _>>().into()
}

fn components(commands: &[Message], events: &[Message]) -> Value {
    let named = |messages: &[Message], content_type: &str| {
        let one = |message: &Message| (message.name.clone(), message.component(content_type));
        messages.iter().map(one).collect::<Map<_, _>>()
    };
    let mut all = named(commands, "application/json");
    all.extend(named(events, "application/cloudevents+json"));
    all.into()
}

fn exchange(name: &str, kind: &str) -> Value {
    let exchange = json!({"name": name, "type": kind, "durable": true, "autoDelete": false});
    json!({"is": "routingKey", "exchange": exchange, "bindingVersion": "0.3.0"})
}

/// `mandatory`: nothing may be published to where no queue is.
fn operation(action: &str, channel: &str, summary: &str, mandatory: bool) -> Value {
    json!({
        "action": action,
        "channel": {"$ref": format!("#/channels/{channel}")},
        "summary": summary,
        "bindings": {"amqp": {
            "deliveryMode": 2,
            "mandatory": mandatory,
            "bindingVersion": "0.3.0",
        }},
    })
}
