//! The store on the file.
//!
//! Guarantees what the port asks for, by SQLite's transactions. The record is one JSON text; the
//! columns beside it only serve to find it, and change in the same write.

use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::{
    Connection, Error as SqlError, ErrorCode, OptionalExtension, Result as SqlResult, Row, params,
};
use std::time::Duration;

use super::Threads;
use super::clock::Clock;
use super::fence::{self, Newest};
use super::queue::rows;
use crate::domain::id::{PayoutId, SessionId};
use crate::domain::payout::Payout;
use crate::domain::time::Timestamp;
use crate::store::{Filter, Loaded, Recorded, Store, StoreError, read_record};

/// Records of one file.
pub struct EmbeddedStore {
    pub(super) threads: Arc<Threads>,
    pub(super) newest: Newest,
    clock: Arc<Clock>,
    retention: Duration,
}

/// Payouts deleted by one write: more than it adds, so that they come to an end, and few enough
/// that nobody waits for it.
const FORGOTTEN_AT_ONCE: u32 = 4;

/// A record as it is written.
struct Columns {
    payout_id: String,
    version: i64,
    write_id: i64,
    state: &'static str,
    attention: bool,
    session: Option<String>,
    next_look_at: Option<i64>,
    record: String,
}

/// A record as it is read: whose it is, and its JSON.
type Stored = (String, String);

/// What became of a write.
enum Wrote {
    Written,
    Conflict,
    SessionTaken,
}

impl EmbeddedStore {
    pub(super) fn new(threads: Arc<Threads>, retention: Duration) -> Self {
        Self { threads, newest: Newest::default(), clock: Arc::default(), retention }
    }

    async fn load_by(&self, sql: &'static str, key: String) -> Result<Loaded, StoreError> {
        let read = move |c: &Connection| {
            let found = c.prepare_cached(sql)?.query_row([key], stored).optional()?;
            Ok((found, fence::read(c)?))
        };
        let (found, told) = self.threads.readers.read(read).await?;
        self.newest.told(told);
        let payout = found.map(parse).transpose()?;
        Ok(Loaded { payout, now: self.clock.now() })
    }
}

#[async_trait]
impl Store for EmbeddedStore {
    async fn check(&self) -> Result<(), StoreError> {
        Ok(self.threads.readers.ping().await?)
    }

    async fn load(&self, id: &PayoutId) -> Result<Loaded, StoreError> {
        let sql = "SELECT payout_id, record FROM payouts WHERE payout_id = ?1";
        self.load_by(sql, id.as_str().into()).await
    }

    async fn load_by_session(&self, session: &SessionId) -> Result<Loaded, StoreError> {
        let sql = "SELECT payout_id, record FROM payouts WHERE session = ?1";
        self.load_by(sql, session.as_str().into()).await
    }

    async fn record(&self, payout: &Payout, expected: u64) -> Result<Recorded, StoreError> {
        let columns = Columns::of(payout)?;
        let expected = signed(expected)?;
        let (clock, retention) = (Arc::clone(&self.clock), self.retention);
        let write = move |tx: &Connection| {
            let now = clock.now();
            forget(tx, now - retention)?;
            let written = match expected {
                0 => insert(tx, &columns, now),
                version => update(tx, &columns, version, now),
            };
            let wrote = match written {
                Ok(0) => Ok(Wrote::Conflict),
                Ok(_) => Ok(Wrote::Written),
                Err(e) if e.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => {
                    session_taken(tx, &columns, e)
                }
                Err(e) => Err(e),
            };
            Ok((wrote?, fence::read(tx)?))
        };
        let (wrote, told) = self.threads.writer.write(write).await?;
        self.newest.told(told);
        match wrote {
            Wrote::Written => Ok(Recorded::Written { now: self.clock.now() }),
            Wrote::Conflict => Ok(Recorded::Conflict),
            Wrote::SessionTaken => Ok(Recorded::SessionTaken),
        }
    }

    async fn overdue(&self, by: Duration, limit: usize) -> Result<Vec<PayoutId>, StoreError> {
        let sql = "SELECT payout_id FROM payouts
                   WHERE next_look_at IS NOT NULL AND next_look_at < ?1
                   ORDER BY next_look_at, number LIMIT ?2";
        let before = self.clock.now() - by;
        let read = move |c: &Connection| {
            c.prepare_cached(sql)?
                .query_map(params![before.as_millis(), rows(limit)], |row| row.get(0))?
                .collect::<SqlResult<Vec<String>>>()
        };
        let damaged = |_| StoreError::Unreadable("a payout id is damaged".into());
        let ids = self.threads.readers.read(read).await?;
        ids.into_iter().map(|id| PayoutId::try_from(id).map_err(damaged)).collect()
    }

    async fn list(&self, filter: &Filter) -> Result<Vec<Payout>, StoreError> {
        let state_is = if filter.state.is_some() { "state = ?1" } else { "?1 IS NULL" };
        let attention_is = if filter.attention { "attention = 1" } else { "TRUE" };
        let sql = format!(
            "SELECT payout_id, record FROM payouts WHERE {state_is} AND {attention_is}
             ORDER BY number DESC LIMIT ?2"
        );
        let (state, limit) = (filter.state.map(|state| state.name()), rows(filter.limit));
        let read = move |c: &Connection| {
            c.prepare_cached(&sql)?
                .query_map(params![state, limit], stored)?
                .collect::<SqlResult<Vec<Stored>>>()
        };
        let found = self.threads.readers.read(read).await?;
        let readable = |stored| {
            parse(stored)
                .inspect_err(|error| tracing::error!(event = "payout.unreadable", %error))
                .ok()
        };
        Ok(found.into_iter().filter_map(readable).collect())
    }
}

impl Columns {
    fn of(payout: &Payout) -> Result<Self, StoreError> {
        let record = serde_json::to_string(payout)
            .map_err(|e| StoreError::Unavailable(format!("payout {}: {e}", payout.id())))?;
        Ok(Self {
            payout_id: payout.id().as_str().into(),
            version: signed(payout.version)?,
            write_id: payout.write_id.cast_signed(),
            state: payout.state.name(),
            attention: payout.attention.is_some(),
            session: payout.session.as_ref().map(|session| session.as_str().into()),
            next_look_at: (!payout.is_settled()).then(|| payout.next_look_at.as_millis()),
            record,
        })
    }
}

/// SQLite's integers are signed; a version grows by one a write and never gets there.
fn signed(version: u64) -> Result<i64, StoreError> {
    i64::try_from(version)
        .map_err(|_| StoreError::Unavailable(format!("version {version} is too large")))
}

/// Deletes a few of the payouts that were settled before `end`.
fn forget(tx: &Connection, end: Timestamp) -> SqlResult<usize> {
    let sql = "DELETE FROM payouts WHERE number IN
                   (SELECT number FROM payouts WHERE settled_at < ?1 ORDER BY settled_at LIMIT ?2)";
    tx.prepare_cached(sql)?.execute(params![end.as_millis(), FORGOTTEN_AT_ONCE])
}

fn insert(tx: &Connection, new: &Columns, now: Timestamp) -> SqlResult<usize> {
    let sql = "INSERT INTO payouts (payout_id, version, write_id, state, attention, session,
                                    next_look_at, record, created_at, settled_at)
               SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9,
                      CASE WHEN ?7 IS NULL AND ?5 = 0 THEN ?9 END
               WHERE NOT EXISTS (SELECT 1 FROM payouts WHERE payout_id = ?1)";
    tx.prepare_cached(sql)?.execute(params![
        new.payout_id,
        new.version,
        new.write_id,
        new.state,
        new.attention,
        new.session,
        new.next_look_at,
        new.record,
        now.as_millis(),
    ])
}

fn update(tx: &Connection, new: &Columns, expected: i64, now: Timestamp) -> SqlResult<usize> {
    let sql = "UPDATE payouts SET version = ?2, write_id = ?3, state = ?4, attention = ?5,
                                  session = ?6, next_look_at = ?7, record = ?8,
                                  settled_at = CASE WHEN ?7 IS NULL AND ?5 = 0
                                                    THEN coalesce(settled_at, ?10) END
               WHERE payout_id = ?1 AND version = ?9";
    tx.prepare_cached(sql)?.execute(params![
        new.payout_id,
        new.version,
        new.write_id,
        new.state,
        new.attention,
        new.session,
        new.next_look_at,
        new.record,
        expected,
        now.as_millis(),
    ])
}

/// Tells the one constraint that data can break from a damaged schema.
fn session_taken(tx: &Connection, new: &Columns, error: SqlError) -> SqlResult<Wrote> {
    let sql = "SELECT EXISTS (SELECT 1 FROM payouts WHERE session = ?1 AND payout_id <> ?2)";
    let taken = tx
        .prepare_cached(sql)?
        .query_row(params![new.session, new.payout_id], |row| row.get::<_, bool>(0))?;
    if taken { Ok(Wrote::SessionTaken) } else { Err(error) }
}

fn stored(row: &Row<'_>) -> SqlResult<Stored> {
    Ok((row.get(0)?, row.get(1)?))
}

fn parse((id, record): Stored) -> Result<Payout, StoreError> {
    read_record(&id, record.as_bytes())
}
