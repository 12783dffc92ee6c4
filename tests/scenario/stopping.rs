//! Stopping in order: case 58 of the fault matrix.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use payoutd::domain::id::{PayoutId, SessionId};
use payoutd::domain::payout::{Payout, State};
use payoutd::roles::Parts;
use payoutd::simulator::{FaultKind, Faults, Rule};
use payoutd::store::{Filter, Loaded, Recorded, Store, StoreError};
use tokio::sync::Semaphore;

use crate::bank::Behaviour;
use crate::world::{World, card};

#[tokio::test(flavor = "multi_thread")]
async fn case_58_a_call_that_runs_when_shutdown_begins_is_finished_and_recorded() {
    let slow = Rule::always(FaultKind::Delay { ms: 500 }).on("session/create");
    let faults = Faults { rules: vec![slow] };
    let mut world = World::with(Behaviour { faults, ..Behaviour::default() }).await;
    world.policy.call_timeout = Duration::from_secs(4);
    let machine = world.machine();
    world.publish(&card("inv-1", 10_000)).await;
    world.kind("inv-1", "payout.accepted").await;
    machine.stop().await;
    let state = world.payout("inv-1").await.state;
    assert!(!matches!(state, State::Creating | State::Bound), "left {state}");
    let machine = world.machine();
    world.settled("inv-1").await;
    machine.stop().await;
    world.assert_paid_once("inv-1").await;
    assert_eq!(world.bank.calls("session/create").await.len(), 1);
    assert_eq!(world.bank.calls("session/start/payout").await.len(), 1);
}

/// A store that never answers.
struct Hanging {
    inner: Arc<dyn Store>,
    asked: Arc<Semaphore>,
}

#[async_trait]
impl Store for Hanging {
    async fn check(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn load(&self, _: &PayoutId) -> Result<Loaded, StoreError> {
        self.asked.add_permits(1);
        std::future::pending().await
    }

    async fn load_by_session(&self, session: &SessionId) -> Result<Loaded, StoreError> {
        self.inner.load_by_session(session).await
    }

    async fn record(&self, payout: &Payout, expected: u64) -> Result<Recorded, StoreError> {
        self.inner.record(payout, expected).await
    }

    async fn overdue(&self, by: Duration, limit: usize) -> Result<Vec<PayoutId>, StoreError> {
        self.inner.overdue(by, limit).await
    }

    async fn list(&self, filter: &Filter) -> Result<Vec<Payout>, StoreError> {
        self.inner.list(filter).await
    }
}

/// Six times: one more than a message may be delivered without being settled.
#[tokio::test(flavor = "multi_thread")]
async fn case_58_what_does_not_end_in_time_is_handed_back_however_often() {
    let mut world = World::new().await;
    world.publish(&card("inv-1", 10_000)).await;
    for _ in 0..6 {
        let asked = Arc::new(Semaphore::new(0));
        let machine = world.machine_with(|parts| {
            let store = Hanging { inner: parts.store, asked: Arc::clone(&asked) };
            Parts { store: Arc::new(store), grace: Duration::from_millis(50), ..parts }
        });
        let taken = tokio::time::timeout(Duration::from_secs(30), asked.acquire()).await;
        taken.expect("the message comes again").expect("never closed").forget();
        machine.stop().await;
    }
    let machine = world.machine();
    assert_eq!(world.settled("inv-1").await["type"], "payout.succeeded");
    machine.stop().await;
    world.assert_paid_once("inv-1").await;
    assert_eq!(world.dead_letters().await, []);
}
