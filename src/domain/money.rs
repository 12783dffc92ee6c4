//! Money: an integer of minor units with its currency, never a float.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An amount in minor units (10000 = 100.00 rub) and the currency it is in.
///
/// Equality ignores the letter case of the currency: the bank answers `RUB` to a command's `rub`
/// (the settlement page's webhook does).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Money {
    /// Minor units of the currency.
    pub amount: i64,
    pub currency: Currency,
}

/// A currency's three-letter code, in the letter case it was written in.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency(String);

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("must be a three-letter currency code, such as \"rub\"")]
pub struct InvalidCurrency;

impl Currency {
    /// The code in lower case: one spelling for keys and sums.
    pub fn code(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl TryFrom<String> for Currency {
    type Error = InvalidCurrency;

    fn try_from(text: String) -> Result<Self, InvalidCurrency> {
        if text.len() == 3 && text.bytes().all(|b| b.is_ascii_alphabetic()) {
            Ok(Self(text))
        } else {
            Err(InvalidCurrency)
        }
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.0
    }
}

impl PartialEq for Currency {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for Currency {}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Money {
    /// Major units with two decimals, for people: `3000.00 RUB`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.amount < 0 { "-" } else { "" };
        let units = self.amount.unsigned_abs();
        let code = self.currency.0.to_ascii_uppercase();
        f.pad(&format!("{sign}{}.{:02} {code}", units / 100, units % 100))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(amount: i64, currency: &str) -> Money {
        let currency = Currency::try_from(currency.to_owned()).expect("valid code");
        Money { amount, currency }
    }

    #[test]
    fn the_letter_case_of_a_currency_does_not_matter() {
        assert_eq!(money(300_000, "rub"), money(300_000, "RUB"));
        assert_ne!(money(300_000, "rub"), money(300_000, "usd"));
        assert_ne!(money(300_000, "rub"), money(300_001, "rub"));
    }

    #[test]
    fn money_is_shown_in_major_units() {
        assert_eq!(money(300_000, "rub").to_string(), "3000.00 RUB");
        assert_eq!(money(-5, "rub").to_string(), "-0.05 RUB");
    }

    #[test]
    fn a_currency_is_three_letters() {
        for bad in ["", "ru", "rubl", "r b", "рб"] {
            assert_eq!(Currency::try_from(bad.to_owned()), Err(InvalidCurrency), "{bad}");
        }
    }
}
