//! RabbitMQ: the suites of the bus and the dead letters, and what only a broker can do to them.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use payoutd::domain::policy::Delays;
use payoutd::embedded::Embedded;
use payoutd::rabbitmq::{RabbitmqBus, Settings, topology};
use payoutd::store::RETENTION_DEFAULT;
use payoutd::tls::Tls;
use tempfile::TempDir;

use super::bus::bus_contract;
use super::dead_letters::dead_letters_contract;
use super::{Backend, Ports};

#[path = "rabbitmq/encrypted.rs"]
mod encrypted;
#[path = "rabbitmq/forgotten.rs"]
mod forgotten;
#[path = "rabbitmq/hostile.rs"]
mod hostile;
#[path = "rabbitmq/loss.rs"]
mod loss;
#[path = "rabbitmq/proxy.rs"]
mod proxy;
#[path = "rabbitmq/raw.rs"]
mod raw;
#[path = "rabbitmq/topology.rs"]
mod shape;

/// The broker to test with.
fn url() -> String {
    std::env::var("PAYOUTD_TEST_AMQP_URL").expect(
        "PAYOUTD_TEST_AMQP_URL names no broker to test with: run scripts/test, which finds or \
         starts one",
    )
}

fn host_and_port() -> String {
    let url = url();
    let authority = url.split_once("://").map_or(&*url, |(_, rest)| rest);
    let authority = authority.split(['/', '?']).next().expect("there is a first");
    authority.rsplit_once('@').map_or(authority, |(_, host)| host).to_owned()
}

/// Names of its own at the broker, gone when dropped. Only bus and dead letters are under test; the
/// store is an embedded one.
struct Broker {
    settings: Settings,
    directory: TempDir,
}

impl Broker {
    fn new() -> Self {
        Self::at(&url())
    }

    fn at(url: &str) -> Self {
        let delays = [300, 700, 1_500, 3_600_000].map(Duration::from_millis);
        let settings = Settings {
            urls: vec![url.into()],
            prefix: format!("test-{:016x}", rand::random::<u64>()),
            delays: Delays::new(delays.to_vec()).expect("they grow"),
            tls: Tls::default(),
        };
        Self { settings, directory: tempfile::tempdir().expect("a temporary directory") }
    }

    fn bus(&self) -> RabbitmqBus {
        RabbitmqBus::start(self.settings.clone()).expect("valid settings")
    }
}

#[async_trait]
impl Backend for Broker {
    async fn open(&self) -> Ports {
        self.open_keeping(RETENTION_DEFAULT).await
    }

    async fn open_keeping(&self, retention: Duration) -> Ports {
        let path = self.directory.path().join("payoutd.db");
        let store = Embedded::open_keeping(&path, retention).expect("opens").store;
        let fence = Arc::clone(&store) as _;
        let bus = Arc::new(self.bus());
        Ports { store, fence, dead_letters: Arc::clone(&bus) as _, bus }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let settings = self.settings.clone();
        let removing = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(topology::remove(&settings)).map_err(std::io::Error::other)
        };
        let removed = std::thread::spawn(removing).join().expect("does not panic");
        if let Err(error) = removed {
            eprintln!("left behind at the broker: {}: {error}", self.settings.prefix);
        }
    }
}

bus_contract!(Broker::new());
dead_letters_contract!(Broker::new());
