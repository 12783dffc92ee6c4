//! Tickets that get lost: case 56 of the fault matrix.

use std::sync::Arc;

use async_trait::async_trait;
use payoutd::bus::{Bus, BusError, Consumer, Message, Queue, Subscription};
use payoutd::roles::Parts;
use payoutd::simulator::{FaultKind, Faults, Rule};

use crate::bank::Behaviour;
use crate::world::{World, card};

/// A bus that confirms tickets and loses every one of them.
struct Losing(Arc<dyn Bus>);

#[async_trait]
impl Bus for Losing {
    async fn publish(&self, mut messages: Vec<Message>) -> Result<(), BusError> {
        messages.retain(|message| !matches!(message, Message::Ticket { .. }));
        self.0.publish(messages).await
    }

    async fn consume(&self, queue: Queue, prefetch: usize) -> Result<Box<dyn Consumer>, BusError> {
        self.0.consume(queue, prefetch).await
    }

    async fn subscribe(&self) -> Result<Box<dyn Subscription>, BusError> {
        self.0.subscribe().await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn case_56_a_payout_whose_tickets_are_lost_is_found_by_the_sweep() {
    let faults = Faults { rules: vec![Rule::always(FaultKind::Lost)] };
    let mut world = World::with(Behaviour { faults, ..Behaviour::default() }).await;
    let machine = world.machine_with(|parts| Parts { bus: Arc::new(Losing(parts.bus)), ..parts });
    world.publish(&card("inv-1", 10_000)).await;
    assert_eq!(world.settled("inv-1").await["type"], "payout.succeeded");
    machine.stop().await;
    world.assert_paid_once("inv-1").await;
}
