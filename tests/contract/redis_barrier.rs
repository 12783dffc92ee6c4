//! Writes that count only when a replica has them.

use std::time::{Duration, Instant};

use payoutd::redis::{Barrier, RedisStore, Settings};
use payoutd::store::{Filter, Recorded, Store, StoreError};

use super::super::store::{id, payout, write};
use super::{RedisServer, cli, next, settings, shared_url, soon, start, until};

/// Two barriers, and some time for the rest.
const CALL_MAX: Duration = Duration::from_secs(4);

struct Pair {
    primary: RedisServer,
    replica: RedisServer,
    settings: Settings,
}

impl Pair {
    /// The replica follows.
    async fn start() -> Self {
        let primary = RedisServer::start(&["--repl-diskless-sync-delay", "0"]);
        let port = primary.port().to_string();
        let replica = RedisServer::start(&["--replicaof", "127.0.0.1", &port]);
        until(async || {
            cli(&primary, &["INFO", "replication"]).contains("state=online").then_some(())
        })
        .await;
        let settings = Settings { barrier: Barrier::Replicas(1), ..settings(&primary.url()) };
        Self { primary, replica, settings }
    }
}

async fn load(store: &RedisStore, name: &str) -> Result<bool, StoreError> {
    Ok(soon(store.load(&id(name))).await?.payout.is_some())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_no_replica_has_is_unknown_and_nobody_reads_it_until_one_has() {
    let pair = Pair::start().await;
    let (store, other) = (start(&pair.settings), start(&pair.settings));
    write(&store, &payout("before")).await;
    assert!(load(&other, "before").await.expect("safe"));
    pair.replica.freeze();
    let first = soon(store.record(&payout("inv-1"), 0)).await;
    let Err(StoreError::Unknown(text)) = first else { panic!("{first:?}") };
    assert!(text.contains("0 of 1 replicas"), "{text}");
    // The primary has it, but a failover could take it back: neither its writer, nor another
    // process, nor one that comes later, may act on it.
    for reader in [&store, &other, &start(&pair.settings)] {
        let read = load(reader, "inv-1").await;
        assert!(matches!(read, Err(StoreError::Unavailable(_))), "{read:?}");
    }
    assert!(matches!(soon(store.check()).await, Err(StoreError::Unavailable(_))));
    // What was safe before stays readable for those who know, and what is not there is not there.
    assert!(load(&other, "before").await.expect("safe"));
    assert!(!load(&other, "inv-2").await.expect("safe"));
    let filter = Filter { state: None, attention: false, limit: 10 };
    assert_eq!(soon(store.list(&filter)).await.expect("read").len(), 2);
    pair.replica.thaw();
    for reader in [&store, &other, &start(&pair.settings)] {
        assert!(until(async || load(reader, "inv-1").await.ok()).await);
    }
    soon(store.check()).await.expect("ready");
    write(&store, &next(&payout("inv-1"))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_writers_share_a_barrier_and_none_waits_for_more_than_two() {
    let pair = Pair::start().await;
    let store = std::sync::Arc::new(start(&pair.settings));
    write(&*store, &payout("before")).await;
    let write_all = async |round: &'static str| {
        let mut writers = tokio::task::JoinSet::new();
        for n in 0..100 {
            let store = store.clone();
            writers.spawn(async move {
                let started = Instant::now();
                let outcome = soon(store.record(&payout(&format!("{round}-{n}")), 0)).await;
                assert!(started.elapsed() < CALL_MAX, "{:?}", started.elapsed());
                outcome
            });
        }
        writers.join_all().await
    };
    let written = write_all("with").await;
    assert!(written.iter().all(|outcome| matches!(outcome, Ok(Recorded::Written { .. }))));
    pair.replica.freeze();
    let written = write_all("without").await;
    assert!(written.iter().all(|outcome| matches!(outcome, Err(StoreError::Unknown(_)))));
    pair.replica.thaw();
    until(async || load(&store, "without-99").await.ok()).await;
    // Safe, each of them: asked without a barrier, they answer at once.
    for n in 0..100 {
        assert!(load(&store, &format!("without-{n}")).await.expect("safe"));
    }
    drop(pair.primary);
}

#[tokio::test]
async fn the_same_write_sent_again_waits_for_the_replicas_too() {
    let pair = Pair::start().await;
    let writer = start(&pair.settings);
    write(&writer, &payout("before")).await;
    pair.replica.freeze();
    assert!(soon(writer.record(&payout("inv-1"), 0)).await.is_err());
    // On a connection that has written nothing yet.
    let again = soon(start(&pair.settings).record(&payout("inv-1"), 0)).await;
    assert!(matches!(again, Err(StoreError::Unknown(_))), "{again:?}");
    pair.replica.thaw();
    until(async || soon(writer.record(&payout("inv-1"), 0)).await.ok()).await;
}

/// From Redis 7.2 on the primary's own log can be waited for; an older server is refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_barrier_of_the_log_holds_where_the_server_knows_it() {
    let settings = Settings { barrier: Barrier::Aof { replicas: 0 }, ..settings(&shared_url()) };
    let store = start(&settings);
    let checked = until(async || match store.check().await {
        Err(StoreError::Unavailable(_)) => None,
        checked => Some(checked),
    });
    match checked.await {
        Ok(()) => {
            write(&store, &payout("inv-1")).await;
            write(&store, &next(&payout("inv-1"))).await;
            assert!(load(&store, "inv-1").await.expect("safe"));
            store.remove_all().await.expect("removed");
        }
        Err(refused) => {
            assert!(refused.to_string().contains("install Redis 7.2 or newer"), "{refused}");
        }
    }
}
