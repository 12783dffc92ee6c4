//! Stopping in order: take nothing new, finish what runs, hand back what does not finish in time.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Shared by everything that runs. Two moments: `begun` (take nothing new) and, a grace period
/// later, `expired` (drop what still runs; its messages are handed back).
#[derive(Clone, Default)]
pub struct Shutdown {
    begun: CancellationToken,
    expired: CancellationToken,
}

impl Shutdown {
    pub fn begin(&self) {
        self.begun.cancel();
    }

    pub fn has_begun(&self) -> bool {
        self.begun.is_cancelled()
    }

    pub async fn begun(&self) {
        self.begun.cancelled().await;
    }

    pub async fn expired(&self) {
        self.expired.cancelled().await;
    }

    /// Begins when the guard is dropped.
    pub fn begin_on_drop(&self) -> impl Drop + use<> {
        self.begun.clone().drop_guard()
    }

    /// Ends by itself when everything has stopped (`done`); else after the grace period.
    pub async fn expire_after(&self, grace: Duration, done: impl Future<Output = ()>) {
        tokio::pin!(done);
        tokio::select! {
            () = &mut done => {}
            () = async { self.begun().await; tokio::time::sleep(grace).await } => {
                tracing::warn!(event = "shutdown.grace_over", "handing back what still runs");
                self.expired.cancel();
                done.await;
            }
        }
    }

    /// Begins at SIGTERM or SIGINT. From this call on neither ends the process by itself, so it
    /// comes before anybody is told that the process is ready.
    pub fn begin_on_signal(&self) -> std::io::Result<impl Future<Output = ()> + use<>> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let shutdown = self.clone();
        Ok(async move {
            let name = tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = interrupt.recv() => "SIGINT",
                () = shutdown.begun() => return,
            };
            tracing::info!(event = "shutdown.begun", signal = name);
            shutdown.begin();
        })
    }
}
