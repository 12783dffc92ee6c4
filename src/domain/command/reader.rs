//! Reads a command's fields one by one and remembers everything that is wrong.

use serde_json::Value;

use super::super::id::PayoutId;
use super::super::json::{Object, Raw, is_word};
use super::super::money::{Currency, Money};
use super::super::time::Timestamp;
use super::{Account, Expected, Flow, Verb, Violation};

/// Reads fields one by one and remembers everything that is wrong.
pub(super) struct Reader<'a> {
    pub(super) fields: &'a Object,
    pub(super) violations: Vec<Violation>,
}

impl<'a> Reader<'a> {
    pub(super) fn refuse(&mut self, pointer: &str, problem: impl Into<String>) {
        self.violations.push(Violation { pointer: pointer.into(), problem: problem.into() });
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

    pub(super) fn account(&mut self) -> Account {
        let Some(raw) = self.present("account") else { return Account::Collateral };
        raw.read().unwrap_or_else(|_| {
            self.refuse("/account", "must be \"collateral\" or \"settlement\"");
            Account::Collateral
        })
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
        let flow = self.present("flow")?.read().ok();
        if flow.is_none() {
            self.refuse("/flow", "must be \"two_step\" or \"one_request\"");
        }
        flow
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
        for (name, raw) in self.fields.fields().filter(|(name, _)| *name != "metadata") {
            let pointer = self.pointer(name);
            match raw.read::<Value>() {
                Ok(value) if holds_open_card(name, &value) => self.refuse(&pointer, OPEN_CARD),
                Ok(_) => {}
                Err(_) => self.refuse(&pointer, "holds a number or text that cannot be read"),
            }
        }
    }

    pub(super) fn payment_method(&mut self) -> Value {
        let Some(raw) = self.object("payment_method").and(self.present("payment_method")) else {
            return Value::Null;
        };
        let method: Value = raw.read().unwrap_or_default();
        let Some(kind) = method["type"].as_str() else {
            self.refuse("/payment_method/type", "must be a string, such as \"card\"");
            return method;
        };
        if !method[kind].is_object() && is_word(kind) {
            let pointer = format!("/payment_method/{kind}");
            self.refuse(&pointer, "is missing: the details of the method go here");
        } else if !method[kind].is_object() {
            self.refuse("/payment_method/type", "must name the field that holds the details");
        }
        match kind {
            "card" => self.card(&method["card"]),
            "bank_account" => self.bank_account(&method["bank_account"]),
            _ => {}
        }
        method
    }

    fn card(&mut self, card: &Value) {
        let pointer = "/payment_method/card/type";
        match card["type"].as_str() {
            Some("encrypted_card") => {
                self.required(card, "/payment_method/card", &["encrypted_card", "number_hash"]);
            }
            Some("tokenized_card") => {
                self.required(card, "/payment_method/card", &["tokenized_card", "token"]);
            }
            Some(kind) if kind.eq_ignore_ascii_case("bank_card") => self.refuse(pointer, OPEN_CARD),
            Some(_) => {}
            None => self.refuse(pointer, "must be \"encrypted_card\" or \"tokenized_card\""),
        }
    }

    fn bank_account(&mut self, account: &Value) {
        let at = "/payment_method/bank_account";
        match account["system_type"].as_str() {
            Some("ru") => {
                self.required(account, at, &["ru", "full_name"]);
                if account["ru"]["token"].is_null() && account["ru"]["account"].is_null() {
                    let pointer = format!("{at}/ru/token");
                    self.refuse(&pointer, "is missing: give the account's token");
                }
            }
            Some(_) => {}
            None => self.refuse(&format!("{at}/system_type"), "must be a string, such as \"ru\""),
        }
    }

    fn required(&mut self, value: &Value, at: &str, path: &[&str]) {
        let found = path.iter().fold(value, |value, key| &value[key]);
        if found.as_str().is_none_or(str::is_empty) {
            self.refuse(&format!("{at}/{}", path.join("/")), "must be a non-empty string");
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

    pub(super) fn expected(&mut self) -> Expected {
        let Some(raw) = self.present("expected") else { return Expected::default() };
        raw.read().unwrap_or_else(|_| {
            self.refuse("/expected", "may hold \"last4\" and \"bin\", both strings of digits");
            Expected::default()
        })
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

const OPEN_CARD: &str = "open card numbers are refused, so that payoutd stays out of PCI DSS \
                         scope: use a hash (\"encrypted_card\") or a token (\"tokenized_card\")";

/// Whether a card stands openly anywhere in it: under the bank's name for one, or as a `number` as
/// long as a card's.
fn holds_open_card(name: &str, value: &Value) -> bool {
    let named = name.eq_ignore_ascii_case("bank_card");
    let numbered = name.eq_ignore_ascii_case("number");
    match value {
        Value::Object(fields) => {
            named || fields.iter().any(|(name, value)| holds_open_card(name, value))
        }
        Value::Array(items) => items.iter().any(|item| holds_open_card(name, item)),
        Value::String(text) => numbered && is_as_long_as_a_card(text),
        Value::Number(number) => numbered && is_as_long_as_a_card(&number.to_string()),
        Value::Null | Value::Bool(_) => false,
    }
}

/// Card numbers have 13 to 19 digits (ISO/IEC 7812).
fn is_as_long_as_a_card(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let others = text.bytes().filter(|b| !b.is_ascii_digit() && !b" -".contains(b)).count();
    (13..=19).contains(&digits) && others == 0
}
