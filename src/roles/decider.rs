//! Takes the bank's verified events: ties each to its payout and drives it, with what the event
//! showed as a hint.

use std::sync::Arc;

use async_trait::async_trait;

use crate::bank::webhook::{Kind, Webhook};
use crate::domain::session::Session;
use crate::domain::step::{Sight, Source};
use crate::store::Loaded;

use super::driver::{Driver, Look};
use super::intake::{HandleError, Handled, Handler};

pub struct Decider {
    pub driver: Arc<Driver>,
}

#[async_trait]
impl Handler for Decider {
    async fn handle(&self, body: &[u8]) -> Result<Handled, HandleError> {
        self.driver.unless_newer(self.look(body).await).await
    }
}

impl Decider {
    async fn look(&self, body: &[u8]) -> Result<Handled, HandleError> {
        let webhook = match Webhook::parse(body) {
            Ok(webhook) => webhook,
            Err(malformed) => return Ok(Handled::DeadLetter { reason: malformed.to_string() }),
        };
        let Webhook { kind, session: Some(session), digest } = webhook else {
            tracing::info!(event = "webhook.without_session");
            return Ok(Handled::Done);
        };
        let Loaded { payout: Some(payout), now } = self.correlate(&session).await? else {
            tracing::warn!(
                event = "webhook.foreign",
                session_id = %session.id,
                payout_id = session.payout_id.as_ref().map(ToString::to_string),
                "no payout of ours has this session"
            );
            return Ok(Handled::Done);
        };
        let source = match kind {
            Kind::PaymentRefunded => Source::Refund { digest },
            Kind::ReadyToConfirm | Kind::PaymentFinished | Kind::Other(_) => Source::Webhook,
        };
        let look = Look { sight: Some(Sight { session, source }), ticket: None };
        self.driver.drive(payout, now, look).await?;
        Ok(Handled::Done)
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
