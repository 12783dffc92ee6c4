//! Where the payouts of a world live: in a file, or on servers, as `PAYOUTD_TEST_BACKEND` says.
//! The scenarios do not know which.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use payoutd::bus::Bus;
use payoutd::bus::dead_letters::DeadLetters;
use payoutd::domain::policy::Delays;
use payoutd::embedded::Embedded;
use payoutd::rabbitmq::{self, RabbitmqBus};
use payoutd::redis::{self, Barrier, RedisStore};
use payoutd::store::{Fence, RETENTION_DEFAULT, Store};
use payoutd::tls::Tls;
use secrecy::SecretString;

pub(crate) enum Backend {
    File(PathBuf),
    Servers(Box<Servers>),
}

pub(crate) struct Servers {
    rabbitmq: rabbitmq::Settings,
    redis: redis::Settings,
}

/// The ports of one process.
pub(crate) struct Ports {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) fence: Arc<dyn Fence>,
    pub(crate) bus: Arc<dyn Bus>,
    pub(crate) dead_letters: Arc<dyn DeadLetters>,
}

impl Backend {
    /// A fresh one. On servers every name in it is its own.
    pub(crate) fn fresh(dir: &Path, delays: &Delays) -> Self {
        match std::env::var("PAYOUTD_TEST_BACKEND").as_deref() {
            Err(_) | Ok("embedded") => Self::File(dir.join("payoutd.db")),
            Ok("rabbitmq-redis") => Self::on_servers(delays),
            Ok(other) => panic!("PAYOUTD_TEST_BACKEND={other}: embedded or rabbitmq-redis"),
        }
    }

    fn on_servers(delays: &Delays) -> Self {
        let prefix = format!("payoutd-scenario-{:016x}", rand::random::<u64>());
        let rabbitmq = rabbitmq::Settings {
            urls: vec![url("PAYOUTD_TEST_AMQP_URL")],
            prefix: prefix.clone(),
            delays: delays.clone(),
            tls: Tls::default(),
        };
        let redis = redis::Settings {
            url: url("PAYOUTD_TEST_REDIS_URL"),
            sentinels: Vec::new(),
            prefix,
            tls: Tls::default(),
            retention: RETENTION_DEFAULT,
            barrier: Barrier::None,
            allow_volatile: false,
        };
        Self::Servers(Box::new(Servers { rabbitmq, redis }))
    }

    /// The ports as another process would open them.
    pub(crate) fn open(&self) -> Ports {
        match self {
            Self::File(path) => {
                let Embedded { store, bus } = Embedded::open(path).expect("a backend");
                let fence = Arc::clone(&store) as _;
                Ports { store, fence, dead_letters: Arc::clone(&bus) as _, bus }
            }
            Self::Servers(servers) => {
                let Servers { rabbitmq, redis } = &**servers;
                let bus = Arc::new(RabbitmqBus::start(rabbitmq.clone()).expect("settings"));
                let store = Arc::new(RedisStore::start(redis.clone()).expect("settings"));
                let fence = Arc::clone(&store) as _;
                Ports { store, fence, dead_letters: Arc::clone(&bus) as _, bus }
            }
        }
    }
}

fn url(variable: &str) -> SecretString {
    let url = std::env::var(variable);
    url.unwrap_or_else(|_| panic!("{variable} is not set: run scripts/test, which starts servers"))
        .into()
}

/// Leaves nothing on the servers, whatever became of the test.
impl Drop for Backend {
    fn drop(&mut self) {
        let Self::Servers(servers) = self else { return };
        let (rabbitmq, redis) = (servers.rabbitmq.clone(), servers.redis.clone());
        let tidy = async move {
            rabbitmq::topology::remove(&rabbitmq).await.ok();
            RedisStore::start(redis).expect("settings").remove_all().await.ok();
        };
        // A runtime of its own: the test's may be ending.
        let tidying = std::thread::spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(tidy);
        });
        tidying.join().ok();
    }
}
