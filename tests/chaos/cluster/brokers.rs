//! Three nodes of RabbitMQ in one cluster. A node that sees fewer than two of them pauses.

use std::collections::BTreeMap;
use std::env;

use anyhow::Context;
use serde::Deserialize;

use super::docker::{Network, Node, Program};
use crate::scene::within_slow;

pub(crate) const NODES: usize = 3;

/// Of the addresses of the network: the first node's is the next one.
const BEFORE: usize = 10;

/// Until they have found each other, on a machine that is busy.
const START_MAX: std::time::Duration = std::time::Duration::from_secs(180);

/// Seconds: a node that cannot be reached is given up after about so many.
const TICK: usize = 15;

/// Where the official image and Debian's package look for settings; the shared secret belongs to
/// the user that the server runs as.
const SCRIPT: &str = r#"printf %s "$CONF" >/etc/rabbitmq/conf.d/20-cluster.conf
printf %s "$SECRET" >/var/lib/rabbitmq/.erlang.cookie
chmod 400 /var/lib/rabbitmq/.erlang.cookie
exec $(command -v docker-entrypoint.sh) rabbitmq-server"#;

pub(crate) struct Brokers {
    pub(crate) nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Status {
    running_nodes: Vec<String>,
}

#[derive(Deserialize)]
struct Queue {
    name: String,
    members: Vec<String>,
    online: Vec<String>,
}

impl Brokers {
    /// Returns when they form a cluster.
    pub(crate) fn start(network: &Network) -> anyhow::Result<Self> {
        let image = env::var("PAYOUTD_TEST_RABBITMQ_IMAGE");
        let image = image.unwrap_or_else(|_| "rabbitmq:4.0".into());
        let name = |n: usize| format!("rabbit-{n}");
        let hosts = |n| format!("{}:{}", name(n), network.address(BEFORE + n));
        let hosts: Vec<_> = (1..=NODES).map(hosts).collect();
        let conf = format!(
            "listeners.tcp.default = 5672\nloopback_users.guest = false\n\
             cluster_formation.peer_discovery_backend = classic_config\n\
             {}cluster_partition_handling = pause_minority\nnet_ticktime = {TICK}\n",
            (1..=NODES)
                .map(|n| format!(
                    "cluster_formation.classic_config.nodes.{n} = rabbit@{}\n",
                    name(n)
                ))
                .collect::<String>()
        );
        let secret = format!("{:016x}", rand::random::<u64>());
        let program =
            Program { variables: &[("CONF", &conf), ("SECRET", &secret)], script: SCRIPT };
        let run = |n| network.run(&name(n), BEFORE + n, &image, &hosts, &program);
        let brokers = Self { nodes: (1..=NODES).map(run).collect::<Result<_, _>>()? };
        anyhow::ensure!(
            within_slow(START_MAX, || brokers.nodes.iter().all(sees_all)),
            "no cluster of RabbitMQ within {START_MAX:?}"
        );
        Ok(brokers)
    }

    pub(crate) fn urls(&self) -> Vec<String> {
        let url = |node: &Node| format!("amqp://guest:guest@{}:5672/%2f", node.address);
        self.nodes.iter().map(url).collect()
    }

    fn queues(&self) -> anyhow::Result<Vec<Queue>> {
        let list = ["rabbitmqctl", "-q", "list_queues", "name", "members", "online"];
        let mut asked = Err(anyhow::anyhow!("there is no node"));
        for node in &self.nodes {
            asked = node.exec(&[&list[..], &["--formatter", "json"]].concat());
            if asked.is_ok() {
                break;
            }
        }
        serde_json::from_str(&asked?).context("no list of queues")
    }

    /// On how many nodes each queue is.
    pub(crate) fn members(&self) -> anyhow::Result<BTreeMap<String, usize>> {
        Ok(self.queues()?.into_iter().map(|queue| (queue.name, queue.members.len())).collect())
    }

    /// Every node has its part in every queue again.
    pub(crate) fn are_whole(&self) -> bool {
        let is_whole = |queue: &Queue| queue.online.len() == NODES;
        self.queues().is_ok_and(|queues| queues.iter().all(is_whole))
    }
}

fn sees_all(node: &Node) -> bool {
    let asked = node.exec(&["rabbitmqctl", "-q", "cluster_status", "--formatter", "json"]);
    let status = asked.ok().and_then(|text| serde_json::from_str::<Status>(&text).ok());
    status.is_some_and(|status| status.running_nodes.len() == NODES)
}
