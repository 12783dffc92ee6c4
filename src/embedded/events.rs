//! Result events: an append-only table that every subscriber reads from where it began.
//!
//! Guarantees each subscriber all events from then on, in the order of publishing, whichever
//! process published them, as long as it is not [`KEPT`] behind.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use rusqlite::{Connection, Result as SqlResult, params};
use tokio::sync::watch;

use super::bus::Core;
use super::failure::Failure;
use super::queue::rows;
use crate::bus::{BusError, Subscription};

/// Events are kept this long: as long as the whole history of a final payout.
const KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Every so many events the oldest are looked at; a round number, rare enough to cost nothing.
const PRUNE_EVERY: i64 = 64;

/// Most events deleted at once: more than are added between two looks, so that the table shrinks.
const PRUNED_MAX: usize = 256;

/// Most events a subscriber reads ahead.
const READ_AHEAD_MAX: usize = 64;

pub(super) fn add(tx: &Connection, kind: &str, body: &[u8], now: i64) -> SqlResult<()> {
    let sql = "INSERT INTO events (at, kind, body) VALUES (?1, ?2, ?3)";
    tx.prepare_cached(sql)?.execute(params![now, kind, body])?;
    if tx.last_insert_rowid() % PRUNE_EVERY == 0 {
        prune(tx, now)?;
    }
    Ok(())
}

/// Never the newest, so that ids only grow.
fn prune(tx: &Connection, now: i64) -> SqlResult<()> {
    let oldest_kept = now - i64::try_from(KEPT.as_millis()).unwrap_or(i64::MAX);
    let sql = "DELETE FROM events WHERE at < ?1 AND id < (SELECT max(id) FROM events)
               AND id IN (SELECT id FROM events ORDER BY id LIMIT ?2)";
    tx.prepare_cached(sql)?.execute(params![oldest_kept, rows(PRUNED_MAX)])?;
    Ok(())
}

/// The id of the newest event; 0 before the first.
pub(super) fn newest(reading: &Connection) -> SqlResult<i64> {
    reading
        .prepare_cached("SELECT coalesce(max(id), 0) FROM events")?
        .query_row([], |row| row.get(0))
}

fn after(reading: &Connection, id: i64) -> SqlResult<Vec<(i64, Vec<u8>)>> {
    reading
        .prepare_cached("SELECT id, body FROM events WHERE id > ?1 ORDER BY id LIMIT ?2")?
        .query_map(params![id, rows(READ_AHEAD_MAX)], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

pub(super) struct EmbeddedSubscription {
    core: Arc<Core>,
    added: watch::Receiver<()>,
    /// The newest event read.
    read: i64,
    ready: VecDeque<Bytes>,
}

impl EmbeddedSubscription {
    pub(super) async fn from_now_on(core: Arc<Core>) -> Result<Self, Failure> {
        let added = core.wakes.watch_events();
        let read = core.threads.readers.read(newest).await?;
        Ok(Self { core, added, read, ready: VecDeque::new() })
    }
}

#[async_trait]
impl Subscription for EmbeddedSubscription {
    async fn next(&mut self) -> Result<Bytes, BusError> {
        loop {
            if let Some(body) = self.ready.pop_front() {
                return Ok(body);
            }
            self.added.borrow_and_update();
            let read = self.read;
            let found = self.core.threads.readers.read(move |c| after(c, read)).await?;
            let Some(&(newest, _)) = found.last() else {
                self.added.changed().await.map_err(|_| Failure::stopped())?;
                continue;
            };
            self.read = newest;
            self.ready.extend(found.into_iter().map(|(_, body)| Bytes::from(body)));
        }
    }
}
