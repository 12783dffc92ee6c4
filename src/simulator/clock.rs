//! The clock: moves sessions on when their time has come, in batches, the earliest first.
//!
//! What is due is in the book, so a restart only makes it late. New due times come with a notification.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use super::{Shared, book, lifecycle, now_micros};

/// Sessions moved on in one write: shares its cost, and holds the book for less than a few milliseconds.
const BATCH: i64 = 64;
/// Looks at least so often, in case the machine's clock was set.
const LOOK_EVERY: Duration = Duration::from_secs(1);

pub(super) async fn run(shared: Arc<Shared>) {
    loop {
        match move_on(&shared) {
            Ok(Some(wait)) => {
                shared.courier.notify_one();
                if !rest(&shared, &shared.clock, wait).await {
                    return;
                }
            }
            Ok(None) => {
                shared.courier.notify_one();
                tokio::task::yield_now().await;
            }
            Err(error) => {
                tracing::error!(%error, "simulator.clock.failed");
                if !rest(&shared, &shared.clock, Some(now_micros() + 1_000_000)).await {
                    return;
                }
            }
        }
        if shared.stop.is_cancelled() {
            return;
        }
    }
}

/// One batch. `None` when there may be more; otherwise when the next session is due, if any is.
fn move_on(shared: &Shared) -> rusqlite::Result<Option<Option<i64>>> {
    let now = now_micros();
    shared.bank.book.write(|book| {
        let due = book::due_sessions(book, now, BATCH)?;
        for number in &due {
            if let Some(mut session) = book::session(book, *number)? {
                lifecycle::tick(book, &mut session, now, shared.bank.pace)?;
            }
        }
        if due.len() as i64 == BATCH {
            return Ok(None);
        }
        book::next_due_session(book).map(Some)
    })
}

/// Waits until `due`, for a notification, or a while; `false` when it is time to stop.
pub(super) async fn rest(shared: &Shared, notify: &Notify, due: Option<i64>) -> bool {
    let until = due.map_or(LOOK_EVERY, |due| {
        let micros = u64::try_from(due.saturating_sub(now_micros())).unwrap_or(0);
        Duration::from_micros(micros).min(LOOK_EVERY)
    });
    tokio::select! {
        () = shared.stop.cancelled() => false,
        () = notify.notified() => true,
        () = tokio::time::sleep(until) => true,
    }
}
