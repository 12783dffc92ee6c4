//! Reads a command's fields one by one and remembers everything that is wrong.
//!
//! The envelope is read here; each family of payment methods has a file of its own below.

mod account;
mod fiscal;
mod method;
mod wallet;

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::super::id::PayoutId;
use super::super::json::{Object, Raw, is_word};
use super::super::money::{Currency, Money};
use super::super::open_card::{OPEN_CARD, open_cards};
use super::super::time::Timestamp;
use super::{Account, Expected, Flow, Verb, Violation};
pub(super) use method::Terms;

/// Reads fields one by one and remembers everything that is wrong.
pub(super) struct Reader<'a> {
    pub(super) fields: &'a Object,
    pub(super) violations: Vec<Violation>,
}

impl<'a> Reader<'a> {
    pub(super) fn refuse(&mut self, pointer: &str, problem: impl Into<String>) {
        self.violations.push(Violation { pointer: pointer.into(), problem: problem.into() });
    }

    /// As [`Reader::refuse`], unless something was said of this place already.
    pub(super) fn refuse_too(&mut self, pointer: &str, problem: &str) {
        if self.violations.iter().all(|violation| violation.pointer != pointer) {
            self.refuse(pointer, problem);
        }
    }

    /// A field that is there and is not `null`.
    pub(super) fn present(&self, name: &str) -> Option<&'a Raw> {
        self.fields.get(name).filter(|raw| raw.text() != "null")
    }

    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        let text = self.present(name)?.read().ok();
        if text.is_none() {
            self.refuse(&format!("/{name}"), "must be a string");
        }
        text
    }

    pub(super) fn command_type(&mut self) {
        if self.present("type").is_none() {
            self.refuse("/type", "is missing: say \"payout.create\"");
        } else if let Some(other) = self.text("type").filter(|t| t != "payout.create") {
            let shown = if is_word(&other) { format!("{other:?} ") } else { String::new() };
            let verbs = Verb::ALL.map(|verb| verb.command_type()).join(", ");
            let cure = format!("{shown}is not known: there are payout.create, {verbs}");
            self.refuse("/type", cure);
        }
    }

    pub(super) fn payout_id(&mut self) -> Option<PayoutId> {
        if self.present("payout_id").is_none() {
            self.refuse(
                "/payout_id",
                "is missing: name the payout; the name is its idempotency key",
            );
            return None;
        }
        match PayoutId::try_from(self.text("payout_id")?) {
            Ok(id) => Some(id),
            Err(e) => {
                self.refuse("/payout_id", e.to_string());
                None
            }
        }
    }

    /// `None`: it cannot be read, and what depends on it is not judged.
    pub(super) fn account(&mut self) -> Option<Account> {
        match self.present("account") {
            None => Some(Account::Collateral),
            Some(_) => self.one_of("account", "must be \"collateral\" or \"settlement\""),
        }
    }

    /// One of a few words, if it is given.
    fn one_of<T: DeserializeOwned>(&mut self, name: &str, cure: &str) -> Option<T> {
        let raw = self.present(name)?;
        // An enum would also be read from an object that names its variant.
        let word = raw.text().starts_with('"').then(|| raw.read().ok()).flatten();
        if word.is_none() {
            self.refuse(&format!("/{name}"), cure);
        }
        word
    }

    pub(super) fn money(&mut self) -> Option<Money> {
        let details: Object = self.object("amount_details")?;
        let amount = match details.get("amount").map(Raw::read::<i64>) {
            Some(Ok(amount)) if amount > 0 => Some(amount),
            _ => {
                let problem = "must be a whole number of minor units above 0 (10000 = 100.00)";
                self.refuse("/amount_details/amount", problem);
                None
            }
        };
        let currency = match details.get("currency").map(Raw::read::<Currency>) {
            Some(Ok(currency)) => Some(currency),
            _ => {
                let problem = "must be a three-letter currency code, such as \"rub\"";
                self.refuse("/amount_details/currency", problem);
                None
            }
        };
        Some(Money { amount: amount?, currency: currency? })
    }

    fn object(&mut self, name: &str) -> Option<Object> {
        let Some(raw) = self.present(name) else {
            self.refuse(&format!("/{name}"), "is missing");
            return None;
        };
        let object = raw.read().ok();
        if object.is_none() {
            self.refuse(&format!("/{name}"), "must be an object");
        }
        object
    }

    /// Where a field stands; what cannot be a field's name is not repeated.
    pub(super) fn pointer(&self, name: &str) -> String {
        if is_word(name) { format!("/{name}") } else { String::new() }
    }

    pub(super) fn flow(&mut self) -> Option<Flow> {
        self.one_of("flow", "must be \"two_step\" or \"one_request\"")
    }

    /// What payoutd decides itself, and other names for what it reads: two of them could differ.
    pub(super) fn refuse_foreign_fields(&mut self) {
        if self.fields.get("session_id").is_some() {
            self.refuse("/session_id", "must be left out: payoutd opens the session");
        }
        for name in ["payments", "payout_details", "payout_list"] {
            if self.fields.get(name).is_some() {
                self.refuse(&format!("/{name}"), "must be left out: say payment_method");
            }
        }
        // Names that are no words share a pointer.
        let mut found = BTreeSet::new();
        for (name, raw) in self.fields.fields().filter(|(name, _)| *name != "metadata") {
            match raw.read::<Value>() {
                Ok(value) => found.extend(open_cards(name, &value)),
                Err(_) => {
                    self.refuse(&self.pointer(name), "holds a number or text that cannot be read");
                }
            }
        }
        for pointer in found {
            self.refuse(&pointer, OPEN_CARD);
        }
    }

    pub(super) fn participants(&mut self) -> Value {
        let Some(raw) = self.present("participant_details") else { return Value::Null };
        let participants: Value = raw.read().unwrap_or_default();
        if !participants.is_object() {
            self.refuse("/participant_details", "must be an object");
        }
        participants
    }

    /// A settlement account has to be named: the business may have several.
    pub(super) fn paying_account(&mut self, account: Option<Account>, participants: &Value) {
        let pointer = "/participant_details/sender/account";
        match (account, participants["sender"]["account"].as_str()) {
            (Some(Account::Collateral) | None, _) => {}
            (Some(Account::Settlement), None) => {
                self.refuse(
                    pointer,
                    "is missing: name the settlement account that pays, 20 digits",
                );
            }
            (Some(Account::Settlement), Some(number)) if !is_digits(number, &[20]) => {
                self.refuse(pointer, "must have 20 digits: the settlement account that pays");
            }
            (Some(Account::Settlement), Some(_)) => {}
        }
    }

    /// Digits of a card: of other methods the bank shows none, so that they could never be paid.
    pub(super) fn expected(&mut self, payment_method: &Value) -> Expected {
        let Some(raw) = self.present("expected") else { return Expected::default() };
        let object = raw.text().starts_with('{').then(|| raw.read().ok()).flatten();
        let Some(expected): Option<Expected> = object else {
            self.refuse("/expected", "may hold \"last4\" and \"bin\", both strings of digits");
            return Expected::default();
        };
        let Expected { last4, bin } = &expected;
        for (name, digits, counts, cure) in [
            ("last4", last4, 4..=4, "must be 4 digits: otherwise the bank can never show them"),
            ("bin", bin, 6..=8, "must be 6 to 8 digits: otherwise the bank can never show them"),
        ] {
            let fit = |text: &String| {
                counts.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
            };
            if digits.as_ref().is_some_and(|text| !fit(text)) {
                self.refuse(&format!("/expected/{name}"), cure);
            }
        }
        let cardless =
            ["bank_account", "wallet"].iter().any(|kind| payment_method["type"] == *kind);
        if cardless && expected != Expected::default() {
            self.refuse_too("/expected", "must be left out: only cards are shown with digits");
        }
        expected
    }

    pub(super) fn time(&mut self, name: &str) -> Option<Timestamp> {
        let text = self.text(name)?;
        let time = Timestamp::parse(&text);
        if time.is_none() {
            let problem = "must be an RFC 3339 time, such as \"2026-11-21T18:00:00Z\"";
            self.refuse(&format!("/{name}"), problem);
        }
        time
    }
}

/// Whether a text is one of so many digits, and nothing else.
fn is_digits(text: &str, lengths: &[usize]) -> bool {
    lengths.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}
