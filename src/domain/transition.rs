//! The one way a record changes: `apply` an event to it.

use super::call::Call;
use super::event::{Entry, Event};
use super::payout::{Attention, CallOutcome, FORMAT, Intention, Payout, State};
use super::stored_command::StoredCommand;
use super::time::Timestamp;

/// The event cannot happen to a payout in this state. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a payout that is {state} cannot take the event {event}")]
pub struct IllegalTransition {
    pub state: State,
    pub event: &'static str,
}

/// The payout after the event, which was written `at`.
pub fn apply(
    payout: &Payout,
    mut event: Event,
    at: Timestamp,
) -> Result<Payout, IllegalTransition> {
    let illegal = IllegalTransition { state: payout.state, event: event.name() };
    let mut next = payout.clone();
    next.state = target(payout, &event).ok_or(illegal)?;
    next.format = FORMAT;
    if next.state != payout.state {
        next.since = at;
        next.looks = 0;
    }
    let mut kept = true;
    match &mut event {
        Event::Accepted { .. } | Event::Rejected { .. } | Event::Cancelled { .. } => {}
        Event::CommandCame { command, content_hash } => {
            if let Some(command) = command.take() {
                next.command = StoredCommand::Known(command);
                next.content_hash = std::mem::take(content_hash);
            }
        }
        Event::Intended { attempt } => {
            let call = payout.intention.call;
            // The same try again, after it could not be sent: the history has it already.
            kept = *attempt != payout.intention.attempt;
            next.intention = Intention::new(call, *attempt, at);
            // An earlier start is sent again only if it left no trace.
            if matches!(call, Call::Init | Call::Start) {
                next.started_at = Some(at);
            }
        }
        Event::Postponed { until } => {
            kept = !matches!(
                payout.history.last(),
                Some(Entry { event: Event::Postponed { .. }, .. })
            );
            next.intention.outcome = CallOutcome::Postponed { until: *until };
        }
        // Whoever released it before did not know of this.
        Event::OutcomeUnknown { key_used, .. } => {
            next.intention.outcome = CallOutcome::Unknown { key_used: *key_used };
            next.intention.released = false;
        }
        Event::Refused { reason } => {
            next.intention.outcome = CallOutcome::Refused { reason: reason.clone() };
            next.intention.released = false;
        }
        Event::SessionBound { session, next_look_at } => {
            next.session = Some(session.clone());
            next.intention = Intention::new(Call::Start, 1, at);
            next.started_at = Some(at);
            next.ticket += 1;
            next.next_look_at = *next_look_at;
        }
        Event::Initiated { session, bank_payout } => {
            next.session = Some(session.clone());
            next.bank_payout.clone_from(bank_payout);
            next.intention.outcome = CallOutcome::Answered;
        }
        Event::Adopted { session } => {
            if let Some(own) = next.session.replace(session.clone()) {
                next.remember_stranger(&own);
            }
            next.bank_payout = None;
            next.approved = None;
            next.held_until = None;
            next.confirm_information = None;
            next.started_at = Some(at);
            // How often it was started, and what was answered, is lost.
            let outcome = CallOutcome::Unknown { key_used: false };
            let released = payout.intention.released;
            next.intention =
                Intention { outcome, released, ..Intention::new(Call::Start, SEVERAL, at) };
            next.next_look_at = at;
        }
        Event::Held { until, confirm_information, .. } => {
            next.held_until = Some(*until);
            next.confirm_information = confirm_information.take();
        }
        Event::Approved { reason } => {
            next.approved = Some(reason.clone());
            next.next_look_at = at;
        }
        Event::CancelRequested { reason } => {
            next.cancel_requested = Some(reason.clone());
            next.next_look_at = next.next_look_at.min(at);
        }
        Event::Released { .. } => {
            next.attention = None;
            if !payout.state.is_final() {
                next.intention.released = true;
                next.since = at;
                next.next_look_at = at;
            }
        }
        Event::Started { bank_payout, answered } => {
            next.bank_payout.clone_from(bank_payout);
            if *answered {
                next.intention.outcome = CallOutcome::Answered;
            }
        }
        Event::ConfirmDecided { confirm_information, .. } => {
            next.intention = Intention::new(Call::Confirm, 1, at);
            next.confirm_information = confirm_information.take();
        }
        Event::CancelDecided { confirm_information, .. } => {
            next.intention = Intention::new(Call::Cancel, 1, at);
            next.confirm_information = confirm_information.take().or(next.confirm_information);
        }
        Event::StrayFound { confirm_information } => {
            let last = &payout.intention;
            let attempt = if last.call == Call::Cancel { last.attempt + 1 } else { 1 };
            next.intention = Intention::new(Call::Cancel, attempt, at);
            next.confirm_information = confirm_information.take().or(next.confirm_information);
        }
        Event::Confirmed | Event::CancelTaken => next.intention.outcome = CallOutcome::Answered,
        Event::Succeeded { bank_payout } => {
            if bank_payout.is_some() {
                next.bank_payout.clone_from(bank_payout);
            }
        }
        Event::Failed { .. } | Event::Refunded { .. } => {}
        Event::NeedsAttention { reason, session } => {
            next.attention = Some(Attention { reason: reason.clone(), at });
            if let Some(session) = session {
                next.remember_stranger(session);
            }
        }
        Event::TicketIssued { next_look_at } => {
            kept = false;
            next.ticket += 1;
            next.looks = next.looks.saturating_add(1);
            next.next_look_at = *next_look_at;
        }
        Event::Published { published } => {
            kept = false;
            next.published = next.published.max(*published);
        }
    }
    if let Some(own) = &next.session {
        next.strangers.retain(|other| other != own);
    }
    if kept {
        next.history.push(Entry { at, event });
    }
    Ok(next)
}

/// Tries of a start of which it is not known how many there were.
const SEVERAL: u32 = 2;

/// The state an event leads to; `None` where it cannot happen.
fn target(payout: &Payout, event: &Event) -> Option<State> {
    use State as S;

    let from = payout.state;
    let allowed = match event {
        // A record begins with it: see `Payout::accept`.
        Event::Accepted { .. } => false,
        Event::CommandCame { .. } => from == S::Stub && payout.command.create().is_none(),
        Event::TicketIssued { .. } | Event::Published { .. } => true,
        Event::NeedsAttention { .. } => true,
        Event::StrayFound { .. } => from.is_final(),
        Event::Intended { attempt } => {
            from.awaits_answer() && may_intend(&payout.intention, *attempt)
        }
        Event::Postponed { .. } | Event::OutcomeUnknown { .. } | Event::Refused { .. } => {
            from.awaits_answer() || strays(payout)
        }
        Event::SessionBound { .. } => from == S::Creating,
        Event::Initiated { .. } => from == S::Initiating,
        Event::Started { .. } => from == S::Bound,
        Event::Adopted { session } => {
            let replaces = payout.session.as_ref().is_some_and(|own| own != session);
            payout.command.create().is_some()
                && match from {
                    S::Stub | S::Creating => true,
                    // A person says so; the bank shows nothing in the one that it had.
                    _ => replaces && payout.attention.is_some() && !from.is_final(),
                }
        }
        Event::Held { .. } => from == S::Started,
        Event::Approved { .. } => from == S::Held,
        // After a decision only a person who was called may still say no.
        Event::CancelRequested { .. } => {
            from.is_undecided() || from == S::Confirming && payout.attention.is_some()
        }
        Event::Released { .. } => payout.attention.is_some(),
        Event::ConfirmDecided { .. } => from == S::Started && payout.cancel_requested.is_none(),
        Event::CancelDecided { .. } => {
            matches!(from, S::Bound | S::Started | S::Held | S::Confirming)
        }
        Event::Confirmed => from == S::Confirming,
        Event::CancelTaken => from == S::Cancelling || strays(payout),
        Event::Succeeded { .. } => from.may_have_started(),
        Event::Cancelled { .. } => {
            let known = payout.command.create().is_some();
            from.may_have_started()
                || matches!(from, S::Creating | S::Initiating)
                || from == S::Stub && known
        }
        Event::Failed { .. } => {
            from.may_have_started() || matches!(from, S::Creating | S::Initiating)
        }
        Event::Rejected { .. } => {
            let known = payout.command.create().is_some();
            matches!(from, S::Creating | S::Initiating | S::Bound) || from == S::Stub && known
        }
        Event::Refunded { .. } => from == S::Succeeded,
    };
    allowed.then(|| event.leads_to().unwrap_or(from))
}

/// A session under a final payout is being cancelled.
fn strays(payout: &Payout) -> bool {
    payout.state.is_final() && payout.intention.call == Call::Cancel
}

/// The next try, or the same one again if it certainly was not sent. A start in one request has
/// no next try.
fn may_intend(last: &Intention, attempt: u32) -> bool {
    match last.outcome {
        CallOutcome::Postponed { .. } => attempt == last.attempt,
        CallOutcome::Pending
        | CallOutcome::Unknown { .. }
        | CallOutcome::Refused { .. }
        | CallOutcome::Answered => last.call != Call::Init && attempt == last.attempt + 1,
    }
}

impl State {
    /// In these states a call of ours may be on its way.
    pub(super) fn awaits_answer(self) -> bool {
        match self {
            Self::Creating
            | Self::Initiating
            | Self::Bound
            | Self::Confirming
            | Self::Cancelling => true,
            Self::Stub
            | Self::Started
            | Self::Held
            | Self::Confirmed
            | Self::Succeeded
            | Self::Failed
            | Self::Cancelled
            | Self::Rejected => false,
        }
    }

    /// In these states the bank may hold a payout, in a session we know, that is not settled.
    fn may_have_started(self) -> bool {
        match self {
            Self::Bound
            | Self::Started
            | Self::Held
            | Self::Confirming
            | Self::Cancelling
            | Self::Confirmed => true,
            Self::Stub
            | Self::Creating
            | Self::Initiating
            | Self::Succeeded
            | Self::Failed
            | Self::Cancelled
            | Self::Rejected => false,
        }
    }

    /// In these states nothing was decided yet.
    pub fn is_undecided(self) -> bool {
        match self {
            Self::Stub
            | Self::Creating
            | Self::Initiating
            | Self::Bound
            | Self::Started
            | Self::Held => true,
            Self::Confirming
            | Self::Cancelling
            | Self::Confirmed
            | Self::Succeeded
            | Self::Failed
            | Self::Cancelled
            | Self::Rejected => false,
        }
    }
}

#[cfg(test)]
mod tests;
