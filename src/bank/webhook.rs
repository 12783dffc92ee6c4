//! What the bank posts to us.
//!
//! Works on a body whose signature was verified; says what it is about and nothing of what to do.
//! Webhooks come late, twice, out of order or not at all, so a webhook is a hint and
//! `session/status` the truth.

use serde::Deserialize;

use super::wire;
use crate::digest::sha256_hex;
use crate::domain::json::Raw;
use crate::domain::session::Session;

/// Longest webhook type kept, in characters.
const TYPE_CHARS_MAX: usize = 64;

#[derive(Clone, Debug, PartialEq)]
pub struct Webhook {
    pub kind: Kind,
    /// Always there but for [`Kind::Other`].
    pub session: Option<Session>,
    /// SHA-256 of the body, in hex: tells one webhook from another.
    pub digest: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The bank waits for our confirm or cancel.
    ReadyToConfirm,
    /// The payout's outcome is in the session.
    PaymentFinished,
    /// Money came back after success.
    PaymentRefunded,
    /// Not about payouts, or newer than this program. Its printable characters, bounded.
    Other(String),
}

/// A body that is not what the bank's pages describe, though its signature is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MalformedWebhook {
    #[error("the webhook is not one JSON object")]
    NoObject,
    #[error("the webhook has no type")]
    NoType,
    #[error("the webhook shows no session that can be read")]
    NoSession,
}

impl Webhook {
    pub fn parse(body: &[u8]) -> Result<Self, MalformedWebhook> {
        #[derive(Deserialize)]
        struct Fields {
            #[serde(rename = "type")]
            kind: Option<Raw>,
            session: Option<Raw>,
            confirm_information: Option<Raw>,
        }

        let fields: Fields = wire::object(body).ok_or(MalformedWebhook::NoObject)?;
        let kind = wire::text(fields.kind.as_ref()).ok_or(MalformedWebhook::NoType)?;
        let kind = Kind::from(kind.as_str());
        let session = fields.session.and_then(|s| wire::session(&s, fields.confirm_information));
        match (&kind, &session) {
            (Kind::ReadyToConfirm | Kind::PaymentFinished | Kind::PaymentRefunded, None) => {
                Err(MalformedWebhook::NoSession)
            }
            (Kind::Other(_), None) | (_, Some(_)) => {
                Ok(Self { kind, session, digest: sha256_hex(body) })
            }
        }
    }
}

impl From<&str> for Kind {
    fn from(word: &str) -> Self {
        match word {
            "ready_to_confirm" => Self::ReadyToConfirm,
            "payment_finished" => Self::PaymentFinished,
            "payment_refunded" => Self::PaymentRefunded,
            other => {
                let printable = other.chars().filter(|c| !c.is_control());
                Self::Other(printable.take(TYPE_CHARS_MAX).collect())
            }
        }
    }
}
