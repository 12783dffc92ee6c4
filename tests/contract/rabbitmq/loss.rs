//! The broker goes away and comes back: whole, frozen, or only a part of it.

use std::time::{Duration, Instant};

use lapin::options::QueueDeleteOptions;
use payoutd::bus::{Bus, BusError, Queue};
use payoutd::rabbitmq::RabbitmqBus;

use super::super::bus::{consume, next, publish, queued, take};
use super::super::soon;
use super::proxy::{Mode, Proxy};
use super::{Broker, host_and_port, url};

/// From the broker's return to a bus that works.
const RETURN: Duration = Duration::from_secs(5);

/// A broker behind a proxy. What is left at the end is removed past the proxy.
async fn behind(mode: Mode, query: &str) -> (Broker, Proxy, RabbitmqBus) {
    let proxy = Proxy::to(host_and_port(), mode).await;
    let broker = Broker::new();
    let mut settings = broker.settings.clone();
    settings.urls = vec![through(&proxy, query)];
    (broker, proxy, RabbitmqBus::start(settings).expect("valid settings"))
}

fn through(proxy: &Proxy, query: &str) -> secrecy::SecretString {
    format!("{}{query}", url().replace(&host_and_port(), &proxy.address.to_string())).into()
}

/// As a role does it: consumes again after an error.
async fn taken(bus: &RabbitmqBus) -> bytes::Bytes {
    loop {
        let Ok(mut consumer) = bus.consume(Queue::Commands, 8).await else { continue };
        let Ok(delivery) = consumer.next().await else { continue };
        let body = delivery.body.clone();
        if delivery.settle.acknowledge().await.is_ok() {
            return body;
        }
    }
}

async fn published(bus: &RabbitmqBus, body: &'static str) {
    while bus.publish(vec![queued(body)]).await.is_err() {}
}

async fn until(bus: &RabbitmqBus, up: bool) -> Result<(), BusError> {
    soon(async {
        loop {
            let state = bus.check().await;
            if state.is_ok() == up {
                return state;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_all_connections_were_cut_everything_works_again() {
    let (_broker, proxy, bus) = behind(Mode::Open, "").await;
    let mut consumer = consume(&bus, 8).await;
    let mut events = soon(bus.subscribe()).await.expect("subscribed");
    publish(&bus, vec![queued("one")]).await;
    let held = next(&mut consumer).await;
    proxy.set(Mode::Closed);
    assert!(soon(consumer.next()).await.is_err(), "the consumer says so");
    assert!(soon(events.next()).await.is_err(), "the subscriber is told");
    assert!(soon(held.settle.acknowledge()).await.is_err(), "not acknowledged");
    assert!(matches!(until(&bus, false).await, Err(BusError::Unavailable(_))));
    assert!(soon(bus.publish(vec![queued("lost")])).await.is_err(), "and not for ever");
    proxy.set(Mode::Open);
    let back = Instant::now();
    soon(published(&bus, "two")).await;
    let bodies = [soon(taken(&bus)).await, soon(taken(&bus)).await];
    assert!(back.elapsed() < RETURN, "{:?}", back.elapsed());
    assert_eq!(bodies, ["one", "two"]);
    until(&bus, true).await.expect("ready");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_broker_is_noticed_and_nothing_waits_for_ever() {
    let (_broker, proxy, bus) = behind(Mode::Open, "?heartbeat=2").await;
    let mut consumer = consume(&bus, 8).await;
    publish(&bus, vec![queued("one")]).await;
    let held = next(&mut consumer).await;
    proxy.set(Mode::Frozen);
    let frozen = Instant::now();
    assert!(soon(bus.publish(vec![queued("unknown")])).await.is_err());
    assert!(soon(consumer.next()).await.is_err());
    soon(held.settle.hand_back()).await.expect_err("nobody took it");
    assert!(matches!(until(&bus, false).await, Err(BusError::Unavailable(_))));
    assert!(frozen.elapsed() < Duration::from_secs(25), "{:?}", frozen.elapsed());
    proxy.set(Mode::Open);
    let back = Instant::now();
    soon(published(&bus, "two")).await;
    let mut bodies = vec![soon(taken(&bus)).await];
    assert!(back.elapsed() < RETURN, "{:?}", back.elapsed());
    // What was unknown may have been published; what was held comes again.
    while !(bodies.iter().any(|body| body == "one") && bodies.iter().any(|body| body == "two")) {
        bodies.push(soon(taken(&bus)).await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_is_absent_at_the_start_is_waited_for() {
    let (_broker, proxy, bus) = behind(Mode::Closed, "").await;
    let began = Instant::now();
    let Err(BusError::Unavailable(text)) = soon(bus.publish(vec![queued("early")])).await else {
        panic!("there is nobody");
    };
    assert!(text.contains(&proxy.address.to_string()), "{text}");
    assert!(!text.contains("guest"), "{text}");
    assert!((3..10).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
    proxy.set(Mode::Open);
    publish(&bus, vec![queued("late")]).await;
    assert_eq!(soon(taken(&bus)).await, "late");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_several_brokers_one_that_is_there_is_used() {
    let proxy = Proxy::to(host_and_port(), Mode::Closed).await;
    let mut broker = Broker::new();
    broker.settings.urls.insert(0, through(&proxy, ""));
    let bus = broker.bus();
    publish(&bus, vec![queued("one")]).await;
    assert_eq!(soon(taken(&bus)).await, "one");
}

/// Whoever takes the first refusal for the last word would give up although another lets us in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_several_brokers_one_that_refuses_us_is_passed_over() {
    let mut broker = Broker::new();
    let stranger = format!("amqp://nobody:wrong@{}", host_and_port());
    broker.settings.urls.insert(0, stranger.as_str().into());
    let bus = broker.bus();
    soon(async {
        while let Err(error) = bus.check().await {
            assert!(matches!(error, BusError::Unavailable(_)), "{error:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    broker.settings.urls.truncate(1);
    let refused = until_refused(&broker.bus()).await;
    assert!(!refused.contains("wrong"), "{refused}");
}

async fn until_refused(bus: &RabbitmqBus) -> String {
    soon(async {
        loop {
            if let Err(BusError::Misconfigured(text)) = bus.check().await {
                return text;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
}

async fn delete(queue: &str) {
    let connection = lapin::Connection::connect(&url(), Default::default()).await;
    let channel = connection.expect("connects").create_channel().await.expect("a channel");
    channel.queue_delete(queue.into(), QueueDeleteOptions::default()).await.expect("deleted");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_fits_no_queue_is_an_error_and_the_queue_is_made_again() {
    let broker = Broker::new();
    let bus = broker.bus();
    publish(&bus, vec![queued("one")]).await;
    delete(&format!("{}.commands", broker.settings.prefix)).await;
    let Err(BusError::Unavailable(text)) = soon(bus.publish(vec![queued("two")])).await else {
        panic!("published to nowhere");
    };
    assert!(text.contains("fitted no queue"), "{text}");
    publish(&bus, vec![queued("three")]).await;
    assert_eq!(soon(taken(&bus)).await, "three");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_54_a_consumer_whose_queue_is_deleted_is_told_and_can_consume_again() {
    let broker = Broker::new();
    let bus = broker.bus();
    let mut consumer = consume(&bus, 8).await;
    delete(&format!("{}.commands", broker.settings.prefix)).await;
    assert!(soon(consumer.next()).await.is_err());
    let mut consumer = consume(&bus, 8).await;
    publish(&bus, vec![queued("one")]).await;
    assert_eq!(take(&mut consumer).await, "one");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_16_poison_is_delivered_twenty_times_and_not_again() {
    let broker = Broker::new();
    let bus = broker.bus();
    publish(&bus, vec![queued("poison")]).await;
    let mut consumer = consume(&bus, 8).await;
    for _ in 0..20 {
        let began = Instant::now();
        drop(next(&mut consumer).await);
        assert!(began.elapsed() < Duration::from_secs(2), "comes again at once");
    }
    publish(&bus, vec![queued("good")]).await;
    assert_eq!(take(&mut consumer).await, "good");
}
