//! How a Redis that has lost something is noticed.

use payoutd::domain::standing::{Epoch, Paused, Scope};
use payoutd::redis::Barrier;
use payoutd::store::{Fence, Store, StoreError};

use super::super::redis_server::RedisServer;
use super::super::store::{load, payout, write};
use super::{RedisStore, cli, settings, soon, start};

async fn begun(url: &str, prefix: &str) -> RedisStore {
    let store = start(&payoutd::redis::Settings { prefix: prefix.into(), ..settings(url) });
    soon(store.begin(false)).await.expect("begun");
    store
}

fn counters(prefix: &str) -> String {
    format!("{{{prefix}}}:counters")
}

fn is_paused(fence: &dyn Fence) -> bool {
    let Paused { starts, confirms } = fence.standing().paused;
    assert_eq!(starts, confirms);
    starts.is_some_and(|reason| reason.contains("has lost"))
}

/// As after a failover to a replica that lagged, or from an older dump.
#[tokio::test]
async fn case_49_a_store_that_was_rolled_back_pauses_with_the_first_answer() {
    let server = RedisServer::start(&[]);
    let one = begun(&server.url(), "p").await;
    write(&one, &payout("inv-1")).await;
    let writes = cli(&server, &["HGET", &counters("p"), "writes"]).trim().to_owned();
    for n in 0..20 {
        write(&one, &payout(&format!("lost-{n}"))).await;
    }
    let fresh = begun(&server.url(), "p").await;
    cli(&server, &["HSET", &counters("p"), "writes", &writes]);
    load(&fresh, "inv-1").await;
    assert!(is_paused(&fresh), "its own count was higher");
    load(&one, "inv-1").await;
    assert!(is_paused(&one));
    let restarted = begun(&server.url(), "p").await;
    assert!(is_paused(&restarted), "whoever knows nothing is told");
    soon(restarted.resume(Scope::ALL)).await.expect("resumed");
    for store in [&one, &fresh] {
        load(store, "inv-1").await;
        assert_eq!(store.standing(), restarted.standing());
        assert!(!is_paused(store), "what was seen before the loss counts no more");
    }
}

#[tokio::test]
async fn case_50_a_store_that_was_emptied_pauses_with_the_first_answer() {
    let server = RedisServer::start(&[]);
    let one = begun(&server.url(), "p").await;
    write(&one, &payout("inv-1")).await;
    cli(&server, &["FLUSHALL"]);
    // However much was written since.
    cli(&server, &["HSET", &counters("p"), "writes", "1000000"]);
    load(&one, "inv-1").await;
    assert!(is_paused(&one));
    assert_eq!(one.standing().epoch, None);
    soon(one.resume(Scope::ALL)).await.expect("resumed");
    write(&one, &payout("inv-2")).await;
    assert!(!is_paused(&one));
    assert!(one.standing().epoch.is_some());
}

/// Nobody is left who knew it; but the bus has seen it in use.
#[tokio::test]
async fn case_50_an_emptied_store_is_paused_also_when_everybody_is_new() {
    let server = RedisServer::start(&[]);
    let store = start(&payoutd::redis::Settings { prefix: "p".into(), ..settings(&server.url()) });
    soon(store.begin(true)).await.expect("told");
    assert!(is_paused(&store));
    load(&store, "inv-1").await;
    assert!(is_paused(&store));
    soon(store.resume(Scope::ALL)).await.expect("resumed");
    load(&store, "inv-1").await;
    assert!(!is_paused(&store));
    soon(store.begin(true)).await.expect("begun again");
    assert!(!is_paused(&store));
}

#[tokio::test]
async fn a_store_that_lost_nothing_is_never_paused_by_many_at_once() {
    let server = RedisServer::start(&[]);
    let store = std::sync::Arc::new(begun(&server.url(), "p").await);
    let writers = (0..8).map(|writer| {
        let store = std::sync::Arc::clone(&store);
        tokio::spawn(async move {
            for n in 0..50 {
                write(&*store, &payout(&format!("inv-{writer}-{n}"))).await;
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        soon(writer).await.expect("written");
    }
    assert!(!is_paused(&*store));
}

/// What the replicas did not have was never answered, so a failover may lose it.
#[tokio::test]
async fn a_write_that_missed_its_barrier_may_be_lost() {
    let server = RedisServer::start(&[]);
    let (prefix, barrier) = ("p".to_owned(), Barrier::Replicas(1));
    begun(&server.url(), "p").await;
    let store = start(&payoutd::redis::Settings { prefix, barrier, ..settings(&server.url()) });
    load(&store, "nobody").await;
    let paused = soon(store.pause(Scope::ALL, "no replica has it")).await;
    assert!(matches!(paused, Err(StoreError::Unknown(_))), "{paused:?}");
    let unpaused =
        start(&payoutd::redis::Settings { prefix: "p".into(), ..settings(&server.url()) });
    soon(unpaused.resume(Scope::ALL)).await.expect("resumed");
    load(&store, "nobody").await;
    let writes = cli(&server, &["HGET", &counters("p"), "writes"]).trim().to_owned();
    let written = soon(store.record(&payout("inv-1"), 0)).await;
    assert!(matches!(written, Err(StoreError::Unknown(_))), "{written:?}");
    cli(&server, &["HSET", &counters("p"), "writes", &writes]);
    load(&store, "nobody").await;
    assert!(!is_paused(&store));
}

/// The version before kept no `has_lost`: neither where it noticed a loss, nor where one was resumed.
#[tokio::test]
async fn a_loss_that_the_version_before_noticed_is_known_to_this_one() {
    let server = RedisServer::start(&[]);
    let one = begun(&server.url(), "p").await;
    load(&one, "inv-1").await;
    let noticed = format!("lost:{}", one.standing().epoch.expect("begun"));
    let name = counters("p");
    let why = "the store has lost something";
    cli(&server, &["HSET", &name, "starts", why, "confirms", why, &noticed, "1"]);
    load(&one, "inv-1").await;
    assert!(is_paused(&one) && one.standing().has_lost);
    soon(one.resume(Scope::ALL)).await.expect("resumed");
    cli(&server, &["HDEL", &name, "has_lost"]);
    let fresh = begun(&server.url(), "p").await;
    load(&fresh, "inv-1").await;
    assert!(fresh.standing().has_lost);
}

/// The store went back behind an earlier resume, and every process is new.
#[tokio::test]
async fn an_epoch_that_nobody_has_looked_into_pauses_though_somebody_has_resumed_before() {
    let server = RedisServer::start(&[]);
    let store = begun(&server.url(), "p").await;
    for lost in [Epoch(7), Epoch(8)] {
        soon(store.suspect(Some(lost), "a ticket is ahead")).await.expect("told");
        assert!(is_paused(&store), "{lost}");
        soon(store.resume(Scope::ALL)).await.expect("resumed");
    }
}
