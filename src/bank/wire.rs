//! Reading what the bank shows: its JSON into a [`Session`].
//!
//! The bank adds fields and words without notice, so nothing that is new here is an error, and an
//! optional field of the wrong type counts as not shown. Two things are never guessed away: a
//! session must have an id, and whatever stands where payouts stand counts as a payout, known or
//! not, because taking one for none could pay twice. Both namings are read: v1 `payments` and
//! `payment_method`, v2 `payout_list` and `payout_details`. `acquiring_payments` (v1) and
//! `payment_list` (v2) are money coming in, and not ours.
//!
//! Never panics, whatever the bytes; nesting beyond what `serde_json` reads is an error of it.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::domain::id::{BankPayoutId, PayoutId, SessionId};
use crate::domain::json::Raw;
use crate::domain::money::{Currency, Money};
use crate::domain::open_card::without_long_numbers;
use crate::domain::session::{BankPayout, BankReason, PayoutStatus, Session, SessionStatus};

/// Longest session id taken, in bytes: it travels in keys, tickets and logs. The bank's have
/// about ten.
const SESSION_ID_BYTES_MAX: usize = 128;

/// Longest error code taken for one, in bytes. The bank's longest has 36; hashes and tokens have 64,
/// and must not pass for one.
const CODE_BYTES_MAX: usize = 48;

/// Longest error description kept, in characters: a few sentences.
const TEXT_CHARS_MAX: usize = 200;

/// A session's fields, each still as it was written.
#[derive(Deserialize)]
struct SessionFields {
    id: Option<Raw>,
    status: Option<Raw>,
    next_action: Option<Raw>,
    payments: Option<Raw>,
    payout_list: Option<Raw>,
    metadata: Option<Raw>,
    session_metadata: Option<Raw>,
    error: Option<Raw>,
    confirm_information: Option<Raw>,
}

#[derive(Default, Deserialize)]
struct PayoutFields {
    id: Option<Raw>,
    status: Option<Raw>,
    amount_details: Option<Raw>,
    payment_method: Option<Raw>,
    payout_details: Option<Raw>,
    participant_details: Option<Raw>,
    metadata: Option<Raw>,
    #[serde(rename = "paymentMetadata")]
    payment_metadata: Option<Raw>,
    error: Option<Raw>,
}

/// Reads the value of a `session` field. `beside` is the `confirm_information` that stands next
/// to it in webhooks and answers; one inside the session counts when there is none beside.
///
/// `None` when it is no object or has no usable id.
pub(super) fn session(session: &Raw, beside: Option<Raw>) -> Option<Session> {
    let fields: SessionFields = object(session.text().as_bytes())?;
    let payouts = payouts(fields.payments, fields.payout_list);
    let session_error = fields.error.as_ref().and_then(reason);
    let own = [&fields.metadata, &fields.session_metadata];
    let in_payouts = payouts.iter().flat_map(|p| [&p.metadata, &p.payment_metadata]);
    let payout_id = own.into_iter().chain(in_payouts).flatten().find_map(payout_id);
    Some(Session {
        id: text(fields.id.as_ref()).filter(|id| is_usable(id)).map(SessionId::new)?,
        status: session_status(text(fields.status.as_ref()).as_deref()),
        awaits_confirmation: text(fields.next_action.as_ref()).as_deref() == Some("confirm"),
        payouts: payouts.into_iter().map(|p| payout(p, session_error.as_ref())).collect(),
        payout_id,
        confirm_information: beside.or(fields.confirm_information),
    })
}

/// Reads one JSON object; an array is not one, though serde would take it for a struct.
pub(super) fn object<T: DeserializeOwned>(text: &[u8]) -> Option<T> {
    let text = text.trim_ascii();
    text.starts_with(b"{").then(|| serde_json::from_slice(text).ok()).flatten()
}

/// An error as the bank gives it: a code for programs, a description for people. Both are bounded,
/// because they travel into events and logs; a code that does not look like one is not repeated, and
/// neither is a number that may be somebody's card or account.
pub(super) fn reason(error: &Raw) -> Option<BankReason> {
    #[derive(Deserialize)]
    struct Fields {
        code: Option<Raw>,
        description: Option<Raw>,
    }

    let fields: Fields = object(error.text().as_bytes())?;
    let code = text(fields.code.as_ref());
    let description = text(fields.description.as_ref());
    if code.is_none() && description.is_none() {
        return None;
    }
    let description = description.unwrap_or_default();
    let description: String = description.chars().filter(|c| !c.is_control()).collect();
    Some(BankReason {
        code: code.filter(|code| is_code(code)).unwrap_or_else(|| "unspecified".into()),
        // Before it is cut: half a number is still somebody's.
        text: without_long_numbers(&description).chars().take(TEXT_CHARS_MAX).collect(),
    })
}

fn is_code(text: &str) -> bool {
    let allowed = |b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_');
    let bounded = (1..=CODE_BYTES_MAX).contains(&text.len());
    bounded && text.bytes().all(allowed) && without_long_numbers(text) == text
}

pub(super) fn text(raw: Option<&Raw>) -> Option<String> {
    raw?.read().ok()
}

fn is_usable(id: &str) -> bool {
    (1..=SESSION_ID_BYTES_MAX).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic())
}

/// The payouts under either name. Shown under both, one and the same payout counts once; with two
/// faces it counts as two, which nobody confirms.
fn payouts(v1: Option<Raw>, v2: Option<Raw>) -> Vec<PayoutFields> {
    let mut payouts = v1.as_ref().map(list).unwrap_or_default();
    let more = v2.as_ref().map(list).unwrap_or_default();
    for other in more {
        if !payouts.iter().any(|known| known.is_the_same(&other)) {
            payouts.push(other);
        }
    }
    payouts
}

impl PayoutFields {
    /// Whether it is this payout, under the same id and with nothing shown otherwise.
    fn is_the_same(&self, other: &Self) -> bool {
        let id = text(self.id.as_ref());
        let agree = |one: Option<&Raw>, two: Option<&Raw>| match (one, two) {
            (Some(one), Some(two)) => one.says_the_same(two),
            (None, _) | (_, None) => true,
        };
        id.is_some()
            && id == text(other.id.as_ref())
            && agree(self.status.as_ref(), other.status.as_ref())
            && match (self.money(), other.money()) {
                (Some(one), Some(two)) => one == two,
                (_, _) => agree(self.amount_details.as_ref(), other.amount_details.as_ref()),
            }
            && agree(self.method(), other.method())
            && agree(self.participant_details.as_ref(), other.participant_details.as_ref())
    }

    fn money(&self) -> Option<Money> {
        self.amount_details.as_ref().and_then(money)
    }

    fn method(&self) -> Option<&Raw> {
        self.payment_method.as_ref().or(self.payout_details.as_ref())
    }
}

/// What is no list counts as one payout, and what is no object in a list as one too: there is
/// something, and this program cannot tell what.
fn list(raw: &Raw) -> Vec<PayoutFields> {
    let items: Vec<Raw> = raw.read().unwrap_or_else(|_| vec![raw.clone()]);
    items.iter().map(|item| object(item.text().as_bytes()).unwrap_or_default()).collect()
}

fn payout(fields: PayoutFields, session_error: Option<&BankReason>) -> BankPayout {
    let both = fields.payment_method.as_ref().zip(fields.payout_details.as_ref());
    let payment_method = match both {
        Some((one, other)) if !one.says_the_same(other) => UNREADABLE.into(),
        Some(_) | None => value(fields.method()),
    };
    BankPayout {
        id: text(fields.id.as_ref()).map(BankPayoutId::new),
        status: payout_status(text(fields.status.as_ref()).as_deref()),
        money: fields.money(),
        payment_method,
        participants: value(fields.participant_details.as_ref()),
        error: fields.error.as_ref().and_then(reason).or_else(|| session_error.cloned()),
    }
}

/// `Null` when not shown; a text, which no reader takes for the object it should be, when it cannot
/// be read.
fn value(raw: Option<&Raw>) -> Value {
    raw.map_or(Value::Null, |raw| raw.read().unwrap_or_else(|_| UNREADABLE.into()))
}

/// No reader takes it for the object that it stands for.
const UNREADABLE: &str = "unreadable";

fn money(raw: &Raw) -> Option<Money> {
    #[derive(Deserialize)]
    struct Fields {
        amount: i64,
        currency: Currency,
    }

    let Fields { amount, currency } = object(raw.text().as_bytes())?;
    Some(Money { amount, currency })
}

/// Our own name for the payout, which `session/create` and `start` put into the metadata.
fn payout_id(metadata: &Raw) -> Option<PayoutId> {
    #[derive(Deserialize)]
    struct Fields {
        payout_id: PayoutId,
    }

    object(metadata.text().as_bytes()).map(|Fields { payout_id }| payout_id)
}

fn session_status(word: Option<&str>) -> SessionStatus {
    match word {
        Some("created") => SessionStatus::Created,
        Some("in_progress") => SessionStatus::InProgress,
        Some("accepted") => SessionStatus::Accepted,
        Some("cancelled") => SessionStatus::Cancelled,
        Some("error") => SessionStatus::Error,
        _ => SessionStatus::Unfamiliar,
    }
}

fn payout_status(word: Option<&str>) -> PayoutStatus {
    match word {
        Some("pending") => PayoutStatus::Pending,
        Some("in_progress") => PayoutStatus::InProgress,
        Some("succeeded") => PayoutStatus::Succeeded,
        Some("failed") => PayoutStatus::Failed,
        _ => PayoutStatus::Unfamiliar,
    }
}

#[cfg(test)]
mod tests;
