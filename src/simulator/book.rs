//! The bank's books, in one SQLite file: sessions, payouts, what was paid, used keys, webhooks not yet delivered.
//!
//! What is written survives a restart of the simulator, though not a loss of power: SQLite does not wait for the
//! disk here, since nobody's money is in it. Two connections: one writes, held for microseconds, one reads for those who look on.
//! Nothing here decides anything.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};

use super::recipients;
use super::session::{Account, Payout, PayoutStatus, Phase, Session};

type Result<T> = rusqlite::Result<T>;

/// Request log rows kept: what a person can look through, and a few tens of megabytes at the most.
const REQUESTS_MAX: i64 = 10_000;
/// How often old rows of the request log are removed: deleting in bulk costs less than one by one.
const REQUESTS_TRIM_EVERY: i64 = 256;

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS sessions (
  n INTEGER PRIMARY KEY AUTOINCREMENT, settlement INTEGER NOT NULL, phase TEXT NOT NULL, asked INTEGER NOT NULL,
  metadata TEXT, information TEXT, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, due INTEGER,
  confirms INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS sessions_due ON sessions (due) WHERE due IS NOT NULL;
CREATE TABLE IF NOT EXISTS payouts (
  n INTEGER PRIMARY KEY AUTOINCREMENT, session INTEGER NOT NULL, status TEXT NOT NULL, amount INTEGER NOT NULL,
  currency TEXT NOT NULL, method_type TEXT NOT NULL, method TEXT NOT NULL, participants TEXT, metadata TEXT,
  merchant TEXT, error TEXT, created_at INTEGER NOT NULL, finished_at INTEGER, fiscalization TEXT);
CREATE INDEX IF NOT EXISTS payouts_session ON payouts (session);
CREATE TABLE IF NOT EXISTS ledger (
  n INTEGER PRIMARY KEY AUTOINCREMENT, session INTEGER NOT NULL, payout INTEGER NOT NULL, merchant TEXT,
  amount INTEGER NOT NULL, currency TEXT NOT NULL, settlement INTEGER NOT NULL, method_type TEXT NOT NULL,
  paid_at INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS keys (
  key TEXT PRIMARY KEY, http INTEGER NOT NULL, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS webhooks (
  n INTEGER PRIMARY KEY AUTOINCREMENT, session INTEGER NOT NULL, type TEXT NOT NULL, body TEXT NOT NULL,
  first_at INTEGER NOT NULL, due INTEGER, attempts INTEGER NOT NULL DEFAULT 0, faulted INTEGER NOT NULL DEFAULT 0,
  held INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS webhooks_due ON webhooks (due) WHERE due IS NOT NULL;
CREATE INDEX IF NOT EXISTS webhooks_held ON webhooks (session) WHERE held = 1;
CREATE TABLE IF NOT EXISTS requests (
  n INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, method TEXT NOT NULL, project TEXT, submerchant TEXT,
  content_type TEXT, key TEXT, fault TEXT, http INTEGER, outcome TEXT NOT NULL, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS dictated (information TEXT NOT NULL);
";

pub(super) struct Book {
    writes: Mutex<Connection>,
    reads: Mutex<Connection>,
}

impl Book {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let writes = connect(path)?;
        writes.execute_batch(SCHEMA)?;
        add_what_older_files_lack(&writes)?;
        writes.execute_batch(recipients::SCHEMA)?;
        // A webhook that was under way when the simulator stopped is sent again.
        writes.execute(
            "UPDATE webhooks SET due = first_at WHERE due IS NULL AND held = 0",
            params![],
        )?;
        Ok(Self { writes: Mutex::new(writes), reads: Mutex::new(connect(path)?) })
    }

    /// All of `change` or nothing.
    pub(super) fn write<T>(&self, change: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<T> {
        let mut connection = self.writes.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let answer = change(&transaction)?;
        transaction.commit()?;
        Ok(answer)
    }

    /// For those who look on; does not hold up the writers.
    pub(super) fn read<T>(&self, look: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        look(&self.reads.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn connect(path: &Path) -> Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "OFF")?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

fn add_what_older_files_lack(book: &Connection) -> Result<()> {
    let known: i64 = book.query_row(
        "SELECT count(*) FROM pragma_table_info('payouts') WHERE name = 'fiscalization'",
        [],
        |row| row.get(0),
    )?;
    if known == 0 {
        book.execute("ALTER TABLE payouts ADD COLUMN fiscalization TEXT", [])?;
    }
    Ok(())
}

/// The `confirm_information` that whoever tests wants to see, if any.
pub(super) fn dictated_information(book: &Connection) -> Result<Option<String>> {
    book.prepare_cached("SELECT information FROM dictated")?
        .query_row([], |row| row.get(0))
        .optional()
}

pub(super) fn dictate_information(book: &Connection, text: Option<&str>) -> Result<()> {
    book.execute("DELETE FROM dictated", [])?;
    if let Some(text) = text {
        book.execute("INSERT INTO dictated (information) VALUES (?1)", [text])?;
    }
    Ok(())
}

pub(super) fn new_session(
    book: &Connection,
    account: Account,
    metadata: Option<&str>,
    now: i64,
    due: i64,
) -> Result<Session> {
    book.prepare_cached(
        "INSERT INTO sessions (settlement, phase, asked, metadata, created_at, updated_at, due)
         VALUES (?1, 'created', 0, ?2, ?3, ?3, ?4)",
    )?
    .execute(params![account == Account::Settlement, metadata, now, due])?;
    Ok(Session {
        number: book.last_insert_rowid(),
        account,
        phase: Phase::Created,
        asked: 0,
        metadata: metadata.map(str::to_owned),
        information: None,
        created_at: now,
        updated_at: now,
        due: Some(due),
        confirms: 0,
        payouts: Vec::new(),
    })
}

pub(super) fn session(book: &Connection, number: i64) -> Result<Option<Session>> {
    let session = book
        .prepare_cached(
            "SELECT n, settlement, phase, asked, metadata, information, created_at, updated_at, due, confirms
             FROM sessions WHERE n = ?1",
        )?
        .query_row([number], session_row)
        .optional()?;
    let Some(mut session) = session else { return Ok(None) };
    if session.phase != Phase::Created {
        session.payouts = book
            .prepare_cached(
                "SELECT n, status, amount, currency, method_type, method, participants, metadata, merchant, error,
                        created_at, finished_at, fiscalization
                 FROM payouts WHERE session = ?1 ORDER BY n",
            )?
            .query_map([number], payout_row)?
            .collect::<Result<_>>()?;
    }
    Ok(Some(session))
}

/// The numbers of the sessions that the clock has to move on, the earliest first.
pub(super) fn due_sessions(book: &Connection, now: i64, limit: i64) -> Result<Vec<i64>> {
    book.prepare_cached("SELECT n FROM sessions WHERE due <= ?1 ORDER BY due, n LIMIT ?2")?
        .query_map([now, limit], |row| row.get(0))?
        .collect()
}

pub(super) fn next_due_session(book: &Connection) -> Result<Option<i64>> {
    book.prepare_cached("SELECT min(due) FROM sessions WHERE due IS NOT NULL")?
        .query_row([], |row| row.get(0))
}

/// Writes the session and its payouts; gives new payouts their numbers.
pub(super) fn save(book: &Connection, session: &mut Session) -> Result<()> {
    book.prepare_cached(
        "UPDATE sessions SET phase = ?2, asked = ?3, information = ?4, updated_at = ?5, due = ?6, confirms = ?7
         WHERE n = ?1",
    )?
    .execute(params![
        session.number,
        session.phase.name(),
        session.asked,
        session.information,
        session.updated_at,
        session.due,
        session.confirms,
    ])?;
    for payout in &mut session.payouts {
        if payout.number == 0 {
            insert_payout(book, session.number, payout)?;
        } else {
            book.prepare_cached(
                "UPDATE payouts SET status = ?2, error = ?3, finished_at = ?4 WHERE n = ?1",
            )?
            .execute(params![
                payout.number,
                payout.status.name(),
                payout.error,
                payout.finished_at
            ])?;
        }
    }
    Ok(())
}

fn insert_payout(book: &Connection, session: i64, payout: &mut Payout) -> Result<()> {
    book.prepare_cached(
        "INSERT INTO payouts (session, status, amount, currency, method_type, method, participants, metadata,
                              merchant, created_at, fiscalization)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?
    .execute(params![
        session,
        payout.status.name(),
        payout.amount,
        payout.currency,
        payout.method_type,
        payout.method,
        payout.participants,
        payout.metadata,
        payout.merchant,
        payout.created_at,
        payout.fiscalization,
    ])?;
    payout.number = book.last_insert_rowid();
    Ok(())
}

/// Money leaves the bank: one row for each time it does.
pub(super) fn pay(
    book: &Connection,
    session: &Session,
    payout: &Payout,
    paid_at: i64,
) -> Result<()> {
    book.prepare_cached(
        "INSERT INTO ledger (session, payout, merchant, amount, currency, settlement, method_type, paid_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?
    .execute(params![
        session.number,
        payout.number,
        payout.merchant,
        payout.amount,
        payout.currency.to_ascii_lowercase(),
        session.account == Account::Settlement,
        payout.method_type,
        paid_at,
    ])?;
    Ok(())
}

/// The first answer to a key, if the key was used.
pub(super) fn answer_of_key(book: &Connection, key: &str) -> Result<Option<(u16, String)>> {
    book.prepare_cached("SELECT http, body FROM keys WHERE key = ?1")?
        .query_row([key], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
}

pub(super) fn use_key(book: &Connection, key: &str, http: u16, body: &str) -> Result<()> {
    book.prepare_cached("INSERT OR IGNORE INTO keys (key, http, body) VALUES (?1, ?2, ?3)")?
        .execute(params![key, http, body])?;
    Ok(())
}

/// One call as the request log keeps it.
pub(super) struct Request<'a> {
    pub(super) at: i64,
    pub(super) method: &'a str,
    pub(super) project: Option<&'a str>,
    pub(super) submerchant: Option<&'a str>,
    pub(super) content_type: Option<&'a str>,
    pub(super) key: Option<&'a str>,
    pub(super) fault: Option<String>,
    /// The status of the answer; none when there was no answer.
    pub(super) http: Option<u16>,
    /// `ok`, an error code, or why there was no answer.
    pub(super) outcome: &'a str,
    pub(super) body: &'a str,
}

pub(super) fn log(book: &Connection, request: &Request<'_>) -> Result<()> {
    book.prepare_cached(
        "INSERT INTO requests (at, method, project, submerchant, content_type, key, fault, http, outcome, body)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?
    .execute(params![
        request.at,
        request.method,
        request.project,
        request.submerchant,
        request.content_type,
        request.key,
        request.fault,
        request.http,
        request.outcome,
        request.body,
    ])?;
    let newest = book.last_insert_rowid();
    if newest % REQUESTS_TRIM_EVERY == 0 {
        book.prepare_cached("DELETE FROM requests WHERE n <= ?1")?
            .execute([newest - REQUESTS_MAX])?;
    }
    Ok(())
}

fn session_row(row: &Row<'_>) -> Result<Session> {
    let phase: String = row.get(2)?;
    Ok(Session {
        number: row.get(0)?,
        account: if row.get(1)? { Account::Settlement } else { Account::Collateral },
        phase: named(2, &phase, Phase::ALL, Phase::name)?,
        asked: row.get(3)?,
        metadata: row.get(4)?,
        information: row.get(5)?,
        created_at: row.get(6)?,
        updated_at: row.get(7)?,
        due: row.get(8)?,
        confirms: row.get(9)?,
        payouts: Vec::new(),
    })
}

fn payout_row(row: &Row<'_>) -> Result<Payout> {
    let status: String = row.get(1)?;
    Ok(Payout {
        number: row.get(0)?,
        status: named(1, &status, PayoutStatus::ALL, PayoutStatus::name)?,
        amount: row.get(2)?,
        currency: row.get(3)?,
        method_type: row.get(4)?,
        method: row.get(5)?,
        participants: row.get(6)?,
        metadata: row.get(7)?,
        merchant: row.get(8)?,
        error: row.get(9)?,
        created_at: row.get(10)?,
        finished_at: row.get(11)?,
        fiscalization: row.get(12)?,
    })
}

fn named<T: Copy, const N: usize>(
    column: usize,
    text: &str,
    all: [T; N],
    name: impl Fn(T) -> &'static str,
) -> Result<T> {
    all.into_iter().find(|one| name(*one) == text).ok_or_else(|| {
        rusqlite::Error::FromSqlConversionFailure(
            column,
            rusqlite::types::Type::Text,
            format!("\"{text}\" is not a state: was the file written by another program?").into(),
        )
    })
}
