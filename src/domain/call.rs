//! Calls to the bank that change something: their idempotency keys, and what their answers mean.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::event::Event;
use super::id::SessionId;
use super::payout::{CallOutcome, Payout};
use super::policy::Policy;
use super::session::{BankReason, Reading, Session};
use super::time::Timestamp;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Call {
    Create,
    /// Create and start in one request.
    Init,
    Start,
    Confirm,
    Cancel,
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Create => "create",
            Self::Init => "init",
            Self::Start => "start",
            Self::Confirm => "confirm",
            Self::Cancel => "cancel",
        })
    }
}

/// What came of a call, sorted by what to do next.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Done; this is the session now.
    Done(Session),
    /// Definitely not done, and sending it again would change nothing.
    Refused(BankReason),
    /// Definitely not done for *this* payout: the project may not do it.
    Forbidden(BankReason),
    /// Definitely not done: the bank does not know us. The same for every payout; a person must
    /// mend our configuration.
    Misconfigured(BankReason),
    /// The bank has seen this idempotency key before.
    KeyUsed,
    /// No byte was sent.
    NotSent(String),
    /// It may or may not have been done.
    Unknown(String),
}

impl Answer {
    /// What `session/status` says of a session that the bank does not know: the request is wrong. Every
    /// other refusal leaves open what there is.
    pub fn denies_session(&self) -> bool {
        matches!(self, Self::Refused(reason) if reason.code == "invalid_request")
    }
}

/// The event that records an answer to the payout's intended call.
///
/// Unknown outcomes are recorded as such; what follows is decided by status past the deadline.
/// A bank that does not know us did nothing, but whether its refusal used up the idempotency key
/// is undocumented: that is an unknown outcome too, so the next try gets a key of its own.
pub fn record_answer(payout: &Payout, answer: &Answer, policy: &Policy, now: Timestamp) -> Event {
    let intention = &payout.intention;
    match answer {
        Answer::Done(session) => record_done(payout, session, policy, now),
        Answer::Refused(reason) => Event::Refused { reason: reason.clone() },
        Answer::Forbidden(reason) => {
            let why = format!("the bank forbids {}: {}", intention.call, reason.code);
            attention(payout, why, None)
        }
        // It was not done, and it has no next try: the same one again, once we are known.
        Answer::Misconfigured(_) if intention.call == Call::Init => postponed(payout, policy, now),
        Answer::Misconfigured(reason) => {
            Event::OutcomeUnknown { why: reason.code.clone(), key_used: false }
        }
        Answer::KeyUsed => {
            Event::OutcomeUnknown { why: "idempotency key already used".into(), key_used: true }
        }
        Answer::NotSent(_) => postponed(payout, policy, now),
        Answer::Unknown(why) => Event::OutcomeUnknown { why: why.clone(), key_used: false },
    }
}

fn postponed(payout: &Payout, policy: &Policy, now: Timestamp) -> Event {
    Event::Postponed { until: now + policy.delays.after(payout.looks) }
}

fn record_done(payout: &Payout, session: &Session, policy: &Policy, now: Timestamp) -> Event {
    let bank_payout = || session.payout().and_then(|p| p.id.clone());
    match payout.intention.call {
        Call::Create if session.reading() != Reading::Empty => {
            let why = format!("the bank answered create with {}, which is not new", session.id);
            attention(payout, why, Some(&session.id))
        }
        Call::Create => Event::SessionBound {
            session: session.id.clone(),
            next_look_at: now + policy.delays.after(0),
        },
        Call::Init => Event::Initiated { session: session.id.clone(), bank_payout: bank_payout() },
        Call::Start | Call::Confirm | Call::Cancel if !is_bound_to(payout, &session.id) => {
            let why = format!("the bank answered for another session, {}", session.id);
            attention(payout, why, Some(&session.id))
        }
        Call::Start => Event::Started { bank_payout: bank_payout(), answered: true },
        Call::Confirm => Event::Confirmed,
        Call::Cancel => Event::CancelTaken,
    }
}

/// Asks for a person once; after that the outcome is just one more that is unknown.
fn attention(payout: &Payout, reason: String, session: Option<&SessionId>) -> Event {
    match payout.attention {
        None => Event::NeedsAttention { reason, session: session.cloned() },
        Some(_) => Event::OutcomeUnknown { why: reason, key_used: false },
    }
}

pub fn is_bound_to(payout: &Payout, session: &SessionId) -> bool {
    payout.session.as_ref() == Some(session)
}

/// What an idempotency key is made of: it names the payout and not the session, so that the bank
/// itself refuses a second start or confirm of it.
pub fn idempotency_text(project: &str, payout: &Payout) -> String {
    let intention = &payout.intention;
    format!("payoutd/1\n{project}\n{}\n{}\n{}", payout.id(), intention.call, intention.attempt)
}

impl CallOutcome {
    /// Whether this call can no longer have an effect that we have not seen.
    pub fn is_definite(&self) -> bool {
        match self {
            Self::Answered | Self::Refused { .. } | Self::Postponed { .. } => true,
            Self::Pending | Self::Unknown { .. } => false,
        }
    }
}

#[cfg(test)]
mod tests;
