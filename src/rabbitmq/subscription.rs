//! Result events for one subscriber, as long as it is connected.
//!
//! Its queue is its own and goes with its connection: what is published while it is away, or while
//! it is [`BEHIND_MAX`] events behind, it never sees. Who needs every event binds a durable queue of
//! its own to the exchange of events.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_core::Stream;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicQosOptions, QueueBindOptions, QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable};

use super::Core;
use super::consumer::begin;
use super::failure::{failure, unavailable, within};
use super::link::{ANSWER, Shared};
use crate::bus::{BusError, Subscription};

/// Events that wait for a slow subscriber before the oldest are dropped.
const BEHIND_MAX: i64 = 100_000;

/// Events on their way to the subscriber.
const PREFETCH: u16 = 256;

pub(super) struct RabbitmqSubscription {
    stream: lapin::Consumer,
    _link: Shared,
    /// The connection lives as long as whoever uses it.
    _core: Arc<Core>,
}

impl RabbitmqSubscription {
    pub(super) async fn from_now_on(core: Arc<Core>) -> Result<Self, BusError> {
        let link = core.consuming.link().await?;
        let channel = link.channel().await?;
        let limiting = channel.basic_qos(PREFETCH, BasicQosOptions::default());
        within(ANSWER, "setting the prefetch", limiting).await?;
        let mut arguments = FieldTable::default();
        arguments.insert("x-max-length".into(), AMQPValue::LongLongInt(BEHIND_MAX));
        let options =
            QueueDeclareOptions { exclusive: true, auto_delete: true, ..Default::default() };
        let declaring = channel.queue_declare("".into(), options, arguments);
        let queue = within(ANSWER, "declaring a queue", declaring).await?.name().clone();
        let (events, none) = (core.names.events(), FieldTable::default());
        let options = QueueBindOptions::default();
        let binding =
            channel.queue_bind(queue.clone(), events.as_str().into(), "#".into(), options, none);
        within(ANSWER, "binding a queue", binding).await?;
        let options = BasicConsumeOptions { exclusive: true, ..Default::default() };
        let consuming = channel.basic_consume(queue, "".into(), options, FieldTable::default());
        let stream = within(ANSWER, "subscribing", consuming).await?;
        Ok(Self { stream, _link: link, _core: core })
    }
}

#[async_trait]
impl Subscription for RabbitmqSubscription {
    async fn next(&mut self) -> Result<Bytes, BusError> {
        match poll_fn(|cx| Pin::new(&mut self.stream).poll_next(cx)).await {
            Some(Ok(event)) => {
                // A lost one makes no difference: the queue dies with the channel.
                begin(event.acker.ack(BasicAckOptions::default()));
                Ok(event.data.into())
            }
            Some(Err(error)) => Err(failure(&error)),
            None => Err(unavailable("the broker ended this subscription")),
        }
    }
}
