//! The published contract: what others may build on, as documents that machines read.
//!
//! The JSON Schemas are generated from types that describe a message and are nothing else: commands
//! are read field by field ([`crate::domain::command`]), because what is passed to the bank has to
//! stay as it was written, and events are written by [`crate::domain::result_event`]. So nothing
//! here decides anything. That the description is true, and that `docs/` holds what is generated,
//! is for the tests: `tests/published`.
//!
//! Within 1.x the contract only grows: new fields, new types of events, new commands. Whoever reads
//! events has to let pass what they do not know.

pub mod asyncapi;
pub mod commands;
pub mod events;

use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::Value;

/// Of the contract, not of the program. The second number grows with each addition.
pub const VERSION: &str = "1.0.0";

/// A document of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Document {
    Commands,
    Events,
    AsyncApi,
}

impl Document {
    pub const ALL: [Self; 3] = [Self::Commands, Self::Events, Self::AsyncApi];

    pub fn name(self) -> &'static str {
        match self {
            Self::Commands => "commands",
            Self::Events => "events",
            Self::AsyncApi => "asyncapi",
        }
    }

    /// Its file, below the folder of documents. AsyncAPI refers to the other two by these paths.
    pub fn path(self) -> &'static str {
        match self {
            Self::Commands => "schemas/commands.schema.json",
            Self::Events => "schemas/events.schema.json",
            Self::AsyncApi => "asyncapi.json",
        }
    }

    pub fn what(self) -> &'static str {
        match self {
            Self::Commands => "JSON Schema (draft 2020-12) of the commands",
            Self::Events => "JSON Schema (draft 2020-12) of the result events",
            Self::AsyncApi => "AsyncAPI 3.0: exchanges, routing keys, and the messages on them",
        }
    }

    pub fn value(self) -> Value {
        match self {
            Self::Commands => commands::schema(),
            Self::Events => events::schema(),
            Self::AsyncApi => asyncapi::document(),
        }
    }

    /// As it stands in the file.
    pub fn text(self) -> String {
        let text = serde_json::to_string_pretty(&self.value()).expect("a JSON value is JSON");
        format!("{text}\n")
    }
}

/// A generator whose descriptions are each on one line.
fn generator(settings: SchemaSettings) -> SchemaGenerator {
    settings.with_transform(RecursiveTransform(unfold)).into_generator()
}

/// The schema of a type, with all definitions that the generator has met.
fn schema_of<T: JsonSchema>(generator: SchemaGenerator) -> Schema {
    let mut schema = generator.into_root_schema_for::<T>();
    schema.insert("$comment".into(), format!("payoutd, contract {VERSION}").into());
    schema
}

/// A description without the line breaks that its source happens to have.
fn unfold(schema: &mut Schema) {
    if let Some(Value::String(text)) = schema.get_mut("description") {
        *text = text.replace('\n', " ");
    }
}
