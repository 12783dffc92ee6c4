//! Takes tickets: looks at payouts that have waited, by `session/status`; and sweeps the store
//! for payouts whose ticket was lost.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use crate::domain::call::Answer;
use crate::domain::payout::Payout;
use crate::domain::step::{Sight, Source};
use crate::domain::ticket::Ticket;
use crate::domain::time::Timestamp;
use crate::shutdown::Shutdown;
use crate::store::{Loaded, StoreError, Suspicion};

use super::driver::{Driver, Look};
use super::intake::{HandleError, Handled, Handler};

pub struct Reconciler {
    pub driver: Arc<Driver>,
}

/// A ticket so many call timeouts late is taken for lost: longer than a queue should lag behind a
/// slow bank.
const LOST_AFTER_TIMEOUTS: u32 = 6;

/// Payouts taken up by one sweep. The next sweep takes the rest.
const SWEEP_MAX: usize = 200;

#[async_trait]
impl Handler for Reconciler {
    async fn handle(&self, body: &[u8]) -> Result<Handled, HandleError> {
        let ticket: Ticket = match serde_json::from_slice(body) {
            Ok(ticket) => ticket,
            Err(e) => {
                // The error's own text repeats what it found there.
                let reason = format!("not a ticket, as of line {} column {}", e.line(), e.column());
                return Ok(Handled::DeadLetter { reason });
            }
        };
        match self.look(&ticket).await {
            // It comes again until a newer process takes it.
            Err(HandleError::Store(StoreError::Newer(_))) => self.driver.put_off(&ticket).await?,
            looked => looked?,
        }
        Ok(Handled::Done)
    }
}

/// What a ticket shows of the store.
enum Fate {
    /// Nothing is missing.
    Kept,
    /// The store has lost something, and nobody has looked into it yet.
    Suspected,
    /// The store has lost what was written of this payout, and a person has resumed since.
    Lost,
}

impl Reconciler {
    async fn look(&self, ticket: &Ticket) -> Result<(), HandleError> {
        let Loaded { payout, now } = self.driver.store.load(&ticket.payout).await?;
        match self.fate(ticket, payout.as_ref()).await? {
            Fate::Kept => match payout {
                Some(payout) => self.look_at(ticket, payout, now).await,
                None => Ok(()),
            },
            Fate::Suspected => self.driver.put_off(ticket).await,
            Fate::Lost => {
                let session = ticket.session.clone();
                match self.driver.take_up_lost(&ticket.payout, session, payout, now).await? {
                    true => Ok(()),
                    false => self.driver.put_off(ticket).await,
                }
            }
        }
    }

    /// A session that the ticket names and the record does not know: its binding was cut short, or
    /// the store has lost it. The ticket is not given up before the bank has answered.
    async fn look_at(
        &self,
        ticket: &Ticket,
        payout: Payout,
        now: Timestamp,
    ) -> Result<(), HandleError> {
        let other = ticket.session.as_ref().filter(|session| !payout.knows(session));
        let sight = match other {
            Some(other) => match self.driver.ask(&payout, other).await {
                Answer::Done(session) => {
                    Some(Sight { session, source: Source::Answer { asked_at: now } })
                }
                answer if answer.denies_session() => None,
                _ => return self.driver.put_off(ticket).await,
            },
            None => None,
        };
        if sight.is_none() && ticket.number < payout.ticket {
            return Ok(());
        }
        self.driver.drive(payout, now, Look { sight, ticket: Some(ticket.number) }).await
    }

    /// A ticket is published before the write that names it, so it is never ahead of its record,
    /// unless the store has lost that.
    async fn fate(&self, ticket: &Ticket, payout: Option<&Payout>) -> Result<Fate, HandleError> {
        let is_behind = payout.is_none_or(|payout| payout.version < ticket.version);
        let epoch = self.driver.fence.standing().epoch;
        let is_foreign = ticket.epoch.is_some() && ticket.epoch != epoch;
        let why = match (is_behind, is_foreign) {
            (false, false) => return Ok(Fate::Kept),
            (true, _) => format!("a ticket of {} is ahead of its record", ticket.payout),
            (false, true) => format!("a ticket of {} is of another store", ticket.payout),
        };
        Ok(match self.driver.fence.suspect(ticket.epoch, &why).await? {
            Suspicion::Paused => {
                tracing::error!(event = "store.lost", payout_id = %ticket.payout, reason = why);
                Fate::Suspected
            }
            Suspicion::Known if is_behind => Fate::Lost,
            Suspicion::Known => Fate::Kept,
        })
    }
}

impl Reconciler {
    /// Sweeps until shutdown begins.
    pub async fn sweep(&self, shutdown: &Shutdown) {
        // Not at once: after a stop everything is overdue whose ticket waits in the queue.
        let period = self.lost_after() / 2;
        let mut every = tokio::time::interval_at(Instant::now() + period, period);
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while tokio::select! {
            _ = every.tick() => true,
            () = shutdown.begun() => false,
        } {
            if let Err(error) = self.sweep_once().await {
                tracing::warn!(event = "sweep.failed", %error);
            }
        }
    }

    fn lost_after(&self) -> Duration {
        self.driver.policy.call_timeout * LOST_AFTER_TIMEOUTS
    }

    /// Publishes a new ticket for what is overdue: handled like any other, with the queue's bounds
    /// and its limit for what cannot be handled.
    async fn sweep_once(&self) -> Result<(), HandleError> {
        let store = &self.driver.store;
        for id in store.overdue(self.lost_after(), SWEEP_MAX).await? {
            let loaded = match store.load(&id).await {
                Ok(loaded) => loaded,
                Err(StoreError::Newer(_)) => continue,
                Err(error @ StoreError::Unreadable(_)) => {
                    tracing::error!(event = "payout.unreadable", payout_id = %id, %error);
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            if let Some(payout) = loaded.payout
                && self.driver.reissue_ticket(payout, loaded.now).await?
            {
                tracing::warn!(event = "ticket.lost", payout_id = %id, "found by the sweep");
            }
        }
        Ok(())
    }
}
