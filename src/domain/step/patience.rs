//! When to ask, to wait, to send again, and to call a person.

use super::super::event::Event;
use super::super::payout::{CallOutcome, State};
use super::super::policy::{PATIENCE, TRIES_MAX};
use super::super::time::Timestamp;
use super::{Sight, Step, View, attention, waited_too_long};

const MAY_BE_PAID: &str = "it would end unpaid, but the store has lost payouts, and this may be one of them: if \
                           the bank's cabinet shows a session of it, adopt that; else reject it";

impl View<'_> {
    /// Asks for a person, unless one was asked for already.
    pub(super) fn once_attentive(&self, reason: &str) -> Step {
        match self.payout.attention {
            None => attention(reason),
            Some(_) => Step::Wait(None),
        }
    }

    pub(super) fn deadline(&self) -> Timestamp {
        self.policy.deadline(&self.payout.intention)
    }

    /// Started more than once: a decision needs an answer from past the last try's deadline, when
    /// every try has either shown itself or never will.
    pub(super) fn once_tries_are_over(&self, then: impl FnOnce() -> Step) -> Step {
        let fresh = self.sight.is_some_and(|s| s.asked_after(self.deadline()));
        let several = self.payout.intention.attempt > 1 || self.payout.state == State::Bound;
        if !several || fresh { then() } else { self.ask_past_deadline() }
    }

    pub(super) fn ask_past_deadline(&self) -> Step {
        let deadline = self.deadline();
        if self.now >= deadline { Step::AskStatus } else { Step::Wait(Some(deadline)) }
    }

    /// A sight that tells what became of the last call: from past its deadline if its outcome is
    /// open, from after its intention if it is known.
    pub(super) fn fresh_sight(&self) -> Option<&Sight> {
        let intention = &self.payout.intention;
        let told_since =
            if intention.outcome.is_definite() { intention.at } else { self.deadline() };
        self.sight.filter(|sight| sight.asked_after(told_since))
    }

    /// A postponed call is not looked up before it may go out again; a refused one at once; an
    /// open one past its deadline.
    pub(super) fn ask_when_known(&self) -> Step {
        match self.payout.intention.outcome {
            CallOutcome::Postponed { until } if self.now < until => Step::Wait(Some(until)),
            // The store's clock was set back: no answer is from after the intention yet.
            CallOutcome::Refused { .. } if self.now < self.payout.intention.at => {
                Step::Wait(Some(self.payout.intention.at))
            }
            CallOutcome::Postponed { .. } | CallOutcome::Refused { .. } => Step::AskStatus,
            CallOutcome::Pending | CallOutcome::Unknown { .. } | CallOutcome::Answered => {
                self.ask_past_deadline()
            }
        }
    }

    /// Sends a call that certainly was not sent, as the same try.
    pub(super) fn send_postponed(&self, until: Timestamp) -> Step {
        if self.now >= until {
            self.intend(self.payout.intention.attempt)
        } else if self.now.since(self.payout.since) > PATIENCE {
            self.once_attentive("it could not be sent to the bank for hours")
        } else {
            Step::Wait(Some(until))
        }
    }

    /// Sends a call again whose effect was looked for in vain past its deadline, as the next try.
    pub(super) fn send_again(&self) -> Step {
        let retry_at = self.policy.retry_at(&self.payout.intention);
        let attempt = self.payout.intention.attempt;
        if self.now < retry_at {
            Step::Wait(Some(retry_at))
        } else if attempt >= TRIES_MAX && !self.payout.intention.released {
            let call = self.payout.intention.call;
            self.once_attentive(&format!("the outcome of {attempt} tries of {call} is unknown"))
        } else {
            self.intend(attempt + 1)
        }
    }

    /// What is paused is looked at again until it is not.
    pub(super) fn intend(&self, attempt: u32) -> Step {
        let cancels = self.payout.state == State::Cancelling;
        let is_paused = self.policy.paused.bars(self.payout.intention.call).is_some();
        if is_paused || self.payout.attention.is_some() && !cancels {
            Step::Wait(None)
        } else {
            Step::Write(Event::Intended { attempt })
        }
    }

    pub(super) fn look_if_due(&self) -> Step {
        if self.now >= self.payout.next_look_at { Step::AskStatus } else { Step::Wait(None) }
    }

    /// The bank still works on it. Too long is a matter for a person; a webhook that has nothing
    /// to say does not put off a look that is due.
    pub(super) fn wait(&self, sight: &Sight) -> Step {
        if let Some(event) = waited_too_long(self.payout, self.now) {
            Step::Write(event)
        } else if sight.is_answer() {
            Step::Wait(None)
        } else {
            self.look_if_due()
        }
    }

    /// While a person looks into another session that may pay it, nobody is told that it was not
    /// paid.
    pub(super) fn mindful_of_strangers(&self, step: Step) -> Step {
        let feared = self.payout.attention.is_some() && !self.payout.strangers.is_empty();
        match step {
            Step::Write(
                Event::Failed { .. } | Event::Cancelled { .. } | Event::Rejected { .. },
            ) if feared => Step::Wait(None),
            step => step,
        }
    }

    /// What the bank has never shown, or shows in a session that a later try opened, may be a payout
    /// that the store has lost, and paid: where it has lost something, a person looks before it is told
    /// as not paid. A first try that the bank refused shows that it had not seen its key.
    pub(super) fn mindful_of_loss(&self, step: Step) -> Step {
        let was_retried = self.session_is_of_a_later_try();
        let unpaid = match &step {
            Step::Write(Event::Rejected { .. } | Event::Cancelled { .. }) => true,
            Step::Write(Event::Failed { .. }) => was_retried || self.payout.intention.attempt > 1,
            Step::Write(_) | Step::AskStatus | Step::Wait(_) | Step::Done => false,
        };
        let known = |event: &Event| {
            let shown = matches!(event.leads_to(), Some(State::Started | State::Held));
            shown && !was_retried || matches!(event, Event::Released { .. })
        };
        let is_known = self.payout.history.iter().any(|entry| known(&entry.event));
        if unpaid && self.policy.has_lost && !is_known {
            self.once_attentive(MAY_BE_PAID)
        } else {
            step
        }
    }

    /// The history keeps no repetition of the same try.
    fn session_is_of_a_later_try(&self) -> bool {
        let mut events = self.payout.history.iter().map(|entry| &entry.event);
        let first = events
            .find(|event| matches!(event, Event::Intended { .. } | Event::SessionBound { .. }));
        let is_bound = |event: &Event| matches!(event, Event::SessionBound { .. });
        matches!(first, Some(Event::Intended { .. })) && events.any(is_bound)
    }

    /// A payout that waits undecided is looked at when its command's own time is over.
    pub(super) fn mindful_of_expiry(&self, step: Step) -> Step {
        let mindful = self.payout.state.is_undecided() && self.payout.attention.is_none();
        let own = self.command.confirm_before.filter(|own| mindful && *own > self.now);
        match (step, own) {
            (Step::Wait(until), Some(own)) => Step::Wait(Some(until.map_or(own, |u| u.min(own)))),
            (step, _) => step,
        }
    }
}
