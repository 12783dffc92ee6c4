//! Publishers that know nothing of payoutd, and messages that nobody can use.

use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldArray, FieldTable, LongString};
use serde_json::Value;

use super::broker::Broker;
use super::installation::{Installation, amqp_url, place_on, redis_url, until};
use crate::place::to_card;

/// Tables in tables, as deep as a frame of 128 KiB takes them.
fn deep(levels: usize) -> AMQPValue {
    (0..levels).fold(AMQPValue::Boolean(true), |inner, _| {
        let mut table = FieldTable::default();
        table.insert("x".into(), inner);
        AMQPValue::FieldTable(table)
    })
}

fn headers(values: Vec<(&str, AMQPValue)>) -> BasicProperties {
    let mut table = FieldTable::default();
    for (name, value) in values {
        table.insert(name.into(), value);
    }
    BasicProperties::default().with_headers(table)
}

#[test]
fn a_plain_publisher_is_served_and_what_nobody_can_use_goes_to_the_dead_letters() {
    let installation = Installation::start(place_on(&amqp_url(), &redis_url()));
    let broker = Broker::connect(&amqp_url());
    let exchange = format!("{}.commands", installation.place.setting("backend.prefix"));
    let none = BasicProperties::default;

    broker.publish(&exchange, to_card("inv-plain", 10_000).to_string().as_bytes(), none());
    broker.publish(&exchange, b"no JSON", none());
    broker.publish(&exchange, &[0xff, 0xfe, 0x00], none());
    broker.publish(&exchange, &vec![b'x'; 10 * 1024 * 1024], none());
    let hostile = [
        headers(vec![("x-deep", deep(50))]),
        headers(vec![("x-bytes", AMQPValue::LongString(LongString::from(vec![0xff; 50_000])))]),
        headers(vec![
            ("x-death", AMQPValue::Boolean(true)),
            ("CC", AMQPValue::FieldArray(FieldArray::default())),
        ]),
        headers(vec![("payoutd-reason", AMQPValue::Timestamp(u64::MAX))]),
        none().with_priority(255).with_timestamp(u64::MAX),
    ];
    for (n, properties) in hostile.into_iter().enumerate() {
        let command = to_card(&format!("inv-hostile-{n}"), 10_000).to_string();
        broker.publish(&exchange, command.as_bytes(), properties.clone());
        broker.publish(&exchange, b"{}", properties);
    }
    broker.publish(&exchange, to_card("inv-after", 10_000).to_string().as_bytes(), none());

    let paid = [
        "inv-after",
        "inv-hostile-0",
        "inv-hostile-1",
        "inv-hostile-2",
        "inv-hostile-3",
        "inv-hostile-4",
        "inv-plain",
    ];
    until("every command is paid", || {
        installation.bank.paid().iter().map(|(id, _)| id.as_str()).eq(paid)
    });
    let mut letters: Vec<Value> = Vec::new();
    until("the others are kept", || {
        let list = installation.place.ran(["dead-letters", "list", "--json"]);
        letters = list.out.lines().map(|l| serde_json::from_str(l).expect("JSON")).collect();
        letters.len() == 8
    });
    let reasons: Vec<_> = letters.iter().map(|letter| letter["reason"].to_string()).collect();
    for reason in ["not valid JSON", "bytes", "/type"] {
        assert!(reasons.iter().any(|told| told.contains(reason)), "{reason}: {reasons:#?}");
    }
    for letter in &letters {
        let id = letter["id"].as_str().expect("an id");
        let settled = installation.place.ran(["dead-letters", "discard", id, "--reason", "a test"]);
        assert_eq!(settled.code, Some(0), "{settled:?}");
    }
    installation.stop();
}
