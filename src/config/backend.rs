//! The settings of the backend: a file, or two servers.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

use super::reader::Reader;
use super::{Backend, BackendKind, Servers, TlsFiles};
use crate::redis::Barrier;

/// Longest a prefix may be: a queue's name has 255 bytes at most, and ours come after it.
const PREFIX_BYTES_MAX: usize = 64;

/// Below a day a copy of a command that was paid yesterday would be paid again; beyond a hundred
/// years nothing can be told apart from for ever.
const RETENTION: RangeInclusive<Duration> =
    Duration::from_secs(86_400)..=Duration::from_secs(36_500 * 86_400);

/// Most replicas that a write can wait for: more than anybody runs.
const REPLICAS_MAX: u64 = 16;

pub(super) fn read(reader: &mut Reader) -> Backend {
    let kind = match reader.text("backend.kind").as_str() {
        "embedded" => embedded(reader),
        "rabbitmq-redis" => BackendKind::RabbitmqRedis(Box::new(servers(reader))),
        _ => {
            let cure = "is not known; set it to \"embedded\" or \"rabbitmq-redis\"";
            reader.problem("backend.kind", cure);
            embedded(reader)
        }
    };
    let retention = reader.duration("backend.retention");
    if !RETENTION.contains(&retention) {
        reader.problem("backend.retention", "must be between 1day and 36500days");
    }
    Backend { kind, retention }
}

fn embedded(reader: &mut Reader) -> BackendKind {
    let path = reader.text("backend.path");
    if path.is_empty() {
        reader.problem("backend.path", "is empty; name the SQLite file");
    }
    BackendKind::Embedded { path: path.into() }
}

fn servers(reader: &mut Reader) -> Servers {
    Servers {
        amqp_urls: amqp_urls(reader),
        amqp_tls: tls(reader, "amqp"),
        redis_url: redis_url(reader),
        redis_sentinels: redis_sentinels(reader),
        redis_tls: tls(reader, "redis"),
        prefix: prefix(reader),
        redis_barrier: barrier(reader),
        allow_volatile_store: reader.flag("backend.allow_volatile_store"),
    }
}

/// What is wrong with a URL is not shown: it holds a password.
fn amqp_urls(reader: &mut Reader) -> Vec<SecretString> {
    let urls = reader.list("backend.amqp_url");
    let schemes = ["amqp://", "amqps://"];
    if urls.is_empty() || !urls.iter().all(|url| begins_with(url, &schemes)) {
        let cure = "must be amqp:// or amqps:// addresses, such as \
                    amqp://user:password@rabbit-1:5672/vhost; commas between several";
        reader.problem("backend.amqp_url", cure);
    }
    urls.into_iter().map(SecretString::from).collect()
}

fn redis_url(reader: &mut Reader) -> SecretString {
    let url = reader.text("backend.redis_url");
    if !begins_with(&url, &["redis://", "rediss://"]) {
        let cure = "must be a redis:// or rediss:// address, such as \
                    redis://user:password@redis-1:6379/0";
        reader.problem("backend.redis_url", cure);
    }
    url.into()
}

fn redis_sentinels(reader: &mut Reader) -> Vec<SecretString> {
    let urls = reader.list("backend.redis_sentinels");
    if !urls.iter().all(|url| begins_with(url, &["redis://", "rediss://"])) {
        let cure = "must be redis:// or rediss:// addresses of Sentinels, such as \
                    redis://sentinel-1:26379; commas between several";
        reader.problem("backend.redis_sentinels", cure);
    }
    urls.into_iter().map(SecretString::from).collect()
}

fn begins_with(url: &str, schemes: &[&str]) -> bool {
    schemes.iter().any(|scheme| url.starts_with(scheme) && url.len() > scheme.len())
}

fn prefix(reader: &mut Reader) -> String {
    let prefix = reader.text("backend.prefix");
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    if prefix.is_empty() || prefix.len() > PREFIX_BYTES_MAX || !prefix.bytes().all(plain) {
        let cure = "must be 1 to 64 letters, digits, dots, hyphens or underscores";
        reader.problem("backend.prefix", cure);
    }
    prefix
}

fn tls(reader: &mut Reader, server: &str) -> TlsFiles {
    let mut file =
        |name: &str| -> Option<PathBuf> { reader.path(&format!("backend.{server}_{name}")) };
    let files = TlsFiles {
        ca: file("ca_file"),
        client_certificate: file("client_certificate_file"),
        client_key: file("client_key_file"),
    };
    if files.client_certificate.is_some() != files.client_key.is_some() {
        let key = format!("backend.{server}_client_certificate_file");
        reader
            .problem(&key, &format!("needs backend.{server}_client_key_file as well, or neither"));
    }
    files
}

fn barrier(reader: &mut Reader) -> Barrier {
    let replicas = reader.number("backend.redis_barrier_replicas");
    if replicas > REPLICAS_MAX {
        reader.problem("backend.redis_barrier_replicas", "must be between 0 and 16");
    }
    let replicas = u32::try_from(replicas).unwrap_or(0);
    match reader.text("backend.redis_barrier").as_str() {
        "none" => Barrier::None,
        "replicas" if replicas > 0 => Barrier::Replicas(replicas),
        "replicas" => {
            let cure = "must be at least 1 with redis_barrier = \"replicas\"";
            reader.problem("backend.redis_barrier_replicas", cure);
            Barrier::None
        }
        "aof" => Barrier::Aof { replicas },
        _ => {
            reader.problem("backend.redis_barrier", "must be \"none\", \"replicas\" or \"aof\"");
            Barrier::None
        }
    }
}
