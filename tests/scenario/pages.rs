//! The payouts of the bank's two pages, from command to result.

use std::time::Duration;

use payoutd::domain::event::{Entry, Event};
use payoutd::roles::Role;
use serde_json::{Value, json};

use crate::world::{World, account, card};

fn by_token(id: &str) -> Value {
    let mut command = card(id, 10_000);
    command["payment_method"]["card"] = json!({"type": "tokenized_card",
        "tokenized_card": {"token": "a1b2c3d4e5f60718293a4b5c6d7e8f90"}});
    command
}

fn to_individual(id: &str) -> Value {
    let mut command = account(id, 300_000);
    command["payment_method"]["bank_account"]["ru"]["full_name"] = json!("Ivanov Ivan Ivanovich");
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn every_payout_of_the_pages_succeeds_with_its_events_in_order() {
    let mut world = World::new().await;
    // Patient: nothing is tried twice only because this machine is busy.
    world.policy.call_timeout = Duration::from_secs(20);
    let machine = world.machine();
    let commands = [
        card("hash", 10_000),
        by_token("token"),
        to_individual("person"),
        account("firm", 300_000),
    ];
    for command in &commands {
        world.publish(command).await;
    }
    for command in &commands {
        let id = command["payout_id"].as_str().expect("an id");
        let settled = world.settled(id).await;
        assert_eq!(settled["type"], "payout.succeeded");
        assert_eq!(settled["id"], format!("{id}/payout.succeeded/1"));
        assert_eq!(settled["specversion"], "1.0");
        assert_eq!(settled["source"], "/payoutd/scenario");
        assert_eq!(settled["data"]["state"], "succeeded");
        assert_eq!(settled["data"]["amount_details"], command["amount_details"]);
        assert_eq!(settled["data"]["metadata"], command["metadata"], "{settled}");
        assert!(settled["data"]["session_id"].is_string() && settled["time"].is_string());
    }
    machine.stop().await;
    for command in &commands {
        let id = command["payout_id"].as_str().expect("an id");
        world.assert_paid_once(id).await;
        let own: Vec<_> = world.seen.iter().filter(|event| event["subject"] == id).collect();
        let sequence: Vec<u64> = own
            .iter()
            .map(|e| e["sequence"].as_str().expect("text").parse().expect("a number"))
            .collect();
        assert!(sequence.is_sorted(), "{id}: {sequence:?}");
        assert_eq!(own[0]["type"], "payout.accepted");
        let payout = world.payout(id).await;
        let repeated = |entry: &Entry| matches!(entry.event, Event::Intended { .. });
        assert!(!payout.history.iter().any(repeated), "each call went out at once, as its first");
        assert_eq!(payout.published, payout.history.len(), "known to be published");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_metadata_travels_beside_the_payout_id() {
    let mut world = World::new().await;
    let machine = world.machine();
    world.publish(&card("inv-1", 10_000)).await;
    world.settled("inv-1").await;
    machine.stop().await;
    let body = |calls: Vec<Value>| -> Value {
        serde_json::from_str(calls[0]["body"].as_str().expect("text")).expect("JSON")
    };
    let create = body(world.bank.calls("session/create").await);
    assert_eq!(create, json!({"metadata": {"payout_id": "inv-1"}}));
    let start = body(world.bank.calls("session/start/payout").await);
    let expected = json!({"payout_id": "inv-1", "metadata": {"order": 5015553111_i64}});
    assert_eq!(start["metadata"], expected);
    assert_eq!(start["payment_method"], card("inv-1", 10_000)["payment_method"]);
}

/// The simulator refuses a confirmation whose `confirm_information` differs by a byte.
#[tokio::test(flavor = "multi_thread")]
async fn confirm_information_is_echoed_also_when_only_status_shows_it() {
    let mut world = World::new().await;
    let machine = world.machine();
    // 13: the webhook has none; status has it.
    world.publish(&account("asked", 300_013)).await;
    assert_eq!(world.settled("asked").await["type"], "payout.succeeded");
    machine.stop().await;
    world.assert_paid_once("asked").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn case_43_confirm_information_that_changes_after_its_check_is_cancelled_with_the_reason() {
    let mut world = World::new().await;
    // Without tickets: a look may come after the change and before the webhook, and find nothing
    // wrong.
    let roles = &[Role::Executor, Role::Ingress, Role::Decider];
    let machine = world.machine_of(roles, |parts| parts);
    // 14: the bank changes it after the webhook, and refuses the one it sent before.
    world.publish(&account("changed", 300_014)).await;
    let settled = world.settled("changed").await;
    assert_eq!(settled["type"], "payout.cancelled");
    let reason = settled["data"]["reason"].as_str().expect("text");
    assert!(reason.contains("changed confirm_information"), "{reason}");
    machine.stop().await;
    world.assert_not_paid("changed").await;
}
