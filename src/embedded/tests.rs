//! What needs a hand inside: a full disk, a clock set back, old events, damaged records.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rusqlite::{Connection, params};
use tempfile::TempDir;

use super::Embedded;
use super::queue::{CLOCK_STEP_MS, HELD_MS, claim};
use super::{clock, events, file, queue};
use crate::bus::{Bus, BusError, Message, Queue};
use crate::domain::command::{CreateCommand, Flow};
use crate::domain::payout::{Payout, State};
use crate::domain::time::Timestamp;
use crate::store::{Filter, Recorded, Store, StoreError};

fn open() -> (TempDir, Embedded) {
    let directory = tempfile::tempdir().expect("a directory");
    let embedded = Embedded::open(&directory.path().join("payoutd.db")).expect("opens");
    (directory, embedded)
}

fn schema() -> (TempDir, Connection) {
    let directory = tempfile::tempdir().expect("a directory");
    let connection = file::open(&directory.path().join("payoutd.db")).expect("opens");
    (directory, connection)
}

fn payout(id: &str) -> Payout {
    let text = format!(
        r#"{{"type":"payout.create","payout_id":"{id}","amount_details":{{"amount":1,"currency":"rub"}},
            "payment_method":{{"type":"card","card":{{"type":"encrypted_card",
            "encrypted_card":{{"number_hash":"63191fa1"}}}}}}}}"#
    );
    let command = CreateCommand::parse(text.as_bytes()).expect("valid");
    let at = Timestamp::from_millis(1);
    Payout { version: 1, ..Payout::accept(command, "hash".into(), Flow::TwoStep, at, at) }
}

fn queued(bytes: usize) -> Message {
    Message::Queued { queue: Queue::Commands, body: vec![b'x'; bytes].into() }
}

async fn write_sql(embedded: &Embedded, sql: impl Into<String>) {
    let (threads, sql) = (embedded.bus.threads(), sql.into());
    threads.writer.write(move |tx| tx.execute_batch(&sql)).await.expect("written");
}

/// SQLite's answer to a full disk, and the end of it.
async fn set_room(embedded: &Embedded, more_pages: i64) {
    let limit = move |tx: &Connection| {
        let pages: i64 = tx.pragma_query_value(None, "page_count", |row| row.get(0))?;
        tx.pragma_update_and_check(None, "max_page_count", pages + more_pages, |_| Ok(()))
    };
    embedded.bus.threads().writer.write(limit).await.expect("set");
}

#[tokio::test]
async fn a_full_disk_is_an_error_with_advice_and_all_resumes_when_there_is_room() {
    let (_directory, embedded) = open();
    embedded.bus.publish(vec![queued(10)]).await.expect("room");
    set_room(&embedded, 0).await;
    let Err(BusError::Unavailable(advice)) = embedded.bus.publish(vec![queued(100_000)]).await
    else {
        panic!("there is no room")
    };
    assert!(advice.contains("free some space"), "{advice}");
    let mut large = payout("inv-1");
    large.content_hash = "x".repeat(100_000);
    let recorded = embedded.store.record(&large, 0).await;
    assert!(
        matches!(&recorded, Err(StoreError::Unavailable(a)) if a.contains("free some space")),
        "{recorded:?}"
    );
    assert!(embedded.store.load(large.id()).await.expect("reads").payout.is_none());
    let depth = embedded.bus.depth(Queue::Commands).await.expect("reads");
    assert_eq!(depth.waiting, 1, "what failed left no trace");
    set_room(&embedded, 1000).await;
    embedded.bus.publish(vec![queued(100_000)]).await.expect("room again");
    let recorded = embedded.store.record(&large, 0).await.expect("room again");
    assert!(matches!(recorded, Recorded::Written { .. }));
}

#[tokio::test]
async fn a_file_that_was_deleted_while_in_use_is_an_error() {
    let (directory, embedded) = open();
    drop(directory);
    let Err(BusError::Unavailable(advice)) = embedded.bus.publish(vec![queued(10)]).await else {
        panic!("written to nowhere")
    };
    assert!(advice.contains("moved or deleted"), "{advice}");
}

#[tokio::test]
async fn work_that_fails_leaves_no_trace_and_fails_alone() {
    let (_directory, embedded) = open();
    let threads = embedded.bus.threads();
    let add = |body: &'static str, then: &'static str| {
        threads.writer.write(move |tx| {
            queue::add(tx, Queue::Commands, body.as_bytes(), Duration::ZERO, 0)?;
            tx.execute_batch(then)
        })
    };
    // Handed over together, while the writer is busy with the first.
    let slow = "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 300000)
                SELECT count(*) FROM n";
    let (a, b, c, d) =
        tokio::join!(add("a", slow), add("b", ""), add("c", "nonsense"), add("d", ""));
    assert!(a.is_ok() && b.is_ok() && c.is_err() && d.is_ok());
    let bodies = threads
        .readers
        .read(|c| {
            let mut bodies = c.prepare("SELECT CAST(body AS TEXT) FROM messages ORDER BY id")?;
            bodies.query_map([], |row| row.get(0))?.collect::<Result<Vec<String>, _>>()
        })
        .await
        .expect("reads");
    assert_eq!(bodies, ["a", "b", "d"]);
}

#[tokio::test]
async fn all_that_was_handed_over_is_written_before_the_file_is_closed() {
    let (directory, embedded) = open();
    let store = Arc::clone(&embedded.store);
    let payout = payout("inv-1");
    {
        // Polled once, so handed over; then nobody waits for the answer.
        let mut write = Box::pin(store.record(&payout, 0));
        std::future::poll_fn(|cx| {
            let _pending = write.as_mut().poll(cx);
            std::task::Poll::Ready(())
        })
        .await;
    }
    drop((store, embedded));
    let again = Embedded::open(&directory.path().join("payoutd.db")).expect("opens");
    assert!(again.store.load(payout.id()).await.expect("reads").payout.is_some());
}

#[tokio::test]
async fn a_damaged_record_is_named_without_what_it_holds() {
    let (_directory, embedded) = open();
    embedded.store.record(&payout("inv-1"), 0).await.expect("written");
    write_sql(&embedded, r#"UPDATE payouts SET record = '{"command":"4111111111111111"}'"#).await;
    let loaded = embedded.store.load(payout("inv-1").id()).await;
    let Err(StoreError::Unreadable(text)) = loaded else { panic!("{loaded:?}") };
    assert!(text.contains("inv-1") && !text.contains("4111"), "{text}");
    let filter = Filter { state: None, attention: false, limit: 10 };
    let listed = embedded.store.list(&filter).await.expect("read");
    assert!(listed.is_empty(), "left out: the others can be listed");
}

#[tokio::test]
async fn settled_payouts_of_an_older_file_are_kept_for_the_retention_from_now_on() {
    let (directory, embedded) = open();
    let path = directory.path().join("payoutd.db");
    let settled = |id| {
        let mut settled = payout(id);
        settled.state = State::Rejected;
        settled.published = settled.history.len();
        settled
    };
    for payout in [settled("old-1"), settled("old-2"), payout("open")] {
        embedded.store.record(&payout, 0).await.expect("written");
    }
    drop(embedded);
    let older =
        "DROP TABLE fence; DROP INDEX payouts_settled; ALTER TABLE payouts DROP COLUMN settled_at;
                 PRAGMA user_version = 2;";
    Connection::open(&path).expect("opens").execute_batch(older).expect("changed");
    let embedded = Embedded::open(&path).expect("opens");
    let listed = async || {
        let filter = Filter { state: None, attention: false, limit: 10 };
        let payouts = embedded.store.list(&filter).await.expect("read");
        payouts.iter().map(|payout| payout.id().to_string()).collect::<Vec<_>>()
    };
    let day_ms = 86_400_000;
    for (days, listed_then) in
        [(399, vec!["new-399", "open", "old-2", "old-1"]), (2, vec!["new-2", "new-399", "open"])]
    {
        let earlier =
            format!("UPDATE payouts SET settled_at = settled_at - {} ", i64::from(days) * day_ms);
        write_sql(&embedded, earlier).await;
        embedded.store.record(&payout(&format!("new-{days}")), 0).await.expect("written");
        assert_eq!(listed().await, listed_then);
    }
}

#[test]
fn delayed_messages_are_due_at_once_when_the_clock_was_set_back() {
    let (_directory, tx) = schema();
    let hour = Duration::from_secs(3600);
    let hour_ms = 3_600_000;
    let now = 10 * hour_ms;
    queue::add(&tx, Queue::Tickets, b"t", hour, now).expect("added");
    let taken = |now| claim(&tx, Queue::Tickets, 8, 1, now).expect("claimed").taken.len();
    assert_eq!(taken(now + hour_ms), 0, "not early");
    assert_eq!(taken(now - CLOCK_STEP_MS), 0, "a small step goes unnoticed");
    assert_eq!(taken(now - CLOCK_STEP_MS - 1), 1);
}

#[test]
fn held_messages_stay_with_their_holder_when_the_clock_was_set_back() {
    let (_directory, tx) = schema();
    let now = 10_000_000;
    queue::add(&tx, Queue::Commands, b"m", Duration::ZERO, now).expect("added");
    let taken = |receipt, now| claim(&tx, Queue::Commands, 8, receipt, now).expect("claimed").taken;
    let held = taken(1, now);
    assert_eq!(held.len(), 1);
    let back = 5_000_000;
    assert_eq!(taken(2, back).len(), 0, "not taken from the living");
    queue::extend(&tx, &[held[0].lease], back + 1_500).expect("extended");
    assert_eq!(taken(3, back + HELD_MS + 1).len(), 0, "kept by the new clock");
    assert_eq!(taken(4, back + 1_500 + HELD_MS).len(), 1, "the dead lose it in time");
}

#[test]
fn only_the_matching_receipt_settles() {
    let (_directory, tx) = schema();
    queue::add(&tx, Queue::Commands, b"m", Duration::ZERO, 0).expect("added");
    let lost = claim(&tx, Queue::Commands, 8, 1, 0).expect("claimed").taken[0].lease;
    let held = claim(&tx, Queue::Commands, 8, 2, HELD_MS).expect("claimed").taken[0].lease;
    assert_eq!(lost.id, held.id);
    queue::acknowledge(&tx, lost).expect("harmless");
    queue::put_back(&tx, lost, false).expect("harmless");
    queue::bury(&tx, lost, "late", 0).expect("harmless");
    queue::extend(&tx, &[lost], 1 << 40).expect("harmless");
    let depth = queue::depth(&tx, Queue::Commands).expect("read");
    assert_eq!((depth.waiting, depth.in_flight), (0, 1));
    let buried = "SELECT count(*) FROM dead_letters";
    assert_eq!(tx.query_row(buried, [], |row| row.get::<_, i64>(0)).expect("read"), 0);
    queue::acknowledge(&tx, held).expect("consumed");
    assert_eq!(queue::depth(&tx, Queue::Commands).expect("read").in_flight, 0);
}

#[test]
fn events_are_kept_thirty_days_and_their_numbers_only_grow() {
    let (_directory, tx) = schema();
    let day = 24 * 60 * 60 * 1000;
    let count = |tx: &Connection| -> i64 {
        tx.query_row("SELECT count(*) FROM events", [], |row| row.get(0)).expect("read")
    };
    for n in 0..1000 {
        events::add(&tx, "payout.succeeded", b"old", n).expect("added");
    }
    let newest = events::newest(&tx).expect("read");
    for n in 0..64 {
        events::add(&tx, "payout.succeeded", b"young", 31 * day + n).expect("added");
    }
    assert_eq!(count(&tx), 1064 - 256, "some of the old at a time");
    for n in 0..4096 {
        events::add(&tx, "payout.succeeded", b"new", 32 * day + n).expect("added");
    }
    assert_eq!(count(&tx), 64 + 4096, "none older than thirty days");
    assert_eq!(events::newest(&tx).expect("read"), newest + 64 + 4096);
}

#[test]
fn the_questions_asked_all_the_time_use_an_index() {
    let (_directory, tx) = schema();
    let plan = |sql: &str| -> String {
        let mut rows = tx.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).expect("SQL");
        let steps = rows.query_map([], |row| row.get::<_, String>(3)).expect("plan");
        steps.map(|step| step.expect("text")).collect::<Vec<_>>().join("; ")
    };
    let ready = "queue = 'q' AND waits_until IS NULL ORDER BY id LIMIT 9";
    for (sql, index) in [
        (&*format!("SELECT id, deliveries, body FROM messages WHERE {ready}"), "messages_ready"),
        (
            "SELECT min(waits_until) FROM messages WHERE queue = 'q' AND waits_until IS NOT NULL",
            "messages_waiting",
        ),
        (
            "SELECT max(waits_since) FROM messages WHERE queue = 'q' AND waits_until IS NOT NULL",
            "messages_since",
        ),
        (
            "SELECT payout_id FROM payouts WHERE next_look_at IS NOT NULL AND next_look_at < 9
             ORDER BY next_look_at, number LIMIT 9",
            "payouts_overdue",
        ),
        (
            "SELECT payout_id, record FROM payouts WHERE NULL IS NULL AND attention = 1
             ORDER BY number DESC LIMIT 9",
            "payouts_attention",
        ),
        (
            "SELECT payout_id, record FROM payouts WHERE state = 's' AND TRUE
             ORDER BY number DESC LIMIT 9",
            "payouts_state",
        ),
    ] {
        let plan = plan(sql);
        assert!(plan.contains(index) && !plan.contains("TEMP B-TREE"), "{sql}: {plan}");
    }
}

#[tokio::test]
async fn a_message_delayed_by_another_clock_wakes_its_consumer() {
    let (_directory, embedded) = open();
    let mut consumer = embedded.bus.consume(Queue::Tickets, 8).await.expect("consuming");
    let future = clock::machine_millis() + 10_000_000;
    let add = move |tx: &Connection| {
        let sql = "INSERT INTO messages (queue, body, waits_since, waits_until)
                   VALUES ('tickets', x'', ?1, ?1 + 5000)";
        tx.execute(sql, params![future]).map(drop)
    };
    embedded.bus.threads().writer.write(add).await.expect("written");
    let delivery = tokio::time::timeout(Duration::from_secs(30), consumer.next()).await;
    assert_eq!(delivery.expect("in time").expect("a delivery").body, Bytes::new());
}
