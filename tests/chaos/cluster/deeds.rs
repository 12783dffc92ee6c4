//! What is done to a cluster, one after the other, and how payouts fare meanwhile.

use std::thread;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use serde::Serialize;

use super::brokers::{self, Brokers};
use super::docker::Node;
use super::stores::{Stores, answer_to_a_write};
use crate::business::Business;
use crate::scene::{within, within_slow};

/// A node is away at least so long: more than any of the others needs to give it up.
pub(crate) const AWAY: Duration = Duration::from_secs(30);

/// Longest until a node has its part in everything again.
const WHOLE_MAX: Duration = Duration::from_secs(120);

/// Longest from then on until everything published before has its result.
const SETTLED_MAX: Duration = Duration::from_secs(60);

/// To whom it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whom {
    Broker(usize),
    Primary,
    Replica,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// SIGKILL, and a start.
    Killed,
    /// Nobody reaches it, and it reaches nobody.
    CutOff,
    /// The others do not reach it; payoutd and the business do.
    CutOffFromOthers,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Only {
    Rabbitmq,
    Redis,
}

/// Each node of RabbitMQ, and each part in Redis, in each way.
pub(crate) fn plan(only: Option<Only>) -> Vec<(Whom, How)> {
    let brokers = (0..brokers::NODES).map(Whom::Broker);
    let stores = [Whom::Primary, Whom::Replica];
    let mut plan = Vec::new();
    for how in [How::Killed, How::CutOff, How::CutOffFromOthers] {
        if only != Some(Only::Redis) {
            plan.extend(brokers.clone().map(|whom| (whom, how)));
        }
        if only != Some(Only::Rabbitmq) {
            plan.extend(stores.map(|whom| (whom, how)));
        }
    }
    plan
}

/// What came of a deed.
#[derive(Debug, Serialize)]
pub(crate) struct Step {
    pub(crate) what: String,
    pub(crate) at_s: f64,
    /// Until one that was published after it had its result.
    pub(crate) went_on_after_ms: Option<u128>,
    /// Whether the node was still away then.
    pub(crate) went_on_without_it: bool,
    /// How long it was away.
    pub(crate) away_ms: u128,
    /// From its return until it had its part in everything again.
    pub(crate) whole_after_ms: Option<u128>,
    /// From then on, until all that was published before had its result.
    pub(crate) settled_after_ms: Option<u128>,
    /// From its order to its result, of those published until then.
    pub(crate) slowest_ms: Option<u128>,
    /// What a primary that was cut off from its replicas said of a write.
    pub(crate) old_primary_said: Option<String>,
}

pub(crate) struct Cluster<'a> {
    pub(crate) brokers: &'a Brokers,
    pub(crate) stores: &'a Stores,
    pub(crate) business: &'a Business,
    pub(crate) began: Instant,
}

impl Cluster<'_> {
    pub(crate) fn do_it(&self, whom: Whom, how: How) -> anyhow::Result<Step> {
        let (node, others) = self.of(whom)?;
        let (at, begun) = (Instant::now(), self.business.published());
        match how {
            How::Killed => node.kill()?,
            How::CutOff => node.cut_off()?,
            How::CutOffFromOthers => node.isolate(&others)?,
        }
        // What is published while docker works may have its result before the node is away.
        let first = self.business.published();
        let went_on_without_it = within(AWAY, || self.business.has_result_from(first));
        let mut went_on_after = at.elapsed();
        thread::sleep(AWAY.saturating_sub(at.elapsed()));
        let old_primary_said = match (whom, how) {
            (Whom::Primary, How::CutOffFromOthers) => answer_to_a_write(node),
            _ => None,
        };
        match how {
            How::Killed => node.start()?,
            How::CutOff => node.connect()?,
            How::CutOffFromOthers => node.rejoin(&others)?,
        }
        let (back, away_ms) = (Instant::now(), at.elapsed().as_millis());
        let mut went_on = went_on_without_it;
        if !went_on {
            went_on = within(WHOLE_MAX, || self.business.has_result_from(first));
            went_on_after = at.elapsed();
        }
        let is_whole = || match whom {
            Whom::Broker(_) => self.brokers.are_whole(),
            Whom::Primary | Whom::Replica => self.stores.are_whole(),
        };
        let whole_after_ms = within_slow(WHOLE_MAX, is_whole).then(|| back.elapsed().as_millis());
        let (whole, before) = (Instant::now(), self.business.published());
        let settled = within(SETTLED_MAX, || self.business.has_results_of(before));
        Ok(Step {
            what: format!("{} {}", whom.name(node), how.name()),
            at_s: at.duration_since(self.began).as_secs_f64(),
            went_on_after_ms: went_on.then(|| went_on_after.as_millis()),
            went_on_without_it,
            away_ms,
            whole_after_ms,
            settled_after_ms: settled.then(|| whole.elapsed().as_millis()),
            slowest_ms: self.business.slowest(begun..before).map(|slowest| slowest.as_millis()),
            old_primary_said,
        })
    }

    /// The node, and those it stands together with.
    fn of(&self, whom: Whom) -> anyhow::Result<(&Node, Vec<&Node>)> {
        let missing = || anyhow::anyhow!("nobody tells which Redis is the {whom:?}");
        Ok(match whom {
            Whom::Broker(n) => {
                let others = self.brokers.nodes.iter().enumerate().filter(|(other, _)| *other != n);
                (&self.brokers.nodes[n], others.map(|(_, node)| node).collect())
            }
            Whom::Primary => {
                let node = self.stores.primary().ok_or_else(missing)?;
                (node, self.stores.but(node))
            }
            Whom::Replica => {
                let node = self.stores.replica().ok_or_else(missing)?;
                (node, self.stores.but(node))
            }
        })
    }
}

impl Whom {
    fn name(self, node: &Node) -> String {
        match self {
            Self::Broker(_) => node.name.clone(),
            Self::Primary => format!("{}, the primary,", node.name),
            Self::Replica => format!("{}, a replica,", node.name),
        }
    }
}

impl How {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Killed => "killed",
            Self::CutOff => "cut off from all",
            Self::CutOffFromOthers => "cut off from the others",
        }
    }
}

impl Step {
    /// What should not be.
    pub(crate) fn faults(&self) -> Vec<String> {
        let what = &self.what;
        let mut faults = Vec::new();
        if self.went_on_after_ms.is_none() {
            faults.push(format!("{what}: no payout went on"));
        }
        if self.whole_after_ms.is_none() {
            faults.push(format!("{what}: it did not come back"));
        }
        if self.old_primary_said.as_deref() == Some("OK") {
            faults.push(format!("{what}: it still took writes"));
        }
        faults
    }

    pub(crate) fn print(&self) {
        let Self { what, at_s, went_on_without_it, away_ms, .. } = self;
        let went_on = match (self.went_on_after_ms, went_on_without_it) {
            (Some(ms), true) => format!("payouts went on after {ms} ms"),
            (Some(ms), false) => format!("payouts went on only when it was back, after {ms} ms"),
            (None, _) => "NO payout went on".into(),
        };
        let ms = |ms: Option<u128>| ms.map_or("never".to_owned(), |ms| format!("{ms} ms"));
        let (whole, settled) = (ms(self.whole_after_ms), ms(self.settled_after_ms));
        let slowest = ms(self.slowest_ms);
        println!(
            "{at_s:7.1} s  {what} for {away_ms} ms: {went_on}; whole again {whole} after its \
             return, all settled {settled} later; the slowest took {slowest}"
        );
        if let Some(said) = &self.old_primary_said {
            println!("           the old primary said of a write: {said}");
        }
    }
}
