//! A primary that is found through Sentinels.

use std::fs;
use std::process::{Child, Command, Stdio};

use payoutd::redis::{RedisStore, Settings};
use payoutd::store::{Store, StoreError};
use tempfile::TempDir;

use super::super::store::{id, payout, write};
use super::{RedisServer, cli, cli_at, next, settings, soon, start, until};

/// What they call the primary.
const NAME: &str = "payouts";

/// A Sentinel whose word is enough. Killed when dropped.
struct Sentinel {
    process: Child,
    port: u16,
    _directory: TempDir,
}

impl Sentinel {
    /// `failover`: the number of the last one that it knows of.
    async fn over(primary: &RedisServer, failover: u64) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        drop(listener);
        let file = directory.path().join("sentinel.conf");
        let watched = primary.port();
        let text = format!(
            "port {port}\nbind 127.0.0.1\nsentinel monitor {NAME} 127.0.0.1 {watched} 1\n\
             sentinel config-epoch {NAME} {failover}\n\
             sentinel down-after-milliseconds {NAME} 500\nsentinel failover-timeout {NAME} 2000\n"
        );
        fs::write(&file, text).expect("written");
        let mut command = Command::new("redis-server");
        command.arg(&file).arg("--sentinel").stdout(Stdio::null());
        let process = command.spawn().expect("redis-server is installed");
        let sentinel = Self { process, port, _directory: directory };
        until(async || sentinel.ask(&["PING"]).starts_with("PONG").then_some(())).await;
        sentinel
    }

    fn ask(&self, args: &[&str]) -> String {
        cli_at(self.port, args)
    }

    fn watches(&self, primary: &RedisServer) {
        let port = primary.port().to_string();
        assert_eq!(self.ask(&["SENTINEL", "REMOVE", NAME]).trim(), "OK");
        assert_eq!(self.ask(&["SENTINEL", "MONITOR", NAME, "127.0.0.1", &port, "1"]).trim(), "OK");
    }

    fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }
}

impl Drop for Sentinel {
    fn drop(&mut self) {
        self.process.kill().and_then(|()| self.process.wait()).ok();
    }
}

fn settings_of(sentinels: &[&Sentinel]) -> Settings {
    let sentinels = sentinels.iter().map(|sentinel| sentinel.url().as_str().into()).collect();
    Settings { sentinels, ..settings(&format!("redis://{NAME}/0")) }
}

async fn has(store: &RedisStore, name: &str) -> Option<bool> {
    Some(soon(store.load(&id(name))).await.ok()?.payout.is_some())
}

fn holds(server: &RedisServer, name: &str) -> bool {
    let keys = cli(server, &["KEYS", "*"]);
    keys.lines().any(|key| key.ends_with(&format!(":{name}")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failover_is_followed_to_the_replica_that_takes_over() {
    let mut primary = RedisServer::start(&["--repl-diskless-sync-delay", "0"]);
    let port = primary.port().to_string();
    let replica = RedisServer::start(&["--replicaof", "127.0.0.1", &port]);
    until(async || cli(&primary, &["INFO", "replication"]).contains("state=online").then_some(()))
        .await;
    let sentinel = Sentinel::over(&primary, 0).await;
    let settings = settings_of(&[&sentinel]);
    let store = start(&settings);
    write(&store, &payout("before")).await;
    until(async || holds(&replica, "before").then_some(())).await;
    until(async || sentinel.ask(&["SENTINEL", "REPLICAS", NAME]).contains("ip").then_some(()))
        .await;
    primary.kill();
    let after = payout("after");
    until(async || soon(store.record(&after, 0)).await.ok()).await;
    assert!(holds(&replica, "after"));
    assert_eq!(has(&store, "before").await, Some(true));
    // The old one comes back as a primary until it is told better: nobody falls for it.
    primary.start_again();
    for n in 0..20 {
        write(&store, &payout(&format!("more-{n}"))).await;
    }
    write(&start(&settings), &next(&after)).await;
    assert!(holds(&replica, "more-19"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_is_left_when_sentinels_name_another_though_it_answers() {
    let (old, new) = (RedisServer::start(&[]), RedisServer::start(&[]));
    let sentinel = Sentinel::over(&old, 0).await;
    let store = start(&settings_of(&[&sentinel]));
    write(&store, &payout("a")).await;
    assert!(holds(&old, "a"));
    sentinel.watches(&new);
    until(async || (has(&store, "a").await == Some(false)).then_some(())).await;
    write(&store, &payout("b")).await;
    assert!(holds(&new, "b") && !holds(&old, "b"));
    // Nobody to ask is no reason to leave.
    drop(sentinel);
    let before = client(&new).0;
    let mut last = payout("b");
    for _look in 0..2 {
        last = next(&last);
        write(&store, &last).await;
        until(async || (client(&new).1 == "info").then_some(())).await;
    }
    assert_eq!(client(&new).0, before);
}

/// The store's connection: its number, and what it was last used for.
fn client(server: &RedisServer) -> (String, String) {
    let clients = cli(server, &["CLIENT", "LIST"]);
    let client = clients.lines().find(|line| !line.contains("cmd=client")).expect("connected");
    let field = |name| client.split(' ').find_map(|field| field.strip_prefix(name));
    let field = |name| field(name).expect("it is told").to_owned();
    (field("id="), field("cmd="))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_sentinels_that_disagree_the_one_with_the_latest_failover_is_believed() {
    let (old, new) = (RedisServer::start(&[]), RedisServer::start(&[]));
    let behind = [Sentinel::over(&old, 3).await, Sentinel::over(&old, 3).await];
    let knows = Sentinel::over(&new, 4).await;
    let gone = Sentinel::over(&old, 9).await;
    let settings = settings_of(&[&gone, &behind[0], &knows]);
    drop(gone);
    write(&start(&settings), &payout("a")).await;
    assert!(holds(&new, "a") && !holds(&old, "a"));
    drop(behind);
}

#[tokio::test]
async fn what_sentinels_do_not_know_and_what_is_no_sentinel_is_told_with_a_cure() {
    let server = RedisServer::start(&[]);
    let sentinel = Sentinel::over(&server, 0).await;
    let other = Settings { url: "redis://u:hidden@other/0".into(), ..settings_of(&[&sentinel]) };
    let direct = vec![server.url().as_str().into()];
    for (settings, cure) in [
        (other, "set the host of the URL to the name"),
        (Settings { sentinels: direct, ..settings_of(&[]) }, "mostly 26379"),
    ] {
        let store = start(&settings);
        let text = until(async || match store.check().await {
            Err(StoreError::Misconfigured(text)) => Some(text),
            Ok(()) | Err(_) => None,
        });
        let text = text.await;
        assert!(text.contains(cure) && !text.contains("hidden"), "{text}");
    }
}
