//! What the store promises, on any backend.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use payoutd::domain::command::{CreateCommand, Flow};
use payoutd::domain::event::{Entry, Event};
use payoutd::domain::id::{PayoutId, SessionId};
use payoutd::domain::json::Raw;
use payoutd::domain::payout::{Attention, Payout, State};
use payoutd::domain::time::Timestamp;
use payoutd::store::{Filter, Recorded, Store};

use super::{Backend, soon};

/// Declares the suite for a backend: an expression that makes a fresh one.
macro_rules! store_contract {
    ($backend:expr) => {
        crate::store::store_contract! { $backend;
            a_payout_is_inserted_only_where_there_is_none
            a_record_comes_back_byte_for_byte
            a_write_to_another_version_than_the_stored_one_writes_nothing
            of_many_writers_of_one_version_exactly_one_wins
            of_many_writers_of_a_new_payout_exactly_one_wins
            a_session_is_found_as_soon_as_it_is_written
            a_session_cannot_belong_to_two_payouts
            the_longest_overdue_come_first
            a_payout_stays_listed_as_unsettled_until_final_and_published
            lists_are_newest_first_and_filtered
            records_survive_a_restart
            what_one_writes_another_reads
            time_does_not_run_backwards
            what_is_settled_is_forgotten_after_the_retention
        }
    };
    ($backend:expr; $($case:ident)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $case() {
            crate::store::$case(&$backend).await;
        }
    )*};
}
pub(crate) use store_contract;

/// The spelling matters: spaces, escapes, letters beyond ASCII, a trailing zero, and numbers that fit
/// no type.
const CONFIRM_INFORMATION: &str = "{\"sender\": {\"b\":1.50, \"a\":\"\\u043a\\/ №😀\"},  \"list\":[ ],\r\n\t\
    \"big\" : [123456789012345678901234567890.10, 1E+999, -0]}";

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

pub(crate) fn id(text: &str) -> PayoutId {
    text.parse().expect("a payout id")
}

/// A payout at version 1, to be looked at at time 1000.
pub(crate) fn payout(name: &str) -> Payout {
    let command = format!(
        r#"{{"type":"payout.create","payout_id":"{name}",
            "payment_method":{{"type":"card","card":{{
                "type":"encrypted_card","encrypted_card":{{"number_hash":"63191fa1"}}}}}},
            "amount_details":{{"amount":10000,"currency":"rub"}},
            "metadata":{{"z":1.50,"a": [ ]}}}}"#
    );
    let command = CreateCommand::parse(command.as_bytes()).expect("a valid command");
    let mut payout = Payout::accept(command, "c0ffee".into(), Flow::TwoStep, at(500), at(1000));
    payout.version = 1;
    payout.write_id = u64::MAX;
    payout
}

fn following(payout: &Payout, change: impl FnOnce(&mut Payout)) -> Payout {
    let mut payout = payout.clone();
    payout.version += 1;
    change(&mut payout);
    payout
}

pub(crate) async fn load(store: &dyn Store, name: &str) -> Option<Payout> {
    soon(store.load(&id(name))).await.expect("loaded").payout
}

async fn by_session(store: &dyn Store, session: &str) -> Option<Payout> {
    soon(store.load_by_session(&SessionId::new(session))).await.expect("loaded").payout
}

pub(crate) async fn write(store: &dyn Store, payout: &Payout) {
    let recorded = soon(store.record(payout, payout.version - 1)).await.expect("recorded");
    assert!(matches!(recorded, Recorded::Written { .. }), "{}: {recorded:?}", payout.id());
}

/// Ids of the payouts whose look was due before so many milliseconds after the epoch; what this
/// takes, a few milliseconds, comes on top.
async fn overdue(store: &dyn Store, before: i64, limit: usize) -> Vec<String> {
    let by = Timestamp::from(SystemTime::now()).since(at(before));
    let ids = soon(store.overdue(by, limit)).await.expect("read");
    ids.into_iter().map(String::from).collect()
}

async fn list(store: &dyn Store, state: Option<State>, attention: bool) -> Vec<String> {
    let filter = Filter { state, attention, limit: 100 };
    let payouts = soon(store.list(&filter)).await.expect("read");
    payouts.iter().map(|payout| payout.id().to_string()).collect()
}

pub(crate) async fn a_payout_is_inserted_only_where_there_is_none(backend: &dyn Backend) {
    let store = backend.open().await.store;
    assert_eq!(load(&*store, "inv-1").await, None);
    let first = payout("inv-1");
    write(&*store, &first).await;
    let mut second = payout("inv-1");
    second.content_hash = "other".into();
    assert_eq!(soon(store.record(&second, 0)).await.expect("answered"), Recorded::Conflict);
    assert_eq!(load(&*store, "inv-1").await, Some(first));
}

pub(crate) async fn a_record_comes_back_byte_for_byte(backend: &dyn Backend) {
    let store = backend.open().await.store;
    let mut written = payout("inv-1");
    written.session = Some(SessionId::new("ps_\u{43a}' \"%"));
    written.confirm_information = Raw::parse(CONFIRM_INFORMATION);
    written.attention = Some(Attention { reason: "look\n\0here".into(), at: at(7) });
    written.history.push(Entry {
        at: at(8),
        event: Event::OutcomeUnknown { why: "timeout".into(), key_used: true },
    });
    written.write_id = 1 << 63;
    write(&*store, &written).await;
    let read = load(&*store, "inv-1").await.expect("recorded");
    let text = |payout: &Payout| serde_json::to_string(payout).expect("JSON");
    assert_eq!(text(&read), text(&written));
    let information = read.confirm_information.as_ref().map(Raw::text);
    assert_eq!(information, Some(CONFIRM_INFORMATION));
    let command = read.command.create().expect("a command");
    assert_eq!(command.metadata().map(Raw::text), Some(r#"{"z":1.50,"a": [ ]}"#));
    assert_eq!(read, written);
}

pub(crate) async fn a_write_to_another_version_than_the_stored_one_writes_nothing(
    backend: &dyn Backend,
) {
    let store = backend.open().await.store;
    let first = payout("inv-1");
    write(&*store, &first).await;
    let stale = following(&first, |next| {
        next.state = State::Rejected;
        next.session = Some(SessionId::new("ps_1"));
        next.attention = Some(Attention { reason: "stale".into(), at: at(1) });
        next.published = next.history.len();
    });
    for expected in [0, 2, 7] {
        let recorded = soon(store.record(&stale, expected)).await.expect("answered");
        assert_eq!(recorded, Recorded::Conflict, "expected {expected}");
    }
    // Nor is anything updated that is not there.
    let absent = soon(store.record(&following(&payout("inv-2"), |_| {}), 1)).await;
    assert_eq!(absent.expect("answered"), Recorded::Conflict);
    assert_eq!(load(&*store, "inv-1").await, Some(first));
    assert_eq!(by_session(&*store, "ps_1").await, None);
    assert_eq!(overdue(&*store, 2000, 10).await, ["inv-1"]);
    assert_eq!(list(&*store, Some(State::Rejected), false).await, [""; 0]);
    assert_eq!(list(&*store, None, true).await, [""; 0]);
}

pub(crate) async fn of_many_writers_of_one_version_exactly_one_wins(backend: &dyn Backend) {
    let (one, two) = (backend.open().await.store, backend.open().await.store);
    let mut stored = payout("inv-1");
    write(&*one, &stored).await;
    for round in 0..5_u64 {
        let mut writers = tokio::task::JoinSet::new();
        for n in 0..40 {
            let store = if n % 2 == 0 { one.clone() } else { two.clone() };
            let mine = following(&stored, |next| next.write_id = round * 100 + n);
            writers.spawn(async move {
                let recorded = soon(store.record(&mine, mine.version - 1)).await;
                match recorded.expect("answered") {
                    Recorded::Written { .. } => Some(mine),
                    Recorded::Conflict | Recorded::SessionTaken => None,
                }
            });
        }
        let won: Vec<Payout> = soon(writers.join_all()).await.into_iter().flatten().collect();
        assert_eq!(won.len(), 1);
        stored = won.into_iter().next().expect("one");
        assert_eq!(load(&*two, "inv-1").await.as_ref(), Some(&stored));
    }
}

pub(crate) async fn of_many_writers_of_a_new_payout_exactly_one_wins(backend: &dyn Backend) {
    let (one, two) = (backend.open().await.store, backend.open().await.store);
    let mut writers = tokio::task::JoinSet::new();
    for n in 0..40 {
        let store = if n % 2 == 0 { one.clone() } else { two.clone() };
        writers.spawn(async move {
            let mut mine = payout("inv-1");
            mine.write_id = n;
            let recorded = soon(store.record(&mine, 0)).await.expect("answered");
            matches!(recorded, Recorded::Written { .. }).then_some(n)
        });
    }
    let won: Vec<u64> = soon(writers.join_all()).await.into_iter().flatten().collect();
    assert_eq!(won.len(), 1);
    let stored = load(&*one, "inv-1").await.expect("recorded");
    assert_eq!(stored.write_id, won[0]);
}

pub(crate) async fn a_session_is_found_as_soon_as_it_is_written(backend: &dyn Backend) {
    let store = backend.open().await.store;
    let first = payout("inv-1");
    write(&*store, &first).await;
    assert_eq!(by_session(&*store, "ps_1").await, None);
    let bound = following(&first, |next| next.session = Some(SessionId::new("ps_1")));
    write(&*store, &bound).await;
    assert_eq!(by_session(&*store, "ps_1").await.as_ref(), Some(&bound));
    let later = following(&bound, |next| next.state = State::Started);
    write(&*store, &later).await;
    assert_eq!(by_session(&*store, "ps_1").await, Some(later));
}

pub(crate) async fn a_session_cannot_belong_to_two_payouts(backend: &dyn Backend) {
    let store = backend.open().await.store;
    let session = Some(SessionId::new("ps_1"));
    let owner = following(&payout("inv-1"), |next| next.session.clone_from(&session));
    write(&*store, &payout("inv-1")).await;
    write(&*store, &owner).await;
    write(&*store, &payout("inv-2")).await;
    let thief = following(&payout("inv-2"), |next| next.session.clone_from(&session));
    let recorded = soon(store.record(&thief, 1)).await;
    assert_eq!(recorded.expect("answered"), Recorded::SessionTaken);
    let mut late = payout("inv-3");
    late.session = session;
    let recorded = soon(store.record(&late, 0)).await;
    assert_eq!(recorded.expect("answered"), Recorded::SessionTaken);
    assert_eq!(by_session(&*store, "ps_1").await, Some(owner));
    assert_eq!(load(&*store, "inv-2").await, Some(payout("inv-2")));
    assert_eq!(load(&*store, "inv-3").await, None);
}

pub(crate) async fn the_longest_overdue_come_first(backend: &dyn Backend) {
    let store = backend.open().await.store;
    for (name, look) in [("b", 200), ("d", 400), ("a", 100), ("c", 300)] {
        let mut payout = payout(name);
        payout.next_look_at = at(look * 1_000_000);
        write(&*store, &payout).await;
    }
    assert_eq!(overdue(&*store, 350_000_000, 10).await, ["a", "b", "c"]);
    assert_eq!(overdue(&*store, 450_000_000, 10).await, ["a", "b", "c", "d"]);
    assert_eq!(overdue(&*store, 450_000_000, 2).await, ["a", "b"]);
    assert_eq!(overdue(&*store, 50_000_000, 10).await, [""; 0]);
    let b = load(&*store, "b").await.expect("recorded");
    write(&*store, &following(&b, |next| next.next_look_at = at(900_000_000))).await;
    assert_eq!(overdue(&*store, 1_000_000_000, 10).await, ["a", "c", "d", "b"]);
}

pub(crate) async fn a_payout_stays_listed_as_unsettled_until_final_and_published(
    backend: &dyn Backend,
) {
    let store = backend.open().await.store;
    // Published whole, but not final.
    let mut waiting = payout("waiting");
    waiting.next_look_at = at(900);
    waiting.published = waiting.history.len();
    write(&*store, &waiting).await;
    for state in State::ALL.into_iter().filter(|state| state.is_final()) {
        let settled = payout(state.name());
        write(&*store, &settled).await;
        let settled = following(&settled, |next| {
            next.state = state;
            next.history.push(Entry { at: at(9), event: Event::Confirmed });
            next.published = 1;
        });
        write(&*store, &settled).await;
        assert_eq!(overdue(&*store, 2000, 10).await, ["waiting", state.name()]);
        write(&*store, &following(&settled, |next| next.published = 2)).await;
        assert_eq!(overdue(&*store, 2000, 10).await, ["waiting"]);
    }
}

pub(crate) async fn lists_are_newest_first_and_filtered(backend: &dyn Backend) {
    let store = backend.open().await.store;
    for name in ["p1", "p2", "p3", "p4"] {
        write(&*store, &payout(name)).await;
    }
    let change = async |name, change: fn(&mut Payout)| {
        let stored = load(&*store, name).await.expect("recorded");
        write(&*store, &following(&stored, change)).await;
    };
    // A later write does not make a payout newer.
    change("p1", |next| next.state = State::Bound).await;
    change("p2", |next| next.attention = Some(Attention { reason: "?".into(), at: at(1) })).await;
    change("p4", |next| next.attention = Some(Attention { reason: "?".into(), at: at(1) })).await;
    assert_eq!(list(&*store, None, false).await, ["p4", "p3", "p2", "p1"]);
    assert_eq!(list(&*store, Some(State::Bound), false).await, ["p1"]);
    assert_eq!(list(&*store, Some(State::Creating), false).await, ["p4", "p3", "p2"]);
    assert_eq!(list(&*store, None, true).await, ["p4", "p2"]);
    assert_eq!(list(&*store, Some(State::Bound), true).await, [""; 0]);
    change("p4", |next| next.attention = None).await;
    assert_eq!(list(&*store, None, true).await, ["p2"]);
    change("p3", |next| next.state = State::Started).await;
    assert_eq!(list(&*store, None, false).await, ["p4", "p3", "p2", "p1"]);
    let newest = Filter { state: None, attention: false, limit: 1 };
    let newest = soon(store.list(&newest)).await.expect("read");
    assert_eq!(newest.len(), 1);
    assert_eq!(newest[0].id(), &id("p4"));
}

pub(crate) async fn records_survive_a_restart(backend: &dyn Backend) {
    let store = backend.open().await.store;
    let mut written = payout("inv-1");
    written.session = Some(SessionId::new("ps_1"));
    write(&*store, &written).await;
    drop(store);
    let store = backend.open().await.store;
    assert_eq!(load(&*store, "inv-1").await.as_ref(), Some(&written));
    assert_eq!(by_session(&*store, "ps_1").await, Some(written));
    assert_eq!(overdue(&*store, 2000, 10).await, ["inv-1"]);
}

pub(crate) async fn what_one_writes_another_reads(backend: &dyn Backend) {
    let (one, two) = (backend.open().await.store, backend.open().await.store);
    for n in 0..50 {
        let name = format!("inv-{n}");
        write(&*one, &payout(&name)).await;
        assert!(load(&*two, &name).await.is_some(), "written is visible at once");
    }
    let ids: BTreeSet<String> = overdue(&*two, 2000, 100).await.into_iter().collect();
    assert_eq!(ids.len(), 50);
}

pub(crate) async fn time_does_not_run_backwards(backend: &dyn Backend) {
    let store = backend.open().await.store;
    let mut latest = soon(store.load(&id("inv-1"))).await.expect("loaded").now;
    assert!(latest > at(1_700_000_000_000), "a real time, in milliseconds");
    let mut stored = payout("inv-1");
    for n in 0..50 {
        let now = if n % 2 == 0 {
            let recorded = soon(store.record(&stored, stored.version - 1)).await.expect("written");
            let Recorded::Written { now } = recorded else { panic!("nobody else writes") };
            stored = following(&stored, |_| {});
            now
        } else {
            soon(store.load(&id("inv-1"))).await.expect("loaded").now
        };
        assert!(now >= latest, "{now} after {latest}");
        assert!(now.since(latest) < Duration::from_secs(60), "{now} after {latest}");
        latest = now;
    }
}

/// As short as a test can wait, and long enough to see a payout before it is forgotten.
const RETENTION: Duration = Duration::from_secs(2);

pub(crate) async fn what_is_settled_is_forgotten_after_the_retention(backend: &dyn Backend) {
    let store = backend.open_keeping(RETENTION).await.store;
    let settle = |payout: &Payout| {
        following(payout, |next| {
            next.state = State::Failed;
            next.session = Some(SessionId::new(format!("ps_{}", payout.id())));
            next.published = next.history.len();
        })
    };
    for name in ["unsettled", "settled", "attention", "refunded"] {
        write(&*store, &payout(name)).await;
    }
    for name in ["settled", "refunded"] {
        let settled = settle(&payout(name));
        write(&*store, &settled).await;
        assert_eq!(load(&*store, name).await, Some(settled));
    }
    let mut settled = settle(&payout("settled"));
    let mut attention = settle(&payout("attention"));
    attention.attention = Some(Attention { reason: "look".into(), at: at(1) });
    write(&*store, &attention).await;
    // Something left to do again.
    let refunded = following(&settle(&payout("refunded")), |next| {
        next.history.push(Entry { at: at(9), event: Event::Confirmed });
    });
    write(&*store, &refunded).await;
    // Where nothing expires by itself, later writes find what has. Those to the payout itself,
    // which stays settled, do not keep it for longer.
    let forgotten = async {
        let mut other = payout("other");
        while load(&*store, "settled").await.is_some() {
            write(&*store, &other).await;
            other = following(&other, |_| {});
            settled = following(&settled, |_| {});
            store.record(&settled, settled.version - 1).await.expect("answered");
        }
    };
    soon(forgotten).await;
    assert_eq!(by_session(&*store, "ps_settled").await, None);
    let kept = ["other", "refunded", "attention", "unsettled"];
    assert_eq!(list(&*store, None, false).await, kept);
    assert_eq!(list(&*store, Some(State::Failed), false).await, kept[1..3]);
    assert_eq!(by_session(&*store, "ps_attention").await, Some(attention.clone()));
    assert_eq!(by_session(&*store, "ps_refunded").await.as_ref(), Some(&refunded));
    assert_eq!(load(&*store, "refunded").await, Some(refunded));
    // What is missing does not count.
    let newest = Filter { state: Some(State::Failed), attention: false, limit: 2 };
    assert_eq!(soon(store.list(&newest)).await.expect("read").len(), 2);
    // The name and the session are free again.
    write(&*store, &payout("settled")).await;
    assert_eq!(list(&*store, Some(State::Failed), false).await, kept[1..3]);
    assert_eq!(list(&*store, None, false).await, [&["settled"][..], &kept[..]].concat());
    write(&*store, &settle(&payout("settled"))).await;
    assert_eq!(list(&*store, None, false).await[0], "settled");
    assert!(load(&*store, "settled").await.is_some());
    // A person has looked: from now on.
    let done = following(&attention, |next| next.attention = None);
    write(&*store, &done).await;
    assert_eq!(load(&*store, "attention").await, Some(done));
}
