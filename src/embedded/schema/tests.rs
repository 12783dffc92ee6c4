//! A file of the first version becomes current, and nothing in it is lost.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use super::*;
use crate::bus::dead_letters::{DeadLetters, Verdict};
use crate::bus::{Bus, Queue};
use crate::domain::time::Timestamp;
use crate::embedded::Embedded;

/// As the first version wrote it: a payout that is settled, one that needs a person, one that has
/// still to be looked at, all long ago, and a dead letter.
fn first_version() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("payoutd.db");
    let connection = Connection::open(&path).expect("opens");
    connection.execute_batch(FIRST).expect("tables");
    connection.pragma_update(None, "application_id", APPLICATION_ID).expect("ours");
    connection.pragma_update(None, "user_version", 1).expect("a version");
    let rows = "
        INSERT INTO payouts (payout_id, version, write_id, state, attention, next_look_at,
                             created_at, record)
        VALUES ('settled', 1, 1, 'succeeded', 0, NULL, 1000, '{}'),
               ('attention', 1, 1, 'failed', 1, NULL, 1000, '{}'),
               ('unsettled', 1, 1, 'started', 0, 2000, 1000, '{}');
        INSERT INTO dead_letters (queue, reason, at, deliveries, body)
        VALUES ('tickets', 'bad', 1000, 20, CAST('one' AS BLOB));";
    connection.execute_batch(rows).expect("rows");
    (directory, path)
}

fn count(path: &Path, condition: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM payouts WHERE {condition}");
    let connection = Connection::open(path).expect("opens");
    connection.query_row(&sql, [], |row| row.get(0)).expect("read")
}

#[tokio::test]
async fn the_dead_letters_of_an_older_file_wait_and_can_be_settled() {
    let (_directory, path) = first_version();
    let embedded = Embedded::open(&path).expect("opens");
    let letters = embedded.bus.list(10).await.expect("read").letters;
    assert_eq!(letters.len(), 1);
    assert_eq!((&*letters[0].body, letters[0].queue), (&b"one"[..], Some(Queue::Tickets)));
    assert_eq!(embedded.bus.trace(10).await.expect("read"), []);
    assert!(embedded.bus.settle(&letters[0].id, Verdict::Replay).await.expect("settled"));
    let mut consumer = embedded.bus.consume(Queue::Tickets, 1).await.expect("consuming");
    assert_eq!(consumer.next().await.expect("a delivery").body, "one");
    assert_eq!(embedded.bus.trace(10).await.expect("read").len(), 1);
}

#[test]
fn settled_payouts_of_an_older_file_are_remembered_from_now_on_and_the_others_for_ever() {
    let (_directory, path) = first_version();
    let began = Timestamp::from(SystemTime::now()) - Duration::from_secs(1);
    for _ in 0..2 {
        drop(Embedded::open(&path).expect("opens, and opens again"));
        let began = began.as_millis();
        assert_eq!(count(&path, &format!("settled_at BETWEEN {began} AND {began} + 60000")), 1);
        assert_eq!(count(&path, "settled_at IS NOT NULL AND payout_id = 'settled'"), 1);
        assert_eq!(count(&path, "settled_at IS NULL"), 2);
    }
}

#[test]
fn a_file_that_cannot_be_brought_up_to_date_stays_at_its_version() {
    let (_directory, path) = first_version();
    // The last step fails on it.
    let connection = Connection::open(&path).expect("opens");
    connection.execute_batch("ALTER TABLE payouts ADD COLUMN settled_at INTEGER").expect("done");
    assert!(Embedded::open(&path).is_err());
    assert_eq!(version(&connection).expect("read"), 1);
    let verdict = "SELECT count(*) FROM pragma_table_info('dead_letters') WHERE name = 'verdict'";
    assert_eq!(connection.query_row(verdict, [], |row| row.get::<_, i64>(0)).expect("read"), 0);
}
