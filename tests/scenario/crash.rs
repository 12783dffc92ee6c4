//! Crashes at a chosen point: ports that stop for ever before or after their n-th operation.
//!
//! Whoever waits for the crash then kills the machine, so nothing after the point ever happens.
//! Points lie around every write, publication and settlement; a call to the bank lies between
//! two writes, so its answer is lost when the crash comes before the second.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use payoutd::bus::{Bus, BusError, Consumer, Delivery, Message, Queue, Settle, Subscription};
use payoutd::domain::id::{PayoutId, SessionId};
use payoutd::domain::payout::Payout;
use payoutd::roles::Parts;
use payoutd::store::{Filter, Loaded, Recorded, Store, StoreError};
use tokio::sync::Notify;

/// The n-th point passed is where the machine stops.
pub(crate) struct Plan {
    stop_at: usize,
    passed: AtomicUsize,
    /// Each record that was written, oldest first.
    pub(crate) written: Mutex<Vec<Payout>>,
    pub(crate) stopped: Notify,
}

impl Plan {
    pub(crate) fn stop_at(point: usize) -> Arc<Self> {
        let (passed, written) = (AtomicUsize::new(0), Mutex::default());
        Arc::new(Self { stop_at: point, passed, written, stopped: Notify::new() })
    }

    pub(crate) fn wrap(self: &Arc<Self>, parts: Parts) -> Parts {
        let store = Crashing { inner: parts.store, plan: Arc::clone(self) };
        let bus = Crashing { inner: parts.bus, plan: Arc::clone(self) };
        Parts { store: Arc::new(store), bus: Arc::new(bus), ..parts }
    }

    async fn point(&self) {
        let point = self.passed.fetch_add(1, Ordering::SeqCst) + 1;
        if point >= self.stop_at {
            self.stopped.notify_one();
            std::future::pending::<()>().await;
        }
    }
}

struct Crashing<T> {
    inner: T,
    plan: Arc<Plan>,
}

#[async_trait]
impl Store for Crashing<Arc<dyn Store>> {
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
        self.plan.point().await;
        let recorded = self.inner.record(payout, expected).await;
        self.plan.written.lock().expect("no test panicked in it").push(payout.clone());
        self.plan.point().await;
        recorded
    }

    async fn overdue(&self, by: Duration, limit: usize) -> Result<Vec<PayoutId>, StoreError> {
        self.inner.overdue(by, limit).await
    }

    async fn list(&self, filter: &Filter) -> Result<Vec<Payout>, StoreError> {
        self.inner.list(filter).await
    }
}

#[async_trait]
impl Bus for Crashing<Arc<dyn Bus>> {
    async fn check(&self) -> Result<(), BusError> {
        self.inner.check().await
    }

    async fn publish(&self, messages: Vec<Message>) -> Result<(), BusError> {
        self.plan.point().await;
        let published = self.inner.publish(messages).await;
        self.plan.point().await;
        published
    }

    async fn consume(&self, queue: Queue, prefetch: usize) -> Result<Box<dyn Consumer>, BusError> {
        let inner = self.inner.consume(queue, prefetch).await?;
        Ok(Box::new(Crashing { inner, plan: Arc::clone(&self.plan) }))
    }

    async fn subscribe(&self) -> Result<Box<dyn Subscription>, BusError> {
        self.inner.subscribe().await
    }
}

#[async_trait]
impl Consumer for Crashing<Box<dyn Consumer>> {
    async fn next(&mut self) -> Result<Delivery, BusError> {
        let Delivery { body, settle }: Delivery = self.inner.next().await?;
        let body: Bytes = body;
        Ok(Delivery {
            body,
            settle: Box::new(Crashing { inner: settle, plan: Arc::clone(&self.plan) }),
        })
    }
}

#[async_trait]
impl Settle for Crashing<Box<dyn Settle>> {
    async fn acknowledge(self: Box<Self>) -> Result<(), BusError> {
        self.plan.point().await;
        self.inner.acknowledge().await?;
        self.plan.point().await;
        Ok(())
    }

    async fn hand_back(self: Box<Self>) -> Result<(), BusError> {
        self.inner.hand_back().await
    }

    async fn dead_letter(self: Box<Self>, reason: &str) -> Result<(), BusError> {
        self.inner.dead_letter(reason).await
    }
}
