//! A primary of Redis and its replicas, and three Sentinels that watch over them: one on each of
//! three machines, so that who loses one loses both.

use std::collections::HashMap;
use std::env;
use std::time::Duration;

use redis::{Connection, FromRedisValue, RedisResult, cmd};

use super::docker::{Network, Node, Program};
use crate::scene::within_slow;

const MACHINES: usize = 3;

/// Of the addresses of the network: the first machine's is the next one.
const BEFORE: usize = 20;

/// What the Sentinels call the primary.
const NAME: &str = "payouts";

const START_MAX: Duration = Duration::from_secs(60);

/// For an answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// Kept over a restart: Redis and Sentinel write into them what they have become.
const SCRIPT: &str = r#"cd /tmp
[ -e redis.conf ] || printf %s "$REDIS" >redis.conf
[ -e sentinel.conf ] || printf %s "$SENTINEL" >sentinel.conf
[ -n "$REDIS" ] || exec redis-server sentinel.conf --sentinel
redis-server sentinel.conf --sentinel &
exec redis-server redis.conf"#;

pub(crate) struct Stores {
    pub(crate) machines: Vec<Node>,
    replicas: usize,
}

impl Stores {
    /// Returns when all replicas follow. Only the first `replicas` + 1 machines have a Redis.
    pub(crate) fn start(network: &Network, replicas: usize) -> anyhow::Result<Self> {
        let image = env::var("PAYOUTD_TEST_REDIS_IMAGE").unwrap_or_else(|_| "redis:8.0".into());
        let first = network.address(BEFORE + 1);
        let run = |n: usize| {
            let redis = if n <= replicas + 1 { redis_conf(n, &first) } else { String::new() };
            let sentinel = sentinel_conf(&first);
            let variables = [("REDIS", redis.as_str()), ("SENTINEL", sentinel.as_str())];
            let program = Program { variables: &variables, script: SCRIPT };
            network.run(&format!("redis-{n}"), BEFORE + n, &image, &[], &program)
        };
        let machines = (1..=MACHINES).map(run).collect::<Result<_, _>>()?;
        let stores = Self { machines, replicas };
        anyhow::ensure!(
            within_slow(START_MAX, || stores.are_whole()),
            "no primary with {replicas} replicas and Sentinels within {START_MAX:?}"
        );
        Ok(stores)
    }

    /// As payoutd is told.
    pub(crate) fn url() -> String {
        format!("redis://{NAME}/0")
    }

    pub(crate) fn sentinels(&self) -> String {
        let url = |node: &Node| format!("redis://{}:26379", node.address);
        self.machines.iter().map(url).collect::<Vec<_>>().join(",")
    }

    /// The machine that the Sentinels name: those that know of the latest failover.
    pub(crate) fn primary(&self) -> Option<&Node> {
        let named = self.machines.iter().filter_map(named_by);
        let (_, address) = named.max_by_key(|(failover, _)| *failover)?;
        self.machines.iter().find(|machine| machine.address == address)
    }

    /// A machine with a replica, as things stand.
    pub(crate) fn replica(&self) -> Option<&Node> {
        let primary = &self.primary()?.address;
        let mut redis = self.machines.iter().take(self.replicas + 1);
        redis.find(|machine| machine.address != *primary)
    }

    /// All others.
    pub(crate) fn but(&self, one: &Node) -> Vec<&Node> {
        self.machines.iter().filter(|machine| machine.address != one.address).collect()
    }

    /// All replicas follow, and all Sentinels name the same primary.
    pub(crate) fn are_whole(&self) -> bool {
        let Some(primary) = self.primary() else { return false };
        let agree = |machine| named_by(machine).is_some_and(|(_, named)| named == primary.address);
        let text: Option<String> = asked(primary, 6379, &["INFO", "replication"]);
        let text = text.unwrap_or_default();
        text.contains("role:master")
            && text.matches("state=online").count() == self.replicas
            && self.machines.iter().all(agree)
    }

    /// Whether payoutd has paused starts.
    pub(crate) fn pauses(&self) -> bool {
        let ask = ["HGET", "{payoutd}:counters", "starts"];
        let reason =
            self.primary().and_then(|primary| asked::<Option<String>>(primary, 6379, &ask));
        reason.flatten().is_some()
    }
}

/// What a server says of a write: `OK`, or the code of its refusal.
pub(crate) fn answer_to_a_write(machine: &Node) -> Option<String> {
    let mut connection = connection(machine, 6379).ok()?;
    let written: RedisResult<String> =
        cmd("SET").arg("cluster-run:write").arg("1").query(&mut connection);
    Some(written.unwrap_or_else(|error| error.code().unwrap_or("no answer").to_owned()))
}

/// The last failover that this machine's Sentinel knows of, and the primary's address since then.
fn named_by(machine: &Node) -> Option<(u64, String)> {
    let of: HashMap<String, String> = asked(machine, 26379, &["SENTINEL", "MASTER", NAME])?;
    Some((of.get("config-epoch")?.parse().ok()?, of.get("ip")?.clone()))
}

fn asked<T: FromRedisValue>(machine: &Node, port: u16, request: &[&str]) -> Option<T> {
    let mut connection = connection(machine, port).ok()?;
    cmd(request[0]).arg(&request[1..]).query(&mut connection).ok()
}

fn connection(machine: &Node, port: u16) -> RedisResult<Connection> {
    let client = redis::Client::open(format!("redis://{}:{port}", machine.address))?;
    let connection = client.get_connection_with_timeout(PATIENCE)?;
    connection.set_read_timeout(Some(PATIENCE))?;
    Ok(connection)
}

fn redis_conf(n: usize, first: &str) -> String {
    let replica = if n > 1 { format!("replicaof {first} 6379\n") } else { String::new() };
    format!(
        "bind 0.0.0.0\nprotected-mode no\ndir /tmp\nsave \"\"\nappendonly yes\n\
         maxmemory-policy noeviction\nmin-replicas-to-write 1\nmin-replicas-max-lag 5\n\
         repl-diskless-sync-delay 0\nrepl-timeout 10\n{replica}"
    )
}

fn sentinel_conf(first: &str) -> String {
    format!(
        "port 26379\nbind 0.0.0.0\nprotected-mode no\ndir /tmp\n\
         sentinel monitor {NAME} {first} 6379 2\nsentinel down-after-milliseconds {NAME} 3000\n\
         sentinel failover-timeout {NAME} 10000\n"
    )
}
