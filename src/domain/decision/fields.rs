//! What the gate compares: which rows of its table decide on a command, and what a row can say.

mod table;

use serde_json::Value;

use super::super::command::{Account, CreateCommand};
use table::{
    ACCOUNT_BY_NUMBER, ACCOUNT_BY_TOKEN, CARD_BY_HASH, CARD_BY_TOKEN, EVERY, FASTER_PAYMENTS,
    NEWER, SETTLEMENT, YOOMONEY,
};

/// A row: a field that the bank shows, and what it decides.
pub(super) struct Field {
    /// What a reason calls it. Never its value: that may be somebody's account.
    pub(super) name: &'static str,
    pub(super) shown: Place,
    /// Where the command says the same. `None`: nowhere.
    pub(super) asked: Option<Place>,
    pub(super) rule: Rule,
    pub(super) compare: Compare,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// The bank has to show it, and the same as the command if that says it.
    Must,
    /// If the command says it, the bank has to show it, and the same.
    MustIfAsked,
    /// Where both say it, they have to say the same.
    IfShown,
    /// Decides nothing, whatever it is.
    Ignored,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compare {
    /// Character by character.
    Exact,
    /// Letter case and runs of spaces aside: names.
    Words,
}

/// Where a field stands, in the command or in what the bank shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) part: Part,
    /// The keys that lead to it inside the part.
    pub(super) path: &'static [&'static str],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Amount,
    /// Letter case does not count: the bank answers `RUB` to `rub`.
    Currency,
    /// In the metadata that payoutd gave the session and the payout.
    PayoutId,
    /// The command's `expected.last4`.
    ExpectedLast4,
    /// The command's `expected.bin`.
    ExpectedBin,
    Method,
    Participants,
    /// The bank's `confirm_information`.
    Information,
    /// In the bank's payout, and not even read.
    Unread,
}

/// What kind of method a command names; each has its own rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    CardByHash,
    CardByToken,
    AccountByToken,
    AccountByNumber,
    FasterPayments,
    YooMoney,
    /// Newer than this program: it travels to the bank untouched.
    Newer,
}

impl Family {
    pub(super) fn of(method: &Value) -> Self {
        let kind = method["type"].as_str();
        let details = &method[kind.unwrap_or_default()];
        match (kind, details["type"].as_str(), details["system_type"].as_str()) {
            (Some("card"), Some("encrypted_card"), _) => Self::CardByHash,
            (Some("card"), Some("tokenized_card"), _) => Self::CardByToken,
            (Some("bank_account"), _, Some("ru")) if details["ru"]["token"].is_null() => {
                Self::AccountByNumber
            }
            (Some("bank_account"), _, Some("ru")) => Self::AccountByToken,
            (Some("bank_account"), _, Some("faster_payment_system")) => Self::FasterPayments,
            (Some("wallet"), Some("yoomoney"), _) => Self::YooMoney,
            (_, _, _) => Self::Newer,
        }
    }

    pub(super) fn fields(self) -> &'static [Field] {
        match self {
            Self::CardByHash => CARD_BY_HASH,
            Self::CardByToken => CARD_BY_TOKEN,
            Self::AccountByToken => ACCOUNT_BY_TOKEN,
            Self::AccountByNumber => ACCOUNT_BY_NUMBER,
            Self::FasterPayments => FASTER_PAYMENTS,
            Self::YooMoney => YOOMONEY,
            Self::Newer => NEWER,
        }
    }
}

/// The rows that decide on a command.
pub(super) fn of_command(command: &CreateCommand) -> impl Iterator<Item = &'static Field> {
    let settlement = match command.account {
        Account::Collateral => &[],
        Account::Settlement => SETTLEMENT,
    };
    of_method(&command.payment_method).chain(settlement)
}

/// The same, `confirm_information` aside.
pub(super) fn of_method(method: &Value) -> impl Iterator<Item = &'static Field> {
    EVERY.iter().chain(Family::of(method).fields())
}

#[cfg(test)]
mod tests;
