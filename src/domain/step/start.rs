//! From the command to the bank having the payout.

use super::super::decision::contradictions;
use super::super::event::Event;
use super::super::payout::{CallOutcome, Intention};
use super::super::session::Reading;
use super::bar::Bar;
use super::{Sight, Step, View, attention};

const FORGOTTEN: &str = "the bank has seen a call of this payout before, and shows no payout for it: \
                         the store may have forgotten something";

const LOST: &str = "the store had lost this payout, and nobody knows what was done for it";

const TRACELESS: &str = "a start with unknown outcome left no trace, and the bank confirms by itself: \
                         starting again could pay twice";

const UNHEARD: &str = "the one request that starts the payout has an unknown outcome, and no \
                       webhook told of a session for it";

impl View<'_> {
    /// The command came after its cancellation, or after the store had lost the payout.
    pub(super) fn stub(&self) -> Step {
        let is_looked_into = self.payout.attention.is_none();
        match (&self.payout.session, self.sight.map(|sight| sight.session.reading())) {
            (None, _) if !is_looked_into => Step::Wait(None),
            (None, _) => self.bar().map_or_else(|| attention(LOST), Bar::end),
            (Some(session), Some(reading))
                if is_looked_into || reading == Reading::Succeeded && self.agrees() =>
            {
                Step::Write(Event::Adopted { session: session.clone() })
            }
            (Some(_), Some(_)) => Step::Wait(None),
            (Some(_), None) if is_looked_into => Step::AskStatus,
            (Some(_), None) => self.look_if_due(),
        }
    }

    /// What the bank shows is what was asked for.
    fn agrees(&self) -> bool {
        self.sight.is_some_and(|sight| contradictions(self.command, &sight.session).is_empty())
    }

    pub(super) fn creating(&self) -> Step {
        let intention = &self.payout.intention;
        if self.payout.attention.is_some() {
            return Step::Wait(None);
        }
        if key_was_used(intention) && intention.attempt == 1 {
            return attention(FORGOTTEN);
        }
        if let Some(bar) = self.bar() {
            // Sessions may have been created, but none was ever started.
            return bar.end();
        }
        match &intention.outcome {
            CallOutcome::Refused { reason } => {
                Step::Write(Event::Failed { reason: reason.clone() })
            }
            CallOutcome::Postponed { until } => self.send_postponed(*until),
            CallOutcome::Pending | CallOutcome::Unknown { .. } | CallOutcome::Answered => {
                self.send_again()
            }
        }
    }

    /// The session is not known, so nothing can be looked up, and nothing is ever sent again that
    /// may have been sent: a webhook has to tell.
    pub(super) fn initiating(&self) -> Step {
        let intention = &self.payout.intention;
        if self.payout.attention.is_some() {
            return Step::Wait(None);
        }
        match (&intention.outcome, self.bar()) {
            (CallOutcome::Postponed { .. }, Some(bar)) => bar.end(),
            (CallOutcome::Postponed { until }, None) => self.send_postponed(*until),
            (CallOutcome::Refused { reason }, _) => {
                Step::Write(Event::Failed { reason: reason.clone() })
            }
            // A person has seen to it that nothing came of it.
            (
                CallOutcome::Pending | CallOutcome::Unknown { .. } | CallOutcome::Answered,
                Some(bar),
            ) if intention.released => bar.end(),
            (CallOutcome::Unknown { key_used: true }, _) => self.once_attentive(FORGOTTEN),
            (CallOutcome::Pending | CallOutcome::Unknown { .. } | CallOutcome::Answered, _) => {
                let heard_by = self.policy.heard_by(intention);
                match self.now < heard_by {
                    true => Step::Wait(Some(heard_by)),
                    false => self.once_attentive(UNHEARD),
                }
            }
        }
    }

    pub(super) fn bound(&self) -> Step {
        let Some(sight) = self.sight else { return self.bound_unseen() };
        match sight.session.reading() {
            Reading::Empty => self.bound_empty(sight),
            Reading::Cancelled if sight.session.payouts.is_empty() => {
                self.once_tries_are_over(|| self.bound_ended())
            }
            Reading::Uncertain(why) if sight.session.payouts.is_empty() => self.once_attentive(why),
            Reading::InProgress if sight.session.payouts.is_empty() => self.wait(sight),
            Reading::InProgress
            | Reading::AwaitsConfirmation
            | Reading::Succeeded
            | Reading::Failed(_)
            | Reading::Cancelled
            | Reading::Uncertain(_)
            | Reading::Several => Step::Write(Event::Started {
                bank_payout: sight.session.payout().and_then(|p| p.id.clone()),
                answered: false,
            }),
        }
    }

    /// The bank has ended the session, and shows no payout in it.
    fn bound_ended(&self) -> Step {
        match &self.payout.intention.outcome {
            CallOutcome::Refused { .. } if self.payout.attention.is_some() => Step::Wait(None),
            CallOutcome::Refused { reason } => self.failed(Some(reason.clone())),
            // The payout may stand in another session, one that the store has forgotten.
            CallOutcome::Unknown { .. } if key_was_used(&self.payout.intention) => {
                self.once_attentive(FORGOTTEN)
            }
            CallOutcome::Unknown { .. }
            | CallOutcome::Pending
            | CallOutcome::Postponed { .. }
            | CallOutcome::Answered => self.cancelled("the bank ended the empty session"),
        }
    }

    /// Start may have been sent, and the bank has not been asked.
    fn bound_unseen(&self) -> Step {
        let Intention { outcome, attempt, at, .. } = &self.payout.intention;
        match outcome {
            CallOutcome::Postponed { .. } if self.payout.attention.is_some() => self.look_if_due(),
            CallOutcome::Postponed { until } => match self.bar() {
                // An earlier try may have shown itself since.
                None if *attempt > 1 && self.now >= *until => Step::AskStatus,
                None => self.send_postponed(*until),
                Some(bar) if *attempt == 1 => bar.end(),
                // Earlier tries were sent: the session must not stay open for them.
                Some(_) => Step::AskStatus,
            },
            CallOutcome::Refused { .. } if *attempt == 1 && self.now >= *at => Step::AskStatus,
            CallOutcome::Refused { .. }
            | CallOutcome::Pending
            | CallOutcome::Unknown { .. }
            | CallOutcome::Answered => self.ask_past_deadline(),
        }
    }

    /// The bank shows no payout in the session. Only an answer from past the deadline of the last
    /// try proves that it has none; a single try that was refused proves it at once. What needs a
    /// person is never ended here.
    fn bound_empty(&self, sight: &Sight) -> Step {
        let intention = &self.payout.intention;
        let asked_late = sight.asked_after(self.deadline());
        match &intention.outcome {
            CallOutcome::Postponed { .. } if !sight.is_answer() => self.bound_unseen(),
            CallOutcome::Postponed { .. } if self.payout.attention.is_some() => Step::Wait(None),
            CallOutcome::Postponed { until } => match self.bar() {
                None => self.send_postponed(*until),
                Some(bar) if intention.attempt == 1 => bar.end(),
                Some(bar) => self.cancel(bar.reason, &sight.session),
            },
            CallOutcome::Refused { reason }
                if asked_late || (intention.attempt == 1 && sight.asked_after(intention.at)) =>
            {
                let failed = Step::Write(Event::Failed { reason: reason.clone() });
                if self.payout.attention.is_none() { failed } else { Step::Wait(None) }
            }
            CallOutcome::Refused { .. } => self.bound_unseen(),
            CallOutcome::Pending | CallOutcome::Unknown { .. } | CallOutcome::Answered
                if !asked_late =>
            {
                self.ask_past_deadline()
            }
            CallOutcome::Unknown { .. } if key_was_used(intention) => {
                self.once_attentive(FORGOTTEN)
            }
            CallOutcome::Pending | CallOutcome::Unknown { .. } | CallOutcome::Answered => {
                self.start_without_trace(sight)
            }
        }
    }

    /// Past the last deadline the bank shows no trace of any start.
    fn start_without_trace(&self, sight: &Sight) -> Step {
        if self.payout.attention.is_some() {
            Step::Wait(None)
        } else if self.policy.confirms_automatically && !self.released_without_trace() {
            attention(TRACELESS)
        } else if let Some(bar) = self.bar() {
            // A start that is later still than its deadline must find no open session.
            self.cancel(bar.reason, &sight.session)
        } else {
            self.send_again()
        }
    }
}

impl View<'_> {
    /// A person was called when the last start had left no trace, and has looked into that.
    fn released_without_trace(&self) -> bool {
        let called = self.payout.history.iter().rev().find_map(|entry| match &entry.event {
            Event::NeedsAttention { reason, .. } => Some(reason),
            _ => None,
        });
        self.payout.intention.released && called.is_some_and(|reason| reason == TRACELESS)
    }
}

/// The bank had seen the key, and no person has looked into it yet.
fn key_was_used(intention: &Intention) -> bool {
    intention.outcome == CallOutcome::Unknown { key_used: true } && !intention.released
}
