//! What a request of the site asks about, in the bank's own field names.

use serde::Deserialize;

use crate::bank::token::{Recipient, secret};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
enum Asked {
    Card(Card),
    BankAccount(BankAccount),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
enum Card {
    NumberHash(String),
    Token(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BankAccount {
    token: String,
}

/// `None` for anything but exactly one recipient. Why is not said: the reader's words would repeat
/// what was sent.
pub(super) fn recipient(body: &[u8]) -> Option<Recipient> {
    Some(match serde_json::from_slice(body).ok()? {
        Asked::Card(Card::NumberHash(hash)) => Recipient::CardHash(secret(&hash)?),
        Asked::Card(Card::Token(token)) => Recipient::CardToken(secret(&token)?),
        Asked::BankAccount(BankAccount { token }) => Recipient::AccountToken(secret(&token)?),
    })
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;
    use crate::bank::token::SECRET_BYTES_MAX;

    #[test]
    fn each_kind_of_recipient_is_read() {
        let read = |body: &str| match recipient(body.as_bytes()).expect("readable") {
            Recipient::CardHash(secret) => ("card hash", secret.expose_secret().to_owned()),
            Recipient::CardToken(secret) => ("card token", secret.expose_secret().to_owned()),
            Recipient::AccountToken(secret) => ("account token", secret.expose_secret().to_owned()),
        };
        assert_eq!(read(r#"{"card":{"number_hash":"ab"}}"#), ("card hash", "ab".into()));
        assert_eq!(read(r#"{"card":{"token":"ab"}}"#), ("card token", "ab".into()));
        assert_eq!(read(r#"{"bank_account":{"token":"ab"}}"#), ("account token", "ab".into()));
    }

    #[test]
    fn anything_but_exactly_one_recipient_is_refused() {
        let long = format!(r#"{{"card":{{"token":"{}"}}}}"#, "a".repeat(SECRET_BYTES_MAX + 1));
        for body in [
            "",
            "{}",
            "[]",
            "null",
            r#""card""#,
            r#"{"card":{}}"#,
            r#"{"card":{"number":"2200240123454940"}}"#,
            r#"{"card":{"number_hash":"a","token":"b"}}"#,
            r#"{"card":{"token":"a"},"bank_account":{"token":"b"}}"#,
            r#"{"card":{"token":7}}"#,
            r#"{"card":{"token":""}}"#,
            r#"{"card":{"token":"a b"}}"#,
            r#"{"card":{"number_hash":"2200240123454940"}}"#,
            r#"{"card":{"token":"2200-2401-2345-4940"}}"#,
            r#"{"bank_account":{"token":"a","more":1}}"#,
            r#"{"bank_account":{"number_hash":"a"}}"#,
            r#"{"card":{"token":"a"}} x"#,
            &long,
        ] {
            assert!(recipient(body.as_bytes()).is_none(), "{body}");
        }
    }
}
