//! Writes to the store that end otherwise than they should: unknown, overtaken, or long ago.
//! Cases 46 and 60 of the fault matrix, and what a store that was cut off in a write leads to.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use payoutd::domain::call::Call;
use payoutd::domain::event::Event;
use payoutd::domain::id::{PayoutId, SessionId};
use payoutd::domain::payout::{CallOutcome, Payout, State};
use payoutd::domain::transition::apply;
use payoutd::roles::Parts;
use payoutd::store::{Filter, Loaded, Recorded, Store, StoreError};
use tokio::sync::Semaphore;

use crate::world::{World, card};

/// What happens to a write.
#[async_trait]
trait Fate: Send + Sync {
    async fn record(
        &self,
        inner: &dyn Store,
        payout: &Payout,
        expected: u64,
    ) -> Result<Recorded, StoreError>;
}

/// A store whose writes have a fate.
struct Fated<F> {
    inner: Arc<dyn Store>,
    fate: F,
}

fn fated<F: Fate + 'static>(fate: F) -> impl FnOnce(Parts) -> Parts {
    |parts| Parts { store: Arc::new(Fated { inner: parts.store, fate }), ..parts }
}

#[async_trait]
impl<F: Fate> Store for Fated<F> {
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
        self.fate.record(&*self.inner, payout, expected).await
    }

    async fn overdue(&self, by: Duration, limit: usize) -> Result<Vec<PayoutId>, StoreError> {
        self.inner.overdue(by, limit).await
    }

    async fn list(&self, filter: &Filter) -> Result<Vec<Payout>, StoreError> {
        self.inner.list(filter).await
    }
}

fn cut_off() -> StoreError {
    StoreError::Unknown("cut off".into())
}

/// Patient enough that nothing is tried twice only because this machine is busy.
async fn patient_world() -> World {
    let mut world = World::new().await;
    world.policy.call_timeout = Duration::from_secs(20);
    world
}

async fn assert_each_call_was_sent_once(world: &World) {
    for method in ["session/create", "session/start/payout", "session/confirm"] {
        assert_eq!(world.bank.calls(method).await.len(), 1, "{method}");
    }
}

/// Each write is done, and its answer lost.
struct Done;

#[async_trait]
impl Fate for Done {
    async fn record(
        &self,
        inner: &dyn Store,
        payout: &Payout,
        expected: u64,
    ) -> Result<Recorded, StoreError> {
        match inner.record(payout, expected).await? {
            Recorded::Written { .. } => Err(cut_off()),
            other => Ok(other),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_was_done_and_never_answered_is_found_and_its_call_sent() {
    let mut world = patient_world().await;
    let machine = world.machine_with(fated(Done));
    world.publish(&card("inv-1", 10_000)).await;
    assert_eq!(world.settled("inv-1").await["type"], "payout.succeeded");
    machine.stop().await;
    world.assert_paid_once("inv-1").await;
    assert_each_call_was_sent_once(&world).await;
}

/// Every other write, from the first on, is not done, and nobody says so.
#[derive(Default)]
struct NotDone {
    writes: AtomicUsize,
}

#[async_trait]
impl Fate for NotDone {
    async fn record(
        &self,
        inner: &dyn Store,
        payout: &Payout,
        expected: u64,
    ) -> Result<Recorded, StoreError> {
        if self.writes.fetch_add(1, Ordering::SeqCst).is_multiple_of(2) {
            return Err(cut_off());
        }
        inner.record(payout, expected).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_was_not_done_and_never_answered_is_written_again_before_its_call_is_sent() {
    let mut world = patient_world().await;
    let machine = world.machine_with(fated(NotDone::default()));
    world.publish(&card("inv-1", 10_000)).await;
    assert_eq!(world.settled("inv-1").await["type"], "payout.succeeded");
    machine.stop().await;
    world.assert_paid_once("inv-1").await;
    assert_each_call_was_sent_once(&world).await;
    assert_eq!(world.dead_letters().await, []);
}

/// Another process writes the same decision a moment earlier and dies; our write is never answered.
struct OtherWriters;

#[async_trait]
impl Fate for OtherWriters {
    async fn record(
        &self,
        inner: &dyn Store,
        payout: &Payout,
        expected: u64,
    ) -> Result<Recorded, StoreError> {
        let decided = payout.state == State::Confirming
            && payout.intention.attempt == 1
            && payout.intention.outcome == CallOutcome::Pending;
        if !decided {
            return inner.record(payout, expected).await;
        }
        let mut other_writers = payout.clone();
        other_writers.write_id ^= 1;
        match inner.record(&other_writers, expected).await? {
            Recorded::Written { .. } => Err(cut_off()),
            other => Ok(other),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_without_answer_that_another_process_did_is_not_taken_for_ours() {
    let mut world = World::new().await;
    let machine = world.machine_with(fated(OtherWriters));
    world.publish(&card("inv-1", 10_000)).await;
    assert_eq!(world.settled("inv-1").await["type"], "payout.succeeded");
    machine.stop().await;
    world.assert_paid_once("inv-1").await;
    let confirmed = world.payout("inv-1").await.intention;
    assert!(confirmed.attempt > 1, "the other's call was looked up first: {confirmed:?}");
}

/// Once, before our write: another process writes something that we did not know.
struct Overtaken {
    /// Before this write of ours.
    before: fn(&Payout) -> bool,
    by: Event,
    done: AtomicBool,
}

impl Overtaken {
    fn new(before: fn(&Payout) -> bool, by: Event) -> Self {
        Self { before, by, done: AtomicBool::new(false) }
    }
}

#[async_trait]
impl Fate for Overtaken {
    async fn record(
        &self,
        inner: &dyn Store,
        payout: &Payout,
        expected: u64,
    ) -> Result<Recorded, StoreError> {
        if (self.before)(payout) && !self.done.swap(true, Ordering::SeqCst) {
            let Loaded { payout: stored, now } = inner.load(payout.id()).await?;
            let stored = stored.expect("recorded");
            let mut overtaking = apply(&stored, self.by.clone(), now).expect("legal");
            overtaking.version += 1;
            inner.record(&overtaking, stored.version).await?;
        }
        inner.record(payout, expected).await
    }
}

fn binds(payout: &Payout) -> bool {
    payout.state == State::Bound
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_recorded_over_what_was_written_during_its_call() {
    let mut world = patient_world().await;
    let bookkeeping = Event::Published { published: 1 };
    let machine = world.machine_with(fated(Overtaken::new(binds, bookkeeping)));
    world.publish(&card("inv-1", 10_000)).await;
    world.settled("inv-1").await;
    machine.stop().await;
    world.assert_paid_once("inv-1").await;
    assert_each_call_was_sent_once(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_session_answered_is_bound_even_if_another_is_being_tried() {
    let mut world = patient_world().await;
    let next_try = Event::Intended { attempt: 2 };
    let machine = world.machine_with(fated(Overtaken::new(binds, next_try)));
    world.publish(&card("inv-1", 10_000)).await;
    world.settled("inv-1").await;
    machine.stop().await;
    world.assert_paid_once("inv-1").await;
    assert_each_call_was_sent_once(&world).await;
}

/// 01: the bank refuses each start.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_not_recorded_as_that_of_a_later_try() {
    let refused = |payout: &Payout| {
        let outcome = &payout.intention.outcome;
        payout.intention.call == Call::Start && matches!(outcome, CallOutcome::Refused { .. })
    };
    let mut world = World::new().await;
    let next_try = Event::Intended { attempt: 2 };
    let machine = world.machine_with(fated(Overtaken::new(refused, next_try)));
    world.publish(&card("inv-1", 10_001)).await;
    assert_eq!(world.settled("inv-1").await["type"], "payout.failed");
    machine.stop().await;
    world.assert_not_paid("inv-1").await;
    let starts = world.bank.calls("session/start/payout").await.len();
    assert!(starts > 1, "the second try's outcome was not known when the first was refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_who_is_needed_before_the_session_is_bound_keeps_it_from_being_started() {
    let mut world = World::new().await;
    let attention =
        Event::NeedsAttention { reason: "another session may pay it".into(), session: None };
    let machine = world.machine_with(fated(Overtaken::new(binds, attention)));
    world.publish(&card("inv-1", 10_000)).await;
    world.kind("inv-1", "payout.needs_attention").await;
    machine.stop().await;
    world.assert_not_paid("inv-1").await;
    assert_eq!(world.bank.calls("session/start/payout").await.len(), 0);
}

/// Once, after the session was bound: the process stands still.
struct Frozen {
    done: AtomicBool,
    thaw: Arc<Semaphore>,
}

#[async_trait]
impl Fate for Frozen {
    async fn record(
        &self,
        inner: &dyn Store,
        payout: &Payout,
        expected: u64,
    ) -> Result<Recorded, StoreError> {
        let recorded = inner.record(payout, expected).await;
        if binds(payout) && !self.done.swap(true, Ordering::SeqCst) {
            self.thaw.acquire().await.expect("never closed").forget();
        }
        recorded
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn case_46_a_process_that_was_frozen_before_start_does_not_send_it_when_it_wakes_up() {
    let mut world = World::new().await;
    world.policy.call_timeout = Duration::from_secs(2);
    let thaw = Arc::new(Semaphore::new(0));
    let frozen = Frozen { done: AtomicBool::new(false), thaw: Arc::clone(&thaw) };
    let machine = world.machine_with(fated(frozen));
    world.publish(&card("inv-1", 10_000)).await;
    assert_eq!(world.settled("inv-1").await["type"], "payout.succeeded");
    thaw.add_permits(1);
    machine.stop().await;
    world.assert_paid_once("inv-1").await;
    let starts = world.bank.calls("session/start/payout").await.len();
    assert_eq!(starts, 1, "the ticket's, not the frozen one's");
}
