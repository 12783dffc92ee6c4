//! The payment method: which one it is, and cards. What is newer than this program passes.

use serde_json::Value;

use super::super::super::json::is_word;
use super::super::super::money::Money;
use super::super::super::open_card::OPEN_CARD;
use super::super::Account;
use super::{Reader, is_digits};

/// What else a command says that a method depends on.
#[derive(Clone, Copy)]
pub(in super::super) struct Terms<'a> {
    /// `None`: it cannot be read.
    pub(in super::super) account: Option<Account>,
    pub(in super::super) money: Option<&'a Money>,
}

impl Reader<'_> {
    /// The method, as far as it can be read at all.
    pub(in super::super) fn payment_method(&mut self) -> Value {
        let Some(raw) = self.object("payment_method").and(self.present("payment_method")) else {
            return Value::Null;
        };
        raw.read().unwrap_or_default()
    }

    /// What the bank would refuse, or pay where it was not meant to go.
    pub(in super::super) fn check_method(&mut self, method: &Value, terms: Terms<'_>) {
        if !method.is_object() {
            return;
        }
        let Some(kind) = method["type"].as_str() else {
            self.refuse("/payment_method/type", "must be a string, such as \"card\"");
            return;
        };
        if !method[kind].is_object() && is_word(kind) {
            let pointer = format!("/payment_method/{kind}");
            self.refuse(&pointer, "is missing: the details of the method go here");
        } else if !method[kind].is_object() {
            self.refuse("/payment_method/type", "must name the field that holds the details");
        }
        match kind {
            "card" => self.card(&method["card"], terms),
            "bank_account" => self.bank_account(&method["bank_account"], terms),
            "wallet" => self.wallet(&method["wallet"], terms),
            _ => {}
        }
    }

    fn card(&mut self, card: &Value, terms: Terms<'_>) {
        if terms.account == Some(Account::Settlement) {
            let problem = "must be \"collateral\": no other account pays to cards";
            self.refuse("/account", problem);
        }
        let pointer = "/payment_method/card/type";
        match card["type"].as_str() {
            Some("encrypted_card") => {
                self.filled(card, "/payment_method/card", &["encrypted_card", "number_hash"]);
            }
            Some("tokenized_card") => {
                self.filled(card, "/payment_method/card", &["tokenized_card", "token"]);
            }
            // The card itself is found wherever it stands, and told there.
            Some(kind) if kind.eq_ignore_ascii_case("bank_card") && !card[kind].is_object() => {
                self.refuse(pointer, OPEN_CARD);
            }
            Some(_) => {}
            None => self.refuse(pointer, "must be \"encrypted_card\" or \"tokenized_card\""),
        }
    }

    /// A text that the bank cannot do without.
    pub(super) fn filled(&mut self, value: &Value, at: &str, path: &[&str]) {
        let found = path.iter().fold(value, |value, key| &value[key]);
        if found.as_str().is_none_or(|text| text.trim().is_empty()) {
            self.refuse(&format!("{at}/{}", path.join("/")), "must be a non-empty string");
        }
    }

    /// A number written as text: `what` says what it should be, since the number itself is not
    /// repeated.
    pub(super) fn digits(&mut self, value: &Value, pointer: &str, lengths: &[usize], what: &str) {
        if value.is_null() {
            self.refuse(pointer, format!("is missing: {what}, as text"));
        } else if !value.as_str().is_some_and(|text| is_digits(text, lengths)) {
            self.refuse(pointer, format!("must be {what}, as text"));
        }
    }

    /// The same, of what may be left out.
    pub(super) fn digits_if_given(
        &mut self,
        value: &Value,
        pointer: &str,
        lengths: &[usize],
        what: &str,
    ) {
        if !value.is_null() {
            self.digits(value, pointer, lengths, what);
        }
    }

    /// For methods that are paid in roubles alone.
    pub(super) fn roubles_only(&mut self, terms: Terms<'_>, what: &str) {
        if terms.money.is_some_and(|money| money.currency.code() != "rub") {
            self.refuse(
                "/amount_details/currency",
                format!("must be \"rub\": {what} takes no other"),
            );
        }
    }
}
