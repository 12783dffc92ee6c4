//! The columns of a CSV file, and where in the command each cell goes.

/// All of them, in the order in which the template has them.
pub(super) const COLUMNS: [&str; 24] = [
    "payout_id",
    "account",
    AMOUNT,
    "currency",
    METHOD,
    "card_hash",
    "card_token",
    "account_token",
    "account_number",
    "bik",
    "inn",
    "kpp",
    "phone",
    "bank_id",
    "wallet",
    "full_name",
    "description",
    "sender_account",
    "expected_last4",
    "expected_bin",
    "confirm_before",
    "issued_at",
    "flow",
    METADATA,
];

pub(super) const AMOUNT: &str = "amount";
pub(super) const METHOD: &str = "method";
pub(super) const METADATA: &str = "metadata";

/// Words for people; everything else is digits, codes and times.
pub(super) const FREE_TEXT: [&str; 3] = ["full_name", "description", METADATA];

/// A column, and the JSON pointer of the field that it fills.
pub(super) type Place = (&'static str, &'static str);

/// What every payout needs.
pub(super) const REQUIRED: [Place; 4] = [
    ("payout_id", "/payout_id"),
    (AMOUNT, "/amount_details/amount"),
    ("currency", "/amount_details/currency"),
    (METHOD, "/payment_method"),
];

/// What every payout may have.
const OPTIONAL: [Place; 6] = [
    ("account", "/account"),
    ("sender_account", "/participant_details/sender/account"),
    ("confirm_before", "/confirm_before"),
    ("issued_at", "/issued_at"),
    ("flow", "/flow"),
    (METADATA, "/metadata"),
];

/// A value of the column `method`.
#[derive(Debug)]
pub(super) struct Method {
    pub(super) name: &'static str,
    /// Fields that tell the bank which method it is: pointer and value.
    pub(super) marks: &'static [(&'static str, &'static str)],
    pub(super) required: &'static [Place],
    optional: &'static [Place],
}

const LAST4: Place = ("expected_last4", "/expected/last4");
const BIN: Place = ("expected_bin", "/expected/bin");
const RECIPIENT_NAME: Place = ("full_name", "/participant_details/recipient/full_name");
const ACCOUNT_NAME: Place = ("full_name", "/payment_method/bank_account/ru/full_name");
const ACCOUNT_DESCRIPTION: Place = ("description", "/payment_method/bank_account/ru/description");
const INN: Place = ("inn", "/payment_method/bank_account/ru/inn");
const KPP: Place = ("kpp", "/payment_method/bank_account/ru/kpp");

const CARD: (&str, &str) = ("/payment_method/type", "card");
const ACCOUNT: (&str, &str) = ("/payment_method/type", "bank_account");
const WALLET: (&str, &str) = ("/payment_method/type", "wallet");

pub(super) const METHODS: [Method; 6] = [
    Method {
        name: "card_hash",
        marks: &[CARD, ("/payment_method/card/type", "encrypted_card")],
        required: &[("card_hash", "/payment_method/card/encrypted_card/number_hash")],
        optional: &[RECIPIENT_NAME, LAST4, BIN],
    },
    Method {
        name: "card_token",
        marks: &[CARD, ("/payment_method/card/type", "tokenized_card")],
        required: &[("card_token", "/payment_method/card/tokenized_card/token")],
        optional: &[RECIPIENT_NAME, LAST4, BIN],
    },
    Method {
        name: "account_token",
        marks: &[ACCOUNT, ("/payment_method/bank_account/system_type", "ru")],
        required: &[
            ("account_token", "/payment_method/bank_account/ru/token"),
            ACCOUNT_NAME,
            ACCOUNT_DESCRIPTION,
        ],
        optional: &[INN, KPP],
    },
    Method {
        name: "account_number",
        marks: &[ACCOUNT, ("/payment_method/bank_account/system_type", "ru")],
        required: &[
            ("account_number", "/payment_method/bank_account/ru/account"),
            ("bik", "/payment_method/bank_account/ru/bik"),
            ACCOUNT_NAME,
            ACCOUNT_DESCRIPTION,
        ],
        optional: &[INN, KPP],
    },
    Method {
        name: "fps",
        marks: &[ACCOUNT, ("/payment_method/bank_account/system_type", "faster_payment_system")],
        required: &[
            ("phone", "/payment_method/bank_account/faster_payment_system/phone"),
            ("bank_id", "/payment_method/bank_account/faster_payment_system/bank_id"),
            ("description", "/payment_method/bank_account/faster_payment_system/description"),
        ],
        optional: &[RECIPIENT_NAME],
    },
    Method {
        name: "yoomoney",
        marks: &[WALLET, ("/payment_method/wallet/type", "yoomoney")],
        required: &[("wallet", "/payment_method/wallet/yoomoney/account")],
        optional: &[RECIPIENT_NAME],
    },
];

impl Method {
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        METHODS.iter().find(|method| method.name == name)
    }
}

/// Where each column's cell goes in a row of this method; `None`: the method is not known.
fn places(method: Option<&'static Method>) -> impl Iterator<Item = Place> {
    let own = method.into_iter().flat_map(|method| method.required.iter().chain(method.optional));
    REQUIRED.iter().chain(&OPTIONAL).chain(own).copied()
}

/// The field that a column's cell fills; `None`: the column is for other methods.
pub(super) fn pointer(column: &str, method: Option<&'static Method>) -> Option<&'static str> {
    places(method).find(|(name, _)| *name == column).map(|(_, pointer)| pointer)
}

/// The column that fills a field, or a field below it.
pub(super) fn column(pointer: &str, method: Option<&'static Method>) -> Option<&'static str> {
    let is_below = |place: &str| {
        !pointer.is_empty() && place.strip_prefix(pointer).is_some_and(|rest| rest.starts_with('/'))
    };
    let exact = places(method).find(|(_, place)| *place == pointer);
    exact.or_else(|| places(method).find(|(_, place)| is_below(place))).map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_has_a_place_and_every_place_a_column() {
        let mut used: Vec<_> = METHODS.iter().flat_map(|method| places(Some(method))).collect();
        used.sort_unstable();
        used.dedup();
        for column in COLUMNS {
            assert!(used.iter().any(|(name, _)| *name == column), "{column} goes nowhere");
        }
        for (name, _) in used {
            assert!(COLUMNS.contains(&name), "{name} is no column");
        }
    }

    #[test]
    fn within_a_method_places_and_columns_are_the_same_both_ways() {
        for method in &METHODS {
            for (name, place) in places(Some(method)) {
                assert_eq!(pointer(name, Some(method)), Some(place), "{}", method.name);
                assert_eq!(column(place, Some(method)), Some(name), "{}", method.name);
            }
        }
    }

    #[test]
    fn the_documentation_has_every_column_and_every_method() {
        let text = include_str!("../../../docs/messages.md");
        let (_, section) = text.split_once("### CSV").expect("the section");
        let (section, _) = section.split_once("\n## ").expect("its end");
        for name in COLUMNS.into_iter().chain(METHODS.map(|method| method.name)) {
            assert!(section.contains(&format!("`{name}`")), "{name}");
        }
    }
}
