//! The contract of the two ports, held against every adapter.
//!
//! `contract/store.rs` and `contract/bus.rs` say what each port promises, for any [`Backend`];
//! `contract/embedded.rs` runs them on the embedded one and adds what only it has to prove,
//! `contract/rabbitmq.rs` those of the bus on RabbitMQ, `contract/redis.rs` those of the store on
//! Redis.
//! Another adapter adds a file with a `Backend` and the two macros' calls.

#[path = "contract/bus.rs"]
mod bus;
#[path = "contract/dead_letters.rs"]
mod dead_letters;
#[path = "contract/fence.rs"]
mod fence;
#[path = "contract/store.rs"]
mod store;

#[path = "contract/embedded.rs"]
mod embedded;
#[path = "contract/rabbitmq.rs"]
mod rabbitmq;
#[path = "contract/redis.rs"]
mod redis;

#[path = "support/redis_server.rs"]
mod redis_server;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use payoutd::bus::Bus;
use payoutd::bus::dead_letters::DeadLetters;
use payoutd::store::{Fence, Store};

/// A fresh place for queues and records, gone when dropped.
#[async_trait]
trait Backend: Send + Sync {
    /// The ports as another process would open them.
    async fn open(&self) -> Ports;

    /// The same, with a store that keeps payouts only so long after they were settled.
    async fn open_keeping(&self, retention: Duration) -> Ports;
}

#[derive(Clone)]
struct Ports {
    store: Arc<dyn Store>,
    fence: Arc<dyn Fence>,
    bus: Arc<dyn Bus>,
    dead_letters: Arc<dyn DeadLetters>,
}

/// Longest that anything awaited here may take, on a machine that has other things to do. A kept
/// promise takes far less.
const PATIENCE: Duration = Duration::from_secs(30);

/// Waits for something that has to happen.
async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.expect("did not happen in time")
}

/// Long enough for something to happen that must not.
async fn stays_away<T>(what: impl Future<Output = T>) {
    let outcome = tokio::time::timeout(Duration::from_millis(300), what).await;
    assert!(outcome.is_err(), "happened and must not");
}
