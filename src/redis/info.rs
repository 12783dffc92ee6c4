//! Whether a server can be trusted with payouts, by what `INFO` says of it.
//!
//! `INFO` and not `CONFIG`, which managed servers forbid.

use std::collections::HashMap;

use super::failure::Failure;
use super::{Barrier, Settings};

/// What matters of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Info {
    valkey: bool,
    version: String,
    primary: bool,
    sentinel: bool,
    /// Reads its data after a start: until then it does not say whether its log is on.
    loading: bool,
    append_only: bool,
    eviction: String,
}

/// Oldest Redis: functions of its scripts are used.
const OLDEST: (u32, u32) = (7, 0);

/// First with `WAITAOF`.
const FIRST_WITH_WAITAOF: (u32, u32) = (7, 2);

impl Info {
    pub(super) fn parse(text: &str) -> Self {
        let fields: HashMap<&str, &str> =
            text.lines().filter_map(|line| line.trim_end().split_once(':')).collect();
        let field = |name| fields.get(name).copied().unwrap_or_default();
        let valkey = fields.contains_key("valkey_version");
        Self {
            valkey,
            version: field(if valkey { "valkey_version" } else { "redis_version" }).into(),
            primary: field("role") == "master",
            sentinel: field("redis_mode") == "sentinel",
            loading: field("loading") == "1",
            append_only: field("aof_enabled") == "1",
            eviction: field("maxmemory_policy").into(),
        }
    }

    pub(super) fn is_replica(&self) -> bool {
        !self.primary && !self.sentinel
    }

    fn name(&self) -> &'static str {
        if self.valkey { "Valkey" } else { "Redis" }
    }

    /// Nothing, if it cannot be read.
    fn release(&self) -> (u32, u32) {
        let mut parts = self.version.split('.').map(|part| part.parse().unwrap_or(0));
        (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
    }

    /// Whether it will do.
    pub(super) fn judge(self, settings: &Settings) -> Result<Self, Failure> {
        if self.loading {
            return Err(Failure::NotDone(format!("{} reads its data", self.name())));
        }
        let faults = self.faults(settings);
        if faults.is_empty() { Ok(self) } else { Err(Failure::Misconfigured(faults.join("; "))) }
    }

    /// What has to be mended before it can be used, with the cure. Empty: nothing.
    fn faults(&self, settings: &Settings) -> Vec<String> {
        let mut faults = Vec::new();
        if self.sentinel {
            return vec![
                "the URL leads to a Sentinel: set it to the primary's, or name the Sentinels in \
                 backend.redis_sentinels"
                    .into(),
            ];
        }
        if !self.primary {
            faults.push("the URL leads to a replica: set it to the primary's".into());
        }
        if self.release() < OLDEST {
            let (name, version) = (self.name(), &self.version);
            faults.push(format!("{name} {version} is too old: install Redis 7.0 or newer"));
        }
        if let Barrier::Aof { .. } = settings.barrier {
            if self.release() < FIRST_WITH_WAITAOF {
                faults.push(format!(
                    "{} {} has no WAITAOF: install Redis 7.2 or newer, or set a barrier of \
                     replicas",
                    self.name(),
                    self.version
                ));
            }
            if !self.append_only {
                faults.push(format!("the barrier needs the append-only log: {APPEND_ONLY}"));
            }
        }
        if !settings.allow_volatile {
            faults.extend(self.losses());
        }
        faults
    }

    /// By what it could lose what it has answered, with the cure. Empty: nothing.
    pub(super) fn losses(&self) -> Vec<String> {
        let mut losses = Vec::new();
        if self.eviction != "noeviction" {
            losses.push(format!(
                "maxmemory-policy is {}, by which records are thrown away when memory is full: \
                 CONFIG SET maxmemory-policy noeviction, and `maxmemory-policy noeviction` in \
                 redis.conf",
                self.eviction
            ));
        }
        if !self.append_only {
            losses.push(format!(
                "the append-only log is off, and snapshots alone lose what came after the last \
                 one: {APPEND_ONLY}"
            ));
        }
        losses
    }

    /// "Redis 7.0.15, primary, append-only, noeviction"; `flushed`: how often the log is.
    pub(super) fn describe(&self, flushed: Option<&str>) -> String {
        let role = if self.primary { "primary" } else { "replica" };
        let log = match (self.append_only, flushed) {
            (true, Some(flushed)) => format!("append-only ({flushed})"),
            (true, None) => "append-only".into(),
            (false, _) => "no append-only log".into(),
        };
        format!("{} {}, {role}, {log}, {}", self.name(), self.version, self.eviction)
    }
}

const APPEND_ONLY: &str = "CONFIG SET appendonly yes, and `appendonly yes` in redis.conf";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::Tls;
    use std::time::Duration;

    fn settings(barrier: Barrier, allow_volatile: bool) -> Settings {
        Settings {
            url: "redis://127.0.0.1".into(),
            sentinels: Vec::new(),
            prefix: "payoutd".into(),
            tls: Tls::default(),
            retention: Duration::from_secs(1),
            barrier,
            allow_volatile,
        }
    }

    fn info(version: &str, rest: &str) -> Info {
        Info::parse(&format!(
            "# Server\r\n{version}\r\nredis_mode:standalone\r\n\r\n# Rest\r\n{rest}\r\n"
        ))
    }

    const GOOD: &str = "role:master\r\naof_enabled:1\r\nmaxmemory_policy:noeviction";

    #[test]
    fn a_good_server_has_no_faults() {
        let strict = settings(Barrier::None, false);
        for version in ["redis_version:7.0.15", "redis_version:8.0.2"] {
            assert_eq!(info(version, GOOD).faults(&strict), [""; 0]);
        }
        let valkey = info("redis_version:7.2.4\r\nvalkey_version:8.1.0", GOOD);
        assert_eq!(valkey.faults(&settings(Barrier::Aof { replicas: 1 }, false)), [""; 0]);
        let described = valkey.describe(Some("everysec"));
        assert_eq!(described, "Valkey 8.1.0, primary, append-only (everysec), noeviction");
    }

    /// Redis has its log off while it reads it.
    #[test]
    fn a_server_that_still_reads_its_data_is_waited_for_and_not_found_fault_with() {
        let strict = settings(Barrier::None, false);
        let rest = GOOD.replace("aof_enabled:1", "aof_enabled:0");
        let judged = |loading| info("redis_version:7.0.15", &format!("{rest}\r\n{loading}"));
        let judged = |loading| judged(loading).judge(&strict);
        assert!(matches!(judged("loading:1"), Err(Failure::NotDone(_))));
        assert!(matches!(judged("loading:0"), Err(Failure::Misconfigured(_))));
    }

    #[test]
    fn each_fault_comes_with_its_cure() {
        let bad = "role:slave\r\naof_enabled:0\r\nmaxmemory_policy:allkeys-lru";
        let faults =
            info("redis_version:6.2.1", bad).faults(&settings(Barrier::Aof { replicas: 1 }, false));
        for (n, cure) in [
            "the primary's",
            "Redis 7.0 or newer",
            "Redis 7.2 or newer",
            "`appendonly yes`",
            "`maxmemory-policy noeviction`",
            "`appendonly yes`",
        ]
        .into_iter()
        .enumerate()
        {
            assert!(faults[n].contains(cure), "{}", faults[n]);
        }
        assert_eq!(faults.len(), 6);
        assert_eq!(
            Info::parse("redis_mode:sentinel").faults(&settings(Barrier::None, true)).len(),
            1
        );
    }

    #[test]
    fn volatile_servers_are_taken_only_on_demand_and_replicas_never() {
        let bad = "role:slave\r\naof_enabled:0\r\nmaxmemory_policy:allkeys-lru";
        let server = info("redis_version:7.0.15", bad);
        assert_eq!(server.faults(&settings(Barrier::None, true)).len(), 1);
        assert_eq!(server.faults(&settings(Barrier::None, false)).len(), 3);
        assert_eq!(server.losses().len(), 2);
    }
}
