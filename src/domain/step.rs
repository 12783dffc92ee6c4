//! What to do next for a payout: one pure function for normal running, retries and recovery.

mod bar;
mod patience;
mod review;
mod start;
mod states;

use super::call::is_bound_to;
use super::command::CreateCommand;
use super::event::Event;
use super::id::SessionId;
use super::payout::{Payout, State};
use super::policy::{PATIENCE, Policy};
use super::session::Session;
use super::time::Timestamp;

pub use bar::may_start;

/// What to do next.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Write this; if it intends a call, whoever wins the write sends it.
    Write(Event),
    /// Ask `session/status` of the payout's session.
    AskStatus,
    /// Nothing can be done before then; `None`: nothing is due but the next look.
    Wait(Option<Timestamp>),
    /// Final: nothing is left to do.
    Done,
}

/// A session that was seen, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct Sight {
    pub session: Session,
    pub source: Source,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A verified webhook: true once, perhaps long ago.
    Webhook,
    /// A verified `payment_refunded` webhook; its digest tells it from another.
    Refund { digest: String },
    /// An answer of the bank to a request that was sent then.
    Answer { asked_at: Timestamp },
}

impl Sight {
    /// Whether the bank was asked after `deadline`: then it shows whatever arrived before.
    fn asked_after(&self, deadline: Timestamp) -> bool {
        match self.source {
            Source::Webhook | Source::Refund { .. } => false,
            Source::Answer { asked_at } => asked_at >= deadline,
        }
    }

    fn is_answer(&self) -> bool {
        match self.source {
            Source::Webhook | Source::Refund { .. } => false,
            Source::Answer { .. } => true,
        }
    }
}

pub fn next_step(payout: &Payout, sight: Option<&Sight>, policy: &Policy, now: Timestamp) -> Step {
    if let (State::Initiating, Some(sight)) = (payout.state, sight)
        && sight.session.payout_id.as_ref() == Some(payout.id())
    {
        // Our own metadata in it: the session that the one request opened.
        let session = sight.session.id.clone();
        let bank_payout = sight.session.payout().and_then(|p| p.id.clone());
        return Step::Write(Event::Initiated { session, bank_payout });
    }
    let own = sight.filter(|s| is_bound_to(payout, &s.session.id));
    if let (Some(stranger), None) = (sight, own)
        && stranger.is_answer()
        && payout.was_paid_through(&stranger.session)
    {
        return Step::Write(Event::Adopted { session: stranger.session.id.clone() });
    }
    if let (Some(stranger), None) = (sight, own)
        && stranger.session.may_pay()
        && payout.alarmed_by(&stranger.session.id)
    {
        let session = &stranger.session.id;
        let reason = format!("another session of this payout, {session}, may pay it");
        return attention_for(reason, Some(session.clone()));
    }
    let Some(command) = payout.command.create() else { return Step::Done };
    let view = View { payout, command, sight: own, policy, now };
    let step = match payout.state {
        State::Stub => view.stub(),
        State::Creating => view.creating(),
        State::Initiating => view.initiating(),
        State::Bound => view.bound(),
        State::Started => view.started(),
        State::Held => view.held(),
        State::Confirming => view.confirming(),
        State::Cancelling => view.cancelling(),
        State::Confirmed => view.confirmed(),
        State::Succeeded | State::Failed | State::Cancelled | State::Rejected => view.ended(),
    };
    view.mindful_of_expiry(view.mindful_of_loss(view.mindful_of_strangers(step)))
}

/// Asks for a person when status has had no answer for too long.
pub fn waited_too_long(payout: &Payout, now: Timestamp) -> Option<Event> {
    let reason = "the bank has had the payout for hours without a result".to_owned();
    (now.since(payout.since) > PATIENCE && payout.attention.is_none() && !payout.rests())
        .then_some(Event::NeedsAttention { reason, session: None })
}

const EXPIRED: &str = "the command's confirm_before has passed";

fn attention(reason: impl Into<String>) -> Step {
    attention_for(reason.into(), None)
}

fn attention_for(reason: String, session: Option<SessionId>) -> Step {
    Step::Write(Event::NeedsAttention { reason, session })
}

/// Everything a step is decided from.
struct View<'a> {
    payout: &'a Payout,
    command: &'a CreateCommand,
    /// A sight of the payout's own session.
    sight: Option<&'a Sight>,
    policy: &'a Policy,
    now: Timestamp,
}

#[cfg(test)]
mod tests;
