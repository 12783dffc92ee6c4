//! What people and other systems say about a payout: cancel, approve, reject, release, adopt.
//!
//! Each is written into the record before it is acknowledged, or refused in an event. One that was
//! taken before changes nothing more, so that a message delivered twice is harmless.

use crate::digest::sha256_hex;
use crate::domain::call::{Answer, is_bound_to};
use crate::domain::command::{Intervention, Verb};
use crate::domain::event::Event;
use crate::domain::id::SessionId;
use crate::domain::intervene::{Effect, adoption, intervene, objection, still_attentive};
use crate::domain::payout::{Payout, State};
use crate::domain::result_event::command_refused;
use crate::domain::step::{Sight, Source};
use crate::domain::time::Timestamp;

use super::super::driver::Look;
use super::super::intake::HandleError;
use super::{Executor, RACES_MAX};

const BANK_SILENT: &str = "the bank did not say how its sessions stand; send this again later";

impl Executor {
    pub(super) async fn intervene(
        &self,
        intervention: &Intervention,
        body: &[u8],
    ) -> Result<(), HandleError> {
        let Intervention { verb, payout_id, reason, .. } = intervention;
        for _ in 0..RACES_MAX {
            let loaded = self.driver.store.load(payout_id).await?;
            let now = loaded.now;
            let Some(payout) = loaded.payout else {
                if *verb != Verb::Cancel {
                    return self.turn_down(intervention, None, NO_PAYOUT, body, now).await;
                }
                let (id, reason) = (payout_id.clone(), reason.clone());
                match self.driver.accept_cancellation(id, reason, now).await? {
                    true => return Ok(()),
                    false => continue,
                }
            };
            match intervene(&payout, intervention, &self.driver.policy, now) {
                // What follows is decided on the record as it is then, whoever wrote last.
                Effect::Write(event) => {
                    self.driver.write(payout, now, event).await?;
                }
                Effect::WriteOnEvidence(event) => {
                    if let Err(objection) = self.look_at_sessions(&payout, now).await? {
                        let why = still_attentive(&payout, &objection);
                        return self.turn_down(intervention, Some(&payout), &why, body, now).await;
                    }
                    self.driver.write(payout, now, event).await?;
                }
                Effect::Adopt(session) => match self.adoption(&payout, &session, now).await? {
                    Ok(event) => drop(self.driver.write(payout, now, event).await?),
                    Err(why) => {
                        let at = Some(&payout);
                        return self.turn_down(intervention, at, &why, body, now).await;
                    }
                },
                Effect::Known => return self.driver.drive(payout, now, Look::default()).await,
                Effect::Refused(why) => {
                    return self.turn_down(intervention, Some(&payout), &why, body, now).await;
                }
            }
        }
        Err(HandleError::Restless(RACES_MAX))
    }

    /// Asks for every session the payout is known to have. What speaks against a release is driven
    /// at once; otherwise the release is, and asks anew.
    async fn look_at_sessions(
        &self,
        payout: &Payout,
        now: Timestamp,
    ) -> Result<Result<(), String>, HandleError> {
        for session in payout.session.iter().chain(&payout.strangers) {
            let shown = match self.driver.ask(payout, session).await {
                Answer::Done(shown) => shown,
                answer if answer.denies_session() && is_bound_to(payout, session) => {
                    let why = format!("the bank does not know its session {session}");
                    return Ok(Err(why));
                }
                answer if answer.denies_session() => continue,
                _ => return Ok(Err(BANK_SILENT.into())),
            };
            if let Some(objection) = objection(payout, &shown) {
                let sight = Sight { session: shown, source: Source::Answer { asked_at: now } };
                let look = Look { sight: Some(sight), ticket: None };
                self.driver.drive(payout.clone(), now, look).await?;
                return Ok(Err(objection));
            }
        }
        Ok(Ok(()))
    }

    /// Asks for the session, and for the one that the payout has. One that is the payout's and cannot
    /// be adopted yet is remembered: nothing is told as not paid meanwhile.
    async fn adoption(
        &self,
        payout: &Payout,
        session: &SessionId,
        now: Timestamp,
    ) -> Result<Result<Event, String>, HandleError> {
        let shown = match self.driver.ask(payout, session).await {
            Answer::Done(shown) => shown,
            answer if answer.denies_session() => {
                return Ok(Err(format!("the bank does not know the session {session}")));
            }
            _ => return Ok(Err(BANK_SILENT.into())),
        };
        let own = match &payout.session {
            None => None,
            Some(own) => match self.driver.ask(payout, own).await {
                Answer::Done(own) => Some(own),
                answer if answer.denies_session() && may_be_replaced(payout.state) => None,
                _ => return Ok(Err(BANK_SILENT.into())),
            },
        };
        let adoption = adoption(payout, &shown, own.as_ref());
        if adoption.is_err() && shown.payout_id.as_ref() == Some(payout.id()) {
            let sight = Sight { session: shown, source: Source::Answer { asked_at: now } };
            let look = Look { sight: Some(sight), ticket: None };
            self.driver.drive(payout.clone(), now, look).await?;
        }
        Ok(adoption)
    }

    async fn turn_down(
        &self,
        intervention: &Intervention,
        payout: Option<&Payout>,
        why: &str,
        body: &[u8],
        now: Timestamp,
    ) -> Result<(), HandleError> {
        let Intervention { verb, payout_id, .. } = intervention;
        tracing::warn!(event = "command.refused", %payout_id, command = verb.command_type(), why);
        let (hash, source) = (sha256_hex(body), &self.driver.source);
        let state = payout.map(|payout| payout.state);
        self.publish(command_refused(intervention, state, why, &hash, source, now)).await
    }
}

const NO_PAYOUT: &str = "there is no payout of this id";

/// Nothing was confirmed in its session, whether the bank knows it or not.
fn may_be_replaced(state: State) -> bool {
    matches!(state, State::Stub | State::Bound | State::Started)
}
