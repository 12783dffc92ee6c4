//! What to do next for a payout: one pure function for normal running, retries and recovery.

use super::call::is_bound_to;
use super::decision::{Verdict, decide};
use super::event::Event;
use super::payout::{CallOutcome, Payout, State};
use super::policy::{PATIENCE, Policy, TRIES_MAX};
use super::session::{BankReason, Reading, Session};
use super::time::Timestamp;

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
    let own = sight.filter(|s| is_bound_to(payout, &s.session.id));
    if let (Some(stranger), None) = (sight, own)
        && stranger.session.may_pay()
        && !payout.state.is_final()
        && payout.attention.is_none()
    {
        let session = &stranger.session.id;
        return attention(format!("another session of this payout, {session}, may pay it"));
    }
    let view = View { payout, sight: own, policy, now };
    match payout.state {
        State::Creating => view.creating(),
        State::Bound => view.bound(),
        State::Started => view.started(),
        State::Confirming => view.confirming(),
        State::Cancelling => view.cancelling(),
        State::Confirmed => view.confirmed(),
        State::Succeeded => view.succeeded(),
        State::Failed | State::Cancelled | State::Rejected => Step::Done,
    }
}

/// Asks for a person when status has had no answer for too long.
pub fn waited_too_long(payout: &Payout, now: Timestamp) -> Option<Event> {
    let reason = "the bank has had the payout for hours without a result".to_owned();
    (now.since(payout.since) > PATIENCE && payout.attention.is_none() && !payout.state.is_final())
        .then_some(Event::NeedsAttention { reason })
}

const EXPIRED: &str = "the command's confirm_before has passed";

fn attention(reason: impl Into<String>) -> Step {
    Step::Write(Event::NeedsAttention { reason: reason.into() })
}

fn reject(reason: &str) -> Step {
    Step::Write(Event::Rejected { reason: reason.into() })
}

/// Everything a step is decided from.
struct View<'a> {
    payout: &'a Payout,
    /// A sight of the payout's own session.
    sight: Option<&'a Sight>,
    policy: &'a Policy,
    now: Timestamp,
}

impl View<'_> {
    fn creating(&self) -> Step {
        if self.payout.command.expired(self.now) {
            // Sessions may have been created, but none was ever started.
            return reject(EXPIRED);
        }
        match &self.payout.intention.outcome {
            CallOutcome::Refused { reason } => {
                Step::Write(Event::Failed { reason: reason.clone() })
            }
            CallOutcome::Postponed { until } => self.send_postponed(*until),
            CallOutcome::Pending | CallOutcome::Unknown { .. } | CallOutcome::Answered => {
                self.send_again()
            }
        }
    }

    fn bound(&self) -> Step {
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
            CallOutcome::Postponed { .. } if self.payout.command.expired(self.now) => {
                reject(EXPIRED)
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
    /// try proves that it has none; a single try that was refused proves it at once.
    fn bound_empty(&self, sight: &Sight) -> Step {
        let intention = &self.payout.intention;
        let asked_late = sight.asked_after(self.deadline());
        match &intention.outcome {
            CallOutcome::Postponed { .. } => self.bound_unseen(),
            CallOutcome::Refused { reason }
                if asked_late || (intention.attempt == 1 && sight.is_answer()) =>
            {
                Step::Write(Event::Failed { reason: reason.clone() })
            }
            CallOutcome::Refused { .. } => self.ask_past_deadline(),
            CallOutcome::Pending | CallOutcome::Unknown { .. } | CallOutcome::Answered
                if !asked_late =>
            {
                self.ask_past_deadline()
            }
            CallOutcome::Unknown { key_used: true } => self.once_attentive(
                "the bank has seen this start before, but its session shows no payout",
            ),
            CallOutcome::Pending | CallOutcome::Unknown { .. } | CallOutcome::Answered => {
                if self.policy.confirms_automatically {
                    self.once_attentive(
                        "a start with unknown outcome left no trace, and the bank confirms by \
                         itself: starting again could pay twice",
                    )
                } else if self.payout.command.expired(self.now) {
                    reject(EXPIRED)
                } else {
                    self.send_again()
                }
            }
        }
    }

    fn started(&self) -> Step {
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

    fn confirming(&self) -> Step {
        if let Some(step) = self.ending() {
            return step;
        }
        let Some(sight) = self.fresh_sight() else { return self.ask_when_known() };
        match sight.session.reading() {
            Reading::AwaitsConfirmation => {}
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

    fn cancelling(&self) -> Step {
        if let Some(step) = self.ending() {
            return step;
        }
        if self.payout.intention.outcome == CallOutcome::Answered {
            return self.sight.map_or_else(|| self.look_if_due(), |sight| self.wait(sight));
        }
        let Some(sight) = self.fresh_sight() else { return self.ask_when_known() };
        if !sight.session.awaits_confirmation {
            return self.wait(sight);
        }
        match &self.payout.intention.outcome {
            CallOutcome::Postponed { until } => self.send_postponed(*until),
            // A refused cancellation did nothing: unlike a confirmation it is tried again.
            CallOutcome::Refused { .. }
            | CallOutcome::Pending
            | CallOutcome::Unknown { .. }
            | CallOutcome::Answered => self.send_again(),
        }
    }

    fn confirmed(&self) -> Step {
        if let Some(step) = self.ending() {
            return step;
        }
        self.sight.map_or_else(|| self.look_if_due(), |sight| self.wait(sight))
    }

    fn succeeded(&self) -> Step {
        let Some(Sight { source: Source::Refund { digest }, .. }) = self.sight else {
            return Step::Done;
        };
        let known = |event: &Event| matches!(event, Event::Refunded { digest: d } if d == digest);
        if self.payout.history.iter().any(|entry| known(&entry.event)) {
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

    /// Asks for a person, unless one was asked for already.
    fn once_attentive(&self, reason: &str) -> Step {
        match self.payout.attention {
            None => attention(reason),
            Some(_) => Step::Wait(None),
        }
    }

    fn deadline(&self) -> Timestamp {
        self.policy.deadline(&self.payout.intention)
    }

    /// Started more than once: a decision needs an answer from past the last try's deadline, when
    /// every try has either shown itself or never will.
    fn once_tries_are_over(&self, then: impl FnOnce() -> Step) -> Step {
        let fresh = self.sight.is_some_and(|s| s.asked_after(self.deadline()));
        let several = self.payout.intention.attempt > 1 || self.payout.state == State::Bound;
        if !several || fresh { then() } else { self.ask_past_deadline() }
    }

    fn ask_past_deadline(&self) -> Step {
        let deadline = self.deadline();
        if self.now >= deadline { Step::AskStatus } else { Step::Wait(Some(deadline)) }
    }

    /// A sight that tells what became of the last call: from past its deadline if its outcome is
    /// open, any answer of the bank's if it is known.
    fn fresh_sight(&self) -> Option<&Sight> {
        let definite = self.payout.intention.outcome.is_definite();
        self.sight.filter(|s| s.asked_after(self.deadline()) || definite && s.is_answer())
    }

    /// A postponed call is not looked up before it may go out again; a refused one at once; an
    /// open one past its deadline.
    fn ask_when_known(&self) -> Step {
        match self.payout.intention.outcome {
            CallOutcome::Postponed { until } if self.now < until => Step::Wait(Some(until)),
            CallOutcome::Postponed { .. } | CallOutcome::Refused { .. } => Step::AskStatus,
            CallOutcome::Pending | CallOutcome::Unknown { .. } | CallOutcome::Answered => {
                self.ask_past_deadline()
            }
        }
    }

    /// Sends a call that certainly was not sent, as the same try.
    fn send_postponed(&self, until: Timestamp) -> Step {
        if self.now < until {
            Step::Wait(Some(until))
        } else {
            self.intend(self.payout.intention.attempt)
        }
    }

    /// Sends a call again whose effect was looked for in vain past its deadline, as the next try.
    fn send_again(&self) -> Step {
        let retry_at = self.policy.retry_at(&self.payout.intention);
        let attempt = self.payout.intention.attempt;
        if self.now < retry_at {
            Step::Wait(Some(retry_at))
        } else if attempt >= TRIES_MAX {
            let call = self.payout.intention.call;
            self.once_attentive(&format!("the outcome of {attempt} tries of {call} is unknown"))
        } else {
            self.intend(attempt + 1)
        }
    }

    fn intend(&self, attempt: u32) -> Step {
        let cancels = self.payout.state == State::Cancelling;
        if self.payout.attention.is_some() && !cancels {
            Step::Wait(None)
        } else {
            Step::Write(Event::Intended { attempt })
        }
    }

    fn look_if_due(&self) -> Step {
        if self.now >= self.payout.next_look_at { Step::AskStatus } else { Step::Wait(None) }
    }

    /// The bank still works on it. Too long is a matter for a person; a webhook that has nothing
    /// to say does not put off a look that is due.
    fn wait(&self, sight: &Sight) -> Step {
        if let Some(event) = waited_too_long(self.payout, self.now) {
            Step::Write(event)
        } else if sight.is_answer() {
            Step::Wait(None)
        } else {
            self.look_if_due()
        }
    }
}

const SEVERAL: &str = "the session holds more than one payout";

#[cfg(test)]
mod tests;
