//! The gate's table, by family of payment methods.
//!
//! Every field that the bank is known to show has a row that says what it decides.
//! `docs/bank131.md` shows the table, and the tests change each row's field by itself: a new row
//! is tested as it is written.

use super::{Compare, Field, Part, Place, Rule};

/// For each payout, whatever its method.
pub(super) static EVERY: &[Field] = &[
    field(Rule::Must, "amount", at(Part::Amount, &[])),
    field(Rule::Must, "currency", at(Part::Currency, &[])),
    field(Rule::IfShown, "payment method", method(&["type"])),
    name("recipient name", participants(&["recipient", "full_name"])),
    name("sender name", participants(&["sender", "full_name"])),
    field(Rule::IfShown, "sender account", participants(&["sender", "account"])),
    expected("last4", method(&["card", "last4"]), Part::ExpectedLast4),
    expected("bin", method(&["card", "bin"]), Part::ExpectedBin),
    field(Rule::IfShown, "payout id in the metadata", at(Part::PayoutId, &[])),
    ignored("receipt", at(Part::Unread, &["fiscalization_details"])),
];

pub(super) static CARD_BY_HASH: &[Field] = &[
    // The bank never shows it.
    ignored("card hash", method(&["card", "encrypted_card", "number_hash"])),
    ignored("card brand", method(&["card", "brand"])),
    ignored("card country", method(&["card", "country_iso3"])),
];

pub(super) static CARD_BY_TOKEN: &[Field] = &[
    field(Rule::IfShown, "card token", method(&["card", "tokenized_card", "token"])),
    ignored("card brand", method(&["card", "brand"])),
    ignored("card country", method(&["card", "country_iso3"])),
];

pub(super) static ACCOUNT_BY_TOKEN: &[Field] = &[
    field(Rule::IfShown, "bank account system", method(&["bank_account", "system_type"])),
    field(Rule::IfShown, "account token", method(&["bank_account", "ru", "token"])),
    field(Rule::IfShown, "bik", method(&["bank_account", "ru", "bik"])),
    field(Rule::IfShown, "inn", method(&["bank_account", "ru", "inn"])),
    field(Rule::IfShown, "kpp", method(&["bank_account", "ru", "kpp"])),
    name("recipient name", method(&["bank_account", "ru", "full_name"])),
    // What is behind the token, the command does not know.
    ignored("account number", method(&["bank_account", "ru", "account"])),
    ignored("description", method(&["bank_account", "ru", "description"])),
];

pub(super) static ACCOUNT_BY_NUMBER: &[Field] = &[
    field(Rule::IfShown, "bank account system", method(&["bank_account", "system_type"])),
    field(Rule::IfShown, "account number", method(&["bank_account", "ru", "account"])),
    field(Rule::IfShown, "bik", method(&["bank_account", "ru", "bik"])),
    field(Rule::IfShown, "inn", method(&["bank_account", "ru", "inn"])),
    field(Rule::IfShown, "kpp", method(&["bank_account", "ru", "kpp"])),
    name("recipient name", method(&["bank_account", "ru", "full_name"])),
    ignored("account token", method(&["bank_account", "ru", "token"])),
    ignored("description", method(&["bank_account", "ru", "description"])),
];

pub(super) static FASTER_PAYMENTS: &[Field] = &[
    field(Rule::IfShown, "bank account system", method(&["bank_account", "system_type"])),
    field(Rule::IfShown, "phone", method(&["bank_account", "faster_payment_system", "phone"])),
    field(
        Rule::IfShown,
        "recipient bank",
        method(&["bank_account", "faster_payment_system", "bank_id"]),
    ),
    ignored("description", method(&["bank_account", "faster_payment_system", "description"])),
];

pub(super) static YOOMONEY: &[Field] = &[
    field(Rule::IfShown, "wallet type", method(&["wallet", "type"])),
    field(Rule::IfShown, "wallet account", method(&["wallet", "yoomoney", "account"])),
];

/// How the bank shows the details of what it adds is not known: only the kind is compared.
pub(super) static NEWER: &[Field] = &[
    field(Rule::IfShown, "bank account system", method(&["bank_account", "system_type"])),
    field(Rule::IfShown, "wallet type", method(&["wallet", "type"])),
];

/// Beside the method's own, for what a settlement account pays: whose account pays whom.
pub(super) static SETTLEMENT: &[Field] = &[
    Field {
        name: "confirm_information's sender account",
        shown: information(&["account_details", "sender", "account_number"]),
        asked: Some(participants(&["sender", "account"])),
        rule: Rule::Must,
        compare: Compare::Exact,
    },
    Field {
        name: "confirm_information's recipient name",
        shown: information(&["account_details", "recipient", "name"]),
        asked: Some(method(&["bank_account", "ru", "full_name"])),
        rule: Rule::Must,
        compare: Compare::Words,
    },
    Field {
        name: "confirm_information's recipient name",
        shown: information(&["account_details", "recipient", "name"]),
        asked: Some(participants(&["recipient", "full_name"])),
        rule: Rule::MustIfAsked,
        compare: Compare::Words,
    },
    recipient(
        "confirm_information's recipient account",
        &["account_details", "recipient", "account_number"],
        &["bank_account", "ru", "account"],
    ),
    recipient(
        "confirm_information's recipient bik",
        &["account_details", "recipient", "bik"],
        &["bank_account", "ru", "bik"],
    ),
    recipient(
        "confirm_information's recipient inn",
        &["account_details", "recipient", "inn"],
        &["bank_account", "ru", "inn"],
    ),
    recipient(
        "confirm_information's recipient kpp",
        &["account_details", "recipient", "kpp"],
        &["bank_account", "ru", "kpp"],
    ),
    ignored("recipient bank name", information(&["account_details", "recipient", "bank_name"])),
    ignored(
        "recipient correspondent account",
        information(&["account_details", "recipient", "correspondent_account_number"]),
    ),
    ignored("own name", information(&["account_details", "sender", "name"])),
    ignored("own bank name", information(&["account_details", "sender", "bank_name"])),
    ignored("own bik", information(&["account_details", "sender", "bik"])),
    ignored(
        "own correspondent account",
        information(&["account_details", "sender", "correspondent_account_number"]),
    ),
    ignored("own inn", information(&["account_details", "sender", "inn"])),
    ignored("own kpp", information(&["account_details", "sender", "kpp"])),
];

/// The same place in the command and in what the bank shows.
const fn field(rule: Rule, name: &'static str, place: Place) -> Field {
    Field { name, shown: place, asked: Some(place), rule, compare: Compare::Exact }
}

const fn name(name: &'static str, place: Place) -> Field {
    Field { name, shown: place, asked: Some(place), rule: Rule::IfShown, compare: Compare::Words }
}

const fn expected(name: &'static str, shown: Place, asked: Part) -> Field {
    let asked = Some(at(asked, &[]));
    Field { name, shown, asked, rule: Rule::MustIfAsked, compare: Compare::Exact }
}

const fn recipient(
    name: &'static str,
    shown: &'static [&'static str],
    asked: &'static [&'static str],
) -> Field {
    let (shown, asked) = (information(shown), Some(method(asked)));
    Field { name, shown, asked, rule: Rule::IfShown, compare: Compare::Exact }
}

const fn ignored(name: &'static str, shown: Place) -> Field {
    Field { name, shown, asked: None, rule: Rule::Ignored, compare: Compare::Exact }
}

const fn method(path: &'static [&'static str]) -> Place {
    at(Part::Method, path)
}

const fn participants(path: &'static [&'static str]) -> Place {
    at(Part::Participants, path)
}

const fn information(path: &'static [&'static str]) -> Place {
    at(Part::Information, path)
}

const fn at(part: Part, path: &'static [&'static str]) -> Place {
    Place { part, path }
}
