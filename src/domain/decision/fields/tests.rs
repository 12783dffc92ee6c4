//! The gate's table: drawn for the documentation, and each of its rows put to the test by itself.

use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::json;

use super::super::super::id::SessionId;
use super::super::super::json::Raw;
use super::super::super::money::{Currency, Money};
use super::super::super::samples::{at, command};
use super::super::super::session::{BankPayout, PayoutStatus, Session, SessionStatus};
use super::super::compare::{Found, asked};
use super::super::{Verdict, decide};
use super::*;

/// Each family with what the documentation calls it.
const FAMILIES: [(&str, Family); 7] = [
    ("card by hash", Family::CardByHash),
    ("card by token", Family::CardByToken),
    ("account by token", Family::AccountByToken),
    ("account by number", Family::AccountByNumber),
    ("FPS by phone", Family::FasterPayments),
    ("YooMoney wallet", Family::YooMoney),
    ("anything newer", Family::Newer),
];

fn groups() -> Vec<(&'static str, &'static [Field])> {
    let mut groups = vec![("every method", EVERY)];
    groups.extend(FAMILIES.map(|(name, family)| (name, family.fields())));
    groups.push(("settlement account", SETTLEMENT));
    groups
}

fn written(place: Place, shown: bool) -> String {
    let (part, path) = match place.part {
        Part::Amount => ("amount_details.amount", None),
        Part::Currency => ("amount_details.currency", None),
        Part::PayoutId if shown => ("metadata.payout_id", None),
        Part::PayoutId => ("payout_id", None),
        Part::ExpectedLast4 => ("expected.last4", None),
        Part::ExpectedBin => ("expected.bin", None),
        Part::Method => ("payment_method", Some(place.path)),
        Part::Participants => ("participant_details", Some(place.path)),
        Part::Information => ("confirm_information", Some(place.path)),
        Part::Unread => return format!("`{}`", place.path.join(".")),
    };
    match path {
        Some(path) => format!("`{part}.{}`", path.join(".")),
        None => format!("`{part}`"),
    }
}

/// The table of `docs/bank131.md`, made from the code.
fn table() -> String {
    let mut out =
        String::from("| method | the bank shows | the command says | |\n|---|---|---|---|\n");
    for (group, fields) in groups() {
        for field in fields {
            let shown = written(field.shown, true);
            let asked = field.asked.map_or("–".to_owned(), |place| written(place, false));
            let rule = match field.rule {
                Rule::Must => "must be shown and match",
                Rule::MustIfAsked => "must be shown and match if the command says it",
                Rule::IfShown => "must match if shown",
                Rule::Ignored => "ignored",
            };
            let aside = match field.compare {
                Compare::Exact => "",
                Compare::Words => "; letter case and spaces aside",
            };
            out.push_str(&format!("| {group} | {shown} | {asked} | {rule}{aside} |\n"));
        }
    }
    out
}

#[test]
fn the_documented_table_of_the_gate_is_the_codes() {
    let documented = include_str!("../../../../docs/bank131.md");
    let table = table();
    assert!(documented.contains(&table), "docs/bank131.md should hold:\n\n{table}");
}

/// Commands that between them say everything that any row compares.
fn written_commands() -> Vec<(Family, Value)> {
    let ru = |details: Value| {
        json!({"type": "bank_account", "bank_account":
        {"system_type": "ru", "ru": details}})
    };
    let token = json!({"token": "3f03ee", "bik": "044525974", "inn": "1111111111",
        "kpp": "156605101", "full_name": "Vector LLC", "description": "Agreement 5"});
    let number = json!({"account": "40702810500000000001", "bik": "044525974",
        "inn": "1111111111", "kpp": "156605101", "full_name": "Vector LLC",
        "description": "Agreement 5"});
    let methods = [
        (
            Family::CardByHash,
            json!({"type": "card", "card": {"type": "encrypted_card",
            "encrypted_card": {"number_hash": "63191fa1"}}}),
        ),
        (
            Family::CardByToken,
            json!({"type": "card", "card": {"type": "tokenized_card",
            "tokenized_card": {"token": "a1b2c3"}}}),
        ),
        (Family::AccountByToken, ru(token)),
        (Family::AccountByNumber, ru(number)),
        (
            Family::FasterPayments,
            json!({"type": "bank_account", "bank_account": {
            "system_type": "faster_payment_system", "faster_payment_system": {
                "phone": "70000000000", "bank_id": "100000000111", "description": "Service"}}}),
        ),
        (
            Family::YooMoney,
            json!({"type": "wallet", "wallet": {"type": "yoomoney",
            "yoomoney": {"account": "410012411727100"}}}),
        ),
        (
            Family::Newer,
            json!({"type": "bank_account", "bank_account": {
            "system_type": "kz", "kz": {"iban": "KZ75125KZT1001300335"}}}),
        ),
        (Family::Newer, json!({"type": "wallet", "wallet": {"type": "newer", "newer": {}}})),
        (Family::Newer, json!({"type": "tax", "tax": {"type": "tax_short"}})),
    ];
    let of = |(family, method): (Family, Value)| {
        ["collateral", "settlement"].map(|account| {
            let mut command = json!({
                "type": "payout.create", "payout_id": "inv-1", "account": account,
                "payment_method": method, "amount_details": {"amount": 300_000, "currency": "rub"},
                "participant_details": {"recipient": {"full_name": "Vector LLC"},
                    "sender": {"account": "40702810300200000013", "full_name": "ABC LLC"}},
            });
            if method["type"] == "card" {
                command["expected"] = json!({"last4": "4940", "bin": "220024"});
            }
            (family, command)
        })
    };
    let from_collateral_only = |command: &Value| {
        let method = &command["payment_method"];
        (method["type"] == "card" || method["wallet"]["type"] == "yoomoney")
            && command["account"] == "settlement"
    };
    methods.into_iter().flat_map(of).filter(|(_, c)| !from_collateral_only(c)).collect()
}

/// The same, read once, each with what the bank shows of it.
static SAMPLES: LazyLock<Vec<(CreateCommand, Session)>> = LazyLock::new(|| {
    let commands = written_commands().into_iter().map(|(_, value)| command(&value));
    commands.map(|command| (command.clone(), shown(&command))).collect()
});

/// What the bank shows of a command that it has understood.
fn shown(command: &CreateCommand) -> Session {
    let mut method = command.payment_method.clone();
    if method["type"] == "card" {
        method["card"] = json!({"last4": "4940", "bin": "220024", "brand": "mir",
            "country_iso3": "RUS"});
    }
    let account = |number: &str, name: &str| {
        json!({"account_number": number, "name": name, "bank_name": "Bank 131",
            "bik": "044525974", "inn": "1111111111", "kpp": "156605101",
            "correspondent_account_number": "30101810822000000974"})
    };
    let information = json!({"account_details": {
        "sender": account("40702810300200000013", "ABC LLC"),
        "recipient": account("40702810500000000001", "Vector LLC")}});
    Session {
        id: SessionId::new("ps_1"),
        status: SessionStatus::InProgress,
        awaits_confirmation: true,
        payouts: vec![BankPayout {
            id: None,
            status: PayoutStatus::Pending,
            money: Some(command.money.clone()),
            payment_method: method,
            participants: command.participants.clone(),
            error: None,
        }],
        payout_id: Some(command.payout_id.clone()),
        confirm_information: (command.account == Account::Settlement)
            .then(|| Raw::of(&information).expect("JSON")),
    }
}

/// Puts a value in this place of an object, or takes away what stands there.
fn put(whole: &mut Value, path: &[&str], value: Option<Value>) {
    let (last, way) = path.split_last().expect("a field has a path");
    let object = way.iter().fold(whole, |value, key| &mut value[*key]);
    match value {
        Some(value) => object[*last] = value,
        None => {
            object.as_object_mut().and_then(|fields| fields.remove(*last));
        }
    }
}

/// Something else than what stands there, for each kind of place.
#[derive(Clone, Debug)]
struct Other {
    value: Value,
    amount: i64,
    currency: String,
    payout_id: String,
}

/// Changes what the bank shows in one place: to something else, or (`None`) to nothing. `false`:
/// nothing that the gate is given changes.
fn change(session: &mut Session, place: Place, to: Option<&Other>) -> bool {
    let payout = &mut session.payouts[0];
    let value = to.map(|other| other.value.clone());
    match (place.part, to) {
        (Part::Amount | Part::Currency, None) => payout.money = None,
        (Part::Amount, Some(other)) => {
            let money = payout.money.as_mut().expect("shown");
            money.amount = other.amount;
        }
        (Part::Currency, Some(other)) => {
            let currency = Currency::try_from(other.currency.clone()).expect("three letters");
            payout.money = payout.money.take().map(|money| Money { currency, ..money });
        }
        (Part::PayoutId, to) => {
            session.payout_id = to.map(|other| other.payout_id.parse().expect("an id"));
        }
        (Part::Method, _) => put(&mut payout.payment_method, place.path, value),
        (Part::Participants, _) => put(&mut payout.participants, place.path, value),
        (Part::Information, _) => {
            let Some(information) = &session.confirm_information else { return false };
            let mut whole: Value = information.read().expect("JSON");
            put(&mut whole, place.path, value);
            session.confirm_information = Some(Raw::of(&whole).expect("JSON"));
        }
        (Part::Unread, _) => return false,
        (Part::ExpectedLast4 | Part::ExpectedBin, _) => panic!("the command's, not the bank's"),
    }
    true
}

fn says(command: &CreateCommand, field: &Field) -> bool {
    field.asked.is_some_and(|place| matches!(asked(command, place), Found::Text(_)))
}

fn confirms(command: &CreateCommand, session: &Session) -> bool {
    matches!(decide(command, session, at(10)), Verdict::Confirm)
}

#[test]
fn each_sample_is_of_its_family_and_what_the_bank_shows_of_it_is_confirmed() {
    for (family, value) in written_commands() {
        let command = command(&value);
        assert_eq!(Family::of(&command.payment_method), family);
        assert!(confirms(&command, &shown(&command)), "{value}");
    }
}

/// A row whose field no sample says would be tested by nothing.
#[test]
fn every_row_that_compares_has_a_sample_that_says_it() {
    for (group, fields) in groups() {
        for field in fields.iter().filter(|field| field.rule != Rule::Ignored) {
            let said = SAMPLES.iter().any(|(command, _)| {
                of_command(command).any(|own| std::ptr::eq(own, field)) && says(command, field)
            });
            assert!(said, "{group}: no sample says {}", field.name);
        }
    }
}

fn any_other() -> impl Strategy<Value = Other> {
    let value = prop_oneof![
        4 => "\\PC{0,24}".prop_map(Value::from),
        1 => "[0-9]{1,20}".prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
        1 => Just(json!([])),
        1 => Just(json!({"account": "1"})),
    ];
    (value, any::<i64>(), "[A-Za-z]{3}", "[a-z0-9]{1,12}").prop_map(
        |(value, amount, currency, payout_id)| Other { value, amount, currency, payout_id },
    )
}

/// Whether the command says the very same, though by chance.
fn same(command: &CreateCommand, field: &Field, other: &Other) -> bool {
    match (field.asked.map(|place| asked(command, place)), &other.value) {
        (Some(Found::Text(asked)), Value::String(other)) => field.compare.same(&asked, other),
        (_, _) => false,
    }
}

proptest! {
    // Each case goes through every row of every sample.
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn one_field_that_has_to_match_and_does_not_is_never_confirmed(other in any_other()) {
        for (command, agreeing) in &*SAMPLES {
            for field in of_command(command).filter(|field| field.rule != Rule::Ignored) {
                let mut session = agreeing.clone();
                change(&mut session, field.shown, Some(&other));
                let differs = session != *agreeing && !same(command, field, &other);
                if says(command, field) && differs {
                    prop_assert!(!confirms(command, &session), "{} of {command:?}", field.name);
                }
            }
        }
    }

    #[test]
    fn one_field_that_is_ignored_changes_no_verdict(other in any_other()) {
        for (command, agreeing) in &*SAMPLES {
            for field in of_command(command).filter(|field| field.rule == Rule::Ignored) {
                for to in [Some(&other), None] {
                    let mut session = agreeing.clone();
                    change(&mut session, field.shown, to);
                    prop_assert!(confirms(command, &session), "{} of {command:?}", field.name);
                }
            }
        }
    }
}

#[test]
fn a_field_that_is_not_shown_matters_only_if_it_has_to_be() {
    for (command, agreeing) in &*SAMPLES {
        for field in of_command(command) {
            let mut session = agreeing.clone();
            let changed = change(&mut session, field.shown, None);
            let wanted = match field.rule {
                Rule::Must => false,
                Rule::MustIfAsked => !says(command, field),
                Rule::IfShown | Rule::Ignored => true,
            };
            assert_eq!(confirms(command, &session), wanted || !changed, "{}", field.name);
        }
    }
}
