//! The business's own rules: which payouts may be made at all, and which a person approves first.
//!
//! Asked before anything is sent, and again before a confirmation: the rules may have changed in
//! between, and the bank shows more of the recipient by then. Every answer has its reason.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::command::CreateCommand;
use super::money::Money;
use super::recipient::{Identifier, identifiers, shown_identifiers};
use super::session::Session;
use crate::digest::keyed_hex;

#[derive(Clone, Debug)]
pub struct Rules {
    /// `None`: what agrees with its command is confirmed. Otherwise payouts above these amounts,
    /// and all in other currencies, are held until a person approves them.
    pub review_above: Option<Amounts>,
    /// How long after its start a held payout is kept for an answer.
    pub review_within: Duration,
    /// The largest payouts. Where any is given, other currencies are refused.
    pub amount_max: Amounts,
    /// In lower case; empty: any.
    pub currencies: Vec<String>,
    pub denied: Denied,
}

/// Everything is allowed, and nothing reviewed.
impl Default for Rules {
    fn default() -> Self {
        Self {
            review_above: None,
            review_within: Duration::from_secs(220 * 60),
            amount_max: Amounts::default(),
            currencies: Vec::new(),
            denied: Denied::default(),
        }
    }
}

/// What the rules say to a payout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ruling {
    Allowed,
    /// A person has to approve it, for this reason.
    Review(String),
    /// Not to be paid, for this reason.
    Forbidden(String),
}

impl Rules {
    /// What can be said from the command alone.
    pub fn judge(&self, command: &CreateCommand) -> Ruling {
        let Money { amount, currency } = &command.money;
        let code = currency.code();
        if !self.currencies.is_empty() && !self.currencies.contains(&code) {
            return Ruling::Forbidden(format!("policy: the currency {code} is not allowed"));
        }
        match self.amount_max.of(&code) {
            None if self.amount_max.is_empty() => {}
            Some(largest) if *amount <= largest => {}
            Some(_) => {
                let reason = format!("policy: above the largest amount allowed in {code}");
                return Ruling::Forbidden(reason);
            }
            None => {
                return Ruling::Forbidden(format!("policy: no amount is allowed in {code}"));
            }
        }
        if self.denied.name_any(&identifiers(command)) {
            return Ruling::Forbidden(RECIPIENT_DENIED.into());
        }
        match &self.review_above {
            None => Ruling::Allowed,
            Some(limits) => match limits.of(&code) {
                Some(limit) if *amount <= limit => Ruling::Allowed,
                Some(_) => Ruling::Review(format!("policy: above the amount for review in {code}")),
                None => Ruling::Review(format!("policy: every payout in {code} is reviewed")),
            },
        }
    }

    /// As `judge`, also by what the bank shows of the recipient before a confirmation. What cannot
    /// be read there might be somebody on the deny list.
    pub fn judge_shown(&self, command: &CreateCommand, shown: &Session) -> Ruling {
        if self.denied.is_empty() {
            return self.judge(command);
        }
        match shown_identifiers(shown) {
            None => Ruling::Forbidden(RECIPIENT_UNREADABLE.into()),
            Some(shown) if self.denied.name_any(&shown) => {
                Ruling::Forbidden(RECIPIENT_DENIED.into())
            }
            Some(_) => self.judge(command),
        }
    }
}

const RECIPIENT_DENIED: &str = "policy: the recipient is on the deny list";

const RECIPIENT_UNREADABLE: &str =
    "policy: what the bank shows of the recipient cannot be held against the deny list";

/// An amount for each currency, in minor units.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Amounts(BTreeMap<String, i64>);

impl Amounts {
    fn of(&self, code: &str) -> Option<i64> {
        self.0.get(code).copied()
    }

    /// Of largest amounts: whether any payout in this currency is allowed.
    pub fn allows_some(&self, code: &str) -> bool {
        self.is_empty() || self.of(code).is_some_and(|amount| amount > 0)
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<Money> for Amounts {
    fn from_iter<I: IntoIterator<Item = Money>>(amounts: I) -> Self {
        Self(amounts.into_iter().map(|money| (money.currency.code(), money.amount)).collect())
    }
}

/// Recipients nobody may be paid as: salted hashes, so that the list names nobody.
#[derive(Clone, Default)]
pub struct Denied {
    salt: SecretString,
    hashes: HashSet<String>,
}

impl Denied {
    /// Tells the salt that a list was made with from others, and nothing else about it.
    pub fn mark(salt: &SecretString) -> String {
        let mut mark = keyed_hex(salt.expose_secret().as_bytes(), b"payoutd deny list");
        mark.truncate(8);
        mark
    }

    /// `hashes` are those of [`Denied::hash`] with the same salt.
    pub fn new(salt: SecretString, hashes: impl IntoIterator<Item = String>) -> Self {
        Self { salt, hashes: hashes.into_iter().collect() }
    }

    /// HMAC-SHA-256 of an identifier, in hex.
    pub fn hash(salt: &SecretString, identifier: &Identifier) -> String {
        keyed_hex(salt.expose_secret().as_bytes(), identifier.text().as_bytes())
    }

    fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    fn name_any(&self, identifiers: &[Identifier]) -> bool {
        let named = |identifier| self.hashes.contains(&Self::hash(&self.salt, identifier));
        !self.is_empty() && identifiers.iter().any(named)
    }
}

impl fmt::Debug for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Denied({})", self.hashes.len())
    }
}

#[cfg(test)]
mod tests;
