//! Takes commands: records each once, and creates and starts its payout.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;

use crate::bus::Message;
use crate::digest::sha256_hex;
use crate::domain::command::{CreateCommand, InvalidCommand};
use crate::domain::payout::Payout;
use crate::domain::result_event::{ResultEvent, conflict, final_event, invalid};
use crate::domain::time::Timestamp;

use super::driver::{Driver, Look};
use super::intake::{HandleError, Handled, Handler};

pub struct Executor {
    pub driver: Arc<Driver>,
    /// How long the store remembers a settled payout.
    pub retention: Duration,
}

#[async_trait]
impl Handler for Executor {
    async fn handle(&self, body: &[u8]) -> Result<Handled, HandleError> {
        let command = match CreateCommand::parse(body) {
            Ok(command) => command,
            Err(violations) => {
                return self.refuse(&violations, body, SystemTime::now().into()).await;
            }
        };
        let content_hash = sha256_hex(command.canonical().as_bytes());
        let loaded = self.driver.store.load(&command.payout_id).await?;
        let mut now = loaded.now;
        if loaded.payout.is_none()
            && let Err(violations) = command.forgotten(self.retention, now)
        {
            return self.refuse(&violations, body, now).await;
        }
        let payout = match loaded.payout {
            Some(payout) => payout,
            None if self.driver.accept(command.clone(), content_hash.clone(), now).await? => {
                return Ok(Handled::Done);
            }
            None => {
                let loaded = self.driver.store.load(&command.payout_id).await?;
                now = loaded.now;
                let Some(payout) = loaded.payout else { return Err(HandleError::Restless(1)) };
                payout
            }
        };
        if payout.content_hash == content_hash {
            self.copy(payout, now).await?;
        } else {
            tracing::warn!(event = "payout.conflict", payout_id = %payout.id());
            self.publish(conflict(&payout, &sha256_hex(body), &self.driver.source, now)).await?;
        }
        Ok(Handled::Done)
    }
}

impl Executor {
    /// What cannot be a payout is told, and kept aside.
    async fn refuse(
        &self,
        command: &InvalidCommand,
        body: &[u8],
        now: Timestamp,
    ) -> Result<Handled, HandleError> {
        self.publish(invalid(command, &sha256_hex(body), &self.driver.source, now)).await?;
        Ok(Handled::DeadLetter { reason: command.to_string() })
    }

    /// The same command again: whoever sent it may have missed the result, or its first handling
    /// may have been cut short.
    async fn copy(&self, payout: Payout, now: Timestamp) -> Result<(), HandleError> {
        if payout.state.is_final()
            && let Some(event) = final_event(&payout, &self.driver.source)
        {
            self.publish(event).await?;
        }
        self.driver.drive(payout, now, Look::default()).await
    }

    async fn publish(&self, event: ResultEvent) -> Result<(), HandleError> {
        let kind = event.kind.to_owned();
        let message = Message::Event { kind, body: Bytes::from(event.body) };
        Ok(self.driver.bus.publish(vec![message]).await?)
    }
}
