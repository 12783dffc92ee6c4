//! Result events, as the contract describes them: CloudEvents 1.0 with payoutd's data.
//!
//! What may be left out is left out, never `null`; only the caller's `metadata` is whatever the
//! caller made it. Events may have more fields than are described.

mod data;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::commands::PayoutId;
use super::{generator, schema_of};
use data::{
    ConfirmedData, ConflictData, FailedData, HeldData, InvalidData, PayoutData, RefusedData,
    StoppedData, TroubledData,
};

/// One event, told apart by its `type`, which is the routing key too. A type that is not described
/// here is newer than this document.
#[derive(JsonSchema)]
#[schemars(untagged, title = "Result events of payoutd")]
pub enum Event {
    Accepted(PayoutAccepted),
    Started(PayoutStarted),
    Held(PayoutHeld),
    Confirmed(PayoutConfirmed),
    NeedsAttention(PayoutNeedsAttention),
    Refunded(PayoutRefunded),
    Succeeded(PayoutSucceeded),
    Failed(PayoutFailed),
    Cancelled(PayoutCancelled),
    Rejected(PayoutRejected),
    Conflict(PayoutConflict),
    Invalid(PayoutInvalid),
    CommandRefused(PayoutCommandRefused),
}

/// What every event has.
#[derive(JsonSchema)]
pub struct Envelope {
    /// The version of CloudEvents.
    #[schemars(extend("const" = "1.0"))]
    pub specversion: String,
    /// Stays the same however often the event is published: the key to book under.
    #[schemars(length(min = 1))]
    pub id: String,
    /// Which payoutd: `/payoutd/` and the bank's project.
    #[schemars(length(min = 1), extend("format" = "uri-reference"))]
    pub source: String,
    /// When it happened.
    #[schemars(extend("format" = "date-time"))]
    pub time: String,
    #[schemars(extend("const" = "application/json"))]
    pub datacontenttype: String,
}

/// What every event in a payout's history has.
#[derive(JsonSchema)]
pub struct InHistory {
    #[serde(flatten)]
    pub envelope: Envelope,
    /// The payout's id.
    pub subject: PayoutId,
    /// Grows with the events of a payout, not always by one: ten digits, ordered as text.
    #[schemars(extend("pattern" = "^[0-9]{10}$"))]
    pub sequence: String,
}

/// What every event about a command under a payout's id has.
#[derive(JsonSchema)]
pub struct AboutCommand {
    #[serde(flatten)]
    pub envelope: Envelope,
    /// The payout id that the command names.
    pub subject: PayoutId,
}

/// What every event about a message that is no command has.
#[derive(JsonSchema)]
pub struct AboutMessage {
    #[serde(flatten)]
    pub envelope: Envelope,
    /// The payout id that the message names, if it names one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "PayoutId")]
    pub subject: Option<PayoutId>,
}

macro_rules! event {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $context:ty, $data:ty) => {
        $(#[$doc])*
        #[derive(JsonSchema)]
        pub struct $name {
            #[serde(rename = "type")]
            #[schemars(extend("const" = $kind))]
            pub kind: String,
            #[serde(flatten)]
            pub context: $context,
            pub data: $data,
        }
    };
}

event! {
    /// Recorded. From here on the payout ends in one of the four final events.
    PayoutAccepted, "payout.accepted", InHistory, PayoutData
}

event! {
    /// The bank has the payout and holds it.
    PayoutStarted, "payout.started", InHistory, PayoutData
}

event! {
    /// It waits for `payout.approve` or `payout.reject`; without either it is cancelled.
    PayoutHeld, "payout.held", InHistory, HeldData
}

event! {
    /// What the bank shows agrees with the command, and the bank was told to pay.
    PayoutConfirmed, "payout.confirmed", InHistory, ConfirmedData
}

event! {
    /// A person has to look. The payout may still end by itself.
    PayoutNeedsAttention, "payout.needs_attention", InHistory, TroubledData
}

event! {
    /// Money that was paid came back. Follows the final event.
    PayoutRefunded, "payout.refunded", InHistory, PayoutData
}

event! {
    /// Final: the bank has paid.
    PayoutSucceeded, "payout.succeeded", InHistory, PayoutData
}

event! {
    /// Final: the bank has not paid.
    PayoutFailed, "payout.failed", InHistory, FailedData
}

event! {
    /// Final: cancelled, and not paid.
    PayoutCancelled, "payout.cancelled", InHistory, StoppedData
}

event! {
    /// Final: nothing was started.
    PayoutRejected, "payout.rejected", InHistory, StoppedData
}

event! {
    /// Another command came under a payout id that exists; the payout goes on unaffected.
    PayoutConflict, "payout.conflict", AboutCommand, ConflictData
}

event! {
    /// A message is no command. It lies in the dead letters.
    PayoutInvalid, "payout.invalid", AboutMessage, InvalidData
}

event! {
    /// A command about a payout came too late, or does not fit its state. Nothing has changed.
    PayoutCommandRefused, "payout.command_refused", AboutCommand, RefusedData
}

/// The JSON Schema of every event.
pub fn schema() -> Value {
    schema_of::<Event>(generator(SchemaSettings::draft2020_12().for_serialize())).to_value()
}
