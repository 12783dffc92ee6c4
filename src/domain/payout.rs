//! The record of a payout: all that payoutd knows of it, stored as one piece.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::call::Call;
use super::command::CreateCommand;
use super::event::{Entry, Event};
use super::id::{BankPayoutId, PayoutId, SessionId};
use super::json::Raw;
use super::session::BankReason;
use super::time::Timestamp;

/// Where a payout stands. `docs/state-machine.md` draws it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Recorded; `session/create` may have been sent. Moved on by its answer. After a crash: past
    /// the intention's deadline it is sent again as the next try; an unused session is harmless.
    Creating,
    /// The session is known; `session/start/payout` may have been sent. Moved on by its answer or
    /// by the bank showing the payout. After a crash: past the deadline status is asked, and only
    /// an empty session is started again.
    Bound,
    /// The bank has the payout; waits for the bank to ask for confirmation. Moved on by a webhook
    /// or by status. After a crash: status is asked.
    Started,
    /// Decided: confirm, which may have been sent. After a crash: past the deadline status is
    /// asked, and confirm sent again only if the bank still waits for it.
    Confirming,
    /// Decided: cancel, which may have been sent. After a crash: as for `Confirming`.
    Cancelling,
    /// The bank took the confirmation; waits for the result. After a crash: status is asked.
    Confirmed,
    /// Final: the money was paid.
    Succeeded,
    /// Final: the bank could not pay.
    Failed,
    /// Final: the session was cancelled, by us or by the bank.
    Cancelled,
    /// Final: payoutd did not start it; no start was sent.
    Rejected,
}

impl State {
    pub const ALL: [Self; 10] = [
        Self::Creating,
        Self::Bound,
        Self::Started,
        Self::Confirming,
        Self::Cancelling,
        Self::Confirmed,
        Self::Succeeded,
        Self::Failed,
        Self::Cancelled,
        Self::Rejected,
    ];

    pub fn is_final(self) -> bool {
        match self {
            Self::Succeeded | Self::Failed | Self::Cancelled | Self::Rejected => true,
            Self::Creating
            | Self::Bound
            | Self::Started
            | Self::Confirming
            | Self::Cancelling
            | Self::Confirmed => false,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Creating => "creating",
            Self::Bound => "bound",
            Self::Started => "started",
            Self::Confirming => "confirming",
            Self::Cancelling => "cancelling",
            Self::Confirmed => "confirmed",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Rejected => "rejected",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A call to the bank that changes something, written down before it is sent. Only the process
/// whose write put it here sends it, once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intention {
    pub call: Call,
    /// 1 for the first. Part of the idempotency key.
    #[serde(rename = "try")]
    pub attempt: u32,
    /// When it was written, by the store's clock.
    pub at: Timestamp,
    pub outcome: CallOutcome,
}

/// What is known of an intention's call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum CallOutcome {
    /// May have been sent; no answer recorded.
    Pending,
    /// Sent, and nobody knows with what effect. `key_used`: the bank said that the idempotency
    /// key was used before.
    Unknown { key_used: bool },
    /// Certainly not sent; the same try may go out from `until` on.
    Postponed { until: Timestamp },
    /// Answered: definitely not done.
    Refused { reason: BankReason },
    /// Answered: done.
    Answered,
}

/// Why a payout needs a person. While it is set nothing is started or confirmed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attention {
    pub reason: String,
    pub at: Timestamp,
}

/// One payout. Changed by [`super::transition::apply`] alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Payout {
    pub command: CreateCommand,
    /// SHA-256 of the canonical command, in hex.
    pub content_hash: String,
    pub state: State,
    /// When it came into this state.
    pub since: Timestamp,
    /// Grows by one with each write; the store compares it.
    pub version: u64,
    /// Who wrote this version: tells a write whose outcome was unknown from another's.
    pub write_id: u64,
    /// Written once.
    pub session: Option<SessionId>,
    pub bank_payout: Option<BankPayoutId>,
    /// The last call intended.
    pub intention: Intention,
    /// Settlement payouts: what confirm or cancel has to echo, byte for byte.
    pub confirm_information: Option<Raw>,
    /// Number of the newest ticket; 0 when none was written yet.
    pub ticket: u64,
    /// Tickets used since the state last changed: the longer a payout waits, the rarer the looks.
    pub looks: u32,
    /// When the newest ticket, or without one the sweep, has it looked at again.
    pub next_look_at: Timestamp,
    pub attention: Option<Attention>,
    /// Everything that happened, in order: the audit trail and the outbox.
    pub history: Vec<Entry>,
    /// How many entries of the history are known to be published.
    pub published: usize,
}

impl Payout {
    /// A new record for a command: its first history entry, and the intention to create a session.
    pub fn accept(
        command: CreateCommand,
        content_hash: String,
        at: Timestamp,
        next_look_at: Timestamp,
    ) -> Self {
        Self {
            command,
            content_hash,
            state: State::Creating,
            since: at,
            version: 0,
            write_id: 0,
            session: None,
            bank_payout: None,
            intention: Intention::new(Call::Create, 1, at),
            confirm_information: None,
            ticket: 0,
            looks: 0,
            next_look_at,
            attention: None,
            history: vec![Entry { at, event: Event::Accepted }],
            published: 0,
        }
    }

    pub fn id(&self) -> &PayoutId {
        &self.command.payout_id
    }

    /// Final, and everything that happened is published: nothing is left to do.
    pub fn is_settled(&self) -> bool {
        self.state.is_final() && self.published == self.history.len()
    }

    /// Whether another writer has overtaken the call that `sent` stands for.
    pub fn still_intends(&self, sent: &Intention) -> bool {
        let mine = &self.intention;
        (mine.call, mine.attempt, mine.at) == (sent.call, sent.attempt, sent.at)
    }
}

impl Intention {
    pub fn new(call: Call, attempt: u32, at: Timestamp) -> Self {
        Self { call, attempt, at, outcome: CallOutcome::Pending }
    }
}
