//! A session that a person names for a payout: the store has lost it, or nobody ever told us of it.
//!
//! The attention stays, so nothing goes out for the session by that alone: a release lets it go on,
//! a rejection cancels it, and if the bank has paid it, it is told as paid.

use super::super::event::Event;
use super::super::id::SessionId;
use super::super::payout::{Payout, State};
use super::super::policy::Policy;
use super::super::session::Session;
use super::super::time::Timestamp;
use super::{Effect, not_known_before, refused};

pub(super) fn adopt(
    payout: &Payout,
    session: Option<&SessionId>,
    policy: &Policy,
    now: Timestamp,
) -> Effect {
    let Some(session) = session else { return refused("it names no session") };
    let known_by = policy.known_by(payout);
    match (payout.state, &payout.session) {
        (State::Stub, Some(own)) if own == session => refused("it has that session: release it"),
        (_, Some(own)) if own == session => Effect::Known,
        (state, _) if state.is_final() => refused(format!("the payout has ended as {state}")),
        (State::Stub, _) if payout.command.create().is_none() => {
            refused("its command is not there: publish it again first, or reject it")
        }
        _ if payout.attention.is_none() => refused("the payout does not need attention"),
        // It may have an effect yet. That of a create would be a session in which nothing is paid.
        (state, _) if now < known_by && state != State::Creating => {
            refused(not_known_before(known_by))
        }
        _ => Effect::Adopt(session.clone()),
    }
}

/// What to write once the bank has shown the session, and the one that the payout had; or why it is
/// not the payout's.
pub fn adoption(payout: &Payout, shown: &Session, own: Option<&Session>) -> Result<Event, String> {
    let session = shown.id.clone();
    match &shown.payout_id {
        Some(named) if named == payout.id() => {}
        Some(named) => return Err(format!("the bank's session {session} is of {named}")),
        None => return Err(format!("the bank's session {session} does not name the payout")),
    }
    if !shown.may_pay() {
        return Err(format!("nothing was or can be paid in the bank's session {session}"));
    }
    if let Some(own) = own.filter(|own| own.may_pay()) {
        let own = &own.id;
        return Err(format!(
            "its own session {own} may pay it: reject the payout, then adopt {session}"
        ));
    }
    let bank_payout = shown.payout().and_then(|payout| payout.id.clone());
    Ok(match payout.state {
        State::Initiating => Event::Initiated { session, bank_payout },
        _ => Event::Adopted { session },
    })
}
