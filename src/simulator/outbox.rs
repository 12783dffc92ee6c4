//! Webhooks that still have to be delivered, in the book: a restart loses none.
//!
//! A row is due, under way (`due` is null) or held back until another webhook of its session was delivered.

use std::time::Duration;

use rusqlite::{Connection, params};

type Result<T> = rusqlite::Result<T>;

/// After the first failed attempt, and threefold after each further one.
const RETRY_FIRST: Duration = Duration::from_secs(5);
/// The bank's documented longest interval.
const RETRY_MAX: Duration = Duration::from_secs(15 * 60);
/// The bank's documented end of its efforts.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(30 * 60);

pub(super) struct Webhook {
    pub(super) number: i64,
    pub(super) session: i64,
    pub(super) kind: String,
    pub(super) body: String,
    pub(super) first_at: i64,
    pub(super) attempts: u32,
    /// Its fate was drawn already: it was only put off.
    pub(super) faulted: bool,
}

/// What became of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Answered with 200, or lost on purpose.
    Done,
    /// Anything else: again later, or given up.
    Refused,
    /// Put off by so many microseconds, by a fault.
    PutOff(i64),
    /// Kept back until `payment_finished` of its session is through.
    Held,
}

pub(super) fn add(book: &Connection, session: i64, kind: &str, body: &str, now: i64) -> Result<()> {
    book.prepare_cached(
        "INSERT INTO webhooks (session, type, body, first_at, due) VALUES (?1, ?2, ?3, ?4, ?4)",
    )?
    .execute(params![session, kind, body, now])?;
    Ok(())
}

/// Takes up to `limit` due webhooks; they are under way until [`settle`].
pub(super) fn take(book: &Connection, now: i64, limit: usize) -> Result<Vec<Webhook>> {
    let mut taken: Vec<Webhook> = book
        .prepare_cached(
            "UPDATE webhooks SET due = NULL
             WHERE n IN (SELECT n FROM webhooks WHERE due <= ?1 ORDER BY due, n LIMIT ?2)
             RETURNING n, session, type, body, first_at, attempts, faulted",
        )?
        .query_map(params![now, i64::try_from(limit).unwrap_or(i64::MAX)], |row| {
            Ok(Webhook {
                number: row.get(0)?,
                session: row.get(1)?,
                kind: row.get(2)?,
                body: row.get(3)?,
                first_at: row.get(4)?,
                attempts: row.get(5)?,
                faulted: row.get(6)?,
            })
        })?
        .collect::<Result<_>>()?;
    taken.sort_by_key(|webhook| webhook.number);
    Ok(taken)
}

pub(super) fn next_due(book: &Connection) -> Result<Option<i64>> {
    book.prepare_cached("SELECT min(due) FROM webhooks WHERE due IS NOT NULL")?
        .query_row([], |row| row.get(0))
}

pub(super) fn settle(
    book: &Connection,
    webhook: &Webhook,
    fate: Fate,
    now: i64,
    speed_up: f64,
) -> Result<()> {
    match fate {
        Fate::Done => remove(book, webhook, now),
        Fate::Refused => match next_attempt(webhook, now, speed_up) {
            Some(due) => book
                .prepare_cached(
                    "UPDATE webhooks SET due = ?2, attempts = attempts + 1, faulted = 0 WHERE n = ?1",
                )?
                .execute([webhook.number, due])
                .map(drop),
            None => {
                tracing::warn!(
                    session_id = format!("ps_{}", webhook.session),
                    webhook = webhook.kind,
                    attempts = webhook.attempts + 1,
                    "simulator.webhook.given_up"
                );
                remove(book, webhook, now)
            }
        },
        Fate::PutOff(micros) => book
            .prepare_cached("UPDATE webhooks SET due = ?2, faulted = 1 WHERE n = ?1")?
            .execute([webhook.number, now.saturating_add(micros)])
            .map(drop),
        Fate::Held => book
            .prepare_cached("UPDATE webhooks SET held = 1, faulted = 1 WHERE n = ?1")?
            .execute([webhook.number])
            .map(drop),
    }
}

fn remove(book: &Connection, webhook: &Webhook, now: i64) -> Result<()> {
    book.prepare_cached("DELETE FROM webhooks WHERE n = ?1")?.execute([webhook.number])?;
    if webhook.kind == "payment_finished" {
        book.prepare_cached(
            "UPDATE webhooks SET held = 0, due = ?2, first_at = ?2 WHERE session = ?1 AND held = 1",
        )?
        .execute([webhook.session, now])?;
    }
    Ok(())
}

/// When to try again after a failed attempt; `None` when the bank gives up.
fn next_attempt(webhook: &Webhook, now: i64, speed_up: f64) -> Option<i64> {
    let factor = 3u32.saturating_pow(webhook.attempts.min(16));
    let interval = RETRY_FIRST.saturating_mul(factor).min(RETRY_MAX);
    let due = now + super::micros(interval.div_f64(speed_up));
    (due - webhook.first_at <= super::micros(GIVEN_UP_AFTER.div_f64(speed_up))).then_some(due)
}
