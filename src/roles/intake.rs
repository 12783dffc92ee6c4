//! Taking messages from a queue: one loop for every role.
//!
//! Guarantees: at most `concurrency` messages are handled at a time; each is settled by what its
//! handler says, or handed back, within a bounded time; a message whose handler panics is left
//! unsettled, so that the bus counts it. Leaves the meaning of messages to the handlers.

mod handling;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::task::JoinSet;

use crate::bus::{Bus, BusError, Consumer, Queue};
use crate::shutdown::Shutdown;
use crate::store::StoreError;

use handling::{Handling, Seldom};

use super::Role;
use super::health::Health;

/// How long a message whose handling failed is kept before it is handed back, and how long a
/// broken queue is left alone: the bus and the store need time, and hurrying gains nothing.
const PAUSE: Duration = Duration::from_secs(1);

/// Longest a message may be in hand. A broker takes messages from whoever keeps them for 30 minutes;
/// a payout needs three calls of at most two minutes each, and what else it has to wait for waits
/// with a ticket.
const HANDLING_MAX: Duration = Duration::from_secs(10 * 60);

#[async_trait]
pub trait Handler: Send + Sync + 'static {
    async fn handle(&self, body: &[u8]) -> Result<Handled, HandleError>;
}

pub enum Handled {
    /// The payout is final or waits with a confirmed ticket: acknowledge.
    Done,
    /// Nobody can handle this message.
    DeadLetter { reason: String },
}

/// Why a message goes back to its queue.
#[derive(Debug, thiserror::Error)]
pub enum HandleError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Bus(#[from] BusError),
    #[error("the payout did not come to rest after {0} steps")]
    Restless(u32),
    #[error("the session belongs to another payout")]
    SessionTaken,
}

/// Takes the messages of one queue for one role.
pub struct Intake {
    pub role: Role,
    pub bus: Arc<dyn Bus>,
    pub queue: Queue,
    /// Messages in hand at a time.
    pub concurrency: usize,
    pub handler: Arc<dyn Handler>,
    pub health: Health,
}

impl Intake {
    /// Takes messages until shutdown begins; ends when all that were taken are settled.
    pub async fn run(self, shutdown: Shutdown) {
        let mut running = JoinSet::new();
        let handling = Arc::new(Handling {
            queue: self.queue,
            handler: Arc::clone(&self.handler),
            time_max: HANDLING_MAX,
            seldom: Seldom::new(),
            shutdown: shutdown.clone(),
        });
        while !shutdown.has_begun() {
            let consumer = tokio::select! {
                consumer = self.bus.consume(self.queue, self.concurrency) => consumer,
                () = shutdown.begun() => break,
            };
            let failure = match consumer {
                Ok(mut consumer) => {
                    self.health.set(self.role, true);
                    self.drain(&mut *consumer, &shutdown, &handling, &mut running).await
                }
                Err(error) => Some(error),
            };
            self.health.set(self.role, false);
            if let Some(error) = failure {
                tracing::warn!(event = "queue.unavailable", queue = self.queue.name(), %error);
                pause(&shutdown).await;
            }
        }
        while let Some(ended) = running.join_next().await {
            report(ended);
        }
    }

    /// Hands messages to the handler until shutdown or an error of the queue.
    async fn drain(
        &self,
        consumer: &mut dyn Consumer,
        shutdown: &Shutdown,
        handling: &Arc<Handling>,
        running: &mut JoinSet<()>,
    ) -> Option<BusError> {
        loop {
            while running.len() >= self.concurrency {
                if let Some(ended) = running.join_next().await {
                    report(ended);
                }
            }
            tokio::select! {
                () = shutdown.begun() => return None,
                Some(ended) = running.join_next() => report(ended),
                next = consumer.next() => match next {
                    Ok(delivery) => {
                        running.spawn(Arc::clone(handling).handle(delivery));
                    }
                    Err(error) => return Some(error),
                },
            }
        }
    }
}

async fn pause(shutdown: &Shutdown) {
    tokio::select! {
        () = tokio::time::sleep(PAUSE) => {}
        () = shutdown.begun() => {}
    }
}

fn report(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(event = "handler.panicked", "its message is delivered again");
    }
}

#[cfg(test)]
mod tests;
