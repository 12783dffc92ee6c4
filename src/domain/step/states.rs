//! What each state after the start leads to, by what the bank shows.

use super::super::call::Call;
use super::super::decision::{Verdict, contradictions, decide};
use super::super::event::{Entry, Event};
use super::super::payout::{CallOutcome, Intention, State};
use super::super::policy::TRIES_MAX;
use super::super::rules::Ruling;
use super::super::session::{BankReason, Reading, Session};
use super::{Sight, Source, Step, View, attention};

const INFORMATION_CHANGED: &str = "the bank changed confirm_information after it was checked";

const CONFIRMED_BEFORE: &str = "the bank has seen a confirmation of this payout before, and still waits \
                                for this one: the store may have forgotten something";

const NOTHING_THERE: &str = "the session was started, and the bank shows no payout in it: only a \
                             rejection ends it";

const SEVERAL: &str = "the session holds more than one payout";

impl View<'_> {
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
            Reading::AwaitsConfirmation => self.awaits_confirmation(sight),
            // The bank took the start and shows nothing of it: a person has to look first.
            Reading::Empty if self.payout.intention.released => {
                match &self.payout.cancel_requested {
                    Some(reason) => self.cancel(reason.clone(), &sight.session),
                    None => self.once_attentive(NOTHING_THERE),
                }
            }
            Reading::Empty | Reading::InProgress => self.wait(sight),
        }
    }

    fn awaits_confirmation(&self, sight: &Sight) -> Step {
        match &self.payout.cancel_requested {
            Some(reason) => {
                self.once_tries_are_over(|| self.cancel(reason.clone(), &sight.session))
            }
            None if self.payout.attention.is_some() => Step::Wait(None),
            None => self.once_tries_are_over(|| self.gate(sight)),
        }
    }

    fn gate(&self, sight: &Sight) -> Step {
        if self.information_changed(sight) {
            return self.cancel(INFORMATION_CHANGED.into(), &sight.session);
        }
        let session = self.with_information(&sight.session);
        match decide(self.command, &session, self.now) {
            Verdict::Confirm => self.ruled(session),
            Verdict::Cancel { reason } => self.cancel(reason, &session),
            Verdict::NeedsInformation if !sight.is_answer() => Step::AskStatus,
            Verdict::NeedsInformation => {
                let reason = "the bank shows no confirm_information".into();
                self.cancel(reason, &session)
            }
        }
    }

    /// What the bank showed when the payout was held, or decided on, stands where it shows nothing.
    fn with_information(&self, session: &Session) -> Session {
        let shown = session.confirm_information.as_ref();
        let confirm_information = shown.or(self.payout.confirm_information.as_ref()).cloned();
        Session { confirm_information, ..session.clone() }
    }

    pub(super) fn confirming(&self) -> Step {
        if let Some(step) = self.ending() {
            return step;
        }
        let Some(sight) = self.fresh_sight() else { return self.ask_when_known() };
        match sight.session.reading() {
            Reading::AwaitsConfirmation => {}
            Reading::Several if sight.session.awaits_confirmation => {}
            // The only try certainly was not sent: this is no answer to it.
            Reading::InProgress if self.never_sent() => return self.wait(sight),
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
        if let Some(reason) = &self.payout.cancel_requested {
            return self.cancel(reason.clone(), &sight.session);
        }
        if let Some(reason) = self.against_confirming_again(sight) {
            return self.cancel(reason, &sight.session);
        }
        match &self.payout.intention.outcome {
            CallOutcome::Refused { reason } if !self.payout.intention.released => self
                .once_attentive(&format!(
                    "the bank refused the confirmation ({}) and still waits for it",
                    reason.code
                )),
            CallOutcome::Postponed { until } => self.send_postponed(*until),
            // Another session may have been confirmed with this key: never a new one.
            CallOutcome::Unknown { key_used: true } if !self.payout.intention.released => {
                self.once_attentive(CONFIRMED_BEFORE)
            }
            CallOutcome::Refused { .. }
            | CallOutcome::Pending
            | CallOutcome::Unknown { .. }
            | CallOutcome::Answered => self.send_again(),
        }
    }

    /// What was decided is held against what the bank shows now, and against the rules of today.
    fn against_confirming_again(&self, sight: &Sight) -> Option<String> {
        if self.information_changed(sight) {
            return Some(INFORMATION_CHANGED.into());
        }
        let session = self.with_information(&sight.session);
        match decide(self.command, &session, self.now) {
            Verdict::Cancel { reason } => return Some(reason),
            Verdict::Confirm | Verdict::NeedsInformation => {}
        }
        match self.policy.rules.judge_shown(self.command, &session) {
            Ruling::Forbidden(reason) => Some(reason),
            Ruling::Allowed | Ruling::Review(_) => None,
        }
    }

    /// Whether the bank shows other information than was held or decided on.
    fn information_changed(&self, sight: &Sight) -> bool {
        let shown = sight.session.confirm_information.as_ref();
        let seen = self.payout.confirm_information.as_ref();
        shown.zip(seen).is_some_and(|(shown, seen)| !shown.says_the_same(seen))
    }

    fn never_sent(&self) -> bool {
        let Intention { attempt, outcome, .. } = &self.payout.intention;
        *attempt == 1 && matches!(outcome, CallOutcome::Postponed { .. })
    }

    pub(super) fn cancelling(&self) -> Step {
        if let Some(step) = self.ending() {
            return step;
        }
        if self.payout.intention.outcome == CallOutcome::Answered {
            return match self.sight {
                None => self.look_if_due(),
                Some(sight) if self.stays_empty(sight) => {
                    self.cancelled("the bank took the cancellation of the empty session")
                }
                Some(sight) => self.wait(sight),
            };
        }
        let Some(sight) = self.fresh_sight() else { return self.ask_when_known() };
        if sight.session.reading() != Reading::Empty && !sight.session.awaits_confirmation {
            return self.wait(sight);
        }
        match &self.payout.intention.outcome {
            CallOutcome::Postponed { until } => self.send_postponed(*until),
            // Nothing to cancel, and nothing ever came: should it come yet, it is a stray.
            CallOutcome::Refused { .. } if self.stays_empty(sight) => {
                self.cancelled("the bank keeps the empty session")
            }
            CallOutcome::Unknown { .. } if self.stays_empty(sight) && self.tried_enough() => {
                self.cancelled("the bank keeps the empty session, and does not say why")
            }
            // A refused cancellation did nothing: unlike a confirmation it is tried again.
            CallOutcome::Refused { .. }
            | CallOutcome::Pending
            | CallOutcome::Unknown { .. }
            | CallOutcome::Answered => self.send_again(),
        }
    }

    fn stays_empty(&self, sight: &Sight) -> bool {
        sight.session.reading() == Reading::Empty && sight.asked_after(self.deadline())
    }

    /// Often, and since a person looked into it.
    fn tried_enough(&self) -> bool {
        let Intention { attempt, .. } = self.payout.intention;
        let looked = |entry: &Entry| matches!(entry.event, Event::Released { .. });
        attempt > TRIES_MAX && self.payout.history.iter().any(looked)
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
            Reading::Succeeded if paid => match self.against_what_was_paid(sight) {
                Some(reason) => attention(reason),
                None => self.refund(sight),
            },
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

    /// Why a person has to look at what the bank paid, once: it paid otherwise than was asked, or
    /// without asking though somebody should have approved it.
    fn against_what_was_paid(&self, sight: &Sight) -> Option<String> {
        let differs = contradictions(self.command, &sight.session);
        let unasked = match self.policy.rules.judge(self.command) {
            Ruling::Review(reason) | Ruling::Forbidden(reason)
                if self.payout.was_paid_unasked() =>
            {
                Some(format!("the bank paid it without asking, and {reason}"))
            }
            Ruling::Allowed | Ruling::Review(_) | Ruling::Forbidden(_) => None,
        };
        let reason = match differs.is_empty() {
            true => unasked?,
            false => format!("the bank paid it otherwise than asked: {}", differs.join(", ")),
        };
        let told = self.payout.history.iter().any(|entry| {
            matches!(&entry.event, Event::NeedsAttention { reason: told, .. } if *told == reason)
        });
        (!told).then_some(reason)
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
        let cancels = last.call == Call::Cancel;
        if cancels && self.now < self.policy.retry_at(last) {
            Step::Done
        } else if cancels && last.attempt >= TRIES_MAX {
            self.contradiction(sight, "a session of it waits on, though it was cancelled often")
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
    pub(super) fn ending(&self) -> Option<Step> {
        let sight = self.sight?;
        match sight.session.reading() {
            // The bank took a confirmation whose answer was lost: that is told first, with why.
            Reading::Succeeded if self.payout.state == State::Confirming && !self.never_sent() => {
                Some(Step::Write(Event::Confirmed))
            }
            Reading::Succeeded => Some(self.succeed(sight)),
            Reading::Failed(_) if self.payout.state == State::Cancelling => {
                Some(self.cancelled("the bank ended the session"))
            }
            Reading::Failed(reason) => Some(self.failed(reason)),
            Reading::Cancelled => Some(self.cancelled("the bank ended the session")),
            Reading::Uncertain(why) => Some(self.once_attentive(why)),
            Reading::Several
                if self.payout.state != State::Cancelling && self.payout.attention.is_none() =>
            {
                Some(attention(SEVERAL))
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

    pub(super) fn failed(&self, reason: Option<BankReason>) -> Step {
        let reason = reason.unwrap_or_else(|| BankReason {
            code: "unspecified".into(),
            text: "the bank gave no reason".into(),
        });
        Step::Write(Event::Failed { reason })
    }

    /// Our own reason, where we had one; else the bank's.
    pub(super) fn cancelled(&self, otherwise: &str) -> Step {
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

    pub(super) fn cancel(&self, reason: String, session: &Session) -> Step {
        let confirm_information = session.confirm_information.clone();
        Step::Write(Event::CancelDecided { reason, confirm_information })
    }
}
