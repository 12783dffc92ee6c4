//! Redis: the suite on the shared server, and what only this adapter has to prove.
//!
//! The shared server's URL comes from `PAYOUTD_TEST_REDIS_URL`; each test has a prefix of its own
//! there. Tests that stop or spoil a server start one of their own.

use std::time::Duration;

use async_trait::async_trait;
use payoutd::embedded::Embedded;
use payoutd::redis::{Barrier, RedisStore, Settings};
use payoutd::store::RETENTION_DEFAULT;
use payoutd::tls::Tls;
use tempfile::TempDir;

use super::embedded::ports;
use super::store::store_contract;
use super::{Backend, Ports, soon};

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

/// A prefix on the shared server, removed when dropped. The bus is an embedded one.
struct OnePrefix {
    settings: Settings,
    directory: TempDir,
}

impl OnePrefix {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        Self { settings: settings(&shared_url()), directory }
    }
}

impl Drop for OnePrefix {
    fn drop(&mut self) {
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
        let store = start(&Settings { retention, ..self.settings.clone() });
        Ports { store: std::sync::Arc::new(store), ..ports(embedded) }
    }
}

store_contract!(OnePrefix::new());
