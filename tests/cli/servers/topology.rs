//! `payoutd topology`: what should be there, what is, and what differs.

use lapin::options::{QueueDeclareOptions, QueueDeleteOptions};
use lapin::types::FieldTable;
use lapin::{Connection, ConnectionProperties};
use serde_json::Value;

use super::installation::{amqp_url, place_on, redis_url};
use crate::bank::BankSim;
use crate::place::Place;

fn found(place: &Place, args: &[&str]) -> (Option<i32>, Vec<Value>) {
    let all: Vec<_> = ["topology", "--json"].iter().chain(args).copied().collect();
    let topology = place.ran(all);
    let lines = topology.out.lines().map(|l| serde_json::from_str(l).expect("JSON")).collect();
    (topology.code, lines)
}

#[tokio::test]
async fn topology_shows_what_is_missing_and_what_differs_and_declares_the_rest() {
    let mut place = place_on(&amqp_url(), &redis_url());
    let (code, objects) = found(&place, &[]);
    assert_eq!(code, Some(1));
    assert!(objects.iter().all(|object| object["found"] == "missing"), "{objects:#?}");
    let prefix = place.setting("backend.prefix").to_owned();
    let names: Vec<_> = objects.iter().filter_map(|o| o["name"].as_str()).collect();
    for name in ["commands", "bank-events", "tickets", "tickets.2s", "events", "dead-letters"] {
        assert!(names.contains(&format!("{prefix}.{name}").as_str()), "{name}: {names:?}");
    }

    let (code, objects) = found(&place, &["--declare"]);
    assert_eq!(code, Some(0), "{objects:#?}");
    assert!(objects.iter().all(|object| object["found"] == "as declared"), "{objects:#?}");

    let options = ConnectionProperties::default();
    let connection = Connection::connect(&amqp_url(), options).await.expect("a broker");
    let channel = connection.create_channel().await.expect("a channel");
    let queue = format!("{prefix}.commands");
    let delete = channel.queue_delete(queue.as_str().into(), QueueDeleteOptions::default());
    delete.await.expect("deleted");
    let durable = QueueDeclareOptions { durable: true, ..Default::default() };
    let declare = channel.queue_declare(queue.as_str().into(), durable, FieldTable::default());
    declare.await.expect("declared, as a classic queue");
    let (code, objects) = found(&place, &[]);
    assert_eq!(code, Some(1));
    let different = |object: &&Value| {
        let found = object["found"].as_str().expect("text");
        !["missing", "as declared"].contains(&found)
    };
    let different: Vec<_> = objects.iter().filter(different).collect();
    assert_eq!(different.len(), 1, "{objects:#?}");
    assert_eq!(different[0]["name"], *queue);

    // Nothing runs on it, and the refusal says what to do.
    let bank = BankSim::start(&mut place, &[]);
    let refused = place.ran(["run", "--role", "executor"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(
        refused.err.contains(&queue) && refused.err.contains("payoutd topology"),
        "{refused:?}"
    );
    bank.stop();
}
