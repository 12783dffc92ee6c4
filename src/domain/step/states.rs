//! What each state leads to, by what the bank shows.

use super::super::call::Call;
use super::super::decision::{Verdict, decide};
use super::super::event::Event;
use super::super::payout::{CallOutcome, State};
use super::super::policy::TRIES_MAX;
use super::super::session::{BankReason, Reading, Session};
use super::{EXPIRED, Sight, Source, Step, View, attention, reject};

const SEVERAL: &str = "the session holds more than one payout";

const FORGOTTEN: &str = "the bank has seen a call of this payout before, and shows no payout for it: \
                         the store may have forgotten something";

impl View<'_> {
    pub(super) fn creating(&self) -> Step {
        let intention = &self.payout.intention;
        if self.payout.attention.is_some() {
            return Step::Wait(None);
        }
        if matches!(intention.outcome, CallOutcome::Unknown { key_used: true })
            && intention.attempt == 1
        {
            return attention(FORGOTTEN);
        }
        if self.payout.command.expired(self.now) {
            // Sessions may have been created, but none was ever started.
            return reject(EXPIRED);
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

    pub(super) fn bound(&self) -> Step {
        let Some(sight) = self.sight else { return self.bound_unseen() };
        match sight.session.reading() {
            Reading::Empty => self.bound_empty(sight),
            Reading::Cancelled if sight.session.payouts.is_empty() => {
                self.once_tries_are_over(|| self.cancelled("the bank ended the empty session"))
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

    /// Start may have been sent, and the bank has not been asked.
    fn bound_unseen(&self) -> Step {
        match &self.payout.intention.outcome {
            CallOutcome::Postponed { .. } if self.payout.attention.is_some() => self.look_if_due(),
            CallOutcome::Postponed { .. } if self.payout.command.expired(self.now) => {
                // Earlier tries were sent: the session must not stay open for them.
                let first = self.payout.intention.attempt == 1;
                if first { reject(EXPIRED) } else { Step::AskStatus }
            }
            CallOutcome::Postponed { until } => self.send_postponed(*until),
            CallOutcome::Refused { .. } if self.payout.intention.attempt == 1 => Step::AskStatus,
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
            CallOutcome::Postponed { until } => {
                let first = self.payout.intention.attempt == 1;
                match self.payout.attention {
                    Some(_) => Step::Wait(None),
                    None if !self.payout.command.expired(self.now) => self.send_postponed(*until),
                    None if first => reject(EXPIRED),
                    None => self.cancel(EXPIRED.into(), &sight.session),
                }
            }
            CallOutcome::Refused { reason }
                if asked_late || (intention.attempt == 1 && sight.is_answer()) =>
            {
                let failed = Step::Write(Event::Failed { reason: reason.clone() });
                if self.payout.attention.is_none() { failed } else { Step::Wait(None) }
            }
            CallOutcome::Refused { .. } => self.ask_past_deadline(),
            CallOutcome::Pending | CallOutcome::Unknown { .. } | CallOutcome::Answered
                if !asked_late =>
            {
                self.ask_past_deadline()
            }
            CallOutcome::Unknown { key_used: true } => self.once_attentive(FORGOTTEN),
            CallOutcome::Pending | CallOutcome::Unknown { .. } | CallOutcome::Answered => {
                self.start_without_trace(sight)
            }
        }
    }

    /// Past the last deadline the bank shows no trace of any start.
    fn start_without_trace(&self, sight: &Sight) -> Step {
        if self.payout.attention.is_some() {
            Step::Wait(None)
        } else if self.policy.confirms_automatically {
            attention(
                "a start with unknown outcome left no trace, and the bank confirms by itself: \
                 starting again could pay twice",
            )
        } else if self.payout.command.expired(self.now) {
            // A start that is later still than its deadline must find no open session.
            self.cancel(EXPIRED.into(), &sight.session)
        } else {
            self.send_again()
        }
    }

    pub(super) fn started(&self) -> Step {
        let Some(sight) = self.sight else { return self.look_if_due() };
        match sight.session.reading() {
            Reading::Succeeded => self.succeed(sight),
            Reading::Failed(reason) => self.once_tries_are_over(|| self.failed(reason.clone())),
            Reading::Cancelled => {
                self.once_tries_are_over(|| self.cancelled("the bank ended the session"))
            }
            Reading::Uncertain(why) => self.once_attentive(why),
            Reading::Several if self.payout.attention.is_none() => attention(SEVERAL),
            // The bank takes a cancellation when it waits for one.
            Reading::Several if !sight.session.awaits_confirmation => self.wait(sight),
            Reading::Several => {
                self.once_tries_are_over(|| self.cancel(SEVERAL.into(), &sight.session))
            }
            Reading::AwaitsConfirmation if self.payout.attention.is_some() => Step::Wait(None),
            Reading::AwaitsConfirmation => self.once_tries_are_over(|| self.gate(sight)),
            Reading::Empty | Reading::InProgress => self.wait(sight),
        }
    }

    fn gate(&self, sight: &Sight) -> Step {
        match decide(&self.payout.command, &sight.session, self.now) {
            Verdict::Confirm { confirm_information } => {
                Step::Write(Event::ConfirmDecided { confirm_information })
            }
            Verdict::Cancel { reason } => self.cancel(reason, &sight.session),
            Verdict::NeedsInformation if !sight.is_answer() => Step::AskStatus,
            Verdict::NeedsInformation => {
                let reason = "the bank shows no confirm_information".into();
                self.cancel(reason, &sight.session)
            }
        }
    }

    pub(super) fn confirming(&self) -> Step {
        if let Some(step) = self.ending() {
            return step;
        }
        let Some(sight) = self.fresh_sight() else { return self.ask_when_known() };
        match sight.session.reading() {
            Reading::AwaitsConfirmation => {}
            // A word that is newer than this program may stand beside the wish to be confirmed.
            Reading::InProgress if sight.session.awaits_confirmation => return self.wait(sight),
            Reading::InProgress => return Step::Write(Event::Confirmed),
            Reading::Empty
            | Reading::Succeeded
            | Reading::Failed(_)
            | Reading::Cancelled
            | Reading::Uncertain(_)
            | Reading::Several => return self.wait(sight),
        }
        match &self.payout.intention.outcome {
            CallOutcome::Refused { reason } => self.once_attentive(&format!(
                "the bank refused the confirmation ({}) and still waits for it",
                reason.code
            )),
            _ if self.payout.command.expired(self.now) => {
                self.cancel(EXPIRED.into(), &sight.session)
            }
            CallOutcome::Postponed { until } => self.send_postponed(*until),
            CallOutcome::Pending | CallOutcome::Unknown { .. } | CallOutcome::Answered => {
                self.send_again()
            }
        }
    }

    pub(super) fn cancelling(&self) -> Step {
        if let Some(step) = self.ending() {
            return step;
        }
        if self.payout.intention.outcome == CallOutcome::Answered {
            return self.sight.map_or_else(|| self.look_if_due(), |sight| self.wait(sight));
        }
        let Some(sight) = self.fresh_sight() else { return self.ask_when_known() };
        if sight.session.reading() != Reading::Empty && !sight.session.awaits_confirmation {
            return self.wait(sight);
        }
        match &self.payout.intention.outcome {
            CallOutcome::Postponed { until } => self.send_postponed(*until),
            // Nothing to cancel, and nothing ever came: should it come yet, it is a stray.
            CallOutcome::Refused { .. }
                if sight.session.reading() == Reading::Empty
                    && sight.asked_after(self.deadline()) =>
            {
                self.cancelled("the bank keeps the empty session")
            }
            // A refused cancellation did nothing: unlike a confirmation it is tried again.
            CallOutcome::Refused { .. }
            | CallOutcome::Pending
            | CallOutcome::Unknown { .. }
            | CallOutcome::Answered => self.send_again(),
        }
    }

    pub(super) fn confirmed(&self) -> Step {
        if let Some(step) = self.ending() {
            return step;
        }
        self.sight.map_or_else(|| self.look_if_due(), |sight| self.wait(sight))
    }

    /// What is final stays. What the bank shows against it is for a person; a session that still
    /// waits for a confirmation is cancelled.
    pub(super) fn ended(&self) -> Step {
        let Some(sight) = self.sight else { return Step::Done };
        let paid = self.payout.state == State::Succeeded;
        match sight.session.reading() {
            Reading::Succeeded if paid => self.refund(sight),
            Reading::AwaitsConfirmation if !paid => self.cancel_stray(sight),
            Reading::Succeeded => {
                self.contradiction(sight, "the bank paid it after it was recorded as not paid")
            }
            Reading::Failed(_) | Reading::Cancelled if paid => {
                self.contradiction(sight, "the bank shows as not paid what was recorded as paid")
            }
            Reading::Several => self.contradiction(sight, SEVERAL),
            Reading::Empty
            | Reading::InProgress
            | Reading::AwaitsConfirmation
            | Reading::Failed(_)
            | Reading::Cancelled
            | Reading::Uncertain(_) => self.refund(sight),
        }
    }

    /// A webhook may be an old one: the bank is asked before anybody is called.
    fn contradiction(&self, sight: &Sight, what: &str) -> Step {
        match &self.payout.attention {
            Some(_) => Step::Done,
            None if sight.is_answer() => attention(what),
            None => Step::AskStatus,
        }
    }

    fn cancel_stray(&self, sight: &Sight) -> Step {
        let last = &self.payout.intention;
        let cancelled_just_now = last.call == Call::Cancel && self.now < self.policy.retry_at(last);
        if cancelled_just_now || last.attempt >= TRIES_MAX {
            Step::Done
        } else if sight.is_answer() {
            let confirm_information = sight.session.confirm_information.clone();
            Step::Write(Event::StrayFound { confirm_information })
        } else {
            Step::AskStatus
        }
    }

    fn refund(&self, sight: &Sight) -> Step {
        let Source::Refund { digest } = &sight.source else { return Step::Done };
        let known = |event: &Event| matches!(event, Event::Refunded { digest: d } if d == digest);
        let told = self.payout.history.iter().any(|entry| known(&entry.event));
        if told || self.payout.state != State::Succeeded {
            Step::Done
        } else {
            Step::Write(Event::Refunded { digest: digest.clone() })
        }
    }

    /// What the bank shows as the end, after a decision; or as something for a person.
    fn ending(&self) -> Option<Step> {
        let sight = self.sight?;
        match sight.session.reading() {
            Reading::Succeeded => Some(self.succeed(sight)),
            Reading::Failed(_) if self.payout.state == State::Cancelling => {
                Some(self.cancelled("the bank ended the session"))
            }
            Reading::Failed(reason) => Some(self.failed(reason)),
            Reading::Cancelled => Some(self.cancelled("the bank ended the session")),
            Reading::Uncertain(why) => Some(self.once_attentive(why)),
            Reading::Several if self.payout.state != State::Cancelling => {
                Some(self.once_attentive(SEVERAL))
            }
            Reading::Several
            | Reading::Empty
            | Reading::InProgress
            | Reading::AwaitsConfirmation => None,
        }
    }

    fn succeed(&self, sight: &Sight) -> Step {
        let bank_payout = sight.session.payout().and_then(|p| p.id.clone());
        Step::Write(Event::Succeeded { bank_payout })
    }

    fn failed(&self, reason: Option<BankReason>) -> Step {
        let reason = reason.unwrap_or_else(|| BankReason {
            code: "unspecified".into(),
            text: "the bank gave no reason".into(),
        });
        Step::Write(Event::Failed { reason })
    }

    /// Our own reason, where we had one; else the bank's.
    fn cancelled(&self, otherwise: &str) -> Step {
        let ours = self.payout.history.iter().rev().find_map(|entry| match &entry.event {
            Event::CancelDecided { reason, .. } => Some(reason.clone()),
            _ => None,
        });
        let timed_out = self
            .sight
            .and_then(|s| s.session.payout())
            .and_then(|p| p.error.as_ref())
            .map(|e| format!("not confirmed in time ({})", e.code));
        let reason = ours.or(timed_out).unwrap_or_else(|| otherwise.into());
        Step::Write(Event::Cancelled { reason })
    }

    fn cancel(&self, reason: String, session: &Session) -> Step {
        let confirm_information = session.confirm_information.clone();
        Step::Write(Event::CancelDecided { reason, confirm_information })
    }
}
