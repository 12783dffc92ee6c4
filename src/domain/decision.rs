//! The gate: may this payout be confirmed?
//!
//! Holds what the bank shows against what the command asked for. Anything that disagrees, or cannot
//! be read, is a reason to cancel. Amount and currency must be shown; `METHOD_FIELDS` and
//! `PARTICIPANT_FIELDS` are compared when they are shown; nothing else decides.

use serde_json::Value;

use super::command::{Account, CreateCommand};
use super::json::Raw;
use super::session::{BankPayout, Session};
use super::time::Timestamp;

#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    Confirm {
        confirm_information: Option<Raw>,
    },
    /// Cancel, for this reason.
    Cancel {
        reason: String,
    },
    /// A settlement payout whose `confirm_information` was not shown: ask status for it.
    NeedsInformation,
}

/// Where a field stands, the same in the command and in what the bank shows, and how they compare.
struct Field {
    name: &'static str,
    /// Path in the command's `payment_method` or `participant_details`.
    path: &'static [&'static str],
    compare: Compare,
}

#[derive(Clone, Copy)]
enum Compare {
    /// Character by character.
    Exact,
    /// Letter case and runs of spaces aside: names.
    Words,
}

/// Fields of `payment_method`, compared when both the command and the bank have them. What is not
/// listed decides nothing: descriptions, brands, countries, and a card's hash, which the bank
/// never shows.
const METHOD_FIELDS: &[Field] = &[
    Field { name: "payment method", path: &["type"], compare: Compare::Exact },
    field(&["bank_account", "system_type"], "bank account system"),
    field(&["bank_account", "ru", "token"], "account token"),
    field(&["bank_account", "ru", "account"], "account number"),
    field(&["bank_account", "ru", "bik"], "bik"),
    name(&["bank_account", "ru", "full_name"], "recipient name"),
    field(&["bank_account", "faster_payment_system", "phone"], "phone"),
    field(&["bank_account", "faster_payment_system", "bank_id"], "recipient bank"),
    field(&["card", "tokenized_card", "token"], "card token"),
    field(&["wallet", "type"], "wallet type"),
    field(&["wallet", "yoomoney", "account"], "wallet account"),
];

/// Fields of `participant_details`, compared when both have them.
const PARTICIPANT_FIELDS: &[Field] = &[
    name(&["recipient", "full_name"], "recipient name"),
    name(&["sender", "full_name"], "sender name"),
    field(&["sender", "account"], "sender account"),
];

const fn field(path: &'static [&'static str], name: &'static str) -> Field {
    Field { name, path, compare: Compare::Exact }
}

const fn name(path: &'static [&'static str], name: &'static str) -> Field {
    Field { name, path, compare: Compare::Words }
}

/// Decides on a session that awaits confirmation, holds one payout and is the payout's own.
pub fn decide(command: &CreateCommand, session: &Session, now: Timestamp) -> Verdict {
    let cancel = |reason: String| Verdict::Cancel { reason };
    let Some(shown) = session.payout() else {
        return cancel("the session does not hold exactly one payout".into());
    };
    if command.expired(now) {
        return cancel("the command's confirm_before has passed".into());
    }
    let mut differs = differences(command, shown);
    if session.payout_id.as_ref().is_some_and(|id| *id != command.payout_id) {
        differs.push("payout id in the metadata");
    }
    let confirm_information = match command.account {
        Account::Collateral => session.confirm_information.clone(),
        Account::Settlement => match &session.confirm_information {
            None => return Verdict::NeedsInformation,
            Some(information) => {
                differs.extend(information_differences(command, information));
                Some(information.clone())
            }
        },
    };
    if differs.is_empty() {
        Verdict::Confirm { confirm_information }
    } else {
        cancel(format!("differs from the command: {}", differs.join(", ")))
    }
}

/// JSON pointers of what a command asks for and the gate could not compare, because it is no text:
/// a number of 20 digits, say, does not survive being read as a number.
pub(super) fn not_comparable(payment_method: &Value, participants: &Value) -> Vec<String> {
    let of = |place: &str, fields: &[Field], asked: &Value| -> Vec<String> {
        let odd = |field: &&Field| match field.find(asked) {
            Found::Nothing | Found::Value(Value::String(_)) => false,
            Found::Value(_) | Found::Unreadable => true,
        };
        let pointer = |field: &Field| format!("/{place}/{}", field.path.join("/"));
        fields.iter().filter(odd).map(pointer).collect()
    };
    let mut pointers = of("payment_method", METHOD_FIELDS, payment_method);
    pointers.extend(of("participant_details", PARTICIPANT_FIELDS, participants));
    pointers
}

/// Names of the fields in which the bank's payout disagrees with the command. Names only: values
/// may be somebody's account.
fn differences(command: &CreateCommand, shown: &BankPayout) -> Vec<&'static str> {
    let mut differs = Vec::new();
    match &shown.money {
        None => differs.push("amount (not shown)"),
        Some(money) => {
            if money.amount != command.money.amount {
                differs.push("amount");
            }
            if money.currency != command.money.currency {
                differs.push("currency");
            }
        }
    }
    let method = (&command.payment_method, &shown.payment_method);
    let participants = (&command.participants, &shown.participants);
    for ((asked, shown), fields) in [(method, METHOD_FIELDS), (participants, PARTICIPANT_FIELDS)] {
        if shown.is_null() || shown.is_object() {
            differs.extend(fields.iter().filter(|f| f.differs(asked, shown)).map(|f| f.name));
        } else {
            differs.push("details that cannot be read");
        }
    }
    let card = &shown.payment_method["card"];
    for (name, expected) in [("last4", &command.expected.last4), ("bin", &command.expected.bin)] {
        // Digits that the caller asked to be checked must be shown.
        if expected.is_some() && expected.as_deref() != card[name].as_str() {
            differs.push(name);
        }
    }
    differs
}

/// Settlement payouts: the bank says whose account pays whom; both must be the command's.
fn information_differences(command: &CreateCommand, information: &Raw) -> Vec<&'static str> {
    let shown: Value = information.read().unwrap_or_default();
    let details = &shown["account_details"];
    let asked_sender = command.participants["sender"]["account"].as_str();
    let shown_sender = details["sender"]["account_number"].as_str();
    let asked_name = command.payment_method["bank_account"]["ru"]["full_name"].as_str();
    let shown_name = details["recipient"]["name"].as_str();

    let mut differs = Vec::new();
    if shown_sender.is_none() || asked_sender.is_some() && asked_sender != shown_sender {
        differs.push("confirm_information's sender account");
    }
    let same_name = |asked: &str| shown_name.is_some_and(|shown| same_words(asked, shown));
    if shown_name.is_none() || asked_name.is_some_and(|asked| !same_name(asked)) {
        differs.push("confirm_information's recipient name");
    }
    differs
}

impl Field {
    fn differs(&self, asked: &Value, shown: &Value) -> bool {
        match (self.find(asked), self.find(shown)) {
            (_, Found::Unreadable) => true,
            (Found::Nothing | Found::Unreadable, _) | (_, Found::Nothing) => false,
            (Found::Value(asked), Found::Value(shown)) => match (asked, shown, self.compare) {
                (Value::String(asked), Value::String(shown), Compare::Words) => {
                    !same_words(asked, shown)
                }
                (asked, shown, Compare::Words | Compare::Exact) => asked != shown,
            },
        }
    }

    fn find<'a>(&self, whole: &'a Value) -> Found<'a> {
        let mut value = whole;
        for key in self.path {
            value = match value {
                Value::Null => return Found::Nothing,
                Value::Object(fields) => fields.get(*key).unwrap_or(&Value::Null),
                _ => return Found::Unreadable,
            };
        }
        if value.is_null() { Found::Nothing } else { Found::Value(value) }
    }
}

enum Found<'a> {
    Nothing,
    Value(&'a Value),
    /// Something stands there that is not what it should be.
    Unreadable,
}

fn same_words(one: &str, other: &str) -> bool {
    let words =
        |text: &str| text.split_whitespace().map(str::to_lowercase).collect::<Vec<_>>().join(" ");
    words(one) == words(other)
}

#[cfg(test)]
mod tests;
