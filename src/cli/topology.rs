//! `payoutd topology`: the broker's exchanges and queues, as they should be and as they are.

use serde::Serialize;

use crate::config::{BackendKind, Config};
use crate::rabbitmq::topology::{self, Found, Inspected};

use super::{BadInput, Exit, backend, output};

#[derive(clap::Args)]
pub(super) struct Args {
    /// Declare what is missing first; every role does so at its start
    #[arg(long)]
    declare: bool,
    /// A line of JSON for each instead of a table
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Shown<'a> {
    kind: &'a str,
    name: &'a str,
    what: &'a str,
    /// "as declared", "missing", or how it differs.
    found: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    messages: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    consumers: Option<u32>,
}

/// Exit code 0 if everything is as it should be, else 1.
pub(super) async fn main(args: Args, config: Config) -> anyhow::Result<Exit> {
    let BackendKind::RabbitmqRedis(servers) = &config.backend.kind else {
        let text = "the embedded backend has no topology: its file is all there is; \
                    backend.kind = \"rabbitmq-redis\" has one";
        return Err(BadInput(text.into()).into());
    };
    let settings = backend::rabbitmq_settings(&config, servers)?;
    if args.declare {
        topology::declare(&settings).await?;
    }
    let inspected = topology::inspect(&settings).await?;
    for object in &inspected {
        let shown = Shown::of(object);
        let written = if args.json { output::json(&shown) } else { output::line(&shown.row()) };
        if !written {
            break;
        }
    }
    let complete = inspected.iter().all(|object| matches!(object.found, Found::Same { .. }));
    if !complete && !args.json {
        eprintln!(
            "what is missing is made by `payoutd topology --declare` and by every role at its \
             start; what differs has to be emptied and deleted first, or another backend.prefix \
             taken"
        );
    }
    Ok(if complete { Exit::Ok } else { Exit::Failed })
}

impl<'a> Shown<'a> {
    fn of(object: &'a Inspected) -> Self {
        let (found, messages, consumers) = match &object.found {
            Found::Missing => ("missing", None, None),
            Found::Same { messages, consumers } => {
                let is_queue = object.kind == "queue";
                ("as declared", is_queue.then_some(*messages), is_queue.then_some(*consumers))
            }
            Found::Different(how) => (how.as_str(), None, None),
        };
        let Inspected { kind, name, what, .. } = object;
        Self { kind, name, what, found, messages, consumers }
    }

    fn row(&self) -> String {
        let counts = match (self.messages, self.consumers) {
            (Some(messages), Some(consumers)) => {
                format!(", {messages} messages, {consumers} consumers")
            }
            _ => String::new(),
        };
        format!("{:9} {:32} {}{counts}\n          {}", self.kind, self.name, self.found, self.what)
    }
}
