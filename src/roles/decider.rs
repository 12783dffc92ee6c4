//! Takes the bank's verified events: ties each to its payout and drives it, with what the event
//! showed as a hint.

use std::sync::Arc;

use async_trait::async_trait;

use crate::bank::webhook::{Kind, Webhook};
use crate::domain::session::Session;
use crate::domain::step::{Sight, Source};
use crate::domain::ticket::Ticket;
use crate::store::{Loaded, StoreError};

use super::driver::{Driver, Look};
use super::intake::{HandleError, Handled, Handler};

pub struct Decider {
    pub driver: Arc<Driver>,
}

#[async_trait]
impl Handler for Decider {
    async fn handle(&self, body: &[u8]) -> Result<Handled, HandleError> {
        let webhook = match Webhook::parse(body) {
            Ok(webhook) => webhook,
            Err(malformed) => return Ok(Handled::DeadLetter { reason: malformed.to_string() }),
        };
        let Webhook { kind, session: Some(session), digest } = webhook else {
            tracing::info!(event = "webhook.without_session");
            return Ok(Handled::Done);
        };
        let source = match kind {
            Kind::PaymentRefunded => Source::Refund { digest },
            Kind::ReadyToConfirm | Kind::PaymentFinished | Kind::Other(_) => Source::Webhook,
        };
        let is_refund = matches!(source, Source::Refund { .. });
        let id = session.id.clone();
        match self.look(Sight { session, source }).await {
            // A ticket says as much, and comes again until a newer process takes it; a refund is told
            // by its webhook alone.
            Err(HandleError::Store(StoreError::Newer(payout))) if !is_refund => {
                self.driver.put_off(&Ticket::about(payout, id)).await?;
            }
            looked => looked?,
        }
        Ok(Handled::Done)
    }
}

impl Decider {
    async fn look(&self, sight: Sight) -> Result<(), HandleError> {
        let Loaded { payout: Some(payout), now } = self.correlate(&sight.session).await? else {
            tracing::warn!(
                event = "webhook.foreign",
                session_id = %sight.session.id,
                payout_id = sight.session.payout_id.as_ref().map(ToString::to_string),
                "no payout of ours has this session"
            );
            return self.look_for_lost(sight.session).await;
        };
        self.driver.drive(payout, now, Look { sight: Some(sight), ticket: None }).await
    }

    /// A store that has lost something may have lost the payout that the bank names: a ticket has it
    /// looked up once somebody has resumed.
    async fn look_for_lost(&self, session: Session) -> Result<(), HandleError> {
        match session.payout_id {
            Some(payout) if self.driver.fence.standing().has_lost => {
                self.driver.put_off(&Ticket::about(payout, session.id)).await
            }
            Some(_) | None => Ok(()),
        }
    }

    /// By the session; else by the payout id that our own metadata carries, which ties a session
    /// to its payout that the payout is not bound to.
    async fn correlate(&self, session: &Session) -> Result<Loaded, HandleError> {
        let loaded = self.driver.store.load_by_session(&session.id).await?;
        match (&loaded.payout, &session.payout_id) {
            (None, Some(id)) => Ok(self.driver.store.load(id).await?),
            _ => Ok(loaded),
        }
    }
}
