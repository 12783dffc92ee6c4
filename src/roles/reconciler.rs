//! Takes tickets: looks at payouts that have waited, by `session/status`; and sweeps the store
//! for payouts whose ticket was lost.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use crate::bus::{Message, Queue};
use crate::domain::ticket::Ticket;
use crate::shutdown::Shutdown;

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
        let mut every = tokio::time::interval(self.lost_after() / 2);
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

    /// Publishes the ticket of what is overdue once more: handled like any other, with the queue's
    /// bounds and its limit for what cannot be handled.
    async fn sweep_once(&self) -> Result<(), HandleError> {
        let Driver { store, bus, .. } = &*self.driver;
        for id in store.overdue(self.lost_after(), SWEEP_MAX).await? {
            let Some(payout) = store.load(&id).await?.payout else { continue };
            tracing::warn!(event = "ticket.lost", payout_id = %id, "found by the sweep");
            let ticket = Ticket::of(&payout, payout.ticket);
            let body = Bytes::from(ticket.to_json());
            bus.publish(vec![Message::Queued { queue: Queue::Tickets, body }]).await?;
        }
        Ok(())
    }
}
