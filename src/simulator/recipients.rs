//! What the widget was told: public tokens, and the numbers that people entered.
//!
//! A public token is good for one number and for a while. Of a card's number only the digits that the bank shows are
//! kept; an account's is kept whole, because `confirm_information` has it.

use rusqlite::{Connection, OptionalExtension, params};

type Result<T> = rusqlite::Result<T>;

pub(super) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS public_tokens (
  token TEXT PRIMARY KEY, expires_at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS recipients (
  secret TEXT PRIMARY KEY, number TEXT NOT NULL) WITHOUT ROWID;
";

/// How long a public token can be used, in microseconds. The bank's time is not documented.
const PUBLIC_TOKEN_LIFE: i64 = 15 * 60 * 1_000_000;

/// A fresh public token, in the form of the bank's.
pub(super) fn issue_token(book: &Connection, now: i64) -> Result<String> {
    book.prepare_cached("DELETE FROM public_tokens WHERE expires_at <= ?1")?.execute([now])?;
    let token = random_hex();
    book.prepare_cached("INSERT INTO public_tokens (token, expires_at) VALUES (?1, ?2)")?
        .execute(params![token, now + PUBLIC_TOKEN_LIFE])?;
    Ok(token)
}

/// `false`: it was never issued, was used, or is too old.
pub(super) fn use_token(book: &Connection, token: &str, now: i64) -> Result<bool> {
    let used = book
        .prepare_cached("DELETE FROM public_tokens WHERE token = ?1 AND expires_at > ?2")?
        .execute(params![token, now])?;
    Ok(used == 1)
}

/// The hash or token that stands for a number from now on.
pub(super) fn remember(book: &Connection, number: &Number) -> Result<String> {
    let secret = random_hex();
    book.prepare_cached("INSERT INTO recipients (secret, number) VALUES (?1, ?2)")?
        .execute(params![secret, number.kept()])?;
    Ok(secret)
}

/// What was entered for a hash or token, if the widget made it.
pub(super) fn entered(book: &Connection, secret: Option<&str>) -> Result<Option<String>> {
    let Some(secret) = secret else { return Ok(None) };
    book.prepare_cached("SELECT number FROM recipients WHERE secret = ?1")?
        .query_row([secret], |row| row.get(0))
        .optional()
}

fn random_hex() -> String {
    rand::random::<[u8; 32]>().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A number that somebody entered, well formed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Number {
    Card(String),
    Account(String),
}

impl Number {
    /// Spaces do not count. Cards: 12 to 19 digits that end in their check digit (ISO/IEC 7812). Accounts: 20 digits.
    pub(super) fn read(kind: &str, text: &str) -> Option<Self> {
        let digits: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        if !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        match kind {
            "card" if (12..=19).contains(&digits.len()) && passes_luhn(&digits) => {
                Some(Self::Card(digits))
            }
            "account" if digits.len() == 20 => Some(Self::Account(digits)),
            _ => None,
        }
    }

    fn kept(&self) -> String {
        match self {
            Self::Card(digits) => format!("{}…{}", &digits[..6], &digits[digits.len() - 4..]),
            Self::Account(digits) => digits.clone(),
        }
    }
}

fn passes_luhn(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(n, byte)| match (n % 2, u32::from(byte - b'0')) {
            (0, digit) => digit,
            (_, digit) if digit > 4 => 2 * digit - 9,
            (_, digit) => 2 * digit,
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_by_their_digits() {
        let card = |text: &str| Number::read("card", text);
        assert_eq!(card("2200 2401 2345 4942"), None, "the check digit is wrong");
        assert_eq!(
            card(" 2200 2401 2345 4940"),
            Some(Number::Card(String::from("2200240123454940")))
        );
        assert!(card("4242424242424242").is_some() && card("4242424242424241").is_none());
        assert!(card("5555555555554444").is_some(), "doubled digits above 9 count by their own");
        for bad in
            ["", "0", "42", "4242-4242-4242-4242", "42424242424242424242", "４242424242424242"]
        {
            assert_eq!(card(bad), None, "{bad}");
        }
        let account = |text: &str| Number::read("account", text);
        assert!(account("40817 810 5 0000 0001234").is_some());
        assert!(account("4081781050000000123").is_none());
        assert_eq!(Number::read("phone", "4242424242424242"), None);
    }
}
