//! Sending what was intended, once, and recording what came of it.

use std::time::Duration;

use crate::domain::call::{Answer, Call, record_answer};
use crate::domain::event::Event;
use crate::domain::payout::{Intention, State};
use crate::domain::step::may_start;
use crate::domain::transition::apply;

use super::super::intake::HandleError;
use super::{Run, STEPS_MAX, log};

impl Run<'_> {
    /// Sends the call that this run's last write intended, and then the call that recording its
    /// answer intends: a created session is started at once.
    pub(super) async fn send_intended(&mut self) -> Result<(), HandleError> {
        while self.send_once().await? {
            self.publish_events().await?;
        }
        Ok(())
    }

    /// `true`: recording the answer intended another call.
    async fn send_once(&mut self) -> Result<bool, HandleError> {
        let sent = self.payout.intention.clone();
        let starts = matches!(sent.call, Call::Create | Call::Init | Call::Start);
        // Much may have come in between while the session was being created.
        let policy = self.driver.policy_now();
        let is_paused = policy.paused.bars(sent.call).is_some();
        if is_paused || starts && !may_start(&self.payout, &policy, self.clock.now()) {
            self.record(Event::Postponed { until: self.clock.now() }).await?;
            return Ok(false);
        }
        if self.slept_past_deadline(&sent, starts) {
            tracing::warn!(event = "call.too_late", payout_id = %self.payout.id(), call = %sent.call);
            self.reload().await?;
            return Ok(false);
        }
        let asked_at = self.clock.now();
        let answer = self.driver.teller.send(&self.payout).await;
        log::answer(&self.payout, &sent.call.to_string(), &answer);
        if let Answer::Done(session) = &answer {
            self.see(session.clone(), asked_at);
        }
        self.record_outcome(&sent, &answer).await
    }

    /// A process that was frozen since it wrote its intention must not send any more: others may
    /// have looked the call up and sent it again.
    fn slept_past_deadline(&self, sent: &Intention, starts: bool) -> bool {
        // Dated with a time that was old already, on a machine that was suspended before the write:
        // to others a start's deadline is over. A confirmation may go out twice, to one session.
        let dated_back = if starts { self.clock.now().since(sent.at) } else { Duration::ZERO };
        self.driver.policy.too_late_to_send(sent, self.clock.since_write().max(dated_back))
    }

    /// Writes the outcome, over whatever else was written meanwhile, as long as the intention is
    /// still this one. `true`: the event intends the next call.
    async fn record_outcome(
        &mut self,
        sent: &Intention,
        answer: &Answer,
    ) -> Result<bool, HandleError> {
        for _ in 0..STEPS_MAX {
            let now = self.clock.now();
            let event = record_answer(&self.payout, answer, &self.driver.policy, now);
            let intends_call = event.intends_call();
            if apply(&self.payout, event.clone(), now).is_err() {
                // A webhook was faster, or another try: its record stands.
                return Ok(false);
            }
            if let Event::SessionBound { session, .. } = &event {
                // Before the write: a record never names a ticket that may not be out, and start
                // is never sent without one.
                self.publish_ticket(Some(session.clone()), self.first_delay()).await?;
            }
            match self.record(event.clone()).await {
                Ok(true) => return Ok(intends_call),
                Ok(false) => {}
                Err(HandleError::SessionTaken) => return self.refuse_taken_session().await,
                Err(error) => return Err(error),
            }
            let overtaken = !self.payout.still_intends(sent);
            let first_session =
                self.payout.state == State::Creating && matches!(event, Event::SessionBound { .. });
            if overtaken && !first_session {
                return Ok(false);
            }
        }
        Err(HandleError::Restless(STEPS_MAX))
    }

    /// A session belongs to one payout. A bank that gives it to a second one, or a store that has
    /// another bank's sessions, is for a person.
    async fn refuse_taken_session(&mut self) -> Result<bool, HandleError> {
        self.reload().await?;
        let reason = "the bank answered with a session of another payout".to_owned();
        if self.payout.attention.is_none() {
            self.record(Event::NeedsAttention { reason, session: None }).await?;
        }
        Ok(false)
    }
}
