//! The other payment methods of the bank's pages, from command to result, under both namings.

use std::collections::BTreeMap;
use std::time::Duration;

use payoutd::simulator::{BankKind, Naming};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::bank::Behaviour;
use crate::world::{World, account, card};

const RKO: &str = "session/start/payout/rko";
const COLLATERAL: &str = "session/start/payout";
const FISCALIZATION: &str = "session/start/payout/fiscalization";

fn number(details: Value) -> Value {
    json!({"type": "bank_account", "bank_account": {"system_type": "ru", "ru": details}})
}

fn individual() -> Value {
    number(json!({"bik": "044525974", "account": "40817810400003869535",
        "full_name": "Ivanov Ivan Ivanovich",
        "description": "Wire for agreement № 5015553111 Ivanov Ivan Ivanovich VAT exempt"}))
}

fn legal_entity() -> Value {
    number(json!({"bik": "044525974", "account": "40702810500000000001",
        "full_name": "Vector LLC", "inn": "3316004790", "kpp": "156605101",
        "description": "Transfer of funds under the agreement for December 2025. VAT exempt"}))
}

fn phone() -> Value {
    json!({"type": "bank_account", "bank_account": {"system_type": "faster_payment_system",
        "faster_payment_system": {"phone": "70000000000", "bank_id": "100000000111",
            "description": "Service fee under Agreement No. 123. VAT exempt"}}})
}

fn wallet() -> Value {
    json!({"type": "wallet", "wallet": {"type": "yoomoney",
        "yoomoney": {"account": "410012411727100"}}})
}

/// One that neither payoutd nor the simulator knows.
fn newer() -> Value {
    json!({"type": "wallet", "wallet": {"type": "later",
        "later": {"handle": "@vector", "odd": 1.50}}})
}

fn from_collateral(id: &str, method: Value) -> Value {
    let mut command = card(id, 10_000);
    command["payment_method"] = method;
    command
}

fn from_settlement(id: &str, method: Value) -> Value {
    let mut command = account(id, 350_000);
    command["payment_method"] = method;
    command
}

fn with_receipt(mut command: Value) -> Value {
    command["fiscalization_details"] = json!({"professional_income_taxpayer": {
        "tax_reference": "123456789012", "payer_type": "legal", "payer_tax_number": "3316004777",
        "payer_name": "OOO Vector", "services": [{"name": "Goods delivery",
            "amount_details": {"amount": 5000, "currency": "rub"}, "quantity": 2}]}});
    command
}

/// Each with the call that starts it and the method that the bank's ledger names.
fn payouts() -> Vec<(Value, &'static str, &'static str)> {
    let token = account("token", 10_000)["payment_method"].clone();
    vec![
        (from_collateral("number", individual()), COLLATERAL, "bank_account"),
        (from_collateral("number-firm", legal_entity()), COLLATERAL, "bank_account"),
        (from_collateral("token", token.clone()), COLLATERAL, "bank_account"),
        (from_settlement("rko-number", individual()), RKO, "bank_account"),
        (from_settlement("rko-number-firm", legal_entity()), RKO, "bank_account"),
        (from_settlement("rko-token", token), RKO, "bank_account"),
        (from_collateral("phone", phone()), COLLATERAL, "bank_account"),
        (from_settlement("rko-phone", phone()), RKO, "bank_account"),
        (from_collateral("wallet", wallet()), COLLATERAL, "wallet"),
        (from_collateral("newer", newer()), COLLATERAL, "wallet"),
        (card("card", 10_000), COLLATERAL, "card"),
        (with_receipt(card("receipt-card", 10_000)), FISCALIZATION, "card"),
        (
            with_receipt(from_collateral("receipt-number", individual())),
            FISCALIZATION,
            "bank_account",
        ),
    ]
}

type Fields = BTreeMap<String, Box<RawValue>>;

fn fields(text: &str) -> Fields {
    serde_json::from_str(text).expect("an object")
}

/// Written with spaces, line breaks and an escape that no program of ours would choose.
fn oddly_written(command: &Value) -> String {
    let text = serde_json::to_string_pretty(command).expect("JSON");
    text.replace("\": ", "\" :\t").replace("VAT", "\\u0056AT")
}

async fn patient_world(naming: Naming) -> World {
    let kind = BankKind { naming, ..BankKind::default() };
    let mut world = World::with(Behaviour { kind, ..Behaviour::default() }).await;
    // Nothing is tried twice only because this machine is busy.
    world.policy.call_timeout = Duration::from_secs(20);
    world
}

/// The one start of this payout: what the bank got.
async fn started(world: &World, id: &str, call: &str) -> Fields {
    let mut starts = Vec::new();
    for method in [COLLATERAL, RKO, FISCALIZATION] {
        for logged in world.bank.calls(method).await {
            let body = fields(logged["body"].as_str().expect("text"));
            let metadata: Value = serde_json::from_str(body["metadata"].get()).expect("JSON");
            if metadata["payout_id"] == id {
                starts.push((method, body));
            }
        }
    }
    assert_eq!(starts.len(), 1, "{id} was started once");
    let (method, body) = starts.remove(0);
    assert_eq!(method, call, "{id}");
    body
}

async fn each_is_paid_once_as_it_was_asked_for(naming: Naming) {
    let mut world = patient_world(naming).await;
    let machine = world.machine();
    let payouts = payouts();
    let written: Vec<_> = payouts.iter().map(|(command, ..)| oddly_written(command)).collect();
    for command in &written {
        world.publish_bytes(command.clone().into_bytes()).await;
    }
    for (command, ..) in &payouts {
        let settled = world.settled(command["payout_id"].as_str().expect("an id")).await;
        assert_eq!(settled["type"], "payout.succeeded", "{settled}");
    }
    machine.stop().await;
    for ((command, call, method), written) in payouts.iter().zip(&written) {
        let id = command["payout_id"].as_str().expect("an id");
        world.assert_paid_once(id).await;
        assert_eq!(world.bank.paid(id).await[0]["method"], *method, "{id}");
        let (asked, sent) = (fields(written), started(&world, id, call).await);
        for name in
            ["payment_method", "amount_details", "participant_details", "fiscalization_details"]
        {
            let text = |fields: &Fields| fields.get(name).map(|raw| raw.get().to_owned());
            assert_eq!(text(&sent), text(&asked), "{id}: {name}, byte for byte");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_method_of_the_banks_pages_is_paid_once_as_it_was_asked_for() {
    each_is_paid_once_as_it_was_asked_for(Naming::V1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_method_is_paid_once_also_where_the_bank_uses_the_names_of_v2() {
    each_is_paid_once_as_it_was_asked_for(Naming::V2).await;
}

/// The last two digits, 10, have the simulator show another account, phone or wallet.
#[tokio::test(flavor = "multi_thread")]
async fn another_recipient_than_asked_for_is_cancelled_under_both_namings() {
    for naming in [Naming::V1, Naming::V2] {
        let mut world = patient_world(naming).await;
        let machine = world.machine();
        let cases = [
            (from_collateral("number", individual()), "account number"),
            (
                from_settlement("rko-number", individual()),
                "account number, confirm_information's recipient account",
            ),
            (from_collateral("phone", phone()), "phone"),
            (from_collateral("wallet", wallet()), "wallet account"),
            (with_receipt(from_collateral("receipt", individual())), "account number"),
        ];
        for (command, _) in &cases {
            let mut command = command.clone();
            command["amount_details"]["amount"] = json!(10_010);
            world.publish(&command).await;
        }
        for (command, differs) in &cases {
            let id = command["payout_id"].as_str().expect("an id");
            let settled = world.settled(id).await;
            assert_eq!(settled["type"], "payout.cancelled", "{settled}");
            let reason = format!("differs from the command: {differs}");
            assert_eq!(settled["data"]["reason"], reason, "{id} under {naming:?}");
            world.assert_not_paid(id).await;
        }
        machine.stop().await;
    }
}

/// What the bank would refuse does not reach it: everything wrong is told at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_method_that_the_bank_would_refuse_is_told_as_invalid_with_all_its_violations() {
    let mut world = World::new().await;
    let machine = world.machine();
    let mut command = from_settlement("bad", individual());
    command["payment_method"]["bank_account"]["ru"]["bik"] = json!("1");
    command["payment_method"]["bank_account"]["ru"]["account"] = json!("40820810400003869535");
    command["participant_details"] = Value::Null;
    world.publish(&command).await;
    let told = world.event(|event| event["type"] == "payout.invalid").await;
    machine.stop().await;
    let violations = told["data"]["violations"].as_array().expect("a list");
    let pointers: Vec<_> =
        violations.iter().map(|v| v["pointer"].as_str().expect("text")).collect();
    let ru = "/payment_method/bank_account/ru";
    let bad = [format!("{ru}/bik"), format!("{ru}/account")];
    assert_eq!(pointers, [&*bad[0], &*bad[1], "/participant_details/sender/account"]);
    assert!(!told.to_string().contains("40820810400003869535"), "the number is not repeated");
    assert!(world.bank.sessions().await.is_empty());
}
