//! What the world is told: CloudEvents 1.0, structured JSON.
//!
//! The id is the payout id, the type and its occurrence: stable, so that a subscriber can use it
//! as its own idempotency key however often an event is published.

use serde::Serialize;

use super::command::{CreateCommand, Intervention, InvalidCommand, Violation};
use super::event::{Entry, Event};
use super::id::{BankPayoutId, PayoutId, SessionId};
use super::json::Raw;
use super::money::Money;
use super::payout::{Payout, State};
use super::session::BankReason;
use super::time::Timestamp;

/// A result event, ready to publish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultEvent {
    /// `payout.succeeded` and so on: the CloudEvents type and the routing key.
    pub kind: &'static str,
    pub body: Vec<u8>,
}

/// The type under which an event of the history is published, if it is.
pub fn kind(event: &Event) -> Option<&'static str> {
    match event {
        Event::Accepted { .. } | Event::CommandCame { .. } => Some("payout.accepted"),
        Event::Started { .. } | Event::Initiated { .. } | Event::Adopted { .. } => {
            Some("payout.started")
        }
        Event::Held { .. } => Some("payout.held"),
        Event::Confirmed => Some("payout.confirmed"),
        Event::NeedsAttention { .. } => Some("payout.needs_attention"),
        Event::Refunded { .. } => Some("payout.refunded"),
        Event::Succeeded { .. } => Some("payout.succeeded"),
        Event::Failed { .. } => Some("payout.failed"),
        Event::Cancelled { .. } => Some("payout.cancelled"),
        Event::Rejected { .. } => Some("payout.rejected"),
        Event::Intended { .. }
        | Event::Postponed { .. }
        | Event::OutcomeUnknown { .. }
        | Event::Refused { .. }
        | Event::SessionBound { .. }
        | Event::Approved { .. }
        | Event::CancelRequested { .. }
        | Event::Released { .. }
        | Event::ConfirmDecided { .. }
        | Event::CancelDecided { .. }
        | Event::CancelTaken
        | Event::StrayFound { .. }
        | Event::TicketIssued { .. }
        | Event::Published { .. } => None,
    }
}

#[derive(Serialize)]
struct CloudEvent<'a, D> {
    specversion: &'a str,
    id: String,
    #[serde(rename = "type")]
    kind: &'a str,
    source: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a PayoutId>,
    time: String,
    /// The payout's events in their order; CloudEvents' own extension, whose values are ordered as
    /// text. They have gaps, so they are not of its type `Integer`.
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence: Option<String>,
    datacontenttype: &'a str,
    data: D,
}

#[derive(Serialize)]
struct PayoutData<'a> {
    payout_id: &'a PayoutId,
    state: State,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount_details: Option<&'a Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Option<&'a SessionId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bank_payout_id: Option<&'a BankPayoutId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a BankReason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    /// Held: until when it may be approved.
    #[serde(skip_serializing_if = "Option::is_none")]
    approve_before: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a Raw>,
}

#[derive(Serialize)]
struct ConflictData<'a> {
    payout_id: &'a PayoutId,
    reason: &'a str,
}

#[derive(Serialize)]
struct CommandRefusedData<'a> {
    payout_id: &'a PayoutId,
    command: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<State>,
    reason: &'a str,
}

#[derive(Serialize)]
struct InvalidData<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    payout_id: Option<&'a PayoutId>,
    violations: &'a [Violation],
}

/// The result event of history entry `index`, if that entry is published at all.
pub fn result_event(payout: &Payout, index: usize, source: &str) -> Option<ResultEvent> {
    let past = payout.history.get(..=index)?;
    let Entry { at, event } = past.last()?;
    let kind = self::kind(event)?;
    let occurrence = past.iter().filter(|e| self::kind(&e.event) == Some(kind)).count();
    let (error, reason) = explanation(past);
    let command = payout.command.create();
    let approve_before = match event {
        Event::Held { until, .. } => Some(until.to_string()),
        _ => None,
    };
    let data = PayoutData {
        payout_id: payout.id(),
        // Only what began as a stub has a past that leads to no state.
        state: past.iter().rev().find_map(|e| e.event.leads_to()).unwrap_or(State::Stub),
        amount_details: command.map(|command| &command.money),
        session_id: payout.session.as_ref(),
        bank_payout_id: payout.bank_payout.as_ref(),
        error,
        reason,
        approve_before,
        metadata: command.and_then(CreateCommand::metadata),
    };
    let id = format!("{}/{kind}/{occurrence}", payout.id());
    let sequence = Some(format!("{:010}", index + 1));
    Some(cloud_event(kind, id, source, Some(payout.id()), sequence, *at, data))
}

/// The final event of a payout that has one.
pub fn final_event(payout: &Payout, source: &str) -> Option<ResultEvent> {
    let is_final = |entry: &Entry| entry.event.leads_to().is_some_and(State::is_final);
    let index = payout.history.iter().position(is_final)?;
    result_event(payout, index, source)
}

/// Another command came under the id of this payout, which goes on unaffected.
pub fn conflict(payout: &Payout, message_hash: &str, source: &str, at: Timestamp) -> ResultEvent {
    let reason = "this payout id was used before with other content; give each payout its own id";
    let id = format!("{}/payout.conflict/{message_hash}", payout.id());
    let data = ConflictData { payout_id: payout.id(), reason };
    cloud_event("payout.conflict", id, source, Some(payout.id()), None, at, data)
}

/// An intervention came too late, or has nothing to change. Its payout goes on unaffected.
pub fn command_refused(
    intervention: &Intervention,
    state: Option<State>,
    reason: &str,
    message_hash: &str,
    source: &str,
    at: Timestamp,
) -> ResultEvent {
    const KIND: &str = "payout.command_refused";
    let Intervention { verb, payout_id, .. } = intervention;
    let id = format!("{payout_id}/{KIND}/{message_hash}");
    let data = CommandRefusedData { payout_id, command: verb.command_type(), state, reason };
    cloud_event(KIND, id, source, Some(payout_id), None, at, data)
}

/// A message could not be taken as a command; it lies in the dead letters.
pub fn invalid(
    command: &InvalidCommand,
    message_hash: &str,
    source: &str,
    at: Timestamp,
) -> ResultEvent {
    let subject = command.payout_id.as_ref();
    let data = InvalidData { payout_id: subject, violations: &command.violations };
    cloud_event("payout.invalid", message_hash.to_owned(), source, subject, None, at, data)
}

/// Why the last of these happened: the bank's reason, or ours.
fn explanation(past: &[Entry]) -> (Option<&BankReason>, Option<&str>) {
    let Some(Entry { event, .. }) = past.last() else { return (None, None) };
    match event {
        Event::Failed { reason } => (Some(reason), None),
        Event::Held { reason, .. }
        | Event::Cancelled { reason }
        | Event::Rejected { reason }
        | Event::NeedsAttention { reason, .. } => (None, Some(reason)),
        // Why it was decided so; the bank only took it.
        Event::Confirmed => (None, past.iter().rev().find_map(reason_to_confirm)),
        Event::Accepted { .. }
        | Event::CommandCame { .. }
        | Event::Intended { .. }
        | Event::Postponed { .. }
        | Event::OutcomeUnknown { .. }
        | Event::Refused { .. }
        | Event::SessionBound { .. }
        | Event::Initiated { .. }
        | Event::Started { .. }
        | Event::Adopted { .. }
        | Event::Approved { .. }
        | Event::CancelRequested { .. }
        | Event::Released { .. }
        | Event::ConfirmDecided { .. }
        | Event::CancelDecided { .. }
        | Event::CancelTaken
        | Event::Succeeded { .. }
        | Event::StrayFound { .. }
        | Event::Refunded { .. }
        | Event::TicketIssued { .. }
        | Event::Published { .. } => (None, None),
    }
}

fn reason_to_confirm(entry: &Entry) -> Option<&str> {
    match &entry.event {
        Event::ConfirmDecided { reason, .. } => Some(reason.as_str()),
        _ => None,
    }
}

fn cloud_event(
    kind: &'static str,
    id: String,
    source: &str,
    subject: Option<&PayoutId>,
    sequence: Option<String>,
    at: Timestamp,
    data: impl Serialize,
) -> ResultEvent {
    let event = CloudEvent {
        specversion: "1.0",
        id,
        kind,
        source,
        subject,
        time: at.to_string(),
        sequence,
        datacontenttype: "application/json",
        data,
    };
    let body = serde_json::to_vec(&event).expect("strings, numbers and raw JSON are JSON");
    ResultEvent { kind, body }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::samples::*;

    #[test]
    fn each_occurrence_has_an_id_of_its_own_that_never_changes() {
        let refund = |digest: &str| Event::Refunded { digest: digest.into() };
        let once = after(payout_in(State::Succeeded), &[(9, refund("one"))]);
        let twice = after(once.clone(), &[(10, refund("two"))]);
        let id = |payout: &Payout, index| {
            let body = result_event(payout, index, "/test").expect("published").body;
            let event: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
            event["id"].as_str().expect("text").to_owned()
        };
        let last = once.history.len() - 1;
        assert_eq!(id(&once, last), "inv-1/payout.refunded/1");
        assert_eq!(id(&twice, last), "inv-1/payout.refunded/1");
        assert_eq!(id(&twice, last + 1), "inv-1/payout.refunded/2");
    }
}
