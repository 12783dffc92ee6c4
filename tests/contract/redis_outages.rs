//! A server that dies, freezes, is not there yet, or whose answers are lost on the way.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use payoutd::domain::id::SessionId;
use payoutd::redis::RedisStore;
use payoutd::store::{Recorded, Store, StoreError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::super::store::{id, load, payout, write};
use super::{RedisServer, next, settings, shared_url, soon, start, until};

/// No call may take longer, whatever the server does.
const CALL_MAX: Duration = Duration::from_secs(5);

/// So soon after the server's return calls have to work again.
const BACK_WITHIN: Duration = Duration::from_secs(5);

async fn bounded<T>(call: impl Future<Output = T>) -> T {
    tokio::time::timeout(CALL_MAX, call).await.expect("a call that takes too long")
}

fn is_unavailable<T>(outcome: &Result<T, StoreError>) -> bool {
    matches!(outcome, Err(StoreError::Unavailable(_)))
}

/// Waits until reads and writes work; must not take too long.
async fn works_again(store: &RedisStore, name: &str) -> Duration {
    let returned = Instant::now();
    until(async || bounded(store.load(&id(name))).await.ok()).await;
    until(async || {
        let recorded = bounded(store.record(&payout(name), 0)).await.ok()?;
        matches!(recorded, Recorded::Written { .. }).then_some(())
    })
    .await;
    assert!(returned.elapsed() < BACK_WITHIN, "{:?}", returned.elapsed());
    returned.elapsed()
}

#[tokio::test]
async fn after_a_kill_and_a_restart_calls_work_again_within_five_seconds() {
    let mut server = RedisServer::start(&[]);
    let store = start(&settings(&server.url()));
    write(&store, &payout("before")).await;
    server.kill();
    for _ in 0..3 {
        assert!(is_unavailable(&bounded(store.load(&id("before"))).await));
        assert!(is_unavailable(&bounded(store.check()).await));
        let written = bounded(store.record(&payout("during"), 0)).await;
        assert!(written.is_err(), "{written:?}");
    }
    server.start_again();
    works_again(&store, "after").await;
    assert_eq!(load(&store, "before").await, Some(payout("before")));
}

#[tokio::test]
async fn case_51_a_frozen_server_holds_nobody_up_and_is_used_again_when_it_goes_on() {
    let server = RedisServer::start(&[]);
    let store = start(&settings(&server.url()));
    write(&store, &payout("before")).await;
    server.freeze();
    let first = bounded(store.record(&payout("during"), 0)).await;
    assert!(matches!(first, Err(StoreError::Unknown(_))), "{first:?}");
    // Longer than any timeout of a connection.
    let frozen = Instant::now();
    while frozen.elapsed() < frozen_for() {
        assert!(is_unavailable(&bounded(store.load(&id("before"))).await));
        assert!(is_unavailable(&bounded(store.load_by_session(&SessionId::new("ps"))).await));
        assert!(is_unavailable(&bounded(store.check()).await));
        assert!(bounded(store.record(&payout("later"), 0)).await.is_err());
    }
    server.thaw();
    works_again(&store, "after").await;
    assert_eq!(load(&store, "before").await, Some(payout("before")));
    // The first write was on its way: it may have been done, or not, but nothing in between.
    let during = load(&store, "during").await;
    assert!(during.is_none_or(|found| found == payout("during")));
}

/// Six seconds, or what the environment says: thirty, once in a while.
fn frozen_for() -> Duration {
    let seconds = std::env::var("PAYOUTD_TEST_FROZEN_SECONDS").ok();
    Duration::from_secs(seconds.map_or(6, |text| text.parse().expect("seconds")))
}

#[tokio::test]
async fn a_server_that_comes_later_is_waited_for() {
    let mut server = RedisServer::start(&[]);
    server.kill();
    let store = start(&settings(&server.url()));
    assert!(is_unavailable(&bounded(store.check()).await));
    assert!(is_unavailable(&bounded(store.record(&payout("early"), 0)).await), "never sent");
    server.start_again();
    works_again(&store, "after").await;
    assert_eq!(load(&store, "early").await, None);
}

#[tokio::test]
async fn a_write_whose_answer_was_cut_off_is_unknown_and_then_found() {
    let proxy = Proxy::start().await;
    let store = start(&settings(&proxy.url));
    let first = payout("inv-1");
    write(&store, &first).await;
    let second = next(&first);
    proxy.set(CUT);
    let outcome = bounded(store.record(&second, 1)).await;
    assert!(matches!(outcome, Err(StoreError::Unknown(_))), "{outcome:?}");
    proxy.set(PASS);
    let loaded = until(async || bounded(store.load(&id("inv-1"))).await.ok()).await;
    assert_eq!(loaded.payout.as_ref(), Some(&second));
    // Sent again by its writer, it is answered as it would have been.
    let again = bounded(store.record(&second, 1)).await.expect("answered");
    assert!(matches!(again, Recorded::Written { .. }), "{again:?}");
    soon(store.remove_all()).await.expect("removed");
}

#[tokio::test]
async fn a_write_whose_answer_never_comes_is_unknown_and_a_read_unavailable() {
    let proxy = Proxy::start().await;
    let store = start(&settings(&proxy.url));
    let first = payout("inv-1");
    write(&store, &first).await;
    proxy.set(HOLD);
    let second = next(&first);
    let name = id("inv-1");
    let (written, read) =
        tokio::join!(bounded(store.record(&second, 1)), bounded(store.load(&name)));
    assert!(matches!(written, Err(StoreError::Unknown(_))), "{written:?}");
    assert!(is_unavailable(&read), "{read:?}");
    proxy.set(PASS);
    let loaded = until(async || bounded(store.load(&id("inv-1"))).await.ok()).await;
    assert_eq!(loaded.payout, Some(second));
    soon(store.remove_all()).await.expect("removed");
}

/// What the proxy does with answers: passes them on, closes the connection instead, or keeps them.
const PASS: u8 = 0;
const CUT: u8 = 1;
const HOLD: u8 = 2;

/// Stands before the shared server and lets every request through.
struct Proxy {
    url: String,
    mode: Arc<AtomicU8>,
    task: tokio::task::JoinHandle<()>,
}

impl Proxy {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
        let url = format!("redis://{}", listener.local_addr().expect("bound"));
        let mode = Arc::new(AtomicU8::new(PASS));
        let of_task = Arc::clone(&mode);
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                connections.spawn(forward(client, Arc::clone(&of_task)));
            }
        });
        Self { url, mode, task }
    }

    fn set(&self, mode: u8) {
        self.mode.store(mode, Ordering::SeqCst);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn forward(mut client: TcpStream, mode: Arc<AtomicU8>) {
    let address = shared_url().trim_start_matches("redis://").trim_end_matches('/').to_owned();
    let mut server = TcpStream::connect(address).await.expect("the shared server is there");
    let (mut request, mut answer) = (vec![0; 65_536], vec![0; 65_536]);
    loop {
        tokio::select! {
            read = client.read(&mut request) => match read {
                Ok(length) if length > 0 => {
                    server.write_all(&request[..length]).await.expect("sent");
                }
                _ => return,
            },
            read = server.read(&mut answer) => match (read, mode.load(Ordering::SeqCst)) {
                (Ok(length), PASS) if length > 0 => {
                    if client.write_all(&answer[..length]).await.is_err() {
                        return;
                    }
                }
                (Ok(_), HOLD) => std::future::pending().await,
                _ => return,
            },
        }
    }
}
