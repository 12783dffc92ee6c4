//! Opens what the settings name as backend, behind the ports.

use std::fmt::Display;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::bus::dead_letters::DeadLetters;
use crate::bus::{Bus, BusError};
use crate::config::{BackendKind, Config, ConfigError, Servers, TlsFiles};
use crate::embedded::Embedded;
use crate::rabbitmq::{self, RabbitmqBus};
use crate::redis::{self, RedisStore};
use crate::shutdown::Shutdown;
use crate::store::{Fence, Store, StoreError};
use crate::tls::{ClientCertificate, Tls};

use super::BadInput;

/// The ports, whatever is behind them.
pub(super) struct Backend {
    pub(super) store: Arc<dyn Store>,
    pub(super) fence: Arc<dyn Fence>,
    pub(super) bus: Arc<dyn Bus>,
    pub(super) dead_letters: Arc<dyn DeadLetters>,
}

/// Between two looks whether a backend is there. It is being connected to all the time, and a healthy
/// one is there within milliseconds.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// After how long a log says that a backend is not there, and how often it says so again.
const SAY_AFTER: Duration = Duration::from_secs(1);
const SAY_EVERY: Duration = Duration::from_secs(10);

/// Opens the store alone, for those who only look at payouts: nothing is made that is not there.
pub(super) fn store(config: &Config) -> anyhow::Result<Arc<dyn Store>> {
    match &config.backend.kind {
        BackendKind::Embedded { .. } => Ok(Backend::open_existing(config)?.store),
        BackendKind::RabbitmqRedis(servers) => Ok(redis_store(config, servers)?),
    }
}

fn redis_store(config: &Config, servers: &Servers) -> anyhow::Result<Arc<RedisStore>> {
    let store = RedisStore::start(redis_settings(config, servers)?);
    Ok(Arc::new(store.map_err(|e| wrong(config, "backend.redis_url", e))?))
}

impl Backend {
    /// Opens a file, or begins to connect to servers.
    pub(super) fn open(config: &Config) -> anyhow::Result<Self> {
        match &config.backend.kind {
            BackendKind::Embedded { path } => {
                let opened = Embedded::open_keeping(path, config.backend.retention);
                let Embedded { store, bus } =
                    opened.map_err(|error| wrong(config, "backend.path", error))?;
                let fence = Arc::clone(&store) as _;
                Ok(Self { store, fence, dead_letters: Arc::clone(&bus) as _, bus })
            }
            BackendKind::RabbitmqRedis(servers) => {
                let bus = RabbitmqBus::start(rabbitmq_settings(config, servers)?);
                let bus = Arc::new(bus.map_err(|e| wrong(config, "backend.amqp_url", e))?);
                let store = redis_store(config, servers)?;
                let fence = Arc::clone(&store) as _;
                Ok(Self { store, fence, dead_letters: Arc::clone(&bus) as _, bus })
            }
        }
    }

    /// Opens a backend that is there, for those who only look: a look from the wrong folder must
    /// not leave an empty file behind.
    pub(super) fn open_existing(config: &Config) -> anyhow::Result<Self> {
        match &config.backend.kind {
            BackendKind::Embedded { path } if !path.exists() => {
                let cure = format!("there is no file {}", path.display());
                Err(wrong(config, "backend.path", cure))
            }
            BackendKind::Embedded { .. } | BackendKind::RabbitmqRedis(_) => Self::open(config),
        }
    }
}

/// Waits until queues and store can be used; `false`: shutdown came first. What a person has
/// to mend is an error.
pub(super) async fn usable(
    bus: &dyn Bus,
    store: &dyn Store,
    shutdown: &Shutdown,
) -> anyhow::Result<bool> {
    let look = async || match tokio::join!(bus.check(), store.check()) {
        (Ok(()), Ok(())) => Ok(Look::Done),
        (Err(BusError::Misconfigured(cure)), _) | (_, Err(StoreError::Misconfigured(cure))) => {
            Err(BadInput(cure).into())
        }
        (Err(error), Ok(())) => Ok(Look::WaitsFor(error.to_string())),
        (Ok(()), Err(error)) => Ok(Look::WaitsFor(error.to_string())),
        (Err(bus), Err(store)) => Ok(Look::WaitsFor(format!("{bus}; {store}"))),
    };
    until_done(look, shutdown).await
}

/// Sees to it that the store has begun, and that one which was emptied is noticed. `false`: shutdown
/// came first.
pub(super) async fn begin(
    config: &Config,
    fence: &dyn Fence,
    shutdown: &Shutdown,
) -> anyhow::Result<bool> {
    until_done(async || begin_once(config, fence).await, shutdown).await
}

enum Look {
    Done,
    WaitsFor(String),
}

/// Looks until it is done; `false`: shutdown came first.
async fn until_done(
    look: impl AsyncFn() -> anyhow::Result<Look>,
    shutdown: &Shutdown,
) -> anyhow::Result<bool> {
    let mut say_at = Instant::now() + SAY_AFTER;
    loop {
        let waits_for = match look().await? {
            Look::Done => return Ok(true),
            Look::WaitsFor(what) => what,
        };
        if Instant::now() >= say_at {
            tracing::warn!(event = "run.waiting", reason = waits_for);
            say_at = Instant::now() + SAY_EVERY;
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            () = shutdown.begun() => return Ok(false),
        }
    }
}

/// First the epoch, then the mark: dying in between must not look like a loss.
async fn begin_once(config: &Config, fence: &dyn Fence) -> anyhow::Result<Look> {
    let begun = async {
        let BackendKind::RabbitmqRedis(servers) = &config.backend.kind else {
            return Ok(fence.begin(true).await?);
        };
        let settings = rabbitmq_settings(config, servers)?;
        let was_used = rabbitmq::topology::is_marked(&settings).await?;
        fence.begin(was_used).await?;
        Ok(rabbitmq::topology::leave_mark(&settings).await?)
    };
    let error: anyhow::Error = match begun.await {
        Ok(()) => return Ok(Look::Done),
        Err(error) => error,
    };
    let waits = matches!(error.downcast_ref(), Some(BusError::Unavailable(_)))
        || matches!(
            error.downcast_ref(),
            Some(StoreError::Unavailable(_) | StoreError::Unknown(_))
        );
    match waits {
        true => Ok(Look::WaitsFor(error.to_string())),
        false => Err(BadInput(error.to_string()).into()),
    }
}

/// Where the records are, in words.
pub(super) fn place(config: &Config) -> String {
    match &config.backend.kind {
        BackendKind::Embedded { path } => path.display().to_string(),
        BackendKind::RabbitmqRedis(servers) => format!("Redis under {:?}", servers.prefix),
    }
}

pub(super) fn rabbitmq_settings(
    config: &Config,
    servers: &Servers,
) -> anyhow::Result<rabbitmq::Settings> {
    Ok(rabbitmq::Settings {
        urls: servers.amqp_urls.clone(),
        prefix: servers.prefix.clone(),
        delays: config.tickets.delays.clone(),
        tls: tls(config, "amqp", &servers.amqp_tls)?,
    })
}

pub(super) fn redis_settings(
    config: &Config,
    servers: &Servers,
) -> anyhow::Result<redis::Settings> {
    Ok(redis::Settings {
        url: servers.redis_url.clone(),
        sentinels: servers.redis_sentinels.clone(),
        prefix: servers.prefix.clone(),
        tls: tls(config, "redis", &servers.redis_tls)?,
        retention: config.backend.retention,
        barrier: servers.redis_barrier,
        allow_volatile: servers.allow_volatile_store,
    })
}

/// Reads the PEM files of one server's settings.
fn tls(config: &Config, server: &str, files: &TlsFiles) -> anyhow::Result<Tls> {
    let read = |path: &Option<PathBuf>, name: &str| {
        let read = |path: &Path| {
            fs::read_to_string(path).map_err(|error| {
                let key = format!("backend.{server}_{name}");
                wrong(config, &key, format!("{}: {error}", path.display()))
            })
        };
        path.as_deref().map(read).transpose()
    };
    let certificate = read(&files.client_certificate, "client_certificate_file")?;
    let key = read(&files.client_key, "client_key_file")?;
    let client = certificate
        .zip(key)
        .map(|(certificate_pem, key)| ClientCertificate { certificate_pem, key_pem: key.into() });
    Ok(Tls { ca_pem: read(&files.ca, "ca_file")?, client })
}

fn wrong(config: &Config, key: &str, cure: impl Display) -> anyhow::Error {
    BadInput::from_error(ConfigError(vec![config.problem(key, cure.to_string())]))
}

#[cfg(test)]
mod tests;
