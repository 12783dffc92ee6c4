//! Redis: the suite on the shared server, and what only this adapter has to prove.
//!
//! The shared server's URL comes from `PAYOUTD_TEST_REDIS_URL`; each test has a prefix of its own
//! there. Tests that stop or spoil a server start one of their own.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use payoutd::domain::payout::{Attention, Payout, State};
use payoutd::embedded::Embedded;
use payoutd::redis::{Barrier, RedisStore, Settings};
use payoutd::store::{Filter, RETENTION_DEFAULT, Recorded, Store, StoreError};
use payoutd::tls::Tls;
use tempfile::TempDir;

use super::embedded::ports;
use super::fence::fence_contract;
use super::redis_server::RedisServer;
use super::store::{load, payout, store_contract, write};
use super::{Backend, Ports, soon};

#[path = "redis_barrier.rs"]
mod barrier;
#[path = "redis_fence.rs"]
mod fence;
#[path = "redis_outages.rs"]
mod outages;
#[path = "redis_refusals.rs"]
mod refusals;
#[path = "redis_sentinel.rs"]
mod sentinel;
#[path = "redis_tls.rs"]
mod tls;

/// Names the server that all tests share.
const SHARED_URL: &str = "PAYOUTD_TEST_REDIS_URL";

fn shared_url() -> String {
    std::env::var(SHARED_URL)
        .unwrap_or_else(|_| panic!("{SHARED_URL} is not set: run scripts/test, which sets it"))
}

/// Of a server that is as payoutd wants it.
fn settings(url: &str) -> Settings {
    Settings {
        url: url.into(),
        sentinels: Vec::new(),
        prefix: format!("test-{:016x}", rand::random::<u64>()),
        tls: Tls::default(),
        retention: RETENTION_DEFAULT,
        barrier: Barrier::None,
        allow_volatile: false,
    }
}

fn start(settings: &Settings) -> RedisStore {
    RedisStore::start(settings.clone()).expect("starts")
}

/// Runs `redis-cli` on a server of the test's own.
fn cli(server: &RedisServer, args: &[&str]) -> String {
    cli_at(server.port(), args)
}

fn cli_at(port: u16, args: &[&str]) -> String {
    let ran = Command::new("redis-cli").args(["-p", &port.to_string()]).args(args).output();
    String::from_utf8(ran.expect("redis-cli is installed").stdout).expect("text")
}

/// Looks again and again: nothing tells when the store has noticed.
async fn until<T>(mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let looking = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    soon(looking).await
}

fn next(payout: &Payout) -> Payout {
    let mut next = payout.clone();
    next.version += 1;
    next.write_id = next.version;
    next
}

fn settled(payout: &Payout) -> Payout {
    let mut next = next(payout);
    next.state = State::Failed;
    next.published = next.history.len();
    next
}

/// A prefix on a server. The bus is an embedded one.
struct OnePrefix {
    settings: Settings,
    directory: TempDir,
    /// Whether the server outlives the test.
    shared: bool,
}

impl OnePrefix {
    /// On the shared server, removed when dropped.
    fn new() -> Self {
        let mut backend = Self::with(settings(&shared_url()));
        backend.shared = true;
        backend
    }

    /// On a server of the test's own.
    fn with(settings: Settings) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        Self { settings, directory, shared: false }
    }
}

impl Drop for OnePrefix {
    fn drop(&mut self) {
        if !self.shared {
            return;
        }
        // The runtime that dropped it cannot wait.
        let settings = self.settings.clone();
        let removing = std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().expect("a runtime");
            runtime.block_on(async { soon(start(&settings).remove_all()).await.expect("removed") });
        });
        removing.join().expect("removed");
    }
}

#[async_trait]
impl Backend for OnePrefix {
    async fn open(&self) -> Ports {
        self.open_keeping(RETENTION_DEFAULT).await
    }

    async fn open_keeping(&self, retention: Duration) -> Ports {
        let embedded = Embedded::open(&self.directory.path().join("bus.db")).expect("opens");
        let store = Arc::new(start(&Settings { retention, ..self.settings.clone() }));
        Ports { fence: Arc::clone(&store) as _, store, ..ports(embedded) }
    }
}

store_contract!(OnePrefix::new());
fence_contract!(OnePrefix::new());

#[tokio::test]
async fn the_same_write_is_answered_the_same_twice() {
    let backend = OnePrefix::new();
    let store = backend.open().await.store;
    let first = payout("inv-1");
    for _ in 0..2 {
        let recorded = soon(store.record(&first, 0)).await.expect("recorded");
        assert!(matches!(recorded, Recorded::Written { .. }), "{recorded:?}");
    }
    let mut other = first.clone();
    other.write_id = 7;
    assert_eq!(soon(store.record(&other, 0)).await.expect("answered"), Recorded::Conflict);
    let second = next(&first);
    write(&*store, &second).await;
    assert_eq!(soon(store.record(&first, 0)).await.expect("answered"), Recorded::Conflict);
    let recorded = soon(store.record(&second, 1)).await.expect("recorded");
    assert!(matches!(recorded, Recorded::Written { .. }), "{recorded:?}");
    assert_eq!(load(&*store, "inv-1").await, Some(second));
    let all = Filter { state: None, attention: false, limit: 10 };
    assert_eq!(soon(store.list(&all)).await.expect("read").len(), 1);
}

#[tokio::test]
async fn a_list_fills_its_limit_whatever_has_expired_and_however_long_it_is() {
    let backend = OnePrefix::new();
    let store = backend.open_keeping(Duration::from_secs(3)).await.store;
    let names = |prefix: &str, count: usize| -> Vec<String> {
        (0..count).map(|n| format!("{prefix}-{n}")).collect()
    };
    let (kept, gone) = (names("kept", 150), names("gone", 200));
    for name in &kept {
        write(&*store, &payout(name)).await;
    }
    for name in &gone {
        write(&*store, &payout(name)).await;
        write(&*store, &settled(&payout(name))).await;
    }
    until(async || load(&*store, "gone-199").await.is_none().then_some(())).await;
    for limit in [3, 64, 65, 149, 150, 1000] {
        let filter = Filter { state: None, attention: false, limit };
        let listed = soon(store.list(&filter)).await.expect("read");
        let newest: Vec<&String> = kept.iter().rev().take(limit).collect();
        let listed: Vec<String> = listed.iter().map(|p| p.id().to_string()).collect();
        assert_eq!(listed.iter().collect::<Vec<_>>(), newest);
    }
}

#[tokio::test]
async fn nothing_is_left_of_what_was_settled_but_the_counters() {
    let server = RedisServer::start(&[]);
    let settings = Settings { retention: Duration::from_millis(500), ..settings(&server.url()) };
    let store = start(&settings);
    for n in 0..20 {
        let mut first = payout(&format!("inv-{n}"));
        first.attention = Some(Attention { reason: "look".into(), at: first.next_look_at });
        write(&store, &first).await;
        let mut last = settled(&first);
        last.attention = None;
        last.session = Some(payoutd::domain::id::SessionId::new(format!("ps_{n}")));
        write(&store, &last).await;
    }
    let mut other = payout("other");
    let kept = until(async || {
        write(&store, &other).await;
        other = next(&other);
        let keys = cli(&server, &["KEYS", "*"]);
        (!keys.contains("expiring") && !keys.contains("inv-")).then_some(keys)
    });
    let mut keys: Vec<String> = kept.await.lines().map(str::to_owned).collect();
    keys.retain(|key| !key.contains("rehearsal"));
    keys.sort();
    let prefix = format!("{{{}}}", settings.prefix);
    let expected = ["counters", "payout:other", "state:creating", "unsettled"];
    assert_eq!(keys, expected.map(|key| format!("{prefix}:{key}")));
    soon(store.remove_all()).await.expect("removed");
    assert_eq!(cli(&server, &["DBSIZE"]).trim(), "0");
}

#[tokio::test]
async fn a_payout_under_the_name_of_one_that_has_expired_is_listed_once() {
    let server = RedisServer::start(&[]);
    let settings = Settings { retention: Duration::from_millis(200), ..settings(&server.url()) };
    let store = start(&settings);
    write(&store, &payout("inv-1")).await;
    write(&store, &settled(&payout("inv-1"))).await;
    // Nobody writes meanwhile, so nobody tidies up.
    until(async || load(&store, "inv-1").await.is_none().then_some(())).await;
    write(&store, &payout("inv-1")).await;
    let all = Filter { state: None, attention: false, limit: 10 };
    assert_eq!(soon(store.list(&all)).await.expect("read").len(), 1);
}

#[tokio::test]
async fn a_removal_takes_every_key_of_the_prefix_and_no_other() {
    let server = RedisServer::start(&[]);
    let settings = settings(&server.url());
    let store = start(&settings);
    write(&store, &payout("inv-1")).await;
    // More than one step of it looks at.
    let fill = "for n = 1, 5000 do redis.call('SET', KEYS[1] .. n, 1) end";
    cli(&server, &["EVAL", fill, "1", &format!("{{{}}}:session:", settings.prefix)]);
    cli(&server, &["MSET", "somebody's", "1", &format!("{{{}-2}}:counters", settings.prefix), "1"]);
    soon(store.remove_all()).await.expect("removed");
    assert_eq!(cli(&server, &["DBSIZE"]).trim(), "2");
}

#[tokio::test]
async fn payouts_stay_in_their_order_when_the_server_s_clock_is_set_back() {
    let server = RedisServer::start(&[]);
    let settings = settings(&server.url());
    let store = start(&settings);
    write(&store, &payout("before")).await;
    // As if that had been written at a time that is still to come.
    let key = |name: &str| format!("{{{}}}:{name}", settings.prefix);
    let later = "4000000000000000";
    cli(&server, &["HSET", &key("counters"), "newest", later]);
    cli(&server, &["HSET", &key("payout:before"), "number", later]);
    cli(&server, &["ZADD", &key("state:creating"), later, "before"]);
    for name in ["first", "second"] {
        write(&store, &payout(name)).await;
    }
    write(&store, &next(&payout("first"))).await;
    let all = Filter { state: None, attention: false, limit: 10 };
    let listed = soon(store.list(&all)).await.expect("read");
    let names: Vec<_> = listed.iter().map(|payout| payout.id().as_str()).collect();
    assert_eq!(names, ["second", "first", "before"]);
}

#[tokio::test]
async fn every_script_runs_on_a_cluster() {
    let server = RedisServer::start(&["--cluster-enabled", "yes"]);
    cli(&server, &["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]);
    until(async || cli(&server, &["CLUSTER", "INFO"]).contains("state:ok").then_some(())).await;
    let fresh = || OnePrefix::with(settings(&server.url()));
    super::store::a_session_cannot_belong_to_two_payouts(&fresh()).await;
    super::store::lists_are_newest_first_and_filtered(&fresh()).await;
    super::store::the_longest_overdue_come_first(&fresh()).await;
    super::store::what_is_settled_is_forgotten_after_the_retention(&fresh()).await;
}

#[tokio::test]
async fn a_server_describes_itself() {
    let server = RedisServer::start(&["--appendfsync", "always"]);
    let store = start(&settings(&server.url()));
    let described = soon(store.describe()).await.expect("described");
    assert!(described.ends_with(", primary, append-only (always), noeviction"), "{described}");
}

#[tokio::test]
async fn scripts_that_the_server_has_lost_are_loaded_again() {
    let server = RedisServer::start(&[]);
    let store = start(&settings(&server.url()));
    write(&store, &payout("inv-1")).await;
    cli(&server, &["SCRIPT", "FLUSH"]);
    write(&store, &payout("inv-2")).await;
    assert!(load(&store, "inv-1").await.is_some());
}

#[tokio::test]
async fn a_record_that_cannot_be_read_is_told_and_left_out_of_lists() {
    let server = RedisServer::start(&[]);
    let settings = settings(&server.url());
    let store = start(&settings);
    write(&store, &payout("good")).await;
    write(&store, &payout("bad")).await;
    let key = format!("{{{}}}:payout:bad", settings.prefix);
    cli(&server, &["HSET", &key, "record", r#"{"account":"4070281030020000001"#]);
    let error = soon(store.load(&super::store::id("bad"))).await.expect_err("unreadable");
    assert!(matches!(&error, StoreError::Unreadable(text) if text.contains("bad")), "{error}");
    assert!(!error.to_string().contains("40702810"), "{error}");
    let all = Filter { state: None, attention: false, limit: 10 };
    assert_eq!(soon(store.list(&all)).await.expect("read").len(), 1);
}
