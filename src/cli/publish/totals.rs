//! What a file asks for, in sum: how many payouts, and how much in each currency.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::domain::command::Command;
use crate::domain::money::{Currency, Money};

/// Memory does not depend on the number of rows: there are no more sums than three-letter codes.
#[derive(Default)]
pub(super) struct Totals {
    pub(super) payouts: u64,
    /// Words about payouts: cancel, approve, reject, release.
    pub(super) interventions: u64,
    pub(super) refused: u64,
    sums: BTreeMap<String, Sum>,
}

struct Sum {
    currency: Currency,
    /// Minor units; `None`: more than an amount can be.
    amount: Option<i64>,
}

/// [`Totals`] for machines.
#[derive(Serialize)]
pub(super) struct ShownTotals<'a> {
    published: u64,
    payouts: u64,
    interventions: u64,
    refused: u64,
    sums: Vec<ShownSum<'a>>,
}

#[derive(Serialize)]
struct ShownSum<'a> {
    currency: &'a str,
    /// Minor units; `null`: more than an amount can be.
    amount: Option<i64>,
}

impl Totals {
    pub(super) fn add(&mut self, command: &Command) {
        let Command::Create(command) = command else {
            self.interventions += 1;
            return;
        };
        let Money { amount, currency } = &command.money;
        self.payouts += 1;
        let empty = || Sum { currency: currency.clone(), amount: Some(0) };
        let sum = self.sums.entry(currency.code()).or_insert_with(empty);
        sum.amount = sum.amount.and_then(|sum| sum.checked_add(*amount));
    }

    /// Commands that may go out.
    pub(super) fn good(&self) -> u64 {
        self.payouts + self.interventions
    }

    /// As a dry run shows them: nothing is published.
    pub(super) fn of_dry_run(&self) -> ShownTotals<'_> {
        let sums =
            self.sums.iter().map(|(code, sum)| ShownSum { currency: code, amount: sum.amount });
        ShownTotals {
            published: 0,
            payouts: self.payouts,
            interventions: self.interventions,
            refused: self.refused,
            sums: sums.collect(),
        }
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.payouts == 1 { "" } else { "s" };
        write!(f, "{} payout{plural}", self.payouts)?;
        for (n, Sum { currency, amount }) in self.sums.values().enumerate() {
            f.write_str(if n > 0 { ", " } else { ": " })?;
            let currency = currency.clone();
            match amount {
                Some(amount) => write!(f, "{}", Money { amount: *amount, currency })?,
                None => write!(f, "more than {}", Money { amount: i64::MAX, currency })?,
            }
        }
        if self.interventions > 0 {
            write!(f, "; {} about other payouts", self.interventions)?;
        }
        write!(f, "; {} refused", self.refused)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn totals(amounts: &[(i64, &str)]) -> Totals {
        let mut totals = Totals::default();
        for (amount, currency) in amounts {
            let command = json!({
                "type": "payout.create", "payout_id": "p-1",
                "payment_method": {"type": "card", "card": {
                    "type": "encrypted_card", "encrypted_card": {"number_hash": "63191fa1"}}},
                "amount_details": {"amount": amount, "currency": currency},
            });
            totals.add(&Command::parse(command.to_string().as_bytes()).expect("valid"));
        }
        totals
    }

    #[test]
    fn sums_are_kept_by_currency_whatever_its_letter_case() {
        let totals = totals(&[(10_000, "rub"), (5, "usd"), (20_050, "RUB")]);
        assert_eq!(totals.to_string(), "3 payouts: 300.50 RUB, 0.05 USD; 0 refused");
        assert_eq!(Totals::default().to_string(), "0 payouts; 0 refused");
        let shown = serde_json::to_value(totals.of_dry_run()).expect("JSON");
        let sums = json!([{"currency": "rub", "amount": 30_050}, {"currency": "usd", "amount": 5}]);
        let counts = json!({"published": 0, "payouts": 3, "interventions": 0, "refused": 0,
            "sums": sums});
        assert_eq!(shown, counts);
    }

    #[test]
    fn words_about_payouts_are_counted_apart() {
        let mut totals = totals(&[(10_000, "rub")]);
        let word = br#"{"type": "payout.cancel", "payout_id": "p-1", "reason": "why"}"#;
        totals.add(&Command::parse(word).expect("valid"));
        assert_eq!(totals.to_string(), "1 payout: 100.00 RUB; 1 about other payouts; 0 refused");
    }

    #[test]
    fn a_sum_that_no_amount_can_be_is_not_shown_as_one() {
        let totals = totals(&[(i64::MAX, "rub"), (1, "rub"), (1, "rub")]);
        let text = totals.to_string();
        assert_eq!(text, "3 payouts: more than 92233720368547758.07 RUB; 0 refused");
    }
}
