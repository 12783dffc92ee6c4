//! The bank's other payment methods, receipts, the names of API v2, and information that is dictated.

use serde_json::{Value, json};

use super::rig::{CARD_START, Counter, PROCESSING, RKO_START, json_of, start_body};
use crate::simulator::book::{self, Book};
use crate::simulator::{BankKind, Naming};

fn by_number() -> Value {
    json!({"type": "bank_account", "bank_account": {"system_type": "ru", "ru": {
        "bik": "044525974", "account": "40817810400003869535", "full_name": "Ivanov Ivan Ivanovich",
        "description": "Wire for agreement № 5015553111"}}})
}

fn by_phone() -> Value {
    json!({"type": "bank_account", "bank_account": {"system_type": "faster_payment_system",
        "faster_payment_system": {"phone": "70000000000", "bank_id": "100000000111",
            "description": "Service fee"}}})
}

fn wallet() -> Value {
    json!({"type": "wallet", "wallet": {"type": "yoomoney",
        "yoomoney": {"account": "410012411727100"}}})
}

fn receipt() -> Value {
    json!({"professional_income_taxpayer": {"tax_reference": "123456789012", "payer_type": "legal",
        "payer_tax_number": "3316004777", "payer_name": "OOO Vector",
        "services": [{"name": "Goods delivery",
            "amount_details": {"amount": 5000, "currency": "rub"}, "quantity": 2}]}})
}

/// One of the bank's example starts with another method.
fn start(example: &str, session: &str, method: &Value) -> String {
    let mut body: Value =
        serde_json::from_str(&start_body(example, session, 10_000)).expect("JSON");
    body["payment_method"] = method.clone();
    body.to_string()
}

#[test]
fn each_method_is_paid_once_and_shown_as_it_was_sent() {
    let mut counter = Counter::open(BankKind::default());
    for (rko, method) in [
        (false, by_number()),
        (true, by_number()),
        (false, by_phone()),
        (true, by_phone()),
        (false, wallet()),
    ] {
        let id = counter.session(rko);
        let (call, example) = if rko {
            ("session/start/payout/rko", RKO_START)
        } else {
            ("session/start/payout", CARD_START)
        };
        let answer = counter.call(call, &start(example, &id, &method));
        assert_eq!(answer.code, "ok", "{}", answer.body);
        counter.pass(PROCESSING);
        let (kind, body) = counter.webhooks().remove(0);
        assert_eq!(kind, "ready_to_confirm");
        let webhook: Value = serde_json::from_str(&body).expect("JSON");
        assert_eq!(webhook["session"]["payments"][0]["payment_method"], method);
        let information = webhook["confirm_information"].clone();
        assert_eq!(information.is_object(), rko);
        let confirm = match rko {
            true => format!(
                r#"{{"session_id":"{id}","confirm_information":{}}}"#,
                written(&body, "confirm_information")
            ),
            false => json!({ "session_id": id }).to_string(),
        };
        assert_eq!(counter.call("session/confirm", &confirm).code, "ok");
        counter.pass(PROCESSING);
        counter.webhooks();
    }
    assert_eq!(counter.paid(), [10_000; 5]);
}

/// A field of a body as it is written there.
fn written(body: &str, field: &str) -> String {
    use std::collections::BTreeMap;
    let fields: BTreeMap<String, Box<serde_json::value::RawValue>> =
        serde_json::from_str(body).expect("an object");
    fields[field].get().to_owned()
}

#[test]
fn a_method_without_what_it_needs_is_refused() {
    let counter = Counter::open(BankKind::default());
    let id = counter.session(false);
    for (method, path) in [
        (by_number(), "/bank_account/ru/bik"),
        (by_number(), "/bank_account/ru/account"),
        (by_phone(), "/bank_account/faster_payment_system/phone"),
        (by_phone(), "/bank_account/faster_payment_system/bank_id"),
        (wallet(), "/wallet/yoomoney/account"),
        (wallet(), "/wallet/yoomoney"),
    ] {
        let mut method = method;
        *method.pointer_mut(path).expect("there") = Value::Null;
        let answer = counter.call("session/start/payout", &start(CARD_START, &id, &method));
        assert_eq!(answer.code, "invalid_request", "{path}");
    }
    assert_eq!(counter.call("session/start/payout", &start(CARD_START, &id, &wallet())).code, "ok");
    let rko = counter.session(true);
    let answer = counter.call("session/start/payout/rko", &start(RKO_START, &rko, &wallet()));
    assert_eq!(answer.code, "invalid_request", "a settlement account pays to no wallet");
}

#[test]
fn a_receipt_has_calls_of_its_own_and_is_shown_as_it_was_sent() {
    let mut counter = Counter::open(BankKind::default());
    let id = counter.session(false);
    let plain = start_body(CARD_START, &id, 10_000);
    let with_receipt = format!(
        r#"{},"fiscalization_details": {}}}"#,
        plain.strip_suffix('}').expect("an object"),
        receipt()
    );
    let empty = plain.replacen('{', r#"{"fiscalization_details":{},"#, 1);
    let own = "session/start/payout/fiscalization";
    for (call, body) in [("session/start/payout", &with_receipt), (own, &plain), (own, &empty)] {
        assert_eq!(counter.call(call, body).code, "invalid_request", "{call}");
    }
    assert_eq!(counter.call(own, &with_receipt).code, "ok");
    counter.pass(PROCESSING);
    let (_, body) = counter.webhooks().remove(0);
    assert!(body.contains(&receipt().to_string()), "{body}");
    assert_eq!(counter.status(&id)["session"]["payments"][0]["fiscalization_details"], receipt());
    counter.confirm(&id);
    counter.pass(PROCESSING);
    let init = counter.call("session/init/payout/fiscalization", &with_receipt);
    let session = &json_of(&init)["session"];
    assert_eq!(session["payments"][0]["fiscalization_details"], receipt());
    assert_eq!(counter.paid(), [10_000]);
}

#[test]
fn answers_and_webhooks_bear_the_names_of_v2_if_wanted() {
    for naming in [Naming::V1, Naming::V2] {
        let mut counter = Counter::open(BankKind { naming, ..BankKind::default() });
        let (list, method, not_list, not_method) = match naming {
            Naming::V1 => ("payments", "payment_method", "payout_list", "payout_details"),
            Naming::V2 => ("payout_list", "payout_details", "payments", "payment_method"),
        };
        for rko in [false, true] {
            let id = counter.started(rko, 10_000);
            counter.pass(PROCESSING);
            let (_, body) = counter.webhooks().remove(0);
            let webhook: Value = serde_json::from_str(&body).expect("JSON");
            for session in [&webhook["session"], &counter.status(&id)["session"]] {
                assert!(session[list][0][method].is_object(), "{session}");
                assert!(session[not_list].is_null() && session[list][0][not_method].is_null());
            }
        }
    }
}

#[test]
fn information_that_is_dictated_has_to_come_back_byte_for_byte() {
    let mut counter = Counter::open(BankKind::default());
    let dictated = "{ \"n\":1E+999,\t\"a\" : \"\\u0416\\/Ж\" }";
    counter.bank.book.write(|book| book::dictate_information(book, Some(dictated))).expect("kept");
    let id = counter.started(true, 10_000);
    counter.pass(PROCESSING);
    let (_, body) = counter.webhooks().remove(0);
    assert!(body.ends_with(&format!("\"confirm_information\":{dictated}}}")), "{body}");
    let confirm = |information: &str| {
        let body = format!(r#"{{"session_id":"{id}","confirm_information":{information}}}"#);
        counter.call("session/confirm", &body).code
    };
    for other in [
        dictated.replace('\t', " "),
        dictated.replace("1E+999", "1e+999"),
        dictated.replace("\\/", "/"),
        dictated.replace("\\u0416", "Ж"),
    ] {
        assert_eq!(confirm(&other), "invalid_request", "{other}");
    }
    assert_eq!(confirm(dictated), "ok");
    counter.bank.book.write(|book| book::dictate_information(book, None)).expect("kept");
    assert_eq!(counter.bank.book.read(book::dictated_information).expect("read"), None);
}

#[test]
fn a_file_of_an_earlier_simulator_is_gone_on_with() {
    let data = tempfile::tempdir().expect("a directory");
    let path = data.path().join("bank.sqlite");
    let old = rusqlite::Connection::open(&path).expect("a file");
    Book::open(&path).expect("a book");
    old.execute("ALTER TABLE payouts DROP COLUMN fiscalization", []).expect("as it was");
    let book = Book::open(&path).expect("an old book");
    let columns = "SELECT count(*) FROM payouts WHERE fiscalization IS NULL";
    let rows: i64 = book.read(|book| book.query_row(columns, [], |row| row.get(0))).expect("there");
    assert_eq!(rows, 0);
}
