//! Open card numbers: looked for everywhere in a command and wherever a hash or token belongs, and
//! never taken. And long numbers in the words of others, which are never told.

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

/// Digits in a row from which on they may be somebody's: a card's, an account's, or a private
/// person's tax number, the shortest of them.
const LONG: usize = 12;

/// A text of others as it may be told: digits that may be somebody's are left out.
pub fn without_long_numbers(text: &str) -> String {
    let mut told = String::with_capacity(text.len());
    for run in text.split_inclusive(|char: char| !char.is_ascii_digit()) {
        let digits = run.trim_end_matches(|char: char| !char.is_ascii_digit());
        match digits.len() >= LONG {
            true => told.extend(["…", &run[digits.len()..]]),
            false => told.push_str(run),
        }
    }
    told
}

/// Card numbers have 13 to 19 digits (ISO/IEC 7812).
pub fn is_as_long_as_a_card(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let others = text.bytes().filter(|b| !b.is_ascii_digit() && !b" -".contains(b)).count();
    (13..=19).contains(&digits) && others == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_numbers_are_left_out_of_what_is_told_and_nothing_else_is() {
        for (text, told) in [
            ("account 40817810099910004312 is closed", "account … is closed"),
            ("40817810099910004312", "…"),
            ("500100732259, 2200240123454940.", "…, …."),
            ("code 17, at 10:04, order 12345678901", "code 17, at 10:04, order 12345678901"),
            ("счёт №407028105000000000010", "счёт №…"),
            ("", ""),
        ] {
            assert_eq!(without_long_numbers(text), told);
        }
    }
}
