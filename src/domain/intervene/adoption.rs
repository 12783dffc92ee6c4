//! A session that a person names for a payout that has none: the store has lost it, or nobody ever
//! told us of it.
//!
//! The attention stays, so nothing goes out for the session by that alone: a release lets it go on,
//! a rejection cancels it, and if the bank has paid it, it is told as paid.

use super::super::event::Event;
use super::super::id::SessionId;
use super::super::payout::{Payout, State};
use super::super::session::Session;
use super::{Effect, refused};

pub(super) fn adopt(payout: &Payout, session: Option<&SessionId>) -> Effect {
    let Some(session) = session else { return refused("it names no session") };
    match (&payout.session, payout.state) {
        (Some(own), _) if own == session => Effect::Known,
        (Some(own), _) => refused(format!("it has a session, {own}, and keeps it")),
        (None, state) if state.is_final() => refused(format!("the payout has ended as {state}")),
        (None, State::Stub) if payout.command.create().is_none() => {
            refused("its command is not there: publish it again first, or reject it")
        }
        (None, _) if payout.attention.is_none() => refused("the payout does not need attention"),
        (None, _) => Effect::Adopt(session.clone()),
    }
}

/// What to write once the bank has shown the session, or why it is not the payout's.
pub fn adoption(payout: &Payout, shown: &Session) -> Result<Event, String> {
    let session = shown.id.clone();
    match &shown.payout_id {
        Some(named) if named == payout.id() => {}
        Some(named) => return Err(format!("the bank's session {session} is of {named}")),
        None => return Err(format!("the bank's session {session} does not name the payout")),
    }
    let bank_payout = shown.payout().and_then(|payout| payout.id.clone());
    Ok(match payout.state {
        State::Initiating => Event::Initiated { session, bank_payout },
        _ => Event::Adopted { session },
    })
}
