//! Taking messages and settling them.
//!
//! Guarantees that no more than `prefetch` messages are claimed and unsettled at a time, that
//! whoever stops waiting for a message loses none, and that a delivery that is dropped comes back
//! at once, or after [`queue::HELD_MS`] if the writer has its hands full.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use rusqlite::{Connection, Result as SqlResult};
use tokio::sync::Notify;

use super::bus::Core;
use super::clock::machine_millis;
use super::failure::Failure;
use super::queue::{self, Claim, Claimed, Lease};
use super::writer::{Job, job};
use crate::bus::{BusError, Consumer, Delivery, Queue, Settle};

/// What one consumer has claimed, and whether to claim more. Claims end on the writer's thread and
/// are put here, whoever still waits for them.
pub(super) struct Intake {
    queue: Queue,
    prefetch: usize,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    /// Claimed, not yet delivered.
    ready: VecDeque<Claimed>,
    /// Delivered, not yet settled.
    out: usize,
    claiming: bool,
    /// The last claim emptied the queue; nothing to claim until woken.
    dry: bool,
    /// Counts wake-ups: one during a claim may be about something that the claim did not see.
    wakes: u64,
    failure: Option<Failure>,
    /// The consumer is gone.
    closed: bool,
}

impl State {
    fn free(&self, prefetch: usize) -> usize {
        prefetch.saturating_sub(self.ready.len() + self.out).min(queue::CLAIM_MAX)
    }

    fn wants_claim(&self, prefetch: usize) -> bool {
        !self.claiming && !self.dry && self.ready.is_empty() && self.free(prefetch) > 0
    }
}

impl Intake {
    fn new(queue: Queue, prefetch: usize) -> Self {
        let prefetch = prefetch.max(1);
        Self { queue, prefetch, state: Mutex::default(), changed: Notify::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn wake(&self, queue: Queue) {
        if queue == self.queue {
            let mut state = self.state();
            state.dry = false;
            state.wakes = state.wakes.wrapping_add(1);
            drop(state);
            self.changed.notify_one();
        }
    }

    fn take(&self) -> Option<Result<Claimed, Failure>> {
        let mut state = self.state();
        if let Some(claimed) = state.ready.pop_front() {
            state.out += 1;
            return Some(Ok(claimed));
        }
        state.failure.take().map(Err)
    }

    fn wants_claim(&self) -> bool {
        self.state().wants_claim(self.prefetch)
    }

    /// The job that claims, if one is still wanted.
    fn claim(self: &Arc<Self>, core: &Core) -> Option<Box<dyn Job>> {
        let mut state = self.state();
        if !state.wants_claim(self.prefetch) {
            return None;
        }
        state.claiming = true;
        let (queue, limit, wakes) = (self.queue, state.free(self.prefetch), state.wakes);
        let (intake, in_flight) = (Arc::clone(self), Arc::clone(&core.in_flight));
        let jobs = core.threads.writer.weak_jobs();
        let work =
            move |tx: &Connection| queue::claim(tx, queue, limit, rand::random(), machine_millis());
        Some(job(work, move |outcome: Result<Claim, Failure>| {
            if let Ok(claim) = &outcome {
                claim.taken.iter().for_each(|claimed| in_flight.insert(claimed.lease));
            }
            let unwanted = intake.claimed(outcome, wakes);
            unwanted.iter().for_each(|&lease| in_flight.remove(lease));
            if let Some(jobs) = jobs.upgrade().filter(|_| !unwanted.is_empty()) {
                // If the writer has its hands full they come back by themselves, a little later.
                jobs.try_send(job(move |tx| put_back_all(tx, &unwanted), |_| {})).ok();
            }
        }))
    }

    /// Takes in what a claim brought; returns what nobody is there for any more.
    fn claimed(&self, outcome: Result<Claim, Failure>, wakes: u64) -> Vec<Lease> {
        let mut state = self.state();
        state.claiming = false;
        let mut unwanted = Vec::new();
        match outcome {
            Ok(claim) if state.closed => unwanted.extend(claim.taken.iter().map(|c| c.lease)),
            Ok(claim) => {
                state.dry = claim.dry && state.wakes == wakes;
                state.ready.extend(claim.taken);
            }
            Err(failure) => state.failure = Some(failure),
        }
        drop(state);
        self.changed.notify_one();
        unwanted
    }

    fn settled(&self) {
        self.state().out -= 1;
        self.changed.notify_one();
    }

    fn close(&self) -> Vec<Lease> {
        let mut state = self.state();
        state.closed = true;
        state.ready.drain(..).map(|claimed| claimed.lease).collect()
    }
}

pub(super) struct EmbeddedConsumer {
    core: Arc<Core>,
    intake: Arc<Intake>,
}

impl EmbeddedConsumer {
    pub(super) fn new(core: Arc<Core>, queue: Queue, prefetch: usize) -> Self {
        let intake = Arc::new(Intake::new(queue, prefetch));
        core.wakes.add(&intake);
        Self { core, intake }
    }
}

#[async_trait]
impl Consumer for EmbeddedConsumer {
    async fn next(&mut self) -> Result<Delivery, BusError> {
        loop {
            if let Some(taken) = self.intake.take() {
                let Claimed { lease, body } = taken?;
                let (core, intake) = (Arc::clone(&self.core), Arc::clone(&self.intake));
                let settle = Box::new(Held { lease, core, intake, settled: false });
                return Ok(Delivery { body, settle });
            }
            if self.intake.wants_claim() {
                // A place with the writer first: from there on nothing can be interrupted.
                let place = self.core.threads.writer.jobs().reserve().await;
                let place = place.map_err(|_| Failure::stopped())?;
                if let Some(claim) = self.intake.claim(&self.core) {
                    place.send(claim);
                }
            }
            self.intake.changed.notified().await;
        }
    }
}

impl Drop for EmbeddedConsumer {
    fn drop(&mut self) {
        let leases = self.intake.close();
        leases.iter().for_each(|&lease| self.core.in_flight.remove(lease));
        if !leases.is_empty() {
            let queue = self.intake.queue;
            self.core.write_soon(queue, move |tx| put_back_all(tx, &leases));
        }
    }
}

/// Never delivered, so never counted.
fn put_back_all(tx: &Connection, leases: &[Lease]) -> SqlResult<()> {
    leases.iter().try_for_each(|&lease| queue::put_back(tx, lease, false))
}

/// A message that somebody handles.
struct Held {
    lease: Lease,
    core: Arc<Core>,
    intake: Arc<Intake>,
    settled: bool,
}

impl Held {
    async fn settle(
        &mut self,
        work: impl FnOnce(&Connection, Lease) -> SqlResult<()> + Send + 'static,
    ) -> Result<(), BusError> {
        let lease = self.lease;
        self.core.threads.writer.write(move |tx| work(tx, lease)).await?;
        self.settled = true;
        Ok(())
    }
}

#[async_trait]
impl Settle for Held {
    async fn acknowledge(mut self: Box<Self>) -> Result<(), BusError> {
        self.settle(queue::acknowledge).await
    }

    async fn hand_back(mut self: Box<Self>) -> Result<(), BusError> {
        self.settle(|tx, lease| queue::put_back(tx, lease, false)).await?;
        self.core.wakes.queue(self.intake.queue);
        Ok(())
    }

    async fn dead_letter(mut self: Box<Self>, reason: &str) -> Result<(), BusError> {
        let reason = reason.to_owned();
        self.settle(move |tx, lease| queue::bury(tx, lease, &reason, machine_millis())).await
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.core.in_flight.remove(self.lease);
        self.intake.settled();
        if !self.settled {
            let lease = self.lease;
            let queue = self.intake.queue;
            self.core.write_soon(queue, move |tx| queue::put_back(tx, lease, true));
        }
    }
}
