//! The exchanges and queues that payoutd needs at the broker: declared, shown, removed.
//!
//! Declaring creates what is not there and changes nothing that is. What is there with other
//! arguments is an error in the broker's own words.

mod inspect;
mod mark;

use std::time::Duration;

use lapin::ExchangeKind;
use lapin::options::{
    ExchangeDeclareOptions, ExchangeDeleteOptions, QueueBindOptions, QueueDeclareOptions,
    QueueDeleteOptions,
};
use lapin::types::{AMQPValue, FieldTable};

pub use inspect::{Found, Inspected, inspect};
pub use mark::{is_marked, leave_mark};

use super::address::Address;
use super::failure::within;
use super::line;
use super::link::Link;
use super::names::Names;
use super::{Settings, trust};
use crate::bus::{BusError, DELIVERIES_MAX, Queue};

/// Deliveries after which the broker itself moves a message, if no consumer of ours did so before
/// it was handed out once too often. Ours is the rule and this the net: a broker of 3.10 that moves
/// a message whose publisher put nonsense into `x-death` loses the process that moves messages for
/// all queues.
const BROKER_LIMIT: i64 = 2 * DELIVERIES_MAX as i64;

/// Longest that declaring one object takes: a new quorum queue elects its leader first.
const DECLARING: Duration = Duration::from_secs(10);

/// Deliveries of a dead letter: every look at it counts as one, so more than anybody looks. Brokers
/// before 4.0 know no "unlimited", and later ones have a low limit unless told.
const LOOKS_MAX: i64 = 1_000_000_000;

/// Settled dead letters that are kept: as a record of decisions, not as an archive.
const SETTLED_MAX: i64 = 10_000;
const SETTLED_BYTES_MAX: i64 = 256 * 1024 * 1024;

/// An exchange or a queue.
#[derive(Clone, Debug)]
pub(super) struct Object {
    pub(super) name: String,
    pub(super) shape: Shape,
}

#[derive(Clone, Debug)]
pub(super) enum Shape {
    Exchange(ExchangeKind),
    Queue {
        arguments: FieldTable,
        /// The fanout exchange of the same name leads to it.
        bound: bool,
    },
}

/// All that there has to be, exchanges first.
#[derive(Clone, Debug)]
pub(super) struct Topology(Vec<Object>);

impl Topology {
    pub(super) fn of(settings: &Settings) -> Self {
        let names = Names::new(&settings.prefix);
        let exchange = |name, kind| Object { name, shape: Shape::Exchange(kind) };
        let queue = |name, bound, arguments: &[(&str, AMQPValue)]| {
            let quorum = ("x-queue-type", text("quorum"));
            let mut table = FieldTable::default();
            for (key, value) in arguments.iter().cloned().chain([quorum]) {
                table.insert(key.into(), value);
            }
            Object { name, shape: Shape::Queue { arguments: table, bound } }
        };
        let mut objects: Vec<_> =
            Queue::ALL.iter().map(|q| exchange(names.queue(*q), ExchangeKind::Fanout)).collect();
        objects.push(exchange(names.events(), ExchangeKind::Topic));
        let looks = ("x-delivery-limit", AMQPValue::LongLongInt(LOOKS_MAX));
        objects.push(queue(names.dead_letters(), false, std::slice::from_ref(&looks)));
        let kept = [
            looks,
            ("x-max-length", AMQPValue::LongLongInt(SETTLED_MAX)),
            ("x-max-length-bytes", AMQPValue::LongLongInt(SETTLED_BYTES_MAX)),
            ("x-overflow", text("drop-head")),
        ];
        objects.push(queue(names.settled(), false, &kept));
        let limit = ("x-delivery-limit", AMQPValue::LongLongInt(BROKER_LIMIT));
        for taken in Queue::ALL {
            let mut arguments = moving_to(&names.dead_letters()).to_vec();
            arguments.push(limit.clone());
            objects.push(queue(names.queue(taken), true, &arguments));
        }
        for delay in settings.delays.iter() {
            let millis = i64::try_from(delay.as_millis()).unwrap_or(i64::MAX);
            let mut arguments = moving_to(&names.queue(Queue::Tickets)).to_vec();
            arguments.push(("x-message-ttl", AMQPValue::LongLongInt(millis)));
            objects.push(queue(names.delay(delay), false, &arguments));
        }
        Self(objects)
    }
}

fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(value.into())
}

/// What leaves the queue by itself goes to another, and leaves it only when it is there: the
/// broker's default may lose it on the way.
fn moving_to(target: &str) -> [(&'static str, AMQPValue); 4] {
    [
        ("x-dead-letter-exchange", text("")),
        ("x-dead-letter-routing-key", text(target)),
        ("x-dead-letter-strategy", text("at-least-once")),
        ("x-overflow", text("reject-publish")),
    ]
}

/// Declares everything, on a connection of its own.
pub async fn declare(settings: &Settings) -> Result<(), BusError> {
    let link = connection(settings).await?;
    let outcome = declare_on(&link, &Topology::of(settings)).await;
    link.close().await;
    outcome
}

/// Deletes every exchange and queue of these settings, with all messages: for the demo and tests.
pub async fn remove(settings: &Settings) -> Result<(), BusError> {
    let link = connection(settings).await?;
    let channel = link.channel().await?;
    let mark = mark::mark(&Names::new(&settings.prefix));
    for Object { name, shape } in Topology::of(settings).0.iter().chain([&mark]) {
        let name = name.as_str().into();
        match shape {
            Shape::Exchange(_) => {
                let deleting = channel.exchange_delete(name, ExchangeDeleteOptions::default());
                within(DECLARING, "deleting an exchange", deleting).await?;
            }
            Shape::Queue { .. } => {
                let deleting = channel.queue_delete(name, QueueDeleteOptions::default());
                within(DECLARING, "deleting a queue", deleting).await?;
            }
        }
    }
    link.close().await;
    Ok(())
}

async fn connection(settings: &Settings) -> Result<Link, BusError> {
    let addresses = Address::parse_all(&settings.urls)?;
    line::short(&addresses, &trust::connector(&settings.tls)?).await
}

/// On a channel that is thrown away: a mismatch closes it.
pub(super) async fn declare_on(link: &Link, topology: &Topology) -> Result<(), BusError> {
    let channel = link.channel().await?;
    for object in &topology.0 {
        declare_one(&channel, object).await?;
        bind_one(&channel, object).await?;
    }
    within(DECLARING, "closing a channel", channel.close(200, "OK".into())).await
}

async fn declare_one(channel: &lapin::Channel, object: &Object) -> Result<(), BusError> {
    let name = || object.name.as_str().into();
    match &object.shape {
        Shape::Exchange(kind) => {
            let options = ExchangeDeclareOptions { durable: true, ..Default::default() };
            let declaring =
                channel.exchange_declare(name(), kind.clone(), options, FieldTable::default());
            within(DECLARING, "declaring an exchange", declaring).await
        }
        Shape::Queue { arguments, .. } => {
            let options = QueueDeclareOptions::durable();
            let declaring = channel.queue_declare(name(), options, arguments.clone());
            within(DECLARING, "declaring a queue", declaring).await.map(drop)
        }
    }
}

/// To the exchange of the same name, if it takes from one.
async fn bind_one(channel: &lapin::Channel, object: &Object) -> Result<(), BusError> {
    let Shape::Queue { bound: true, .. } = object.shape else { return Ok(()) };
    let name = || object.name.as_str().into();
    let (options, none) = (QueueBindOptions::default(), FieldTable::default());
    let binding = channel.queue_bind(name(), name(), "".into(), options, none);
    within(DECLARING, "binding a queue", binding).await
}
