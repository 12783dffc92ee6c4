//! What a word of a person or a system does to a payout.
//!
//! Deciding only: whether it is taken, has been taken before, or comes too late. What follows is
//! [`next_step`](super::step::next_step)'s, as for everything else.

use super::command::{Intervention, Verb};
use super::event::Event;
use super::payout::{Payout, State};
use super::session::{Reading, Session};

/// What becomes of an intervention.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Write this, and drive the payout.
    Write(Event),
    /// Write this once every known session was looked at and none speaks against it.
    WriteOnEvidence(Event),
    /// It was taken before: drive the payout.
    Known,
    /// It changes nothing, for this reason.
    Refused(String),
}

pub fn intervene(payout: &Payout, intervention: &Intervention) -> Effect {
    let reason = intervention.reason.clone();
    match intervention.verb {
        Verb::Cancel => cancel(payout, reason),
        Verb::Approve => approve(payout, reason),
        Verb::Reject => reject(payout, reason),
        Verb::Release => release(payout, reason),
    }
}

fn refused(why: impl Into<String>) -> Effect {
    Effect::Refused(why.into())
}

fn cancel(payout: &Payout, reason: String) -> Effect {
    match payout.state {
        _ if payout.cancel_requested.is_some() => Effect::Known,
        State::Stub
        | State::Creating
        | State::Initiating
        | State::Bound
        | State::Started
        | State::Held => Effect::Write(Event::CancelRequested { reason }),
        State::Confirming | State::Confirmed => refused("the payout was confirmed already"),
        State::Cancelling | State::Cancelled => Effect::Known,
        State::Succeeded => refused("the payout was paid already"),
        State::Failed => refused("the payout has failed already; nothing was paid"),
        State::Rejected => refused("the payout was rejected already; nothing was paid"),
    }
}

fn approve(payout: &Payout, reason: String) -> Effect {
    match payout.state {
        _ if payout.cancel_requested.is_some() => refused("the payout is to be cancelled"),
        State::Held => Effect::Write(Event::Approved { reason }),
        _ if payout.approved.is_some() => Effect::Known,
        state => refused(format!("the payout is {state}, and not held for review")),
    }
}

fn reject(payout: &Payout, reason: String) -> Effect {
    match payout.state {
        State::Stub => refused("the command has not come; cancel it instead"),
        State::Succeeded | State::Failed | State::Cancelled | State::Rejected => {
            refused(format!("the payout has ended as {}; release it instead", payout.state))
        }
        State::Confirmed => refused("the bank has taken the confirmation: only it can end it"),
        State::Creating
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
            (Some(_), _) => on_evidence(payout, Event::Released { reason }),
            (None, Some(_)) => Effect::Known,
            (None, None) if payout.state == State::Cancelling => Effect::Known,
            (None, None) if payout.state == State::Held => {
                Effect::Write(Event::CancelRequested { reason })
            }
            (None, None) => refused(format!(
                "the payout is {}, and neither held for review nor in need of attention",
                payout.state
            )),
        },
    }
}

fn release(payout: &Payout, reason: String) -> Effect {
    if payout.attention.is_none() {
        return match was_released(payout) {
            true => Effect::Known,
            false => refused("the payout does not need attention"),
        };
    }
    match payout.state {
        State::Initiating => refused(
            "a payout that is started in one request is never sent twice; reject it, or wait for \
             the bank's webhook",
        ),
        state if state.is_final() => Effect::Write(Event::Released { reason }),
        _ => on_evidence(payout, Event::Released { reason }),
    }
}

fn on_evidence(payout: &Payout, event: Event) -> Effect {
    match payout.has_countless_strangers() {
        true => refused("more sessions have shown themselves as its own than can be looked at"),
        false => Effect::WriteOnEvidence(event),
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
