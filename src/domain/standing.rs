//! What all processes of one store agree on beside its payouts: which store it is, and what is
//! paused.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::call::Call;

/// Names a store from its beginning, or from when a person has looked into what it had lost, to
/// the next such moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Epoch(pub u64);

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// How things stand, as an answer of the store says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// `None`: the store was emptied, or nobody has begun to use it.
    pub epoch: Option<Epoch>,
    pub paused: Paused,
    /// It has lost something, now or at any time: what it does not know may have been in it.
    pub has_lost: bool,
}

/// What is not sent to the bank, each with the reason. Cancelling is never paused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Paused {
    /// No session is opened and no payout started.
    pub starts: Option<String>,
    /// No payout is confirmed.
    pub confirms: Option<String>,
}

impl Paused {
    /// Why this call may not go out now.
    pub fn bars(&self, call: Call) -> Option<&str> {
        match call {
            Call::Create | Call::Init | Call::Start => self.starts.as_deref(),
            Call::Confirm => self.confirms.as_deref(),
            Call::Cancel => None,
        }
    }

    pub fn anything(&self) -> bool {
        self.starts.is_some() || self.confirms.is_some()
    }
}

/// What to pause or to resume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope {
    pub starts: bool,
    pub confirms: bool,
}

impl Scope {
    pub const ALL: Self = Self { starts: true, confirms: true };
}
