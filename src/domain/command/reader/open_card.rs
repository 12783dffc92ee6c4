//! Open card numbers: looked for everywhere in a command, and never taken.

use serde_json::Value;

pub(super) const OPEN_CARD: &str = "open card numbers are refused, so that payoutd stays out of PCI DSS \
                                    scope: use a hash (\"encrypted_card\") or a token (\"tokenized_card\")";

/// Whether a card stands openly anywhere in it: under the bank's name for one, or as a `number` as
/// long as a card's.
pub(super) fn holds_open_card(name: &str, value: &Value) -> bool {
    let named = name.eq_ignore_ascii_case("bank_card");
    let numbered = name.eq_ignore_ascii_case("number");
    match value {
        Value::Object(fields) => {
            named || fields.iter().any(|(name, value)| holds_open_card(name, value))
        }
        Value::Array(items) => items.iter().any(|item| holds_open_card(name, item)),
        Value::String(text) => numbered && is_as_long_as_a_card(text),
        Value::Number(number) => numbered && is_as_long_as_a_card(&number.to_string()),
        Value::Null | Value::Bool(_) => false,
    }
}

/// Card numbers have 13 to 19 digits (ISO/IEC 7812).
fn is_as_long_as_a_card(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let others = text.bytes().filter(|b| !b.is_ascii_digit() && !b" -".contains(b)).count();
    (13..=19).contains(&digits) && others == 0
}
