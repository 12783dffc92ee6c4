//! Open card numbers: looked for everywhere in a command, by the names they stand under, and wherever
//! a hash or token belongs; never taken. And long numbers in the words of others, which are never told.

use serde_json::{Number, Value};

use super::json::is_word;

pub const OPEN_CARD: &str = "open card numbers are refused, so that payoutd stays out of PCI DSS \
                                    scope: use a hash (\"encrypted_card\") or a token (\"tokenized_card\")";

/// The names that a card's number may have been typed under, beside those that speak of a card.
const NUMBERED: [&str; 3] = ["number", "number_hash", "token"];

/// Where open cards stand in a field: JSON pointers that begin with the field's own name, each to one
/// place. Names that are no words are not repeated: such a pointer ends above them.
///
/// An open card is an object under the bank's name for one, and digits as many as a card's under a
/// name that speaks of a card, or where a number, a hash or a token belongs.
pub fn open_cards(name: &str, value: &Value) -> Vec<String> {
    let places = within(name, value).into_iter();
    places
        .map(|rest| if is_word(name) { format!("/{name}{rest}") } else { String::new() })
        .collect()
}

/// The same, below the name.
fn within(name: &str, value: &Value) -> Vec<String> {
    match value {
        Value::Object(_) if name.eq_ignore_ascii_case("bank_card") => vec![String::new()],
        Value::Object(fields) => {
            fields.iter().flat_map(|(name, value)| open_cards(name, value)).collect()
        }
        Value::Array(items) => {
            let mut found = Vec::new();
            for (n, item) in items.iter().enumerate() {
                found.extend(within(name, item).into_iter().map(|rest| format!("/{n}{rest}")));
            }
            found
        }
        Value::String(text) if is_as_long_as_a_card(text) => numbered(name),
        Value::Number(number) if is_as_long_as_a_card(&whole(number)) => numbered(name),
        Value::String(_) | Value::Number(_) | Value::Null | Value::Bool(_) => Vec::new(),
    }
}

fn numbered(name: &str) -> Vec<String> {
    speaks_of_a_card(name).then(String::new).into_iter().collect()
}

/// Whether a card's number belongs under this name: it has "card" in it or "pan" (the card industry's
/// word for the number) as a word, or is one of the known ones; in any letter case.
fn speaks_of_a_card(name: &str) -> bool {
    let holds_card = name.as_bytes().windows(4).any(|part| part.eq_ignore_ascii_case(b"card"));
    let mut words = name.split(|c: char| !c.is_ascii_alphanumeric());
    let known = || NUMBERED.iter().any(|known| name.eq_ignore_ascii_case(known));
    holds_card || words.any(|word| word.eq_ignore_ascii_case("pan")) || known()
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
    use serde_json::json;

    use super::*;

    const CARD: &str = "2200240123454940";

    #[test]
    fn digits_under_a_name_that_speaks_of_a_card_are_one_and_under_others_are_not() {
        for name in [
            "pan",
            "PAN",
            "card_pan",
            "pan_number",
            "x-pan",
            "card",
            "card_number",
            "cardNumber",
            "recipient_card",
            "bank_card",
            "number",
            "Number",
            "number_hash",
            "token",
        ] {
            let spelled =
                [json!(CARD), json!("2200 2401-2345 4940"), json!(2_200_240_123_454_940_u64)];
            for value in spelled {
                assert_eq!(open_cards(name, &value).len(), 1, "{name}: {value}");
            }
            assert_eq!(open_cards(name, &json!("220024012345")).len(), 0, "{name}: too short");
        }
        for name in ["company", "panel", "account", "account_number", "phone", "car", "tokens"] {
            assert_eq!(open_cards(name, &json!(CARD)).len(), 0, "{name}");
        }
    }

    #[test]
    fn each_is_told_once_at_its_place_and_no_name_that_may_be_somebodys_is_repeated() {
        let found = |value| open_cards("newer", &value);
        assert_eq!(
            found(json!({"cards": ["1", {"pan": CARD}, CARD]})),
            ["/newer/cards/1/pan", "/newer/cards/2"]
        );
        assert_eq!(found(json!([{"bank_card": {"number": CARD}}])), ["/newer/0/bank_card"]);
        assert_eq!(found(json!({"Ivanov": [{"pan": CARD}]})), ["/newer"]);
        assert_eq!(open_cards("Card Number", &json!(CARD)), [""]);
    }

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
