//! The port to where payouts are recorded.

use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;

use crate::domain::id::{PayoutId, SessionId};
use crate::domain::payout::{FORMAT, Payout, State};
use crate::domain::standing::{Epoch, Scope, Standing};
use crate::domain::time::Timestamp;

/// How long a payout is kept after the write that settled it, unless somebody wants it otherwise:
/// a year's accounts can still be closed with it.
pub const RETENTION_DEFAULT: Duration = Duration::from_secs(400 * 86_400);

/// Durable records of payouts, with compare-and-set.
///
/// All times that processes compare with each other come from here: each answer carries the
/// store's time, so that no two machines' clocks are ever held against each other.
///
/// A payout that is settled and needs no person is forgotten after the store's retention, counted
/// from the write that made it so. Then its id and its session are free again.
#[async_trait]
pub trait Store: Send + Sync {
    /// Whether it can be used now. `Unavailable`: not yet, it is being tried all the time.
    /// `Misconfigured`: a person must act.
    async fn check(&self) -> Result<(), StoreError>;

    /// The payout as it was last written.
    async fn load(&self, id: &PayoutId) -> Result<Loaded, StoreError>;

    /// The payout bound to a session.
    async fn load_by_session(&self, session: &SessionId) -> Result<Loaded, StoreError>;

    /// Writes `payout` (its `version` is the new one) if the stored version is `expected`; 0 means
    /// that none may be stored. The session index and the index of unsettled payouts change with
    /// it, in the same write.
    ///
    /// `Ok(Written)`: durable, and visible to every process. `Ok(Conflict)`: nothing was written.
    /// `Err(Unknown)`: it may or may not have been written: read it again and compare `write_id`.
    /// `Ok(SessionTaken)`: nothing was written, because another payout has the session.
    async fn record(&self, payout: &Payout, expected: u64) -> Result<Recorded, StoreError>;

    /// Unsettled payouts whose look has been due for longer than `by`, longest overdue first; at
    /// most `limit`.
    async fn overdue(&self, by: Duration, limit: usize) -> Result<Vec<PayoutId>, StoreError>;

    /// Payouts by their time of first record, newest first. What cannot be read is left out, and
    /// logged.
    async fn list(&self, filter: &Filter) -> Result<Vec<Payout>, StoreError>;
}

/// What all processes of a store agree on beside its payouts, and how they notice that the store
/// has lost what it had answered: it is in the same place, and each answer of [`Store`] brings it
/// along.
///
/// A loss is noticed when an answer shows fewer writes than this process had seen before it asked,
/// another epoch than it knows, or none; by a ticket that is ahead of its record; and at start, by
/// a store without an epoch that the bus has seen in use. Then starts and confirms are paused
/// everywhere until a person resumes them.
#[async_trait]
pub trait Fence: Send + Sync {
    /// How things stand, as the newest answer of the store said. In particular: never older than
    /// the answer to the last write.
    fn standing(&self) -> Standing;

    /// Gives a new store its epoch. `was_used`: the bus has seen it in use. Then a store without
    /// an epoch was emptied, and is paused.
    async fn begin(&self, was_used: bool) -> Result<(), StoreError>;

    async fn pause(&self, scope: Scope, reason: &str) -> Result<(), StoreError>;

    /// Lets go out again what was paused. If the store had lost something, a new epoch begins:
    /// what is from before it pauses nothing any more.
    async fn resume(&self, scope: Scope) -> Result<(), StoreError>;

    /// A ticket shows more than the store knows, or another epoch.
    async fn suspect(&self, ticket: Option<Epoch>, why: &str) -> Result<Suspicion, StoreError>;
}

/// What became of a suspicion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suspicion {
    /// The store has lost something: starts and confirms are paused.
    Paused,
    /// From before a loss that a person has looked into.
    Known,
}

/// Why everything is paused after a loss.
pub(crate) const LOST: &str = "the store has lost payouts that it had recorded";

/// A record that was read, and when.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub payout: Option<Payout>,
    /// The store's time.
    pub now: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    Written { now: Timestamp },
    Conflict,
    SessionTaken,
}

/// Which payouts to list.
#[derive(Clone, Debug)]
pub struct Filter {
    pub state: Option<State>,
    /// Only those that need a person.
    pub attention: bool,
    pub limit: usize,
}

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Nothing was done; trying again later may work.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// It is there, but not as payoutd needs it, and has to be mended first. Says how. Nothing was
    /// done.
    #[error("{0}")]
    Misconfigured(String),
    /// A write may or may not have been done.
    #[error("the outcome of a write to the store is unknown: {0}")]
    Unknown(String),
    /// A newer payoutd wrote this: it is for one of those.
    #[error("payout {0} was written by a newer payoutd, and waits for one")]
    Newer(PayoutId),
    /// What is stored cannot be read: it was damaged.
    #[error("a stored record cannot be read: {0}")]
    Unreadable(String),
}

/// Reads a record that an adapter has kept.
pub(crate) fn read_record(id: &str, record: &[u8]) -> Result<Payout, StoreError> {
    #[derive(Deserialize)]
    struct Written {
        #[serde(default)]
        format: u32,
    }

    let newer = |id: &str| match PayoutId::try_from(id.to_owned()) {
        Ok(id) => StoreError::Newer(id),
        Err(_) => StoreError::Unreadable("a payout id is damaged".into()),
    };
    match serde_json::from_slice::<Payout>(record) {
        Ok(payout) if payout.format > FORMAT => Err(newer(id)),
        Ok(payout) => Ok(payout),
        Err(error) => match serde_json::from_slice::<Written>(record) {
            Ok(written) if written.format > FORMAT => Err(newer(id)),
            // Names the place and not what stands there: it may be somebody's account.
            Ok(_) | Err(_) => {
                let (kind, column) = (error.classify(), error.column());
                let place = format!("payout {id}: {kind:?} error at byte {column}");
                Err(StoreError::Unreadable(place))
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// A stub is the shortest record there is.
    fn record() -> Value {
        let id = "inv-1".parse().expect("an id");
        json!(Payout::stub(id, "not any more".into(), Timestamp::from_millis(0)))
    }

    fn read(record: &Value) -> Result<Payout, StoreError> {
        read_record("inv-1", record.to_string().as_bytes())
    }

    #[test]
    fn case_57_a_record_of_a_newer_format_is_for_newer_processes_whatever_is_in_it() {
        let mut newer = record();
        newer["format"] = (FORMAT + 1).into();
        assert!(matches!(read(&newer), Err(StoreError::Newer(_))));
        newer["state"] = "beyond".into();
        assert!(matches!(read(&newer), Err(StoreError::Newer(_))));
        let mut damaged = record();
        damaged["state"] = "beyond".into();
        assert!(matches!(read(&damaged), Err(StoreError::Unreadable(_))));
        let mut first = record();
        first.as_object_mut().expect("an object").remove("format");
        assert!(read(&first).is_ok(), "from before there were formats");
    }
}
