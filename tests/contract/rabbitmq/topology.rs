//! The topology: declared, shown, and told when it is otherwise.

use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use payoutd::bus::{Bus, BusError};
use payoutd::rabbitmq::RabbitmqBus;
use payoutd::rabbitmq::topology::{Found, declare, inspect};

use super::super::bus::{consume, publish, queued};
use super::super::soon;
use super::{Broker, url};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_there_is_shown_and_looking_declares_nothing() {
    let broker = Broker::new();
    let look = || soon(inspect(&broker.settings));
    for _ in 0..2 {
        let found = look().await.expect("looked");
        assert!(found.iter().all(|object| object.found == Found::Missing), "{found:?}");
    }
    soon(declare(&broker.settings)).await.expect("declared");
    soon(declare(&broker.settings)).await.expect("declared again");
    let found = look().await.expect("looked");
    let empty = Found::Same { messages: 0, consumers: 0 };
    assert!(found.iter().all(|object| object.found == empty), "{found:?}");
    assert_eq!(found.iter().filter(|object| object.kind == "exchange").count(), 4);
    assert_eq!(found.iter().filter(|object| object.kind == "queue").count(), 5 + 4);
    let name = format!("{}.tickets.1h", broker.settings.prefix);
    let hour = found.iter().find(|object| object.name == name).expect("one for each delay");
    assert!(hour.what.contains("x-message-ttl=3600000"), "{}", hour.what);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_and_consumers_are_counted() {
    let broker = Broker::new();
    let bus = broker.bus();
    publish(&bus, vec![queued("one"), queued("two"), queued("three")]).await;
    let _consumer = consume(&bus, 1).await;
    let name = format!("{}.commands", broker.settings.prefix);
    let found = soon(inspect(&broker.settings)).await.expect("looked");
    let queue = found.iter().find(|o| o.kind == "queue" && o.name == name).expect("there");
    assert_eq!(queue.found, Found::Same { messages: 2, consumers: 1 });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_that_is_otherwise_is_told_with_its_cure() {
    let broker = Broker::new();
    let name = format!("{}.commands", broker.settings.prefix);
    let connection = lapin::Connection::connect(&url(), Default::default()).await;
    let channel = connection.expect("connects").create_channel().await.expect("a channel");
    let (options, none) = (QueueDeclareOptions::durable(), FieldTable::default());
    channel.queue_declare(name.as_str().into(), options, none).await.expect("declared");
    let found = soon(inspect(&broker.settings)).await.expect("looked");
    let queue = found.iter().find(|o| o.kind == "queue" && o.name == name).expect("listed");
    let Found::Different(words) = &queue.found else { panic!("{queue:?}") };
    assert!(words.contains("inequivalent arg"), "{words}");
    let bus = broker.bus();
    let Err(BusError::Misconfigured(text)) = soon(bus.publish(vec![queued("one")])).await else {
        panic!("the queue is another");
    };
    assert!(text.contains("payoutd topology") && text.contains("inequivalent arg"), "{text}");
    assert!(matches!(bus.check().await, Err(BusError::Misconfigured(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_is_told_and_not_shown() {
    let broker = Broker::new();
    let mut settings = broker.settings.clone();
    settings.urls = vec![url().replace(":guest@", ":sesame@").into()];
    let bus = RabbitmqBus::start(settings).expect("valid settings");
    let Err(BusError::Misconfigured(text)) = soon(bus.publish(vec![queued("one")])).await else {
        panic!("let in");
    };
    assert!(text.contains("refused") && text.contains("password"), "{text}");
    assert!(!text.contains("sesame"), "{text}");
}
