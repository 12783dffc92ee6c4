//! The queues as rows: what each step of a message's life does to the table.
//!
//! A message is *ready* (`waits_until` is null), *delayed*, or *held* by the consumer that has its
//! receipt. Guarantees that whoever comes with another receipt than the row's changes nothing.
//! When to claim, and who holds what, is `consumer`'s and `in_flight`'s.

use std::time::Duration;

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, Result as SqlResult, Row, params};

use crate::bus::{DELIVERIES_MAX, Queue};

/// How long a held message stays away when its holder no longer says that it lives. Holders say so
/// every 1.5 s: two may get lost.
pub(super) const HELD_MS: i64 = 5_000;

/// Most messages claimed, and most returned, in one go: keeps a transaction to milliseconds.
pub(super) const CLAIM_MAX: usize = 256;

/// A clock set back by less than this goes unnoticed: delays grow by as much, nothing else.
pub(super) const CLOCK_STEP_MS: i64 = 1_000;

/// Proof of holding a message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lease {
    pub(super) id: i64,
    pub(super) receipt: i64,
}

/// A message just claimed.
pub(super) struct Claimed {
    pub(super) lease: Lease,
    pub(super) body: Bytes,
}

/// What a claim brought.
pub(super) struct Claim {
    pub(super) taken: Vec<Claimed>,
    /// Nothing is ready beyond these.
    pub(super) dry: bool,
}

/// How many messages a queue holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Depth {
    /// Ready or delayed.
    pub waiting: u64,
    /// Delivered and not settled.
    pub in_flight: u64,
}

pub(super) fn add(
    tx: &Connection,
    queue: Queue,
    body: &[u8],
    delay: Duration,
    now: i64,
) -> SqlResult<()> {
    let delay_ms = i64::try_from(delay.as_millis()).unwrap_or(i64::MAX);
    // `now` is rounded down; a delay must not end early.
    let until = (delay_ms > 0).then(|| now.saturating_add(delay_ms).saturating_add(1));
    let sql =
        "INSERT INTO messages (queue, body, waits_since, waits_until) VALUES (?1, ?2, ?3, ?4)";
    tx.prepare_cached(sql)?.execute(params![queue.name(), body, until.map(|_| now), until])?;
    Ok(())
}

/// Takes up to `limit` ready messages, oldest first. Those delivered too often go to the dead
/// letters instead.
pub(super) fn claim(
    tx: &Connection,
    queue: Queue,
    limit: usize,
    receipt: i64,
    now: i64,
) -> SqlResult<Claim> {
    mend_set_back_clock(tx, queue, now)?;
    make_due_ready(tx, queue, now)?;
    let sql = "SELECT id, deliveries, body FROM messages
               WHERE queue = ?1 AND waits_until IS NULL ORDER BY id LIMIT ?2";
    let rows: Vec<(i64, i64, Vec<u8>)> = tx
        .prepare_cached(sql)?
        .query_map(params![queue.name(), rows(limit)], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?
        .collect::<SqlResult<_>>()?;
    let dry = rows.len() < limit;
    let mut taken = Vec::with_capacity(rows.len());
    for (id, deliveries, body) in rows {
        if deliveries >= i64::from(DELIVERIES_MAX) {
            let reason = format!("delivered {deliveries} times and never settled");
            bury_row(tx, id, &reason, now)?;
            tracing::error!(event = "message.dead_lettered", queue = queue.name(), reason);
            continue;
        }
        let sql = "UPDATE messages SET deliveries = deliveries + 1, receipt = ?2,
                   waits_since = ?3, waits_until = ?4 WHERE id = ?1";
        tx.prepare_cached(sql)?.execute(params![id, receipt, now, now + HELD_MS])?;
        taken.push(Claimed { lease: Lease { id, receipt }, body: body.into() });
    }
    Ok(Claim { taken, dry })
}

/// Whose wait is over: delays that passed, and messages whose holder was killed.
fn make_due_ready(tx: &Connection, queue: Queue, now: i64) -> SqlResult<()> {
    let sql = "UPDATE messages SET waits_since = NULL, waits_until = NULL, receipt = NULL
               WHERE id IN (SELECT id FROM messages
                            WHERE queue = ?1 AND waits_until IS NOT NULL AND waits_until <= ?2
                            ORDER BY waits_until LIMIT ?3)";
    tx.prepare_cached(sql)?.execute(params![queue.name(), now, rows(CLAIM_MAX)])?;
    Ok(())
}

/// Waits that began in the future would end too late by as much as the clock was set back: delayed
/// messages are due at once, and held ones are held anew (their holder, if it lives, says so soon).
fn mend_set_back_clock(tx: &Connection, queue: Queue, now: i64) -> SqlResult<()> {
    if latest_wait(tx, queue)?.is_none_or(|since| since <= now + CLOCK_STEP_MS) {
        return Ok(());
    }
    let sql = "UPDATE messages SET waits_since = ?3,
               waits_until = CASE WHEN receipt IS NULL THEN ?3 ELSE ?3 + ?4 END
               WHERE id IN (SELECT id FROM messages
                            WHERE queue = ?1 AND waits_until IS NOT NULL AND waits_since > ?2
                            LIMIT ?5)";
    let values = params![queue.name(), now + CLOCK_STEP_MS, now, HELD_MS, rows(CLAIM_MAX)];
    tx.prepare_cached(sql)?.execute(values)?;
    Ok(())
}

/// The holders live: their messages stay away for another while.
pub(super) fn extend(tx: &Connection, leases: &[Lease], now: i64) -> SqlResult<()> {
    let sql = "UPDATE messages SET waits_since = ?3, waits_until = ?4
               WHERE id = ?1 AND receipt = ?2";
    let mut statement = tx.prepare_cached(sql)?;
    for lease in leases {
        statement.execute(params![lease.id, lease.receipt, now, now + HELD_MS])?;
    }
    Ok(())
}

pub(super) fn acknowledge(tx: &Connection, lease: Lease) -> SqlResult<()> {
    let sql = "DELETE FROM messages WHERE id = ?1 AND receipt = ?2";
    tx.prepare_cached(sql)?.execute(params![lease.id, lease.receipt])?;
    Ok(())
}

/// To be delivered again. `counted`: towards the limit.
pub(super) fn put_back(tx: &Connection, lease: Lease, counted: bool) -> SqlResult<()> {
    let sql = "UPDATE messages SET waits_since = NULL, waits_until = NULL, receipt = NULL,
               deliveries = deliveries - ?3 WHERE id = ?1 AND receipt = ?2";
    tx.prepare_cached(sql)?.execute(params![lease.id, lease.receipt, i64::from(!counted)])?;
    Ok(())
}

pub(super) fn bury(tx: &Connection, lease: Lease, reason: &str, now: i64) -> SqlResult<()> {
    let sql = "SELECT id FROM messages WHERE id = ?1 AND receipt = ?2";
    let held: Option<i64> = tx
        .prepare_cached(sql)?
        .query_row(params![lease.id, lease.receipt], |row| row.get(0))
        .optional()?;
    held.map_or(Ok(()), |id| bury_row(tx, id, reason, now))
}

fn bury_row(tx: &Connection, id: i64, reason: &str, now: i64) -> SqlResult<()> {
    let sql = "INSERT INTO dead_letters (queue, reason, at, deliveries, body)
               SELECT queue, ?2, ?3, deliveries, body FROM messages WHERE id = ?1";
    tx.prepare_cached(sql)?.execute(params![id, reason, now])?;
    tx.prepare_cached("DELETE FROM messages WHERE id = ?1")?.execute([id])?;
    Ok(())
}

/// When the queue has something to claim: any time in the past if it has now.
pub(super) fn next_due(reading: &Connection, queue: Queue) -> SqlResult<Option<i64>> {
    let ready = "SELECT EXISTS (SELECT 1 FROM messages WHERE queue = ?1 AND waits_until IS NULL)";
    if reading.prepare_cached(ready)?.query_row([queue.name()], |row| row.get(0))? {
        return Ok(Some(0));
    }
    let waiting = "SELECT min(waits_until) FROM messages
                   WHERE queue = ?1 AND waits_until IS NOT NULL";
    reading.prepare_cached(waiting)?.query_row([queue.name()], |row| row.get(0))
}

/// When the newest wait began.
pub(super) fn latest_wait(reading: &Connection, queue: Queue) -> SqlResult<Option<i64>> {
    let sql = "SELECT max(waits_since) FROM messages
               WHERE queue = ?1 AND waits_until IS NOT NULL";
    reading.prepare_cached(sql)?.query_row([queue.name()], |row| row.get(0))
}

pub(super) fn depth(reading: &Connection, queue: Queue) -> SqlResult<Depth> {
    let sql = "SELECT count(*) - count(receipt), count(receipt) FROM messages WHERE queue = ?1";
    reading.prepare_cached(sql)?.query_row([queue.name()], |row| {
        Ok(Depth { waiting: count(row, 0)?, in_flight: count(row, 1)? })
    })
}

fn count(row: &Row<'_>, column: usize) -> SqlResult<u64> {
    Ok(u64::try_from(row.get::<_, i64>(column)?).unwrap_or(0))
}

/// A limit as SQL wants it.
pub(super) fn rows(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
