//! The `data` of events.

use schemars::JsonSchema;
use serde_json::Value;

use crate::contract::commands::{AmountDetails, PayoutId};

/// What is said of a payout in any event of its history.
#[derive(JsonSchema)]
pub struct About {
    pub payout_id: PayoutId,
    pub state: State,
    /// The bank's session, once there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub session_id: Option<String>,
    /// The bank's own name for the payout, once it has shown one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub bank_payout_id: Option<String>,
    /// The command's own, as it was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Value")]
    pub metadata: Option<Value>,
}

/// A payout and its amount.
#[derive(JsonSchema)]
pub struct PayoutData {
    #[serde(flatten)]
    pub about: About,
    pub amount_details: AmountDetails,
}

/// Why it waits, and how long.
#[derive(JsonSchema)]
pub struct HeldData {
    #[serde(flatten)]
    pub payout: PayoutData,
    pub reason: String,
    /// RFC 3339. At this time it is cancelled unless it was approved.
    #[schemars(extend("format" = "date-time"))]
    pub approve_before: String,
}

/// Why it was confirmed.
#[derive(JsonSchema)]
pub struct ConfirmedData {
    #[serde(flatten)]
    pub payout: PayoutData,
    /// What the policy, or a person, said for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub reason: Option<String>,
}

/// Why a person has to look.
#[derive(JsonSchema)]
pub struct TroubledData {
    #[serde(flatten)]
    pub about: About,
    /// Missing only while the payout's command is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "AmountDetails")]
    pub amount_details: Option<AmountDetails>,
    pub reason: String,
}

/// Why it was not paid, in the bank's words.
#[derive(JsonSchema)]
pub struct FailedData {
    #[serde(flatten)]
    pub payout: PayoutData,
    pub error: BankError,
}

/// Why it was cancelled or not started, such as what differed from the command.
#[derive(JsonSchema)]
pub struct StoppedData {
    #[serde(flatten)]
    pub payout: PayoutData,
    pub reason: String,
}

/// The payout id that was used twice.
#[derive(JsonSchema)]
pub struct ConflictData {
    pub payout_id: PayoutId,
    pub reason: String,
}

/// Everything that is wrong with a message.
#[derive(JsonSchema)]
pub struct InvalidData {
    /// The payout id that it names, if it names one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "PayoutId")]
    pub payout_id: Option<PayoutId>,
    #[schemars(length(min = 1))]
    pub violations: Vec<Violation>,
}

/// A command that was not followed.
#[derive(JsonSchema)]
pub struct RefusedData {
    pub payout_id: PayoutId,
    /// The command's type, such as `payout.cancel`.
    pub command: String,
    /// The payout's, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "State")]
    pub state: Option<State>,
    pub reason: String,
}

/// One thing that is wrong with a message.
#[derive(JsonSchema)]
pub struct Violation {
    /// A JSON pointer (RFC 6901); empty for the message as a whole.
    pub pointer: String,
    /// What is wrong there, and what to do about it.
    pub problem: String,
}

/// The bank's own words.
#[derive(JsonSchema)]
pub struct BankError {
    /// For programs. New ones may come.
    pub code: String,
    /// For people.
    pub text: String,
}

/// Where the payout stood after the event.
#[derive(JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Not known by its command yet: a cancellation or a notice of the bank came first.
    Stub,
    /// Recorded; a session may have been opened.
    Creating,
    /// Recorded; created and started in one request, which may have been sent.
    Initiating,
    /// The session is known; the payout may have been started in it.
    Bound,
    /// The bank has the payout.
    Started,
    /// Waits for approval.
    Held,
    /// To be confirmed.
    Confirming,
    /// To be cancelled.
    Cancelling,
    /// The bank took the confirmation.
    Confirmed,
    /// Final: paid.
    Succeeded,
    /// Final: the bank could not pay.
    Failed,
    /// Final: cancelled, and not paid.
    Cancelled,
    /// Final: nothing was started.
    Rejected,
}
