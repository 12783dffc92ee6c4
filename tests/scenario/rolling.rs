//! Old and new versions side by side (case 57): what an old process cannot read it leaves to a new
//! one, and loses nothing by it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use payoutd::domain::id::{PayoutId, SessionId};
use payoutd::domain::payout::{Payout, State};
use payoutd::roles::Parts;
use payoutd::store::{Filter, Loaded, Recorded, Store, StoreError};

use crate::world::{World, account, card};

/// The store as an old version sees it, to which a payout that was started is of a newer format.
struct Old(Arc<dyn Store>);

impl Old {
    fn read(loaded: Loaded) -> Result<Loaded, StoreError> {
        match &loaded.payout {
            Some(payout) if !matches!(payout.state, State::Creating | State::Bound) => {
                Err(StoreError::Newer(payout.id().clone()))
            }
            Some(_) | None => Ok(loaded),
        }
    }
}

#[async_trait]
impl Store for Old {
    async fn check(&self) -> Result<(), StoreError> {
        self.0.check().await
    }

    async fn load(&self, id: &PayoutId) -> Result<Loaded, StoreError> {
        Self::read(self.0.load(id).await?)
    }

    async fn load_by_session(&self, session: &SessionId) -> Result<Loaded, StoreError> {
        Self::read(self.0.load_by_session(session).await?)
    }

    async fn record(&self, payout: &Payout, expected: u64) -> Result<Recorded, StoreError> {
        self.0.record(payout, expected).await
    }

    async fn overdue(&self, by: Duration, limit: usize) -> Result<Vec<PayoutId>, StoreError> {
        self.0.overdue(by, limit).await
    }

    async fn list(&self, filter: &Filter) -> Result<Vec<Payout>, StoreError> {
        self.0.list(filter).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn case_57_old_and_new_processes_side_by_side_pay_each_payout_once() {
    let mut world = World::new().await;
    let old = world.machine_with(|parts| Parts { store: Arc::new(Old(parts.store)), ..parts });
    let ids: Vec<_> = (0..12).map(|n| format!("inv-{n}")).collect();
    for (n, id) in ids.iter().enumerate() {
        let command = if n % 2 == 0 { card(id, 10_000) } else { account(id, 300_000) };
        world.publish(&command).await;
    }
    for id in &ids {
        world.recorded(id, |payout| payout.session.is_some()).await;
    }
    let new = world.machine();
    for id in &ids {
        assert_eq!(world.settled(id).await["type"], "payout.succeeded");
    }
    old.stop().await;
    new.stop().await;
    assert_eq!(world.dead_letters().await, []);
    for id in &ids {
        world.assert_paid_once(id).await;
    }
}
