//! The order for a payout: reading what the partner sends, and placing it in a session.
//!
//! Fields that are not known here are let through unread, as the bank does. The amount names a script, and those
//! scripts that make the bank show something else than was asked are played here.

use std::borrow::Cow;

use rusqlite::Connection;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::api::{Answer, TokenizeWidget};
use super::lifecycle::{self, Pace};
use super::script::Script;
use super::session::{Account, Payout, PayoutStatus, Session};
use super::{method, recipients};

/// The fields of every request that this bank reads; what matters byte for byte is kept as text.
#[derive(Default, Deserialize)]
pub(super) struct Reading<'a> {
    #[serde(borrow, default)]
    pub(super) session_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) metadata: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) confirm_information: Option<&'a RawValue>,
    #[serde(default)]
    pub(super) tokenize_widget: Option<TokenizeWidget>,
    #[serde(borrow, default)]
    payment_method: Option<&'a RawValue>,
    #[serde(borrow, default)]
    participant_details: Option<&'a RawValue>,
    #[serde(borrow, default)]
    fiscalization_details: Option<&'a RawValue>,
    #[serde(default)]
    amount_details: Option<AmountDetails>,
}

#[derive(Deserialize)]
struct AmountDetails {
    amount: i64,
    currency: String,
}

/// What a start or init is for: which of the two accounts pays, and whether with a receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Collateral,
    Settlement,
    /// From the collateral account, to somebody self-employed.
    WithReceipt,
}

impl Kind {
    pub(super) fn account(self) -> Account {
        match self {
            Self::Collateral | Self::WithReceipt => Account::Collateral,
            Self::Settlement => Account::Settlement,
        }
    }
}

/// A well-formed order.
pub(super) struct Order {
    amount: i64,
    currency: String,
    method_type: String,
    method: String,
    participants: Option<String>,
    fiscalization: Option<String>,
    metadata: Option<String>,
}

impl Order {
    pub(super) fn read(
        book: &Connection,
        kind: Kind,
        reading: &Reading<'_>,
    ) -> rusqlite::Result<Result<Self, Answer>> {
        let sent = reading.payment_method.map_or("null", RawValue::get);
        let method: Value = serde_json::from_str(sent).unwrap_or(Value::Null);
        let entered = recipients::entered(book, method::secret(&method))?;
        Ok(Self::checked(kind, reading, &method, entered.as_deref()))
    }

    /// `method` is the payment method parsed, `entered` what the widget was told of its recipient.
    fn checked(
        kind: Kind,
        reading: &Reading<'_>,
        method: &Value,
        entered: Option<&str>,
    ) -> Result<Self, Answer> {
        let account = kind.account();
        let invalid = |text| Answer::error(400, "invalid_request", text);
        let Some(AmountDetails { amount, currency }) = &reading.amount_details else {
            return Err(invalid("amount_details is missing"));
        };
        if *amount <= 0 || currency.len() != 3 || !currency.bytes().all(|b| b.is_ascii_alphabetic())
        {
            return Err(invalid("amount_details needs an amount above 0 and a currency"));
        }
        let Some(sent) = reading.payment_method.map(RawValue::get) else {
            return Err(invalid("payment_method is missing"));
        };
        let Some((method_type, shown)) = method::shown(sent, method, entered) else {
            return Err(invalid("payment_method is none that this bank pays to"));
        };
        let participants = reading.participant_details.map(|details| details.get().to_owned());
        if account == Account::Settlement
            && method::information(&shown, participants.as_deref(), entered).is_none()
        {
            return Err(invalid(
                "A settlement account pays to a bank account with full_name, and names its own in sender.account",
            ));
        }
        let fiscalization = reading.fiscalization_details.map(|details| details.get().to_owned());
        match (kind, fiscalization.as_deref()) {
            (Kind::WithReceipt, None) => return Err(invalid("fiscalization_details are missing")),
            (Kind::WithReceipt, Some(text)) if !method::is_receipt(text) => {
                return Err(invalid("fiscalization_details need a tax_reference and services"));
            }
            (Kind::Collateral | Kind::Settlement, Some(_)) => {
                return Err(invalid("fiscalization_details go with a method of their own"));
            }
            (Kind::WithReceipt, Some(_)) | (Kind::Collateral | Kind::Settlement, None) => {}
        }
        if Script::of_amount(*amount) == Script::RefusedAtStart {
            return Err(Answer::error(400, "account_not_found", "There is no such account"));
        }
        Ok(Self {
            amount: *amount,
            currency: match account {
                Account::Collateral => currency.clone(),
                Account::Settlement => currency.to_ascii_uppercase(),
            },
            method_type,
            method: shown,
            participants,
            fiscalization,
            metadata: reading.metadata.map(|metadata| metadata.get().to_owned()),
        })
    }

    pub(super) fn place(
        mut self,
        book: &Connection,
        session: &mut Session,
        now: i64,
        pace: Pace,
    ) -> rusqlite::Result<()> {
        let asked = self.amount;
        let script = Script::of_amount(asked);
        self.play(script);
        let merchant =
            merchant(self.metadata.as_deref()).or_else(|| merchant(session.metadata.as_deref()));
        if script == Script::TwoPayouts {
            lifecycle::start(book, session, self.payout(merchant.clone(), now), asked, pace)?;
        }
        lifecycle::start(book, session, self.payout(merchant, now), asked, pace)
    }

    /// What the bank shows in place of what was asked.
    fn play(&mut self, script: Script) {
        match script {
            Script::OtherAmount => self.amount += 100_000,
            Script::OtherCurrency => {
                let upper = self.currency.bytes().all(|byte| byte.is_ascii_uppercase());
                self.currency = String::from(if upper { "KZT" } else { "kzt" });
            }
            Script::OtherMethod => self.method = method::other(&self.method),
            Script::OtherRecipient => {
                self.method = method::other_recipient(&self.method);
                self.participants = self.participants.as_deref().map(method::other_recipient);
            }
            _ => {}
        }
    }

    fn payout(&self, merchant: Option<String>, now: i64) -> Payout {
        Payout {
            number: 0,
            status: PayoutStatus::Pending,
            amount: self.amount,
            currency: self.currency.clone(),
            method_type: self.method_type.clone(),
            method: self.method.clone(),
            participants: self.participants.clone(),
            fiscalization: self.fiscalization.clone(),
            metadata: self.metadata.clone(),
            merchant,
            error: None,
            created_at: now,
            finished_at: None,
        }
    }
}

/// The partner's own id, if its metadata is an object that names one.
fn merchant(metadata: Option<&str>) -> Option<String> {
    let metadata: Value = serde_json::from_str(metadata?).ok()?;
    metadata.get("payout_id")?.as_str().map(str::to_owned)
}
