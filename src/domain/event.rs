//! What can happen to a payout.

use serde::{Deserialize, Serialize};

use super::command::{CreateCommand, Flow};
use super::id::{BankPayoutId, SessionId};
use super::json::Raw;
use super::payout::State;
use super::session::BankReason;
use super::time::Timestamp;

/// An event and when it was written, by the store's clock.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    pub at: Timestamp,
    #[serde(flatten)]
    pub event: Event,
}

/// Something that happened. The history keeps them all but the last two, and of calls that could not
/// be sent only the first postponement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The command was recorded, with the intention to create a session, or to start the payout
    /// in one request. First and only first.
    Accepted {
        #[serde(default)]
        flow: Flow,
    },
    /// The command of a stub came.
    CommandCame {
        #[serde(skip)]
        command: Option<Box<CreateCommand>>,
        #[serde(skip)]
        content_hash: String,
    },
    /// The state's call is about to be sent, again or for the first time after a postponement.
    Intended {
        #[serde(rename = "try")]
        attempt: u32,
    },
    /// The call was certainly not sent: the bank could not be reached.
    Postponed { until: Timestamp },
    /// The call was sent and its effect is not known.
    OutcomeUnknown { why: String, key_used: bool },
    /// The bank answered that it did not do it.
    Refused { reason: BankReason },
    /// The bank opened this session; starting the payout in it is intended at once. A ticket with
    /// the next number is out.
    SessionBound { session: SessionId, next_look_at: Timestamp },
    /// One-request flow: the bank opened this session with the payout in it.
    Initiated { session: SessionId, bank_payout: Option<BankPayoutId> },
    /// The bank has the payout. `answered`: the bank's answer to start said so.
    Started { bank_payout: Option<BankPayoutId>, answered: bool },
    /// This session, which the store had lost or had nothing else left of, is the payout's: a person
    /// has looked, or the bank shows it as paid there. It goes on from there.
    Adopted { session: SessionId },
    /// The bank waits for confirmation, and our rules, for this reason, for a person until then.
    Held {
        reason: String,
        until: Timestamp,
        #[serde(skip)]
        confirm_information: Option<Raw>,
    },
    /// A person approved what was held; it is looked at again at once.
    Approved { reason: String },
    /// Somebody wants it cancelled. As soon as it is known where it stands, that is done.
    CancelRequested { reason: String },
    /// A person ended the attention: payoutd carries on.
    Released { reason: String },
    /// The gate said yes; confirming is intended at once.
    ConfirmDecided {
        #[serde(default)]
        reason: String,
        #[serde(skip)]
        confirm_information: Option<Raw>,
    },
    /// The gate said no; cancelling is intended at once.
    CancelDecided {
        reason: String,
        #[serde(skip)]
        confirm_information: Option<Raw>,
    },
    /// The bank took the confirmation.
    Confirmed,
    /// The bank took the cancellation.
    CancelTaken,
    /// Paid.
    Succeeded { bank_payout: Option<BankPayoutId> },
    /// Not paid: the bank could not.
    Failed { reason: BankReason },
    /// Not paid: the session was cancelled.
    Cancelled { reason: String },
    /// Not started.
    Rejected { reason: String },
    /// A person must look; at this other session, if one is named.
    NeedsAttention {
        reason: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        session: Option<SessionId>,
    },
    /// A session that still waits for confirmation was found under a final payout; cancelling it is
    /// intended at once.
    StrayFound {
        #[serde(skip)]
        confirm_information: Option<Raw>,
    },
    /// Money came back after success. `digest` tells one notice from another.
    Refunded { digest: String },
    /// Not kept in the history: a ticket with the next number is out, due then.
    TicketIssued { next_look_at: Timestamp },
    /// Not kept in the history: its first `published` entries are known to be published.
    Published { published: usize },
}

impl Event {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Accepted { .. } => "accepted",
            Self::CommandCame { .. } => "command_came",
            Self::Intended { .. } => "intended",
            Self::Postponed { .. } => "postponed",
            Self::OutcomeUnknown { .. } => "outcome_unknown",
            Self::Refused { .. } => "refused",
            Self::SessionBound { .. } => "session_bound",
            Self::Initiated { .. } => "initiated",
            Self::Started { .. } => "started",
            Self::Adopted { .. } => "adopted",
            Self::Held { .. } => "held",
            Self::Approved { .. } => "approved",
            Self::CancelRequested { .. } => "cancel_requested",
            Self::Released { .. } => "released",
            Self::ConfirmDecided { .. } => "confirm_decided",
            Self::CancelDecided { .. } => "cancel_decided",
            Self::Confirmed => "confirmed",
            Self::CancelTaken => "cancel_taken",
            Self::Succeeded { .. } => "succeeded",
            Self::Failed { .. } => "failed",
            Self::Cancelled { .. } => "cancelled",
            Self::Rejected { .. } => "rejected",
            Self::NeedsAttention { .. } => "needs_attention",
            Self::StrayFound { .. } => "stray_found",
            Self::Refunded { .. } => "refunded",
            Self::TicketIssued { .. } => "ticket_issued",
            Self::Published { .. } => "published",
        }
    }

    /// The state it leads to, if it changes the state.
    pub fn leads_to(&self) -> Option<State> {
        match self {
            Self::Accepted { flow: Flow::TwoStep } => Some(State::Creating),
            Self::Accepted { flow: Flow::OneRequest } => Some(State::Initiating),
            Self::SessionBound { .. } => Some(State::Bound),
            Self::Started { .. }
            | Self::Initiated { .. }
            | Self::Adopted { .. }
            | Self::Approved { .. } => Some(State::Started),
            Self::Held { .. } => Some(State::Held),
            Self::ConfirmDecided { .. } => Some(State::Confirming),
            Self::CancelDecided { .. } => Some(State::Cancelling),
            Self::Confirmed => Some(State::Confirmed),
            Self::Succeeded { .. } => Some(State::Succeeded),
            Self::Failed { .. } => Some(State::Failed),
            Self::Cancelled { .. } => Some(State::Cancelled),
            Self::Rejected { .. } => Some(State::Rejected),
            Self::CommandCame { .. }
            | Self::Intended { .. }
            | Self::Postponed { .. }
            | Self::OutcomeUnknown { .. }
            | Self::Refused { .. }
            | Self::CancelRequested { .. }
            | Self::Released { .. }
            | Self::CancelTaken
            | Self::NeedsAttention { .. }
            | Self::StrayFound { .. }
            | Self::Refunded { .. }
            | Self::TicketIssued { .. }
            | Self::Published { .. } => None,
        }
    }

    /// Whether writing this event intends a call, which its writer then sends.
    pub fn intends_call(&self) -> bool {
        match self {
            Self::Accepted { .. }
            | Self::Intended { .. }
            | Self::SessionBound { .. }
            | Self::ConfirmDecided { .. }
            | Self::CancelDecided { .. }
            | Self::StrayFound { .. } => true,
            Self::CommandCame { .. }
            | Self::Postponed { .. }
            | Self::OutcomeUnknown { .. }
            | Self::Refused { .. }
            | Self::Initiated { .. }
            | Self::Started { .. }
            | Self::Adopted { .. }
            | Self::Held { .. }
            | Self::Approved { .. }
            | Self::CancelRequested { .. }
            | Self::Released { .. }
            | Self::Confirmed
            | Self::CancelTaken
            | Self::Succeeded { .. }
            | Self::Failed { .. }
            | Self::Cancelled { .. }
            | Self::Rejected { .. }
            | Self::NeedsAttention { .. }
            | Self::Refunded { .. }
            | Self::TicketIssued { .. }
            | Self::Published { .. } => false,
        }
    }
}
