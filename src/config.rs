//! Settings: defaults compiled in, then a file, then the environment; checked whole before
//! anything starts.
//!
//! Every error names the key, where its value came from, and the cure; all are reported at once.
//! Secrets stay in the files that the settings name.

mod backend;
mod bank;
mod decision;
mod reader;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::SecretString;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;

use crate::domain::command::Flow;
use crate::domain::policy::Delays;
use crate::redis::Barrier;
use reader::Reader;

pub use decision::Decision;

/// The defaults, and the list of all keys there are.
pub const DEFAULTS: &str = include_str!("../config/default.toml");

#[derive(Clone, Debug)]
pub struct Config {
    pub backend: Backend,
    pub bank: Bank,
    pub tickets: Tickets,
    pub decision: Decision,
    pub ingress: Ingress,
    pub gateway: Gateway,
    pub admin: Admin,
    pub concurrency: Concurrency,
    pub shutdown_grace: Duration,
    pub log: Log,
    /// Where each key's value came from.
    sources: BTreeMap<String, String>,
}

/// Where queues and records are kept.
#[derive(Clone, Debug)]
pub struct Backend {
    pub kind: BackendKind,
    /// How long a settled payout is remembered.
    pub retention: Duration,
}

#[derive(Clone, Debug)]
pub enum BackendKind {
    /// The SQLite file.
    Embedded {
        path: PathBuf,
    },
    RabbitmqRedis(Box<Servers>),
}

#[derive(Clone, Debug)]
pub struct Servers {
    /// Nodes of one cluster, tried in turn. They hold credentials.
    pub amqp_urls: Vec<SecretString>,
    pub amqp_tls: TlsFiles,
    pub redis_url: SecretString,
    /// Who knows where the primary is, if the URL does not say it. They may hold credentials.
    pub redis_sentinels: Vec<SecretString>,
    pub redis_tls: TlsFiles,
    /// How the names of queues, exchanges and keys begin.
    pub prefix: String,
    pub redis_barrier: Barrier,
    pub allow_volatile_store: bool,
}

/// PEM files for a connection by TLS.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    pub ca: Option<PathBuf>,
    pub client_certificate: Option<PathBuf>,
    pub client_key: Option<PathBuf>,
}

#[derive(Clone, Debug)]
pub struct Bank {
    pub base_url: String,
    /// Empty when not set.
    pub project: String,
    pub private_key_file: Option<PathBuf>,
    pub private_key_passphrase_file: Option<PathBuf>,
    pub public_key_files: Vec<PathBuf>,
    pub submerchant: Option<String>,
    pub timeout: Duration,
    pub confirms_automatically: bool,
    pub flow: Flow,
}

#[derive(Clone, Debug)]
pub struct Tickets {
    pub delays: Delays,
}

#[derive(Clone, Debug)]
pub struct Ingress {
    pub listen: SocketAddr,
    pub path: String,
}

/// The HTTP API for the business's own site.
#[derive(Clone, Debug)]
pub struct Gateway {
    pub listen: SocketAddr,
    /// Needed by the role only.
    pub key_file: Option<PathBuf>,
}

/// Where the process tells how it is.
#[derive(Clone, Debug)]
pub struct Admin {
    /// Absent: nowhere.
    pub listen: Option<SocketAddr>,
}

/// Messages in hand at a time, by role.
#[derive(Clone, Debug)]
pub struct Concurrency {
    pub executor: usize,
    pub decider: usize,
    pub reconciler: usize,
}

#[derive(Clone, Debug)]
pub struct Log {
    pub format: LogFormat,
    pub level: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    Json,
}

/// Who asks: what must be set depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Only queues and records.
    Backend,
    /// The bank as well: its project and keys.
    Bank,
}

/// One thing wrong with the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub key: String,
    /// Where the value came from.
    pub source: String,
    /// What is wrong and what to do.
    pub cure: String,
}

/// Everything wrong with the settings.
#[derive(Debug, thiserror::Error)]
pub struct ConfigError(pub Vec<Problem>);

impl std::fmt::Display for ConfigError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the configuration has {} error(s):", self.0.len())?;
        for Problem { key, source, cure } in &self.0 {
            write!(f, "\n  {key} ({source}): {cure}")?;
        }
        Ok(())
    }
}

/// Below, waiting payouts would be asked for all the time; above, they would be forgotten.
const DELAYS: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(86_400);

/// Most messages in hand of one role: each holds memory and, at times, a connection.
const CONCURRENCY_MAX: u64 = 1024;

impl Config {
    /// Reads the process's environment and the file given, if one is.
    pub fn load(file: Option<&Path>, needs: Needs) -> Result<Self, ConfigError> {
        Self::read(file, std::env::vars_os(), needs)
    }

    /// As `load`, for who needs the servers whatever `backend.kind` says.
    pub fn load_servers(file: Option<&Path>) -> Result<Self, ConfigError> {
        let kind = ("PAYOUTD_BACKEND__KIND".into(), "rabbitmq-redis".into());
        Self::read(file, std::env::vars_os().chain([kind]), Needs::Backend)
    }

    /// A problem that was found with a key's value after it was read, in what it names.
    pub fn problem(&self, key: &str, cure: String) -> Problem {
        let source = self.sources.get(key).cloned().unwrap_or_default();
        Problem { key: key.into(), source, cure }
    }

    /// Whether nobody has set this key.
    pub fn is_default(&self, key: &str) -> bool {
        self.sources.get(key).is_some_and(|source| source == reader::DEFAULT)
    }

    /// As `load`, with the environment given.
    pub fn read(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (std::ffi::OsString, std::ffi::OsString)>,
        needs: Needs,
    ) -> Result<Self, ConfigError> {
        let mut reader = Reader::new(file, environment)?;
        let bank = bank::read(&mut reader, needs);
        let tickets = tickets(&mut reader);
        let config = Self {
            backend: backend::read(&mut reader),
            decision: decision::read(&mut reader, &bank, &tickets),
            bank,
            tickets,
            ingress: ingress(&mut reader),
            gateway: Gateway {
                listen: listen(&mut reader, "gateway.listen", "127.0.0.1:8133"),
                key_file: reader.path("gateway.key_file"),
            },
            admin: admin(&mut reader),
            concurrency: Concurrency {
                executor: concurrency(&mut reader, "executor.concurrency"),
                decider: concurrency(&mut reader, "decider.concurrency"),
                reconciler: concurrency(&mut reader, "reconciler.concurrency"),
            },
            shutdown_grace: reader.duration("shutdown.grace"),
            log: log(&mut reader),
            sources: reader.sources(),
        };
        reader.finish()?;
        Ok(config)
    }
}

fn tickets(reader: &mut Reader) -> Tickets {
    let key = "tickets.delays";
    let parts = reader.list(key);
    let delays: Option<Vec<_>> = parts.iter().map(|p| humantime::parse_duration(p).ok()).collect();
    let bounded = |delays: &Vec<Duration>| delays.iter().all(|delay| DELAYS.contains(delay));
    let delays = delays.filter(bounded).and_then(Delays::new).unwrap_or_else(|| {
        let cure = "must be growing durations from 100ms to 1day, such as \"5s,30s,5m,1h\"";
        reader.problem(key, cure);
        Delays::new(vec![Duration::from_secs(1)]).expect("one delay above zero")
    });
    Tickets { delays }
}

fn listen(reader: &mut Reader, key: &str, example: &str) -> SocketAddr {
    reader.text(key).parse().unwrap_or_else(|_| {
        reader.problem(key, &format!("must be an address and port, such as {example}"));
        SocketAddr::from(([127, 0, 0, 1], 0))
    })
}

fn ingress(reader: &mut Reader) -> Ingress {
    let listen = listen(reader, "ingress.listen", "127.0.0.1:8131");
    let path = reader.text("ingress.path");
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/-_.".contains(&b);
    if !path.starts_with('/') || !path.bytes().all(plain) {
        reader.problem("ingress.path", "must begin with / and hold only letters, digits and /-_.");
    }
    Ingress { listen, path }
}

fn admin(reader: &mut Reader) -> Admin {
    let text = reader.text("admin.listen");
    if text.is_empty() {
        return Admin { listen: None };
    }
    let listen = text.parse().ok();
    if listen.is_none() {
        let cure = "must be an address and port, such as 127.0.0.1:9131, or empty";
        reader.problem("admin.listen", cure);
    }
    Admin { listen }
}

fn concurrency(reader: &mut Reader, key: &str) -> usize {
    let number = reader.number(key);
    if !(1..=CONCURRENCY_MAX).contains(&number) {
        reader.problem(key, &format!("must be between 1 and {CONCURRENCY_MAX}"));
    }
    usize::try_from(number).unwrap_or(1)
}

fn log(reader: &mut Reader) -> Log {
    let format = match reader.text("log.format").as_str() {
        "json" => LogFormat::Json,
        "text" => LogFormat::Text,
        _ => {
            reader.problem("log.format", "must be \"text\" or \"json\"");
            LogFormat::Text
        }
    };
    let level = reader.text("log.level");
    // A misspelt level would count as the name of a library, and switch payoutd's own logs off.
    let known = |part: &str| part.contains('=') || part.parse::<LevelFilter>().is_ok();
    if !level.split(',').all(|part| known(part.trim())) || level.parse::<EnvFilter>().is_err() {
        let cure = "must be off, error, warn, info, debug or trace, or a filter";
        reader.problem("log.level", cure);
    }
    Log { format, level }
}

#[cfg(test)]
mod tests;
