//! Handling one message, within a bounded time, and settling it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::{HandleError, Handled, Handler, pause};
use crate::bus::{BusError, Delivery, Queue};
use crate::shutdown::Shutdown;
use crate::store::StoreError;

/// How the messages of one queue are handled.
pub(super) struct Handling {
    pub(super) queue: Queue,
    pub(super) handler: Arc<dyn Handler>,
    /// Longest that the handler may take to say what becomes of a message.
    pub(super) time_max: Duration,
    pub(super) seldom: Seldom,
    pub(super) shutdown: Shutdown,
}

impl Handling {
    /// Settles the delivery by what its handler says.
    pub(super) async fn handle(self: Arc<Self>, delivery: Delivery) {
        let Delivery { body, settle } = delivery;
        let handled = tokio::select! {
            handled = tokio::time::timeout(self.time_max, self.handler.handle(&body)) => handled,
            () = self.shutdown.expired() => {
                log_unsettled(settle.hand_back().await);
                return;
            }
        };
        let Ok(handled) = handled else {
            // As if the process had been killed here: what was intended stands in the record.
            tracing::error!(event = "message.handed_back", "its handling took too long");
            log_unsettled(settle.hand_back().await);
            return;
        };
        // What cannot be read now cannot be read later.
        let handled = match handled {
            Err(HandleError::Store(error @ StoreError::Unreadable(_))) => {
                Ok(Handled::DeadLetter { reason: error.to_string() })
            }
            handled => handled,
        };
        let settled = match handled {
            Ok(Handled::Done) => settle.acknowledge().await,
            Ok(Handled::DeadLetter { reason }) => {
                let settled = settle.dead_letter(&reason).await;
                if settled.is_ok() {
                    tracing::error!(
                        event = "message.dead_lettered",
                        queue = self.queue.name(),
                        reason
                    );
                }
                settled
            }
            Err(error @ (HandleError::Restless(_) | HandleError::SessionTaken)) => {
                // Left unsettled, so that the bus counts it: it may never succeed.
                tracing::error!(event = "message.unsettled", %error);
                pause(&self.shutdown).await;
                Ok(())
            }
            Err(error @ (HandleError::Store(_) | HandleError::Bus(_))) => {
                // One of many while a server is away.
                match self.seldom.due() {
                    true => {
                        tracing::warn!(event = "message.handed_back", queue = self.queue.name(), %error)
                    }
                    false => tracing::debug!(event = "message.handed_back", %error),
                }
                pause(&self.shutdown).await;
                settle.hand_back().await
            }
        };
        log_unsettled(settled);
    }
}

/// Keeps what happens to every message of a queue from being said for each.
pub(super) struct Seldom {
    began: Instant,
    next_ms: AtomicU64,
}

impl Seldom {
    const EVERY_MS: u64 = 10_000;

    pub(super) fn new() -> Self {
        Self { began: Instant::now(), next_ms: AtomicU64::new(0) }
    }

    /// For one of those who ask within a period.
    fn due(&self) -> bool {
        let now_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let next_ms = self.next_ms.load(Ordering::Relaxed);
        now_ms >= next_ms
            && self
                .next_ms
                .compare_exchange(
                    next_ms,
                    now_ms + Self::EVERY_MS,
                    Ordering::Relaxed,
                    Ordering::Relaxed,
                )
                .is_ok()
    }
}

/// An unsettled message is delivered again: nothing is lost.
fn log_unsettled(settled: Result<(), BusError>) {
    if let Err(error) = settled {
        tracing::warn!(event = "message.unsettled", %error);
    }
}
