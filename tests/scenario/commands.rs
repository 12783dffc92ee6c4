//! Commands: copies, conflicts, bad ones, late ones. Cases 12 to 17 of the fault matrix.

use std::time::Duration;

use payoutd::roles::Parts;
use serde_json::json;

use crate::world::{World, card};

#[tokio::test(flavor = "multi_thread")]
async fn case_12_a_hundred_concurrent_copies_are_paid_once() {
    let mut world = World::new().await;
    let machines = [world.machine(), world.machine()];
    for _ in 0..100 {
        world.publish(&card("inv-1", 10_000)).await;
    }
    world.settled("inv-1").await;
    for machine in machines {
        machine.stop().await;
    }
    world.assert_paid_once("inv-1").await;
    assert_eq!(world.bank.calls("session/start/payout").await.len(), 1);
    assert_eq!(world.bank.calls("session/confirm").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn case_13_a_copy_after_the_end_repeats_the_result_and_calls_nobody() {
    let mut world = World::new().await;
    let machine = world.machine();
    world.publish(&card("inv-1", 10_000)).await;
    let first = world.settled("inv-1").await;
    let calls = world.bank.calls("session/create").await.len();
    world.seen.clear();
    // The same content, spelled otherwise.
    let copy = serde_json::to_vec_pretty(&card("inv-1", 10_000)).expect("JSON");
    world.publish_bytes(copy).await;
    assert_eq!(world.settled("inv-1").await, first);
    machine.stop().await;
    assert_eq!(world.bank.calls("session/create").await.len(), calls);
    world.assert_paid_once("inv-1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn case_14_other_content_under_the_same_id_is_a_conflict_and_changes_nothing() {
    let mut world = World::new().await;
    let machine = world.machine();
    world.publish(&card("inv-1", 10_000)).await;
    world.publish(&card("inv-1", 20_000)).await;
    let conflict = world.kind("inv-1", "payout.conflict").await;
    assert!(conflict["data"]["reason"].as_str().expect("text").contains("used before"));
    assert_eq!(world.settled("inv-1").await["type"], "payout.succeeded");
    machine.stop().await;
    let paid = world.bank.paid("inv-1").await;
    assert_eq!(paid.len(), 1);
    let accepted = world.payout("inv-1").await.command.create().expect("a command").money.amount;
    assert_eq!(paid[0]["amount"], accepted, "whichever came first");
}

#[tokio::test(flavor = "multi_thread")]
async fn case_15_bad_commands_go_to_the_dead_letters_and_others_flow_on() {
    let mut world = World::new().await;
    let machine = world.machine();
    let mut unknown = card("inv-2", 10_000);
    unknown["type"] = json!("payout.maybe");
    let mut missing = card("inv-3", 10_000);
    missing.as_object_mut().expect("an object").remove("amount_details");
    let mut large = card("inv-4", 10_000);
    large["metadata"] = json!("x".repeat(70_000));
    let mut open = card("inv-5", 10_000);
    open["payment_method"]["card"] = json!({"type": "bank_card", "bank_card": {"number": "2200"}});
    world.publish_bytes(b"{not json".to_vec()).await;
    for bad in [unknown, missing, large, open] {
        world.publish(&bad).await;
    }
    world.publish(&card("inv-1", 10_000)).await;
    assert_eq!(world.settled("inv-1").await["type"], "payout.succeeded");
    for reason in ["not valid JSON", "/type", "/amount_details", "bytes", "PCI DSS"] {
        let told = |e: &serde_json::Value| {
            e["type"] == "payout.invalid" && e["data"]["violations"].to_string().contains(reason)
        };
        world.event(told).await;
    }
    machine.stop().await;
    let letters = world.dead_letters().await;
    assert_eq!(letters.len(), 5);
    for reason in ["not valid JSON", "/type", "/amount_details", "bytes", "PCI DSS"] {
        assert!(letters.iter().any(|(_, why)| why.contains(reason)), "{reason}: {letters:?}");
    }
    for bad in ["inv-2", "inv-3", "inv-4", "inv-5"] {
        world.assert_not_paid(bad).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn case_17_a_command_past_its_time_is_not_started() {
    let mut world = World::new().await;
    let machine = world.machine();
    let mut late = card("inv-1", 10_000);
    late["confirm_before"] = json!("2025-01-01T00:00:00Z");
    world.publish(&late).await;
    let rejected = world.settled("inv-1").await;
    assert_eq!(rejected["type"], "payout.rejected");
    assert!(rejected["data"]["reason"].as_str().expect("text").contains("confirm_before"));
    machine.stop().await;
    assert!(world.bank.sessions().await.is_empty());
}

/// Its payout could have been paid and forgotten since.
#[tokio::test(flavor = "multi_thread")]
async fn a_command_issued_longer_ago_than_payouts_are_remembered_is_refused() {
    let mut world = World::new().await;
    let machine = world.machine();
    let mut ancient = card("inv-1", 10_000);
    ancient["issued_at"] = json!("2020-01-01T00:00:00Z");
    world.publish(&ancient).await;
    let told = |e: &serde_json::Value| {
        e["type"] == "payout.invalid" && e["data"]["violations"].to_string().contains("/issued_at")
    };
    world.event(told).await;
    machine.stop().await;
    world.assert_not_paid("inv-1").await;
    let letters = world.dead_letters().await;
    assert_eq!(letters.len(), 1);
    assert!(letters[0].1.contains("/issued_at"), "{letters:?}");
}

/// It was taken in time, and comes again long after: its payout is still known.
#[tokio::test(flavor = "multi_thread")]
async fn an_old_command_whose_payout_is_recorded_is_a_copy() {
    let mut world = World::new().await;
    let mut old = card("inv-1", 10_000);
    old["issued_at"] = json!("2020-01-01T00:00:00Z");
    let machine = world.machine_with(|parts| Parts { retention: Duration::MAX, ..parts });
    world.publish(&old).await;
    let first = world.settled("inv-1").await;
    machine.stop().await;
    world.seen.clear();
    let machine = world.machine();
    world.publish(&old).await;
    assert_eq!(world.settled("inv-1").await, first);
    machine.stop().await;
    assert_eq!(world.dead_letters().await, []);
    world.assert_paid_once("inv-1").await;
}
