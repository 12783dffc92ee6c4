//! The life of a session, step by step, and what the bank shows of it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::rig::{
    CARD_READY, CARD_START, Counter, PROCESSING, RKO_READY, RKO_START, WINDOW, json_of, signed,
    start_body,
};
use crate::simulator::BankKind;

/// Every path in a document, without the values.
fn paths(value: &Value) -> BTreeSet<String> {
    fn walk(value: &Value, path: &str, into: &mut BTreeSet<String>) {
        into.insert(path.to_owned());
        match value {
            Value::Object(fields) => {
                fields
                    .iter()
                    .for_each(|(name, value)| walk(value, &format!("{path}/{name}"), into));
            }
            Value::Array(items) => {
                items.iter().for_each(|item| walk(item, &format!("{path}/*"), into))
            }
            _ => {}
        }
    }
    let mut into = BTreeSet::new();
    walk(value, "", &mut into);
    into
}

fn parse(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

#[test]
fn a_card_payout_goes_from_created_to_accepted_and_is_paid_once() {
    let mut counter = Counter::open(BankKind::default());
    let id = counter.session(false);
    assert_eq!(counter.status(&id)["session"]["status"], "created");
    let answer = counter.call("session/start/payout", &start_body(CARD_START, &id, 10_000));
    let session = &json_of(&answer)["session"];
    assert_eq!(session["status"], "in_progress");
    assert_eq!(session["payments"][0]["status"], "pending");
    assert_eq!(session["next_action"], Value::Null);
    assert_eq!(json_of(&counter.confirm(&id))["error"]["code"], "invalid_request", "too early");

    counter.pass(PROCESSING);
    assert_eq!(counter.status(&id)["session"]["next_action"], "confirm");
    let confirmed = json_of(&counter.confirm(&id));
    assert_eq!(confirmed["session"]["payments"][0]["status"], "in_progress");
    assert_eq!(confirmed["session"]["next_action"], Value::Null);
    assert_eq!(json_of(&counter.confirm(&id))["error"]["code"], "invalid_request", "twice");
    assert!(counter.paid().is_empty());

    counter.pass(PROCESSING);
    counter.pass(PROCESSING);
    let session = &counter.status(&id)["session"];
    assert_eq!(session["status"], "accepted");
    assert_eq!(session["payments"][0]["status"], "succeeded");
    assert_eq!(counter.paid(), [10_000]);
    let kinds: Vec<_> = counter.webhooks().into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, ["ready_to_confirm", "payment_finished"]);
}

#[test]
fn the_card_webhook_has_the_fields_of_the_banks_example_and_hides_the_hash() {
    let mut counter = Counter::open(BankKind::default());
    let id = counter.session(false);
    counter.call("session/start/payout", &start_body(CARD_START, &id, 10_000));
    counter.pass(PROCESSING);
    let (_, body) = counter.webhooks().remove(0);
    let (sent, example) = (parse(&body), parse(CARD_READY));
    assert_eq!(paths(&sent), paths(&example));
    for field in ["payment_method", "participant_details", "amount_details", "metadata"] {
        let path = format!("/session/payments/0/{field}");
        assert_eq!(sent.pointer(&path), example.pointer(&path), "{field}");
    }
    assert!(!body.contains("63191fa1"), "the hash is not shown");
    assert_eq!(sent["session"], counter.status(&id)["session"], "status shows the same");
}

#[test]
fn the_settlement_webhook_has_the_fields_of_the_banks_example() {
    let mut counter = Counter::open(BankKind::default());
    counter.started(true, 300_000);
    counter.pass(PROCESSING);
    let (_, body) = counter.webhooks().remove(0);
    let (sent, example) = (parse(&body), parse(RKO_READY));
    assert_eq!(paths(&sent), paths(&example));
    assert_eq!(sent["confirm_information"], example["confirm_information"]);
    for field in ["payment_method", "participant_details", "amount_details", "paymentMetadata"] {
        let path = format!("/session/payments/0/{field}");
        assert_eq!(sent.pointer(&path), example.pointer(&path), "{field}");
    }
}

#[test]
fn metadata_comes_back_as_given_in_the_session_and_in_the_payout() {
    let mut counter = Counter::open(BankKind::default());
    for (create, start, example, session_field, payout_field) in [
        ("session/create", "session/start/payout", CARD_START, "metadata", "metadata"),
        (
            "session/create/rko",
            "session/start/payout/rko",
            RKO_START,
            "session_metadata",
            "paymentMetadata",
        ),
    ] {
        let created = counter.call(create, r#"{"metadata":{"b":1,"a":[1.50]}}"#);
        assert!(created.body.contains(r#"{"b":1,"a":[1.50]}"#), "byte for byte");
        let id = json_of(&created)["session"]["id"].clone();
        let mut body = parse(example);
        body["session_id"] = id.clone();
        body["metadata"] = json!({"payout_id": "inv-1"});
        counter.call(start, &body.to_string());
        counter.pass(PROCESSING);
        let session = &counter.status(id.as_str().expect("an id"))["session"];
        assert_eq!(session[session_field], json!({"b": 1, "a": [1.5]}));
        assert_eq!(session["payments"][0][payout_field], json!({"payout_id": "inv-1"}));
    }
}

#[test]
fn confirm_information_has_to_come_back_byte_for_byte() {
    let mut counter = Counter::open(BankKind::default());
    let id = counter.session(true);
    let mut start = parse(RKO_START);
    start["session_id"] = id.clone().into();
    start["payment_method"]["bank_account"]["ru"]["full_name"] = "ООО «Вектор/1»".into();
    assert_eq!(counter.call("session/start/payout/rko", &start.to_string()).code, "ok");
    counter.pass(PROCESSING);
    let (_, webhook) = counter.webhooks().remove(0);
    let sent = webhook.split_once("\"confirm_information\":").expect("it is there").1;
    let sent = &sent[..sent.len() - 1];
    assert!(sent.contains("\\u041e") && sent.contains("\\/1"), "as PHP writes it: {sent}");
    assert!(
        counter.call("session/status", &json!({"session_id": id}).to_string()).body.contains(sent)
    );

    let confirm = |information: &str| {
        let body = format!(r#"{{"session_id":"{id}","confirm_information":{information}}}"#);
        counter.call("session/confirm", &body).code
    };
    assert_eq!(counter.confirm(&id).code, "invalid_request", "without it");
    assert_eq!(confirm(&parse(sent).to_string()), "invalid_request", "written anew");
    assert_eq!(confirm(sent), "ok");
}

#[test]
fn a_cancelled_payout_fails_and_is_not_paid() {
    let mut counter = Counter::open(BankKind::default());
    for rko in [false, true] {
        let id = counter.started(rko, 10_000);
        counter.pass(PROCESSING);
        let (_, webhook) = counter.webhooks().remove(0);
        let mut body = json!({"session_id": id});
        if rko {
            assert_eq!(counter.call("session/cancel", &body.to_string()).code, "invalid_request");
            let sent = webhook.split_once("\"confirm_information\":").expect("it is there").1;
            body = Value::Null;
            let text = format!(r#"{{"session_id":"{id}","confirm_information":{sent}"#);
            assert_eq!(counter.call("session/cancel", &text).code, "ok");
        }
        if body != Value::Null {
            assert_eq!(counter.call("session/cancel", &body.to_string()).code, "ok");
        }
        let session = &counter.status(&id)["session"];
        assert_eq!(session["status"], "cancelled");
        assert_eq!(session["payments"][0]["status"], "failed");
        assert!(session["payments"][0]["error"]["code"].is_string());
        assert_eq!(counter.webhooks()[0].0, "payment_finished");
        assert_eq!(counter.confirm(&id).code, "invalid_request");
    }
    counter.pass(WINDOW);
    assert!(counter.paid().is_empty());
}

#[test]
fn what_is_not_confirmed_in_time_ends_and_an_unused_session_ends_quietly() {
    let mut counter = Counter::open(BankKind::default());
    let unused = counter.session(false);
    let id = counter.started(false, 10_000);
    counter.pass(PROCESSING);
    counter.webhooks();
    counter.pass(WINDOW - 1);
    assert_eq!(counter.status(&id)["session"]["next_action"], "confirm");
    counter.pass(1);
    let session = &counter.status(&id)["session"];
    assert_eq!(session["status"], "cancelled");
    assert_eq!(session["payments"][0]["error"]["code"], "confirm_timeout");
    assert_eq!(counter.status(&unused)["session"]["status"], "cancelled");
    let webhooks = counter.webhooks();
    assert_eq!(webhooks.len(), 1, "none for the unused session");
    assert_eq!(webhooks[0].0, "payment_finished");
    let late = counter.call("session/start/payout", &start_body(CARD_START, &unused, 10_000));
    assert_eq!(late.code, "invalid_request");
}

#[test]
fn one_request_creates_and_starts() {
    let mut counter = Counter::open(BankKind::default());
    for (method, example) in
        [("session/init/payout", CARD_START), ("session/init/payout/rko", RKO_START)]
    {
        let answer = json_of(&counter.call(method, example));
        assert_eq!(answer["session"]["payments"][0]["status"], "pending");
        counter.pass(PROCESSING);
        assert_eq!(counter.webhooks()[0].0, "ready_to_confirm");
    }
}

#[test]
fn project_signature_and_body_are_checked_in_this_order() {
    let counter = Counter::open(BankKind::default());
    let tell = |change: fn(&mut crate::simulator::api::Call)| {
        let mut call = signed("session/create", "{}", None);
        change(&mut call);
        let answer = counter.bank.execute(&call, counter.now);
        (answer.http, answer.code)
    };
    assert_eq!(tell(|_| ()), (200, "ok"));
    assert_eq!(tell(|call| call.project = None), (401, "identification_error"));
    assert_eq!(tell(|call| call.project = Some("other".into())), (401, "identification_error"));
    assert_eq!(tell(|call| call.signature = None), (401, "authentication_error"));
    assert_eq!(tell(|call| call.body = "{} ".into()), (401, "authentication_error"));
    for body in ["", "[]", "{", "null", r#"{"session_id":7}"#] {
        assert_eq!(counter.call("session/create", body).code, "invalid_request", "{body}");
    }
    assert_eq!(counter.call("session/refund", "{}").http, 404);
    assert_eq!(counter.call("session/status", r#"{"session_id":"ps_99"}"#).http, 400);
}

#[test]
fn a_start_is_refused_when_it_cannot_be_paid() {
    let counter = Counter::open(BankKind::default());
    let (collateral, settlement) = (counter.session(false), counter.session(true));
    let start = |method: &str, session: &str, example: &str, path: &str, value: Value| {
        let mut body = parse(example);
        body["session_id"] = session.into();
        if !path.is_empty() {
            *body.pointer_mut(path).expect("a field of the example") = value;
        }
        counter.call(method, &body.to_string()).code
    };
    let (card, rko) = ("session/start/payout", "session/start/payout/rko");
    let amount = "/amount_details/amount";
    assert_eq!(start(card, &collateral, CARD_START, amount, json!("1")), "invalid_request");
    assert_eq!(start(card, &collateral, CARD_START, amount, json!(0)), "invalid_request");
    assert_eq!(start(card, &collateral, CARD_START, amount, Value::Null), "invalid_request");
    assert_eq!(start(card, &settlement, CARD_START, "", Value::Null), "invalid_request");
    assert_eq!(start(rko, &collateral, RKO_START, "", Value::Null), "invalid_request");
    assert_eq!(start(rko, &settlement, CARD_START, "", Value::Null), "invalid_request");
    let sender = "/participant_details/sender";
    assert_eq!(start(rko, &settlement, RKO_START, sender, json!({})), "invalid_request");
    assert_eq!(start(card, &collateral, CARD_START, amount, json!(10_001)), "account_not_found");
    assert_eq!(counter.status(&collateral)["session"]["status"], "created", "nothing was started");
    assert_eq!(start(card, &collateral, CARD_START, "", Value::Null), "ok");
    assert_eq!(start(rko, &settlement, RKO_START, "", Value::Null), "ok");
}

#[test]
fn tokens_and_balance_are_told() {
    let mut counter = Counter::open(BankKind::default());
    let token = counter.call("token", r#"{"tokenize_widget":{"access":true}}"#);
    assert!(json_of(&token)["public_token"].is_string());
    assert_eq!(counter.call("token", "{}").code, "invalid_request");
    let card = parse(CARD_START)["payment_method"].to_string();
    let info = json_of(&counter.call("token/info", &card));
    assert_eq!(info["info"]["last4"], "4940");
    let account = parse(RKO_START)["payment_method"].to_string();
    assert_eq!(json_of(&counter.call("token/info", &account))["info"]["first5"], "40702");

    let balance = |counter: &Counter| {
        json_of(&counter.call("wallet/balance", ""))["wallets"][0]["amount_details"]["amount"]
            .as_i64()
            .expect("an amount")
    };
    let before = balance(&counter);
    let id = counter.started(false, 10_000);
    counter.pass(PROCESSING);
    counter.confirm(&id);
    counter.pass(PROCESSING);
    assert_eq!(balance(&counter), before - 10_000);
}
