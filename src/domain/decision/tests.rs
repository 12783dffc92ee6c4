//! The gate: each field by itself.

use serde_json::{Value, json};

use super::super::samples::*;
use super::*;
use crate::domain::json::Raw;
use crate::domain::money::{Currency, Money};
use crate::domain::session::BankPayout;

fn verdict(session: &Session) -> Verdict {
    decide(&command(&settlement_command()), session, at(10))
}

fn reason(verdict: Verdict) -> String {
    match verdict {
        Verdict::Cancel { reason } => reason,
        other => panic!("not cancelled: {other:?}"),
    }
}

fn with(change: impl FnOnce(&mut BankPayout)) -> Session {
    let mut session = awaiting();
    change(&mut session.payouts[0]);
    session
}

#[test]
fn what_agrees_is_confirmed() {
    assert_eq!(verdict(&awaiting()), Verdict::Confirm);
}

#[test]
fn each_field_that_disagrees_cancels_and_is_named() {
    let rub = |amount| {
        let currency = Currency::try_from("RUB".to_owned()).expect("valid");
        Some(Money { amount, currency })
    };
    let usd = Currency::try_from("usd".to_owned()).expect("valid");
    let ru = |p: &mut BankPayout, key: &str, value: Value| {
        p.payment_method["bank_account"]["ru"][key] = value;
    };
    let mut foreign = awaiting();
    foreign.payout_id = Some("inv-2".parse().expect("valid"));
    let cases: [(&str, Session); 13] = [
        ("payout id in the metadata", foreign),
        ("details that cannot be read", with(|p| p.payment_method = json!("unreadable"))),
        ("details that cannot be read", with(|p| p.participants = json!([1]))),
        ("sender account", with(|p| p.participants["sender"] = json!({"account": []}))),
        ("amount (not shown), currency (not shown)", with(|p| p.money = None)),
        ("amount", with(|p| p.money = rub(300_001))),
        ("amount", with(|p| p.money = rub(299_999))),
        ("currency", with(|p| p.money = Some(Money { amount: 300_000, currency: usd }))),
        ("payment method", with(|p| p.payment_method["type"] = json!("card"))),
        ("account token", with(|p| ru(p, "token", json!("other")))),
        ("account token", with(|p| ru(p, "token", json!(7)))),
        ("recipient name", with(|p| ru(p, "full_name", json!("Victor LLC")))),
        ("sender account", with(|p| p.participants["sender"]["account"] = json!("1"))),
    ];
    for (field, session) in cases {
        assert_eq!(reason(verdict(&session)), format!("differs from the command: {field}"));
    }
}

#[test]
fn what_is_not_shown_or_decides_nothing_does_not_matter() {
    let same: [Session; 5] = [
        with(|p| {
            p.money.as_mut().expect("shown").currency = "RUB".to_owned().try_into().expect("ok")
        }),
        with(|p| p.payment_method = Value::Null),
        with(|p| p.participants = Value::Null),
        with(|p| p.payment_method["bank_account"]["ru"]["description"] = json!("other")),
        with(|p| p.payment_method["bank_account"]["ru"]["full_name"] = json!(" vector   LLC ")),
    ];
    for session in same {
        assert!(matches!(verdict(&session), Verdict::Confirm));
    }
}

#[test]
fn settlement_payouts_need_information_that_agrees() {
    let with_information = |text: &str| {
        let mut session = awaiting();
        session.confirm_information = Raw::parse(text);
        session
    };
    let mut without = awaiting();
    without.confirm_information = None;
    assert_eq!(verdict(&without), Verdict::NeedsInformation);
    let other_sender = settlement_information().text().replace("0013", "0014");
    let other_recipient = settlement_information().text().replace("Vector", "Victor");
    for (text, field) in [
        (other_sender.as_str(), "confirm_information's sender account"),
        (other_recipient.as_str(), "confirm_information's recipient name"),
    ] {
        let found = reason(verdict(&with_information(text)));
        assert_eq!(found, format!("differs from the command: {field}"));
    }
    // Also if the command names neither: the object must be what the bank's pages describe.
    let mut silent = command(&settlement_command());
    (silent.participants, silent.payment_method) = (Value::Null, Value::Null);
    let found = reason(decide(&silent, &with_information("{}"), at(10)));
    assert!(found.contains("sender account (not shown)"), "{found}");
    assert!(found.contains("recipient name (not shown)"), "{found}");
    for text in ["[1]", "{\"a\":1,\"a\":2}"] {
        let found = reason(decide(&silent, &with_information(text), at(10)));
        assert!(found.ends_with("details that cannot be read"), "{found}");
    }
}

/// What the bank adds beside the fields that are compared may fit no type of this program.
#[test]
fn information_with_what_nobody_can_read_beside_its_fields_is_confirmed() {
    let odd = settlement_information().text().replace("1.50", "[1e999, 98765432109876543210.5]");
    let mut session = awaiting();
    session.confirm_information = Raw::parse(&odd);
    assert_eq!(verdict(&session), Verdict::Confirm);
}

#[test]
fn whom_the_number_pays_has_to_agree_in_the_information_too() {
    let mut value = settlement_command();
    value["payment_method"]["bank_account"]["ru"] = json!({
        "bik": "044525974", "account": "40702810500000000001", "inn": "1111111111",
        "kpp": "156605101", "full_name": "Vector LLC", "description": "Agreement 5"});
    let asked = command(&value);
    let said = |account: &str, bik: &str, inn: &str, kpp: &str| {
        let mut session = with(|p| p.payment_method = asked.payment_method.clone());
        let information = json!({"account_details": {
            "sender": {"account_number": "40702810300200000013"},
            "recipient": {"name": "VECTOR LLC", "account_number": account, "bik": bik, "inn": inn,
                "kpp": kpp}}});
        session.confirm_information = Raw::of(&information).ok();
        decide(&asked, &session, at(10))
    };
    let same = said("40702810500000000001", "044525974", "1111111111", "156605101");
    assert!(matches!(same, Verdict::Confirm), "{same:?}");
    let other = reason(said("40702810500000000002", "044525975", "1111111112", "156605102"));
    let recipients = ["account", "bik", "inn", "kpp"]
        .map(|field| format!("confirm_information's recipient {field}"));
    assert_eq!(other, format!("differs from the command: {}", recipients.join(", ")));
}

/// Its name stands where that of every method may stand.
#[test]
fn a_name_to_be_paid_by_phone_has_to_agree_in_the_information_too() {
    let mut value = settlement_command();
    value["payment_method"] = json!({"type": "bank_account", "bank_account": {
        "system_type": "faster_payment_system",
        "faster_payment_system": {
            "phone": "79680000000", "bank_id": "100000000069", "description": "x",
        },
    }});
    value["participant_details"]["recipient"] = json!({"full_name": "Ivanov Ivan"});
    let asked = command(&value);
    let shown = |name: &str| {
        let mut session = awaiting();
        session.payouts[0].payment_method = value["payment_method"].clone();
        session.payouts[0].participants = Value::Null;
        let text = settlement_information().text().replace("Vector LLC", name);
        session.confirm_information = Raw::parse(&text);
        decide(&asked, &session, at(10))
    };
    assert_eq!(shown("IVANOV Ivan"), Verdict::Confirm);
    assert!(reason(shown("Petrov Petr")).ends_with("recipient name"));
}

#[test]
fn digits_that_the_caller_expects_must_be_shown() {
    let mut value = json!({
        "type": "payout.create", "payout_id": "inv-2",
        "payment_method": {"type": "card", "card": {
            "type": "encrypted_card", "encrypted_card": {"number_hash": "63191f"}}},
        "amount_details": {"amount": 300_000, "currency": "rub"},
    });
    let shown = |last4: Value| {
        with(|p| {
            p.payment_method = json!({"type": "card", "card": {"last4": last4, "bin": "220024"}});
            p.participants = Value::Null;
        })
    };
    let decide = |value: &Value, session: &Session| decide(&command(value), session, at(10));
    assert!(matches!(decide(&value, &shown(json!("4940"))), Verdict::Confirm));
    value["expected"] = json!({"last4": "4940", "bin": "220024"});
    assert!(matches!(decide(&value, &shown(json!("4940"))), Verdict::Confirm));
    assert!(reason(decide(&value, &shown(json!("4941")))).ends_with("last4"));
    assert!(reason(decide(&value, &shown(Value::Null))).ends_with("last4 (not shown)"));
    value["expected"] = json!({"bin": "220025"});
    assert!(reason(decide(&value, &shown(json!("4940")))).ends_with("bin"));
}

#[test]
fn a_session_without_exactly_one_payout_is_cancelled() {
    let mut two = awaiting();
    two.payouts.push(two.payouts[0].clone());
    assert!(reason(verdict(&two)).contains("exactly one"));
    two.payouts.clear();
    assert!(reason(verdict(&two)).contains("exactly one"));
}

#[test]
fn reasons_name_fields_and_never_values() {
    let session = with(|p| {
        p.payment_method["bank_account"]["ru"]["full_name"] = json!("Petrov Petr");
        p.payment_method["bank_account"]["ru"]["token"] = json!("aabbcc");
    });
    let reason = reason(verdict(&session));
    for secret in ["Petrov", "Vector", "aabbcc", "3f03ee"] {
        assert!(!reason.contains(secret), "{reason}");
    }
}
