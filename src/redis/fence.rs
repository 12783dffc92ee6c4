//! The fence on the server: an epoch and a count of writes beside the records, sharing their fate.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;

use super::Barrier;
use super::connection::Call;
use super::failure::Failure;
use super::scripts;
use super::store::{RedisStore, in_time};
use crate::domain::standing::{Epoch, Paused, Scope, Standing};
use crate::store::{Fence, LOST, StoreError, Suspicion};

/// As a script answers it: the epoch, the count of writes, why starts and confirms are paused, and
/// whether the store has ever lost something.
pub(super) type Told = (String, u64, String, String, String);

/// What this process has seen of the store.
pub(super) struct Seen {
    barrier: Barrier,
    newest: Mutex<Newest>,
}

#[derive(Default)]
struct Newest {
    /// The highest count in an answer: later answers have no lower one.
    order: u64,
    /// The highest count of a write that counts: with a barrier, one that the replicas have. What
    /// they did not have was never answered, and may be lost.
    kept: u64,
    standing: Standing,
    /// The epoch that this process goes by: the last one that the store had.
    epoch: Option<Epoch>,
}

impl Seen {
    pub(super) fn new(barrier: Barrier) -> Self {
        Self { barrier, newest: Mutex::default() }
    }

    /// What a script is told of it.
    pub(super) fn args(&self) -> [String; 2] {
        let newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        [text(newest.epoch), newest.kept.to_string()]
    }

    /// Answers on several connections may overtake each other: one with a lower count is an older
    /// one, unless it brings another epoch.
    pub(super) fn told(&self, (epoch, writes, starts, confirms, has_lost): Told) {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        let epoch = u64::from_str_radix(&epoch, 16).ok().map(Epoch);
        let begins = epoch.is_some() && epoch != newest.epoch;
        if begins {
            *newest = Newest { epoch, order: writes, ..Newest::default() };
        }
        let has_lost = !has_lost.is_empty();
        let reason = |text: String| (!text.is_empty()).then_some(text);
        let paused = Paused { starts: reason(starts), confirms: reason(confirms) };
        // Less than was seen: an older answer, or a loss, and then it says so. It lifts nothing.
        if writes >= newest.order {
            newest.standing = Standing { epoch, paused, has_lost };
        } else {
            newest.standing.has_lost |= has_lost;
            let known = &mut newest.standing.paused;
            known.starts = known.starts.take().or(paused.starts);
            known.confirms = known.confirms.take().or(paused.confirms);
        }
        newest.order = newest.order.max(writes);
        if self.barrier == Barrier::None {
            newest.kept = newest.kept.max(writes);
        }
    }

    /// The store must not be found with fewer writes than this any more.
    pub(super) fn kept(&self, writes: u64) {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        newest.kept = newest.kept.max(writes);
    }
}

fn text(epoch: Option<Epoch>) -> String {
    epoch.map(|epoch| epoch.to_string()).unwrap_or_default()
}

impl RedisStore {
    async fn change(
        &self,
        deed: &str,
        details: impl IntoIterator<Item = String>,
    ) -> Result<String, StoreError> {
        let mut args = vec![deed.to_owned()];
        args.extend(self.seen.args());
        args.extend(details);
        let call = Call { script: &scripts::FENCE, keys: vec![self.keys.counters()], args };
        let connection = self.link.connection().await?;
        let change = async {
            let answer: (String, Told) = connection.run(&call).await.map_err(Failure::of_write)?;
            let (outcome, told) = answer;
            let count = told.1;
            self.seen.told(told);
            connection.progress.made(count);
            if !connection.progress.is_safe(count) {
                connection.progress.reach(&connection, count).await.map_err(Failure::of_write)?;
            }
            self.seen.kept(count);
            Ok(outcome)
        };
        in_time(change).await
    }
}

#[async_trait]
impl Fence for RedisStore {
    fn standing(&self) -> Standing {
        self.seen.newest.lock().unwrap_or_else(PoisonError::into_inner).standing.clone()
    }

    async fn begin(&self, was_used: bool) -> Result<(), StoreError> {
        let reason = format!("{LOST}: it is empty");
        self.change("begin", [new_epoch(), flag(was_used), reason]).await.map(drop)
    }

    async fn pause(&self, scope: Scope, reason: &str) -> Result<(), StoreError> {
        let details = [flag(scope.starts), flag(scope.confirms), reason.to_owned()];
        self.change("pause", details).await.map(drop)
    }

    async fn resume(&self, scope: Scope) -> Result<(), StoreError> {
        let details = [flag(scope.starts), flag(scope.confirms), new_epoch()];
        self.change("resume", details).await.map(drop)
    }

    async fn suspect(&self, ticket: Option<Epoch>, why: &str) -> Result<Suspicion, StoreError> {
        let details = [text(ticket), format!("{LOST}: {why}")];
        match self.change("suspect", details).await?.as_str() {
            "known" => Ok(Suspicion::Known),
            _ => Ok(Suspicion::Paused),
        }
    }
}

fn new_epoch() -> String {
    Epoch(rand::random()).to_string()
}

fn flag(set: bool) -> String {
    String::from(if set { "1" } else { "0" })
}
