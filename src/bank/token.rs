//! Tokens: a public one, with which a browser opens the bank's widget, and what the bank tells of
//! the recipient behind a hash or token that the widget gave back.
//!
//! Neither call changes anything at the bank: they carry no idempotency key, and whoever gets no
//! answer may ask again. Tokens and hashes are masked wherever they might be printed; of what the
//! bank tells, only the few digits that it documents are let through.

use std::time::Instant;

use reqwest::StatusCode;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::client::{Bank, Undelivered};
use super::error::{CODES, Class, classify};
use super::request::Request;
use super::wire;
use crate::domain::json::Raw;
use crate::domain::open_card::is_as_long_as_a_card;
use crate::domain::session::BankReason;

/// Longest hash or token taken, in bytes. The bank's examples have 64.
pub const SECRET_BYTES_MAX: usize = 512;

/// A hash or token: one printable word, bounded, and no card's number: that is never taken.
pub fn secret(text: &str) -> Option<SecretString> {
    let usable =
        (1..=SECRET_BYTES_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    (usable && !is_as_long_as_a_card(text)).then(|| text.into())
}

/// Longest name of a card's brand, in bytes. The longest known, `unionpay` and the like, are well
/// below.
const BRAND_BYTES_MAX: usize = 32;

/// A recipient as the bank's widget names them.
#[derive(Debug)]
pub enum Recipient {
    /// The hash of a card's number.
    CardHash(SecretString),
    CardToken(SecretString),
    /// The token of a bank account's number.
    AccountToken(SecretString),
}

/// What is shown of a recipient, so that a person can tell the right one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum TokenInfo {
    Card {
        brand: Option<String>,
        last4: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        bin: Option<String>,
        country_iso3: Option<String>,
    },
    /// At least one of the two.
    BankAccount {
        #[serde(skip_serializing_if = "Option::is_none")]
        first5: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        last4: Option<String>,
    },
}

/// Why there is no token or no information. The bank's own words are left out: they may repeat what
/// was asked about.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The same would be refused again: what was asked about is wrong, unknown or too old.
    #[error("the bank refuses it: {code}")]
    Refused { code: String },
    /// Our key, our project's name or its rights must be mended.
    #[error("the bank does not let us ask: {code}")]
    Misconfigured { code: String },
    /// Ask again later.
    #[error("the bank gives no answer that can be used: {0}")]
    Unavailable(String),
}

impl Bank {
    /// A public token for one use of the bank's widget.
    pub async fn issue_token(&self) -> Result<SecretString, TokenError> {
        let fields = self.ask("token", &json!({"tokenize_widget": {"access": true}})).await?;
        let token = wire::text(fields.public_token.as_ref());
        token
            .and_then(|text| secret(&text))
            .ok_or_else(|| TokenError::Unavailable("\"ok\" without a public token".into()))
    }

    pub async fn token_info(&self, recipient: &Recipient) -> Result<TokenInfo, TokenError> {
        let fields = self.ask("token/info", &question(recipient)).await?;
        let info = fields.info.as_ref().and_then(|info| info_shown(recipient, info));
        info.ok_or_else(|| TokenError::Unavailable("\"ok\" without digits to show".into()))
    }

    async fn ask(&self, method: &'static str, body: &Value) -> Result<Fields, TokenError> {
        let began = Instant::now();
        let body = serde_json::to_vec(body).expect("plain values are JSON");
        let delivered = self.deliver(Request { method, body, idempotency_key: None }).await;
        tracing::debug!(event = "bank.called", method, elapsed_ms = began.elapsed().as_millis());
        match delivered {
            Ok((status, body)) => sort(status, &body),
            Err(Undelivered::NotSent(why) | Undelivered::Unknown(why)) => {
                Err(TokenError::Unavailable(why))
            }
        }
    }
}

/// The same shapes as in a start's `payment_method`.
fn question(recipient: &Recipient) -> Value {
    match recipient {
        Recipient::CardHash(hash) => json!({"type": "card", "card": {"type": "encrypted_card",
            "encrypted_card": {"number_hash": hash.expose_secret()}}}),
        Recipient::CardToken(token) => json!({"type": "card", "card": {"type": "tokenized_card",
            "tokenized_card": {"token": token.expose_secret()}}}),
        Recipient::AccountToken(token) => json!({"type": "bank_account", "bank_account": {
            "system_type": "ru", "ru": {"token": token.expose_secret()}}}),
    }
}

#[derive(Deserialize)]
struct Fields {
    status: Option<Raw>,
    error: Option<Raw>,
    public_token: Option<Raw>,
    info: Option<Raw>,
}

fn sort(http: StatusCode, body: &[u8]) -> Result<Fields, TokenError> {
    let unavailable =
        |what: &str| Err(TokenError::Unavailable(format!("HTTP {}{what}", http.as_u16())));
    let Some(fields) = wire::object::<Fields>(body) else {
        return unavailable(", unreadable body");
    };
    let reason = fields.error.as_ref().and_then(wire::reason);
    match (wire::text(fields.status.as_ref()).as_deref(), reason) {
        (Some("ok"), None) if http.is_success() => Ok(fields),
        (Some("error"), Some(reason)) => Err(sort_error(http, reason)),
        (_, _) => unavailable(", neither \"ok\" nor an error code"),
    }
}

/// Other than with payouts, a code that is not listed counts as a refusal: nothing can have been
/// done, and whoever took it for a passing trouble would ask for ever.
fn sort_error(http: StatusCode, BankReason { code, .. }: BankReason) -> TokenError {
    let passing = http.is_server_error()
        || http == StatusCode::TOO_MANY_REQUESTS
        || CODES
            .iter()
            .any(|(class, codes)| *class == Class::Unknown && codes.contains(&code.as_str()));
    if passing {
        return TokenError::Unavailable(format!("HTTP {}, code {}", http.as_u16(), code));
    }
    match classify(&code) {
        Class::Misconfigured | Class::Forbidden => TokenError::Misconfigured { code },
        Class::Refused | Class::KeyUsed | Class::Unknown => TokenError::Refused { code },
    }
}

/// What the answer tells is taken by what was asked for: the bank's word for its type is not
/// documented for accounts.
fn info_shown(asked: &Recipient, info: &Raw) -> Option<TokenInfo> {
    #[derive(Deserialize)]
    struct Info {
        brand: Option<Raw>,
        bin: Option<Raw>,
        first5: Option<Raw>,
        last4: Option<Raw>,
        country_iso3: Option<Raw>,
    }

    let info: Info = wire::object(info.text().as_bytes())?;
    let last4 = digits(info.last4.as_ref(), 4..=4);
    match asked {
        Recipient::CardHash(_) | Recipient::CardToken(_) => Some(TokenInfo::Card {
            brand: wire::text(info.brand.as_ref()).filter(|text| is_name(text)),
            last4: last4?,
            bin: digits(info.bin.as_ref(), 6..=8),
            country_iso3: wire::text(info.country_iso3.as_ref())
                .filter(|text| text.len() == 3 && is_name(text)),
        }),
        Recipient::AccountToken(_) => {
            let first5 = digits(info.first5.as_ref(), 5..=5);
            (first5.is_some() || last4.is_some())
                .then_some(TokenInfo::BankAccount { first5, last4 })
        }
    }
}

/// Never more digits than were meant: a whole number must not get through.
fn digits(raw: Option<&Raw>, count: std::ops::RangeInclusive<usize>) -> Option<String> {
    let all_digits = |text: &String| text.bytes().all(|b| b.is_ascii_digit());
    wire::text(raw).filter(all_digits).filter(|text| count.contains(&text.len()))
}

fn is_name(text: &str) -> bool {
    let of_name = |b: u8| b.is_ascii_alphabetic() || b"_- ".contains(&b);
    (1..=BRAND_BYTES_MAX).contains(&text.len()) && text.bytes().all(of_name)
}
