//! What strangers publish: nothing at all besides a body, too much, and what should not be.

use payoutd::bus::dead_letters::Verdict;
use payoutd::bus::{DELIVERIES_MAX, Queue};

use super::super::bus::{consume, next, publish, queued, take};
use super::super::{Backend, soon, stays_away};
use super::raw::{Raw, long, short};
use super::{Broker, host_and_port};

const NO_PROPERTIES: [u8; 2] = [0, 0];
const CONTENT_TYPE: u16 = 1 << 15;
const HEADERS: u16 = 1 << 13;
const TYPE: u16 = 1 << 5;

fn with(flags: u16, properties: &[u8]) -> Vec<u8> {
    [&flags.to_be_bytes(), properties].concat()
}

fn headers(entries: &[u8]) -> Vec<u8> {
    with(HEADERS, &long(entries))
}

/// Tables in tables: more than the client library's stack has room for.
const DEEPEST: u32 = 4_000;

fn deep(levels: u32) -> Vec<u8> {
    // Of each level: an empty key, `F`, and the length of what is inside.
    let mut table = Vec::new();
    for inside in (0..levels).rev() {
        table.extend_from_slice(&[0, b'F']);
        table.extend_from_slice(&u32::to_be_bytes(inside * 6));
    }
    table
}

/// Properties that are no properties of a good message.
fn hostile(levels: u32) -> Vec<(&'static str, Vec<u8>)> {
    let text = |bytes: &[u8]| [b"S".to_vec(), long(bytes)].concat();
    let key = |key: &[u8], value: Vec<u8>| [short(key), value].concat();
    vec![
        ("content type no UTF-8", with(CONTENT_TYPE, &short(b"\xff\xfe"))),
        ("type no UTF-8", with(TYPE, &short(b"\xff\xfe"))),
        ("key no UTF-8", headers(&key(b"\xff", text(b"x")))),
        ("deep tables", headers(&deep(levels))),
        ("a header of 120 KiB", headers(&key(b"large", text(&[b'x'; 120 * 1024])))),
        ("our own header of another kind", headers(&key(b"x-payoutd-id", b"I\0\0\0\x07".to_vec()))),
        ("x-death that is text", headers(&key(b"x-death", text(b"never")))),
        ("x-death of nonsense", headers(&key(b"x-death", [b"A".to_vec(), long(b"V")].concat()))),
    ]
}

/// Exchange, key, properties and body.
type Strange = (String, Vec<u8>, Vec<u8>, Vec<u8>);

/// In a thread: nothing here waits asynchronously.
async fn publish_raw(messages: Vec<Strange>) {
    let publishing = tokio::task::spawn_blocking(move || {
        let mut raw = Raw::connect(&host_and_port());
        for (exchange, key, properties, body) in messages {
            raw.publish(&exchange, &key, &properties, &body);
        }
    });
    soon(publishing).await.expect("published");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_publisher_that_knows_nothing_of_payoutd_is_understood() {
    let broker = Broker::new();
    let ports = broker.open().await;
    let mut consumer = consume(&*ports.bus, 8).await;
    let exchange = format!("{}.commands", broker.settings.prefix);
    let plain = |key: &[u8], body: &str| {
        (exchange.clone(), key.to_vec(), NO_PROPERTIES.to_vec(), body.as_bytes().to_vec())
    };
    publish_raw(vec![plain(b"", "one"), plain(b"any key", "two"), plain(b"\xff\xff", "three")])
        .await;
    for body in ["one", "two", "three"] {
        assert_eq!(take(&mut consumer).await, body);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_of_10_mib_is_delivered_and_can_be_a_dead_letter() {
    let broker = Broker::new();
    let ports = broker.open().await;
    let mut consumer = consume(&*ports.bus, 2).await;
    let body: Vec<u8> = (0..10_u32 * 1024 * 1024).map(|n| n.to_be_bytes()[3]).collect();
    publish(&*ports.bus, vec![queued(body.clone()), queued("next")]).await;
    let delivery = next(&mut consumer).await;
    assert!(delivery.body == body);
    soon(delivery.settle.dead_letter("too large")).await.expect("kept aside");
    assert_eq!(take(&mut consumer).await, "next");
    let letters = soon(ports.dead_letters.list(10)).await.expect("read").letters;
    assert!(letters.len() == 1 && letters[0].body == body);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_properties_stop_nothing_and_their_message_is_delivered() {
    let broker = Broker::new();
    let ports = broker.open().await;
    let queue = format!("{}.commands", broker.settings.prefix);
    let mut consumer = consume(&*ports.bus, 64).await;
    for (what, properties) in hostile(DEEPEST) {
        let message = (String::new(), queue.clone().into_bytes(), properties, what.into());
        publish_raw(vec![message]).await;
        publish(&*ports.bus, vec![queued("good")]).await;
        // In any order: a message whose headers are dangerous is replaced by one without.
        let mut bodies = [take(&mut consumer).await, take(&mut consumer).await];
        bodies.sort_by_key(|body| body == "good");
        assert_eq!(bodies, [what, "good"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn poison_with_hostile_properties_is_delivered_20_times_and_can_be_looked_at_and_replayed() {
    let broker = Broker::new();
    let ports = broker.open().await;
    let queue = format!("{}.commands", broker.settings.prefix);
    let kinds = hostile(DEEPEST);
    let messages = kinds.iter().map(|(what, properties)| {
        (String::new(), queue.clone().into_bytes(), properties.clone(), what.as_bytes().to_vec())
    });
    let messages = messages.collect();
    let mut consumer = consume(&*ports.bus, 4).await;
    publish_raw(messages).await;
    for _ in 0..DELIVERIES_MAX as usize * kinds.len() {
        drop(next(&mut consumer).await);
    }
    // From now on they go to the dead letters instead.
    stays_away(consumer.next()).await;
    let mut letters = Vec::new();
    while letters.len() < kinds.len() {
        stays_away(consumer.next()).await;
        letters = soon(ports.dead_letters.list(100)).await.expect("read").letters;
    }
    for letter in letters {
        assert_eq!(letter.queue, Some(Queue::Commands));
        assert_eq!(letter.reason, "delivered 20 times and never settled");
        assert!(soon(ports.dead_letters.settle(&letter.id, Verdict::Replay)).await.expect("done"));
        assert_eq!(take(&mut consumer).await, letter.body);
    }
    assert_eq!(soon(ports.dead_letters.list(100)).await.expect("read").letters, []);
    assert_eq!(soon(ports.dead_letters.trace(100)).await.expect("read").len(), kinds.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_somebody_else_put_among_the_dead_letters_is_shown_and_can_be_discarded() {
    let broker = Broker::new();
    let ports = broker.open().await;
    soon(ports.bus.publish(vec![queued("declares the topology")])).await.expect("published");
    let queue = format!("{}.dead-letters", broker.settings.prefix).into_bytes();
    let put = |(what, properties): (&str, Vec<u8>)| {
        (String::new(), queue.clone(), properties, what.as_bytes().to_vec())
    };
    publish_raw(hostile(DEEPEST).into_iter().map(put).collect()).await;
    let letters = soon(ports.dead_letters.list(100)).await.expect("read").letters;
    assert_eq!(letters.len(), hostile(1).len());
    for letter in letters {
        assert_eq!(letter.queue, None);
        let settle = |verdict| soon(ports.dead_letters.settle(&letter.id, verdict));
        assert!(!settle(Verdict::Replay).await.expect("answered"), "it came from nowhere");
        let discarded = settle(Verdict::Discard { reason: "not ours".into() }).await;
        assert!(discarded.expect("answered"));
    }
}
