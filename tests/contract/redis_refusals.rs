//! Servers that payoutd must not use, and what it says of them.

use std::time::Duration;

use payoutd::domain::id::SessionId;
use payoutd::redis::{Barrier, RedisStore, Settings};
use payoutd::store::{Filter, Loaded, Store, StoreError};

use super::super::store::{id, payout, write};
use super::{OnePrefix, RedisServer, cli, settings, soon, start, until};

/// What the store says once it has found out; everything else is no answer.
async fn refusal(store: &RedisStore) -> String {
    until(async || match store.check().await {
        Err(StoreError::Misconfigured(text)) => Some(text),
        Ok(()) | Err(_) => None,
    })
    .await
}

async fn assert_refused(args: &[&str], cure: &str) {
    let server = RedisServer::start(args);
    let text = refusal(&start(&settings(&server.url()))).await;
    assert!(text.contains(cure), "{text}");
}

#[tokio::test]
async fn a_server_that_evicts_keys_is_refused() {
    assert_refused(
        &["--maxmemory-policy", "allkeys-lru"],
        "CONFIG SET maxmemory-policy noeviction",
    )
    .await;
}

#[tokio::test]
async fn a_server_without_an_append_only_log_is_refused_even_with_snapshots() {
    let cure = "CONFIG SET appendonly yes";
    assert_refused(&["--appendonly", "no", "--save", "60 1"], cure).await;
}

#[tokio::test]
async fn a_replica_is_refused() {
    let primary = RedisServer::start(&[]);
    let port = primary.port().to_string();
    assert_refused(&["--replicaof", "127.0.0.1", &port], "set it to the primary's").await;
}

#[tokio::test]
async fn wrong_credentials_are_refused_without_showing_them() {
    let server = RedisServer::start(&["--requirepass", "right"]);
    for user in ["", ":hidden@", "hidden:hidden@"] {
        let url = format!("redis://{user}127.0.0.1:{}", server.port());
        let text = refusal(&start(&settings(&url))).await;
        assert!(text.contains("set the right ones in the URL"), "{text}");
        assert!(!text.contains("hidden"), "{text}");
    }
}

#[tokio::test]
async fn a_barrier_of_logs_needs_a_server_that_has_it() {
    let server = RedisServer::start(&["--appendonly", "no"]);
    let barrier = Barrier::Aof { replicas: 0 };
    let volatile = Settings { barrier, allow_volatile: true, ..settings(&server.url()) };
    let text = refusal(&start(&volatile)).await;
    assert!(text.contains("the barrier needs the append-only log"), "{text}");
}

#[tokio::test]
async fn a_volatile_server_is_used_only_on_demand() {
    let server = RedisServer::start(&["--appendonly", "no", "--maxmemory-policy", "allkeys-lru"]);
    let volatile = Settings { allow_volatile: true, ..settings(&server.url()) };
    write(&start(&volatile), &payout("inv-1")).await;
}

#[tokio::test]
async fn every_call_is_refused_until_the_server_is_mended_and_again_when_it_is_spoiled() {
    let server = RedisServer::start(&["--maxmemory-policy", "allkeys-lru"]);
    let store = start(&settings(&server.url()));
    refusal(&store).await;
    let misconfigured = |error: StoreError| matches!(error, StoreError::Misconfigured(_));
    assert!(store.load(&id("a")).await.err().is_some_and(misconfigured));
    assert!(store.load_by_session(&SessionId::new("a")).await.err().is_some_and(misconfigured));
    assert!(store.record(&payout("a"), 0).await.err().is_some_and(misconfigured));
    assert!(store.overdue(Duration::ZERO, 1).await.err().is_some_and(misconfigured));
    let filter = Filter { state: None, attention: false, limit: 1 };
    assert!(store.list(&filter).await.err().is_some_and(misconfigured));
    assert!(store.describe().await.err().is_some_and(misconfigured));
    cli(&server, &["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
    until(async || store.check().await.ok()).await;
    write(&store, &payout("a")).await;
    cli(&server, &["CONFIG", "SET", "appendonly", "no"]);
    refusal(&store).await;
    until(async || {
        store.record(&payout("b"), 0).await.err().is_some_and(misconfigured).then_some(())
    })
    .await;
}

#[tokio::test]
async fn case_51_a_primary_that_becomes_a_replica_is_left() {
    let (server, other) = (RedisServer::start(&[]), RedisServer::start(&[]));
    let (store, second) = (start(&settings(&server.url())), start(&settings(&server.url())));
    write(&store, &payout("a")).await;
    write(&second, &payout("a")).await;
    cli(&server, &["REPLICAOF", "127.0.0.1", &other.port().to_string()]);
    // At once, before anybody has looked at the server again.
    let refused = |read: Result<Loaded, StoreError>| {
        matches!(read, Err(StoreError::Unavailable(_) | StoreError::Misconfigured(_)))
    };
    assert!(refused(soon(store.load(&id("a"))).await));
    assert!(refused(soon(second.load_by_session(&SessionId::new("a"))).await), "none is no answer");
    assert!(soon(store.record(&payout("b"), 0)).await.is_err());
    refusal(&store).await;
}

#[tokio::test]
async fn case_51_a_server_that_is_full_takes_no_write_and_says_so() {
    let server = RedisServer::start(&[]);
    let store = start(&settings(&server.url()));
    write(&store, &payout("a")).await;
    cli(&server, &["CONFIG", "SET", "maxmemory", "1"]);
    let written = soon(store.record(&payout("b"), 0)).await;
    assert!(matches!(&written, Err(StoreError::Unavailable(text)) if text.contains("OOM")));
    assert!(soon(store.load(&id("a"))).await.expect("read").payout.is_some());
    cli(&server, &["CONFIG", "SET", "maxmemory", "0"]);
    write(&store, &payout("b")).await;
}

/// The commands that the documentation gives a user, without the ones for this list.
fn documented_rights() -> Vec<String> {
    let docs = include_str!("../../src/redis.rs");
    let (_, after) = docs.split_once("//! ```text").expect("an example");
    let (example, _) = after.split_once("```").expect("its end");
    example.split_whitespace().filter(|word| *word != "//!").map(str::to_owned).collect()
}

/// A server on which a user has these rights, and settings for the user.
fn server_with_user(rights: &[String]) -> (RedisServer, Settings) {
    let server = RedisServer::start(&[]);
    let rights: Vec<String> = rights.iter().map(|word| word.replace("PASSWORD", "p%w")).collect();
    let args: Vec<&str> = rights.iter().map(String::as_str).collect();
    assert_eq!(cli(&server, &args).trim(), "OK");
    let url = format!("redis://payoutd:p%25w@127.0.0.1:{}", server.port());
    let settings = Settings { prefix: "payoutd".into(), ..settings(&url) };
    (server, settings)
}

#[tokio::test]
async fn a_user_needs_no_more_rights_than_documented() {
    let (_server, settings) = server_with_user(&documented_rights());
    let backend = OnePrefix::with(settings.clone());
    let store = start(&settings);
    for case in 0..4 {
        match case {
            0 => super::super::store::a_session_cannot_belong_to_two_payouts(&backend).await,
            1 => super::super::store::lists_are_newest_first_and_filtered(&backend).await,
            2 => super::super::store::the_longest_overdue_come_first(&backend).await,
            _ => {
                super::super::store::what_is_settled_is_forgotten_after_the_retention(&backend)
                    .await;
            }
        }
        soon(store.remove_all()).await.expect("removed");
    }
    let described = soon(store.describe()).await.expect("described");
    assert!(described.contains("primary, append-only, noeviction"), "{described}");
}

#[tokio::test]
async fn a_user_needs_no_fewer_rights_than_documented() {
    let all = documented_rights();
    let for_running: Vec<&String> = all
        .iter()
        .filter(|word| word.starts_with('+'))
        .filter(|word| !["+scan", "+unlink", "+wait"].contains(&word.as_str()))
        .collect();
    assert!(for_running.len() > 10, "{for_running:?}");
    let (server, settings) = server_with_user(&all);
    for right in for_running {
        let taken = right.replacen('+', "-", 1);
        assert_eq!(cli(&server, &["ACL", "SETUSER", "payoutd", &taken]).trim(), "OK");
        let text = refusal(&start(&settings)).await;
        assert!(text.contains("ACL SETUSER"), "{right}: {text}");
        cli(&server, &["ACL", "SETUSER", "payoutd", right]);
    }
    // Other keys are not payoutd's.
    let foreign = start(&Settings { prefix: "other".into(), ..settings });
    assert!(refusal(&foreign).await.contains("ACL SETUSER"));
}
