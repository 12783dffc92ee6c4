//! Takes tickets: looks at payouts that have waited, by `session/status`; and sweeps the store
//! for payouts whose ticket was lost.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use crate::domain::ticket::Ticket;
use crate::shutdown::Shutdown;
use crate::store::StoreError;

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
        let loaded = self.driver.store.load(&ticket.payout).await?;
        let Some(payout) = loaded.payout else {
            let reason = format!("the store has no payout {}", ticket.payout);
            tracing::error!(event = "ticket.without_payout", payout_id = %ticket.payout);
            return Ok(Handled::DeadLetter { reason });
        };
        if ticket.number >= payout.ticket {
            let look = Look { sight: None, ticket: Some(ticket.number) };
            self.driver.drive(payout, loaded.now, look).await?;
        }
        Ok(Handled::Done)
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
