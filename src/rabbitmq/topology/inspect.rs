//! What there is at the broker, beside what there has to be. Creates nothing. Bindings are not looked
//! at: the protocol has no question for them, and each start of a role makes them anew.

use lapin::ErrorKind;
use lapin::options::{ExchangeDeclareOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};

use super::{DECLARING, Object, Shape, Topology, connection, declare_one};
use crate::bus::BusError;
use crate::rabbitmq::Settings;
use crate::rabbitmq::failure::{failure, unavailable};
use crate::rabbitmq::link::Link;

/// An exchange or queue that payoutd needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspected {
    /// `exchange` or `queue`.
    pub kind: &'static str,
    pub name: String,
    /// Its type and arguments, as payoutd declares it.
    pub what: String,
    pub found: Found,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    Missing,
    /// As it has to be; both are zero for an exchange. `messages` are ready to be delivered.
    Same {
        messages: u32,
        consumers: u32,
    },
    /// Otherwise than it has to be, in the broker's own words.
    Different(String),
}

/// Looks at every exchange and queue, on a connection of its own.
pub async fn inspect(settings: &Settings) -> Result<Vec<Inspected>, BusError> {
    let link = connection(settings).await?;
    let mut inspected = Vec::new();
    for object in &Topology::of(settings).0 {
        inspected.push(inspect_one(&link, object).await?);
    }
    link.close().await;
    Ok(inspected)
}

async fn inspect_one(link: &Link, object: &Object) -> Result<Inspected, BusError> {
    let (kind, what) = match &object.shape {
        Shape::Exchange(kind) => ("exchange", format!("{kind:?}").to_lowercase()),
        Shape::Queue { arguments, .. } => ("queue", in_words(arguments)),
    };
    let found = match counts(link, object).await? {
        None => Found::Missing,
        // It is there, so declaring it creates nothing.
        Some((messages, consumers)) => match declare_one(&link.channel().await?, object).await {
            Ok(()) => Found::Same { messages, consumers },
            Err(BusError::Misconfigured(words)) => Found::Different(words),
            Err(error) => return Err(error),
        },
    };
    Ok(Inspected { kind, name: object.name.clone(), what, found })
}

pub(super) async fn is_there(link: &Link, object: &Object) -> Result<bool, BusError> {
    Ok(counts(link, object).await?.is_some())
}

/// Ready messages and consumers; `None` if it is not there.
async fn counts(link: &Link, object: &Object) -> Result<Option<(u32, u32)>, BusError> {
    const NOT_FOUND: u16 = 404;
    // Of its own: what is not there closes it.
    let channel = link.channel().await?;
    let (name, none) = (object.name.as_str().into(), FieldTable::default());
    let looking = async {
        match &object.shape {
            Shape::Exchange(kind) => {
                let options = ExchangeDeclareOptions { passive: true, ..Default::default() };
                channel.exchange_declare(name, kind.clone(), options, none).await.map(|()| (0, 0))
            }
            Shape::Queue { .. } => {
                let options = QueueDeclareOptions { passive: true, ..Default::default() };
                let queue = channel.queue_declare(name, options, none).await?;
                Ok((queue.message_count(), queue.consumer_count()))
            }
        }
    };
    match tokio::time::timeout(DECLARING, looking).await {
        Ok(Ok(counts)) => Ok(Some(counts)),
        Ok(Err(error)) => match error.kind() {
            ErrorKind::ProtocolError(told) if told.get_id() == NOT_FOUND => Ok(None),
            _ => Err(failure(&error)),
        },
        Err(_) => Err(unavailable("the broker did not answer")),
    }
}

fn in_words(arguments: &FieldTable) -> String {
    let shown = arguments.inner().iter().map(|(key, value)| match value {
        AMQPValue::LongString(text) => format!("{key}={text}"),
        AMQPValue::LongLongInt(number) => format!("{key}={number}"),
        other => format!("{key}={other:?}"),
    });
    shown.collect::<Vec<_>>().join(" ")
}
