//! The one way a record changes: `apply` an event to it.

use super::call::Call;
use super::event::{Entry, Event};
use super::payout::{Attention, CallOutcome, Intention, Payout, State};
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
    if next.state != payout.state {
        next.since = at;
        next.looks = 0;
    }
    let mut kept = true;
    match &mut event {
        Event::Accepted | Event::Rejected { .. } | Event::Cancelled { .. } => {}
        Event::Intended { attempt } => {
            let call = payout.intention.call;
            // The same try again, after it could not be sent: the history has it already.
            kept = *attempt != payout.intention.attempt;
            next.intention = Intention::new(call, *attempt, at);
        }
        Event::Postponed { until } => {
            kept = !matches!(
                payout.history.last(),
                Some(Entry { event: Event::Postponed { .. }, .. })
            );
            next.intention.outcome = CallOutcome::Postponed { until: *until };
        }
        Event::OutcomeUnknown { key_used, .. } => {
            next.intention.outcome = CallOutcome::Unknown { key_used: *key_used };
        }
        Event::Refused { reason } => {
            next.intention.outcome = CallOutcome::Refused { reason: reason.clone() };
        }
        Event::SessionBound { session, next_look_at } => {
            next.session = Some(session.clone());
            next.intention = Intention::new(Call::Start, 1, at);
            next.ticket += 1;
            next.next_look_at = *next_look_at;
        }
        Event::Started { bank_payout, answered } => {
            next.bank_payout.clone_from(bank_payout);
            if *answered {
                next.intention.outcome = CallOutcome::Answered;
            }
        }
        Event::ConfirmDecided { confirm_information } => {
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
        Event::NeedsAttention { reason } => {
            next.attention = Some(Attention { reason: reason.clone(), at });
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
    if kept {
        next.history.push(Entry { at, event });
    }
    Ok(next)
}

/// The state an event leads to; `None` where it cannot happen.
fn target(payout: &Payout, event: &Event) -> Option<State> {
    use State as S;

    let from = payout.state;
    let allowed = match event {
        // A record begins with it: see `Payout::accept`.
        Event::Accepted => false,
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
        Event::Started { .. } => from == S::Bound,
        Event::ConfirmDecided { .. } => from == S::Started,
        Event::CancelDecided { .. } => matches!(from, S::Bound | S::Started | S::Confirming),
        Event::Confirmed => from == S::Confirming,
        Event::CancelTaken => from == S::Cancelling || strays(payout),
        Event::Succeeded { .. } | Event::Cancelled { .. } => from.may_have_started(),
        Event::Failed { .. } => from.may_have_started() || from == S::Creating,
        Event::Rejected { .. } => matches!(from, S::Creating | S::Bound),
        Event::Refunded { .. } => from == S::Succeeded,
    };
    allowed.then(|| event.leads_to().unwrap_or(from))
}

/// A session under a final payout is being cancelled.
fn strays(payout: &Payout) -> bool {
    payout.state.is_final() && payout.intention.call == Call::Cancel
}

/// The next try, or the same one again if it certainly was not sent.
fn may_intend(last: &Intention, attempt: u32) -> bool {
    match last.outcome {
        CallOutcome::Postponed { .. } => attempt == last.attempt,
        CallOutcome::Pending
        | CallOutcome::Unknown { .. }
        | CallOutcome::Refused { .. }
        | CallOutcome::Answered => attempt == last.attempt + 1,
    }
}

impl State {
    /// In these states a call of ours may be on its way.
    fn awaits_answer(self) -> bool {
        match self {
            Self::Creating | Self::Bound | Self::Confirming | Self::Cancelling => true,
            Self::Started
            | Self::Confirmed
            | Self::Succeeded
            | Self::Failed
            | Self::Cancelled
            | Self::Rejected => false,
        }
    }

    /// In these states the bank may hold a payout that is not settled.
    fn may_have_started(self) -> bool {
        match self {
            Self::Bound | Self::Started | Self::Confirming | Self::Cancelling | Self::Confirmed => {
                true
            }
            Self::Creating | Self::Succeeded | Self::Failed | Self::Cancelled | Self::Rejected => {
                false
            }
        }
    }
}

#[cfg(test)]
mod tests;
