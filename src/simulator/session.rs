//! A session with its payouts: what the bank knows of them, and how it shows them.
//!
//! The shapes are the ones in the bank's own examples; the tests hold them against those. Moving a session on is
//! `lifecycle`'s business, keeping it is `book`'s.

use serde::Serialize;
use serde_json::value::RawValue;

use super::Naming;
use super::script::Script;

/// Which account of the partner pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Account {
    Collateral,
    Settlement,
}

/// Where a session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// No payout yet. A start moves it on; unused, it is cancelled when its time is up.
    Created,
    /// The payout is being prepared. The clock moves it on.
    Starting,
    /// The partner has to confirm or cancel, before its time is up.
    Waiting,
    /// Confirmed. The clock moves it on.
    Paying,
    /// The bank itself does not know yet: `error`, which is not an end.
    Unclear,
    Accepted,
    Cancelled,
}

impl Phase {
    pub(super) const ALL: [Self; 7] = [
        Self::Created,
        Self::Starting,
        Self::Waiting,
        Self::Paying,
        Self::Unclear,
        Self::Accepted,
        Self::Cancelled,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Starting => "starting",
            Self::Waiting => "waiting",
            Self::Paying => "paying",
            Self::Unclear => "unclear",
            Self::Accepted => "accepted",
            Self::Cancelled => "cancelled",
        }
    }

    pub(super) fn status(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Starting | Self::Waiting | Self::Paying => "in_progress",
            Self::Unclear => "error",
            Self::Accepted => "accepted",
            Self::Cancelled => "cancelled",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PayoutStatus {
    Pending,
    InProgress,
    Succeeded,
    Failed,
}

impl PayoutStatus {
    pub(super) const ALL: [Self; 4] =
        [Self::Pending, Self::InProgress, Self::Succeeded, Self::Failed];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::InProgress => "in_progress",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }
}

pub(super) struct Session {
    pub(super) number: i64,
    pub(super) account: Account,
    pub(super) phase: Phase,
    /// The amount that the first start asked for: it names the script.
    pub(super) asked: i64,
    /// What `session/create` gave, as JSON text.
    pub(super) metadata: Option<String>,
    /// What a confirmation of a settlement payout must carry, byte for byte.
    pub(super) information: Option<String>,
    /// Times are microseconds since the Unix epoch.
    pub(super) created_at: i64,
    pub(super) updated_at: i64,
    /// When the clock moves it on, if ever.
    pub(super) due: Option<i64>,
    /// How many confirmations were asked for, refused ones too.
    pub(super) confirms: i64,
    pub(super) payouts: Vec<Payout>,
}

pub(super) struct Payout {
    /// 0 until the book has given it one.
    pub(super) number: i64,
    pub(super) status: PayoutStatus,
    pub(super) amount: i64,
    pub(super) currency: String,
    pub(super) method_type: String,
    /// The payment method as the bank shows it, JSON text.
    pub(super) method: String,
    pub(super) participants: Option<String>,
    /// What goes on the receipt, JSON text as it was sent.
    pub(super) fiscalization: Option<String>,
    pub(super) metadata: Option<String>,
    /// The partner's own id, if its metadata names one.
    pub(super) merchant: Option<String>,
    pub(super) error: Option<String>,
    pub(super) created_at: i64,
    pub(super) finished_at: Option<i64>,
}

impl Session {
    pub(super) fn id(&self) -> String {
        format!("ps_{}", self.number)
    }

    pub(super) fn script(&self) -> Script {
        Script::of_amount(self.asked)
    }

    /// The session as an answer and a webhook show it.
    pub(super) fn shown(&self, naming: Naming) -> Result<Box<RawValue>, serde_json::Error> {
        let metadata = self.metadata.as_deref();
        let started = self.phase != Phase::Created;
        let settlement = self.account == Account::Settlement;
        let payouts: Result<Vec<_>, _> =
            self.payouts.iter().map(|payout| payout.shown(settlement, naming)).collect();
        let (payments, payout_list) = match naming {
            Naming::V1 => (payouts?, Vec::new()),
            Naming::V2 => (Vec::new(), payouts?),
        };
        serde_json::value::to_raw_value(&SessionShown {
            id: self.id(),
            status: self.phase.status(),
            created_at: time(self.created_at),
            updated_at: time(self.updated_at),
            payments,
            payout_list,
            next_action: (self.phase == Phase::Waiting).then_some("confirm"),
            metadata: if settlement && started { None } else { raw(metadata)? },
            session_metadata: if settlement && started {
                raw(Some(metadata.unwrap_or("{}")))?
            } else {
                None
            },
        })
    }

    /// What stands beside the session while a settlement payout waits.
    pub(super) fn information_shown(&self) -> Result<Option<&RawValue>, serde_json::Error> {
        raw(self.information.as_deref().filter(|_| self.phase == Phase::Waiting))
    }
}

impl Payout {
    fn shown(
        &self,
        settlement: bool,
        naming: Naming,
    ) -> Result<PayoutShown<'_>, serde_json::Error> {
        let metadata = self.metadata.as_deref();
        let method = serde_json::from_str(&self.method)?;
        let (payment_method, payout_details) = match naming {
            Naming::V1 => (Some(method), None),
            Naming::V2 => (None, Some(method)),
        };
        Ok(PayoutShown {
            id: format!("po_{}", self.number),
            status: self.status.name(),
            created_at: time(self.created_at),
            finished_at: self.finished_at.map(time),
            payment_method,
            payout_details,
            participant_details: raw(self.participants.as_deref())?,
            amount_details: AmountShown { amount: self.amount, currency: &self.currency },
            fiscalization_details: raw(self.fiscalization.as_deref())?,
            metadata: if settlement { None } else { raw(metadata)? },
            payment_metadata: if settlement { raw(metadata.or(Some("{}")))? } else { None },
            error: self.error.as_deref().map(|code| ErrorShown { code, description: said(code) }),
        })
    }
}

#[derive(Serialize)]
struct SessionShown<'a> {
    id: String,
    status: &'static str,
    created_at: String,
    updated_at: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    payments: Vec<PayoutShown<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    payout_list: Vec<PayoutShown<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_action: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_metadata: Option<&'a RawValue>,
}

#[derive(Serialize)]
struct PayoutShown<'a> {
    id: String,
    status: &'static str,
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    finished_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payment_method: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payout_details: Option<&'a RawValue>,
    amount_details: AmountShown<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fiscalization_details: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a RawValue>,
    #[serde(rename = "paymentMetadata", skip_serializing_if = "Option::is_none")]
    payment_metadata: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    participant_details: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorShown<'a>>,
}

#[derive(Serialize)]
struct AmountShown<'a> {
    amount: i64,
    currency: &'a str,
}

#[derive(Serialize)]
struct ErrorShown<'a> {
    code: &'a str,
    description: &'static str,
}

fn raw(text: Option<&str>) -> Result<Option<&RawValue>, serde_json::Error> {
    text.map(serde_json::from_str).transpose()
}

/// RFC 3339 with microseconds, as in the bank's examples.
pub(super) fn time(micros: i64) -> String {
    match jiff::Timestamp::from_microsecond(micros) {
        Ok(time) => format!("{time:.6}"),
        Err(_) => String::from("1970-01-01T00:00:00.000000Z"),
    }
}

fn said(code: &str) -> &'static str {
    match code {
        "confirm_timeout" => "The payout was not confirmed in time",
        "provider_exceeds_amount_limit" => "The amount is above the provider's limit",
        "provider_foreign_transfer_prohibited" => "Transfers abroad are not allowed",
        "provider_timeout" => "The provider has not answered in time",
        "cancelled_by_partner" => "The partner cancelled the payout",
        _ => "The payout could not be made",
    }
}
