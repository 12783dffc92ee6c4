//! What a word of a person or a system does to a payout.
//!
//! Deciding only: whether it is taken, has been taken before, or comes too late. What follows is
//! [`next_step`](super::step::next_step)'s, as for everything else.

mod adoption;

use super::command::{Intervention, Verb};
use super::event::Event;
use super::id::SessionId;
use super::payout::{CallOutcome, Payout, State};
use super::policy::Policy;
use super::session::{Reading, Session};
use super::time::Timestamp;

use adoption::adopt;

pub use adoption::adoption;

/// What becomes of an intervention.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Write this, and drive the payout.
    Write(Event),
    /// Write this once every known session was looked at and none speaks against it.
    WriteOnEvidence(Event),
    /// Ask the bank for this session, and write its [`adoption`](adoption()) if that is the payout's.
    Adopt(SessionId),
    /// It was taken before: drive the payout.
    Known,
    /// It changes nothing, for this reason.
    Refused(String),
}

pub fn intervene(
    payout: &Payout,
    intervention: &Intervention,
    policy: &Policy,
    now: Timestamp,
) -> Effect {
    let reason = intervention.reason.clone();
    match intervention.verb {
        Verb::Cancel => cancel(payout, reason),
        Verb::Approve => approve(payout, reason, now),
        Verb::Reject => reject(payout, reason, policy, now),
        Verb::Release => release(payout, reason, policy, now),
        Verb::Adopt => adopt(payout, intervention.session.as_ref(), policy, now),
    }
}

const CONFIRMED: &str = "the payout was confirmed already: only the bank can end it";

fn refused(why: impl Into<String>) -> Effect {
    Effect::Refused(why.into())
}

fn cancel(payout: &Payout, reason: String) -> Effect {
    match payout.state {
        State::Confirmed => refused(CONFIRMED),
        State::Succeeded => refused("the payout was paid already"),
        State::Failed => refused("the payout has failed already; nothing was paid"),
        State::Rejected => refused("the payout was rejected already; nothing was paid"),
        State::Cancelling | State::Cancelled => Effect::Known,
        State::Stub
        | State::Creating
        | State::Initiating
        | State::Bound
        | State::Started
        | State::Held
        | State::Confirming
            if payout.cancel_requested.is_some() =>
        {
            Effect::Known
        }
        State::Confirming => refused("it was decided to confirm the payout already"),
        State::Stub
        | State::Creating
        | State::Initiating
        | State::Bound
        | State::Started
        | State::Held => Effect::Write(Event::CancelRequested { reason }),
    }
}

fn approve(payout: &Payout, reason: String, now: Timestamp) -> Effect {
    let too_late = payout.held_until.is_some_and(|until| now >= until);
    match payout.state {
        state if payout.cancel_requested.is_some() && !state.is_final() => {
            refused("the payout is to be cancelled")
        }
        State::Held if too_late => refused("nobody approved it in time: it is being cancelled"),
        State::Held => Effect::Write(Event::Approved { reason }),
        _ if payout.approved.is_some() => Effect::Known,
        state => refused(format!("the payout is {state}, and not held for review")),
    }
}

fn reject(payout: &Payout, reason: String, policy: &Policy, now: Timestamp) -> Effect {
    match payout.state {
        State::Succeeded | State::Failed | State::Cancelled | State::Rejected => {
            let release = if payout.attention.is_some() { "; release it instead" } else { "" };
            refused(format!("the payout has ended as {}{release}", payout.state))
        }
        State::Confirmed => refused(CONFIRMED),
        State::Stub
        | State::Creating
        | State::Initiating
        | State::Bound
        | State::Started
        | State::Held
        | State::Confirming
        | State::Cancelling => match (&payout.attention, &payout.cancel_requested) {
            // First the wish, then the release: nobody may confirm in between.
            (Some(_), None) if payout.state != State::Cancelling => {
                Effect::Write(Event::CancelRequested { reason })
            }
            (Some(_), _) => on_evidence(payout, reason, policy, now),
            (None, Some(_)) => Effect::Known,
            (None, None) if payout.state == State::Cancelling => Effect::Known,
            (None, None) if payout.state == State::Held => {
                Effect::Write(Event::CancelRequested { reason })
            }
            (None, None) => {
                let cancel = if payout.state.is_undecided() { "; cancel it instead" } else { "" };
                refused(format!(
                    "the payout is {}, and neither held for review nor in need of \
                     attention{cancel}",
                    payout.state
                ))
            }
        },
    }
}

fn release(payout: &Payout, reason: String, policy: &Policy, now: Timestamp) -> Effect {
    if payout.attention.is_none() {
        return match was_released(payout) {
            true => Effect::Known,
            false => refused("the payout does not need attention"),
        };
    }
    let released = Event::Released { reason: reason.clone() };
    match payout.state {
        _ if payout.history.iter().any(|entry| entry.event == released) => {
            refused(still_attentive(payout, SAID_BEFORE))
        }
        State::Stub if payout.command.create().is_none() => {
            refused("its command is not there: publish it again first, or reject it")
        }
        State::Stub if payout.session.is_none() => refused(
            "nothing is known of what was done for it; adopt its session if the bank has one; else \
             reject it, and send a command under a new id",
        ),
        State::Initiating => refused(
            "a payout that is started in one request is never sent twice; adopt its session if the \
             bank has one, or reject it",
        ),
        State::Creating | State::Bound | State::Confirming if key_was_used(payout) => refused(
            "the bank has seen a call of this payout that the store knows nothing of, so it is \
             never sent again; adopt its session if the bank has one, or reject it",
        ),
        state if state.is_final() => Effect::Write(released),
        _ => on_evidence(payout, reason, policy, now),
    }
}

const SAID_BEFORE: &str = "that was said of an earlier attention; if you have looked into this one \
                           too, say so in other words";

fn key_was_used(payout: &Payout) -> bool {
    payout.intention.outcome == CallOutcome::Unknown { key_used: true }
}

/// A release, once it can be told what became of the last call and of every known session.
fn on_evidence(payout: &Payout, reason: String, policy: &Policy, now: Timestamp) -> Effect {
    let released = Event::Released { reason };
    let known_by = policy.known_by(payout);
    if payout.history.iter().any(|entry| entry.event == released) {
        refused(still_attentive(payout, SAID_BEFORE))
    } else if now < known_by {
        refused(still_attentive(payout, &not_known_before(known_by)))
    } else if payout.has_countless_strangers() {
        let why = "more sessions have shown themselves as its own than can be looked at";
        refused(still_attentive(payout, why))
    } else {
        Effect::WriteOnEvidence(released)
    }
}

fn not_known_before(known_by: Timestamp) -> String {
    format!("what became of its last call is not known before {known_by}; send this again then")
}

/// Why attention was not ended; a wish to cancel, which may be a moment old, stands nevertheless.
pub fn still_attentive(payout: &Payout, why: &str) -> String {
    match payout.cancel_requested {
        Some(_) => format!("it is to be cancelled, and still needs attention: {why}"),
        None => why.to_owned(),
    }
}

/// Whether the last attention was ended by a release.
fn was_released(payout: &Payout) -> bool {
    let last = payout.history.iter().rev().find_map(|entry| match entry.event {
        Event::Released { .. } => Some(true),
        Event::NeedsAttention { .. } => Some(false),
        _ => None,
    });
    last == Some(true)
}

/// What a session, asked for just now, says against carrying on. The payout's own may stand
/// anywhere that [`next_step`](super::step::next_step) knows how to go on from; in another one
/// nothing may be paid any more.
pub fn objection(payout: &Payout, shown: &Session) -> Option<String> {
    let own = payout.session.as_ref() == Some(&shown.id);
    let id = &shown.id;
    match shown.reading() {
        Reading::Uncertain(why) => Some(format!("session {id}: {why}")),
        Reading::Several => Some(format!("session {id} holds more than one payout")),
        _ if !own && shown.may_pay() => {
            Some(format!("session {id} is another one of this payout, and may still pay it"))
        }
        Reading::Empty
        | Reading::InProgress
        | Reading::AwaitsConfirmation
        | Reading::Succeeded
        | Reading::Failed(_)
        | Reading::Cancelled => None,
    }
}

#[cfg(test)]
mod tests;
