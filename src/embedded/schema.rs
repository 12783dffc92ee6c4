//! The tables, and how older files become current.
//!
//! Guarantees that a file is at one version or the next, never between: all steps run in one
//! transaction. A file of a newer payoutd is not for this one to judge; `file` refuses it.

use rusqlite::{Connection, TransactionBehavior};

/// Marks the file as payoutd's, in SQLite's header: "payo".
pub(super) const APPLICATION_ID: i32 = 0x7061_796f;

/// Step n brings a file of version n to version n + 1. Steps that were released never change.
const STEPS: [&str; 4] = [FIRST, SETTLED_DEAD_LETTERS, RETENTION, FENCE];

pub(super) const VERSION: i32 = STEPS.len() as i32;

/// `payouts`: `number` grows with each new payout. `next_look_at` is null once nothing is left to
/// do.
///
/// `messages`: ready when `waits_until` is null; otherwise delayed, or held by whoever has the
/// `receipt`. `waits_since` is the clock when the wait began: if it lies in the future, the clock
/// was set back.
///
/// `events`: the newest row is never deleted, so that ids only grow.
const FIRST: &str = "
CREATE TABLE payouts (
    number INTEGER PRIMARY KEY,
    payout_id TEXT NOT NULL UNIQUE,
    version INTEGER NOT NULL,
    write_id INTEGER NOT NULL,
    state TEXT NOT NULL,
    attention INTEGER NOT NULL,
    session TEXT UNIQUE,
    next_look_at INTEGER,
    created_at INTEGER NOT NULL,
    record TEXT NOT NULL
) STRICT;
CREATE INDEX payouts_overdue ON payouts (next_look_at) WHERE next_look_at IS NOT NULL;
CREATE INDEX payouts_state ON payouts (state);
CREATE INDEX payouts_attention ON payouts (attention) WHERE attention = 1;

CREATE TABLE messages (
    id INTEGER PRIMARY KEY,
    queue TEXT NOT NULL,
    waits_since INTEGER,
    waits_until INTEGER,
    receipt INTEGER,
    deliveries INTEGER NOT NULL DEFAULT 0,
    body BLOB NOT NULL
) STRICT;
CREATE INDEX messages_ready ON messages (queue, id) WHERE waits_until IS NULL;
CREATE INDEX messages_waiting ON messages (queue, waits_until) WHERE waits_until IS NOT NULL;
CREATE INDEX messages_since ON messages (queue, waits_since) WHERE waits_until IS NOT NULL;

CREATE TABLE dead_letters (
    id INTEGER PRIMARY KEY,
    queue TEXT NOT NULL,
    reason TEXT NOT NULL,
    at INTEGER NOT NULL,
    deliveries INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;

CREATE TABLE events (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    body BLOB NOT NULL
) STRICT;
";

/// What a person decided about a dead letter stays beside it. `verdict`: null as long as it waits,
/// "replay" or "discard".
const SETTLED_DEAD_LETTERS: &str = "
ALTER TABLE dead_letters ADD COLUMN verdict TEXT;
ALTER TABLE dead_letters ADD COLUMN verdict_reason TEXT;
ALTER TABLE dead_letters ADD COLUMN settled_at INTEGER;
CREATE INDEX dead_letters_waiting ON dead_letters (id) WHERE verdict IS NULL;
";

/// `settled_at`: since when nothing is left to do and nobody has to look; null before. Payouts of
/// older files count from now on.
const RETENTION: &str = "
ALTER TABLE payouts ADD COLUMN settled_at INTEGER;
UPDATE payouts SET settled_at = unixepoch() * 1000 WHERE next_look_at IS NULL AND attention = 0;
CREATE INDEX payouts_settled ON payouts (settled_at) WHERE settled_at IS NOT NULL;
";

/// One row. `change` grows with each change of it; `starts` and `confirms`: why they are paused.
/// `lost`: until somebody resumes; `resumed`: somebody has, once.
const FENCE: &str = "
CREATE TABLE fence (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    change INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    starts TEXT,
    confirms TEXT,
    lost INTEGER NOT NULL,
    resumed INTEGER NOT NULL
) STRICT;
INSERT INTO fence (id, change, epoch, lost, resumed) VALUES (1, 0, random(), FALSE, FALSE);
";

pub(super) fn version(connection: &Connection) -> rusqlite::Result<i32> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Brings the file from whatever version it has to [`VERSION`].
pub(super) fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found = usize::try_from(version(&tx)?).unwrap_or(0);
    for step in STEPS.iter().skip(found) {
        tx.execute_batch(step)?;
    }
    if found < STEPS.len() {
        tx.pragma_update(None, "application_id", APPLICATION_ID)?;
        tx.pragma_update(None, "user_version", VERSION)?;
    }
    tx.commit()
}

#[cfg(test)]
mod tests;
