//! How far a connection's writes have reached the replicas.
//!
//! `WAIT` and `WAITAOF` vouch for the writes of their own connection only, and hold up whatever is
//! sent on it behind them. So writes share a barrier: while one is under way the next writes
//! gather, and the next barrier is for all of them.
//!
//! Each write has a count that grows over all processes, and replicas take writes in order: what
//! one barrier has vouched for holds for every write with a lower count, whoever made it. That is
//! how a record is known to be safe before anybody acts on it.
//!
//! Guarantees that nobody waits for more than two barriers.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ::redis::{Cmd, cmd};
use tokio::sync::Mutex;

use super::Barrier;
use super::connection::Connection;
use super::failure::Failure;

impl Barrier {
    /// Longest wait for the replicas. In memory they follow within milliseconds; a log that is
    /// flushed every second has up to a second to go on either side.
    pub(super) fn wait_max(self) -> Duration {
        match self {
            Self::None => Duration::ZERO,
            Self::Replicas(_) => Duration::from_secs(1),
            Self::Aof { .. } => Duration::from_millis(2500),
        }
    }

    fn request(self) -> Option<Cmd> {
        let millis = u64::try_from(self.wait_max().as_millis()).unwrap_or(u64::MAX);
        match self {
            Self::None => None,
            Self::Replicas(replicas) => Some(cmd("WAIT").arg(replicas).arg(millis).take()),
            Self::Aof { replicas } => Some(cmd("WAITAOF").arg(1).arg(replicas).arg(millis).take()),
        }
    }

    /// Why the answer is not enough.
    fn shortfall(self, reached: &[u32]) -> Option<String> {
        let have = |n: usize| reached.get(n).copied().unwrap_or(0);
        match self {
            Self::None => None,
            Self::Replicas(wanted) => {
                let have = have(0);
                (have < wanted)
                    .then(|| format!("{have} of {wanted} replicas have it; are they running?"))
            }
            Self::Aof { replicas: wanted } => {
                let (local, have) = (have(0), have(1));
                (local < 1 || have < wanted).then(|| {
                    format!(
                        "the logs of {local} primary and {have} of {wanted} replicas have it; are \
                         they running?"
                    )
                })
            }
        }
    }
}

/// What is known of one connection's writes.
pub(super) struct Progress {
    barrier: Barrier,
    /// Highest count of a write that this connection has made.
    made: AtomicU64,
    /// All writes up to this count are safe.
    safe: AtomicU64,
    /// Barriers begun so far.
    begun: AtomicU64,
    /// Held by whoever asks the server.
    turn: Mutex<Option<Shortfall>>,
}

/// The last barrier that fell short.
struct Shortfall {
    barrier: u64,
    /// It was for the writes up to this count.
    target: u64,
    text: String,
}

impl Progress {
    pub(super) fn new(barrier: Barrier) -> Self {
        let zero = || AtomicU64::new(0);
        Self { barrier, made: zero(), safe: zero(), begun: zero(), turn: Mutex::default() }
    }

    /// The connection has made the write with this count.
    pub(super) fn made(&self, count: u64) {
        self.made.fetch_max(count, Ordering::SeqCst);
    }

    pub(super) fn has_made(&self, count: u64) -> bool {
        self.made.load(Ordering::SeqCst) >= count
    }

    pub(super) fn is_safe(&self, count: u64) -> bool {
        self.barrier == Barrier::None || self.safe.load(Ordering::SeqCst) >= count
    }

    /// Waits until the write with this count is safe. The connection must have made it, or one
    /// after it.
    pub(super) async fn reach(&self, connection: &Connection, count: u64) -> Result<(), Failure> {
        let joined = self.begun.load(Ordering::SeqCst);
        let mut turn = self.turn.lock().await;
        if self.is_safe(count) {
            return Ok(());
        }
        if let Some(shortfall) = &*turn
            && shortfall.barrier > joined
            && shortfall.target >= count
        {
            return Err(Failure::Unknown(shortfall.text.clone()));
        }
        if let Some(fault) = connection.fault() {
            return Err(Failure::Unknown(fault.into()));
        }
        let Some(request) = self.barrier.request() else { return Ok(()) };
        let barrier = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
        let target = self.made.load(Ordering::SeqCst);
        let reached: OneOrMore = connection.call(&request).await?;
        match self.barrier.shortfall(&reached.0) {
            None => {
                self.safe.fetch_max(target, Ordering::SeqCst);
                Ok(())
            }
            Some(text) => {
                *turn = Some(Shortfall { barrier, target, text: text.clone() });
                Err(Failure::Unknown(text))
            }
        }
    }
}

/// `WAIT` answers one number, `WAITAOF` two.
struct OneOrMore(Vec<u32>);

impl ::redis::FromRedisValue for OneOrMore {
    fn from_redis_value(value: ::redis::Value) -> Result<Self, ::redis::ParsingError> {
        match value {
            ::redis::Value::Int(_) => Ok(Self(vec![::redis::from_redis_value(value)?])),
            value => Ok(Self(::redis::from_redis_value(value)?)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_barrier_falls_short_when_one_is_missing() {
        for (barrier, enough, short) in [
            (Barrier::Replicas(2), &[2_u32][..], &[1_u32][..]),
            (Barrier::Aof { replicas: 0 }, &[1, 0], &[0, 0]),
            (Barrier::Aof { replicas: 2 }, &[1, 2], &[1, 1]),
            (Barrier::Aof { replicas: 2 }, &[1, 3], &[0, 2]),
        ] {
            assert_eq!(barrier.shortfall(enough), None, "{barrier:?}");
            let text = barrier.shortfall(short).expect("not enough");
            assert!(text.contains("are they running?"), "{text}");
            assert!(barrier.shortfall(&[]).is_some(), "no number is none: {barrier:?}");
        }
    }
}
