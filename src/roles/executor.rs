//! Takes commands: records each payout once, and creates and starts it; passes on what people say
//! about payouts.

mod interventions;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;

use crate::bus::Message;
use crate::digest::sha256_hex;
use crate::domain::command::{Command, CreateCommand, InvalidCommand};
use crate::domain::event::Event;
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

/// Most times that one message meets another writer at its payout. More means that something
/// repeats itself.
const RACES_MAX: u32 = 100;

#[async_trait]
impl Handler for Executor {
    async fn handle(&self, body: &[u8]) -> Result<Handled, HandleError> {
        match Command::parse(body) {
            Ok(Command::Create(command)) => self.create(*command, body).await,
            Ok(Command::Intervention(intervention)) => {
                self.intervene(&intervention, body).await?;
                Ok(Handled::Done)
            }
            Err(violations) => self.refuse(&violations, body, SystemTime::now().into()).await,
        }
    }
}

impl Executor {
    async fn create(&self, command: CreateCommand, body: &[u8]) -> Result<Handled, HandleError> {
        let content_hash = sha256_hex(command.canonical().as_bytes());
        for _ in 0..RACES_MAX {
            let loaded = self.driver.store.load(&command.payout_id).await?;
            let now = loaded.now;
            let taken = match loaded.payout {
                None => {
                    if let Err(violations) = command.forgotten(self.retention, now) {
                        return self.refuse(&violations, body, now).await;
                    }
                    self.driver.accept(command.clone(), content_hash.clone(), now).await?
                }
                Some(stub) if stub.command.create().is_none() => {
                    self.fill(stub, &command, &content_hash, now).await?
                }
                Some(payout) if payout.content_hash == content_hash => {
                    self.copy(payout, now).await?;
                    true
                }
                Some(payout) => {
                    tracing::warn!(event = "payout.conflict", payout_id = %payout.id());
                    let source = &self.driver.source;
                    self.publish(conflict(&payout, &sha256_hex(body), source, now)).await?;
                    true
                }
            };
            if taken {
                return Ok(Handled::Done);
            }
        }
        Err(HandleError::Restless(RACES_MAX))
    }

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

    /// The command of a payout that was cancelled before it came. `false`: look again.
    async fn fill(
        &self,
        stub: Payout,
        command: &CreateCommand,
        content_hash: &str,
        now: Timestamp,
    ) -> Result<bool, HandleError> {
        let command = Some(Box::new(command.clone()));
        let came = Event::CommandCame { command, content_hash: content_hash.to_owned() };
        let Some(payout) = self.driver.write(stub, now, came).await? else { return Ok(false) };
        self.driver.drive(payout, now, Look::default()).await?;
        Ok(true)
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
