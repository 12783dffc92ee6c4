//! Taking up what comes from outside: new payouts, cancellations ahead of them, and the words of
//! people.

use crate::domain::call::Answer;
use crate::domain::command::CreateCommand;
use crate::domain::event::Event;
use crate::domain::id::{PayoutId, SessionId};
use crate::domain::payout::Payout;
use crate::domain::time::Timestamp;

use super::super::intake::HandleError;
use super::{Driver, Look, Run, log};

impl Driver {
    /// Records a new payout and drives it. `false`: another process recorded it first.
    pub async fn accept(
        &self,
        command: CreateCommand,
        content_hash: String,
        now: Timestamp,
    ) -> Result<bool, HandleError> {
        self.habit.heard(&self.fence.standing(), now);
        let flow = command.flow.unwrap_or(self.policy.flow);
        let mut payout = Payout::accept(command, content_hash, flow, now, now);
        payout.next_look_at = self.policy.deadline(&payout.intention);
        let Some(mut run) = self.record_new(payout, now).await? else { return Ok(false) };
        tracing::info!(event = "payout.accepted", payout_id = %run.payout.id());
        run.publish_events().await?;
        run.send_intended().await?;
        run.until_rest().await?;
        Ok(true)
    }

    /// Records that a payout is not to be paid whose command has not come. `false`: another
    /// process recorded something first.
    pub async fn accept_cancellation(
        &self,
        id: PayoutId,
        reason: String,
        now: Timestamp,
    ) -> Result<bool, HandleError> {
        let stub = Payout::stub(id, reason, now);
        let Some(run) = self.record_new(stub, now).await? else { return Ok(false) };
        tracing::info!(event = "payout.cancelled_ahead", payout_id = %run.payout.id());
        run.until_rest().await?;
        Ok(true)
    }

    /// What the store has lost of a payout is for a person: a session that is known from
    /// elsewhere is what is left of it. `false`: another process recorded something first.
    pub async fn take_up_lost(
        &self,
        id: &PayoutId,
        session: Option<SessionId>,
        payout: Option<Payout>,
        now: Timestamp,
    ) -> Result<bool, HandleError> {
        let reason = match &session {
            Some(session) => format!("{FORGOTTEN}; it had the session {session}"),
            None => format!("{FORGOTTEN}; it had no session yet"),
        };
        tracing::error!(event = "payout.lost", payout_id = %id, reason);
        let mut run = match payout {
            None => {
                let lost = Payout::lost(id.clone(), session, reason, now);
                let Some(run) = self.record_new(lost, now).await? else { return Ok(false) };
                run
            }
            Some(payout) => {
                let is_news = session.as_ref().is_some_and(|session| !payout.knows(session));
                let mut run = Run::new(self, payout, now, Look::default());
                if (is_news || run.payout.attention.is_none())
                    && !run.record(Event::NeedsAttention { reason, session }).await?
                {
                    return Ok(false);
                }
                run
            }
        };
        run.publish_events().await?;
        run.until_rest().await?;
        Ok(true)
    }

    async fn record_new(
        &self,
        mut payout: Payout,
        now: Timestamp,
    ) -> Result<Option<Run<'_>>, HandleError> {
        payout.version = 1;
        payout.write_id = rand::random();
        let mut run = Run::new(self, payout, now, Look::default());
        Ok(run.store_payout(0).await?.then_some(run))
    }

    /// Writes an event that a message stands for, over the record as it was loaded. `None`: another
    /// writer was first; look again.
    pub async fn write(
        &self,
        payout: Payout,
        now: Timestamp,
        event: Event,
    ) -> Result<Option<Payout>, HandleError> {
        let mut run = Run::new(self, payout, now, Look::default());
        Ok(run.record(event).await?.then_some(run.payout))
    }

    /// What the bank answers when it is asked for one of the payout's sessions.
    pub async fn ask(&self, payout: &Payout, session: &SessionId) -> Answer {
        let answer = self.teller.status(payout, session).await;
        if !matches!(answer, Answer::Done(_)) {
            log::answer(payout, "status", &answer);
        }
        answer
    }
}

const FORGOTTEN: &str = "the store has lost what was written last of this payout";
