//! Ports for the tests of those who only ask whether they can be used.

use std::time::Duration;

use async_trait::async_trait;

use crate::bus::{Bus, BusError, Consumer, Message, Queue, Subscription};
use crate::domain::id::{PayoutId, SessionId};
use crate::domain::payout::Payout;
use crate::store::{Filter, Loaded, Recorded, Store, StoreError};

/// A port whose check answers what the test says; `None`: never. Nobody asks it for more.
pub(crate) struct Asked<F>(pub(crate) F);

const ONLY_CHECKED: &str = "only checks are asked for here";

impl<F> Asked<F> {
    async fn answer<E>(&self) -> Result<(), E>
    where
        F: Fn() -> Option<Result<(), E>>,
    {
        match (self.0)() {
            Some(answer) => answer,
            None => std::future::pending().await,
        }
    }
}

#[async_trait]
impl<F: Fn() -> Option<Result<(), BusError>> + Send + Sync> Bus for Asked<F> {
    async fn check(&self) -> Result<(), BusError> {
        self.answer().await
    }

    async fn publish(&self, _: Vec<Message>) -> Result<(), BusError> {
        unreachable!("{ONLY_CHECKED}")
    }

    async fn consume(&self, _: Queue, _: usize) -> Result<Box<dyn Consumer>, BusError> {
        unreachable!("{ONLY_CHECKED}")
    }

    async fn subscribe(&self) -> Result<Box<dyn Subscription>, BusError> {
        unreachable!("{ONLY_CHECKED}")
    }
}

#[async_trait]
impl<F: Fn() -> Option<Result<(), StoreError>> + Send + Sync> Store for Asked<F> {
    async fn check(&self) -> Result<(), StoreError> {
        self.answer().await
    }

    async fn load(&self, _: &PayoutId) -> Result<Loaded, StoreError> {
        unreachable!("{ONLY_CHECKED}")
    }

    async fn load_by_session(&self, _: &SessionId) -> Result<Loaded, StoreError> {
        unreachable!("{ONLY_CHECKED}")
    }

    async fn record(&self, _: &Payout, _: u64) -> Result<Recorded, StoreError> {
        unreachable!("{ONLY_CHECKED}")
    }

    async fn overdue(&self, _: Duration, _: usize) -> Result<Vec<PayoutId>, StoreError> {
        unreachable!("{ONLY_CHECKED}")
    }

    async fn list(&self, _: &Filter) -> Result<Vec<Payout>, StoreError> {
        unreachable!("{ONLY_CHECKED}")
    }
}
