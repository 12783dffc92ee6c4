//! What the rules say, and that each answer has its reason.

use serde_json::json;

use super::super::money::Currency;
use super::super::samples::*;
use super::*;
use crate::domain::json::Raw;
use crate::domain::recipient::Kind;

fn amounts(of: &[(&str, i64)]) -> Amounts {
    let money = |(code, amount): &(&str, i64)| Money {
        amount: *amount,
        currency: Currency::try_from((*code).to_owned()).expect("a code"),
    };
    of.iter().map(money).collect()
}

fn paying(amount: i64, currency: &str) -> CreateCommand {
    let mut value = settlement_command();
    value["amount_details"] = json!({"amount": amount, "currency": currency});
    command(&value)
}

fn word(ruling: &Ruling) -> &'static str {
    match ruling {
        Ruling::Allowed => "allowed",
        Ruling::Review(_) => "review",
        Ruling::Forbidden(_) => "forbidden",
    }
}

#[test]
fn a_largest_amount_holds_for_its_currency_and_closes_the_others() {
    let rules = Rules { amount_max: amounts(&[("rub", 500)]), ..rules() };
    for (amount, currency, expected) in [
        (500, "rub", "allowed"),
        (500, "RUB", "allowed"),
        (501, "rub", "forbidden"),
        (1, "usd", "forbidden"),
    ] {
        assert_eq!(word(&rules.judge(&paying(amount, currency))), expected, "{amount} {currency}");
    }
}

#[test]
fn only_the_currencies_named_are_allowed() {
    let rules = Rules { currencies: vec!["rub".into(), "usd".into()], ..rules() };
    for (currency, expected) in [("RUB", "allowed"), ("usd", "allowed"), ("eur", "forbidden")] {
        assert_eq!(word(&rules.judge(&paying(1, currency))), expected, "{currency}");
    }
}

#[test]
fn above_its_amount_and_in_other_currencies_a_person_is_asked() {
    let rules = Rules { review_above: Some(amounts(&[("rub", 500)])), ..rules() };
    for (amount, currency, expected) in
        [(500, "rub", "allowed"), (501, "rub", "review"), (1, "usd", "review")]
    {
        assert_eq!(word(&rules.judge(&paying(amount, currency))), expected, "{amount} {currency}");
    }
    let all = Rules { review_above: Some(Amounts::default()), ..super::super::samples::rules() };
    assert_eq!(word(&all.judge(&paying(1, "rub"))), "review");
}

#[test]
fn a_denied_recipient_is_found_however_the_name_is_spelled() {
    let salt = || SecretString::from("0123456789abcdef0123456789abcdef");
    let name = Identifier::new(Kind::Name, "VECTOR   llc");
    let denied = Denied::new(salt(), [Denied::hash(&salt(), &name)]);
    let rules = Rules { denied, ..rules() };
    let Ruling::Forbidden(reason) = rules.judge(&paying(1, "rub")) else { panic!("allowed") };
    assert!(!reason.to_lowercase().contains("vector"), "{reason}");
    assert!(format!("{rules:?}").contains("Denied(1)"));
    let other_salt = SecretString::from("another salt of thirty-two characters");
    let elsewhere = Denied::new(other_salt, [Denied::hash(&salt(), &name)]);
    let rules = Rules { denied: elsewhere, ..super::super::samples::rules() };
    assert_eq!(
        word(&rules.judge(&paying(1, "rub"))),
        "allowed",
        "a hash is nothing without its salt"
    );
}

fn denying(kind: Kind, value: &str) -> Rules {
    let salt = || SecretString::from("0123456789abcdef0123456789abcdef");
    let denied = Denied::new(salt(), [Denied::hash(&salt(), &Identifier::new(kind, value))]);
    Rules { denied, ..rules() }
}

#[test]
fn what_the_bank_writes_beside_a_denied_account_does_not_hide_it() {
    let rules = denying(Kind::Account, "40702810500000000001");
    let command = paying(1, "rub");
    let shown = |information: &str| Session {
        confirm_information: Some(Raw::parse(information).expect("JSON")),
        ..awaiting()
    };
    let judged = |information: &str| word(&rules.judge_shown(&command, &shown(information)));
    let recipient =
        |rest: &str| format!(r#"{{"newer":1E+999,"account_details":{{"recipient":{{{rest}}}}}}}"#);
    assert_eq!(judged(&recipient(r#""account_number":"40702810500000000001""#)), "forbidden");
    assert_eq!(judged(&recipient(r#""account_number":"40702810500000000002""#)), "allowed");
    assert_eq!(judged(&recipient(r#""account_number":40702810500000000001"#)), "forbidden");
    assert_eq!(judged(r#"{"account_details":[]}"#), "forbidden", "nobody can tell");
    assert_eq!(judged(r#"{"account_details":null}"#), "allowed");
    assert_eq!(
        word(&super::super::samples::rules().judge_shown(&command, &shown("[]"))),
        "allowed",
        "nobody is denied"
    );
}

/// A token says nothing of the account behind it; the bank may show it in the payout.
#[test]
fn a_recipient_that_the_bank_shows_in_the_payout_is_denied_too() {
    let rules = denying(Kind::Account, "40702810500000000001");
    let command = command(&settlement_command());
    let judged = |account: serde_json::Value| {
        let mut session = awaiting();
        session.payouts[0].payment_method["bank_account"]["ru"]["account"] = account;
        word(&rules.judge_shown(&command, &session))
    };
    assert_eq!(judged(json!("40702810500000000001")), "forbidden");
    assert_eq!(judged(json!("40702810500000000002")), "allowed");
    assert_eq!(judged(json!(7)), "forbidden", "nobody can tell");
    assert_eq!(judged(json!(null)), "allowed");
}

#[test]
fn somebody_self_employed_is_known_by_the_tax_number_on_the_receipt() {
    let mut value = json!({
        "type": "payout.create", "payout_id": "inv-1",
        "payment_method": {"type": "card", "card": {"type": "encrypted_card",
            "encrypted_card": {"number_hash": "63191fa1"}}},
        "amount_details": {"amount": 1, "currency": "rub"},
    });
    value["fiscalization_details"] = json!({"professional_income_taxpayer": {
        "tax_reference": "123456789012",
        "services": [{"name": "Goods", "amount_details": {"amount": 1, "currency": "rub"}}]}});
    let judged = |number| word(&denying(Kind::Inn, number).judge(&command(&value)));
    assert_eq!(judged("123456789012"), "forbidden");
    assert_eq!(judged("123456789013"), "allowed");
}
