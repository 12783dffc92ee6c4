//! What is there for long is not: the bank (case 63), or whoever confirms events (case 55).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use payoutd::bus::{Bus, BusError, Consumer, Message, Queue, Subscription};
use payoutd::roles::Parts;
use payoutd::simulator::{FaultKind, Faults, Rule};

use crate::world::{World, card};

/// As two hours are with the usual delays: each payout waits until its last delay repeats.
#[tokio::test(flavor = "multi_thread")]
async fn case_63_while_the_bank_is_down_under_load_tickets_wait_and_nothing_is_held() {
    let mut world = World::new().await;
    let down = Rule::always(FaultKind::DropBeforeEffect);
    world.bank.set_faults(&Faults { rules: vec![down] }).await;
    let machine = world.machine();
    // More than are in hand at a time: those that wait are not held.
    let ids: Vec<_> = (0..80).map(|n| format!("inv-{n}")).collect();
    for id in &ids {
        world.publish(&card(id, 10_000)).await;
    }
    for id in &ids {
        world.recorded(id, |payout| payout.looks >= 4).await;
    }
    assert_eq!(world.dead_letters().await, []);
    world.bank.set_faults(&Faults::default()).await;
    for id in &ids {
        assert_eq!(world.settled(id).await["type"], "payout.succeeded");
    }
    machine.stop().await;
    for id in &ids {
        world.assert_paid_once(id).await;
    }
    assert_eq!(world.dead_letters().await, []);
}

/// A bus that takes every second event and does not say so, and refuses the one after it.
struct Unsure {
    inner: Arc<dyn Bus>,
    count: AtomicUsize,
}

#[async_trait]
impl Bus for Unsure {
    async fn check(&self) -> Result<(), BusError> {
        self.inner.check().await
    }

    async fn publish(&self, messages: Vec<Message>) -> Result<(), BusError> {
        let unsure = || BusError::Unavailable("the confirm was lost".into());
        let event = messages.iter().any(|message| matches!(message, Message::Event { .. }));
        match self.count.fetch_add(usize::from(event), Ordering::SeqCst) % 3 {
            0 if event => Err(unsure()),
            1 if event => {
                self.inner.publish(messages).await?;
                Err(unsure())
            }
            _ => self.inner.publish(messages).await,
        }
    }

    async fn consume(&self, queue: Queue, prefetch: usize) -> Result<Box<dyn Consumer>, BusError> {
        self.inner.consume(queue, prefetch).await
    }

    async fn subscribe(&self) -> Result<Box<dyn Subscription>, BusError> {
        self.inner.subscribe().await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn case_55_an_event_that_was_not_confirmed_is_published_later_under_the_same_id() {
    let mut world = World::new().await;
    let machine = world.machine_with(|parts| Parts {
        bus: Arc::new(Unsure { inner: parts.bus, count: AtomicUsize::new(0) }),
        ..parts
    });
    world.publish(&card("inv-1", 10_000)).await;
    assert_eq!(world.settled("inv-1").await["type"], "payout.succeeded");
    world.recorded("inv-1", |payout| payout.is_settled()).await;
    machine.stop().await;
    world.assert_paid_once("inv-1").await;
    for kind in ["accepted", "started", "confirmed", "succeeded"] {
        let id = format!("inv-1/payout.{kind}/1");
        assert!(world.seen.iter().any(|event| event["id"] == *id), "{id} is missing");
    }
}
