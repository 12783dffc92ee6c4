//! The broker as a stranger sees it: through a client of its own.

use futures_util::StreamExt;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions,
    QueueBindOptions, QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use serde_json::Value;
use tokio::runtime::Runtime;

/// A connection to a broker; each call blocks.
pub(crate) struct Broker {
    runtime: Runtime,
    channel: Channel,
    _connection: Connection,
}

impl Broker {
    pub(crate) fn connect(url: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let (connection, channel) = runtime.block_on(async {
            let options = ConnectionProperties::default();
            let connection = Connection::connect(url, options).await.expect("a broker");
            let channel = connection.create_channel().await.expect("a channel");
            channel.confirm_select(ConfirmSelectOptions::default()).await.expect("confirms");
            (connection, channel)
        });
        Self { runtime, channel, _connection: connection }
    }

    /// As somebody who knows nothing of payoutd: with these properties, or none at all.
    pub(crate) fn publish(&self, exchange: &str, body: &[u8], properties: BasicProperties) {
        let taken = self.try_publish(exchange, body, properties).expect("answered");
        assert_eq!(taken, lapin::Confirmation::Ack(None), "not taken by {exchange}");
    }

    /// An error: the broker does not allow it.
    pub(crate) fn try_publish(
        &self,
        exchange: &str,
        body: &[u8],
        properties: BasicProperties,
    ) -> lapin::Result<lapin::Confirmation> {
        let options = BasicPublishOptions { mandatory: true, ..Default::default() };
        self.runtime.block_on(async {
            let publish =
                self.channel.basic_publish(exchange.into(), "".into(), options, body, properties);
            publish.await?.await
        })
    }

    /// A durable queue that gets every result event from now on.
    pub(crate) fn keep_events(&self, prefix: &str) {
        let durable = QueueDeclareOptions { durable: true, ..Default::default() };
        let mut quorum = FieldTable::default();
        quorum.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
        let queue = format!("{prefix}.kept-events");
        let (exchange, no_options) = (format!("{prefix}.events"), QueueBindOptions::default());
        self.runtime.block_on(async {
            let declare = self.channel.queue_declare(queue.as_str().into(), durable, quorum);
            declare.await.expect("declared");
            let bind = self.channel.queue_bind(
                queue.into(),
                exchange.into(),
                "#".into(),
                no_options,
                FieldTable::default(),
            );
            bind.await.expect("bound");
        });
    }

    /// Everything that was kept.
    pub(crate) fn kept_events(&self, prefix: &str) -> Vec<Value> {
        let queue = format!("{prefix}.kept-events");
        let passive = QueueDeclareOptions { passive: true, ..Default::default() };
        self.runtime.block_on(async {
            let none = FieldTable::default;
            let declare = self.channel.queue_declare(queue.as_str().into(), passive, none());
            let count = declare.await.expect("there").message_count();
            let options = BasicConsumeOptions::default();
            let consume =
                self.channel.basic_consume(queue.as_str().into(), "".into(), options, none());
            let deliveries = consume.await.expect("consuming").take(count as usize);
            let read = deliveries.then(async |delivery| {
                let delivery = delivery.expect("a delivery");
                delivery.acker.ack(BasicAckOptions::default()).await.expect("acknowledged");
                serde_json::from_slice(&delivery.data).expect("JSON")
            });
            read.collect().await
        })
    }
}
