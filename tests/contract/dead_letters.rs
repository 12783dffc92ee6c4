//! What the dead letters promise, on any backend.

use std::time::Duration;

use bytes::Bytes;
use payoutd::bus::dead_letters::{DeadLetter, Verdict};
use payoutd::bus::{DELIVERIES_MAX, Message, Queue};

use super::bus::{consume, next, publish, queued, take};
use super::{Backend, Ports, soon, stays_away};

/// Declares the suite for a backend: an expression that makes a fresh one.
macro_rules! dead_letters_contract {
    ($backend:expr) => {
        crate::dead_letters::dead_letters_contract! { $backend;
            poison_goes_to_the_dead_letters
            a_dead_letter_keeps_its_body_and_reason
            dead_letters_are_listed_newest_first_and_wait_until_they_are_settled
            a_replayed_dead_letter_goes_to_the_queue_it_came_from_and_leaves_a_trace
            a_discarded_dead_letter_leaves_a_trace_with_the_reason
            what_is_not_there_cannot_be_settled
        }
    };
    ($backend:expr; $($case:ident)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $case() {
            crate::dead_letters::$case(&$backend).await;
        }
    )*};
}
pub(crate) use dead_letters_contract;

async fn list(ports: &Ports) -> Vec<DeadLetter> {
    let listed = soon(ports.dead_letters.list(100)).await.expect("read");
    assert_eq!(listed.unseen, 0);
    listed.letters
}

/// Waits until so many are there: a broker moves what was delivered too often in its own time.
async fn list_of(ports: &Ports, count: usize) -> Vec<DeadLetter> {
    soon(async {
        loop {
            let letters = list(ports).await;
            if letters.len() == count {
                return letters;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await
}

/// Publishes to a queue and has it dead-lettered there.
async fn bury(ports: &Ports, queue: Queue, body: &'static str, reason: &str) {
    publish(&*ports.bus, vec![Message::Queued { queue, body: body.into() }]).await;
    let mut consumer = soon(ports.bus.consume(queue, 1)).await.expect("consuming");
    let delivery = next(&mut consumer).await;
    assert_eq!(delivery.body, body);
    soon(delivery.settle.dead_letter(reason)).await.expect("kept aside");
}

pub(crate) async fn poison_goes_to_the_dead_letters(backend: &dyn Backend) {
    let ports = backend.open().await;
    publish(&*ports.bus, vec![queued("poison"), queued("good")]).await;
    let mut consumer = consume(&*ports.bus, 1).await;
    let mut crashes = 0;
    loop {
        let delivery = next(&mut consumer).await;
        if delivery.body == "good" {
            soon(delivery.settle.acknowledge()).await.expect("acknowledged");
            if crashes >= DELIVERIES_MAX {
                break;
            }
            // Adapters may put what comes again behind the others.
            publish(&*ports.bus, vec![queued("good")]).await;
            continue;
        }
        crashes += 1;
        assert!(crashes <= DELIVERIES_MAX, "delivered for ever");
    }
    let kept = list_of(&ports, 1).await;
    assert_eq!((&*kept[0].body, kept[0].queue), (&b"poison"[..], Some(Queue::Commands)));
    assert_eq!(kept[0].reason, format!("delivered {DELIVERIES_MAX} times and never settled"));
}

pub(crate) async fn a_dead_letter_keeps_its_body_and_reason(backend: &dyn Backend) {
    let ports = backend.open().await;
    publish(&*ports.bus, vec![queued("bad"), queued("good")]).await;
    let mut consumer = consume(&*ports.bus, 8).await;
    let delivery = next(&mut consumer).await;
    soon(delivery.settle.dead_letter("no such currency: \"куна\"")).await.expect("kept aside");
    assert_eq!(take(&mut consumer).await, "good");
    stays_away(consumer.next()).await;
    let kept = list(&ports).await;
    assert_eq!(kept.len(), 1);
    assert_eq!((&*kept[0].body, kept[0].queue), (&b"bad"[..], Some(Queue::Commands)));
    assert_eq!(kept[0].reason, "no such currency: \"куна\"");
}

pub(crate) async fn dead_letters_are_listed_newest_first_and_wait_until_they_are_settled(
    backend: &dyn Backend,
) {
    let ports = backend.open().await;
    for (queue, body) in [(Queue::Commands, "1"), (Queue::Tickets, "2"), (Queue::BankEvents, "3")] {
        bury(&ports, queue, body, "bad").await;
    }
    // Looking changes nothing, however often.
    for _ in 0..2 * DELIVERIES_MAX {
        let letters = list(&ports).await;
        let shown: Vec<_> = letters.iter().map(|l| (&*l.body, l.queue)).collect();
        let expected = [
            (&b"3"[..], Some(Queue::BankEvents)),
            (b"2", Some(Queue::Tickets)),
            (b"1", Some(Queue::Commands)),
        ];
        assert_eq!(shown, expected);
        for letter in &letters {
            let found = soon(ports.dead_letters.find(&letter.id)).await.expect("read");
            assert_eq!(found.as_ref(), Some(letter));
        }
    }
    let newest = soon(ports.dead_letters.list(1)).await.expect("read").letters;
    assert_eq!(newest.len(), 1);
    assert_eq!(newest[0].body, "3");
}

pub(crate) async fn a_replayed_dead_letter_goes_to_the_queue_it_came_from_and_leaves_a_trace(
    backend: &dyn Backend,
) {
    let ports = backend.open().await;
    bury(&ports, Queue::Commands, "one", "bad").await;
    bury(&ports, Queue::Tickets, "two", "worse").await;
    let letters = list(&ports).await;
    let settle = ports.dead_letters.settle(&letters[0].id, Verdict::Replay);
    assert!(soon(settle).await.expect("settled"));
    let mut consumer = soon(ports.bus.consume(Queue::Tickets, 8)).await.expect("consuming");
    assert_eq!(take(&mut consumer).await, "two");
    stays_away(consumer.next()).await;
    let trace = soon(ports.dead_letters.trace(10)).await.expect("read");
    assert_eq!(trace.len(), 1);
    assert_eq!(trace[0].verdict, Verdict::Replay);
    assert_eq!((&trace[0].letter.body, &*trace[0].letter.reason), (&Bytes::from("two"), "worse"));
    assert_eq!(trace[0].letter.queue, Some(Queue::Tickets));
    let left = list(&ports).await;
    assert_eq!(left.len(), 1);
    assert_eq!(left[0], letters[1]);
}

pub(crate) async fn a_discarded_dead_letter_leaves_a_trace_with_the_reason(backend: &dyn Backend) {
    let ports = backend.open().await;
    bury(&ports, Queue::Commands, "one", "bad").await;
    let letter = list(&ports).await.remove(0);
    let verdict = Verdict::Discard { reason: "sent by a test: «да»".into() };
    let settle = ports.dead_letters.settle(&letter.id, verdict.clone());
    assert!(soon(settle).await.expect("settled"));
    assert_eq!(list(&ports).await, []);
    let mut consumer = consume(&*ports.bus, 8).await;
    stays_away(consumer.next()).await;
    drop(ports);
    let trace = soon(backend.open().await.dead_letters.trace(10)).await.expect("read");
    assert_eq!(trace.len(), 1);
    assert_eq!((&trace[0].letter, &trace[0].verdict), (&letter, &verdict));
    assert!(trace[0].at >= letter.at);
}

pub(crate) async fn what_is_not_there_cannot_be_settled(backend: &dyn Backend) {
    let ports = backend.open().await;
    bury(&ports, Queue::Commands, "one", "bad").await;
    let letter = list(&ports).await.remove(0);
    let settle = async |id: &str| {
        soon(ports.dead_letters.settle(id, Verdict::Replay)).await.expect("answered")
    };
    assert!(!settle("no such id").await);
    assert!(settle(&letter.id).await);
    assert!(!settle(&letter.id).await, "settled twice");
    assert_eq!(soon(ports.dead_letters.find(&letter.id)).await.expect("read"), None);
}
