//! The port to what could not be handled: messages kept aside, each with its reason, until a person
//! replays or discards them. Either leaves a trace.

use async_trait::async_trait;
use bytes::Bytes;

use super::{BusError, Queue};
use crate::domain::time::Timestamp;

#[async_trait]
pub trait DeadLetters: Send + Sync {
    /// Those that wait for a person, newest first.
    async fn list(&self, limit: usize) -> Result<Listed, BusError>;

    /// One of those that wait.
    async fn find(&self, id: &str) -> Result<Option<DeadLetter>, BusError>;

    /// Settles one of those that wait, and keeps the trace. A replay is published to the queue
    /// that it came from before it leaves the dead letters. `false`: there is none with this id,
    /// or it came from no queue of ours and cannot be replayed.
    async fn settle(&self, id: &str, verdict: Verdict) -> Result<bool, BusError>;

    /// What was settled, newest first.
    async fn trace(&self, limit: usize) -> Result<Vec<Settled>, BusError>;
}

/// What was seen of the dead letters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    pub letters: Vec<DeadLetter>,
    /// Newer ones that were not looked at, because there are too many.
    pub unseen: u64,
}

/// A message that could not be handled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Stays the same as long as it waits.
    pub id: String,
    /// Where it came from; `None` for what somebody else put here.
    pub queue: Option<Queue>,
    pub body: Bytes,
    pub reason: String,
    pub at: Timestamp,
}

/// What a person decided about a dead letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Handle it again, by the normal path.
    Replay,
    Discard {
        reason: String,
    },
}

/// A dead letter that was replayed or discarded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    pub letter: DeadLetter,
    pub verdict: Verdict,
    pub at: Timestamp,
}
