//! The ticket: a delayed message that has a waiting payout looked at again.

use serde::{Deserialize, Serialize};

use super::id::{PayoutId, SessionId};
use super::payout::Payout;
use super::standing::Epoch;

/// Says *look at this payout* at a later time. Each payout has one chain of tickets; a ticket
/// whose number is below the record's is an old one and has no successor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    pub payout: PayoutId,
    pub number: u64,
    /// The payout's session when the ticket was written: what is left to ask by if the store
    /// should lose the record.
    pub session: Option<SessionId>,
    /// The record's version when the ticket was published: the write that names it comes after.
    pub version: u64,
    /// The store's epoch then. `None`: a version of payoutd wrote it that knew none.
    #[serde(default)]
    pub epoch: Option<Epoch>,
}

impl Ticket {
    pub fn of(payout: &Payout, number: u64, epoch: Option<Epoch>) -> Self {
        Self {
            payout: payout.id().clone(),
            number,
            session: payout.session.clone(),
            version: payout.version,
            epoch,
        }
    }

    /// A look at a payout whose record could not be read, for a session that it may have. It is never
    /// an old one, and ahead of a record only if there is none.
    pub fn about(payout: PayoutId, session: SessionId) -> Self {
        Self { payout, number: u64::MAX, session: Some(session), version: 1, epoch: None }
    }

    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("ids and numbers are JSON")
    }
}
