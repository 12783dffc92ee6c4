//! What each process does. Roles differ in what they take, not in how they drive: each message
//! only says *look at this payout*, and one driver does the rest.

pub mod decider;
pub mod driver;
pub mod executor;
pub mod ingress;
pub mod intake;
pub mod reconciler;

use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Takes commands: records them, creates and starts sessions.
    Executor,
    /// Takes the bank's webhooks over HTTP.
    Ingress,
    /// Takes the bank's verified events: decides, confirms or cancels, settles.
    Decider,
    /// Takes tickets: asks for status, resumes what a crash left; sweeps the store.
    Reconciler,
}

impl Role {
    pub const ALL: [Self; 4] = [Self::Executor, Self::Ingress, Self::Decider, Self::Reconciler];

    pub fn name(self) -> &'static str {
        match self {
            Self::Executor => "executor",
            Self::Ingress => "ingress",
            Self::Decider => "decider",
            Self::Reconciler => "reconciler",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
