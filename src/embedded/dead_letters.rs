//! The dead letters of one file: rows that wait for a person, and what was decided about them.
//!
//! A replay puts the message back into its queue in the transaction that writes the verdict.

use std::time::Duration;

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Result as SqlResult, Row, params};

use super::EmbeddedBus;
use super::clock::machine_millis;
use super::queue::{self, rows};
use crate::bus::dead_letters::{DeadLetter, DeadLetters, Listed, Settled, Verdict};
use crate::bus::{BusError, Queue};
use crate::domain::time::Timestamp;

#[async_trait]
impl DeadLetters for EmbeddedBus {
    async fn list(&self, limit: usize) -> Result<Listed, BusError> {
        let sql = "SELECT id, queue, body, reason, at FROM dead_letters
                   WHERE verdict IS NULL ORDER BY id DESC LIMIT ?1";
        let read = move |c: &Connection| {
            c.prepare_cached(sql)?.query_map([rows(limit)], letter)?.collect::<SqlResult<_>>()
        };
        Ok(Listed { letters: self.threads().readers.read(read).await?, unseen: 0 })
    }

    async fn find(&self, id: &str) -> Result<Option<DeadLetter>, BusError> {
        let Ok(id) = id.parse::<i64>() else { return Ok(None) };
        let read = move |c: &Connection| waiting(c, id);
        Ok(self.threads().readers.read(read).await?)
    }

    async fn settle(&self, id: &str, verdict: Verdict) -> Result<bool, BusError> {
        let Ok(id) = id.parse::<i64>() else { return Ok(false) };
        let write = move |tx: &Connection| settle(tx, id, &verdict, machine_millis());
        let wakes = self.wakes();
        let wake = move |replayed: &Option<Option<Queue>>| {
            if let Some(Some(queue)) = replayed {
                wakes.queue(*queue);
            }
        };
        Ok(self.threads().writer.write_then(write, wake).await?.is_some())
    }

    async fn trace(&self, limit: usize) -> Result<Vec<Settled>, BusError> {
        let sql = "SELECT id, queue, body, reason, at, verdict, verdict_reason, settled_at
                   FROM dead_letters WHERE verdict IS NOT NULL
                   ORDER BY settled_at DESC, id DESC LIMIT ?1";
        let read = move |c: &Connection| {
            c.prepare_cached(sql)?.query_map([rows(limit)], settled)?.collect::<SqlResult<_>>()
        };
        Ok(self.threads().readers.read(read).await?)
    }
}

fn waiting(reading: &Connection, id: i64) -> SqlResult<Option<DeadLetter>> {
    let sql = "SELECT id, queue, body, reason, at FROM dead_letters
               WHERE verdict IS NULL AND id = ?1";
    reading.prepare_cached(sql)?.query_row([id], letter).optional()
}

/// `None`: there is nothing to settle. Otherwise the queue that has a message more, if one has.
fn settle(
    tx: &Connection,
    id: i64,
    verdict: &Verdict,
    now: i64,
) -> SqlResult<Option<Option<Queue>>> {
    let Some(letter) = waiting(tx, id)? else { return Ok(None) };
    let (name, reason, replayed) = match (verdict, letter.queue) {
        (Verdict::Replay, None) => return Ok(None),
        (Verdict::Replay, Some(queue)) => {
            queue::add(tx, queue, &letter.body, Duration::ZERO, now)?;
            ("replay", None, Some(queue))
        }
        (Verdict::Discard { reason }, _) => ("discard", Some(reason), None),
    };
    let sql = "UPDATE dead_letters SET verdict = ?2, verdict_reason = ?3, settled_at = ?4
               WHERE id = ?1";
    tx.prepare_cached(sql)?.execute(params![id, name, reason, now])?;
    Ok(Some(replayed))
}

fn letter(row: &Row<'_>) -> SqlResult<DeadLetter> {
    Ok(DeadLetter {
        id: row.get::<_, i64>(0)?.to_string(),
        queue: Queue::named(&row.get::<_, String>(1)?),
        body: row.get::<_, Vec<u8>>(2)?.into(),
        reason: row.get(3)?,
        at: Timestamp::from_millis(row.get(4)?),
    })
}

fn settled(row: &Row<'_>) -> SqlResult<Settled> {
    let verdict = match row.get::<_, String>(5)?.as_str() {
        "replay" => Verdict::Replay,
        _ => Verdict::Discard { reason: row.get::<_, Option<String>>(6)?.unwrap_or_default() },
    };
    Ok(Settled { letter: letter(row)?, verdict, at: Timestamp::from_millis(row.get(7)?) })
}
