//! What is said of a payout's changes, and of the bank's answers that were no success.

use crate::domain::call::Answer;
use crate::domain::id::SessionId;
use crate::domain::payout::Payout;

pub(super) fn change(payout: &Payout, event: &'static str) {
    let session = payout.session.as_ref().map(SessionId::as_str);
    match (event, &payout.attention) {
        ("ticket_issued" | "published", _) => {}
        ("needs_attention", Some(attention)) => tracing::error!(
            event = "payout.needs_attention",
            payout_id = %payout.id(),
            session_id = session,
            state = %payout.state,
            reason = attention.reason,
        ),
        _ => tracing::info!(
            event = "payout.changed",
            payout_id = %payout.id(),
            session_id = session,
            change = event,
            state = %payout.state,
        ),
    }
}

/// An answer that did not do what was asked.
pub(super) fn answer(payout: &Payout, call: &str, answer: &Answer) {
    let (outcome, why) = match answer {
        Answer::Done(_) => return,
        Answer::Refused(reason) => ("refused", reason.code.as_str()),
        Answer::Forbidden(reason) => ("forbidden", reason.code.as_str()),
        Answer::Misconfigured(reason) => {
            tracing::error!(
                event = "bank.misconfigured",
                payout_id = %payout.id(),
                call,
                code = reason.code,
                "the bank does not know us: check bank.project and the keys"
            );
            return;
        }
        Answer::KeyUsed => ("key_used", ""),
        Answer::NotSent(why) => ("not_sent", why.as_str()),
        Answer::Unknown(why) => ("unknown", why.as_str()),
    };
    let session = payout.session.as_ref().map(SessionId::as_str);
    tracing::warn!(
        event = "bank.call_failed",
        payout_id = %payout.id(),
        session_id = session,
        call,
        outcome,
        why,
    );
}
