//! A store in which the sweep finds nothing: it would hide a payout that waits without a ticket.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use payoutd::domain::id::{PayoutId, SessionId};
use payoutd::domain::payout::Payout;
use payoutd::store::{Filter, Loaded, Recorded, Store, StoreError};

pub(crate) struct Unswept(pub(crate) Arc<dyn Store>);

#[async_trait]
impl Store for Unswept {
    async fn check(&self) -> Result<(), StoreError> {
        self.0.check().await
    }

    async fn load(&self, id: &PayoutId) -> Result<Loaded, StoreError> {
        self.0.load(id).await
    }

    async fn load_by_session(&self, session: &SessionId) -> Result<Loaded, StoreError> {
        self.0.load_by_session(session).await
    }

    async fn record(&self, payout: &Payout, expected: u64) -> Result<Recorded, StoreError> {
        self.0.record(payout, expected).await
    }

    async fn overdue(&self, _: Duration, _: usize) -> Result<Vec<PayoutId>, StoreError> {
        Ok(Vec::new())
    }

    async fn list(&self, filter: &Filter) -> Result<Vec<Payout>, StoreError> {
        self.0.list(filter).await
    }
}
