//! The settings of the business's own rules.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use crate::domain::money::{Currency, Money};
use crate::domain::rules::Amounts;

use super::reader::Reader;
use super::{Bank, Tickets};

#[derive(Clone, Debug)]
pub struct Decision {
    /// `None`: nothing is reviewed.
    pub review_above: Option<Amounts>,
    pub review_within: Duration,
    pub amount_max: Amounts,
    pub currencies: Vec<String>,
    pub deny_file: Option<PathBuf>,
    pub deny_salt_file: Option<PathBuf>,
}

/// The bank ends what nobody confirms after about 240 minutes; ten are kept to cancel in order.
const REVIEW_WITHIN: RangeInclusive<Duration> =
    Duration::from_secs(60)..=Duration::from_secs(230 * 60);

/// A look may come late by the shortest delay; the rest is for the cancellation's own calls.
const CANCELLED_WITHIN: Duration = Duration::from_secs(235 * 60);

pub(super) fn read(reader: &mut Reader, bank: &Bank, tickets: &Tickets) -> Decision {
    let above = amounts(reader, "decision.review_above");
    let review_above = match reader.text("decision.policy").as_str() {
        "review" if bank.confirms_automatically => {
            let cure = "can't be \"review\" with bank.confirms_automatically = true: the bank pays \
                        without asking, so nothing can be held";
            reader.problem("decision.policy", cure);
            None
        }
        "review" => Some(above),
        "auto" if above == Amounts::default() => None,
        "auto" => {
            let cure = "needs decision.policy = \"review\"; with \"auto\" nothing is reviewed";
            reader.problem("decision.review_above", cure);
            None
        }
        _ => {
            reader.problem("decision.policy", "must be \"auto\" or \"review\"");
            None
        }
    };
    let review_within = reader.duration("decision.review_within");
    if !REVIEW_WITHIN.contains(&review_within) {
        reader.problem("decision.review_within", "must be between 1m and 230m");
    } else if review_above.is_some() && review_within + tickets.delays.after(0) > CANCELLED_WITHIN {
        let cure = "must be at most 235m together with the first of tickets.delays: a look may come \
                    that much late, and the bank ends what is not confirmed after about 240 minutes";
        reader.problem("decision.review_within", cure);
    }
    let deny_file = reader.path("decision.deny_file");
    let deny_salt_file = reader.path("decision.deny_salt_file");
    if deny_file.is_some() && deny_salt_file.is_none() {
        let cure = "is not set; decision.deny_file needs the salt its hashes were made with";
        reader.problem("decision.deny_salt_file", cure);
    }
    let amount_max = amounts(reader, "decision.amount_max");
    let currencies = currencies(reader);
    if !currencies.iter().all(|code| amount_max.allows_some(code)) {
        let cure = "names a currency of which decision.amount_max allows no amount: add it there";
        reader.problem("decision.currencies", cure);
    }
    Decision { review_above, review_within, amount_max, currencies, deny_file, deny_salt_file }
}

fn amounts(reader: &mut Reader, key: &str) -> Amounts {
    let parts = reader.list(key);
    let amounts: Option<Vec<Money>> = parts.iter().map(|part| money(part)).collect();
    let twice = |amounts: &[Money]| {
        let codes: std::collections::BTreeSet<_> =
            amounts.iter().map(|money| money.currency.code()).collect();
        codes.len() != amounts.len()
    };
    match amounts {
        Some(amounts) if !twice(&amounts) => amounts.into_iter().collect(),
        Some(_) => {
            reader.problem(key, "names a currency twice");
            Amounts::default()
        }
        None => {
            let cure =
                "must be amounts in minor units by currency, such as \"rub=10000000,usd=100000\"";
            reader.problem(key, cure);
            Amounts::default()
        }
    }
}

fn money(text: &str) -> Option<Money> {
    let (currency, amount) = text.split_once('=')?;
    let currency = Currency::try_from(currency.trim().to_owned()).ok()?;
    let amount = amount.trim().parse().ok().filter(|amount: &i64| *amount >= 0)?;
    Some(Money { amount, currency })
}

fn currencies(reader: &mut Reader) -> Vec<String> {
    const KEY: &str = "decision.currencies";
    let parts = reader.list(KEY);
    let codes = parts.into_iter().map(|text| Some(Currency::try_from(text).ok()?.code()));
    codes.collect::<Option<Vec<_>>>().unwrap_or_else(|| {
        reader.problem(KEY, "must be three-letter currency codes, such as \"rub,usd\"");
        Vec::new()
    })
}
