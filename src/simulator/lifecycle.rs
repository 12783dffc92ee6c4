//! How a session moves: started, made ready, confirmed or cancelled by the partner, and moved on by the clock.
//!
//! Each move is written whole with the webhook that tells of it. Money leaves the bank in one place, [`pay`].
//! Whether a request is well formed was checked before (`api`); when the clock strikes is `clock`'s business.

use rusqlite::Connection;
use serde::Serialize;
use serde_json::value::RawValue;

use super::Naming;
use super::book;
use super::outbox;
use super::script::Script;
use super::session::{Account, Payout, PayoutStatus, Phase, Session};
use super::{method, recipients};

type Result<T> = rusqlite::Result<T>;

/// How many times the usual processing a payout in `error` takes until the bank knows: long enough to be noticed.
const UNCLEAR_FACTOR: i64 = 50;

/// The bank's times, in microseconds, how it confirms, and how it names things.
#[derive(Clone, Copy)]
pub(super) struct Pace {
    pub(super) processing: i64,
    /// How long an unused session and an unconfirmed payout live.
    pub(super) window: i64,
    pub(super) confirms_automatically: bool,
    pub(super) naming: Naming,
}

/// What the partner may be told when a move is not possible.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    WrongPhase,
    InformationDiffers,
}

/// A payout joins the session; the first one sets it going.
pub(super) fn start(
    book: &Connection,
    session: &mut Session,
    payout: Payout,
    asked: i64,
    pace: Pace,
) -> Result<()> {
    let now = payout.created_at;
    session.payouts.push(payout);
    if session.phase == Phase::Created {
        session.phase = Phase::Starting;
        session.asked = asked;
        session.due = Some(match session.script() {
            Script::NeverReady => now + pace.window,
            _ => now + pace.processing,
        });
    }
    if session.phase == Phase::Paying {
        for payout in &mut session.payouts {
            payout.status = PayoutStatus::InProgress;
        }
    }
    session.updated_at = now;
    book::save(book, session)
}

pub(super) fn confirm(
    book: &Connection,
    session: &mut Session,
    information: Option<&str>,
    now: i64,
    pace: Pace,
) -> Result<std::result::Result<(), Refusal>> {
    session.confirms += 1;
    let refusal = refusal(session, information);
    if refusal.is_none() {
        take(session, now, pace);
    }
    book::save(book, session)?;
    Ok(refusal.map_or(Ok(()), Err))
}

pub(super) fn cancel(
    book: &Connection,
    session: &mut Session,
    information: Option<&str>,
    now: i64,
    pace: Pace,
) -> Result<std::result::Result<(), Refusal>> {
    if session.phase == Phase::Created {
        end(session, Phase::Cancelled, now);
        book::save(book, session)?;
        return Ok(Ok(()));
    }
    if let Some(refusal) = refusal(session, information) {
        return Ok(Err(refusal));
    }
    fail(book, session, "cancelled_by_partner", now, pace)?;
    Ok(Ok(()))
}

fn refusal(session: &Session, information: Option<&str>) -> Option<Refusal> {
    if session.phase != Phase::Waiting {
        return Some(Refusal::WrongPhase);
    }
    let settlement = session.account == Account::Settlement;
    (settlement && session.information.as_deref() != information)
        .then_some(Refusal::InformationDiffers)
}

/// What the clock does when the session is due.
pub(super) fn tick(book: &Connection, session: &mut Session, now: i64, pace: Pace) -> Result<()> {
    match session.phase {
        Phase::Created => {
            end(session, Phase::Cancelled, now);
            book::save(book, session)
        }
        Phase::Starting => prepared(book, session, now, pace),
        Phase::Waiting => fail(book, session, "confirm_timeout", now, pace),
        Phase::Paying => processed(book, session, now, pace),
        Phase::Unclear => pay(book, session, now, pace),
        Phase::Accepted | Phase::Cancelled => {
            session.due = None;
            book::save(book, session)
        }
    }
}

fn prepared(book: &Connection, session: &mut Session, now: i64, pace: Pace) -> Result<()> {
    match session.script() {
        Script::NeverReady => return fail(book, session, "confirm_timeout", now, pace),
        Script::FailsBeforeReady => {
            return fail(book, session, "provider_foreign_transfer_prohibited", now, pace);
        }
        _ => {}
    }
    if session.account == Account::Settlement
        && let Some(payout) = session.payouts.first()
    {
        session.information = match book::dictated_information(book)? {
            None => {
                let shown = serde_json::from_str(&payout.method).map_err(unshowable)?;
                let entered = recipients::entered(book, method::secret(&shown))?;
                let participants = payout.participants.as_deref();
                method::information(&payout.method, participants, entered.as_deref())
            }
            dictated => dictated,
        };
    }
    if pace.confirms_automatically {
        take(session, now, pace);
        return book::save(book, session);
    }
    session.phase = Phase::Waiting;
    session.updated_at = now;
    session.due = Some(now + pace.window);
    session.scripted_information(book, now, pace)
}

impl Session {
    /// Sends `ready_to_confirm` and saves, with what the script does to `confirm_information` in between.
    fn scripted_information(&mut self, book: &Connection, now: i64, pace: Pace) -> Result<()> {
        let correct = self.information.clone();
        match self.script() {
            Script::OtherSender => {
                self.information = correct.map(|text| {
                    text.replacen("{\"account_number\":\"", "{\"account_number\":\"9", 1)
                });
            }
            Script::InformationNotInWebhook => {
                self.information = None;
                notify(book, self, "ready_to_confirm", now, pace)?;
                self.information = correct;
                return book::save(book, self);
            }
            Script::InformationChanges => {
                notify(book, self, "ready_to_confirm", now, pace)?;
                self.information = correct.map(|text| text.replacen("156605101", "156605102", 1));
                return book::save(book, self);
            }
            _ => {}
        }
        notify(book, self, "ready_to_confirm", now, pace)?;
        book::save(book, self)
    }
}

fn processed(book: &Connection, session: &mut Session, now: i64, pace: Pace) -> Result<()> {
    match session.script() {
        Script::FailsAfterConfirm => {
            fail(book, session, "provider_exceeds_amount_limit", now, pace)
        }
        Script::NeverFinishes => {
            session.due = None;
            book::save(book, session)
        }
        script @ (Script::ErrorThenSucceeds | Script::StaysInError) => {
            let ends = script == Script::ErrorThenSucceeds;
            mark(session, PayoutStatus::Failed, Some("provider_timeout"), None);
            session.phase = Phase::Unclear;
            session.updated_at = now;
            session.due = ends.then_some(now + UNCLEAR_FACTOR * pace.processing);
            notify(book, session, "payment_finished", now, pace)?;
            book::save(book, session)
        }
        _ => pay(book, session, now, pace),
    }
}

/// The confirmation is taken: the bank goes to work.
fn take(session: &mut Session, now: i64, pace: Pace) {
    session.phase = Phase::Paying;
    session.updated_at = now;
    session.due = Some(now + pace.processing);
    mark(session, PayoutStatus::InProgress, None, None);
}

/// The one place where money leaves the bank.
fn pay(book: &Connection, session: &mut Session, now: i64, pace: Pace) -> Result<()> {
    end(session, Phase::Accepted, now);
    mark(session, PayoutStatus::Succeeded, None, Some(now));
    for payout in &session.payouts {
        book::pay(book, session, payout, now)?;
        tracing::debug!(session_id = session.id(), payout = payout.number, "simulator.payout.paid");
    }
    book::save(book, session)?;
    notify(book, session, "payment_finished", now, pace)
}

fn fail(book: &Connection, session: &mut Session, code: &str, now: i64, pace: Pace) -> Result<()> {
    end(session, Phase::Cancelled, now);
    mark(session, PayoutStatus::Failed, Some(code), Some(now));
    book::save(book, session)?;
    tracing::debug!(session_id = session.id(), code, "simulator.payout.failed");
    notify(book, session, "payment_finished", now, pace)
}

fn end(session: &mut Session, phase: Phase, now: i64) {
    session.phase = phase;
    session.updated_at = now;
    session.due = None;
}

fn mark(session: &mut Session, status: PayoutStatus, error: Option<&str>, at: Option<i64>) {
    for payout in &mut session.payouts {
        payout.status = status;
        payout.error = error.map(str::to_owned);
        payout.finished_at = at;
    }
}

/// Puts a webhook with the session as it is now into the outbox.
pub(super) fn notify(
    book: &Connection,
    session: &Session,
    kind: &str,
    now: i64,
    pace: Pace,
) -> Result<()> {
    let body = webhook(session, kind, pace.naming).map_err(unshowable)?;
    outbox::add(book, session.number, kind, &body, now)
}

fn webhook(
    session: &Session,
    kind: &str,
    naming: Naming,
) -> std::result::Result<String, serde_json::Error> {
    #[derive(Serialize)]
    struct Webhook<'a> {
        r#type: &'a str,
        session: Box<RawValue>,
        #[serde(skip_serializing_if = "Option::is_none")]
        confirm_information: Option<&'a RawValue>,
    }
    serde_json::to_string(&Webhook {
        r#type: kind,
        session: session.shown(naming)?,
        confirm_information: session.information_shown()?,
    })
}

/// What is in the book was JSON when it was written: if it no longer is, the file was changed by hand.
pub(super) fn unshowable(error: serde_json::Error) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(Box::new(error))
}
