//! Takes payoutd's result events from a durable queue of its own, and shows each once.
//!
//! Where from: `PAYOUTD_BACKEND__AMQP_URL` and `PAYOUTD_BACKEND__PREFIX`, as payoutd itself has
//! them. Argument: the queue's name.

use std::collections::HashSet;
use std::env;
use std::error::Error;

use futures_util::StreamExt;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicQosOptions, QueueBindOptions, QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Connection, ConnectionProperties};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = env::var("PAYOUTD_BACKEND__AMQP_URL")
        .unwrap_or_else(|_| "amqp://guest:guest@127.0.0.1:5672".into());
    let prefix = env::var("PAYOUTD_BACKEND__PREFIX").unwrap_or_else(|_| "payoutd".into());
    let queue = env::args().nth(1).unwrap_or_else(|| "my-results".into());
    let connection = Connection::connect(&url, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;

    // Durable: what happens while nobody listens waits here. "payout.#" would be every event;
    // these four say what became of the money.
    let mut quorum = FieldTable::default();
    quorum.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    let durable = QueueDeclareOptions { durable: true, ..Default::default() };
    channel.queue_declare(queue.as_str().into(), durable, quorum).await?;
    for end in ["payout.succeeded", "payout.failed", "payout.cancelled", "payout.rejected"] {
        let exchange = format!("{prefix}.events");
        let (no_options, none) = (QueueBindOptions::default(), FieldTable::default());
        channel
            .queue_bind(queue.as_str().into(), exchange.into(), end.into(), no_options, none)
            .await?;
    }
    channel.basic_qos(64, BasicQosOptions::default()).await?;
    let (no_options, none) = (BasicConsumeOptions::default(), FieldTable::default());
    let mut deliveries =
        channel.basic_consume(queue.as_str().into(), "".into(), no_options, none).await?;
    println!("listening on {queue}");

    // Events come at least once; the id stays the same. A real subscriber keeps it in its own
    // database, in the transaction that books the result.
    let mut seen = HashSet::new();
    while let Some(delivery) = deliveries.next().await {
        let delivery = delivery?;
        let event: Value = serde_json::from_slice(&delivery.data)?;
        if seen.insert(event["id"].to_string()) {
            let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
            println!("{} {}", text("subject"), text("type"));
        }
        // Only after the result is booked: what is not acknowledged is delivered again.
        delivery.acker.ack(BasicAckOptions::default()).await?;
    }
    Err("the broker has closed the connection: connect again".into())
}
