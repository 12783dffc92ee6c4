//! Publishes payout commands to RabbitMQ: one JSON object a line on standard input.
//!
//! Where to: `PAYOUTD_BACKEND__AMQP_URL` and `PAYOUTD_BACKEND__PREFIX`, as payoutd itself has them.

use std::collections::VecDeque;
use std::env;
use std::error::Error;
use std::io::BufRead;

use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{BasicProperties, Confirmation, Connection, ConnectionProperties, PublisherConfirm};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = env::var("PAYOUTD_BACKEND__AMQP_URL")
        .unwrap_or_else(|_| "amqp://guest:guest@127.0.0.1:5672".into());
    let prefix = env::var("PAYOUTD_BACKEND__PREFIX").unwrap_or_else(|_| "payoutd".into());
    let connection = Connection::connect(&url, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;

    let exchange = format!("{prefix}.commands");
    let persistent = BasicProperties::default()
        .with_delivery_mode(2)
        .with_content_type("application/json".into());
    let mandatory = BasicPublishOptions { mandatory: true, ..Default::default() };
    // Sent one after the other without waiting for each, a thousand at most.
    let mut confirms = VecDeque::new();
    let mut count = 0;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        if !line.trim().is_empty() {
            // The exchange hands everything to payoutd's queue, whatever the routing key.
            let publish = channel.basic_publish(
                exchange.as_str().into(),
                "".into(),
                mandatory,
                line.trim().as_bytes(),
                persistent.clone(),
            );
            confirms.push_back(publish.await?);
            count += 1;
        }
        while confirms.len() > 1000 {
            confirmed(confirms.pop_front()).await?;
        }
    }
    while !confirms.is_empty() {
        confirmed(confirms.pop_front()).await?;
    }
    println!("{count} published");
    connection.close(200, "done".into()).await?;
    Ok(())
}

/// Anything but an acknowledgement without a returned message: publish it again; a payout_id that
/// exists is not paid again.
async fn confirmed(confirm: Option<PublisherConfirm>) -> Result<(), Box<dyn Error>> {
    let Some(confirm) = confirm else { return Ok(()) };
    match confirm.await? {
        Confirmation::Ack(None) => Ok(()),
        _ => Err("the broker did not take a command: is payoutd's topology declared?".into()),
    }
}
