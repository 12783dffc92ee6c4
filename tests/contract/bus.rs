//! What the bus promises, on any backend.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use bytes::Bytes;
use payoutd::bus::{Bus, Consumer, Delivery, Message, Queue};

use super::{Backend, soon, stays_away};

/// Declares the suite for a backend: an expression that makes a fresh one.
macro_rules! bus_contract {
    ($backend:expr) => {
        crate::bus::bus_contract! { $backend;
            what_was_confirmed_survives_a_restart
            messages_come_in_the_order_of_publishing
            an_acknowledged_message_is_consumed
            a_delivery_that_is_dropped_comes_again
            a_message_handed_back_comes_again_and_is_not_counted
            a_consumer_that_is_dropped_leaves_what_it_had_not_delivered
            whoever_stops_waiting_for_a_message_loses_none
            a_delay_ends_neither_early_nor_much_too_late
            a_delayed_message_does_not_hold_up_others
            no_more_than_the_prefetch_is_out
            two_consumers_share_a_queue_without_duplicates
            queues_do_not_mix
            an_event_without_subscribers_is_no_error
            subscribers_see_events_from_then_on_in_order
            bodies_come_back_as_they_were_from_empty_to_64_kib
            nothing_is_lost_when_many_publish_and_consume
        }
    };
    ($backend:expr; $($case:ident)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $case() {
            crate::bus::$case(&$backend).await;
        }
    )*};
}
pub(crate) use bus_contract;

const QUEUE: Queue = Queue::Commands;

pub(crate) fn queued(body: impl Into<Bytes>) -> Message {
    Message::Queued { queue: QUEUE, body: body.into() }
}

fn event(body: impl Into<Bytes>) -> Message {
    Message::Event { kind: "payout.succeeded".into(), body: body.into() }
}

pub(crate) async fn publish(bus: &dyn Bus, messages: Vec<Message>) {
    soon(bus.publish(messages)).await.expect("published");
}

pub(crate) async fn consume(bus: &dyn Bus, prefetch: usize) -> Box<dyn Consumer> {
    soon(bus.consume(QUEUE, prefetch)).await.expect("consuming")
}

pub(crate) async fn next(consumer: &mut Box<dyn Consumer>) -> Delivery {
    soon(consumer.next()).await.expect("a delivery")
}

/// The next message's body; acknowledges it.
pub(crate) async fn take(consumer: &mut Box<dyn Consumer>) -> Bytes {
    let delivery = next(consumer).await;
    soon(delivery.settle.acknowledge()).await.expect("acknowledged");
    delivery.body
}

pub(crate) async fn what_was_confirmed_survives_a_restart(backend: &dyn Backend) {
    let before = backend.open().await;
    publish(&*before.bus, vec![queued("one"), queued("two")]).await;
    drop(before);
    let after = backend.open().await;
    let mut consumer = consume(&*after.bus, 8).await;
    assert_eq!(take(&mut consumer).await, "one");
    assert_eq!(take(&mut consumer).await, "two");
}

pub(crate) async fn messages_come_in_the_order_of_publishing(backend: &dyn Backend) {
    let ports = backend.open().await;
    let mut consumer = consume(&*ports.bus, 4).await;
    for n in 0..10 {
        publish(&*ports.bus, (0..10).map(|m| queued(format!("{n}{m}"))).collect()).await;
    }
    for n in 0..100 {
        assert_eq!(take(&mut consumer).await, format!("{n:02}"));
    }
}

pub(crate) async fn an_acknowledged_message_is_consumed(backend: &dyn Backend) {
    let ports = backend.open().await;
    publish(&*ports.bus, vec![queued("one")]).await;
    let mut consumer = consume(&*ports.bus, 8).await;
    take(&mut consumer).await;
    drop(consumer);
    drop(ports);
    let ports = backend.open().await;
    let mut consumer = consume(&*ports.bus, 8).await;
    stays_away(consumer.next()).await;
}

pub(crate) async fn a_delivery_that_is_dropped_comes_again(backend: &dyn Backend) {
    let ports = backend.open().await;
    publish(&*ports.bus, vec![queued("one")]).await;
    let mut consumer = consume(&*ports.bus, 8).await;
    drop(next(&mut consumer).await);
    assert_eq!(take(&mut consumer).await, "one");
}

pub(crate) async fn a_message_handed_back_comes_again_and_is_not_counted(backend: &dyn Backend) {
    let ports = backend.open().await;
    publish(&*ports.bus, vec![queued("one")]).await;
    let mut consumer = consume(&*ports.bus, 8).await;
    for _ in 0..40 {
        let delivery = next(&mut consumer).await;
        assert_eq!(delivery.body, "one");
        soon(delivery.settle.hand_back()).await.expect("handed back");
    }
    assert_eq!(take(&mut consumer).await, "one");
    assert_eq!(soon(ports.dead_letters.list(10)).await.expect("read").letters, []);
}

pub(crate) async fn a_consumer_that_is_dropped_leaves_what_it_had_not_delivered(
    backend: &dyn Backend,
) {
    let ports = backend.open().await;
    publish(&*ports.bus, (0..20).map(|n| queued(n.to_string())).collect()).await;
    // Often: what nobody was given must not count as delivered.
    for _ in 0..8 {
        let mut consumer = consume(&*ports.bus, 20).await;
        let delivery = next(&mut consumer).await;
        drop(consumer);
        soon(delivery.settle.hand_back()).await.expect("handed back");
    }
    let mut consumer = consume(&*ports.bus, 20).await;
    let mut bodies = BTreeSet::new();
    while bodies.len() < 20 {
        bodies.insert(take(&mut consumer).await);
    }
    assert_eq!(soon(ports.dead_letters.list(10)).await.expect("read").letters, []);
}

pub(crate) async fn whoever_stops_waiting_for_a_message_loses_none(backend: &dyn Backend) {
    let ports = backend.open().await;
    let mut consumer = consume(&*ports.bus, 2).await;
    let publishing = async {
        for n in 0..50 {
            publish(&*ports.bus, vec![queued(n.to_string())]).await;
        }
    };
    let consuming = async {
        let mut bodies = Vec::new();
        while bodies.len() < 50 {
            let patience = Duration::from_micros(50 * (bodies.len() as u64 % 7));
            if let Ok(delivery) = tokio::time::timeout(patience, consumer.next()).await {
                let delivery = delivery.expect("a delivery");
                delivery.settle.acknowledge().await.expect("acknowledged");
                bodies.push(delivery.body);
            }
        }
        bodies
    };
    let ((), bodies) = soon(async { tokio::join!(publishing, consuming) }).await;
    let expected: Vec<Bytes> = (0..50).map(|n| n.to_string().into()).collect();
    assert_eq!(bodies, expected);
}

pub(crate) async fn a_delay_ends_neither_early_nor_much_too_late(backend: &dyn Backend) {
    let ports = backend.open().await;
    let mut consumer = soon(ports.bus.consume(Queue::Tickets, 8)).await.expect("consuming");
    let delays = [1_500, 700, 0, 300].map(Duration::from_millis);
    let started = Instant::now();
    let ticket =
        |&delay: &Duration| Message::Ticket { body: delay.as_millis().to_string().into(), delay };
    publish(&*ports.bus, delays.iter().map(ticket).collect()).await;
    let published = Instant::now();
    let mut ends = delays;
    ends.sort();
    for delay in ends {
        let delivery = next(&mut consumer).await;
        assert_eq!(delivery.body, delay.as_millis().to_string());
        assert!(started.elapsed() >= delay, "{delay:?} early: {:?}", started.elapsed());
        let late = delay.mul_f64(1.2) + Duration::from_millis(500);
        assert!(published.elapsed() <= late, "{delay:?} late: {:?}", published.elapsed());
        soon(delivery.settle.acknowledge()).await.expect("acknowledged");
    }
}

pub(crate) async fn a_delayed_message_does_not_hold_up_others(backend: &dyn Backend) {
    let ports = backend.open().await;
    let later = Message::Ticket { body: "later".into(), delay: Duration::from_secs(3600) };
    let now = Message::Queued { queue: Queue::Tickets, body: "now".into() };
    publish(&*ports.bus, vec![later, now]).await;
    let mut consumer = soon(ports.bus.consume(Queue::Tickets, 8)).await.expect("consuming");
    assert_eq!(take(&mut consumer).await, "now");
    stays_away(consumer.next()).await;
}

pub(crate) async fn no_more_than_the_prefetch_is_out(backend: &dyn Backend) {
    let ports = backend.open().await;
    publish(&*ports.bus, (0..6).map(|n| queued(n.to_string())).collect()).await;
    let mut greedy = consume(&*ports.bus, 3).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(next(&mut greedy).await);
    }
    stays_away(greedy.next()).await;
    // The others are there for somebody else.
    let mut other = consume(&*ports.bus, 8).await;
    assert_eq!(take(&mut other).await, "3");
    let first = held.remove(0);
    soon(first.settle.acknowledge()).await.expect("acknowledged");
    drop(other);
    assert!(["4", "5"].contains(&std::str::from_utf8(&take(&mut greedy).await).expect("text")));
}

pub(crate) async fn two_consumers_share_a_queue_without_duplicates(backend: &dyn Backend) {
    let (one, two) = (backend.open().await, backend.open().await);
    publish(&*one.bus, (0..200).map(|n| queued(n.to_string())).collect()).await;
    let mut consumers = [consume(&*one.bus, 10).await, consume(&*two.bus, 10).await];
    let mut held = Vec::new();
    for n in 0..20 {
        held.push(next(&mut consumers[n % 2]).await);
    }
    let mut bodies: BTreeSet<Bytes> = held.iter().map(|delivery| delivery.body.clone()).collect();
    assert_eq!(bodies.len(), 20, "each has its own");
    for delivery in held {
        soon(delivery.settle.acknowledge()).await.expect("acknowledged");
    }
    // Whoever gets one: a bus may hand the last ones all to the same.
    let [first, second] = &mut consumers;
    for _ in 0..180 {
        let taken = async {
            tokio::select! {
                delivery = first.next() => delivery,
                delivery = second.next() => delivery,
            }
        };
        let delivery = soon(taken).await.expect("a delivery");
        soon(delivery.settle.acknowledge()).await.expect("acknowledged");
        assert!(bodies.insert(delivery.body), "a duplicate");
    }
}

pub(crate) async fn queues_do_not_mix(backend: &dyn Backend) {
    let ports = backend.open().await;
    let message = |queue: Queue| Message::Queued { queue, body: queue.name().into() };
    publish(&*ports.bus, Queue::ALL.into_iter().map(message).collect()).await;
    for queue in Queue::ALL {
        let mut consumer = soon(ports.bus.consume(queue, 8)).await.expect("consuming");
        assert_eq!(take(&mut consumer).await, queue.name());
        stays_away(consumer.next()).await;
    }
}

pub(crate) async fn an_event_without_subscribers_is_no_error(backend: &dyn Backend) {
    let ports = backend.open().await;
    publish(&*ports.bus, vec![event("nobody listens")]).await;
    publish(&*ports.bus, vec![]).await;
}

pub(crate) async fn subscribers_see_events_from_then_on_in_order(backend: &dyn Backend) {
    let (one, two) = (backend.open().await, backend.open().await);
    publish(&*one.bus, vec![event("before")]).await;
    let mut near = soon(one.bus.subscribe()).await.expect("subscribed");
    let mut far = soon(two.bus.subscribe()).await.expect("subscribed");
    stays_away(far.next()).await;
    for n in 0..200 {
        publish(&*one.bus, vec![event(n.to_string()), queued("no event")]).await;
    }
    for n in 0..200 {
        assert_eq!(soon(near.next()).await.expect("an event"), n.to_string());
        assert_eq!(soon(far.next()).await.expect("an event"), n.to_string());
    }
    stays_away(near.next()).await;
}

pub(crate) async fn bodies_come_back_as_they_were_from_empty_to_64_kib(backend: &dyn Backend) {
    let ports = backend.open().await;
    let all_bytes: Vec<u8> = (0..=255).collect();
    let bodies: [Bytes; 3] = ["".into(), all_bytes.into(), vec![b'x'; 64 * 1024].into()];
    let mut subscription = soon(ports.bus.subscribe()).await.expect("subscribed");
    let mut consumer = consume(&*ports.bus, 8).await;
    for body in bodies {
        publish(&*ports.bus, vec![queued(body.clone()), event(body.clone())]).await;
        assert!(take(&mut consumer).await == body);
        assert!(soon(subscription.next()).await.expect("an event") == body);
    }
}

pub(crate) async fn nothing_is_lost_when_many_publish_and_consume(backend: &dyn Backend) {
    const PUBLISHERS: usize = 8;
    const EACH: usize = 100;
    let (one, two) = (backend.open().await, backend.open().await);
    let mut publishers = tokio::task::JoinSet::new();
    for n in 0..PUBLISHERS {
        let bus = if n % 2 == 0 { one.bus.clone() } else { two.bus.clone() };
        publishers.spawn(async move {
            for m in 0..EACH {
                publish(&*bus, vec![queued(format!("{n}/{m}"))]).await;
            }
        });
    }
    let (found, mut bodies) = tokio::sync::mpsc::unbounded_channel();
    let mut consumers = tokio::task::JoinSet::new();
    for bus in [one.bus.clone(), one.bus.clone(), two.bus.clone(), two.bus.clone()] {
        let found = found.clone();
        consumers.spawn(async move {
            let mut consumer = consume(&*bus, 16).await;
            for n in 1_u32.. {
                let delivery = consumer.next().await.expect("a delivery");
                match n % 10 {
                    3 => drop(delivery),
                    7 => delivery.settle.hand_back().await.expect("handed back"),
                    _ => {
                        delivery.settle.acknowledge().await.expect("acknowledged");
                        found.send(delivery.body).expect("the test listens");
                    }
                }
            }
        });
    }
    soon(publishers.join_all()).await;
    // What was dropped five times in a row would be poison; the odds are one in 10^5 a message.
    let mut seen = BTreeSet::new();
    while seen.len() < PUBLISHERS * EACH {
        let body = soon(bodies.recv()).await.expect("the consumers run");
        assert!(seen.insert(body), "consumed twice");
    }
    consumers.shutdown().await;
}
