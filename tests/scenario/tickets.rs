//! Tickets: named only when they are out, looked at only when they are the newest, and found
//! when they are lost (case 56 of the fault matrix).

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use payoutd::bus::{Bus, BusError, Consumer, Message, Queue, Subscription};
use payoutd::domain::event::Event;
use payoutd::domain::id::{PayoutId, SessionId};
use payoutd::domain::payout::Payout;
use payoutd::domain::ticket::Ticket;
use payoutd::domain::time::Timestamp;
use payoutd::domain::transition::apply;
use payoutd::roles::Parts;
use payoutd::roles::driver::Driver;
use payoutd::roles::intake::Handler;
use payoutd::roles::reconciler::Reconciler;
use payoutd::simulator::{FaultKind, Faults, Rule};
use payoutd::store::{Filter, Loaded, Recorded, Store, StoreError};

use crate::bank::Behaviour;
use crate::world::{World, card};

/// A bus that confirms tickets and loses every one of them.
struct Losing(Arc<dyn Bus>);

#[async_trait]
impl Bus for Losing {
    async fn check(&self) -> Result<(), BusError> {
        self.0.check().await
    }

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
    world.sweeps = true;
    let machine = world.machine_with(|parts| Parts { bus: Arc::new(Losing(parts.bus)), ..parts });
    world.publish(&card("inv-1", 10_000)).await;
    assert_eq!(world.settled("inv-1").await["type"], "payout.succeeded");
    machine.stop().await;
    world.assert_paid_once("inv-1").await;
}

/// What was confirmed to be out, and what a record named all the same.
#[derive(Default)]
struct Tickets {
    out: Mutex<BTreeSet<u64>>,
    named_too_early: Mutex<Vec<u64>>,
}

/// Both ports of one payout, watched.
struct Watched<T> {
    inner: T,
    tickets: Arc<Tickets>,
}

#[async_trait]
impl Bus for Watched<Arc<dyn Bus>> {
    async fn check(&self) -> Result<(), BusError> {
        self.inner.check().await
    }

    async fn publish(&self, messages: Vec<Message>) -> Result<(), BusError> {
        let number = |message: &Message| match message {
            Message::Ticket { body, .. } => {
                let ticket: Ticket = serde_json::from_slice(body).expect("a ticket");
                Some(ticket.number)
            }
            Message::Queued { .. } | Message::Event { .. } => None,
        };
        let numbers: Vec<u64> = messages.iter().filter_map(number).collect();
        self.inner.publish(messages).await?;
        self.tickets.out.lock().expect("no panic").extend(numbers);
        Ok(())
    }

    async fn consume(&self, queue: Queue, prefetch: usize) -> Result<Box<dyn Consumer>, BusError> {
        self.inner.consume(queue, prefetch).await
    }

    async fn subscribe(&self) -> Result<Box<dyn Subscription>, BusError> {
        self.inner.subscribe().await
    }
}

#[async_trait]
impl Store for Watched<Arc<dyn Store>> {
    async fn check(&self) -> Result<(), StoreError> {
        self.inner.check().await
    }

    async fn load(&self, id: &PayoutId) -> Result<Loaded, StoreError> {
        self.inner.load(id).await
    }

    async fn load_by_session(&self, session: &SessionId) -> Result<Loaded, StoreError> {
        self.inner.load_by_session(session).await
    }

    async fn record(&self, payout: &Payout, expected: u64) -> Result<Recorded, StoreError> {
        let known = payout.ticket == 0
            || self.tickets.out.lock().expect("no panic").contains(&payout.ticket);
        if !known {
            self.tickets.named_too_early.lock().expect("no panic").push(payout.ticket);
        }
        self.inner.record(payout, expected).await
    }

    async fn overdue(&self, by: Duration, limit: usize) -> Result<Vec<PayoutId>, StoreError> {
        self.inner.overdue(by, limit).await
    }

    async fn list(&self, filter: &Filter) -> Result<Vec<Payout>, StoreError> {
        self.inner.list(filter).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_record_names_a_ticket_that_was_not_confirmed_before() {
    let faults = Faults { rules: vec![Rule::always(FaultKind::Lost)] };
    let mut world = World::with(Behaviour { faults, ..Behaviour::default() }).await;
    let tickets = Arc::new(Tickets::default());
    let machine = world.machine_with(|parts| {
        let store = Watched { inner: parts.store, tickets: Arc::clone(&tickets) };
        let bus = Watched { inner: parts.bus, tickets: Arc::clone(&tickets) };
        Parts { store: Arc::new(store), bus: Arc::new(bus), ..parts }
    });
    world.publish(&card("inv-1", 10_000)).await;
    world.settled("inv-1").await;
    machine.stop().await;
    world.assert_paid_once("inv-1").await;
    assert_eq!(*tickets.named_too_early.lock().expect("no panic"), [0; 0]);
    let out = tickets.out.lock().expect("no panic").len();
    assert!(out > 1, "bound with one, and waited with others: {out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_newest_ticket_has_the_bank_asked() {
    let mut world = World::new().await;
    let machine = world.machine();
    // 08: the bank never finishes it, so it waits for ever.
    world.publish(&card("inv-1", 10_008)).await;
    world.kind("inv-1", "payout.confirmed").await;
    machine.stop().await;
    let waiting = world.payout("inv-1").await;
    let long_ago = Timestamp::from_millis(0);
    let due = Event::TicketIssued { next_look_at: long_ago };
    let mut overdue = apply(&waiting, due, waiting.since).expect("legal");
    overdue.version += 1;
    world.store().record(&overdue, waiting.version).await.expect("written");
    let Parts { store, fence, bus, bank, policy, source, .. } = world.parts();
    let driver = Driver::new((store, fence), bus, bank, policy, source);
    let reconciler = Reconciler { driver: Arc::new(driver) };
    let asked = world.bank.calls("session/status").await.len();
    for (number, more) in [(overdue.ticket - 1, 0), (overdue.ticket, 1)] {
        let ticket = Ticket::of(&overdue, number, None).to_json();
        reconciler.handle(&ticket).await.expect("handled");
        assert_eq!(world.bank.calls("session/status").await.len(), asked + more, "{number}");
    }
}
