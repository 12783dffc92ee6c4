//! What agrees with its command may still need a person's approval.

use super::super::event::Event;
use super::super::rules::Ruling;
use super::super::session::{Reading, Session};
use super::super::time::Timestamp;
use super::{EXPIRED, Step, View};

const UNANSWERED: &str = "nobody approved it in time";

const NO_TIME: &str = "no time was left to have it approved";

impl View<'_> {
    /// The bank's payout is the command's: what do our own rules say?
    pub(super) fn ruled(&self, session: Session) -> Step {
        match (self.policy.rules.judge_shown(self.command, &session), &self.payout.approved) {
            (Ruling::Forbidden(reason), _) => self.cancel(reason, &session),
            (Ruling::Allowed, None) => self.confirm("agrees with the command", session),
            (Ruling::Allowed | Ruling::Review(_), Some(why)) => {
                self.confirm(&format!("agrees with the command; approved: {why}"), session)
            }
            (Ruling::Review(reason), None) => self.hold(reason, session),
        }
    }

    fn hold(&self, reason: String, session: Session) -> Step {
        let until = self.policy.review_until(self.payout);
        if self.now < until {
            let confirm_information = session.confirm_information;
            Step::Write(Event::Held { reason, until, confirm_information })
        } else {
            self.cancel(format!("{reason}; {NO_TIME}"), &session)
        }
    }

    pub(super) fn held(&self) -> Step {
        if let Some(step) = self.ending() {
            return step;
        }
        let until = self.payout.held_until.unwrap_or(self.payout.since);
        match (self.against(until), self.sight) {
            (Some(reason), Some(sight)) if sight.session.awaits_confirmation => {
                self.cancel(reason, &sight.session)
            }
            (Some(_), Some(sight)) if sight.is_answer() => self.wait(sight),
            (Some(_), _) => Step::AskStatus,
            (None, Some(sight)) if sight.session.reading() != Reading::AwaitsConfirmation => {
                self.wait(sight)
            }
            (None, Some(_)) => Step::Wait(Some(until)),
            (None, None) if self.now >= self.payout.next_look_at => Step::AskStatus,
            (None, None) => Step::Wait(Some(until)),
        }
    }

    /// Why a held payout is not to be approved any more.
    fn against(&self, until: Timestamp) -> Option<String> {
        if let Some(reason) = &self.payout.cancel_requested {
            Some(reason.clone())
        } else if self.command.expired(self.now) {
            Some(EXPIRED.into())
        } else {
            (self.now >= until).then(|| UNANSWERED.into())
        }
    }

    /// What is paused is looked at again until it is not, or the bank itself ends it.
    fn confirm(&self, reason: &str, session: Session) -> Step {
        if self.policy.paused.confirms.is_some() {
            return Step::Wait(None);
        }
        let confirm_information = session.confirm_information;
        Step::Write(Event::ConfirmDecided { reason: reason.into(), confirm_information })
    }
}
