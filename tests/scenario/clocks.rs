//! The store's clock is set by a day while payouts are on their way (case 47).

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use payoutd::domain::id::{PayoutId, SessionId};
use payoutd::domain::payout::Payout;
use payoutd::domain::time::Timestamp;
use payoutd::roles::Parts;
use payoutd::store::{Filter, Loaded, Recorded, Store, StoreError};

use crate::world::{World, account, card};

const DAY_MS: i64 = 86_400_000;

/// A store whose clock is off by so many milliseconds.
struct Set {
    inner: Arc<dyn Store>,
    by_ms: Arc<AtomicI64>,
}

impl Set {
    fn told(&self, now: Timestamp) -> Timestamp {
        Timestamp::from_millis(now.as_millis() + self.by_ms.load(Ordering::SeqCst))
    }
}

#[async_trait]
impl Store for Set {
    async fn check(&self) -> Result<(), StoreError> {
        self.inner.check().await
    }

    async fn load(&self, id: &PayoutId) -> Result<Loaded, StoreError> {
        let loaded = self.inner.load(id).await?;
        Ok(Loaded { now: self.told(loaded.now), ..loaded })
    }

    async fn load_by_session(&self, session: &SessionId) -> Result<Loaded, StoreError> {
        let loaded = self.inner.load_by_session(session).await?;
        Ok(Loaded { now: self.told(loaded.now), ..loaded })
    }

    async fn record(&self, payout: &Payout, expected: u64) -> Result<Recorded, StoreError> {
        Ok(match self.inner.record(payout, expected).await? {
            Recorded::Written { now } => Recorded::Written { now: self.told(now) },
            other => other,
        })
    }

    async fn overdue(&self, by: Duration, limit: usize) -> Result<Vec<PayoutId>, StoreError> {
        self.inner.overdue(by, limit).await
    }

    async fn list(&self, filter: &Filter) -> Result<Vec<Payout>, StoreError> {
        self.inner.list(filter).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn case_47_a_clock_that_jumps_a_day_changes_nothing() {
    for by_ms in [DAY_MS, -DAY_MS] {
        let mut world = World::new().await;
        let clock = Arc::new(AtomicI64::new(0));
        let set = Arc::clone(&clock);
        let machine = world.machine_with(|parts| Parts {
            store: Arc::new(Set { inner: parts.store, by_ms: set }),
            ..parts
        });
        let ids: Vec<_> = (0..6).map(|n| format!("inv-{n}")).collect();
        for (n, id) in ids.iter().enumerate() {
            // In the middle of some, before others.
            match n {
                2 => drop(world.kind("inv-0", "payout.started").await),
                4 => clock.store(by_ms, Ordering::SeqCst),
                _ => {}
            }
            let command = if n % 2 == 0 { card(id, 10_000) } else { account(id, 300_000) };
            world.publish(&command).await;
        }
        for id in &ids {
            assert_eq!(world.settled(id).await["type"], "payout.succeeded", "by {by_ms} ms");
        }
        machine.stop().await;
        for id in &ids {
            world.assert_paid_once(id).await;
        }
    }
}
