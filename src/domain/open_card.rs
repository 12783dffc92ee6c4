//! Open card numbers: looked for everywhere in a command and wherever a hash or token belongs, and
//! never taken.

use serde_json::{Number, Value};

pub const OPEN_CARD: &str = "open card numbers are refused, so that payoutd stays out of PCI DSS \
                                    scope: use a hash (\"encrypted_card\") or a token (\"tokenized_card\")";

/// Where a card's number may have been typed in: its own field, and those of what stands for it.
const NUMBERED: [&str; 3] = ["number", "number_hash", "token"];

/// Whether a card stands openly anywhere in it: under the bank's name for one, or as digits as many
/// as a card's where a number, a hash or a token belongs.
pub fn holds_open_card(name: &str, value: &Value) -> bool {
    let named = name.eq_ignore_ascii_case("bank_card");
    let numbered = NUMBERED.iter().any(|numbered| name.eq_ignore_ascii_case(numbered));
    match value {
        Value::Object(fields) => {
            named || fields.iter().any(|(name, value)| holds_open_card(name, value))
        }
        Value::Array(items) => items.iter().any(|item| holds_open_card(name, item)),
        Value::String(text) => numbered && is_as_long_as_a_card(text),
        Value::Number(number) => numbered && is_as_long_as_a_card(&whole(number)),
        Value::Null | Value::Bool(_) => false,
    }
}

/// A number's digits, also when it is spelled as a fraction or a power of ten.
fn whole(number: &Number) -> String {
    match number.as_f64().filter(|_| number.is_f64()) {
        Some(fraction) => format!("{fraction:.0}"),
        None => number.to_string(),
    }
}

/// Card numbers have 13 to 19 digits (ISO/IEC 7812).
pub fn is_as_long_as_a_card(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let others = text.bytes().filter(|b| !b.is_ascii_digit() && !b" -".contains(b)).count();
    (13..=19).contains(&digits) && others == 0
}
